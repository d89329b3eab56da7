/** Verifying the proofs of a sealed ballot, with the codes of docs/SPEC.md, 20.2, in its order. */
import type { BallotContent } from '../ballot/ballot';
import { type Branch, littleEndian, type SealedSelection } from '../ballot/sealed';
import { sealedSelections } from './ballot';
import { ciphertexts, limitOf, limitWeight, maxValue, type SealedContest } from './contest';
import { keyOf, type Sealing } from './election';
import { decodePoint, type Element, isIdentity, modulo, Point, timesPublic, toBigInt } from './group';
import { sumOf, type Term } from './multiply';
import { ballotContext, proofHash } from './params';
import { browserRandom, type Random } from './random';
import { limitStatement, optionStatement, type Statement } from './statements';
import type { Pairs } from './tally';

export type BallotCode =
  | 'sealed_election'
  | 'sealed_contests'
  | 'sealed_open'
  | 'sealed_options'
  | 'sealed_form'
  | 'sealed_point'
  | 'sealed_identity'
  | 'sealed_range'
  | 'sealed_limit';

/** The first thing wrong with a ballot. */
export class BallotRefusal extends Error {
  override readonly name = 'BallotRefusal';

  constructor(
    readonly code: BallotCode,
    readonly contest?: number,
    /** Place of the option; none for the limit or the whole. */
    readonly option?: number,
  ) {
    super(code);
  }
}

type Pair = [Element, Element];

interface Decoded {
  refusal: BallotRefusal;
  /** What the proof is about: ciphertexts of its contest, times these weights. */
  about: readonly (readonly [Pair, bigint])[];
  low: number;
  branches: { a: Element; b: Element; c: bigint; v: bigint }[];
}

/** A ballot whose form, points and challenges are right. */
interface DecodedBallot {
  pairs: Pair[][];
  proofs: Decoded[];
}

/** The points of a ballot's ciphertexts. Throws a {@link BallotRefusal} unless every proof of the ballot holds for the election. */
export function verify(election: Sealing, ballot: BallotContent): Pairs {
  const { pairs, proofs } = decodeBallot(election, ballot);
  checkEach(keyOf(election) ?? Point.ZERO, proofs);
  return pairs;
}

/** Ballots that are judged one by one rather than in yet smaller parts of a batch. */
const SINGLY = 2;

/**
 * Verifies many ballots at once; the verdict on each is that of {@link verify}. Every equation is multiplied by 128 random bits and everything
 * is added up; if that is not nothing, halves are tried. The random bits must be fresh: who knows them beforehand can make a batch that holds
 * together without holding.
 */
export function verifyBatch(election: Sealing, ballots: readonly BallotContent[], random: Random = browserRandom): (Pairs | BallotRefusal)[] {
  const decoded = ballots.map((ballot) => verdictOf(() => decodeBallot(election, ballot)));
  const sound = decoded.flatMap((one) => (one instanceof BallotRefusal ? [] : [one]));
  const key = keyOf(election) ?? Point.ZERO;
  const refused = new Map<DecodedBallot, BallotRefusal>();
  search(key, sound.map((ballot) => ({ ballot, terms: weigh(key, ballot.proofs, random) })), refused);
  return decoded.map((one) => (one instanceof BallotRefusal ? one : (refused.get(one) ?? one.pairs)));
}

function verdictOf<T>(judge: () => T): T | BallotRefusal {
  try {
    return judge();
  } catch (error) {
    if (error instanceof BallotRefusal) return error;
    throw error;
  }
}

interface Weighed {
  ballot: DecodedBallot;
  terms: Term[];
}

/** Looks for ballots that do not hold in ever smaller parts of a batch. */
function search(key: Element, batch: readonly Weighed[], refused: Map<DecodedBallot, BallotRefusal>): void {
  if (batch.length === 0 || sumOf(batch.flatMap(({ terms }) => terms)).is0()) return;
  if (batch.length <= SINGLY) {
    for (const { ballot } of batch) {
      const verdict = verdictOf(() => checkEach(key, ballot.proofs));
      if (verdict instanceof BallotRefusal) refused.set(ballot, verdict);
    }
    return;
  }
  const middle = batch.length >> 1;
  search(key, batch.slice(0, middle), refused);
  search(key, batch.slice(middle), refused);
}

/** The equations of a ballot, weighted: what they add up to is nothing if all hold. */
function weigh(key: Element, proofs: readonly Decoded[], random: Random): Term[] {
  const terms: Term[] = [];
  const onPoints = new Map<Element, bigint>();
  const plus = (point: Element, scalar: bigint): void => void onPoints.set(point, (onPoints.get(point) ?? 0n) + scalar);
  for (const { about, low, branches } of proofs) {
    let [onAlpha, onBeta] = [0n, 0n];
    for (const [at, { a, b, c, v }] of branches.entries()) {
      const [first, second] = [littleEndian(random(16)), littleEndian(random(16))];
      // Commitments get the weights as they are, which are short, and everything else the negative: short ones are half the work.
      terms.push([a, first], [b, second]);
      onAlpha -= first * c;
      onBeta -= second * c;
      plus(Point.BASE, second * c * BigInt(low + at) - first * v);
      plus(key, -second * v);
    }
    for (const [[alpha, beta], weight] of about) {
      plus(alpha, onAlpha * weight);
      plus(beta, onBeta * weight);
    }
  }
  return [...terms, ...[...onPoints].map(([point, scalar]): Term => [point, modulo(scalar)])];
}

/** Everything but the equations: form, points, and challenges. */
function decodeBallot(election: Sealing, ballot: BallotContent): DecodedBallot {
  const { key, contests } = election;
  if (ballot.context !== ballotContext(election.electionHash) || !keyOf(election)) throw new BallotRefusal('sealed_election');
  if (ballot.selections.length !== contests.length) throw new BallotRefusal('sealed_contests');
  const selections = sealedSelections(ballot);
  if (!Array.isArray(selections)) throw new BallotRefusal('sealed_open', selections.open);
  const said = contests.map((rules, at) => [rules, selections[at] as SealedSelection] as const);
  for (const [at, [rules, selection]] of said.entries()) checkForm(at, rules, selection);
  const hash = proofHash(election.electionHash, ballot.voter, ballot.sequence);
  const decoded = said.map(([rules, selection], at) => decodeContest(hash, key, at, rules, selection));
  return { pairs: decoded.map(({ pairs }) => pairs), proofs: decoded.flatMap(({ proofs }) => proofs) };
}

function checkForm(contest: number, rules: SealedContest, { options, limit }: SealedSelection): void {
  if (options.length !== ciphertexts(rules)) throw new BallotRefusal('sealed_options', contest);
  for (const [place, { range }] of options.entries())
    if (range.length !== maxValue(rules, place) + 1) throw new BallotRefusal('sealed_form', contest, place);
  const range = limitOf(rules);
  if (limit?.length !== (range ? range.high - range.low + 1 : undefined)) throw new BallotRefusal('sealed_form', contest);
}

function decodeContest(
  hash: string,
  key: string,
  contest: number,
  rules: SealedContest,
  { options, limit }: SealedSelection,
): { pairs: Pair[]; proofs: Decoded[] } {
  const pairs: Pair[] = [];
  const proofs = options.map(({ ciphertext, range }, place): Decoded => {
    const pair = [ciphertext.alpha, ciphertext.beta].map((point) => {
      const element = decoded(point, contest, place);
      if (isIdentity(point)) throw new BallotRefusal('sealed_identity', contest, place);
      return element;
    }) as Pair;
    pairs.push(pair);
    const statement = optionStatement(hash, contest, place, maxValue(rules, place), key, ciphertext);
    const refusal = new BallotRefusal('sealed_range', contest, place);
    return { refusal, about: [[pair, 1n]], low: 0, branches: decodeProof(range, statement, refusal) };
  });
  const range = limitOf(rules);
  if (!range || !limit) return { pairs, proofs };
  const all = options.map(({ ciphertext }) => ciphertext);
  const refusal = new BallotRefusal('sealed_limit', contest);
  const branches = decodeProof(limit, limitStatement(hash, contest, range, key, all), refusal);
  const about = pairs.map((pair, place) => [pair, BigInt(limitWeight(rules, place))] as const);
  return { pairs, proofs: [...proofs, { refusal, about, low: range.low, branches }] };
}

function decoded(point: string, contest?: number, option?: number): Element {
  const element = decodePoint(point);
  if (!element) throw new BallotRefusal('sealed_point', contest, option);
  return element;
}

/** Rule 1: the challenges add up to the hash of statement and commitments. */
function decodeProof(proof: readonly Branch[], statement: Statement, refusal: BallotRefusal): Decoded['branches'] {
  const branches = proof.map(({ a, b, challenge, response }) => ({
    a: decoded(a, refusal.contest, refusal.option),
    b: decoded(b, refusal.contest, refusal.option),
    c: toBigInt(challenge),
    v: toBigInt(response),
  }));
  const sum = branches.reduce((sum, { c }) => sum + c, 0n);
  if (modulo(sum) !== statement(proof.flatMap(({ a, b }) => [a, b]))) throw refusal;
  return branches;
}

function checkEach(key: Element, proofs: readonly Decoded[]): void {
  for (const proof of proofs) checkEquations(key, proof);
}

/** Rule 2: a = vG + cα and b = vK + c(β − jG) for every value j. */
function checkEquations(key: Element, { refusal, about, low, branches }: Decoded): void {
  const [alpha, beta] = ([0, 1] as const).map((part) =>
    about.reduce((sum, [pair, weight]) => sum.add(weight === 1n ? pair[part] : timesPublic(pair[part], weight)), Point.ZERO),
  ) as Pair;
  for (const [at, { a, b, c, v }] of branches.entries()) {
    const shifted = beta.subtract(timesPublic(Point.BASE, BigInt(low + at)));
    const first = timesPublic(Point.BASE, v).add(timesPublic(alpha, c));
    const second = timesPublic(key, v).add(timesPublic(shifted, c));
    if (!first.equals(a) || !second.equals(b)) throw refusal;
  }
}
