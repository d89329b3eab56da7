/**
 * Parts of pages that only sealed elections have: one program, loaded with its words by the first page that shows any of them.
 *
 * The contents of that page wait for it (ui/Page.tsx), as nothing that has been seen is to move; after that all are at hand.
 */
import { lazy } from 'react';
import type { Election } from '../../api/types';
import { withWords } from '../../i18n/sections';
import type { PartName } from './Part';

const Part = lazy(() => withWords('sealed', () => import('./Part')));

/** Trustees, ceremony and decryption of a sealed election; nothing for an open one. */
export const SealingCard = ({ election }: { election: Election }) => <PartOf election={election} name="card" />;

/** What the result page of a sealed election says beside or instead of figures. */
export const ResultNote = ({ election, final = false }: { election: Election; final?: boolean }) => (
  <PartOf election={election} name={final ? 'finalNote' : 'note'} />
);

/** That the ballots of the list are sealed. */
export const BoardNote = ({ election }: { election: Election }) => <PartOf election={election} name="board" />;

function PartOf({ election, name }: { election: Election; name: PartName }) {
  return election.sealing && <Part name={name} election={election} sealing={election.sealing} />;
}
