import { useEffect, useRef } from 'react';
import { useTranslations } from 'use-intl';
import { Link, useLocation } from 'wouter';
import { problemFrom } from '../api/problem';
import { routes } from '../routes';
import { session, useAccount } from '../session';
import { Button, ButtonLink } from '../ui/Button';
import { Icon } from '../ui/Icon';
import { useProblemText } from '../ui/problems';
import { Ring } from '../ui/Ring';
import { toast } from '../ui/toasts';
import { loginPath, mayOpen } from './Guard';
import { leave } from './leaving';
import { Preferences } from './Preferences';

function Nav({ className, label }: { className: string; label: string }) {
  const t = useTranslations();
  const account = useAccount();
  const [location] = useLocation();
  return (
    <nav className={`nav ${className}`} aria-label={label}>
      <ul>
        {routes.map(({ path, access, nav }) =>
          nav && mayOpen(access, account?.roles ?? null) ? (
            <li key={path}>
              <Link href={path} aria-current={location === path ? 'page' : undefined}>
                {t(nav)}
              </Link>
            </li>
          ) : null,
        )}
      </ul>
    </nav>
  );
}

function SignOut() {
  const t = useTranslations('account');
  const problemText = useProblemText();
  const [, navigate] = useLocation();
  const signOut = async (everywhere: boolean): Promise<void> => {
    try {
      await session.logout(everywhere);
      navigate('/app/login');
      toast(t(everywhere ? 'signedOutEverywhere' : 'signedOut'));
    } catch (error) {
      toast(problemText(problemFrom(error)));
    }
  };
  return (
    <div className="stack-tight">
      <Button onClick={() => leave(() => void signOut(false))}>{t('signOut')}</Button>
      <Button variant="quiet" onClick={() => leave(() => void signOut(true))}>
        {t('signOutEverywhere')}
      </Button>
    </div>
  );
}

/** Closes a menu when the page changes, at Esc, and when something else is pressed. */
function useMenu() {
  const menu = useRef<HTMLDetailsElement>(null);
  const [location] = useLocation();
  useEffect(() => {
    if (menu.current) menu.current.open = false;
  }, [location]);
  useEffect(() => {
    const outside = (event: PointerEvent): void => {
      if (menu.current?.open && !menu.current.contains(event.target as Node)) menu.current.open = false;
    };
    const escape = (event: KeyboardEvent): void => {
      if (event.key !== 'Escape' || !menu.current?.open) return;
      menu.current.open = false;
      menu.current.querySelector('summary')?.focus();
    };
    addEventListener('pointerdown', outside);
    addEventListener('keydown', escape);
    return () => {
      removeEventListener('pointerdown', outside);
      removeEventListener('keydown', escape);
    };
  }, []);
  return menu;
}

export function Header() {
  const t = useTranslations();
  const account = useAccount();
  const [location] = useLocation();
  const menu = useMenu();
  return (
    <header className="header">
      <div className="bar">
        <Link className="brand" href="/app/elections" aria-label={t('nav.home')}>
          <Ring arcs={4} filled={3} size={34} />
          {t('common.product')}
        </Link>
        <Nav className="nav-inline" label={t('nav.label')} />
        <div className="header-end">
          {account === null && location !== '/app/login' && (
            <ButtonLink to={loginPath(location)} variant="primary">
              {t('account.signIn')}
            </ButtonLink>
          )}
          <details className="menu" ref={menu}>
            <summary className="button" aria-label={account ? t('account.menuOf', { name: account.name }) : t('account.menu')}>
              <Icon name={account ? 'person' : 'menu'} />
              <span className="menu-name">{account?.name ?? t('account.menu')}</span>
            </summary>
            <div className="menu-panel">
              <Nav className="menu-nav" label={t('nav.menuLabel')} />
              {account && (
                <p>
                  <strong>{account.name}</strong>
                  <br />
                  <span className="muted small">{account.email}</span>
                </p>
              )}
              <Preferences />
              {account && (
                <>
                  <hr />
                  <SignOut />
                </>
              )}
            </div>
          </details>
        </div>
      </div>
    </header>
  );
}
