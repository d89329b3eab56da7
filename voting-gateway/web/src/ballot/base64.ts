/**
 * Base64 as the API has it: the standard alphabet with padding, and one text for the same bytes.
 */
import { Malformed } from './codec';

export function toBase64(bytes: Uint8Array): string {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
}

/** At most `limit` bytes; anything else than the one spelling of some bytes is refused. */
export function fromBase64(base64: string, limit: number): Uint8Array<ArrayBuffer> {
  if (base64.length > 4 * Math.ceil(limit / 3)) throw new Malformed('longer than allowed');
  if (base64.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(base64)) throw new Malformed('not base64');
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  if (toBase64(bytes) !== base64) throw new Malformed('not the canonical base64 of anything');
  return bytes;
}
