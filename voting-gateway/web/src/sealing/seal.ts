/**
 * Sealing a ballot in the browser (docs/SPEC.md, 20.2). The prover is the library's: with s = v + c·r, all commitments are multiples
 * of G and K, a = sG and b = sK + c(m − j)G.
 */
import type { BallotContent, Selection } from '../ballot/ballot';
import { codeOfHash } from '../ballot/code';
import type { Branch, SealedOption, SealedSelection } from '../ballot/sealed';
import { littleEndian, ORDER } from '../ballot/sealed';
import { ballotHash, type Opening } from './ballot';
import { limitOf, limitWeight, maxValue, type Range, type SealedContest, valuesOf } from './contest';
import { keyOf, type Sealing } from './election';
import { type Element, encodePoint, modulo, Point, times, toScalar } from './group';
import { ballotContext, proofHash } from './params';
import { browserRandom } from './random';
import { limitStatement, optionStatement, type Statement } from './statements';

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
    /** The ballot. What the voter is shown before deciding is its code. */
    readonly ballot: BallotContent,
    opening: Opening,
  ) {
    this.opening = opening;
  }

  /** Identity of the ballot: it covers election, voter, sequence, ciphertexts and proofs. */
  get hash(): string {
    return ballotHash(this.ballot);
  }

  /** What to note down before deciding. */
  get code(): string {
    return codeOfHash(this.hash);
  }

  /** The ballot, to be signed and cast: `signBallot` of `../ballot`. What would open it is forgotten. */
  cast(): BallotContent {
    this.opening = null;
    return this.ballot;
  }

  /** The ballot and what opens it; it is void from now on. Nothing once it is cast. */
  challenge(): { ballot: BallotContent; opening: Opening } | null {
    return this.opening && { ballot: this.ballot, opening: this.opening };
  }
}

/**
 * Seals what a voter says. Throws a {@link SealError} if the key is none or a contest does not accept its selection. The random bytes are
 * fresh and secret; the same ones make the same ballot.
 */
export function seal(
  election: Sealing,
  voter: string,
  sequence: number,
  selections: readonly Selection[],
  random = browserRandom,
): PreparedBallot {
  return new Sealer(election).seal(voter, sequence, selections, random);
}

/** A random scalar. */
type Draw = () => bigint;

interface Witness {
  value: number;
  randomness: bigint;
}

/** Seals ballots of one election: its tables take longer than a ballot. */
export class Sealer {
  private readonly key: string;
  private readonly element: Element;

  constructor(private readonly election: Sealing) {
    const element = keyOf(election);
    if (!element) throw new SealError('invalid_key', "the election's key is none");
    this.key = election.key;
    this.element = element.precompute(8);
  }

  seal(voter: string, sequence: number, selections: readonly Selection[], random = browserRandom): PreparedBallot {
    const draw = (): bigint => littleEndian(random(64)) % ORDER;
    const { id, electionHash, contests } = this.election;
    if (selections.length !== contests.length)
      throw new SealError('invalid_selection', `${selections.length} selections for ${contests.length} contests`);
    const hash = proofHash(electionHash, voter, sequence);
    const opening: Opening = [];
    const sealed = contests.map((rules, at) => {
      const selection = selections[at];
      const values = selection === undefined ? null : valuesOf(rules, selection);
      if (!values) throw new SealError('invalid_selection', `contest ${at} does not accept the selection`);
      const made = this.sealContest(hash, at, rules, values, draw);
      opening.push(made.opening);
      return { sealed: made.selection };
    });
    const ballot = { election: id, context: ballotContext(electionHash), voter, sequence, selections: sealed };
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
