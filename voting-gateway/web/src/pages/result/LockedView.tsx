import { useTranslations } from 'use-intl';
import type { Pairs } from '../../api/types';
import { formatNumber } from '../../ui/format';
import { useRegion } from '../../ui/hooks';
import { leftOut, taken, type Pair } from './explain';
import { More } from './More';

/** Lists of more comparisons than this are folded up. */
const PAIRS_OPEN = 15;

/** Ranked pairs: the comparisons that count, in the order in which they were taken, and those that were left out. */
export function LockedView({ pairs, nameOf }: { pairs: Pairs; nameOf: (place: number) => string }) {
  const t = useTranslations('result');
  const locale = useRegion();
  const out = leftOut(pairs);
  const lines = (list: readonly Pair[]) =>
    list.map(([winner, loser]) => (
      <li key={`${winner}-${loser}`}>
        {t('beats', {
          winner: nameOf(winner),
          loser: nameOf(loser),
          won: formatNumber(pairs.preferences[winner]?.[loser] ?? 0, locale),
          lost: formatNumber(pairs.preferences[loser]?.[winner] ?? 0, locale),
        })}
      </li>
    ));
  return (
    <More title={t('locked')} open={pairs.locked.length <= PAIRS_OPEN}>
      <div className="stack-tight">
        <p className="muted small">{t('lockedLead')}</p>
        <ol className="numbered">{lines(taken(pairs))}</ol>
        {out.length > 0 && (
          <>
            <p className="muted small">{t('leftOut')}</p>
            <ul className="bulleted">{lines(out)}</ul>
          </>
        )}
      </div>
    </More>
  );
}
