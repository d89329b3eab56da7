/**
 * Sealed ballots whose fate is not known yet. Only the bytes are kept: everything else follows from them, and sending the very
 * same bytes again is always safe.
 */
import { openBallot, type SealedBallot } from './ballot';
import { Malformed } from './codec';
import { read, remove, write } from './store';

interface Kept {
  bytes: Uint8Array;
  madeAt: string;
}

export const pending = {
  save(accountId: string, { electionId, bytes, madeAt }: SealedBallot): Promise<void> {
    const kept: Kept = { bytes, madeAt };
    return write('pending', [accountId, electionId], kept);
  },

  /** Null if there is none, or what is there is no ballot of this election. */
  async load(accountId: string, electionId: string): Promise<SealedBallot | null> {
    const kept = (await read('pending', [accountId, electionId])) as Kept | undefined;
    if (!kept) return null;
    try {
      const ballot = await openBallot(kept.bytes, kept.madeAt);
      return ballot.electionId === electionId ? ballot : null;
    } catch (error) {
      if (error instanceof Malformed) return null;
      throw error;
    }
  },

  clear(accountId: string, electionId: string): Promise<void> {
    return remove('pending', [accountId, electionId]);
  },
};
