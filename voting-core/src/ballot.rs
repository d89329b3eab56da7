//! A voter's ballot: choices bound to one election, one key and one sequence number, and signed.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::codec::Canonical;
use crate::crypto::{PublicKey, Signature, SigningKey};
use crate::election::{BallotForm, Contest, ElectionDefinition, MAX_CONTESTS};
use crate::ids::{BallotHash, Digest, ElectionId};
use crate::ranking::Ranking;
use crate::sealed::SealedSelection;

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
    /// Options and their scores, options strictly ascending; options left out have the score 0.
    Scores(Vec<(u16, u16)>),
    /// Options ranked, at least one.
    Ranking(Ranking),
    /// What nobody can read, in a sealed election.
    Sealed(SealedSelection),
}

impl Selection {
    /// Whether a contest accepts this selection.
    ///
    /// # Errors
    /// [`SelectionError`] naming the rule broken.
    pub fn check(&self, contest: &Contest) -> Result<(), SelectionError> {
        let form = contest.method.form();
        let named: Vec<u16> = match (self, form) {
            (Self::Blank, _) if contest.allow_blank => return Ok(()),
            (Self::Blank, _) => return Err(SelectionError::Blank),
            (Self::Marks(marks), BallotForm::Marks) => marks.clone(),
            (Self::Scores(scores), BallotForm::Scores) => {
                if let Some((option, score)) = scores.iter().find(|(_, score)| *score > contest.max_score) {
                    return Err(SelectionError::Score { option: *option, score: *score, max: contest.max_score });
                }
                scores.iter().map(|(option, _)| *option).collect()
            }
            (Self::Ranking(ranking), BallotForm::Ranking) => ranked(ranking, contest)?,
            (Self::Sealed(_), _) => return Err(SelectionError::Sealed),
            _ => return Err(SelectionError::Form { expected: form }),
        };
        if named.windows(2).any(|pair| pair[0] >= pair[1]) {
            return Err(SelectionError::Order);
        }
        if let Some(option) = named.iter().find(|option| usize::from(**option) >= contest.options.len()) {
            return Err(SelectionError::UnknownOption { option: *option, options: contest.options.len() });
        }
        if let Some(option) = named.iter().find(|option| contest.withdrawn.contains(option)) {
            return Err(SelectionError::Withdrawn { option: *option });
        }
        if named.len() > usize::from(contest.max) {
            return Err(SelectionError::Overvote { marks: named.len(), max: contest.max });
        }
        if named.len() < usize::from(contest.min) {
            return Err(SelectionError::Undervote { marks: named.len(), min: contest.min });
        }
        Ok(())
    }
}

/// The options of a ranking, ascending, if its form is one that the contest takes.
fn ranked(ranking: &Ranking, contest: &Contest) -> Result<Vec<u16>, SelectionError> {
    if !ranking.is_well_formed() {
        return Err(SelectionError::Order);
    }
    if ranking.has_gaps() {
        return Err(SelectionError::SkippedRank);
    }
    if ranking.has_equals() && !contest.method.takes_equal_ranks() {
        return Err(SelectionError::EqualRanks);
    }
    let mut named: Vec<u16> = ranking.options().collect();
    named.sort_unstable();
    match named.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(SelectionError::RankedTwice { option: pair[0] }),
        None => Ok(named),
    }
}

/// Why a contest does not accept a selection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SelectionError {
    /// Blank where that is not allowed.
    #[error("this contest may not be left blank")]
    Blank,
    /// Marks, where scores or a ranking are asked for, or the other way round.
    #[error("this contest asks for {expected}")]
    Form {
        /// What a voter does here.
        expected: BallotForm,
    },
    /// Sealed, where ballots are open.
    #[error("this election takes open ballots, not sealed ones")]
    Sealed,
    /// Options repeated or out of order.
    #[error("options must be in ascending order, each at most once; in a ranking, within each rank")]
    Order,
    /// An option ranked twice.
    #[error("option {option} is ranked twice")]
    RankedTwice {
        /// The option.
        option: u16,
    },
    /// A rank that nobody is given.
    #[error("a rank is skipped")]
    SkippedRank,
    /// Two options at one rank where each needs its own.
    #[error("two options share a rank; this contest needs one option at each")]
    EqualRanks,
    /// A score above the highest.
    #[error("option {option} is given the score {score}, the highest is {max}")]
    Score {
        /// The option.
        option: u16,
        /// Its score.
        score: u16,
        /// The highest score.
        max: u16,
    },
    /// An option that can no longer be elected.
    #[error("option {option} has withdrawn")]
    Withdrawn {
        /// The option.
        option: u16,
    },
    /// No such option.
    #[error("option {option} does not exist: the contest has {options} options, counted from 0")]
    UnknownOption {
        /// The place marked.
        option: u16,
        /// Options there are.
        options: usize,
    },
    /// Too many marks.
    #[error("{marks} options are named, at most {max} may be")]
    Overvote {
        /// Marks made.
        marks: usize,
        /// Marks allowed.
        max: u16,
    },
    /// Too few marks.
    #[error("{marks} options are named, at least {min} must be")]
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
