import { useId } from 'react';
import { useTranslations } from 'use-intl';
import { NumberField, SelectField } from '../fields';
import { contestOf, type Majority, type QuestionDraft } from '../draft';
import { mostSeats, settable, usualMax } from '../methods';

const MAJORITIES: readonly Majority[] = ['most-votes', 'simple', 'two-thirds', 'absolute'];

interface LimitFieldsProps {
  question: QuestionDraft;
  onChange: (news: Partial<QuestionDraft>) => void;
}

/** What the method of a question lets one set. */
export function LimitFields({ question, onChange }: LimitFieldsProps) {
  const t = useTranslations('admin.questions');
  const id = useId();
  const { method } = question;
  const takes = settable(method);
  const options = Math.max(1, contestOf(question).options.length);
  const usual = usualMax(method, options);
  return (
    <fieldset className="stack">
      <legend className="field-legend">{t('limits')}</legend>
      <div className="numbers">
        {takes.seats && (
          <NumberField label={t('seats')} hint={t('seatsHint')} value={question.seats} usual={1} most={mostSeats(method, options)} onChange={(seats) => onChange({ seats })} />
        )}
        {takes.limits && (
          <>
            <NumberField label={t('min')} hint={t('minHint')} value={question.min} usual={1} most={options} onChange={(min) => onChange({ min })} />
            <NumberField label={t('max')} hint={t('maxHint', { usual })} value={question.max} usual={usual} most={options} onChange={(max) => onChange({ max })} />
          </>
        )}
        {takes.maxScore && (
          <NumberField label={t('maxScore')} hint={t('maxScoreHint')} value={question.maxScore} usual={5} most={100} onChange={(maxScore) => onChange({ maxScore })} />
        )}
        {takes.thresholds && (
          <NumberField label={t('quorum')} hint={t('quorumHint')} value={question.quorum} usual={0} least={0} most={100} onChange={(quorum) => onChange({ quorum })} />
        )}
      </div>
      {takes.thresholds && (
        <SelectField
          label={t('majority')}
          value={question.majority}
          options={MAJORITIES.map((value) => ({ value, label: t(`majorities.${value}`) }))}
          onChange={(majority) => onChange({ majority })}
        />
      )}
      <label className="check" htmlFor={id}>
        <input id={id} type="checkbox" checked={question.allowBlank} onChange={(event) => onChange({ allowBlank: event.target.checked })} />
        {t('blank')}
      </label>
    </fieldset>
  );
}
