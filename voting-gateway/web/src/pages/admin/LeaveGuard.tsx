import { useEffect, useState } from 'react';
import { useTranslations } from 'use-intl';
import { askBeforeLeaving } from '../../app/leaving';
import { Button } from '../../ui/Button';
import { Dialog } from '../../ui/Dialog';

/** Asks before changes are lost: a dialog within the application, the browser itself on closing and reloading. */
export function LeaveGuard({ active }: { active: boolean }) {
  const t = useTranslations('admin.wizard');
  const [wanted, setWanted] = useState<{ go: () => void } | null>(null);

  useEffect(() => {
    if (!active) return;
    const warn = (event: BeforeUnloadEvent): void => event.preventDefault();
    const settle = askBeforeLeaving((go) => setWanted({ go }));
    addEventListener('beforeunload', warn);
    return () => {
      settle();
      removeEventListener('beforeunload', warn);
    };
  }, [active]);

  const stay = (): void => setWanted(null);
  const leave = (): void => {
    stay();
    wanted?.go();
  };
  return (
    <Dialog
      open={wanted !== null}
      title={t('leaveTitle')}
      onDismiss={stay}
      actions={
        <>
          <Button variant="primary" onClick={stay}>
            {t('stay')}
          </Button>
          <Button onClick={leave}>{t('leave')}</Button>
        </>
      }
    >
      <p>{t('leaveBody')}</p>
    </Dialog>
  );
}
