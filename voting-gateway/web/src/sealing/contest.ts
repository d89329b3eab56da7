/** What is encrypted in a contest, and what is proved about it (docs/SPEC.md, 20.2). */
import type { Selection } from '../ballot/ballot';
import type { DefinedContest } from '../ballot/definition';

/** Ways of counting that add up what is marked. */
const MARKED: ReadonlySet<string> = new Set(['plurality', 'approval', 'dhondt', 'sainte-lague']);

/** The rules of a contest of marks or of scores. */
export interface SealedContest {
  form: 'marks' | 'scores';
  options: number;
  /** R: 1 for marks. */
  max_value: number;
  min: number;
  /** L: for scores, options times R. */
  max: number;
  allow_blank: boolean;
  /** Places of options that can no longer be elected. */
  withdrawn: number[];
}

/** How a contest of a definition is sealed; null if it cannot be. */
export function contestOf({ method, options, min, max, max_score, allow_blank, withdrawn }: DefinedContest): SealedContest | null {
  const shared = { options: options.length, allow_blank, withdrawn };
  if (MARKED.has(method)) return { form: 'marks', max_value: 1, min, max, ...shared };
  if (method !== 'score' || min > 1 || max < options.length) return null;
  return { form: 'scores', max_value: max_score, min: 0, max: options.length * max_score, ...shared };
}

/** Consecutive values that one is proved to be among. */
export interface Range {
  low: number;
  high: number;
}

/** Ciphertexts of a ballot: one per option, then blank. */
export const ciphertexts = ({ options, allow_blank }: SealedContest): number => options + (allow_blank ? 1 : 0);

const isBlank = (contest: SealedContest, place: number): boolean => contest.allow_blank && place === contest.options;

/** Highest value of the ciphertext at a place. */
export function maxValue(contest: SealedContest, place: number): number {
  if (isBlank(contest, place)) return 1;
  return contest.withdrawn.includes(place) ? 0 : contest.max_value;
}

/** What the ciphertext at a place counts for in the limit. */
export const limitWeight = (contest: SealedContest, place: number): number =>
  isBlank(contest, place) ? contest.max : 1;

/** What the weighted sum is proved to be in; null where the options' ranges imply it. */
export function limitOf({ options, max_value, min, max, allow_blank }: SealedContest): Range | null {
  return allow_blank || min > 0 || max < options * max_value ? { low: min, high: max } : null;
}

/** The values that a selection encrypts; null if the contest does not accept it. */
export function valuesOf(contest: SealedContest, selection: Selection): number[] | null {
  const values = Array.from({ length: ciphertexts(contest) }, () => 0);
  if (selection === 'blank') {
    if (!contest.allow_blank) return null;
    values[contest.options] = 1;
    return values;
  }
  let named: [number, number][];
  if ('marks' in selection && contest.form === 'marks') {
    const count = selection.marks.length;
    if (count < contest.min || count > contest.max) return null;
    named = selection.marks.map((option) => [option, 1]);
  } else if ('scores' in selection && contest.form === 'scores') named = selection.scores;
  else return null;
  let before = -1;
  for (const [option, value] of named) {
    const known = Number.isInteger(option) && option > before && option < contest.options;
    if (!known || !Number.isInteger(value) || value < 0 || value > maxValue(contest, option)) return null;
    values[option] = value;
    before = option;
  }
  return values;
}

/** The selection that values stand for. */
export function selectionOf(contest: SealedContest, values: readonly number[]): Selection {
  if (contest.allow_blank && values[contest.options] === 1) return 'blank';
  const named = values.slice(0, contest.options).flatMap((value, option) => (value > 0 ? [[option, value] as const] : []));
  return contest.form === 'scores'
    ? { scores: named.map(([option, value]): [number, number] => [option, value]) }
    : { marks: named.map(([option]) => option) };
}
