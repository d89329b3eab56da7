/** States of a network for tests. */
import type { Authority, Block, Health, Status } from './types';

export const authority = (index: number, health: Health = 'alive', more: Partial<Authority> = {}): Authority => ({
  name: `authority-${index}`,
  health,
  coordinates: false,
  height: 10,
  lag: 0,
  head: 'aa',
  write_p99_us: 100 * (index + 1),
  ...more,
});

/** A network of so many healths, some seconds after it began. */
export function statusOf(healths: readonly Health[], second = 0, more: Partial<Status> = {}): Status {
  return {
    at: new Date(1_800_000_000_000 + 1_000 * second).toISOString(),
    gateway: 'gateway-0',
    clock: { state: 'synced', bound_us: 500_800, ppm: 0, outliers: [], alarms: [] },
    alive: healths.filter((health) => health === 'alive').length,
    quorum: Math.floor((healths.length * 2) / 3) + 1,
    height: 10,
    view: 11,
    leader: 'authority-2',
    accused: [],
    authorities: healths.map((health, index) => authority(index, health)),
    ...more,
  };
}

export const blockOf = (height: number, more: Partial<Block> = {}): Block => ({
  height,
  hash: `hash-${height}`,
  view: height,
  at: new Date(1_800_000_000_000 + height).toISOString(),
  entries: 2,
  ballots: 1,
  bytes: 300,
  signers: ['authority-0', 'authority-1', 'authority-2'],
  ...more,
});
