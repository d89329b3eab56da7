//! Why a sealed ballot is refused.

use std::fmt;

use thiserror::Error;

use super::group::PointError;

/// A part of a ballot's contest that has a proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// The option at this place, from 0; blank comes after the options.
    Option(u16),
    /// The limit on the whole.
    Limit,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Option(option) => write!(f, "option {option}"),
            Self::Limit => f.write_str("the limit"),
        }
    }
}

/// The first thing wrong with a sealed ballot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BallotRefusal {
    /// H_E is another: other definition, chain, key, trustees, roll or authorities.
    #[error("the ballot was made for another election or another version of it")]
    Election,
    /// A contest missing or too many.
    #[error("the ballot answers {actual} contests, the election has {expected}")]
    Contests {
        /// Contests on the ballot.
        actual: usize,
        /// Contests in the election.
        expected: usize,
    },
    /// A contest answered in clear.
    #[error("contest {contest} is not sealed")]
    Open {
        /// Which contest.
        contest: u16,
    },
    /// A ciphertext missing or too many.
    #[error("contest {contest} has {actual} ciphertexts, not {expected}")]
    Options {
        /// Which contest.
        contest: u16,
        /// Ciphertexts on the ballot.
        actual: usize,
        /// Options of the contest, blank included.
        expected: usize,
    },
    /// A proof of another form: branches missing or too many, a limit where there is none, none where there is one.
    #[error("contest {contest}, {part}: the proof does not have the form that the contest demands")]
    Form {
        /// Which contest.
        contest: u16,
        /// Which part.
        part: Part,
    },
    /// A point that is none, or the identity as part of a ciphertext.
    #[error("contest {contest}, {part}: {reason}")]
    Point {
        /// Which contest.
        contest: u16,
        /// Which part.
        part: Part,
        /// What is wrong with it.
        reason: PointError,
    },
    /// The proof does not hold: the option is out of range, the limit is not kept, or the proof was made for something else.
    #[error("contest {contest}, {part}: the proof does not hold")]
    Proof {
        /// Which contest.
        contest: u16,
        /// Which part.
        part: Part,
    },
}

impl BallotRefusal {
    /// A stable code for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Election => "sealed_election",
            Self::Contests { .. } => "sealed_contests",
            Self::Open { .. } => "sealed_open",
            Self::Options { .. } => "sealed_options",
            Self::Form { .. } => "sealed_form",
            Self::Point { reason, .. } => reason.code(),
            Self::Proof { part: Part::Option(_), .. } => "sealed_range",
            Self::Proof { part: Part::Limit, .. } => "sealed_limit",
        }
    }
}
