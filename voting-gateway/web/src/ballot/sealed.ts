/**
 * What a ballot says in a contest of a sealed election, in bytes (section 20.2 of the specification). Nothing is computed here: the
 * curve comes with `../sealing`, which only pages of sealed elections load.
 */
import { type Codec, fixed, hex, Malformed, opt, struct, vec } from './codec';

/** ℓ: how many elements the group has. */
export const ORDER = (1n << 252n) + 27_742_317_777_372_353_535_851_937_790_883_648_493n;

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

export const point: Codec<string> = fixed(32);

/** A scalar, which must be below ℓ. */
export const scalar: Codec<string> = {
  read(from) {
    const bytes = from.take(32);
    if (littleEndian(bytes) >= ORDER) throw new Malformed('a scalar is not below the order of the group');
    return hex(bytes);
  },
  write: fixed(32).write,
};

const branch = struct<Branch>({ a: point, b: point, challenge: scalar, response: scalar });

const option = struct<SealedOption>({
  ciphertext: struct<Ciphertext>({ alpha: point, beta: point }),
  range: vec(branch),
});

export const sealedSelection: Codec<SealedSelection> = struct<SealedSelection>({
  options: vec(option),
  limit: opt(vec(branch)),
});

export function littleEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x${hex(Uint8Array.from(bytes).reverse()) || '0'}`);
}
