//! Proof that one tree is the beginning of another (RFC 9162, section 2.1.4).

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::crypto::merkle::{MAX_PROOF_HASHES, node_hash};
use crate::ids::Digest;

/// Proof that the log of `old` entries is the beginning of the one of `new`.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct ConsistencyProof {
    /// Number of leaves of the smaller tree, at least 1.
    pub old: u64,
    /// Number of leaves of the larger tree.
    pub new: u64,
    /// Subtree hashes, from the bottom up.
    pub hashes: Vec<Digest>,
}

impl ConsistencyProof {
    /// Whether it leads to both roots.
    #[must_use]
    pub fn verify(&self, old_root: Digest, new_root: Digest) -> bool {
        self.roots(old_root).is_some_and(|roots| roots == (old_root, new_root))
    }

    /// The roots that it leads to; the old one is where it starts if the old tree is complete.
    fn roots(&self, old_root: Digest) -> Option<(Digest, Digest)> {
        if self.old == 0 || self.old > self.new || self.hashes.len() > MAX_PROOF_HASHES + 1 {
            return None;
        }
        if self.old == self.new {
            return self.hashes.is_empty().then_some((old_root, old_root));
        }
        let mut hashes = self.hashes.iter();
        let (mut at, mut last) = (self.old - 1, self.new - 1);
        while at & 1 == 1 {
            at >>= 1;
            last >>= 1;
        }
        let first = if self.old.is_power_of_two() { old_root } else { *hashes.next()? };
        let (mut old, mut new) = (first, first);
        for hash in hashes {
            if last == 0 {
                return None;
            }
            if at & 1 == 1 || at == last {
                old = node_hash(hash, &old);
                new = node_hash(hash, &new);
                while at & 1 == 0 && at != 0 {
                    at >>= 1;
                    last >>= 1;
                }
            } else {
                new = node_hash(&new, hash);
            }
            at >>= 1;
            last >>= 1;
        }
        (last == 0).then_some((old, new))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::BoardTree;
    use super::*;

    fn tree(size: u64) -> BoardTree {
        let mut tree = BoardTree::new();
        for n in 0..size {
            tree.push(&n.to_le_bytes());
        }
        tree
    }

    proptest! {
        #[test]
        fn no_other_tree_is_extended(new in 2u64..400, old in 1u64..400, bit in 0usize..256, pick in 0usize..16) {
            let tree = tree(new);
            let old = 1 + (old - 1) % new;
            let (old_root, new_root) = (tree.root_at(old).unwrap(), tree.root());
            let proof = tree.prove_consistency(old, new).unwrap();
            prop_assert!(proof.verify(old_root, new_root));
            let flipped = |digest: Digest| { let mut other = digest; other.0[bit / 8] ^= 1 << (bit % 8); other };
            prop_assert!(!proof.verify(flipped(old_root), new_root));
            prop_assert!(!proof.verify(old_root, flipped(new_root)));
            if !proof.hashes.is_empty() {
                let mut other = proof.clone();
                let at = pick % other.hashes.len();
                other.hashes[at] = flipped(other.hashes[at]);
                prop_assert!(!other.verify(old_root, new_root));
                other = proof.clone();
                other.hashes.pop();
                prop_assert!(!other.verify(old_root, new_root));
            }
            let mut longer = proof.clone();
            longer.hashes.push(new_root);
            prop_assert!(!longer.verify(old_root, new_root));
        }
    }

    #[test]
    fn an_empty_or_a_shrunk_log_is_no_beginning() {
        let root = tree(3).root();
        for (old, new) in [(0, 3), (4, 3)] {
            assert!(!ConsistencyProof { old, new, hashes: Vec::new() }.verify(root, root));
        }
        assert!(tree(3).prove_consistency(0, 3).is_none());
        assert!(tree(3).prove_consistency(2, 4).is_none());
    }
}
