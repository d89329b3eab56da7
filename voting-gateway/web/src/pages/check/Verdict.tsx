import { useTranslations } from 'use-intl';
import type { Checked } from '../../services/checking';
import { BallotCode } from '../../ui/BallotCode';
import { ButtonLink } from '../../ui/Button';
import { shortHash } from '../../ui/format';
import { Icon } from '../../ui/Icon';
import { Notice } from '../../ui/Notice';
import { Ring } from '../../ui/Ring';
import { BothZones } from '../../ui/TimeText';

/** What this browser found out about a receipt: on the list, or not proved. */
export function Verdict({ checked, title }: { checked: Checked; title: string }) {
  const t = useTranslations('check');
  const { check, receipt, knownNetwork } = checked;
  if (check.verdict === 'invalid') {
    return (
      <Notice tone="danger" title={t('invalidTitle')}>
        <p>{t('invalidBody')}</p>
        <p className="small mono">{check.reason}</p>
      </Notice>
    );
  }
  return (
    <article className="verdict stack" aria-label={t('verdict')}>
      {!knownNetwork && (
        <Notice tone="warning" title={t('otherNetworkTitle')}>
          <p>{t('otherNetworkBody')}</p>
        </Notice>
      )}
      <div className="verdict-head">
        <Ring arcs={check.authorities.length} filled={check.authorities.map((name) => check.signers.includes(name))} size={96} tone="seal">
          <span className="progress-seal">
            <Icon name="check" />
          </span>
        </Ring>
        <div className="stack-tight">
          <h2>{t('listedTitle')}</h2>
          <p>{t('listedBody')}</p>
        </div>
      </div>
      <BallotCode code={receipt.code} />
      <dl className="facts">
        {title && (
          <>
            <dt>{t('election')}</dt>
            <dd>{title}</dd>
          </>
        )}
        <dt>{t('time')}</dt>
        <dd>
          <BothZones iso={check.time} />
        </dd>
        <dt>{t('place')}</dt>
        <dd>{t('placeValue', { height: check.height, index: check.index })}</dd>
        <dt>{t('signers')}</dt>
        <dd>
          {t('signersValue', { count: check.signers.length, all: check.authorities.length, quorum: check.quorum })}
          <br />
          <span className="small muted">{check.signers.join(', ')}</span>
        </dd>
        <dt>{t('genesis')}</dt>
        <dd className="mono small">{shortHash(check.genesis)}</dd>
      </dl>
      <div className="row">
        <ButtonLink to={`/app/elections/${receipt.election_id}/board`}>{t('toBoard')}</ButtonLink>
      </div>
    </article>
  );
}
