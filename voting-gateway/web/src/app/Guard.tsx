import type { ReactNode } from 'react';
import { Redirect, useLocation } from 'wouter';
import { Forbidden } from '../pages/Forbidden';
import type { Access } from '../routes';
import { useAccount } from '../session';

/** The address to go back to after signing in; only paths of this application are followed. */
export const loginPath = (back: string): string => `/app/login?back=${encodeURIComponent(back)}`;

export function mayOpen(access: Access, roles: readonly string[] | null): boolean {
  if (access === 'public') return true;
  return roles !== null && (access === 'member' || roles.includes('admin'));
}

/** Lets in who may see a page, and asks the others to sign in or tells them no. */
export function Guard({ access, children }: { access: Access; children: ReactNode }) {
  const account = useAccount();
  const [location] = useLocation();
  if (mayOpen(access, account?.roles ?? null)) return <>{children}</>;
  if (account === null) return <Redirect to={loginPath(location + window.location.search)} replace />;
  return <Forbidden />;
}
