//! Plurality and approval: each marked option receives the ballot's weight, the most votes win.
//!
//! A ballot with more marks than allowed counts for no option (an overvote), a ballot with none is
//! blank. An option without a single vote is never elected. Ties at the last seat are decided by
//! [`Lot`], and the report says between whom.

use super::{ContestReport, ContestTally, CountMethod, Lot, OptionResult, TallyError};
use crate::ballot::Selection;
use crate::election::Contest;

pub(super) struct Marks;

/// What a selection contributes to.
enum Kind<'a> {
    Blank,
    Overvote,
    Counted { marks: &'a [u16], under: bool },
}

fn classify<'a>(contest: &Contest, selection: &'a Selection) -> Kind<'a> {
    match selection {
        Selection::Blank => Kind::Blank,
        Selection::Marks(marks) if marks.is_empty() => Kind::Blank,
        Selection::Marks(marks) if marks.len() > usize::from(contest.max) => Kind::Overvote,
        Selection::Marks(marks) => Kind::Counted { marks, under: marks.len() < usize::from(contest.max) },
    }
}

/// Whether the marks exist, in ascending order: a single pass over the options finds no others.
fn can_be_counted(tally: &ContestTally, kind: &Kind<'_>) -> bool {
    let Kind::Counted { marks, .. } = kind else { return true };
    marks.is_sorted_by(|a, b| a < b) && marks.last().is_none_or(|last| usize::from(*last) < tally.options.len())
}

/// The sums that a selection contributes its weight to; [`can_be_counted`] holds.
fn affected<'a>(tally: &'a mut ContestTally, kind: &'a Kind<'a>) -> impl Iterator<Item = &'a mut u64> {
    let (special, marks) = match kind {
        Kind::Blank => (Some(&mut tally.blank), &[][..]),
        Kind::Overvote => (Some(&mut tally.overvotes), &[][..]),
        Kind::Counted { marks, under } => (under.then_some(&mut tally.undervotes), *marks),
    };
    // Marks ascend, so one pass over the options between the first and the last finds them all.
    let mut wanted = marks.iter().peekable();
    let first = marks.first().map_or(0, |mark| usize::from(*mark));
    let span = marks.last().map_or(0, |mark| usize::from(*mark) + 1 - first);
    let marked = tally.options.iter_mut().enumerate().skip(first).take(span);
    special.into_iter().chain(marked.filter_map(move |(at, sum)| wanted.next_if(|mark| usize::from(**mark) == at).map(|_| sum)))
}

impl CountMethod for Marks {
    fn add(&self, tally: &mut ContestTally, contest: &Contest, selection: &Selection, weight: u64) -> Result<(), TallyError> {
        // No other sum exceeds the sum of all weights, so this check covers them.
        let (ballots, total) = (tally.ballots.checked_add(1), tally.weight.checked_add(weight));
        let (Some(ballots), Some(total)) = (ballots, total) else { return Err(TallyError::Overflow) };
        let kind = classify(contest, selection);
        if !can_be_counted(tally, &kind) {
            return Err(TallyError::Mismatch);
        }
        (tally.ballots, tally.weight) = (ballots, total);
        for sum in affected(tally, &kind) {
            *sum += weight;
        }
        Ok(())
    }

    fn remove(&self, tally: &mut ContestTally, contest: &Contest, selection: &Selection, weight: u64) -> Result<(), TallyError> {
        let kind = classify(contest, selection);
        if !can_be_counted(tally, &kind) {
            return Err(TallyError::Mismatch);
        }
        let enough = tally.ballots > 0 && tally.weight >= weight && affected(tally, &kind).all(|sum| *sum >= weight);
        if !enough {
            return Err(TallyError::NotCounted);
        }
        tally.ballots -= 1;
        tally.weight -= weight;
        for sum in affected(tally, &kind) {
            *sum -= weight;
        }
        Ok(())
    }

    fn report(&self, tally: &ContestTally, contest: &Contest, lot: Lot) -> ContestReport {
        let mut by_votes: Vec<u16> = (0..contest.options.len() as u16).collect();
        let votes = |option: u16| tally.options.get(usize::from(option)).copied().unwrap_or(0);
        by_votes.sort_by_key(|option| std::cmp::Reverse(votes(*option)));

        let seats = usize::from(contest.seats);
        let mut winners: Vec<u16> = by_votes.iter().copied().filter(|option| votes(*option) > 0).collect();
        let mut decided_by_lot = Vec::new();
        if winners.len() > seats {
            let last = votes(winners[seats - 1]);
            if votes(winners[seats]) == last {
                decided_by_lot = winners.iter().copied().filter(|option| votes(*option) == last).collect();
                winners.sort_by_key(|option| (std::cmp::Reverse(votes(*option)), lot.rank(*option)));
            }
            winners.truncate(seats);
        }
        ContestReport {
            title: contest.title.clone(),
            method: contest.method,
            seats: contest.seats,
            options: by_votes
                .iter()
                .map(|option| OptionResult {
                    option: *option,
                    name: contest.options[usize::from(*option)].name.clone(),
                    votes: votes(*option),
                    elected: winners.contains(option),
                })
                .collect(),
            tally: tally.clone(),
            decided_by_lot,
        }
    }
}
