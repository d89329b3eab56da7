//! What winners need beyond the most votes: a majority, and a quorum of the roll.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use super::{Outcome, Sums};

/// A majority that winners need.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Majority {
    /// None.
    #[default]
    MostVotes,
    /// More than half of what is attainable: blanks and overvotes do not count.
    Simple,
    /// At least two thirds of it.
    TwoThirds,
    /// More than half of the roll, voted or not. Only where every voter has the same weight.
    Absolute,
}

/// What winners need beyond the most votes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Thresholds {
    /// A majority.
    pub majority: Majority,
    /// Percentage of the roll that must have cast a ballot, blank or not; at most 100.
    pub quorum_percent: u8,
}

/// Whether those with the most votes reached what is demanded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Verdict {
    /// Fewest votes with which an option reaches the majority; `None` if none can, because an absolute majority is asked of
    /// voters of different weights.
    pub needed: Option<u128>,
    /// Fewest ballots with which the quorum is reached.
    pub quorum: u64,
    /// Ballots cast, blank ones included.
    pub ballots: u64,
}

impl Verdict {
    /// Whether enough of the roll has voted.
    #[must_use]
    pub const fn is_quorate(&self) -> bool {
        self.ballots >= self.quorum
    }
}

/// How many took part in a contest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Participation {
    /// Voters entitled.
    pub roll: u64,
    /// Ballots cast, blank ones included.
    pub ballots: u64,
    /// Their weight.
    pub weight: u64,
}

impl Thresholds {
    /// Takes the seats of those who fall short; `None` if nothing is demanded.
    pub fn apply(self, outcome: &mut Outcome, sums: &Sums, took_part: Participation, highest_score: u16) -> Option<Verdict> {
        if self == Self::default() {
            return None;
        }
        let Participation { roll, ballots, weight } = took_part;
        let most_of_the_roll = u128::from(roll) * u128::from(highest_score.max(1));
        let needed = match self.majority {
            Majority::MostVotes => Some(0),
            Majority::Simple => Some(sums.attainable / 2 + 1),
            Majority::TwoThirds => Some((2 * sums.attainable).div_ceil(3)), // attainable is a u64 times a score: no overflow
            Majority::Absolute => (weight == ballots).then_some(most_of_the_roll / 2 + 1),
        };
        let quorum = (u128::from(roll) * u128::from(self.quorum_percent.min(100))).div_ceil(100) as u64; // at most the roll
        let verdict = Verdict { needed, quorum, ballots };
        for (seats, votes) in outcome.seats.iter_mut().zip(&sums.options) {
            if !verdict.is_quorate() || needed.is_none_or(|needed| u128::from(*votes) < needed) {
                *seats = 0;
            }
        }
        Some(verdict)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(thresholds: Thresholds, votes: [u64; 2], took_part: Participation) -> (Vec<u16>, Option<Verdict>) {
        let sums = Sums { options: votes.to_vec(), standing: vec![0, 1], attainable: u128::from(votes[0] + votes[1]) };
        let mut outcome = Outcome { seats: vec![1, 0], order: vec![0, 1], ..Outcome::default() };
        let verdict = thresholds.apply(&mut outcome, &sums, took_part, 0);
        (outcome.seats, verdict)
    }

    fn passes(majority: Majority, quorum_percent: u8, votes: [u64; 2], [roll, ballots, weight]: [u64; 3]) -> bool {
        judged(Thresholds { majority, quorum_percent }, votes, Participation { roll, ballots, weight }).0 == [1, 0]
    }

    #[test]
    fn a_majority_is_reached_by_one_vote_and_missed_by_one() {
        // 10 ballots, one of them blank or not.
        assert!(passes(Majority::Simple, 0, [6, 4], [100, 10, 10]) && !passes(Majority::Simple, 0, [5, 5], [100, 10, 10]));
        assert!(passes(Majority::Simple, 0, [5, 4], [100, 10, 10]), "blank ballots are on neither side");
        assert!(passes(Majority::TwoThirds, 0, [6, 3], [100, 10, 10]) && !passes(Majority::TwoThirds, 0, [6, 4], [100, 10, 10]));
        assert!(passes(Majority::Absolute, 0, [6, 0], [11, 6, 6]) && !passes(Majority::Absolute, 0, [6, 0], [12, 6, 6]));
        assert!(!passes(Majority::Absolute, 0, [9, 0], [10, 8, 9]), "weights differ, so that the roll's weight is not known");
        assert!(passes(Majority::MostVotes, 33, [3, 0], [10, 4, 4]) && !passes(Majority::MostVotes, 33, [3, 0], [10, 3, 3]));
        assert!(passes(Majority::Simple, 100, [1, 0], [2, 2, 2]), "a blank ballot counts for the quorum");
    }

    #[test]
    fn nothing_demanded_is_nothing_judged() {
        let took_part = Participation { roll: 0, ballots: 0, weight: 0 };
        assert_eq!(judged(Thresholds::default(), [0, 0], took_part), (vec![1, 0], None));
        let verdict = judged(
            Thresholds { majority: Majority::Simple, quorum_percent: 50 },
            [3, 1],
            Participation { roll: 7, ballots: 5, weight: 5 },
        );
        assert_eq!(verdict, (vec![1, 0], Some(Verdict { needed: Some(3), quorum: 4, ballots: 5 })));
    }

    #[test]
    fn the_largest_numbers_fit() {
        let sums = Sums { options: vec![u64::MAX], standing: vec![0], attainable: u128::from(u64::MAX) * 100 };
        let mut outcome = Outcome { seats: vec![1], order: vec![0], ..Outcome::default() };
        let took_part = Participation { roll: u64::MAX, ballots: u64::MAX, weight: u64::MAX };
        for majority in [Majority::Simple, Majority::TwoThirds, Majority::Absolute] {
            let verdict = Thresholds { majority, quorum_percent: 100 }.apply(&mut outcome, &sums, took_part, 100);
            assert!(verdict.is_some_and(|verdict| verdict.is_quorate() && verdict.needed > Some(u128::from(u64::MAX))));
        }
    }
}
