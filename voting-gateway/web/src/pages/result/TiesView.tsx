import { useTranslations } from 'use-intl';
import type { ContestResult, Tie } from '../../api/types';
import { formatList } from '../../ui/format';
import { useRegion } from '../../ui/hooks';
import { kindOf, pickedIn, roundOf } from './explain';
import { More } from './More';

/** Lists of more ties than this are folded up. */
const TIES_OPEN = 6;

interface TiesViewProps {
  contest: ContestResult;
  nameOf: (place: number) => string;
}

/** Every tie: between whom, about what, and what decided it. */
export function TiesView({ contest, nameOf }: TiesViewProps) {
  const t = useTranslations('result.ties');
  const locale = useRegion();
  const names = (places: number[]): string => formatList(places.map(nameOf), locale);
  const words = (tie: Tie): string => {
    const round = roundOf(contest, tie);
    const picked = pickedIn(contest, tie);
    return [
      ...(round === null ? [] : [t('round', { round })]),
      t(kindOf(contest, tie), { names: names(tie.options), picked: names(picked), count: picked.length }),
      tie.by === 'lot' ? t('byLot') : t('byRound', { round: (tie.decided_in ?? 0) + 1 }),
    ].join(' ');
  };
  return (
    <More title={t('title', { count: contest.ties.length })} open={contest.ties.length <= TIES_OPEN}>
      <ul className="bulleted">
        {contest.ties.map((tie, index) => (
          <li key={index}>{words(tie)}</li>
        ))}
      </ul>
    </More>
  );
}
