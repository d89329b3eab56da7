//! Counting: one seam, a file per method.
//!
//! A running tally is a fold over finalized ballots: O(1) per ballot, reversible where a ballot may
//! be replaced, and mergeable across partitions. The final [`ContestReport`] is a pure function of
//! the contest, the running tally and a seed for lots. No floating point anywhere.
//!
//! ```text
//!  ballots ──add/remove──▶ ContestTally ──merge──▶ ContestTally ──report──▶ ContestReport
//! ```

mod marks;

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::ballot::Selection;
use crate::codec::Canonical;
pub use crate::count::Lot;
use crate::election::{Contest, CountMethodId, ElectionDefinition};
use crate::ids::{Digest, ElectionId};

/// A way of counting one contest.
pub trait CountMethod: Sync {
    /// Adds a ballot of a weight. The selection has passed [`Selection::check`].
    ///
    /// # Errors
    /// [`TallyError::Overflow`], or [`TallyError::Mismatch`] if it has not; the tally is then unchanged.
    fn add(&self, tally: &mut ContestTally, contest: &Contest, selection: &Selection, weight: u64) -> Result<(), TallyError>;

    /// Takes back a ballot that was added before.
    ///
    /// # Errors
    /// [`TallyError::NotCounted`] or [`TallyError::Mismatch`] if it cannot have been; the tally is then unchanged.
    fn remove(&self, tally: &mut ContestTally, contest: &Contest, selection: &Selection, weight: u64) -> Result<(), TallyError>;

    /// Result of the contest. `seed` draws the lots of ties: the hash of the block that closed the election.
    fn report(&self, tally: &ContestTally, contest: &Contest, lot: Lot) -> ContestReport;
}

/// The implementation of a method.
#[must_use]
pub fn count_method(id: CountMethodId) -> &'static dyn CountMethod {
    match id {
        CountMethodId::Plurality | CountMethodId::Approval => &marks::Marks,
    }
}

/// Why a tally could not be changed or merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TallyError {
    /// A sum of weights above 2^64 − 1.
    #[error("the tally would exceed 2^64 − 1")]
    Overflow,
    /// A ballot taken back that is not in the tally.
    #[error("the ballot taken back was never counted")]
    NotCounted,
    /// Tallies of different contests, or a selection that this contest cannot have accepted.
    #[error("the tallies or selections are of different contests")]
    Mismatch,
}

/// The running count of one contest. Sums of weights, unless said otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct ContestTally {
    /// Per option, in the order of the contest.
    pub options: Vec<u64>,
    /// Number of ballots, whatever their weight.
    pub ballots: u64,
    /// All ballots.
    pub weight: u64,
    /// Ballots left blank.
    pub blank: u64,
    /// Ballots, not blank, that mark fewer options than they may.
    pub undervotes: u64,
    /// Ballots that mark more options than they may, which then count for none. The ledger refuses
    /// such ballots; they come from files of paper ballots.
    pub overvotes: u64,
}

impl ContestTally {
    /// Nothing counted yet.
    #[must_use]
    pub fn new(contest: &Contest) -> Self {
        Self { options: vec![0; contest.options.len()], ..Self::default() }
    }

    /// Adds another partition's tally of the same contest.
    ///
    /// # Errors
    /// [`TallyError::Mismatch`] or [`TallyError::Overflow`]; the tally is then unchanged.
    pub fn merge(&mut self, other: &Self) -> Result<(), TallyError> {
        if self.options.len() != other.options.len() {
            return Err(TallyError::Mismatch);
        }
        let sum = |a: u64, b: u64| a.checked_add(b).ok_or(TallyError::Overflow);
        *self = Self {
            options: self.options.iter().zip(&other.options).map(|(a, b)| sum(*a, *b)).collect::<Result<_, _>>()?,
            ballots: sum(self.ballots, other.ballots)?,
            weight: sum(self.weight, other.weight)?,
            blank: sum(self.blank, other.blank)?,
            undervotes: sum(self.undervotes, other.undervotes)?,
            overvotes: sum(self.overvotes, other.overvotes)?,
        };
        Ok(())
    }
}

/// The running count of a whole election: one tally per contest.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct ElectionTally(pub Vec<ContestTally>);

impl ElectionTally {
    /// Nothing counted yet.
    #[must_use]
    pub fn new(definition: &ElectionDefinition) -> Self {
        Self(definition.contests.iter().map(ContestTally::new).collect())
    }

    /// Adds a ballot whose selections have been checked.
    ///
    /// # Errors
    /// [`TallyError::Overflow`] or [`TallyError::Mismatch`]; the tally is then unchanged.
    pub fn add(&mut self, definition: &ElectionDefinition, selections: &[Selection], weight: u64) -> Result<(), TallyError> {
        self.change(definition, selections, |method, tally, contest, selection| method.add(tally, contest, selection, weight))
    }

    /// Takes back a ballot that was added before.
    ///
    /// # Errors
    /// [`TallyError::NotCounted`] or [`TallyError::Mismatch`]; the tally is then unchanged.
    pub fn remove(&mut self, definition: &ElectionDefinition, selections: &[Selection], weight: u64) -> Result<(), TallyError> {
        self.change(definition, selections, |method, tally, contest, selection| method.remove(tally, contest, selection, weight))
    }

    /// Adds another partition's tally of the same election.
    ///
    /// # Errors
    /// [`TallyError`]; the tally is then unchanged.
    pub fn merge(&mut self, other: &Self) -> Result<(), TallyError> {
        if self.0.len() != other.0.len() {
            return Err(TallyError::Mismatch);
        }
        let mut merged = self.clone();
        merged.0.iter_mut().zip(&other.0).try_for_each(|(mine, theirs)| mine.merge(theirs))?;
        *self = merged;
        Ok(())
    }

    /// The result. `seed` is the hash of the block that closed the election.
    #[must_use]
    pub fn report(&self, definition: &ElectionDefinition, seed: Digest) -> ElectionReport {
        let contests = self.0.iter().zip(&definition.contests).enumerate();
        ElectionReport {
            election: definition.id,
            seed,
            contests: contests
                .map(|(at, (tally, contest))| count_method(contest.method).report(tally, contest, Lot { seed, contest: at as u16 }))
                .collect(),
        }
    }

    /// Applies a change to every contest, or to none.
    fn change(
        &mut self,
        definition: &ElectionDefinition,
        selections: &[Selection],
        apply: impl Fn(&dyn CountMethod, &mut ContestTally, &Contest, &Selection) -> Result<(), TallyError>,
    ) -> Result<(), TallyError> {
        let contests = definition.contests.len();
        if selections.len() != contests || self.0.len() != contests {
            return Err(TallyError::Mismatch);
        }
        let step =
            |tally: &mut ContestTally, contest: &Contest, selection| apply(count_method(contest.method), tally, contest, selection);
        if let ([tally], [contest], [selection]) = (self.0.as_mut_slice(), definition.contests.as_slice(), selections) {
            return step(tally, contest, selection); // one contest is changed whole or not at all
        }
        let mut changed = self.0.clone();
        for ((tally, contest), selection) in changed.iter_mut().zip(&definition.contests).zip(selections) {
            step(tally, contest, selection)?;
        }
        self.0 = changed;
        Ok(())
    }
}

/// One option's line in a report.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct OptionResult {
    /// Place on the ballot, from 0.
    pub option: u16,
    /// Name on the ballot.
    pub name: String,
    /// Sum of the weights of the ballots that mark it.
    pub votes: u64,
    /// Whether it won a seat.
    pub elected: bool,
}

/// Result of one contest.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct ContestReport {
    /// Title of the contest.
    pub title: String,
    /// How it was counted.
    pub method: CountMethodId,
    /// Options to win.
    pub seats: u16,
    /// The options, most votes first; equal votes in the order of the ballot.
    pub options: Vec<OptionResult>,
    /// What went in.
    pub tally: ContestTally,
    /// Options between which a lot decided who is elected, by place; empty if none was needed.
    pub decided_by_lot: Vec<u16>,
}

/// Result of an election: what authorities certify and verifiers recompute.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct ElectionReport {
    /// The election.
    pub election: ElectionId,
    /// Hash of the block that closed it; draws the lots.
    pub seed: Digest,
    /// One report per contest.
    pub contests: Vec<ContestReport>,
}

impl Canonical for ElectionReport {
    const TAG: &'static str = "voting/report/v1";
    const MAX_BYTES: usize = 4 * 1024 * 1024;
}
