/**
 * Channels: subscriptions that are shared, positions, gaps, resets, refusals.
 */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { listener, lively, settle, setUp } from './testing';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

const CHANNEL = 'election:7a:turnout';

const live = () => lively(CHANNEL);

describe('frames of a channel', () => {
  it('arrive in order, duplicates and overlaps once', async () => {
    const { one, socket } = await live();
    socket.event(CHANNEL, '5.0', '5.2', 'a');
    socket.event(CHANNEL, '5.0', '5.2', 'a');
    socket.event(CHANNEL, '4.0', '5.1', 'old');
    socket.event(CHANNEL, '5.1', '5.10', 'b');
    socket.event(CHANNEL, '5.2', '12.0', 'c');
    expect(one.heard).toEqual([
      ['snapshot', 'five', '5.0'],
      ['turnout', 'a', '5.2'],
      ['turnout', 'b', '5.10'],
      ['turnout', 'c', '12.0'],
    ]);
  });

  it('of other channels, or before the snapshot, are nobody’s', async () => {
    const { live, welcomed } = setUp();
    const one = listener();
    live.subscribe(CHANNEL, one);
    const socket = await welcomed();
    socket.event(CHANNEL, '4.0', '5.0', 'too early');
    socket.snapshot('me', '5.0', 'other');
    expect(one.heard).toEqual([]);
  });

  it('after a gap are asked for again, once', async () => {
    const { one, socket } = await live();
    socket.event(CHANNEL, '7.0', '8.0', 'd');
    socket.event(CHANNEL, '8.0', '9.0', 'e');
    expect(socket.frames('subscribe').slice(1)).toEqual([
      { v: 1, t: 'subscribe', id: CHANNEL, ch: CHANNEL, after: '5.0' },
    ]);
    socket.event(CHANNEL, '5.0', '7.0', 'c');
    socket.event(CHANNEL, '7.0', '8.0', 'd');
    socket.event(CHANNEL, '8.0', '9.0', 'e');
    expect(one.heard.slice(1).map(([, data]) => data)).toEqual(['c', 'd', 'e']);
    socket.event(CHANNEL, '10.0', '11.0', 'g');
    expect(socket.frames('subscribe')[2]).toMatchObject({ after: '9.0' });
  });

  it('after a gap that does not close are given up for a snapshot', async () => {
    const { one, socket } = await live();
    socket.event(CHANNEL, '7.0', '8.0', 'd');
    await settle(5_000);
    socket.event(CHANNEL, '8.0', '9.0', 'e');
    expect(
      socket
        .frames('subscribe')
        .slice(1)
        .map(({ after }) => after),
    ).toEqual(['5.0', undefined]);
    socket.event(CHANNEL, '9.0', '10.0', 'f');
    socket.snapshot(CHANNEL, '10.0', 'ten');
    expect(one.heard.slice(1)).toEqual([['snapshot', 'ten', '10.0']]);
  });

  it('begin anew after a reset, wherever the snapshot stands', async () => {
    const { one, socket } = await live();
    socket.receives({ v: 1, t: 'reset', ch: CHANNEL });
    socket.event(CHANNEL, '5.0', '6.0', 'lost');
    socket.snapshot(CHANNEL, '3.0', 'three');
    socket.event(CHANNEL, '3.0', '4.0', 'four');
    expect(one.heard.slice(1)).toEqual([
      ['snapshot', 'three', '3.0'],
      ['turnout', 'four', '4.0'],
    ]);
    expect(socket.frames('subscribe')).toHaveLength(1);
  });

  it('that are no frames change nothing', async () => {
    const { one, socket } = await live();
    for (const message of [
      '',
      '{',
      '[]',
      'null',
      '{"v":1,"t":"snapshot","ch":"election:7a:turnout","pos":"x","data":1}',
    ])
      socket.receives(message);
    socket.onmessage?.({ data: new ArrayBuffer(9) });
    socket.event(CHANNEL, '5.0', '6.0', 'six');
    expect(one.heard).toHaveLength(2);
  });

  it('reach everybody, even if somebody fails', async () => {
    const { live, welcomed } = setUp();
    const fails = {
      snapshot: () => {
        throw new Error('unreadable');
      },
      event: () => undefined,
    };
    const one = listener();
    live.subscribe(CHANNEL, fails);
    live.subscribe(CHANNEL, one);
    const socket = await welcomed();
    expect(() => socket.snapshot(CHANNEL, '5.0', 'five')).toThrow('unreadable');
    socket.event(CHANNEL, '5.0', '6.0', 'six');
    expect(one.heard).toHaveLength(2);
  });
});

describe('a shared channel', () => {
  it('is subscribed once, and unsubscribed with the last', async () => {
    const { live, welcomed } = setUp();
    const [one, two] = [listener(), listener()];
    const leaves = [live.subscribe(CHANNEL, one), live.subscribe(CHANNEL, two)];
    const socket = await welcomed();
    live.subscribe(CHANNEL, one);
    expect(socket.frames('subscribe')).toHaveLength(1);
    socket.snapshot(CHANNEL, '5.0', 'five');
    expect([one.heard.length, two.heard.length]).toEqual([2, 1]);
    leaves[0]?.();
    leaves[0]?.();
    socket.event(CHANNEL, '5.0', '6.0', 'six');
    expect([one.heard.length, two.heard.length]).toEqual([3, 2]);
    expect(socket.frames('unsubscribe')).toHaveLength(0);
  });

  it('is asked for a snapshot when somebody joins late', async () => {
    const { live: client, one, socket } = await live();
    const [late, later] = [listener(), listener()];
    client.subscribe(CHANNEL, late);
    client.subscribe(CHANNEL, later);
    expect(socket.frames('subscribe').slice(1)).toEqual([{ v: 1, t: 'subscribe', id: CHANNEL, ch: CHANNEL }]);
    socket.event(CHANNEL, '5.0', '6.0', 'six');
    expect([one.heard.length, late.heard.length]).toEqual([2, 0]);
    socket.snapshot(CHANNEL, '6.0', 'six');
    socket.event(CHANNEL, '6.0', '7.0', 'seven');
    for (const heard of [late.heard, later.heard]) {
      expect(heard).toEqual([
        ['snapshot', 'six', '6.0'],
        ['turnout', 'seven', '7.0'],
      ]);
    }
    expect(one.heard).toHaveLength(4);
  });
});

describe('refusals', () => {
  const refuse = (code: string, retry: boolean) => ({ v: 1, t: 'error', id: CHANNEL, code, detail: 'd', retry });

  it('are told, and what may succeed later is tried later', async () => {
    const { one, socket } = await live();
    socket.receives({ ...refuse('unavailable', true), ch: CHANNEL });
    expect(one.heard.at(-1)).toEqual(['error', 'unavailable']);
    await settle(5_000);
    expect(socket.frames('subscribe').slice(1)).toEqual([
      { v: 1, t: 'subscribe', id: CHANNEL, ch: CHANNEL, after: '5.0' },
    ]);
  });

  it('for good are not tried again, until somebody asks anew', async () => {
    const { live: client, one, socket } = await live();
    socket.receives(refuse('results_hidden', false));
    expect(one.heard.at(-1)).toEqual(['error', 'results_hidden']);
    await settle(19_000);
    expect(socket.frames('subscribe')).toHaveLength(1);
    client.subscribe(CHANNEL, listener());
    expect(socket.frames('subscribe')).toHaveLength(2);
  });

  it('of a position are answered by asking for the state', async () => {
    const { one, socket } = await live();
    socket.event(CHANNEL, '7.0', '8.0', 'd');
    socket.receives(refuse('invalid_cursor', false));
    expect(
      socket
        .frames('subscribe')
        .slice(1)
        .map(({ after }) => after),
    ).toEqual(['5.0', undefined]);
    socket.receives(refuse('invalid_cursor', false));
    expect(socket.frames('subscribe')).toHaveLength(3);
    expect(one.heard.at(-1)).toEqual(['error', 'invalid_cursor']);
  });

  it('of nothing in particular are nobody’s', async () => {
    const { one, socket } = await live();
    socket.receives({ v: 1, t: 'error', code: 'unavailable', detail: '', retry: true });
    expect(one.heard).toHaveLength(1);
  });
});
