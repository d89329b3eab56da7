/** A sealed ballot in bytes (docs/SPEC.md, 20.2), its tracker, and what is signed of it. */
import { type Codec, concat, fixed, opt, struct, u16, u32, unhex, vec } from '../ballot/codec';
import { codeOfHash } from '../ballot/code';
import { tagged } from '../ballot/hash';
import { point, scalar } from './group';
import { ballotHash } from './params';
import { hash } from './transcript';

/** Longest ballot in bytes. */
export const MAX_BALLOT_BYTES = 60 * 1024;

export interface Ciphertext {
  alpha: string;
  beta: string;
}

/** That the plaintext is one value: a = vG + cα and b = vK + c(β − jG). */
export interface Branch {
  a: string;
  b: string;
  challenge: string;
  response: string;
}

export interface SealedOption {
  ciphertext: Ciphertext;
  range: Branch[];
}

export interface SealedSelection {
  options: SealedOption[];
  limit: Branch[] | null;
}

export interface SealedBallot {
  /** H_E. */
  election: string;
  voter: string;
  sequence: number;
  contests: SealedSelection[];
}

/** What opens a challenged ballot: m and r by contest and ciphertext. */
export type Opening = { value: number; randomness: string }[][];

const branch = struct<Branch>({ a: point, b: point, challenge: scalar, response: scalar });

const option = struct<SealedOption>({
  ciphertext: struct<Ciphertext>({ alpha: point, beta: point }),
  range: vec(branch),
});

export const sealedBallot: Codec<SealedBallot> = struct<SealedBallot>({
  election: fixed(64),
  voter: fixed(32),
  sequence: u32,
  contests: vec(struct<SealedSelection>({ options: vec(option), limit: opt(vec(branch)) })),
});

export const openingCodec: Codec<Opening> = vec(vec(struct<Opening[0][0]>({ value: u16, randomness: scalar })));

/** H_I. */
export const proofHash = ({ election, voter, sequence }: SealedBallot): string => ballotHash(election, voter, sequence);

/** What the voter signs. */
export const signedBytes = (ballot: SealedBallot): Uint8Array => tagged('voting/sealed-ballot/v1', sealedBallot, ballot);

/** What the voter notes down before deciding to cast or to challenge. */
export function tracker(ballot: SealedBallot): string {
  const points = ({ options }: SealedSelection): Uint8Array =>
    concat(...options.flatMap(({ ciphertext }) => [unhex(ciphertext.alpha), unhex(ciphertext.beta)]));
  return codeOfHash(hash('voting/sealed-tracker/v1', proofHash(ballot), ...ballot.contests.map(points)).slice(0, 64));
}
