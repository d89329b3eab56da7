//! What a count leads to, round by round, in a form that a returning officer can sign and anyone can check.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use super::Amount;

/// Result of counting one contest. Options are named by place.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Outcome {
    /// Per option, what the method decides by: votes, points, or the votes held at the end.
    pub totals: Vec<Amount>,
    /// All options but the withdrawn, best first: those elected in the order of their election, then the others.
    pub order: Vec<u16>,
    /// Per option, seats won.
    pub seats: Vec<u16>,
    /// The count step by step, where it has steps.
    pub rounds: Vec<Round>,
    /// How the options fare against each other in pairs, where the method compares them so.
    pub pairs: Option<Pairs>,
    /// Every tie, in the order in which it was decided.
    pub ties: Vec<Tie>,
}

impl Outcome {
    /// The options elected, in the order of their election.
    pub fn elected(&self) -> impl Iterator<Item = u16> + '_ {
        self.order.iter().copied().filter(|option| self.seats.get(usize::from(*option)).is_some_and(|seats| *seats > 0))
    }
}

/// One step of a count, and how things stand after it.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Round {
    /// What was done.
    pub step: Step,
    /// Per option, votes held after the step.
    pub votes: Vec<Amount>,
    /// Votes of ballots that name nobody any more, in all.
    pub exhausted: Amount,
    /// Votes lost by the rule's rounding, in all.
    pub lost: Amount,
    /// Votes needed to be elected, if the method has a quota.
    pub quota: Option<Amount>,
    /// Per option, the share of each vote that it keeps; empty but for Meek's method.
    pub keep: Vec<Amount>,
    /// Options elected after this step, in this order.
    pub elected: Vec<u16>,
}

/// What is done in a round.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Step {
    /// Every ballot goes to its first preference.
    First,
    /// What an elected option has above the quota goes on.
    Surplus {
        /// From whom.
        option: u16,
        /// What each vote goes on with: a value per ballot, or a share of the value it came with, as the rule says.
        value: Amount,
    },
    /// Options are excluded, and their votes go on.
    Exclude {
        /// Who.
        options: Vec<u16>,
    },
    /// The shares that elected options keep were adjusted until nobody has a surplus.
    Adjust,
    /// Seats that are left go to whom is left.
    Fill,
    /// One seat of a proportional allocation.
    Seat {
        /// To whom.
        option: u16,
        /// Votes that the quotient divides.
        votes: u64,
        /// What they are divided by.
        divisor: u64,
    },
}

/// Options with the same figure, and how one was picked.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Tie {
    /// Round in which it came up, from 0; 0 where the count has none.
    pub round: u32,
    /// What one was picked for.
    pub purpose: TiePurpose,
    /// Those tied, ascending.
    pub options: Vec<u16>,
    /// Those picked, in order.
    pub picked: Vec<u16>,
    /// What decided.
    pub by: TieBreak,
}

/// What a tie is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TiePurpose {
    /// Who is elected, or which of two victories is locked in first.
    Election,
    /// Who is excluded.
    Exclusion,
    /// Whose surplus goes on first.
    Surplus,
    /// Which order is shown; nobody wins or loses a seat by it.
    Order,
}

/// What decided a tie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind", content = "round")]
pub enum TieBreak {
    /// The latest earlier round, from 0, in which they differed.
    EarlierRound(u32),
    /// The lot.
    Lot,
}

/// Comparisons of options in pairs. `a` against `b` stands at `a · n + b`.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Pairs {
    /// Weight of the ballots that prefer one to the other.
    pub preferences: Vec<u64>,
    /// Schulze: strength of the strongest path; empty for other methods.
    pub paths: Vec<u64>,
    /// Ranked pairs: victories locked in, strongest first; empty for other methods.
    pub locked: Vec<(u16, u16)>,
}
