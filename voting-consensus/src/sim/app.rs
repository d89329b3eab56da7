//! The smallest application that can go wrong: entries are numbers, the state is a hash over all of
//! them in order, and no entry may be there twice.

use std::collections::BTreeSet;
use std::sync::Arc;

use voting_core::ChainId;
use voting_core::block::{Block, BlockHeader, EntryBytes, Parent, payload_root};
use voting_core::ids::{BlockHash, Digest, Height, View};
use voting_core::time::Timestamp;

/// State after a block.
#[derive(Debug, Clone)]
pub(super) struct AppState {
    pub(super) hash: BlockHash,
    pub(super) height: Height,
    root: Digest,
    timestamp: Timestamp,
    pub(super) included: Arc<BTreeSet<u64>>,
}

impl AppState {
    pub(super) fn genesis() -> Self {
        Self {
            hash: BlockHash::GENESIS,
            height: Height(0),
            root: Digest::ZERO,
            timestamp: Timestamp::default(),
            included: Arc::default(),
        }
    }

    /// Seals entries into a block on top of this state.
    pub(super) fn build(&self, chain: ChainId, view: View, parent: Parent, entries: &[u64]) -> Block {
        let bytes: Vec<EntryBytes> = entries.iter().map(|entry| EntryBytes::new(entry.to_le_bytes().to_vec())).collect();
        let hashes: Vec<_> = bytes.iter().map(EntryBytes::hash).collect();
        let header = BlockHeader {
            chain,
            epoch: 0,
            view,
            height: self.height.next(),
            parent,
            payload_root: payload_root(&hashes),
            entries: bytes.len() as u32,
            state_root: entries.iter().fold(self.root, |root, entry| step(root, *entry)),
            timestamp: self.timestamp.saturating_add(std::time::Duration::from_millis(1)),
        };
        Block { header, entries: bytes }
    }

    /// The state after a block, if the block is valid here.
    pub(super) fn apply(&self, block: &Block) -> Option<Self> {
        let header = &block.header;
        block.check_payload().ok()?;
        let mut included = self.included.as_ref().clone();
        let mut root = self.root;
        for entry in entries_of(block)? {
            if !included.insert(entry) {
                return None;
            }
            root = step(root, entry);
        }
        let fits = header.parent.hash == self.hash && header.height == self.height.next() && header.timestamp > self.timestamp;
        (fits && root == header.state_root).then(|| Self {
            hash: header.hash(),
            height: header.height,
            root,
            timestamp: header.timestamp,
            included: Arc::new(included),
        })
    }
}

fn step(root: Digest, entry: u64) -> Digest {
    Digest::of_parts("voting/sim-state/v1", &[&root.0, &entry.to_le_bytes()])
}

/// The entries of a block.
pub(super) fn entries_of(block: &Block) -> Option<Vec<u64>> {
    block.entries.iter().map(|bytes| bytes.as_slice().try_into().ok().map(u64::from_le_bytes)).collect()
}
