//! A voter's ballot: choices bound to one election, one key and one sequence number, and signed.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::codec::Canonical;
use crate::crypto::{PublicKey, Signature, SigningKey};
use crate::election::{Contest, CountMethodId, ElectionDefinition, MAX_CONTESTS};
use crate::ids::{BallotHash, Digest, ElectionId};

/// Largest signed ballot in canonical bytes: 50 contests with some 600 marks each.
pub const MAX_BALLOT_BYTES: usize = 60 * 1024;

/// What a voter says in one contest.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Selection {
    /// Nothing, on purpose.
    Blank,
    /// Options marked, by place, strictly ascending, at least one.
    Marks(Vec<u16>),
}

impl Selection {
    /// Whether a contest accepts this selection.
    ///
    /// # Errors
    /// [`SelectionError`] naming the rule broken.
    pub fn check(&self, contest: &Contest) -> Result<(), SelectionError> {
        let marks = match self {
            Self::Blank if contest.allow_blank => return Ok(()),
            Self::Blank => return Err(SelectionError::Blank),
            Self::Marks(marks) => marks,
        };
        match contest.method {
            CountMethodId::Plurality | CountMethodId::Approval => {}
        }
        if marks.windows(2).any(|pair| pair[0] >= pair[1]) {
            return Err(SelectionError::Order);
        }
        if let Some(option) = marks.iter().find(|mark| usize::from(**mark) >= contest.options.len()) {
            return Err(SelectionError::UnknownOption { option: *option, options: contest.options.len() });
        }
        if marks.len() > usize::from(contest.max) {
            return Err(SelectionError::Overvote { marks: marks.len(), max: contest.max });
        }
        if marks.len() < usize::from(contest.min) {
            return Err(SelectionError::Undervote { marks: marks.len(), min: contest.min });
        }
        Ok(())
    }
}

/// Why a contest does not accept a selection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SelectionError {
    /// Blank where that is not allowed.
    #[error("this contest may not be left blank")]
    Blank,
    /// Marks repeated or out of order.
    #[error("marks must be in ascending order, each option at most once")]
    Order,
    /// No such option.
    #[error("option {option} does not exist: the contest has {options} options, counted from 0")]
    UnknownOption {
        /// The place marked.
        option: u16,
        /// Options there are.
        options: usize,
    },
    /// Too many marks.
    #[error("{marks} options are marked, at most {max} may be")]
    Overvote {
        /// Marks made.
        marks: usize,
        /// Marks allowed.
        max: u16,
    },
    /// Too few marks.
    #[error("{marks} options are marked, at least {min} must be")]
    Undervote {
        /// Marks made.
        marks: usize,
        /// Marks needed.
        min: u16,
    },
}

/// The content of a ballot: what is signed.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Ballot {
    /// The election.
    pub election: ElectionId,
    /// [`ElectionDefinition::context`]: this ballot means nothing under another definition or chain.
    pub context: Digest,
    /// The key certified for this voter in this election.
    pub voter: PublicKey,
    /// 1 for the first ballot; higher for each that replaces an earlier one.
    pub sequence: u32,
    /// One selection per contest, in the order of the definition.
    pub selections: Vec<Selection>,
}

impl Canonical for Ballot {
    const TAG: &'static str = "voting/ballot/v1";
    const MAX_BYTES: usize = MAX_BALLOT_BYTES;
}

impl Ballot {
    /// The ballot's identity: the hash of what is signed. Two signatures on the same content are
    /// the same ballot.
    #[must_use]
    pub fn hash(&self) -> BallotHash {
        BallotHash(self.digest().0)
    }

    /// Signs the ballot with the voter's key.
    #[must_use]
    pub fn sign(self, key: &SigningKey) -> SignedBallot {
        let signature = key.sign(&self.to_tagged());
        SignedBallot { ballot: self, signature }
    }

    /// Checks every selection against its contest.
    ///
    /// # Errors
    /// [`BallotError`] naming the contest and the rule broken.
    pub fn check_selections(&self, definition: &ElectionDefinition) -> Result<(), BallotError> {
        if self.selections.len() != definition.contests.len() || self.selections.len() > MAX_CONTESTS {
            return Err(BallotError::Contests { actual: self.selections.len(), expected: definition.contests.len() });
        }
        for (contest, (selection, rules)) in self.selections.iter().zip(&definition.contests).enumerate() {
            selection.check(rules).map_err(|reason| BallotError::Selection { contest, reason })?;
        }
        Ok(())
    }
}

/// Why a ballot's content is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BallotError {
    /// A selection missing or too many.
    #[error("the ballot answers {actual} contests, the election has {expected}")]
    Contests {
        /// Selections on the ballot.
        actual: usize,
        /// Contests in the election.
        expected: usize,
    },
    /// A selection breaks its contest's rules.
    #[error("contest {contest}: {reason}")]
    Selection {
        /// Which contest, from 0.
        contest: usize,
        /// The rule.
        reason: SelectionError,
    },
}

/// A ballot as it travels: content and signature.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct SignedBallot {
    /// The content.
    pub ballot: Ballot,
    /// The voter's signature over the tagged content.
    pub signature: Signature,
}

impl Canonical for SignedBallot {
    const TAG: &'static str = "voting/signed-ballot/v1";
    const MAX_BYTES: usize = MAX_BALLOT_BYTES + 64;
}

impl SignedBallot {
    /// The ballot's identity.
    #[must_use]
    pub fn hash(&self) -> BallotHash {
        self.ballot.hash()
    }

    /// Whether the voter's key made this signature, under the strict rule.
    #[must_use]
    pub fn verify(&self) -> bool {
        self.ballot.voter.verify(&self.ballot.to_tagged(), &self.signature)
    }
}
