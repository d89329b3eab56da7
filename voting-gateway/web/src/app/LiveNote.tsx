import { useTranslations } from 'use-intl';
import { formatClock } from '../ui/format';
import { useRegion } from '../ui/hooks';

/** Says of when the figures are while the live connection is down. */
export function LiveNote({ stale, since }: { stale: boolean; since: number }) {
  const t = useTranslations('live');
  const locale = useRegion();
  if (!stale || since === 0) return null;
  return <p className="live-note small muted">{t('stale', { time: formatClock(since, locale) })}</p>;
}
