//! Why the state machine refuses an entry.

use thiserror::Error;

use crate::ballot::BallotError;
use crate::crypto::{KeyError, PublicKey};
use crate::election::{DefinitionError, Phase};
use crate::epoch::EpochError;
use crate::ids::{AuthorityIndex, BallotHash, Digest, ElectionId, Pseudonym};
use crate::preference::MAX_PREFERRED_VIEWS;
use crate::sealed::ceremony::{CeremonyPhase, CeremonyRefusal};
use crate::sealed::{BallotRefusal, DecryptionError, OpeningError, PartialRefusal, Point, SealedElectionError, SumError};
use crate::state::Position;
use crate::state::sealed::MAX_CHALLENGES;
use crate::tally::TallyError;
use crate::text::TextError;
use crate::time::Timestamp;

/// Why an entry cannot be applied to a state.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Refusal {
    /// No such election.
    #[error("there is no election {election}")]
    UnknownElection {
        /// The id given.
        election: ElectionId,
    },
    /// The chain has no room for another election.
    #[error("this chain holds as many elections as it can")]
    TooManyElections,
    /// The signer is not among the officers of the genesis.
    #[error("{key} is not the key of an officer")]
    NotAnOfficer {
        /// The signer.
        key: PublicKey,
    },
    /// Another act came first, or this one was applied before.
    #[error("the act has sequence number {actual}, the next one is {expected}: another act came first")]
    ActSequence {
        /// Number given.
        actual: u32,
        /// Number that follows.
        expected: u32,
    },
    /// Not possible in the election's phase.
    #[error("the election is {phase}; {action} is not possible")]
    Phase {
        /// Where the election stands.
        phase: Phase,
        /// What was tried.
        action: &'static str,
    },
    /// Before the time that the definition fixes.
    #[error("{action} is not possible before {not_before}; the block's time is {now}")]
    TooEarly {
        /// What was tried.
        action: &'static str,
        /// The time fixed.
        not_before: Timestamp,
        /// Time of the block.
        now: Timestamp,
    },
    /// The definition breaks a rule.
    #[error("the definition is not acceptable: {0}")]
    Definition(#[from] DefinitionError),
    /// The definition's id is not the election acted on.
    #[error("the definition has another id than the election acted on")]
    DefinitionId,
    /// The election cannot be made ready without voters.
    #[error("the roll is empty: state how many voters are entitled first")]
    EmptyRoll,
    /// Fewer voters than are certified already.
    #[error("the roll cannot shrink to {size}: {certified} voters are certified already")]
    RollBelowCertified {
        /// Size asked for.
        size: u64,
        /// Voters certified.
        certified: u64,
    },
    /// More voters than entitled.
    #[error("the roll has {size} voters; certifying more is not possible")]
    RollFull {
        /// Entitled voters.
        size: u64,
    },
    /// Those certified when the roll was frozen are all who may vote.
    #[error("the roll is frozen: nobody can be added or certified any more")]
    RollFrozen,
    /// The report stated is not what the ledger's own count gives.
    #[error("the report's digest is {actual}, counting the ledger gives {expected}")]
    Report {
        /// Digest stated.
        actual: Digest,
        /// Digest computed.
        expected: Digest,
    },
    /// The close is not final yet as far as this block knows.
    #[error("the count can be stated from the block after the close on")]
    ClosedInThisBlock,
    /// The reason of a cancellation breaks a rule.
    #[error("the reason {0}")]
    Reason(TextError),
    /// Signed by someone other than the election's registrar.
    #[error("{key} is not the key of this election's registrar")]
    NotTheRegistrar {
        /// The signer.
        key: PublicKey,
    },
    /// A certification of nobody, or of too many.
    #[error("a certification names between 1 and {max} voters, not {actual}")]
    CertificationSize {
        /// Voters named.
        actual: usize,
        /// Most allowed.
        max: usize,
    },
    /// The voter has a key already.
    #[error("the voter {voter} has a certified key already")]
    AlreadyCertified {
        /// The voter.
        voter: Pseudonym,
    },
    /// The key belongs to another voter.
    #[error("the key {key} is certified for another voter")]
    KeyInUse {
        /// The key.
        key: PublicKey,
    },
    /// The key cannot be used.
    #[error("the key of voter {voter}: {reason}")]
    Key {
        /// The voter.
        voter: Pseudonym,
        /// What is wrong with it.
        reason: KeyError,
    },
    /// A weight of zero or too large.
    #[error("the weight of voter {voter} is {weight}, it must be between 1 and {max}")]
    Weight {
        /// The voter.
        voter: Pseudonym,
        /// Weight given.
        weight: u64,
        /// Largest allowed.
        max: u64,
    },
    /// The voter's ballots belong to another chain of the network.
    #[error("the voter {voter} belongs to another partition")]
    OtherPartition {
        /// The voter.
        voter: Pseudonym,
    },
    /// The signing key is not certified for this election.
    #[error("the key {key} is not certified for this election")]
    NotCertified {
        /// The signer.
        key: PublicKey,
    },
    /// Made for another definition, chain or network.
    #[error("the ballot was made for another election or another version of it")]
    Context,
    /// The ballot breaks the rules of a contest.
    #[error(transparent)]
    Ballot(#[from] BallotError),
    /// The first ballot counts, and there is one.
    #[error("this voter's ballot was recorded at {at}; the first ballot counts")]
    AlreadyVoted {
        /// The ballot that counts.
        ballot: BallotHash,
        /// When it was recorded.
        at: Timestamp,
        /// Where it stands.
        position: Position,
    },
    /// The very same ballot is in the ledger.
    #[error("this ballot was recorded before")]
    Duplicate {
        /// Where it stands.
        position: Position,
    },
    /// A ballot that replaces another needs a higher sequence number.
    #[error("the ballot's sequence number {actual} must be higher than {last}, the one of the ballot recorded at {at}")]
    BallotSequence {
        /// Number given; the first ballot may have any from 1 on.
        actual: u32,
        /// Number of the last ballot.
        last: u32,
        /// When that one was recorded.
        at: Timestamp,
    },
    /// Sequence numbers start at 1.
    #[error("a ballot's sequence number starts at 1")]
    ZeroSequence,
    /// The count cannot take another ballot.
    #[error(transparent)]
    Tally(#[from] TallyError),
    /// The leader policy of the network is another one.
    #[error("leaders are not elected in this network")]
    LeadersNotElected,
    /// The signer is no authority.
    #[error("{key} is not the key of an authority")]
    NotAnAuthority {
        /// The signer.
        key: PublicKey,
    },
    /// Another preference came first, or this one was applied before.
    #[error("the wish to lead has term {actual}, the next one is {expected}: another came first")]
    PreferenceTerm {
        /// Number given.
        actual: u32,
        /// Number that follows.
        expected: u32,
    },
    /// For no view, or for too many.
    #[error("a preference lasts between 1 and {MAX_PREFERRED_VIEWS} views, not {actual}")]
    PreferredViews {
        /// Number given.
        actual: u32,
    },
    /// Too short a time after the one before.
    #[error("the next leader may be preferred after a block of {not_before} or later; the last one is of {now}")]
    PreferredTooSoon {
        /// When the next preference is possible.
        not_before: Timestamp,
        /// Time of the block before.
        now: Timestamp,
    },
    /// A change to another epoch than the next.
    #[error("the change leads to epoch {actual}, the next one is {expected}")]
    EpochNumber {
        /// Number given.
        actual: u32,
        /// Number that follows.
        expected: u32,
    },
    /// The next epoch breaks a rule.
    #[error("the epoch is not acceptable: {0}")]
    Epoch(EpochError),
    /// Fewer authorities than a quorum approve.
    #[error("{actual} authorities approve, the quorum is {quorum}")]
    Approvals {
        /// Approvals of authorities.
        actual: usize,
        /// Approvals needed.
        quorum: u16,
    },
    /// The chain has seen as many changes as it may.
    #[error("the authorities of this chain have changed as often as they can")]
    TooManyChanges,
    /// Evidence of an epoch that has not begun.
    #[error("there is no epoch {epoch} yet")]
    UnknownEpoch {
        /// Its number.
        epoch: u32,
    },
    /// That this authority contradicted itself in this epoch is known.
    #[error("that authority {authority} contradicted itself in epoch {epoch} stands in the ledger already")]
    AlreadyAccused {
        /// The accused.
        authority: AuthorityIndex,
        /// The epoch.
        epoch: u32,
    },
    /// Something that only sealed elections have.
    #[error("this election's ballots are open; it has no trustees and no seal")]
    NotSealed,
    /// The signer is not the trustee it acts for.
    #[error("{key} is not the key of the trustee it acts for")]
    NotATrustee {
        /// The signer.
        key: PublicKey,
    },
    /// The ceremony refuses a trustee's step.
    #[error("the key ceremony: {0}")]
    Ceremony(#[from] CeremonyRefusal),
    /// An election cannot be scheduled without its key.
    #[error("the key ceremony is not done: it is at its step `{phase}` and waits for trustees {missing:?}")]
    CeremonyUnfinished {
        /// Where the ceremony stands.
        phase: CeremonyPhase,
        /// The trustees it waits for, from 1.
        missing: Vec<u16>,
    },
    /// The key that came out of the ceremony cannot seal these contests.
    #[error(transparent)]
    SealedElection(SealedElectionError),
    /// Fewer voters than ballots needed for a result.
    #[error("the roll has {roll} voters, but trustees decrypt the sums of at least {min} ballots only")]
    RollBelowMinBallots {
        /// Voters entitled.
        roll: u64,
        /// Fewest ballots.
        min: u64,
    },
    /// Weights whose sums could not be found again.
    #[error("the voters' weights add up to {weight}; sums of sealed ballots can be decrypted up to a total weight of {most}")]
    SealedWeight {
        /// Sum of the weights.
        weight: u64,
        /// Largest sum.
        most: u64,
    },
    /// The seal of a ballot does not hold.
    #[error("the sealed ballot: {0}")]
    Sealed(BallotRefusal),
    /// The voter opened this very ballot.
    #[error("this ballot was opened to test its seal; it is void")]
    Voided {
        /// Where the challenge stands.
        position: Position,
    },
    /// Ciphertexts may come once.
    #[error(
        "the ciphertext {alpha} stands on the ledger already: sealed ballots cannot be copied, nor cast after they were opened"
    )]
    CiphertextSeen {
        /// Its first point.
        alpha: Point,
    },
    /// The opening does not open the ballot.
    #[error("the test of the seal: {0}")]
    Opening(OpeningError),
    /// The voter has opened enough.
    #[error("this voter has opened {MAX_CHALLENGES} ballots already, which is the most")]
    TooManyChallenges,
    /// The encrypted sums cannot take the ballot.
    #[error(transparent)]
    Sum(#[from] SumError),
    /// The trustee's part is not valid.
    #[error("the decryption: {0}")]
    Part(#[from] PartialRefusal),
    /// The sums cannot be decrypted.
    #[error("the decryption: {0}")]
    Decryption(#[from] DecryptionError),
    /// Enough trustees have decrypted.
    #[error("{threshold} trustees have decrypted already; no more parts are needed")]
    Decrypted {
        /// How many it takes.
        threshold: u16,
    },
    /// Too few trustees have decrypted.
    #[error("{valid} trustees have decrypted, {needed} are needed before there is anything to count")]
    NotDecrypted {
        /// Valid parts.
        valid: usize,
        /// Parts needed.
        needed: u16,
    },
    /// The epoch ends with this block: nothing stands after the change.
    #[error("the authorities change with this block; nothing can follow in it")]
    EpochEnds,
}

impl Refusal {
    /// Whether no later state of the same chain can accept the entry. What is not permanent may only
    /// have come too early: before its election, its certification or an earlier act was final.
    #[must_use]
    pub const fn is_permanent(&self) -> bool {
        match self {
            Self::UnknownElection { .. }
            | Self::TooEarly { .. }
            | Self::EmptyRoll
            | Self::RollFull { .. }
            | Self::ClosedInThisBlock
            | Self::NotTheRegistrar { .. }
            | Self::NotCertified { .. }
            | Self::Context
            | Self::Ballot(_)
            | Self::PreferredTooSoon { .. }
            | Self::EpochEnds
            | Self::UnknownEpoch { .. }
            | Self::NotSealed
            | Self::NotATrustee { .. }
            | Self::SealedWeight { .. }
            | Self::CeremonyUnfinished { .. }
            | Self::RollBelowMinBallots { .. }
            | Self::NotDecrypted { .. } => false,
            // A step that comes before those it builds on: the ceremony moves on when they are there.
            Self::Ceremony(CeremonyRefusal::Phase { .. } | CeremonyRefusal::OtherCeremony | CeremonyRefusal::TooFew { .. }) => {
                false
            }
            // An election never returns to a phase before it was scheduled.
            Self::Phase { phase, .. } => matches!(phase, Phase::Closed | Phase::Tallied | Phase::Published | Phase::Cancelled),
            Self::ActSequence { actual, expected }
            | Self::PreferenceTerm { actual, expected }
            | Self::EpochNumber { actual, expected } => *actual < *expected,
            _ => true,
        }
    }

    /// A stable code for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UnknownElection { .. } => "unknown_election",
            Self::TooManyElections => "too_many_elections",
            Self::NotAnOfficer { .. } => "not_an_officer",
            Self::ActSequence { .. } => "act_sequence",
            Self::Phase { .. } => "wrong_phase",
            Self::TooEarly { .. } => "too_early",
            Self::Definition(_) | Self::DefinitionId => "invalid_definition",
            Self::EmptyRoll => "empty_roll",
            Self::RollBelowCertified { .. } => "roll_below_certified",
            Self::RollFull { .. } => "roll_full",
            Self::RollFrozen => "roll_frozen",
            Self::Report { .. } => "wrong_report",
            Self::ClosedInThisBlock => "just_closed",
            Self::Reason(_) => "invalid_reason",
            Self::NotTheRegistrar { .. } => "not_the_registrar",
            Self::CertificationSize { .. } => "certification_size",
            Self::AlreadyCertified { .. } => "already_certified",
            Self::KeyInUse { .. } => "key_in_use",
            Self::Key { .. } => "invalid_key",
            Self::Weight { .. } => "invalid_weight",
            Self::OtherPartition { .. } => "other_partition",
            Self::NotCertified { .. } => "key_not_certified",
            Self::Context => "wrong_context",
            Self::Ballot(BallotError::Contests { .. }) => "wrong_contests",
            Self::Ballot(BallotError::Selection { reason, .. }) => match reason {
                crate::ballot::SelectionError::Blank => "blank_not_allowed",
                crate::ballot::SelectionError::Form { .. } => "wrong_form",
                crate::ballot::SelectionError::Sealed => "sealed_ballot",
                crate::ballot::SelectionError::Order => "marks_out_of_order",
                crate::ballot::SelectionError::RankedTwice { .. } => "ranked_twice",
                crate::ballot::SelectionError::SkippedRank => "rank_skipped",
                crate::ballot::SelectionError::EqualRanks => "ranks_shared",
                crate::ballot::SelectionError::Score { .. } => "score_too_high",
                crate::ballot::SelectionError::Withdrawn { .. } => "option_withdrawn",
                crate::ballot::SelectionError::UnknownOption { .. } => "unknown_option",
                crate::ballot::SelectionError::Overvote { .. } => "overvote",
                crate::ballot::SelectionError::Undervote { .. } => "undervote",
            },
            Self::AlreadyVoted { .. } => "already_voted",
            Self::Duplicate { .. } => "duplicate_ballot",
            Self::BallotSequence { .. } | Self::ZeroSequence => "stale_sequence",
            Self::Tally(_) => "tally_overflow",
            Self::LeadersNotElected => "leaders_not_elected",
            Self::NotAnAuthority { .. } => "not_an_authority",
            Self::PreferenceTerm { .. } => "preference_term",
            Self::PreferredViews { .. } => "preferred_views",
            Self::PreferredTooSoon { .. } => "preferred_too_soon",
            Self::EpochNumber { .. } => "epoch_number",
            Self::Epoch(_) => "invalid_epoch",
            Self::Approvals { .. } => "too_few_approvals",
            Self::TooManyChanges => "too_many_changes",
            Self::EpochEnds => "epoch_ends",
            Self::UnknownEpoch { .. } => "unknown_epoch",
            Self::AlreadyAccused { .. } => "already_accused",
            Self::NotSealed => "not_sealed",
            Self::NotATrustee { .. } => "not_a_trustee",
            Self::Ceremony(refusal) => refusal.code(),
            Self::CeremonyUnfinished { .. } => "ceremony_unfinished",
            Self::SealedElection(_) => "invalid_definition",
            Self::RollBelowMinBallots { .. } => "roll_below_min_ballots",
            Self::SealedWeight { .. } => "sealed_weight",
            Self::Sealed(refusal) => refusal.code(),
            Self::Voided { .. } => "ballot_voided",
            Self::CiphertextSeen { .. } => "ciphertext_seen",
            Self::Opening(error) => error.code(),
            Self::TooManyChallenges => "too_many_challenges",
            Self::Sum(_) => "tally_overflow",
            Self::Part(refusal) => refusal.code(),
            Self::Decryption(DecryptionError::GroupSize { .. }) => "too_few_ballots",
            Self::Decryption(_) => "decryption_failed",
            Self::Decrypted { .. } => "already_decrypted",
            Self::NotDecrypted { .. } => "not_decrypted",
        }
    }
}
