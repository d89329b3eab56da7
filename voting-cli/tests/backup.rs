//! Accounts and rolls are lost for real, and come back from a backup: on a Redis Cluster under processes that go on
//! running, and in the folder of a network that was stopped.

use std::path::Path;

use serde_json::Value;
use voting_cluster::testing::http::request;
use voting_cluster::testing::{Deployment, Part};
use voting_core::Canonical as _;

use crate::support::deployment::{person, voting};
use crate::support::network::Network;
use crate::support::{Ended, Person};

/// Keys of the class that only the store owns, in every namespace.
const ACCOUNT_KEYS: &str = "*:account:*";

fn login(url: &str, name: &str) -> u16 {
    let body = format!(r#"{{"email":"{name}@example.com","password":"{name}pass"}}"#);
    request(url, "POST /auth/login", &[], &body).unwrap().status
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The numbers of a restore: restored, there the same, there and kept, overwritten.
fn numbers(ended: &Ended) -> [u64; 4] {
    let json = ended.json();
    ["restored", "present_same", "present_other", "overwritten"].map(|name| json[name].as_u64().unwrap())
}

/// A draft with a roll of its own.
fn draft(admin: &Person, voters: usize) -> String {
    let create =
        ["elections", "create", "--title", "Draft", "--open", "--candidate", "Ada", "--candidate", "Bob", "--output", "json"];
    let id = admin.run(&create).exits(0).json()["id"].as_str().unwrap().to_owned();
    let csv: String = (0..voters).map(|n| format!("voter-{n}@example.com\n")).collect();
    admin.with_stdin(&format!("email\n{csv}"), &["voters", "import", "-", "--election", &id]).exits(0);
    id
}

/// Everybody on a roll, as an administrator sees it.
fn roll(url: &str, election: &str) -> Value {
    let body = r#"{"email":"admin@example.com","password":"adminpass"}"#;
    let session = request(url, "POST /auth/login", &[], body).unwrap().json();
    let bearer = format!("Bearer {}", session["access_token"].as_str().unwrap());
    let path = format!("GET /elections/{election}/voters?limit=1000");
    let answer = request(url, &path, &[("authorization", &bearer)], "").unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

/// Alice signs in, votes in the first election, and holds a receipt that proves it.
fn alice_votes(alice: &Person) {
    let elections = alice.run(&["elections", "list", "--output", "json"]).exits(0).json();
    let id = elections[0]["id"].as_str().unwrap();
    let shown = alice.run(&["elections", "show", id, "--output", "json"]).exits(0).json();
    let choice = shown["contests"][0]["options"][0]["name"].as_str().unwrap().to_owned();
    alice.run(&["vote", id, "--choice", &choice, "--yes"]).exits(0);
    let receipts = alice.run(&["receipt", "verify", "--output", "json"]).exits(0).json();
    assert_eq!(receipts[0]["ballot_checked"], true, "{receipts}");
}

#[test]
fn a_store_that_lost_all_accounts_is_restored_while_the_network_runs() {
    let network = Deployment::start(voting(), 4, 1);
    let (url, config) = (network.urls()[0].clone(), network.config(Part::Gateway(0)));
    let config = text(&config);
    let admin = person(&network, 0, "admin@example.com", "adminpass");
    let draft = draft(&admin, 120);
    let before = roll(&url, &draft);
    assert_eq!(before["voters"].as_array().unwrap().len(), 120);

    let file = admin.path("accounts.backup");
    let create = ["backup", "create", "--config", config, "-o", text(&file), "--output", "json"];
    let made = admin.run(&create).exits(0).json();
    // Four accounts; three demo voters on each of three rolls, and the draft's.
    assert_eq!((&made["accounts"], &made["rolls"], &made["voters"]), (&4.into(), &4.into(), &129.into()), "{made}");
    assert_eq!(made["genesis"], network.genesis().digest().to_string());
    assert!(made["height"].as_u64().unwrap() > 0, "{made}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
    admin.run(&create).exits(2); // it is not overwritten
    assert_eq!(admin.run(&["backup", "verify", text(&file), "--output", "json"]).exits(0).json(), made);

    let restore = ["backup", "restore", text(&file), "--config", config, "--output", "json"];
    assert_eq!(numbers(&admin.run(&restore).exits(0)), [0, 133, 0, 0], "nothing is missing yet");
    let deleted = network.servers.delete(ACCOUNT_KEYS);
    println!("{deleted} keys of Redis were deleted");
    assert!(deleted >= 133 + 16, "values, and what lists them: {deleted}");
    assert_eq!(network.servers.delete(ACCOUNT_KEYS), 0);
    assert_eq!(login(&url, "alice"), 401, "the fault took place");
    assert_eq!(admin.run(&["whoami"]).code, 3, "sessions are gone too");

    // A damaged file is refused, by its line, before anything is written.
    let damaged = admin.path("damaged.backup");
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&damaged, &bytes).unwrap();
    let refused = admin.run(&["backup", "restore", text(&damaged), "--config", config]).exits(5);
    assert!(refused.stderr.contains("damaged.backup: line "), "{}", refused.stderr);
    assert_eq!(admin.run(&["backup", "verify", text(&damaged)]).code, 5);
    assert_eq!(network.servers.delete(ACCOUNT_KEYS), 0, "nothing was written");

    let dry = admin.run(&[&restore[..], &["--dry-run"]].concat()).exits(0);
    assert_eq!(numbers(&dry), [133, 0, 0, 0]);
    assert_eq!(network.servers.delete(ACCOUNT_KEYS), 0, "a dry run writes nothing");
    let restored = admin.run(&restore).exits(0);
    println!("{}", restored.stdout);
    assert_eq!(numbers(&restored), [133, 0, 0, 0]);
    assert_eq!(numbers(&admin.run(&restore).exits(0)), [0, 133, 0, 0], "a second restore finds everything there");
    assert_eq!(admin.run(&restore).json()["counts_corrected"], 0);

    alice_votes(&person(&network, 0, "alice@example.com", "alicepass"));
    assert_eq!(roll(&url, &draft), before);
    let admin = person(&network, 0, "admin@example.com", "adminpass");
    admin.run(&["elections", "publish", &draft]).exits(0);
    let shown = admin.run(&["elections", "show", &draft, "--output", "json"]).exits(0).json();
    assert_eq!(shown["roll_size"], 120, "the count of the roll is that of its voters: {shown}");
    // What is backed up now is what was backed up then.
    let again = admin.path("again.backup");
    let again = admin.run(&["backup", "create", "--config", config, "-o", text(&again), "--output", "json"]).exits(0).json();
    assert_eq!((&again["accounts"], &again["voters"]), (&made["accounts"], &made["voters"]));
}

#[test]
fn a_gateway_makes_backups_by_itself_and_they_can_be_restored() {
    let mut network = Deployment::start(voting(), 4, 1);
    let (folder, part) = (network.folder().join("backups"), Part::Gateway(0));
    let path = network.config(part);
    let settings = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("{settings}\n[backup]\nfolder = \"backups\"\nevery_hours = 1\nkeep = 2\n")).unwrap();
    network.kill(part);
    network.restart(part);
    let complete = || std::fs::read_dir(&folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    let complete = || complete().find(|path| path.extension().is_some_and(|ending| ending == "backup"));
    network.until("a backup to be made", |_| complete().is_some());
    let person = Person::at(&network.urls()[0]);
    let (file, config) = (complete().unwrap(), text(&path).to_owned());
    let made = person.run(&["backup", "verify", text(&file), "--output", "json"]).exits(0).json();
    assert_eq!((&made["accounts"], &made["voters"]), (&4.into(), &9.into()), "{made}");
    let restored = person.run(&["backup", "restore", text(&file), "--config", &config, "--output", "json"]).exits(0);
    assert_eq!(numbers(&restored), [0, 13, 0, 0]);

    std::fs::write(&path, format!("{settings}\n[backup]\nfolder = \"backups\"\nkeep = 0\n")).unwrap();
    let refused = person.run(&["gateway", "--config", &config]).exits(2);
    assert!(refused.stderr.contains("backup.keep is 0"), "{}", refused.stderr);
}

#[test]
fn the_store_of_a_network_in_one_process_is_restored_when_it_does_not_run() {
    let network = Network::durable();
    let alice = network.person("alice@example.com", "alicepass");
    let file = alice.path("accounts.backup");
    let data = network.data();
    let create = ["backup", "create", "--data", text(&data), "-o", text(&file), "--output", "json"];
    let busy = alice.run(&create).exits(1);
    assert!(busy.stderr.contains("stop it first"), "{}", busy.stderr);

    let stopped = network.stopped();
    let made = alice.run(&create).exits(0).json();
    assert_eq!((&made["accounts"], &made["voters"]), (&4.into(), &9.into()), "{made}");
    for name in ["store.redb", "store.redb.identity"] {
        std::fs::remove_file(data.join(name)).unwrap();
    }
    alice.run(&[&create[..], &["--force"]].concat()).exits(2); // nothing to back up, and the file stays
    let restore = ["backup", "restore", text(&file), "--data", text(&data), "--output", "json"];
    assert_eq!(numbers(&alice.run(&restore).exits(0)), [13, 0, 0, 0]);
    assert_eq!(numbers(&alice.run(&restore).exits(0)), [0, 13, 0, 0]);

    // Another network's backup is not for this one.
    let other = Network::durable();
    let other_data = other.data();
    let _other = other.stopped();
    let refused = alice.run(&["backup", "restore", text(&file), "--data", text(&other_data)]).exits(2);
    assert!(refused.stderr.contains("line 1 names the network"), "{}", refused.stderr);
    alice.run(&["backup", "restore", text(&file), "--data", "/nowhere"]).exits(2);

    let network = stopped.restart();
    alice_votes(&network.person("alice@example.com", "alicepass"));
}
