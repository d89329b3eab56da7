// @vitest-environment node
/**
 * Receipts that the vectors pin, and every way to damage them: none holds, none throws, none hangs.
 */
import { describe, expect, it } from 'vitest';

import { toBase64 } from './base64';
import { unhex } from './codec';
import { checkReceipt } from './receipt';
import { genesisBytes, numbers, reliedOn, vectors, vectorsOf } from './testing';

const pinnedReceipts = vectorsOf('receipts.json', 'voting/receipt/v1').map((vector) => unhex(vector.hex));
const pinnedBallots = vectorsOf('entries.json', 'voting/entry/v1').filter(({ name }) => name.startsWith('ballot at'));
const ballotAt = (place: string) =>
  unhex(pinnedBallots.find(({ name }) => name === `ballot at ${place}`)?.hex ?? '').subarray(1);
const bytesOfGenesis = genesisBytes();
const genesis = reliedOn(bytesOfGenesis);
/** Election and ballot hash: the issuer's word where no ballot is at hand. */
const WORD_BYTES = 16 + 32;

describe('the receipts of the vectors', () => {
  it.each([
    [0, '8.0', '2026-05-28T20:26:48.000Z', 1],
    [1, '10.1', '2026-05-28T20:26:50.000Z', 2],
  ])('receipt %i, of the ballot at %s, holds', async (at, place, time, headers) => {
    const bytes = pinnedReceipts[at] ?? new Uint8Array();
    const value = vectorsOf('receipts.json', 'voting/receipt/v1')[at]?.value as {
      ballot: string;
      entry: string;
      election: string;
      headers: unknown[];
    };
    expect(value.headers).toHaveLength(headers);
    const check = await checkReceipt(toBase64(bytes), genesis, ballotAt(place));
    const [height, index] = place.split('.').map(Number);
    expect(check).toEqual({
      verdict: 'recorded',
      ballotChecked: true,
      electionId: value.election,
      ballotHash: value.ballot,
      code: expect.stringMatching(/^([0-9A-Z]{4}-){7}[0-9A-Z]{4}$/),
      entryHash: value.entry,
      height,
      index,
      time,
      signers: ['a0', 'a1', 'a2'],
      authorities: ['a0', 'a1', 'a2', 'a3'],
      quorum: 3,
      genesis: vectors<{ genesis: string }[]>('ids.json')[3]?.genesis,
    });
    expect(await checkReceipt(toBase64(bytes), genesis)).toEqual({ ...check, ballotChecked: false });
    expect(await checkReceipt(toBase64(bytes), genesis, ballotAt('8.2'))).toMatchObject({
      verdict: 'invalid',
      reason: 'other_ballot',
    });
    expect(await checkReceipt(toBase64(bytes), genesis, new Uint8Array(9))).toMatchObject({ reason: 'other_ballot' });
  });

  it('a flip in every byte is refused; without the ballot, all but the issuer’s word is', async () => {
    const whole = pinnedReceipts[0] ?? new Uint8Array();
    const real = await checkReceipt(toBase64(whole), genesis);
    const refused = new Map<string, number>();
    for (let at = 0; at < whole.length; at += 1) {
      const changed = whole.slice();
      // Each of the eight bits in turn.
      changed[at] = (changed[at] ?? 0) ^ (1 << (at & 7));
      const check = await checkReceipt(toBase64(changed), genesis);
      if (at >= WORD_BYTES) {
        expect(check.verdict, `byte ${at}`).toBe('invalid');
        refused.set(check.reason ?? '', (refused.get(check.reason ?? '') ?? 0) + 1);
      } else {
        const { electionId, ballotHash, code } = check;
        expect(check).toEqual({ ...real, electionId, ballotHash, code });
        expect(await checkReceipt(toBase64(changed), genesis, ballotAt('8.0'))).toMatchObject({
          reason: 'other_ballot',
        });
      }
    }
    expect([...refused.values()].reduce((sum, one) => sum + one, 0)).toBe(whole.length - WORD_BYTES);
    expect(refused.has('')).toBe(false);
  });

  it('every cut and every tail is refused', async () => {
    const whole = pinnedReceipts[1] ?? new Uint8Array();
    for (let length = 0; length < whole.length; length += 1) {
      expect(await checkReceipt(toBase64(whole.subarray(0, length)), genesis)).toMatchObject({
        reason: 'malformed_receipt',
      });
    }
    expect(await checkReceipt(toBase64(Uint8Array.of(...whole, 0)), genesis)).toMatchObject({
      reason: 'malformed_receipt',
    });
  });
});

describe('hostile input', () => {
  const refused = { verdict: 'invalid', reason: 'malformed_receipt' };

  it.each([
    ['nothing', ''],
    ['no base64', '<script>'],
    ['base64 for addresses', toBase64(Uint8Array.of(255, 255, 255)).replaceAll('/', '_')],
    ['blanks', 'AAAA AAAA'],
    ['no padding', 'AA'],
    ['too much padding', 'A==='],
    ['bits that say nothing', 'AB=='],
    ['a text without end', 'A'.repeat(50_000_000)],
    ['characters beyond base64', '\u{1f600}\u{1f600}'],
  ])('%s', async (_, text) => {
    expect(await checkReceipt(text, genesis)).toMatchObject(refused);
  });

  it('random bytes', async () => {
    const random = numbers(2);
    for (let round = 0; round < 1_000; round += 1) {
      const bytes = Uint8Array.from({ length: Math.floor(random() * 2_000) }, () => Math.floor(random() * 256));
      expect(await checkReceipt(toBase64(bytes), genesis)).toMatchObject(refused);
      expect(await checkReceipt(toBase64(bytes), reliedOn(bytes))).toMatchObject({
        verdict: 'invalid',
        reason: 'invalid_genesis',
      });
    }
  });

  it('counts of 2³² − 1 end with the input', async () => {
    const whole = pinnedReceipts[0] ?? new Uint8Array();
    for (let at = 0; at + 4 <= whole.length; at += 1) {
      const changed = whole.slice();
      changed.fill(255, at, at + 4);
      expect((await checkReceipt(toBase64(changed), genesis)).verdict).toBe(
        at < WORD_BYTES - 3 ? 'recorded' : 'invalid',
      );
    }
    for (let at = 0; at + 4 <= bytesOfGenesis.length; at += 1) {
      const changed = bytesOfGenesis.slice();
      changed.fill(255, at, at + 4);
      expect((await checkReceipt(toBase64(whole), reliedOn(changed))).verdict).toBe('invalid');
    }
  });

  it('every flip in the genesis makes it another one', async () => {
    const whole = toBase64(pinnedReceipts[0] ?? new Uint8Array());
    for (let bit = 0; bit < 8 * bytesOfGenesis.length; bit += 1) {
      const changed = bytesOfGenesis.slice();
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const { verdict, reason } = await checkReceipt(whole, reliedOn(changed));
      expect([verdict, ['invalid_genesis', 'other_chain'].includes(reason ?? '')]).toEqual(['invalid', true]);
    }
  });
});
