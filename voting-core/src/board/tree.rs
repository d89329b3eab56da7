//! The tree of a log, grown leaf by leaf.

use super::consistency::ConsistencyProof;
use super::tile::{TILE_WIDTH, TileId, TileLevel};
use crate::crypto::merkle::{InclusionProof, leaf_hash, merkle_root, node_hash, split};
use crate::ids::Digest;

/// Binary levels of a tree in one level of tiles.
const TILE_HEIGHT: u32 = 8;

/// All hashes that tiles consist of: 32 bytes a leaf and an 1/255 more.
///
/// A root or a proof of any size up to the current one is computed from them, with at most some hundred hashes for each
/// level of tiles.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BoardTree {
    /// `levels[l][n]` is the root over leaves `n·256^l ..  (n+1)·256^l`.
    levels: Vec<Vec<Digest>>,
}

impl BoardTree {
    /// A tree without leaves.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Number of leaves.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.levels.first().map_or(0, |leaves| leaves.len() as u64)
    }

    /// Appends an entry; returns its index.
    pub fn push(&mut self, entry: &[u8]) -> u64 {
        self.push_leaf(leaf_hash(entry))
    }

    /// Appends the leaf hash of an entry; returns its index.
    pub fn push_leaf(&mut self, leaf: Digest) -> u64 {
        let index = self.size();
        let (mut level, mut hash) = (0, leaf);
        loop {
            if self.levels.len() == level {
                self.levels.push(Vec::new());
            }
            let hashes = &mut self.levels[level];
            hashes.push(hash);
            if !hashes.len().is_multiple_of(TILE_WIDTH) {
                return index;
            }
            hash = merkle_root(&hashes[hashes.len() - TILE_WIDTH..]);
            level += 1;
        }
    }

    /// The root over all leaves; SHA-256 of nothing if there are none.
    #[must_use]
    pub fn root(&self) -> Digest {
        self.range(0, self.size()).unwrap_or_else(|| merkle_root(&[]))
    }

    /// The root that the tree had with `size` leaves; `None` if it has not grown to that.
    #[must_use]
    pub fn root_at(&self, size: u64) -> Option<Digest> {
        if size == 0 { Some(merkle_root(&[])) } else { self.range(0, size) }
    }

    /// Hash of a leaf.
    #[must_use]
    pub fn leaf(&self, index: u64) -> Option<Digest> {
        self.levels.first()?.get(usize::try_from(index).ok()?).copied()
    }

    /// Proof that the leaf at `index` is in the tree of the first `size` leaves; `None` if it is not, or the tree is smaller.
    #[must_use]
    pub fn prove(&self, index: u64, size: u64) -> Option<InclusionProof> {
        if index >= size || size > self.size() {
            return None;
        }
        let (mut begin, mut end, mut hashes) = (0, size, Vec::new());
        while end - begin > 1 {
            let middle = begin + split(end - begin);
            let (sibling, half) = if index < middle { ((middle, end), (begin, middle)) } else { ((begin, middle), (middle, end)) };
            hashes.push(self.range(sibling.0, sibling.1)?);
            (begin, end) = half;
        }
        hashes.reverse();
        Some(InclusionProof { index, size, hashes })
    }

    /// Proof that the tree of the first `old` leaves is the beginning of the one of the first `new`; `None` if `old` is 0 or
    /// above `new`, or the tree is smaller.
    #[must_use]
    pub fn prove_consistency(&self, old: u64, new: u64) -> Option<ConsistencyProof> {
        if old == 0 || old > new || new > self.size() {
            return None;
        }
        // RFC 6962, section 2.1.2, from the top down.
        let (mut begin, mut end, mut hashes, mut is_whole) = (0, new, Vec::new(), true);
        while end > old {
            let middle = begin + split(end - begin);
            if old <= middle {
                hashes.push(self.range(middle, end)?);
                end = middle;
            } else {
                hashes.push(self.range(begin, middle)?);
                begin = middle;
                is_whole = false;
            }
        }
        if !is_whole {
            hashes.push(self.range(begin, end)?);
        }
        hashes.reverse();
        Some(ConsistencyProof { old, new, hashes })
    }

    /// The hashes of a tile, full or as wide as its id says; `None` if the tree does not have them.
    #[must_use]
    pub fn tile(&self, id: TileId) -> Option<Vec<u8>> {
        let TileLevel::Hashes(level) = id.level() else { return None };
        let first = usize::try_from(id.index()).ok()?.checked_mul(TILE_WIDTH)?;
        let hashes = self.levels.get(usize::from(level))?.get(first..first.checked_add(id.width())?)?;
        Some(hashes.iter().flat_map(|hash| hash.0).collect())
    }

    /// Root over leaves `begin..end`, a subtree of some tree that this one contains.
    fn range(&self, begin: u64, end: u64) -> Option<Digest> {
        let length = end.checked_sub(begin).filter(|length| *length > 0)?;
        if length.is_power_of_two() && begin.is_multiple_of(length) {
            return self.complete(length.trailing_zeros(), begin / length);
        }
        let middle = begin + split(length);
        Some(node_hash(&self.range(begin, middle)?, &self.range(middle, end)?))
    }

    /// The `index`-th complete subtree of 2^height leaves.
    fn complete(&self, height: u32, index: u64) -> Option<Digest> {
        let (level, within) = (height / TILE_HEIGHT, height % TILE_HEIGHT);
        let first = usize::try_from(index.checked_shl(within)?).ok()?;
        let hashes = self.levels.get(level as usize)?.get(first..first.checked_add(1 << within)?)?;
        Some(merkle_root(hashes))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::crypto::merkle::MerkleTree;

    fn leaves(size: u64) -> Vec<Digest> {
        (0..size).map(|n| leaf_hash(&n.to_le_bytes())).collect()
    }

    fn tree(leaves: &[Digest]) -> BoardTree {
        let mut tree = BoardTree::new();
        for (index, leaf) in leaves.iter().enumerate() {
            assert_eq!(tree.push_leaf(*leaf), index as u64);
        }
        tree
    }

    #[test]
    fn known_answer() {
        let mut tree = BoardTree::new();
        assert_eq!(tree.root(), merkle_root(&[]));
        for entry in ["a", "b", "c"] {
            tree.push(entry.as_bytes());
        }
        assert_eq!(tree.root().to_string(), "36642e73c2540ab121e3a6bf9545b0a24982cd830eb13d3cd19de3ce6c021ec1");
    }

    #[test]
    fn a_tree_of_three_levels_of_tiles() {
        let leaves = leaves(70_000);
        let tree = tree(&leaves);
        assert_eq!(tree.root(), MerkleTree::new(leaves.clone()).root());
        assert_eq!(tree.levels.iter().map(Vec::len).collect::<Vec<_>>(), [70_000, 273, 1], "as the specification counts them");
        for size in [1, 255, 256, 257, 65_535, 65_536, 65_537, 69_999] {
            assert_eq!(tree.root_at(size), Some(merkle_root(&leaves[..size as usize])), "{size}");
        }
        assert_eq!(tree.root_at(70_001), None);
        for index in [0, 1, 255, 256, 65_535, 65_536, 69_999] {
            let proof = tree.prove(index, 70_000).unwrap();
            assert_eq!(Some(&proof), MerkleTree::new(leaves.clone()).prove(index as usize).as_ref());
        }
        for old in [1, 256, 65_536, 65_537, 70_000] {
            let proof = tree.prove_consistency(old, 70_000).unwrap();
            assert!(proof.verify(tree.root_at(old).unwrap(), tree.root()), "{old}");
        }
    }

    proptest! {
        #[test]
        fn proofs_are_those_of_the_plain_tree(size in 1u64..700, old in 1u64..700, pick in 0u64..700) {
            let all = leaves(size);
            let tree = tree(&all);
            let old = 1 + (old - 1) % size;
            let index = pick % old;
            let plain = MerkleTree::new(all[..old as usize].to_vec());
            prop_assert_eq!(tree.root_at(old), Some(plain.root()));
            prop_assert_eq!(tree.prove(index, old), plain.prove(index as usize));
            prop_assert_eq!(tree.prove(old, old), None);
            let proof = tree.prove_consistency(old, size).unwrap();
            prop_assert!(proof.verify(plain.root(), tree.root()));
            prop_assert_eq!(proof.hashes.is_empty(), old == size);
        }
    }
}
