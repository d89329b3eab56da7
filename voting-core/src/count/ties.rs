//! Ties between options in a count by rounds, and between sums.

use std::cmp::Reverse;

use super::{Lot, Round, Tie, TieBreak, TiePurpose};

/// Which end of the field is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    Highest,
    Lowest,
}

/// Picks one of several options with the same votes now: by the latest earlier round in which they differed, and among
/// those whom no round separates by lot. `rounds` ends with the present one.
pub(super) fn break_tie(
    options: &[u16],
    wanted: Wanted,
    purpose: TiePurpose,
    rounds: &[Round],
    lot: Lot,
    ties: &mut Vec<Tie>,
) -> Option<u16> {
    let (first, others) = options.split_first()?;
    if others.is_empty() {
        return Some(*first);
    }
    let mut left = options.to_vec();
    left.sort_unstable();
    let tied = left.clone();
    let now = rounds.len().saturating_sub(1);
    let mut by = TieBreak::Lot;
    for (at, round) in rounds.iter().enumerate().take(now).rev() {
        let votes = |option: &u16| round.votes.get(usize::from(*option)).map_or(0, |amount| amount.units);
        let best = match wanted {
            Wanted::Highest => left.iter().map(votes).max(),
            Wanted::Lowest => left.iter().map(votes).min(),
        };
        left.retain(|option| Some(votes(option)) == best);
        if left.len() == 1 {
            by = TieBreak::EarlierRound(at as u32);
            break;
        }
    }
    let picked = match (left.as_slice(), wanted) {
        ([one], _) => Some(*one),
        (_, Wanted::Highest) => lot.order(left.iter().copied()).first().copied(),
        (_, Wanted::Lowest) => lot.order(left.iter().copied()).last().copied(),
    }?;
    ties.push(Tie { round: now as u32, purpose, options: tied, picked: vec![picked], by });
    Some(picked)
}

/// Who wins by the highest sums.
pub(super) struct Highest {
    /// Winners first, then the others, each by sum; the tied at the last seat in the order of the lot.
    pub(super) order: Vec<u16>,
    /// Per option, 1 for a winner.
    pub(super) seats: Vec<u16>,
    pub(super) ties: Vec<Tie>,
}

/// The options with the highest sums, none without any. A tie at the last seat is decided by lot.
pub(super) fn highest(sums: &[u128], standing: &[u16], seats: u16, lot: Lot) -> Highest {
    let sum = |option: u16| sums.get(usize::from(option)).copied().unwrap_or(0);
    let mut order = standing.to_vec();
    order.sort_by_key(|option| (Reverse(sum(*option)), *option));
    let supported = order.iter().take_while(|option| sum(**option) > 0).count();
    let winners = supported.min(usize::from(seats));
    let mut ties = Vec::new();
    if winners > 0 && winners < supported && sum(order[winners - 1]) == sum(order[winners]) {
        let line = sum(order[winners]);
        let start = order.iter().take_while(|option| sum(**option) > line).count();
        let tied = order.iter().filter(|option| sum(**option) == line).count();
        let options = order[start..start + tied].to_vec();
        let mut picked = lot.order(options.iter().copied());
        picked.truncate(winners - start);
        let others = options.iter().copied().filter(|option| !picked.contains(option));
        let drawn: Vec<u16> = picked.iter().copied().chain(others).collect();
        order[start..start + tied].copy_from_slice(&drawn);
        ties.push(Tie { round: 0, purpose: TiePurpose::Election, options, picked, by: TieBreak::Lot });
    }
    let mut won = vec![0; sums.len()];
    for option in &order[..winners] {
        won[usize::from(*option)] = 1;
    }
    Highest { order, seats: won, ties }
}
