/** Parts of pages that only sealed elections have: loaded with their words when one is shown. */
import { lazy, Suspense } from 'react';
import type { Election } from '../../api/types';
import { withWords } from '../../i18n/sections';

const Card = lazy(() => withWords('sealed', () => import('./SealingCard')));
const Note = lazy(() => withWords('sealed', () => import('./ResultNote')));
const Board = lazy(() => withWords('sealed', () => import('./BoardNote')));

/** Trustees, ceremony and decryption of a sealed election; nothing for an open one. */
export const SealingCard = ({ election }: { election: Election }) => (
  <Suspense fallback={null}>{election.sealing && <Card election={election} sealing={election.sealing} />}</Suspense>
);

/** What the result page of a sealed election says beside or instead of figures. */
export const ResultNote = ({ election, final = false }: { election: Election; final?: boolean }) => (
  <Suspense fallback={null}>{election.sealing && <Note election={election} sealing={election.sealing} final={final} />}</Suspense>
);

export const BoardNote = () => (
  <Suspense fallback={null}>
    <Board />
  </Suspense>
);
