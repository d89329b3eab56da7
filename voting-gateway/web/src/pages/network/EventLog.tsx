import { useState } from 'react';
import { useTranslations } from 'use-intl';
import { Button } from '../../ui/Button';
import { formatClock, formatNumber } from '../../ui/format';
import { useRegion } from '../../ui/hooks';
import type { LogEntry } from './history';

/**
 * What happened, newest first. Blocks come too fast to be read out: the page announces its verdict instead, and the
 * log is there to be read when one wants to.
 */
export function EventLog({ log }: { log: readonly LogEntry[] }) {
  const t = useTranslations('network.log');
  const locale = useRegion();
  const [held, setHeld] = useState<readonly LogEntry[] | null>(null);
  const shown = held ?? log;
  const newer = held === null ? 0 : Math.min(log.length, (log[0]?.id ?? 0) - (held[0]?.id ?? 0));
  return (
    <section className="stack" aria-labelledby="events">
      <div className="spread">
        <h2 id="events">{t('title')}</h2>
        <Button className="net-pause" onClick={() => setHeld(held === null ? log : null)}>
          {t(held === null ? 'pause' : 'resume')}
        </Button>
      </div>
      <p className="small muted">{held === null ? t('running') : t('paused', { count: newer })}</p>
      <div className="net-log card" role="log" aria-live="off" aria-label={t('label')} tabIndex={0}>
        {shown.length === 0 ? (
          <p className="muted">{t('empty')}</p>
        ) : (
          <ol>
            {shown.map((entry) => (
              <li key={entry.id} className={`net-event net-event-${entry.kind === 'health' ? entry.to : entry.kind}`}>
                <time dateTime={new Date(entry.at).toISOString()}>{formatClock(entry.at, locale)}</time>
                <Words entry={entry} />
              </li>
            ))}
          </ol>
        )}
      </div>
    </section>
  );
}

function Words({ entry }: { entry: LogEntry }) {
  const t = useTranslations('network.log');
  const health = useTranslations('network.health');
  const locale = useRegion();
  switch (entry.kind) {
    case 'health':
      return <strong>{t('health', { name: entry.name, from: health(entry.from), to: health(entry.to) })}</strong>;
    case 'leader':
      return <span>{t('leader', { name: entry.name, view: formatNumber(entry.view, locale) })}</span>;
    case 'block':
      return (
        <span>
          {t('block', { height: formatNumber(entry.height, locale), entries: entry.entries, ballots: entry.ballots })}
          {entry.signers > 0 && ` ${t('signed', { count: entry.signers })}`}
        </span>
      );
  }
}
