import { useEffect, useRef } from 'react';
import { useTranslations } from 'use-intl';
import type { Contest, Election } from '../../api/types';
import { useSession } from '../../session';
import type { CastState } from './cast';
import type { CastRun } from './run';
import { formOf } from '../../ballot/form';
import { named, type Draft } from './selection';
import { linesOf } from './words';

export interface ReviewProps {
  election: Election;
  draftOf: (place: number) => Draft;
  cast: CastState;
  run: CastRun;
  onEdit: () => void;
}

/** One neutral line where less is marked than could be; nothing needs to be confirmed. */
function Undervote({ contest, draft }: { contest: Contest; draft: Draft }) {
  const t = useTranslations('vote');
  const count = named(contest, draft);
  if (count === 0) return draft.blank ? null : <p className="review-note">{t('undervoteNone')}</p>;
  if (formOf(contest.method) !== 'marks' || contest.method === 'approval' || count >= contest.max) return null;
  return <p className="review-note">{t('undervote', { count, max: contest.max })}</p>;
}

/** What a draft says in a contest, in words. */
export function Choice({ contest, draft }: { contest: Contest; draft: Draft }) {
  const t = useTranslations('vote');
  const lines = linesOf(contest, draft, (rank) => t('rankWord', { rank }), (score) => t('scoreWord', { score, max: contest.max_score }));
  return (
    <section className="review-contest">
      <h2 className="h3">{contest.title}</h2>
      {lines.length === 0 ? (
        <p className="review-line review-blank">{t('blankWord')}</p>
      ) : (
        <ul>
          {lines.map((line) => (
            <li key={line} className="review-line">
              {line}
            </li>
          ))}
        </ul>
      )}
      <Undervote contest={contest} draft={draft} />
    </section>
  );
}

/** The ballot paper with what is marked on it. */
export function Paper({ election, draftOf }: Pick<ReviewProps, 'election' | 'draftOf'>) {
  return (
    <div className="paper">
      <p className="paper-title">{election.title}</p>
      {election.contests.map((contest, place) => (
        <Choice key={place} contest={contest} draft={draftOf(place)} />
      ))}
    </div>
  );
}

/** What failed because the session had ended is done now that it goes on. */
export function useSealAfterLogin(cast: CastState, run: CastRun): void {
  const { status } = useSession();
  const before = useRef(status);
  useEffect(() => {
    if (before.current === 'expired' && status === 'signedIn' && cast.at === 'unsealed') run.dispatch({ type: 'review' });
    before.current = status;
  }, [status, cast.at, run]);
}
