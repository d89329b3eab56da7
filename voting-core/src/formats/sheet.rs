//! The sheet of a count: its rounds as stages, each with what every option gained or lost and how it stands after that.
//!
//! This is what returning officers publish, a column per stage. Pure functions from an [`Outcome`]; whoever shows a sheet,
//! as text or as a page, begins here.
//!
//! ```text
//!  Outcome.rounds ──stages──▶ Stage { cells: change, votes, standing } ──▶ table, page, picture
//! ```

use std::fmt;

use crate::count::{Amount, Outcome, Round, Step};

/// What a number of votes became from one stage to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// So many more.
    Gain(Amount),
    /// So many fewer.
    Loss(Amount),
}

impl Change {
    /// From one amount to another; `None` if nothing changed.
    #[must_use]
    pub fn between(before: Amount, after: Amount) -> Option<Self> {
        let decimals = before.decimals.max(after.decimals);
        // Votes of a count have the decimals of its rule, at most 9, and are below 2^64: nothing overflows.
        let units = |amount: Amount| amount.units.saturating_mul(10u128.saturating_pow(u32::from(decimals - amount.decimals)));
        let difference = |more, less| Amount::new(units(more) - units(less), decimals);
        match units(before).cmp(&units(after)) {
            std::cmp::Ordering::Less => Some(Self::Gain(difference(after, before))),
            std::cmp::Ordering::Equal => None,
            std::cmp::Ordering::Greater => Some(Self::Loss(difference(before, after))),
        }
    }

    /// How much, without the sign.
    #[must_use]
    pub const fn amount(self) -> Amount {
        match self {
            Self::Gain(amount) | Self::Loss(amount) => amount,
        }
    }
}

/// With its sign.
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gain(amount) => f.pad(&format!("+{amount}")),
            Self::Loss(amount) => f.pad(&format!("−{amount}")),
        }
    }
}

/// Where an option stands in a count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Standing {
    /// Neither elected nor excluded yet.
    #[default]
    Continuing,
    /// Elected in this stage, from 0.
    Elected(usize),
    /// Excluded in this stage, from 0.
    Excluded(usize),
}

/// A number of votes after a stage, and what it changed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    /// Since the stage before; `None` in the first, and where nothing changed.
    pub change: Option<Change>,
    /// After the stage.
    pub votes: Amount,
}

/// One stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage<'a> {
    /// The round of the count.
    pub round: &'a Round,
    /// Per option.
    pub cells: Vec<Cell>,
    /// Per option, after the stage.
    pub standing: Vec<Standing>,
    /// Votes of ballots that name nobody any more.
    pub exhausted: Cell,
    /// Votes lost by rounding.
    pub lost: Cell,
}

/// The stages of a count, first to last.
#[must_use]
pub fn stages(outcome: &Outcome) -> Vec<Stage<'_>> {
    let mut stages: Vec<Stage<'_>> = Vec::with_capacity(outcome.rounds.len());
    for (at, round) in outcome.rounds.iter().enumerate() {
        let before = stages.last();
        let cell = |before: Option<&Cell>, votes: Amount| Cell {
            change: before.and_then(|before| Change::between(before.votes, votes)),
            votes,
        };
        let of = |option: usize, votes: &Amount| cell(before.and_then(|before| before.cells.get(option)), *votes);
        let mut standing = before.map_or_else(|| vec![Standing::default(); round.votes.len()], |before| before.standing.clone());
        let excluded = if let Step::Exclude { options } = &round.step { options.as_slice() } else { &[] };
        for (options, now) in [(excluded, Standing::Excluded(at)), (&round.elected, Standing::Elected(at))] {
            for option in options {
                // A list is elected once, however many seats it gets.
                if let Some(standing @ Standing::Continuing) = standing.get_mut(usize::from(*option)) {
                    *standing = now;
                }
            }
        }
        let stage = Stage {
            round,
            cells: round.votes.iter().enumerate().map(|(option, votes)| of(option, votes)).collect(),
            standing,
            exhausted: cell(before.map(|before| &before.exhausted), round.exhausted),
            lost: cell(before.map(|before| &before.lost), round.lost),
        };
        stages.push(stage);
    }
    stages
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::count::{Equals, Gaps, Lot, Profile, RankedMethod as _, ScottishStv};
    use crate::ids::Digest;
    use crate::ranking::Ranking;

    #[test]
    fn stages_say_who_gained_what_and_what_became_of_them() {
        let rankings = [(&[0u16, 1][..], 60u64), (&[1], 22), (&[2], 20), (&[0], 4), (&[2, 1], 0)];
        let rankings = rankings.map(|(options, weight)| (Ranking::strict(options.iter().copied()), weight));
        let read = rankings.iter().map(|(ranking, weight)| (ranking, *weight));
        let profile = Profile::new(3, &[], Equals::End, Gaps::End, read).unwrap();
        let outcome = ScottishStv.count(&profile, 2, Lot { seed: Digest::ZERO, contest: 0 });
        let stages = stages(&outcome);
        // A quota of 36: a surplus of 28, at 28/64 = 0.4375 per ballot.
        let shown = |at: usize| stages[at].cells.iter().map(|cell| cell.change.map(|by| by.to_string())).collect::<Vec<_>>();
        assert_eq!(shown(0), [None, None, None]);
        assert_eq!(shown(1), [Some("−28.00000".into()), Some("+26.25000".into()), None]);
        assert_eq!(stages[1].exhausted.change.map(|by| by.to_string()).as_deref(), Some("+1.75000"));
        assert_eq!(stages[1].lost.change, None);
        assert_eq!(stages[1].standing, [Standing::Elected(0), Standing::Elected(1), Standing::Continuing]);
        assert_eq!(stages[0].standing[1], Standing::Continuing);
    }

    #[test]
    fn changes_are_exact_whatever_the_decimals() {
        let between = |a: (u128, u8), b: (u128, u8)| Change::between(Amount::new(a.0, a.1), Amount::new(b.0, b.1));
        assert_eq!(between((15, 1), (150, 2)), None);
        assert_eq!(between((15, 1), (2, 0)), Some(Change::Gain(Amount::new(5, 1))));
        assert_eq!(between((u128::from(u64::MAX), 0), (0, 9)).map(Change::amount).unwrap().decimals, 9);
        assert_eq!(format!("{:>6}", Change::Loss(Amount::whole(7))), "    −7");
    }
}
