// @vitest-environment node
/**
 * Authorities that change: the handovers and receipts that the vectors pin, and every way to damage a handover.
 */
import { describe, expect, it } from 'vitest';

import { toBase64 } from './base64';
import { decode, encode, hex, unhex } from './codec';
import { decodeHandover, Epochs, handover, NotProved } from './epochs';
import { decodeGenesis, genesisDigest } from './genesis';
import { digest } from './hash';
import { header } from './ledger';
import { checkReceipt } from './receipt';
import { vectors, vectorsOf } from './testing';

const FILE = 'epochs.json';
const bytesOf = (type: string) => vectorsOf(FILE, type).map((vector) => unhex(vector.hex));
const [genesis = new Uint8Array()] = bytesOf('voting/genesis/v1');
const handovers = bytesOf('voting/handover/v1');
const receipts = bytesOf('voting/receipt/v1');
const proved = async (proofs: Uint8Array[]) => {
  const value = decodeGenesis(genesis);
  return Epochs.proved(value, await genesisDigest(value), proofs.map(decodeHandover));
};

describe('handovers of the vectors', () => {
  it('are encoded as they are', async () => {
    expect(handovers).toHaveLength(2);
    for (const vector of vectorsOf(FILE, 'voting/handover/v1')) {
      const value = decode(handover, unhex(vector.hex), 1 << 20);
      expect(hex(encode(handover, value))).toBe(vector.hex);
      expect(await digest('voting/handover/v1', handover, value)).toBe(vector.digest);
    }
    const [ended] = vectorsOf(FILE, 'voting/header/v1');
    const value = decode(header, unhex(ended?.hex ?? ''), 256);
    expect(hex(encode(header, value))).toBe(ended?.hex);
    expect(value.successor).not.toBeNull();
  });

  it('lead from the genesis to the authorities of each height', async () => {
    const first = vectors<{ name: string; epochs?: [number, number][] }[]>(FILE).find(({ epochs }) => epochs)?.epochs;
    const epochs = await proved(handovers);
    expect(first).toHaveLength(3);
    for (const [height, number] of first ?? []) {
      expect(epochs.at(BigInt(height)).number).toBe(number);
      if (number > 0) expect(epochs.at(BigInt(height - 1)).number).toBe(number - 1);
    }
  });

  it('prove nothing in another order, or with one left out', async () => {
    const [one = new Uint8Array(), two = new Uint8Array()] = handovers;
    for (const wrong of [[two], [two, one], [one, one], [one, two, two]]) {
      await expect(proved(wrong)).rejects.toThrow(NotProved);
    }
    await expect(proved([])).resolves.toBeInstanceOf(Epochs);
  });

  it('prove nothing with a changed byte', async () => {
    const [whole = new Uint8Array()] = handovers;
    for (let at = 0; at < whole.length; at += 1) {
      const changed = whole.slice();
      changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8));
      const check = await checkReceipt(toBase64(receipts[0] ?? new Uint8Array()), {
        genesis,
        handovers: [toBase64(changed)],
      });
      expect(check, `byte ${at}`).toMatchObject({ verdict: 'invalid', reason: 'invalid_genesis' });
    }
  });
});

describe('receipts across changes', () => {
  it('hold for who knows of the changes, and for nobody else', async () => {
    expect(receipts).toHaveLength(3);
    for (const [epoch, receipt] of receipts.entries()) {
      for (let known = 0; known <= handovers.length; known += 1) {
        const check = await checkReceipt(toBase64(receipt), {
          genesis,
          handovers: handovers.slice(0, known).map(toBase64),
        });
        const expected =
          known >= epoch ? { verdict: 'recorded', quorum: epoch === 0 ? 3 : 4 } : { verdict: 'invalid', reason: 'other_chain' };
        expect(check, `receipt ${epoch}, ${known} handovers`).toMatchObject(expected);
      }
    }
  });

  it('count what no base64 is as no proof', async () => {
    const check = await checkReceipt(toBase64(receipts[0] ?? new Uint8Array()), { genesis, handovers: ['<'] });
    expect(check).toMatchObject({ verdict: 'invalid', reason: 'invalid_genesis' });
  });
});
