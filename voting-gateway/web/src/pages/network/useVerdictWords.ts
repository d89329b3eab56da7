import { useTranslations } from 'use-intl';
import type { Verdict } from './verdict';

/** A verdict in words: the sentence, and what follows from it. */
export function useVerdictWords(verdict: Verdict): { sentence: string; more?: string } {
  const t = useTranslations('network');
  switch (verdict.kind) {
    case 'agree':
      return { sentence: t('verdict.agree', { count: verdict.total }), more: t('verdict.mayFail', { count: verdict.spare }) };
    case 'behind':
      return { sentence: t('verdict.behind', { total: verdict.total, name: verdict.name, lag: verdict.lag }) };
    case 'enough': {
      const { alive, total, spare } = verdict;
      return { sentence: t('verdict.enough', { alive, total }), more: t('more.spare', { count: spare }) };
    }
    case 'few': {
      const { alive, total, quorum } = verdict;
      return { sentence: t('verdict.few', { alive, total, quorum }), more: t('more.kept') };
    }
    case 'none':
      return { sentence: t('verdict.none', { quorum: verdict.quorum, total: verdict.total }), more: t('more.kept') };
    case 'unheard':
      return { sentence: t('verdict.unheard') };
    case 'fork':
      return { sentence: t('verdict.fork', { height: verdict.height }) };
  }
}
