//! Schulze's method: an option beats another if the strongest path of pairwise victories to it is stronger than the
//! one back. A victory is as strong as the number who prefer the winner.

use super::pairwise::{Matrix, order};
use super::{Amount, Equals, Gaps, Lot, Outcome, Pairs, Profile, RankedMethod};

/// Strongest paths.
#[derive(Debug, Clone, Copy)]
pub struct Schulze;

impl RankedMethod for Schulze {
    fn equals(&self) -> Equals {
        Equals::Keep
    }

    fn gaps(&self) -> Gaps {
        Gaps::Close
    }

    fn count(&self, profile: &Profile, seats: u16, lot: Lot) -> Outcome {
        let matrix = Matrix::of(profile);
        let paths = strongest_paths(profile, &matrix);
        let path = |a: u16, b: u16| paths[usize::from(a) * matrix.size + usize::from(b)];
        let beats = |a: u16, b: u16| path(a, b) > path(b, a);
        let outcome = order(profile, seats, lot, beats);
        let beaten = |a: u16| profile.standing.iter().filter(|b| beats(a, **b)).count() as u64;
        let totals = (0..profile.options).map(|option| Amount::whole(beaten(option))).collect();
        let pairs = Some(Pairs { preferences: matrix.cells.clone(), paths: paths.clone(), locked: Vec::new() });
        Outcome { totals, pairs, ..outcome }
    }
}

/// A path is as strong as its weakest victory (Floyd and Warshall's algorithm, for the widest path).
fn strongest_paths(profile: &Profile, matrix: &Matrix) -> Vec<u64> {
    let (size, standing) = (matrix.size, &profile.standing);
    let mut paths = vec![0u64; size * size];
    for a in standing {
        for b in standing {
            let (won, lost) = (matrix.get(*a, *b), matrix.get(*b, *a));
            if won > lost {
                paths[usize::from(*a) * size + usize::from(*b)] = won;
            }
        }
    }
    for via in standing.iter().map(|via| usize::from(*via)) {
        for from in standing.iter().map(|from| usize::from(*from)) {
            let there = paths[from * size + via];
            if from == via || there == 0 {
                continue;
            }
            for to in standing.iter().map(|to| usize::from(*to)) {
                let onward = paths[via * size + to];
                let path = &mut paths[from * size + to];
                if to != from && to != via {
                    *path = (*path).max(there.min(onward));
                }
            }
        }
    }
    paths
}
