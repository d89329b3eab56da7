/** One election as its administrators see it: where it stands, what is next, and who takes part. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { useTranslations } from 'use-intl';
import { useParams } from 'wouter';
import '../../styles/elections.css';
import '../../styles/admin.css';
import type { Election } from '../../api/types';
import { useLive } from '../../app/live';
import { electionQuery } from '../../services/elections';
import { reducePhase, reduceTurnout } from '../../services/live';
import { getBundle } from '../../services/results';
import { Button, ButtonLink } from '../../ui/Button';
import { Icon } from '../../ui/Icon';
import { LoadedPage } from '../../ui/Loaded';
import { Notice } from '../../ui/Notice';
import { Page } from '../../ui/Page';
import { saveFile } from '../../ui/saveFile';
import { BothZones, RelativeTime } from '../../ui/TimeText';
import { PhaseChip } from '../elections/PhaseChip';
import { FrozenRoll } from '../elections/FrozenRoll';
import { Turnout } from '../elections/Turnout';
import { ResultNote, SealingCard } from '../sealed';
import { pollOf } from '../sealed/sealing';
import { Actions } from './Actions';
import { AdminProblem } from './AdminProblem';
import { Roll } from './Roll';
import { RollFreeze } from './RollFreeze';
import { Timeline } from './Timeline';

export default function Overview() {
  const { id = '' } = useParams();
  const t = useTranslations('admin.overview');
  const query = useQuery({ ...electionQuery(id), refetchInterval: ({ state }) => pollOf(state.data) });
  return (
    <LoadedPage query={query} title={t('title')}>
      {(election) => <Details election={election} />}
    </LoadedPage>
  );
}

const isDraft = (phase: string): boolean => phase === 'draft' || phase === 'ready';

/** Asks anew when the authorities have moved the election on. */
function usePhaseNews({ id, phase }: Election): void {
  const queries = useQueryClient();
  const live = useLive(isDraft(phase) ? null : `election:${id}:status`, reducePhase);
  const news = live.data;
  useEffect(() => {
    if (news && news !== phase) void queries.invalidateQueries({ queryKey: ['election', id] });
  }, [news, phase, id, queries]);
}

function Details({ election }: { election: Election }) {
  const t = useTranslations();
  usePhaseNews(election);
  const live = useLive(isDraft(election.phase) ? null : `election:${election.id}:turnout`, reduceTurnout);
  const turnout = live.data ?? election;
  const queries = useQueryClient();
  const { voted } = turnout;
  // While trustees are at work, what they do comes first.
  const isAwaited = election.phase === 'ready' || election.phase === 'closed';
  // The roll tells who has voted.
  useEffect(() => void queries.invalidateQueries({ queryKey: ['voters', election.id] }), [voted, election.id, queries]);
  return (
    <Page
      title={election.title}
      lead={election.description}
      back={{ to: '/app/admin', label: t('admin.list.title') }}
      over={
        <div>
          <PhaseChip phase={election.phase} />
        </div>
      }
    >
      {election.phase === 'cancelled' ? (
        <Notice tone="danger" title={t('election.reasons.cancelled.title')}>
          <p>{t('admin.overview.nextOf.cancelled')}</p>
          {election.cancel_reason && <p>{t('election.cancelReason', { reason: election.cancel_reason })}</p>}
        </Notice>
      ) : (
        <Timeline phase={election.phase} />
      )}
      <div className="two-columns">
        <div className="stack-wide">
          {election.phase !== 'cancelled' && <Actions election={election} voted={voted} />}
          {election.phase === 'closed' && <ResultNote election={election} />}
          {isAwaited && <SealingCard election={election} />}
          <section className="stack" aria-labelledby="roll">
            <h2 id="roll" className="h3">
              {t('admin.voters.rollTitle')}
            </h2>
            <RollFreeze election={election} />
            <Roll id={election.id} withVotes={!isDraft(election.phase)} />
          </section>
        </div>
        <aside className="stack" aria-label={t('election.facts')}>
          <Facts election={election} voted={voted} roll={turnout.roll_size} />
          {!isAwaited && <SealingCard election={election} />}
          {!isDraft(election.phase) && <PublicPages id={election.id} />}
        </aside>
      </div>
    </Page>
  );
}

function Facts({ election, voted, roll }: { election: Election; voted: number; roll: number }) {
  const t = useTranslations();
  const { phase, start_date: opens, end_date: closes } = election;
  return (
    <div className="card stack">
      {!isDraft(phase) && <Turnout voted={voted} roll={roll} />}
      <dl className="facts facts-narrow">
        <dt>{t('election.opens')}</dt>
        <dd>
          <BothZones iso={opens} />
        </dd>
        <dt>{t('election.closes')}</dt>
        <dd>
          <BothZones iso={closes} />
          {phase === 'open' && (
            <>
              <br />
              <strong>
                <RelativeTime iso={closes} />
              </strong>
            </>
          )}
        </dd>
        <dt>{t('admin.dates.timing')}</dt>
        <dd>{t(`admin.dates.timings.${election.timing === 'officer' ? 'officer' : 'fixed'}.name`)}</dd>
        <dt>{t('admin.rules.secrecy')}</dt>
        <dd>{t(`admin.rules.secrecyOf.${election.sealing ? 'sealed' : 'open'}.name`)}</dd>
        <dt>{t(election.sealing ? 'admin.rules.resultsSealed' : 'admin.rules.results')}</dt>
        <dd>{t(`admin.rules.resultsOf.${election.results === 'public' ? 'public' : 'voters'}.name`)}</dd>
        <dt>{t('admin.rules.revote')}</dt>
        <dd>{t(`admin.rules.revoteOf.${election.revote === 'last-counts' ? 'last-counts' : 'first-counts'}.name`)}</dd>
        {!isDraft(phase) && (
          <>
            <dt>{t('admin.overview.certified')}</dt>
            <dd>{election.certified}</dd>
          </>
        )}
        <FrozenRoll root={election.frozen_roll} />
      </dl>
    </div>
  );
}

function PublicPages({ id }: { id: string }) {
  const t = useTranslations('admin.overview');
  const loading = useMutation({ mutationFn: () => getBundle(id), onSuccess: (bundle) => saveFile(bundle, `election-${id}.bundle`) });
  return (
    <section className="stack-tight" aria-labelledby="public">
      <h2 id="public" className="h3">
        {t('pages')}
      </h2>
      <ul className="aside-links">
        <li>
          <ButtonLink to={`/app/elections/${id}`}>{t('page')}</ButtonLink>
        </li>
        <li>
          <ButtonLink to={`/app/elections/${id}/result`}>{t('result')}</ButtonLink>
        </li>
        <li>
          <ButtonLink to={`/app/elections/${id}/board`}>{t('board')}</ButtonLink>
        </li>
        <li>
          <Button busy={loading.isPending} onClick={() => loading.mutate()}>
            <Icon name="download" />
            {t('bundle')}
          </Button>
        </li>
      </ul>
      <p className="small muted">{t('bundleHint')}</p>
      {loading.error && <AdminProblem error={loading.error} />}
    </section>
  );
}
