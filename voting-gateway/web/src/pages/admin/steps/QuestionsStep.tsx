import { useId, useRef } from 'react';
import { useTranslations } from 'use-intl';
import { METHODS } from '../../../ballot/definition';
import { announce } from '../../../ui/announcer';
import { Button } from '../../../ui/Button';
import { Field } from '../../../ui/Field';
import { moved, newQuestion, type QuestionDraft } from '../draft';
import { SelectField } from '../fields';
import { MoveButtons } from '../MoveButtons';
import type { DraftState } from '../useDraft';
import { useRefocus } from '../useRefocus';
import { LimitFields } from './LimitFields';
import { OptionsEditor } from './OptionsEditor';
import { Preview } from './Preview';

const MAX_QUESTIONS = 50;

export function QuestionsStep({ state: { draft, change } }: { state: DraftState }) {
  const t = useTranslations('admin.questions');
  const root = useRef<HTMLDivElement>(null);
  const refocus = useRefocus(root);
  const { questions } = draft;

  const set = (next: QuestionDraft[]): void => change({ questions: next });
  const add = (): void => {
    const question = newQuestion();
    refocus(`${question.key}-title`);
    set([...questions, question]);
  };
  const remove = (place: number): void => {
    const next = questions[place + 1] ?? questions[place - 1];
    refocus(next ? `${next.key}-title` : 'add-question');
    announce(t('questionRemovedSaid', { number: place + 1 }));
    set(questions.filter((_, other) => other !== place));
  };
  const move = (place: number, to: number, button: string): void => {
    const question = questions[place];
    if (!question || to < 0 || to >= questions.length) return;
    refocus(`${question.key}-${button}`);
    announce(t('questionMovedSaid', { number: to + 1 }));
    set(moved(questions, place, to));
  };

  return (
    <div className="stack-wide" ref={root}>
      {questions.map((question, place) => (
        <QuestionCard
          key={question.key}
          question={question}
          place={place}
          count={questions.length}
          onChange={(news) => set(questions.map((other, at) => (at === place ? { ...other, ...news } : other)))}
          onMove={(to, button) => move(place, to, button)}
          onRemove={() => remove(place)}
        />
      ))}
      <div>
        <Button data-focus="add-question" aria-disabled={questions.length >= MAX_QUESTIONS} onClick={add}>
          {t('addQuestion')}
        </Button>
      </div>
    </div>
  );
}

interface QuestionCardProps {
  question: QuestionDraft;
  place: number;
  count: number;
  onChange: (news: Partial<QuestionDraft>) => void;
  onMove: (to: number, button: string) => void;
  onRemove: () => void;
}

function QuestionCard({ question, place, count, onChange, onMove, onRemove }: QuestionCardProps) {
  const t = useTranslations();
  const id = useId();
  const number = place + 1;
  return (
    <section className="card question" aria-labelledby={id}>
      <div className="spread">
        <h2 id={id} className="h3">
          {t('admin.questions.question', { number })}
        </h2>
        {count > 1 && (
          <MoveButtons
            focusKey={question.key}
            place={place}
            count={count}
            labels={{
              up: t('admin.questions.questionUp', { number }),
              down: t('admin.questions.questionDown', { number }),
              remove: t('admin.questions.removeQuestion', { number }),
            }}
            onMove={onMove}
            onRemove={onRemove}
          />
        )}
      </div>
      <div className="question-columns">
        <div className="stack-wide">
          <div className="stack">
            <Field
              label={t('admin.questions.text')}
              data-focus={`${question.key}-title`}
              value={question.title}
              autoComplete="off"
              onChange={(event) => onChange({ title: event.target.value })}
            />
            <SelectField
              label={t('admin.questions.method')}
              hint={t(`admin.questions.explain.${question.method}`)}
              value={question.method}
              options={METHODS.map((value) => ({ value, label: t(`methods.${value}`) }))}
              onChange={(method) => onChange({ method })}
            />
          </div>
          <OptionsEditor options={question.options} onChange={(options) => onChange({ options })} />
          <LimitFields question={question} onChange={onChange} />
        </div>
        <Preview question={question} />
      </div>
    </section>
  );
}
