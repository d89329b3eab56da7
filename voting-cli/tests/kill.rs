//! `kill -9` of a whole network, again and again, while an import casts thousands of ballots.
//!
//! The moments are random, counted in ballots acknowledged; `VOTING_KILL_SEED` repeats them. A receipt once given
//! must hold for ever: what was acknowledged before a kill is noted here, and looked for in the ledger at the end.

#![allow(clippy::unwrap_used, reason = "only tests use it")]

mod support;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use support::history::{Receipts, Rng, acknowledged, holds, wait_until};
use support::network::Network;
use support::running::Running;

/// Ballots of the import.
const BALLOTS: usize = 2_400;
/// Kills before the first ballot: while keys are registered, the election published and opened.
const KILLS_BEFORE: usize = 2;
/// Kills while ballots are cast.
const KILLS_DURING: usize = 17;
/// Kills after the last ballot: while the election is closed and counted.
const KILLS_AFTER: usize = 1;
/// Kills of which it is insisted that ballots were in flight: some, and not all, were acknowledged.
const IN_FLIGHT_MIN: usize = 15;
/// The longest delay between the moment that is counted in ballots and the kill.
const DELAY_MS: u64 = 120;

#[test]
fn no_kill_at_any_moment_loses_or_doubles_an_acknowledged_ballot() {
    let seed = std::env::var("VOTING_KILL_SEED").ok().map_or_else(from_the_clock, |seed| seed.parse().unwrap());
    println!("VOTING_KILL_SEED={seed} shows this run again");
    let mut rng = Rng(seed | 1);
    let mut network = Network::durable();
    let admin = network.person("admin@example.com", "adminpass");
    let file = admin.path("ward.blt").display().to_string();
    let ballots = BALLOTS.to_string();
    admin.run(&["generate", "blt", "--seed", &seed.to_string(), "--ballots", &ballots, "--candidates", "6", "-o", &file]).exits(0);

    let mut import = Running::start(&admin, &["import", &file, "--wait", "100", "--output", "json"]);
    wait_until(&mut import, || !admin.files("import.json").is_empty());
    let mut noted = Receipts::new();
    let mut in_flight = 0;
    for moment in moments(&mut rng) {
        wait_until(&mut import, || acknowledged(&admin).len() >= moment);
        std::thread::sleep(Duration::from_millis(rng.below(DELAY_MS))); // this is the fault's moment
        network = network.kill_and_restart();
        let now = acknowledged(&admin);
        println!("killed after {moment} ballots or a little later; {} are acknowledged", now.len());
        in_flight += usize::from((1..BALLOTS).contains(&now.len()));
        for (hash, position) in now {
            let before = noted.insert(hash, position);
            assert!(before.is_none_or(|before| before == position), "{hash} moved from {before:?} to {position:?}");
        }
    }
    let result = import.end().exits(0).json();
    assert!(in_flight >= IN_FLIGHT_MIN, "only {in_flight} kills hit while ballots were in flight");

    holds((&network.url, &network.genesis), &admin, &file, &result, BALLOTS, &noted);
}

/// Acknowledged ballots before each kill, ascending.
fn moments(rng: &mut Rng) -> Vec<usize> {
    let mut moments = vec![0; KILLS_BEFORE];
    moments.extend((0..KILLS_DURING).map(|_| 1 + rng.below(BALLOTS as u64 * 9 / 10) as usize));
    moments.extend([BALLOTS; KILLS_AFTER]);
    moments.sort_unstable();
    moments
}

fn from_the_clock() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64 % 1_000_000_000
}
