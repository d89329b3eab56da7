//! The command against a whole network: four authorities and a gateway, started by `voting dev`.

use serde_json::Value;

use crate::support::network::Network;
use crate::support::running::Running;
use crate::support::{Person, nobody};

fn json(person: &Person, args: &[&str]) -> Value {
    person.run(&[args, &["--output", "json"]].concat()).exits(0).json()
}

#[test]
fn an_election_from_its_draft_to_a_verified_bundle() {
    let network = Network::start();
    let admin = network.person("admin@example.com", "adminpass");
    let draft =
        json(&admin, &["elections", "create", "--title", "Board 2030", "--open", "--candidate", "Ada", "--candidate", "Bob"]);
    assert_eq!(draft["phase"], "draft");
    let id = draft["id"].as_str().unwrap();

    let roll = "email,name,weight\nalice@example.com,Alice,1\nbob@example.com,Bob,1\ncarol@example.com,Carol,3\n";
    let import = ["voters", "import", "-", "--election", id, "--output", "json"];
    assert_eq!(admin.with_stdin(roll, &import).exits(0).json()["added"], 3);
    assert_eq!(admin.with_stdin(roll, &import).exits(0).json()["already"], 3);
    let bad = admin.with_stdin("email,weight\nnobody,0\n", &import).exits(3);
    assert!(bad.stderr.contains("line 2"), "{bad:?}");

    let alice = network.person("alice@example.com", "alicepass");
    assert!(!json(&alice, &["elections", "list"]).to_string().contains(id), "drafts are nobody's business");
    assert_eq!(json(&admin, &["elections", "publish", id])["phase"], "scheduled");
    let early = alice.run(&["vote", id, "--choice", "Ada"]).exits(3);
    assert!(early.stderr.contains("it is not open yet"), "{early:?}");
    assert_eq!(json(&admin, &["elections", "open", id])["phase"], "open");

    let vote = json(&alice, &["vote", "Board 2030", "--choice", "Ada"]);
    assert_eq!((&vote["new"], vote["signers"].as_array().unwrap().len() >= 3), (&Value::Bool(true), true));
    assert_eq!(json(&alice, &["vote", "Board 2030", "--choice", "Ada"])["new"], false);
    assert!(alice.run(&["vote", id, "--choice", "Bob"]).exits(3).stderr.contains("the first ballot counts"));
    let bob = network.person("bob@example.com", "bobpass");
    assert!(bob.run(&["elections", "results", id]).exits(3).stderr.contains("results_hidden"));
    json(&bob, &["vote", id, "--blank"]);
    json(&network.person("carol@example.com", "carolpass"), &["vote", id, "--choice", "2"]);
    assert_eq!(json(&alice, &["elections", "results", id])["final"], false);

    assert_eq!(json(&admin, &["elections", "close", id])["phase"], "published");
    let result = json(&Person::at(&network.url), &["elections", "results", id]);
    let votes: Vec<_> = result["contests"][0]["options"]
        .as_array()
        .unwrap()
        .iter()
        .map(|o| (o["name"].as_str().unwrap(), o["votes"].as_u64().unwrap(), o["elected"].as_bool().unwrap()))
        .collect();
    assert_eq!(votes, [("Bob", 3, true), ("Ada", 1, false)]);
    assert!(network.person("bob@example.com", "bobpass").run(&["vote", id, "--choice", "Ada"]).exits(3).stderr.contains("closed"));

    let bundle = admin.path("board.bundle").display().to_string();
    json(&admin, &["export", id, "-o", &bundle]);
    let offline = Person::at(&nobody());
    let report = json(&offline, &["verify", &bundle, "--genesis", &network.genesis]);
    assert_eq!(report["summary"]["report"]["contests"][0]["options"][0]["name"], "Bob");
    assert_eq!(report["summary"]["counts"]["ballots"], 3);
    let own = alice.run(&["verify", &bundle]).exits(0);
    assert!(own.stderr.contains("is in the bundle"), "{own:?}");

    drop(network); // receipts outlive the servers
    assert_eq!(json(&alice, &["receipt", "verify", "Board 2030"])[0]["ballot_checked"], true);
    alice.run(&["elections", "list"]).exits(4);
}

#[test]
fn the_doctor_finds_a_healthy_network() {
    let network = Network::start();
    let person = network.person("alice@example.com", "alicepass");
    json(&person, &["trust", "--genesis", &network.genesis]);
    let findings = json(&person, &["doctor"]);
    assert!(findings.as_array().unwrap().iter().all(|finding| finding["ok"] == true), "{findings:#}");
    person.run(&["logout", "--everywhere"]).exits(0);
    person.run(&["whoami"]).exits(3);
}

#[test]
fn a_cancelled_election_says_why() {
    let network = Network::start();
    let admin = network.person("admin@example.com", "adminpass");
    let id = json(&admin, &["elections", "create", "--title", "Doomed", "--open", "--candidate", "Ada"])["id"]
        .as_str()
        .unwrap()
        .to_owned();
    admin.run(&["elections", "publish", &id]).exits(3); // nobody is on the roll
    let alice = network.person("alice@example.com", "alicepass");
    assert!(alice.run(&["elections", "cancel", &id, "--reason", "no"]).exits(3).stderr.contains("voting whoami"));
    let cancelled = json(&admin, &["elections", "cancel", &id, "--reason", "The candidate withdrew."]);
    assert_eq!((&cancelled["phase"], &cancelled["cancel_reason"]), (&"cancelled".into(), &"The candidate withdrew.".into()));
}

#[test]
fn a_network_that_was_killed_goes_on_with_every_vote_and_session() {
    let network = Network::durable();
    let (alice, bob) = (network.person("alice@example.com", "alicepass"), network.person("bob@example.com", "bobpass"));
    let vote = json(&alice, &["vote", "Board election", "--choice", "1"]);
    let genesis = network.genesis.clone();
    let network = network.kill_and_restart();
    assert_eq!(network.genesis, genesis);
    let listed = json(&alice, &["elections", "list"]);
    let board = listed.as_array().unwrap().iter().find(|election| election["title"] == "Board election").unwrap();
    assert_eq!((&board["voted"], &board["hasVoted"]), (&1.into(), &Value::Bool(true)));
    assert_eq!(json(&bob, &["vote", "Board election", "--choice", "2"])["new"], true);
    let bundle = alice.path("board.bundle").display().to_string();
    json(&alice, &["export", "Board election", "-o", &bundle]);
    let report = json(&alice, &["verify", &bundle]);
    assert_eq!(report["summary"]["counts"]["ballots"], 2);
    assert_eq!(report["summary"]["ballots"][0]["ballot"], vote["ballot_hash"]);
}

/// A file of 2,000 ballots: 1,000 for Ada, 700 for Bob, 250 for Cyd, 50 blank, and two that nobody could cast.
const BALLOTS: &str =
    "3 2\n400 1 2 0\n700 2 0\n600 1 0\n250 - 3 1 0\n50 0\n2 1=2 0\n0\n\"Ada\"\n\"Bob\"\n\"Cyd\"\n\"Imported board\"\n";

#[test]
fn an_import_survives_the_death_of_the_network_and_its_own() {
    let network = Network::durable();
    let admin = network.person("admin@example.com", "adminpass");
    let file = admin.path("board.blt").display().to_string();
    std::fs::write(&file, BALLOTS).unwrap();

    let mut import = Running::start(&admin, &["import", &file, "--concurrency", "16"]);
    import.wait_for_receipts(&admin, 200);
    let network = network.kill_and_restart();
    import.wait_for_receipts(&admin, 600);
    drop(import); // killed

    let done = admin.run(&["import", &file, "--output", "json"]).exits(0);
    assert!(done.stderr.contains("2 ballots without a clear first preference"), "{done:?}");
    let result = done.json();
    assert_eq!((&result["agrees"], &result["ballots"], &result["left_out"]), (&Value::Bool(true), &2000.into(), &2.into()));
    assert!(result["cast"].as_u64().unwrap() < 1500, "it went on where it was: {result}");
    let votes: Vec<_> = result["options"].as_array().unwrap().iter().map(|option| option["server"].as_u64().unwrap()).collect();
    assert_eq!((votes.as_slice(), &result["blank"]["server"]), ([1000, 700, 250].as_slice(), &50.into()));
    let again = json(&admin, &["import", &file]);
    assert_eq!((&again["election"], &again["cast"]), (&result["election"], &0.into()));

    let bundle = admin.path("board.bundle").display().to_string();
    json(&admin, &["export", result["election"].as_str().unwrap(), "-o", &bundle]);
    let report = json(&admin, &["verify", &bundle]);
    assert_eq!((&report["summary"]["counts"]["ballots"], &report["summary"]["counts"]["voted"]), (&2000.into(), &2000.into()));
    drop(network);
}

#[test]
fn an_import_can_be_done_anew_and_in_part() {
    let network = Network::start();
    let admin = network.person("admin@example.com", "adminpass");
    let file = admin.path("board.blt").display().to_string();
    std::fs::write(&file, BALLOTS).unwrap();
    let import = ["import", &file, "--limit", "30", "--title", "Part"];
    let first = json(&admin, &import);
    assert_eq!((&first["ballots"], &first["title"], &first["agrees"]), (&30.into(), &"Part".into(), &Value::Bool(true)));
    let anew = json(&admin, &[&import[..], &["--new"]].concat());
    assert_ne!(anew["election"], first["election"]);
    assert_eq!(json(&admin, &import)["election"], anew["election"]);
    let alice = network.person("alice@example.com", "alicepass");
    alice.run(&import).exits(3);
    std::fs::write(&file, "3 2\n1 4 0\n").unwrap();
    assert!(admin.run(&["import", &file]).exits(2).stderr.contains("line 2"));
}
