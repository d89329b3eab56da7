import { describe, expect, it } from 'vitest';
import { ballotRate, blockRate, ENTRIES, reduceNetwork, SAMPLES, writeTimes, type History } from './history';
import { sparkOf, HEIGHT } from './spark';
import { blockOf, statusOf } from './testing';
import type { Block, Health, Status } from './types';

const ALL: Health[] = ['alive', 'alive', 'alive', 'alive'];
const snapshot = (status: Status, before?: History) => reduceNetwork(before, { kind: 'snapshot', data: status });
const frame = (before: History, status: Status) => reduceNetwork(before, { kind: 'event', type: 'network', data: status });
const block = (before: History, data: Block) => reduceNetwork(before, { kind: 'event', type: 'block', data });
const begun = () => snapshot(statusOf(ALL, 0, { block: blockOf(10) }));

describe('the event log', () => {
  it('begins empty: what was there before is no event', () => {
    expect(begun().log).toEqual([]);
    expect(begun().block?.height).toBe(10);
  });

  it('notes each block once, by whichever frame it comes, newest first', () => {
    let history = block(begun(), blockOf(11));
    history = block(history, blockOf(11));
    history = block(history, blockOf(9));
    history = frame(history, statusOf(ALL, 1, { block: blockOf(12) }));
    expect(history.log.map((entry) => entry.kind === 'block' && entry.height)).toEqual([12, 11]);
    expect(new Set(history.log.map(({ id }) => id)).size).toBe(2);
  });

  it('notes changes of health and of the leader', () => {
    const { log } = frame(begun(), statusOf(['alive', 'alive', 'suspect', 'alive'], 1, { leader: 'authority-3', view: 12 }));
    expect(log).toMatchObject([
      { kind: 'leader', name: 'authority-3', view: 12 },
      { kind: 'health', name: 'authority-2', from: 'alive', to: 'suspect' },
    ]);
  });

  it('goes on over a reconnection, and says nothing of a leader that is not known', () => {
    const before = block(begun(), blockOf(11));
    const { log } = snapshot(statusOf(ALL, 60, { leader: undefined, block: blockOf(11) }), before);
    expect(log).toEqual(before.log);
  });

  it('keeps the last 200', () => {
    let history = begun();
    for (let height = 11; height < 11 + ENTRIES + 50; height++) history = block(history, blockOf(height));
    expect(history.log).toHaveLength(ENTRIES);
    expect(history.log[0]).toMatchObject({ height: 10 + ENTRIES + 50 });
  });
});

describe('sparklines', () => {
  it('take a sample a frame, not one for the same figures again', () => {
    let history = frame(begun(), statusOf(ALL, 1));
    history = frame(history, statusOf(ALL, 1));
    expect(history.samples).toHaveLength(2);
    for (let second = 2; second < SAMPLES + 20; second++) history = frame(history, statusOf(ALL, second));
    expect(history.samples).toHaveLength(SAMPLES);
  });

  it('draw means of five seconds', () => {
    let history = begun();
    for (let second = 1; second <= 10; second++) {
      if (second === 8) history = block(history, blockOf(11, { ballots: 15 }));
      history = frame(history, statusOf(ALL, second, { height: second >= 8 ? 20 : 10 }));
    }
    expect(blockRate(history.samples).map(({ value }) => value)).toEqual([0, 0, 0, 0, 0, 0, 0, 2, 2, 2]);
    expect(ballotRate(history.samples).at(-1)?.value).toBe(3);
    expect(history.samples.some(({ skipped }) => skipped)).toBe(false);
  });

  it('say where ballots may have gone by unseen', () => {
    const history = frame(block(begun(), blockOf(13)), statusOf(ALL, 1));
    expect(history.samples.at(-1)).toMatchObject({ ballots: 1, skipped: true });
    expect(frame(history, statusOf(ALL, 2)).samples.at(-1)).toMatchObject({ ballots: 0, skipped: false });
  });

  it('take the slowest of those that answer', () => {
    expect(writeTimes(snapshot(statusOf(['alive', 'alive', 'alive', 'down'])).samples)[0]?.value).toBe(0.3);
  });

  it('stay inside their frame, and draw nothing from nothing', () => {
    expect(sparkOf([], 1)).toEqual({ line: '', area: '' });
    const { line } = sparkOf([{ at: 0, value: 0 }, { at: 60_000, value: 8 }, { at: 200_000, value: 4 }], 1);
    const heights = [...line.matchAll(/[ML][\d.]+ ([\d.]+)/g)].map(([, y]) => Number(y));
    expect(heights).toHaveLength(1);
    expect(heights.every((y) => y >= 0 && y <= HEIGHT)).toBe(true);
  });

  it('take no other frame for a beginning', () => {
    expect(() => reduceNetwork(undefined, { kind: 'event', type: 'block', data: blockOf(1) })).toThrow();
  });
});
