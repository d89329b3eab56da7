//! Single transferable vote with the weighted inclusive Gregory method, against a count paper by paper.

use voting_core::count::{Amount, Lot, Outcome, Profile, RankedMethod, ScottishStv, Step, TieBreak, TiePurpose, WigmStv};
use voting_core::ids::Digest;
use voting_core::ranking::Ranking;
use voting_core::testing::Numbers;

const LOT: Lot = Lot { seed: Digest::ZERO, contest: 0 };

fn count(method: &dyn RankedMethod, options: u16, seats: u16, ballots: &[(Vec<u16>, u64)]) -> Outcome {
    let rankings: Vec<_> = ballots.iter().map(|(options, weight)| (Ranking::strict(options.iter().copied()), *weight)).collect();
    let rankings = rankings.iter().map(|(ranking, weight)| (ranking, *weight));
    let profile = Profile::new(options, &[], method.equals(), method.gaps(), rankings).unwrap();
    method.count(&profile, seats, LOT)
}

/// One paper: its preferences, who has it, and what it is worth.
struct Paper {
    preferences: Vec<u16>,
    holder: Option<u16>,
    value: u128,
}

/// The whole count with every paper in hand at every stage: votes per candidate, and the exhausted.
struct ByHand {
    stages: Vec<(Vec<u128>, u128)>,
    elected: Vec<u16>,
    lots: bool,
}

/// What the rules say, done the long way. Gives up where a lot would be needed.
fn by_hand(options: u16, seats: u16, ballots: &[(Vec<u16>, u64)], one: u128, whole_quota: bool) -> ByHand {
    let mut papers: Vec<Paper> = Vec::new();
    for (preferences, weight) in ballots {
        for _ in 0..*weight {
            papers.push(Paper { preferences: preferences.clone(), holder: Some(preferences[0]), value: one });
        }
    }
    let total = papers.len() as u128;
    let seats = usize::from(seats);
    let quota = if whole_quota { (total / (seats as u128 + 1) + 1) * one } else { total * one / (seats as u128 + 1) + 1 };
    let (mut elected, mut out, mut done): (Vec<u16>, Vec<u16>, Vec<u16>) = (vec![], vec![], vec![]);
    let mut stages: Vec<(Vec<u128>, u128)> = vec![];
    let mut lots = false;
    let mut fixed = vec![None; usize::from(options)]; // what candidates whose surplus went on are left with
    loop {
        let held = |c: u16| papers.iter().filter(|paper| paper.holder == Some(c)).map(|paper| paper.value).sum::<u128>();
        let votes: Vec<u128> = (0..options).map(|c| fixed[usize::from(c)].unwrap_or_else(|| held(c))).collect();
        let exhausted = papers.iter().filter(|paper| paper.holder.is_none()).map(|paper| paper.value).sum();
        stages.push((votes.clone(), exhausted));
        // Ties: by the latest earlier stage in which they differ.
        let compare = |a: u16, b: u16| {
            stages.iter().rev().map(|(votes, _)| votes[usize::from(a)].cmp(&votes[usize::from(b)])).find(|order| order.is_ne())
        };
        let mut sorted = |mut some: Vec<u16>| {
            some.sort_by(|a, b| {
                let order = compare(*b, *a);
                lots |= order.is_none();
                order.unwrap_or(std::cmp::Ordering::Equal)
            });
            some
        };
        let hopeful: Vec<u16> = (0..options).filter(|c| !elected.contains(c) && !out.contains(c)).collect();
        let reached: Vec<u16> = hopeful.iter().copied().filter(|c| votes[usize::from(*c)] >= quota).collect();
        elected.extend(sorted(reached).into_iter().take(seats - elected.len()));
        let hopeful: Vec<u16> = hopeful.into_iter().filter(|c| !elected.contains(c)).collect();
        if elected.len() == seats || hopeful.is_empty() {
            break;
        }
        if elected.len() + hopeful.len() <= seats {
            elected.extend(sorted(hopeful));
            break;
        }
        let surpluses: Vec<u16> = elected.iter().copied().filter(|c| !done.contains(c) && votes[usize::from(*c)] > quota).collect();
        let (from, ratio) = match sorted(surpluses).first() {
            Some(c) => {
                done.push(*c);
                fixed[usize::from(*c)] = Some(quota);
                (*c, Some((votes[usize::from(*c)] - quota, votes[usize::from(*c)])))
            }
            None => {
                let last = *sorted(hopeful.clone()).last().unwrap();
                out.push(last);
                (last, None)
            }
        };
        for paper in papers.iter_mut().filter(|paper| paper.holder == Some(from)) {
            let place = paper.preferences.iter().position(|c| *c == from).unwrap();
            let next = paper.preferences[place + 1..].iter().find(|c| hopeful.contains(c) && !out.contains(c));
            paper.holder = next.copied();
            if let Some((surplus, all)) = ratio {
                paper.value = paper.value * surplus / all;
            }
        }
    }
    ByHand { stages, elected, lots }
}

#[test]
fn ten_thousand_elections_agree_stage_by_stage_with_a_count_paper_by_paper() {
    let (mut compared, mut lots, mut surpluses, mut stages) = (0, 0, 0, 0);
    for number in 0..12_000 {
        let mut numbers = Numbers::new(number);
        let options = 2 + numbers.below(5);
        let seats = 1 + numbers.below(options - 1);
        let kinds = 1 + numbers.below(8);
        let ballots: Vec<_> = (0..kinds).map(|_| (numbers.ranking(options as u16), 1 + numbers.below(12))).collect();
        let (options, seats, scottish) = (options as u16, seats as u16, number % 2 == 0);
        let method: &dyn RankedMethod = if scottish { &ScottishStv } else { &WigmStv };
        let ours = count(method, options, seats, &ballots);
        let theirs = by_hand(options, seats, &ballots, if scottish { 100_000 } else { 10_000 }, scottish);
        if theirs.lots {
            lots += 1;
            continue;
        }
        assert!(ours.ties.iter().all(|tie| tie.by != TieBreak::Lot), "election {number}: {:?}", ours.ties);
        assert_eq!(ours.elected().collect::<Vec<_>>(), theirs.elected, "election {number}: {ballots:?} for {seats}");
        let rounds: Vec<_> = ours.rounds.iter().filter(|round| round.step != Step::Fill).collect();
        assert_eq!(rounds.len(), theirs.stages.len(), "election {number}: {ballots:?} for {seats}");
        for (round, (votes, exhausted)) in rounds.iter().zip(&theirs.stages) {
            let ours: Vec<u128> = round.votes.iter().map(|amount| amount.units).collect();
            assert_eq!((&ours, round.exhausted.units), (votes, *exhausted), "election {number}: {ballots:?} for {seats}");
            let all: u128 = ours.iter().sum::<u128>() + round.exhausted.units + round.lost.units;
            let one = 10u128.pow(u32::from(round.lost.decimals));
            assert_eq!(
                all,
                ballots.iter().map(|(_, weight)| u128::from(*weight)).sum::<u128>() * one,
                "no vote appears or vanishes"
            );
        }
        surpluses += rounds.iter().filter(|round| matches!(round.step, Step::Surplus { .. })).count();
        (compared, stages) = (compared + 1, stages + rounds.len());
    }
    println!("{compared} elections with {stages} stages, {surpluses} of them surpluses; {lots} needed a lot");
    assert!(compared >= 10_000 && surpluses > 1_000, "{compared} compared, {surpluses} surpluses, {lots} lots");
}

/// A small council: two seats, quota 34, worked by hand with paper and pencil.
///
/// A has 50 first preferences, 16 above the quota: each of A's papers goes on at 16/50 = 0.32000. Thirty of them to B (9.60000),
/// ten to C (3.20000), ten name nobody else (3.20000).
#[test]
fn a_surplus_goes_on_at_its_share_of_all_papers() {
    let ballots = [(vec![0, 1], 30), (vec![0, 2], 10), (vec![0], 10), (vec![1], 20), (vec![2, 1], 30)];
    let outcome = count(&ScottishStv, 3, 2, &ballots);
    let votes = |round: usize| outcome.rounds[round].votes.iter().map(Amount::to_string).collect::<Vec<_>>();
    assert_eq!(outcome.rounds[0].quota.unwrap().to_string(), "34.00000");
    assert_eq!(votes(0), ["50.00000", "20.00000", "30.00000"]);
    assert_eq!(outcome.rounds[1].step, Step::Surplus { option: 0, value: Amount::new(32_000, 5) });
    assert_eq!(votes(1), ["34.00000", "29.60000", "33.20000"]);
    assert_eq!(outcome.rounds[1].exhausted.to_string(), "3.20000");
    assert_eq!(outcome.rounds[2].step, Step::Exclude { options: vec![1] });
    assert_eq!(outcome.elected().collect::<Vec<_>>(), [0, 2]);
    assert_eq!(outcome.rounds.last().unwrap().step, Step::Fill);
}

/// 3 papers at 1/3 each: 0.33333, and 0.00001 is lost.
#[test]
fn what_is_cut_off_is_lost_and_said_so() {
    // Quota 5 / 3 + 1 = 2, so A with 3 has 1 too many.
    let ballots = [(vec![0, 1], 3), (vec![1], 1), (vec![2], 1)];
    let outcome = count(&ScottishStv, 3, 2, &ballots);
    let round = &outcome.rounds[1];
    assert_eq!(round.votes.iter().map(Amount::to_string).collect::<Vec<_>>(), ["2.00000", "1.99999", "1.00000"]);
    assert_eq!((round.lost.to_string(), round.exhausted.to_string()), ("0.00001".to_owned(), "0.00000".to_owned()));
}

#[test]
fn a_tie_is_broken_by_the_latest_stage_that_differs_and_then_by_lot() {
    // B and C are level after D's papers have gone to C; before, B was ahead: so C is excluded.
    let ballots = [(vec![0], 10), (vec![1], 6), (vec![2], 5), (vec![3, 2], 1)];
    let outcome = count(&ScottishStv, 4, 1, &ballots);
    let tie = outcome.ties.iter().find(|tie| tie.options == [1, 2]).unwrap();
    assert_eq!((tie.purpose, &tie.picked, tie.by), (TiePurpose::Exclusion, &vec![2], TieBreak::EarlierRound(0)));
    // And level from the beginning: the lot.
    let outcome = count(&ScottishStv, 3, 1, &[(vec![0], 10), (vec![1], 5), (vec![2], 5), (vec![1, 2], 1), (vec![2, 1], 1)]);
    let tie = &outcome.ties[0];
    assert_eq!((tie.purpose, tie.by, tie.picked[0]), (TiePurpose::Exclusion, TieBreak::Lot, *LOT.order([1, 2]).last().unwrap()));
}

#[test]
fn whatever_comes_is_counted() {
    for method in [&ScottishStv as &dyn RankedMethod, &WigmStv] {
        for seats in [1, 2, 3, 9] {
            for ballots in
                [vec![], vec![(vec![0], 1)], vec![(vec![0, 1, 2], u64::MAX)], vec![(vec![2], u64::MAX / 2), (vec![1], 7)]]
            {
                let outcome = count(method, 3, seats, &ballots);
                let elected = outcome.elected().count();
                assert_eq!(elected, usize::from(seats).min(3), "as many as there are, by lot if need be: {ballots:?}");
            }
        }
        let nobody = Profile::new(2, &[0, 1], method.equals(), method.gaps(), []).unwrap();
        assert_eq!(method.count(&nobody, 1, LOT).elected().count(), 0);
    }
}
