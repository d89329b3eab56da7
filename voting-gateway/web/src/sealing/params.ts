/** What every proof of an election is bound to (docs/SPEC.md, 20.1). */
import { sha256 } from '@noble/hashes/sha2.js';

import { concat, hex, unhex } from '../ballot/codec';
import { hash, number16, number32 } from './transcript';

const SUITE = 'ristretto255-sha512-exponential-elgamal-v1';

/** What H_E is made of; everything but the numbers in hexadecimal. */
export interface SealedElection {
  parameters: { trustees: number; threshold: number };
  context: string;
  key: string;
  ceremony: string;
  roll_root: string;
  authorities: string;
}

/** H_P. */
export const parametersHash = ({ trustees, threshold }: SealedElection['parameters']): string =>
  hash('voting/sealed-parameters/v1', new TextEncoder().encode(SUITE), number16(trustees), number16(threshold));

/** H_B. */
export const baseHash = (parameters: SealedElection['parameters'], context: string): string =>
  hash('voting/sealed-base/v1', parametersHash(parameters), context);

/** H_E. */
export const electionHash = (election: SealedElection): string =>
  hash(
    'voting/sealed-election/v1',
    baseHash(election.parameters, election.context),
    election.key,
    election.ceremony,
    election.roll_root,
    election.authorities,
  );

/** What ballots name as their context, from H_E. */
export function ballotContext(electionHash: string): string {
  const tag = new TextEncoder().encode('voting/sealed-context/v1');
  return hex(sha256(concat(Uint8Array.of(tag.length), tag, unhex(electionHash))));
}

/** H_I: what the proofs of one ballot are bound to. */
export const proofHash = (electionHash: string, voter: string, sequence: number): string =>
  hash('voting/sealed-ballot-proofs/v1', electionHash, voter, number32(sequence));
