import { useTranslations } from 'use-intl';
import type { Contest, ContestResult } from '../../api/types';
import { formatNumber } from '../../ui/format';
import { useRegion } from '../../ui/hooks';

/** What a contest demanded beyond the most votes; the contract leaves its shape open. */
interface Verdict {
  /** Fewest votes with which an option is elected; none if nobody can reach them. */
  needed: number | null;
  /** Fewest ballots with which the quorum is reached. */
  quorum: number;
  /** Ballots cast. */
  ballots: number;
}

function isVerdict(value: unknown): value is Verdict {
  const { needed, quorum, ballots } = (value ?? {}) as Partial<Verdict>;
  return (needed === null || typeof needed === 'number') && typeof quorum === 'number' && typeof ballots === 'number';
}

/** Whether quorum and majority were reached, where the contest asks for them. */
export function VerdictView({ contest, definition }: { contest: ContestResult; definition: Contest | undefined }) {
  const t = useTranslations('result.verdict');
  const locale = useRegion();
  if (!isVerdict(contest.verdict) || !definition) return null;
  const { needed, quorum, ballots } = contest.verdict;
  const { majority, quorum_percent: percent } = definition.thresholds;
  const reached = contest.options.some((option) => option.elected);
  return (
    <ul className="stack-tight">
      {percent > 0 && (
        <li>{t(ballots >= quorum ? 'quorate' : 'inquorate', { percent, needed: formatNumber(quorum, locale), ballots: formatNumber(ballots, locale) })}</li>
      )}
      {majority !== 'most-votes' && (
        <li>
          {needed === null
            ? t('unreachable', { rule: t(`rules.${majority}`) })
            : t(reached ? 'reached' : 'missed', { rule: t(`rules.${majority}`), needed: formatNumber(needed, locale) })}
        </li>
      )}
    </ul>
  );
}
