//! Authorities of a deployed network change, as operators do it, while people vote.

use std::path::Path;

use serde_json::Value;
use voting_cluster::testing::{Deployment, Part};
use voting_core::epoch::change::ApprovedChange;

use crate::support::Person;
use crate::support::deployment::{person, voting};

fn key_file(network: &Deployment, name: &str) -> String {
    network.folder().join(format!("keys/{name}.key")).display().to_string()
}

/// A change with these words, approved by the authorities with these numbers.
fn approved(admin: &Person, network: &Deployment, file: &str, words: &[&str], by: &[usize]) -> Value {
    let shown = admin.run(&[&["cluster", "change", "new", file, "--output", "json"], words].concat()).exits(0).json();
    assert_eq!(shown["approved"], Value::Array(Vec::new()));
    let mut shown = shown;
    for number in by {
        let key = key_file(network, &format!("authority-{number}"));
        shown = admin.run(&["cluster", "change", "approve", file, "--key", &key, "--output", "json"]).exits(0).json();
    }
    assert_eq!(shown["approved"].as_array().unwrap().len(), by.len());
    shown
}

fn evening(person: &Person) -> String {
    let elections = person.run(&["elections", "list", "--output", "json"]).exits(0).json();
    let named = |item: &&Value| item["title"].as_str().is_some_and(|title| title.starts_with("Evening"));
    elections.as_array().unwrap().iter().find(named).unwrap()["id"].as_str().unwrap().to_owned()
}

fn vote(person: &Person, election: &str, choice: &str) {
    person.run(&["vote", election, "--choice", choice]).exits(0);
}

#[test]
fn operators_add_an_authority_and_remove_another_while_people_vote() {
    // Messages go through Redis, where a newcomer needs no address.
    let mut network = Deployment::start_with(voting(), 4, 2, &["--messages", "redis"]);
    let admin = person(&network, 0, "admin@example.com", "adminpass");
    let alice = person(&network, 0, "alice@example.com", "alicepass");
    let bob = person(&network, 1, "bob@example.com", "bobpass");
    let election = evening(&alice);
    vote(&alice, &election, "Tuesday");

    let like = network.config(Part::Authority(0)).display().to_string();
    let join = ["cluster", "join", "authority-4", "--like", &like, "--output", "json"];
    let key = admin.run(&join).exits(0).json();
    admin.run(&join).exits(1); // what is there is not overwritten
    let added = format!("authority-4={}", key["public_key"].as_str().unwrap());
    network.join();

    // Bad input first: nothing is written, nothing is changed.
    let file = admin.path("change.json").display().to_string();
    let refused = |words: &[&str], said: &str| {
        let ended = admin.run(&[&["cluster", "change", "new", &file], words].concat()).exits(2);
        assert!(ended.stderr.contains(said), "{words:?}: {}", ended.stderr);
        assert!(!Path::new(&file).exists());
    };
    refused(&[], "nothing would change");
    refused(&["--remove", "authority-9"], "there is no authority `authority-9`");
    refused(&["--add", "authority-4=12"], "the key of authority-4");
    refused(&["--add", &added.replace("authority-4", "authority-0")], "shares its name or its key");
    refused(&["--add", &added, "--quorum", "2"], "more than half");

    let shown = approved(&admin, &network, &file, &["--add", &added], &[0, 2]);
    assert_eq!((&shown["added"][0], &shown["quorum"], &shown["needed"]), (&"authority-4".into(), &4.into(), &3.into()));
    let few = admin.run(&["cluster", "change", "submit", &file]).exits(3);
    assert!(few.stderr.contains("2 authorities approve, the quorum is 3"), "{}", few.stderr);
    let stranger = admin.run(&["cluster", "change", "approve", &file, "--key", &key_file(&network, "authority-4")]).exits(2);
    assert!(stranger.stderr.contains("not the key of an authority in office"), "{}", stranger.stderr);
    admin.run(&["cluster", "change", "approve", &file, "--key", &key_file(&network, "authority-3")]).exits(0);
    let mut altered: ApprovedChange = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    altered.content.epoch.quorum = 5;
    let other = admin.path("altered.json").display().to_string();
    std::fs::write(&other, serde_json::to_vec(&altered).unwrap()).unwrap();
    let forged = admin.run(&["cluster", "change", "submit", &other]).exits(2);
    assert!(forged.stderr.contains("an approval does not hold"), "{}", forged.stderr);
    let now = admin.run(&["cluster", "change", "submit", &file, "--output", "json"]).exits(0).json();
    assert!(now["first_height"].as_u64().unwrap() > 1, "{now}");

    // Alice's receipt is of the authorities before, bob's of those after; each holds.
    vote(&bob, &election, "Thursday");
    for voter in [&alice, &bob] {
        voter.run(&["receipt", "verify"]).exits(0);
    }
    let trusted = bob.run(&["trust", "--output", "json"]).exits(0).json();
    assert_eq!((&trusted["changes"], trusted["authorities"].as_array().unwrap().len()), (&1.into(), 5));
    let again = admin.run(&["cluster", "change", "submit", &file]).exits(2);
    assert!(again.stderr.contains("leads to epoch 1, the next one is 2"), "{}", again.stderr);

    // One of the old ones leaves, and may go; the newcomer's vote is needed with another one down.
    let leave = admin.path("leave.json").display().to_string();
    approved(&admin, &network, &leave, &["--remove", "authority-0"], &[0, 1, 3, 4]);
    admin.run(&["cluster", "change", "submit", &leave]).exits(0);
    network.kill(Part::Authority(0));
    network.kill(Part::Authority(1));
    let carol = person(&network, 1, "carol@example.com", "carolpass");
    vote(&carol, &election, "Tuesday");
    network.restart(Part::Authority(1));

    let config = network.config(Part::Gateway(0)).display().to_string();
    network.until("the new authorities to be listed", |_| {
        let status: Value =
            serde_json::from_str(&admin.run(&["cluster", "status", "--config", &config, "--output", "json"]).stdout).unwrap();
        let alive = status["authorities"].as_array().unwrap().iter().filter(|one| one["health"] == "alive");
        let names: Vec<_> = alive.map(|one| one["name"].as_str().unwrap()).collect();
        status["epoch"] == 2 && names == ["authority-1", "authority-2", "authority-3", "authority-4"]
    });

    // Everything is verified offline, across both changes.
    admin.run(&["elections", "close", &election]).exits(0);
    let bundle = carol.path("evening.bundle").display().to_string();
    carol.run(&["export", &election, "-o", &bundle]).exits(0);
    let verified = carol.run(&["verify", &bundle, "--output", "json"]).exits(0).json();
    assert_eq!((&verified["summary"]["epoch"], &verified["summary"]["counts"]["voted"]), (&2.into(), &3.into()));
    assert_eq!(verified["summary"]["authorities"].as_array().unwrap().len(), 5);
}

/// The disk of an authority is lost: it starts with an empty folder, and does not vote before it knows that it contradicts
/// nothing that it may have said.
#[test]
fn an_authority_whose_disk_is_lost_comes_back() {
    let mut network = Deployment::start(voting(), 4, 1);
    let marker = |number: usize| network.folder().join(format!("data/authority-{number}/first-start"));
    assert!((0..4).all(|number| !marker(number).exists()), "a first start is the first once");
    let alice = person(&network, 0, "alice@example.com", "alicepass");
    let election = evening(&alice);
    vote(&alice, &election, "Tuesday");
    let data = network.folder().join("data/authority-2");
    network.kill(Part::Authority(2));
    std::fs::remove_dir_all(&data).unwrap();
    network.restart(Part::Authority(2));
    network.until("the authority to say what it has lost", |network| {
        network.log(Part::Authority(2)).contains("what this authority has voted is lost")
    });
    // It keeps silent in the view that the others are in, and in the next: these are left by the blocks of somebody's drafts.
    let admin = person(&network, 0, "admin@example.com", "adminpass");
    network.until("it to vote again", |network| {
        admin.run(&["elections", "create", "--title", "Draft", "--candidate", "Ada", "--open"]).exits(0);
        network.log(Part::Authority(2)).contains("this authority votes again")
    });
    // Its vote is needed from now on.
    network.kill(Part::Authority(0));
    let bob = person(&network, 0, "bob@example.com", "bobpass");
    vote(&bob, &election, "Thursday");
}
