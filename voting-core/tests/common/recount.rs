//! A count by hand: slow, obvious, and sharing nothing with the counting it checks but the words of the rules.

use std::collections::BTreeSet;

use sha2::{Digest as _, Sha256};
use voting_core::ballot::Selection;
use voting_core::count::Amount;
use voting_core::election::{Contest, ElectionDefinition};
use voting_core::ids::Digest;
use voting_core::tally::{ContestReport, Counts, ElectionReport, OptionResult};

/// The selections of one ballot with its weight.
pub(crate) type Counted = (Vec<Selection>, u64);

/// Counts all ballots anew.
pub(crate) fn recount(definition: &ElectionDefinition, ballots: &[Counted], seed: Digest) -> ElectionReport {
    let contest = |(at, contest): (usize, &Contest)| {
        let selections: Vec<_> = ballots.iter().map(|(selections, weight)| (&selections[at], *weight)).collect();
        recount_contest(contest, &selections, seed, at as u16)
    };
    ElectionReport { election: definition.id, seed, contests: definition.contests.iter().enumerate().map(contest).collect() }
}

/// Counts one contest, the `at`th of its election.
pub(crate) fn recount_contest(contest: &Contest, ballots: &[(&Selection, u64)], seed: Digest, at: u16) -> ContestReport {
    let marks_of = |selection: &Selection| match selection {
        Selection::Marks(marks) => marks.clone(),
        _ => vec![],
    };
    let weigh = |wanted: &dyn Fn(&[u16]) -> bool| -> u64 {
        ballots.iter().filter(|(selection, _)| wanted(&marks_of(selection))).map(|(_, weight)| weight).sum()
    };
    let max = usize::from(contest.max);
    let options = 0..contest.options.len() as u16;
    let votes: Vec<u64> = options.clone().map(|option| weigh(&|marks| marks.len() <= max && marks.contains(&option))).collect();
    let counts = Counts {
        ballots: ballots.len() as u64,
        weight: weigh(&|_| true),
        blank: weigh(&|marks| marks.is_empty()),
        undervotes: weigh(&|marks| !marks.is_empty() && marks.len() < max),
        overvotes: weigh(&|marks| marks.len() > max),
        rankings: 0,
    };

    let votes_of = |option: u16| votes[usize::from(option)];
    let ahead = |option: u16| options.clone().filter(|other| votes_of(*other) > votes_of(option)).count();
    let tied = |option: u16| options.clone().filter(move |other| votes_of(*other) == votes_of(option));
    let seats = usize::from(contest.seats);
    let on_the_line = |option: u16| votes_of(option) > 0 && ahead(option) < seats && ahead(option) + tied(option).count() > seats;
    let elected = |option: u16| {
        let luckier = tied(option).filter(|other| lot(seed, at, *other) < lot(seed, at, option)).count();
        votes_of(option) > 0 && ahead(option) + if on_the_line(option) { luckier } else { 0 } < seats
    };
    let mut places: Vec<u16> = options.clone().collect();
    let drawn = |option: u16| if on_the_line(option) && elected(option) { lot(seed, at, option) } else { [0; 32] };
    places.sort_by_key(|option| (!elected(*option), ahead(*option), drawn(*option), *option));
    let line = |option: &u16| OptionResult {
        option: *option,
        name: contest.options[usize::from(*option)].name.clone(),
        votes: votes_of(*option),
        total: Amount::whole(votes_of(*option)),
        seats: u16::from(elected(*option)),
    };
    ContestReport {
        title: contest.title.clone(),
        method: contest.method,
        seats: contest.seats,
        options: places.iter().map(line).collect(),
        counts,
        decided_by_lot: options.clone().filter(|option| on_the_line(*option)).collect(),
        verdict: None,
    }
}

/// Rank in the lot: SHA-256 over the tag with its length, the seed, the contest and the option.
fn lot(seed: Digest, contest: u16, option: u16) -> [u8; 32] {
    const TAG: &str = "voting/lot/v1";
    let parts = [&[TAG.len() as u8], TAG.as_bytes(), &seed.0, &contest.to_le_bytes(), &option.to_le_bytes()];
    Sha256::digest(parts.concat()).into()
}

/// Whether a contest accepts a selection, or the code of its refusal.
pub(crate) fn judge(contest: &Contest, selection: &Selection) -> Result<(), &'static str> {
    let marks = match selection {
        Selection::Blank if contest.allow_blank => return Ok(()),
        Selection::Blank => return Err("blank_not_allowed"),
        Selection::Marks(marks) => marks,
        _ => return Err("wrong_form"),
    };
    let in_order: Vec<u16> = marks.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
    let known = marks.iter().all(|mark| usize::from(*mark) < contest.options.len());
    match marks.len() {
        _ if *marks != in_order => Err("marks_out_of_order"),
        _ if !known => Err("unknown_option"),
        marked if marked > usize::from(contest.max) => Err("overvote"),
        marked if marked < usize::from(contest.min) => Err("undervote"),
        _ => Ok(()),
    }
}
