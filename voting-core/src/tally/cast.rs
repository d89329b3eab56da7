//! What one ballot changes in a running tally. Constant time, but for the length of the ballot.

use super::{ContestTally, TallyError};
use crate::ballot::Selection;
use crate::election::{BallotForm, Contest};

/// What a selection contributes to.
enum Kind {
    /// To nobody, on purpose.
    Blank,
    /// To nobody, because it says too much.
    Overvote,
    /// To options; `under` if it says less than it may.
    Counted { under: bool },
}

/// Sums that a selection changes, and by how much a ballot of weight 1 does.
struct Effect<'a> {
    kind: Kind,
    /// Per option named, ascending.
    points: Vec<(u16, u64)>,
    ranking: Option<&'a crate::ranking::Ranking>,
}

fn effect<'a>(contest: &Contest, selection: &'a Selection) -> Result<Effect<'a>, TallyError> {
    let of = |kind, points, ranking| Ok(Effect { kind, points, ranking });
    let limit = usize::from(contest.max);
    let counted = |named: usize| Kind::Counted { under: named < limit };
    let effect = match (selection, contest.method.form()) {
        (Selection::Blank, _) => of(Kind::Blank, Vec::new(), None),
        (Selection::Marks(marks), BallotForm::Marks) => match marks.len() {
            0 => of(Kind::Blank, Vec::new(), None),
            named if named > limit => of(Kind::Overvote, Vec::new(), None),
            named => of(counted(named), marks.iter().map(|mark| (*mark, 1)).collect(), None),
        },
        (Selection::Scores(scores), BallotForm::Scores) => match scores.len() {
            0 => of(Kind::Blank, Vec::new(), None),
            named if named > limit || scores.iter().any(|(_, score)| *score > contest.max_score) => {
                of(Kind::Overvote, Vec::new(), None)
            }
            named => of(counted(named), scores.iter().map(|(option, score)| (*option, u64::from(*score))).collect(), None),
        },
        (Selection::Ranking(ranking), BallotForm::Ranking) => {
            if ranking.is_empty() {
                return of(Kind::Blank, Vec::new(), None);
            }
            let named = ranking.options().count();
            if ranking.options().any(|option| usize::from(option) >= contest.options.len()) {
                return Err(TallyError::Mismatch);
            }
            let first = ranking.tiers().find(|tier| !tier.is_skipped()).and_then(crate::ranking::Tier::single);
            of(counted(named), first.map(|option| (option, 1)).into_iter().collect(), Some(ranking))
        }
        _ => Err(TallyError::Mismatch),
    }?;
    let ascending = effect.points.is_sorted_by(|(a, _), (b, _)| a < b);
    let exist = effect.points.last().is_none_or(|(last, _)| usize::from(*last) < contest.options.len());
    if ascending && exist { Ok(effect) } else { Err(TallyError::Mismatch) }
}

pub(super) fn add(tally: &mut ContestTally, contest: &Contest, selection: &Selection, weight: u64) -> Result<(), TallyError> {
    let effect = effect(contest, selection)?;
    let (ballots, total) = (tally.ballots.checked_add(1), tally.weight.checked_add(weight));
    let (Some(ballots), Some(total)) = (ballots, total) else { return Err(TallyError::Overflow) };
    // Scores can exceed the sum of weights; everything else is a part of it.
    let mut sums = Vec::with_capacity(effect.points.len());
    for (option, points) in &effect.points {
        let sum = tally.options.get(usize::from(*option)).ok_or(TallyError::Mismatch)?;
        let more = points.checked_mul(weight).and_then(|more| sum.checked_add(more)).ok_or(TallyError::Overflow)?;
        sums.push((usize::from(*option), more));
    }
    for (option, sum) in sums {
        tally.options[option] = sum;
    }
    (tally.ballots, tally.weight) = (ballots, total);
    match effect.kind {
        Kind::Blank => tally.blank += weight,
        Kind::Overvote => tally.overvotes += weight,
        Kind::Counted { under } => tally.undervotes += if under { weight } else { 0 },
    }
    if let Some(ranking) = effect.ranking {
        tally.rankings.add(ranking, weight);
    }
    Ok(())
}

pub(super) fn remove(tally: &mut ContestTally, contest: &Contest, selection: &Selection, weight: u64) -> Result<(), TallyError> {
    let effect = effect(contest, selection)?;
    let mut left = tally.clone(); // rankings are shared, not copied
    let less = |sum: &mut u64, by: u64| {
        *sum = sum.checked_sub(by).ok_or(TallyError::NotCounted)?;
        Ok(())
    };
    less(&mut left.ballots, 1)?;
    less(&mut left.weight, weight)?;
    for (option, points) in &effect.points {
        let sum = left.options.get_mut(usize::from(*option)).ok_or(TallyError::Mismatch)?;
        less(sum, points.checked_mul(weight).ok_or(TallyError::NotCounted)?)?;
    }
    match effect.kind {
        Kind::Blank => less(&mut left.blank, weight)?,
        Kind::Overvote => less(&mut left.overvotes, weight)?,
        Kind::Counted { under } => less(&mut left.undervotes, if under { weight } else { 0 })?,
    }
    if let Some(ranking) = effect.ranking {
        left.rankings.remove(ranking, weight)?;
    }
    *tally = left;
    Ok(())
}
