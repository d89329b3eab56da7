/**
 * Inclusion proofs in trees of the shape of RFC 6962 (section 6 of the specification).
 */
import { type Codec, concat, fixed, hex, struct, u64, unhex, vec } from './codec';
import { sha256 } from './hash';

/** Path from a leaf to the root. */
export interface InclusionProof {
  index: bigint;
  size: bigint;
  hashes: string[];
}

export const inclusionProof: Codec<InclusionProof> = struct({ index: u64, size: u64, hashes: vec(fixed(32)) });

/** Depth of a tree of 2^64 leaves: no honest proof is longer. */
const MAX_PROOF_HASHES = 64;

export async function leafHash(data: Uint8Array): Promise<string> {
  return hex(await sha256(concat(Uint8Array.of(0), data)));
}

export async function nodeHash(left: string, right: string): Promise<string> {
  return hex(await sha256(concat(Uint8Array.of(1), unhex(left), unhex(right))));
}

/** The root that a proof leads to from a leaf, or null if its length does not fit its size (RFC 9162, section 2.1.3.2). */
export async function proofRoot(proof: InclusionProof, leaf: string): Promise<string | null> {
  if (proof.index >= proof.size || proof.hashes.length > MAX_PROOF_HASHES) return null;
  let at = proof.index;
  let last = proof.size - 1n;
  let root = leaf;
  for (const sibling of proof.hashes) {
    if (last === 0n) return null;
    if (at % 2n === 1n || at === last) {
      root = await nodeHash(sibling, root);
      while (at % 2n === 0n && at !== 0n) {
        at /= 2n;
        last /= 2n;
      }
    } else {
      root = await nodeHash(root, sibling);
    }
    at /= 2n;
    last /= 2n;
  }
  return last === 0n ? root : null;
}
