//! Live updates of a deployed network: two gateways as processes, one of which is killed.

use std::net::SocketAddr;
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use voting_cluster::testing::http::{get, request};
use voting_cluster::testing::{Deployment, Part};
use voting_core::Canonical as _;
use voting_core::ballot::SignedBallot;

use crate::support::deployment::{person, voting};
use crate::support::running::Running;
use crate::support::ws::{Client, Seen, ballots_of, take_ballots};

/// Ballots of the import that goes on while a gateway is killed.
const BALLOTS: usize = 900;
/// Ballots seen before it is killed.
const BEFORE: usize = 150;

fn address(network: &Deployment, gateway: usize) -> SocketAddr {
    network.urls()[gateway].trim_start_matches("http://").parse().unwrap()
}

/// The ballots of an election as a gateway reads them from the ledger.
fn ledger(url: &str, election: &str) -> Vec<Seen> {
    let (mut all, mut after) = (Vec::new(), String::new());
    loop {
        let page = get(url, &format!("/elections/{election}/events?limit=1000{after}")).unwrap().json();
        if page["events"].as_array().is_none_or(Vec::is_empty) {
            return all;
        }
        all.extend(ballots_of(&page));
        after = format!("&after={}", page["next"].as_str().unwrap());
    }
}

#[test]
fn clients_of_a_killed_gateway_go_on_at_the_other_and_votes_show_everywhere() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let mut network = Deployment::start(voting(), 4, 2);
    votes_show_at_the_other_gateway(&runtime, &network);
    progress_shows_who_has_a_ballot(&runtime, &mut network);

    // Goes through the gateway that stays, while a client follows it at the one that will not.
    let admin = person(&network, 1, "admin@example.com", "adminpass");
    let file = admin.path("ward.blt").display().to_string();
    admin.run(&["generate", "blt", "--seed", "5", "--ballots", &BALLOTS.to_string(), "--candidates", "4", "-o", &file]).exits(0);
    let (mut client, import, election) = runtime.block_on(async {
        let mut client = Client::hello(address(&network, 0), None, json!({})).await;
        client.follow("elections").await;
        let import = Running::start(&admin, &["import", &file, "--concurrency", "8", "--output", "json"]);
        let news = client.next_event("elections", "phase").await;
        assert_eq!(news["data"]["phase"], "scheduled", "{news}");
        (client, import, news["data"]["election_id"].as_str().unwrap().to_owned())
    });
    let board = format!("election:{election}:board");
    let mut seen = Vec::new();
    runtime.block_on(async {
        client.follow(&board).await;
        while seen.len() < BEFORE {
            take_ballots(&client.next_of(&board).await, &mut seen);
        }
    });
    network.kill(Part::Gateway(0));
    let killed = Instant::now();
    let seen_before = runtime.block_on(async {
        loop {
            match client.next_or_close().await {
                Ok(frame) if frame["ch"] == board.as_str() => take_ballots(&frame, &mut seen),
                Ok(_) => {}
                Err((code, _)) => {
                    assert_eq!(code, 0, "a killed gateway says no farewell");
                    break seen.len();
                }
            }
        }
    });
    assert!(seen_before < BALLOTS, "there was something left to miss");
    let mut last = client.positions.clone();
    let (height, index) = last.remove(&board).unwrap();
    runtime.block_on(async {
        let mut again = Client::hello(address(&network, 1), None, json!({&board: format!("{height}.{index}")})).await;
        again.positions.insert(board.clone(), (height, index)); // so that a gap between the two is found
        while seen.len() < BALLOTS {
            let frame = again.next_of(&board).await;
            assert_eq!(frame["t"], "event", "{frame}");
            take_ballots(&frame, &mut seen);
        }
    });
    println!("{seen_before} ballots seen at the killed gateway, all {BALLOTS} {:.1?} later at the other", killed.elapsed());
    let ended = import.end();
    assert_eq!(ended.code, 0, "{ended:#?}");
    assert_eq!(seen, ledger(&network.urls()[1], &election), "every ballot once, in the order of the ledger");
}

/// A vote cast at one gateway moves the open result that somebody sees at the other.
fn votes_show_at_the_other_gateway(runtime: &tokio::runtime::Runtime, network: &Deployment) {
    let bob = person(network, 0, "bob@example.com", "bobpass");
    let elections = bob.run(&["elections", "list", "--output", "json"]).exits(0).json();
    let named = |item: &&Value| item["title"].as_str().is_some_and(|title| title.starts_with("Evening"));
    let election = elections.as_array().unwrap().iter().find(named).unwrap()["id"].as_str().unwrap().to_owned();
    let results = format!("election:{election}:results");
    let mut client = runtime.block_on(async {
        let mut client = Client::hello(address(network, 1), None, json!({})).await;
        assert_eq!(client.follow(&results).await["data"]["total_votes"], 0);
        client
    });
    let voting = Running::start(&bob, &["vote", &election, "--choice", "Tuesday", "--output", "json"]);
    let began = Instant::now();
    let tally = runtime.block_on(client.next_event(&results, "tally"));
    println!("another gateway's client saw the vote {:.0?} after the command began", began.elapsed());
    assert_eq!((&tally["data"]["total_votes"], &tally["data"]["contests"][0]["votes"]), (&json!(1), &json!([0, 1, 0, 0])));
    assert_eq!(voting.end().code, 0);
}

/// While two of four authorities are stopped, a voter sees that the other two have checked the ballot, and that it is not
/// recorded.
fn progress_shows_who_has_a_ballot(runtime: &tokio::runtime::Runtime, network: &mut Deployment) {
    let alice = person(network, 0, "alice@example.com", "alicepass");
    let elections = alice.run(&["elections", "list", "--output", "json"]).exits(0).json();
    let named = |item: &&Value| item["title"].as_str().is_some_and(|title| title.starts_with("Evening"));
    let election = elections.as_array().unwrap().iter().find(named).unwrap()["id"].as_str().unwrap().to_owned();
    // The key is certified while there is a quorum; what is signed is sent by hand, so that its hash is known before.
    let signed = alice.run(&["vote", &election, "--choice", "Tuesday", "--sign-only", "--output", "json"]).exits(0).json();
    let ballot = SignedBallot::from_canonical(&STANDARD.decode(signed["ballot"].as_str().unwrap()).unwrap()).unwrap();
    let (channel, body) = (format!("ballot:{}", ballot.hash()), signed.to_string());
    for stopped in [2, 3] {
        network.pause(Part::Authority(stopped));
    }
    let url = network.urls()[0].clone();
    let casting = std::thread::spawn(move || request(&url, &format!("PUT /votes/{election}"), &[], &body).unwrap());
    let mut client = runtime.block_on(async {
        let mut client = Client::hello(address(network, 0), None, json!({})).await;
        let mut frame = client.follow(&channel).await;
        while frame["data"]["agreed"].as_array().unwrap().len() < 2 {
            assert_ne!(frame["data"]["stage"], "final", "two of four are no quorum: {frame}");
            frame = client.next_event(&channel, "progress").await;
        }
        assert_eq!(frame["data"]["agreed"], json!(["authority-0", "authority-1"]), "{frame}");
        assert_eq!((&frame["data"]["stage"], &frame["data"]["quorum"]), (&json!("pending"), &json!(3)));
        client
    });
    for stopped in [2, 3] {
        network.resume(Part::Authority(stopped));
    }
    runtime.block_on(async { while client.next_event(&channel, "progress").await["data"]["stage"] != "final" {} });
    let answer = casting.join().unwrap();
    assert!([201, 202].contains(&answer.status), "{answer:?}");
}
