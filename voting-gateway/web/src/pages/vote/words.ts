/** Rules of a contest, and choices, in words. */
import { useTranslations } from 'use-intl';
import type { Contest } from '../../api/types';
import { formOf, mayShareRanks } from '../../ballot/form';
import type { Draft } from './selection';

/** How to mark this contest, in a sentence or two. */
export function useRule(contest: Contest): string {
  const t = useTranslations('vote.rules');
  const { min, max } = contest;
  const options = contest.options.length - contest.withdrawn.length;
  switch (formOf(contest.method)) {
    case 'scores':
      return t('score', { max: contest.max_score });
    case 'ranking':
      return mayShareRanks(contest.method) ? t('rankShared') : max < options ? t('rankMost', { max }) : t('rank');
    default:
      if (max === 1) return t('one');
      if (min === max) return t('exactly', { max });
      if (max >= options && min <= 1) return t('any');
      return min > 1 ? t('between', { min, max }) : t('most', { max });
  }
}

/** What a draft says, line by line, best first. */
export function linesOf(contest: Contest, draft: Draft, rankWord: (rank: number) => string, scoreWord: (score: number) => string): string[] {
  const name = (option: number): string => contest.options[option]?.name ?? '';
  if (draft.blank) return [];
  switch (formOf(contest.method)) {
    case 'marks':
      return [...draft.marks].sort((a, b) => a - b).map(name);
    case 'scores':
      return [...draft.scores].sort(([a, x], [b, y]) => y - x || a - b).map(([option, score]) => `${name(option)}: ${scoreWord(score)}`);
    case 'ranking':
      return draft.ranking.map((tier, index) => `${rankWord(index + 1)} ${tier.map(name).join(' = ')}`);
  }
}
