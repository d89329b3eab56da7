//! The counts of other people's programs on the same random elections, 10,000 and more each: stv-rs (Meek), rcir (instant
//! runoff), tallystick (plurality); and Schulze's method by its definition.
//!
//! What they decide otherwise is explained by a stated rule, and left out of the comparison only where that rule was used:
//! ties, which they break by other means or leave open.

use std::collections::BTreeSet;

use stv_rs::cli::Parallel;
use voting_core::count::{
    InstantRunoff, Lot, MeekStv, MostVotes, Outcome, Profile, RankedMethod, Schulze, SumMethod, Sums, TieBreak, TiePurpose,
};
use voting_core::ids::Digest;
use voting_core::ranking::Ranking;
use voting_core::testing::Numbers;

/// Elections compared per method.
const ELECTIONS: u64 = 10_000;

/// A random election: options, seats, and rankings with their weights.
struct Election {
    options: u16,
    seats: u16,
    ballots: Vec<(Vec<u16>, u64)>,
}

impl Election {
    fn new(number: u64, one_seat: bool) -> Self {
        let mut numbers = Numbers::new(number);
        let options = 2 + numbers.below(6);
        let seats = if one_seat { 1 } else { 1 + numbers.below(options - 1) };
        let kinds = 1 + numbers.below(14);
        let ballots = (0..kinds).map(|_| (numbers.ranking(options as u16), 1 + numbers.below(40))).collect();
        Self { options: options as u16, seats: seats as u16, ballots }
    }

    fn count(&self, method: &dyn RankedMethod) -> Outcome {
        let rankings: Vec<_> =
            self.ballots.iter().map(|(options, weight)| (Ranking::strict(options.iter().copied()), *weight)).collect();
        let rankings = rankings.iter().map(|(ranking, weight)| (ranking, *weight));
        let profile = Profile::new(self.options, &[], method.equals(), method.gaps(), rankings).unwrap();
        method.count(&profile, self.seats, LOT)
    }
}

const LOT: Lot = Lot { seed: Digest::ZERO, contest: 0 };

fn winners(outcome: &Outcome) -> BTreeSet<u16> {
    outcome.elected().collect()
}

#[test]
fn stv_rs_elects_the_same_by_meek() {
    use stv_rs::types::{Ballot, Candidate, Election as Theirs};
    let (mut compared, mut tied) = (0, 0);
    for number in 0..ELECTIONS * 5 / 4 {
        let election = Election::new(number, false);
        let ours = election.count(&MeekStv);
        if ours.ties.iter().any(|tie| tie.purpose != TiePurpose::Order) {
            tied += 1; // theirs is broken by the order of candidates, ours by lot
            continue;
        }
        let ballot = |(options, weight): &(Vec<u16>, u64)| Ballot::new(*weight as usize, options.iter().map(|o| [usize::from(*o)]));
        let theirs = Theirs::builder()
            .title("Random")
            .num_seats(usize::from(election.seats))
            .candidates((0..election.options).map(|option| Candidate::new(format!("c{option}"), false)).collect::<Vec<_>>())
            .ballots(election.ballots.iter().map(ballot).collect::<Vec<_>>())
            .build();
        let theirs = stv_rs::meek::stv_droop::<stv_rs::arithmetic::Integer64, stv_rs::arithmetic::FixedDecimal9>(
            &mut std::io::sink(),
            &theirs,
            "test",
            6,
            Parallel::No,
            None,
            false,
            true,
            false,
        );
        let theirs: BTreeSet<u16> = theirs.unwrap().elected.into_iter().map(|option| option as u16).collect();
        assert_eq!(winners(&ours), theirs, "election {number}: {:?} for {} seats", election.ballots, election.seats);
        compared += 1;
    }
    println!("{compared} elections agree, {tied} had a tie");
    assert!(compared >= ELECTIONS, "{compared} compared, {tied} tied");
}

#[test]
fn rcir_elects_the_same_by_instant_runoff() {
    let (mut compared, mut tied) = (0, 0);
    for number in 0..ELECTIONS * 3 {
        let mut election = Election::new(number, true);
        // Theirs never excludes who has no first preference, ours does so first.
        let mut numbers = Numbers::new(!number);
        for option in 0..election.options {
            election.ballots.push((vec![option, (option + 1) % election.options], 1 + numbers.below(40)));
        }
        let ours = election.count(&InstantRunoff);
        if !ours.ties.is_empty() {
            tied += 1; // theirs excludes all the last at once
            continue;
        }
        let papers = election.ballots.iter().flat_map(|(options, weight)| (0..*weight).map(move |_| options.clone()));
        let papers: Vec<Vec<u16>> = papers.collect();
        let theirs = rcir::run_election(&papers, rcir::MajorityMode::RemainingMajority).unwrap();
        let rcir::ElectionResult::Winner(theirs) = theirs else { panic!("election {number}: {:?}", election.ballots) };
        assert_eq!(winners(&ours), BTreeSet::from([*theirs]), "election {number}: {:?}", election.ballots);
        compared += 1;
        if compared == ELECTIONS {
            break;
        }
    }
    println!("{compared} elections agree, {tied} had a tie");
    assert_eq!(compared, ELECTIONS, "{tied} tied");
}

/// The definition itself: the strongest of all paths from one option to another, tried one by one.
fn strongest(victories: &[Vec<u64>], from: usize, to: usize, visited: &mut Vec<usize>) -> u64 {
    let direct = victories[from][to];
    visited.push(from);
    let through = (0..victories.len()).filter(|via| *via != to && !visited.contains(via)).collect::<Vec<_>>();
    let best = through.into_iter().filter(|via| victories[from][*via] > 0);
    let best = best.map(|via| victories[from][via].min(strongest(victories, via, to, visited))).max();
    visited.pop();
    direct.max(best.unwrap_or(0))
}

/// No published crate that builds with stable Rust counts by Schulze: these are the definitions of his paper, in the
/// obvious way.
#[test]
fn trying_every_path_elects_the_same_by_schulze() {
    let mut lots = 0;
    for number in 0..ELECTIONS {
        let election = Election::new(number, true);
        let ours = election.count(&Schulze);
        let size = usize::from(election.options);
        let rank = |ranking: &[u16], option: usize| ranking.iter().position(|o| usize::from(*o) == option).unwrap_or(usize::MAX);
        let prefer = |a: usize, b: usize| -> u64 {
            election.ballots.iter().filter(|(ranking, _)| rank(ranking, a) < rank(ranking, b)).map(|(_, weight)| weight).sum()
        };
        let victory = |a: usize, b: usize| if prefer(a, b) > prefer(b, a) { prefer(a, b) } else { 0 };
        let victories: Vec<Vec<u64>> = (0..size).map(|a| (0..size).map(|b| victory(a, b)).collect()).collect();
        let paths = &ours.pairs.as_ref().unwrap().paths;
        let path = |a: usize, b: usize| strongest(&victories, a, b, &mut Vec::new());
        let mut undefeated = BTreeSet::new();
        for a in 0..size {
            let mut defeated = false;
            for b in (0..size).filter(|b| *b != a) {
                let (there, back) = (path(a, b), path(b, a));
                assert_eq!(paths[a * size + b], there, "election {number}: {a} to {b} in {:?}", election.ballots);
                defeated |= back > there;
            }
            if !defeated {
                undefeated.insert(a as u16);
            }
        }
        let winner = ours.order[0];
        assert!(undefeated.contains(&winner), "election {number}: {:?}", election.ballots);
        if undefeated.len() > 1 {
            lots += 1;
            assert_eq!(winner, LOT.order(undefeated.iter().copied())[0], "a lot decides between the undefeated");
            let tie = ours.ties.iter().find(|tie| tie.options.contains(&winner)).unwrap();
            assert_eq!((tie.options.iter().copied().collect::<BTreeSet<_>>(), tie.by), (undefeated, TieBreak::Lot));
        }
    }
    println!("{ELECTIONS} elections agree, a lot decided {lots} of them");
    assert!(lots > 100);
}

#[test]
fn tallystick_elects_the_same_by_plurality() {
    let (mut compared, mut tied) = (0, 0);
    for number in 0..ELECTIONS * 2 {
        let election = Election::new(number, false);
        let mut options = vec![0; usize::from(election.options)];
        let mut theirs = tallystick::plurality::DefaultPluralityTally::new(usize::from(election.seats));
        for (ranking, weight) in &election.ballots {
            options[usize::from(ranking[0])] += weight;
            theirs.add_weighted(ranking[0], *weight);
        }
        let sums = Sums { options, standing: (0..election.options).collect(), attainable: 0 };
        let ours = MostVotes.count(&sums, election.seats, LOT);
        if !ours.ties.is_empty() {
            tied += 1; // theirs elects all of the tied
            continue;
        }
        let theirs: BTreeSet<u16> = theirs.winners().into_unranked().into_iter().collect();
        assert_eq!(winners(&ours), theirs, "election {number}: {sums:?}");
        compared += 1;
    }
    println!("{compared} elections agree, {tied} had a tie");
    assert!(compared >= ELECTIONS, "{compared} compared, {tied} tied");
}
