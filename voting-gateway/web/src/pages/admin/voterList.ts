/** A list of voters on its way to the roll. Pure. */
import type { LineError } from '../../api/types';

export interface VoterList {
  text: string;
  /** The file that it was read from. */
  file: string | null;
  /** What the gateway said of it. */
  refused: LineError[];
}

export const NO_LIST: VoterList = { text: '', file: null, refused: [] };

/** Longer lists would make the text field slow, and nobody mends them by hand. */
const EDITABLE = 100_000;

export const isEditable = ({ text }: VoterList): boolean => text.length <= EDITABLE;
