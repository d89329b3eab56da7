/** Sealed ballots (docs/SPEC.md, 20.2): ordinary ballots whose context is made of H_E and whose selections nobody can read. */
import { sha256 } from '@noble/hashes/sha2.js';

import { ballotContent, type BallotContent, signedBytes } from '../ballot/ballot';
import { type Codec, hex, struct, u16, vec } from '../ballot/codec';
import { tagged } from '../ballot/hash';
import { scalar, type SealedSelection } from '../ballot/sealed';

/** Longest sealed ballot in bytes: with what opens it, it must fit an entry of the ledger. */
export const MAX_SEALED_BALLOT_BYTES = 54 * 1024;

/** What opens a challenged ballot: m and r by contest and ciphertext. */
export type Opening = { value: number; randomness: string }[][];

export const openingCodec: Codec<Opening> = vec(vec(struct<Opening[0][0]>({ value: u16, randomness: scalar })));

/** A voter's test of the seal: the ballot, void from then on, and what it holds. */
export interface Challenge {
  ballot: BallotContent;
  opening: Opening;
}

export const challengeCodec: Codec<Challenge> = struct<Challenge>({ ballot: ballotContent, opening: openingCodec });

/** What the voter signs of a challenge. */
export const challengeBytes = (challenge: Challenge): Uint8Array<ArrayBuffer> =>
  tagged('voting/challenge/v1', challengeCodec, challenge);

/** Identity of a ballot; its code is what the voter notes down. */
export const ballotHash = (ballot: BallotContent): string => hex(sha256(signedBytes(ballot)));

/** The sealed selections of a ballot by contest, or the first contest that is answered in clear. */
export function sealedSelections({ selections }: BallotContent): SealedSelection[] | { open: number } {
  const open = selections.findIndex((said) => said === 'blank' || !('sealed' in said));
  if (open >= 0) return { open };
  return selections.flatMap((said) => (said !== 'blank' && 'sealed' in said ? [said.sealed] : []));
}
