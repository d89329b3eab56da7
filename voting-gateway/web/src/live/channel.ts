/**
 * One channel: who listens, and how far they have come. It decides what to ask of the gateway; it sends nothing.
 *
 * Several listeners share one subscription. One who joins later needs the state as it is, so the channel is then asked for
 * anew, and all listeners get the snapshot: it replaces what they have and changes nothing for those who were up to date.
 *
 * A snapshot is taken wherever it stands, also below the last position: the gateway that a client comes to may be behind the
 * one it left, or the network may have been founded anew. Only events have to be above the last position.
 */
import type { ChannelFrame } from './frames';
import { isAfter, type Position } from './position';

export interface Listener {
  snapshot(data: unknown, pos: string): void;
  event(type: string, data: unknown, pos: string): void;
  error?(code: string, detail: string): void;
}

/** Whether positions of a channel mean something on one connection only. */
const hasLocalPositions = (name: string): boolean => name === 'network' || name.startsWith('ballot:');
/** Frames sent before a gap was noticed may still arrive for so long; a gap that lasts longer is not going to close. */
const GAP_MS_MAX = 5_000;

/** The longest `id` that a gateway takes. */
const MAX_ID = 64;

export class Channel {
  /** Whether each has had a snapshot to build on. */
  private readonly listeners = new Map<Listener, { ready: boolean }>();
  private last: Position | null = null;
  private subscribed = false;
  private snapshotComing = false;
  private gapSince: number | null = null;

  constructor(readonly name: string) {}

  /** What a request for it is called by. A ballot's channel has a longer name, and its hash tells it apart. */
  get id(): string {
    return this.name.slice(-MAX_ID);
  }

  get isEmpty(): boolean {
    return this.listeners.size === 0;
  }

  get isSubscribed(): boolean {
    return this.subscribed;
  }

  join(listener: Listener): void {
    this.listeners.set(listener, { ready: false });
  }

  leave(listener: Listener): void {
    this.listeners.delete(listener);
  }

  /** Whether the gateway has to be asked for something. */
  get needsAsking(): boolean {
    return !this.subscribed || (!this.snapshotComing && !this.allReady);
  }

  /** What to ask for: all after a position, or without one a snapshot. To be called when it is asked. */
  ask(): Position | null {
    const after = this.resumePosition;
    this.subscribed = true;
    this.snapshotComing ||= after === null;
    return after;
  }

  /** The position to go on from, if everybody who listens has come that far. */
  get resumePosition(): Position | null {
    return this.allReady ? this.last : null;
  }

  /** Takes a frame; says whether the channel has to be asked for again. */
  take(frame: Exclude<ChannelFrame, { t: 'error' }>, now: number): boolean {
    if (frame.t === 'reset') {
      this.last = null;
      this.snapshotComing = true;
      return false;
    }
    if (frame.t === 'snapshot') {
      this.snapshotComing = false;
      for (const state of this.listeners.values()) state.ready = true;
      this.advance(frame.pos, (listener) => listener.snapshot(frame.data, frame.pos.text));
      return false;
    }
    // Without a position, a snapshot is on its way that has all of this; what is not above the last is known.
    if (!this.last || !isAfter(frame.pos, this.last)) return false;
    if (isAfter(frame.prev, this.last)) return this.gap(now);
    this.advance(frame.pos, (listener) => listener.event(frame.type, frame.data, frame.pos.text));
    return false;
  }

  /** The gateway does not send this channel. Says whether to ask again at once, for the state instead of what followed it. */
  refused(code: string, detail: string): boolean {
    this.subscribed = false;
    this.snapshotComing = false;
    if (code === 'invalid_cursor' && this.last) {
      this.last = null;
      return true;
    }
    each(this.listeners.keys(), (listener) => listener.error?.(code, detail));
    return false;
  }

  /** The connection is gone; positions remain. */
  disconnected(): void {
    this.subscribed = false;
    this.snapshotComing = false;
    this.gapSince = null;
    if (hasLocalPositions(this.name)) this.last = null;
  }

  /** What is known may be another account's. */
  forget(): void {
    this.disconnected();
    this.last = null;
  }

  private get allReady(): boolean {
    return [...this.listeners.values()].every(({ ready }) => ready);
  }

  private advance(pos: Position, tell: (listener: Listener) => void): void {
    this.last = pos;
    this.gapSince = null;
    const ready = [...this.listeners].filter(([, state]) => state.ready);
    each(
      ready.map(([listener]) => listener),
      tell,
    );
  }

  /** Something was missed: all after the last position has to be asked for, and if that does not help, the state. */
  private gap(now: number): boolean {
    if (this.gapSince !== null && now - this.gapSince < GAP_MS_MAX) return false;
    if (this.gapSince !== null) this.last = null;
    this.gapSince = now;
    this.subscribed = false;
    return true;
  }
}

/** Tells all of them, and only then of the first that failed. */
function each(listeners: Iterable<Listener>, tell: (listener: Listener) => void): void {
  const failures: unknown[] = [];
  for (const listener of [...listeners]) {
    try {
      tell(listener);
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}
