/** Adding up under encryption: A = Σ wα and B = Σ wβ over the ballots that count, with their voters' weights w (docs/SPEC.md, 20.4). */
import { encode, u64 } from '../ballot/codec';
import type { Ciphertext } from '../ballot/sealed';
import { ciphertexts, type SealedContest } from './contest';
import { type Element, encodePoint, Point, timesPublic } from './group';
import { hash } from './transcript';

/** The points of a verified ballot's ciphertexts, by contest and option. */
export type Pairs = readonly (readonly (readonly [Element, Element])[])[];

/** The encrypted sums of an election. */
export class Aggregate {
  ballots = 0n;
  weight = 0n;
  /** A and B by contest and option. */
  sums: [Element, Element][][];

  constructor(
    /** H_E. */
    readonly electionHash: string,
    contests: readonly SealedContest[],
  ) {
    this.sums = contests.map((rules) => Array.from({ length: ciphertexts(rules) }, () => [Point.ZERO, Point.ZERO]));
  }

  /** Adds a ballot that was verified for this election. That it is the one of its voter that counts is for the caller to know. */
  add(pairs: Pairs, weight: bigint): void {
    const weigh = (point: Element): Element => (weight === 1n ? point : timesPublic(point, weight));
    this.sums = this.sums.map((sums, contest) =>
      sums.map(([a, b], option) => {
        const pair = pairs[contest]?.[option];
        if (!pair) throw new RangeError('a ballot of another form');
        return [a.add(weigh(pair[0])), b.add(weigh(pair[1]))];
      }),
    );
    this.ballots += 1n;
    this.weight += weight;
  }

  /** The sums as they are published. */
  ciphertexts(): Ciphertext[][] {
    return this.sums.map((sums) => sums.map(([a, b]) => ({ alpha: encodePoint(a), beta: encodePoint(b) })));
  }

  /** What trustees state that they decrypt. */
  hash(): string {
    const joined = this.ciphertexts().map((contest) => contest.map(({ alpha, beta }) => alpha + beta).join(''));
    return hash('voting/sealed-aggregate/v1', this.electionHash, encode(u64, this.ballots), encode(u64, this.weight), ...joined);
  }
}
