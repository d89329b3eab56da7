import { useTranslations } from 'use-intl';
import { formatNumber, formatShare } from '../../ui/format';
import { useRegion } from '../../ui/hooks';

/** How many have voted, in words and as a bar. */
export function Turnout({ voted, roll }: { voted: number; roll: number }) {
  const t = useTranslations('elections');
  const locale = useRegion();
  return (
    <div className="turnout">
      <p className="small">
        {t('turnout', { voted: formatNumber(voted, locale), roll: formatNumber(roll, locale) })}{' '}
        <span className="muted">{formatShare(voted, roll, locale)}</span>
      </p>
      <div className="meter" aria-hidden="true">
        <span style={{ width: `${roll > 0 ? Math.min(100, (voted / roll) * 100) : 0}%` }} />
      </div>
    </div>
  );
}
