/** The hash of sealed ballots (docs/SPEC.md, 20.1): SHA-512 under a tag, every input preceded by its length. */
import { sha512 } from '@noble/hashes/sha2.js';

import { concat, encode, hex, u16, u32, unhex } from '../ballot/codec';
import { prefix } from '../ballot/hash';
import { littleEndian, ORDER } from '../ballot/sealed';

/** A number of two or four bytes among the inputs. */
export const number16 = (value: number): Uint8Array => encode(u16, value);
export const number32 = (value: number): Uint8Array => encode(u32, value);

/** Inputs are bytes, or hexadecimal for what is kept so. */
export type Input = Uint8Array | string;

function digest(tag: string, inputs: readonly Input[]): Uint8Array {
  const bytes = inputs.map((input) => (typeof input === 'string' ? unhex(input) : input));
  const parts = bytes.flatMap((input) => [number32(input.length), input]);
  return sha512(concat(prefix(tag), ...parts));
}

/** H, in hexadecimal. */
export const hash = (tag: string, ...inputs: readonly Input[]): string => hex(digest(tag, inputs));

/** H_q. */
export const challenge = (tag: string, ...inputs: readonly Input[]): bigint =>
  littleEndian(digest(tag, inputs)) % ORDER;
