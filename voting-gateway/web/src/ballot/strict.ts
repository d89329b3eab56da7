/**
 * Ed25519 under the specification's strict rule (section 3), and signing where the browser offers none. Browsers differ about
 * odd keys and signatures, and the library's own `verify` uses the equation with cofactor, so the rule is spelled out here on
 * its points. Loaded on demand: it brings the curve with it.
 */
import { ed25519 } from '@noble/curves/ed25519.js';
import { sha512 } from '@noble/hashes/sha2.js';

import { concat, equal } from './codec';

const { Point } = ed25519;
type CurvePoint = InstanceType<typeof Point>;

/** A point in its one encoding that is not of small order, or null. */
function decodePoint(bytes: Uint8Array): CurvePoint | null {
  try {
    const point = Point.fromBytes(bytes);
    return point.isSmallOrder() ? null : point;
  } catch {
    return null;
  }
}

function littleEndian(bytes: Uint8Array): bigint {
  return bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

/** Whether a key may stand for anybody. */
export function isUsableKey(key: Uint8Array): boolean {
  return key.length === 32 && decodePoint(key) !== null;
}

/** Whether a signature is valid under a key: [S]B − [k]A is, byte for byte, R. */
export function verify(key: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (key.length !== 32 || signature.length !== 64) return false;
  const order = Point.Fn.ORDER;
  const r = signature.subarray(0, 32);
  const s = littleEndian(signature.subarray(32));
  const point = decodePoint(key);
  if (!point || s >= order || !decodePoint(r)) return false;
  const k = littleEndian(sha512(concat(r, key, message))) % order;
  return equal(Point.BASE.multiplyUnsafe(s).subtract(point.multiplyUnsafe(k)).toBytes(), r);
}

/** A new secret seed and its key. */
export function newSeed(): { seed: Uint8Array; key: Uint8Array } {
  const { secretKey, publicKey } = ed25519.keygen();
  return { seed: secretKey, key: publicKey };
}

export function publicKey(seed: Uint8Array): Uint8Array {
  return ed25519.getPublicKey(seed);
}

export function sign(seed: Uint8Array, message: Uint8Array): Uint8Array {
  return ed25519.sign(message, seed);
}
