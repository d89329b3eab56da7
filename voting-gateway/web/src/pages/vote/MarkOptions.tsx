import { useId, useState } from 'react';
import { useTranslations } from 'use-intl';
import { announce } from '../../ui/announcer';
import type { OptionsProps } from './ContestField';
import { toggle } from './selection';

/** One mark: radio buttons. Several: checkboxes that take no mark too many and say why. */
export function MarkOptions({ contest, draft, onChange }: OptionsProps) {
  const t = useTranslations('vote');
  const name = useId();
  const [full, setFull] = useState(false);
  const single = contest.max === 1;

  const press = (option: number): void => {
    const next = toggle(contest, draft, option);
    setFull(next === draft);
    if (next === draft) announce(t('full', { max: contest.max }));
    else onChange(next);
  };

  return (
    <div className="options">
      {contest.options.map((option, place) => {
        const withdrawn = contest.withdrawn.includes(place);
        return (
          <label key={place} className="option">
            <input
              type={single ? 'radio' : 'checkbox'}
              name={name}
              checked={draft.marks.includes(place)}
              disabled={withdrawn}
              onChange={() => press(place)}
            />
            <span className="option-words">
              <span className="option-name">{option.name}</span>
              {withdrawn && <span className="option-note">{t('withdrawn')}</span>}
              {option.description && <span className="option-note">{option.description}</span>}
            </span>
          </label>
        );
      })}
      {full && !single && draft.marks.length >= contest.max && <p className="option-full">{t('full', { max: contest.max })}</p>}
    </div>
  );
}
