/** The receipt as one keeps it: like the stub of a ballot paper, with the ring of those who signed. */
import { useQuery } from '@tanstack/react-query';
import { useTranslations } from 'use-intl';
import type { Receipt } from '../../api/types';
import { verifiedQuery } from '../../services/checking';
import { BallotCode } from '../../ui/BallotCode';
import { Button } from '../../ui/Button';
import { CopyButton } from '../../ui/CopyButton';
import { Icon } from '../../ui/Icon';
import { Notice } from '../../ui/Notice';
import { ProblemNotice } from '../../ui/problems';
import { Ring } from '../../ui/Ring';
import { saveFile } from '../../ui/saveFile';
import { BothZones } from '../../ui/TimeText';
import { QrCode } from './QrCode';

/** Saves the receipt as `voting receipt verify` and this application read it. */
function download(receipt: Receipt): void {
  const file = new Blob([JSON.stringify(receipt, null, 2), '\n'], { type: 'application/json' });
  saveFile(file, `receipt-${receipt.code.slice(0, 9)}.json`);
}

export function Stub({ receipt, title }: { receipt: Receipt; title: string }) {
  const t = useTranslations('receipt');
  const verified = useQuery(verifiedQuery(receipt));
  const check = verified.data?.check;
  const holds = check?.verdict === 'recorded';
  const address = `${location.origin}/app/check?ballot=${receipt.code}`;
  return (
    <div className="stack">
      <article className="stub" aria-label={t('stub')}>
        <div className="stub-head">
          <div className="stack-tight">
            <p className="stub-title">{title}</p>
            <p className="seal-label">{t('code')}</p>
            <BallotCode code={receipt.code} />
          </div>
          <Ring
            arcs={check?.authorities.length ?? 4}
            filled={check ? check.authorities.map((name) => holds && check.signers.includes(name)) : 0}
            size={112}
            tone="seal"
            waiting={verified.isPending}
          >
            {holds && (
              <span className="progress-seal">
                <Icon name="check" />
              </span>
            )}
          </Ring>
        </div>
        <div className="stub-foot">
          <dl className="facts">
            <dt>{t('recordedAt')}</dt>
            <dd>
              <BothZones iso={receipt.recorded_at} />
            </dd>
            <dt>{t('place')}</dt>
            <dd>{t('placeValue', { height: receipt.height, index: receipt.index })}</dd>
            <dt>{t('signedBy')}</dt>
            <dd>
              {check ? (
                <>
                  {t('signers', { count: check.signers.length, all: check.authorities.length })}
                  <br />
                  <span className="small muted">{check.signers.join(', ')}</span>
                </>
              ) : (
                t('verifying')
              )}
            </dd>
          </dl>
          <QrCode text={address} label={t('qr')} />
        </div>
      </article>
      {verified.error && <ProblemNotice error={verified.error} onRetry={() => void verified.refetch()} />}
      {check && !holds && (
        <Notice tone="danger" title={t('invalid')}>
          <p className="small">{check.reason}</p>
        </Notice>
      )}
      {holds && <p className="stub-verified small">{t('verified')}</p>}
      <div className="row no-print">
        <Button variant="primary" onClick={() => download(receipt)}>
          <Icon name="download" />
          {t('download')}
        </Button>
        <CopyButton text={receipt.code} label={t('copy')} />
        <Button onClick={() => print()}>{t('print')}</Button>
      </div>
      <p className="small no-print">
        <a href={`/board/${receipt.election_id}/proof/${receipt.ballot_hash}`} download={`ballot-${receipt.code.slice(0, 9)}.tlog-proof`}>
          {t('logProof')}
        </a>{' '}
        {t('logProofHint')}
      </p>
    </div>
  );
}
