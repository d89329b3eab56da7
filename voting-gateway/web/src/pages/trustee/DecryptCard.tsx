/** Decrypting after the close: what would be decrypted is verified and added up here before anything is said. */
import { useState } from 'react';
import { useTranslations } from 'use-intl';
import '../../styles/verify.css';
import type { Election } from '../../api/types';
import type { Progress } from '../../audit/everything';
import { getTrusted } from '../../services/network';
import { postTrusteeStep } from '../../services/sealing';
import { Button, ButtonLink } from '../../ui/Button';
import { Notice } from '../../ui/Notice';
import { namesOf } from '../sealed/sealing';
import { Failure } from '../verify/Failure';
import { ProgressBar } from '../verify/ProgressBar';
import type { Keeping } from './keeping';
import type { Attended, Summed } from './tasks';

type State =
  | { at: 'idle' }
  | { at: 'verifying'; progress: Progress | null }
  | { at: 'ready'; summed: Summed }
  | { at: 'sending' }
  | { at: 'sent' }
  | { at: 'failed'; error: unknown };

interface DecryptCardProps {
  election: Election | undefined;
  attended: Attended;
  keeping: Keeping;
}

export function DecryptCard({ election, attended, keeping }: DecryptCardProps) {
  const t = useTranslations('trustee.decrypt');
  return (
    <section className="card stack" aria-labelledby="decrypt">
      <h2 id="decrypt" className="h3">
        {t('title')}
      </h2>
      <Decryption election={election} attended={attended} keeping={keeping} />
    </section>
  );
}

function Decryption({ election, attended, keeping }: DecryptCardProps) {
  const t = useTranslations('trustee.decrypt');
  const [state, setState] = useState<State>({ at: 'idle' });
  const { id, phase = '', sealing } = election ?? {};
  const isOwnGiven = sealing?.trustees.find(({ number }) => number === attended.number)?.decrypted ?? false;

  const verify = async (): Promise<void> => {
    setState({ at: 'verifying', progress: null });
    try {
      const { chain, definition } = attended;
      const asked = { id: definition.id, chain, definition, phase: 'closed', trusted: await getTrusted() };
      const summed = await keeping.verify(asked, (progress) => setState({ at: 'verifying', progress }));
      setState({ at: 'ready', summed });
    } catch (error) {
      setState({ at: 'failed', error });
    }
  };
  const send = async (): Promise<void> => {
    setState({ at: 'sending' });
    try {
      await postTrusteeStep(id ?? '', await keeping.decrypt());
      setState({ at: 'sent' });
    } catch (error) {
      setState({ at: 'failed', error });
    }
  };

  if (phase === 'cancelled') return <p>{t('cancelled')}</p>;
  if (phase === 'tallied' || phase === 'published') {
    return (
      <>
        <p role="status">{t('over')}</p>
        <div>
          <ButtonLink to={`/app/elections/${id}/result`}>{t('result')}</ButtonLink>
        </div>
      </>
    );
  }
  if (!sealing || phase !== 'closed') return <p>{t('early')}</p>;
  if (state.at === 'sent' || isOwnGiven) {
    const given = sealing.trustees.filter(({ decrypted }) => decrypted).length;
    return (
      <Notice tone="success" title={t(state.at === 'sent' ? 'sent' : 'already')}>
        <p role="status">{t('missing', { count: Math.max(0, sealing.threshold - given), names: namesOf(sealing, ({ decrypted }) => decrypted) })}</p>
      </Notice>
    );
  }
  if (sealing.decrypted) return <p>{t('enough')}</p>;
  switch (state.at) {
    case 'verifying':
      return <ProgressBar progress={state.progress} />;
    case 'ready':
      return <Sums attended={attended} summed={state.summed} onDecrypt={() => void send()} />;
    case 'sending':
      return <p role="status">{t('sending')}</p>;
    default:
      return (
        <>
          {state.at === 'failed' && <Failure error={state.error} />}
          <p>{t('verifyFirst')}</p>
          <div>
            <Button variant="primary" large onClick={() => void verify()}>
              {t('verify')}
            </Button>
          </div>
        </>
      );
  }
}

/** What was added up here, and would be decrypted; nothing of so few ballots that each would be told. */
function Sums({ attended: { definition }, summed, onDecrypt }: { attended: Attended; summed: Summed; onDecrypt: () => void }) {
  const t = useTranslations('trustee.decrypt');
  const { ballots, weight, tests, least } = summed;
  if (ballots < least) {
    return (
      <Notice tone="warning" urgent>
        <p>{t('tooFew', { ballots, least })}</p>
      </Notice>
    );
  }
  return (
    <>
      <Notice tone="success" title={t('ready')} urgent>
        <p>{t('counts', { ballots, weight, tests })}</p>
      </Notice>
      <p>{t('what')}</p>
      <ul className="stack-tight">
        {definition.contests.map(({ title, options, allow_blank: mayBeBlank }, at) => {
          const sums = [...options.map(({ name }) => name), ...(mayBeBlank ? [t('blank')] : [])];
          return (
            <li key={at}>
              <p>{title}</p>
              <p className="small muted">{t('sumsOf', { count: sums.length, options: sums.join(' · ') })}</p>
            </li>
          );
        })}
      </ul>
      <div>
        <Button variant="primary" large onClick={onDecrypt}>
          {t('confirm')}
        </Button>
      </div>
    </>
  );
}
