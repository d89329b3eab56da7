/** A verification under way, seen from the page. */
import { bytesAt } from '../../api/client';
import type { Election } from '../../api/types';
import { answerOf } from '../../audit/asking';
import type { Progress, Verified } from '../../audit/everything';
import { Fault } from '../../audit/fault';
import type { OpenedBallot } from '../../audit/opened';
import { getTrusted, isKnownNetwork } from '../../services/network';
import type { Task } from './verifier';

/** That this browser has not met another network before. */
export function requireKnown(genesis: string): void {
  if (!isKnownNetwork(genesis)) throw new Fault('board', 'other_network');
}

/** Throws a `Fault` at what does not hold, or a `Problem` if it could not be verified. */
export class Verification {
  private worker: Worker | null = null;

  /** What the page shows of an election is what must be found on the ledger. */
  async everything(election: Election, onProgress: (progress: Progress) => void): Promise<Verified> {
    const { id, chain, phase } = election;
    return this.run({ do: 'verify', asked: { id, chain, phase, definition: election, trusted: await getTrusted() } }, onProgress);
  }

  /** What a ballot held that was opened. */
  async opened(id: string, code: string, onProgress: (progress: Progress) => void): Promise<OpenedBallot> {
    return this.run({ do: 'opened', asked: { id, code, trusted: await getTrusted() } }, onProgress);
  }

  cancel(): void {
    this.worker?.terminate();
    this.worker = null;
  }

  private async run<Answer extends { genesis: string }>(task: Task, onProgress: (progress: Progress) => void): Promise<Answer> {
    this.cancel();
    this.worker = new Worker(new URL('./verifier.ts', import.meta.url), { type: 'module' });
    try {
      const answer = await answerOf<Answer>(this.worker, task, bytesAt, onProgress);
      requireKnown(answer.genesis);
      return answer;
    } finally {
      this.cancel();
    }
  }
}
