//! What can be wrong with a history.

use thiserror::Error;
use voting_core::block::BlockError;
use voting_core::certificate::CertificateError;
use voting_core::election::Phase;
use voting_core::entry::EntryError;
use voting_core::ids::{BallotHash, BlockHash, Digest, ElectionId, EntryHash, Height, Pseudonym};
use voting_core::state::{ApplyError, Position};

/// What must not happen, and who or what is at fault.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Violation {
    /// Nobody's ledger was given.
    #[error("no authority was given: there is nothing to check")]
    NoAuthority,
    /// A client was told two places for one ballot.
    #[error("ballot {ballot} was acknowledged at {}, and later at {}", at(.before), at(.now))]
    Moved {
        /// The ballot.
        ballot: BallotHash,
        /// Where it stood as it was first told.
        before: Position,
        /// Where it stood as it was told later.
        now: Position,
    },
    /// A ballot was acknowledged and is in no block.
    #[error("ballot {ballot} was acknowledged at {} and is not in the ledger", at(.noted))]
    Lost {
        /// The ballot.
        ballot: BallotHash,
        /// Where it should stand.
        noted: Position,
    },
    /// A ballot stands elsewhere than it was acknowledged.
    #[error("ballot {ballot} was acknowledged at {} and stands at {}", at(.noted), at(.actual))]
    Misplaced {
        /// The ballot.
        ballot: BallotHash,
        /// Where it should stand.
        noted: Position,
        /// Where it stands.
        actual: Position,
    },
    /// An entry is in the ledger twice.
    #[error("entry {entry} stands at {} and again at {}", at(.first), at(.second))]
    Twice {
        /// The entry.
        entry: EntryHash,
        /// Its first place.
        first: Position,
        /// Its second place.
        second: Position,
    },
    /// A voter has a vote that counts beside one that counted, where the election does not allow it.
    #[error("voter {voter} votes in election {election} at {} and again at {}", at(.first), at(.second))]
    VotedTwice {
        /// The election.
        election: ElectionId,
        /// The voter.
        voter: Pseudonym,
        /// The first vote.
        first: Position,
        /// The second one.
        second: Position,
    },
    /// A ballot under a key that nobody certified.
    #[error("ballot {ballot} at {} is under a key that is not certified", at(.position))]
    NotCertified {
        /// The ballot.
        ballot: BallotHash,
        /// Where it stands.
        position: Position,
    },
    /// A ballot that was recorded while the election was not open.
    #[error("ballot {ballot} at {} was recorded while its election was {phase}", at(.position))]
    OutOfTime {
        /// The ballot.
        ballot: BallotHash,
        /// Where it stands.
        position: Position,
        /// The phase of its election.
        phase: Phase,
    },
    /// An entry that does not decode, or whose signature does not hold.
    #[error("the entry at {} is none: {reason}", at(.position))]
    Entry {
        /// Where it stands.
        position: Position,
        /// What is wrong with it.
        reason: EntryError,
    },
    /// A ledger whose blocks are no chain.
    #[error("{authority}: block {height} does not follow the one before it")]
    Gap {
        /// Whose ledger it is.
        authority: String,
        /// The first block that does not follow.
        height: Height,
    },
    /// A block whose entries are not those of its header.
    #[error("{authority}: block {height}: {reason}")]
    Payload {
        /// Whose ledger it is.
        authority: String,
        /// The block.
        height: Height,
        /// What is wrong with it.
        reason: BlockError,
    },
    /// A block that no quorum vouches for.
    #[error("{authority}: nobody vouches for block {height}: {reason}")]
    Certificate {
        /// Whose ledger it is.
        authority: String,
        /// The block.
        height: Height,
        /// What is wrong with its certificate.
        reason: NotVouched,
    },
    /// Two authorities have different blocks at one height.
    #[error("{authority} has {block} at height {height}, {other} has {other_block}")]
    Differ {
        /// The height.
        height: Height,
        /// One authority.
        authority: String,
        /// Its block.
        block: BlockHash,
        /// Another authority.
        other: String,
        /// Its block.
        other_block: BlockHash,
    },
    /// An authority's state is of a block that its ledger does not have.
    #[error("{authority} has the state of block {state}, and blocks up to {ledger} only")]
    StateAhead {
        /// Whose state it is.
        authority: String,
        /// Height of the state.
        state: Height,
        /// Height of the ledger.
        ledger: Height,
    },
    /// An authority has made another state of the blocks than the headers say.
    #[error("{authority} has state {state} at height {height}, the block says {block}")]
    StateRoot {
        /// Whose state it is.
        authority: String,
        /// The height.
        height: Height,
        /// Root of its state.
        state: Digest,
        /// Root in the header.
        block: Digest,
    },
    /// Blocks that the rules of the ledger refuse.
    #[error("{authority}: block {height} breaks the ledger's rules: {reason}")]
    Rules {
        /// Whose ledger it is.
        authority: String,
        /// The block.
        height: Height,
        /// Which rule.
        reason: ApplyError,
    },
    /// An authority counts other votes than the entries give.
    #[error(
        "{authority} counts {actual} votes of {actual_voters} voters in election {election} at height {height}, the entries give {expected} of {expected_voters}, or others"
    )]
    Tally {
        /// Whose count it is.
        authority: String,
        /// The election.
        election: ElectionId,
        /// After this block.
        height: Height,
        /// Ballots as it counts them.
        actual: u64,
        /// Voters as it counts them.
        actual_voters: u64,
        /// Ballots in the entries.
        expected: u64,
        /// Voters in the entries.
        expected_voters: u64,
    },
}

/// Why a block is not vouched for.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NotVouched {
    /// Neither it nor a later block has a certificate.
    #[error("there is no certificate")]
    Missing,
    /// The certificate speaks of something else.
    #[error("the certificate speaks of something else")]
    OfAnother,
    /// The certificate does not hold.
    #[error(transparent)]
    Invalid(#[from] CertificateError),
}

fn at(position: &Position) -> String {
    format!("block {}, entry {}", position.height, position.index)
}
