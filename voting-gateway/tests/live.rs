//! Live updates, as clients of /ws see them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use voting_cluster::EntryStatus;
use voting_core::certificate::{Statement, Vote};
use voting_core::entry::Entry;
use voting_core::evidence::{Accusation, Evidence};
use voting_core::ids::{AuthorityIndex, BlockHash, View};
use voting_core::seams::ManualClock;
use voting_gateway::{Backend, Config, GatewayState, Limits};

use crate::support::live::{Client, ballots_of, take_ballots};
use crate::support::{Gateway, PATIENCE, key_of, marks, roomy};

/// A second gateway of the same network.
async fn another(gateway: &Gateway) -> (std::net::SocketAddr, watch::Sender<bool>, tokio::task::JoinHandle<std::io::Result<()>>) {
    let backend: Backend = gateway.state.backend().clone();
    let state = GatewayState::new(backend, Config { name: "another".to_owned(), ..roomy() });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopping) = watch::channel(false);
    (address, stop, tokio::spawn(voting_gateway::serve(listener, state, stopping)))
}

/// Alice's and bob's keys are certified; returns the election.
async fn election(gateway: &Gateway, admin: &str, change: impl FnOnce(&mut Value)) -> String {
    let id = gateway.open(admin, change).await;
    for (number, name) in [(1, "alice"), (2, "bob")] {
        let token = gateway.login(name).await;
        gateway.certify(&id, &token, &key_of(number)).await;
    }
    id
}

async fn vote(gateway: &Gateway, id: &str, number: u64, place: u16) -> Value {
    let ballot = gateway.ballot(id, &key_of(number), 1, marks(&[place])).await;
    let (status, receipt) = gateway.cast(id, &ballot).await;
    assert_eq!(status, 201, "{receipt}");
    receipt
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vote_moves_what_others_see_as_far_as_they_may() {
    let gateway = Gateway::start().await;
    let admin = gateway.login("admin").await;
    let id = election(&gateway, &admin, |_| {}).await;
    let (alice, bob, carol) = (gateway.login("alice").await, gateway.login("bob").await, gateway.login("carol").await);
    let channel = |aspect: &str| format!("election:{id}:{aspect}");
    let first = vote(&gateway, &id, 1, 0).await;

    let mut of_alice = Client::hello(gateway.address, Some(&alice), json!({})).await;
    let shown = of_alice.follow(&channel("results")).await;
    assert_eq!(shown["t"], "snapshot", "{shown}");
    assert_eq!(shown["data"]["total_votes"], 1);
    let own = of_alice.follow("me").await;
    assert_eq!(own["data"]["voted"][0]["code"], first["code"], "{own}");
    let list = of_alice.follow("elections").await;
    assert!(list["data"]["elections"].as_array().unwrap().iter().any(|item| item["id"] == id.as_str() && item["voted"] == 1));
    of_alice.follow(&channel("turnout")).await;
    assert_eq!(of_alice.follow(&channel("board")).await["data"], json!({"total": 1}));

    let mut of_bob = Client::hello(gateway.address, Some(&bob), json!({})).await;
    let refused = of_bob.follow(&channel("results")).await;
    assert_eq!((&refused["code"], &refused["retry"]), (&json!("results_hidden"), &json!(true)), "{refused}");
    of_bob.follow("me").await;

    let mut of_carol = Client::hello(gateway.address, Some(&carol), json!({})).await;
    of_carol.follow(&channel("turnout")).await;
    let refused = of_carol.follow(&channel("results")).await;
    assert_eq!(refused["code"], "results_hidden", "{refused}");

    let second = vote(&gateway, &id, 2, 2).await;
    let tally = of_alice.next_event(&channel("results"), "tally").await;
    assert_eq!(tally["data"]["total_votes"], 2);
    assert_eq!(tally["data"]["contests"][0]["votes"], json!([1, 0, 2]), "bob's vote has the weight 2");
    let voted = of_bob.next_event("me", "voted").await;
    assert_eq!((&voted["data"]["code"], &voted["data"]["election_id"]), (&second["code"], &json!(id)));
    let at = format!("{}.{}", second["height"], second["index"]);
    assert_eq!((&voted["pos"], &voted["data"]["position"]), (&json!(at), &json!(at)));
    assert_eq!(of_carol.next_event(&channel("turnout"), "turnout").await["data"]["voted"], 2);
    assert_eq!(of_bob.follow(&channel("results")).await["t"], "snapshot", "now bob has voted");

    let (status, closed) = gateway.post(&format!("/elections/{id}/close"), Some(&admin), json!({})).await;
    assert_eq!(status, 200, "{closed}");
    let result = loop {
        let result = of_alice.next_event(&channel("results"), "result").await;
        if result["data"]["phase"] == "published" {
            break result;
        }
    };
    assert_eq!(result["data"]["final"], true);
    let (_, same) = gateway.get(&format!("/elections/{id}/results"), Some(&alice)).await;
    assert_eq!(result["data"], same, "frames and answers say the same");
    assert_eq!(of_carol.follow(&channel("results")).await["t"], "snapshot", "what is published is for everyone");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn figures_are_not_sent_to_those_who_may_not_see_them() {
    let gateway = Gateway::start().await;
    let admin = gateway.login("admin").await;
    let id = election(&gateway, &admin, |_| {}).await;
    let carol = gateway.login("carol").await;
    let mut clients = vec![
        Client::hello(gateway.address, None, json!({})).await,
        Client::hello(gateway.address, Some(&carol), json!({})).await,
        Client::hello(gateway.address, Some(&admin), json!({})).await,
    ];
    for client in &mut clients {
        for channel in ["elections", "network"] {
            client.follow(channel).await;
        }
        for aspect in ["status", "turnout", "board"] {
            client.follow(&format!("election:{id}:{aspect}")).await;
        }
        assert_eq!(client.follow(&format!("election:{id}:results")).await["code"], "results_hidden");
    }
    assert_eq!(clients[0].follow("me").await["code"], "not_signed_in");
    vote(&gateway, &id, 1, 1).await;
    for client in &mut clients {
        let board = format!("election:{id}:board");
        let mut seen = BTreeSet::new();
        while !(seen.contains("ballots") && seen.contains("turnout") && seen.contains("block")) {
            let frame = client.next().await;
            let text = frame.to_string();
            assert!(!text.contains("contests") && !text.contains("candidates") && !text.contains("selections"), "{text}");
            seen.insert(frame["type"].as_str().unwrap_or_default().to_owned());
            if frame["ch"] == board.as_str() {
                assert_eq!(frame["data"]["ballots"][0].as_object().unwrap().len(), 4, "{frame}");
            }
        }
    }
    // Drafts are for administrators, and so is what becomes of them.
    let draft = gateway.draft(&admin, |_| {}).await;
    assert_eq!(clients[2].next_event("elections", "phase").await["data"]["election_id"], draft.as_str());
    assert_eq!(clients[0].follow(&format!("election:{draft}:status")).await["code"], "unknown_election");
    assert_eq!(clients[2].follow(&format!("election:{draft}:status")).await["data"]["phase"], "draft");
    let announced = gateway.announce(&admin, |_| {}).await;
    let news = clients[0].next_event("elections", "phase").await;
    assert_eq!((&news["data"]["election_id"], &news["data"]["phase"]), (&json!(announced), &json!("scheduled")), "{news}");
    assert_eq!(news["data"]["title"], "Board");
    gateway.stop().await;
}

/// Puts many voters on the roll by credentials, and opens.
async fn with_credentials(gateway: &Gateway, admin: &str, count: u64) -> String {
    let id = gateway.draft(admin, |_| {}).await;
    for from in (0..count).step_by(800) {
        let numbers = from..count.min(from + 800);
        let credentials: Vec<Value> =
            numbers.map(|n| json!({"label": format!("seat-{n}"), "key": key_of(1_000 + n).public().to_string()})).collect();
        let body = json!({"credentials": credentials});
        let (status, added) = gateway.post(&format!("/elections/{id}/credentials"), Some(admin), body).await;
        assert_eq!(status, 200, "{added}");
    }
    for step in ["publish", "open"] {
        let (status, answer) = gateway.post(&format!("/elections/{id}/{step}"), Some(admin), json!({})).await;
        assert_eq!(status, 200, "{answer}");
    }
    id
}

/// Fewer than the connections that one address may have.
const CASTS_AT_ONCE: usize = 50;

async fn votes(gateway: &Gateway, id: &str, numbers: std::ops::Range<u64>) {
    let casts = numbers.map(|n| async move {
        let ballot = gateway.ballot(id, &key_of(1_000 + n), 1, marks(&[(n % 3) as u16])).await;
        let (status, answer) = gateway.cast(id, &ballot).await;
        assert!(status == 201 || status == 200, "{answer}");
    });
    futures_util::stream::iter(casts).buffer_unordered(CASTS_AT_ONCE).collect::<()>().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_goes_on_at_another_gateway_without_gap_or_repetition() {
    let gateway = Gateway::start().await;
    let admin = gateway.login("admin").await;
    let id = with_credentials(&gateway, &admin, 300).await;
    let board = format!("election:{id}:board");
    let (address, stop, server) = another(&gateway).await;

    let mut client = Client::hello(address, None, json!({})).await;
    client.follow(&board).await;
    let mut seen = Vec::new();
    let casting = votes(&gateway, &id, 0..300);
    let following = async {
        while seen.len() < 50 {
            let frame = client.next_of(&board).await;
            take_ballots(&frame, &mut seen);
        }
        stop.send(true).unwrap();
        let end = loop {
            match client.next_or_close().await {
                Ok(frame) if frame["ch"] == board.as_str() => take_ballots(&frame, &mut seen),
                Ok(_) => {}
                Err(end) => break end,
            }
        };
        assert_eq!(end.0, 1001, "{end:?}");
        let (height, index) = client.positions[&board];
        let resume = json!({&board: format!("{height}.{index}")});
        let mut again = Client::hello(gateway.address, None, resume).await;
        again.positions = client.positions.clone(); // so that a gap between the two is found
        while seen.len() < 300 {
            let frame = again.next_of(&board).await;
            assert_eq!(frame["t"], "event", "{frame}");
            take_ballots(&frame, &mut seen);
        }
    };
    tokio::time::timeout(PATIENCE, async { tokio::join!(casting, following) }).await.unwrap();
    server.await.unwrap().unwrap();

    let (_, events) = gateway.get(&format!("/elections/{id}/events?limit=1000"), None).await;
    let ledger = ballots_of(&events);
    assert_eq!(seen, ledger, "every ballot once, in the order of the ledger");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_missed_too_much_starts_anew() {
    let gateway = Gateway::start().await;
    let admin = gateway.login("admin").await;
    let id = with_credentials(&gateway, &admin, 1_101).await;
    let board = format!("election:{id}:board");
    let mut client = Client::hello(gateway.address, None, json!({})).await;
    let before = client.follow(&board).await["pos"].clone();
    votes(&gateway, &id, 0..1_100).await;

    let mut late = Client::hello(gateway.address, None, json!({&board: before})).await;
    assert_eq!(late.next_of(&board).await["t"], "reset");
    let snapshot = late.next_of(&board).await;
    assert_eq!((&snapshot["t"], &snapshot["data"]["total"]), (&json!("snapshot"), &json!(1_100)));

    let (_, events) = gateway.get(&format!("/elections/{id}/events?limit=1000"), None).await;
    let mut near = Client::hello(gateway.address, None, json!({&board: events["next"]})).await;
    let mut seen = Vec::new();
    while seen.len() < 1_100 - 998 {
        let frame = near.next_of(&board).await;
        assert_eq!(frame["t"], "event");
        take_ballots(&frame, &mut seen);
    }
    // Who has missed no ballot, though the ledger has gone on, is told so: nothing is missing before what comes next.
    let last = near.positions[&board];
    gateway.draft(&admin, |_| {}).await;
    let mut idle = Client::hello(gateway.address, None, json!({&board: format!("{}.{}", last.0, last.1)})).await;
    idle.positions.insert(board.clone(), last);
    votes(&gateway, &id, 1_100..1_101).await;
    let mut new = Vec::new();
    while new.is_empty() {
        take_ballots(&idle.next_of(&board).await, &mut new);
    }

    let mut wrong = Client::hello(gateway.address, None, json!({&board: "far"})).await;
    assert_eq!(wrong.next_of(&board).await["code"], "invalid_cursor");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_end_their_sockets() {
    let gateway = Gateway::start().await;
    let token = gateway.login("alice").await;
    let mut client = Client::hello(gateway.address, Some(&token), json!({})).await;
    client.follow("me").await;
    let fresh = gateway.login("alice").await;
    client.say(json!({"t": "auth", "token": fresh})).await;
    client.say(json!({"t": "ping"})).await;
    assert_eq!(client.next().await["t"], "pong");
    gateway.post("/auth/logout", Some(&token), json!({})).await;
    client.say(json!({"t": "ping"})).await;
    assert_eq!(client.next().await["t"], "pong", "the socket speaks for the fresh session now");
    let ended = std::time::Instant::now();
    gateway.post("/auth/logout", Some(&fresh), json!({})).await;
    assert_eq!(client.next_or_close().await.unwrap_err(), (4401, "the session was ended".to_owned()));
    println!("a socket ended {:?} after its session", ended.elapsed());

    let mut wrong = Client::open(gateway.address, None).await.unwrap();
    wrong.say(json!({"t": "hello", "token": "no token of ours"})).await;
    assert_eq!(wrong.next_or_close().await.unwrap_err().0, 4401);
    let (alice, bob) = (gateway.login("alice").await, gateway.login("bob").await);
    let mut other = Client::hello(gateway.address, Some(&alice), json!({})).await;
    other.say(json!({"t": "auth", "token": bob})).await;
    assert_eq!(other.next_or_close().await.unwrap_err().0, 4401, "a socket does not change hands");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_renew_a_token_is_told_and_let_go() {
    let clock = Arc::new(ManualClock::new("2026-11-01T08:00:00Z".parse().unwrap()));
    let own = Arc::clone(&clock);
    let gateway = Gateway::with(roomy(), |backend| backend.clock = own).await;
    let token = gateway.login("alice").await;
    let mut client = Client::open(gateway.address, None).await.unwrap();
    client.say(json!({"t": "hello", "token": token})).await;
    let welcome = client.next().await;
    assert_eq!(welcome["expires_at"], "2026-11-01T08:10:00Z", "{welcome}");
    clock.advance(Duration::from_secs(9 * 60 + 10));
    let told = client.next().await;
    assert_eq!((&told["t"], &told["expires_in"]), (&json!("token_expiring"), &json!(50)));
    let fresh = gateway.login("alice").await;
    client.say(json!({"t": "auth", "token": fresh})).await;
    clock.advance(Duration::from_secs(60)); // the first token ends, which matters no more
    client.say(json!({"t": "ping"})).await;
    assert_eq!(client.next().await["t"], "pong");
    clock.advance(Duration::from_secs(8 * 60 + 10));
    assert_eq!(client.next().await["t"], "token_expiring", "of the second one");
    clock.advance(Duration::from_secs(60));
    assert_eq!(client.next_or_close().await.unwrap_err(), (4401, "the token has ended".to_owned()));
    gateway.stop().await;
}

/// The code with which a connection ends, whatever comes before.
async fn end_of(client: &mut Client) -> u16 {
    loop {
        if let Err((code, _)) = client.next_or_close().await {
            return code;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_frames_end_the_connection_and_bad_wishes_do_not() {
    let gateway = Gateway::start().await;
    for (wrong, code) in [
        ("not JSON".to_owned(), 4400),
        (r#"{"v":1,"t":"subscribe","id":"1","ch":"network"}"#.to_owned(), 4400),
        (r#"{"v":2,"t":"hello"}"#.to_owned(), 4400),
        (format!(r#"{{"v":1,"t":"hello","token":"{}"}}"#, "x".repeat(5_000)), 1009),
    ] {
        let mut client = Client::open(gateway.address, None).await.unwrap();
        client.say_text(wrong.clone()).await;
        assert_eq!(client.next_or_close().await.unwrap_err().0, code, "{wrong}");
    }
    let mut client = Client::hello(gateway.address, None, json!({})).await;
    assert_eq!(client.follow("weather").await["code"], "unknown_channel");
    assert_eq!(client.follow("election:00:board").await["code"], "unknown_election");
    assert_eq!(client.follow(&format!("election:{}:board", "00".repeat(16))).await["code"], "unknown_election");
    client.say(json!({"t": "unsubscribe", "ch": "weather"})).await;
    assert_eq!(client.follow("network").await["t"], "snapshot");
    client.say(json!({"t": "hello"})).await;
    assert_eq!(end_of(&mut client).await, 4400);

    let mut chatty = Client::hello(gateway.address, None, json!({})).await;
    for _ in 0..100 {
        chatty.say(json!({"t": "ping"})).await;
    }
    assert_eq!(end_of(&mut chatty).await, 4400);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_door_is_narrow() {
    let limits = Limits { sockets_per_address: 2, ..roomy().limits };
    let allowed = vec!["https://vote.example.org".to_owned()];
    let gateway = Gateway::with(Config { limits, allowed_origins: allowed, ..roomy() }, |_| {}).await;
    let refusal = |error: tokio_tungstenite::tungstenite::Error| match error {
        tokio_tungstenite::tungstenite::Error::Http(response) => {
            let body: Value = serde_json::from_slice(response.body().as_deref().unwrap_or_default()).unwrap_or_default();
            (response.status().as_u16(), body)
        }
        other => panic!("{other}"),
    };
    let error = Client::open(gateway.address, Some("https://elsewhere.example")).await.err().unwrap();
    assert_eq!(refusal(error).0, 403);
    let own = format!("http://{}", gateway.address);
    let first = Client::open(gateway.address, Some(&own)).await.unwrap();
    let mut second = Client::open(gateway.address, Some("https://vote.example.org")).await.unwrap();
    let error = Client::open(gateway.address, None).await.err().unwrap();
    assert_eq!(refusal(error).0, 429);

    let silent = tokio::time::Instant::now();
    assert_eq!(second.next_or_close().await.unwrap_err().0, 4408, "no hello");
    assert!(silent.elapsed() >= Duration::from_secs(4));
    drop(first);
    // A place that was left can be taken again, as soon as the gateway has noticed.
    let again = async {
        loop {
            if let Ok(client) = Client::open(gateway.address, None).await {
                return client;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, again).await.unwrap();
    let (status, problem) = gateway.get("/ws", None).await;
    assert_eq!((status, &problem["code"]), (400, &json!("not_a_websocket")));
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_read_is_let_go_and_costs_the_others_nothing() {
    let gateway = Gateway::start().await;
    let admin = gateway.login("admin").await;
    let candidates: Vec<String> = (0..1_000).map(|n| format!("Candidate number {n:0>30}")).collect();
    let large = |new: &mut Value| {
        new["candidates"] = json!(candidates);
        new["results"] = "public".into();
    };
    let id = gateway.open(&admin, large).await;
    let results = format!("election:{id}:results");
    let too_slow = || async {
        let metrics = gateway.http.get(gateway.url("/metrics")).send().await.unwrap().text().await.unwrap();
        metrics.lines().any(|line| line.starts_with("live_clients_too_slow_total") && !line.ends_with(" 0"))
    };
    assert!(!too_slow().await);
    let mut reading = Client::hello(gateway.address, None, json!({})).await;
    reading.follow("network").await;
    let snapshot = reading.follow(&results).await.to_string();
    // Takes a few kilobytes, and then nothing: all its snapshots together are more than buffers hold.
    let mut idle = Client::with_small_window(gateway.address).await;
    idle.say(json!({"t": "hello"})).await;
    let wishes = 18;
    assert!(wishes * snapshot.len() > 4_500_000, "{}", snapshot.len());
    for _ in 0..wishes {
        idle.say(json!({"t": "subscribe", "id": "again", "ch": &results})).await;
    }
    let mut served = 0;
    while !too_slow().await {
        reading.next_event("network", "network").await; // about once a second
        served += 1;
        assert!(served < 60, "the idle client is still there");
    }
    assert!(served > 2, "others were served meanwhile");
    assert!(matches!(end_of(&mut idle).await, 4429 | 0), "it was let go");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_network_tells_of_its_authorities_and_blocks() {
    let gateway = Gateway::start().await;
    let admin = gateway.login("admin").await;
    let mut client = Client::hello(gateway.address, None, json!({})).await;
    let snapshot = client.follow("network").await;
    assert_eq!(snapshot["data"]["quorum"], 3);
    let four = loop {
        let status = client.next_event("network", "network").await;
        if status["data"]["alive"] == 4 {
            break status;
        }
    };
    let authorities = four["data"]["authorities"].as_array().unwrap();
    assert_eq!(authorities.len(), 4);
    assert!(authorities.iter().all(|authority| authority["health"] == "alive" && authority["height"].is_u64()), "{four}");
    gateway.draft(&admin, |_| {}).await;
    let block = client.next_event("network", "block").await;
    assert!(block["data"]["signers"].as_array().unwrap().len() >= 3, "{block}");
    let (status, rest) = gateway.get("/network/status", None).await;
    assert_eq!((status, &rest["alive"]), (200, &json!(4)));
    assert_eq!(rest["authorities"].as_array().unwrap().len(), 4);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_network_tells_who_contradicted_itself() {
    let gateway = Gateway::start().await;
    let mut client = Client::hello(gateway.address, None, json!({})).await;
    assert_eq!(client.follow("network").await["data"]["accused"], json!([]));
    let (chain, epoch) = (gateway.network.replica().state().chain(), 0);
    let liar = &gateway.network.identity().authorities[2];
    let vote = |block: u8| {
        let statement = Statement::Notarize { view: View(1_000), block: BlockHash([block; 32]) };
        Vote::sign(chain, epoch, statement, AuthorityIndex(2), liar)
    };
    let evidence = Evidence::new(vote(1), vote(2)).unwrap();
    let entry = Entry::Accuse(Accusation { chain, epoch, key: liar.public(), evidence });
    let status = gateway.network.submit(&entry, PATIENCE).await.unwrap();
    let EntryStatus::Final(position) = status else { panic!("{status:?}") };
    let told = loop {
        let status = client.next_event("network", "network").await;
        if status["data"]["accused"] != json!([]) {
            break status;
        }
    };
    let (height, entry) = (position.height.0, entry.to_bytes().hash().to_string());
    let accused = json!([{"name": "authority-2", "epoch": 0, "view": 1_000, "height": height, "entry": entry}]);
    assert_eq!(told["data"]["accused"], accused);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ballot_on_its_way_is_told_of_before_it_is_final() {
    let gateway = Gateway::start().await;
    let admin = gateway.login("admin").await;
    let id = election(&gateway, &admin, |_| {}).await;
    let ballot = gateway.ballot(&id, &key_of(1), 1, marks(&[1])).await;
    let (hash, names) = (ballot.hash(), gateway.network.nodes().len());
    let channel = format!("ballot:{hash}");

    let mut client = Client::hello(gateway.address, None, json!({})).await;
    let before = client.follow(&channel).await;
    let named: Vec<String> = (0..names).map(|index| format!("authority-{index}")).collect();
    let unknown = json!({"ballot_hash": hash, "stage": "unknown", "agreed": [], "authorities": named, "quorum": 3});
    assert_eq!((&before["t"], &before["data"]), (&json!("snapshot"), &unknown));

    // Two and two, where three are a quorum: whoever takes the ballot shares it with one other, and there it stays.
    let nodes: Vec<_> = named.iter().map(|name| name.as_str().into()).collect();
    for one in &nodes[..2] {
        for other in &nodes[2..] {
            gateway.network.network().cut(one, other);
        }
    }
    let progress = async {
        let mut agreed = BTreeSet::new();
        while agreed.len() < 2 {
            let event = client.next_event(&channel, "progress").await;
            assert_eq!(event["data"]["stage"], "pending", "{event}");
            agreed = event["data"]["agreed"].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect();
        }
        let (_, status) = gateway.get(&format!("/ballots/{hash}"), None).await;
        assert_eq!(status["status"], "pending", "two are no quorum: {status}");
        gateway.network.network().heal_all();
        agreed
    };
    let ((status, receipt), agreed) = tokio::join!(gateway.cast(&id, &ballot), progress);
    assert!([201, 202].contains(&status), "{receipt}");
    let sides = [&named[..2], &named[2..]].map(|side| side.iter().cloned().collect::<BTreeSet<_>>());
    assert!(sides.contains(&agreed), "{agreed:?}");
    loop {
        let event = client.next_event(&channel, "progress").await;
        if event["data"]["stage"] == "final" {
            break;
        }
    }
    let after = Client::hello(gateway.address, None, json!({})).await.follow(&channel).await;
    assert_eq!(after["data"]["stage"], "final", "{after}");
    for wrong in ["ballot:", "ballot:abc"] {
        assert_eq!(client.follow(wrong).await["code"], "unknown_channel");
    }
    gateway.stop().await;
}
