/** Decrypting the sums of a closed election, and nothing else (docs/SPEC.md, 20.4). */
import { type Codec, decode, encode, fixed, struct, u16, vec } from '../ballot/codec';
import { littleEndian, ORDER, point, scalar } from '../ballot/sealed';
import type { ShareOfKey, TrusteeKey } from './ceremony';
import { maxValue, ciphertexts, type SealedContest } from './contest';
import { DiscreteLog } from './dlog';
import { decodePoint, type Element, encodePoint, isIdentity, modulo, Point, times, timesPublic, toBigInt, toScalar } from './group';
import { browserRandom } from './random';
import type { Aggregate } from './tally';
import { challenge, number16 } from './transcript';

/** M_l = z_l A for one sum, and the proof that log_G Z_l = log_A M_l. */
export interface DecryptionShare {
  share: string;
  a: string;
  b: string;
  response: string;
}

/** One trustee's part in the decryption. */
export interface PartialDecryption {
  /** What is decrypted. */
  aggregate: string;
  /** l, from 1. */
  trustee: number;
  /** By contest and option. */
  contests: DecryptionShare[][];
}

const share = struct<DecryptionShare>({ share: point, a: point, b: point, response: scalar });
export const partialDecryption: Codec<PartialDecryption> = struct<PartialDecryption>({ aggregate: fixed(64), trustee: u16, contests: vec(vec(share)) });

const MAX_PART_BYTES = 60 * 1024;
export const decodePart = (bytes: Uint8Array): PartialDecryption => decode(partialDecryption, bytes, MAX_PART_BYTES);
export const encodePart = (part: PartialDecryption): Uint8Array<ArrayBuffer> => encode(partialDecryption, part);

export type PartialCode = 'sealed_decryption_trustee' | 'sealed_decryption_twice' | 'sealed_decryption_sums' | 'sealed_decryption_proof';

/** Why a trustee's part is refused. */
export class PartialRefusal extends Error {
  override readonly name = 'PartialRefusal';

  constructor(
    readonly code: PartialCode,
    readonly trustee: number,
    readonly contest?: number,
    readonly option?: number,
  ) {
    super(`${code} (trustee ${trustee})`);
  }
}

/** Why there is no result. */
export class DecryptionError extends Error {
  override readonly name = 'DecryptionError';

  constructor(
    readonly code: 'too_few_ballots' | 'too_few_parts' | 'decryption_failed',
    detail: string,
  ) {
    super(detail);
  }
}

function checkGroupSize({ ballots }: Aggregate, least: number): void {
  if (ballots < BigInt(least)) throw new DecryptionError('too_few_ballots', `${ballots} ballots are in the sums, at least ${least} must be`);
}

function challengeOf(aggregate: Aggregate, [contest, option]: readonly [number, number], trustee: TrusteeKey, said: Omit<DecryptionShare, 'response'>, sum: readonly [string, string]): bigint {
  const place = [number16(contest), number16(option), number16(trustee.index)];
  return challenge('voting/sealed-decryption-proof/v1', aggregate.electionHash, ...place, trustee.public, ...sum, said.share, said.a, said.b);
}

/** A trustee's part in the decryption of sums that were computed here. Draws u for each sum. */
export function decrypt(key: ShareOfKey, aggregate: Aggregate, least: number, random = browserRandom): PartialDecryption {
  checkGroupSize(aggregate, least);
  const contests = aggregate.sums.map((sums, contest) =>
    sums.map(([a, b], option): DecryptionShare => {
      const u = littleEndian(random(64)) % ORDER;
      const said = { share: encodePoint(times(a, key.secret)), a: encodePoint(times(Point.BASE, u)), b: encodePoint(times(a, u)) };
      const c = challengeOf(aggregate, [contest, option], key, said, [encodePoint(a), encodePoint(b)]);
      return { ...said, response: toScalar(u - c * key.secret) };
    }),
  );
  return { aggregate: aggregate.hash(), trustee: key.index, contests };
}

/** M_l by contest and option. Throws a {@link PartialRefusal} with the first thing wrong. */
export function verifyPartial(aggregate: Aggregate, part: PartialDecryption, trustee: TrusteeKey): Element[][] {
  const sameForm = part.contests.length === aggregate.sums.length && part.contests.every((shares, at) => shares.length === aggregate.sums[at]?.length);
  if (part.aggregate !== aggregate.hash() || !sameForm) throw new PartialRefusal('sealed_decryption_sums', part.trustee);
  const known = part.trustee === trustee.index && !isIdentity(trustee.public) ? decodePoint(trustee.public) : null;
  return aggregate.sums.map((sums, contest) =>
    sums.map(([a, b], option) => {
      const wrong = new PartialRefusal('sealed_decryption_proof', part.trustee, contest, option);
      const said = part.contests[contest]?.[option];
      if (!said || !known) throw wrong;
      const [m, onG, onA] = [said.share, said.a, said.b].map(decodePoint);
      if (!m || !onG || !onA) throw wrong;
      const c = challengeOf(aggregate, [contest, option], trustee, said, [encodePoint(a), encodePoint(b)]);
      const v = toBigInt(said.response);
      const holds =
        timesPublic(Point.BASE, v).add(timesPublic(known, c)).equals(onG) && timesPublic(a, v).add(timesPublic(m, c)).equals(onA);
      if (!holds) throw wrong;
      return m;
    }),
  );
}

/** M_l of a trustee, by contest and option. */
export interface GivenShares {
  trustee: number;
  shares: Element[][];
}

/** The parts that hold, one of each trustee; and why the others do not. */
export interface JudgedParts {
  good: GivenShares[];
  refused: PartialRefusal[];
}

/** Verifies parts. Those that do not hold are left aside and named. */
export function judgeParts(trustees: readonly TrusteeKey[], aggregate: Aggregate, parts: readonly PartialDecryption[]): JudgedParts {
  const good: GivenShares[] = [];
  const refused: PartialRefusal[] = [];
  for (const part of parts) {
    try {
      const known = trustees.find(({ index }) => index === part.trustee);
      if (!known) throw new PartialRefusal('sealed_decryption_trustee', part.trustee);
      if (good.some(({ trustee }) => trustee === part.trustee)) throw new PartialRefusal('sealed_decryption_twice', part.trustee);
      good.push({ trustee: part.trustee, shares: verifyPartial(aggregate, part, known) });
    } catch (error) {
      if (!(error instanceof PartialRefusal)) throw error;
      refused.push(error);
    }
  }
  return { good, refused };
}

export interface Decryption {
  /** T by contest and option; blank comes last where it is allowed. */
  totals: bigint[][];
  /** The trustees whose parts were combined. */
  trustees: number[];
}

/** Combines the parts of t trustees that {@link judgeParts} has found to hold. */
export function combine(threshold: number, contests: readonly SealedContest[], aggregate: Aggregate, good: readonly GivenShares[], least: number): Decryption {
  checkGroupSize(aggregate, least);
  if (good.length < threshold) throw new DecryptionError('too_few_parts', `${good.length} trustees gave parts that hold, ${threshold} are needed`);
  const used = [...good].sort((one, other) => one.trustee - other.trustee).slice(0, threshold);
  const indices = used.map(({ trustee }) => trustee);
  const coefficients = indices.map((index) => lagrange(index, indices));
  const highest = Math.max(...contests.flatMap((rules) => Array.from({ length: ciphertexts(rules) }, (_, place) => maxValue(rules, place))));
  const table = new DiscreteLog(aggregate.weight * BigInt(highest));
  const totals = aggregate.sums.map((sums, contest) =>
    sums.map(([, b], option) => {
      const mask = used.reduce((sum, { shares }, at) => sum.add(timesPublic(shares[contest]?.[option] ?? Point.ZERO, coefficients[at] ?? 0n)), Point.ZERO);
      const total = table.find(b.subtract(mask));
      if (total === null) throw new DecryptionError('decryption_failed', `the sum of question ${contest + 1}, option ${option + 1} is not found`);
      return total;
    }),
  );
  return { totals, trustees: indices };
}

/** λ_l at 0 among distinct indices from 1. */
function lagrange(of: number, among: readonly number[]): bigint {
  const others = among.filter((other) => other !== of).map(BigInt);
  const above = others.reduce((product, other) => modulo(product * other), 1n);
  const below = others.reduce((product, other) => modulo(product * (other - BigInt(of))), 1n);
  return modulo(above * Point.Fn.inv(below));
}
