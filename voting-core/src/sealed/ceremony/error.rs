//! Why a ceremony refuses.

use thiserror::Error;

use super::state::CeremonyPhase;
use crate::crypto::KeyError;
use crate::sealed::group::PointError;
use crate::sealed::params::ParametersError;

/// Why a ceremony cannot begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SetupError {
    /// t and n make no sense.
    #[error(transparent)]
    Parameters(#[from] ParametersError),
    /// Not as many keys as trustees.
    #[error("{actual} keys for {expected} trustees")]
    Trustees {
        /// Keys given.
        actual: usize,
        /// n.
        expected: u16,
    },
    /// A key that cannot be used.
    #[error("the key of trustee {index}: {reason}")]
    Key {
        /// The trustee.
        index: u16,
        /// What is wrong with it.
        reason: KeyError,
    },
    /// One key twice.
    #[error("the key of trustee {index} is given twice")]
    SameKey {
        /// One of the trustees with this key.
        index: u16,
    },
}

/// Why a message was refused, or a phase could not be closed. Names the culprit, if there is one.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CeremonyRefusal {
    /// Made for another ceremony.
    #[error("the message belongs to another ceremony")]
    OtherCeremony,
    /// No such trustee.
    #[error("there is no trustee {trustee}")]
    UnknownTrustee {
        /// As it says.
        trustee: u16,
    },
    /// Not signed by the trustee's key.
    #[error("the message is not signed by trustee {trustee}")]
    Signature {
        /// Whom it claims to be from.
        trustee: u16,
    },
    /// From a trustee that was left out earlier.
    #[error("trustee {trustee} no longer takes part")]
    Excluded {
        /// The trustee.
        trustee: u16,
    },
    /// Too early, or too late.
    #[error("trustee {trustee}: this is not the time, the ceremony is at: {phase}")]
    Phase {
        /// The trustee.
        trustee: u16,
        /// Where the ceremony stands.
        phase: CeremonyPhase,
    },
    /// A second message of one kind.
    #[error("trustee {trustee} has done this already")]
    Twice {
        /// The trustee.
        trustee: u16,
    },
    /// What is revealed is not what was committed to.
    #[error("trustee {trustee} reveals something else than it committed to")]
    Commitment {
        /// The culprit.
        trustee: u16,
    },
    /// Not as many coefficients as the threshold.
    #[error("trustee {trustee} reveals {actual} coefficients, not {expected}")]
    Coefficients {
        /// The culprit.
        trustee: u16,
        /// Coefficients given.
        actual: usize,
        /// t.
        expected: u16,
    },
    /// A point that is none, or the identity.
    #[error("trustee {trustee}: a point is {reason}")]
    Point {
        /// The culprit.
        trustee: u16,
        /// What is wrong with it.
        reason: PointError,
    },
    /// A proof of knowledge does not hold.
    #[error("trustee {trustee} does not prove that it knows {}", coefficient.map_or("its transport key".to_owned(), |j| format!("coefficient {j}")))]
    Proof {
        /// The culprit.
        trustee: u16,
        /// Which coefficient, from 0; none: the transport key.
        coefficient: Option<u16>,
    },
    /// Shares for other trustees than those that take part.
    #[error("trustee {trustee} does not deal one share to each of the others")]
    Recipients {
        /// The culprit.
        trustee: u16,
    },
    /// Complaints about nobody, oneself, or out of order.
    #[error("trustee {trustee} complains of dealers that are not there")]
    Complaints {
        /// The culprit.
        trustee: u16,
    },
    /// Shows shares that were not asked for, or not all that were.
    #[error("trustee {trustee} does not open the shares complained about, all of them and no others")]
    Openings {
        /// The culprit.
        trustee: u16,
    },
    /// The share shown does not fit the commitments.
    #[error("the share of trustee {trustee} for trustee {recipient} does not fit its commitments")]
    Share {
        /// The culprit: the dealer.
        trustee: u16,
        /// Whose share it is.
        recipient: u16,
    },
    /// Signs another transcript.
    #[error("trustee {trustee} signs another transcript")]
    Transcript {
        /// The culprit.
        trustee: u16,
    },
    /// Too few are left.
    #[error("{left} trustees are left, {needed} are needed")]
    TooFew {
        /// Those left.
        left: usize,
        /// t.
        needed: u16,
    },
    /// Not all have signed.
    #[error("the transcript is not signed by the trustees {missing:?}")]
    Unsigned {
        /// Those missing.
        missing: Vec<u16>,
    },
    /// The key is the identity: with honest trustees, as likely as guessing it.
    #[error("the coefficients add up to nothing")]
    NoKey,
}

impl CeremonyRefusal {
    /// A stable code for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::OtherCeremony => "ceremony_other",
            Self::UnknownTrustee { .. } => "ceremony_trustee",
            Self::Signature { .. } => "ceremony_signature",
            Self::Excluded { .. } => "ceremony_excluded",
            Self::Phase { .. } => "ceremony_phase",
            Self::Twice { .. } => "ceremony_twice",
            Self::Commitment { .. } => "ceremony_commitment",
            Self::Coefficients { .. } => "ceremony_coefficients",
            Self::Point { reason, .. } => reason.code(),
            Self::Proof { .. } => "ceremony_proof",
            Self::Recipients { .. } => "ceremony_recipients",
            Self::Complaints { .. } => "ceremony_complaints",
            Self::Openings { .. } => "ceremony_openings",
            Self::Share { .. } => "ceremony_share",
            Self::Transcript { .. } => "ceremony_transcript",
            Self::TooFew { .. } => "ceremony_too_few",
            Self::Unsigned { .. } => "ceremony_unsigned",
            Self::NoKey => "ceremony_no_key",
        }
    }

    /// Whose fault it is, where it is one trustee's.
    #[must_use]
    pub const fn culprit(&self) -> Option<u16> {
        match self {
            Self::OtherCeremony | Self::TooFew { .. } | Self::Unsigned { .. } | Self::NoKey => None,
            Self::UnknownTrustee { trustee }
            | Self::Signature { trustee }
            | Self::Excluded { trustee }
            | Self::Phase { trustee, .. }
            | Self::Twice { trustee }
            | Self::Commitment { trustee }
            | Self::Coefficients { trustee, .. }
            | Self::Point { trustee, .. }
            | Self::Proof { trustee, .. }
            | Self::Recipients { trustee }
            | Self::Complaints { trustee }
            | Self::Openings { trustee }
            | Self::Share { trustee, .. }
            | Self::Transcript { trustee } => Some(*trustee),
        }
    }
}

/// Why a trustee cannot do its part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DealerError {
    /// The setup is not usable.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// The signing key is none of the setup's.
    #[error("this key is none of the trustees'")]
    NotATrustee,
    /// The state is one of another ceremony.
    #[error("this is another ceremony")]
    OtherCeremony,
    /// Not now.
    #[error("this is not the time, the ceremony is at: {0}")]
    Phase(CeremonyPhase),
    /// This trustee has been left out.
    #[error("this trustee no longer takes part")]
    Excluded,
    /// A dealer's share fits neither the commitments, nor was it opened: nothing to sign.
    #[error("the share of trustee {dealer} does not fit its commitments")]
    Share {
        /// The dealer.
        dealer: u16,
    },
}
