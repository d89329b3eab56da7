//! Authorities as processes on machines whose clocks are two minutes apart.

use serde_json::Value;
use voting_cluster::testing::history::{Notes, check};
use voting_cluster::testing::http::get;
use voting_cluster::testing::{Deployment, Part};
use voting_core::{Canonical as _, PartitionId};

use crate::support::deployment::{person, voting};
use crate::support::history::{acknowledged, holds};

/// By how much the machines of the authorities are wrong, in milliseconds.
const OFFSETS_MS: [i64; 4] = [0, 60_000, -60_000, 20];
const BALLOTS: usize = 200;

/// Of each authority, by how much its machine is ahead of what they agree on, in milliseconds.
fn machines(clocks: &Value) -> Vec<i64> {
    let rows = clocks["authorities"].as_array().cloned().unwrap_or_default();
    rows.iter().filter_map(|row| Some(row["clock"]["machine_us"].as_i64()? / 1_000)).collect()
}

#[test]
fn an_election_runs_on_machines_whose_clocks_are_minutes_apart() {
    let mut network = Deployment::start_on_wrong_clocks(voting(), 1, &OFFSETS_MS, &["--leader", "elected"]);
    network.until("every authority to know the time", |network| machines(&network.clocks()).len() == OFFSETS_MS.len());
    let told = machines(&network.clocks());
    println!("machines are off by {told:?} ms, they say");
    for (told, offset) in told.iter().zip(OFFSETS_MS) {
        assert!((told - offset).abs() < 1_000, "each knows how wrong its machine is: {told} ms of {offset} ms");
    }

    // What people see.
    let url = network.urls()[0].clone();
    let body = |path: &str| get(&url, path).expect("the gateway answers").body;
    let ready: Value = serde_json::from_str(&body("/readyz")).unwrap();
    let check_of = |name: &str| ready["checks"].as_array().unwrap().iter().find(|check| check["name"] == name).cloned();
    println!("{ready:#}");
    assert_eq!(check_of("clock").unwrap()["ok"], true);
    let metrics = body("/metrics");
    for (n, name) in ["authority-0", "authority-1", "authority-2", "authority-3"].iter().enumerate() {
        let state = format!("clock_state{{node=\"{name}\",state=\"holdover\"}} 1");
        assert!(metrics.contains(&state), "no quorum of the machines agrees: {metrics}");
        let gauge = format!("clock_machine_offset_seconds{{node=\"{name}\"}} ");
        let seconds: f64 = metrics.split(&gauge).nth(1).and_then(|rest| rest.lines().next()).unwrap().parse().unwrap();
        assert!((seconds - OFFSETS_MS[n] as f64 / 1_000.0).abs() < 1.0, "{name} is {seconds} s off");
    }
    let status: Value = serde_json::from_str(&body("/network/status")).unwrap();
    assert!(status["clock"]["bound_us"].is_i64() && status["clock"]["state"] != "unsynced", "{:#}", status["clock"]);
    assert_eq!(status["authorities"][1]["clock"]["state"], "holdover");
    let shown = network.status();
    assert_eq!((&shown["alive"], &shown["authorities"][2]["clock"]), (&4.into(), &"holdover".into()), "nobody looks absent for it");

    // The operator's way to step a clock says why it does nothing.
    network.step_clock(1);
    network.until("the authority to answer the operator", |network| {
        network.log(Part::Authority(1)).contains("the clock was not stepped: no quorum agrees on a time to be set to")
    });

    let admin = person(&network, 0, "admin@example.com", "adminpass");
    let (file, ballots) = (admin.path("ward.blt").display().to_string(), BALLOTS.to_string());
    admin.run(&["generate", "blt", "--seed", "7", "--ballots", &ballots, "--candidates", "5", "-o", &file]).exits(0);
    let imported = admin.run(&["import", &file, "--concurrency", "8", "--wait", "200", "--output", "json"]).exits(0).json();
    let mut noted = Notes::new();
    noted.note_all(acknowledged(&admin)).unwrap_or_else(|violation| panic!("{violation}"));
    let genesis = network.genesis().digest().to_string();
    holds((&url, &genesis), &admin, &file, &imported, BALLOTS, &noted);
    // The rules of the ledger were kept, no receipt is without its ballot, and all have the same on disk.
    let records = network.records().unwrap_or_else(|violation| panic!("{violation}\n{}", network.logs()));
    let summary = check(network.genesis(), PartitionId(0), &records, &noted);
    let summary = summary.unwrap_or_else(|violation| panic!("{violation}\n{}", network.logs()));
    println!("{} blocks with {} entries; {} receipts hold", summary.height, summary.entries, summary.acknowledged);
    assert_eq!(summary.acknowledged, BALLOTS);
    // The machines' clocks stayed as they were.
    assert!(std::fs::read_to_string(network.config(Part::Authority(1))).unwrap().starts_with("clock_offset_ms = 60000\n"));
}
