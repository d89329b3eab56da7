/** What an election still lacks before it can be published. Pure. */
import type { Draft, QuestionDraft } from './draft';
import { contestOf, isKey, isSealed, thresholdOf, trusteesOf } from './draft';
import { mostOptions, mostSeats } from './methods';
import { toUtc } from './zones';

export const STEPS = ['basics', 'questions', 'dates', 'voters', 'rules', 'check'] as const;
export type Step = (typeof STEPS)[number];

export type IssueCode =
  | 'title'
  | 'titleLong'
  | 'descriptionLong'
  | 'noQuestion'
  | 'questionTitle'
  | 'noOption'
  | 'manyOptions'
  | 'sameOption'
  | 'longName'
  | 'limits'
  | 'seats'
  | 'score'
  | 'quorum'
  | 'opens'
  | 'closes'
  | 'order'
  | 'past'
  | 'noTrustees'
  | 'trusteeName'
  | 'trusteeKey'
  | 'sameTrustee'
  | 'threshold'
  | 'minBallots'
  | 'noVoters'
  | 'listWaits';

export interface Issue {
  step: Step;
  code: IssueCode;
  /** The question's number, from 1. */
  question?: number;
  value?: string | number;
}

const MAX_TITLE_BYTES = 300;
const MAX_DESCRIPTION_BYTES = 4_000;

const bytes = (text: string): number => new TextEncoder().encode(text.trim()).length;
const isWhole = (value: number, least: number, most: number): boolean => Number.isInteger(value) && value >= least && value <= most;

function questionIssues(draft: QuestionDraft, question: number): Issue[] {
  const found: Issue[] = [];
  const add = (code: IssueCode, value?: string | number): void => void found.push({ step: 'questions', code, question, value });
  const contest = contestOf(draft);
  const names = contest.options.map(({ name }) => name);
  if (contest.title === '') add('questionTitle');
  if (names.length === 0) add('noOption');
  if (names.length > mostOptions(contest.method)) add('manyOptions', mostOptions(contest.method));
  const twice = names.find((name, place) => names.indexOf(name) < place);
  if (twice !== undefined) add('sameOption', twice);
  if ([contest.title, ...names].some((text) => bytes(text) > MAX_TITLE_BYTES)) add('longName');
  if (names.length === 0) return found;
  if (!isWhole(contest.min, 1, contest.max) || !isWhole(contest.max, 1, names.length)) add('limits', names.length);
  const seats = mostSeats(contest.method, names.length);
  if (!isWhole(contest.seats, 1, seats)) add('seats', seats);
  if (contest.method === 'score' && !isWhole(contest.max_score, 1, 100)) add('score');
  if (!isWhole(contest.thresholds.quorum_percent, 0, 100)) add('quorum');
  return found;
}

const MAX_TRUSTEES = 50;

function sealingIssues(draft: Draft): Issue[] {
  const trustees = trusteesOf(draft);
  if (!isSealed(draft) || trustees.length === 0) return [];
  const found: Issue[] = [];
  const add = (code: IssueCode, value?: string | number): void => void found.push({ step: 'rules', code, value });
  const [names, keys] = [trustees.map(({ name }) => name), trustees.map(({ key }) => key)];
  if (names.some((name) => name === '')) add('trusteeName');
  const wrong = trustees.findIndex(({ key }) => !isKey(key));
  if (wrong >= 0) add('trusteeKey', names[wrong] || wrong + 1);
  const twice = names.findIndex((name, place) => name !== '' && (names.indexOf(name) < place || keys.indexOf(keys[place] ?? '') < place));
  if (twice >= 0) add('sameTrustee', names[twice]);
  if (names.some((name) => bytes(name) > MAX_TITLE_BYTES)) found.push({ step: 'rules', code: 'longName' });
  const most = Math.min(trustees.length, MAX_TRUSTEES);
  if (!isWhole(thresholdOf(draft), 1, most) || trustees.length > MAX_TRUSTEES) add('threshold', most);
  if (draft.minBallots !== null && !isWhole(draft.minBallots, 1, Number.MAX_SAFE_INTEGER)) add('minBallots');
  return found;
}

/** What the API would refuse to keep, so that the draft stays in the browser until it is mended. */
export function draftIssues(draft: Draft, now: number): Issue[] {
  const found: Issue[] = [];
  const add = (step: Step, code: IssueCode): void => void found.push({ step, code });
  if (draft.title.trim() === '') add('basics', 'title');
  if (bytes(draft.title) > MAX_TITLE_BYTES) add('basics', 'titleLong');
  if (bytes(draft.description) > MAX_DESCRIPTION_BYTES) add('basics', 'descriptionLong');
  if (draft.questions.length === 0) add('questions', 'noQuestion');
  found.push(...draft.questions.flatMap((question, place) => questionIssues(question, place + 1)));
  const [opens, closes] = [toUtc(draft.opens, draft.zone), toUtc(draft.closes, draft.zone)];
  if (opens === null) add('dates', 'opens');
  if (closes === null) add('dates', 'closes');
  if (opens !== null && closes !== null) {
    if (opens >= closes) add('dates', 'order');
    else if (draft.timing === 'fixed' && Date.parse(closes) <= now) add('dates', 'past');
  }
  found.push(...sealingIssues(draft));
  return found;
}

/** Everything that stands between the draft and its publication. */
export function publishIssues(draft: Draft, now: number, voters: { onRoll: number; waiting: boolean }): Issue[] {
  const found = draftIssues(draft, now);
  if (voters.waiting) found.push({ step: 'voters', code: 'listWaits' });
  else if (voters.onRoll === 0) found.push({ step: 'voters', code: 'noVoters' });
  if (isSealed(draft) && trusteesOf(draft).length === 0) found.push({ step: 'rules', code: 'noTrustees' });
  return found;
}
