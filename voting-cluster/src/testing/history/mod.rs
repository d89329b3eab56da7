//! Judges what happened: what clients were told against what the authorities have on disk.
//!
//! ```text
//!  Notes    what clients were told, as often as they were told it
//!  Record   one authority: its finalized blocks, and the state it made of them
//!  check    one walk along the chain ──▶ Summary, or the first Violation
//! ```
//!
//! The votes are counted anew from the entries, by rules written down here a second time: phase, certified key, one
//! vote per voter, weight. Only the arithmetic of a tally is shared with the product. Nothing panics: a violation names
//! who or what is at fault, and the test says what else it knows.

mod violation;
mod walk;

use std::collections::BTreeMap;

use voting_core::block::{FinalizedBlock, Parent, finalizes};
use voting_core::codec::Canonical as _;
use voting_core::election::Secrecy;
use voting_core::entry::Entry;
use voting_core::epoch::Genesis;
use voting_core::ids::{BallotHash, BlockHash, ChainId, Digest, ElectionId, Height, PartitionId};
use voting_core::state::{LedgerState, Position};
use voting_core::tally::ElectionTally;

pub use violation::{NotVouched, Violation};
use walk::{Walk, entries_of};

/// What clients were told: where each ballot stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Notes(BTreeMap<BallotHash, Position>);

impl Notes {
    /// Nothing yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// A client is told where a ballot stands, for the first time (true) or again.
    ///
    /// # Errors
    /// [`Violation::Moved`] if it was told another place before.
    pub fn note(&mut self, ballot: BallotHash, now: Position) -> Result<bool, Violation> {
        match self.0.insert(ballot, now) {
            None => Ok(true),
            Some(before) if before == now => Ok(false),
            Some(before) => Err(Violation::Moved { ballot, before, now }),
        }
    }

    /// Notes all of them.
    ///
    /// # Errors
    /// As [`Notes::note`].
    pub fn note_all(&mut self, told: impl IntoIterator<Item = (BallotHash, Position)>) -> Result<(), Violation> {
        told.into_iter().try_for_each(|(ballot, position)| self.note(ballot, position).map(|_| ()))
    }

    /// Where a ballot stands, if anybody was told.
    #[must_use]
    pub fn position(&self, ballot: &BallotHash) -> Option<Position> {
        self.0.get(ballot).copied()
    }

    /// How many ballots were acknowledged.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none was.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them, by ballot.
    pub fn iter(&self) -> impl Iterator<Item = (BallotHash, Position)> + '_ {
        self.0.iter().map(|(ballot, position)| (*ballot, *position))
    }
}

/// Votes of one election as somebody counts them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counted {
    /// Ballots recorded, replaced ones included.
    pub ballots: u64,
    /// Voters whose ballot counts.
    pub voters: u64,
    /// What the ballots say; nothing where they are sealed.
    pub tally: ElectionTally,
}

/// One authority: what it has on disk, and what it made of it.
#[derive(Debug, Clone)]
pub struct Record {
    /// Its name.
    pub authority: String,
    /// Its finalized blocks, from the first.
    pub blocks: Vec<FinalizedBlock>,
    /// Height of its state. It may lag behind the blocks.
    pub height: Height,
    /// Root of its state.
    pub state_root: Digest,
    /// Its counts.
    pub counts: BTreeMap<ElectionId, Counted>,
}

impl Record {
    /// Of a running authority.
    #[must_use]
    pub fn new(authority: impl Into<String>, blocks: Vec<FinalizedBlock>, state: &LedgerState) -> Self {
        let counts = state.elections().map(|election| {
            let open = election.definition().secrecy == Secrecy::Open;
            let tally = election.tally().filter(|_| open).cloned().unwrap_or_default();
            let counted = Counted { ballots: election.ballots(), voters: election.voted(), tally };
            (election.id(), counted)
        });
        Self { authority: authority.into(), blocks, height: state.height(), state_root: state.root(), counts: counts.collect() }
    }

    /// Of an authority that does not run: the state is what follows from its blocks.
    ///
    /// # Errors
    /// [`Violation::Rules`] or [`Violation::Entry`] if the blocks do not follow the rules.
    pub fn replayed(
        genesis: &Genesis,
        partition: PartitionId,
        authority: impl Into<String>,
        blocks: Vec<FinalizedBlock>,
    ) -> Result<Self, Violation> {
        let authority = authority.into();
        let mut state = LedgerState::genesis(genesis, partition);
        for FinalizedBlock { block, .. } in &blocks {
            let header = &block.header;
            let entries = entries_of(state.chain(), block)?;
            let (_, next) = state.apply(header, &entries).map_err(|reason| Violation::Rules {
                authority: authority.clone(),
                height: header.height,
                reason,
            })?;
            state = next;
        }
        Ok(Self::new(authority, blocks, &state))
    }

    fn violated(&self, height: Height, reason: impl Into<NotVouched>) -> Violation {
        Violation::Certificate { authority: self.authority.clone(), height, reason: reason.into() }
    }

    /// The blocks are a chain from the first on, hold the entries that they say, and a quorum vouches for all.
    fn is_a_chain(&self, genesis: &Genesis, chain: ChainId) -> Result<(), Violation> {
        let (mut before, mut epoch) = (None, genesis.epoch.clone());
        for (height, finalized) in (1..).map(Height).zip(&self.blocks) {
            let FinalizedBlock { block, certificate, tail } = finalized;
            let header = &block.header;
            let follows = before.map_or(header.height == Height(1), |before| header.follows(before));
            if header.chain != chain || header.epoch != epoch.number || !follows {
                return Err(Violation::Gap { authority: self.authority.clone(), height });
            }
            let authority = || self.authority.clone();
            block.check_payload().map_err(|reason| Violation::Payload { authority: authority(), height, reason })?;
            if let Some(certificate) = certificate {
                if !finalizes(certificate, header, tail) {
                    return Err(self.violated(height, NotVouched::OfAnother));
                }
                certificate.verify(chain, &epoch).map_err(|reason| self.violated(height, reason))?;
            }
            if let Some(successor) = header.successor {
                let named = entries_of(chain, block)?.into_iter().find_map(|entry| match entry.entry() {
                    Entry::Change(change) => Some(change.content.epoch.clone()).filter(|epoch| epoch.digest() == successor),
                    _ => None,
                });
                epoch = named.ok_or_else(|| Violation::Gap { authority: authority(), height: height.next() })?;
                if certificate.is_none() {
                    return Err(self.violated(height, NotVouched::Missing));
                }
            }
            before = Some(header);
        }
        match self.blocks.last() {
            Some(FinalizedBlock { block, certificate: None, .. }) => Err(self.violated(block.header.height, NotVouched::Missing)),
            _ => Ok(()),
        }
    }
}

/// What was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Height of the longest ledger.
    pub height: Height,
    /// Its last block; the parent of the first if there is none.
    pub head: BlockHash,
    /// Root of the state after it.
    pub state_root: Digest,
    /// Entries in all blocks.
    pub entries: usize,
    /// Ballots that clients were told of.
    pub acknowledged: usize,
    /// Votes of each election, counted from the entries.
    pub counts: BTreeMap<ElectionId, Counted>,
}

/// Checks what clients were told and what authorities have: acknowledged ballots stand where they were said to stand,
/// no entry stands twice, no voter has two votes, all authorities have equal blocks and states at equal heights, and count
/// what the entries give.
///
/// # Errors
/// The first [`Violation`].
pub fn check(genesis: &Genesis, partition: PartitionId, records: &[Record], notes: &Notes) -> Result<Summary, Violation> {
    let chain = genesis.chain_id(partition);
    let longest = records.iter().max_by_key(|record| record.blocks.len()).ok_or(Violation::NoAuthority)?;
    for record in records {
        record.is_a_chain(genesis, chain)?;
    }
    for record in records {
        agree(record, longest)?;
    }
    let mut walk = Walk::default();
    for FinalizedBlock { block, .. } in &longest.blocks {
        walk.block(chain, block)?;
        for record in records.iter().filter(|record| record.height == block.header.height) {
            walk.judge(record, block.header.state_root)?;
        }
    }
    for (ballot, noted) in notes.iter() {
        match walk.ballots.get(&ballot) {
            None => return Err(Violation::Lost { ballot, noted }),
            Some(actual) if *actual != noted => return Err(Violation::Misplaced { ballot, noted, actual: *actual }),
            Some(_) => {}
        }
    }
    let last = longest.blocks.last().map(|last| &last.block.header);
    Ok(Summary {
        height: last.map_or(Height(0), |last| last.height),
        head: last.map_or(Parent::GENESIS.hash, |last| last.hash()),
        state_root: last.map_or_else(|| LedgerState::genesis(genesis, partition).root(), |last| last.state_root),
        entries: walk.entries.len(),
        acknowledged: notes.len(),
        counts: walk.counts(),
    })
}

/// Has the same blocks as another as far as it goes, and a state of one of them.
fn agree(record: &Record, other: &Record) -> Result<(), Violation> {
    for (one, two) in record.blocks.iter().zip(&other.blocks) {
        if one.block != two.block {
            return Err(Violation::Differ {
                height: one.block.header.height,
                authority: record.authority.clone(),
                block: one.block.hash(),
                other: other.authority.clone(),
                other_block: two.block.hash(),
            });
        }
    }
    let ledger = Height(record.blocks.len() as u64);
    if record.height > ledger {
        return Err(Violation::StateAhead { authority: record.authority.clone(), state: record.height, ledger });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
