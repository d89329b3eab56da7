/** What the worker does: seals a ballot, and opens the one that it has sealed. Pure but for the randomness. */
import type { BallotContent, Selection } from '../../../ballot/ballot';
import { open, OpeningError, seal, type Challenge, type PreparedBallot, type Sealing } from '../../../sealing';

export interface SealTask {
  do: 'seal';
  election: Sealing;
  voter: string;
  sequence: number;
  selections: Selection[];
}

export type Task = SealTask | { do: 'open' };

/** A ballot that is opened, and what it held; null if what should open it does not. */
export interface Opened {
  challenge: Challenge;
  held: Selection[] | null;
}

export type Answer = { sealed: BallotContent } | { opened: Opened } | { failed: string };

/** Holds the ballot sealed last, and nothing of it after it was opened. */
export function newTasks(): (task: Task) => Answer {
  let last: { prepared: PreparedBallot; election: Sealing } | null = null;
  return (task) => {
    try {
      if (task.do === 'seal') {
        const { election, voter, sequence, selections } = task;
        const prepared = seal(election, voter, sequence, selections);
        last = { prepared, election };
        return { sealed: prepared.ballot };
      }
      const challenge = last?.prepared.challenge();
      if (!last || !challenge) return { failed: 'there is no ballot to open' };
      const { election } = last;
      last = null;
      return { opened: { challenge, held: heldBy(election, challenge) } };
    } catch (error) {
      return { failed: error instanceof Error ? error.message : String(error) };
    }
  };
}

/** Computed anew from ballot and opening, as anyone would. */
function heldBy(election: Sealing, { ballot, opening }: Challenge): Selection[] | null {
  try {
    return open(election, ballot, opening);
  } catch (error) {
    if (error instanceof OpeningError) return null;
    throw error;
  }
}
