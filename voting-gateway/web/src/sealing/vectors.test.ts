// @vitest-environment node
/** Sealed ballots byte for byte: what this program seals, hashes, verifies and refuses is what the vectors pin. */
import { describe, expect, it } from 'vitest';

import { ballotContent, type BallotContent, openBallot, type Selection, signBallot, signedBytes } from '../ballot/ballot';
import { codeOfHash } from '../ballot/code';
import { decode, encode, hex, Malformed, unhex } from '../ballot/codec';
import { definition } from '../ballot/definition';
import { digest } from '../ballot/hash';
import type { VoterKey } from '../ballot/key';
import { ORDER } from '../ballot/sealed';
import { publicKey, sign } from '../ballot/strict';
import { ballotHash, challengeBytes, challengeCodec, MAX_SEALED_BALLOT_BYTES, openingCodec } from './ballot';
import { open as openSealed, OpeningError } from './challenge';
import { contestOf, type SealedContest } from './contest';
import { Point, toScalar } from './group';
import { ballotContext, baseHash, electionHash, parametersHash, proofHash, type SealedElection } from './params';
import { seal, Sealer, SealError } from './seal';
import { draws, sealedVectors, type SealedVector } from './testing';
import { challenge, hash } from './transcript';
import { BallotRefusal, verify, verifyBatch } from './verify';

type Vector = SealedVector;

interface BallotVector extends Vector {
  contests: SealedContest[];
  key: string;
  /** H_E. */
  election: string;
  id: string;
  context: string;
  draws: string;
  voter_seed: string;
  voter: string;
  sequence: number;
  selections: Selection[];
  proof_hash: string;
  code: string;
  hash: string;
  hex: string;
  signature: string;
  opening: string;
  refusal?: string;
}

interface Encoding extends Vector {
  type: string;
  hex: string;
  digest: string;
}

const of = sealedVectors;
const ballots = of<BallotVector>('ballot');
const encodings = of<Encoding>('encoding');

const sealing = ({ id, election, key, contests }: BallotVector) => ({ id, electionHash: election, key, contests });

/** One for each form: its tables take longer than a ballot. */
const sealers = new Map<string, Sealer>();

function sealerOf(vector: BallotVector): Sealer {
  const form = JSON.stringify(vector.contests);
  const sealer = sealers.get(form) ?? new Sealer(sealing(vector));
  sealers.set(form, sealer);
  return sealer;
}

const read = (digits: string) => decode(ballotContent, unhex(digits), MAX_SEALED_BALLOT_BYTES);

/** The code that a ballot is refused with, or undefined. */
function verdict(vector: BallotVector, ballot = () => read(vector.hex)): string | undefined {
  try {
    verify(sealing(vector), ballot());
    return undefined;
  } catch (error) {
    if (error instanceof Malformed) return 'encoding';
    if (error instanceof BallotRefusal) return error.code;
    throw error;
  }
}

describe('hashes', () => {
  it('draws the random bytes of a seed', () => {
    for (const { seed, bytes } of of<Vector & { seed: string; bytes: string }>('draws'))
      expect(hex(draws(seed)(bytes.length / 2))).toBe(bytes);
  });

  it('hashes inputs with their lengths', () => {
    for (const vector of of<Vector & { tag: string; inputs: string[]; hash: string; challenge: string }>('hash')) {
      expect(hash(vector.tag, ...vector.inputs)).toBe(vector.hash);
      expect(toScalar(challenge(vector.tag, ...vector.inputs))).toBe(vector.challenge);
    }
  });

  it('reckons in the group of the vectors', () => expect(Point.Fn.ORDER).toBe(ORDER));

  it('chains parameters, election and ballot', () => {
    for (const vector of of<Vector & { value: SealedElection; voter: string; sequence: number }>('election')) {
      const { value, voter, sequence } = vector;
      expect(parametersHash(value.parameters)).toBe(vector.parameters_hash);
      expect(baseHash(value.parameters, value.context)).toBe(vector.base_hash);
      expect(electionHash(value)).toBe(vector.election_hash);
      expect(ballotContext(electionHash(value))).toBe(vector.ballot_context);
      expect(proofHash(electionHash(value), voter, sequence)).toBe(vector.proof_hash);
    }
  });
});

describe('ballots', () => {
  it('has enough of them', () => expect(ballots.length).toBeGreaterThanOrEqual(100));

  it('seals them byte for byte', () => {
    for (const vector of ballots) {
      const prepared = sealerOf(vector).seal(vector.voter, vector.sequence, vector.selections, draws(vector.draws));
      expect([prepared.hash, prepared.code], vector.name).toEqual([vector.hash, vector.code]);
      const opened = prepared.challenge();
      expect(opened && hex(encode(openingCodec, opened.opening)), vector.name).toBe(vector.opening);
      expect(hex(encode(ballotContent, prepared.cast())), vector.name).toBe(vector.hex);
      expect(prepared.challenge(), 'what is cast is not opened').toBeNull();
    }
  }, 180_000);

  it('reads, names and signs them as any other ballot', async () => {
    for (const vector of ballots) {
      const ballot = read(vector.hex);
      expect(hex(encode(ballotContent, ballot))).toBe(vector.hex);
      expect([ballot.election, ballot.context]).toEqual([vector.id, vector.context]);
      expect(ballot.context).toBe(ballotContext(vector.election));
      expect(proofHash(vector.election, ballot.voter, ballot.sequence)).toBe(vector.proof_hash);
      expect([ballotHash(ballot), codeOfHash(vector.hash)]).toEqual([vector.hash, vector.code]);
      const seed = unhex(vector.voter_seed);
      const key: VoterKey = {
        publicKey: hex(publicKey(seed)),
        storage: 'webcrypto',
        sign: (bytes) => Promise.resolve(sign(seed, bytes)),
      };
      expect(key.publicKey).toBe(vector.voter);
      expect(hex(sign(seed, signedBytes(ballot)))).toBe(vector.signature);
      const signed = await signBallot(ballot, key);
      expect(hex(signed.bytes)).toBe(vector.hex + vector.signature);
      const { electionId, hash, code, voter, selections } = await openBallot(signed.bytes, signed.madeAt);
      const { id, selections: _, ...pinned } = vector;
      expect({ electionId, hash, code, voter }).toEqual({ electionId: id, hash: pinned.hash, code: pinned.code, voter: pinned.voter });
      expect(selections).toEqual(ballot.selections);
      await expect(signBallot({ ...ballot, voter: '00'.repeat(32) }, key)).rejects.toThrow('another key');
    }
  });

  it('verifies one of every form', () => {
    const forms = new Map(ballots.map((vector) => [JSON.stringify(vector.contests), vector]));
    expect(forms.size).toBeGreaterThan(10);
    for (const vector of forms.values()) expect(verdict(vector), vector.name).toBeUndefined();
  });

  it('refuses what is wrong, with its code', () => {
    const invalid = of<BallotVector>('invalid');
    expect(invalid.length).toBeGreaterThan(20);
    for (const vector of invalid) expect(verdict(vector), vector.name).toBe(vector.refusal);
    expect(new Set(invalid.map(({ refusal }) => refusal)).size).toBe(10);
  });

  it('gives each of a batch its own verdict', () => {
    const invalid = of<BallotVector>('invalid').filter(({ refusal }) => refusal !== 'encoding');
    const [form] = invalid;
    const good = ballots.filter(({ contests }) => JSON.stringify(contests) === JSON.stringify(form?.contests));
    if (!form || good.length < 4) throw new Error('there are no vectors');
    // Few of them are wrong only in their equations: these are found by halves.
    const batch = [good[0], invalid.find(({ name }) => name === 'v is another'), good[1], good[2], ...invalid, good[3]].flatMap((one) => one ?? []);
    const verdicts = verifyBatch(sealing(form), batch.map(({ hex }) => read(hex)), draws('batch'));
    expect(verdicts.map((verdict) => (verdict instanceof BallotRefusal ? verdict.code : undefined))).toEqual(batch.map(({ refusal }) => refusal));
    const alone = verify(sealing(form), read(good[0]?.hex ?? ''));
    expect((verdicts[0] as typeof alone)[0]?.[0]?.[0].equals(alone[0]?.[0]?.[0] ?? Point.ZERO)).toBe(true);
    expect(verifyBatch(sealing(form), [])).toEqual([]);
  });

  it('refuses them under another key or none', () => {
    const [first, other] = [ballots[0], ballots.find(({ contests }) => contests.length === 2)];
    if (!first || !other) throw new Error('there are no vectors');
    const point = read(first.hex).selections[0];
    const key = point && point !== 'blank' && 'sealed' in point ? (point.sealed.options[0]?.ciphertext.alpha ?? '') : '';
    expect(verdict({ ...first, key })).toBe('sealed_range');
    for (const none of ['00'.repeat(32), `01${'00'.repeat(31)}`]) expect(verdict({ ...first, key: none })).toBe('sealed_election');
    expect(verdict({ ...first, contests: other.contests })).toBe('sealed_contests');
    const clear = (ballot: BallotContent, said: Selection): BallotContent => ({ ...ballot, selections: [said] });
    for (const said of ['blank', { marks: [0] }, { scores: [] }, { ranking: [[0]] }] as Selection[])
      expect(verdict(first, () => clear(read(first.hex), said))).toBe('sealed_open');
  });
});

describe('challenges', () => {
  const [first] = ballots;
  if (!first) throw new Error('there are no vectors');
  const open = (vector: BallotVector, opening: string, ballot = read(vector.hex)) =>
    openSealed(sealing(vector), ballot, decode(openingCodec, unhex(opening), MAX_SEALED_BALLOT_BYTES));
  const codeOf = (act: () => unknown): string | undefined => {
    try {
      act();
      return undefined;
    } catch (error) {
      if (error instanceof OpeningError || error instanceof SealError) return error.code;
      throw error;
    }
  };

  it('shows what was chosen', () => {
    for (const vector of ballots.filter((_, at) => at % 5 === 0))
      expect(open(vector, vector.opening), vector.name).toEqual(vector.selections);
  });

  it('tells another opening', () => {
    const other = ballots.find(({ contests, opening }) => contests[0]?.options === 1 && opening !== first.opening);
    expect(codeOf(() => open(first, other?.opening ?? ''))).toBe('sealed_opening');
    expect(codeOf(() => open(first, '00000000'))).toBe('sealed_opening_form');
    const elsewhere = { ...read(first.hex), context: '00'.repeat(32) };
    expect(codeOf(() => open(first, first.opening, elsewhere))).toBe('sealed_election');
    const clear: BallotContent = { ...read(first.hex), selections: ['blank'] };
    expect(codeOf(() => open(first, first.opening, clear))).toBe('sealed_opening_form');
  });

  it('tells an opening of what is no choice', () => {
    // Of one option with a limit of one: 2 is encrypted, and shown as such.
    const [value, randomness] = [2, toScalar(5n)];
    const beta = Point.BASE.multiply(2n).add(Point.fromHex(first.key).multiply(5n));
    const ciphertext = { alpha: hex(Point.BASE.multiply(5n).toBytes()), beta: hex(beta.toBytes()) };
    const ballot: BallotContent = { ...read(first.hex), selections: [{ sealed: { options: [{ ciphertext, range: [] }], limit: null } }] };
    expect(codeOf(() => openSealed(sealing(first), ballot, [[{ value, randomness }]]))).toBe('sealed_selection');
  });

  it('is written and signed as the vectors have it', async () => {
    const of = (name: string) => encodings.find((vector) => vector.name === name) as Encoding;
    const [content, entry] = [of('signed content of a challenge'), of('entry that opens a ballot')];
    const challenge = decode(challengeCodec, unhex(content.hex), 65_470);
    expect(hex(encode(challengeCodec, challenge))).toBe(content.hex);
    expect(await digest('voting/challenge/v1', challengeCodec, challenge)).toBe(content.digest);
    const voter = ballots.find(({ voter }) => voter === challenge.ballot.voter);
    const signature = sign(unhex(voter?.voter_seed ?? ''), challengeBytes(challenge));
    expect(`07${content.hex}${hex(signature)}`).toBe(entry.hex);
  });

  it('seals nothing that the contest does not accept', () => {
    const contest: SealedContest = { ...(first.contests[0] as SealedContest), options: 3, min: 1, max: 2, withdrawn: [2] };
    const sealed = (...selections: Selection[]) =>
      codeOf(() => seal({ ...sealing(first), contests: [contest] }, first.voter, 1, selections));
    for (const bad of [[], [1, 0], [0, 0], [0, 1, 2], [2], [3], [-1], [0.5]])
      expect(sealed({ marks: bad }), String(bad)).toBe('invalid_selection');
    expect(sealed('blank')).toBe('invalid_selection');
    expect(sealed({ scores: [[0, 1]] })).toBe('invalid_selection');
    expect(sealed({ ranking: [[0]] })).toBe('invalid_selection');
    expect(sealed()).toBe('invalid_selection');
    expect(sealed({ marks: [0, 1] })).toBeUndefined();
    for (const key of ['00'.repeat(32), `01${'00'.repeat(31)}`])
      expect(codeOf(() => seal({ ...sealing(first), key }, first.voter, 1, first.selections))).toBe('invalid_key');
  });
});

describe('elections', () => {
  it('have definitions with trustees', async () => {
    const vector = encodings.find(({ name }) => name === 'definition of a sealed election');
    const defined = decode(definition, unhex(vector?.hex ?? ''), 61_440);
    expect(hex(encode(definition, defined))).toBe(vector?.hex);
    expect(await digest('voting/election/v1', definition, defined)).toBe(vector?.digest);
    expect([defined.secrecy, defined.sealing?.threshold, defined.sealing?.min_ballots]).toEqual(['sealed', 1, 3]);
    expect(defined.sealing?.trustees.map(({ name }) => name)).toEqual(['Trustee 1', 'Trustee 2']);
    for (const wrong of [{ secrecy: 'open' }, { sealing: undefined }, { secrecy: 'secret' }])
      expect(() => encode(definition, { ...defined, ...wrong })).toThrow(RangeError);
  });

  it('have contests that can be sealed, or cannot', () => {
    const contest = {
      title: 'Who?',
      method: 'plurality',
      seats: 1,
      min: 1,
      max: 2,
      allow_blank: true,
      max_score: 0,
      thresholds: { majority: 'most-votes', quorum_percent: 0 },
      withdrawn: [1],
      options: [{ name: 'Ada' }, { name: 'Bob' }, { name: 'Cyd' }],
    };
    const marked = { form: 'marks', options: 3, max_value: 1, min: 1, max: 2, allow_blank: true, withdrawn: [1] };
    for (const method of ['plurality', 'approval', 'dhondt', 'sainte-lague']) expect(contestOf({ ...contest, method })).toEqual(marked);
    const scored = { ...contest, method: 'score', max_score: 5, max: 3 };
    expect(contestOf(scored)).toEqual({ ...marked, form: 'scores', max_value: 5, min: 0, max: 15 });
    expect(contestOf({ ...scored, min: 2 })).toBeNull();
    expect(contestOf({ ...scored, max: 2 })).toBeNull();
    for (const method of ['schulze', 'borda', 'meek-stv']) expect(contestOf({ ...contest, method })).toBeNull();
  });
});
