import type { ReactNode } from 'react';
import { Icon } from './Icon';

interface NoticeProps {
  tone?: 'info' | 'warning' | 'danger' | 'success';
  title?: string;
  /** For what went wrong because of something just done: said at once. */
  urgent?: boolean;
  children?: ReactNode;
}

export function Notice({ tone = 'info', title, urgent = false, children }: NoticeProps) {
  return (
    <div className={`notice notice-${tone}`} role={urgent ? 'alert' : undefined}>
      <Icon name={tone} />
      <div className="notice-body">
        {title && <p className="notice-title">{title}</p>}
        {children}
      </div>
    </div>
  );
}
