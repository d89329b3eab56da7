/**
 * The socket: when it opens, what it says, when it closes.
 */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { listener, lively, settle, setUp } from './testing';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

const CHANNEL = 'election:7a:turnout';

const live = () => lively(CHANNEL);

describe('opening', () => {
  it('waits until a channel is wanted, and begins with hello', async () => {
    const { live, sockets, welcomed, socket } = setUp();
    await settle(60_000);
    expect(sockets).toHaveLength(0);
    expect(live.status().state).toBe('stopped');
    live.subscribe(CHANNEL, listener());
    expect(live.status().state).toBe('connecting');
    await settle();
    expect(socket().url).toBe('ws://host/ws');
    expect(socket().sent).toEqual([]);
    await welcomed();
    expect(live.status().state).toBe('live');
    expect(socket().sent).toEqual([
      { v: 1, t: 'hello', token: 'token' },
      { v: 1, t: 'subscribe', id: CHANNEL, ch: CHANNEL },
    ]);
  });

  it('says hello without a token for nobody', async () => {
    const { live, welcomed } = setUp({ token: async () => null });
    live.subscribe(CHANNEL, listener());
    expect((await welcomed()).sent[0]).toEqual({ v: 1, t: 'hello' });
  });

  it('asks for what was wanted while it was connecting, and not for what no longer is', async () => {
    const { live, welcomed } = setUp();
    live.subscribe('elections', listener());
    const leave = live.subscribe('me', listener());
    await settle();
    live.subscribe('network', listener());
    leave();
    const socket = await welcomed();
    expect(socket.frames('subscribe').map(({ ch }) => ch)).toEqual(['elections', 'network']);
    expect(socket.frames('unsubscribe')).toEqual([]);
  });

  it('asks for a ballot under an id that a gateway takes, and knows its refusal by it', async () => {
    const { live: client, socket } = await live();
    const hash = 'ab'.repeat(32);
    const one = listener();
    client.subscribe(`ballot:${hash}`, one);
    expect(socket.frames('subscribe').at(-1)).toEqual({ v: 1, t: 'subscribe', id: hash, ch: `ballot:${hash}` });
    socket.receives({ v: 1, t: 'error', id: hash, code: 'unknown_channel', detail: 'no such channel', retry: false });
    expect(one.heard).toEqual([['error', 'unknown_channel']]);
    await settle(60_000);
    expect(socket.frames('subscribe')).toHaveLength(2);
  });

  it('closes some seconds after the last channel went, unless another comes', async () => {
    const { live: client, leave, socket, sockets } = await live();
    leave();
    expect(socket.frames('unsubscribe')).toEqual([{ v: 1, t: 'unsubscribe', ch: CHANNEL }]);
    await settle(4_000);
    const again = client.subscribe('me', listener());
    await settle(60_000);
    expect([socket.closed, client.status().state]).toEqual([false, 'live']);
    again();
    await settle(5_000);
    expect([socket.closed, client.status().state]).toEqual([true, 'stopped']);
    client.subscribe('me', listener());
    await settle();
    expect(sockets).toHaveLength(2);
  });

  it('keeps to fifteen frames a second', async () => {
    const { live: client, socket } = await live();
    for (let n = 0; n < 30; n += 1) client.subscribe(`election:${n}:status`, listener());
    expect(socket.sent).toHaveLength(15);
    await settle(999);
    expect(socket.sent).toHaveLength(15);
    await settle(1);
    expect(socket.sent).toHaveLength(30);
    await settle(1_000);
    expect(socket.sent).toHaveLength(32);
    expect(new Set(socket.frames('subscribe').map(({ ch }) => ch)).size).toBe(31);
  });
});

describe('stop', () => {
  it('closes, and nothing goes on', async () => {
    const { live: client, socket, sockets, one, leave } = await live();
    const seen = vi.fn();
    client.onStatus(seen);
    client.stop();
    expect(socket.closed).toBe(true);
    expect(client.status().state).toBe('stopped');
    expect(seen).toHaveBeenCalledTimes(1);
    socket.event(CHANNEL, '5.0', '6.0', 'six');
    socket.hangsUp(1006);
    leave();
    client.subscribe('me', listener())();
    client.restart();
    window.dispatchEvent(new Event('online'));
    await settle(120_000);
    expect(sockets).toHaveLength(1);
    expect(one.heard).toHaveLength(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('also while the token is on its way', async () => {
    const { live, sockets } = setUp();
    live.subscribe(CHANNEL, listener());
    live.stop();
    await settle(60_000);
    expect(sockets).toHaveLength(0);
  });
});
