/**
 * The live client of a tab: one socket for all channels, opened when the first is wanted and closed when none is.
 *
 *   stopped ──▶ connecting ──▶ live
 *      ▲            ▲  │        │
 *      │            │  ▼        │
 *      └────────── waiting ◀────┘     full jitter, 0.5 s to 30 s; at once when the machine comes online or the page is seen
 */
import { Backoff } from './backoff';
import { Channel, type Listener } from './channel';
import { browserTimers, Connection, type ConnectionSeams } from './connection';
import type { ChannelFrame } from './frames';
import { helloFrame } from './hello';
import type { LiveClient, LiveOptions, LiveStatus } from './types';

/** A connection that lived so long was a good one: the next wait is short again. */
const STABLE_MS = 5_000;
/** From one page to the next, the last channel goes and the first comes. */
const IDLE_MS = 5_000;
/** A channel that may be had later is asked for again. */
const REFUSED_MS = 5_000;

const GOING_AWAY = 1001;
const SESSION_ENDED = 4401;

class Live {
  private readonly channels = new Map<string, Channel>();
  private readonly watchers = new Set<(status: LiveStatus) => void>();
  private readonly seams: ConnectionSeams;
  private readonly backoff: Backoff;
  private readonly openSocket: (url: string) => WebSocket;
  private current: LiveStatus;
  private connection: Connection | null = null;
  /** Counts connections, so that the answer to an earlier one's question is not taken for this one's. */
  private attempt = 0;
  private retryTimer: unknown;
  private idleTimer: unknown;
  /** Of channels that are asked for again. */
  private readonly retries = new Set<unknown>();
  private over: 'no' | 'session' | 'stopped' = 'no';

  constructor(private readonly options: LiveOptions) {
    const {
      now = Date.now,
      random = Math.random,
      timers = browserTimers,
      socket = (url) => new WebSocket(url),
    } = options;
    this.seams = { now, timers, token: () => options.token() };
    this.backoff = new Backoff(random);
    this.openSocket = socket;
    this.current = { state: 'stopped', since: now() };
    globalThis.addEventListener('online', this.wake);
    document.addEventListener('visibilitychange', this.seen);
  }

  subscribe(name: string, on: Listener): () => void {
    if (this.over === 'stopped') return () => undefined;
    const channel = this.channels.get(name) ?? new Channel(name);
    this.channels.set(name, channel);
    // A listener of its own: the same object may be given twice.
    const listener: Listener = {
      snapshot: (data, pos) => on.snapshot(data, pos),
      event: (type, data, pos) => on.event(type, data, pos),
      error: (code, detail) => on.error?.(code, detail),
    };
    channel.join(listener);
    this.seams.timers.clearTimeout(this.idleTimer);
    if (this.current.state === 'live') this.ask(channel);
    else if (this.current.state === 'stopped' && this.over === 'no') this.connect();
    return () => this.unsubscribe(channel, listener);
  }

  status(): LiveStatus {
    return this.current;
  }

  onStatus(fn: (status: LiveStatus) => void): () => void {
    // Wrapped, so that one function may watch twice.
    const watcher = (status: LiveStatus) => fn(status);
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  }

  restart(): void {
    if (this.over === 'stopped') return;
    this.over = 'no';
    this.backoff.reset();
    this.disconnect();
    for (const channel of this.channels.values()) channel.forget();
    if (this.channels.size > 0) this.connect();
    else this.become('stopped');
  }

  stop(): void {
    this.over = 'stopped';
    globalThis.removeEventListener('online', this.wake);
    document.removeEventListener('visibilitychange', this.seen);
    this.disconnect();
    this.channels.clear();
    this.become('stopped');
    this.watchers.clear();
  }

  private unsubscribe(channel: Channel, listener: Listener): void {
    channel.leave(listener);
    if (!channel.isEmpty || this.channels.get(channel.name) !== channel) return;
    this.channels.delete(channel.name);
    if (channel.isSubscribed) this.connection?.send({ t: 'unsubscribe', ch: channel.name });
    if (this.channels.size === 0) this.idle();
  }

  private idle(): void {
    const close = () => {
      this.disconnect();
      this.become('stopped');
    };
    if (this.current.state === 'waiting') close();
    else this.idleTimer = this.seams.timers.setTimeout(close, IDLE_MS);
  }

  private disconnect(): void {
    this.attempt += 1;
    for (const timer of [this.retryTimer, this.idleTimer, ...this.retries]) this.seams.timers.clearTimeout(timer);
    this.retries.clear();
    this.connection?.close();
    this.connection = null;
    for (const channel of this.channels.values()) channel.disconnected();
  }

  private connect(): void {
    this.disconnect();
    const { attempt } = this;
    this.become('connecting');
    this.options.token().then(
      (token) => {
        if (attempt === this.attempt) this.open(token);
      },
      () => {
        if (attempt === this.attempt) this.wait();
      },
    );
  }

  private open(token: string | null): void {
    let socket: WebSocket;
    try {
      socket = this.openSocket(this.options.url);
    } catch {
      this.wait();
      return;
    }
    this.connection = new Connection(socket, token, this.seams, {
      hello: () => helloFrame(token, this.channels.values()),
      welcome: () => {
        this.become('live');
        for (const channel of this.channels.values()) this.ask(channel);
      },
      frame: (frame) => this.take(frame),
      ended: (code, lastKnown) => this.ended(code, lastKnown),
    });
  }

  private ask(channel: Channel): void {
    if (!channel.needsAsking) return;
    const after = channel.ask();
    this.connection?.send({ t: 'subscribe', id: channel.id, ch: channel.name, ...(after && { after: after.text }) });
  }

  private take(frame: ChannelFrame): void {
    const channel = frame.t === 'error' && frame.ch === undefined ? this.asked(frame.id) : this.channels.get(frame.ch ?? '');
    if (!channel) return;
    if (frame.t === 'error') {
      if (channel.refused(frame.code, frame.detail)) this.ask(channel);
      else if (frame.retry) this.askLater(channel);
    } else if (channel.take(frame, this.seams.now())) {
      this.ask(channel);
    }
  }

  /** The channel that an answer without its name is about. */
  private asked(id: string | undefined): Channel | undefined {
    return [...this.channels.values()].find((channel) => channel.id === id);
  }

  private askLater(channel: Channel): void {
    const retry = this.seams.timers.setTimeout(() => {
      this.retries.delete(retry);
      if (this.channels.get(channel.name) === channel) this.ask(channel);
    }, REFUSED_MS);
    this.retries.add(retry);
  }

  private ended(code: number, lastKnown: number): void {
    const { state, since } = this.current;
    if (state === 'live' && this.seams.now() - since >= STABLE_MS) this.backoff.reset();
    this.connection = null;
    this.disconnect();
    if (code === SESSION_ENDED) {
      this.over = 'session';
      this.become('stopped', lastKnown);
      this.options.onSessionEnded();
    } else if (code === GOING_AWAY && this.backoff.isFresh && this.channels.size > 0) {
      this.backoff.next();
      this.become('connecting', lastKnown);
      this.connect();
    } else {
      this.wait(lastKnown);
    }
  }

  private wait(lastKnown?: number): void {
    if (this.channels.size === 0) {
      this.disconnect();
      this.become('stopped', lastKnown);
      return;
    }
    const delay = this.backoff.next();
    this.retryTimer = this.seams.timers.setTimeout(() => this.connect(), delay);
    this.become('waiting', lastKnown, this.seams.now() + delay);
  }

  private readonly wake = (): void => {
    if (this.connection) this.connection.probe();
    else if (this.current.state !== 'stopped' && this.channels.size > 0) this.connect();
  };

  private readonly seen = (): void => {
    if (document.visibilityState === 'visible') this.wake();
  };

  private become(state: LiveStatus['state'], lastKnown = this.seams.now(), retryAt?: number): void {
    const before = this.current;
    const goesOn =
      before.state === state || (state !== 'live' && (before.state === 'connecting' || before.state === 'waiting'));
    const since = goesOn ? before.since : lastKnown;
    this.current = { state, since, ...(retryAt !== undefined && { retryAt }) };
    for (const watcher of [...this.watchers]) watcher(this.current);
  }
}

/**
 * `restart` begins anew as whoever `token` now speaks for, with new snapshots: to be called when somebody signed in or out, and
 * after `onSessionEnded` once that is settled. `stop` ends everything for good.
 */
export function createLive(options: LiveOptions): LiveClient & { restart(): void; stop(): void } {
  return new Live(options);
}
