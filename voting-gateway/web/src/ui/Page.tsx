import { Suspense, useEffect, useRef, type ReactNode } from 'react';
import { useTranslations } from 'use-intl';
import { Link } from 'wouter';
import { Icon } from './Icon';
import { Skeleton } from './Skeleton';

interface PageProps {
  title: string;
  lead?: ReactNode;
  /** Where one came from. */
  back?: { to: string; label: string };
  /** Stands above the heading: a state, or the name of the election. */
  over?: ReactNode;
  narrow?: boolean;
  children?: ReactNode;
}

/** Opening the application leaves the focus where the browser puts it; every page after that takes it. */
const opened = location.href;
let hasMoved = false;

/** A page with its heading, which gets the focus when one arrives and names the window. */
export function Page({ title, lead, back, over, narrow = false, children }: PageProps) {
  const t = useTranslations();
  const heading = useRef<HTMLHeadingElement>(null);

  useEffect(() => {
    document.title = `${title} – ${t('common.product')}`;
  }, [title, t]);

  useEffect(() => {
    hasMoved ||= location.href !== opened;
    if (!hasMoved) return;
    heading.current?.focus({ preventScroll: true });
    window.scrollTo(0, 0);
  }, []);

  return (
    <div className={narrow ? 'page page-narrow' : 'page'}>
      <header className="page-head">
        {back && (
          <Link className="back" href={back.to}>
            <Icon name="back" />
            {back.label}
          </Link>
        )}
        {over}
        <h1 ref={heading} tabIndex={-1}>
          {title}
        </h1>
        {lead && <p className="lead">{lead}</p>}
      </header>
      {/* Contents are shown with all of their parts: one that came late would move those below it. */}
      <Suspense fallback={<Skeleton />}>{children}</Suspense>
    </div>
  );
}
