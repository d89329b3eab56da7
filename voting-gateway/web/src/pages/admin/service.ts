/** What administrators ask of the API beside what everyone does. */
import { queryOptions } from '@tanstack/react-query';
import { api } from '../../api/client';
import { answered } from '../../api/http';
import type { Election, NewElection } from '../../api/types';
import { getElectionDetails } from '../../services/elections';

const path = (id: string) => ({ params: { path: { id } } });

/** Replaces a draft, if it is still the one with this context; otherwise it is refused as `changed_meanwhile`. */
export const replaceElection = (id: string, election: NewElection, context: string): Promise<Election> =>
  answered(api.PUT('/elections/{id}', { params: { path: { id }, header: { 'If-Match': `"${context}"` } }, body: election }));

/** Puts a list on the roll: all of it or nothing. */
export const addVoters = (id: string, csv: string) =>
  answered(
    api.POST('/elections/{id}/voters', {
      ...path(id),
      headers: { 'content-type': 'text/csv' },
      body: csv,
      bodySerializer: (text: string) => text,
    } as never),
  ) as Promise<{ added: number; already: number; total: number }>;

export const VOTERS_PAGE = 50;

export const votersQuery = (id: string, after: string | null) =>
  queryOptions({
    queryKey: ['voters', id, after],
    queryFn: () =>
      answered(
        api.GET('/elections/{id}/voters', {
          params: { path: { id }, query: { limit: VOTERS_PAGE, ...(after === null ? {} : { after }) } },
        }),
      ),
  });

/** Announces what was looked at: the draft with this context, unless somebody else has changed it since. */
export const publishElection = (id: string, context: string): Promise<Election> =>
  answered(api.POST('/elections/{id}/publish', { params: { path: { id }, header: { 'If-Match': `"${context}"` } } }));
/** The election with its roll frozen. */
export const freezeRoll = async (id: string): Promise<Election> => {
  await answered(api.POST('/elections/{id}/roll/freeze', path(id)));
  return getElectionDetails(id);
};
export const openVoting = (id: string): Promise<Election> => answered(api.POST('/elections/{id}/open', path(id)));
export const closeVoting = (id: string, publish: boolean): Promise<Election> =>
  answered(api.POST('/elections/{id}/close', { ...path(id), body: { publish } }));
export const publishResult = (id: string): Promise<Election> =>
  answered(api.POST('/elections/{id}/publish-result', path(id)));
export const cancelElection = (id: string, reason: string): Promise<Election> =>
  answered(api.POST('/elections/{id}/cancel', { ...path(id), body: { reason } }));
