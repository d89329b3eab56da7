/** A verification under way, seen from the page. */
import { bytesAt } from '../../api/client';
import type { Election } from '../../api/types';
import { answerOf } from '../../audit/asking';
import type { Asked, Progress, Verified } from '../../audit/everything';
import { Fault } from '../../audit/fault';
import { getTrusted, isKnownNetwork } from '../../services/network';

/** What the page shows of an election is what must be found on the ledger. */
export const askedFor = async (election: Election): Promise<Asked> => {
  const { id, chain, phase } = election;
  return { id, chain, phase, definition: election, trusted: await getTrusted() };
};

/** That this browser has not met another network before. */
export function requireKnown(genesis: string): void {
  if (!isKnownNetwork(genesis)) throw new Fault('board', 'other_network');
}

export class Verification {
  private worker: Worker | null = null;

  /** Throws a `Fault` at what does not hold, or a `Problem` if it could not be verified. */
  async run(election: Election, onProgress: (progress: Progress) => void): Promise<Verified> {
    const asked = await askedFor(election);
    this.cancel();
    this.worker = new Worker(new URL('./verifier.ts', import.meta.url), { type: 'module' });
    try {
      const verified = await answerOf<Verified>(this.worker, { do: 'verify', asked }, bytesAt, onProgress);
      requireKnown(verified.genesis);
      return verified;
    } finally {
      this.cancel();
    }
  }

  cancel(): void {
    this.worker?.terminate();
    this.worker = null;
  }
}
