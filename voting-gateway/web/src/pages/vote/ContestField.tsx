import { useId } from 'react';
import { useTranslations } from 'use-intl';
import type { Contest } from '../../api/types';
import { Button } from '../../ui/Button';
import { Icon } from '../../ui/Icon';
import { MarkOptions } from './MarkOptions';
import { RankOptions } from './RankOptions';
import { ScoreOptions } from './ScoreOptions';
import { formOf } from '../../ballot/form';
import { EMPTY, named, type Draft, type Issue } from './selection';
import { useRule } from './words';

export interface OptionsProps {
  contest: Contest;
  draft: Draft;
  onChange: (draft: Draft) => void;
}

interface ContestFieldProps extends OptionsProps {
  number: number | null;
  issue: Issue | null;
}

const OPTIONS = { marks: MarkOptions, scores: ScoreOptions, ranking: RankOptions } as const;

/** One question: a fieldset whose legend is the question and whose description is its rule. */
export function ContestField({ contest, number, draft, issue, onChange }: ContestFieldProps) {
  const t = useTranslations('vote');
  const rule = useRule(contest);
  const id = useId();
  const Options = OPTIONS[formOf(contest.method)];
  const count = named(contest, draft);
  const isEmpty = count === 0 && !draft.blank;
  return (
    <fieldset
      className={`contest${issue ? ' has-issue' : ''}`}
      data-contest
      aria-describedby={`${id}-rule${issue ? ` ${id}-issue` : ''}`}
    >
      <legend className="contest-title">
        {number !== null && <span className="contest-number">{t('question', { number })}</span>}
        {contest.title}
      </legend>
      <div className="contest-rule">
        <p id={`${id}-rule`}>
          {rule}
          {contest.max > 1 && formOf(contest.method) === 'marks' && <span className="nowrap"> {t('chosen', { count, max: contest.max })}</span>}
        </p>
        {!isEmpty && (
          <Button variant="quiet" onClick={() => onChange(EMPTY)}>
            {t('clear')}
          </Button>
        )}
      </div>
      {issue && (
        <p id={`${id}-issue`} className="field-error">
          <Icon name="warning" />
          <span>{t(`issues.${issue}`, { min: contest.min, max: contest.max, count })}</span>
        </p>
      )}
      <Options contest={contest} draft={draft} onChange={onChange} />
      {contest.allow_blank && (
        <label className="option option-blank">
          <input
            type="checkbox"
            checked={draft.blank}
            onChange={(event) => onChange(event.target.checked ? { ...EMPTY, blank: true } : EMPTY)}
          />
          <span className="option-words">{t('blank')}</span>
        </label>
      )}
    </fieldset>
  );
}
