import { useTranslations } from 'use-intl';

const PHASES = ['draft', 'ready', 'scheduled', 'open', 'closed', 'tallied', 'published'] as const;

/** Where an election stands on its way from draft to final result. */
export function Timeline({ phase }: { phase: string }) {
  const t = useTranslations();
  const current = PHASES.findIndex((name) => name === phase);
  return (
    <ol className="timeline" aria-label={t('admin.overview.phasesLabel')}>
      {PHASES.map((name, place) => (
        <li key={name} className={place < current ? 'is-done' : undefined} aria-current={place === current ? 'step' : undefined}>
          <strong>{t(`phases.${name}`)}</strong>
          {t(`admin.overview.stages.${name}`)}
        </li>
      ))}
    </ol>
  );
}
