import { useQuery } from '@tanstack/react-query';
import { useTranslations } from 'use-intl';
import { useParams } from 'wouter';
import { useHistoryState } from 'wouter/use-browser-location';
import '../styles/receipt.css';
import type { Receipt as ReceiptModel } from '../api/types';
import { useLive } from '../app/live';
import { electionQuery } from '../services/elections';
import { reduceMe } from '../services/live';
import { ownReceipt } from '../services/ownReceipt';
import { useAccount } from '../session';
import { ButtonLink } from '../ui/Button';
import { LoadedPage } from '../ui/Loaded';
import { Notice } from '../ui/Notice';
import { Page } from '../ui/Page';
import { Stub } from './check/Stub';
import { VoteSteps } from './vote/VoteSteps';

export default function Receipt() {
  const { id = '' } = useParams();
  const t = useTranslations('receipt');
  const account = useAccount();
  const election = useQuery(electionQuery(id));
  const live = useLive('me', reduceMe);
  const hash = live.data?.find((own) => own.election_id === id)?.ballot_hash;
  const accountId = account?.id ?? '';
  const receipt = useQuery({ queryKey: ['receipt', accountId, id, hash], queryFn: () => ownReceipt(accountId, id, hash) });
  const justCast = useHistoryState<{ justCast?: boolean } | null>()?.justCast === true;
  const title = t(justCast ? 'titleNow' : 'title');
  const back = { to: `/app/elections/${id}`, label: election.data?.title ?? t('election') };

  return (
    <LoadedPage query={receipt} title={title}>
      {(found) =>
        found ? (
          <Page title={title} lead={t('lead')} back={justCast ? undefined : back} over={justCast && <VoteSteps current={3} />} narrow>
            <Kept receipt={found} title={election.data?.title ?? ''} />
          </Page>
        ) : (
          <Page title={t('missingTitle')} back={back} narrow>
            <Notice title={t(election.data?.hasVoted ? 'elsewhereTitle' : 'notVotedTitle')}>
              <p>{t(election.data?.hasVoted ? 'elsewhereBody' : 'notVotedBody')}</p>
              <ButtonLink to={election.data?.hasVoted ? '/app/check' : `/app/elections/${id}`}>
                {t(election.data?.hasVoted ? 'toCheck' : 'toElection')}
              </ButtonLink>
            </Notice>
          </Page>
        )
      }
    </LoadedPage>
  );
}

function Kept({ receipt, title }: { receipt: ReceiptModel; title: string }) {
  const t = useTranslations('receipt');
  const path = `/app/elections/${receipt.election_id}`;
  return (
    <>
      <Stub receipt={receipt} title={title} />
      <div className="row no-print">
        <ButtonLink to={`/app/check?ballot=${receipt.ballot_hash}`}>{t('checkNow')}</ButtonLink>
        <ButtonLink to={`${path}/result`} variant="quiet">
          {t('toResult')}
        </ButtonLink>
        <ButtonLink to="/app/elections" variant="quiet">
          {t('toElections')}
        </ButtonLink>
      </div>
    </>
  );
}
