/** The live connection of this tab; it begins anew with whoever signs in, so that nobody sees what another may. */
import { useEffect, useRef, type ReactNode } from 'react';
import { createLive } from '../live';
import { LiveProvider as Provider } from '../live/react';
import { session, useSession } from '../session';

export { useLive } from '../live/react';

const live = createLive({
  url: `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/ws`,
  token: () => session.token(),
  onSessionEnded: () => void renew(),
});

/** Asking for a new token tells whether the session is really over; then the page says so and waits. */
async function renew(): Promise<void> {
  const token = await session.refresh().catch(() => null);
  if (token !== null) live.restart();
}

export function LiveProvider({ children }: { children: ReactNode }) {
  const state = useSession();
  const who = state.status === 'signedIn' ? state.account.id : state.status;
  const before = useRef(who);
  useEffect(() => {
    if (before.current !== who && before.current !== 'starting') live.restart();
    before.current = who;
  }, [who]);
  return <Provider client={live}>{children}</Provider>;
}
