//! Count methods: pure functions from what was cast to an [`Outcome`], a file each. No floating point anywhere.
//!
//! ```text
//!  rankings ──Profile (gaps, equals, withdrawn)──▶ RankedMethod ──▶ Outcome (rounds, ties, seats)
//!  votes, approvals, scores ──▶ Sums ────────────▶ SumMethod ─────▶
//! ```
//!
//! docs/counting.md states every rule and its source. Where a rule leaves a choice open, a lot decides
//! that anyone can redo: see [`Lot`].

mod amount;
mod borda;
mod gregory;
mod highest_averages;
mod irv;
mod majority;
mod meek;
mod most_votes;
mod outcome;
mod pairwise;
mod piles;
mod profile;
mod ranked_pairs;
mod schulze;
mod ties;

pub use amount::{Amount, ParseAmountError};
pub use borda::Borda;
pub use gregory::{ScottishStv, WigmStv};
pub use highest_averages::{DHondt, SainteLague};
pub use irv::InstantRunoff;
pub use majority::{Majority, Participation, Thresholds, Verdict};
pub use meek::MeekStv;
pub use most_votes::MostVotes;
pub use outcome::{Outcome, Pairs, Round, Step, Tie, TieBreak, TiePurpose};
pub use profile::{Equals, Gaps, Profile};
pub use ranked_pairs::RankedPairs;
pub use schulze::Schulze;

use crate::ids::Digest;

/// Draws lots that anyone can redo: the lowest SHA-256 of seed, contest and option comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lot {
    /// Fixed only after the last ballot: the hash of the block that closed the election.
    pub seed: Digest,
    /// Place of the contest, from 0.
    pub contest: u16,
}

impl Lot {
    /// Rank of an option in the lot; lower wins: it is elected rather, and excluded later.
    #[must_use]
    pub fn rank(&self, option: u16) -> Digest {
        Digest::of_parts("voting/lot/v1", &[&self.seed.0, &self.contest.to_le_bytes(), &option.to_le_bytes()])
    }

    /// The options in the order of the lot, the winner first.
    #[must_use]
    pub fn order(&self, options: impl IntoIterator<Item = u16>) -> Vec<u16> {
        let mut order: Vec<u16> = options.into_iter().collect();
        order.sort_by_cached_key(|option| self.rank(*option));
        order
    }
}

/// A way of counting rankings.
pub trait RankedMethod: Sync {
    /// What it makes of options that share a rank.
    fn equals(&self) -> Equals;

    /// What it makes of skipped ranks.
    fn gaps(&self) -> Gaps;

    /// Counts. `profile` was read with [`RankedMethod::equals`] and [`RankedMethod::gaps`]; `seats` is at least 1. With no more
    /// options standing than seats, all that the rule lets through are elected.
    fn count(&self, profile: &Profile, seats: u16, lot: Lot) -> Outcome;
}

/// A way of counting sums: votes, approvals or scores per option.
pub trait SumMethod: Sync {
    /// Counts; `seats` is at least 1.
    fn count(&self, sums: &Sums, seats: u16, lot: Lot) -> Outcome;
}

/// What ballots that mark or score options add up to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sums {
    /// Per option: weight of the ballots that mark it, or sum of the weighted scores.
    pub options: Vec<u64>,
    /// Options that can be elected, ascending: all but the withdrawn.
    pub standing: Vec<u16>,
    /// Most that an option can have: weight of the ballots that are neither blank nor overvotes, times the highest
    /// score where there are scores.
    pub attainable: u128,
}
