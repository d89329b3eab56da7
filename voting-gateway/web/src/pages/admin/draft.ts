/** An election while it is being set up, and how the API says it. Pure. */
import type { Contest, Election, Method, Network, NewElection } from '../../api/types';
import { settable, unsealable, usualMax } from './methods';
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

export interface TrusteeDraft {
  key: string;
  name: string;
  publicKey: string;
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
  /** What is wished for; rankings are open all the same. */
  secrecy: 'open' | 'sealed';
  trustees: TrusteeDraft[];
  threshold: number | null;
  minBallots: number | null;
}

let keys = 0;
const newKey = (): string => `k${++keys}`;

export const newOption = (): OptionDraft => ({ key: newKey(), name: '', description: '', withdrawn: false });

export const newTrustee = (): TrusteeDraft => ({ key: newKey(), name: '', publicKey: '' });

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

/** The office's trustees, if it has any, who stand in a new draft. */
export type Office = Network['trustees'];

/** What is said of trustees, with numbers of theirs only where they are not the usual ones; a line to fill in, if there are none. */
function sealingDraft(sealing: Office): Pick<Draft, 'trustees' | 'threshold' | 'minBallots'> {
  if (!sealing) return { trustees: [newTrustee()], threshold: null, minBallots: null };
  const { trustees, threshold, min_ballots: least } = sealing;
  return {
    trustees: trustees.map(({ name, key }) => ({ key: newKey(), name, publicKey: key })),
    threshold: unless(threshold ?? null, usualThreshold(trustees.length)),
    minBallots: unless(least ?? null, USUAL_MIN_BALLOTS),
  };
}

/** Opens tomorrow at eight and closes a week later at eight in the evening, in the reader's zone. */
export function newDraft(zone: string, now: number, office?: Office): Draft {
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
    secrecy: 'sealed',
    ...sealingDraft(office),
  };
}

const unless = (value: number | null, usual: number): number | null => (value === usual ? null : value);

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

export function draftFrom(election: Election, zone: string, office?: Office): Draft {
  const { sealing } = election;
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
    secrecy: sealing ? 'sealed' : 'open',
    ...sealingDraft(sealing ?? office),
  };
}

/** Fewest ballots whose sums are decrypted: of two, each voter learns the other's. */
export const USUAL_MIN_BALLOTS = 3;

/** More than half of the trustees. */
export const usualThreshold = (trustees: number): number => Math.floor(trustees / 2) + 1;

/** Why the questions cannot be sealed; null if they can. */
export function whyOpen({ questions }: Pick<Draft, 'questions'>): 'ranking' | 'scored' | null {
  for (const question of questions) {
    const why = unsealable(contestOf(question));
    if (why) return why;
  }
  return null;
}

export const isSealed = (draft: Draft): boolean => draft.secrecy === 'sealed' && whyOpen(draft) === null;

/** A key as `voting trustee keygen` prints it, however it was pasted. */
const keyIn = (text: string): string => text.replace(/\s/g, '').toLowerCase();
export const isKey = (text: string): boolean => /^[0-9a-f]{64}$/.test(keyIn(text));

/** The trustees entered, without lines left empty. */
export const trusteesOf = ({ trustees }: Pick<Draft, 'trustees'>): { name: string; key: string }[] =>
  trustees.map(({ name, publicKey }) => ({ name: name.trim(), key: keyIn(publicKey) })).filter(({ name, key }) => name !== '' || key !== '');

/** How many trustees decrypt, with the usual number filled in. */
export const thresholdOf = (draft: Draft): number => draft.threshold ?? usualThreshold(trusteesOf(draft).length);

/** How it is said to the API. A draft whose trustees are still to be entered is kept as an open one; it cannot be published so. */
function secrecyOf(draft: Draft): Pick<NewElection, 'secrecy' | 'sealing'> {
  const trustees = trusteesOf(draft);
  if (!isSealed(draft) || trustees.length === 0) return { secrecy: 'open' };
  return { secrecy: 'sealed', sealing: { threshold: thresholdOf(draft), min_ballots: draft.minBallots ?? USUAL_MIN_BALLOTS, trustees } };
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
    ...secrecyOf(draft),
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
