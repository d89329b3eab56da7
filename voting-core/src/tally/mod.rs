//! The running count that consensus keeps, and the report that it certifies.
//!
//! A running tally is a fold over finalized ballots: constant time per ballot, reversible where a ballot may
//! be replaced, and mergeable across partitions. The final [`ContestReport`] is a pure function of
//! the contest, the running tally, the roll and a seed for lots; the methods are in [`crate::count`].
//!
//! ```text
//!  ballots ──add/remove──▶ ContestTally ──merge──▶ ContestTally ──count──▶ ContestReport
//! ```

mod cast;
mod method;
mod rankings;
mod report;

use thiserror::Error;

pub use method::{Method, count_method};
pub use rankings::Rankings;
pub use report::{ContestReport, Counts, ElectionReport, OptionResult};

use crate::ballot::Selection;
pub use crate::count::Lot;
use crate::count::Outcome;
use crate::election::{Contest, ElectionDefinition};
use crate::ids::Digest;
use crate::sealed::{Aggregate, Decryption};

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
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ContestTally {
    /// Per option, in the order of the contest: ballots that mark it, the weighted scores it was given, or ballots
    /// that rank it first and alone.
    pub options: Vec<u64>,
    /// Number of ballots, whatever their weight.
    pub ballots: u64,
    /// All ballots.
    pub weight: u64,
    /// Ballots left blank.
    pub blank: u64,
    /// Ballots, not blank, that name fewer options than they may.
    pub undervotes: u64,
    /// Ballots that mark more options than they may, or score higher, which then count for none. The ledger refuses
    /// such ballots; they come from files of paper ballots.
    pub overvotes: u64,
    /// Where options are ranked: the rankings.
    pub rankings: Rankings,
}

impl ContestTally {
    /// Nothing counted yet.
    #[must_use]
    pub fn new(contest: &Contest) -> Self {
        Self { options: vec![0; contest.options.len()], ..Self::default() }
    }

    /// Adds a ballot of a weight.
    ///
    /// # Errors
    /// [`TallyError::Overflow`], or [`TallyError::Mismatch`] if the selection has not passed [`Selection::check`]; the tally is
    /// then unchanged.
    pub fn add(&mut self, contest: &Contest, selection: &Selection, weight: u64) -> Result<(), TallyError> {
        cast::add(self, contest, selection, weight)
    }

    /// Takes back a ballot that was added before.
    ///
    /// # Errors
    /// [`TallyError::NotCounted`] or [`TallyError::Mismatch`] if it cannot have been; the tally is then unchanged.
    pub fn remove(&mut self, contest: &Contest, selection: &Selection, weight: u64) -> Result<(), TallyError> {
        cast::remove(self, contest, selection, weight)
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
        let mut merged = Self {
            options: self.options.iter().zip(&other.options).map(|(a, b)| sum(*a, *b)).collect::<Result<_, _>>()?,
            ballots: sum(self.ballots, other.ballots)?,
            weight: sum(self.weight, other.weight)?,
            blank: sum(self.blank, other.blank)?,
            undervotes: sum(self.undervotes, other.undervotes)?,
            overvotes: sum(self.overvotes, other.overvotes)?,
            rankings: self.rankings.clone(),
        };
        merged.rankings.merge(&other.rankings);
        *self = merged;
        Ok(())
    }
}

/// The running count of a whole election: one tally per contest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ElectionTally(pub Vec<ContestTally>);

impl ElectionTally {
    /// Nothing counted yet.
    #[must_use]
    pub fn new(definition: &ElectionDefinition) -> Self {
        Self(definition.contests.iter().map(ContestTally::new).collect())
    }

    /// The sums of a sealed election in clear, as a count of open ballots would state them. How many ballots name fewer options
    /// than they may is not known of sealed ballots, and stays 0.
    #[must_use]
    pub fn decrypted(definition: &ElectionDefinition, sums: &Aggregate, decryption: &Decryption) -> Self {
        let tally = |(contest, totals): (&Contest, &Vec<u64>)| ContestTally {
            options: totals.iter().take(contest.options.len()).copied().collect(),
            ballots: sums.ballots(),
            weight: sums.weight(),
            blank: totals.get(contest.options.len()).copied().unwrap_or_default(),
            ..ContestTally::default()
        };
        Self(definition.contests.iter().zip(&decryption.totals).map(tally).collect())
    }

    /// Adds a ballot whose selections have been checked.
    ///
    /// # Errors
    /// [`TallyError::Overflow`] or [`TallyError::Mismatch`]; the tally is then unchanged.
    pub fn add(&mut self, definition: &ElectionDefinition, selections: &[Selection], weight: u64) -> Result<(), TallyError> {
        self.change(definition, selections, |tally, contest, selection| tally.add(contest, selection, weight))
    }

    /// Takes back a ballot that was added before.
    ///
    /// # Errors
    /// [`TallyError::NotCounted`] or [`TallyError::Mismatch`]; the tally is then unchanged.
    pub fn remove(&mut self, definition: &ElectionDefinition, selections: &[Selection], weight: u64) -> Result<(), TallyError> {
        self.change(definition, selections, |tally, contest, selection| tally.remove(contest, selection, weight))
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

    /// The result. `seed` is the hash of the block that closed the election, `roll` the number of voters entitled.
    #[must_use]
    pub fn report(&self, definition: &ElectionDefinition, seed: Digest, roll: u64) -> ElectionReport {
        self.count(definition, seed, roll).0
    }

    /// The result, and per contest how it comes about, round by round; see [`ElectionTally::report`].
    #[must_use]
    pub fn count(&self, definition: &ElectionDefinition, seed: Digest, roll: u64) -> (ElectionReport, Vec<Outcome>) {
        let contests = self.0.iter().zip(&definition.contests).zip(0u16..);
        let (contests, outcomes) = contests
            .map(|((tally, contest), at)| {
                let lot = Lot { seed, contest: at };
                let (outcome, verdict) = count_method(contest.method).count(contest, tally, lot, roll);
                (ContestReport::of(contest, tally, &outcome, verdict), outcome)
            })
            .unzip();
        (ElectionReport { election: definition.id, seed, contests }, outcomes)
    }

    /// Applies a change to every contest, or to none.
    fn change(
        &mut self,
        definition: &ElectionDefinition,
        selections: &[Selection],
        apply: impl Fn(&mut ContestTally, &Contest, &Selection) -> Result<(), TallyError>,
    ) -> Result<(), TallyError> {
        let contests = definition.contests.len();
        if selections.len() != contests || self.0.len() != contests {
            return Err(TallyError::Mismatch);
        }
        if let ([tally], [contest], [selection]) = (self.0.as_mut_slice(), definition.contests.as_slice(), selections) {
            return apply(tally, contest, selection); // one contest is changed whole or not at all
        }
        let mut changed = self.0.clone();
        for ((tally, contest), selection) in changed.iter_mut().zip(&definition.contests).zip(selections) {
            apply(tally, contest, selection)?;
        }
        self.0 = changed;
        Ok(())
    }
}
