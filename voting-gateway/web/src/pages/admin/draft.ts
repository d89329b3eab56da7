/** An election while it is being set up, and how the API says it. Pure. */
import type { Contest, Election, Method, NewElection } from '../../api/types';
import { settable, usualMax } from './methods';
import { toUtc, toWall } from './zones';

type NewContest = NonNullable<NewElection['contests']>[number];
export type Majority = NonNullable<NewContest['majority']>;

export interface OptionDraft {
  key: string;
  name: string;
  description: string;
  /** Set by other programs only, and kept. */
  withdrawn: boolean;
}

/** Numbers are null where the usual is meant. */
export interface QuestionDraft {
  key: string;
  title: string;
  method: Method;
  options: OptionDraft[];
  seats: number | null;
  min: number | null;
  max: number | null;
  maxScore: number | null;
  allowBlank: boolean;
  majority: Majority;
  quorum: number | null;
}

export interface Draft {
  title: string;
  description: string;
  questions: QuestionDraft[];
  /** Wall-clock times of `zone`. */
  opens: string;
  closes: string;
  zone: string;
  timing: 'fixed' | 'officer';
  results: 'voters' | 'public';
  revote: 'first-counts' | 'last-counts';
}

let keys = 0;
const newKey = (): string => `k${++keys}`;

export const newOption = (): OptionDraft => ({ key: newKey(), name: '', description: '', withdrawn: false });

export const newQuestion = (): QuestionDraft => ({
  key: newKey(),
  title: '',
  method: 'plurality',
  options: [newOption(), newOption()],
  seats: null,
  min: null,
  max: null,
  maxScore: null,
  allowBlank: true,
  majority: 'most-votes',
  quorum: null,
});

const DAY = 86_400_000;

/** Opens tomorrow at eight and closes a week later at eight in the evening, in the reader's zone. */
export function newDraft(zone: string, now: number): Draft {
  const day = (days: number): string => toWall(new Date(now + days * DAY), zone).slice(0, 10);
  return {
    title: '',
    description: '',
    questions: [newQuestion()],
    opens: `${day(1)}T08:00`,
    closes: `${day(8)}T20:00`,
    zone,
    timing: 'fixed',
    results: 'voters',
    revote: 'first-counts',
  };
}

const unless = (value: number, usual: number): number | null => (value === usual ? null : value);

function questionFrom(contest: Contest): QuestionDraft {
  const { method, options, thresholds } = contest;
  return {
    key: newKey(),
    title: contest.title,
    method,
    options: options.map(({ name, description = '' }, place) => ({
      key: newKey(),
      name,
      description,
      withdrawn: contest.withdrawn.includes(place),
    })),
    seats: unless(contest.seats, 1),
    min: unless(contest.min, 1),
    max: unless(contest.max, usualMax(method, options.length)),
    maxScore: method === 'score' ? unless(contest.max_score, 5) : null,
    allowBlank: contest.allow_blank,
    majority: thresholds.majority,
    quorum: unless(thresholds.quorum_percent, 0),
  };
}

export function draftFrom(election: Election, zone: string): Draft {
  return {
    title: election.title,
    description: election.description,
    questions: election.contests.map(questionFrom),
    opens: toWall(new Date(election.start_date), zone),
    closes: toWall(new Date(election.end_date), zone),
    zone,
    timing: election.timing === 'officer' ? 'officer' : 'fixed',
    results: election.results === 'public' ? 'public' : 'voters',
    revote: election.revote === 'last-counts' ? 'last-counts' : 'first-counts',
  };
}

/** The question with its usual values filled in, without what its method does not take. */
export function contestOf(question: QuestionDraft): NewContest & Contest {
  const { method } = question;
  const takes = settable(method);
  const options = question.options
    .map(({ name, description, withdrawn }) => ({ name: name.trim(), description: description.trim(), withdrawn }))
    .filter(({ name }) => name !== '');
  const majority = takes.thresholds ? question.majority : 'most-votes';
  const quorum = takes.thresholds ? (question.quorum ?? 0) : 0;
  return {
    title: question.title.trim(),
    method,
    options: options.map(({ name, description }) => ({ name, description })),
    seats: takes.seats ? (question.seats ?? 1) : 1,
    min: takes.limits ? (question.min ?? 1) : 1,
    max: (takes.limits ? question.max : null) ?? usualMax(method, options.length),
    allow_blank: question.allowBlank,
    max_score: takes.maxScore ? (question.maxScore ?? 5) : 0,
    majority,
    quorum_percent: quorum,
    thresholds: { majority, quorum_percent: quorum },
    withdrawn: options.flatMap(({ withdrawn }, place) => (withdrawn ? [place] : [])),
  };
}

/** What the API is sent; times that are none become empty, which it refuses. */
export function toApi(draft: Draft): NewElection {
  return {
    title: draft.title.trim(),
    description: draft.description.trim(),
    contests: draft.questions.map((question) => {
      const { thresholds: _, ...contest } = contestOf(question);
      return contest;
    }),
    start_date: toUtc(draft.opens, draft.zone) ?? '',
    end_date: toUtc(draft.closes, draft.zone) ?? '',
    timing: draft.timing,
    results: draft.results,
    revote: draft.revote,
  };
}

/** Whether two drafts say the same to the API. */
export const isSame = (a: Draft, b: Draft): boolean => JSON.stringify(toApi(a)) === JSON.stringify(toApi(b));

/** The list with the member at `from` moved to `to`. */
export function moved<T>(list: readonly T[], from: number, to: number): T[] {
  const [member] = list.slice(from, from + 1);
  if (member === undefined || to < 0 || to >= list.length) return [...list];
  const others = list.filter((_, place) => place !== from);
  return [...others.slice(0, to), member, ...others.slice(to)];
}
