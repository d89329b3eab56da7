//! Votes over connections that break: the same bytes are sent again, and nothing counts without its proof.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value;
use voting_core::Canonical as _;
use voting_core::ballot::{Selection, SignedBallot};
use voting_core::election::RevoteRule;

use crate::support::{Fault, Person, Stub};

const ADA: [&str; 6] = ["vote", "Test election 1", "--choice", "Ada", "--output", "json"];
const BOB: [&str; 6] = ["vote", "Test election 1", "--choice", "Bob", "--output", "json"];

/// All the same bytes, and how often they came.
#[track_caller]
fn same_bytes(stub: &Stub) -> usize {
    let received = stub.ballots_received();
    assert!(received.windows(2).all(|pair| pair[0] == pair[1]), "other bytes were sent the second time");
    received.len()
}

#[test]
fn a_vote_is_recorded_once_and_its_receipt_is_verified_offline() {
    let stub = Stub::start();
    let person = Person::signed_in(&stub);
    let vote = person.run(&ADA).exits(0).json();
    assert_eq!((&vote["new"], vote["signers"].as_array().unwrap().len()), (&Value::Bool(true), 3));
    let signed = SignedBallot::from_canonical(&stub.ballots_received()[0]).unwrap();
    assert_eq!(signed.ballot.selections, [Selection::Marks(vec![0])]);
    assert_eq!(vote["ballot_hash"], signed.hash().to_string());

    let again = person.run(&ADA).exits(0).json();
    assert_eq!((&again["new"], &again["ballot_hash"]), (&Value::Bool(false), &vote["ballot_hash"]));
    let changed = person.run(&BOB).exits(3);
    assert!(changed.stderr.contains("already_voted"), "{changed:?}");
    assert_eq!(stub.ballots_received().len(), 1, "the answer was known without asking again");

    let code = vote["code"].as_str().unwrap();
    let shown = person.run(&["receipt", "show", code, "--output", "json"]).exits(0).json();
    assert_eq!((&shown[0]["standing"], &shown[0]["title"]), (&"recorded".into(), &"Test election 1".into()));
    let proved = person.run(&["receipt", "verify", "Test election 1", "--output", "json"]).exits(0).json();
    assert_eq!((&proved[0]["ballot_checked"], &proved[0]["ballot_hash"]), (&Value::Bool(true), &vote["ballot_hash"]));
    person.run(&["receipt", "verify", "0000-0000"]).exits(2);

    let path = person.path("e.bundle").display().to_string();
    person.run(&["export", "Test election 1", "-o", &path]).exits(0);
    let verified = person.run(&["verify", &path]).exits(0);
    assert!(verified.stderr.contains(&format!("your ballot {code} is in the bundle")), "{verified:?}");
}

#[test]
fn a_ballot_may_be_signed_here_and_sent_from_elsewhere() {
    let stub = Stub::start();
    let person = Person::signed_in(&stub);
    let sign = ["vote", "Test election 1", "--choice", "Ada", "--sign-only"];
    let signed = person.run(&sign).exits(0);
    assert!(signed.stderr.contains("signed and not sent"), "{signed:?}");
    assert_eq!(person.run(&sign).exits(0).stdout, signed.stdout, "the same bytes again");
    assert_eq!(stub.ballots_received().len(), 0);
    assert!(person.run(&BOB).exits(6).stderr.contains("settle that one first"));

    person.run(&ADA).exits(0);
    let body: Value = serde_json::from_str(&signed.stdout).unwrap();
    let bytes = BASE64.decode(body["ballot"].as_str().unwrap()).unwrap();
    assert_eq!(stub.ballots_received(), [bytes], "what is sent later is what was signed");
}

#[test]
fn a_damaged_receipt_proves_nothing() {
    let stub = Stub::start();
    let person = Person::signed_in(&stub);
    person.run(&ADA).exits(0);
    let path = &person.files("1.receipt")[0];
    let mut bytes = std::fs::read(path).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(path, &bytes).unwrap();
    assert!(person.run(&["receipt", "verify"]).exits(5).stderr.contains("does not hold"));
    person.run(&ADA).exits(5);
    let file = person.path("receipt").display().to_string();
    std::fs::write(&file, &bytes).unwrap();
    person.run(&["receipt", "verify", &file]).exits(5);
    bytes[last] ^= 1;
    std::fs::write(&file, &bytes).unwrap();
    person.run(&["receipt", "verify", &file]).exits(0);
}

#[test]
fn lost_answers_and_busy_servers_get_the_same_bytes_again() {
    let faults: [&[Fault]; 7] = [
        &[Fault::CutBefore, Fault::CutBefore],
        &[Fault::CutAfter],
        &[Fault::CutInside, Fault::CutAfter],
        &[Fault::Busy(503, 0), Fault::Busy(429, 1)],
        &[Fault::Accepted],
        &[Fault::AcceptedAndLost],
        &[Fault::Busy(500, 0), Fault::CutAfter, Fault::Refuse("wrong_phase")],
    ];
    for faults in faults {
        let stub = Stub::start();
        let person = Person::signed_in(&stub);
        stub.fault(faults);
        let vote = person.run(&ADA).exits(0);
        assert_eq!(vote.json()["new"], true, "{faults:?}");
        let sent = same_bytes(&stub);
        let expected = match faults {
            [Fault::Accepted] => 1,
            [.., Fault::Refuse(_)] => 3, // the refusal made it look, and there it was
            _ => faults.len() + 1,
        };
        assert_eq!(sent, expected, "{faults:?}");
        person.run(&["receipt", "verify", "Test election 1"]).exits(0);
    }
}

#[test]
fn an_unknown_outcome_is_settled_by_running_the_command_again() {
    let stub = Stub::start();
    let person = Person::signed_in(&stub);
    stub.fault(&vec![Fault::CutAfter; 12]);
    let unknown = person.run(&[&ADA[..], &["--wait", "1"]].concat()).exits(6);
    assert!(unknown.stderr.contains("run the same command again") && unknown.stdout.is_empty(), "{unknown:?}");
    let before = same_bytes(&stub);
    assert!(before >= 2, "sent {before} times");
    stub.state().faults.clear();

    let other = person.run(&BOB).exits(6);
    assert!(other.stderr.contains("settle that one first"), "{other:?}");
    assert_eq!(stub.ballots_received().len(), before, "no second ballot while the first is in doubt");

    let settled = person.run(&["vote", "Test election 1", "--output", "json"]).exits(0).json();
    assert_eq!(settled["new"], true);
    assert_eq!(same_bytes(&stub), before + 1);
}

#[test]
fn a_ballot_that_was_never_taken_is_not_in_doubt_elsewhere() {
    let stub = Stub::start();
    let person = Person::signed_in(&stub);
    stub.fault(&vec![Fault::Busy(503, 60); 4]);
    let busy = person.run(&[&ADA[..], &["--wait", "1"]].concat()).exits(4);
    assert!(busy.stderr.contains("did not take it"), "{busy:?}");
    stub.state().faults.clear();
    person.run(&ADA).exits(0);
    assert_eq!(same_bytes(&stub), 2);
}

#[test]
fn a_refused_ballot_leaves_room_for_another() {
    let stub = Stub::start();
    let person = Person::signed_in(&stub);
    stub.fault(&[Fault::Refuse("overvote")]);
    let refused = person.run(&ADA).exits(3);
    let error: Value = serde_json::from_str(refused.stderr.lines().last().unwrap()).unwrap();
    assert_eq!(error["error"]["code"], "overvote");
    let shown = person.run(&["receipt", "show", "--output", "json"]).exits(0).json();
    assert_eq!(shown[0]["standing"], "refused");
    assert_eq!(person.run(&BOB).exits(0).json()["sequence"], 2);
}

#[test]
fn a_receipt_for_another_ballot_is_evidence_and_no_vote() {
    let stub = Stub::start();
    let person = Person::signed_in(&stub);
    stub.fault(&[Fault::ForeignReceipt]);
    let lie = person.run(&ADA).exits(5);
    assert!(lie.stderr.contains("does not prove it"), "{lie:?}");
    assert_eq!(person.files("1.bad-receipt").len(), 1);
    assert!(person.files("1.receipt").is_empty());
    person.run(&ADA).exits(0);
    assert_eq!(same_bytes(&stub), 2);
}

#[test]
fn where_the_last_ballot_counts_a_changed_choice_is_a_new_ballot() {
    let stub = Stub::start_with(RevoteRule::LastCounts);
    let person = Person::signed_in(&stub);
    assert_eq!(person.run(&ADA).exits(0).json()["sequence"], 1);
    let bob = person.run(&BOB).exits(0).json();
    assert_eq!((&bob["sequence"], &bob["new"]), (&2.into(), &Value::Bool(true)));
    assert_eq!(person.run(&BOB).exits(0).json()["new"], false);
    assert_eq!(stub.ballots_received().len(), 2);
    assert_eq!(person.run(&["receipt", "verify", "--output", "json"]).exits(0).json().as_array().unwrap().len(), 2);
}

#[test]
fn votes_at_the_same_time_sign_one_ballot() {
    let stub = Stub::start();
    let person = Person::signed_in(&stub);
    std::thread::scope(|scope| {
        let votes: Vec<_> = (0..4).map(|_| scope.spawn(|| person.run(&ADA).exits(0).json())).collect();
        let hashes: Vec<_> = votes.into_iter().map(|vote| vote.join().unwrap()["ballot_hash"].clone()).collect();
        assert!(hashes.windows(2).all(|pair| pair[0] == pair[1]));
    });
    assert_eq!(stub.ballots_received().len(), 1);
}

#[test]
fn a_refresh_token_is_spent_once_however_many_commands_need_it() {
    let stub = Stub::start();
    stub.state().token_life = 1; // stale from the beginning
    let person = Person::signed_in(&stub);
    stub.state().token_life = 600;
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| person.run(&["whoami"]).exits(0));
        }
    });
    assert_eq!(stub.state().refreshed, ["refresh-1"]);
    person.run(&["whoami"]).exits(0);
}

#[test]
fn a_session_that_the_server_ended_is_forgotten() {
    let stub = Stub::start();
    let person = Person::signed_in(&stub);
    std::fs::write(
        &person.files("session.json")[0],
        std::fs::read_to_string(&person.files("session.json")[0]).unwrap().replace("-1", "-0"),
    )
    .unwrap();
    let ended = person.run(&["whoami"]).exits(3);
    assert!(ended.stderr.contains("has ended") && ended.stderr.contains("voting login"), "{ended:?}");
    assert!(person.files("session.json").is_empty());
    assert!(person.run(&ADA).exits(3).stderr.contains("nobody is signed in"));
}

#[test]
fn the_voters_key_is_private_and_stays_here() {
    let stub = Stub::start();
    let person = Person::signed_in(&stub);
    person.run(&ADA).exits(0);
    let key = &person.files("key")[0];
    #[cfg(unix)]
    assert_eq!(std::os::unix::fs::MetadataExt::mode(&key.metadata().unwrap()) & 0o777, 0o600);
    let secret = std::fs::read_to_string(key).unwrap();
    assert!(stub.state().puts.iter().all(|body| !String::from_utf8_lossy(body).contains(secret.trim())));

    let elsewhere = Person::signed_in(&stub);
    let other = elsewhere.run(&ADA).exits(3);
    assert!(other.stderr.contains("key_already_certified"), "{other:?}");
}
