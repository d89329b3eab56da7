/**
 * Silence, tokens, sessions, and who watches them.
 */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { comesOnline, isSeen, listener, liveOn, settle, setUp } from './testing';
import type { LiveOptions } from './types';

beforeEach(() => vi.useFakeTimers({ now: 1_000_000 }));
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

const live = (options?: Partial<LiveOptions>) => liveOn('elections', options);

describe('silence', () => {
  it('is broken by a ping, and an answer is life', async () => {
    const { live: client, first } = await live();
    await settle(19_999);
    expect(first.frames('ping')).toHaveLength(0);
    await settle(1);
    expect(first.frames('ping')).toHaveLength(1);
    await settle(9_999);
    first.receives({ v: 1, t: 'pong' });
    await settle(19_999);
    expect(first.frames('ping')).toHaveLength(1);
    expect(client.status().state).toBe('live');
  });

  it('without an answer is the end, and figures are as old as the last word', async () => {
    const { live: client, first } = await live();
    await settle(3_000);
    first.event('elections', '5.0', '6.0', 'six');
    await settle(30_000);
    expect(first.closed).toBe(true);
    expect(client.status()).toMatchObject({ state: 'waiting', since: 1_003_000 });
  });

  it('is looked into when the machine comes online', async () => {
    const { live: client, first } = await live();
    comesOnline();
    expect(first.frames('ping')).toHaveLength(1);
    await settle(10_000);
    expect(client.status().state).toBe('waiting');
  });

  it('of a sleeping machine is known for what it is', async () => {
    const { live: client, first, sockets, one } = await live();
    vi.setSystemTime(Date.now() + 3_600_000);
    isSeen('visible');
    expect(client.status()).toMatchObject({ state: 'waiting', since: 1_000_000 });
    first.event('elections', '5.0', '6.0', 'from before');
    expect(one.heard).toHaveLength(1);
    await settle(500);
    expect(sockets).toHaveLength(2);
  });
});

describe('the token', () => {
  const expiring = { v: 1, t: 'token_expiring', expires_in: 60 };

  it('is renewed before it ends', async () => {
    const token = vi.fn<() => Promise<string | null>>().mockResolvedValueOnce('old').mockResolvedValue('new');
    const { first } = await live({ token });
    first.receives(expiring);
    await settle();
    expect(first.frames('auth')).toEqual([{ v: 1, t: 'auth', token: 'new' }]);
    expect(token).toHaveBeenCalledTimes(2);
  });

  it('is asked for until it can be had and is another one', async () => {
    const token = vi.fn<() => Promise<string | null>>().mockResolvedValueOnce('old').mockResolvedValueOnce('old');
    token.mockRejectedValueOnce(new Error('offline')).mockResolvedValue('new');
    const { first } = await live({ token });
    first.receives(expiring);
    await settle(9_999);
    expect(first.frames('auth')).toEqual([]);
    await settle(1);
    expect(first.frames('auth')).toEqual([{ v: 1, t: 'auth', token: 'new' }]);
    await settle(9_000);
    expect(token).toHaveBeenCalledTimes(4);
  });

  it('that is gone is not sent', async () => {
    const token = vi.fn<() => Promise<string | null>>().mockResolvedValueOnce('old').mockResolvedValue(null);
    const { first } = await live({ token });
    first.receives(expiring);
    await settle(9_000);
    expect(first.frames('auth')).toEqual([]);
  });
});

describe('the session', () => {
  it('that has ended is told once, and nothing is tried', async () => {
    const { live: client, first, sockets, onSessionEnded } = await live();
    first.hangsUp(4401);
    first.hangsUp(4401);
    expect(client.status().state).toBe('stopped');
    client.subscribe('me', listener());
    comesOnline();
    await settle(120_000);
    expect(onSessionEnded).toHaveBeenCalledTimes(1);
    expect(sockets).toHaveLength(1);
  });

  it('of somebody else begins with nothing of what was known', async () => {
    let who = 'alice';
    const { live: client, first, welcomed, one } = await live({ token: async () => who });
    who = 'bob';
    client.restart();
    expect(first.closed).toBe(true);
    const second = await welcomed();
    expect(second.sent).toEqual([
      { v: 1, t: 'hello', token: 'bob' },
      { v: 1, t: 'subscribe', id: 'elections', ch: 'elections' },
    ]);
    second.event('elections', '5.0', '6.0', 'of nobody');
    second.snapshot('elections', '5.0', 'for bob');
    expect(one.heard.slice(1)).toEqual([['snapshot', 'for bob', '5.0']]);
  });

  it('goes on after it ended, and waits where nothing is wanted', async () => {
    const { live: client, first, sockets } = await live();
    first.hangsUp(4401);
    client.restart();
    await settle();
    expect(sockets).toHaveLength(2);
    const idle = setUp();
    idle.live.restart();
    await settle(60_000);
    expect(idle.sockets).toHaveLength(0);
  });
});

describe('those who watch the status', () => {
  it('hear of each change until they go', async () => {
    const { live: client, welcomed } = setUp();
    const states: string[] = [];
    const leave = client.onStatus(({ state }) => states.push(state));
    client.subscribe('elections', listener());
    (await welcomed()).hangsUp(1006);
    await settle(500);
    leave();
    await welcomed();
    expect(states).toEqual(['connecting', 'live', 'waiting', 'connecting']);
  });
});
