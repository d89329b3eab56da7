import { useMutation } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { useTranslations } from 'use-intl';
import type { Election } from '../../api/types';
import { Button } from '../../ui/Button';
import { Dialog } from '../../ui/Dialog';
import { AdminProblem } from './AdminProblem';

interface ActionDialogProps {
  title: string;
  /** Words of the button that does it. */
  action: string;
  run: () => Promise<Election>;
  onDone: (election: Election) => void;
  /** The phase may have changed: whoever shows it asks anew. */
  onFailed: () => void;
  onLeave: () => void;
  /** Says why it cannot be done as it is; true where it can. */
  isReady?: () => boolean;
  children: ReactNode;
}

/** Asks once more before something that cannot be taken back. */
export function ActionDialog({ title, action, run, onDone, onFailed, onLeave, isReady, children }: ActionDialogProps) {
  const t = useTranslations('admin.overview');
  const [open, setOpen] = useState(true);
  const acting = useMutation({ mutationFn: run, onSuccess: onDone, onError: onFailed });
  const leave = (): void => {
    if (acting.isPending) return;
    // Closing it first gives the focus back to the button that opened it.
    setOpen(false);
    setTimeout(onLeave);
  };
  return (
    <Dialog
      open={open}
      title={title}
      onDismiss={leave}
      actions={
        <>
          <Button variant="primary" busy={acting.isPending} onClick={() => (isReady?.() ?? true) && acting.mutate()}>
            {acting.isPending ? t('working') : action}
          </Button>
          <Button onClick={leave}>{t('back')}</Button>
        </>
      }
    >
      {children}
      {acting.error && <AdminProblem error={acting.error} />}
    </Dialog>
  );
}
