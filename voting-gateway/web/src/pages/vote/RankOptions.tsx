import { useEffect, useRef } from 'react';
import { useTranslations } from 'use-intl';
import { announce } from '../../ui/announcer';
import { Button } from '../../ui/Button';
import { Icon } from '../../ui/Icon';
import type { OptionsProps } from './ContestField';
import { mayShareRanks } from '../../ballot/form';
import { append, move, named, place, rankOf, share, unrank, type Draft } from './selection';

/**
 * A ranking made of two lists: what is ranked, best first, and what is not. Everything works by buttons and by a
 * choice of rank, so that neither dragging nor aiming is needed.
 */
export function RankOptions({ contest, draft, onChange }: OptionsProps) {
  const t = useTranslations('vote.rank');
  const box = useRef<HTMLDivElement>(null);
  const focusAfter = useRef<string | null>(null);
  const shares = mayShareRanks(contest.method);
  const ranked = draft.ranking.flat();
  const others = contest.options.map((_, option) => option).filter((option) => !ranked.includes(option));
  const isFull = named(contest, draft) >= contest.max;
  const nameOf = (option: number): string => contest.options[option]?.name ?? '';

  // Moving a line in the page takes the focus from its buttons: give it back.
  useEffect(() => {
    const wanted = focusAfter.current;
    focusAfter.current = null;
    if (wanted === null) return;
    const button = box.current?.querySelector<HTMLElement>(`[data-focus="${wanted}"]`);
    (button ?? box.current?.querySelector<HTMLElement>('button, select'))?.focus();
  });

  const change = (next: Draft, option: number, focus: string): void => {
    if (next === draft) return;
    focusAfter.current = focus;
    onChange(next);
    const rank = rankOf(next, option);
    announce(rank > 0 ? t('said', { name: nameOf(option), rank, count: next.ranking.length }) : t('saidUnranked', { name: nameOf(option) }));
  };

  const choose = (option: number, value: string): void => {
    const [kind, number] = value.split(':');
    const focus = `select-${option}`;
    if (kind === 'none') change(unrank(draft, option), option, `add-${option}`);
    else if (kind === 'own') change(place(draft, option, Number(number)), option, focus);
    else change(share(draft, option, Number(number)), option, focus);
  };

  return (
    <div className="ranking" ref={box}>
      {ranked.length > 0 && (
        <div className="stack-tight">
          <p className="rank-heading">{t('yours')}</p>
          <ol className="ranked">
            {draft.ranking.flatMap((tier, index) =>
              tier.map((option) => {
                const rank = index + 1;
                const last = rank === draft.ranking.length && tier.length === 1;
                return (
                  <li key={option} className="ranked-line">
                    <span className="rank-number">{rank}</span>
                    <span className="option-words">
                      <span className="option-name">{nameOf(option)}</span>
                      {tier.length > 1 && <span className="option-note">{t('sharedNote')}</span>}
                    </span>
                    <span className="rank-controls">
                      <select
                        className="select"
                        aria-label={t('rankOf', { name: nameOf(option) })}
                        data-focus={`select-${option}`}
                        value={`own:${rank}`}
                        onChange={(event) => choose(option, event.target.value)}
                      >
                        {draft.ranking.map((_, other) => (
                          <option key={other} value={`own:${other + 1}`}>
                            {other + 1}
                          </option>
                        ))}
                        {shares &&
                          draft.ranking.map((names, other) =>
                            names.includes(option) ? null : (
                              <option key={`with-${other}`} value={`with:${names[0] ?? 0}`}>
                                {t('with', { rank: other + 1, name: nameOf(names[0] ?? 0) })}
                              </option>
                            ),
                          )}
                        <option value="none">{t('none')}</option>
                      </select>
                      <Button
                        className="button-icon"
                        data-focus={`up-${option}`}
                        aria-label={t('up', { name: nameOf(option) })}
                        aria-disabled={rank === 1 && tier.length === 1}
                        onClick={() => change(move(draft, option, -1), option, `up-${option}`)}
                      >
                        <Icon name="up" />
                      </Button>
                      <Button
                        className="button-icon"
                        data-focus={`down-${option}`}
                        aria-label={t('down', { name: nameOf(option) })}
                        aria-disabled={last}
                        onClick={() => change(move(draft, option, 1), option, `down-${option}`)}
                      >
                        <Icon name="down" />
                      </Button>
                      <Button
                        className="button-icon"
                        aria-label={t('remove', { name: nameOf(option) })}
                        onClick={() => change(unrank(draft, option), option, `add-${option}`)}
                      >
                        <Icon name="close" />
                      </Button>
                    </span>
                  </li>
                );
              }),
            )}
          </ol>
        </div>
      )}
      {others.length > 0 && (
        <div className="stack-tight">
          <p className="rank-heading">{ranked.length > 0 ? t('others') : t('start')}</p>
          <ul className="options">
            {others.map((option) => {
              const withdrawn = contest.withdrawn.includes(option);
              return (
                <li key={option}>
                  <button
                    type="button"
                    className="option option-add"
                    data-focus={`add-${option}`}
                    disabled={withdrawn || isFull}
                    onClick={() => change(append(contest, draft, option), option, `up-${option}`)}
                  >
                    <span className="rank-number rank-next" aria-hidden="true">
                      {withdrawn || isFull ? '–' : draft.ranking.length + 1}
                    </span>
                    <span className="option-words">
                      <span className="option-name">
                        <span className="visually-hidden">{t('add', { rank: draft.ranking.length + 1 })} </span>
                        {nameOf(option)}
                      </span>
                      {withdrawn && <span className="option-note">{t('withdrawn')}</span>}
                      {contest.options[option]?.description && <span className="option-note">{contest.options[option]?.description}</span>}
                    </span>
                  </button>
                </li>
              );
            })}
          </ul>
        </div>
      )}
    </div>
  );
}
