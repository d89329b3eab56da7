/** An election whose ballots are sealed, as voters and verifiers need it. */
import { decodePoint, type Element, isIdentity } from './group';
import type { SealedContest } from './contest';

export interface Sealing {
  /** The election's id. */
  id: string;
  /** H_E, which the election's context, key, ceremony, roll and authorities make: `electionHash`. */
  electionHash: string;
  /** K: the key that ballots are sealed to. */
  key: string;
  contests: readonly SealedContest[];
}

/** The key as an element, or null if it is none. */
export function keyOf({ key }: Sealing): Element | null {
  return isIdentity(key) ? null : decodePoint(key);
}
