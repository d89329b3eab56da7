//! Ballots in piles, one per option: what single transferable vote and instant runoff move about.

use super::{Amount, Outcome, Profile, Round, Tie};

/// Ballots that say the same, lying on one pile with one value each.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parcel {
    /// Which ranking of the profile.
    ranking: usize,
    /// Its preference that it lies at.
    at: u16,
    /// Value of each ballot, in units.
    pub(super) value: u64,
}

/// The count at a moment.
pub(super) struct Piles<'a> {
    profile: &'a Profile,
    piles: Vec<Vec<Parcel>>,
    votes: Vec<u128>,
    /// Options that can still receive votes.
    continues: Vec<bool>,
    /// Votes of ballots that name nobody any more.
    pub(super) exhausted: u128,
}

impl<'a> Piles<'a> {
    /// Every ballot at its first preference, with the value of one vote.
    pub(super) fn new(profile: &'a Profile, one: u64) -> Self {
        let options = usize::from(profile.options);
        let mut continues = vec![false; options];
        for option in &profile.standing {
            continues[usize::from(*option)] = true;
        }
        let mut piles = Self { profile, piles: vec![Vec::new(); options], votes: vec![0; options], continues, exhausted: 0 };
        for ranking in 0..profile.len() {
            piles.lay(Parcel { ranking, at: 0, value: one });
        }
        piles
    }

    /// Options that can still receive votes, ascending.
    pub(super) fn continuing(&self) -> Vec<u16> {
        self.profile.standing.iter().copied().filter(|option| self.continues[usize::from(*option)]).collect()
    }

    /// An option receives no more votes.
    pub(super) fn stop(&mut self, option: u16) {
        self.continues[usize::from(option)] = false;
    }

    pub(super) fn votes(&self, option: u16) -> u128 {
        self.votes[usize::from(option)]
    }

    pub(super) fn set_votes(&mut self, option: u16, votes: u128) {
        self.votes[usize::from(option)] = votes;
    }

    pub(super) fn all_votes(&self) -> impl Iterator<Item = u128> + '_ {
        self.votes.iter().copied()
    }

    /// Takes an option's whole pile, and its votes.
    pub(super) fn take(&mut self, option: u16) -> Vec<Parcel> {
        self.votes[usize::from(option)] = 0;
        std::mem::take(&mut self.piles[usize::from(option)])
    }

    /// Lays ballots on the pile of their next preference that continues, each with a new value. What they are worth there, or as
    /// exhausted.
    pub(super) fn pass_on(&mut self, parcel: Parcel, value: u64) -> u128 {
        self.lay(Parcel { at: parcel.at + 1, value, ..parcel })
    }

    fn lay(&mut self, parcel: Parcel) -> u128 {
        let (ranking, weight) = self.profile.get(parcel.ranking);
        let worth = u128::from(weight) * u128::from(parcel.value); // 2^64 ballots of 10^9 units fit
        let from = usize::from(parcel.at);
        let next = ranking.iter().enumerate().skip(from).find(|(_, option)| self.continues[usize::from(**option)]);
        match next {
            None => self.exhausted += worth,
            Some((at, option)) => {
                // A worthless ballot would only be carried about.
                if parcel.value > 0 {
                    self.piles[usize::from(*option)].push(Parcel { at: at as u16, ..parcel });
                }
                self.votes[usize::from(*option)] += worth;
            }
        }
        worth
    }

    /// What the count led to: the elected, those left by their votes, and the excluded, the last one first.
    pub(super) fn outcome(self, elected: Vec<u16>, excluded: &[u16], rounds: Vec<Round>, ties: Vec<Tie>, decimals: u8) -> Outcome {
        let mut seats = vec![0; self.votes.len()];
        for option in &elected {
            seats[usize::from(*option)] = 1;
        }
        let mut left: Vec<u16> = self.profile.standing.clone();
        left.retain(|option| !elected.contains(option) && !excluded.contains(option));
        left.sort_by_key(|option| (std::cmp::Reverse(self.votes(*option)), *option));
        let order = elected.into_iter().chain(left).chain(excluded.iter().rev().copied()).collect();
        let totals = self.votes.iter().map(|votes| Amount::new(*votes, decimals)).collect();
        Outcome { totals, order, seats, rounds, pairs: None, ties }
    }
}
