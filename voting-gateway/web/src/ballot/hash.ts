/**
 * SHA-256 under the domain tags of the specification (section 2). The browser's own where it offers one: only pages from
 * https or from this machine have `crypto.subtle`; elsewhere a library is loaded.
 */
import { type Codec, concat, encode, hex } from './codec';

export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const subtle = globalThis.crypto?.subtle as SubtleCrypto | undefined;
  if (subtle) return new Uint8Array(await subtle.digest('SHA-256', bytes));
  const { sha256: digestOf } = await import('@noble/hashes/sha2.js');
  return digestOf(bytes);
}

/** What stands before everything that is hashed or signed: length and letters of its tag. */
export function prefix(tag: string): Uint8Array {
  return Uint8Array.from([tag.length, ...new TextEncoder().encode(tag)]);
}

/** What is signed: the tag, then the encoding. */
export function tagged<T>(tag: string, codec: Codec<T>, value: T): Uint8Array<ArrayBuffer> {
  return concat(prefix(tag), encode(codec, value));
}

/** Digest of a value, in hexadecimal. */
export async function digest<T>(tag: string, codec: Codec<T>, value: T): Promise<string> {
  return hex(await sha256(tagged(tag, codec, value)));
}

/** Hash of parts of fixed length, or of a single one, in hexadecimal. */
export async function parts(tag: string, ...pieces: readonly Uint8Array[]): Promise<string> {
  return hex(await sha256(concat(prefix(tag), ...pieces)));
}
