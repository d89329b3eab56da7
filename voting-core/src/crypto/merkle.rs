//! Merkle trees in the shape of RFC 6962: leaf `SHA-256(00 ‖ data)`, node `SHA-256(01 ‖ left ‖ right)`,
//! an inner node splits at the largest power of two below its size.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::ids::Digest;

/// Depth of a tree of 2^64 leaves: no honest proof is longer.
pub(crate) const MAX_PROOF_HASHES: usize = 64;

/// Hash of a leaf's data.
#[must_use]
pub fn leaf_hash(data: &[u8]) -> Digest {
    Digest(Sha256::new().chain_update([0]).chain_update(data).finalize().into())
}

pub(crate) fn node_hash(left: &Digest, right: &Digest) -> Digest {
    Digest(Sha256::new().chain_update([1]).chain_update(left.0).chain_update(right.0).finalize().into())
}

/// Root over leaf hashes; the empty tree has SHA-256 of nothing (RFC 6962, section 2.1).
#[must_use]
pub fn merkle_root(leaves: &[Digest]) -> Digest {
    match leaves {
        [] => Digest(Sha256::digest([]).into()),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len() as u64) as usize);
            node_hash(&merkle_root(left), &merkle_root(right))
        }
    }
}

/// Largest power of two below `size`, for `size` ≥ 2.
pub(crate) const fn split(size: u64) -> u64 {
    1 << (u64::BITS - 1 - (size - 1).leading_zeros())
}

/// A tree with all its inner nodes, for many proofs from the same leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MerkleTree {
    /// The leaves, then each level above them up to the root. A node without a sibling goes up as it
    /// is, which gives the shape of RFC 6962.
    levels: Vec<Vec<Digest>>,
}

impl MerkleTree {
    /// The tree over leaf hashes.
    #[must_use]
    pub fn new(leaves: Vec<Digest>) -> Self {
        let mut levels = vec![leaves];
        while let Some(below) = levels.last().filter(|level| level.len() > 1) {
            let pair = |pair: &[Digest]| match pair {
                [left, right] => node_hash(left, right),
                [alone, ..] => *alone,
                [] => Digest::ZERO, // chunks are never empty
            };
            levels.push(below.chunks(2).map(pair).collect());
        }
        Self { levels }
    }

    /// The root; the empty tree has SHA-256 of nothing.
    #[must_use]
    pub fn root(&self) -> Digest {
        self.levels.last().and_then(|top| top.first()).copied().unwrap_or_else(|| merkle_root(&[]))
    }

    /// Proof for the leaf at `index`; `None` if there is no such leaf.
    #[must_use]
    pub fn prove(&self, index: usize) -> Option<InclusionProof> {
        let size = self.levels.first()?.len();
        if index >= size {
            return None;
        }
        let siblings = self.levels.iter().enumerate().filter_map(|(up, level)| level.get((index >> up) ^ 1));
        Some(InclusionProof { index: index as u64, size: size as u64, hashes: siblings.copied().collect() })
    }
}

/// Proof that a leaf stands at an index in a tree: sibling hashes from the leaf to the root.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct InclusionProof {
    /// Place of the leaf, from 0.
    pub index: u64,
    /// Number of leaves in the tree.
    pub size: u64,
    /// Sibling hashes, leaf first.
    pub hashes: Vec<Digest>,
}

impl InclusionProof {
    /// Proof for the leaf at `index`; `None` if there is no such leaf. For many proofs from the same
    /// leaves, keep a [`MerkleTree`].
    #[must_use]
    pub fn of(leaves: &[Digest], index: usize) -> Option<Self> {
        MerkleTree::new(leaves.to_vec()).prove(index)
    }

    /// The root this proof leads to from a leaf, or `None` if its length does not fit its size
    /// (RFC 9162, section 2.1.3.2).
    #[must_use]
    pub fn root(&self, leaf: &Digest) -> Option<Digest> {
        if self.index >= self.size || self.hashes.len() > MAX_PROOF_HASHES {
            return None;
        }
        let (mut at, mut last, mut root) = (self.index, self.size - 1, *leaf);
        for sibling in &self.hashes {
            if last == 0 {
                return None;
            }
            if at & 1 == 1 || at == last {
                root = node_hash(sibling, &root);
                while at & 1 == 0 && at != 0 {
                    at >>= 1;
                    last >>= 1;
                }
            } else {
                root = node_hash(&root, sibling);
            }
            at >>= 1;
            last >>= 1;
        }
        (last == 0).then_some(root)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_answer() {
        let leaves: Vec<_> = [b"a", b"b", b"c"].iter().map(|data| leaf_hash(*data)).collect();
        assert_eq!(merkle_root(&leaves).to_string(), "36642e73c2540ab121e3a6bf9545b0a24982cd830eb13d3cd19de3ce6c021ec1");
    }

    proptest! {
        #[test]
        fn every_proof_leads_to_the_root_and_no_other_leaf_does(size in 1usize..200, pick in 0usize..200) {
            let leaves: Vec<_> = (0..size).map(|n| leaf_hash(&n.to_le_bytes())).collect();
            let index = pick % size;
            let proof = InclusionProof::of(&leaves, index).unwrap();
            prop_assert_eq!(MerkleTree::new(leaves.clone()).root(), merkle_root(&leaves));
            prop_assert_eq!(proof.root(&leaves[index]), Some(merkle_root(&leaves)));
            prop_assert_ne!(proof.root(&leaf_hash(b"other")), Some(merkle_root(&leaves)));
            if size > 1 {
                let moved = InclusionProof { index: (proof.index + 1) % proof.size, ..proof.clone() };
                prop_assert_ne!(moved.root(&leaves[index]), Some(merkle_root(&leaves)));
                let mut cut = proof.clone();
                cut.hashes.pop();
                prop_assert_ne!(cut.root(&leaves[index]), Some(merkle_root(&leaves)));
            }
        }
    }
}
