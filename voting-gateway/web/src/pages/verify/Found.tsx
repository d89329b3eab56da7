/** What was verified, in sentences; and the sums, once they are certified. */
import { useTranslations } from 'use-intl';
import type { Election } from '../../api/types';
import type { Verified, VerifiedLedger } from '../../audit/everything';
import { formatNumber } from '../../ui/format';
import { Icon } from '../../ui/Icon';
import { Notice } from '../../ui/Notice';
import { useRegion } from '../../ui/hooks';

interface FoundProps {
  election: Election;
  verified: Verified;
  seconds: number;
}

export function Found({ election, verified, seconds }: FoundProps) {
  const t = useTranslations('verify');
  const locale = useRegion();
  const { ledger } = verified;
  const title = ledger === null ? t('hashesOnly.title') : t(ledger.totals ? 'holds' : 'holdsBefore');
  return (
    <>
      <Notice tone="success" title={title}>
        <p role="status">{t('took', { seconds: formatNumber(Math.round(seconds * 10) / 10, locale) })}</p>
        {ledger === null && <p>{t('hashesOnly.body')}</p>}
      </Notice>
      <ul className="verify-found">
        {sentences(verified, t).map((sentence) => (
          <li key={sentence}>
            <Icon name="check" />
            <span>{sentence}</span>
          </li>
        ))}
      </ul>
      {ledger?.totals && <Totals election={election} totals={ledger.totals} />}
      {ledger?.totals && <p className="small muted">{t('found.elected')}</p>}
    </>
  );
}

type Words = ReturnType<typeof useTranslations<'verify'>>;

function sentences({ signers, authorities: all, onBoard, ledger }: Verified, t: Words): string[] {
  const board = t('found.board', { signers: signers.length, all, count: onBoard });
  if (ledger === null) return [board];
  const { blocks, voters, ballots, counted, sealed, tests, parts, totals, compared } = ledger;
  return [
    board,
    t('found.ledger', { blocks }),
    t('found.voters', { count: voters }),
    t('found.ballots', { count: ballots }),
    ...(ballots > 0 ? [t('found.counted', { count: counted, replaced: ballots - counted })] : []),
    ...(sealed && ballots > 0 ? [t('found.seals')] : []),
    ...(sealed ? [t('found.tests', { count: tests })] : []),
    ...(ballots > 0 ? [t('found.sums')] : []),
    ...(sealed && ledger.phase !== 'open' ? [t('found.parts', { count: parts })] : []),
    ...(totals ? [t('found.result'), t(compared ? 'found.compared' : 'found.notCompared')] : []),
  ];
}

function Totals({ election, totals }: { election: Election; totals: NonNullable<VerifiedLedger['totals']> }) {
  const t = useTranslations('verify');
  const locale = useRegion();
  return (
    <>
      {election.contests.map((contest, at) => (
        <table key={at} className="table verify-sums">
          <caption>
            {t('totals')}: {contest.title}
          </caption>
          <thead>
            <tr>
              <th scope="col">{t('option')}</th>
              <th scope="col" className="number">
                {t('sum')}
              </th>
            </tr>
          </thead>
          <tbody>
            {contest.options.map(({ name }, option) => (
              <tr key={option}>
                <th scope="row">{name}</th>
                <td className="number">{formatNumber(totals[at]?.options[option] ?? 0, locale)}</td>
              </tr>
            ))}
            {contest.allow_blank && (
              <tr>
                <th scope="row">{t('blank')}</th>
                <td className="number">{formatNumber(totals[at]?.blank ?? 0, locale)}</td>
              </tr>
            )}
          </tbody>
        </table>
      ))}
    </>
  );
}
