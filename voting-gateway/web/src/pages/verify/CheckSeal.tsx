/** A test of the seal, recomputed on another device: what the opened ballot with this code held. */
import { useEffect, useState } from 'react';
import { useTranslations } from 'use-intl';
import { useParams } from 'wouter';
import '../../styles/verify.css';
import '../../styles/vote.css';
import type { Progress } from '../../audit/everything';
import type { OpenedBallot } from '../../audit/opened';
import type { Contest } from '../../api/types';
import { normalizeCode } from '../../ballot/code';
import { NotFound } from '../NotFound';
import { Choice } from '../vote/Paper';
import { draftOf } from '../vote/selection';
import { BallotCode } from '../../ui/BallotCode';
import { Button } from '../../ui/Button';
import { Notice } from '../../ui/Notice';
import { Page } from '../../ui/Page';
import { Failure } from './Failure';
import { ProgressBar } from './ProgressBar';
import { Verification } from './verification';

type State = { at: 'running'; progress: Progress | null } | { at: 'found'; found: OpenedBallot } | { at: 'failed'; error: unknown };

export default function CheckSeal() {
  const { id = '', code: typed = '' } = useParams();
  const t = useTranslations('sealed.check');
  const code = normalizeCode(typed);
  if (code === null || !/^[0-9a-f]{32}$/.test(id)) return <NotFound />;
  return (
    <Page title={t('title')} lead={t('lead')} narrow>
      <Outcome id={id} code={code} />
    </Page>
  );
}

function Outcome({ id, code }: { id: string; code: string }) {
  const t = useTranslations();
  const [state, setState] = useState<State>({ at: 'running', progress: null });
  const [tries, setTries] = useState(0);
  useEffect(() => {
    const verification = new Verification();
    let isCurrent = true;
    const show = (next: State): void => {
      if (isCurrent) setState(next);
    };
    show({ at: 'running', progress: null });
    verification.opened(id, code, (progress) => show({ at: 'running', progress })).then(
      (found) => show({ at: 'found', found }),
      (error: unknown) => show({ at: 'failed', error }),
    );
    return () => {
      isCurrent = false;
      verification.cancel();
    };
  }, [id, code, tries]);
  const retry = (): void => setTries(tries + 1);
  return (
    <div className="stack-wide">
      <div className="seal-box">
        <p className="seal-label">{t('sealed.vote.testedCode')}</p>
        <BallotCode code={code} />
      </div>
      {state.at === 'running' && <ProgressBar progress={state.progress} />}
      {state.at === 'failed' && <Failure error={state.error} onRetry={retry} />}
      {state.at === 'found' && <Held found={state.found} onRetry={retry} />}
    </div>
  );
}

function Held({ found: { held, title, contests }, onRetry }: { found: OpenedBallot; onRetry: () => void }) {
  const t = useTranslations();
  if (held === 'cast' || held === 'unknown') {
    return (
      <Notice tone="warning" title={t(`sealed.check.${held}Title`)} urgent>
        <p>{t(`sealed.check.${held}`)}</p>
        <Button onClick={onRetry}>{t('common.retry')}</Button>
      </Notice>
    );
  }
  return (
    <>
      <Notice tone="success" title={t('sealed.check.holds')} urgent>
        <p>{t('sealed.check.compare')}</p>
      </Notice>
      <section className="stack" aria-labelledby="held">
        <h2 id="held" className="h3">
          {t('sealed.vote.testedBody')}
        </h2>
        <p className="muted">{title}</p>
        <div className="paper">
          {contests.map((contest, place) => (
            <Choice key={place} contest={contest as Contest} draft={draftOf(held[place] ?? 'blank')} />
          ))}
        </div>
      </section>
    </>
  );
}
