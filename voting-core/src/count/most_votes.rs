//! Plurality, approval and score: the most votes win.
//!
//! An option without a single vote is never elected. A tie at the last seat is decided by lot.

use super::ties::{Highest, highest};
use super::{Amount, Lot, Outcome, SumMethod, Sums};

/// The highest sums win.
#[derive(Debug, Clone, Copy)]
pub struct MostVotes;

impl SumMethod for MostVotes {
    fn count(&self, sums: &Sums, seats: u16, lot: Lot) -> Outcome {
        let votes: Vec<u128> = sums.options.iter().map(|votes| u128::from(*votes)).collect();
        let Highest { order, seats, ties } = highest(&votes, &sums.standing, seats, lot);
        let totals = sums.options.iter().map(|votes| Amount::whole(*votes)).collect();
        Outcome { totals, order, seats, ties, ..Outcome::default() }
    }
}
