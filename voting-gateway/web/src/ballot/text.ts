/**
 * Rules for text that people read (section 4 of the specification): two names that look the same are the same bytes, and a
 * name does not change how its surroundings are read.
 */

const EDGE_SPACE =
  /^[\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]|[\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]$/u;

const HIDDEN =
  /[\0-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\u{e0000}-\u{e0fff}]/u;

/** Whether a text is a line of at most so many bytes. */
export function isLine(text: string, maxBytes: number): boolean {
  return (
    text !== '' &&
    new TextEncoder().encode(text).length <= maxBytes &&
    !EDGE_SPACE.test(text) &&
    !HIDDEN.test(text) &&
    text.normalize('NFC') === text
  );
}
