//! The laws of social choice: what each method keeps, on thousands of random elections, and what it breaks, by example.
//!
//! Names and proofs of who keeps what: D. R. Woodall, Properties of preferential election rules (1994); M. Schulze (2011); T. N. Tideman
//! (1987). Elections in which a lot was needed are left out where a law speaks of winners: no law binds a lot.

use voting_core::count::{
    Borda, InstantRunoff, Lot, MeekStv, MostVotes, Outcome, Profile, RankedMethod, RankedPairs, Schulze, ScottishStv, SumMethod,
    Sums, WigmStv,
};
use voting_core::ids::Digest;
use voting_core::ranking::Ranking;
use voting_core::testing::Numbers;

const LOT: Lot = Lot { seed: Digest::ZERO, contest: 0 };
/// Random elections per law and method.
const ELECTIONS: u64 = 1_500;

/// A ballot as ranks, and its weight.
type Ballot = (Vec<u16>, u64);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Method {
    Plurality,
    Irv,
    Scottish,
    Wigm,
    Meek,
    Schulze,
    Pairs,
    Borda,
}

use Method::{Borda as BORDA, Irv as IRV, Meek as MEEK, Pairs as PAIRS, Schulze as SCHULZE, Scottish as SCOTTISH, Wigm as WIGM};

const ALL: [Method; 8] = [Method::Plurality, IRV, SCOTTISH, WIGM, MEEK, SCHULZE, PAIRS, BORDA];

impl Method {
    fn ranked(self) -> Option<&'static dyn RankedMethod> {
        Some(match self {
            Self::Plurality => return None,
            Self::Irv => &InstantRunoff,
            Self::Scottish => &ScottishStv,
            Self::Wigm => &WigmStv,
            Self::Meek => &MeekStv,
            Self::Schulze => &Schulze,
            Self::Pairs => &RankedPairs,
            Self::Borda => &Borda,
        })
    }

    fn count(self, options: u16, seats: u16, ballots: &[Ballot]) -> Outcome {
        match self.ranked() {
            None => {
                let mut sums = vec![0; usize::from(options)];
                for (ranking, weight) in ballots.iter().filter(|(ranking, _)| !ranking.is_empty()) {
                    sums[usize::from(ranking[0])] += weight;
                }
                MostVotes.count(&Sums { options: sums, standing: (0..options).collect(), attainable: 0 }, seats, LOT)
            }
            Some(method) => {
                let rankings: Vec<_> = ballots.iter().map(|(ranking, w)| (Ranking::strict(ranking.iter().copied()), *w)).collect();
                let rankings = rankings.iter().map(|(ranking, weight)| (ranking, *weight));
                let profile = Profile::new(options, &[], method.equals(), method.gaps(), rankings).unwrap();
                method.count(&profile, seats, LOT)
            }
        }
    }

    /// The one winner, unless a tie had to be broken or nobody wins.
    fn winner(self, options: u16, ballots: &[Ballot]) -> Option<u16> {
        let outcome = self.count(options, 1, ballots);
        let lower = outcome.ties.iter().all(|tie| !tie.options.contains(&outcome.order[0]));
        let decided = match self {
            // Where the order itself is the result, a tie further down decides nothing.
            Self::Schulze | Self::Borda | Self::Plurality => lower,
            _ => outcome.ties.is_empty(),
        };
        outcome.elected().next().filter(|_| decided)
    }
}

/// Three to five options; ballots that rank all of them, or some.
fn election(numbers: &mut Numbers, complete: bool) -> (u16, Vec<Ballot>) {
    let options = 3 + numbers.below(3) as u16;
    let ballots = (0..3 + numbers.below(6))
        .map(|_| {
            let mut ranking = numbers.order((0..options).collect());
            if !complete {
                ranking.truncate(1 + numbers.below(u64::from(options)) as usize);
            }
            (ranking, 1 + numbers.below(30))
        })
        .collect();
    (options, ballots)
}
fn elections(complete: bool) -> impl Iterator<Item = (u64, Numbers, u16, Vec<Ballot>)> {
    (0..ELECTIONS).map(move |number| {
        let mut numbers = Numbers::new(number);
        let (options, ballots) = election(&mut numbers, complete);
        (number, numbers, options, ballots)
    })
}

/// Weight of the ballots that prefer one to another.
fn prefer(ballots: &[Ballot], a: u16, b: u16) -> u64 {
    let place = |ranking: &[u16], option: u16| ranking.iter().position(|o| *o == option).unwrap_or(usize::MAX);
    ballots.iter().filter(|(ranking, _)| place(ranking, a) < place(ranking, b)).map(|(_, weight)| weight).sum()
}

fn beats_all(ballots: &[Ballot], options: u16, a: u16) -> bool {
    (0..options).filter(|b| *b != a).all(|b| prefer(ballots, a, b) > prefer(ballots, b, a))
}

fn loses_to_all(ballots: &[Ballot], options: u16, a: u16) -> bool {
    (0..options).filter(|b| *b != a).all(|b| prefer(ballots, a, b) < prefer(ballots, b, a))
}

/// Insists that a law had something to say often enough.
fn often(times: u64, law: &str, method: Method) {
    assert!(times > ELECTIONS / 20, "{law} of {method:?} was tried {times} times");
}

#[test]
fn all_ballots_are_equal_whoever_casts_them_and_in_whatever_order() {
    for method in ALL {
        for (number, mut numbers, options, ballots) in elections(false) {
            let seats = 1 + numbers.below(u64::from(options) - 1) as u16;
            // In another order, and one heavy ballot as two lighter ones.
            let mut others: Vec<Ballot> = ballots.iter().rev().cloned().collect();
            let split = others[0].1 / 2;
            others[0].1 -= split;
            others.push((others[0].0.clone(), split));
            let (one, other) = (method.count(options, seats, &ballots), method.count(options, seats, &others));
            assert_eq!(one, other, "{method:?}, election {number}");
        }
    }
}

#[test]
fn all_options_are_equal_whatever_their_place() {
    for method in ALL {
        let mut tried = 0;
        for (number, mut numbers, options, ballots) in elections(false) {
            let Some(winner) = method.winner(options, &ballots) else { continue };
            let names = numbers.order((0..options).collect());
            let renamed: Vec<Ballot> =
                ballots.iter().map(|(ranking, w)| (ranking.iter().map(|o| names[usize::from(*o)]).collect(), *w)).collect();
            assert_eq!(method.winner(options, &renamed), Some(names[usize::from(winner)]), "{method:?}, election {number}");
            tried += 1;
        }
        often(tried, "neutrality", method);
    }
}

#[test]
fn whom_a_majority_ranks_first_wins() {
    for method in [Method::Plurality, IRV, SCOTTISH, WIGM, MEEK, SCHULZE, PAIRS] {
        let mut tried = 0;
        for (number, _, options, ballots) in elections(false) {
            let all: u64 = ballots.iter().map(|(_, weight)| weight).sum();
            let first = |option: u16| ballots.iter().filter(|(r, _)| r[0] == option).map(|(_, w)| w).sum::<u64>();
            let Some(favourite) = (0..options).find(|option| first(*option) * 2 > all) else { continue };
            assert_eq!(method.count(options, 1, &ballots).order[0], favourite, "{method:?}, election {number}: {ballots:?}");
            tried += 1;
        }
        often(tried, "majority", method);
    }
}

#[test]
fn whom_majorities_prefer_to_each_other_wins_and_whom_they_prefer_to_nobody_does_not() {
    for method in [SCHULZE, PAIRS] {
        let mut tried = 0;
        for (number, _, options, ballots) in elections(false) {
            let Some(best) = (0..options).find(|a| beats_all(&ballots, options, *a)) else { continue };
            assert_eq!(method.count(options, 1, &ballots).order[0], best, "{method:?}, election {number}: {ballots:?}");
            tried += 1;
        }
        often(tried, "the Condorcet winner", method);
    }
    for method in [IRV, SCHULZE, PAIRS, BORDA] {
        let mut tried = 0;
        for (number, _, options, ballots) in elections(true) {
            let Some(worst) = (0..options).find(|a| loses_to_all(&ballots, options, *a)) else { continue };
            assert_ne!(method.count(options, 1, &ballots).order[0], worst, "{method:?}, election {number}: {ballots:?}");
            tried += 1;
        }
        often(tried, "the Condorcet loser", method);
    }
}

#[test]
fn being_raised_does_not_harm() {
    for method in [Method::Plurality, SCHULZE, PAIRS, BORDA] {
        let mut tried = 0;
        for (number, mut numbers, options, mut ballots) in elections(true) {
            let Some(winner) = method.winner(options, &ballots) else { continue };
            let at = numbers.below(ballots.len() as u64) as usize;
            let place = ballots[at].0.iter().position(|o| *o == winner).unwrap();
            if place == 0 {
                continue;
            }
            ballots[at].0.swap(place, place - 1);
            assert_eq!(method.count(options, 1, &ballots).order[0], winner, "{method:?}, election {number}: {ballots:?}");
            tried += 1;
        }
        often(tried, "monotonicity", method);
    }
}

#[test]
fn later_preferences_do_not_harm_earlier_ones() {
    for method in [Method::Plurality, IRV] {
        let mut tried = 0;
        for (number, mut numbers, options, mut ballots) in elections(false) {
            let Some(winner) = method.winner(options, &ballots) else { continue };
            let at = numbers.below(ballots.len() as u64) as usize;
            let more = numbers.order((0..options).filter(|o| !ballots[at].0.contains(o)).collect());
            if more.is_empty() || !ballots[at].0.contains(&winner) {
                continue;
            }
            ballots[at].0.extend(more);
            let Some(after) = method.winner(options, &ballots) else { continue };
            assert_eq!(after, winner, "{method:?}, election {number}: {ballots:?}");
            tried += 1;
        }
        often(tried, "later-no-harm", method);
    }
}

/// Everyone who ranks an option ranks its clone right behind it.
fn cloned(ballots: &[Ballot], original: u16, clone: u16, numbers: &mut Numbers) -> Vec<Ballot> {
    let with_clone = |(ranking, weight): &Ballot| {
        let first = if numbers.below(2) == 0 { [original, clone] } else { [clone, original] };
        let ranking = ranking.iter().flat_map(|o| if *o == original { first.to_vec() } else { vec![*o] }).collect();
        (ranking, *weight)
    };
    ballots.iter().map(with_clone).collect()
}

#[test]
fn a_clone_neither_helps_nor_harms() {
    for method in [IRV, SCHULZE, PAIRS] {
        let mut tried = 0;
        for (number, mut numbers, options, ballots) in elections(false) {
            let original = numbers.below(u64::from(options)) as u16;
            let with_clone = cloned(&ballots, original, options, &mut numbers);
            let (before, after) = (method.winner(options, &ballots), method.winner(options + 1, &with_clone));
            let (Some(before), Some(after)) = (before, after) else { continue };
            let same = if before == original { [original, options].contains(&after) } else { before == after };
            assert!(same, "{method:?}, election {number}: {before} and then {after} in {with_clone:?}");
            tried += 1;
        }
        often(tried, "independence of clones", method);
    }
}

#[test]
fn whoever_takes_part_is_not_worse_off() {
    for method in [Method::Plurality, BORDA] {
        let mut tried = 0;
        for (number, mut numbers, options, mut ballots) in elections(true) {
            let Some(before) = method.winner(options, &ballots) else { continue };
            let mine = numbers.order((0..options).collect());
            ballots.push((mine.clone(), 1 + numbers.below(20)));
            let Some(after) = method.winner(options, &ballots) else { continue };
            let place = |option: u16| mine.iter().position(|o| *o == option);
            assert!(place(after) <= place(before), "{method:?}, election {number}: {before} and then {after} by {mine:?}");
            tried += 1;
        }
        often(tried, "participation", method);
    }
}

#[test]
fn turned_round_no_winner_wins_again() {
    for method in [SCHULZE, PAIRS, BORDA] {
        let mut tried = 0;
        for (number, _, options, ballots) in elections(true) {
            let Some(winner) = method.winner(options, &ballots) else { continue };
            let reversed: Vec<Ballot> = ballots.iter().map(|(r, w)| (r.iter().rev().copied().collect(), *w)).collect();
            let Some(after) = method.winner(options, &reversed) else { continue };
            assert_ne!(after, winner, "{method:?}, election {number}: {ballots:?}");
            tried += 1;
        }
        often(tried, "reversal symmetry", method);
    }
}

#[test]
fn a_solid_coalition_gets_its_share_of_the_seats() {
    for method in [SCOTTISH, WIGM, MEEK] {
        let mut tried = 0;
        for number in 0..ELECTIONS {
            let mut numbers = Numbers::new(number);
            let (options, seats) = (4 + numbers.below(4) as u16, 2 + numbers.below(3) as u16);
            let size = 1 + numbers.below(u64::from(options) - 1) as u16;
            let mut ballots: Vec<Ballot> = Vec::new();
            for _ in 0..4 {
                // Its members in any order, and then the others.
                let mut ranking = numbers.order((0..size).collect());
                ranking.extend(numbers.order((size..options).collect()));
                ballots.push((ranking, 5 + numbers.below(30)));
            }
            let solid: u64 = ballots.iter().map(|(_, weight)| weight).sum();
            for _ in 0..4 {
                ballots.push((numbers.order((0..options).collect()), 1 + numbers.below(30)));
            }
            let all: u64 = ballots.iter().map(|(_, weight)| weight).sum();
            let quotas = solid / (all / (u64::from(seats) + 1) + 1);
            let due = quotas.min(u64::from(size)).min(u64::from(seats));
            let outcome = method.count(options, seats, &ballots);
            let won = outcome.elected().filter(|option| *option < size).count() as u64;
            assert!(won >= due, "{method:?}, election {number}: {won} of {due} seats for 0..{size} in {ballots:?}");
            tried += u64::from(due > 0);
        }
        often(tried, "proportionality for solid coalitions", method);
    }
}

/// The capital of Tennessee, the example of many textbooks: Memphis 42, Nashville 26, Chattanooga 15, Knoxville 17.
#[test]
fn one_electorate_four_winners() {
    let (m, n, c, k) = (0, 1, 2, 3);
    let ballots = [(vec![m, n, c, k], 42), (vec![n, c, k, m], 26), (vec![c, k, n, m], 15), (vec![k, c, n, m], 17)];
    let winner = |method: Method| method.winner(4, &ballots);
    assert_eq!([winner(Method::Plurality), winner(IRV)], [Some(m), Some(k)]);
    assert_eq!([winner(SCHULZE), winner(PAIRS), winner(BORDA)], [Some(n); 3]);
    assert!(beats_all(&ballots, 4, n), "so instant runoff passes over whom majorities prefer to each other");
    assert!(loses_to_all(&ballots, 4, m), "and plurality elects whom they prefer to nobody");
}

/// Being raised from the third to the first place by ten of a hundred costs A the election.
#[test]
fn instant_runoff_and_single_transferable_vote_can_punish_the_winner_for_being_raised() {
    let before = [(vec![0, 1, 2], 39), (vec![1, 2, 0], 35), (vec![2, 0, 1], 26)];
    let after = [(vec![0, 1, 2], 49), (vec![1, 2, 0], 25), (vec![2, 0, 1], 26)];
    for method in [IRV, SCOTTISH, WIGM, MEEK] {
        assert_eq!([method.winner(3, &before), method.winner(3, &after)], [Some(0), Some(2)], "{method:?}");
    }
}

/// Borda's points reward a second candidate of the same party, and overrule a majority.
#[test]
fn borda_can_be_won_with_clones_and_against_a_majority() {
    let alone = [(vec![0, 1], 3), (vec![1, 0], 2)];
    let with_clone = [(vec![0, 1, 2], 3), (vec![1, 2, 0], 2)];
    assert_eq!([BORDA.winner(2, &alone), BORDA.winner(3, &with_clone)], [Some(0), Some(1)]);
    assert!(beats_all(&with_clone, 3, 0), "three of five rank the loser first");
    let split = [(vec![0], 3), (vec![2], 3), (vec![1], 4)];
    assert_eq!(
        [Method::Plurality.winner(2, &[(vec![0], 6), (vec![1], 4)]), Method::Plurality.winner(3, &split)],
        [Some(0), Some(1)]
    );
}

/// 51 of 100 would rather have A; both they and the others approve of B.
#[test]
fn approval_can_overrule_a_majority_of_first_preferences() {
    let sums = Sums { options: vec![51, 100], standing: vec![0, 1], attainable: 100 };
    assert_eq!(MostVotes.count(&sums, 1, LOT).elected().collect::<Vec<_>>(), [1]);
}

/// Every Condorcet method sometimes rewards staying at home (H. Moulin, Condorcet's principle implies the no show paradox, 1988), and
/// so does instant runoff; and Condorcet methods can let a later preference harm an earlier one (Woodall 1997).
#[test]
fn no_shows_and_later_preferences_can_pay() {
    for method in [IRV, SCHULZE, PAIRS] {
        let paradox = (0..400_000).find(|number| {
            let mut numbers = Numbers::new(*number);
            let (options, mut ballots) = election(&mut numbers, true);
            let Some(before) = method.winner(options, &ballots) else { return false };
            let mine = numbers.order((0..options).collect());
            ballots.push((mine.clone(), 1 + numbers.below(20)));
            let place = |option: u16| mine.iter().position(|o| *o == option);
            method.winner(options, &ballots).is_some_and(|after| place(after) > place(before))
        });
        assert!(paradox.is_some(), "{method:?} never rewards staying at home");
    }
    for method in [SCHULZE, PAIRS, BORDA] {
        let harm = (0..400_000).find(|number| {
            let mut numbers = Numbers::new(*number);
            let (options, mut ballots) = election(&mut numbers, false);
            let Some(before) = method.winner(options, &ballots) else { return false };
            let more = numbers.order((0..options).filter(|o| !ballots[0].0.contains(o)).collect());
            if !ballots[0].0.contains(&before) {
                return false;
            }
            ballots[0].0.extend(&more);
            method.winner(options, &ballots).is_some_and(|after| more.contains(&after))
        });
        assert!(harm.is_some(), "{method:?} never lets a later preference harm an earlier one");
    }
}

/// M. Schulze 2011, section 3.1: 45 voters, five candidates, and the strengths of the strongest paths.
#[test]
fn schulze_example_of_forty_five_voters() {
    let (a, b, c, d, e) = (0, 1, 2, 3, 4);
    let ballots = [
        (vec![a, c, b, e, d], 5),
        (vec![a, d, e, c, b], 5),
        (vec![b, e, d, a, c], 8),
        (vec![c, a, b, e, d], 3),
        (vec![c, a, e, b, d], 7),
        (vec![c, b, a, d, e], 2),
        (vec![d, c, e, b, a], 7),
        (vec![e, b, a, d, c], 8),
    ];
    let outcome = SCHULZE.count(5, 1, &ballots);
    let pairs = outcome.pairs.unwrap();
    let preferences = [[0, 20, 26, 30, 22], [25, 0, 16, 33, 18], [19, 29, 0, 17, 24], [15, 12, 28, 0, 14], [23, 27, 21, 31, 0]];
    let paths = [[0, 28, 28, 30, 24], [25, 0, 28, 33, 24], [25, 29, 0, 29, 24], [25, 28, 28, 0, 24], [25, 28, 28, 31, 0]];
    assert_eq!(pairs.preferences, preferences.concat());
    assert_eq!(pairs.paths, paths.concat());
    assert_eq!(outcome.order, [e, a, c, b, d], "E > A > C > B > D");
    assert!(outcome.ties.is_empty());
}

/// T. N. Tideman 1987 locks in majorities from the largest on: the circle A > B > C > A breaks at its smallest.
#[test]
fn ranked_pairs_leaves_out_the_weakest_of_a_circle() {
    let ballots = [(vec![0, 1, 2], 7), (vec![1, 2, 0], 5), (vec![2, 0, 1], 4)];
    // A > B 11:5, B > C 12:4, C > A 9:7.
    let outcome = PAIRS.count(3, 1, &ballots);
    assert_eq!(outcome.pairs.unwrap().locked, [(1, 2), (0, 1)]);
    assert_eq!(outcome.order, [0, 1, 2]);
}

#[test]
fn whatever_comes_is_counted() {
    let heavy = [vec![(vec![0, 1, 2], u64::MAX)], vec![(vec![2], u64::MAX / 2), (vec![1, 0], u64::MAX / 2)]];
    for method in ALL {
        for seats in [1, 2, 3, 9] {
            for ballots in heavy.iter().chain(&[vec![], vec![(vec![1], 1)]]) {
                let outcome = method.count(3, seats, ballots);
                assert!(outcome.elected().count() <= usize::from(seats), "{method:?}");
                assert_eq!(outcome.order.len(), 3, "{method:?}");
            }
        }
    }
    for method in ALL.into_iter().filter_map(Method::ranked) {
        for (options, withdrawn) in [(1, vec![0]), (2, vec![0, 1]), (0, vec![])] {
            let nobody = Profile::new(options, &withdrawn, method.equals(), method.gaps(), []).unwrap();
            assert_eq!(method.count(&nobody, 1, LOT).elected().count(), 0);
        }
    }
}
