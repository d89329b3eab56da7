//! Every operation of the API on its good path, over HTTP, against four authorities.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::{Value, json};
use voting_core::ballot::Selection;
use voting_core::codec::Canonical as _;
use voting_core::epoch::Genesis;
use voting_core::epoch::change::Epochs;
use voting_core::ids::PartitionId;
use voting_core::receipt::Receipt;
use voting_core::verify::{Options, verify};

use crate::support;
use crate::support::{Gateway, key_of, marks, roomy};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_election_from_draft_to_verified_bundle() {
    let gateway = Gateway::start().await;
    let (admin, alice, bob) = (gateway.login("admin").await, gateway.login("alice").await, gateway.login("bob").await);
    let carol = gateway.login("carol").await;

    let id = gateway.draft(&admin, |_| {}).await;
    let path = format!("/elections/{id}");
    // A draft is the administrators' own.
    for caller in [None, Some(alice.as_str())] {
        assert_eq!(gateway.get(&path, caller).await.1["code"], "unknown_election");
        assert_eq!(gateway.get("/elections", caller).await.1, json!([]));
        assert_eq!(gateway.get(&format!("{path}/bundle"), caller).await.0, 404);
        assert_eq!(gateway.get(&format!("{path}/events"), caller).await.0, 404);
    }
    assert_eq!(gateway.get("/elections", Some(&admin)).await.1[0]["phase"], "draft");
    let mut replaced = support::new_election();
    replaced["title"] = json!("Board, second try");
    let (status, election) = gateway.ask(Method::PUT, &path, Some(&admin), Some(replaced)).await;
    assert_eq!((status, &election["title"]), (200, &json!("Board, second try")));

    // Two administrators who looked at the same draft: the second learns of the first.
    let seen = format!("\"{}\"", election["context"].as_str().unwrap());
    let replace = |title: &str, seen: &str| {
        let mut body = support::new_election();
        body["title"] = json!(title);
        gateway.http.put(gateway.url(&path)).bearer_auth(&admin).header("if-match", seen).json(&body).send()
    };
    let first = replace("Board, third try", &seen).await.unwrap();
    assert_eq!(first.status(), 200);
    let newer: Value = first.json().await.unwrap();
    let second = replace("Board, mine", &seen).await.unwrap();
    assert_eq!(second.status(), 412);
    let told: Value = second.json().await.unwrap();
    assert_eq!(told["code"], "changed_meanwhile", "{told}");
    assert!(told["detail"].as_str().unwrap().contains(newer["context"].as_str().unwrap()), "{told}");
    assert_eq!(gateway.get(&path, Some(&admin)).await.1["title"], "Board, third try", "nothing is lost");
    for wrong in ["abc", "\"abc\"", "*", "W/\"1\""] {
        let answer = replace("x", wrong).await.unwrap();
        assert_eq!(
            (answer.status(), answer.json::<Value>().await.unwrap()["code"].clone()),
            (400.try_into().unwrap(), json!("invalid_request")),
            "{wrong}"
        );
    }

    // The roll, as CSV and as JSON; the same voters again are no harm.
    let csv = "email,name,weight\nalice@example.com,Alice,1\nbob@example.com,Bob,2\n";
    for (added, already) in [(2, 0), (0, 2)] {
        let request = gateway.http.post(gateway.url(&format!("{path}/voters"))).bearer_auth(&admin);
        let answer = request.header("content-type", "text/csv").body(csv).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.json::<Value>().await.unwrap(), json!({"added": added, "already": already, "total": 2}));
    }
    let credentials = json!({"credentials": [{"label": "ballot-1", "key": key_of(50).public().to_string(), "weight": 5}]});
    let (status, answer) = gateway.post(&format!("{path}/credentials"), Some(&admin), credentials.clone()).await;
    assert_eq!((status, answer), (200, json!({"added": 1, "already": 0, "roll_size": 3})));
    let (_, page) = gateway.get(&format!("{path}/voters?limit=2"), Some(&admin)).await;
    assert_eq!((page["total"].as_u64(), page["voters"].as_array().unwrap().len()), (Some(3), 2));
    let (_, rest) = gateway.get(&format!("{path}/voters?after={}", page["next"].as_str().unwrap()), Some(&admin)).await;
    assert_eq!(rest["voters"].as_array().unwrap().len(), 1);

    // What somebody else has changed since is not announced either.
    let publish = gateway.http.post(gateway.url(&format!("{path}/publish"))).bearer_auth(&admin).header("if-match", &seen);
    let stale = publish.send().await.unwrap();
    assert_eq!(
        (stale.status(), stale.json::<Value>().await.unwrap()["code"].clone()),
        (412.try_into().unwrap(), json!("changed_meanwhile"))
    );
    assert_eq!(gateway.get(&path, Some(&admin)).await.1["phase"], "draft");

    let (status, election) = gateway.post(&format!("{path}/publish"), Some(&admin), json!({})).await;
    assert_eq!((status, &election["phase"], &election["roll_size"]), (200, &json!("scheduled"), &json!(3)), "{election}");
    // The roll is fixed now: the same credentials again change nothing, new ones are refused.
    let (_, answer) = gateway.post(&format!("{path}/credentials"), Some(&admin), credentials).await;
    assert_eq!(answer, json!({"added": 0, "already": 1, "roll_size": 3}));
    let late = json!({"credentials": [{"label": "late", "key": key_of(51).public().to_string()}]});
    assert_eq!(gateway.post(&format!("{path}/credentials"), Some(&admin), late).await.1["code"], "wrong_phase");
    assert_eq!(gateway.get(&format!("{path}/voters"), Some(&admin)).await.1["total"], 3);

    assert_eq!(gateway.get(&path, Some(&alice)).await.1["reason"], "not_open_yet");
    assert_eq!(gateway.get(&path, None).await.1["reason"], "not_signed_in");
    assert_eq!(gateway.get(&path, Some(&carol)).await.1["reason"], "not_on_roll");
    assert_eq!(gateway.get(&path, Some(&alice)).await.1["eligible_voters"], json!([]));
    assert_eq!(gateway.post(&format!("{path}/open"), Some(&admin), json!({})).await.0, 200);
    let (_, candidates) = gateway.get(&format!("{path}/candidates"), None).await;
    assert_eq!(candidates[2], json!({"id": "0-2", "contest": 0, "option": 2, "name": "Alan", "description": ""}));

    // Alice's key, then her vote.
    let key = key_of(1);
    gateway.certify(&id, &alice, &key).await;
    let again = json!({"key": key.public().to_string()});
    assert_eq!(gateway.post(&format!("{path}/key"), Some(&alice), again.clone()).await.0, 200);
    let other = json!({"key": key_of(2).public().to_string()});
    assert_eq!(gateway.post(&format!("{path}/key"), Some(&alice), other).await.1["code"], "key_already_certified");
    assert_eq!(gateway.post(&format!("{path}/key"), Some(&bob), again.clone()).await.1["code"], "key_in_use");
    assert_eq!(gateway.post(&format!("{path}/key"), Some(&carol), again).await.1["code"], "not_on_roll");
    assert_eq!(gateway.get(&path, Some(&alice)).await.1["my_key"], key.public().to_string());
    assert_eq!(gateway.get(&format!("{path}/results"), Some(&alice)).await.1["code"], "results_hidden");

    let ballot = gateway.ballot(&id, &key, 1, marks(&[1])).await;
    let (status, recorded) = gateway.cast(&id, &ballot).await;
    assert_eq!(status, 201, "{recorded}");
    let bytes = gateway.http.get(gateway.url("/genesis")).send().await.unwrap().bytes().await.unwrap();
    let genesis = Genesis::from_canonical(&bytes).unwrap();
    let proof = STANDARD.decode(recorded["proof"].as_str().unwrap()).unwrap();
    let proved = Receipt::from_canonical(&proof)
        .unwrap()
        .verify(&Epochs::founded(&genesis, PartitionId(0)).unwrap(), Some(&ballot))
        .unwrap();
    assert_eq!(json!([proved.height.0, proved.index]), json!([recorded["height"], recorded["index"]]));
    assert_eq!(recorded["recorded_at"], proved.timestamp.to_string());

    assert_eq!(gateway.cast(&id, &ballot).await, (200, recorded.clone()));
    let (status, refused) = gateway.cast(&id, &gateway.ballot(&id, &key, 1, marks(&[0])).await).await;
    assert_eq!((status, &refused["code"]), (409, &json!("already_voted")));
    assert_eq!([&refused["recorded_at"], &refused["ballot_hash"]], [&recorded["recorded_at"], &recorded["ballot_hash"]]);
    let hash = recorded["ballot_hash"].as_str().unwrap();
    let (_, status) = gateway.get(&format!("/ballots/{hash}"), None).await;
    assert_eq!([&status["status"], &status["height"]], [&json!("final"), &recorded["height"]]);
    assert_eq!(gateway.get(status["receipt_url"].as_str().unwrap(), None).await, (200, recorded.clone()));
    assert_eq!(gateway.get(&format!("/ballots/{}", "0".repeat(64)), None).await.1["status"], "unknown");
    assert_eq!(gateway.get(&format!("/ballots/{}/receipt", "0".repeat(64)), None).await.1["code"], "unknown_ballot");

    // The pre-registered credential votes without any account.
    let (status, answer) = gateway.cast(&id, &gateway.ballot(&id, &key_of(50), 1, marks(&[2])).await).await;
    assert_eq!(status, 201, "{answer}");

    // Who voted sees the count; who did not does not.
    let (_, election) = gateway.get(&path, Some(&alice)).await;
    assert_eq!((&election["hasVoted"], &election["reason"]), (&json!(true), &json!("already_voted")));
    let (status, running) = gateway.get(&format!("{path}/results"), Some(&alice)).await;
    assert_eq!((status, &running["final"], &running["total_votes"]), (200, &json!(false), &json!(2)));
    assert!(running["candidates"].as_array().unwrap().iter().all(|candidate| candidate["elected"] == false));
    for caller in [None, Some(bob.as_str()), Some(admin.as_str())] {
        assert_eq!(gateway.get(&format!("{path}/results"), caller).await.1["code"], "results_hidden");
        assert_eq!(gateway.get(&format!("{path}/bundle"), caller).await.1["code"], "results_hidden");
    }
    let (_, voted) = gateway.get("/user/voted-elections", Some(&alice)).await;
    assert_eq!((voted.as_array().unwrap().len(), &voted[0]["id"], &voted[0]["secrecy"]), (1, &json!(id), &json!("open")));
    assert_eq!(gateway.get("/user/voted-elections", Some(&bob)).await.1, json!([]));

    // Closing without a body is closing with the defaults.
    let (status, closed) = gateway.ask(Method::POST, &format!("{path}/close"), Some(&admin), None).await;
    assert_eq!((status, &closed["phase"]), (200, &json!("published")), "{closed}");
    let late = gateway.ballot(&id, &key_of(50), 2, marks(&[0])).await;
    assert_eq!(gateway.cast(&id, &late).await.1["code"], "wrong_phase");
    let (_, result) = gateway.get(&format!("{path}/results"), None).await;
    assert_eq!(result["final"], true);
    let votes: Vec<_> =
        result["candidates"].as_array().unwrap().iter().map(|c| json!([c["name"], c["votes"], c["elected"]])).collect();
    assert_eq!(votes, [json!(["Alan", 5, true]), json!(["Grace", 1, false]), json!(["Ada", 0, false])]);

    let bundle = gateway.http.get(gateway.url(&format!("{path}/bundle"))).send().await.unwrap();
    assert_eq!(bundle.headers()["content-type"], "application/octet-stream");
    let bundle = bundle.bytes().await.unwrap();
    let report =
        verify(bundle.as_ref(), &Options { genesis: Some(genesis.digest()), ballots: vec![ballot.hash()], ..Options::default() });
    assert!(report.holds(), "{:?}", report.failure);
    let summary = report.summary.unwrap();
    assert_eq!(result["report"], summary.report_digest.unwrap().to_string());
    assert!(summary.ballots[0].counts);

    // Single votes, on request.
    assert_eq!((&result["votes"], &result["votes_next"]), (&json!([]), &Value::Null));
    let (_, first) = gateway.get(&format!("{path}/results?votes=1"), None).await;
    let after = first["votes_next"].as_str().unwrap();
    let (_, second) = gateway.get(&format!("{path}/results?votes=5&votes_after={after}"), None).await;
    let shown = |page: &Value| page["votes"].as_array().unwrap().iter().map(|v| v["candidate_id"].clone()).collect::<Vec<_>>();
    assert_eq!((shown(&first), shown(&second)), (vec![json!("0-1")], vec![json!("0-2")]));
    assert_eq!(first["votes"][0]["timestamp"], recorded["recorded_at"]);
    assert_eq!(gateway.get(&format!("{path}/results?votes=5&votes_after=x"), None).await.1["code"], "invalid_cursor");

    // Events: pages give what one answer gives.
    let (_, all) = gateway.get(&format!("{path}/events"), None).await;
    let all = all["events"].as_array().unwrap().clone();
    let kinds: Vec<_> = all.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == "ballot").count(), 2);
    assert_eq!(kinds.iter().filter(|kind| **kind == "certified").count(), 2);
    let phases: Vec<_> = all.iter().filter_map(|event| event["phase"].as_str()).collect();
    assert_eq!(phases, ["draft", "draft", "draft", "ready", "scheduled", "open", "closed", "tallied", "published"]);
    let (mut paged, mut after) = (Vec::new(), "0.0".to_owned());
    loop {
        let (_, page) = gateway.get(&format!("{path}/events?after={after}&limit=3"), None).await;
        let events = page["events"].as_array().unwrap();
        if events.is_empty() {
            break;
        }
        paged.extend(events.clone());
        after = page["next"].as_str().unwrap().to_owned();
    }
    assert_eq!(paged, all);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_ballot_counts_where_the_election_says_so() {
    let gateway = Gateway::start().await;
    let (admin, alice) = (gateway.login("admin").await, gateway.login("alice").await);
    let id = gateway.open(&admin, |new| new["revote"] = json!("last-counts")).await;
    let key = key_of(1);
    gateway.certify(&id, &alice, &key).await;
    for (sequence, place) in [(1, 0), (2, 1), (5, 2)] {
        let (status, answer) = gateway.cast(&id, &gateway.ballot(&id, &key, sequence, marks(&[place])).await).await;
        assert_eq!(status, 201, "{answer}");
    }
    let (status, answer) = gateway.cast(&id, &gateway.ballot(&id, &key, 4, marks(&[0])).await).await;
    assert_eq!((status, &answer["code"]), (409, &json!("stale_sequence")));
    let (_, election) = gateway.get(&format!("/elections/{id}"), Some(&alice)).await;
    assert_eq!(
        json!([election["my_sequence"], election["voted"], election["ballots"], election["reason"]]),
        json!([5, 1, 3, null])
    );
    let (_, result) = gateway.get(&format!("/elections/{id}/results"), Some(&alice)).await;
    assert_eq!(json!([result["candidates"][0]["name"], result["candidates"][0]["votes"]]), json!(["Alan", 1]));
    let (_, single) = gateway.get(&format!("/elections/{id}/results?votes=9"), Some(&alice)).await;
    assert_eq!(single["votes"].as_array().unwrap().len(), 1, "those replaced are not shown: {single}");
    assert_eq!(single["votes"][0]["candidate_id"], "0-2");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_may_open_or_close_an_election_at_the_same_moment() {
    let gateway = Gateway::start().await;
    let admin = gateway.login("admin").await;
    for _ in 0..5 {
        let id = gateway.announce(&admin, |_| {}).await;
        let path = format!("/elections/{id}/open");
        let open = || gateway.post(&path, Some(&admin), json!({}));
        // Who comes when it is open is told so, as ever; nobody is left waiting, or told that it cannot be.
        let opened = <[_; 4]>::from(tokio::join!(open(), open(), open(), open()));
        let is_told = |(status, answer): &(u16, Value)| match *status {
            200 => answer["phase"] == "open",
            _ => (*status, &answer["code"]) == (409, &json!("wrong_phase")),
        };
        assert!(opened.iter().all(is_told) && opened.iter().any(|(status, _)| *status == 200), "{opened:?}");
        let path = format!("/elections/{id}/close");
        let close = || gateway.post(&path, Some(&admin), json!({"publish": false}));
        for (status, answer) in <[_; 4]>::from(tokio::join!(close(), close(), close(), close())) {
            assert_eq!((status, &answer["phase"]), (200, &json!("tallied")), "{answer}");
        }
        let (_, published) = gateway.post(&path, Some(&admin), json!({})).await;
        assert_eq!(published["phase"], "published", "{published}");
        let (status, again) = gateway.post(&path, Some(&admin), json!({})).await;
        assert_eq!((status, &again["code"]), (409, &json!("wrong_phase")), "what is published is not closed again: {again}");
    }
    let draft = gateway.draft(&admin, |_| {}).await;
    let (status, early) = gateway.post(&format!("/elections/{draft}/close"), Some(&admin), json!({})).await;
    assert_eq!((status, &early["code"]), (409, &json!("wrong_phase")), "{early}");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn approvals_blanks_and_several_contests_are_counted() {
    let gateway = Gateway::start().await;
    let (admin, alice, bob) = (gateway.login("admin").await, gateway.login("alice").await, gateway.login("bob").await);
    let options = json!([{"name": "Mon"}, {"name": "Tue"}, {"name": "Wed", "description": "late"}]);
    let id = gateway
        .open(&admin, |new| {
            new.as_object_mut().unwrap().remove("candidates");
            new["results"] = json!("public");
            new["contests"] = json!([
                {"title": "Days", "method": "approval", "seats": 2, "options": options},
                {"title": "Yes?", "method": "plurality", "options": [{"name": "Yes"}, {"name": "No"}]}
            ]);
        })
        .await;
    gateway.certify(&id, &alice, &key_of(1)).await;
    gateway.certify(&id, &bob, &key_of(2)).await;
    let votes = [
        (key_of(1), vec![Selection::Marks(vec![0, 2]), Selection::Blank]),
        (key_of(2), vec![Selection::Marks(vec![2]), Selection::Marks(vec![1])]),
    ];
    for (key, selections) in votes {
        let ballot = gateway.ballot(&id, &key, 1, selections.clone()).await;
        let body = json!({"ballot": STANDARD.encode(ballot.to_canonical()), "selections": selections});
        let (status, answer) = gateway.ask(Method::PUT, &format!("/votes/{id}"), None, Some(body)).await;
        assert_eq!(status, 201, "{answer}");
    }
    // Public results need no session, and no close.
    let (status, result) = gateway.get(&format!("/elections/{id}/results"), None).await;
    assert_eq!(status, 200);
    let days: Vec<_> =
        result["contests"][0]["options"].as_array().unwrap().iter().map(|o| json!([o["name"], o["votes"]])).collect();
    assert_eq!(days, [json!(["Wed", 3]), json!(["Mon", 1]), json!(["Tue", 0])]);
    assert_eq!(json!([result["contests"][1]["blank"], result["contests"][1]["ballots"]]), json!([1, 2]));

    // Closing without publishing; then publishing; then nothing more.
    let close = format!("/elections/{id}/close");
    assert_eq!(gateway.post(&close, Some(&admin), json!({"publish": false})).await.1["phase"], "tallied");
    let publish = format!("/elections/{id}/publish-result");
    assert_eq!(gateway.post(&publish, Some(&admin), json!({})).await.1["phase"], "published");
    assert_eq!(gateway.post(&publish, Some(&admin), json!({})).await.1["code"], "wrong_phase");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fixed_times_are_kept_without_anyone() {
    let gateway = Gateway::start().await;
    let (admin, alice) = (gateway.login("admin").await, gateway.login("alice").await);
    let now = gateway.network.clock().now();
    let after = |seconds| now.saturating_add(std::time::Duration::from_secs(seconds)).to_string();
    let id = gateway
        .announce(&admin, |new| {
            (new["timing"], new["start_date"], new["end_date"]) = (json!("fixed"), json!(after(3)), json!(after(7)));
        })
        .await;
    let path = format!("/elections/{id}");
    assert_eq!(gateway.post(&format!("{path}/close"), Some(&admin), json!({})).await.1["code"], "wrong_phase");

    // Waits for each phase by the events, as a client does.
    let (mut cursor, mut phases) = ("0.0".to_owned(), Vec::new());
    let watching = async {
        while phases.last().map(String::as_str) != Some("published") {
            let (status, page) = gateway.get(&format!("{path}/events?after={cursor}&wait_ms=20000"), Some(&alice)).await;
            assert_eq!(status, 200, "{page}");
            for event in page["events"].as_array().unwrap() {
                phases.extend(event["phase"].as_str().map(str::to_owned));
                if event["phase"] == "open" {
                    assert!(event["at"].as_str().unwrap() >= after(3).as_str(), "not before its time");
                    gateway.certify(&id, &alice, &key_of(1)).await;
                    assert_eq!(gateway.cast(&id, &gateway.ballot(&id, &key_of(1), 1, marks(&[0])).await).await.0, 201);
                }
            }
            cursor = page["next"].as_str().unwrap().to_owned();
        }
    };
    tokio::time::timeout(support::PATIENCE, watching).await.expect("the election runs by itself");
    assert_eq!(phases, ["draft", "ready", "scheduled", "open", "closed", "tallied", "published"]);
    assert_eq!(gateway.get(&format!("{path}/results"), None).await.1["total_votes"], 1);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_administrators_run_elections() {
    let gateway = Gateway::start().await;
    let (admin, alice) = (gateway.login("admin").await, gateway.login("alice").await);
    let id = gateway.draft(&admin, |_| {}).await;
    let routes = [
        (Method::POST, "/elections".to_owned(), support::new_election()),
        (Method::PUT, format!("/elections/{id}"), support::new_election()),
        (Method::POST, format!("/elections/{id}/publish"), json!({})),
        (Method::POST, format!("/elections/{id}/open"), json!({})),
        (Method::POST, format!("/elections/{id}/close"), json!({})),
        (Method::POST, format!("/elections/{id}/publish-result"), json!({})),
        (Method::POST, format!("/elections/{id}/cancel"), json!({"reason": "no"})),
        (Method::POST, format!("/elections/{id}/voters"), json!({"voters": []})),
        (Method::GET, format!("/elections/{id}/voters"), Value::Null),
        (Method::POST, format!("/elections/{id}/credentials"), json!({"credentials": []})),
    ];
    let before = gateway.network.replica().state().election(id.parse().unwrap()).unwrap().digest();
    for (method, path, body) in routes {
        let body = Some(body).filter(|body| !body.is_null());
        let (status, problem) = gateway.ask(method.clone(), &path, None, body.clone()).await;
        assert_eq!((status, &problem["code"]), (401, &json!("not_signed_in")), "{method} {path}");
        let (status, problem) = gateway.ask(method.clone(), &path, Some(&alice), body).await;
        assert_eq!((status, &problem["code"]), (403, &json!("role_required")), "{method} {path}");
    }
    for path in ["/auth/me".to_owned(), "/user/voted-elections".to_owned()] {
        assert_eq!(gateway.get(&path, None).await.0, 401, "{path}");
    }
    assert_eq!(gateway.network.replica().state().election(id.parse().unwrap()).unwrap().digest(), before);
    let (status, election) =
        gateway.post(&format!("/elections/{id}/cancel"), Some(&admin), json!({"reason": "Nobody stood for office"})).await;
    assert_eq!(
        (status, &election["phase"], &election["cancel_reason"]),
        (200, &json!("cancelled"), &json!("Nobody stood for office"))
    );
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_health_and_metrics() {
    let config = voting_gateway::Config { allowed_origins: vec!["https://vote.example".to_owned()], ..roomy() };
    let broken = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let check = broken.clone();
    let gateway = Gateway::with(config, move |backend| {
        let check: std::sync::Arc<dyn Fn() -> Result<String, String> + Send + Sync> = std::sync::Arc::new(move || {
            if check.load(std::sync::atomic::Ordering::SeqCst) { Err("out of order".to_owned()) } else { Ok("fine".to_owned()) }
        });
        backend.checks.push(("test", check));
    })
    .await;
    gateway.login("alice").await;

    for path in ["/", "/docs", "/style.css", "/openapi.json", "/healthz", "/readyz", "/metrics", "/version", "/network", "/nothing"]
    {
        let answer = gateway.http.get(gateway.url(path)).send().await.unwrap();
        assert_eq!(answer.status(), if path == "/nothing" { 404 } else { 200 }, "{path}");
        for header in
            ["content-security-policy", "x-content-type-options", "referrer-policy", "cross-origin-opener-policy", "x-request-id"]
        {
            assert!(answer.headers().contains_key(header), "{path}: {header}");
        }
        let csp = answer.headers()["content-security-policy"].to_str().unwrap().to_owned();
        assert!(!csp.contains("unsafe") && csp.contains("frame-ancestors 'none'"), "{csp}");
        let text = answer.text().await.unwrap();
        if matches!(path, "/" | "/docs") {
            assert!(
                !text.replace("<script src=\"/", "").replace("<script type=\"module\" crossorigin src=\"/", "").contains("<script")
            );
            for outside in ["style=", "<style", "onclick", "onload", "src=\"http", "href=\"http", "@import"] {
                assert!(!text.contains(outside), "{path}: {outside}");
            }
        }
        if path == "/metrics" {
            assert!(text.contains("http_requests_total") && !text.contains('@') && !text.contains("alice"), "{text}");
        }
    }

    broken.store(true, std::sync::atomic::Ordering::SeqCst);
    let answer = gateway.http.get(gateway.url("/readyz")).send().await.unwrap();
    assert_eq!(answer.status(), 503);
    let report: Value = answer.json().await.unwrap();
    let failing: Vec<_> = report["checks"].as_array().unwrap().iter().filter(|check| check["ok"] == false).collect();
    assert_eq!((failing.len(), &failing[0]["name"], &failing[0]["detail"]), (1, &json!("test"), &json!("out of order")));
    assert_eq!(gateway.http.get(gateway.url("/healthz")).send().await.unwrap().status(), 200);

    // Only the listed origin gets permission; others, and the gateway's own, are answered without one.
    for (origin, allowed) in [("https://vote.example", true), ("https://evil.example", false), ("null", false)] {
        let preflight = gateway
            .http
            .request(Method::OPTIONS, gateway.url("/auth/login"))
            .header("origin", origin)
            .header("access-control-request-method", "POST");
        let preflight = preflight.send().await.unwrap();
        assert_eq!(preflight.status() == 204, allowed, "{origin}");
        let answer = gateway.http.get(gateway.url("/elections")).header("origin", origin).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        for answer in [preflight, answer] {
            let granted = answer.headers().get("access-control-allow-origin").map(|value| value.to_str().unwrap());
            assert_eq!(granted, allowed.then_some(origin));
        }
    }
    gateway.stop().await;
}

/// Another gateway may have certified the key a moment ago, so that this one is about to learn of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ballot_that_overtakes_its_key_is_waited_for() {
    let gateway = Gateway::start().await;
    let (admin, alice) = (gateway.login("admin").await, gateway.login("alice").await);
    let id = gateway.open(&admin, |_| {}).await;
    let ballot = gateway.ballot(&id, &key_of(1), 1, marks(&[0])).await;
    // A certification takes two rounds of votes and as many flushes; the ballot is here long before it is final.
    let key = key_of(1);
    let (cast, ()) = tokio::join!(gateway.cast(&id, &ballot), gateway.certify(&id, &alice, &key));
    assert_eq!(cast.0, 201, "{}", cast.1);
    gateway.stop().await;
}
