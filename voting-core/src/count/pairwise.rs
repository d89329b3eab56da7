//! Options compared in pairs, and orders made of victories.

use super::{Lot, Outcome, Profile, Tie, TieBreak, TiePurpose};

/// How many prefer one option to another: `a` to `b` at `a · n + b`.
pub(super) struct Matrix {
    pub(super) size: usize,
    pub(super) cells: Vec<u64>,
}

impl Matrix {
    /// Every ballot prefers what it ranks to what it ranks lower, and to what it does not rank.
    pub(super) fn of(profile: &Profile) -> Self {
        let size = usize::from(profile.options);
        let mut cells = vec![0u64; size * size];
        let mut below = Vec::with_capacity(profile.standing.len());
        for (tiers, weight) in profile.tiers() {
            below.clear();
            below.extend_from_slice(&profile.standing);
            for tier in tiers {
                below.retain(|option| tier.options().all(|ranked| ranked != *option));
                for winner in tier.options() {
                    let row = usize::from(winner) * size;
                    for loser in &below {
                        cells[row + usize::from(*loser)] += weight; // no more than the weight of all ballots
                    }
                }
            }
        }
        Self { size, cells }
    }

    pub(super) fn get(&self, a: u16, b: u16) -> u64 {
        self.cells[usize::from(a) * self.size + usize::from(b)]
    }
}

/// An order of all options in which each stands above those it beats, and who is elected. `beats` is transitive. Those who do not beat
/// each other and are beaten by the same are ordered by lot.
pub(super) fn order(profile: &Profile, seats: u16, lot: Lot, beats: impl Fn(u16, u16) -> bool) -> Outcome {
    let mut left = profile.standing.clone();
    let (mut order, mut ties) = (Vec::new(), Vec::new());
    while !left.is_empty() {
        let level: Vec<u16> = left.iter().copied().filter(|option| !left.iter().any(|other| beats(*other, *option))).collect();
        if level.is_empty() {
            break; // no relation that is transitive and beats nobody by themselves comes here
        }
        left.retain(|option| !level.contains(option));
        let picked = lot.order(level.iter().copied());
        if level.len() > 1 {
            let cut = usize::from(seats).saturating_sub(order.len());
            let purpose = if (1..level.len()).contains(&cut) { TiePurpose::Election } else { TiePurpose::Order };
            ties.push(Tie { round: 0, purpose, options: level, picked: picked.clone(), by: TieBreak::Lot });
        }
        order.extend(picked);
    }
    let mut won = vec![0; usize::from(profile.options)];
    if !profile.is_empty() {
        for option in order.iter().take(usize::from(seats)) {
            won[usize::from(*option)] = 1;
        }
    }
    Outcome { order, seats: won, ties, ..Outcome::default() }
}
