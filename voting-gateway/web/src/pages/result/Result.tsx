/** The result of one election: live while it runs, then final and verified. */
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';
import { useTranslations } from 'use-intl';
import { useParams } from 'wouter';
import '../../styles/elections.css';
import '../../styles/result.css';
import { problemFrom } from '../../api/problem';
import type { Election, ElectionResult } from '../../api/types';
import { LiveNote } from '../../app/LiveNote';
import { useLive } from '../../app/live';
import { electionQuery, isOver } from '../../services/elections';
import { reducePhase, reduceResult } from '../../services/live';
import { resultsQuery } from '../../services/results';
import { announce } from '../../ui/announcer';
import { Button, ButtonLink } from '../../ui/Button';
import { CopyButton } from '../../ui/CopyButton';
import { formatNumber, shortHash } from '../../ui/format';
import { LoadedPage } from '../../ui/Loaded';
import { Notice } from '../../ui/Notice';
import { Page } from '../../ui/Page';
import { ProblemNotice } from '../../ui/problems';
import { Skeleton } from '../../ui/Skeleton';
import { Turnout } from '../elections/Turnout';
import { ResultNote, SealingCard } from '../sealed';
import { isHidden, pollOf } from '../sealed/sealing';
import { ContestView } from './ContestView';
import { useRegion } from '../../ui/hooks';

/** How often figures are fetched when the live connection is down, or the result is not final yet. */
const POLL_MS = 10_000;
/** Live figures are said aloud at most this often. */
const SAID_MS = 30_000;

export default function Result() {
  const { id = '' } = useParams();
  const t = useTranslations('result');
  const election = useQuery({ ...electionQuery(id), refetchInterval: ({ state }) => pollOf(state.data) });
  return (
    <LoadedPage query={election} title={t('title')}>
      {(found) => (isHidden(found) ? <Uncounted election={found} /> : <Figures election={found} />)}
    </LoadedPage>
  );
}

/** A sealed election before its sums are decrypted: there are no figures to ask for, so none are asked for. */
function Uncounted({ election }: { election: Election }) {
  const t = useTranslations('result');
  const queries = useQueryClient();
  const { id, phase } = election;
  const live = useLive(`election:${id}:status`, reducePhase);
  const news = live.data;
  useEffect(() => {
    if (news && news !== phase) void queries.invalidateQueries({ queryKey: ['election', id] });
  }, [news, phase, id, queries]);
  return (
    <Page title={t('title')} back={{ to: `/app/elections/${id}`, label: election.title }}>
      {phase === 'cancelled' ? <Notice tone="danger" title={t('cancelled')} /> : <ResultNote election={election} />}
      <Turnout voted={election.voted} roll={election.roll_size} />
      <SealingCard election={election} />
    </Page>
  );
}

function useSaidVotes(count: number | undefined): void {
  const t = useTranslations('result');
  const last = useRef<{ count: number; at: number } | null>(null);
  useEffect(() => {
    if (count === undefined) return;
    const now = Date.now();
    if (last.current === null) last.current = { count, at: now };
    if (last.current.count === count) return;
    const wait = Math.max(0, last.current.at + SAID_MS - now);
    const timer = setTimeout(() => {
      last.current = { count, at: Date.now() };
      announce(t('said', { count }));
    }, wait);
    return () => clearTimeout(timer);
  }, [count, t]);
}

function Figures({ election }: { election: Election }) {
  const t = useTranslations();
  const live = useLive(`election:${election.id}:results`, reduceResult);
  const query = useQuery({
    ...resultsQuery(election.id),
    refetchInterval: (current) => ((live.lost || live.data === undefined) && current.state.data?.final !== true && !current.state.error ? POLL_MS : false),
  });
  const result = live.lost ? (query.data ?? live.data) : (live.data ?? query.data);
  useSaidVotes(result?.total_votes);
  const back = { to: `/app/elections/${election.id}`, label: election.title };

  if (!result) {
    const hidden = query.error && problemFrom(query.error).code === 'results_hidden';
    return (
      <Page title={t('result.title')} back={back}>
        {hidden ? <Hidden election={election} /> : query.error ? <ProblemNotice error={query.error} onRetry={() => void query.refetch()} /> : <Skeleton />}
      </Page>
    );
  }
  return (
    <Page
      title={t('result.titleOf', { title: election.title })}
      back={back}
      over={
        <div>
          <span className={`chip chip-${result.final ? 'final' : 'open'}`}>{t(result.final ? 'result.final' : isOver(result.phase) ? 'result.counting' : 'result.live')}</span>
        </div>
      }
      lead={t(result.final ? 'result.finalLead' : isOver(result.phase) ? 'result.countingLead' : 'result.liveLead')}
    >
      {!result.final && <LiveNote stale={live.stale} since={live.lost || !live.since ? query.dataUpdatedAt : live.since} />}
      <Body election={election} result={result} />
    </Page>
  );
}

function Hidden({ election }: { election: Election }) {
  const t = useTranslations('result');
  return (
    <Notice title={t('hiddenTitle')}>
      <p>{t('hiddenBody')}</p>
      {election.reason === undefined && (
        <ButtonLink to={`/app/elections/${election.id}`} variant="primary">
          {t('toVote')}
        </ButtonLink>
      )}
    </Notice>
  );
}

function Body({ election, result }: { election: Election; result: ElectionResult }) {
  const t = useTranslations('result');
  const locale = useRegion();
  return (
    <>
      <div className="result-facts card">
        <div>
          <p className="figure">{formatNumber(result.total_votes, locale)}</p>
          <p className="muted small">{t('votesCounted', { count: result.total_votes })}</p>
        </div>
        <Turnout voted={result.total_votes} roll={election.roll_size} />
      </div>
      {result.contests.map((contest, place) => (
        <ContestView key={place} contest={contest} definition={election.contests[place]} final={result.final} />
      ))}
      {result.final && <ResultNote election={election} final />}
      {result.report && (
        <p className="small muted">
          {t('report')} <span className="mono">{shortHash(result.report)}</span>
        </p>
      )}
      <div className="row no-print">
        <CopyButton text={location.href} label={t('shareLink')} />
        <Button onClick={() => print()}>{t('print')}</Button>
        <ButtonLink to={`/app/elections/${election.id}/board`} variant="quiet">
          {t('board')}
        </ButtonLink>
      </div>
    </>
  );
}
