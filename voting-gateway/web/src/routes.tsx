/**
 * Every page: its address, who may open it, and whether the navigation names it.
 *
 * A new page is one entry here and one file that exports it as default; its code is loaded when it is first opened, and so
 * are the words of its section, where it has one.
 */
import { lazy, type ComponentType, type LazyExoticComponent } from 'react';
import type { MessageKeys, NestedKeyOf } from 'use-intl';
import type { Messages } from './i18n';
import { withWords } from './i18n/sections';

/** `public`: everyone. `member`: whoever is signed in. `admin`: administrators. */
export type Access = 'public' | 'member' | 'admin';

export type MessageKey = MessageKeys<Messages, NestedKeyOf<Messages>>;

export interface AppRoute {
  path: string;
  access: Access;
  page: LazyExoticComponent<ComponentType>;
  /** Words of its entry in the navigation, which those see who may open it. */
  nav?: MessageKey;
}

export const routes: readonly AppRoute[] = [
  { path: '/app/login', access: 'public', page: lazy(() => import('./pages/Login')) },
  { path: '/app/elections', access: 'public', page: lazy(() => import('./pages/Elections')), nav: 'nav.elections' },
  { path: '/app/elections/:id', access: 'public', page: lazy(() => import('./pages/Election')) },
  { path: '/app/elections/:id/vote', access: 'member', page: lazy(() => import('./pages/vote/Vote')) },
  { path: '/app/elections/:id/receipt', access: 'member', page: lazy(() => import('./pages/Receipt')) },
  { path: '/app/elections/:id/result', access: 'public', page: lazy(() => import('./pages/result/Result')) },
  { path: '/app/elections/:id/board', access: 'public', page: lazy(() => import('./pages/Board')) },
  { path: '/app/results', access: 'member', page: lazy(() => import('./pages/Results')), nav: 'nav.results' },
  { path: '/app/check', access: 'public', page: lazy(() => import('./pages/check/Check')), nav: 'nav.check' },
  { path: '/app/check-seal/:id/:code', access: 'public', page: lazy(() => withWords('sealed', () => withWords('verify', () => import('./pages/verify/CheckSeal')))) },
  { path: '/app/admin', access: 'admin', page: lazy(() => withWords('admin', () => import('./pages/admin/AdminList'))), nav: 'nav.admin' },
  { path: '/app/admin/new', access: 'admin', page: lazy(() => withWords('admin', () => import('./pages/admin/Wizard'))) },
  { path: '/app/admin/:id', access: 'admin', page: lazy(() => withWords('admin', () => import('./pages/admin/Overview'))) },
  { path: '/app/admin/:id/edit', access: 'admin', page: lazy(() => withWords('admin', () => import('./pages/admin/Wizard'))) },
  { path: '/app/trustee', access: 'public', page: lazy(() => withWords('trustee', () => import('./pages/trustee/NewKey'))) },
  { path: '/app/trustee/:id', access: 'public', page: lazy(() => withWords('trustee', () => withWords('sealed', () => withWords('verify', () => import('./pages/trustee/Trustee'))))) },
  { path: '/app/network', access: 'public', page: lazy(() => withWords('network', () => import('./pages/network/Network'))), nav: 'nav.network' },
  { path: '/app/keyboard', access: 'public', page: lazy(() => import('./pages/Keyboard')) },
];
