import type { Election, Sealing } from '../../api/types';
import { BoardNote } from './BoardNote';
import { ResultNote } from './ResultNote';
import { SealingCard } from './SealingCard';

export type PartName = 'card' | 'note' | 'finalNote' | 'board';

interface PartProps {
  name: PartName;
  election: Election;
  sealing: Sealing;
}

/** The parts by name, so that what has loaded one has loaded all. */
export default function Part({ name, election, sealing }: PartProps) {
  switch (name) {
    case 'card':
      return <SealingCard election={election} sealing={sealing} />;
    case 'note':
    case 'finalNote':
      return <ResultNote election={election} sealing={sealing} final={name === 'finalNote'} />;
    case 'board':
      return <BoardNote />;
  }
}
