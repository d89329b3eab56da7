/** What stands around every page. */
import type { ReactNode } from 'react';
import { useTranslations } from 'use-intl';
import { Announcer } from '../ui/announcer';
import { useOnline } from '../ui/hooks';
import { Toasts } from '../ui/toasts';
import { Footer } from './Footer';
import { Header } from './Header';
import { Shortcuts } from './Shortcuts';

function Offline() {
  const t = useTranslations('offline');
  if (useOnline()) return null;
  return (
    <div className="offline">
      <p className="bar">
        <strong>{t('title')}</strong> {t('banner')}
      </p>
    </div>
  );
}

export function Shell({ children }: { children: ReactNode }) {
  const t = useTranslations();
  return (
    <div className="frame">
      <a className="skip" href="#main">
        {t('common.skip')}
      </a>
      <Header />
      <Offline />
      <main id="main" tabIndex={-1} className="main bar">
        {children}
      </main>
      <Footer />
      <Toasts />
      <Announcer />
      <Shortcuts />
    </div>
  );
}
