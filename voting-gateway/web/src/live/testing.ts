/**
 * For tests: a gateway that does what it is told, and a client that talks to it.
 */
import { onTestFinished, vi } from 'vitest';

import { createLive } from './client';
import type { LiveOptions } from './types';

export type Sent = {
  v: number;
  t: string;
  id?: string;
  ch?: string;
  after?: string;
  token?: string;
  resume?: Record<string, string>;
};

/** The gateway's side of one socket. */
export class FakeSocket {
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  readonly sent: Sent[] = [];
  closed = false;

  constructor(readonly url: string) {}

  send(text: string): void {
    if (this.closed) throw new Error('the socket is closed');
    this.sent.push(JSON.parse(text) as Sent);
  }

  close(): void {
    this.closed = true;
  }

  /** Of one kind, in the order in which they came. */
  frames(t: string): Sent[] {
    return this.sent.filter((frame) => frame.t === t);
  }

  receives(message: unknown): void {
    this.onmessage?.({ data: typeof message === 'string' ? message : JSON.stringify(message) });
  }

  welcomes(): void {
    this.onopen?.();
    this.receives({ v: 1, t: 'welcome', gateway: 'g', height: 1 });
  }

  hangsUp(code: number): void {
    this.closed = true;
    this.onclose?.({ code });
  }

  snapshot(ch: string, pos: string, data: unknown): void {
    this.receives({ v: 1, t: 'snapshot', ch, pos, data });
  }

  event(ch: string, prev: string, pos: string, data: unknown): void {
    this.receives({ v: 1, t: 'event', ch, prev, pos, type: 'turnout', data });
  }
}

export function setUp(options: Partial<LiveOptions> = {}) {
  const sockets: FakeSocket[] = [];
  const onSessionEnded = vi.fn();
  const live = createLive({
    url: 'ws://host/ws',
    token: async () => 'token',
    onSessionEnded,
    random: () => 1,
    socket(url) {
      const socket = new FakeSocket(url);
      sockets.push(socket);
      return socket as unknown as WebSocket;
    },
    ...options,
  });
  onTestFinished(() => live.stop());
  /** The newest socket. */
  const socket = (): FakeSocket => {
    const newest = sockets.at(-1);
    if (!newest) throw new Error('no socket was opened');
    return newest;
  };
  /** Lets the token arrive and the gateway say welcome. */
  const welcomed = async (): Promise<FakeSocket> => {
    await settle();
    socket().welcomes();
    return socket();
  };
  return { live, sockets, socket, welcomed, onSessionEnded };
}

/** A live client with one listener on a channel, which has its snapshot at 5.0. */
export async function liveOn(channel: string, options: Partial<LiveOptions> = {}) {
  const all = setUp(options);
  const one = listener();
  const leave = all.live.subscribe(channel, one);
  const first = await all.welcomed();
  first.snapshot(channel, '5.0', 'five');
  return { ...all, one, leave, first };
}

export const settle = (ms = 0): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

/** A listener that notes what it hears. */
export function listener() {
  const heard: unknown[][] = [];
  return {
    heard,
    snapshot: (data: unknown, pos: string) => void heard.push(['snapshot', data, pos]),
    event: (type: string, data: unknown, pos: string) => void heard.push([type, data, pos]),
    error: (code: string) => void heard.push(['error', code]),
  };
}

/** A client that follows a channel, at a gateway that answers pings, so that silence ends nothing. */
export async function lively(channel: string) {
  const { first: socket, ...all } = await liveOn(channel);
  const send = socket.send.bind(socket);
  socket.send = (text) => {
    send(text);
    if (text.includes('"ping"')) socket.receives({ v: 1, t: 'pong' });
  };
  return { ...all, socket };
}

/** The machine gets its network back. */
export const comesOnline = () => window.dispatchEvent(new Event('online'));

/** The page comes to the front, or leaves it. */
export const isSeen = (state: DocumentVisibilityState) => {
  vi.spyOn(document, 'visibilityState', 'get').mockReturnValue(state);
  document.dispatchEvent(new Event('visibilitychange'));
};
