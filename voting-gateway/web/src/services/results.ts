/** Results, the public ballot list, and the elections whose results are the caller's to see. */
import { queryOptions } from '@tanstack/react-query';
import { api } from '../api/client';
import { answered } from '../api/http';
import type { ElectionListItem, ElectionResult, ListedBallot } from '../api/types';

export const getResults = (id: string): Promise<ElectionResult> =>
  answered(api.GET('/elections/{id}/results', { params: { path: { id } } }));

export const getVotedElections = (): Promise<ElectionListItem[]> => answered(api.GET('/user/voted-elections'));

/** Events asked for at once; ballots are fewer, because other events stand between them. */
const EVENTS_PAGE = 200;

export interface BallotPage {
  ballots: ListedBallot[];
  /** Give it back to go on; null at the end. */
  next: string | null;
}

/** A page of the public ballot list, in the order of the ledger. */
export async function getBallots(id: string, after: string | null): Promise<BallotPage> {
  const query = { limit: EVENTS_PAGE, ...(after === null ? {} : { after }) };
  const page = await answered(api.GET('/elections/{id}/events', { params: { path: { id }, query } }));
  const ballots = page.events.flatMap((event) => ('ballot_hash' in event ? [event] : []));
  return { ballots, next: page.events.length < EVENTS_PAGE ? null : page.next };
}

/** Everything that verifies the election offline; for those who may see its result. */
export const getBundle = (id: string): Promise<Blob> =>
  answered(api.GET('/elections/{id}/bundle', { params: { path: { id } }, parseAs: 'blob' })) as Promise<Blob>;

export const resultsQuery = (id: string) => queryOptions({ queryKey: ['results', id], queryFn: () => getResults(id) });

export const votedQuery = queryOptions({ queryKey: ['voted'], queryFn: getVotedElections });
