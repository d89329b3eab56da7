/**
 * Sealing a ballot in the browser (docs/SPEC.md, 20.2). The prover is the library's: with s = v + c·r, all commitments are multiples
 * of G and K, a = sG and b = sK + c(m − j)G.
 */
import type { Selection } from '../ballot/ballot';
import type { Branch, Opening, SealedBallot, SealedOption, SealedSelection } from './ballot';
import { proofHash, tracker } from './ballot';
import { limitOf, limitWeight, maxValue, type Range, type SealedContest, valuesOf } from './contest';
import { decodePoint, type Element, encodePoint, isIdentity, littleEndian, modulo, ORDER, Point, times, toScalar } from './group';
import { limitStatement, optionStatement, type Statement } from './statements';

/** So many fresh random bytes. */
export type Random = (length: number) => Uint8Array;

/** The browser's own. */
export const browserRandom: Random = (length) => crypto.getRandomValues(new Uint8Array(length));

/** Why nothing was sealed. */
export class SealError extends Error {
  override readonly name = 'SealError';

  constructor(
    readonly code: 'invalid_key' | 'invalid_selection',
    detail: string,
  ) {
    super(detail);
  }
}

/** A sealed ballot whose voter has not yet decided to cast or to challenge it. */
export class PreparedBallot {
  private opening: Opening | null;

  constructor(
    private readonly ballot: SealedBallot,
    opening: Opening,
  ) {
    this.opening = opening;
  }

  /** What to note down before deciding. */
  get tracker(): string {
    return tracker(this.ballot);
  }

  /** The ballot to be signed and cast. What would open it is forgotten. */
  cast(): SealedBallot {
    this.opening = null;
    return this.ballot;
  }

  /** The ballot and what opens it; it is void from now on. Nothing once it is cast. */
  challenge(): { ballot: SealedBallot; opening: Opening } | null {
    return this.opening && { ballot: this.ballot, opening: this.opening };
  }
}

/** A random scalar. */
type Draw = () => bigint;

interface Witness {
  value: number;
  randomness: bigint;
}

/** Seals ballots of one election. */
export class Sealer {
  private readonly element: Element;

  /** For H_E, K and the contests. Computes tables. */
  constructor(
    private readonly election: string,
    private readonly key: string,
    private readonly contests: readonly SealedContest[],
  ) {
    const element = decodePoint(key);
    if (!element || isIdentity(key)) throw new SealError('invalid_key', "the election's key is none");
    this.element = element.precompute(8);
  }

  seal(voter: string, sequence: number, selections: readonly Selection[], random = browserRandom): PreparedBallot {
    const draw = (): bigint => littleEndian(random(64)) % ORDER;
    if (selections.length !== this.contests.length)
      throw new SealError('invalid_selection', `${selections.length} selections for ${this.contests.length} contests`);
    const ballot: SealedBallot = { election: this.election, voter, sequence, contests: [] };
    const hash = proofHash(ballot);
    const opening: Opening = [];
    for (const [at, rules] of this.contests.entries()) {
      const selection = selections[at];
      const values = selection === undefined ? null : valuesOf(rules, selection);
      if (!values) throw new SealError('invalid_selection', `contest ${at} does not accept the selection`);
      const sealed = this.sealContest(hash, at, rules, values, draw);
      ballot.contests.push(sealed.selection);
      opening.push(sealed.opening);
    }
    return new PreparedBallot(ballot, opening);
  }

  private sealContest(hash: string, contest: number, rules: SealedContest, values: readonly number[], draw: Draw) {
    const options: SealedOption[] = [];
    const opening: Opening[0] = [];
    const sum: Witness = { value: 0, randomness: 0n };
    for (const [place, value] of values.entries()) {
      const randomness = draw();
      const ciphertext = {
        alpha: encodePoint(times(Point.BASE, randomness)),
        beta: encodePoint(times(Point.BASE, BigInt(value)).add(times(this.element, randomness))),
      };
      const high = maxValue(rules, place);
      const statement = optionStatement(hash, contest, place, high, this.key, ciphertext);
      options.push({ ciphertext, range: this.prove({ value, randomness }, { low: 0, high }, statement, draw) });
      opening.push({ value, randomness: toScalar(randomness) });
      const weight = limitWeight(rules, place);
      sum.value += value * weight;
      sum.randomness = modulo(sum.randomness + randomness * BigInt(weight));
    }
    const range = limitOf(rules);
    const all = options.map(({ ciphertext }) => ciphertext);
    const limit = range && this.prove(sum, range, limitStatement(hash, contest, range, this.key, all), draw);
    const selection: SealedSelection = { options, limit };
    return { selection, opening };
  }

  private prove({ value, randomness }: Witness, { low, high }: Range, statement: Statement, draw: Draw): Branch[] {
    const values = Array.from({ length: high - low + 1 }, (_, at) => low + at);
    const s = values.map(draw);
    const others = values.slice(1).map(draw);
    // The challenge of the true value is decided last.
    const challenges = values.map((j, at) => (j === value ? 0n : (others[j < value ? at : at - 1] ?? 0n)));
    const commitments = values.flatMap((j, at) => {
      const scalar = s[at] ?? 0n;
      const shift = times(Point.BASE, modulo((challenges[at] ?? 0n) * BigInt(value - j)));
      return [encodePoint(times(Point.BASE, scalar)), encodePoint(times(this.element, scalar).add(shift))];
    });
    const own = statement(commitments) - others.reduce((sum, other) => sum + other, 0n);
    return values.map((j, at) => {
      const c = modulo(j === value ? own : (challenges[at] ?? 0n));
      const [a, b] = [commitments[2 * at] ?? '', commitments[2 * at + 1] ?? ''];
      return { a, b, challenge: toScalar(c), response: toScalar((s[at] ?? 0n) - c * randomness) };
    });
  }
}
