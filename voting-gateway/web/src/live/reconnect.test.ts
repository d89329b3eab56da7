/**
 * Lost connections: when they are made again, and with what.
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

describe('a lost connection', () => {
  it('is made again with the positions', async () => {
    const { live: client, first, welcomed, one, sockets } = await live();
    client.subscribe('network', listener());
    client.subscribe('ballot:aa', listener());
    first.snapshot('network', '900.0', 'up');
    first.snapshot('ballot:aa', '2.0', 'pending');
    await settle(6_000);
    first.hangsUp(1006);
    expect(client.status()).toEqual({ state: 'waiting', since: 1_006_000, retryAt: 1_006_500 });
    await settle(499);
    expect(sockets).toHaveLength(1);
    await settle(1);
    const second = await welcomed();
    // The positions of the network and of a ballot are those of one connection only.
    expect(second.sent).toEqual([
      { v: 1, t: 'hello', token: 'token', resume: { elections: '5.0' } },
      { v: 1, t: 'subscribe', id: 'network', ch: 'network' },
      { v: 1, t: 'subscribe', id: 'ballot:aa', ch: 'ballot:aa' },
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
