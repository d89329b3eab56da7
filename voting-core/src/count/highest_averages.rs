//! Proportional lists: seat by seat to the list with the highest average.
//!
//! A list's average is its votes divided by a divisor that grows with the seats it has: 1, 2, 3, … (D'Hondt) or
//! 1, 3, 5, … (Sainte-Laguë). A list without votes gets no seat. Of equal averages the one of the list with more votes
//! comes first; equal votes are decided by lot, once for the whole contest.

use std::cmp::Ordering;

use super::{Amount, Lot, Outcome, Round, Step, SumMethod, Sums, Tie, TieBreak, TiePurpose};

/// Divisors 1, 2, 3, …
#[derive(Debug, Clone, Copy)]
pub struct DHondt;

/// Divisors 1, 3, 5, …
#[derive(Debug, Clone, Copy)]
pub struct SainteLague;

impl SumMethod for DHondt {
    fn count(&self, sums: &Sums, seats: u16, lot: Lot) -> Outcome {
        allocate(sums, seats, lot, |won| u64::from(won) + 1)
    }
}

impl SumMethod for SainteLague {
    fn count(&self, sums: &Sums, seats: u16, lot: Lot) -> Outcome {
        allocate(sums, seats, lot, |won| 2 * u64::from(won) + 1)
    }
}

fn allocate(sums: &Sums, seats: u16, lot: Lot, divisor: impl Fn(u16) -> u64) -> Outcome {
    let votes = |option: u16| sums.options.get(usize::from(option)).copied().unwrap_or(0);
    let candidates: Vec<u16> = lot.order(sums.standing.iter().copied().filter(|option| votes(*option) > 0));
    let mut won = vec![0u16; sums.options.len()];
    let (mut rounds, mut ties, mut elected) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..u32::from(seats) {
        let average = |option: u16| (votes(option), divisor(won[usize::from(option)]));
        // Votes and divisors are u64, so products of them fit.
        let compare =
            |(a, d): (u64, u64), (b, e): (u64, u64)| (u128::from(a) * u128::from(e)).cmp(&(u128::from(b) * u128::from(d)));
        let rank = |a: u16, b: u16| compare(average(a), average(b)).then(votes(a).cmp(&votes(b)));
        let Some(best) =
            candidates.iter().copied().reduce(|best, next| if rank(next, best) == Ordering::Greater { next } else { best })
        else {
            break;
        };
        let mut tied: Vec<u16> = candidates.iter().copied().filter(|option| rank(*option, best) == Ordering::Equal).collect();
        if tied.len() > 1 {
            tied.sort_unstable();
            ties.push(Tie { round, purpose: TiePurpose::Election, options: tied, picked: vec![best], by: TieBreak::Lot });
        }
        let (votes, divisor) = average(best);
        won[usize::from(best)] += 1;
        if !elected.contains(&best) {
            elected.push(best);
        }
        rounds.push(Round {
            step: Step::Seat { option: best, votes, divisor },
            votes: won.iter().map(|seats| Amount::whole(u64::from(*seats))).collect(),
            exhausted: Amount::default(),
            lost: Amount::default(),
            quota: None,
            keep: Vec::new(),
            elected: vec![best],
        });
    }
    let mut others: Vec<u16> = sums.standing.iter().copied().filter(|option| !elected.contains(option)).collect();
    others.sort_by_key(|option| std::cmp::Reverse(votes(*option)));
    elected.sort_by_key(|option| std::cmp::Reverse(won[usize::from(*option)])); // stable: first come first
    elected.extend(others);
    let totals = sums.options.iter().map(|votes| Amount::whole(*votes)).collect();
    Outcome { totals, order: elected, seats: won, rounds, ties, ..Outcome::default() }
}
