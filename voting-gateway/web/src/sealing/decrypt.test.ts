// @vitest-environment node
/** Sums and their decryption, byte for byte as the vectors have them, and everything that is refused. */
import { describe, expect, it } from 'vitest';

import { ballotContent } from '../ballot/ballot';
import { decode, encode, hex, unhex } from '../ballot/codec';
import type { Ciphertext } from '../ballot/sealed';
import { decodeRecord, type ShareOfKey, type TrusteeKey } from './ceremony';
import { Ceremony, type CeremonyOutcome } from './ceremony/state';
import type { SealedContest } from './contest';
import { combine, decodePart, decrypt, DecryptionError, encodePart, judgeParts, type PartialDecryption, PartialRefusal, verifyPartial } from './decrypt';
import { DiscreteLog, MAX_TOTAL } from './dlog';
import { encodePoint, Point, timesPublic, toBigInt, toScalar } from './group';
import { sumOf, type Term } from './multiply';
import { Aggregate } from './tally';
import { draws, sealedVectors, type SealedVector } from './testing';
import { verify } from './verify';

interface DecryptionVector extends SealedVector {
  contests: SealedContest[];
  election: string;
  trustees: TrusteeKey[];
  ballots: { hex: string; weight: number }[];
  sums: Ciphertext[][];
  aggregate: string;
  draws: string;
  parts: string[];
  totals: number[][];
}

interface CeremonyVector extends SealedVector {
  record: string;
  outcome: CeremonyOutcome;
  shares: string[];
}

const [vector] = sealedVectors<DecryptionVector>('decryption');
if (!vector) throw new Error('there are no vectors');
const { contests, election, trustees } = vector;

/** The ceremony that the key of the vectors comes from. */
const ceremony = sealedVectors<CeremonyVector>('ceremony').find(({ outcome }) => JSON.stringify(outcome.trustees) === JSON.stringify(trustees));
const key = ceremony?.outcome.key ?? '';
const shares: ShareOfKey[] = (ceremony?.shares ?? []).map((share, at) => ({
  index: at + 1,
  secret: toBigInt(share.slice(-64)),
  public: trustees[at]?.public ?? '',
}));
const share = (index: number): ShareOfKey => shares[index - 1] as ShareOfKey;

function added(): Aggregate {
  const aggregate = new Aggregate(election, contests);
  for (const { hex: bytes, weight } of vector?.ballots ?? []) {
    const ballot = decode(ballotContent, unhex(bytes), 61_440);
    aggregate.add(verify({ id: ballot.election, electionHash: election, key, contests }, ballot), BigInt(weight));
  }
  return aggregate;
}

const all = added();
const sums = (): Aggregate => all;
const parts = vector.parts.map((bytes) => decodePart(unhex(bytes)));
const totals = vector.totals.map((contest) => contest.map(BigInt));
const combined = (given: readonly PartialDecryption[], threshold = 2, least = 1) => {
  const { good, refused } = judgeParts(trustees, sums(), given);
  return { ...combine(threshold, contests, sums(), good, least), refused };
};
const codeOf = (act: () => unknown): string | undefined => {
  try {
    act();
    return undefined;
  } catch (error) {
    if (error instanceof PartialRefusal || error instanceof DecryptionError) return error.code;
    throw error;
  }
};

describe('sums', () => {
  it('are those of the vectors', () => {
    const aggregate = sums();
    expect(aggregate.ciphertexts()).toEqual(vector.sums);
    expect(aggregate.hash()).toBe(vector.aggregate);
    expect([aggregate.ballots, aggregate.weight]).toEqual([3n, 9n]);
  });

  it('are not those of fewer ballots, other weights or another election', () => {
    const hashOf = (change: (given: { hex: string; weight: number }[]) => { hex: string; weight: number }[], electionHash = election) => {
      const aggregate = new Aggregate(electionHash, contests);
      for (const { hex: bytes, weight } of change(vector.ballots)) {
        const ballot = decode(ballotContent, unhex(bytes), 61_440);
        aggregate.add(verify({ id: ballot.election, electionHash: election, key, contests }, ballot), BigInt(weight));
      }
      return aggregate.hash();
    };
    expect(hashOf((all) => [...all].reverse()), 'the order does not matter').toBe(vector.aggregate);
    expect(hashOf((all) => all.slice(1))).not.toBe(vector.aggregate);
    expect(hashOf((all) => all.map((one) => ({ ...one, weight: one.weight + 1 })))).not.toBe(vector.aggregate);
    expect(hashOf((all) => all, '00'.repeat(64))).not.toBe(vector.aggregate);
  });
});

describe('decryption', () => {
  it('gives the parts of the vectors byte for byte, and their totals', () => {
    const random = draws(vector.draws);
    const made = [1, 3].map((index) => decrypt(share(index), sums(), 1, random));
    expect(made.map((part) => hex(encodePart(part)))).toEqual(vector.parts);
    expect(combined(parts)).toEqual({ totals, trustees: [1, 3], refused: [] });
  });

  it('works with any two of three trustees, in any order, and with all', () => {
    const given = [1, 2, 3].map((index) => decrypt(share(index), sums(), 3));
    for (const chosen of [[0, 1], [1, 2], [2, 0], [2, 1, 0]]) {
      const result = combined(chosen.map((at) => given[at] as PartialDecryption));
      expect(result.totals).toEqual(totals);
      expect(result.trustees).toHaveLength(2);
    }
  });

  it('waits for enough trustees, and for enough ballots', () => {
    expect(codeOf(() => combined(parts.slice(1)))).toBe('too_few_parts');
    expect(codeOf(() => combined(parts, 2, 4))).toBe('too_few_ballots');
    expect(codeOf(() => decrypt(share(1), sums(), 4))).toBe('too_few_ballots');
  });

  it('names the trustee of a part that does not hold, and goes on without', () => {
    const [first, third] = parts as [PartialDecryption, PartialDecryption];
    const second = decrypt(share(2), sums(), 1);
    const change = (part: PartialDecryption, to: Partial<PartialDecryption['contests'][0][0]>): PartialDecryption => ({
      ...part,
      contests: part.contests.map((shares, contest) => shares.map((one, at) => (contest === 0 && at === 1 ? { ...one, ...to } : one))),
    });
    const G = encodePoint(Point.BASE);
    const wrong: [string, PartialDecryption][] = [
      ['sealed_decryption_proof', change(second, { share: G })],
      ['sealed_decryption_proof', change(second, { a: G })],
      ['sealed_decryption_proof', change(second, { b: G })],
      ['sealed_decryption_proof', change(second, { response: toScalar(1n) })],
      ['sealed_decryption_proof', change(second, { share: 'ff'.repeat(32) })],
      ['sealed_decryption_proof', { ...third, trustee: 2 }],
      ['sealed_decryption_sums', { ...second, aggregate: '00'.repeat(64) }],
      ['sealed_decryption_sums', { ...second, contests: second.contests.slice(1) }],
      ['sealed_decryption_sums', { ...second, contests: second.contests.map((one) => one.slice(1)) }],
      ['sealed_decryption_trustee', { ...second, trustee: 4 }],
      ['sealed_decryption_twice', first],
    ];
    for (const [code, part] of wrong) {
      const result = combined([first, part, third]);
      expect(result.refused.map((refusal) => [refusal.code, refusal.trustee])).toEqual([[code, part.trustee]]);
      expect(result.totals).toEqual(totals);
      expect(codeOf(() => combined([first, part])), code).toBe('too_few_parts');
    }
    expect(codeOf(() => verifyPartial(sums(), second, trustees[0] as TrusteeKey))).toBe('sealed_decryption_proof');
  });

  it('by a key of another ceremony holds for nobody', () => {
    const other: ShareOfKey = { ...share(1), secret: 12_345n };
    expect(codeOf(() => verifyPartial(sums(), decrypt(other, sums(), 1), trustees[0] as TrusteeKey))).toBe('sealed_decryption_proof');
  });

  it('has every flipped byte of a part noticed', () => {
    const bytes = unhex(vector.parts[0] ?? '');
    for (let at = 0; at < bytes.length; at += 3) {
      const changed = bytes.slice();
      changed[at] = (changed[at] ?? 0) ^ (1 << at % 8);
      let held = true;
      try {
        verifyPartial(sums(), decodePart(changed), trustees[0] as TrusteeKey);
      } catch {
        held = false;
      }
      expect(held, `byte ${at}`).toBe(false);
    }
  });
});

describe('small sums', () => {
  const times = (value: bigint) => timesPublic(Point.BASE, value);

  it('are found up to the bound and not beyond', () => {
    for (const bound of [0n, 1n, 2n, 3n, 99n, 1_000n]) {
      const table = new DiscreteLog(bound);
      for (const total of [0n, 1n, 2n, 3n, 50n, 99n, 998n, 1_000n].filter((one) => one <= bound)) expect(table.find(times(total)), `${total} up to ${bound}`).toBe(total);
      for (const beyond of [bound + 1n, bound + 2n, 50_000n]) expect(table.find(times(beyond)), `${beyond} up to ${bound}`).toBeNull();
      expect(table.find(Point.BASE.negate())).toBeNull();
    }
  });

  it('are found among a hundred million in a table of ten thousand', () => {
    const table = new DiscreteLog(2n ** 64n);
    for (const total of [0n, 10_000n, MAX_TOTAL]) expect(table.find(times(total))).toBe(total);
    expect(table.find(times(MAX_TOTAL + 1n))).toBeNull();
  });
});

it('multiplies many points at once', () => {
  const random = draws('multiply');
  for (const length of [0, 1, 2, 31, 40, 250]) {
    const terms = Array.from({ length }, (_, at): Term => {
      const scalar = at % 7 === 0 ? 0n : toBigInt(hex(random(at % 2 === 0 ? 16 : 31)));
      return [times(BigInt(at)), scalar];
    });
    const expected = terms.reduce((sum, [, scalar], at) => sum + scalar * BigInt(at), 0n);
    expect(sumOf(terms).equals(timesPublic(Point.BASE, expected)), `${length} points`).toBe(true);
  }
  function times(value: bigint) {
    return timesPublic(Point.BASE, value);
  }
});

it('reads what the vectors encode', () => {
  const encodings = sealedVectors<SealedVector & { type: string; hex: string }>('encoding');
  const of = (type: string) => encodings.filter((one) => one.type === type).map(({ hex: bytes }) => bytes);
  for (const bytes of of('voting/sealed-decryption/v1')) expect(hex(encodePart(decodePart(unhex(bytes))))).toBe(bytes);
  for (const bytes of of('voting/sealed-ceremony-record/v1')) expect(Ceremony.replay(decodeRecord(unhex(bytes))).phase).toBe('done');
  expect(hex(encode(ballotContent, decode(ballotContent, unhex(vector.ballots[0]?.hex ?? ''), 61_440)))).toBe(vector.ballots[0]?.hex);
});
