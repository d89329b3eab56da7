/** The live connection of this tab, and what pages say about it. */
import type { ReactNode } from 'react';

export interface LiveMessage {
  kind: 'snapshot' | 'event';
  type?: string;
  data: unknown;
}

export function useLive<T>(_channel: string | null, _reduce: (state: T | undefined, message: LiveMessage) => T) {
  return { data: undefined as T | undefined, stale: true, error: undefined as { code: string; detail: string } | undefined };
}

export function LiveProvider({ children }: { children: ReactNode }) {
  return <>{children}</>;
}
