//! How long counts take: `cargo run --release -p voting-core --features testing --example count_speed [BALLOTS] [CANDIDATES]`.
//!
//! Random rankings, nearly all of them distinct, which is the hardest there is: real ballots repeat each other. One thread.

#![allow(clippy::print_stdout, reason = "it prints figures")]

use std::time::Instant;

use voting_core::count::{Borda, InstantRunoff, Lot, MeekStv, Profile, RankedMethod, RankedPairs, Schulze, ScottishStv, WigmStv};
use voting_core::ids::Digest;
use voting_core::ranking::Ranking;
use voting_core::testing::Numbers;

fn main() {
    let mut arguments =
        std::env::args().skip(1).map(|argument| argument.parse::<u64>().expect("BALLOTS and CANDIDATES are numbers"));
    let (ballots, candidates) = (arguments.next().unwrap_or(1_000_000), arguments.next().unwrap_or(20) as u16);
    let mut numbers = Numbers::new(1);
    let rankings: Vec<Ranking> = (0..ballots).map(|_| Ranking::strict(numbers.ranking(candidates))).collect();
    let seats = (candidates / 4).max(1);
    println!("{ballots} ballots, {candidates} candidates, {seats} seats (instant runoff: 1)\n");
    println!("{:<16} {:>9} {:>9}  rounds", "method", "read", "count");
    let methods: [(&str, &dyn RankedMethod, u16); 7] = [
        ("instant-runoff", &InstantRunoff, 1),
        ("scottish-stv", &ScottishStv, seats),
        ("wigm-stv", &WigmStv, seats),
        ("meek-stv", &MeekStv, seats),
        ("schulze", &Schulze, seats),
        ("ranked-pairs", &RankedPairs, seats),
        ("borda", &Borda, seats),
    ];
    let lot = Lot { seed: Digest::ZERO, contest: 0 };
    for (name, method, seats) in methods {
        let started = Instant::now();
        let read = rankings.iter().map(|ranking| (ranking, 1));
        let profile = Profile::new(candidates, &[], method.equals(), method.gaps(), read).expect("the weights fit");
        let read = started.elapsed().as_secs_f64();
        let started = Instant::now();
        let outcome = method.count(&profile, seats, lot);
        let counted = started.elapsed().as_secs_f64();
        println!("{name:<16} {read:>7.2} s {counted:>7.2} s  {}", outcome.rounds.len());
    }
    by_stv_rs(&rankings, candidates, seats);
}

/// The same ballots counted by another program.
fn by_stv_rs(rankings: &[Ranking], candidates: u16, seats: u16) {
    use stv_rs::types::{Ballot, Candidate, Election};
    let ballot = |ranking: &Ranking| Ballot::new(1, ranking.options().map(|option| [usize::from(option)]));
    let election = Election::builder()
        .title("Random")
        .num_seats(usize::from(seats))
        .candidates((0..candidates).map(|option| Candidate::new(format!("c{option}"), false)).collect::<Vec<_>>())
        .ballots(rankings.iter().map(ballot).collect::<Vec<_>>())
        .build();
    let started = Instant::now();
    let counted = stv_rs::meek::stv_droop::<stv_rs::arithmetic::Integer64, stv_rs::arithmetic::FixedDecimal9>(
        &mut std::io::sink(),
        &election,
        "comparison",
        6,
        stv_rs::cli::Parallel::No,
        None,
        false,
        true,
        false,
    );
    let seconds = started.elapsed().as_secs_f64();
    println!("\nstv-rs, Meek, one thread: {seconds:.2} s{}", if counted.is_ok() { "" } else { ", and failed" });
}
