/** The seams of the session as a browser has them. */
import { answered, done, publicApi } from '../api/http';
import type { AuthApi, SessionSeams, TabMessage } from './session';

const LOCK = 'voting-session';
const HINT = 'voting.signed-in';

const api: AuthApi = {
  login: (email, password) => answered(publicApi.POST('/auth/login', { body: { email, password } })),
  // A page that is left must not spend the token without keeping the new one.
  refresh: () => answered(publicApi.POST('/auth/refresh', { body: {}, keepalive: true })),
  logout: (token, everywhere) =>
    done(
      publicApi.POST(everywhere ? '/auth/logout-everywhere' : '/auth/logout', { headers: { authorization: `Bearer ${token}` } }),
    ),
};

/** Locks exist on secure origins only, which is also where ballots can be made: elsewhere one tab is all there is. */
async function exclusive<T>(task: () => Promise<T>): Promise<T> {
  if (!('locks' in navigator)) return task();
  const outcome = await navigator.locks.request(LOCK, async () => ({ value: await task() }));
  return outcome.value;
}

/** Storage may be forbidden; then a reload asks to sign in again. */
const hint = {
  get: (): boolean => {
    try {
      return localStorage.getItem(HINT) !== null;
    } catch {
      return false;
    }
  },
  set: (value: boolean): void => {
    try {
      if (value) localStorage.setItem(HINT, '1');
      else localStorage.removeItem(HINT);
    } catch {
      // See above.
    }
  },
};

export function browserSeams(): SessionSeams {
  const channel = new BroadcastChannel(LOCK) as BroadcastChannel & { postMessage(message: TabMessage): void };
  return { api, exclusive, channel, hint, now: () => Date.now() };
}
