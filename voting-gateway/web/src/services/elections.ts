/** Elections: which there are, what one is about, and setting one up. */
import { queryOptions } from '@tanstack/react-query';
import { api } from '../api/client';
import { answered } from '../api/http';
import type { Election, ElectionListItem, NewElection } from '../api/types';

/** What the caller may see; `eligible` tells where the caller may vote. */
export const getElections = (): Promise<ElectionListItem[]> => answered(api.GET('/elections'));

/** Elections that the caller is entitled to vote in. */
export const getEligibleElections = async (): Promise<ElectionListItem[]> =>
  (await getElections()).filter((election) => election.eligible);

export const getElectionDetails = (id: string): Promise<Election> =>
  answered(api.GET('/elections/{id}', { params: { path: { id } } }));

export const createElection = (election: NewElection): Promise<Election> => answered(api.POST('/elections', { body: election }));

export const electionsQuery = queryOptions({ queryKey: ['elections'], queryFn: getElections });

export const electionQuery = (id: string) =>
  queryOptions({ queryKey: ['election', id], queryFn: () => getElectionDetails(id) });

export type Group = 'toVote' | 'upcoming' | 'voted' | 'closed' | 'others';

const OVER = new Set(['closed', 'tallied', 'published', 'cancelled']);

/** Where an election stands for the caller. */
export function groupOf(election: Pick<ElectionListItem, 'phase' | 'hasVoted' | 'eligible'>): Group {
  if (OVER.has(election.phase)) return 'closed';
  if (election.hasVoted) return 'voted';
  if (!election.eligible) return 'others';
  return election.phase === 'open' ? 'toVote' : 'upcoming';
}

export const isOver = (phase: string): boolean => OVER.has(phase);
