/** How messages of the live channels change what a page shows. Pure. */
import type { ContestResult, ElectionListItem, ElectionResult, ListedBallot } from '../api/types';

export interface LiveMessage {
  kind: 'snapshot' | 'event';
  type?: string;
  data: unknown;
}

/** What the list's channel knows of an election. */
export type LiveElection = Pick<ElectionListItem, 'id' | 'phase' | 'voted' | 'roll_size'>;

export function reduceElections(state: LiveElection[] | undefined, message: LiveMessage): LiveElection[] {
  if (message.kind === 'snapshot') return (message.data as { elections: LiveElection[] }).elections;
  const { election_id: id, ...news } = message.data as { election_id: string } & Partial<LiveElection>;
  const known = state ?? [];
  if (!known.some((election) => election.id === id)) {
    return [...known, { phase: 'scheduled', voted: 0, roll_size: 0, ...news, id }];
  }
  return known.map((election) => (election.id === id ? { ...election, ...news, id } : election));
}

/** Lays live figures over a list; who may vote and what it is about stays as the list said. */
export function withLive(list: ElectionListItem[], live: LiveElection[] | undefined): ElectionListItem[] {
  const byId = new Map(live?.map((election) => [election.id, election]));
  return list.map((election) => {
    const news = byId.get(election.id);
    return news ? { ...election, phase: news.phase, voted: news.voted, roll_size: news.roll_size } : election;
  });
}

export interface Turnout {
  voted: number;
  roll_size: number;
}

export const reduceTurnout = (_: Turnout | undefined, message: LiveMessage): Turnout => message.data as Turnout;

export const reducePhase = (state: string | undefined, { data }: LiveMessage): string => (data as { phase?: string }).phase ?? state ?? '';

interface Tally {
  total_votes: number;
  contests: { ballots: number; weight: number; blank: number; undervotes: number; votes: number[] }[];
}

export function reduceResult(state: ElectionResult | undefined, message: LiveMessage): ElectionResult {
  if (message.kind === 'snapshot' || message.type === 'result' || state === undefined) return message.data as ElectionResult;
  return withTally(state, message.data as Tally);
}

const placeOf = (id: string): number => Number(id.split('-')[1]);

function withTally(result: ElectionResult, tally: Tally): ElectionResult {
  const contests = result.contests.map((contest, place): ContestResult => {
    const news = tally.contests[place];
    if (!news) return contest;
    const { votes, ...counts } = news;
    const options = contest.options.map((option) => ({ ...option, votes: votes[placeOf(option.id)] ?? option.votes }));
    // As the gateway orders them: most votes first, then by place on the ballot.
    options.sort((a, b) => b.votes - a.votes || placeOf(a.id) - placeOf(b.id));
    return { ...contest, ...counts, options };
  });
  return { ...result, total_votes: tally.total_votes, contests, candidates: contests.flatMap((contest) => contest.options) };
}

export interface LiveBoard {
  total: number;
  ballots: ListedBallot[];
}

export function reduceBoard(state: LiveBoard | undefined, message: LiveMessage): LiveBoard {
  if (message.kind === 'snapshot') return message.data as LiveBoard;
  const { ballots } = message.data as { ballots: ListedBallot[] };
  return { total: (state?.total ?? 0) + ballots.length, ballots: [...(state?.ballots ?? []), ...ballots] };
}

export interface OwnBallot {
  election_id: string;
  ballot_hash: string;
  code: string;
}

/** The caller's ballots that count, by election. */
export function reduceMe(state: OwnBallot[] | undefined, message: LiveMessage): OwnBallot[] {
  if (message.kind === 'snapshot') return (message.data as { voted: OwnBallot[] }).voted;
  if (message.type !== 'voted') return state ?? [];
  const own = message.data as OwnBallot;
  return [...(state ?? []).filter((other) => other.election_id !== own.election_id), own];
}
