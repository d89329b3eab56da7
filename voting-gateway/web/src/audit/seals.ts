/** The proofs of sealed ballots, their sums, and what the trustees have made of them. */
import { codeOfHash } from '../ballot/code';
import type { Definition } from '../ballot/definition';
import { BallotRefusal, verifyBatch } from '../sealing';
import { combine, type Decryption, DecryptionError, judgeParts, PartialRefusal } from '../sealing/decrypt';
import { Aggregate } from '../sealing/tally';
import type { ElectionReplay, Seal } from './election';
import { Fault } from './fault';
import type { Sums } from './selection';

/** Ballots whose proofs are verified together: more are hardly faster, and progress is told in between. */
const BATCH = 16;

/** Verifies every ballot, also of those replaced, and adds up the ones that count. */
export async function addUpSealed(replay: ElectionReplay, { sealing }: Seal, onDone: (done: number, of: number) => Promise<void>): Promise<Aggregate> {
  const aggregate = new Aggregate(sealing.electionHash, sealing.contests);
  const weights = new Map(replay.voted.map(({ counted, weight }) => [counted?.hash, weight]));
  const all = [...replay.ballots];
  for (let at = 0; at < all.length; at += BATCH) {
    const batch = all.slice(at, at + BATCH);
    const verdicts = verifyBatch(sealing, batch.map(([, ballot]) => ballot));
    for (const [place, [hash]] of batch.entries()) {
      const verdict = verdicts[place];
      if (verdict instanceof BallotRefusal) throw new Fault('seals', verdict.code, { ballot: codeOfHash(hash) });
      const weight = weights.get(hash);
      if (verdict && weight !== undefined) aggregate.add(verdict, weight);
    }
    await onDone(Math.min(at + BATCH, all.length), all.length);
  }
  return aggregate;
}

/** Verifies the parts of the trustees; what they make together, once there are enough. */
export function decryptionOf(replay: ElectionReplay, { trustees, sealing }: Seal, { threshold, min_ballots: least }: NonNullable<Definition['sealing']>, aggregate: Aggregate): Decryption | null {
  try {
    const { good, refused } = judgeParts(trustees, aggregate, replay.parts);
    for (const refusal of refused) throw refusal;
    return good.length < threshold ? null : combine(threshold, sealing.contests, aggregate, good, least);
  } catch (error) {
    if (error instanceof PartialRefusal) throw new Fault('decryption', error.code, { trustee: error.trustee });
    if (error instanceof DecryptionError) throw new Fault('decryption', error.code, { detail: error.message });
    throw error;
  }
}

/** The sums in clear, as a count of open ballots would state them. */
export function sumsOf({ contests }: Definition, { ballots, weight }: Aggregate, { totals }: Decryption): Sums[] {
  return contests.map(({ options }, at) => {
    const all = totals[at] ?? [];
    return { options: all.slice(0, options.length), ballots, weight, blank: all[options.length] ?? 0n };
  });
}
