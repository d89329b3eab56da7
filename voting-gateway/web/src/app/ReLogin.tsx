import { useTranslations } from 'use-intl';
import { session, useSession } from '../session';
import { Button } from '../ui/Button';
import { Dialog } from '../ui/Dialog';
import { LoginForm } from './LoginForm';

/** Takes the session up again over the page, which keeps its step. */
export function ReLogin() {
  const t = useTranslations('login');
  const state = useSession();
  const account = state.status === 'expired' ? state.account : null;
  return (
    <Dialog open={account !== null} title={t('againTitle')}>
      {account && (
        <>
          <p>{t('againLead')}</p>
          <LoginForm email={account.email} onDone={() => undefined} />
          <div>
            <Button variant="quiet" onClick={session.abandon}>
              {t('leave')}
            </Button>
          </div>
        </>
      )}
    </Dialog>
  );
}
