//! Rules are left out one by one: the simulator must notice each, and find nothing where none is left out.
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use voting_consensus::sim::{Mutation, Options, run};

/// Each mutation must be noticed within so many seeds.
const SEEDS_MAX: u64 = 100;
/// Where the mutations are listed.
const DOCUMENT: &str = "../docs/testing.md";
/// Set to write down what is measured, instead of comparing.
const REGENERATE: &str = "REGENERATE_DOCS";
/// An assertion of the engine itself notices it.
const ASSERTION: &str = "an assertion of the engine fails";

/// The first seed that notices, and the rule that it finds broken.
fn notices(mutation: Mutation) -> Option<(u64, &'static str)> {
    let options = Options { mutation: Some(mutation), ..Options::default() };
    (0..SEEDS_MAX).find_map(|seed| match catch_unwind(AssertUnwindSafe(|| run(seed, &options))) {
        Ok(report) => Some((seed, report.violation?.invariant)),
        Err(_) => Some((seed, ASSERTION)),
    })
}

#[test]
fn every_rule_left_out_is_noticed() {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {})); // assertions that fail are part of the plan
    let next = AtomicU64::new(0);
    let work = || {
        let mut noticed = Vec::new();
        while let Some(mutation) = Mutation::ALL.get(next.fetch_add(1, Ordering::Relaxed) as usize) {
            noticed.push((*mutation, notices(*mutation)));
        }
        noticed
    };
    let mut noticed = std::thread::scope(|scope| {
        let threads = [scope.spawn(work), scope.spawn(work)];
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    std::panic::set_hook(hook);
    noticed.sort_unstable_by_key(|(mutation, _)| *mutation);
    let missed: Vec<_> = noticed.iter().filter(|(_, by)| by.is_none()).collect();
    assert!(missed.is_empty(), "not noticed within {SEEDS_MAX} seeds: {missed:?}");
    let noticed: Vec<_> = noticed.into_iter().filter_map(|(mutation, by)| Some((mutation, by?))).collect();
    is_documented(&noticed);
}

/// The document has a row for each mutation, in order, with the seeds that it took and the rule that noticed.
fn is_documented(noticed: &[(Mutation, (u64, &'static str))]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(DOCUMENT);
    let text = std::fs::read_to_string(&path).unwrap();
    let mut left = noticed.iter();
    let measured = |line: &str| {
        let Some((name, what)) = mutation_row(line) else { return line.to_owned() };
        let (mutation, (seed, rule)) = left.next().unwrap_or_else(|| panic!("{DOCUMENT}: there is no mutation {name}"));
        assert_eq!(format!("{mutation:?}"), name, "{DOCUMENT} lists the mutations in their order");
        format!("| `{name}` | {what} | {} | {rule} |", seed + 1)
    };
    let fresh = text.lines().map(measured).collect::<Vec<_>>().join("\n") + "\n";
    assert_eq!(left.next(), None, "{DOCUMENT} lists every mutation");
    if std::env::var_os(REGENERATE).is_some() {
        std::fs::write(path, fresh).unwrap();
        return;
    }
    for (documented, measured) in text.lines().zip(fresh.lines()) {
        assert_eq!(documented, measured, "{DOCUMENT} is stale; {REGENERATE}=1 writes down what is measured");
    }
}

/// Name and description of a row of the table of mutations.
fn mutation_row(line: &str) -> Option<(&str, &str)> {
    let (name, rest) = line.strip_prefix("| `")?.split_once("` | ")?;
    let is_name = name.starts_with(char::is_uppercase) && name.chars().all(char::is_alphanumeric);
    is_name.then_some((name, rest.split_once(" | ")?.0))
}

#[test]
fn where_no_rule_is_left_out_the_same_seeds_are_clean() {
    for seed in 0..SEEDS_MAX {
        let report = run(seed, &Options::default());
        assert_eq!(report.violation, None, "seed {seed}");
    }
}
