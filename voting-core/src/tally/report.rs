//! What authorities certify and verifiers recompute.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use super::ContestTally;
use crate::codec::Canonical;
use crate::count::{Amount, Outcome, TieBreak, TiePurpose, Verdict};
use crate::election::{Contest, CountMethodId};
use crate::ids::{Digest, ElectionId};

/// What went into a count. Sums of weights, unless said otherwise; see [`ContestTally`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Counts {
    /// Number of ballots, whatever their weight.
    pub ballots: u64,
    /// All ballots.
    pub weight: u64,
    /// Ballots left blank.
    pub blank: u64,
    /// Ballots, not blank, that name fewer options than they may.
    pub undervotes: u64,
    /// Ballots that say too much and count for nobody.
    pub overvotes: u64,
    /// Distinct rankings.
    pub rankings: u64,
}

impl From<&ContestTally> for Counts {
    fn from(tally: &ContestTally) -> Self {
        Self {
            ballots: tally.ballots,
            weight: tally.weight,
            blank: tally.blank,
            undervotes: tally.undervotes,
            overvotes: tally.overvotes,
            rankings: tally.rankings.len() as u64,
        }
    }
}

/// One option's line in a report.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct OptionResult {
    /// Place on the ballot, from 0.
    pub option: u16,
    /// Name on the ballot.
    pub name: String,
    /// What the ballots themselves say: votes, scores, or first preferences.
    pub votes: u64,
    /// What the method decides by: votes, points, or the votes held at the end.
    pub total: Amount,
    /// Seats won: 1 for a candidate elected, any number for a list.
    pub seats: u16,
}

impl OptionResult {
    /// Whether it won a seat.
    #[must_use]
    pub const fn elected(&self) -> bool {
        self.seats > 0
    }
}

/// Result of one contest. The steps that lead there are no part of it: they follow from the ballots, and
/// [`ElectionTally::count`](super::ElectionTally::count) shows them.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct ContestReport {
    /// Title of the contest.
    pub title: String,
    /// How it was counted.
    pub method: CountMethodId,
    /// Options to win.
    pub seats: u16,
    /// The options, best first as the method orders them, the withdrawn last.
    pub options: Vec<OptionResult>,
    /// What went in.
    pub counts: Counts,
    /// Options between which a lot decided who is elected, who is excluded or whose surplus goes on first, by place, ascending;
    /// empty if none was needed.
    pub decided_by_lot: Vec<u16>,
    /// Whether those elected reached what the contest demands beyond the most votes; `None` if it demands nothing.
    pub verdict: Option<Verdict>,
}

impl ContestReport {
    /// What a count of a contest leads to.
    #[must_use]
    pub fn of(contest: &Contest, tally: &ContestTally, outcome: &Outcome, verdict: Option<Verdict>) -> Self {
        let line = |option: u16| {
            let at = usize::from(option);
            let votes = tally.options.get(at).copied().unwrap_or(0);
            Some(OptionResult {
                option,
                name: contest.options.get(at)?.name.clone(),
                votes,
                total: outcome.totals.get(at).copied().unwrap_or(Amount::whole(votes)),
                seats: outcome.seats.get(at).copied().unwrap_or(0),
            })
        };
        let lots = outcome.ties.iter().filter(|tie| tie.by == TieBreak::Lot && tie.purpose != TiePurpose::Order);
        let mut decided_by_lot: Vec<u16> = lots.flat_map(|tie| tie.options.iter().copied()).collect();
        decided_by_lot.sort_unstable();
        decided_by_lot.dedup();
        Self {
            title: contest.title.clone(),
            method: contest.method,
            seats: contest.seats,
            options: outcome.order.iter().chain(&contest.withdrawn).filter_map(|option| line(*option)).collect(),
            counts: Counts::from(tally),
            decided_by_lot,
            verdict,
        }
    }

    /// What is known while ballots still come in: the sums, most first, and nobody elected.
    #[must_use]
    pub fn running(contest: &Contest, tally: &ContestTally) -> Self {
        let mut order: Vec<u16> = (0..contest.options.len() as u16).filter(|at| !contest.withdrawn.contains(at)).collect();
        order.sort_by_key(|option| std::cmp::Reverse(tally.options.get(usize::from(*option))));
        Self::of(contest, tally, &Outcome { order, ..Outcome::default() }, None)
    }
}

/// Result of an election.
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
