//! `kill -9` of a whole network, again and again, while an import casts thousands of ballots.
//!
//! The moments are random, counted in ballots acknowledged; `VOTING_KILL_SEED` repeats them. A receipt once given
//! must hold for ever: what was acknowledged before a kill is noted here, and looked for in the ledger at the end.

use voting_cluster::testing::history::{Notes, check};
use voting_cluster::testing::schedule::{Kind, Schedule, Targets, seed_of_run};
use voting_core::PartitionId;

use crate::support::history::{acknowledged, holds, wait_until};
use crate::support::network::Network;
use crate::support::running::Running;

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
/// Kills while ballots are cast come before this share of them is acknowledged.
const SHARE: f64 = 0.9;

#[test]
fn no_kill_at_any_moment_loses_or_doubles_an_acknowledged_ballot() {
    let seed = seed_of_run("VOTING_KILL_SEED");
    let targets = Targets { authorities: 4, gateways: 1, masters: 0 };
    let schedule = Schedule::within(seed, targets, &[Kind::KillEverything; KILLS_DURING], SHARE);
    println!("VOTING_KILL_SEED={seed} shows this run again\n{schedule}");
    let during = schedule.faults().iter().map(|planned| (1 + planned.moment(BALLOTS), planned.later));
    let aside = Schedule::new(!seed, targets, &[Kind::KillEverything; KILLS_BEFORE + KILLS_AFTER]);
    let aside: Vec<_> = aside.faults().iter().map(|planned| planned.later).collect();
    let (before, after) = aside.split_at(KILLS_BEFORE);
    let before = before.iter().map(|later| (0, *later));
    let after = after.iter().map(|later| (BALLOTS, *later));
    let mut network = Network::durable();
    let admin = network.person("admin@example.com", "adminpass");
    let file = admin.path("ward.blt").display().to_string();
    let ballots = BALLOTS.to_string();
    admin.run(&["generate", "blt", "--seed", &seed.to_string(), "--ballots", &ballots, "--candidates", "6", "-o", &file]).exits(0);

    let mut import = Running::start(&admin, &["import", &file, "--wait", "100", "--output", "json"]);
    wait_until(&mut import, || !admin.files("import.json").is_empty());
    let mut noted = Notes::new();
    let mut in_flight = 0;
    for (moment, later) in before.chain(during).chain(after) {
        wait_until(&mut import, || acknowledged(&admin).len() >= moment);
        std::thread::sleep(later); // this is the fault's moment
        network = network.kill_and_restart();
        let now = acknowledged(&admin);
        println!("killed after {moment} ballots or a little later; {} are acknowledged", now.len());
        in_flight += usize::from((1..BALLOTS).contains(&now.len()));
        noted.note_all(now).unwrap_or_else(|violation| panic!("{violation}\n{schedule}"));
    }
    let result = import.end().exits(0).json();
    assert!(in_flight >= IN_FLIGHT_MIN, "only {in_flight} kills hit while ballots were in flight");

    holds((&network.url, &network.genesis), &admin, &file, &result, BALLOTS, &noted);
    noted.note_all(acknowledged(&admin)).unwrap();
    let (genesis, records) = network.records();
    let summary = records.and_then(|records| check(&genesis, PartitionId(0), &records, &noted));
    let summary = summary.unwrap_or_else(|violation| panic!("{violation}\n{schedule}"));
    println!("{} blocks with {} entries on four disks; {} receipts hold", summary.height, summary.entries, summary.acknowledged);
    assert_eq!(summary.acknowledged, BALLOTS);
}
