/** Verifying the proofs of a sealed ballot, with the codes of docs/SPEC.md, 20.2, in its order. */
import type { BallotContent } from '../ballot/ballot';
import type { Branch, SealedSelection } from '../ballot/sealed';
import { sealedSelections } from './ballot';
import { ciphertexts, limitOf, limitWeight, maxValue, type SealedContest } from './contest';
import { keyOf, type Sealing } from './election';
import { decodePoint, type Element, isIdentity, modulo, Point, timesPublic, toBigInt } from './group';
import { ballotContext, proofHash } from './params';
import { limitStatement, optionStatement, type Statement } from './statements';

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
  ciphertext: () => Pair;
  low: number;
  branches: { a: Element; b: Element; c: bigint; v: bigint }[];
}

/** Throws a {@link BallotRefusal} unless every proof of the ballot holds for the election. */
export function verify(election: Sealing, ballot: BallotContent): void {
  const { key, contests } = election;
  const element = keyOf(election);
  if (ballot.context !== ballotContext(election.electionHash) || !element) throw new BallotRefusal('sealed_election');
  if (ballot.selections.length !== contests.length) throw new BallotRefusal('sealed_contests');
  const selections = sealedSelections(ballot);
  if (!Array.isArray(selections)) throw new BallotRefusal('sealed_open', selections.open);
  const pairs = contests.map((rules, at) => [rules, selections[at] as SealedSelection] as const);
  for (const [at, [rules, selection]] of pairs.entries()) checkForm(at, rules, selection);
  const hash = proofHash(election.electionHash, ballot.voter, ballot.sequence);
  const proofs = pairs.flatMap(([rules, selection], at) => decodeContest(hash, key, at, rules, selection));
  for (const proof of proofs) checkEquations(element, proof);
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
): Decoded[] {
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
    return { refusal, ciphertext: () => pair, low: 0, branches: decodeProof(range, statement, refusal) };
  });
  const range = limitOf(rules);
  if (!range || !limit) return proofs;
  const all = options.map(({ ciphertext }) => ciphertext);
  const refusal = new BallotRefusal('sealed_limit', contest);
  const branches = decodeProof(limit, limitStatement(hash, contest, range, key, all), refusal);
  const weighted = (part: 0 | 1): Element =>
    pairs.reduce((sum, pair, place) => sum.add(timesPublic(pair[part], BigInt(limitWeight(rules, place)))), Point.ZERO);
  return [...proofs, { refusal, ciphertext: () => [weighted(0), weighted(1)], low: range.low, branches }];
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

/** Rule 2: a = vG + cα and b = vK + c(β − jG) for every value j. */
function checkEquations(key: Element, { refusal, ciphertext, low, branches }: Decoded): void {
  const [alpha, beta] = ciphertext();
  for (const [at, { a, b, c, v }] of branches.entries()) {
    const shifted = beta.subtract(timesPublic(Point.BASE, BigInt(low + at)));
    const first = timesPublic(Point.BASE, v).add(timesPublic(alpha, c));
    const second = timesPublic(key, v).add(timesPublic(shifted, c));
    if (!first.equals(a) || !second.equals(b)) throw refusal;
  }
}
