/** The session of this tab. */
import { useSyncExternalStore } from 'react';
import type { Account } from '../api/types';
import { browserSeams } from './browser';
import { SessionService, type SessionState } from './session';

export type { SessionState } from './session';

export const session = new SessionService(browserSeams());

export function useSession(): SessionState {
  return useSyncExternalStore(session.subscribe, session.current);
}

/** Who uses the page: also while the session waits to be taken up again. */
export function useAccount(): Account | null {
  const state = useSession();
  return state.status === 'signedIn' || state.status === 'expired' ? state.account : null;
}
