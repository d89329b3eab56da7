import { useTranslations } from 'use-intl';
import type { Fault } from '../../audit/fault';
import type { MessageKey } from '../../routes';
import { BallotCode } from '../../ui/BallotCode';
import { Notice } from '../../ui/Notice';

/** What does not hold, about which ballots, and what to do. */
export function FaultNotice({ fault }: { fault: Fault }) {
  const t = useTranslations();
  const { check, code, details, ballots } = fault;
  const key = `verify.faults.${code}` as MessageKey;
  const detail = details.detail ?? '';
  const where = details.height === undefined ? '' : t('verify.where', { height: String(details.height) });
  return (
    <Notice tone="danger" title={t('verify.fails')} urgent>
      <p>{t.has(key) ? t(key, { detail }) : t(`verify.checks.${check}`)}</p>
      {ballots.length > 0 && (
        <>
          <p>{t('verify.about', { count: ballots.length })}</p>
          <ul className="stack-tight">
            {ballots.map((ballot) => (
              <li key={ballot}>
                <BallotCode code={ballot} />
              </li>
            ))}
          </ul>
        </>
      )}
      <p>{t('verify.failsAdvice')}</p>
      <p className="small muted">{t('verify.technical', { check, code, where })}</p>
    </Notice>
  );
}
