/**
 * What ballots of a sealed election are sealed to, without believing the gateway: computed from the definition that the page shows,
 * and certified by a quorum of the authorities that this browser relies on.
 */
import { Problem } from '../../../api/problem';
import type { Election } from '../../../api/types';
import { checkCurrent } from '../../../ballot/election';
import { contextOf } from '../../../ballot/definition';
import type { TrustedSource } from '../../../ballot/finality';
import { ballotContext, contestOf, electionHash, type SealedContest, type Sealing } from '../../../sealing';

export interface Certified {
  sealing: Sealing;
  /** What ballots name as their context. */
  context: string;
  /** How many authorities have signed the certificate, and how many there are. */
  signers: number;
  all: number;
}

const refusal = (code: string, detail = ''): Problem => new Problem({ code, status: 422, detail });

export async function certified(election: Election, proof: string, trusted: TrustedSource, isKnownNetwork: (genesis: string) => boolean): Promise<Certified> {
  const { id, sealing, chain } = election;
  const context = await contextOf(election, chain);
  if (context === null || !sealing) throw refusal('seal_differs', 'the definition cannot be written');
  const { key, ceremony_hash: ceremony, roll_root: roll, authorities } = sealing;
  if (!key || !ceremony || !roll || !authorities) throw refusal('seal_no_key');

  const check = await checkCurrent(proof, trusted);
  if (check.verdict !== 'certified') throw refusal('seal_unproven', check.detail);
  if (!isKnownNetwork(check.genesis)) throw refusal('seal_other_network');
  const hash = hashOf({ parameters: { trustees: sealing.trustees.length, threshold: sealing.threshold }, context, key, ceremony, roll_root: roll, authorities });
  if (hash === null || check.electionId !== id || check.chain !== chain || check.context !== ballotContext(hash)) throw refusal('seal_differs');

  const contests = election.contests.map(contestOf);
  if (!contests.every((contest): contest is SealedContest => contest !== null)) throw refusal('seal_differs', 'a question cannot be sealed');
  return { sealing: { id, electionHash: hash, key, contests }, context: check.context, signers: check.signers.length, all: check.authorities.length };
}

/** H_E; null if the gateway tells something else than hexadecimal digits. */
function hashOf(made: Parameters<typeof electionHash>[0]): string | null {
  try {
    return electionHash(made);
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}
