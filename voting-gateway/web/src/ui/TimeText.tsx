import { useNow, useRegion } from './hooks';
import { formatDateTime, formatRelative, formatTime, localZone, sameDay } from './format';

/** A moment in the reader's zone. */
export function TimeText({ iso }: { iso: string }) {
  const locale = useRegion();
  return <time dateTime={iso}>{formatDateTime(iso, locale)}</time>;
}

/** A moment in the reader's zone, named, and in UTC, which the ledger counts in. */
export function BothZones({ iso }: { iso: string }) {
  const locale = useRegion();
  const zone = localZone();
  const utc = sameDay(iso, zone, 'UTC') ? formatTime(iso, locale, 'UTC') : formatDateTime(iso, locale, 'UTC');
  return (
    <time dateTime={iso}>
      {formatDateTime(iso, locale)} <span className="muted">{zone.replaceAll('_', ' ')}</span>
      {zone !== 'UTC' && <span className="muted"> · {utc} UTC</span>}
    </time>
  );
}

/** How far away a moment is; moves on by itself. */
export function RelativeTime({ iso }: { iso: string }) {
  const locale = useRegion();
  const now = useNow(30_000);
  return <>{formatRelative(iso, now, locale)}</>;
}
