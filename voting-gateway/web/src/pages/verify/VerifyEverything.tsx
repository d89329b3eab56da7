/** One button that verifies all of an election, and says what was found. */
import { useEffect, useRef, useState } from 'react';
import { useTranslations } from 'use-intl';
import '../../styles/verify.css';
import type { Election } from '../../api/types';
import type { Progress, Verified } from '../../audit/everything';
import { announce } from '../../ui/announcer';
import { Button } from '../../ui/Button';
import { Failure } from './Failure';
import { Found } from './Found';
import { ProgressBar } from './ProgressBar';
import { Verification } from './verification';

type State =
  | { at: 'idle' }
  | { at: 'running'; progress: Progress | null }
  | { at: 'verified'; verified: Verified; seconds: number }
  | { at: 'failed'; error: unknown };

export default function VerifyEverything({ election }: { election: Election }) {
  const t = useTranslations('verify');
  const [state, setState] = useState<State>({ at: 'idle' });
  const [verification] = useState(() => new Verification());
  const outcome = useRef<HTMLDivElement>(null);
  useEffect(() => () => verification.cancel(), [verification]);
  const isOver = state.at === 'verified' || state.at === 'failed';
  useEffect(() => {
    if (isOver) outcome.current?.focus();
  }, [isOver]);

  const start = async (): Promise<void> => {
    const began = performance.now();
    setState({ at: 'running', progress: null });
    try {
      const verified = await verification.everything(election, (progress) => setState({ at: 'running', progress }));
      setState({ at: 'verified', verified, seconds: (performance.now() - began) / 1_000 });
    } catch (error) {
      setState({ at: 'failed', error });
    }
  };
  const stop = (): void => {
    verification.cancel();
    setState({ at: 'idle' });
    announce(t('cancelled'));
  };

  return (
    <section className="card stack" aria-labelledby="verify-everything">
      <h2 id="verify-everything" className="h3">
        {t('title')}
      </h2>
      <p>{t('lead', { sealed: String(election.sealing !== undefined) })}</p>
      {state.at === 'running' ? (
        <>
          <ProgressBar progress={state.progress} />
          <div>
            <Button onClick={stop}>{t('cancel')}</Button>
          </div>
        </>
      ) : (
        <div>
          <Button variant={state.at === 'idle' ? 'primary' : 'secondary'} onClick={() => void start()}>
            {t(state.at === 'idle' ? 'start' : 'again')}
          </Button>
        </div>
      )}
      {isOver && (
        <div ref={outcome} tabIndex={-1} className="outcome stack">
          {state.at === 'verified' && <Found election={election} verified={state.verified} seconds={state.seconds} />}
          {state.at === 'failed' && <Failure error={state.error} />}
        </div>
      )}
    </section>
  );
}
