//! The log of one election, as its ballots become final.

use super::checkpoint::{Checkpoint, Origin};
use super::tree::BoardTree;
use crate::block::EntryBytes;
use crate::entry::VerifiedEntry;
use crate::ids::{ChainId, Digest, ElectionId};

/// Name and tree of an election's log. The entries themselves stay in the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ElectionLog {
    origin: Origin,
    tree: BoardTree,
}

impl ElectionLog {
    /// The log of an election without ballots.
    #[must_use]
    pub fn new(chain: ChainId, election: ElectionId) -> Self {
        Self { origin: Origin { chain, election }, tree: BoardTree::new() }
    }

    /// Its name.
    #[must_use]
    pub const fn origin(&self) -> Origin {
        self.origin
    }

    /// Its tree.
    #[must_use]
    pub const fn tree(&self) -> &BoardTree {
        &self.tree
    }

    /// The bytes that an entry of a finalized block puts into this log: those of a ballot of this election.
    #[must_use]
    pub fn content<'a>(&self, entry: &'a VerifiedEntry) -> Option<&'a EntryBytes> {
        let is_ballot = entry.ballot_hash().is_some() && entry.entry().election() == Some(self.origin.election);
        is_ballot.then(|| entry.bytes())
    }

    /// Takes in the next entry of the ledger; tells its index if it belongs into this log.
    pub fn push(&mut self, entry: &VerifiedEntry) -> Option<u64> {
        let content = self.content(entry)?;
        Some(self.tree.push(content.as_slice()))
    }

    /// What is to be signed of the log as it was with `size` entries; `None` if it has not grown to that.
    #[must_use]
    pub fn checkpoint(&self, size: u64) -> Option<Checkpoint> {
        let root: Digest = self.tree.root_at(size)?;
        Some(Checkpoint { origin: self.origin.to_string(), size, root })
    }
}
