//! Whatever bytes clients send, or lie in a backup: functions that take any bytes and panic only if a rule is broken. As
//! [`voting_core::testing::fuzz`].

use std::fmt::Write as _;

use data_encoding::HEXLOWER;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use voting_core::Canonical as _;
use voting_core::testing::fuzz::{Seed, Target, known};

use crate::{backup, events, live, roll, strict_json};

/// Every target of this crate.
pub const TARGETS: [Target; 4] = [
    Target { name: "gateway_json", run: json, variants: 2_000 },
    Target { name: "gateway_live", run: live_frame, variants: 2_000 },
    Target { name: "gateway_backup", run: backup_file, variants: 1_000 },
    Target { name: "gateway_roll", run: roll_file, variants: 2_000 },
];

/// A request's body: what is taken for strict JSON is JSON, and is still strict when it is written anew.
pub fn json(data: &[u8]) {
    let value = serde_json::from_slice::<Value>(data);
    match strict_json::check(data) {
        Ok(()) => {
            let value = value.expect("strict JSON is JSON");
            let written = serde_json::to_vec(&value).expect("a value that was read");
            assert_eq!(strict_json::check(&written), Ok(()), "{value}");
            // No request of ours has a number with a fraction; the last digit of one need not come back.
            assert!(has_fraction(&value) || serde_json::from_slice::<Value>(&written).is_ok_and(|again| again == value));
        }
        Err(reason) => assert!(!reason.is_empty()),
    }
}

fn has_fraction(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.is_f64(),
        Value::Array(items) => items.iter().any(has_fraction),
        Value::Object(fields) => fields.values().any(has_fraction),
        Value::Null | Value::Bool(_) | Value::String(_) => false,
    }
}

/// A frame of a client of live updates, the channel that it names, and a position in it.
pub fn live_frame(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    live::fuzz(text);
    if let Ok(position) = events::parse(text) {
        assert_eq!(events::parse(&events::show(position)).ok(), Some(position));
    }
}

/// A backup: what holds has the checksum of its bytes, and every bit of it is covered.
pub fn backup_file(data: &[u8]) {
    match backup::verify_bytes(data) {
        Ok(summary) => {
            assert_eq!(summary.bytes, data.len() as u64, "a backup is read to its end");
            let text = std::str::from_utf8(data).expect("a backup is text");
            let before = text.trim_end_matches('\n').rfind('\n').map_or(0, |at| at + 1);
            let sum = HEXLOWER.encode(&Sha256::digest(&data[..before]));
            assert_eq!(sum, summary.sha256);
            assert!(text[before..].contains(&sum) && text.ends_with("\"}\n"));
        }
        Err(error) => assert!(error.to_string().starts_with("input: "), "{error}"),
    }
}

/// A list of voters: nobody twice, everybody with a weight, or an error for each line.
pub fn roll_file(data: &[u8]) {
    match roll::parse_csv(data) {
        Ok(voters) => assert!(voters.iter().all(|voter| voter.weight > 0)),
        Err(errors) => {
            assert!(!errors.is_empty());
            assert!(errors.iter().all(|error| error.line > 0 && !error.message.is_empty()), "{errors:?}");
        }
    }
}

fn backups() -> Vec<Seed> {
    let genesis = known().chain.genesis.digest();
    let digit = |hash: &str| hash.chars().next().unwrap_or('0');
    let mut records: Vec<(String, String)> = Vec::new();
    for label in ["ada", "bob"] {
        let hash = crate::accounts::hashed(label);
        records.push((crate::accounts::tag(digit(&hash)), format!("{}{hash}", crate::accounts::PATHS)));
        let id = voting_core::ElectionId([1; 16]);
        records.push((roll::tag(id, digit(&hash)), format!("{}{hash}", roll::PATHS)));
    }
    records.sort();
    let mut seeds = Vec::new();
    for count in [0, 1, records.len()] {
        let mut text = format!(
            "{{\"format\":\"voting-backup\",\"version\":1,\"network\":\"n\",\"genesis\":\"{genesis}\",\"created_at\":\"2026-05-01T08:00:00Z\",\"height\":7}}\n"
        );
        for (tag, path) in &records[..count] {
            let _ = writeln!(text, "{{\"tag\":\"{tag}\",\"path\":\"{path}\",\"version\":3,\"value\":\"QWRh\"}}");
        }
        let sum = HEXLOWER.encode(&Sha256::digest(text.as_bytes()));
        let _ = writeln!(text, "{{\"records\":{count},\"sha256\":\"{sum}\"}}");
        seeds.push(Seed::new("gateway_backup", format!("{count}-records"), text));
    }
    seeds
}

/// The seeds of this crate's targets.
#[must_use]
pub fn seeds() -> Vec<Seed> {
    let election = voting_core::ElectionId([1; 16]);
    let hash = known().ballots[0].hash();
    let json = [
        r#"{"a":[1,2.5,-0,"x",null,true],"b":{}}"#.to_owned(),
        r#"{"a":1,"\u0061":2}"#.to_owned(),
        r#"["\ud83d\ude00",18446744073709551615,9007199254740993,1e300,-9223372036854775808]"#.to_owned(),
        format!("{}{}", "[".repeat(32), "]".repeat(32)),
        r#"{"email":"ada@example.org","password":"correct horse battery staple"}"#.to_owned(),
        r#"{"ballot":"AAAA","deep":{"a":{"b":{"c":[[[{}]]]}}}}"#.to_owned(),
    ];
    let live = [
        r#"{"v":1,"t":"hello","token":"x","resume":{"me":"3.1"},"later":true}"#.to_owned(),
        r#"{"v":1,"t":"subscribe","id":"7","ch":"elections","after":"12.0"}"#.to_owned(),
        format!(r#"{{"v":1,"t":"subscribe","id":"8","ch":"election:{election}:turnout"}}"#),
        format!(r#"{{"v":1,"t":"unsubscribe","ch":"ballot:{hash}"}}"#),
        r#"{"v":1,"t":"auth","token":"t"}"#.to_owned(),
        r#"{"v":1,"t":"ping"}"#.to_owned(),
        "18446744073709551615.4294967295".to_owned(),
    ];
    let rolls = [
        "email,name,weight\nada@example.org,Ada,1\nbob@example.org,\"Bob, jr.\",3\n",
        "\u{feff}email\r\nada@example.org\r\n\r\nBOB@example.org\r\n",
        "weight,email\n0,ada@example.org\n18446744073709551615,ada@example.org\nx,b@c\n",
        "email,email\n",
    ];
    let numbered = |target: &'static str, texts: Vec<String>| {
        texts.into_iter().enumerate().map(move |(at, text)| Seed::new(target, format!("{at:02}"), text)).collect::<Vec<_>>()
    };
    let rolls = rolls.map(str::to_owned).into();
    [numbered("gateway_json", json.into()), numbered("gateway_live", live.into()), numbered("gateway_roll", rolls), backups()]
        .concat()
}
