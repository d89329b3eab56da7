import { useTranslations } from 'use-intl';
import { ChoiceField } from '../fields';
import type { DraftState } from '../useDraft';

export function RulesStep({ state: { draft, change } }: { state: DraftState }) {
  const t = useTranslations('admin.rules');
  return (
    <div className="card stack-wide form-wide">
      <div className="stack-tight">
        <h2 className="choice-legend">{t('secrecy')}</h2>
        <p>
          <strong>{t('secrecyOpen')}.</strong> {t('secrecyHint')}
        </p>
      </div>
      <ChoiceField
        legend={t('results')}
        value={draft.results}
        choices={(['voters', 'public'] as const).map((value) => ({
          value,
          name: t(`resultsOf.${value}.name`),
          hint: t(`resultsOf.${value}.hint`),
        }))}
        onChange={(results) => change({ results })}
      />
      <ChoiceField
        legend={t('revote')}
        value={draft.revote}
        choices={(['first-counts', 'last-counts'] as const).map((value) => ({
          value,
          name: t(`revoteOf.${value}.name`),
          hint: t(`revoteOf.${value}.hint`),
        }))}
        onChange={(revote) => change({ revote })}
      />
    </div>
  );
}
