/**
 * What components see: the state of their channel, nothing of another's, and how old it is.
 */
import { act, createElement, StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';

import { LiveProvider, type LiveMessage, type LiveState, useLive, useLiveStatus } from './react';
import { setUp } from './testing';

vi.stubGlobal('IS_REACT_ACT_ENVIRONMENT', true);
beforeEach(() => vi.useFakeTimers({ now: 1_000_000 }));
afterEach(() => vi.useRealTimers());

const settle = (ms = 0) => act(() => vi.advanceTimersByTimeAsync(ms));

/** Collects what it hears; data that is no text cannot be read. */
function collect(state: string[] | undefined, message: LiveMessage): string[] {
  if (typeof message.data !== 'string') throw new TypeError('no text');
  return message.kind === 'snapshot' ? [message.data] : [...(state ?? []), `${message.type} ${message.data}`];
}

/** Components that show channels; what each saw last. */
function render(options: { provided?: boolean } = {}) {
  const { live, ...gateway } = setUp();
  const seen: Record<string, LiveState<string[]> & { state: string }> = {};
  function Shown({ name, channel }: { name: string; channel: string | null }) {
    const state = useLive(channel, collect);
    seen[name] = { ...state, state: useLiveStatus().state };
    return null;
  }
  const root = createRoot(document.createElement('div'));
  onTestFinished(() => act(() => root.unmount()));
  const show = (channels: Record<string, string | null>) => {
    const shown = Object.entries(channels).map(([name, channel]) => createElement(Shown, { key: name, name, channel }));
    const all = options.provided === false ? shown : createElement(LiveProvider, { client: live }, shown);
    return act(async () => root.render(createElement(StrictMode, null, all)));
  };
  const does = (what: () => void) => act(async () => what());
  return { live, ...gateway, seen, show, does };
}

describe('useLive', () => {
  it('puts a channel together, of which two components share one subscription', async () => {
    const { show, seen, socket, does } = render();
    await show({ one: 'me', two: 'me' });
    expect(seen.one).toMatchObject({ data: undefined, stale: false, lost: false, state: 'connecting' });
    await settle();
    await does(() => socket().welcomes());
    expect(socket().frames('subscribe')).toHaveLength(1);
    await does(() => socket().snapshot('me', '5.0', 'five'));
    await does(() => socket().event('me', '5.0', '6.0', 'six'));
    for (const name of ['one', 'two']) {
      expect(seen[name]).toEqual({
        data: ['five', 'turnout six'],
        stale: false,
        lost: false,
        since: undefined,
        state: 'live',
      });
    }
  });

  it('shows nothing of the channel before, and nothing without one', async () => {
    const { show, seen, socket, does } = render();
    await show({ one: 'me' });
    await settle();
    await does(() => socket().welcomes());
    await does(() => socket().snapshot('me', '5.0', 'five'));
    await show({ one: 'elections' });
    expect(seen.one?.data).toBeUndefined();
    expect(socket().frames('unsubscribe')).toEqual([{ v: 1, t: 'unsubscribe', ch: 'me' }]);
    await does(() => socket().snapshot('elections', '5.0', 'all'));
    expect(seen.one?.data).toEqual(['all']);
    await show({ one: null });
    expect(seen.one).toMatchObject({ data: undefined, stale: false });
    await show({ one: 'elections' });
    expect(seen.one?.data).toBeUndefined();
  });

  it('says how old the figures are', async () => {
    const { show, seen, socket, does } = render();
    await show({ one: 'me' });
    await settle();
    await does(() => socket().welcomes());
    await does(() => socket().snapshot('me', '5.0', 'five'));
    await settle(7_000);
    await does(() => socket().hangsUp(1006));
    expect(seen.one).toMatchObject({ data: ['five'], stale: false, lost: false, since: 1_007_000 });
    await settle(2_999);
    expect(seen.one?.stale).toBe(false);
    await settle(1);
    expect(seen.one).toMatchObject({ data: ['five'], stale: true, lost: false, since: 1_007_000 });
    await settle(27_000);
    expect(seen.one).toMatchObject({ stale: true, lost: true, since: 1_007_000 });
    await settle(30_000);
    await does(() => socket().welcomes());
    expect(seen.one).toMatchObject({ data: ['five'], stale: false, lost: false, since: undefined });
  });

  it('tells errors, those of data that cannot be read included, and forgets them with the next frame', async () => {
    const { show, seen, socket, does } = render();
    await show({ one: 'me' });
    await settle();
    await does(() => socket().welcomes());
    await does(() =>
      socket().receives({ v: 1, t: 'error', ch: 'me', code: 'not_signed_in', detail: 'd', retry: false }),
    );
    expect(seen.one?.error).toEqual({ code: 'not_signed_in', detail: 'd' });
    await does(() => socket().snapshot('me', '5.0', 'five'));
    expect(seen.one?.error).toBeUndefined();
    await does(() => socket().event('me', '5.0', '6.0', { no: 'text' }));
    expect(seen.one).toMatchObject({ data: ['five'], error: { code: 'unreadable' } });
    await does(() => socket().event('me', '6.0', '7.0', 'seven'));
    expect(seen.one).toMatchObject({ data: ['five', 'turnout seven'] });
    expect(seen.one?.error).toBeUndefined();
  });

  it('is not live without a provider', async () => {
    const { show, seen, sockets } = render({ provided: false });
    await show({ one: 'me' });
    await settle(60_000);
    expect(seen.one).toMatchObject({ data: undefined, state: 'stopped' });
    expect(sockets).toHaveLength(0);
  });
});
