//! Ranked pairs: pairwise victories are locked in from the strongest to the weakest, leaving out each that would close a
//! circle with those before it.
//!
//! A victory is stronger if more prefer the winner; of equal ones the one with fewer who prefer the loser; of those the
//! one whose winner stands higher in the lot, and then the one whose loser stands lower.

use std::cmp::Reverse;

use super::pairwise::{Matrix, order};
use super::{Amount, Equals, Gaps, Lot, Outcome, Pairs, Profile, RankedMethod, Tie, TieBreak, TiePurpose};

/// Victories locked in, strongest first.
#[derive(Debug, Clone, Copy)]
pub struct RankedPairs;

#[derive(Debug, Clone, Copy)]
struct Victory {
    winner: u16,
    loser: u16,
    won: u64,
    lost: u64,
}

impl RankedMethod for RankedPairs {
    fn equals(&self) -> Equals {
        Equals::Keep
    }

    fn gaps(&self) -> Gaps {
        Gaps::Close
    }

    fn count(&self, profile: &Profile, seats: u16, lot: Lot) -> Outcome {
        let matrix = Matrix::of(profile);
        let mut place = vec![0usize; matrix.size];
        for (at, option) in lot.order(profile.standing.iter().copied()).into_iter().enumerate() {
            place[usize::from(option)] = at;
        }
        let mut victories = victories(profile, &matrix);
        victories.sort_by_key(|v| (Reverse(v.won), v.lost, place[usize::from(v.winner)], Reverse(place[usize::from(v.loser)])));

        // What stands above what, by what is locked in so far.
        let mut above = vec![false; matrix.size * matrix.size];
        let (mut locked, mut ties) = (Vec::new(), Vec::new());
        for equal in victories.chunk_by(|a, b| (a.won, a.lost) == (b.won, b.lost)) {
            let before = locked.len();
            for victory in equal {
                if !above[usize::from(victory.loser) * matrix.size + usize::from(victory.winner)] {
                    lock(&mut above, &profile.standing, matrix.size, *victory);
                    locked.push((victory.winner, victory.loser));
                }
            }
            // Had the lot ordered them otherwise, another may have been left out.
            if equal.len() > 1 && locked.len() - before < equal.len() {
                let mut options: Vec<u16> = equal.iter().flat_map(|victory| [victory.winner, victory.loser]).collect();
                options.sort_unstable();
                options.dedup();
                let picked = equal.iter().map(|victory| victory.winner).take(1).collect();
                ties.push(Tie { round: 0, purpose: TiePurpose::Election, options, picked, by: TieBreak::Lot });
            }
        }
        let beats = |a: u16, b: u16| above[usize::from(a) * matrix.size + usize::from(b)];
        let mut outcome = order(profile, seats, lot, beats);
        let beaten = |a: u16| profile.standing.iter().filter(|b| beats(a, **b)).count() as u64;
        let totals = (0..profile.options).map(|option| Amount::whole(beaten(option))).collect();
        ties.append(&mut outcome.ties);
        let pairs = Some(Pairs { preferences: matrix.cells.clone(), paths: Vec::new(), locked });
        Outcome { totals, pairs, ties, ..outcome }
    }
}

fn victories(profile: &Profile, matrix: &Matrix) -> Vec<Victory> {
    let mut victories = Vec::new();
    for winner in &profile.standing {
        for loser in &profile.standing {
            let (won, lost) = (matrix.get(*winner, *loser), matrix.get(*loser, *winner));
            if won > lost {
                victories.push(Victory { winner: *winner, loser: *loser, won, lost });
            }
        }
    }
    victories
}

/// Everything at or above the winner now stands above everything at or below the loser.
fn lock(above: &mut [bool], standing: &[u16], size: usize, victory: Victory) {
    let (winner, loser) = (usize::from(victory.winner), usize::from(victory.loser));
    if above[winner * size + loser] {
        return;
    }
    let at = |option: &u16| usize::from(*option);
    let tops: Vec<usize> = standing.iter().map(at).filter(|a| *a == winner || above[a * size + winner]).collect();
    let bottoms: Vec<usize> = standing.iter().map(at).filter(|b| *b == loser || above[loser * size + b]).collect();
    for top in tops {
        for bottom in &bottoms {
            above[top * size + bottom] = true;
        }
    }
}
