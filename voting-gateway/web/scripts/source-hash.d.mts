/** Digest of what dist is built from, in hexadecimal. */
export function sourceHash(): string;
