/** Verifying a whole election: loaded with its words by the pages that offer it, whose contents wait for it (ui/Page.tsx). */
import { lazy } from 'react';
import { withWords } from '../../i18n/sections';

export const VerifyEverything = lazy(() => withWords('verify', () => import('./VerifyEverything')));
