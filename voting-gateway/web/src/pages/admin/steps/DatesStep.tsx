import { useMemo } from 'react';
import { useTranslations } from 'use-intl';
import { Field } from '../../../ui/Field';
import { formatDateTime } from '../../../ui/format';
import { useRegion } from '../../../ui/hooks';
import { ChoiceField, SelectField } from '../fields';
import type { DraftState } from '../useDraft';
import { allZones, toUtc } from '../zones';

export function DatesStep({ state: { draft, change } }: { state: DraftState }) {
  const t = useTranslations('admin.dates');
  const zones = useMemo(() => {
    const known = allZones();
    // A browser may stand in a zone under a name that its own list does not have.
    const names = known.includes(draft.zone) ? known : [draft.zone, ...known];
    return names.map((value) => ({ value, label: value.replaceAll('_', ' ') }));
  }, [draft.zone]);
  const [opens, closes] = [toUtc(draft.opens, draft.zone), toUtc(draft.closes, draft.zone)];
  return (
    <div className="card stack-wide form-wide">
      <SelectField label={t('zone')} hint={t('zoneHint')} value={draft.zone} options={zones} onChange={(zone) => change({ zone })} />
      <div className="pairs">
        <Moment label={t('opens')} wall={draft.opens} utc={opens} onChange={(wall) => change({ opens: wall })} />
        <Moment label={t('closes')} wall={draft.closes} utc={closes} onChange={(wall) => change({ closes: wall })} />
      </div>
      {opens !== null && closes !== null && closes > opens && <Lasts ms={Date.parse(closes) - Date.parse(opens)} />}
      <ChoiceField
        legend={t('timing')}
        value={draft.timing}
        choices={(['fixed', 'officer'] as const).map((value) => ({
          value,
          name: t(`timings.${value}.name`),
          hint: t(`timings.${value}.hint`),
        }))}
        onChange={(timing) => change({ timing })}
      />
    </div>
  );
}

interface MomentProps {
  label: string;
  wall: string;
  utc: string | null;
  onChange: (wall: string) => void;
}

function Moment({ label, wall, utc, onChange }: MomentProps) {
  const t = useTranslations('admin.dates');
  const region = useRegion();
  return (
    <Field
      label={label}
      type="datetime-local"
      value={wall}
      hint={utc === null ? undefined : t('utc', { time: formatDateTime(utc, region, 'UTC') })}
      error={utc === null ? t('noTime') : undefined}
      onChange={(event) => onChange(event.target.value.slice(0, 16))}
    />
  );
}

const MINUTE = 60_000;

/** How long voting is open, in its two largest units. */
function Lasts({ ms }: { ms: number }) {
  const t = useTranslations('admin.dates');
  const minutes = Math.round(ms / MINUTE);
  const parts = [
    { unit: 'days', count: Math.floor(minutes / 1440) },
    { unit: 'hours', count: Math.floor(minutes / 60) % 24 },
    { unit: 'minutes', count: minutes % 60 },
  ] as const;
  const duration = parts
    .filter(({ count }) => count > 0)
    .slice(0, 2)
    .map(({ unit, count }) => t(unit, { count }))
    .join(', ');
  return <p className="muted">{t('lasts', { duration })}</p>;
}
