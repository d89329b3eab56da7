//! Rules are left out one by one: the simulator must notice each, and find nothing where none is left out.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

use voting_consensus::sim::{Mutation, Options, run};

/// Each mutation must be noticed within so many seeds.
const SEEDS_MAX: u64 = 400;
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
    let rows: Vec<String> = noticed.iter().map(|(mutation, by)| row(*mutation, *by)).collect();
    println!("{}", rows.join("\n"));
    let missed: Vec<_> = noticed.iter().filter(|(_, by)| by.is_none()).collect();
    assert!(missed.is_empty(), "not noticed within {SEEDS_MAX} seeds: {missed:?}");
}

fn row(mutation: Mutation, by: Option<(u64, &'static str)>) -> String {
    by.map_or_else(
        || format!("| `{mutation:?}` | more than {SEEDS_MAX} | |"),
        |(seed, rule)| format!("| `{mutation:?}` | {} | {rule} |", seed + 1),
    )
}
