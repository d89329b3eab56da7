import type { ButtonHTMLAttributes, ReactNode } from 'react';
import { Link } from 'wouter';

type Variant = 'primary' | 'secondary' | 'quiet';

const classOf = (variant: Variant, large: boolean): string =>
  `button${variant === 'secondary' ? '' : ` button-${variant}`}${large ? ' button-large' : ''}`;

interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  variant?: Variant;
  large?: boolean;
  /** Still working on the last press: keeps its focus, and presses do nothing. */
  busy?: boolean;
}

export function Button({ variant = 'secondary', large = false, busy = false, onClick, className, ...rest }: ButtonProps) {
  return (
    <button
      type="button"
      {...rest}
      className={`${classOf(variant, large)} ${className ?? ''}`}
      aria-disabled={busy || rest['aria-disabled'] || undefined}
      onClick={(event) => {
        if (busy || rest['aria-disabled']) event.preventDefault();
        else onClick?.(event);
      }}
    />
  );
}

interface ButtonLinkProps {
  to: string;
  variant?: Variant;
  large?: boolean;
  /** Names the destination where the visible words alone do not. */
  label?: string;
  children: ReactNode;
}

export function ButtonLink({ to, variant = 'secondary', large = false, label, children }: ButtonLinkProps) {
  return (
    <Link href={to} className={classOf(variant, large)} aria-label={label}>
      {children}
    </Link>
  );
}
