//! The committed files of invented ballots are what the documented commands make.

use std::collections::BTreeSet;
use std::path::Path;

use voting_core::formats::blt::Blt;

use crate::support::{Person, nobody};

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/data");

#[test]
fn the_committed_files_are_what_the_documented_commands_make() {
    let person = Person::at(&nobody());
    let text = std::fs::read_to_string(Path::new(DATA).join("README.md")).unwrap();
    let mut made = BTreeSet::new();
    for line in text.lines().filter_map(|line| line.strip_prefix("voting generate ")) {
        let words: Vec<&str> = line.split(' ').collect();
        let (options, ["-o", name]) = words.split_at(words.len() - 2) else { panic!("{line} names no file") };
        let path = person.path(name).display().to_string();
        person.run(&[&["generate"], options, &["-o", &path]].concat()).exits(0);
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!(bytes, std::fs::read(Path::new(DATA).join(name)).unwrap(), "{name} is not what `voting generate {line}` makes");
        assert_eq!(bytes, person.run(&[&["generate"], options].concat()).exits(0).stdout.into_bytes());
        made.insert((*name).to_owned());
    }
    let there = std::fs::read_dir(DATA).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(there.filter(|name| name != "README.md").collect::<BTreeSet<_>>(), made);
}

#[test]
fn the_committed_files_have_what_they_are_said_to_have() {
    let read = |name: &str| Blt::parse(&std::fs::read(Path::new(DATA).join(name)).unwrap()).unwrap();
    let council = read("council.blt");
    assert_eq!((council.candidates.len(), council.seats, council.total(), council.ballots.len()), (6, 3, 1_000, 317));
    assert!(read("approval.blt").ballots.iter().any(|ballot| ballot.ranking.has_equals()));
    assert_eq!(read("withdrawn.blt").withdrawn.len(), 2);
}

#[test]
fn a_file_is_replaced_only_on_request_and_bad_numbers_are_refused() {
    let person = Person::at(&nobody());
    let path = person.path("x.blt").display().to_string();
    let generate = ["generate", "blt", "--seed", "9", "--ballots", "50", "--candidates", "3", "-o", &path];
    let done = person.run(&[&generate[..], &["--output", "json"]].concat()).exits(0).json();
    assert_eq!((&done["ballots"], &done["title"]), (&50.into(), &"Invented ward 9".into()));
    assert!(person.run(&generate).exits(2).stderr.contains("--force"));
    person.run(&[&generate[..], &["--force"]].concat()).exits(0);
    for (wrong, advice) in
        [(["--seats", "4"], "from 1 to 3"), (["--withdrawn", "3"], "smaller --withdrawn"), (["--seats", "0"], "from 1")]
    {
        let ended = person.run(&[&generate[..8], &wrong].concat()).exits(2);
        assert!(ended.stdout.is_empty() && ended.stderr.contains(advice), "{ended:?}");
    }
}
