import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslations } from 'use-intl';
import type { Election } from '../../api/types';
import { Button } from '../../ui/Button';
import { toast } from '../../ui/toasts';
import { ActionDialog } from './ActionDialog';
import { freezeRoll } from './service';

const BEFORE_OPENING = new Set(['draft', 'ready', 'scheduled']);

/** Whether a roll can be frozen: voters who have a certified key are all that are left on it. */
export const canFreeze = ({ phase, certified, frozen_roll: root }: Pick<Election, 'phase' | 'certified' | 'frozen_roll'>): boolean =>
  BEFORE_OPENING.has(phase) && certified > 0 && root === undefined;

/** Fixes who may vote, for good: from then on no server can certify a key for somebody who stays away. */
export function RollFreeze({ election }: { election: Election }) {
  const t = useTranslations('admin.freeze');
  const queries = useQueryClient();
  const [isAsked, setIsAsked] = useState(false);
  if (!canFreeze(election)) return null;
  const { id, certified, roll_size: roll } = election;
  const refresh = (): void => void queries.invalidateQueries();
  const done = (frozen: Election): void => {
    setIsAsked(false);
    queries.setQueryData(['election', id], frozen);
    refresh();
    toast(t('done'));
  };
  return (
    <div className="stack-tight">
      <p className="muted">{t('hint')}</p>
      <div className="row">
        <Button onClick={() => setIsAsked(true)}>{t('action')}</Button>
      </div>
      {isAsked && (
        <ActionDialog title={t('title')} action={t('action')} run={() => freezeRoll(id)} onDone={done} onFailed={refresh} onLeave={() => setIsAsked(false)}>
          <p>{t('stay', { count: certified })}</p>
          {roll > certified && <p>{t('leave', { count: roll - certified })}</p>}
        </ActionDialog>
      )}
    </div>
  );
}
