import { useQuery } from '@tanstack/react-query';
import { useTranslations } from 'use-intl';
import { useParams } from 'wouter';
import '../styles/elections.css';
import type { Contest, Election as ElectionModel } from '../api/types';
import { useLive } from '../app/live';
import { loginPath } from '../app/Guard';
import { electionQuery } from '../services/elections';
import { reduceTurnout } from '../services/live';
import { ButtonLink } from '../ui/Button';
import { LoadedPage } from '../ui/Loaded';
import { Notice } from '../ui/Notice';
import { Page } from '../ui/Page';
import { BothZones, RelativeTime } from '../ui/TimeText';
import { FrozenRoll } from './elections/FrozenRoll';
import { PhaseChip } from './elections/PhaseChip';
import { Turnout } from './elections/Turnout';
import { SealingCard } from './sealed';
import { isHidden, pollOf } from './sealed/sealing';

const REASONS = ['not_signed_in', 'not_on_roll', 'not_open_yet', 'closed', 'already_voted', 'cancelled'] as const;

export default function Election() {
  const { id = '' } = useParams();
  const t = useTranslations('election');
  const query = useQuery({ ...electionQuery(id), refetchInterval: ({ state }) => pollOf(state.data) });
  return (
    <LoadedPage query={query} title={t('title')}>
      {(election) => <Details election={election} />}
    </LoadedPage>
  );
}

function Details({ election }: { election: ElectionModel }) {
  const t = useTranslations();
  const path = `/app/elections/${election.id}`;
  const live = useLive(`election:${election.id}:turnout`, reduceTurnout);
  const turnout = live.data ?? election;
  return (
    <Page
      title={election.title}
      lead={election.description}
      back={{ to: '/app/elections', label: t('nav.elections') }}
      over={
        <div>
          <PhaseChip phase={election.phase} voted={election.hasVoted} />
        </div>
      }
    >
      <div className="two-columns">
        <div className="stack-wide">
          <Start election={election} path={path} />
          <section className="stack" aria-labelledby="questions">
            <h2 id="questions">{t('election.questions', { count: election.contests.length })}</h2>
            {election.contests.map((contest, place) => (
              <Question key={place} contest={contest} />
            ))}
          </section>
        </div>
        <aside className="stack" aria-label={t('election.facts')}>
          <div className="card stack">
            <dl className="facts facts-narrow">
              <dt>{t('election.opens')}</dt>
              <dd>
                <BothZones iso={election.start_date} />
              </dd>
              <dt>{t('election.closes')}</dt>
              <dd>
                <BothZones iso={election.end_date} />
                {election.phase === 'open' && (
                  <>
                    <br />
                    <strong>
                      <RelativeTime iso={election.end_date} />
                    </strong>
                  </>
                )}
              </dd>
              <dt>{t('election.createdBy')}</dt>
              <dd>{election.created_by}</dd>
              <FrozenRoll root={election.frozen_roll} />
            </dl>
            <Turnout voted={turnout.voted} roll={turnout.roll_size} />
          </div>
          <SealingCard election={election} />
          <ul className="aside-links">
            <Links election={election} path={path} />
          </ul>
        </aside>
      </div>
    </Page>
  );
}

function Links({ election, path }: { election: ElectionModel; path: string }) {
  const t = useTranslations('election');
  const seesResult = election.hasVoted || election.phase === 'published' || election.results === 'public';
  return (
    <>
      {seesResult && (
        <li>
          <ButtonLink to={`${path}/result`}>{t(election.phase === 'open' && !isHidden(election) ? 'liveResult' : 'result')}</ButtonLink>
        </li>
      )}
      <li>
        <ButtonLink to={`${path}/board`}>{t('board')}</ButtonLink>
      </li>
    </>
  );
}

/** The way to the ballot, or the reason why there is none. */
function Start({ election, path }: { election: ElectionModel; path: string }) {
  const t = useTranslations('election');
  const secrecy = <p className="muted">{t(election.secrecy === 'open' ? 'secrecyOpen' : 'secrecySealed')}</p>;
  const reason = REASONS.find((known) => known === election.reason);
  if (election.reason === undefined) {
    return (
      <section className="start stack" aria-labelledby="start">
        <h2 id="start" className="h3">
          {t(election.hasVoted ? 'againTitle' : 'startTitle')}
        </h2>
        <p>{t(election.hasVoted ? 'againBody' : election.revote === 'last-counts' ? 'startRevote' : 'startOnce')}</p>
        {secrecy}
        <div className="row">
          <ButtonLink to={`${path}/vote`} variant="primary" large>
            {t(election.hasVoted ? 'again' : 'start')}
          </ButtonLink>
          {election.hasVoted && <ButtonLink to={`${path}/receipt`}>{t('receipt')}</ButtonLink>}
        </div>
      </section>
    );
  }
  return (
    <div className="stack">
      <Notice tone={reason === 'already_voted' ? 'success' : reason === 'cancelled' ? 'danger' : 'info'} title={reason ? t(`reasons.${reason}.title`) : t('cannot')}>
        <p>{reason ? t(`reasons.${reason}.body`) : election.reason}</p>
        {election.cancel_reason && <p>{t('cancelReason', { reason: election.cancel_reason })}</p>}
        {reason === 'not_signed_in' && (
          <ButtonLink to={loginPath(path)} variant="primary">
            {t('signIn')}
          </ButtonLink>
        )}
        {election.hasVoted && <ButtonLink to={`${path}/receipt`}>{t('receipt')}</ButtonLink>}
      </Notice>
      {secrecy}
    </div>
  );
}

function Question({ contest }: { contest: Contest }) {
  const t = useTranslations();
  return (
    <article className="card stack">
      <div className="stack-tight">
        <h3>{contest.title}</h3>
        <p className="muted small">
          {t(`methods.${contest.method}`)}
          {contest.seats > 1 && <> · {t('election.seats', { count: contest.seats })}</>}
        </p>
      </div>
      <ul className="candidates">
        {contest.options.map((option, place) => (
          <li key={place}>
            <span className="option-name">{option.name}</span>
            {contest.withdrawn.includes(place) && <span className="option-note">{t('vote.withdrawn')}</span>}
            {option.description && <span className="option-note">{option.description}</span>}
          </li>
        ))}
      </ul>
    </article>
  );
}
