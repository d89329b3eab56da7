import { useId } from 'react';
import { useTranslations } from 'use-intl';
import type { OptionsProps } from './ContestField';
import { score } from './selection';

/** More scores than this are typed rather than picked. */
const PICKED_MAX = 10;

/** A score for each option; an option without one is left out, which counts as 0. */
export function ScoreOptions({ contest, draft, onChange }: OptionsProps) {
  const t = useTranslations('vote');
  const name = useId();
  const scoreOf = (place: number): number | null => draft.scores.find(([option]) => option === place)?.[1] ?? null;
  const change = (place: number, value: number | null): void => onChange(score(contest, draft, place, value));
  const values = Array.from({ length: contest.max_score + 1 }, (_, value) => value);

  return (
    <div className="options">
      {contest.options.map((option, place) => {
        const withdrawn = contest.withdrawn.includes(place);
        const words = (
          <>
            <span className="option-name">{option.name}</span>
            {withdrawn && <span className="option-note">{t('withdrawn')}</span>}
            {option.description && <span className="option-note">{option.description}</span>}
          </>
        );
        if (contest.max_score > PICKED_MAX) {
          return (
            <label key={place} className="option option-score">
              <span className="option-words">{words}</span>
              <input
                className="input score-input"
                type="number"
                inputMode="numeric"
                min={0}
                max={contest.max_score}
                disabled={withdrawn}
                value={scoreOf(place) ?? ''}
                onChange={(event) => {
                  const value = event.target.valueAsNumber;
                  change(place, Number.isNaN(value) ? null : Math.min(contest.max_score, Math.max(0, Math.trunc(value))));
                }}
              />
            </label>
          );
        }
        return (
          <fieldset key={place} className="option option-score" disabled={withdrawn}>
            <legend className="visually-hidden">{option.name}</legend>
            <div className="option-words" aria-hidden="true">
              {words}
            </div>
            <div className="scores">
              {values.map((value) => (
                <label key={value} className="score">
                  <input
                    type="radio"
                    name={`${name}-${place}`}
                    checked={scoreOf(place) === value}
                    onChange={() => change(place, value)}
                  />
                  <span>{value}</span>
                </label>
              ))}
            </div>
          </fieldset>
        );
      })}
    </div>
  );
}
