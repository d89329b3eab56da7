import type { UseQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { problemFrom } from '../api/problem';
import { Forbidden } from '../pages/Forbidden';
import { NotFound } from '../pages/NotFound';
import { Page } from './Page';
import { ProblemNotice } from './problems';
import { Skeleton } from './Skeleton';

interface LoadedProps<T> {
  query: UseQueryResult<T>;
  blocks?: number;
  children: (data: T) => ReactNode;
}

/** What a question was answered, or how it stands. Figures of before stay while a newer answer fails. */
export function Loaded<T>({ query, blocks, children }: LoadedProps<T>) {
  if (query.data !== undefined) return <>{children(query.data)}</>;
  if (query.error) return <ProblemNotice error={query.error} onRetry={() => void query.refetch()} />;
  return <Skeleton blocks={blocks} />;
}

interface LoadedPageProps<T> extends LoadedProps<T> {
  /** Heading while there is none of its own. */
  title: string;
}

/** The same where the answer is what a whole page is about. */
export function LoadedPage<T>({ query, title, blocks, children }: LoadedPageProps<T>) {
  if (query.data !== undefined) return <>{children(query.data)}</>;
  const status = query.error ? problemFrom(query.error).status : 0;
  if (status === 404 || status === 400) return <NotFound />;
  if (status === 403) return <Forbidden error={query.error ?? undefined} />;
  return (
    <Page title={title}>
      <Loaded query={query} blocks={blocks}>
        {children}
      </Loaded>
    </Page>
  );
}
