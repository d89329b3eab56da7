//! Proportional lists and motions by the examples of their sources, and the running tally of every form of ballot.

use voting_core::ballot::Selection;
use voting_core::count::{DHondt, Lot, Majority, Outcome, SainteLague, Step, SumMethod, Sums, Thresholds, TieBreak};
use voting_core::election::{Contest, CountMethodId};
use voting_core::ids::Digest;
use voting_core::ranking::Ranking;
use voting_core::tally::{ContestReport, ContestTally, TallyError, count_method};
use voting_core::testing::Numbers;

const LOT: Lot = Lot { seed: Digest::ZERO, contest: 0 };

fn allocate(method: &dyn SumMethod, votes: &[u64], seats: u16) -> Outcome {
    let sums = Sums { options: votes.to_vec(), standing: (0..votes.len() as u16).collect(), attainable: 0 };
    method.count(&sums, seats, LOT)
}

/// The example in article 163 of the Spanish electoral law (Ley Orgánica 5/1985): eight seats, 480,000 votes.
#[test]
fn the_example_of_the_spanish_electoral_law() {
    let outcome = allocate(&DHondt, &[168_000, 104_000, 72_000, 64_000, 40_000, 32_000], 8);
    assert_eq!(outcome.seats, [4, 2, 1, 1, 0, 0]);
    assert!(outcome.ties.is_empty());
    let quotients: Vec<u64> = outcome
        .rounds
        .iter()
        .map(|round| match round.step {
            Step::Seat { votes, divisor, .. } => votes / divisor,
            _ => 0,
        })
        .collect();
    assert_eq!(quotients, [168_000, 104_000, 84_000, 72_000, 64_000, 56_000, 52_000, 42_000], "the table's own figures");
}

/// The example that textbooks compare the two rules by: 230,000 votes, eight seats.
#[test]
fn the_divisors_decide_who_gets_the_last_seats() {
    let votes = [100_000, 80_000, 30_000, 20_000];
    assert_eq!(allocate(&DHondt, &votes, 8).seats, [4, 3, 1, 0]);
    assert_eq!(allocate(&SainteLague, &votes, 8).seats, [3, 3, 1, 1]);
}

#[test]
fn equal_averages_go_to_the_larger_list_and_equal_lists_to_the_lot() {
    // Two to one: the second seat of the larger list and the first of the smaller have the same average.
    let outcome = allocate(&DHondt, &[200, 100], 2);
    assert_eq!((outcome.seats.as_slice(), outcome.ties.len()), ([2, 0].as_slice(), 0));
    let outcome = allocate(&DHondt, &[100, 100], 1);
    let lucky = LOT.order([0, 1])[0];
    assert_eq!((outcome.order[0], outcome.ties[0].by, &outcome.ties[0].options), (lucky, TieBreak::Lot, &vec![0, 1]));
    assert_eq!(allocate(&SainteLague, &[0, 0], 3).seats, [0, 0], "without votes no seats");
    assert_eq!(allocate(&SainteLague, &[5, 0], 1_000).seats, [1_000, 0], "nor for a list without any");
}

/// Laws of divisor methods (M. Balinski, H. P. Young, Fair Representation, 1982).
#[test]
fn lists_keep_the_laws_of_divisor_methods() {
    for number in 0..2_000 {
        let mut numbers = Numbers::new(number);
        let lists = 1 + numbers.below(7);
        let votes: Vec<u64> = (0..lists).map(|_| numbers.below(1_000)).collect();
        let seats = 1 + numbers.below(30) as u16;
        let all: u64 = votes.iter().sum();
        for (name, method) in [("D'Hondt", &DHondt as &dyn SumMethod), ("Sainte-Laguë", &SainteLague)] {
            let outcome = allocate(method, &votes, seats);
            let given: u16 = outcome.seats.iter().sum();
            assert_eq!(given, if all == 0 { 0 } else { seats }, "{name}, election {number}: every seat is given");
            for (a, b) in (0..votes.len()).flat_map(|a| (0..votes.len()).map(move |b| (a, b))) {
                assert!(
                    votes[a] <= votes[b] || outcome.seats[a] >= outcome.seats[b],
                    "{name}, election {number}: more votes, no fewer seats"
                );
            }
            let more = allocate(method, &votes, seats + 1);
            assert!(
                outcome.seats.iter().zip(&more.seats).all(|(few, many)| few <= many),
                "{name}, election {number}: house monotone"
            );
            let twice: Vec<u64> = votes.iter().map(|votes| votes * 7).collect();
            assert_eq!(allocate(method, &twice, seats).seats, outcome.seats, "{name}, election {number}: only proportions count");
        }
        // D'Hondt gives nobody less than their share, rounded down.
        let outcome = allocate(&DHondt, &votes, seats);
        for (votes, won) in votes.iter().zip(&outcome.seats) {
            assert!(all == 0 || u64::from(*won) >= votes * u64::from(seats) / all, "election {number}: the lower quota");
        }
    }
}

#[test]
fn partitions_add_up_and_ballots_can_be_taken_back() {
    for method in CountMethodId::ALL {
        for number in 0..200 {
            let mut numbers = Numbers::new(number);
            let contest = numbers.contest(method);
            let ballots: Vec<(Selection, u64)> =
                (0..numbers.below(30)).map(|_| (numbers.selection(&contest), 1 + numbers.below(9))).collect();
            let mut whole = ContestTally::new(&contest);
            let mut parts = vec![ContestTally::new(&contest); 3];
            for (selection, weight) in &ballots {
                whole.add(&contest, selection, *weight).unwrap();
                parts[numbers.below(3) as usize].add(&contest, selection, *weight).unwrap();
            }
            let mut merged = ContestTally::new(&contest);
            parts.iter().for_each(|part| merged.merge(part).unwrap());
            assert_eq!(merged, whole, "{method}, election {number}");

            let report = |tally: &ContestTally| {
                let (outcome, verdict) = count_method(method).count(&contest, tally, LOT, 100);
                (ContestReport::of(&contest, tally, &outcome, verdict), outcome)
            };
            assert_eq!(report(&merged), report(&whole));
            let (result, outcome) = report(&whole);
            assert_eq!(result.options.len(), 5);
            assert!(result.options.iter().all(|line| !contest.withdrawn.contains(&line.option) || line.seats == 0));
            assert_eq!(outcome.order.len() + contest.withdrawn.len(), 5);

            // Taken back in any order, nothing is left; what was never there cannot be.
            for (selection, weight) in numbers.order(ballots) {
                whole.remove(&contest, &selection, weight).unwrap();
            }
            assert_eq!(whole, ContestTally::new(&contest), "{method}, election {number}");
            let one = numbers.selection(&contest);
            assert_eq!(whole.remove(&contest, &one, 1), Err(TallyError::NotCounted));
        }
    }
}

#[test]
fn a_selection_of_another_form_is_not_counted() {
    let forms = [Selection::Marks(vec![0]), Selection::Scores(vec![(0, 1)]), Selection::Ranking(Ranking::strict([0]))];
    for method in CountMethodId::ALL {
        let contest = Contest::new("Which?", method, ["a", "b"]);
        let mut tally = ContestTally::new(&contest);
        let taken = forms.iter().filter(|selection| tally.add(&contest, selection, 1).is_ok()).count();
        assert_eq!((taken, tally.ballots), (1, 1), "{method}");
        let unknown = Selection::Ranking(Ranking::strict([2]));
        assert!(tally.add(&contest, &unknown, 1).is_err(), "{method}: there is no third option");
    }
    let contest = Contest::new("Which?", CountMethodId::Score, ["a"]);
    let mut tally = ContestTally::new(&contest);
    let five = Selection::Scores(vec![(0, 5)]);
    assert_eq!(tally.add(&contest, &five, u64::MAX / 4), Err(TallyError::Overflow), "a sum of scores beyond 64 bits");
    assert_eq!(tally, ContestTally::new(&contest));
}

/// Approving of the winner, or scoring them higher, never costs them the seat; and a ballot that gives the winner most never helps another.
#[test]
fn approvals_and_scores_help_whom_they_are_given_to() {
    for method in [CountMethodId::Approval, CountMethodId::Score] {
        let mut tried = 0;
        for number in 0..1_000 {
            let mut numbers = Numbers::new(number);
            let contest = Contest::new("Which?", method, ["a", "b", "c", "d"]);
            let mut tally = ContestTally::new(&contest);
            (0..1 + numbers.below(12))
                .for_each(|_| tally.add(&contest, &numbers.selection(&contest), 1 + numbers.below(5)).unwrap());
            let winner = |tally: &ContestTally| {
                let outcome = count_method(method).count(&contest, tally, LOT, 0).0;
                outcome.elected().next().filter(|_| outcome.ties.is_empty())
            };
            let Some(before) = winner(&tally) else { continue };
            let more = match method {
                CountMethodId::Score => Selection::Scores(vec![(before, 1 + numbers.below(5) as u16)]),
                _ => Selection::Marks(vec![before]),
            };
            tally.add(&contest, &more, 1 + numbers.below(9)).unwrap();
            assert_eq!(winner(&tally), Some(before), "{method}, election {number}");
            tried += 1;
        }
        assert!(tried > 500, "{method}: {tried}");
    }
}

#[test]
fn a_motion_needs_what_its_contest_demands() {
    let motion = |majority, quorum_percent| Contest {
        thresholds: Thresholds { majority, quorum_percent },
        ..Contest::new("Change the statutes?", CountMethodId::Plurality, ["yes", "no"])
    };
    let passes = |contest: &Contest, yes: u64, no: u64, blank: u64, roll: u64| {
        let mut tally = ContestTally::new(contest);
        for (selection, times) in [(Selection::Marks(vec![0]), yes), (Selection::Marks(vec![1]), no), (Selection::Blank, blank)] {
            (0..times).for_each(|_| tally.add(contest, &selection, 1).unwrap());
        }
        let (outcome, verdict) = count_method(contest.method).count(contest, &tally, LOT, roll);
        let report = ContestReport::of(contest, &tally, &outcome, verdict);
        report.options.iter().any(|line| line.name == "yes" && line.elected())
    };
    assert!(passes(&motion(Majority::MostVotes, 0), 2, 1, 9, 20));
    assert!(passes(&motion(Majority::Simple, 0), 6, 5, 9, 20) && !passes(&motion(Majority::Simple, 0), 5, 5, 0, 20));
    assert!(passes(&motion(Majority::TwoThirds, 0), 8, 4, 3, 20) && !passes(&motion(Majority::TwoThirds, 0), 7, 4, 3, 20));
    assert!(passes(&motion(Majority::Absolute, 0), 11, 0, 0, 20) && !passes(&motion(Majority::Absolute, 0), 10, 0, 0, 20));
    assert!(passes(&motion(Majority::Simple, 50), 6, 2, 2, 20) && !passes(&motion(Majority::Simple, 50), 6, 2, 1, 20));
}
