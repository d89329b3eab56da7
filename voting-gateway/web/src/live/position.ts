/**
 * Positions in the ledger, `HEIGHT.INDEX`: two numbers, not a text, and heights may need 64 bits.
 */

export interface Position {
  /** As the gateway wrote it, to be given back. */
  text: string;
  height: bigint;
  index: number;
}

export function parsePosition(text: unknown): Position | null {
  if (typeof text !== 'string') return null;
  const parts = /^(0|[1-9]\d{0,19})\.(0|[1-9]\d{0,9})$/.exec(text);
  return parts ? { text, height: BigInt(parts[1] ?? ''), index: Number(parts[2]) } : null;
}

/** Whether one is behind another in the ledger. */
export function isAfter(one: Position, other: Position): boolean {
  return one.height === other.height ? one.index > other.index : one.height > other.height;
}
