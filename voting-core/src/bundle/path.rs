//! The path from an election's leaf to a state root.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::crypto::merkle::{InclusionProof, node_hash};
use crate::ids::Digest;

/// One step up the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PathStep {
    /// The sibling stands to the left.
    Left(Digest),
    /// The sibling stands to the right.
    Right(Digest),
}

/// Siblings and their sides, leaf first.
///
/// An [`InclusionProof`] also states the leaf's index and the size of the tree, which no hash
/// covers: nothing in a header says how many elections a chain has, so those numbers could be changed
/// unnoticed. Here every bit leads to another root.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StatePath(Vec<PathStep>);

impl StatePath {
    /// The steps of an inclusion proof (RFC 9162, section 2.1.3.2), without its numbers.
    pub(crate) fn of(proof: &InclusionProof) -> Self {
        let (mut at, mut last) = (proof.index, proof.size.saturating_sub(1));
        let steps = proof.hashes.iter().map(|sibling| {
            let left = at & 1 == 1 || at == last;
            if left {
                while at & 1 == 0 && at != 0 {
                    at >>= 1;
                    last >>= 1;
                }
            }
            at >>= 1;
            last >>= 1;
            if left { PathStep::Left(*sibling) } else { PathStep::Right(*sibling) }
        });
        Self(steps.collect())
    }

    /// The root this path leads to from a leaf.
    #[must_use]
    pub fn root(&self, leaf: Digest) -> Digest {
        self.0.iter().fold(leaf, |below, step| match step {
            PathStep::Left(sibling) => node_hash(sibling, &below),
            PathStep::Right(sibling) => node_hash(&below, sibling),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::merkle::{leaf_hash, merkle_root};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn leads_where_the_proof_leads(size in 1usize..100, pick in 0usize..100) {
            let leaves: Vec<_> = (0..size).map(|n| leaf_hash(&n.to_le_bytes())).collect();
            let index = pick % size;
            let path = StatePath::of(&InclusionProof::of(&leaves, index).unwrap());
            prop_assert_eq!(path.root(leaves[index]), merkle_root(&leaves));
        }
    }
}
