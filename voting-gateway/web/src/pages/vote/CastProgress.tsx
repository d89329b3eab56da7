import { useQuery } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';
import { useTranslations } from 'use-intl';
import type { Election } from '../../api/types';
import { useLive } from '../../app/live';
import { networkQuery } from '../../services/network';
import { BallotCode } from '../../ui/BallotCode';
import { Button, ButtonLink } from '../../ui/Button';
import { Icon } from '../../ui/Icon';
import { Notice } from '../../ui/Notice';
import { useProblemText } from '../../ui/problems';
import { Ring } from '../../ui/Ring';
import { TimeText } from '../../ui/TimeText';
import type { CastState } from './cast';
import { ballotChannel, isOnItsWay, progressOf, reduceBallot, type BallotNews } from './progress';

interface CastProgressProps {
  election: Election;
  cast: CastState;
  onCheckAgain: () => void;
}

function ProgressView({ cast, news }: { cast: CastState; news: BallotNews | null | undefined }) {
  const t = useTranslations('cast');
  const { data: network } = useQuery(networkQuery);
  const usual = { all: network?.authorities.length ?? 4, quorum: network?.quorum ?? 3 };
  const { stages, agreed, all, quorum } = progressOf(cast, news, usual);
  const names = [t('signed'), t('received'), t('agree', { agreed, all, quorum }), t('recorded')];
  return (
    <div className="progress">
      <Ring arcs={all} filled={agreed} size={148} tone="seal" waiting={cast.at === 'sending'}>
        {stages[2] === 'done' ? (
          <span className="progress-seal">
            <Icon name="check" />
          </span>
        ) : null}
      </Ring>
      <ol className="stages">
        {stages.map((stage, index) => (
          <li key={index} className={`stage stage-${stage}`} aria-current={stage === 'now' ? 'step' : undefined}>
            <span className="stage-mark">{stage === 'done' && <Icon name="check" />}</span>
            {names[index]}
            {stage === 'done' && <span className="visually-hidden"> – {t('stageDone')}</span>}
          </li>
        ))}
      </ol>
    </div>
  );
}

/** What became of it when it is not simply recorded: gets the focus, so that it is read. */
function Outcome({ election, cast, onCheckAgain }: CastProgressProps) {
  const t = useTranslations('cast');
  const problemText = useProblemText();
  const box = useRef<HTMLDivElement>(null);
  const kind = cast.at;
  useEffect(() => {
    if (kind === 'unknown' || kind === 'refused' || kind === 'unproven') box.current?.focus();
  }, [kind]);

  if (cast.at === 'unknown') {
    return (
      <div ref={box} tabIndex={-1} className="outcome stack">
        <Notice tone="warning" title={t('unknownTitle')}>
          <p>{t('unknownBody')}</p>
          {cast.problem && <p className="small">{problemText(cast.problem)}</p>}
          <Button variant="primary" busy={cast.checking} onClick={onCheckAgain}>
            {t(cast.checking ? 'checking' : 'checkAgain')}
          </Button>
        </Notice>
        <div className="seal-box">
          <p className="seal-label">{t('code')}</p>
          <BallotCode code={cast.ballot.code} />
        </div>
      </div>
    );
  }
  if (cast.at === 'unproven') {
    return (
      <div ref={box} tabIndex={-1} className="outcome stack">
        <Notice tone="danger" title={t('unprovenTitle')}>
          <p>{t('unprovenBody')}</p>
          <p className="small muted">{cast.reason}</p>
          <ButtonLink to={`/app/elections/${election.id}/receipt`}>{t('toReceipt')}</ButtonLink>
        </Notice>
      </div>
    );
  }
  if (cast.at === 'refused') {
    const { problem } = cast;
    return (
      <div ref={box} tabIndex={-1} className="outcome stack">
        <Notice tone="danger" title={t('refusedTitle')}>
          <p>
            {problem.code === 'already_voted' && problem.recordedAt
              ? t.rich('alreadyVotedAt', { time: () => <TimeText iso={problem.recordedAt ?? ''} /> })
              : problemText(problem)}
          </p>
          <div className="row">
            <ButtonLink to={`/app/elections/${election.id}`}>{t('toElection')}</ButtonLink>
            {problem.ballotHash && <ButtonLink to={`/app/check?ballot=${problem.ballotHash}`}>{t('toCheck')}</ButtonLink>}
          </div>
        </Notice>
      </div>
    );
  }
  return null;
}

export function CastProgress(props: CastProgressProps) {
  const t = useTranslations('cast');
  const { cast } = props;
  // Told while the ballot is on its way; a gateway that does not tell it is no obstacle.
  const hash = isOnItsWay(cast) ? cast.ballot.hash : null;
  const { data: news } = useLive<BallotNews | null>(hash === null ? null : ballotChannel(hash), (state, message) => reduceBallot(hash ?? '', state, message));
  const goesOn = cast.at === 'sending' || cast.at === 'verifying' || cast.at === 'recorded';
  return (
    <div className="stack-wide">
      {goesOn && <ProgressView cast={cast} news={news} />}
      {cast.at === 'sending' && cast.slow && <Notice title={t('slowTitle')}>{t('slowBody')}</Notice>}
      <Outcome {...props} />
    </div>
  );
}
