/** What the count of a contest says beyond its figures: ties, and comparisons that did not count. Pure. */
import type { ContestResult, Pairs, Tie } from '../../api/types';
import { isOfLists } from '../../ballot/form';

/** Who won a comparison, and against whom. */
export type Pair = readonly [winner: number, loser: number];

const wins = (pairs: Pairs, a: number, b: number): boolean => (pairs.preferences[a]?.[b] ?? 0) > (pairs.preferences[b]?.[a] ?? 0);

/** Ranked pairs: the comparisons that count, in order. */
export const taken = (pairs: Pairs): Pair[] => pairs.locked.flatMap(([winner, loser]) => (winner === undefined || loser === undefined ? [] : [[winner, loser] as const]));

/** Ranked pairs: comparisons that were won and yet not taken, because those before them say the opposite. */
export function leftOut(pairs: Pairs): Pair[] {
  const places = pairs.preferences.map((_, place) => place);
  const isLocked = (a: number, b: number): boolean => pairs.locked.some(([winner, loser]) => winner === a && loser === b);
  return places.flatMap((a) => places.filter((b) => wins(pairs, a, b) && !isLocked(a, b)).map((b): Pair => [a, b]));
}

/** `pair`: which of equally clear comparisons comes first. `seat`: which list gets the next seat. */
export type TieKind = 'election' | 'exclusion' | 'surplus' | 'order' | 'pair' | 'seat';

/** What a tie is about. */
export function kindOf(contest: ContestResult, tie: Tie): TieKind {
  const { pairs } = contest;
  switch (tie.purpose) {
    case 'exclusion':
    case 'surplus':
    case 'order':
      return tie.purpose;
    default:
      if (isOfLists(contest.method)) return 'seat';
      // Options that are level in the end have won nothing against each other.
      return pairs && pairs.locked.length > 0 && tie.options.some((a) => tie.options.some((b) => wins(pairs, a, b))) ? 'pair' : 'election';
  }
}

/** Those picked; of an order that was drawn only those whom it elected, where that is what it was about. */
export function pickedIn(contest: ContestResult, tie: Tie): number[] {
  if (kindOf(contest, tie) !== 'election') return tie.picked;
  const elected = tie.picked.filter((place) => contest.options.some((option) => option.elected && option.id.endsWith(`-${place}`)));
  return elected.length > 0 ? elected : tie.picked;
}

/** The step in which a tie came up, from 1; none where the count has no steps. */
export const roundOf = (contest: ContestResult, tie: Tie): number | null => (contest.rounds.length > 1 ? tie.round + 1 : null);
