/** For tests: the vectors of sealed elections, and random bytes that are the same every time. */
import { sha512 } from '@noble/hashes/sha2.js';

import { concat, encode, u64 } from '../ballot/codec';
import { vectors } from '../ballot/testing';
import type { Random } from './random';

export interface SealedVector {
  kind: string;
  name: string;
  [field: string]: unknown;
}

const all = vectors<SealedVector[]>('sealed.json');

export const sealedVectors = <T extends SealedVector>(kind: string): T[] => all.filter((vector) => vector.kind === kind) as T[];

/** The random bytes of a seed: SHA-512 of seed and counter, block after block. */
export function draws(seed: string): Random {
  let counter = 0n;
  let left: Uint8Array = new Uint8Array();
  return (length) => {
    while (left.length < length) left = concat(left, sha512(concat(new TextEncoder().encode(seed), encode(u64, counter++))));
    const bytes = left.subarray(0, length);
    left = left.subarray(length);
    return bytes;
  };
}
