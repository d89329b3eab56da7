//! Four authorities and two gateways as processes on a Redis Cluster of six servers, while all of them are killed.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test may panic, and tells what it saw")]

mod support;

use std::time::{Duration, Instant};

use support::deployment::{Deployment, get, request};
use support::history::{Receipts, Rng, acknowledged, holds, wait_until};
use support::running::Running;

/// Ballots of each of the two imports.
const BALLOTS: usize = 900;
/// Longest that anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is done to the network.
#[derive(Debug, Clone, Copy)]
enum Fault {
    KillAuthority(usize),
    KillGateway(usize),
    KillMaster,
    PauseMaster,
}

/// Authorities, gateways and masters of Redis are killed one at a time while two imports go through both gateways at
/// once: both end with the right result, and every receipt holds.
#[test]
fn an_election_survives_the_death_of_any_process() {
    let seed = std::env::var("VOTING_KILL_SEED").ok().map_or_else(|| u64::from(std::process::id()), |seed| seed.parse().unwrap());
    println!("VOTING_KILL_SEED={seed} shows this run again");
    let mut rng = Rng(seed | 1);
    let rounds = std::env::var("VOTING_CHAOS_ROUNDS").ok().map_or(1, |rounds| rounds.parse().unwrap());
    let mut network = Deployment::start(4, 2);
    for round in 0..rounds {
        one_round(&mut network, seed + round, &mut rng);
    }
}

fn one_round(network: &mut Deployment, seed: u64, rng: &mut Rng) {
    let ballots = BALLOTS.to_string();
    let admins = [0, 1].map(|gateway| network.person(gateway, "admin@example.com", "adminpass"));
    let files = [0, 1].map(|n: usize| {
        let file = admins[n].path("ward.blt").display().to_string();
        let seed = (2 * seed + n as u64).to_string();
        admins[n].run(&["generate", "blt", "--seed", &seed, "--ballots", &ballots, "--candidates", "5", "-o", &file]).exits(0);
        file
    });
    let mut imports = [0, 1].map(|n| Running::start(&admins[n], &["import", &files[n], "--wait", "200", "--output", "json"]));

    let mut faults = vec![
        Fault::KillAuthority(rng.below(4) as usize),
        Fault::KillGateway(0),
        Fault::KillMaster,
        Fault::KillAuthority(rng.below(4) as usize),
        Fault::KillGateway(1),
        Fault::PauseMaster,
    ];
    for n in (1..faults.len()).rev() {
        faults.swap(n, rng.below(n as u64 + 1) as usize);
    }
    let (mut noted, mut in_flight) = ([Receipts::new(), Receipts::new()], 0);
    let count = faults.len();
    for (n, fault) in faults.into_iter().enumerate() {
        // Each at its part of the way of the first import.
        let moment = 1 + n * BALLOTS * 8 / 10 / count;
        wait_until(&mut imports[0], || acknowledged(&admins[0]).len() >= moment);
        let before = acknowledged(&admins[0]).len() + acknowledged(&admins[1]).len();
        let began = Instant::now();
        inflict(network, fault);
        println!("{fault:?} after {before} ballots; over after {:.1?}", began.elapsed());
        in_flight += usize::from((1..2 * BALLOTS).contains(&before));
        for (noted, admin) in noted.iter_mut().zip(&admins) {
            for (hash, position) in acknowledged(admin) {
                let known = noted.insert(hash, position);
                assert!(known.is_none_or(|known| known == position), "{hash} moved from {known:?} to {position:?}");
            }
        }
    }
    assert!(in_flight >= count - 1, "only {in_flight} faults hit while ballots were in flight");
    for (n, import) in imports.into_iter().enumerate() {
        let ended = import.end();
        assert_eq!(ended.code, 0, "import {n}: {ended:#?}\n{}", network.logs());
        holds((&network.urls[n], &network.genesis), &admins[n], &files[n], &ended.json(), BALLOTS, &noted[n]);
    }
    // What one gateway knows, the other knows.
    let both: Vec<_> = network.urls.iter().map(|url| get(url, "/elections").unwrap().0).collect();
    assert_eq!(both[0], both[1]);
}

/// Does it, sees that it took place, and mends it.
fn inflict(network: &mut Deployment, fault: Fault) {
    match fault {
        Fault::KillAuthority(n) => network.kill_authority(n, |network| {
            network.until("the authority to be missed", |network| {
                network.status()["authorities"][n]["health"].as_str().is_none_or(|health| health != "alive")
            });
        }),
        Fault::KillGateway(n) => network.kill_gateway(n, |network| assert!(get(&network.urls[n], "/readyz").is_none())),
        Fault::KillMaster => {
            let master = network.servers.masters()[0];
            network.servers.kill(master);
            network.servers.until("a replica to take its place", |servers| servers.masters().len() == 3);
            network.servers.restart(master);
            network.servers.settle();
        }
        Fault::PauseMaster => {
            let master = network.servers.masters()[0];
            network.servers.pause(master);
            network.servers.until("a replica to take its place", |servers| servers.masters().len() == 3);
            network.servers.resume(master);
            network.servers.settle();
        }
    }
}

/// With all of Redis gone, nothing recorded is lost, new ballots are refused at once with the time to come back, and
/// everything goes on by itself when Redis is there again.
#[test]
fn without_redis_gateways_say_so_and_recover_by_themselves() {
    let mut network = Deployment::start(4, 1);
    let alice = network.person(0, "alice@example.com", "alicepass");
    let bob = network.person(0, "bob@example.com", "bobpass");
    let vote = |person: &support::Person, wait: &str| {
        let elections: serde_json::Value = person.run(&["elections", "list", "--output", "json"]).exits(0).json();
        let id = elections[0]["id"].as_str().unwrap().to_owned();
        let shown: serde_json::Value = person.run(&["elections", "show", &id, "--output", "json"]).exits(0).json();
        let choice = shown["contests"][0]["options"][0]["name"].as_str().unwrap().to_owned();
        person.run(&["vote", &id, "--choice", &choice, "--wait", wait, "--output", "json"])
    };
    vote(&alice, "30").exits(0);
    alice.run(&["receipt", "verify"]).exits(0);
    network.until("the status to tell of it", |network| network.status()["authorities"][0]["height"].as_u64() > Some(0));

    let all = network.servers.running();
    assert_eq!(all.len(), 6);
    for id in &all {
        network.servers.kill(*id);
    }
    assert!(network.servers.running().is_empty(), "all of Redis is gone");
    // The gateway still serves what is final, and refuses what needs Redis.
    let url = network.urls[0].clone();
    let known = get(&url, "/network").unwrap_or_else(|| panic!("no answer\n{}", network.logs()));
    assert_eq!(known.0, 200, "what is final is known without Redis");
    let began = Instant::now();
    let (status, answer) = loop {
        let login = r#"{"email":"bob@example.com","password":"bobpass"}"#;
        let answer = request(&url, "POST /auth/login", "content-type: application/json\r\n", login);
        let answer = answer.unwrap_or_else(|| panic!("no answer after {:?}\n{}", began.elapsed(), network.logs()));
        if answer.0 == 503 || began.elapsed() > PATIENCE {
            break answer;
        }
    };
    assert_eq!(status, 503, "{answer}");
    assert!(answer.to_ascii_lowercase().contains("retry-after:") && answer.contains("\"code\""), "{answer}");
    assert_eq!(get(&url, "/readyz").unwrap().0, 503);
    assert_eq!(get(&url, "/healthz").unwrap().0, 200, "the process itself is well");

    for id in all {
        network.servers.restart(id);
    }
    network.servers.settle();
    network.until_ready(0);
    vote(&bob, "60").exits(0);
    bob.run(&["receipt", "verify"]).exits(0);
    alice.run(&["receipt", "verify"]).exits(0);
}

/// A session begun at one gateway is good at all others, and ended at one it is ended at all.
#[test]
fn sessions_are_those_of_all_gateways() {
    let network = Deployment::start(4, 2);
    let login = r#"{"email":"alice@example.com","password":"alicepass"}"#;
    let json = "content-type: application/json\r\n";
    let (status, answer) = request(&network.urls[0], "POST /auth/login", json, login).unwrap();
    assert_eq!(status, 200, "{answer}");
    let body: serde_json::Value = serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    let token = format!("authorization: Bearer {}\r\n", body["access_token"].as_str().unwrap());
    for url in &network.urls {
        assert_eq!(request(url, "GET /auth/me", &token, "").unwrap().0, 200, "{url}");
    }
    let (status, answer) = request(&network.urls[1], "POST /auth/logout", &token, "").unwrap();
    assert!((200..300).contains(&status), "{answer}");
    for url in &network.urls {
        assert_eq!(request(url, "GET /auth/me", &token, "").unwrap().0, 401, "{url} within the same moment");
    }
}
