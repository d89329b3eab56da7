// @vitest-environment node
import { describe, expect, it } from 'vitest';

import { type BallotContext, entryHash, makeBallot, openBallot, type Selection } from './ballot';
import { Malformed, decode, hex, unhex } from './codec';
import { definition } from './definition';
import type { VoterKey } from './key';
import { publicKey, sign, verify } from './strict';
import { numbers, vectors, vectorsOf } from './testing';

interface BallotVector {
  name: string;
  hex: string;
  seed: string;
  hash: string;
  code: string;
  value: {
    ballot: { election: string; context: string; voter: string; sequence: number; selections: Selection[] };
    signature: string;
  };
}

const CHAIN = 'e6ab623c7b00079b0f54c62d32e9c2dfac76da4a5a22e6054c6c5cd2d2c4f2d5';
const ballots = vectors<BallotVector[]>('ballots.json');

function keyOf(seed: Uint8Array): VoterKey {
  return { publicKey: hex(publicKey(seed)), storage: 'software', sign: async (message) => sign(seed, message) };
}

const key = keyOf(new Uint8Array(32).fill(7));
const context: BallotContext = { electionId: '7a'.repeat(16), context: 'c0'.repeat(32), chain: CHAIN, sequence: 1 };
const make = (...selections: Selection[]) => makeBallot(context, key, selections);

describe('ballots.json', () => {
  it.each(ballots.map((vector) => [vector.name, vector] as const))('%s', async (name, vector) => {
    const { election, context, voter, sequence, selections } = vector.value.ballot;
    const opened = await openBallot(unhex(vector.hex), 'then');
    expect(opened).toMatchObject({
      electionId: election,
      hash: vector.hash,
      code: vector.code,
      voter,
      selections,
      madeAt: 'then',
    });
    if (name === 'ranking with a skipped rank') return; // no method accepts one, so none is made
    const made = await makeBallot(
      { electionId: election, context, chain: CHAIN, sequence },
      keyOf(unhex(vector.seed)),
      selections,
    );
    expect(hex(made.bytes)).toBe(vector.hex);
    expect(made).toMatchObject({ hash: vector.hash, code: vector.code, selections });
    expect(Buffer.from(made.base64, 'base64').equals(made.bytes)).toBe(true);
  });

  it('has every form', () => {
    expect(ballots).toHaveLength(11);
  });

  it('agrees with the entry hash of the worked example', async () => {
    const [signed] = vectorsOf('entries.json', 'voting/signed-ballot/v1');
    expect(await entryHash(unhex(signed?.hex ?? ''))).toBe(
      'f3bcecc1995688899e3e27d3f1cad967a31055fcb7819b112dc68def4d5c542d',
    );
  });
});

describe('sealing', () => {
  it('signs what it says, and says it in one form', async () => {
    const made = await make(
      { marks: [2, 0] },
      {
        scores: [
          [4, 1],
          [0, 9],
        ],
      },
      { ranking: [[3], [2, 1]] },
      'blank',
    );
    expect(made.selections).toEqual([
      { marks: [0, 2] },
      {
        scores: [
          [0, 9],
          [4, 1],
        ],
      },
      { ranking: [[3], [1, 2]] },
      'blank',
    ]);
    const tagged = Buffer.concat([Uint8Array.of(16), Buffer.from('voting/ballot/v1'), made.bytes.subarray(0, -64)]);
    expect(verify(unhex(key.publicKey), tagged, made.bytes.subarray(-64))).toBe(true);
    const other = await make(
      { marks: [0, 2] },
      {
        scores: [
          [0, 9],
          [4, 1],
        ],
      },
      { ranking: [[3], [1, 2]] },
      'blank',
    );
    expect(other.hash).toBe(made.hash);
  });

  it.each<[string, Selection[]]>([
    ['no contest', []],
    ['too many contests', Array.from({ length: 51 }, () => 'blank' as const)],
    ['marks of nothing', [{ marks: [] }]],
    ['an option twice', [{ marks: [1, 1] }]],
    [
      'an option scored twice',
      [
        {
          scores: [
            [1, 1],
            [1, 2],
          ],
        },
      ],
    ],
    ['an option ranked twice', [{ ranking: [[1], [0, 1]] }]],
    ['a skipped rank', [{ ranking: [[1], [], [0]] }]],
    ['a ranking of nothing', [{ ranking: [] }]],
    ['a negative option', [{ marks: [-1] }]],
    ['half an option', [{ marks: [0.5] }]],
    ['no number', [{ marks: [Number.NaN] }]],
    ['an option that stands for a skipped rank', [{ ranking: [[0x7fff]] }]],
    ['a score beyond 16 bits', [{ scores: [[0, 65_536]] }]],
  ])('refuses %s', async (_, selections) => {
    await expect(make(...selections)).rejects.toMatchObject({ name: 'BallotError', code: 'invalid_selection' });
  });

  it.each<[string, Partial<BallotContext>]>([
    ['an election in capitals', { electionId: '7A'.repeat(16) }],
    ['a short context', { context: 'c0' }],
    ['a chain that is none', { chain: '' }],
    ['sequence 0', { sequence: 0 }],
    ['a sequence beyond 32 bits', { sequence: 2 ** 32 }],
  ])('refuses %s', async (_, wrong) => {
    await expect(makeBallot({ ...context, ...wrong }, key, ['blank'])).rejects.toMatchObject({
      code: 'invalid_context',
    });
  });

  it('refuses a ballot beyond the bound', async () => {
    const marks = Array.from({ length: 700 }, (_, option) => option);
    const many: Selection[] = Array.from({ length: 50 }, () => ({ marks }));
    await expect(make(...many)).rejects.toMatchObject({ code: 'too_large' });
  });

  it('binds the ballot to what is shown', async () => {
    const [defined] = vectorsOf('entries.json', 'voting/election/v1');
    const shown = decode(definition, unhex(defined?.hex ?? ''), 61_440);
    const real = { ...context, context: '58e54941755fc4fe610f4406e8759045a6d9ed1fd3a71e02ce5a33b0e5968942' };
    await expect(makeBallot({ ...real, definition: shown }, key, ['blank'])).resolves.toBeDefined();
    const swapped = structuredClone(shown);
    swapped.contests[0]?.options.reverse();
    const lies = [
      { definition: swapped },
      { definition: { ...shown, revote: 'every-one-counts' } },
      { definition: { ...shown, end_date: 'soon' } },
      { definition: shown, chain: '00'.repeat(32) },
      { definition: shown, electionId: '00'.repeat(16) },
    ];
    for (const lie of lies)
      await expect(makeBallot({ ...real, ...lie }, key, ['blank'])).rejects.toMatchObject({ code: 'wrong_context' });
  });
});

describe('bytes that are no ballot', () => {
  it('are refused, whatever they are', async () => {
    const random = numbers(1);
    for (let round = 0; round < 2_000; round += 1) {
      const bytes = Uint8Array.from({ length: Math.floor(random() * 300) }, () => Math.floor(random() * 256));
      await expect(openBallot(bytes, '')).rejects.toBeInstanceOf(Malformed);
    }
  });

  it('every cut of a real one is refused, and every flip is another ballot or none', async () => {
    const { hex: whole, hash } = ballots.find(({ name }) => name === 'every form in one ballot') ?? {
      hex: '',
      hash: '',
    };
    const bytes = unhex(whole);
    for (let length = 0; length < bytes.length; length += 1) {
      await expect(openBallot(bytes.subarray(0, length), '')).rejects.toBeInstanceOf(Malformed);
    }
    for (let bit = 0; bit < 8 * (bytes.length - 64); bit += 1) {
      const changed = bytes.slice();
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const opened = await openBallot(changed, '').catch((error: unknown) => error);
      if (opened instanceof Error) expect(opened).toBeInstanceOf(Malformed);
      else expect(opened).not.toMatchObject({ hash });
    }
  });
});
