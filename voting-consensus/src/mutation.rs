//! Defects put in on purpose, one line each at the place of the rule, to see whether the simulator notices them.
//!
//! Only tests can switch one on: without the feature `mutations` [`EngineConfig::mutated`] is a constant.
//!
//! [`EngineConfig::mutated`]: crate::EngineConfig
#![cfg_attr(not(feature = "sim"), allow(dead_code, unreachable_pub, reason = "hosts other than the simulator have no use for it"))]

/// A rule that is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Mutation {
    /// The disk reports writes as durable that a crash then loses.
    FsyncDropped,
    /// An authority that finalized in a view may skip it.
    SkipAfterFinalize,
    /// A block is taken although views between its parent's and its own have no Skip certificate.
    GapsIgnored,
    /// Three of five are a quorum, and one of the five lies as twins.
    QuorumTooSmall,
    /// Blocks are built and judged without regard to entries of unfinalized ancestors.
    AncestorsForgotten,
    /// An authority that skipped a view may finalize in it.
    FinalizeAfterSkip,
    /// A quorum is one vote less than the epoch says.
    QuorumOffByOne,
    /// A certificate may count the same authority twice.
    VotesCountedTwice,
    /// Votes are counted without a look at their signature.
    SignatureUnchecked,
    /// Certificates are believed without a look at their signatures.
    CertificateUnchecked,
    /// Certificates of the epoch before this one are taken for this one's.
    EpochIgnored,
    /// A block is taken whether or not its parent is notarized.
    ParentUnchecked,
    /// Whoever proposes is taken for the leader.
    LeaderUnchecked,
    /// A block that the host found invalid is voted for.
    InvalidNotarized,
    /// A block is voted for whatever its time.
    TimeUnchecked,
    /// Blocks of a catch-up are believed without a look at their certificates.
    CatchUpUnverified,
    /// Timers that ran once are never started again.
    TimerNeverRearmed,
    /// At a standstill nothing is said again.
    StandstillSilent,
    /// Recovery forgets own Notarize votes.
    ReplayForgetsNotarize,
    /// Recovery forgets own Skip votes.
    ReplayForgetsSkip,
    /// Recovery forgets own Finalize votes and the certificates that they rest on; either alone keeps it from skipping.
    ReplayForgetsFinalize,
    /// Finalize votes are sent without being written down.
    FinalizeUnwritten,
    /// Blocks are voted for without being written down.
    PayloadUnwritten,
    /// The journal is pruned one view too far.
    PrunedTooFar,
    /// An authority that skips a view after it notarized is accused.
    InnocentAccused,
    /// Votes are kept however far ahead they are.
    VotesUnbounded,
    /// An authority that has lost its journal votes at once.
    LearnerVotesAtOnce,
    /// An epoch goes on after its last block.
    EpochGoesOn,
    /// What stands above the last block of an epoch is made final too.
    TailFinal,
    /// Recovery takes the records of other epochs for this one's.
    ReplayMixesEpochs,
    /// A wish to lead holds in the next epoch as well.
    PreferenceOutlivesEpoch,
    /// Nobody who states to be further is asked for blocks.
    FurtherUnasked,
}

impl Mutation {
    /// All of them, in order.
    pub const ALL: [Self; 32] = [
        Self::FsyncDropped,
        Self::SkipAfterFinalize,
        Self::GapsIgnored,
        Self::QuorumTooSmall,
        Self::AncestorsForgotten,
        Self::FinalizeAfterSkip,
        Self::QuorumOffByOne,
        Self::VotesCountedTwice,
        Self::SignatureUnchecked,
        Self::CertificateUnchecked,
        Self::EpochIgnored,
        Self::ParentUnchecked,
        Self::LeaderUnchecked,
        Self::InvalidNotarized,
        Self::TimeUnchecked,
        Self::CatchUpUnverified,
        Self::TimerNeverRearmed,
        Self::StandstillSilent,
        Self::ReplayForgetsNotarize,
        Self::ReplayForgetsSkip,
        Self::ReplayForgetsFinalize,
        Self::FinalizeUnwritten,
        Self::PayloadUnwritten,
        Self::PrunedTooFar,
        Self::InnocentAccused,
        Self::VotesUnbounded,
        Self::LearnerVotesAtOnce,
        Self::EpochGoesOn,
        Self::TailFinal,
        Self::ReplayMixesEpochs,
        Self::PreferenceOutlivesEpoch,
        Self::FurtherUnasked,
    ];
}
