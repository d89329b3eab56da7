//! Single transferable vote with the weighted inclusive Gregory method: the Scottish rules, and the reference rule of the
//! Proportional Representation Foundation.
//!
//! Every ballot of a candidate with a surplus goes on, at a value reduced in proportion: surplus × value ÷ votes, cut off after
//! the rule's decimals. Surpluses go first, the largest of them; then the last candidate is excluded, whose ballots go on
//! at the value they have. Ties are decided by the latest earlier round in which those tied differed, then by lot.

use super::piles::Piles;
use super::ties::{Wanted, break_tie};
use super::{Amount, Equals, Gaps, Lot, Outcome, Profile, RankedMethod, Round, Step, Tie, TiePurpose};

/// The rules of Scottish local government elections: whole quota, five decimals.
#[derive(Debug, Clone, Copy)]
pub struct ScottishStv;

/// The weighted inclusive Gregory method as the Proportional Representation Foundation defines it: a quota of four
/// decimals, and values of four decimals.
#[derive(Debug, Clone, Copy)]
pub struct WigmStv;

impl RankedMethod for ScottishStv {
    fn equals(&self) -> Equals {
        Equals::End
    }

    fn gaps(&self) -> Gaps {
        Gaps::End
    }

    fn count(&self, profile: &Profile, seats: u16, lot: Lot) -> Outcome {
        let votes = u128::from(profile.valid());
        let quota = (votes / (u128::from(seats) + 1) + 1) * 100_000;
        Count::new(profile, seats, lot, 5, quota).run()
    }
}

impl RankedMethod for WigmStv {
    fn equals(&self) -> Equals {
        Equals::End
    }

    fn gaps(&self) -> Gaps {
        Gaps::Close
    }

    fn count(&self, profile: &Profile, seats: u16, lot: Lot) -> Outcome {
        let votes = u128::from(profile.valid()) * 10_000;
        let quota = votes / (u128::from(seats) + 1) + 1;
        Count::new(profile, seats, lot, 4, quota).run()
    }
}

struct Count<'a> {
    piles: Piles<'a>,
    seats: usize,
    lot: Lot,
    decimals: u8,
    quota: u128,
    /// Votes lost by cutting off.
    lost: u128,
    elected: Vec<u16>,
    excluded: Vec<u16>,
    /// Elected options whose surplus is still to go on.
    pending: Vec<u16>,
    rounds: Vec<Round>,
    ties: Vec<Tie>,
}

impl<'a> Count<'a> {
    fn new(profile: &'a Profile, seats: u16, lot: Lot, decimals: u8, quota: u128) -> Self {
        Self {
            piles: Piles::new(profile, 10u64.pow(u32::from(decimals))),
            seats: usize::from(seats),
            lot,
            decimals,
            quota,
            lost: 0,
            elected: Vec::new(),
            excluded: Vec::new(),
            pending: Vec::new(),
            rounds: Vec::new(),
            ties: Vec::new(),
        }
    }

    fn run(mut self) -> Outcome {
        self.record(Step::First);
        loop {
            let left = self.piles.continuing();
            if self.elected.len() >= self.seats || left.is_empty() {
                break;
            }
            if self.elected.len() + left.len() <= self.seats {
                self.fill(left);
                break;
            }
            match self.next_surplus() {
                Some(option) => self.transfer(option),
                None => self.exclude_last(&left),
            }
        }
        self.piles.outcome(self.elected, &self.excluded, self.rounds, self.ties, self.decimals)
    }

    /// Notes how things stand, and elects whoever has reached the quota.
    fn record(&mut self, step: Step) {
        let amount = |units| Amount::new(units, self.decimals);
        self.rounds.push(Round {
            step,
            votes: self.piles.all_votes().map(amount).collect(),
            exhausted: amount(self.piles.exhausted),
            lost: amount(self.lost),
            quota: Some(amount(self.quota)),
            keep: Vec::new(),
            elected: Vec::new(),
        });
        let mut reached = self.piles.continuing();
        reached.retain(|option| self.piles.votes(*option) >= self.quota);
        let mut newly = Vec::new();
        while !reached.is_empty() && self.elected.len() + newly.len() < self.seats {
            let Some(next) = self.most(&reached, TiePurpose::Order) else { break };
            reached.retain(|option| *option != next);
            newly.push(next);
        }
        for option in &newly {
            self.piles.stop(*option);
            if self.piles.votes(*option) > self.quota {
                self.pending.push(*option);
            }
        }
        self.elected.extend(&newly);
        if let Some(round) = self.rounds.last_mut() {
            round.elected = newly;
        }
    }

    /// The option with the most votes.
    fn most(&mut self, options: &[u16], purpose: TiePurpose) -> Option<u16> {
        let most = options.iter().map(|option| self.piles.votes(*option)).max();
        let tied: Vec<u16> = options.iter().copied().filter(|option| Some(self.piles.votes(*option)) == most).collect();
        break_tie(&tied, Wanted::Highest, purpose, &self.rounds, self.lot, &mut self.ties)
    }

    /// Whose surplus goes on next: the largest.
    fn next_surplus(&mut self) -> Option<u16> {
        let pending = self.pending.clone();
        let next = self.most(&pending, TiePurpose::Surplus)?;
        self.pending.retain(|option| *option != next);
        Some(next)
    }

    fn transfer(&mut self, option: u16) {
        let votes = self.piles.votes(option);
        let surplus = votes - self.quota; // only who has one is pending
        let one = 10u128.pow(u32::from(self.decimals));
        let mut passed = 0;
        for parcel in self.piles.take(option) {
            // A value is at most one vote, the surplus less than the votes: the new value is no greater than the old one.
            let value = u128::from(parcel.value) * surplus / votes;
            passed += self.piles.pass_on(parcel, value as u64);
        }
        self.piles.set_votes(option, self.quota);
        self.lost += surplus - passed;
        self.record(Step::Surplus { option, value: Amount::new(one * surplus / votes, self.decimals) });
    }

    fn exclude_last(&mut self, left: &[u16]) {
        let least = left.iter().map(|option| self.piles.votes(*option)).min();
        let last: Vec<u16> = left.iter().copied().filter(|option| Some(self.piles.votes(*option)) == least).collect();
        let out = break_tie(&last, Wanted::Lowest, TiePurpose::Exclusion, &self.rounds, self.lot, &mut self.ties);
        let Some(out) = out else { return };
        self.piles.stop(out);
        self.excluded.push(out);
        for parcel in self.piles.take(out) {
            self.piles.pass_on(parcel, parcel.value);
        }
        self.record(Step::Exclude { options: vec![out] });
    }

    /// As many are left as there are seats.
    fn fill(&mut self, mut left: Vec<u16>) {
        let mut newly = Vec::new();
        while let Some(next) = self.most(&left, TiePurpose::Order) {
            left.retain(|option| *option != next);
            newly.push(next);
        }
        let Some(last) = self.rounds.last() else { return };
        self.rounds.push(Round { step: Step::Fill, elected: newly.clone(), ..last.clone() });
        self.elected.extend(newly);
    }
}
