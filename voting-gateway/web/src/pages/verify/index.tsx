/** Verifying a whole election: loaded with its words by the pages that offer it. */
import { lazy, Suspense } from 'react';
import type { Election } from '../../api/types';
import { withWords } from '../../i18n/sections';

const Everything = lazy(() => withWords('verify', () => import('./VerifyEverything')));

export const VerifyEverything = ({ election }: { election: Election }) => (
  <Suspense fallback={null}>
    <Everything election={election} />
  </Suspense>
);
