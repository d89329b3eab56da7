// @vitest-environment node
import { IDBFactory } from 'fake-indexeddb';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { makeBallot } from './ballot';
import { unhex } from './codec';
import { voterKey } from './key';
import { pending } from './pending';
import { write } from './store';
import { verify } from './strict';

const ELECTION = '7a'.repeat(16);
const CONTEXT = { electionId: ELECTION, context: 'c0'.repeat(32), chain: 'c1'.repeat(32), sequence: 1 };
const message = new TextEncoder().encode('message');

/** A browser as it is on a page that is not secure, or that does not know the algorithm. */
function without(subtle: Partial<SubtleCrypto> | undefined): void {
  const { getRandomValues } = crypto;
  vi.stubGlobal('crypto', { subtle, getRandomValues: getRandomValues.bind(crypto) });
}

beforeEach(() => vi.stubGlobal('indexedDB', new IDBFactory()));
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

describe('the voter’s key', () => {
  it('is made once, and no script can read it', async () => {
    const extracted = vi.spyOn(crypto.subtle, 'generateKey');
    const key = await voterKey('alice', ELECTION);
    expect(extracted).toHaveBeenCalledWith('Ed25519', false, ['sign', 'verify']);
    expect(key.storage).toBe('webcrypto');
    const again = await voterKey('alice', ELECTION);
    expect(again.publicKey).toBe(key.publicKey);
    for (const one of [key, again]) expect(verify(unhex(key.publicKey), message, await one.sign(message))).toBe(true);
  });

  it('is another one in another election, and for another account', async () => {
    const keys = await Promise.all([
      voterKey('alice', ELECTION),
      voterKey('alice', '00'.repeat(16)),
      voterKey('bob', ELECTION),
    ]);
    expect(new Set(keys.map(({ publicKey }) => publicKey)).size).toBe(3);
  });

  it('is one for tabs that make it at the same time', async () => {
    const keys = await Promise.all(Array.from({ length: 8 }, () => voterKey('alice', ELECTION)));
    expect(new Set(keys.map(({ publicKey }) => publicKey)).size).toBe(1);
    for (const key of keys) expect(verify(unhex(key.publicKey), message, await key.sign(message))).toBe(true);
  });

  it.each([
    ['no WebCrypto', undefined],
    [
      'WebCrypto without Ed25519',
      { generateKey: () => Promise.reject(new DOMException('no', 'NotSupportedError')) } as unknown as SubtleCrypto,
    ],
  ])('is held by this program where there is %s', async (_, subtle) => {
    without(subtle);
    const key = await voterKey('alice', ELECTION);
    expect(key.storage).toBe('software');
    expect((await voterKey('alice', ELECTION)).publicKey).toBe(key.publicKey);
    expect(verify(unhex(key.publicKey), message, await key.sign(message))).toBe(true);
  });

  it('is held by this program where the browser cannot keep its own', async () => {
    const secret = { privateKey: () => 'functions cannot be cloned' };
    const subtle = {
      generateKey: () => Promise.resolve({ privateKey: secret.privateKey }),
      exportKey: () => Promise.resolve(new ArrayBuffer(32)),
    };
    without(subtle as unknown as SubtleCrypto);
    const key = await voterKey('alice', ELECTION);
    expect(key.storage).toBe('software');
    expect(verify(unhex(key.publicKey), message, await key.sign(message))).toBe(true);
  });

  it('seals the same ballot where no WebCrypto is', async () => {
    without(undefined);
    const ballot = await makeBallot(CONTEXT, await voterKey('alice', ELECTION), ['blank']);
    vi.unstubAllGlobals();
    const tagged = Buffer.concat([Uint8Array.of(16), Buffer.from('voting/ballot/v1'), ballot.bytes.subarray(0, -64)]);
    expect(Buffer.from(await crypto.subtle.digest('SHA-256', tagged)).toString('hex')).toBe(ballot.hash);
  });
});

describe('a sealed ballot', () => {
  it('is kept until its fate is known', async () => {
    const ballot = await makeBallot(CONTEXT, await voterKey('alice', ELECTION), [{ marks: [1] }]);
    expect(await pending.load('alice', ELECTION)).toBeNull();
    await pending.save('alice', ballot);
    expect(await pending.load('alice', ELECTION)).toEqual(ballot);
    expect(await pending.load('bob', ELECTION)).toBeNull();
    await pending.clear('alice', ELECTION);
    expect(await pending.load('alice', ELECTION)).toBeNull();
    expect(await voterKey('alice', ELECTION)).toMatchObject({ publicKey: ballot.voter });
  });

  it('is not one if it cannot be read, or is for another election', async () => {
    await write('pending', ['alice', ELECTION], { bytes: Uint8Array.of(1, 2, 3), madeAt: '' });
    expect(await pending.load('alice', ELECTION)).toBeNull();
    const ballot = await makeBallot(CONTEXT, await voterKey('alice', ELECTION), ['blank']);
    await write('pending', ['alice', 'other'], { bytes: ballot.bytes, madeAt: '' });
    expect(await pending.load('alice', 'other')).toBeNull();
  });
});

describe('a browser that keeps nothing', () => {
  const attempts = () => [
    voterKey('alice', ELECTION),
    pending.load('alice', ELECTION),
    pending.clear('alice', ELECTION),
  ];
  const eachFailsWith = async (code: string) => {
    for (const outcome of await Promise.allSettled(attempts())) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { name: 'StoreError', code } });
    }
  };

  it('has no IndexedDB', async () => {
    vi.stubGlobal('indexedDB', undefined);
    await eachFailsWith('unavailable');
  });

  it('does not let the page open one', async () => {
    const open = () => {
      throw new DOMException('denied', 'SecurityError');
    };
    vi.stubGlobal('indexedDB', { open });
    await eachFailsWith('unavailable');
  });

  it('fails to open one', async () => {
    const open = () => {
      const request = { error: new DOMException('disk'), onerror: () => undefined };
      queueMicrotask(() => request.onerror());
      return request;
    };
    vi.stubGlobal('indexedDB', { open });
    await eachFailsWith('unavailable');
  });

  it('never answers', async () => {
    vi.useFakeTimers();
    vi.stubGlobal('indexedDB', { open: () => ({}) });
    const outcome = eachFailsWith('blocked');
    await vi.advanceTimersByTimeAsync(5_000);
    await outcome;
  });

  it('is full', async () => {
    const { IDBObjectStore } = await import('fake-indexeddb');
    const put = vi.spyOn(IDBObjectStore.prototype, 'put').mockImplementation(() => {
      throw new DOMException('full', 'QuotaExceededError');
    });
    const ballot = await makeBallot(CONTEXT, await voterKey('alice', ELECTION), ['blank']);
    await expect(pending.save('alice', ballot)).rejects.toMatchObject({ name: 'StoreError', code: 'full' });
    put.mockRestore();
  });
});
