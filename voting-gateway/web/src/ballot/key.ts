/**
 * The voter's key of one election, made once and kept in this browser: a certified key cannot be replaced. Where the browser
 * has Ed25519 of its own, no script can ever read the secret; elsewhere a seed is kept beside it.
 */
import { hex } from './codec';
import { readOrAdd, read, StoreError, type StoreKey } from './store';

export interface VoterKey {
  /** 64 hexadecimal digits. */
  publicKey: string;
  sign(message: Uint8Array): Promise<Uint8Array>;
  /** Who holds the secret: the browser, out of reach of scripts, or this program. */
  storage: 'webcrypto' | 'software';
}

/** What is kept. */
type Kept =
  | { storage: 'webcrypto'; publicKey: string; secret: CryptoKey }
  | { storage: 'software'; publicKey: string; seed: Uint8Array };

const ALGORITHM = 'Ed25519';

/** The key of an account in an election: the one kept, or a new one. */
export async function voterKey(accountId: string, electionId: string): Promise<VoterKey> {
  const place: StoreKey = [accountId, electionId];
  const there = (await read('keys', place)) as Kept | undefined;
  return usable(there ?? (await keepNew(place)));
}

async function keepNew(place: StoreKey): Promise<Kept> {
  const own = await newBrowserKey();
  if (!own) return (await readOrAdd('keys', place, await newSoftwareKey())) as Kept;
  try {
    return (await readOrAdd('keys', place, own)) as Kept;
  } catch (error) {
    // Some browsers make such keys and cannot keep them.
    if (!(error instanceof StoreError && error.code === 'unstorable')) throw error;
    return (await readOrAdd('keys', place, await newSoftwareKey())) as Kept;
  }
}

/** Null where the browser does not know the algorithm, or offers none to this page. */
async function newBrowserKey(): Promise<Kept | null> {
  const subtle = globalThis.crypto?.subtle as SubtleCrypto | undefined;
  if (!subtle) return null;
  try {
    const pair = (await subtle.generateKey(ALGORITHM, false, ['sign', 'verify'])) as CryptoKeyPair;
    const publicKey = hex(new Uint8Array(await subtle.exportKey('raw', pair.publicKey)));
    return { storage: 'webcrypto', publicKey, secret: pair.privateKey };
  } catch {
    return null;
  }
}

async function newSoftwareKey(): Promise<Kept> {
  const { newSeed } = await import('./strict');
  const { seed, key } = newSeed();
  return { storage: 'software', publicKey: hex(key), seed };
}

function usable(kept: Kept): VoterKey {
  const { storage, publicKey } = kept;
  if (kept.storage === 'webcrypto') {
    return {
      storage,
      publicKey,
      sign: async (message) =>
        new Uint8Array(await crypto.subtle.sign(ALGORITHM, kept.secret, new Uint8Array(message))),
    };
  }
  return {
    storage,
    publicKey,
    sign: async (message) => (await import('./strict')).sign(kept.seed, message),
  };
}
