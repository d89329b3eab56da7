//! The command as its users meet it: help, exit codes, and what goes to which stream.

use serde_json::Value;
use voting_core::Canonical as _;

use crate::support;
use crate::support::{Person, Stub, bundle, nobody};

const COMMANDS: [&[&str]; 31] = [
    &["login"],
    &["logout"],
    &["whoami"],
    &["elections"],
    &["elections", "list"],
    &["elections", "show"],
    &["elections", "create"],
    &["elections", "publish"],
    &["elections", "open"],
    &["elections", "close"],
    &["elections", "cancel"],
    &["elections", "results"],
    &["voters", "import"],
    &["vote"],
    &["receipt", "show"],
    &["receipt", "verify"],
    &["generate", "blt"],
    &["import"],
    &["count"],
    &["export"],
    &["verify"],
    &["trust"],
    &["simulate"],
    &["doctor"],
    &["completions"],
    &["man"],
    &["dev"],
    &["bench"],
    &["backup", "create"],
    &["backup", "verify"],
    &["backup", "restore"],
];

#[test]
fn every_command_has_help_with_examples_on_stdout() {
    let person = Person::at(&nobody());
    for command in COMMANDS {
        let help = person.run(&[command, &["--help"]].concat()).exits(0);
        assert!(help.stderr.is_empty() && help.stdout.contains("Usage: voting"), "{command:?}: {help:?}");
        assert!(command == ["elections"] || help.stdout.contains("Examples:"), "{command:?} has no examples");
    }
    let help = person.run(&["--help"]).exits(0).stdout;
    for word in ["Exit codes:", "import", "VOTING_URL"] {
        assert!(help.contains(word), "{word} is missing from:\n{help}");
    }
}

#[test]
fn wrong_command_lines_end_with_2_and_say_nothing_on_stdout() {
    let person = Person::at(&nobody());
    let lines: [&[&str]; 8] = [
        &[],
        &["vot"],
        &["vote"],
        &["elections", "create", "--title", "x"],
        &["elections", "create", "--title", "x", "--candidate", "A", "--closes", "soon"],
        &["vote", "x", "--choice", "a", "--contest", "1:a"],
        &["whoami", "--url", "localhost:8000"],
        &["voters", "import", "/dev/null", "--election", "x"],
    ];
    for line in lines {
        let ended = person.run(line).exits(2);
        assert!(ended.stdout.is_empty() && !ended.stderr.is_empty(), "{line:?}: {ended:?}");
    }
}

#[test]
fn without_a_server_commands_end_with_4_and_say_what_to_do() {
    let person = Person::at(&nobody());
    for line in [&["elections", "list"][..], &["trust"], &["export", "00000000000000000000000000000000", "-o", "/tmp/never"]] {
        let ended = person.run(line).exits(4);
        assert!(ended.stdout.is_empty() && ended.stderr.contains("next: ") && ended.stderr.contains("voting dev"), "{ended:?}");
    }
    let json = person.run(&["elections", "list", "--output", "json"]).exits(4);
    let error: Value = serde_json::from_str(&json.stderr).unwrap();
    assert_eq!(error["error"]["kind"], "unreachable");
    let doctor = person.run(&["doctor", "--output", "json"]).exits(4);
    assert!(doctor.json().as_array().unwrap().iter().any(|finding| finding["check"] == "server" && finding["ok"] == false));
}

#[test]
fn certification_authorities_are_needed_for_https_only() {
    let person = Person::at(&nobody());
    let without = |url: &str| {
        let mut command = person.command();
        command.env("SSL_CERT_FILE", "/nonexistent").env("SSL_CERT_DIR", "/nonexistent");
        let output = command.args(["elections", "list", "--url", url]).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    assert_eq!(without(&nobody()).0, 4);
    let (code, stderr) = without(&nobody().replace("http", "https"));
    assert!(code == 1 && stderr.contains("ca-certificates"), "{stderr}");
}

#[test]
fn signing_in_takes_the_password_from_stdin_or_a_file_and_keeps_a_private_session() {
    let stub = Stub::start();
    let person = Person::at(&stub.url);
    person.run(&["whoami"]).exits(3);
    let wrong = person.with_stdin("wrong\n", &["login", "--email", "alice@example.com"]).exits(3);
    assert!(wrong.stderr.contains("invalid_credentials"), "{wrong:?}");
    std::fs::write(person.path("password"), "alicepass\n").unwrap();
    let file = person.path("password").display().to_string();
    let login = person.run(&["login", "--email", "alice@example.com", "--password-file", &file, "--output", "json"]).exits(0);
    assert_eq!(login.json(), support::user());
    assert_eq!(person.run(&["whoami", "--output", "json"]).exits(0).json()["email"], "alice@example.com");
    let session = &person.files("session.json")[0];
    #[cfg(unix)]
    assert_eq!(std::os::unix::fs::MetadataExt::mode(&session.metadata().unwrap()) & 0o777, 0o600);
    assert!(!std::fs::read_to_string(session).unwrap().contains("alicepass"));
    person.run(&["logout"]).exits(0);
    assert!(person.files("session.json").is_empty());
    person.run(&["whoami"]).exits(3);
}

#[test]
fn json_is_all_there_is_on_stdout() {
    let stub = Stub::start();
    let person = Person::signed_in(&stub);
    let lines: [&[&str]; 6] = [
        &["whoami"],
        &["elections", "list"],
        &["elections", "show", "Test election 1"],
        &["trust"],
        &["receipt", "show"],
        &["doctor"],
    ];
    for line in lines {
        person.run(&[line, &["--output", "json", "-v"]].concat()).exits(0).json();
    }
    let quiet = person.run(&["elections", "list", "--output", "json", "--quiet"]).exits(0);
    assert_eq!(quiet.stderr, "");
}

#[test]
fn the_simulator_runs_seeds_and_says_the_same_however_many_at_a_time() {
    let person = Person::at(&nobody());
    let simulate = |args: &[&str]| person.run(&[&["simulate", "--output", "json"], args].concat()).exits(0).json();
    let mut summary = simulate(&["--seeds", "20", "--seed", "7"]);
    assert_eq!((&summary["seeds"], &summary["violations"]), (&20.into(), &0.into()));
    assert!(summary["simulated_hours"].as_f64().unwrap() > 0.1, "{summary}");
    for what in ["blocks", "entries", "liars"] {
        assert!(summary[what].as_u64().unwrap() > 0, "no {what}: {summary}");
    }
    for fault in ["message lost", "crash before the journal is durable", "partition"] {
        assert!(summary["faults"][fault].as_u64().unwrap() > 0, "no {fault}: {summary}");
    }
    let mut alone = simulate(&["--seeds", "20", "--seed", "7", "--jobs", "1"]);
    summary["seconds"] = 0.into();
    alone["seconds"] = 0.into();
    assert_eq!(alone, summary);

    let one = simulate(&["--seed", "7"]);
    assert_eq!((&one["seed"], &one["violation"]), (&7.into(), &Value::Null));
    assert_eq!(simulate(&["--seed", "7", "--seeds", "1"])["trace"], one["trace"]);
    let text = person.run(&["simulate", "--seed", "7"]).exits(0).stdout;
    assert!(text.contains("No rule was broken.") && text.contains("message lost"), "{text}");
}

#[test]
fn the_simulator_tells_the_story_of_a_run_and_writes_its_events() {
    let person = Person::at(&nobody());
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("run.jsonl");
    let text = person.run(&["simulate", "--seed", "7", "--trace", "--events", file.to_str().unwrap()]).exits(0).stdout;
    for part in ["seed 7: a0, a1", " proposes block ", " votes to finalize block ", " final: height 1, ", "No rule was broken."] {
        assert!(text.contains(part), "no {part:?}: {text}");
    }
    let events = std::fs::read_to_string(&file).unwrap();
    let events: Vec<Value> = events.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (first, last) = (&events[0], &events[events.len() - 1]);
    assert_eq!((&first["event"], &first["seed"], &last["event"]), (&"run".into(), &7.into(), &"end".into()));
    assert!(events.is_sorted_by_key(|event| event["at_ms"].as_u64().unwrap()), "in order of time");
    let nodes = first["nodes"].as_array().unwrap();
    let messages: Vec<_> = events.iter().filter(|event| event["event"] == "message").collect();
    assert!(messages.iter().all(|message| nodes.contains(&message["from"]) && nodes.contains(&message["to"])));
    assert!(messages.iter().any(|message| message["arrives_ms"].is_null()) && messages.len() > 500, "some are lost");
    let again = person.run(&["simulate", "--seed", "7", "--trace", "--output", "json"]).exits(0).json();
    assert!(text.contains(again["story"][0].as_str().unwrap()), "{again}");

    let too_many = ["--authorities", "5", "--quorum", "3", "--liars", "twins=1"];
    let seeds = person.run(&[&["simulate", "--output", "json", "--seeds", "50"][..], &too_many].concat()).exits(1).json();
    let seed = seeds["first_violations"][0]["seed"].to_string();
    let broken =
        person.run(&[&["simulate", "--output", "json", "--seed", &seed, "--shrink"][..], &too_many].concat()).exits(1).json();
    assert!(broken["shortest"].as_array().unwrap().len() < 30, "{broken}");
    for (wrong, advice) in
        [(["--liars", "thief=1"], "withholder"), (["--trace", "--shrink"], "--seed"), (["--seeds", "1e9"], "digit")]
    {
        let ended = person.run(&[&["simulate"][..], &wrong].concat()).exits(2);
        assert!(ended.stderr.contains(advice), "{ended:?}");
    }
}

#[test]
fn the_simulator_finds_what_too_many_liars_break_and_says_how_to_see_it_again() {
    let person = Person::at(&nobody());
    let too_many = ["--authorities", "5", "--quorum", "3", "--twins", "1"];
    let broken = person.run(&[&["simulate", "--output", "json", "--seeds", "120"][..], &too_many].concat()).exits(1);
    let summary = broken.json();
    assert!(summary["violations"].as_u64().unwrap() > 0, "{summary}");
    let first = &summary["first_violations"][0];
    assert!(broken.stderr.contains(first["reproduce"].as_str().unwrap()), "{broken:?}");
    let again: Vec<_> = first["reproduce"].as_str().unwrap().split(' ').skip(1).chain(["--output", "json"]).collect();
    let again = person.run(&again).exits(1).json();
    assert_eq!((&again["violation"], &again["liars"][0]["how"]), (first, &"twins".into()));
    let seed = again["seed"].to_string();
    let text = person.run(&[&["simulate", "--seeds", "1", "--seed", &seed][..], &too_many].concat()).exits(1).stdout;
    assert!(text.contains("1 seed broke a rule:") && text.contains(first["reproduce"].as_str().unwrap()), "{text}");

    let tolerated = ["--authorities", "4", "--quorum", "byzantine", "--silent", "1"];
    person.run(&[&["simulate", "--seeds", "10"][..], &tolerated].concat()).exits(0);
    for (wrong, advice) in
        [(["--authorities", "2"], "from 3 to 32"), (["--quorum", "3"], "--authorities"), (["--seeds", "0"], "1..")]
    {
        let ended = person.run(&[&["simulate"][..], &wrong].concat()).exits(2);
        assert!(ended.stderr.contains(advice), "{ended:?}");
    }
}

#[test]
fn bad_lines_of_a_roll_are_named() {
    let stub = Stub::start();
    let person = Person::signed_in(&stub);
    let ended = person.with_stdin("email\nx\n", &["voters", "import", "-", "--election", "Test election 1"]).exits(3);
    assert!(ended.stderr.contains("line 2: `x` is not an e-mail address"), "{ended:?}");
    let unknown = person.with_stdin("email\nx\n", &["voters", "import", "-", "--election", "nothing"]).exits(2);
    assert!(unknown.stderr.contains("voting elections list"), "{unknown:?}");
}

#[test]
fn a_network_other_than_the_pinned_one_is_refused() {
    let (first, second) = (Stub::start(), Stub::start());
    second.state().chain.genesis.network = "another".to_owned();
    let digest = first.state().chain.genesis.digest().to_string();
    let other = second.state().chain.genesis.digest().to_string();
    let person = Person::at(&first.url);
    let refused = person.run(&["trust", "--genesis", &other]).exits(5);
    assert!(refused.stderr.contains("nothing was pinned"), "{refused:?}");
    assert_eq!(person.run(&["trust", "--genesis", &digest, "--output", "json"]).exits(0).json()["genesis"], digest.as_str());
    first.state().chain.genesis.network = "another".to_owned();
    let doctor = person.run(&["doctor", "--output", "json"]).exits(1).json();
    let finding = doctor.as_array().unwrap().iter().find(|finding| finding["check"] == "genesis").unwrap();
    assert!(finding["ok"] == false && finding["fix"].as_str().unwrap().contains("voting trust --forget"), "{finding}");
    person.run(&["trust", "--forget"]).exits(0);
    assert_eq!(person.run(&["trust", "--output", "json"]).exits(0).json()["genesis"], other.as_str());
}

#[test]
fn bundles_are_verified_offline_and_damage_is_named() {
    let stub = Stub::start();
    let person = Person::at(&stub.url);
    let path = person.path("e.bundle").display().to_string();
    let export = person.run(&["export", "Test election 1", "-o", &path, "--output", "json"]).exits(0).json();
    assert_eq!(export["bytes"].as_u64().unwrap(), std::fs::metadata(&path).unwrap().len());
    assert!(person.run(&["export", "Test election 1", "-o", &path]).exits(2).stderr.contains("--force"));

    let offline = Person::at(&nobody());
    let report = offline.run(&["verify", &path, "--output", "json"]).exits(0).json();
    assert_eq!((&report["summary"]["genesis_pinned"], &report["failure"]), (&Value::Bool(false), &Value::Null));
    let text = offline.run(&["verify", &path]).exits(0).stdout;
    assert!(text.contains("Every check holds.") && text.contains("NOT pinned"), "{text}");
    let digest = stub.state().chain.genesis.digest().to_string();
    let pinned = offline.run(&["verify", &path, "--genesis", &digest, "--output", "json"]).exits(0).json();
    assert_eq!(pinned["summary"]["genesis_pinned"], true);
    let foreign = offline.run(&["verify", &path, "--genesis", &"0".repeat(64)]).exits(5);
    assert!(foreign.stderr.contains("(genesis) failed"), "{foreign:?}");

    let mut bytes = bundle(&stub.state().chain, stub.definition.id);
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let damaged = offline.run(&["verify", &path, "--output", "json"]).exits(5);
    let failure = &damaged.json()["failure"];
    assert!(failure["code"].is_string() && failure["reason"].is_string(), "{failure}");
    assert!(damaged.json()["checks"].as_array().unwrap().iter().any(|check| check["outcome"] == "failed"));
    std::fs::write(&path, "something else").unwrap();
    offline.run(&["verify", &path]).exits(5);
    assert!(offline.run(&["verify", "/nowhere"]).exits(1).stderr.contains("cannot read /nowhere"));
}

#[test]
fn completions_and_manual_pages_are_made() {
    let person = Person::at(&nobody());
    for shell in ["bash", "zsh", "fish"] {
        assert!(person.run(&["completions", shell]).exits(0).stdout.contains("voting"));
    }
    assert!(person.run(&["man"]).exits(0).stdout.contains(".TH voting"));
    let dir = person.path("man").display().to_string();
    person.run(&["man", "--dir", &dir]).exits(0);
    for page in ["voting.1", "voting-vote.1", "voting-elections-create.1"] {
        assert!(person.path("man").join(page).exists(), "{page}");
    }
}
