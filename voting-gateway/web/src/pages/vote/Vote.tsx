/** Voting: Choose → Review → Cast → Receipt. */
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { lazy, Suspense, useEffect, useState } from 'react';
import { useTranslations } from 'use-intl';
import { Redirect, useLocation, useParams, useSearch } from 'wouter';
import '../../styles/vote.css';
import type { Election } from '../../api/types';
import { useLive } from '../../app/live';
import { withWords } from '../../i18n/sections';
import { electionQuery } from '../../services/elections';
import { reduceMe } from '../../services/live';
import { useAccount } from '../../session';
import { LoadedPage } from '../../ui/Loaded';
import { Page } from '../../ui/Page';
import { Skeleton } from '../../ui/Skeleton';
import { toast } from '../../ui/toasts';
import { isCast, isUnderWay } from './cast';
import { CastProgress } from './CastProgress';
import { Choose } from './Choose';
import { Review } from './Review';
import { EMPTY, issueOf, selectionOf, type Draft } from './selection';
import { useCast } from './useCast';
import { VoteSteps } from './VoteSteps';

const SealedReview = lazy(() => withWords('sealed', () => import('./sealed/SealedReview')));

export default function Vote() {
  const { id = '' } = useParams();
  const t = useTranslations('vote');
  const query = useQuery({ ...electionQuery(id), staleTime: Infinity });
  const account = useAccount();
  return (
    <LoadedPage query={query} title={t('title')}>
      {(election) => (account ? <Voting key={`${account.id} ${id}`} election={election} accountId={account.id} /> : null)}
    </LoadedPage>
  );
}

/** Asks before the page is left while a ballot is under way. */
function useLeaveWarning(active: boolean): void {
  useEffect(() => {
    if (!active) return;
    const warn = (event: BeforeUnloadEvent): void => event.preventDefault();
    addEventListener('beforeunload', warn);
    return () => removeEventListener('beforeunload', warn);
  }, [active]);
}

function Voting({ election, accountId }: { election: Election; accountId: string }) {
  const t = useTranslations('vote');
  const queries = useQueryClient();
  const [location, navigate] = useLocation();
  const wantsReview = new URLSearchParams(useSearch()).get('step') === 'review';
  const [drafts, setDrafts] = useState<Draft[]>(() => election.contests.map(() => EMPTY));
  const draftOf = (place: number): Draft => drafts[place] ?? EMPTY;
  const [touched, setTouched] = useState(false);
  const selections = () => election.contests.map((contest, place) => selectionOf(contest, draftOf(place)));
  const { cast, run, ready, certified } = useCast(accountId, election, selections, () => setDrafts([]));
  const valid = election.contests.every((contest, place) => issueOf(contest, draftOf(place)) === null);
  const reviewing = wantsReview && valid && touched;
  const decided = isCast(cast);
  useLeaveWarning(isUnderWay(cast));
  // Connected before anything is sent, so that there is time to tell which authorities agree.
  useLive(reviewing || decided ? 'me' : null, reduceMe);

  // The address tells the step, so that the browser's back button leads from the review to the choices.
  useEffect(() => {
    if (decided) return;
    if (reviewing) run.dispatch({ type: 'review' });
    else run.dispatch({ type: 'edit' });
    if (wantsReview && !reviewing) navigate(location, { replace: true });
  }, [decided, reviewing, wantsReview, run, location, navigate]);

  useEffect(() => {
    if (cast.at !== 'recorded') return;
    toast(t('recordedToast'), { silent: true });
    void queries.invalidateQueries();
    navigate(`/app/elections/${election.id}/receipt`, { replace: true, state: { justCast: true } });
  }, [cast.at, election.id, navigate, queries, t]);

  if (decided) {
    return (
      <Page key="cast" title={t('castTitle')} over={<VoteSteps current={2} />} narrow>
        <CastProgress election={election} cast={cast} onCheckAgain={() => run.dispatch({ type: 'checkAgain' })} />
      </Page>
    );
  }
  if (!ready) return <Skeleton />;
  if (election.reason) return <Redirect to={`/app/elections/${election.id}`} replace />;
  const isTest = cast.at === 'opening' || cast.at === 'tested';
  if (reviewing) {
    return (
      <Page key="review" title={t(isTest ? 'testTitle' : 'reviewTitle')} lead={isTest ? undefined : t('reviewLead')} over={<VoteSteps current={1} />} narrow>
        {election.sealing ? (
          <Suspense fallback={<Skeleton />}>
            <SealedReview election={election} draftOf={draftOf} cast={cast} run={run} certified={certified} onEdit={() => navigate(location)} />
          </Suspense>
        ) : (
          <Review election={election} draftOf={draftOf} cast={cast} run={run} onEdit={() => navigate(location)} />
        )}
      </Page>
    );
  }
  return (
    <Page key="choose" title={election.title} lead={election.description} over={<VoteSteps current={0} />} narrow>
      <Choose
        election={election}
        draftOf={draftOf}
        onChange={(place, draft) => setDrafts((before) => before.map((old, index) => (index === place ? draft : old)))}
        onContinue={() => {
          setTouched(true);
          navigate(`${location}?step=review`);
        }}
      />
    </Page>
  );
}
