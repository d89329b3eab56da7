// @vitest-environment node
/** Key ceremonies: as the vectors have them byte for byte, and everything that Rust refuses is refused. */
import { describe, expect, it } from 'vitest';

import { decode, encode, hex, Malformed, unhex } from '../../ballot/codec';
import { publicKey, sign } from '../../ballot/strict';
import { encodePoint, Point, toScalar } from '../group';
import { sealedVectors, type SealedVector } from '../testing';
import { Dealer, DealerError, decodeRecord, encodeRecord, opens, readKeyFile, signedMessage, writeKeyFile } from '.';
import { type CeremonyMessage, type CeremonySetup, messageBytes, type SignedMessage, type Step } from './messages';
import { CeremonyRefusal } from './refusal';
import { Ceremony, type CeremonyOutcome, commitment } from './state';

interface CeremonyVector extends SealedVector {
  setup: CeremonySetup;
  ceremony_hash: string;
  dealers: { index: number; signing_seed: string; seed: string }[];
  events: string[];
  record: string;
  outcome: CeremonyOutcome;
  shares: string[];
}

const vectors = sealedVectors<CeremonyVector>('ceremony');
const named = (name: string): CeremonyVector => {
  const found = vectors.find((vector) => vector.name === name);
  if (!found) throw new Error(`no vector ${name}`);
  return found;
};
const plain = named('no incident');
const troubled = named('complaint, silence, absence');
const record = (vector: CeremonyVector) => decodeRecord(unhex(vector.record));
const keyOf = (vector: CeremonyVector, index: number): Uint8Array => unhex(vector.dealers[index - 1]?.signing_seed ?? '');
const dealersOf = (vector: CeremonyVector): Dealer[] =>
  vector.dealers.map(({ signing_seed, seed }) => new Dealer(vector.setup, unhex(signing_seed), unhex(seed)));
const dealerOf = (dealers: readonly Dealer[], index: number): Dealer => dealers[index - 1] as Dealer;

/** Signs another step of a trustee. */
function say(vector: CeremonyVector, trustee: number, step: Step, ceremony = vector.ceremony_hash): SignedMessage {
  const message: CeremonyMessage = { ceremony, trustee, step };
  return { message, signature: hex(sign(keyOf(vector, trustee), messageBytes(message))) };
}

/** The ceremony after so many events. */
const after = (vector: CeremonyVector, events: number): Ceremony => Ceremony.replay({ ...record(vector), events: record(vector).events.slice(0, events) });

const codeOf = (act: () => unknown): string | undefined => {
  try {
    act();
    return undefined;
  } catch (error) {
    if (error instanceof CeremonyRefusal || error instanceof DealerError) return error.code;
    if (error instanceof Malformed) return 'malformed';
    throw error;
  }
};

/** Everyone that is awaited does their part, until nobody is. */
function carryThrough(ceremony: Ceremony, dealers: readonly Dealer[], exchange = (message: SignedMessage) => message): void {
  while (ceremony.phase !== 'done') {
    const [index] = ceremony.missing();
    const message = dealerOf(dealers, index ?? 0).nextStep(ceremony);
    if (!message) throw new Error(`trustee ${index} has nothing to say`);
    ceremony.apply(exchange(message));
  }
}

describe('the vectors', () => {
  it('are replayed, with the same hashes and outcome', () => {
    expect(vectors).toHaveLength(3);
    for (const vector of vectors) {
      const ceremony = Ceremony.replay(record(vector));
      expect(ceremony.hash, vector.name).toBe(vector.ceremony_hash);
      expect(ceremony.setup).toEqual(vector.setup);
      expect(ceremony.outcome()).toEqual(vector.outcome);
      expect(hex(encodeRecord(ceremony.record))).toBe(vector.record);
      expect(ceremony.record.events.map((event) => (event === 'close' ? event : hex(encode(signedMessage, event))))).toEqual(vector.events);
    }
  });

  it('are said byte for byte by dealers of the same seeds', () => {
    for (const vector of vectors) {
      const dealers = dealersOf(vector);
      const ceremony = new Ceremony(vector.setup);
      for (const event of record(vector).events) {
        if (event === 'close') {
          ceremony.close();
          continue;
        }
        const { trustee, step } = event.message;
        // One dealer of the vectors lies, and only then.
        if (!(vector === troubled && step.do === 'deal' && trustee === 1)) expect(dealerOf(dealers, trustee).nextStep(ceremony)).toEqual(event);
        ceremony.apply(event);
      }
      const shares = dealers.flatMap((dealer) => (ceremony.active.includes(dealer.index) ? [dealer.finish(ceremony)] : []));
      const encoded = shares.map(({ index, secret }) => ceremony.transcript() + index.toString(16).padStart(2, '0') + '00' + toScalar(secret));
      expect(encoded).toEqual(vector.shares);
      for (const share of shares) expect(ceremony.outcome()?.trustees.some((known) => opens(share, known))).toBe(true);
    }
  });

  it('are said by dealers who have nothing but their keys', () => {
    const vector = named('dealers of their keys');
    const dealers = vector.dealers.map(({ signing_seed }) => Dealer.ofKey(vector.setup, unhex(signing_seed)));
    const ceremony = new Ceremony(vector.setup);
    carryThrough(ceremony, dealers);
    expect(hex(encodeRecord(ceremony.record))).toBe(vector.record);
    // Made again from its key, a trustee gets the same share: a break loses nothing.
    const again = Dealer.ofKey(vector.setup, keyOf(vector, 2)).finish(ceremony);
    expect(again).toEqual(dealerOf(dealers, 2).finish(ceremony));
  });

  it('have every flipped byte refused', () => {
    const flipped = (bytes: Uint8Array, at: number): Uint8Array => bytes.map((byte, place) => (place === at ? byte ^ (1 << at % 8) : byte));
    const whole = unhex(plain.record);
    const setupBytes = 2 + 2 + 32 + 4 + 4 + 3 * 32;
    for (let at = 0; at < setupBytes + 4; at += 1)
      expect(codeOf(() => Ceremony.replay(decodeRecord(flipped(whole, at)))), `byte ${at}`).toMatch(/^(malformed|ceremony_)/);
    // What is refused changes nothing, so one state serves for all bytes of the event that follows it: one of each kind.
    const { events } = record(plain);
    for (const [place, event] of events.entries()) {
      if (event === 'close' || event.message.trustee !== 1) continue;
      const state = after(plain, place);
      const bytes = unhex(plain.events[place] ?? '');
      for (const at of bytes.keys())
        expect(codeOf(() => state.apply(decode(signedMessage, flipped(bytes, at), 10_000))), `event ${place}, byte ${at}`).toMatch(/^(malformed|ceremony_)/);
      state.apply(event);
    }
  });

  it('have every event cut off or doubled noticed', () => {
    const { setup, events } = record(plain);
    expect(Ceremony.replay({ setup, events: events.slice(0, -1) }).outcome()).toBeNull();
    for (const [at, event] of events.entries()) {
      const without = [...events.slice(0, at), ...events.slice(at + 1)];
      expect(codeOf(() => Ceremony.replay({ setup, events: without })) ?? Ceremony.replay({ setup, events: without }).phase, `event ${at}`).not.toBe('done');
      const twice = [...events.slice(0, at), event, ...events.slice(at)];
      expect(codeOf(() => Ceremony.replay({ setup, events: twice })), `event ${at}`).toMatch(/ceremony_(twice|phase)/);
    }
  });
});

describe('trustees who lie', () => {
  const G = encodePoint(Point.BASE);

  it('are refused with the code of what is wrong', () => {
    const [commit] = record(plain).events as [SignedMessage];
    const reveal = record(plain).events[3] as SignedMessage;
    const points = reveal.message.step.do === 'reveal' ? reveal.message.step.points : null;
    const deal = record(plain).events[6] as SignedMessage;
    const shares = deal.message.step.do === 'deal' ? deal.message.step.shares : [];
    if (!points || shares.length !== 2) throw new Error('other vectors');
    const wrong: [string, number, SignedMessage][] = [
      ['ceremony_other', 0, say(plain, 1, commit.message.step, troubled.ceremony_hash)],
      ['ceremony_trustee', 0, { ...commit, message: { ...commit.message, trustee: 4 } }],
      ['ceremony_trustee', 0, { ...commit, message: { ...commit.message, trustee: 0 } }],
      ['ceremony_signature', 0, { ...commit, message: { ...commit.message, trustee: 2 } }],
      ['ceremony_phase', 0, say(plain, 1, { do: 'check', dealers: [] })],
      ['ceremony_twice', 1, commit],
      ['ceremony_coefficients', 3, say(plain, 1, { do: 'reveal', points: { ...points, coefficients: points.coefficients.slice(1) } })],
      ['ceremony_commitment', 3, say(plain, 1, { do: 'reveal', points: { ...points, transport: { ...points.transport, point: G } } })],
      ['ceremony_proof', 3, say(plain, 1, { do: 'reveal', points: { ...points, transport: { ...points.transport, response: toScalar(5n) } } })],
      ['sealed_point', 3, say(plain, 1, { do: 'reveal', points: { ...points, transport: { ...points.transport, commitment: `01${'00'.repeat(31)}` } } })],
      ['ceremony_recipients', 6, say(plain, 1, { do: 'deal', shares: shares.slice(1) })],
      ['ceremony_recipients', 6, say(plain, 1, { do: 'deal', shares: [...shares].reverse() })],
      ['sealed_identity', 6, say(plain, 1, { do: 'deal', shares: shares.map((share) => ({ ...share, ephemeral: '00'.repeat(32) })) })],
      ['sealed_point', 6, say(plain, 1, { do: 'deal', shares: shares.map((share) => ({ ...share, ephemeral: 'ff'.repeat(32) })) })],
      ['ceremony_complaints', 9, say(plain, 1, { do: 'check', dealers: [1] })],
      ['ceremony_complaints', 9, say(plain, 1, { do: 'check', dealers: [3, 2] })],
      ['ceremony_complaints', 9, say(plain, 1, { do: 'check', dealers: [7] })],
      ['ceremony_transcript', 12, say(plain, 1, { do: 'sign', hash: '00'.repeat(64) })],
    ];
    for (const [code, events, message] of wrong) {
      const ceremony = after(plain, events);
      const before = JSON.stringify(ceremony.record);
      expect(codeOf(() => ceremony.apply(message)), `${code} after ${events}`).toBe(code);
      expect(JSON.stringify(ceremony.record), 'nothing changes').toBe(before);
    }
    // The neutral element as a coefficient, committed to: the key would lack this trustee.
    const none = { ...points, coefficients: points.coefficients.map((one) => ({ ...one, point: '00'.repeat(32) })) };
    const ceremony = new Ceremony(plain.setup);
    expect(codeOf(() => ceremony.close())).toBe('ceremony_too_few');
    ceremony.apply(say(plain, 1, { do: 'commit', hash: commitment(plain.ceremony_hash, 1, none.coefficients, none.transport) }));
    for (const event of record(plain).events.slice(1, 3)) ceremony.apply(event as SignedMessage);
    expect(codeOf(() => ceremony.apply(say(plain, 1, { do: 'reveal', points: none })))).toBe('sealed_identity');
    expect(codeOf(() => after(plain, 12).close())).toBe('ceremony_unsigned');
    expect(() => after(plain, 15).close(), 'nothing is left to close').not.toThrow();
  });

  it('deal a wrong share, are complained of, and open it or are left out', () => {
    const dealers = dealersOf(plain);
    const ceremony = new Ceremony(plain.setup);
    const spoil = (message: SignedMessage): SignedMessage => {
      const { step, trustee } = message.message;
      if (step.do !== 'deal' || trustee !== 2) return message;
      const [first, ...others] = step.shares;
      return say(plain, 2, { do: 'deal', shares: first ? [{ ...first, sealed: '00'.repeat(48) }, ...others] : [] });
    };
    while (ceremony.phase !== 'check') {
      const [index] = ceremony.missing();
      const message = dealerOf(dealers, index ?? 0).nextStep(ceremony);
      if (message) ceremony.apply(spoil(message));
    }
    const complaint = dealerOf(dealers, 1).nextStep(ceremony);
    expect(complaint?.message.step).toEqual({ do: 'check', dealers: [2] });
    const forked = Ceremony.replay(ceremony.record);
    carryThrough(ceremony, dealers);
    expect(ceremony.record.events.some((event) => event !== 'close' && event.message.step.do === 'open')).toBe(true);
    expect(ceremony.active).toEqual([1, 2, 3]);
    for (const index of [1, 2, 3]) expect(opens(dealerOf(dealers, index).finish(ceremony), ceremony.outcome()?.trustees[index - 1] ?? { index: 0, public: '' })).toBe(true);

    // Asked to open, the dealer shows a share that does not fit, and then nothing.
    while (forked.phase === 'check') forked.apply(dealerOf(dealers, forked.missing()[0] ?? 0).nextStep(forked) as SignedMessage);
    expect(forked.missing()).toEqual([2]);
    expect(codeOf(() => forked.apply(say(plain, 2, { do: 'open', shares: [{ recipient: 1, share: toScalar(7n) }] })))).toBe('ceremony_share');
    expect(codeOf(() => forked.apply(say(plain, 2, { do: 'open', shares: [] })))).toBe('ceremony_openings');
    forked.close();
    expect(forked.active).toEqual([1, 3]);
    expect(codeOf(() => dealerOf(dealers, 2).nextStep(forked))).toBe('excluded');
    carryThrough(forked, dealers);
    expect(forked.outcome()?.trustees.map(({ index }) => index)).toEqual([1, 3]);
  });

  it('accused by as many as decrypt are left out at once', () => {
    const ceremony = after(plain, 9);
    ceremony.apply(say(plain, 1, { do: 'check', dealers: [2] }));
    ceremony.apply(say(plain, 2, { do: 'check', dealers: [] }));
    ceremony.apply(say(plain, 3, { do: 'check', dealers: [2] }));
    expect([ceremony.phase, ceremony.active]).toEqual(['sign', [1, 3]]);
  });
});

describe('keys', () => {
  it('of nobody, or of another ceremony, do nothing', () => {
    const stranger = new Uint8Array(32).fill(9);
    expect(codeOf(() => Dealer.ofKey(plain.setup, stranger))).toBe('not_a_trustee');
    expect(codeOf(() => dealerOf(dealersOf(plain), 1).nextStep(Ceremony.replay(record(troubled))))).toBe('other_ceremony');
    expect(codeOf(() => dealerOf(dealersOf(plain), 1).finish(after(plain, 12)))).toBe('wrong_time');
    // The right key with another seed signs, and is found out by its shares.
    const forgetful = new Dealer(plain.setup, keyOf(plain, 1), new Uint8Array(32));
    expect(codeOf(() => forgetful.finish(Ceremony.replay(record(plain))))).toBe('wrong_share');
  });

  it('that cannot be, or come twice, make no ceremony', () => {
    const { setup } = plain;
    const [one = ''] = setup.trustees;
    const wrong: Partial<CeremonySetup>[] = [
      { parameters: { trustees: 3, threshold: 0 } },
      { parameters: { trustees: 3, threshold: 4 } },
      { parameters: { trustees: 2, threshold: 2 } },
      { trustees: [one, one, setup.trustees[2] ?? ''] },
      { trustees: [one, setup.trustees[1] ?? '', '00'.repeat(32)] },
    ];
    for (const change of wrong) expect(codeOf(() => new Ceremony({ ...setup, ...change })), JSON.stringify(change)).toBe('ceremony_setup');
  });

  it('stand in files as the program writes them', () => {
    const key = keyOf(plain, 1);
    const file = writeKeyFile(key);
    expect(new TextDecoder().decode(file)).toBe(`${plain.dealers[0]?.signing_seed}\n`);
    expect(readKeyFile(file)).toEqual(key);
    expect(hex(publicKey(readKeyFile(file) ?? new Uint8Array()))).toBe(plain.setup.trustees[0]);
    const text = (content: string) => readKeyFile(new TextEncoder().encode(content));
    expect(text(`  ${hex(key)}\r\n`)).toEqual(key);
    for (const no of ['', 'key', hex(key).slice(1), hex(key).toUpperCase(), `${hex(key)} ${hex(key)}`, ' '.repeat(2_000)]) expect(text(no), no.slice(0, 20)).toBeNull();
  });
});
