/** Where a sealed election stands. Pure. */
import type { Election, Sealing, Trustee } from '../../api/types';

export const CEREMONY = ['commit', 'reveal', 'deal', 'check', 'open', 'sign'] as const;
export type CeremonyStep = (typeof CEREMONY)[number];

/** The step that the ceremony is at; null before it has begun and once it is done. */
export const stepOf = ({ ceremony }: Sealing): CeremonyStep | null => CEREMONY.find((step) => step === ceremony) ?? null;

export type TrusteeState = 'awaited' | 'done' | 'out' | 'part' | 'decrypted' | 'missing';

const isCounted = (phase: string): boolean => phase === 'tallied' || phase === 'published';

/** What there is to say of a trustee now. */
export function stateOf({ active, decrypted, number }: Trustee, sealing: Sealing, phase: string): TrusteeState {
  if (!active) return 'out';
  if (decrypted) return 'decrypted';
  if (stepOf(sealing)) return sealing.waits_for.includes(number) ? 'awaited' : 'done';
  // Once enough have decrypted, nobody waits for the others.
  return phase === 'closed' && !sealing.decrypted ? 'missing' : 'part';
}

export const namesOf = (sealing: Sealing, which: (trustee: Trustee) => boolean): string => sealing.trustees.filter(which).map(({ name }) => name).join(', ');

/** Whom the ceremony waits for, by name. */
export const awaited = (sealing: Sealing): string => namesOf(sealing, ({ number }) => sealing.waits_for.includes(number));

/** Whether nobody can know the result of a sealed election yet. */
export const isHidden = ({ sealing, phase }: Pick<Election, 'sealing' | 'phase'>): boolean => sealing !== undefined && !isCounted(phase);

/** Whether a closed sealed election has too few ballots for its sums to be decrypted. */
export const hasTooFew = ({ sealing, phase, voted }: Pick<Election, 'sealing' | 'phase' | 'voted'>): boolean =>
  sealing !== undefined && phase === 'closed' && voted < sealing.min_ballots;

const POLL_MS = 3_000;

/** How often to look at a sealed election while its trustees are at work; false while nothing moves by itself. */
export const pollOf = (election: Election | undefined): number | false =>
  election?.sealing && (election.phase === 'ready' || election.phase === 'closed') && !hasTooFew(election) ? POLL_MS : false;
