//! Borda count: points by rank.
//!
//! Of n options that stand, the first on a ballot gets n − 1 points, the next n − 2, and so on. Options that share ranks
//! share their points equally, and so do all that the ballot does not rank, so that every ballot gives as many points
//! in all. Half points are counted exactly.

use super::ties::{Highest, highest};
use super::{Amount, Equals, Gaps, Lot, Outcome, Profile, RankedMethod};

/// Most points win.
#[derive(Debug, Clone, Copy)]
pub struct Borda;

impl RankedMethod for Borda {
    fn equals(&self) -> Equals {
        Equals::Keep
    }

    fn gaps(&self) -> Gaps {
        Gaps::Close
    }

    fn count(&self, profile: &Profile, seats: u16, lot: Lot) -> Outcome {
        let mut halves = vec![0u128; usize::from(profile.options)]; // 2^64 × 2 × 200 fits many times over
        let standing = profile.standing.len();
        for (tiers, weight) in profile.tiers() {
            let mut unranked = profile.standing.clone();
            let mut above = 0;
            let mut give = |options: &[u16], above: usize| {
                // The average of n−1−above, … down to as many as there are options, in halves.
                let points = 2 * (standing - above) - 1 - options.len();
                for option in options {
                    halves[usize::from(*option)] += points as u128 * u128::from(weight);
                }
            };
            for tier in tiers {
                let options: Vec<u16> = tier.options().collect();
                unranked.retain(|option| !options.contains(option));
                give(&options, above);
                above += options.len();
            }
            if !unranked.is_empty() {
                give(&unranked, above);
            }
        }
        let Highest { order, seats, ties } = highest(&halves, &profile.standing, seats, lot);
        let totals = halves.iter().map(|halves| Amount::new(halves * 5, 1)).collect();
        Outcome { totals, order, seats, ties, ..Outcome::default() }
    }
}
