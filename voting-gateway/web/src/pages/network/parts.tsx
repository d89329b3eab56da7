/** Small things that several parts of the page show. */
import { useTranslations } from 'use-intl';
import { formatClock } from '../../ui/format';
import { useRegion } from '../../ui/hooks';
import type { Health } from './types';

/** One sign per state of health, in a box of 24: states differ in shape, not in colour alone. */
export const HEALTH_SIGNS: Record<Health, string> = {
  alive: 'M6 12.5l4 4L18 8',
  suspect: 'M12 6v8M12 18v.01',
  down: 'M7 7l10 10M17 7 7 17',
  unknown: 'M9 9.500a3 3 0 1 1 4.500 2.600c-1 .6-1.500 1.200-1.500 2.400M12 18v.01',
};

/** `label` where other words than those of authorities are meant. */
export function HealthChip({ health, label }: { health: Health; label?: string }) {
  const t = useTranslations('network.health');
  return (
    <span className={`health health-${health}`}>
      <svg viewBox="0 0 24 24" aria-hidden="true" focusable="false">
        <path d={HEALTH_SIGNS[health]} />
      </svg>
      {label ?? t(health)}
    </span>
  );
}

export function Clock({ iso }: { iso: string }) {
  return <time dateTime={iso}>{formatClock(Date.parse(iso), useRegion())}</time>;
}

/** The beginning of a digest, with all of it to be had. */
export function Digest({ hash }: { hash: string }) {
  return (
    <span className="mono" title={hash}>
      {hash.slice(0, 8)}
    </span>
  );
}
