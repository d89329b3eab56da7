//! Counting by plurality and approval: against a count by hand, and by the laws that any fair count obeys.

use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::*;
use voting_core::ballot::{BallotError, Selection};
use voting_core::codec::Canonical;
use voting_core::election::{Contest, CountMethodId, ElectionDefinition, MAX_WEIGHT};
use voting_core::ids::Digest;
use voting_core::state::Refusal;
use voting_core::tally::{ContestReport, ContestTally, ElectionReport, ElectionTally, Lot, TallyError, count_method};
use voting_core::testing::{Numbers, definition};

use crate::common::marks;
use crate::common::recount::{Counted, judge, recount, recount_contest};

/// Seats, fewest and most marks, options.
fn contest(method: CountMethodId, seats: u16, min: u16, max: u16, options: u16) -> Contest {
    let options = (0..options).map(|option| format!("option {option}"));
    Contest { seats, min, max, ..Contest::new("Which?", method, options) }
}

fn election(contests: Vec<Contest>) -> ElectionDefinition {
    ElectionDefinition { contests, ..definition(1, &["unused"]) }
}

fn count(definition: &ElectionDefinition, ballots: &[Counted]) -> ElectionTally {
    let mut tally = ElectionTally::new(definition);
    for (selections, weight) in ballots {
        tally.add(definition, selections, *weight).expect("a ballot of this election");
    }
    tally
}

fn seed(number: u64) -> Digest {
    Digest::of_parts("voting/test-seed/v1", &[&number.to_le_bytes()])
}

fn winners(report: &ElectionReport, contest: usize) -> BTreeSet<u16> {
    report.contests[contest].options.iter().filter(|option| option.elected()).map(|option| option.option).collect()
}

fn random_contest(numbers: &mut Numbers) -> Contest {
    let options = 1 + numbers.below(7) as u16;
    let max = 1 + numbers.below(u64::from(options)) as u16;
    let (min, seats) = (1 + numbers.below(u64::from(max)) as u16, 1 + numbers.below(u64::from(options)) as u16);
    let method = if numbers.below(2) == 0 { CountMethodId::Plurality } else { CountMethodId::Approval };
    Contest { allow_blank: numbers.below(2) == 0, ..contest(method, seats, min, max, options) }
}

/// Any selection of existing options, by the contest's rules or not.
fn random_selection(numbers: &mut Numbers, contest: &Contest) -> Selection {
    match numbers.below(8) {
        0 => Selection::Blank,
        1 => Selection::Marks(vec![]),
        _ => Selection::Marks((0..contest.options.len() as u16).filter(|_| numbers.below(3) == 0).collect()),
    }
}

#[test]
fn ten_thousand_contests_agree_with_a_count_by_hand() {
    let (mut lots, mut overvotes, mut undervotes, mut blanks, mut nobody) = (0, 0, 0, 0, 0);
    for number in 0..10_000 {
        let mut numbers = Numbers::new(number);
        let contest = random_contest(&mut numbers);
        let ballots: Vec<_> =
            (0..numbers.below(20)).map(|_| (random_selection(&mut numbers, &contest), 1 + numbers.below(3))).collect();
        let at = numbers.below(50) as u16;
        let mut tally = ContestTally::new(&contest);
        for (selection, weight) in &ballots {
            tally.add(&contest, selection, *weight).expect("existing options");
        }
        let (outcome, verdict) = count_method(contest.method).count(&contest, &tally, Lot { seed: seed(number), contest: at }, 0);
        let report = ContestReport::of(&contest, &tally, &outcome, verdict);
        let by_hand: Vec<_> = ballots.iter().map(|(selection, weight)| (selection, *weight)).collect();
        assert_eq!(report, recount_contest(&contest, &by_hand, seed(number), at), "contest {number}: {contest:?} {ballots:?}");
        lots += u32::from(!report.decided_by_lot.is_empty());
        overvotes += u32::from(tally.overvotes > 0);
        undervotes += u32::from(tally.undervotes > 0);
        blanks += u32::from(tally.blank > 0);
        nobody += u32::from(report.options.iter().all(|option| !option.elected()));
    }
    let seen = [lots, overvotes, undervotes, blanks, nobody];
    assert!(seen.iter().all(|times| *times > 300), "each happens often enough to be compared: {seen:?}");
}

#[test]
fn ten_thousand_selections_are_accepted_by_the_rules_of_their_contest() {
    let mut refused = BTreeSet::new();
    for number in 0..10_000 {
        let mut numbers = Numbers::new(number);
        let contest = random_contest(&mut numbers);
        let mut selection = random_selection(&mut numbers, &contest);
        if let Selection::Marks(marks) = &mut selection {
            match numbers.below(6) {
                0 => marks.push(numbers.below(9) as u16), // may be out of order, repeated or unknown
                1 => marks.reverse(),
                _ => {}
            }
        }
        let expected = judge(&contest, &selection);
        let refusal = |reason| Refusal::Ballot(BallotError::Selection { contest: 0, reason });
        let actual = selection.check(&contest).map_err(|reason| refusal(reason).code());
        assert_eq!(actual, expected, "selection {number}: {selection:?} in {contest:?}");
        refused.extend(actual.err());
    }
    assert_eq!(refused.len(), 5, "{refused:?}");
}

/// An election of one to three contests, and up to thirty ballots of weights from 1 to 4.
fn elections() -> impl Strategy<Value = (ElectionDefinition, Vec<Counted>)> {
    let one = (any::<bool>(), 1u16..=5).prop_flat_map(|(plurality, options)| {
        let method = if plurality { CountMethodId::Plurality } else { CountMethodId::Approval };
        (1..=options, 1..=options).prop_map(move |(seats, max)| contest(method, seats, 1, max, options))
    });
    vec(one, 1..=3).prop_flat_map(|contests| {
        let selections: Vec<_> = contests
            .iter()
            .map(|contest| {
                let all: Vec<u16> = (0..contest.options.len() as u16).collect();
                prop_oneof![
                    1 => Just(Selection::Blank),
                    6 => proptest::sample::subsequence(all, 1..=contest.options.len()).prop_map(Selection::Marks),
                ]
            })
            .collect();
        (Just(election(contests)), vec((selections, 1u64..=4), 0..30))
    })
}

proptest! {
    #[test]
    fn the_order_of_ballots_does_not_matter(
        ((definition, ballots), shuffled) in elections().prop_flat_map(|(definition, ballots)| {
            (Just((definition, ballots.clone())), Just(ballots).prop_shuffle())
        }),
    ) {
        prop_assert_eq!(count(&definition, &ballots), count(&definition, &shuffled));
    }

    #[test]
    fn a_whole_election_agrees_with_a_count_by_hand((definition, ballots) in elections(), lot in any::<u64>()) {
        let report = count(&definition, &ballots).report(&definition, seed(lot), 0);
        prop_assert_eq!(&report, &recount(&definition, &ballots, seed(lot)));
        prop_assert_eq!(ElectionReport::from_canonical(&report.to_canonical()), Ok(report));
    }

    /// Options renamed and moved on the ballot get the same votes, and where no lot is drawn the same seats.
    #[test]
    fn no_option_is_favoured_for_its_place((definition, ballots) in elections(), turn in 1u16..5) {
        let moved_to = |contest: usize, option: u16| {
            let options = definition.contests[contest].options.len() as u16;
            (option + turn) % options
        };
        let moved: Vec<Counted> = ballots
            .iter()
            .map(|(selections, weight)| {
                let move_marks = |(at, selection): (usize, &Selection)| match selection {
                    Selection::Marks(marks) => {
                        let mut marks: Vec<_> = marks.iter().map(|mark| moved_to(at, *mark)).collect();
                        marks.sort_unstable();
                        Selection::Marks(marks)
                    }
                    other => other.clone(),
                };
                (selections.iter().enumerate().map(move_marks).collect(), *weight)
            })
            .collect();
        let [here, there] = [&ballots, &moved].map(|ballots| count(&definition, ballots));
        let [before, after] = [&here, &there].map(|tally| tally.report(&definition, seed(0), 0));
        for at in 0..definition.contests.len() {
            for (option, votes) in here.0[at].options.iter().enumerate() {
                prop_assert_eq!(*votes, there.0[at].options[usize::from(moved_to(at, option as u16))]);
            }
            let moved_lot: BTreeSet<_> = before.contests[at].decided_by_lot.iter().map(|option| moved_to(at, *option)).collect();
            prop_assert_eq!(&moved_lot, &after.contests[at].decided_by_lot.iter().copied().collect());
            if moved_lot.is_empty() {
                let moved_winners: BTreeSet<_> = winners(&before, at).iter().map(|option| moved_to(at, *option)).collect();
                prop_assert_eq!(moved_winners, winners(&after, at));
            }
        }
    }

    #[test]
    fn tallies_of_parts_merge_into_the_tally_of_the_whole((definition, ballots) in elections(), cuts in (0usize..30, 0usize..30)) {
        let (low, high) = (cuts.0.min(cuts.1).min(ballots.len()), cuts.0.max(cuts.1).min(ballots.len()));
        let parts = [&ballots[..low], &ballots[low..high], &ballots[high..]].map(|part| count(&definition, part));
        let merge = |order: [usize; 3]| {
            let mut merged = ElectionTally::new(&definition);
            for part in order {
                merged.merge(&parts[part]).expect("of the same election");
            }
            merged
        };
        let whole = count(&definition, &ballots);
        prop_assert_eq!(&merge([0, 1, 2]), &whole);
        prop_assert_eq!(&merge([2, 0, 1]), &whole, "in any order");
        let mut right = parts[1].clone();
        right.merge(&parts[2]).expect("of the same election");
        let mut grouped = parts[0].clone();
        grouped.merge(&right).expect("of the same election");
        prop_assert_eq!(&grouped, &whole, "grouped in any way");
    }

    #[test]
    fn a_weight_is_so_many_ballots((definition, ballots) in elections()) {
        let one_each: Vec<Counted> =
            ballots.iter().flat_map(|(selections, weight)| (0..*weight).map(|_| (selections.clone(), 1))).collect();
        let (weighted, mut repeated) = (count(&definition, &ballots), count(&definition, &one_each));
        for (repeated, weighted) in repeated.0.iter_mut().zip(&weighted.0) {
            prop_assert_eq!(repeated.ballots, weighted.weight, "only the number of ballots tells them apart");
            repeated.ballots = weighted.ballots;
        }
        prop_assert_eq!(repeated, weighted);
    }

    #[test]
    fn a_ballot_taken_back_leaves_no_trace((definition, ballots) in elections(), pick in any::<proptest::sample::Index>()) {
        prop_assume!(!ballots.is_empty());
        let mut rest = ballots.clone();
        let (selections, weight) = rest.remove(pick.index(ballots.len()));
        let mut tally = count(&definition, &ballots);
        tally.remove(&definition, &selections, weight).expect("it was counted");
        prop_assert_eq!(tally, count(&definition, &rest));
    }

    /// More votes for an option never cost it its seat.
    #[test]
    fn one_more_vote_does_no_harm((definition, ballots) in elections(), weight in 1u64..5, lot in any::<u64>()) {
        let before = count(&definition, &ballots).report(&definition, seed(lot), 0);
        for winner in winners(&before, 0) {
            let mut selections = vec![Selection::Blank; definition.contests.len()];
            selections[0] = marks(&[winner]);
            let after = count(&definition, &[ballots.clone(), vec![(selections, weight)]].concat());
            prop_assert!(winners(&after.report(&definition, seed(lot), 0), 0).contains(&winner));
        }
    }

    /// Sums: every ballot is blank, void or counted, and nobody gets more than was cast.
    #[test]
    fn the_sums_add_up((definition, ballots) in elections(), lot in any::<u64>()) {
        let tally = count(&definition, &ballots);
        let report = tally.report(&definition, seed(lot), 0);
        for (at, (contest, tally)) in definition.contests.iter().zip(&tally.0).enumerate() {
            let valid = tally.weight - tally.blank - tally.overvotes;
            let votes: u64 = tally.options.iter().sum();
            prop_assert!(tally.options.iter().all(|votes| *votes <= valid));
            prop_assert!(votes >= valid && votes <= valid * u64::from(contest.max));
            let with_votes = tally.options.iter().filter(|votes| **votes > 0).count();
            prop_assert_eq!(winners(&report, at).len(), with_votes.min(usize::from(contest.seats)), "as many seats as can be filled");
        }
    }
}

/// An election whose options all have one vote.
fn tied(seats: u16, options: u16) -> (ElectionDefinition, ElectionTally) {
    let definition = election(vec![contest(CountMethodId::Plurality, seats, 1, 1, options); 2]);
    let ballots: Vec<_> = (0..options).map(|option| (vec![marks(&[option]); 2], 1)).collect();
    let tally = count(&definition, &ballots);
    (definition, tally)
}

#[test]
fn lots_are_drawn_again_with_the_same_result() {
    let (definition, tally) = tied(2, 5);
    for number in 0..100 {
        let report = tally.report(&definition, seed(number), 0);
        assert_eq!(report, tally.report(&definition, seed(number), 0));
        assert_eq!(report.contests[0].decided_by_lot, [0, 1, 2, 3, 4], "the report says between whom");
        assert_eq!((winners(&report, 0).len(), report.seed), (2, seed(number)));
    }
}

/// Computed with another implementation of `voting/lot/v1`: who wins a tie can never change.
#[test]
fn the_lot_is_pinned() {
    let (definition, tally) = tied(1, 5);
    let drawn: Vec<_> = (0..6u8)
        .map(|byte| {
            let report = tally.report(&definition, Digest([byte; 32]), 0);
            [0, 1].map(|contest| *winners(&report, contest).first().expect("one seat"))
        })
        .collect();
    assert_eq!(drawn, [[4, 3], [1, 4], [2, 3], [3, 0], [0, 2], [1, 4]]);
}

#[test]
fn lots_are_fair_over_many_seeds() {
    const DRAWS: u64 = 6_000;
    let (definition, tally) = tied(1, 3);
    let (mut won, mut contests_agree) = ([0u64; 3], 0u64);
    for number in 0..DRAWS {
        let report = tally.report(&definition, seed(number), 0);
        let [first, second] = [0, 1].map(|contest| *winners(&report, contest).first().expect("one seat"));
        won[usize::from(first)] += 1;
        contests_agree += u64::from(first == second);
    }
    // 2,000 expected each, with a standard deviation of 37: five of them either way.
    assert!(won.iter().chain([&contests_agree]).all(|times| times.abs_diff(DRAWS / 3) < 185), "{won:?} {contests_agree}");
}

#[test]
fn pairs_drawn_for_two_seats_are_fair_too() {
    const DRAWS: u64 = 6_000;
    let (definition, tally) = tied(2, 4);
    let mut won = std::collections::BTreeMap::<_, u64>::new();
    for number in 0..DRAWS {
        *won.entry(winners(&tally.report(&definition, seed(number), 0), 0)).or_default() += 1;
    }
    // Six pairs, 1,000 expected each, with a standard deviation of 29.
    assert!(won.len() == 6 && won.values().all(|times| times.abs_diff(DRAWS / 6) < 145), "{won:?}");
}

#[test]
fn a_lot_is_drawn_only_between_those_at_the_last_seat() {
    /// Votes per option, seats, between whom the lot is drawn, and who is elected without it.
    type Line<'a> = (&'a [u64], u16, &'a [u16], &'a [u16]);
    let cases: [Line<'_>; 9] = [
        (&[3, 2, 1], 1, &[], &[0]),
        (&[2, 2, 1], 2, &[], &[0, 1]),
        (&[2, 2, 1], 1, &[0, 1], &[]),
        (&[5, 1, 1, 1], 2, &[1, 2, 3], &[0]),
        (&[1, 5, 1, 5], 3, &[0, 2], &[1, 3]),
        (&[1, 1, 0], 3, &[], &[0, 1]),
        (&[0, 0, 0], 1, &[], &[]),
        (&[0, 7, 0], 2, &[], &[1]),
        (&[4, 4, 4, 4], 4, &[], &[0, 1, 2, 3]),
    ];
    for (votes, seats, between, safe) in cases {
        let definition = election(vec![contest(CountMethodId::Approval, seats, 1, 1, votes.len() as u16)]);
        let ballots = votes
            .iter()
            .enumerate()
            .filter(|(_, votes)| **votes > 0)
            .map(|(option, votes)| (vec![marks(&[option as u16])], *votes));
        let tally = count(&definition, &ballots.collect::<Vec<_>>());
        let mut ever = BTreeSet::new();
        for number in 0..64 {
            let report = tally.report(&definition, seed(number), 0);
            assert_eq!(report.contests[0].decided_by_lot, between, "{votes:?} for {seats} seats");
            let winners = winners(&report, 0);
            assert!(safe.iter().all(|option| winners.contains(option)), "no lot costs a sure seat: {votes:?} for {seats} seats");
            ever.extend(winners);
        }
        let possible: BTreeSet<_> = between.iter().chain(safe).copied().collect();
        assert_eq!(ever, possible, "every lot may win, and nobody else: {votes:?} for {seats} seats");
    }
}

#[test]
fn the_weights_of_a_hundred_million_voters_fit() {
    let definition = election(vec![contest(CountMethodId::Plurality, 1, 1, 1, 2)]);
    let mut tally = ElectionTally::new(&definition);
    tally.add(&definition, &[marks(&[0])], MAX_WEIGHT).expect("one voter");
    for _ in 0..8 {
        // ten times as many
        let part = tally.clone();
        (0..9).for_each(|_| tally.merge(&part).expect("far from 2^64"));
    }
    assert_eq!((tally.0[0].ballots, tally.0[0].options[0]), (100_000_000, 100_000_000 * MAX_WEIGHT));
}

#[test]
fn a_sum_beyond_64_bits_is_refused_and_changes_nothing() {
    let definition = election(vec![contest(CountMethodId::Plurality, 1, 1, 1, 2), contest(CountMethodId::Approval, 1, 1, 2, 2)]);
    let selections = [marks(&[0]), marks(&[0, 1])];
    let mut tally = ElectionTally::new(&definition);
    tally.add(&definition, &selections, u64::MAX).expect("2^64 - 1 fits");
    let full = tally.clone();
    assert_eq!(tally.add(&definition, &selections, 1), Err(TallyError::Overflow));
    assert_eq!(tally.add(&definition, &[Selection::Blank, Selection::Blank], 1), Err(TallyError::Overflow));
    assert_eq!(tally.merge(&count(&definition, &[(selections.to_vec(), 1)])), Err(TallyError::Overflow));
    assert_eq!(tally, full);

    let mut many = ElectionTally::new(&definition);
    many.0.iter_mut().for_each(|contest| contest.ballots = u64::MAX);
    let full = many.clone();
    assert_eq!(many.add(&definition, &selections, 1), Err(TallyError::Overflow), "the number of ballots is a sum too");
    assert_eq!(many, full);

    // The second contest only: the first is not changed on its behalf.
    let mut second = ElectionTally::new(&definition);
    second.0[1].weight = u64::MAX;
    let full = second.clone();
    assert_eq!(second.add(&definition, &selections, 1), Err(TallyError::Overflow));
    let mut other = ElectionTally::new(&definition);
    (other.0[0].weight, other.0[1].weight) = (1, 1);
    assert_eq!(second.merge(&other), Err(TallyError::Overflow));
    assert_eq!(second, full);
}

#[test]
fn only_what_was_counted_can_be_taken_back() {
    let definition = election(vec![contest(CountMethodId::Plurality, 1, 1, 1, 3), contest(CountMethodId::Approval, 1, 1, 2, 3)]);
    let counted = [marks(&[0]), marks(&[1, 2])];
    let mut tally = count(&definition, &[(counted.to_vec(), 5)]);
    let before = tally.clone();
    for (selections, weight) in [
        ([marks(&[1]), marks(&[1, 2])], 5),
        ([marks(&[0]), marks(&[0, 2])], 5), // the second contest only
        ([marks(&[0]), marks(&[1])], 5),
        ([Selection::Blank, Selection::Blank], 5),
        (counted.clone(), 6),
    ] {
        assert_eq!(tally.remove(&definition, &selections, weight), Err(TallyError::NotCounted), "{selections:?}");
        assert_eq!(tally, before);
    }
    tally.remove(&definition, &counted, 5).expect("it was counted");
    assert_eq!(tally, ElectionTally::new(&definition));
    assert_eq!(tally.remove(&definition, &counted, 0), Err(TallyError::NotCounted), "there is no ballot left");
}

#[test]
fn what_belongs_to_another_election_is_not_counted() {
    let definition = election(vec![contest(CountMethodId::Plurality, 1, 1, 1, 3), contest(CountMethodId::Approval, 1, 1, 3, 3)]);
    let mut tally = count(&definition, &[(vec![marks(&[2]), marks(&[0, 2])], 5)]);
    let before = tally.clone();
    let foreign: [&[Selection]; 8] = [
        &[],
        &[marks(&[0])],
        &[marks(&[0]), marks(&[0]), marks(&[0])],
        &[marks(&[3]), marks(&[0])],
        &[marks(&[2]), marks(&[0, 3])],
        &[marks(&[2]), marks(&[u16::MAX])],
        &[marks(&[2]), marks(&[2, 0])], // the ballots that count have their marks in order
        &[marks(&[2]), marks(&[0, 0])], // and once each
    ];
    for selections in foreign {
        assert_eq!(tally.add(&definition, selections, 1), Err(TallyError::Mismatch), "{selections:?}");
        assert_eq!(tally.remove(&definition, selections, 1), Err(TallyError::Mismatch), "{selections:?}");
        assert_eq!(tally, before);
    }
    let fewer_contests = ElectionTally::new(&election(vec![definition.contests[0].clone()]));
    let other_options = contest(CountMethodId::Approval, 1, 1, 3, 4);
    let other_options = ElectionTally::new(&election(vec![definition.contests[0].clone(), other_options]));
    for other in [fewer_contests, other_options] {
        assert_eq!(tally.merge(&other), Err(TallyError::Mismatch));
        assert_eq!(tally, before);
    }
}
