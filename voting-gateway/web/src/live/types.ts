/**
 * What the rest of the application knows of the live client.
 */
import type { Listener } from './channel';
import type { Timers } from './connection';

/** `since`: when it became live; otherwise when it was last live, or first wanted. All times in milliseconds. */
export type LiveStatus = { state: 'connecting' | 'live' | 'waiting' | 'stopped'; since: number; retryAt?: number };

export interface LiveClient {
  /** Wants a channel until the returned function is called. */
  subscribe(channel: string, on: Listener): () => void;
  status(): LiveStatus;
  onStatus(fn: (status: LiveStatus) => void): () => void;
}

export interface LiveOptions {
  url: string;
  /** A fresh access token; null for nobody. Rejects if it cannot be had now. */
  token(): Promise<string | null>;
  /** The gateway says that the session is over. Nothing is tried again before `restart`. */
  onSessionEnded(): void;
  socket?: (url: string) => WebSocket;
  now?: () => number;
  random?: () => number;
  timers?: Timers;
}
