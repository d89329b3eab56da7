/** SHA-256 at once rather than when the browser gets round to it: thousands of small inputs are hashed here. */
import { sha256 } from '@noble/hashes/sha2.js';

import { type Codec, concat, hex } from '../ballot/codec';
import { prefix, tagged } from '../ballot/hash';

export const digestOf = <T>(tag: string, codec: Codec<T>, value: T): string => hex(sha256(tagged(tag, codec, value)));

export function partsOf(tag: string, ...pieces: readonly Uint8Array[]): string {
  return hex(sha256(concat(prefix(tag), ...pieces)));
}

export const leafOf = (data: Uint8Array): Uint8Array => sha256(concat(Uint8Array.of(0), data));

/** The root over hashes of leaves (RFC 6962, section 2.1). */
export function rootOf(leaves: readonly Uint8Array[]): Uint8Array {
  const [first] = leaves;
  if (first === undefined) return sha256(new Uint8Array());
  if (leaves.length === 1) return first;
  let split = 1;
  while (split * 2 < leaves.length) split *= 2;
  return sha256(concat(Uint8Array.of(1), rootOf(leaves.slice(0, split)), rootOf(leaves.slice(split))));
}
