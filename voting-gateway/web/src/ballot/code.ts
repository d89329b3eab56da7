/**
 * The code of a ballot that people note down: the first 20 bytes of its hash in Crockford's base 32, eight groups of four.
 */
import { unhex } from './codec';

const DIGITS = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const CODE_BYTES = 20;

export function codeOfHash(hash: string): string {
  if (!/^[0-9a-f]{64}$/.test(hash)) throw new RangeError('a ballot hash is 64 lower-case hexadecimal digits');
  let digits = '';
  let bits = 0;
  let held = 0;
  for (const byte of unhex(hash).subarray(0, CODE_BYTES)) {
    held = (held << 8) | byte;
    for (bits += 8; bits >= 5; bits -= 5) digits += DIGITS[(held >> (bits - 5)) & 31];
    held &= 31;
  }
  return grouped(digits);
}

/** The code that somebody typed, or null: case, dashes and blanks do not matter, and letters that look like digits are taken as such. */
export function normalizeCode(text: string): string | null {
  if (text.length > 200) return null;
  const typed = text
    .replace(/[\s\p{Pd}]/gu, '')
    .toUpperCase()
    .replaceAll('O', '0')
    .replace(/[IL]/g, '1');
  return /^[0-9A-HJKMNP-TV-Z]{32}$/.test(typed) ? grouped(typed) : null;
}

function grouped(digits: string): string {
  return digits.match(/.{4}/g)?.join('-') ?? '';
}
