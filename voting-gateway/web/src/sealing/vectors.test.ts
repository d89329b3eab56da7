// @vitest-environment node
/** Sealed ballots byte for byte: what this program seals, hashes, verifies and refuses is what the vectors pin. */
import { sha512 } from '@noble/hashes/sha2.js';
import { describe, expect, it } from 'vitest';

import type { Selection } from '../ballot/ballot';
import { concat, decode, encode, hex, Malformed, unhex, u64 } from '../ballot/codec';
import { publicKey, sign } from '../ballot/strict';
import { vectors } from '../ballot/testing';
import { MAX_BALLOT_BYTES, openingCodec, proofHash, sealedBallot, signedBytes, tracker } from './ballot';
import { OpeningError, openBallot } from './challenge';
import type { SealedContest } from './contest';
import { toScalar } from './group';
import { ballotHash, baseHash, electionHash, parametersHash, type SealedElection } from './params';
import { type Random, Sealer, SealError } from './seal';
import { challenge, hash } from './transcript';
import { BallotRefusal, verifyBallot } from './verify';

interface Vector {
  kind: string;
  name: string;
  [field: string]: unknown;
}

interface BallotVector extends Vector {
  contests: SealedContest[];
  key: string;
  election: string;
  draws: string;
  voter_seed: string;
  voter: string;
  sequence: number;
  selections: Selection[];
  proof_hash: string;
  tracker: string;
  hex: string;
  signature: string;
  opening: string;
  code?: string;
}

const all = vectors<Vector[]>('sealed.json');
const of = <T extends Vector>(kind: string): T[] => all.filter((vector) => vector.kind === kind) as T[];
const ballots = of<BallotVector>('ballot');

/** The random bytes of a seed: SHA-512 of seed and counter, block after block. */
function draws(seed: string): Random {
  let counter = 0n;
  let left: Uint8Array = new Uint8Array();
  return (length) => {
    while (left.length < length)
      left = concat(left, sha512(concat(new TextEncoder().encode(seed), encode(u64, counter++))));
    const bytes = left.subarray(0, length);
    left = left.subarray(length);
    return bytes;
  };
}

/** One for each form: its tables take longer than a ballot. */
const sealers = new Map<string, Sealer>();

function sealerOf({ election, key, contests }: BallotVector): Sealer {
  const form = JSON.stringify(contests);
  const sealer = sealers.get(form) ?? new Sealer(election, key, contests);
  sealers.set(form, sealer);
  return sealer;
}

const read = (digits: string) => decode(sealedBallot, unhex(digits), MAX_BALLOT_BYTES);

/** The code that a ballot is refused with, or undefined. */
function verdict({ election, key, contests, hex: bytes }: BallotVector): string | undefined {
  try {
    verifyBallot(election, key, contests, read(bytes));
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

  it('chains parameters, election and ballot', () => {
    for (const vector of of<Vector & { value: SealedElection; voter: string; sequence: number }>('election')) {
      const { value, voter, sequence } = vector;
      expect(parametersHash(value.parameters)).toBe(vector.parameters_hash);
      expect(baseHash(value.parameters, value.context)).toBe(vector.base_hash);
      expect(electionHash(value)).toBe(vector.election_hash);
      expect(ballotHash(electionHash(value), voter, sequence)).toBe(vector.ballot_hash);
    }
  });
});

describe('ballots', () => {
  it('has enough of them', () => expect(ballots.length).toBeGreaterThanOrEqual(100));

  it('seals them byte for byte', () => {
    for (const vector of ballots) {
      const prepared = sealerOf(vector).seal(vector.voter, vector.sequence, vector.selections, draws(vector.draws));
      expect(prepared.tracker, vector.name).toBe(vector.tracker);
      const opened = prepared.challenge();
      expect(opened && hex(encode(openingCodec, opened.opening)), vector.name).toBe(vector.opening);
      expect(hex(encode(sealedBallot, prepared.cast())), vector.name).toBe(vector.hex);
      expect(prepared.challenge(), 'what is cast is not opened').toBeNull();
    }
  }, 180_000);

  it('reads, traces and signs them', () => {
    for (const vector of ballots) {
      const ballot = read(vector.hex);
      expect(hex(encode(sealedBallot, ballot))).toBe(vector.hex);
      expect(proofHash(ballot)).toBe(vector.proof_hash);
      expect(tracker(ballot)).toBe(vector.tracker);
      const seed = unhex(vector.voter_seed);
      expect(hex(publicKey(seed))).toBe(vector.voter);
      expect(hex(sign(seed, signedBytes(ballot)))).toBe(vector.signature);
    }
  }, 60_000);

  it('verifies one of every form', () => {
    const forms = new Map(ballots.map((vector) => [JSON.stringify(vector.contests), vector]));
    expect(forms.size).toBeGreaterThan(10);
    for (const vector of forms.values()) expect(verdict(vector), vector.name).toBeUndefined();
  }, 60_000);

  it('refuses what is wrong, with its code', () => {
    const invalid = of<BallotVector>('invalid');
    expect(invalid.length).toBeGreaterThan(20);
    for (const vector of invalid) expect(verdict(vector), vector.name).toBe(vector.code);
  }, 60_000);
});

describe('challenges', () => {
  const [first] = ballots;
  if (!first) throw new Error('there are no vectors');
  const open = (vector: BallotVector, opening: string, ballot = read(vector.hex)) =>
    openBallot(vector.election, vector.key, vector.contests, ballot, decode(openingCodec, unhex(opening), MAX_BALLOT_BYTES));
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
  }, 60_000);

  it('tells another opening', () => {
    const other = ballots.find(({ contests, opening }) => contests[0]?.options === 1 && opening !== first.opening);
    expect(codeOf(() => open(first, other?.opening ?? ''))).toBe('sealed-opening');
    expect(codeOf(() => open(first, '00000000'))).toBe('sealed-opening-form');
    const elsewhere = { ...read(first.hex), election: '00'.repeat(64) };
    expect(codeOf(() => open(first, first.opening, elsewhere))).toBe('sealed-election');
  });

  it('seals nothing that the contest does not accept', () => {
    const contest: SealedContest = { ...(first.contests[0] as SealedContest), options: 3, min: 1, max: 2, withdrawn: [2] };
    const seal = (...selections: Selection[]) =>
      codeOf(() => new Sealer(first.election, first.key, [contest]).seal(first.voter, 1, selections));
    for (const bad of [[], [1, 0], [0, 0], [0, 1, 2], [2], [3], [-1], [0.5]])
      expect(seal({ marks: bad }), String(bad)).toBe('invalid_selection');
    expect(seal('blank')).toBe('invalid_selection');
    expect(seal({ scores: [[0, 1]] })).toBe('invalid_selection');
    expect(seal({ ranking: [[0]] })).toBe('invalid_selection');
    expect(seal()).toBe('invalid_selection');
    expect(seal({ marks: [0, 1] })).toBeUndefined();
    expect(codeOf(() => new Sealer(first.election, '00'.repeat(32), [contest]))).toBe('invalid_key');
    expect(codeOf(() => new Sealer(first.election, `01${'00'.repeat(31)}`, [contest]))).toBe('invalid_key');
  });
});
