/** Whether a contest of an open election accepts a selection, and what it adds to the sums (docs/SPEC.md, sections 10 and 15). */
import type { Said } from '../ballot/ballot';
import type { DefinedContest } from '../ballot/definition';
import { formOf, mayShareRanks } from '../ballot/form';

/** Null if it is accepted, otherwise the first of the specification's codes. */
export function checkSelection(said: Said, contest: DefinedContest): string | null {
  if (said === 'blank') return contest.allow_blank ? null : 'blank_not_allowed';
  if ('sealed' in said) return 'sealed_ballot';
  if (!(formOf(contest.method) in said)) return 'wrong_form';
  let named: number[];
  if ('scores' in said) {
    if (said.scores.some(([, points]) => points > contest.max_score)) return 'score_too_high';
    named = said.scores.map(([option]) => option);
  } else if ('marks' in said) named = said.marks;
  else {
    // The order within a rank, and that none stands empty at the end, is what the encoding allows at all.
    if (said.ranking.some((tier) => tier.length === 0)) return 'rank_skipped';
    if (said.ranking.some((tier) => tier.length > 1) && !mayShareRanks(contest.method)) return 'ranks_shared';
    named = said.ranking.flat().sort((one, other) => one - other);
    if (new Set(named).size < named.length) return 'ranked_twice';
  }
  if (named.some((option, at) => at > 0 && option <= (named[at - 1] ?? 0))) return 'marks_out_of_order';
  if (named.some((option) => option >= contest.options.length)) return 'unknown_option';
  if (named.some((option) => contest.withdrawn.includes(option))) return 'option_withdrawn';
  if (named.length > contest.max) return 'overvote';
  return named.length < contest.min ? 'undervote' : null;
}

/** The sums of a contest. */
export interface Sums {
  options: bigint[];
  ballots: bigint;
  weight: bigint;
  blank: bigint;
}

/** Sums over open ballots that were accepted. */
export function addUp(contests: readonly DefinedContest[], ballots: readonly { weight: bigint; selections: readonly Said[] }[]): Sums[] {
  return contests.map(({ options }, at) => {
    const sums: Sums = { options: options.map(() => 0n), ballots: 0n, weight: 0n, blank: 0n };
    const add = (option: number | undefined, votes: bigint): void => {
      if (option !== undefined) sums.options[option] = (sums.options[option] ?? 0n) + votes;
    };
    for (const { weight, selections } of ballots) {
      const said = selections[at] ?? 'blank';
      sums.ballots += 1n;
      sums.weight += weight;
      if (said === 'blank') sums.blank += weight;
      else if ('marks' in said) for (const option of said.marks) add(option, weight);
      else if ('scores' in said) for (const [option, points] of said.scores) add(option, weight * BigInt(points));
      else if ('ranking' in said && said.ranking[0]?.length === 1) add(said.ranking[0][0], weight);
    }
    return sums;
  });
}
