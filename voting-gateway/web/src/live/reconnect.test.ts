/**
 * Lost connections, silence, tokens, sessions.
 */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { listener, settle, setUp } from './testing';
import type { LiveOptions } from './types';

beforeEach(() => vi.useFakeTimers({ now: 1_000_000 }));
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

async function live(options: Partial<LiveOptions> = {}) {
  const all = setUp(options);
  const one = listener();
  all.live.subscribe('elections', one);
  const first = await all.welcomed();
  first.snapshot('elections', '5.0', 'five');
  return { ...all, one, first };
}

const comesOnline = () => window.dispatchEvent(new Event('online'));
const isSeen = (state: DocumentVisibilityState) => {
  vi.spyOn(document, 'visibilityState', 'get').mockReturnValue(state);
  document.dispatchEvent(new Event('visibilitychange'));
};

describe('a lost connection', () => {
  it('is made again with the positions', async () => {
    const { live: client, first, welcomed, one, sockets } = await live();
    client.subscribe('network', listener());
    first.snapshot('network', '900.0', 'up');
    await settle(6_000);
    first.hangsUp(1006);
    expect(client.status()).toEqual({ state: 'waiting', since: 1_006_000, retryAt: 1_006_500 });
    await settle(499);
    expect(sockets).toHaveLength(1);
    await settle(1);
    const second = await welcomed();
    // The positions of the network are those of one connection only.
    expect(second.sent).toEqual([
      { v: 1, t: 'hello', token: 'token', resume: { elections: '5.0' } },
      { v: 1, t: 'subscribe', id: 'network', ch: 'network' },
    ]);
    second.event('elections', '5.0', '6.0', 'six');
    expect(one.heard).toHaveLength(2);
    expect(client.status()).toEqual({ state: 'live', since: 1_006_500 });
  });

  it('is waited for longer each time, within bounds, and at random', async () => {
    let luck = 1;
    const { live: client, first, sockets, socket } = await live({ random: () => luck });
    await settle(6_000);
    first.hangsUp(1006);
    const bounds: number[] = [];
    for (let n = 0; n < 9; n += 1) {
      const { retryAt = 0 } = client.status();
      bounds.push(retryAt - Date.now());
      await settle(bounds.at(-1));
      socket().hangsUp(1006);
    }
    expect(bounds).toEqual([500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
    expect(client.status().since).toBe(1_006_000);
    luck = 0;
    await settle(30_000);
    expect(sockets).toHaveLength(11);
    socket().hangsUp(1006);
    expect(client.status().retryAt).toBe(Date.now());
  });

  it('is not taken for a good one if it breaks at once', async () => {
    const { live: client, first, welcomed } = await live();
    first.hangsUp(4429);
    await settle(500);
    (await welcomed()).hangsUp(4429);
    expect(client.status().retryAt).toBe(Date.now() + 1_000);
    await settle(1_000);
    const third = await welcomed();
    expect(third.sent[0]).toMatchObject({ resume: { elections: '5.0' } });
    await settle(5_000);
    third.hangsUp(4429);
    expect(client.status().retryAt).toBe(Date.now() + 500);
  });

  it('is made again at once when the gateway stops, but not over and over', async () => {
    const { live: client, first, welcomed, sockets } = await live();
    await settle(6_000);
    first.hangsUp(1001);
    expect(client.status()).toEqual({ state: 'connecting', since: 1_006_000 });
    (await welcomed()).hangsUp(1001);
    expect(sockets).toHaveLength(2);
    expect(client.status().state).toBe('waiting');
  });

  it('is made again at once when the machine comes online or the page is seen', async () => {
    const { first, sockets, socket } = await live();
    first.hangsUp(1006);
    comesOnline();
    await settle();
    expect(sockets).toHaveLength(2);
    socket().hangsUp(1006);
    isSeen('hidden');
    await settle();
    expect(sockets).toHaveLength(2);
    isSeen('visible');
    await settle();
    expect(sockets).toHaveLength(3);
    isSeen('visible');
    await settle(600);
    expect(sockets).toHaveLength(3);
  });

  it('is waited for if no token can be had, or no socket', async () => {
    let fails = true;
    const { live: client, sockets } = setUp({
      token: () => (fails ? Promise.reject(new Error('offline')) : Promise.resolve('token')),
    });
    client.subscribe('elections', listener());
    await settle();
    expect(client.status().state).toBe('waiting');
    fails = false;
    await settle(500);
    expect(sockets).toHaveLength(1);
    const refusing = setUp({
      socket() {
        throw new DOMException('not allowed', 'SecurityError');
      },
    });
    refusing.live.subscribe('elections', listener());
    await settle();
    expect(refusing.live.status().state).toBe('waiting');
  });

  it('is not made again if nothing is wanted any more', async () => {
    const { live: client, sockets, socket } = setUp();
    const leave = client.subscribe('elections', listener());
    await settle();
    leave();
    socket().hangsUp(1006);
    expect(client.status().state).toBe('stopped');
    const again = client.subscribe('elections', listener());
    await settle();
    socket().hangsUp(1006);
    again();
    expect(client.status().state).toBe('stopped');
    await settle(60_000);
    expect(sockets).toHaveLength(2);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('that never says welcome is given up', async () => {
    const { live: client, socket } = setUp();
    client.subscribe('elections', listener());
    await settle();
    socket().onopen?.();
    await settle(10_000);
    expect(socket().closed).toBe(true);
    expect(client.status().state).toBe('waiting');
  });

  it('resumes in hello what fits it, and asks for the rest', async () => {
    const { live: client, first, welcomed } = await live({ token: async () => 't'.repeat(2_000) });
    for (let n = 10; n < 60; n += 1) {
      const channel = `election:${String(n).repeat(16)}:turnout`;
      client.subscribe(channel, listener());
      first.snapshot(channel, '18446744073709551615.0', n);
    }
    first.hangsUp(4429);
    await settle(500);
    const second = await welcomed();
    await settle(5_000);
    const [hello] = second.sent;
    expect(JSON.stringify(hello).length).toBeLessThanOrEqual(4_096);
    const resumed = Object.keys(hello?.resume ?? {});
    const asked = second.frames('subscribe').map(({ ch }) => ch);
    expect(resumed.length).toBeGreaterThan(10);
    expect(new Set([...resumed, ...asked]).size).toBe(51);
    expect(resumed.length + asked.length).toBe(51);
    expect(second.frames('subscribe').every(({ after }) => after === '18446744073709551615.0')).toBe(true);
  });
});

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
