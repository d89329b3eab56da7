//! What is encrypted in a contest, and what is proved about it.
//!
//! A contest of n options becomes n ciphertexts, and one more for blank where that is allowed. Option i holds m_i ∈ {0..R}
//! (withdrawn: {0..0}); blank holds b ∈ {0, 1}. The *limit* is a proof about one weighted sum:
//!
//! ```text
//! Σ m_i + L·b ∈ {min..L}
//! ```
//!
//! so that a blank ballot (b = 1) can name nothing else, and any other names between min and L. Where the ranges alone imply it
//! (no blank, min = 0, L ≥ n·R) there is no such proof.

use std::ops::RangeInclusive;

use thiserror::Error;
use zeroize::Zeroizing;

use super::ballot::{BRANCH_BYTES, MAX_SEALED_BALLOT_BYTES};
use crate::ballot::{Selection, SelectionError};
use crate::election::{BallotForm, Contest, MAX_CONTESTS, MAX_OPTIONS, MAX_SCORE};

/// Values that a limit may take: bounds the work of one proof.
pub const MAX_LIMIT_VALUES: u32 = 1_001;

/// The rules of one contest of a sealed election.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedContest {
    options: u16,
    max_value: u16,
    min: u32,
    max: u32,
    allow_blank: bool,
    withdrawn: Vec<u16>,
    form: BallotForm,
}

/// Why a contest cannot be sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum UnsealableContest {
    /// Rankings are not sums: no homomorphic tally exists for them.
    #[error("ballots with rankings cannot be sealed: rankings cannot be added up under encryption")]
    Ranking,
    /// A limit on how many options get a score cannot be proved on the sum of scores.
    #[error("a sealed contest of scores cannot limit how many options are scored")]
    ScoredOptions,
    /// Options, values or limits out of bounds.
    #[error("a sealed contest has 1 to {MAX_OPTIONS} options, values up to {MAX_SCORE}, and limits that can be met")]
    Bounds,
    /// The limit spans too many values.
    #[error("the limit of a sealed contest spans {actual} values, at most {MAX_LIMIT_VALUES} can be proved")]
    LimitValues {
        /// Values between the fewest and the most.
        actual: u32,
    },
    /// Its ballots would be too large.
    #[error("sealed ballots would have {actual} bytes, at most {MAX_SEALED_BALLOT_BYTES} are allowed")]
    TooLong {
        /// Bytes of a ballot.
        actual: usize,
    },
    /// No contests, or too many.
    #[error("a sealed ballot has 1 to {MAX_CONTESTS} contests, not {actual}")]
    Contests {
        /// How many there are.
        actual: usize,
    },
}

impl SealedContest {
    /// A contest where options are marked: at least `min`, at most `max` of them. Plurality, approval and lists.
    ///
    /// # Errors
    /// [`UnsealableContest`] when that makes no sense or takes too large a proof.
    pub fn marks(options: u16, min: u16, max: u16, allow_blank: bool) -> Result<Self, UnsealableContest> {
        let withdrawn = Vec::new();
        let (min, max, form) = (min.into(), max.into(), BallotForm::Marks);
        Self { options, max_value: 1, min, max, allow_blank, withdrawn, form }.checked()
    }

    /// A contest where every option gets a score between 0 and `max_score`.
    ///
    /// # Errors
    /// As [`SealedContest::marks`].
    pub fn scores(options: u16, max_score: u16, allow_blank: bool) -> Result<Self, UnsealableContest> {
        let (max, form) = (u32::from(options) * u32::from(max_score), BallotForm::Scores);
        Self { options, max_value: max_score, min: 0, max, allow_blank, withdrawn: Vec::new(), form }.checked()
    }

    /// How a contest of a definition is sealed.
    ///
    /// # Errors
    /// [`UnsealableContest`] where it cannot be.
    pub fn of(contest: &Contest) -> Result<Self, UnsealableContest> {
        let options = u16::try_from(contest.options.len()).map_err(|_| UnsealableContest::Bounds)?;
        let sealed = match contest.method.form() {
            BallotForm::Marks => Self::marks(options, contest.min, contest.max, contest.allow_blank)?,
            BallotForm::Scores if contest.min > 1 || contest.max < options => return Err(UnsealableContest::ScoredOptions),
            BallotForm::Scores => Self::scores(options, contest.max_score, contest.allow_blank)?,
            BallotForm::Ranking => return Err(UnsealableContest::Ranking),
        };
        sealed.without(contest.withdrawn.clone())
    }

    /// The same contest with options that can no longer be elected, by place, ascending.
    ///
    /// # Errors
    /// [`UnsealableContest::Bounds`] if there are no such options.
    pub fn without(mut self, withdrawn: Vec<u16>) -> Result<Self, UnsealableContest> {
        let ascending = withdrawn.windows(2).all(|pair| pair[0] < pair[1]);
        if !ascending || withdrawn.last().is_some_and(|last| *last >= self.options) {
            return Err(UnsealableContest::Bounds);
        }
        self.withdrawn = withdrawn;
        Ok(self)
    }

    fn checked(self) -> Result<Self, UnsealableContest> {
        let most = u32::from(self.options) * u32::from(self.max_value);
        let fits = (1..=MAX_OPTIONS).contains(&usize::from(self.options)) && (1..=MAX_SCORE).contains(&self.max_value);
        if !fits || self.min > self.max || self.max == 0 || self.max > most {
            return Err(UnsealableContest::Bounds);
        }
        match self.limit() {
            Some(limit) if limit.end() - limit.start() >= MAX_LIMIT_VALUES => {
                Err(UnsealableContest::LimitValues { actual: limit.end() - limit.start() + 1 })
            }
            _ => Ok(self),
        }
    }

    /// Options, blank not among them.
    #[must_use]
    pub const fn options(&self) -> u16 {
        self.options
    }

    /// Ciphertexts of a ballot in this contest: one per option, then blank where it is allowed.
    #[must_use]
    pub const fn ciphertexts(&self) -> usize {
        self.options as usize + self.allow_blank as usize
    }

    /// Whether the ciphertext at this place is that of blank.
    #[must_use]
    pub const fn is_blank(&self, option: usize) -> bool {
        self.allow_blank && option == self.options as usize
    }

    /// Highest value of the ciphertext at this place.
    #[must_use]
    pub fn max_value(&self, option: usize) -> u16 {
        match option {
            _ if self.is_blank(option) => 1,
            _ if self.withdrawn.iter().any(|withdrawn| usize::from(*withdrawn) == option) => 0,
            _ => self.max_value,
        }
    }

    /// What the ciphertext at this place counts for in the limit.
    #[must_use]
    pub const fn limit_weight(&self, option: usize) -> u32 {
        if self.is_blank(option) { self.max } else { 1 }
    }

    /// What the weighted sum is proved to be in; `None` where the options' ranges imply it.
    #[must_use]
    pub fn limit(&self) -> Option<RangeInclusive<u32>> {
        let most = u32::from(self.options) * u32::from(self.max_value);
        (self.allow_blank || self.min > 0 || self.max < most).then_some(self.min..=self.max)
    }

    /// Canonical bytes of a ballot's part for this contest.
    pub(super) fn bytes(&self) -> usize {
        let proof = |values: u32| 4 + values as usize * BRANCH_BYTES;
        let options = (0..self.ciphertexts()).map(|option| 64 + proof(u32::from(self.max_value(option)) + 1));
        let limit = self.limit().map_or(0, |limit| proof(limit.end() - limit.start() + 1));
        1 + 4 + options.sum::<usize>() + 1 + limit
    }

    /// The values that a selection encrypts, one per ciphertext.
    ///
    /// # Errors
    /// [`SelectionError`] naming the rule it breaks.
    pub(super) fn values(&self, selection: &Selection) -> Result<Zeroizing<Vec<u16>>, SelectionError> {
        let mut values = Zeroizing::new(vec![0; self.ciphertexts()]);
        let options = usize::from(self.options);
        let mut before = None;
        let mut give = |option: u16, value: u16| {
            if before.replace(option).is_some_and(|before| before >= option) {
                return Err(SelectionError::Order);
            }
            let place = values.get_mut(usize::from(option)).filter(|_| usize::from(option) < options);
            *place.ok_or(SelectionError::UnknownOption { option, options })? = value;
            match self.max_value(option.into()) {
                0 if value > 0 => Err(SelectionError::Withdrawn { option }),
                max if value > max => Err(SelectionError::Score { option, score: value, max }),
                _ => Ok(()),
            }
        };
        match (selection, self.form) {
            (Selection::Blank, _) => *values.last_mut().filter(|_| self.allow_blank).ok_or(SelectionError::Blank)? = 1,
            (Selection::Marks(marks), BallotForm::Marks) => {
                marks.iter().try_for_each(|option| give(*option, 1))?;
                let max = u16::try_from(self.max).unwrap_or(u16::MAX);
                let min = u16::try_from(self.min).unwrap_or(u16::MAX);
                match marks.len() {
                    marks if marks > usize::from(max) => return Err(SelectionError::Overvote { marks, max }),
                    marks if marks < usize::from(min) => return Err(SelectionError::Undervote { marks, min }),
                    _ => {}
                }
            }
            (Selection::Scores(scores), BallotForm::Scores) => {
                scores.iter().try_for_each(|(option, score)| give(*option, *score))?
            }
            _ => return Err(SelectionError::Form { expected: self.form }),
        }
        Ok(values)
    }

    /// The selection that values stand for: the other direction of sealing, for opened ballots.
    pub(super) fn selection(&self, values: &[u16]) -> Selection {
        if self.allow_blank && values.last() == Some(&1) {
            return Selection::Blank;
        }
        let named = values.iter().take(self.options.into()).zip(0..).filter(|(value, _)| **value > 0);
        match self.form {
            BallotForm::Scores => Selection::Scores(named.map(|(value, option)| (option, *value)).collect()),
            _ => Selection::Marks(named.map(|(_, option)| option).collect()),
        }
    }
}

/// Checks that ballots of these contests are small enough to be entries of a ledger.
///
/// # Errors
/// [`UnsealableContest::Contests`] or [`UnsealableContest::TooLong`].
pub(crate) fn check_contests(contests: &[SealedContest]) -> Result<(), UnsealableContest> {
    if contests.is_empty() || contests.len() > MAX_CONTESTS {
        return Err(UnsealableContest::Contests { actual: contests.len() });
    }
    let actual = super::ballot::FRAME_BYTES + contests.iter().map(SealedContest::bytes).sum::<usize>();
    if actual > MAX_SEALED_BALLOT_BYTES {
        return Err(UnsealableContest::TooLong { actual });
    }
    Ok(())
}
