/** Shares on their way: hashed ElGamal with HKDF-SHA-512 and ChaCha20-Poly1305 (docs/SPEC.md, 20.3). */
import { chacha20poly1305 } from '@noble/ciphers/chacha.js';
import { hkdf } from '@noble/hashes/hkdf.js';
import { sha512 } from '@noble/hashes/sha2.js';

import { concat, encode, hex, Malformed, Reader, u16, unhex } from '../../ballot/codec';
import { prefix } from '../../ballot/hash';
import { scalar } from '../../ballot/sealed';
import { decodePoint, type Element, encodePoint, isIdentity, Point, times, toBigInt, toScalar } from '../group';
import type { EncryptedShare } from './messages';

/** From whom to whom a share goes, in which ceremony. */
export interface Route {
  ceremony: string;
  dealer: number;
  recipient: number;
  /** κ of the recipient. */
  transport: string;
}

/** A key encrypts one message, so its nonce may be constant. */
const NONCE = new Uint8Array(12);

const associatedData = ({ ceremony, dealer, recipient }: Route): Uint8Array =>
  concat(unhex(ceremony), encode(u16, dealer), encode(u16, recipient));

function cipherOf(route: Route, shared: Element, ephemeral: string) {
  const info = concat(prefix('voting/sealed-share-key/v1'), associatedData(route), unhex(ephemeral), unhex(route.transport));
  const key = hkdf(sha512, shared.toBytes(), undefined, info, 32);
  return chacha20poly1305(key, NONCE, associatedData(route));
}

/** Encrypts a share with the randomness e. The recipient's transport key has been verified. */
export function sealShare(route: Route, share: bigint, e: bigint, transport: Element): EncryptedShare {
  const ephemeral = encodePoint(times(Point.BASE, e));
  const sealed = cipherOf(route, times(transport, e), ephemeral).encrypt(unhex(toScalar(share)));
  return { recipient: route.recipient, ephemeral, sealed: hex(sealed) };
}

/** Decrypts a share with the recipient's secret transport key; null if it is not what was encrypted for it. */
export function openShare(route: Route, { ephemeral, sealed }: EncryptedShare, secret: bigint): bigint | null {
  const element = isIdentity(ephemeral) ? null : decodePoint(ephemeral);
  if (!element) return null;
  let plain: Uint8Array;
  try {
    plain = cipherOf(route, times(element, secret), ephemeral).decrypt(unhex(sealed));
  } catch {
    return null; // the tag is not right
  }
  try {
    return toBigInt(scalar.read(new Reader(plain)));
  } catch (error) {
    if (error instanceof Malformed) return null;
    throw error;
  }
}
