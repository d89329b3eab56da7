import { useId } from 'react';
import { useTranslations } from 'use-intl';
import type { CandidateResult, Contest, ContestResult } from '../../api/types';
import { Bars } from '../../ui/Bars';
import { formatDecimal, formatNumber, formatShare } from '../../ui/format';
import { formOf, isOfLists } from '../../ballot/form';
import { Wide } from './More';
import { PairsView } from './PairsView';
import { RoundsView } from './RoundsView';
import { TiesView } from './TiesView';
import { useRegion } from '../../ui/hooks';
import { VerdictView } from './VerdictView';

const placeOf = (option: CandidateResult): number => Number(option.id.split('-')[1]);

interface ContestViewProps {
  contest: ContestResult;
  /** The question as it was asked; names options by place. */
  definition: Contest | undefined;
  final: boolean;
}

/** One question's result: the table first, then the same as bars, then how it was counted. */
export function ContestView({ contest, definition, final }: ContestViewProps) {
  const t = useTranslations();
  const locale = useRegion();
  const id = useId();
  const score = contest.method === 'score';
  const ranked = formOf(contest.method) === 'ranking';
  const lists = isOfLists(contest.method);
  const votesWord = t(score ? 'result.points' : ranked ? 'result.firstPreferences' : 'result.votes');
  const most = Math.max(1, ...contest.options.map((option) => option.votes));
  const showsTotal = final && ranked && contest.options.some((option) => option.total !== undefined && option.total !== String(option.votes));
  const nameOf = (place: number): string => definition?.options[place]?.name ?? contest.options.find((option) => placeOf(option) === place)?.name ?? '';
  const elected = (option: CandidateResult): string =>
    lists ? t('result.seatsWon', { count: option.seats }) : option.elected ? t('result.elected') : '';

  return (
    <section className="stack contest-result" aria-labelledby={id}>
      <div className="stack-tight">
        <h2 id={id}>{contest.title}</h2>
        <p className="muted small">
          {t(`methods.${contest.method}`)}
          {contest.seats > 1 && <> · {t('election.seats', { count: contest.seats })}</>}
        </p>
      </div>
      <div className="result-grid">
        <Wide title={t('result.tableOf', { title: contest.title })}>
          <table className="table">
            <caption>{t('result.caption', { ballots: formatNumber(contest.ballots, locale), blank: formatNumber(contest.blank, locale) })}</caption>
            <thead>
              <tr>
                <th scope="col">{t('result.option')}</th>
                <th scope="col" className="number">
                  {votesWord}
                </th>
                {!score && (
                  <th scope="col" className="number">
                    {t('result.share')}
                  </th>
                )}
                {showsTotal && (
                  <th scope="col" className="number">
                    {t('result.total')}
                  </th>
                )}
                {final && <th scope="col">{t('result.outcome')}</th>}
              </tr>
            </thead>
            <tbody>
              {contest.options.map((option) => (
                <tr key={option.id} className={option.elected ? 'is-elected' : undefined}>
                  <th scope="row">{option.name}</th>
                  <td className="number">{formatNumber(option.votes, locale)}</td>
                  {!score && <td className="number">{formatShare(option.votes, contest.weight, locale)}</td>}
                  {showsTotal && <td className="number">{option.total ? formatDecimal(option.total, locale) : '–'}</td>}
                  {final && <td>{elected(option) && <span className="chip chip-final">{elected(option)}</span>}</td>}
                </tr>
              ))}
            </tbody>
          </table>
        </Wide>
        <Bars
          label={t('result.barsOf', { title: contest.title })}
          bars={contest.options.map((option) => ({
            id: option.id,
            label: option.name,
            value: formatNumber(option.votes, locale),
            part: option.votes / most,
            marked: final && option.elected ? t('result.elected') : undefined,
          }))}
        />
      </div>
      <VerdictView contest={contest} definition={definition} />
      {contest.ties.length > 0 && <TiesView contest={contest} nameOf={nameOf} />}
      {contest.rounds.length > 1 && <RoundsView rounds={contest.rounds} nameOf={nameOf} options={definition?.options.length ?? contest.options.length} />}
      {contest.pairs && <PairsView pairs={contest.pairs} nameOf={nameOf} />}
    </section>
  );
}
