import type { ReactNode } from 'react';
import { arcPath } from './ring';

interface RingProps {
  /** Authorities. */
  arcs: number;
  /** Those that agree, by number or one by one. */
  filled: number | boolean[];
  size: number;
  /** Seal: at seal and receipt only. */
  tone?: 'primary' | 'seal';
  waiting?: boolean;
  children?: ReactNode;
}

/** The motif: a ring with one arc per authority that fills to quorum. Decoration; say the same in words beside it. */
export function Ring({ arcs, filled, size, tone = 'primary', waiting = false, children }: RingProps) {
  const isFilled = (index: number): boolean => (typeof filled === 'number' ? index < filled : filled[index] === true);
  return (
    <span
      className={`ring${tone === 'seal' ? ' ring-seal' : ''}${waiting ? ' ring-waiting' : ''}`}
      style={{ width: size, height: size }}
      aria-hidden="true"
    >
      <svg viewBox="0 0 100 100" width={size} height={size} focusable="false">
        {Array.from({ length: arcs }, (_, index) => (
          <path
            key={index}
            d={arcPath(index, arcs)}
            className={isFilled(index) ? 'ring-arc is-filled' : 'ring-arc'}
            style={{ transitionDelay: `${index * 120}ms` }}
          />
        ))}
      </svg>
      {children !== undefined && <span className="ring-center">{children}</span>}
    </span>
  );
}
