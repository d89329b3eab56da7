/** Which parts of the hash slots of Redis are served, and by which shard. Pure. */
import type { Shard } from './types';

export const SLOTS = 16_384;

export interface Segment {
  first: number;
  last: number;
  /** Place of the shard; null where nobody serves. */
  shard: number | null;
}

/** A shard serves where one of its masters is online. */
const serves = ({ servers }: Shard): boolean => servers.some(({ role, health }) => role === 'master' && health === 'online');

/** The whole bar from left to right, gaps included. */
export function segmentsOf(shards: readonly Shard[]): Segment[] {
  const served = shards
    .flatMap((shard, place) =>
      shard.slots.map(([first = 0, last = first]): Segment => ({ first, last, shard: serves(shard) ? place : null })),
    )
    .sort((a, b) => a.first - b.first);
  const segments: Segment[] = [];
  let next = 0;
  for (const segment of served) {
    if (segment.first > next) segments.push({ first: next, last: segment.first - 1, shard: null });
    segments.push(segment);
    next = segment.last + 1;
  }
  if (next < SLOTS) segments.push({ first: next, last: SLOTS - 1, shard: null });
  return segments;
}
