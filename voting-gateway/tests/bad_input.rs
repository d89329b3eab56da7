//! What others may send: refused by name, at no cost to anyone else, and without changing anything.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use voting_cluster::queue::MemoryQueue;
use voting_core::ballot::Selection;
use voting_core::codec::Canonical as _;
use voting_core::crypto::Signature;
use voting_core::ids::{Digest, ElectionId};
use voting_core::seams::NodeName;
use voting_gateway::{Config, Limits};

use crate::support;
use crate::support::{Gateway, PATIENCE, key_of, marks, problem_of, read_all, roomy};

async fn post_text(gateway: &Gateway, path: &str, token: Option<&str>, kind: &str, body: impl Into<reqwest::Body>) -> (u16, Value) {
    let mut request = gateway.http.post(gateway.url(path)).header("content-type", kind).body(body);
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    if status < 400 { (status, answer.json().await.unwrap_or_default()) } else { (status, problem_of(answer).await) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn json_that_can_be_read_in_two_ways_is_refused() {
    let gateway = Gateway::start().await;
    let admin = gateway.login("admin").await;
    let login = |rest: &str| format!(r#"{{"email":"alice@example.com","password":"alicepass"{rest}}}"#).into_bytes();
    let deep = format!("{}{}", "[".repeat(5_000), "]".repeat(5_000));
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("duplicate key", login(r#","email":"bob@example.com""#), "invalid_json"),
        ("escaped duplicate key", login(r#","\u0065mail":"bob@example.com""#), "invalid_json"),
        ("unknown field", login(r#","role":"admin""#), "unknown_field"),
        ("byte order mark", [b"\xEF\xBB\xBF".as_slice(), &login("")].concat(), "invalid_json"),
        ("trailing bytes", [&login(""), b"x".as_slice()].concat(), "invalid_json"),
        ("second document", [login(""), login("")].concat(), "invalid_json"),
        ("not a number", login(r#","client":NaN"#), "invalid_json"),
        ("beyond a double", login(r#","client":1e400"#), "invalid_json"),
        ("lone surrogate", login(r#","client":"\ud800""#), "invalid_json"),
        ("bad UTF-8", login("").iter().map(|byte| if *byte == b'a' { 0xff } else { *byte }).collect(), "invalid_json"),
        ("nesting", deep.into_bytes(), "invalid_json"),
        ("truncated", b"{\"email\":".to_vec(), "invalid_json"),
        ("a list", b"[]".to_vec(), "invalid_request"),
        ("null", b"null".to_vec(), "invalid_request"),
        ("a list for text", br#"{"email":["a"],"password":"x"}"#.to_vec(), "invalid_request"),
        ("a field missing", b"{}".to_vec(), "invalid_request"),
    ];
    for (what, body, code) in cases {
        let (status, problem) = post_text(&gateway, "/auth/login", None, "application/json", body).await;
        assert_eq!((status, problem["code"].as_str()), (400, Some(code)), "{what}: {problem}");
    }
    for kind in
        ["text/plain", "application/x+json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "nonsense", ""]
    {
        let (status, problem) = post_text(&gateway, "/auth/login", None, kind, login("")).await;
        assert_eq!((status, problem["code"].as_str()), (415, Some("unsupported_media_type")), "{kind}");
    }
    let gzip = gateway.http.post(gateway.url("/auth/login")).header("content-encoding", "gzip").json(&json!({}));
    assert_eq!(gzip.send().await.unwrap().status(), 415);

    // Numbers out of range, in a field that is a number.
    let id = gateway.draft(&admin, |_| {}).await;
    let path = format!("/elections/{id}/voters");
    for (weight, status) in [
        ("9007199254740993", 422),
        ("1000000001", 422),
        ("0", 422),
        ("18446744073709551616", 400),
        ("-1", 400),
        ("-0", 400),
        ("1.5", 400),
        ("1e2", 400),
        ("\"1\"", 400),
    ] {
        let body = format!(r#"{{"voters":[{{"email":"dora@example.com","weight":{weight}}}]}}"#);
        assert_eq!(post_text(&gateway, &path, Some(&admin), "application/json", body).await.0, status, "{weight}");
    }
    assert_eq!(gateway.get(&path, Some(&admin)).await.1["total"], 0);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_and_names_that_mislead_are_refused_whole() {
    let gateway = Gateway::start().await;
    let admin = gateway.login("admin").await;
    let id = gateway.draft(&admin, |_| {}).await;
    let path = format!("/elections/{id}/voters");
    let csv = "email,name\ndora@example.com,Dora\nnobody,X\neve@example.com,=1+1\nfay@example.com,F\u{202e}ay\n\
               DORA@example.com,\ngus@example.com,G\u{200b}us\nhal@example.com,e\u{301}\n";
    let (status, problem) = post_text(&gateway, &path, Some(&admin), "text/csv", csv).await;
    assert_eq!((status, problem["code"].as_str()), (422, Some("invalid_voters")));
    let lines: Vec<_> = problem["errors"].as_array().unwrap().iter().map(|error| error["line"].as_u64().unwrap()).collect();
    assert_eq!(lines, [3, 4, 5, 6, 7, 8]);
    for (csv, code) in
        [(&b"email\n\xff@example.com\n"[..], "invalid_text"), (b"", "invalid_voters"), (b"name\nX\n", "invalid_voters")]
    {
        let (_, problem) = post_text(&gateway, &path, Some(&admin), "text/csv", csv).await;
        assert_eq!(problem["code"], code, "{problem}");
    }
    let weak = "01".to_owned() + &"00".repeat(31);
    let good = key_of(1).public().to_string();
    for credentials in [
        json!([{"label": "a", "key": weak}]),
        json!([{"label": "a", "key": "ff".repeat(32)}]),
        json!([{"label": "a", "key": "00"}]),
        json!([{"label": "a", "key": good}, {"label": "b", "key": good}]),
        json!([{"label": "a", "key": good}, {"label": "a", "key": key_of(2).public().to_string()}]),
        json!([{"label": "dora@example.com", "key": good}]),
        json!([{"label": "", "key": good}]),
        json!([]),
    ] {
        let body = json!({"credentials": credentials});
        let (status, problem) = gateway.post(&format!("/elections/{id}/credentials"), Some(&admin), body).await;
        assert_eq!(status, 422, "{problem}");
    }
    assert_eq!(gateway.get(&path, Some(&admin)).await.1["total"], 0, "all or nothing");
    assert_eq!(gateway.counts(&id), (0, 0, 0));

    for name in ["e\u{301}", "A\u{202e}da", "A\u{200b}da", " Ada", "", "A\nda", "\u{feff}Ada"] {
        let mut new = support::new_election();
        new["candidates"] = json!([name, "Bob"]);
        let (status, problem) = gateway.post("/elections", Some(&admin), new).await;
        assert_eq!((status, problem["code"].as_str()), (422, Some("invalid_definition")), "{name:?}");
    }
    for (field, value) in
        [("start_date", "yesterday"), ("end_date", "2026-01-01T00:00:00Z"), ("end_date", "+12026-01-01T00:00:00Z")]
    {
        let mut new = support::new_election();
        new[field] = json!(value);
        assert_eq!(gateway.post("/elections", Some(&admin), new).await.1["code"], "invalid_definition", "{field} {value}");
    }
    assert_eq!(gateway.get("/elections", Some(&admin)).await.1.as_array().unwrap().len(), 1);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_ballot_that_is_not_right_is_refused_by_name() {
    let gateway = Gateway::start().await;
    let (admin, alice, bob) = (gateway.login("admin").await, gateway.login("alice").await, gateway.login("bob").await);
    let strict = |new: &mut Value| {
        new.as_object_mut().unwrap().remove("candidates");
        let options: Vec<_> = (0..4).map(|n| json!({"name": format!("Option {n}")})).collect();
        new["contests"] =
            json!([{"title": "Q", "method": "approval", "min": 2, "max": 3, "allow_blank": false, "options": options}]);
    };
    let id = gateway.open(&admin, strict).await;
    let other = gateway.open(&admin, strict).await;
    let key = key_of(1);
    gateway.certify(&id, &alice, &key).await;
    let weak = json!({"key": "01".to_owned() + &"00".repeat(31)});
    assert_eq!(gateway.post(&format!("/elections/{id}/key"), Some(&bob), weak).await.1["code"], "invalid_key");
    let before = gateway.counts(&id);
    assert_eq!(before, (0, 0, 1));

    let good = gateway.ballot(&id, &key, 1, marks(&[0, 1])).await;
    let bytes = good.to_canonical();
    let mut flipped = bytes.clone();
    *flipped.last_mut().unwrap() ^= 1;
    // s + ℓ signs the same to those who do not look.
    let mut large = good.clone();
    large.signature = Signature(add_order(large.signature.0));
    let mut elsewhere = gateway.unsigned(&id, &key, 1, marks(&[0, 1]));
    elsewhere.context = Digest([7; 32]);
    let mut lost = gateway.unsigned(&id, &key, 1, marks(&[0, 1]));
    lost.election = ElectionId([9; 16]);
    let selections = |selections: Vec<Selection>| gateway.unsigned(&id, &key, 1, selections).sign(&key).to_canonical();
    let cases: Vec<(&str, Vec<u8>, u16, &str)> = vec![
        ("empty", Vec::new(), 400, "malformed_ballot"),
        ("truncated", bytes[..bytes.len() - 1].to_vec(), 400, "malformed_ballot"),
        ("trailing", [bytes.as_slice(), &[0]].concat(), 400, "malformed_ballot"),
        ("too long", vec![0; 70_000], 400, "malformed_ballot"),
        (
            "length beyond the end",
            {
                let mut b = bytes.clone();
                b[84..88].fill(0xff);
                b
            },
            400,
            "malformed_ballot",
        ),
        ("bit flipped", flipped, 401, "invalid_signature"),
        ("s not reduced", large.to_canonical(), 401, "invalid_signature"),
        ("wrong context", elsewhere.sign(&key).to_canonical(), 422, "wrong_context"),
        ("no such election", lost.sign(&key).to_canonical(), 422, "wrong_election"),
        ("other election", gateway.ballot(&other, &key, 1, marks(&[0, 1])).await.to_canonical(), 422, "wrong_election"),
        ("stranger", gateway.ballot(&id, &key_of(9), 1, marks(&[0, 1])).await.to_canonical(), 403, "key_not_certified"),
        (
            "signed by another",
            gateway.unsigned(&id, &key, 1, marks(&[0, 1])).sign(&key_of(9)).to_canonical(),
            401,
            "invalid_signature",
        ),
        ("sequence zero", gateway.ballot(&id, &key, 0, marks(&[0, 1])).await.to_canonical(), 409, "stale_sequence"),
        ("unknown option", selections(marks(&[0, 4])), 422, "unknown_option"),
        ("out of order", selections(marks(&[1, 0])), 422, "marks_out_of_order"),
        ("twice the same", selections(marks(&[1, 1])), 422, "marks_out_of_order"),
        ("overvote", selections(marks(&[0, 1, 2, 3])), 422, "overvote"),
        ("undervote", selections(marks(&[0])), 422, "undervote"),
        ("blank", selections(vec![Selection::Blank]), 422, "blank_not_allowed"),
        ("too few contests", selections(Vec::new()), 422, "wrong_contests"),
        ("too many contests", selections(vec![Selection::Marks(vec![0, 1]); 2]), 422, "wrong_contests"),
    ];
    for (what, bytes, status, code) in cases {
        let answer = gateway.cast_bytes(&id, &bytes).await;
        assert_eq!((answer.0, answer.1["code"].as_str()), (status, Some(code)), "{what}: {}", answer.1);
        assert_eq!(gateway.counts(&id), before, "{what}");
    }
    let put = |body: Value| gateway.ask(Method::PUT, "/votes/x", None, Some(body));
    for text in ["%%%", "AAAA\n", "AA==AA", "A"] {
        assert_eq!(put(json!({"ballot": text})).await.1["code"], "malformed_ballot", "{text:?}");
    }
    let path = format!("/votes/{id}");
    for (said, code) in [
        (json!([{"marks": [0, 2]}]), "selections_differ"),
        (json!(["blank"]), "selections_differ"),
        (json!([]), "selections_differ"),
        (json!([{"marks": [0, 1], "name": "x"}]), "invalid_selections"),
        (json!([{"marks": [0, -1]}]), "invalid_selections"),
        (json!(["Blank"]), "invalid_selections"),
    ] {
        let body = json!({"ballot": STANDARD.encode(&bytes), "selections": said});
        let (status, problem) = gateway.ask(Method::PUT, &path, None, Some(body)).await;
        assert_eq!((status, problem["code"].as_str()), (422, Some(code)), "{said}");
    }
    for unknown in ["0".repeat(32), "x".to_owned(), "%ff".to_owned()] {
        let (status, _) = gateway.cast_bytes(&unknown, &bytes).await;
        assert!((400..=404).contains(&status), "{unknown}: {status}");
    }
    assert_eq!(gateway.counts(&id), before);

    // After all that, the right one is taken; and the same bytes a thousand times are one ballot.
    assert_eq!(gateway.cast(&id, &good).await.0, 201);
    for _ in 0..1_000 {
        assert_eq!(gateway.cast(&id, &good).await.0, 200);
    }
    assert_eq!(gateway.counts(&id), (1, 1, 1));
    gateway.stop().await;
}

/// Adds the group order to the scalar of a signature.
fn add_order(mut signature: [u8; 64]) -> [u8; 64] {
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut carry = 0;
    for (byte, order) in signature[32..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        *byte = sum as u8;
        carry = sum >> 8;
    }
    signature
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_ballot_sent_many_times_at_once_is_one_ballot() {
    let gateway = Arc::new(Gateway::start().await);
    let (admin, alice) = (gateway.login("admin").await, gateway.login("alice").await);
    let id = gateway.open(&admin, |_| {}).await;
    gateway.certify(&id, &alice, &key_of(1)).await;
    let ballot = gateway.ballot(&id, &key_of(1), 1, marks(&[0])).await;
    let sending = (0..50).map(|_| {
        let (gateway, id, ballot) = (Arc::clone(&gateway), id.clone(), ballot.clone());
        tokio::spawn(async move { gateway.cast(&id, &ballot).await })
    });
    let mut receipts = Vec::new();
    for answer in sending.collect::<Vec<_>>() {
        let (status, receipt) = answer.await.unwrap();
        assert!(matches!(status, 200 | 201), "{status} {receipt}");
        receipts.push(receipt);
    }
    assert!(receipts.windows(2).all(|pair| pair[0] == pair[1]), "one receipt");
    assert_eq!(gateway.counts(&id), (1, 1, 1));
    Arc::try_unwrap(gateway).ok().unwrap().stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ballot_that_waits_for_a_quorum_is_pending_and_then_final() {
    let gateway = Gateway::with(Config { ballot_wait: Duration::from_millis(200), ..roomy() }, |_| {}).await;
    let (admin, alice) = (gateway.login("admin").await, gateway.login("alice").await);
    let id = gateway.open(&admin, |_| {}).await;
    gateway.certify(&id, &alice, &key_of(1)).await;
    for name in ["authority-2", "authority-3"] {
        gateway.network.network().isolate(&NodeName(name.to_owned()));
    }
    let ballot = gateway.ballot(&id, &key_of(1), 1, marks(&[0])).await;
    let answer = gateway
        .send(Method::PUT, &format!("/votes/{id}"), None, Some(json!({"ballot": STANDARD.encode(ballot.to_canonical())})))
        .await;
    assert_eq!(answer.status(), 202);
    let location = answer.headers()["location"].to_str().unwrap().to_owned();
    let pending: Value = answer.json().await.unwrap();
    assert_eq!((&pending["status"], &pending["status_url"]), (&json!("pending"), &json!(location)));
    assert_eq!(gateway.get(&location, None).await.1["status"], "pending");
    assert_eq!(gateway.counts(&id).0, 0, "no success before finality");

    gateway.network.network().heal_all();
    let settled = async {
        loop {
            let (status, answer) = gateway.cast(&id, &ballot).await; // as clients do: the same bytes again
            assert!(matches!(status, 200..=202), "{answer}");
            if status != 202 {
                return answer;
            }
        }
    };
    let receipt = tokio::time::timeout(PATIENCE, settled).await.expect("the network recovers");
    assert_eq!(receipt["ballot_hash"], ballot.hash().to_string());
    assert_eq!(gateway.get(&location, None).await.1["status"], "final");
    assert_eq!(gateway.counts(&id), (1, 1, 1));
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_queue_says_so_and_forgets_nothing() {
    let gateway = Gateway::start().await;
    let admin = gateway.login("admin").await;
    let id = gateway.draft(&admin, |_| {}).await;
    let credentials: Vec<_> = (0..4).map(|n| json!({"label": format!("b{n}"), "key": key_of(n).public().to_string()})).collect();
    let path = format!("/elections/{id}");
    assert_eq!(gateway.post(&format!("{path}/credentials"), Some(&admin), json!({"credentials": credentials})).await.0, 200);
    for step in ["publish", "open"] {
        assert_eq!(gateway.post(&format!("{path}/{step}"), Some(&admin), json!({})).await.0, 200);
    }
    // A second gateway on the same network, whose queue nobody empties yet.
    let queue = Arc::new(MemoryQueue::new(2, Arc::clone(gateway.network.clock())));
    let mut backend = gateway.state.backend().clone();
    backend.queue = queue.clone();
    let config = Config { ballot_wait: Duration::ZERO, ..roomy() };
    let second = voting_gateway::GatewayState::new(backend, config);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (stop, stopping) = tokio::sync::watch::channel(false);
    let server = tokio::spawn(voting_gateway::serve(listener, second, stopping));
    let mut statuses = Vec::new();
    for n in 0..4 {
        let ballot = gateway.ballot(&id, &key_of(n), 1, marks(&[0])).await;
        let body = json!({"ballot": STANDARD.encode(ballot.to_canonical())});
        let answer = gateway.http.put(format!("{url}/votes/{id}")).json(&body).send().await.unwrap();
        statuses.push(answer.status().as_u16());
        if answer.status() == 503 {
            assert_eq!(problem_of(answer).await["code"], "queue_full");
            let status: Value =
                gateway.http.get(format!("{url}/ballots/{}", ballot.hash())).send().await.unwrap().json().await.unwrap();
            assert_eq!(status["status"], "unknown", "what was not taken is not pending");
        }
    }
    assert_eq!(statuses, [202, 202, 503, 503]);
    let ready = gateway.http.get(format!("{url}/readyz")).send().await.unwrap();
    assert_eq!(ready.status(), 503);

    // What it took is all there.
    use voting_core::seams::BallotQueue as _;
    let taken = queue.take("test", 10, Duration::ZERO).await.unwrap();
    assert_eq!(taken.len(), 2);
    for delivery in taken {
        gateway.network.queue().submit(delivery.entry).await.unwrap();
    }
    for n in 0..4 {
        let (status, answer) = gateway.cast(&id, &gateway.ballot(&id, &key_of(n), 1, marks(&[0])).await).await;
        assert!(matches!(status, 200 | 201), "{answer}");
    }
    assert_eq!(gateway.counts(&id).0, 4);
    stop.send(true).unwrap();
    server.await.unwrap().unwrap();
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_are_too_large_too_slow_or_not_http_are_ended() {
    let limits = Limits {
        header_timeout: Duration::from_millis(300),
        body_timeout: Duration::from_millis(300),
        body_bytes: 1_000,
        connections_per_address: 5,
        ..roomy().limits
    };
    let gateway = Gateway::with(Config { limits, ..roomy() }, |_| {}).await;
    let head = "POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";
    let end = "Connection: close\r\n\r\n";

    let large = gateway.raw(format!("{head}{end}").replace("Connection", "Content-Length: 1001\r\nConnection").as_bytes()).await;
    assert!(large.starts_with("HTTP/1.1 413 ") && large.contains("body_too_large"), "{large}");
    let chunks =
        format!("{head}Transfer-Encoding: chunked\r\n{end}{}0\r\n\r\n", format!("1f4\r\n{}\r\n", "x".repeat(500)).repeat(3));
    let chunked = gateway.raw(chunks.as_bytes()).await;
    assert!(chunked.starts_with("HTTP/1.1 413 "), "{chunked}");
    let slow = gateway.raw(format!("{head}Content-Length: 10\r\n{end}{{").as_bytes()).await;
    assert!(slow.starts_with("HTTP/1.1 408 ") && slow.contains("slow_body"), "{slow}");

    // A byte now and then does not keep a connection.
    let mut dripping = TcpStream::connect(gateway.address).await.unwrap();
    let drip = async {
        for byte in head.bytes().cycle() {
            if dripping.write_all(&[byte]).await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await; // the pace of the attacker
        }
    };
    tokio::time::timeout(PATIENCE, drip).await.expect("the server ends the connection");

    let huge = gateway.raw(format!("GET / HTTP/1.1\r\nHost: x\r\nX-Large: {}\r\n\r\n", "y".repeat(20_000)).as_bytes()).await;
    assert!(huge.is_empty() || huge.starts_with("HTTP/1.1 431 "), "{huge}");
    for nonsense in [
        &b"\x16\x03\x01\x02\x00\x01\x00"[..],
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost : x\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    ] {
        let answer = gateway.raw(nonsense).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4") || answer.starts_with("HTTP/1.0 4"), "{answer}");
    }
    // Two lengths: never two answers to what one sender meant as one request.
    let smuggled =
        format!("{head}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n{end}0\r\n\r\nGET /version HTTP/1.1\r\nHost: x\r\n\r\n");
    let answer = gateway.raw(smuggled.as_bytes()).await;
    assert!(answer.matches("HTTP/1.1 ").count() <= 1 && !answer.contains("\"version\""), "{answer}");

    // Connections beyond the bound are closed; the others go on, and places are given back.
    let mut open = Vec::new();
    for _ in 0..5 {
        open.push(TcpStream::connect(gateway.address).await.unwrap());
    }
    let mut refused = TcpStream::connect(gateway.address).await.unwrap();
    assert_eq!(read_all(&mut refused).await, "");
    drop(open);
    let back = async {
        while gateway.http.get(gateway.url("/healthz")).send().await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, back).await.expect("places are given back");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unknown_addresses_and_methods_are_problems_too() {
    let gateway = Gateway::start().await;
    for path in ["/nothing", "/elections/", "/elections/x/y/z", "/../etc/passwd", "/.env", "/ballots"] {
        assert_eq!(gateway.get(path, None).await.1["code"], "no_such_route", "{path}");
    }
    for (method, path) in
        [(Method::DELETE, "/elections"), (Method::GET, "/auth/login"), (Method::PATCH, "/votes/x"), (Method::POST, "/")]
    {
        let (status, problem) = gateway.ask(method.clone(), path, None, None).await;
        assert_eq!((status, problem["code"].as_str()), (405, Some("method_not_allowed")), "{method} {path}");
    }
    for path in ["/elections/x", "/elections/%00", "/elections/%F0%9F%92%A9", &format!("/elections/{}", "9".repeat(500))] {
        assert_eq!(gateway.get(path, None).await.1["code"], "unknown_election", "{path}");
    }
    for hash in ["x", "zz", &"F".repeat(64), &"0".repeat(65)] {
        assert_eq!(gateway.get(&format!("/ballots/{hash}"), None).await.1["code"], "invalid_ballot_hash", "{hash}");
    }
    let admin = gateway.login("admin").await;
    let id = gateway.announce(&admin, |_| {}).await;
    for query in ["after=x", "after=1", "after=-1.0", "after=1.99999999999", "limit=x", "limit=-1", "wait_ms=1e9"] {
        assert_eq!(gateway.get(&format!("/elections/{id}/events?{query}"), None).await.0, 400, "{query}");
    }
    let (status, events) = gateway.get(&format!("/elections/{id}/events?after=18446744073709551615.4294967295"), None).await;
    assert_eq!((status, &events["events"]), (200, &json!([])));
    gateway.stop().await;
}
