/** So many fresh random bytes. */
export type Random = (length: number) => Uint8Array;

/** The browser's own. */
export const browserRandom: Random = (length) => crypto.getRandomValues(new Uint8Array(length));
