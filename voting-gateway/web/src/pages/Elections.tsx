import { useQuery } from '@tanstack/react-query';
import { useTranslations } from 'use-intl';
import { Link } from 'wouter';
import '../styles/elections.css';
import type { ElectionListItem } from '../api/types';
import { useLive } from '../app/live';
import { loginPath } from '../app/Guard';
import { electionsQuery, groupOf, type Group } from '../services/elections';
import { reduceElections, withLive } from '../services/live';
import { useAccount } from '../session';
import { ButtonLink } from '../ui/Button';
import { Loaded } from '../ui/Loaded';
import { Notice } from '../ui/Notice';
import { Page } from '../ui/Page';
import { Grouped } from './elections/Grouped';
import { PhaseChip } from './elections/PhaseChip';
import { Turnout } from './elections/Turnout';
import { RelativeTime, TimeText } from '../ui/TimeText';

const ORDER: readonly Group[] = ['toVote', 'upcoming', 'voted', 'others', 'closed'];

export default function Elections() {
  const t = useTranslations('elections');
  const account = useAccount();
  const query = useQuery(electionsQuery);
  const live = useLive('elections', reduceElections);
  return (
    <Page title={t('title')} lead={t('lead')}>
      {!account && (
        <Notice title={t('signInTitle')}>
          <p>{t('signInBody')}</p>
          <ButtonLink to={loginPath('/app/elections')} variant="primary">
            {t('signIn')}
          </ButtonLink>
        </Notice>
      )}
      <Loaded query={query}>{(list) => <Groups list={withLive(list, live.data)} />}</Loaded>
    </Page>
  );
}

function Groups({ list }: { list: ElectionListItem[] }) {
  const t = useTranslations('elections');
  if (list.length === 0) {
    return (
      <div className="empty">
        <p>{t('empty')}</p>
      </div>
    );
  }
  return (
    <Grouped
      groups={ORDER.map((group) => ({ group, title: t(`groups.${group}`), members: list.filter((election) => groupOf(election) === group) }))}
      item={(election, group) => <Item key={election.id} election={election} group={group} />}
    />
  );
}

function Item({ election, group }: { election: ElectionListItem; group: Group }) {
  const path = `/app/elections/${election.id}`;
  return (
    <li className={`card election election-${group}`}>
      <div className="election-main">
        <div className="election-head">
          <h3>
            <Link href={path} className="election-link">
              {election.title}
            </Link>
          </h3>
          <PhaseChip phase={election.phase} voted={election.hasVoted} />
        </div>
        {election.description && <p className="election-text">{election.description}</p>}
        <p className="small muted">
          <When election={election} group={group} />
        </p>
      </div>
      <div className="election-end">
        <Turnout voted={election.voted} roll={election.roll_size} />
        <Action election={election} group={group} path={path} />
      </div>
    </li>
  );
}

/** The date that matters now. */
function When({ election, group }: { election: ElectionListItem; group: Group }) {
  const t = useTranslations('elections');
  if (group === 'closed') {
    // An officer may close before the time that was announced.
    if (Date.parse(election.end_date) > Date.now()) return <>{t('closedEarly')}</>;
    return (
      <>
        {t('closed')} <TimeText iso={election.end_date} />
      </>
    );
  }
  const iso = group === 'upcoming' ? election.start_date : election.end_date;
  return (
    <>
      {t(group === 'upcoming' ? 'opens' : 'closes')} <TimeText iso={iso} /> (<RelativeTime iso={iso} />)
    </>
  );
}

function Action({ election, group, path }: { election: ElectionListItem; group: Group; path: string }) {
  const t = useTranslations('elections');
  if (group === 'toVote') {
    return (
      <ButtonLink to={path} variant="primary" label={t('voteIn', { title: election.title })}>
        {t('vote')}
      </ButtonLink>
    );
  }
  if (group === 'voted' || election.phase === 'published') {
    return (
      <ButtonLink to={`${path}/result`} label={t('resultOf', { title: election.title })}>
        {t('result')}
      </ButtonLink>
    );
  }
  return (
    <ButtonLink to={path} label={t('detailsOf', { title: election.title })}>
      {t('details')}
    </ButtonLink>
  );
}
