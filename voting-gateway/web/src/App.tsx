/** The application: languages, queries, the session's dialog, and the page that the address names. */
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { Suspense, useEffect, useRef } from 'react';
import { Redirect, Route, Router, Switch, useLocation } from 'wouter';
import { problemFrom } from './api/problem';
import { ErrorBoundary } from './app/ErrorBoundary';
import { Guard } from './app/Guard';
import { aroundNav } from './app/leaving';
import { LiveProvider } from './app/live';
import { ReLogin } from './app/ReLogin';
import { Shell } from './app/Shell';
import { Languages } from './i18n';
import { NotFound } from './pages/NotFound';
import { routes } from './routes';
import { useSession } from './session';
import { Skeleton } from './ui/Skeleton';

const RETRIES = 2;

const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      // An offline machine gets an error to show at once; coming online asks again.
      networkMode: 'always',
      staleTime: 5_000,
      retry: (count, error) => count < RETRIES && problemFrom(error).status >= 500,
    },
    mutations: { networkMode: 'always' },
  },
});

/** What one person saw is not shown to the next; what somebody missed while signed out is asked anew. */
function useQueriesFollowSession(): void {
  const state = useSession();
  const who = state.status === 'signedIn' || state.status === 'expired' ? state.account.id : state.status;
  const before = useRef(who);
  useEffect(() => {
    if (before.current !== who && before.current !== 'starting') queryClient.clear();
    before.current = who;
    if (state.status === 'signedIn') void queryClient.invalidateQueries();
  }, [who, state.status]);
}

function Pages() {
  const [location] = useLocation();
  const { status } = useSession();
  useQueriesFollowSession();
  if (status === 'starting') return <Skeleton />;
  return (
    <ErrorBoundary key={location}>
      <Suspense fallback={<Skeleton />}>
        <Switch>
          {routes.map(({ path, access, page: Page }) => (
            <Route key={path} path={path}>
              <Guard access={access}>
                <Page />
              </Guard>
            </Route>
          ))}
          <Route path="/">
            <Redirect to="/app/elections" replace />
          </Route>
          <Route path="/app">
            <Redirect to="/app/elections" replace />
          </Route>
          <Route>
            <NotFound />
          </Route>
        </Switch>
      </Suspense>
    </ErrorBoundary>
  );
}

export function App() {
  return (
    <Languages>
      <QueryClientProvider client={queryClient}>
        <LiveProvider>
          <Router aroundNav={aroundNav}>
            <Shell>
              <Pages />
            </Shell>
            <ReLogin />
          </Router>
        </LiveProvider>
      </QueryClientProvider>
    </Languages>
  );
}
