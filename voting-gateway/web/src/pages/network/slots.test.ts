import { expect, it } from 'vitest';
import { segmentsOf } from './slots';

const shard = (slots: number[][], health = 'online') => ({
  slots,
  servers: [{ address: 'localhost:1', role: 'master', health, behind_bytes: 0 }],
});

it('fills the bar, with the gaps and with what a failed master leaves', () => {
  expect(segmentsOf([shard([[8_000, 9_999], [0, 99]]), shard([[100, 7_999]], 'failed')])).toEqual([
    { first: 0, last: 99, shard: 0 },
    { first: 100, last: 7_999, shard: null },
    { first: 8_000, last: 9_999, shard: 0 },
    { first: 10_000, last: 16_383, shard: null },
  ]);
});
