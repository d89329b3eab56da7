/** What a voter has marked so far in one contest, and the rules that it has to meet. Pure. */
import type { Contest } from '../../api/types';
import type { Selection } from '../../ballot';
import { formOf } from '../../ballot/form';

/** Marks, scores or ranks, as the contest's method asks for; `blank` is a choice of its own. */
export interface Draft {
  blank: boolean;
  marks: number[];
  scores: [option: number, score: number][];
  /** Best first; options in one tier share the rank. */
  ranking: number[][];
}

export const EMPTY: Draft = { blank: false, marks: [], scores: [], ranking: [] };

/** Options named, in whatever way. */
export function named(contest: Contest, draft: Draft): number {
  if (draft.blank) return 0;
  const form = formOf(contest.method);
  if (form === 'marks') return draft.marks.length;
  return form === 'scores' ? draft.scores.length : draft.ranking.flat().length;
}

export type Issue = 'choose' | 'tooFew' | 'tooMany';

/** Why the contest would not accept the draft; an empty one is blank where that is allowed. */
export function issueOf(contest: Contest, draft: Draft): Issue | null {
  const count = named(contest, draft);
  if (count === 0) return contest.allow_blank ? null : 'choose';
  if (count < contest.min) return 'tooFew';
  return count > contest.max ? 'tooMany' : null;
}

const ascending = (a: number, b: number): number => a - b;

/** The draft as the ballot says it, in the one form that it has there. */
export function selectionOf(contest: Contest, draft: Draft): Selection {
  if (named(contest, draft) === 0) return 'blank';
  switch (formOf(contest.method)) {
    case 'marks':
      return { marks: [...draft.marks].sort(ascending) };
    case 'scores':
      return { scores: [...draft.scores].sort(([a], [b]) => a - b) };
    case 'ranking':
      return { ranking: draft.ranking.map((tier) => [...tier].sort(ascending)) };
  }
}

/** The draft that a selection was made of. */
export function draftOf(selection: Selection): Draft {
  if (selection === 'blank') return { ...EMPTY, blank: true };
  if ('marks' in selection) return { ...EMPTY, marks: selection.marks };
  return 'scores' in selection ? { ...EMPTY, scores: selection.scores } : { ...EMPTY, ranking: selection.ranking };
}

/** Marks or unmarks an option. A contest with one mark changes it; one with more never takes more than its most. */
export function toggle(contest: Contest, draft: Draft, option: number): Draft {
  if (draft.marks.includes(option)) return { ...draft, blank: false, marks: draft.marks.filter((mark) => mark !== option) };
  if (contest.max === 1) return { ...EMPTY, marks: [option] };
  if (named(contest, draft) >= contest.max) return draft;
  return { ...EMPTY, marks: [...draft.marks, option] };
}

/** Scores an option; null takes its score back. */
export function score(contest: Contest, draft: Draft, option: number, value: number | null): Draft {
  const others = draft.scores.filter(([scored]) => scored !== option);
  if (value === null) return { ...EMPTY, scores: others };
  const isNew = others.length === draft.scores.length;
  if (isNew && named(contest, draft) >= contest.max) return draft;
  return { ...EMPTY, scores: [...others, [option, value]] };
}

const without = (ranking: number[][], option: number): number[][] =>
  ranking.map((tier) => tier.filter((other) => other !== option)).filter((tier) => tier.length > 0);

/** Ranks an option behind all others. */
export function append(contest: Contest, draft: Draft, option: number): Draft {
  if (named(contest, draft) >= contest.max) return draft;
  return { ...EMPTY, ranking: [...without(draft.ranking, option), [option]] };
}

export function unrank(draft: Draft, option: number): Draft {
  return { ...EMPTY, ranking: without(draft.ranking, option) };
}

/** Gives an option a rank of its own, from 1; those at it and behind it move down. */
export function place(draft: Draft, option: number, rank: number): Draft {
  const others = without(draft.ranking, option);
  return { ...EMPTY, ranking: [...others.slice(0, rank - 1), [option], ...others.slice(rank - 1)] };
}

/** Puts an option at the rank of another one. */
export function share(draft: Draft, option: number, other: number): Draft {
  const ranking = without(draft.ranking, option).map((tier) => (tier.includes(other) ? [...tier, option].sort(ascending) : tier));
  return { ...EMPTY, ranking };
}

export const rankOf = (draft: Draft, option: number): number => draft.ranking.findIndex((tier) => tier.includes(option)) + 1;

/** Moves an option one rank up or down; out of a shared rank it gets one of its own first. */
export function move(draft: Draft, option: number, by: -1 | 1): Draft {
  const rank = rankOf(draft, option);
  const shares = (draft.ranking[rank - 1]?.length ?? 0) > 1;
  const target = shares ? (by === -1 ? rank : rank + 1) : rank + by;
  return target < 1 ? draft : place(draft, option, target);
}
