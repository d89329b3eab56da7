import { useTranslations } from 'use-intl';
import { formatNumber } from '../../ui/format';
import { useRegion } from '../../ui/hooks';
import { Digest, HealthChip } from './parts';
import type { Authority } from './types';
import { formatAgo, formatMegabytes, formatMs, formatSigned, JUST_NOW_MS } from './units';

const COLUMNS = ['height', 'lag', 'clock', 'heard', 'cpu', 'memory', 'write', 'waiting'] as const;
type Column = (typeof COLUMNS)[number];

/** A table where there is room, a card for each authority where there is not: the roles survive either way. */
export function Authorities({ authorities, leader }: { authorities: readonly Authority[]; leader: string | undefined }) {
  const t = useTranslations('network.table');
  return (
    <section className="stack" aria-labelledby="authorities">
      <h2 id="authorities">{t('title')}</h2>
      <table className="table net-table" role="table">
        <caption className="visually-hidden">{t('caption')}</caption>
        <thead role="rowgroup">
          <tr role="row">
            {(['name', 'health'] as const).map((column) => (
              <th key={column} role="columnheader" scope="col">
                {t(column)}
              </th>
            ))}
            {COLUMNS.map((column) => (
              <th key={column} role="columnheader" scope="col" className="number">
                {t(column)}
              </th>
            ))}
            <th role="columnheader" scope="col">
              {t('head')}
            </th>
          </tr>
        </thead>
        <tbody role="rowgroup">
          {authorities.map((authority) => (
            <Row key={authority.name} authority={authority} leads={authority.name === leader} />
          ))}
        </tbody>
      </table>
      <p className="small muted">{t('legend')}</p>
    </section>
  );
}

function Row({ authority, leads }: { authority: Authority; leads: boolean }) {
  const t = useTranslations('network.table');
  const figures = useFigures(authority);
  const { name, health, coordinates, head } = authority;
  return (
    <tr role="row" className={health === 'alive' ? undefined : `is-${health}`} data-authority={name} data-health={health}>
      <th role="rowheader" scope="row">
        <span className="net-who">{name}</span>
        {leads && <span className="net-tag">★ {t('leads')}</span>}
        {coordinates && <span className="net-tag">◆ {t('coordinates')}</span>}
      </th>
      <td role="cell">
        <HealthChip health={health} />
      </td>
      {COLUMNS.map((column) => (
        <td key={column} role="cell" className="number" data-label={t(column)}>
          {figures[column] ?? '–'}
        </td>
      ))}
      <td role="cell" data-label={t('head')}>
        {head === undefined ? '–' : <Digest hash={head} />}
      </td>
    </tr>
  );
}

/** The figures of an authority in words; what it said before it fell silent is not said of now. */
function useFigures(authority: Authority): Partial<Record<Column, string>> {
  const t = useTranslations('network.table');
  const locale = useRegion();
  const { health, height, lag, silent_ms, clock, clock_ahead_ms, cpu_permille, memory_bytes, write_p99_us, waiting } = authority;
  const figures: Partial<Record<Column, string>> = {};
  if (height !== undefined) figures.height = formatNumber(height, locale);
  if (lag !== undefined) figures.lag = formatNumber(lag, locale);
  if (silent_ms !== undefined) {
    figures.heard = silent_ms < JUST_NOW_MS ? t('justNow') : t('ago', { time: formatAgo(silent_ms, locale) });
  }
  if (health !== 'alive') return figures;
  const offset = clock_ahead_ms === undefined ? [] : [formatSigned(clock_ahead_ms, locale)];
  const state = clock === undefined || clock.state === 'synced' ? [] : [t(`clockState.${clock.state}`)];
  if (offset.length + state.length > 0) figures.clock = [...offset, ...state].join(', ');
  if (cpu_permille !== undefined) figures.cpu = `${formatNumber(Math.round(cpu_permille / 10), locale)} %`;
  if (memory_bytes !== undefined) figures.memory = formatMegabytes(memory_bytes, locale);
  if (write_p99_us !== undefined) figures.write = formatMs(write_p99_us / 1_000, locale);
  if (waiting !== undefined) figures.waiting = formatNumber(waiting, locale);
  return figures;
}
