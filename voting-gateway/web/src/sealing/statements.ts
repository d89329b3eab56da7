/** What the two kinds of proofs are about (docs/SPEC.md, 20.2). */
import type { Ciphertext } from '../ballot/sealed';
import type { Range } from './contest';
import { challenge, type Input, number16, number32 } from './transcript';

/** A proof's challenge, once its commitments are known. */
export type Statement = (commitments: readonly string[]) => bigint;

export const optionStatement =
  (ballot: string, contest: number, option: number, high: number, key: string, { alpha, beta }: Ciphertext): Statement =>
  (commitments) => {
    const place: Input[] = [ballot, number16(contest), number16(option), number32(0), number32(high)];
    return challenge('voting/sealed-option/v1', ...place, key, alpha, beta, ...commitments);
  };

export const limitStatement =
  (ballot: string, contest: number, { low, high }: Range, key: string, all: readonly Ciphertext[]): Statement =>
  (commitments) => {
    const place: Input[] = [ballot, number16(contest), number32(low), number32(high), key];
    const points = all.flatMap(({ alpha, beta }) => [alpha, beta]);
    return challenge('voting/sealed-limit/v1', ...place, ...points, ...commitments);
  };
