import { useQueryClient } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { useTranslations } from 'use-intl';
import type { Election } from '../../api/types';
import { Button, ButtonLink } from '../../ui/Button';
import { Field } from '../../ui/Field';
import { formatNumber } from '../../ui/format';
import { useRegion } from '../../ui/hooks';
import { toast } from '../../ui/toasts';
import { ActionDialog } from './ActionDialog';
import { CeremonyActions } from './CeremonyActions';
import { cancelElection, closeVoting, openVoting, publishResult } from './service';

type Act = 'open' | 'close' | 'certify' | 'publish' | 'cancel';

const CAN_CANCEL = new Set(['draft', 'ready', 'scheduled', 'open', 'closed']);

/** What the phase lets an administrator do now, apart from cancelling. */
export function nextAct({ phase, timing, sealing }: Pick<Election, 'phase' | 'timing' | 'sealing'>): Exclude<Act, 'cancel'> | null {
  if (phase === 'scheduled') return timing === 'officer' ? 'open' : null;
  if (phase === 'open') return timing === 'officer' ? 'close' : null;
  // A sealed election is counted by itself once its trustees have decrypted.
  if (phase === 'closed') return sealing ? null : 'certify';
  return phase === 'tallied' ? 'publish' : null;
}

type NextWord = 'scheduledFixed' | 'scheduledOfficer' | 'openFixed' | 'openOfficer' | 'draft' | 'ready' | 'closed' | 'closedSealed' | 'tallied' | 'published' | 'cancelled';

function nextWord({ phase, timing, sealing }: Pick<Election, 'phase' | 'timing' | 'sealing'>): NextWord {
  if (phase === 'scheduled') return timing === 'officer' ? 'scheduledOfficer' : 'scheduledFixed';
  if (phase === 'open') return timing === 'officer' ? 'openOfficer' : 'openFixed';
  if (phase === 'closed' && sealing) return 'closedSealed';
  return phase as NextWord;
}

export function Actions({ election, voted }: { election: Election; voted: number }) {
  const t = useTranslations('admin.overview');
  const queries = useQueryClient();
  const [asked, setAsked] = useState<Act | null>(null);
  const { id, phase } = election;
  const next = nextAct(election);
  const isDraft = phase === 'draft' || phase === 'ready';
  const sealing = phase === 'ready' ? election.sealing : undefined;
  const refresh = (): void => void queries.invalidateQueries();
  const done = (act: Act, answer: Election): void => {
    setAsked(null);
    queries.setQueryData(['election', id], answer);
    refresh();
    toast(t(act === 'certify' ? 'done.publish' : `done.${act}`));
  };
  return (
    <section className="start stack" aria-labelledby="next">
      <h2 id="next" className="h3">
        {t('next')}
      </h2>
      {sealing ? <CeremonyActions election={election} sealing={sealing} onChanged={refresh} /> : <p>{t(`nextOf.${nextWord(election)}`)}</p>}
      <div className="row">
        {isDraft && (
          <>
            <ButtonLink to={`/app/admin/${id}/edit`} variant={sealing ? 'secondary' : 'primary'} large={!sealing}>
              {t('edit')}
            </ButtonLink>
            {!sealing && <ButtonLink to={`/app/admin/${id}/edit?step=check`}>{t('toCheck')}</ButtonLink>}
          </>
        )}
        {next && (
          <Button variant="primary" large onClick={() => setAsked(next)}>
            {t(next)}
          </Button>
        )}
        {CAN_CANCEL.has(phase) && (
          <Button variant="quiet" className="danger-text" onClick={() => setAsked('cancel')}>
            {t('cancel')}
          </Button>
        )}
      </div>
      {asked && <Asked act={asked} election={election} voted={voted} onDone={done} onFailed={refresh} onLeave={() => setAsked(null)} />}
    </section>
  );
}

interface AskedProps {
  act: Act;
  election: Election;
  voted: number;
  onDone: (act: Act, election: Election) => void;
  onFailed: () => void;
  onLeave: () => void;
}

function Asked({ act, election, voted, onDone, ...rest }: AskedProps) {
  const t = useTranslations('admin.overview');
  const region = useRegion();
  const [publishes, setPublishes] = useState(true);
  const [reason, setReason] = useState('');
  const [isMissing, setIsMissing] = useState(false);
  const reasonInput = useRef<HTMLInputElement>(null);
  const { id, roll_size: roll } = election;
  const common = { ...rest, action: t(act), onDone: (answer: Election) => onDone(act, answer) };
  switch (act) {
    case 'open':
      return (
        <ActionDialog {...common} title={t('openTitle')} run={() => openVoting(id)}>
          <p>{t('openBody', { count: roll })}</p>
        </ActionDialog>
      );
    case 'close':
      return (
        <ActionDialog {...common} title={t('closeTitle')} run={() => closeVoting(id, publishes)}>
          <p>{t('closeBody', { voted: formatNumber(voted, region), roll: formatNumber(roll, region) })}</p>
          {election.sealing ? (
            <p>{t('closeSealed')}</p>
          ) : (
            <label className="check">
              <input type="checkbox" checked={publishes} onChange={(event) => setPublishes(event.target.checked)} />
              {t('closePublish')}
            </label>
          )}
        </ActionDialog>
      );
    case 'certify':
      // Closing again completes what was interrupted, and then publishes.
      return (
        <ActionDialog {...common} title={t('publishTitle')} run={() => closeVoting(id, true)}>
          <p>{t('publishBody')}</p>
        </ActionDialog>
      );
    case 'publish':
      return (
        <ActionDialog {...common} title={t('publishTitle')} run={() => publishResult(id)}>
          <p>{t('publishBody')}</p>
        </ActionDialog>
      );
    case 'cancel':
      return (
        <ActionDialog
          {...common}
          title={t('cancelTitle')}
          run={() => cancelElection(id, reason.trim())}
          isReady={() => {
            const isThere = reason.trim() !== '';
            setIsMissing(!isThere);
            if (!isThere) reasonInput.current?.focus();
            return isThere;
          }}
        >
          <p>{t('cancelBody')}</p>
          <Field
            label={t('reason')}
            hint={t('reasonHint')}
            error={isMissing ? t('reasonMissing') : undefined}
            inputRef={reasonInput}
            value={reason}
            required
            onChange={(event) => setReason(event.target.value)}
          />
        </ActionDialog>
      );
  }
}
