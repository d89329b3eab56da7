//! The smallest application that can go wrong: entries are numbers, the state is a hash over all of
//! them in order, and no entry may be there twice. Some numbers are wishes to lead, some end the epoch.

use std::collections::BTreeSet;
use std::sync::Arc;

use voting_core::Canonical;
use voting_core::ChainId;
use voting_core::block::{Block, BlockHeader, EntryBytes, Parent, payload_root};
use voting_core::epoch::LeaderPolicy;
use voting_core::ids::{AuthorityIndex, BlockHash, Digest, Height, View};
use voting_core::preference::Preference;
use voting_core::time::Timestamp;

use super::eras::{Eras, FIRST_EPOCH};

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

/// The end of an epoch, as an entry: `01 ‖ number of the next (32)`. The last entry of its block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) to: u32,
}

impl Change {
    const MARK: u64 = 1 << 62;

    pub(super) fn to_entry(self) -> u64 {
        Self::MARK | u64::from(self.to)
    }

    pub(super) fn of_entry(entry: u64) -> Option<Self> {
        (entry >> 62 == 1).then_some(Self { to: entry as u32 })
    }
}

/// State after a block.
#[derive(Debug, Clone)]
pub(super) struct AppState {
    eras: Arc<Eras>,
    /// Number of the epoch that decides on the next block.
    pub(super) epoch: u32,
    /// The first height that it decides on.
    pub(super) first: Height,
    /// Its last block is here, and whoever stands above that one changes nothing.
    successor: Option<Digest>,
    pub(super) hash: BlockHash,
    pub(super) height: Height,
    pub(super) view: View,
    root: Digest,
    pub(super) timestamp: Timestamp,
    pub(super) preference: Option<Preference>,
    pub(super) included: Arc<BTreeSet<u64>>,
}

impl AppState {
    pub(super) fn genesis(eras: Arc<Eras>) -> Self {
        Self {
            eras,
            epoch: FIRST_EPOCH,
            first: Height(1),
            successor: None,
            hash: BlockHash::GENESIS,
            height: Height(0),
            view: View(0),
            root: Digest::ZERO,
            timestamp: Timestamp::default(),
            preference: None,
            included: Arc::default(),
        }
    }

    /// The state that the next epoch begins with, if this one's last block is final.
    pub(super) fn entered(mut self) -> Self {
        if self.successor.take().is_some() {
            self.epoch += 1;
            self.first = self.height.next();
        }
        self
    }

    /// Seals entries into a block of a view on top of this state, at a time if it is later than the parent's.
    pub(super) fn build(&self, chain: ChainId, view: View, time: Timestamp, entries: &[u64]) -> Block {
        let bytes: Vec<EntryBytes> = entries.iter().map(|entry| EntryBytes::new(entry.to_le_bytes().to_vec())).collect();
        let hashes: Vec<_> = bytes.iter().map(EntryBytes::hash).collect();
        let timestamp = time.max(self.timestamp.saturating_add(std::time::Duration::from_millis(1)));
        let preference =
            entries.iter().fold(self.preference, |preference, entry| self.preferring(preference, *entry, view, timestamp));
        let successor = entries.iter().fold(self.successor, |successor, entry| self.succeeded(*entry).or(successor));
        let header = BlockHeader {
            chain,
            epoch: self.epoch,
            view,
            height: self.height.next(),
            parent: Parent { view: self.view, hash: self.hash },
            payload_root: payload_root(&hashes),
            entries: bytes.len() as u32,
            state_root: entries.iter().fold(self.root, |root, entry| step(root, *entry)),
            timestamp,
            preference,
            successor,
        };
        Block { header, entries: bytes }
    }

    /// The state after a block, if the block is valid here.
    pub(super) fn apply(&self, block: &Block) -> Option<Self> {
        let header = &block.header;
        block.check_payload().ok()?;
        let mut included = self.included.as_ref().clone();
        let (mut root, mut preference, mut successor) = (self.root, self.preference, self.successor);
        for entry in entries_of(block)? {
            if successor.is_some() || !included.insert(entry) || !self.is_next(preference, entry) {
                return None;
            }
            preference = self.preferring(preference, entry, header.view, header.timestamp);
            successor = self.succeeded(entry);
            root = step(root, entry);
        }
        let fits = header.parent.hash == self.hash && header.height == self.height.next() && header.timestamp > self.timestamp;
        let is_so = (root, preference, successor) == (header.state_root, header.preference, header.successor);
        (fits && is_so && header.epoch == self.epoch).then(|| Self {
            eras: Arc::clone(&self.eras),
            epoch: self.epoch,
            first: self.first,
            successor,
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
        self.successor.is_none() && !self.included.contains(&entry) && self.is_next(self.preference, entry)
    }

    /// Whether an entry is worth keeping: it can be in a block now, or later.
    pub(super) fn wants(&self, entry: u64) -> bool {
        let comes_later = match (Change::of_entry(entry), Wish::of_entry(entry)) {
            (Some(change), _) => change.to > self.epoch,
            (None, Some(_)) => self.takes(entry),
            (None, None) => true,
        };
        comes_later && !self.included.contains(&entry)
    }

    fn preferring(&self, before: Option<Preference>, entry: u64, view: View, at: Timestamp) -> Option<Preference> {
        let Some(Wish { term, leader, views }) = Wish::of_entry(entry) else { return before };
        let (since, height) = (view, self.height.next());
        Some(Preference { term, leader, since, height, at, until: View(view.0 + u64::from(views)) })
    }

    /// The epoch that an entry hands over to.
    fn succeeded(&self, entry: u64) -> Option<Digest> {
        Some(self.eras.get(Change::of_entry(entry)?.to)?.epoch.digest())
    }

    /// An ordinary entry, the wish for the next term that somebody can have, or the change to the next epoch.
    fn is_next(&self, before: Option<Preference>, entry: u64) -> bool {
        if let Some(change) = Change::of_entry(entry) {
            return change.to == self.epoch + 1 && self.eras.get(change.to).is_some();
        }
        let Some(wish) = Wish::of_entry(entry) else { return true };
        let epoch = &self.eras.at(self.epoch).epoch;
        epoch.leader == LeaderPolicy::Elected
            && usize::from(wish.leader.0) < epoch.len()
            && wish.term == before.map_or(0, |before| before.term) + 1
    }
}

fn step(root: Digest, entry: u64) -> Digest {
    Digest::of_parts("voting/sim-state/v1", &[&root.0, &entry.to_le_bytes()])
}

/// The entries of a block.
pub(super) fn entries_of(block: &Block) -> Option<Vec<u64>> {
    block.entries.iter().map(|bytes| bytes.as_slice().try_into().ok().map(u64::from_le_bytes)).collect()
}
