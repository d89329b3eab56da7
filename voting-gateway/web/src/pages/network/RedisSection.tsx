import { useTranslations } from 'use-intl';
import { formatNumber } from '../../ui/format';
import { useRegion } from '../../ui/hooks';
import { Notice } from '../../ui/Notice';
import { HealthChip } from './parts';
import { segmentsOf, SLOTS } from './slots';
import type { Health, Redis, Shard } from './types';

export function RedisSection({ redis }: { redis: Redis }) {
  const t = useTranslations('network.redis');
  const locale = useRegion();
  const { error, shards, slots_served: served } = redis;
  return (
    <section className="card stack" aria-labelledby="redis">
      <h2 id="redis">{t('title')}</h2>
      {error !== undefined ? (
        <Notice tone="danger" title={t('error')}>
          <p>{error}</p>
        </Notice>
      ) : (
        <>
          <p>
            {served === SLOTS
              ? t('all')
              : t('some', { served: formatNumber(served, locale), missing: formatNumber(SLOTS - served, locale) })}
          </p>
          <SlotBar shards={shards} />
          <Servers shards={shards} />
        </>
      )}
    </section>
  );
}

/** The picture of what the sentence above and the table below say. */
function SlotBar({ shards }: { shards: readonly Shard[] }) {
  return (
    <div className="net-slots" aria-hidden="true">
      {segmentsOf(shards).map(({ first, last, shard }) => (
        <span key={first} className={shard === null ? 'is-missing' : undefined} style={{ flexGrow: last - first + 1 }}>
          {shard === null ? '!' : shard + 1}
        </span>
      ))}
    </div>
  );
}

const HEALTHS: Record<string, Health> = { online: 'alive', failed: 'down', loading: 'suspect' };

function Servers({ shards }: { shards: readonly Shard[] }) {
  const t = useTranslations('network.redis');
  const locale = useRegion();
  const number = (value: number): string => formatNumber(value, locale);
  const word = (key: string): string => (t.has(key as 'master') ? t(key as 'master') : key);
  const rangesOf = ({ slots }: Shard): string =>
    slots.map(([first = 0, last = first]) => t('range', { first: number(first), last: number(last) })).join(', ') || t('noSlots');
  return (
    <table className="table net-table" role="table">
      <caption className="visually-hidden">{t('caption')}</caption>
      <thead role="rowgroup">
        <tr role="row">
          {(['server', 'shard', 'role', 'health'] as const).map((column) => (
            <th key={column} role="columnheader" scope="col">
              {t(column)}
            </th>
          ))}
          {(['slots', 'behind'] as const).map((column) => (
            <th key={column} role="columnheader" scope="col" className="number">
              {t(column)}
            </th>
          ))}
        </tr>
      </thead>
      <tbody role="rowgroup">
        {shards.flatMap((shard, place) =>
          shard.servers.map(({ address, role, health, behind_bytes: behind }) => (
            <tr key={address} role="row" className={health === 'online' ? undefined : `is-${HEALTHS[health] ?? 'unknown'}`}>
              <th role="rowheader" scope="row" className="mono">
                {address}
              </th>
              <td role="cell" data-label={t('shard')}>
                {place + 1}
              </td>
              <td role="cell" data-label={t('role')}>
                {word(role)}
              </td>
              <td role="cell">
                <HealthChip health={HEALTHS[health] ?? 'unknown'} label={word(health)} />
              </td>
              <td role="cell" className="number" data-label={t('slots')}>
                {role === 'master' ? rangesOf(shard) : '–'}
              </td>
              <td role="cell" className="number" data-label={t('behind')}>
                {number(behind)}
              </td>
            </tr>
          )),
        )}
      </tbody>
    </table>
  );
}
