/** Review and decision where ballots are sealed: cast this one, or test its seal and get another. */
import { useEffect, useRef, useState } from 'react';
import { useTranslations } from 'use-intl';
import { Link } from 'wouter';
import '../../../styles/receipt.css';
import type { Election } from '../../../api/types';
import type { Problem } from '../../../api/problem';
import type { SealedBallot } from '../../../ballot';
import type { MessageKey } from '../../../routes';
import { announce } from '../../../ui/announcer';
import { BallotCode } from '../../../ui/BallotCode';
import { Button } from '../../../ui/Button';
import { Dialog } from '../../../ui/Dialog';
import { Notice } from '../../../ui/Notice';
import { ProblemNotice } from '../../../ui/problems';
import { QrCode } from '../../check/QrCode';
import type { CastState, Tested } from '../cast';
import { Choice, Paper, useSealAfterLogin, type ReviewProps } from '../Paper';
import { draftOf as draftOfSelection } from '../selection';
import type { Certified } from './certified';

interface SealedReviewProps extends ReviewProps {
  certified: Certified | null;
}

export default function SealedReview({ election, draftOf, cast, run, onEdit, certified }: SealedReviewProps) {
  const t = useTranslations();
  useSealAfterLogin(cast, run);
  if (cast.at === 'opening' || cast.at === 'tested') {
    return <SealTest election={election} cast={cast} onRetry={() => run.dispatch({ type: 'test' })} onAgain={() => run.dispatch({ type: 'again' })} onEdit={onEdit} />;
  }
  const sealed = cast.at === 'sealed' || cast.at === 'asking';
  return (
    <div className="stack-wide">
      <Paper election={election} draftOf={draftOf} />
      {cast.at === 'unsealed' ? (
        <SealProblem problem={cast.problem} onRetry={() => run.dispatch({ type: 'review' })} />
      ) : (
        <Notice title={t(sealed ? 'sealed.vote.ready' : 'sealed.vote.sealing')}>
          <p>{t('vote.notCastYet')}</p>
          {sealed && certified && <p className="small muted">{t('sealed.vote.checked', { signers: certified.signers, all: certified.all })}</p>}
        </Notice>
      )}
      <div className="row">
        {cast.at !== 'unsealed' && (
          <Button variant="primary" large className="stretch" busy={!sealed} onClick={() => run.dispatch({ type: 'ask' })}>
            {t('sealed.vote.goOn')}
          </Button>
        )}
        <Button variant="quiet" className="stretch" onClick={onEdit}>
          {t('vote.change')}
        </Button>
      </div>
      <Decision
        ballot={cast.at === 'asking' ? cast.ballot : null}
        election={election}
        onConfirm={() => run.dispatch({ type: 'confirm' })}
        onTest={() => run.dispatch({ type: 'test' })}
        onGoBack={() => run.dispatch({ type: 'goBack' })}
      />
    </div>
  );
}

/** What has to be said here in words of its own: that one should not vote. */
function SealProblem({ problem, onRetry }: { problem: Problem; onRetry: () => void }) {
  const t = useTranslations();
  const key = `sealed.problems.${problem.code}` as MessageKey;
  if (!t.has(key)) return <ProblemNotice error={problem} onRetry={onRetry} urgent />;
  return (
    <Notice tone="danger" title={t('common.failed')} urgent>
      <p>{t(key, { detail: problem.detail })}</p>
      <Button onClick={onRetry}>{t('common.retry')}</Button>
    </Notice>
  );
}

interface DecisionProps {
  ballot: SealedBallot | null;
  election: Election;
  onConfirm: () => void;
  onTest: () => void;
  onGoBack: () => void;
}

/** The code stands here before the decision, and the choices do not, so that no picture has both. */
function Decision({ ballot, election, onConfirm, onTest, onGoBack }: DecisionProps) {
  const t = useTranslations();
  const [testing, setTesting] = useState(false);
  const open = ballot !== null;
  useEffect(() => {
    if (!open) setTesting(false);
  }, [open]);
  const ask = (): void => {
    setTesting(true);
    announce(t('sealed.vote.testTitle'));
  };
  const words = election.hasVoted ? 'dialogReplace' : election.revote === 'last-counts' ? 'dialogRevote' : 'dialogOnce';
  return (
    <Dialog
      open={open}
      title={t(testing ? 'sealed.vote.testTitle' : 'vote.dialogTitle')}
      onDismiss={testing ? () => setTesting(false) : onGoBack}
      actions={
        testing ? (
          <>
            <Button variant="primary" large onClick={onTest}>
              {t('sealed.vote.testDo')}
            </Button>
            <Button large onClick={() => setTesting(false)}>
              {t('vote.goBack')}
            </Button>
          </>
        ) : (
          <>
            <Button variant="primary" large onClick={onConfirm}>
              {t('vote.castButton')}
            </Button>
            <Button large onClick={ask}>
              {t('sealed.vote.test')}
            </Button>
            <Button large variant="quiet" onClick={onGoBack}>
              {t('vote.goBack')}
            </Button>
          </>
        )
      }
    >
      <p>{t(testing ? 'sealed.vote.testBody' : `vote.${words}`)}</p>
      {ballot && (
        <div className="seal-box">
          <p className="seal-label">{t('sealed.vote.code')}</p>
          <BallotCode code={ballot.code} />
          {!testing && <p className="small muted">{t('sealed.vote.decide')}</p>}
        </div>
      )}
      {!testing && <p className="small muted">{t('sealed.vote.testHint')}</p>}
    </Dialog>
  );
}

interface SealTestProps {
  election: Election;
  cast: Extract<CastState, { at: 'opening' | 'tested' }>;
  onRetry: () => void;
  onAgain: () => void;
  onEdit: () => void;
}

/** What became of the test: what the ballot held. It is void, so that code and choices may stand together here. */
function SealTest({ election, cast, onRetry, onAgain, onEdit }: SealTestProps) {
  const t = useTranslations('sealed.vote');
  const box = useRef<HTMLDivElement>(null);
  const isDone = cast.at === 'tested' || cast.problem !== null;
  useEffect(() => {
    if (isDone) box.current?.focus();
  }, [isDone]);
  return (
    <div ref={box} tabIndex={-1} className="outcome stack-wide">
      {cast.at === 'tested' ? (
        <Verdict election={election} tested={cast.tested} />
      ) : cast.problem ? (
        <SealProblem problem={cast.problem} onRetry={onRetry} />
      ) : (
        <Notice title={t('opening')} />
      )}
      <div className="seal-box">
        <p className="seal-label">{t('testedCode')}</p>
        <BallotCode code={cast.ballot.code} />
        {cast.at === 'tested' && <SecondDevice id={election.id} code={cast.ballot.code} />}
      </div>
      {isDone && (cast.at !== 'tested' || cast.tested.holds) && (
        <div className="row">
          <Button variant="primary" large className="stretch" onClick={onAgain}>
            {t('again')}
          </Button>
          <ChangeButton onEdit={onEdit} />
        </div>
      )}
    </div>
  );
}

/** The test is public by now, and its code all that finds it. */
function SecondDevice({ id, code }: { id: string; code: string }) {
  const t = useTranslations('sealed.check');
  const path = `/app/check-seal/${id}/${code}`;
  return (
    <>
      <p>{t('second')}</p>
      <QrCode text={location.origin + path} label={t('qr')} />
      <p className="small">
        <Link href={path} target="_blank" rel="noreferrer">
          {location.origin + path}
        </Link>
      </p>
    </>
  );
}

function ChangeButton({ onEdit }: { onEdit: () => void }) {
  const t = useTranslations('vote');
  return (
    <Button variant="quiet" className="stretch" onClick={onEdit}>
      {t('change')}
    </Button>
  );
}

function Verdict({ election, tested: { held, holds } }: { election: Election; tested: Tested }) {
  const t = useTranslations('sealed.vote');
  return (
    <>
      <Notice tone={holds ? 'success' : 'danger'} title={t(holds ? 'tested' : 'broken')}>
        <p>{t(holds ? 'testedPublic' : 'brokenBody')}</p>
      </Notice>
      {held && (
        <section className="stack" aria-labelledby="held">
          <h2 id="held" className="h3">
            {t(holds ? 'testedBody' : 'brokenHeld')}
          </h2>
          <div className="paper">
            {election.contests.map((contest, place) => (
              <Choice key={place} contest={contest} draft={draftOfSelection(held[place] ?? 'blank')} />
            ))}
          </div>
        </section>
      )}
    </>
  );
}
