import { useEffect, useState } from 'react';
import { useTranslations } from 'use-intl';
import { useLocation } from 'wouter';
import { Button } from '../../ui/Button';
import { Dialog } from '../../ui/Dialog';

/** The address behind a press on a link that leads away from this page within the application. */
function awayFrom(event: MouseEvent): string | null {
  if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return null;
  const link = event.target instanceof Element ? event.target.closest<HTMLAnchorElement>('a[href]') : null;
  if (!link || link.target === '_blank' || link.origin !== location.origin || link.pathname === location.pathname) return null;
  return link.pathname + link.search;
}

/** Asks before changes are lost: the browser itself on closing and reloading, a dialog on links. */
export function LeaveGuard({ active }: { active: boolean }) {
  const t = useTranslations('admin.wizard');
  const [, navigate] = useLocation();
  const [target, setTarget] = useState<string | null>(null);

  useEffect(() => {
    if (!active) return;
    const warn = (event: BeforeUnloadEvent): void => event.preventDefault();
    const ask = (event: MouseEvent): void => {
      const away = awayFrom(event);
      if (away === null) return;
      event.preventDefault();
      event.stopPropagation();
      setTarget(away);
    };
    addEventListener('beforeunload', warn);
    document.addEventListener('click', ask, true);
    return () => {
      removeEventListener('beforeunload', warn);
      document.removeEventListener('click', ask, true);
    };
  }, [active]);

  const stay = (): void => setTarget(null);
  return (
    <Dialog
      open={target !== null}
      title={t('leaveTitle')}
      onDismiss={stay}
      actions={
        <>
          <Button variant="primary" onClick={stay}>
            {t('stay')}
          </Button>
          <Button onClick={() => target !== null && navigate(target)}>{t('leave')}</Button>
        </>
      }
    >
      <p>{t('leaveBody')}</p>
    </Dialog>
  );
}
