//! The public boards of a chain: for every election the log of its ballots, as far as they are final.
//!
//! Nodes and followers keep them beside the state, in memory: about 80 bytes a ballot. The ballots themselves stay in the ledger.

use std::collections::BTreeMap;

use voting_core::board::{Checkpoint, ConsistencyProof, ElectionLog, TileId};
use voting_core::crypto::merkle::InclusionProof;
use voting_core::entry::VerifiedEntry;
use voting_core::ids::{ChainId, ElectionId, Height};
use voting_core::state::Position;

/// The logs of all elections of a chain.
#[derive(Debug, Clone)]
pub struct Boards {
    chain: ChainId,
    logs: BTreeMap<ElectionId, Board>,
}

/// The log of one election.
#[derive(Debug, Clone)]
pub struct Board {
    log: ElectionLog,
    /// Where each entry of the log stands in the ledger.
    places: Vec<Position>,
}

impl Boards {
    /// The boards of a chain without ballots.
    #[must_use]
    pub const fn new(chain: ChainId) -> Self {
        Self { chain, logs: BTreeMap::new() }
    }

    /// Takes in the entries of the next finalized block.
    pub(crate) fn extend<'a>(&mut self, height: Height, entries: impl IntoIterator<Item = &'a VerifiedEntry>) {
        for (index, entry) in (0..).zip(entries) {
            let Some(election) = entry.entry().election().filter(|_| entry.ballot_hash().is_some()) else { continue };
            self.board(election).push(entry, Position { height, index });
        }
    }

    fn board(&mut self, election: ElectionId) -> &mut Board {
        let new = || Board { log: ElectionLog::new(self.chain, election), places: Vec::new() };
        self.logs.entry(election).or_insert_with(new)
    }

    /// The board of an election; an empty one if no ballot of it is final.
    #[must_use]
    pub fn get(&self, election: ElectionId) -> Option<&Board> {
        self.logs.get(&election)
    }

    /// What is to be signed of an election's log as it was with so many entries; `None` if it has not grown to that.
    #[must_use]
    pub fn checkpoint(&self, election: ElectionId, size: u64) -> Option<Checkpoint> {
        match self.logs.get(&election) {
            Some(board) => board.log.checkpoint(size),
            None => ElectionLog::new(self.chain, election).checkpoint(size),
        }
    }
}

impl Board {
    fn push(&mut self, entry: &VerifiedEntry, at: Position) {
        if self.log.push(entry).is_some() {
            self.places.push(at);
        }
    }

    /// Number of entries.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.log.tree().size()
    }

    /// Index of the ballot that stands in this place of the ledger.
    #[must_use]
    pub fn index_of(&self, at: Position) -> Option<u64> {
        self.places.binary_search(&at).ok().map(|index| index as u64)
    }

    /// Where the entries of a log stand in the ledger, from one index on, at most so many.
    #[must_use]
    pub fn places(&self, from: u64, most: usize) -> &[Position] {
        let from = usize::try_from(from).unwrap_or(usize::MAX).min(self.places.len());
        &self.places[from..][..most.min(self.places.len() - from)]
    }

    /// That an entry is in the log of this size.
    #[must_use]
    pub fn prove(&self, index: u64, size: u64) -> Option<InclusionProof> {
        self.log.tree().prove(index, size)
    }

    /// That the log of one size begins with the log of another.
    #[must_use]
    pub fn prove_consistency(&self, old: u64, new: u64) -> Option<ConsistencyProof> {
        self.log.tree().prove_consistency(old, new)
    }

    /// A tile of hashes.
    #[must_use]
    pub fn tile(&self, id: TileId) -> Option<Vec<u8>> {
        self.log.tree().tile(id)
    }
}
