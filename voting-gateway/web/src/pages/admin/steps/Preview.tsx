import { useId, useState } from 'react';
import { useTranslations } from 'use-intl';
import { ContestField } from '../../vote/ContestField';
import { EMPTY } from '../../vote/selection';
import { contestOf, type QuestionDraft } from '../draft';

/** The question as it will stand on the ballot, to be tried. */
export function Preview({ question }: { question: QuestionDraft }) {
  const t = useTranslations('admin.questions');
  const id = useId();
  const contest = contestOf(question);
  const shape = `${contest.method} ${contest.max} ${contest.max_score} ${contest.options.length}`;
  return (
    <section className="preview" aria-labelledby={id}>
      <h3 id={id} className="field-legend">
        {t('preview')}
      </h3>
      {contest.options.length === 0 ? (
        <p className="muted small">{t('previewEmpty')}</p>
      ) : (
        <>
          <p className="muted small">{t('previewHint')}</p>
          {/* What was tried makes sense for this shape of ballot only. */}
          <Tried key={shape} contest={{ ...contest, title: contest.title || t('previewTitle') }} />
        </>
      )}
    </section>
  );
}

function Tried({ contest }: { contest: ReturnType<typeof contestOf> }) {
  const [draft, setDraft] = useState(EMPTY);
  return <ContestField contest={contest} number={null} draft={draft} issue={null} onChange={setDraft} />;
}
