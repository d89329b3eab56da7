import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslations } from 'use-intl';
import { Link } from 'wouter';
import type { Election, Sealing } from '../../api/types';
import { getElectionDetails } from '../../services/elections';
import { leaveOutAwaited } from '../../services/sealing';
import { Button } from '../../ui/Button';
import { CopyButton } from '../../ui/CopyButton';
import { toast } from '../../ui/toasts';
import { awaited, stepOf } from '../sealed/sealing';
import { ActionDialog } from './ActionDialog';
import { publishElection } from './service';

interface CeremonyActionsProps {
  election: Election;
  sealing: Sealing;
  onChanged: () => void;
}

/** What an administrator can do while the trustees make the key, and once they have. */
export function CeremonyActions({ election, sealing, onChanged }: CeremonyActionsProps) {
  const t = useTranslations('admin.ceremony');
  const queries = useQueryClient();
  const [asked, setAsked] = useState<'announce' | 'leaveOut' | null>(null);
  const { id, context, roll_size: count } = election;
  const trustees = `/app/trustee/${id}`;
  const step = stepOf(sealing);
  const names = awaited(sealing);
  const left = sealing.trustees.filter(({ active, number }) => active && !sealing.waits_for.includes(number)).length;
  // Nobody can be left out where too few would be left to decrypt.
  const canLeaveOut = step !== null && step !== 'sign' && sealing.waits_for.length > 0 && left >= sealing.threshold;
  const done = (said: 'announced' | 'leftOut') => (answer: Election) => {
    setAsked(null);
    queries.setQueryData(['election', id], answer);
    onChanged();
    toast(t(said));
  };
  const common = { onFailed: onChanged, onLeave: () => setAsked(null) };
  return (
    <div className="stack">
      <p>{t(step === null ? 'done' : 'next')}</p>
      {step !== null && (
        <div className="stack-tight">
          <p className="small">
            {t('address')}: <Link href={trustees}>{location.origin + trustees}</Link>
          </p>
          <div>
            <CopyButton text={location.origin + trustees} label={t('copyAddress')} />
          </div>
        </div>
      )}
      <div className="row">
        <Button variant="primary" large aria-disabled={step !== null} onClick={() => setAsked('announce')}>
          {t('announce')}
        </Button>
        {canLeaveOut && (
          <Button className="danger-text" aria-label={t('leaveOutLabel', { names })} onClick={() => setAsked('leaveOut')}>
            {t('leaveOut')}
          </Button>
        )}
      </div>
      {step !== null && <p className="small muted">{t(step === 'sign' ? 'signHint' : 'notYet')}</p>}
      <p className="small muted">{t('editHint')}</p>
      {asked === 'announce' && (
        <ActionDialog {...common} title={t('announceTitle')} action={t('announce')} run={() => publishElection(id, context)} onDone={done('announced')}>
          <p>{t('announceBody', { count })}</p>
        </ActionDialog>
      )}
      {asked === 'leaveOut' && (
        <ActionDialog
          {...common}
          title={t('leaveOutTitle')}
          action={t('leaveOut')}
          run={async () => {
            await leaveOutAwaited(id);
            return getElectionDetails(id);
          }}
          onDone={done('leftOut')}
        >
          <p>{t('leaveOutBody', { names })}</p>
          <p>{t('leaveOutFew', { left, threshold: sealing.threshold })}</p>
        </ActionDialog>
      )}
    </div>
  );
}
