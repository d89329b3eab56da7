//! What an election is: its contests, its rules and its life cycle.

use std::fmt;

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::codec::Canonical;
use crate::crypto::{KeyError, PublicKey};
use crate::ids::{ChainId, Digest, ElectionId};
use crate::text::{TextError, check_line, check_paragraph};
use crate::time::Timestamp;

/// Longest title of an election, contest or option, in bytes of UTF-8.
pub const MAX_TITLE_BYTES: usize = 300;
/// Longest description, in bytes of UTF-8.
pub const MAX_DESCRIPTION_BYTES: usize = 4_000;
/// Contests on one ballot.
pub const MAX_CONTESTS: usize = 50;
/// Options in one contest.
pub const MAX_OPTIONS: usize = 1_000;
/// Largest weight of one voter: 10^8 voters of this weight still fit a `u64` tally.
pub const MAX_WEIGHT: u64 = 1_000_000_000;

/// How the ballots of a contest are counted. The rules are in [`crate::tally`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CountMethodId {
    /// Most votes win; a voter marks up to `max` options, usually one.
    Plurality,
    /// A voter marks every option they approve of; most approvals win.
    Approval,
}

/// One option of a contest: a candidate or an answer.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct ContestOption {
    /// Name as it stands on the ballot.
    pub name: String,
    /// Party, explanation, or nothing.
    pub description: String,
}

/// One question on the ballot.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Contest {
    /// The question.
    pub title: String,
    /// How it is counted.
    pub method: CountMethodId,
    /// Options to win, at least 1.
    pub seats: u16,
    /// Fewest options that a ballot which is not blank marks.
    pub min: u16,
    /// Most options a ballot marks.
    pub max: u16,
    /// Whether a ballot may leave this contest blank.
    pub allow_blank: bool,
    /// The options; ballots refer to them by place, from 0.
    pub options: Vec<ContestOption>,
}

/// Which of a voter's ballots counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RevoteRule {
    /// The first; any further ballot is refused.
    FirstCounts,
    /// The last; each further ballot replaces the one before and needs a higher sequence number.
    LastCounts,
}

/// Who decides when the election opens and closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Timing {
    /// The stated times: authorities refuse to open before `opens_at` and to close before `closes_at`.
    Fixed,
    /// An officer, at any time; the stated times are an announcement.
    Officer,
}

/// How ballots are kept from prying eyes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Secrecy {
    /// Choices stand in the ledger in clear, under a pseudonym.
    Open,
}

/// Who may see results before and after the close.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ResultVisibility {
    /// Those who voted, while it runs and after; everyone once it is published.
    Voters,
    /// Everyone, at any time.
    Public,
}

/// Everything about an election that voters rely on. Fixed when it is scheduled.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct ElectionDefinition {
    /// Random identity.
    pub id: ElectionId,
    /// Title.
    pub title: String,
    /// What it is about; may be empty.
    pub description: String,
    /// The questions.
    pub contests: Vec<Contest>,
    /// When voting opens.
    pub opens_at: Timestamp,
    /// When voting closes.
    pub closes_at: Timestamp,
    /// Whether those times bind.
    pub timing: Timing,
    /// Which of a voter's ballots counts.
    pub revote: RevoteRule,
    /// How ballots are kept.
    pub secrecy: Secrecy,
    /// Who may see results.
    pub results: ResultVisibility,
    /// Key that certifies voters' keys for this election.
    pub registrar: PublicKey,
    /// Who set it up, as shown to voters; never an e-mail address.
    pub created_by: String,
}

impl Canonical for ElectionDefinition {
    const TAG: &'static str = "voting/election/v1";
    const MAX_BYTES: usize = 60 * 1024;
}

impl ElectionDefinition {
    /// The digest that ballots are bound to: this definition in this chain and no other.
    #[must_use]
    pub fn context(&self, chain: ChainId) -> Digest {
        Digest::of_parts("voting/election-context/v1", &[&chain.0, &self.digest().0])
    }

    /// Checks that voters can use it.
    ///
    /// # Errors
    /// [`DefinitionError`] naming the first thing wrong.
    pub fn check(&self) -> Result<(), DefinitionError> {
        use DefinitionError as E;
        let text =
            |field: &str, result: Result<(), TextError>| result.map_err(|reason| E::Text { field: field.to_owned(), reason });
        text("title", check_line(&self.title, MAX_TITLE_BYTES))?;
        text("description", check_paragraph(&self.description, MAX_DESCRIPTION_BYTES))?;
        text("created_by", check_line(&self.created_by, MAX_TITLE_BYTES))?;
        if self.contests.is_empty() || self.contests.len() > MAX_CONTESTS {
            return Err(E::Contests { actual: self.contests.len() });
        }
        for (index, contest) in self.contests.iter().enumerate() {
            contest.check(index)?;
        }
        if self.opens_at >= self.closes_at || self.closes_at > Timestamp::MAX {
            return Err(E::Times { opens_at: self.opens_at, closes_at: self.closes_at });
        }
        self.registrar.check().map_err(E::Registrar)?;
        let actual = self.to_canonical().len();
        if actual > Self::MAX_BYTES {
            return Err(E::TooLong { actual });
        }
        Ok(())
    }
}

impl Contest {
    fn check(&self, index: usize) -> Result<(), DefinitionError> {
        use DefinitionError as E;
        let text = |field: String, result: Result<(), TextError>| result.map_err(|reason| E::Text { field, reason });
        text(format!("contests[{index}].title"), check_line(&self.title, MAX_TITLE_BYTES))?;
        if self.options.is_empty() || self.options.len() > MAX_OPTIONS {
            return Err(E::Options { contest: index, actual: self.options.len() });
        }
        for (at, option) in self.options.iter().enumerate() {
            text(format!("contests[{index}].options[{at}].name"), check_line(&option.name, MAX_TITLE_BYTES))?;
            text(
                format!("contests[{index}].options[{at}].description"),
                check_paragraph(&option.description, MAX_DESCRIPTION_BYTES),
            )?;
            if self.options[..at].iter().any(|other| other.name == option.name) {
                return Err(E::DuplicateOption { contest: index, name: option.name.clone() });
            }
        }
        let options = self.options.len();
        if self.min == 0 || self.min > self.max || usize::from(self.max) > options {
            return Err(E::Limits { contest: index, min: self.min, max: self.max, options });
        }
        if self.seats == 0 || usize::from(self.seats) > options {
            return Err(E::Seats { contest: index, seats: self.seats, options });
        }
        Ok(())
    }
}

/// What is wrong with a definition.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DefinitionError {
    /// A text breaks a rule.
    #[error("{field} {reason}")]
    Text {
        /// Which one.
        field: String,
        /// The rule.
        reason: TextError,
    },
    /// No contest, or too many.
    #[error("{actual} contests, there must be between 1 and {MAX_CONTESTS}")]
    Contests {
        /// Number given.
        actual: usize,
    },
    /// No option, or too many.
    #[error("contests[{contest}] has {actual} options, there must be between 1 and {MAX_OPTIONS}")]
    Options {
        /// Which contest, from 0.
        contest: usize,
        /// Number given.
        actual: usize,
    },
    /// Two options that voters cannot tell apart.
    #[error("contests[{contest}] has two options named `{name}`")]
    DuplicateOption {
        /// Which contest, from 0.
        contest: usize,
        /// The name.
        name: String,
    },
    /// Limits that no ballot could meet.
    #[error("contests[{contest}]: limits must satisfy 1 ≤ min ≤ max ≤ {options} options, got min {min} and max {max}")]
    Limits {
        /// Which contest, from 0.
        contest: usize,
        /// Fewest marks.
        min: u16,
        /// Most marks.
        max: u16,
        /// Options there are.
        options: usize,
    },
    /// More seats than options, or none.
    #[error("contests[{contest}]: seats must be between 1 and the number of options ({options}), got {seats}")]
    Seats {
        /// Which contest, from 0.
        contest: usize,
        /// Seats asked for.
        seats: u16,
        /// Options there are.
        options: usize,
    },
    /// Closes before it opens.
    #[error("the election must open before it closes: opens_at is {opens_at}, closes_at is {closes_at}")]
    Times {
        /// Opening.
        opens_at: Timestamp,
        /// Closing.
        closes_at: Timestamp,
    },
    /// An unusable registrar key.
    #[error("registrar: {0}")]
    Registrar(KeyError),
    /// Too many bytes in all.
    #[error("the whole definition takes {actual} bytes, at most {} are allowed", ElectionDefinition::MAX_BYTES)]
    TooLong {
        /// Canonical bytes.
        actual: usize,
    },
}

/// Where an election stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Being written; may be replaced.
    Draft,
    /// Complete, waiting to be scheduled; may go back to draft by being replaced.
    Ready,
    /// Announced: the definition is fixed.
    Scheduled,
    /// Ballots count.
    Open,
    /// No more ballots; not yet counted.
    Closed,
    /// The authorities agree on the count.
    Tallied,
    /// The result is public.
    Published,
    /// Ended without a result, for a stated reason.
    Cancelled,
}

impl Phase {
    /// The phase that normally follows.
    #[must_use]
    pub const fn next(self) -> Option<Self> {
        match self {
            Self::Draft => Some(Self::Ready),
            Self::Ready => Some(Self::Scheduled),
            Self::Scheduled => Some(Self::Open),
            Self::Open => Some(Self::Closed),
            Self::Closed => Some(Self::Tallied),
            Self::Tallied => Some(Self::Published),
            Self::Published | Self::Cancelled => None,
        }
    }

    /// Whether an election can be cancelled from here: any time before the count is certified.
    #[must_use]
    pub const fn can_cancel(self) -> bool {
        matches!(self, Self::Draft | Self::Ready | Self::Scheduled | Self::Open | Self::Closed)
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Draft => "draft",
            Self::Ready => "ready",
            Self::Scheduled => "scheduled",
            Self::Open => "open",
            Self::Closed => "closed",
            Self::Tallied => "tallied",
            Self::Published => "published",
            Self::Cancelled => "cancelled",
        })
    }
}
