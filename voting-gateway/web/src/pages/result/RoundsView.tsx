import { useTranslations } from 'use-intl';
import type { Round } from '../../api/types';
import { formatDecimal } from '../../ui/format';
import { useRegion } from '../../ui/hooks';
import { More, Wide } from './More';

/** Counts of more steps than this are folded up. */
const ROUNDS_OPEN = 6;

interface RoundsViewProps {
  rounds: Round[];
  options: number;
  nameOf: (place: number) => string;
}

const STEPS = ['first', 'surplus', 'exclude', 'adjust', 'fill', 'seat'] as const;

/** The count step by step: a column per step, a line per option. */
export function RoundsView({ rounds, options, nameOf }: RoundsViewProps) {
  const t = useTranslations('result');
  const locale = useRegion();
  const places = Array.from({ length: options }, (_, place) => place);
  const hasExhausted = rounds.some((round) => Number(round.exhausted) > 0);
  const stepOf = (round: Round): string => {
    const known = STEPS.find((step) => step === round.step);
    return known ? t(`steps.${known}`, { names: round.options.map(nameOf).join(', ') }) : round.step;
  };
  const title = t('rounds', { count: rounds.length });
  return (
    <More title={title} open={rounds.length <= ROUNDS_OPEN}>
      <Wide title={title}>
        <table className="table table-dense">
          <thead>
            <tr>
              <th scope="col">{t('option')}</th>
              {rounds.map((round, index) => (
                <th key={index} scope="col" className="number step-head">
                  {index + 1}. {stepOf(round)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {places.map((place) => (
              <tr key={place}>
                <th scope="row">{nameOf(place)}</th>
                {rounds.map((round, index) => (
                  <td key={index} className={`number${round.elected.includes(place) ? ' cell-elected' : ''}`}>
                    {formatDecimal(round.votes[place] ?? '0', locale)}
                    {round.elected.includes(place) && <span className="visually-hidden"> – {t('elected')}</span>}
                  </td>
                ))}
              </tr>
            ))}
            {hasExhausted && (
              <tr>
                <th scope="row" className="muted">
                  {t('exhausted')}
                </th>
                {rounds.map((round, index) => (
                  <td key={index} className="number muted">
                    {formatDecimal(round.exhausted, locale)}
                  </td>
                ))}
              </tr>
            )}
          </tbody>
        </table>
      </Wide>
    </More>
  );
}
