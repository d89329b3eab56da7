//! Blocks on their way to finality, each with the state after it.
//!
//! The finalized tip is the trunk; candidates are built or validated blocks on top of it. A block is
//! built or checked on top of any of them, and finality makes one branch the trunk.

use std::collections::HashMap;
use std::sync::Arc;

use voting_core::entry::VerifiedEntry;
use voting_core::ids::{BlockHash, EntryHash};
use voting_core::state::Applied;

use crate::mempool::Tip;

/// A block whose entries have been applied.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub(super) entries: Arc<[Arc<VerifiedEntry>]>,
    pub(super) applied: Arc<[Applied]>,
    pub(super) tip: Tip,
}

/// The finalized tip and the candidates above it.
#[derive(Debug)]
pub(super) struct Tree {
    finalized: Tip,
    candidates: HashMap<BlockHash, Arc<Candidate>>,
}

impl Tree {
    pub(super) fn new(finalized: Tip) -> Self {
        Self { finalized, candidates: HashMap::new() }
    }

    pub(super) fn finalized(&self) -> &Tip {
        &self.finalized
    }

    /// What a child of this block builds on.
    pub(super) fn tip(&self, hash: &BlockHash) -> Option<Tip> {
        if self.finalized.hash == *hash {
            return Some(self.finalized.clone());
        }
        self.candidates.get(hash).map(|candidate| candidate.tip.clone())
    }

    pub(super) fn candidate(&self, hash: &BlockHash) -> Option<Arc<Candidate>> {
        self.candidates.get(hash).cloned()
    }

    /// Whether an entry is in a block above the finalized one.
    pub(super) fn holds(&self, entry: &EntryHash) -> bool {
        self.candidates.values().any(|candidate| candidate.entries.iter().any(|held| held.hash() == *entry))
    }

    pub(super) fn insert(&mut self, candidate: Arc<Candidate>) {
        if candidate.tip.state.height() > self.finalized.state.height() {
            self.candidates.insert(candidate.tip.hash, candidate);
        }
    }

    /// Makes a candidate the trunk and forgets what it overtook.
    pub(super) fn finalize(&mut self, candidate: &Candidate) {
        self.finalized = candidate.tip.clone();
        let height = self.finalized.state.height();
        self.candidates.retain(|_, other| other.tip.state.height() > height);
    }
}
