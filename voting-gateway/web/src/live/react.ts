/**
 * Live updates for components: the state of a channel, and how old it is.
 */
import {
  createContext,
  createElement,
  type ReactNode,
  useContext,
  useEffect,
  useMemo,
  useRef,
  useState,
  useSyncExternalStore,
} from 'react';

import type { LiveClient, LiveStatus } from './types';

/** Shorter interruptions are not worth a word. */
const STALE_MS = 3_000;
/** After this long, pages ask over HTTP. */
const LOST_MS = 30_000;

export type LiveMessage = { kind: 'snapshot'; data: unknown } | { kind: 'event'; type: string; data: unknown };

export interface LiveError {
  code: string;
  detail: string;
}

interface Staleness {
  /** Not live for 3 s: say so, with the time of the figures. */
  stale: boolean;
  /** Not live for 30 s: ask over HTTP. */
  lost: boolean;
  /** When the figures were last known to be current, in milliseconds; undefined while they are. */
  since: number | undefined;
}

export interface LiveState<T> extends Staleness {
  data: T | undefined;
  error?: LiveError;
}

const Context = createContext<LiveClient | null>(null);
const NONE: LiveStatus = { state: 'stopped', since: 0 };

export function LiveProvider({ client, children }: { client: LiveClient; children?: ReactNode }): ReactNode {
  return createElement(Context.Provider, { value: client }, children);
}

/** The state of the connection. */
export function useLiveStatus(): LiveStatus {
  const client = useContext(Context);
  const watch = useMemo(() => (changed: () => void) => client?.onStatus(changed) ?? (() => undefined), [client]);
  return useSyncExternalStore(watch, () => client?.status() ?? NONE);
}

/** How old what the connection brought is; of no interest where nothing is wanted. */
function useStaleness(wanted: boolean): Staleness {
  const { state, since } = useLiveStatus();
  const [now, setNow] = useState(since);
  const age = state === 'live' ? 0 : Math.max(0, now - since);
  useEffect(() => {
    if (state === 'live') return;
    const timers = [0, STALE_MS, LOST_MS].map((limit) =>
      setTimeout(() => setNow(Date.now()), since + limit - Date.now()),
    );
    return () => timers.forEach(clearTimeout);
  }, [state, since]);
  if (!wanted) return { stale: false, lost: false, since: undefined };
  return { stale: age >= STALE_MS, lost: age >= LOST_MS, since: state === 'live' ? undefined : since };
}

interface Held<T> {
  /** The subscription that it came from: what another channel brought is never shown. */
  of: object;
  data: T | undefined;
  error?: LiveError;
}

/** What a channel says, put together by `reduce`; null for no channel. */
export function useLive<T>(
  channel: string | null,
  reduce: (state: T | undefined, message: LiveMessage) => T,
): LiveState<T> {
  const client = useContext(Context);
  const staleness = useStaleness(channel !== null);
  const subscription = useMemo(() => ({ client, channel }), [client, channel]);
  const [held, setHeld] = useState<Held<T>>({ of: subscription, data: undefined });
  const latest = useRef(reduce);
  useEffect(() => {
    latest.current = reduce;
  });
  useEffect(() => {
    if (!subscription.client || subscription.channel === null) return;
    let current: Held<T> = { of: subscription, data: undefined };
    const show = (next: Held<T>) => {
      current = next;
      setHeld(next);
    };
    const take = (message: LiveMessage) => {
      try {
        show({ of: subscription, data: latest.current(current.data, message) });
      } catch (error) {
        // Data that a page cannot read must not take the page down.
        show({ ...current, error: { code: 'unreadable', detail: String(error) } });
      }
    };
    return subscription.client.subscribe(subscription.channel, {
      snapshot: (data) => take({ kind: 'snapshot', data }),
      event: (type, data) => take({ kind: 'event', type, data }),
      error: (code, detail) => show({ ...current, error: { code, detail } }),
    });
  }, [subscription]);
  const shown: Held<T> = held.of === subscription ? held : { of: subscription, data: undefined };
  return { data: shown.data, ...(shown.error && { error: shown.error }), ...staleness };
}
