//! Numbers that look random and are the same on every run, and what tests make of them.

use crate::ballot::Selection;
use crate::election::{BallotForm, Contest, CountMethodId};
use crate::ranking::Ranking;

/// SplitMix64 (Steele, Lea and Flood, 2014): a test names the seed of what fails, and finds it again.
#[derive(Debug, Clone)]
pub struct Numbers(u64);

impl Numbers {
    /// The numbers of a seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number, below a bound.
    ///
    /// # Panics
    /// If the bound is 0.
    pub const fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }

    /// The given items in some order.
    pub fn order<T>(&mut self, mut items: Vec<T>) -> Vec<T> {
        (0..items.len()).map(|_| items.swap_remove(self.below(items.len() as u64) as usize)).collect()
    }

    /// At least one of so many options, in some order.
    pub fn ranking(&mut self, options: u16) -> Vec<u16> {
        let mut ranking = self.order((0..options).collect());
        ranking.truncate(1 + self.below(u64::from(options)) as usize);
        ranking
    }

    /// A contest of five options with the limits usual for its method, of which two have withdrawn from time to time.
    pub fn contest(&mut self, method: CountMethodId) -> Contest {
        let plain = Contest::new(method.as_str(), method, ["a", "b", "c", "d", "e"]);
        let withdrawn = if self.below(3) == 0 { vec![1, 3] } else { vec![] };
        let seats = if method == CountMethodId::InstantRunoff { 1 } else { 1 + self.below(3) as u16 };
        Contest { seats, withdrawn, ..plain }
    }

    /// A selection that a contest accepts.
    pub fn selection(&mut self, contest: &Contest) -> Selection {
        let standing = (0..contest.options.len() as u16).filter(|option| !contest.withdrawn.contains(option)).collect();
        let mut some = self.order(standing);
        let most = usize::from(contest.max).min(some.len()) as u64;
        some.truncate(1 + self.below(most) as usize);
        match contest.method.form() {
            _ if self.below(10) == 0 => Selection::Blank,
            BallotForm::Ranking if contest.method.takes_equal_ranks() && some.len() > 2 => {
                let rest = some.split_off(1);
                Selection::Ranking(Ranking::from_tiers([some, rest]))
            }
            BallotForm::Ranking => Selection::Ranking(Ranking::strict(some)),
            form => {
                some.sort_unstable();
                match form {
                    BallotForm::Scores => Selection::Scores(some.iter().map(|option| (*option, self.below(6) as u16)).collect()),
                    _ => Selection::Marks(some),
                }
            }
        }
    }
}
