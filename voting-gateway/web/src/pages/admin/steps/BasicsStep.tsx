import { useTranslations } from 'use-intl';
import { Field } from '../../../ui/Field';
import { TextArea } from '../fields';
import type { DraftState } from '../useDraft';

export function BasicsStep({ state: { draft, change }, wantsTitle }: { state: DraftState; wantsTitle: boolean }) {
  const t = useTranslations('admin');
  return (
    <div className="card stack-wide form-wide">
      <Field
        label={t('basics.title')}
        hint={t('basics.titleHint')}
        error={wantsTitle && draft.title.trim() === '' ? t('check.issues.title') : undefined}
        value={draft.title}
        onChange={(event) => change({ title: event.target.value })}
        required
        autoComplete="off"
      />
      <TextArea
        label={t('basics.description')}
        hint={t('basics.descriptionHint')}
        rows={4}
        value={draft.description}
        onChange={(description) => change({ description })}
      />
    </div>
  );
}
