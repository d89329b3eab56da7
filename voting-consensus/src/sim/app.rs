//! The smallest application that can go wrong: entries are numbers, the state is a hash over all of
//! them in order, and no entry may be there twice. Some numbers are wishes to lead.

use std::collections::BTreeSet;
use std::sync::Arc;

use voting_core::ChainId;
use voting_core::block::{Block, BlockHeader, EntryBytes, Parent, payload_root};
use voting_core::ids::{AuthorityIndex, BlockHash, Digest, Height, View};
use voting_core::preference::Preference;
use voting_core::time::Timestamp;

/// A wish to lead, as an entry: `1 ‖ views (15 bits) ‖ authority (16) ‖ term (32)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wish {
    pub(super) term: u32,
    pub(super) leader: AuthorityIndex,
    pub(super) views: u16,
}

impl Wish {
    const MARK: u64 = 1 << 63;

    pub(super) fn to_entry(self) -> u64 {
        Self::MARK | u64::from(self.views & 0x7fff) << 48 | u64::from(self.leader.0) << 32 | u64::from(self.term)
    }

    pub(super) fn of_entry(entry: u64) -> Option<Self> {
        (entry & Self::MARK != 0).then_some(Self {
            term: entry as u32,
            leader: AuthorityIndex((entry >> 32) as u16),
            views: (entry >> 48) as u16 & 0x7fff,
        })
    }
}

/// State after a block.
#[derive(Debug, Clone)]
pub(super) struct AppState {
    pub(super) hash: BlockHash,
    pub(super) height: Height,
    pub(super) view: View,
    root: Digest,
    pub(super) timestamp: Timestamp,
    pub(super) preference: Option<Preference>,
    pub(super) included: Arc<BTreeSet<u64>>,
}

impl AppState {
    pub(super) fn genesis() -> Self {
        Self {
            hash: BlockHash::GENESIS,
            height: Height(0),
            view: View(0),
            root: Digest::ZERO,
            timestamp: Timestamp::default(),
            preference: None,
            included: Arc::default(),
        }
    }

    /// Seals entries into a block of a view on top of this state, at a time if it is later than the parent's.
    pub(super) fn build(&self, chain: ChainId, epoch: u32, view: View, time: Timestamp, entries: &[u64]) -> Block {
        let bytes: Vec<EntryBytes> = entries.iter().map(|entry| EntryBytes::new(entry.to_le_bytes().to_vec())).collect();
        let hashes: Vec<_> = bytes.iter().map(EntryBytes::hash).collect();
        let timestamp = time.max(self.timestamp.saturating_add(std::time::Duration::from_millis(1)));
        let preference =
            entries.iter().fold(self.preference, |preference, entry| self.preferring(preference, *entry, view, timestamp));
        let header = BlockHeader {
            chain,
            epoch,
            view,
            height: self.height.next(),
            parent: Parent { view: self.view, hash: self.hash },
            payload_root: payload_root(&hashes),
            entries: bytes.len() as u32,
            state_root: entries.iter().fold(self.root, |root, entry| step(root, *entry)),
            timestamp,
            preference,
            successor: None,
        };
        Block { header, entries: bytes }
    }

    /// The state after a block, if the block is valid here.
    pub(super) fn apply(&self, block: &Block) -> Option<Self> {
        let header = &block.header;
        block.check_payload().ok()?;
        let mut included = self.included.as_ref().clone();
        let (mut root, mut preference) = (self.root, self.preference);
        for entry in entries_of(block)? {
            if !included.insert(entry) || !is_next(preference, entry) {
                return None;
            }
            preference = self.preferring(preference, entry, header.view, header.timestamp);
            root = step(root, entry);
        }
        let fits = header.parent.hash == self.hash && header.height == self.height.next() && header.timestamp > self.timestamp;
        (fits && (root, preference) == (header.state_root, header.preference)).then(|| Self {
            hash: header.hash(),
            height: header.height,
            view: header.view,
            root,
            timestamp: header.timestamp,
            preference,
            included: Arc::new(included),
        })
    }

    /// Whether a block on top of this state may contain an entry.
    pub(super) fn takes(&self, entry: u64) -> bool {
        !self.included.contains(&entry) && is_next(self.preference, entry)
    }

    fn preferring(&self, before: Option<Preference>, entry: u64, view: View, at: Timestamp) -> Option<Preference> {
        let Some(Wish { term, leader, views }) = Wish::of_entry(entry) else { return before };
        let (since, height) = (view, self.height.next());
        Some(Preference { term, leader, since, height, at, until: View(view.0 + u64::from(views)) })
    }
}

/// An ordinary entry, or the wish for the next term.
fn is_next(before: Option<Preference>, entry: u64) -> bool {
    Wish::of_entry(entry).is_none_or(|wish| wish.term == before.map_or(0, |before| before.term) + 1)
}

fn step(root: Digest, entry: u64) -> Digest {
    Digest::of_parts("voting/sim-state/v1", &[&root.0, &entry.to_le_bytes()])
}

/// The entries of a block.
pub(super) fn entries_of(block: &Block) -> Option<Vec<u64>> {
    block.entries.iter().map(|bytes| bytes.as_slice().try_into().ok().map(u64::from_le_bytes)).collect()
}
