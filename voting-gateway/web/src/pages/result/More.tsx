import type { ReactNode } from 'react';

interface MoreProps {
  title: string;
  /** Whether there is little enough of it to be seen at once; on paper all of it is. */
  open: boolean;
  children: ReactNode;
}

/** How the result came about: more than most want to read, so that much of it is folded up. */
export function More({ title, open, children }: MoreProps) {
  return (
    <details className="more" open={open}>
      <summary>{title}</summary>
      {children}
    </details>
  );
}

/** What may be wider than the window, and then moves sideways by itself. */
export function Wide({ title, children }: { title: string; children: ReactNode }) {
  return (
    <div className="table-wrap" tabIndex={0} role="region" aria-label={title}>
      {children}
    </div>
  );
}
