import { useTranslations } from 'use-intl';
import { isSealed, whyOpen } from '../draft';
import { ChoiceField } from '../fields';
import type { DraftState } from '../useDraft';
import { TrusteesEditor } from './TrusteesEditor';

export function RulesStep({ state: { draft, office, change } }: { state: DraftState }) {
  const t = useTranslations('admin.rules');
  const why = whyOpen(draft);
  const sealed = isSealed(draft);
  return (
    <div className="card stack-wide form-wide">
      <ChoiceField
        legend={t('secrecy')}
        value={sealed ? 'sealed' : 'open'}
        choices={[
          { value: 'sealed' as const, name: t('sealedRecommended'), hint: why ? t(`unsealable.${why}`) : t('secrecyOf.sealed.hint'), disabled: why !== null },
          { value: 'open' as const, name: t('secrecyOf.open.name'), hint: t('secrecyOf.open.hint') },
        ]}
        onChange={(secrecy) => change({ secrecy })}
      />
      {sealed && <TrusteesEditor draft={draft} office={office} onChange={change} />}
      <ChoiceField
        legend={t(sealed ? 'resultsSealed' : 'results')}
        value={draft.results}
        choices={(['voters', 'public'] as const).map((value) => ({
          value,
          name: t(`resultsOf.${value}.name`),
          hint: t(sealed ? `resultsSealedOf.${value}` : `resultsOf.${value}.hint`),
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
