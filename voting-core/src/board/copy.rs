//! Copies of a log: whatever is read of one is checked against a single root.

use thiserror::Error;

use super::tile::{EntryBundle, TILE_WIDTH, TileError, TileId, TileLevel, tiles_of};
use super::tree::BoardTree;
use crate::crypto::merkle::leaf_hash;
use crate::ids::Digest;

/// Why a copy is not one of the log.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CopyError {
    /// It is incomplete.
    #[error("`{0}` is missing")]
    Missing(TileId),
    /// A tile has another length than its name says.
    #[error("`{id}` has {actual} bytes, not {expected}")]
    Length {
        /// Which.
        id: TileId,
        /// Bytes in it.
        actual: usize,
        /// 32 for each hash.
        expected: usize,
    },
    /// A tile of hashes does not follow from those below it.
    #[error("`{0}` is not what follows from the hashes below it")]
    Hashes(TileId),
    /// A bundle cannot be read.
    #[error("`{id}`: {reason}")]
    Bundle {
        /// Which.
        id: TileId,
        /// Why.
        reason: TileError,
    },
    /// An entry is not the one that the log has.
    #[error("entry {0} is not the one in the log")]
    Entry(u64),
    /// The hashes lead to another root.
    #[error("the tiles of {size} entries lead to the root {actual}, the checkpoint says {expected}")]
    Root {
        /// Number of entries.
        size: u64,
        /// Root of the tiles.
        actual: Digest,
        /// Root of the checkpoint.
        expected: Digest,
    },
}

impl CopyError {
    /// A stable code for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Missing(_) => "missing_tile",
            Self::Length { .. } | Self::Hashes(_) | Self::Bundle { .. } => "wrong_tile",
            Self::Entry(_) => "wrong_entry",
            Self::Root { .. } => "wrong_root",
        }
    }
}

/// The tree of a log of this size and root, from its tiles of hashes; `tile` gives the bytes of one, or none if it is not there.
///
/// # Errors
/// [`CopyError`]: the first tile that is missing or wrong.
pub fn read_tree(size: u64, root: Digest, mut tile: impl FnMut(TileId) -> Option<Vec<u8>>) -> Result<BoardTree, CopyError> {
    let mut tree = BoardTree::new();
    for id in tiles_of(size) {
        let TileLevel::Hashes(level) = id.level() else { continue };
        let bytes = tile(id).ok_or(CopyError::Missing(id))?;
        let (hashes, rest) = bytes.as_chunks::<{ Digest::LEN }>();
        if hashes.len() != id.width() || !rest.is_empty() {
            return Err(CopyError::Length { id, actual: bytes.len(), expected: id.width() * Digest::LEN });
        }
        if level == 0 {
            hashes.iter().for_each(|hash| _ = tree.push_leaf(Digest(*hash)));
        } else if tree.tile(id).as_ref() != Some(&bytes) {
            return Err(CopyError::Hashes(id));
        }
    }
    let actual = tree.root();
    if actual == root { Ok(tree) } else { Err(CopyError::Root { size, actual, expected: root }) }
}

/// Reads the entries of a log of this size, in order, each once it is seen to be the one that the tree has.
///
/// # Errors
/// [`CopyError`]: the first bundle or entry that is missing or wrong.
pub fn read_entries(
    tree: &BoardTree,
    size: u64,
    mut tile: impl FnMut(TileId) -> Option<Vec<u8>>,
    mut entry: impl FnMut(u64, &[u8]),
) -> Result<(), CopyError> {
    for id in tiles_of(size).filter(|id| id.level() == TileLevel::Entries) {
        let bytes = tile(id).ok_or(CopyError::Missing(id))?;
        let bundle = EntryBundle::parse(&bytes, id.width()).map_err(|reason| CopyError::Bundle { id, reason })?;
        for (index, bytes) in (id.index() * TILE_WIDTH as u64..).zip(&bundle.0) {
            if tree.leaf(index) != Some(leaf_hash(bytes)) {
                return Err(CopyError::Entry(index));
            }
            entry(index, bytes);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const SIZE: u64 = 600;

    fn files() -> (BoardTree, BTreeMap<TileId, Vec<u8>>) {
        let mut tree = BoardTree::new();
        let entries: Vec<Vec<u8>> = (0..SIZE).map(|n| n.to_be_bytes().to_vec()).collect();
        entries.iter().for_each(|entry| _ = tree.push(entry));
        let content = |id: TileId| match id.level() {
            TileLevel::Hashes(_) => tree.tile(id).unwrap(),
            TileLevel::Entries => {
                let first = id.index() as usize * TILE_WIDTH;
                EntryBundle(entries[first..first + id.width()].to_vec()).to_bytes().unwrap()
            }
        };
        let files = tiles_of(SIZE).map(|id| (id, content(id))).collect();
        (tree, files)
    }

    fn read(files: &BTreeMap<TileId, Vec<u8>>, root: Digest) -> Result<u64, CopyError> {
        let tree = read_tree(SIZE, root, |id| files.get(&id).cloned())?;
        let mut count = 0;
        read_entries(
            &tree,
            SIZE,
            |id| files.get(&id).cloned(),
            |index, entry| {
                assert_eq!(entry, index.to_be_bytes());
                count += 1;
            },
        )?;
        Ok(count)
    }

    #[test]
    fn a_copy_is_read_whole() {
        let (tree, files) = files();
        assert_eq!(read(&files, tree.root()), Ok(SIZE));
        assert_eq!(read_tree(SIZE, tree.root(), |id| files.get(&id).cloned()), Ok(tree));
        assert_eq!(read_tree(0, BoardTree::new().root(), |_| None), Ok(BoardTree::new()));
    }

    #[test]
    fn whatever_is_missing_cut_or_changed_is_named() {
        let (tree, files) = files();
        for id in files.keys() {
            let without = files.iter().filter(|(other, _)| *other != id).map(|(id, bytes)| (*id, bytes.clone())).collect();
            assert_eq!(read(&without, tree.root()), Err(CopyError::Missing(*id)));
            let changed = |change: &dyn Fn(&mut Vec<u8>)| {
                let mut files = files.clone();
                change(files.get_mut(id).unwrap());
                read(&files, tree.root()).unwrap_err().code()
            };
            assert_eq!(changed(&|bytes| _ = bytes.pop()), "wrong_tile", "{id}");
            assert_eq!(changed(&|bytes| bytes.push(0)), "wrong_tile", "{id}");
            let last = files[id].len() - 1;
            for at in [5, last / 2, last] {
                let code = changed(&|bytes| bytes[at] ^= 1);
                assert!(["wrong_tile", "wrong_entry", "wrong_root"].contains(&code), "{id} at {at}: {code}");
            }
        }
        let error = read(&files, Digest([1; 32])).unwrap_err();
        assert!(error.to_string().contains(&tree.root().to_string()), "{error}");
    }
}
