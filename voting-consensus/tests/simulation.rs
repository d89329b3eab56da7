//! Hundreds of seeded runs of the real engine among faults and liars, and proof that defects are noticed.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use voting_consensus::sim::{Actor, Defect, Options, Report, run};
use voting_core::epoch::QuorumRule;

fn run_seeds(seeds: std::ops::Range<u64>, options: Options) -> Vec<Report> {
    let (next, reports) = (Mutex::new(seeds), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let Some(seed) = next.lock().expect("no panic under this lock").next() else { break };
                    let report = run(seed, &options);
                    reports.lock().expect("no panic under this lock").push(report);
                }
            });
        }
    });
    reports.into_inner().expect("no panic under this lock")
}

#[test]
fn five_hundred_seeds_break_no_rule() {
    let reports = run_seeds(0..500, Options::default());
    let broken: Vec<_> =
        reports.iter().filter_map(|r| Some((r.seed, r.authorities, r.quorum, &r.liars, r.violation.as_ref()?))).collect();
    let mut faults = BTreeMap::new();
    for (fault, count) in reports.iter().flat_map(|report| &report.faults) {
        *faults.entry(*fault).or_insert(0) += count;
    }
    let virtual_time: Duration = reports.iter().map(|report| report.virtual_time).sum();
    let (blocks, entries) = reports.iter().fold((0, 0), |(b, e), r| (b + r.blocks, e + r.entries));
    println!(
        "{} seeds, {:.1} simulated hours, {blocks} blocks, {entries} entries",
        reports.len(),
        virtual_time.as_secs_f64() / 3600.0
    );
    println!("{faults:#?}");
    assert!(broken.is_empty(), "{} seeds: {:#?}", broken.len(), &broken[..broken.len().min(5)]);

    let kinds = [
        "message lost",
        "message doubled",
        "message delayed past others",
        "message cut off",
        "partition",
        "partition, one way",
        "crash before the journal is durable",
        "crash between two outputs",
        "silence",
        "selective sending by a twin",
        "evidence found",
        "time of a proposal found wrong",
        "wish to lead",
        "view led by preference",
    ];
    for kind in kinds {
        assert!(faults.get(kind).is_some_and(|count| *count >= 50), "{kind} hardly took place: {faults:?}");
    }
    assert!(blocks > 2_000 && entries > 2_000, "the runs got something done");
}

#[test]
fn the_same_seed_is_the_same_run() {
    for seed in [3, 77] {
        assert_eq!(run(seed, &Options::default()), run(seed, &Options::default()));
    }
    assert_ne!(run(3, &Options::default()).trace_hash, run(4, &Options::default()).trace_hash);
}

#[test]
fn a_disk_that_lies_is_noticed() {
    let options =
        Options { defect: Defect::LyingDisk, authorities: Some(4), liars: Some((Actor::Silent, 0)), ..Options::default() };
    let noticed = run_seeds(0..150, options).iter().filter(|report| report.violation.is_some()).count();
    println!("{noticed} of 150 seeds notice it");
    assert!(noticed > 0);
}

#[test]
fn one_liar_is_too_many_for_a_bare_majority_of_five() {
    let options =
        Options { authorities: Some(5), quorum: Some(QuorumRule::Number(3)), liars: Some((Actor::Twins, 1)), ..Options::default() };
    let noticed = run_seeds(0..300, options).iter().filter(|report| report.violation.is_some()).count();
    println!("{noticed} of 300 seeds notice it");
    assert!(noticed > 0);
}
