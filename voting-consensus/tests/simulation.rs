//! Thousands of seeded runs of the real engine among faults and liars.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

use voting_consensus::sim::{Actor, FAILOVER_DELAY_MS, Options, Report, Script, failover, run, run_script, shrink, trace};
use voting_core::epoch::{QuorumRule, Timers};

/// Every kind of fault and lie that the runs must have had, often.
const KINDS: [&str; 37] = [
    "message lost",
    "message doubled",
    "message delayed past others",
    "message cut off",
    "partition",
    "partition, one way",
    "crash before the journal is durable",
    "crash within a write",
    "crash between two outputs",
    "crash between two steps",
    "disk full",
    "disk lost",
    "past learnt after a lost disk",
    "slow write",
    "process hung",
    "clock stepped",
    "fault for good",
    "selective sending by a twin",
    "silence",
    "message to some only",
    "message withheld",
    "old message replayed",
    "bad block proposed",
    "proposal kept back",
    "lying answer to who catches up",
    "proposal of a wrong time",
    "forged votes",
    "evidence found",
    "proposal found invalid",
    "time of a proposal found wrong",
    "wish to lead",
    "view led by preference",
    "epoch entered",
    "authority added",
    "authority removed",
    "authority re-keyed",
    "authorities reordered",
];

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
fn two_thousand_seeds_break_no_rule() {
    let reports = run_seeds(0..2_000, Options::default());
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
    for kind in KINDS {
        assert!(faults.get(kind).is_some_and(|count| *count >= 50), "{kind} hardly took place: {faults:?}");
    }
    let sizes: BTreeSet<usize> = reports.iter().map(|report| report.authorities).collect();
    let liars: BTreeSet<Actor> = reports.iter().flat_map(|report| &report.liars).map(|(_, actor)| *actor).collect();
    assert!(sizes.iter().copied().eq(4..=10) && liars.len() == Actor::ALL.len(), "{sizes:?}, {liars:?}");
    assert!(blocks > 20 * reports.len() && entries > 20 * reports.len(), "the runs got something done");
}

#[test]
fn a_leader_that_dies_is_replaced_within_its_timeouts() {
    let waits: Vec<Duration> = (0..40).map(|seed| failover(seed, 4).expect("a quorum goes on")).collect();
    // On simulated time: the slowest timer for a view, and the messages of a skip and of a block.
    let limit = Duration::from_millis(u64::from(Timers::default().view_timeout_ms) * 1_060 / 1_000 + 12 * FAILOVER_DELAY_MS);
    assert!(waits.iter().all(|wait| *wait <= limit), "{waits:?}");
    assert!(waits.iter().any(|wait| *wait > limit / 4), "leaders die: {waits:?}");
    assert_eq!(failover(7, 4), failover(7, 4));
}

#[test]
fn the_same_seed_is_the_same_run() {
    for seed in [3, 77] {
        let script = Script::draw(seed, &Options::default());
        let (report, events) = trace(&script);
        assert_eq!(trace(&script), (report.clone(), events));
        assert_eq!(run(seed, &Options::default()), report, "looking on changes nothing");
    }
    assert_ne!(run(3, &Options::default()).trace_hash, run(4, &Options::default()).trace_hash);
}

#[test]
fn one_liar_is_too_many_for_a_bare_majority_of_five_and_the_script_of_it_shrinks() {
    let options =
        Options { authorities: Some(5), quorum: Some(QuorumRule::Number(3)), liars: Some((Actor::Twins, 1)), ..Options::default() };
    // Where leaving out any one act makes the rest harmless there may be a shorter script all the same: not every seed gets there.
    let (seed, script, short, report) = (0..100)
        .filter(|seed| run(*seed, &options).violation.is_some())
        .map(|seed| (seed, Script::draw(seed, &options)))
        .find_map(|(seed, script)| {
            let (short, report) = shrink(&script)?;
            println!("seed {seed}: {} of {} acts are left", short.len(), script.len());
            (short.len() <= 3).then_some((seed, script, short, report))
        })
        .expect("one of a hundred seeds notices it, and shrinks to a few acts");
    assert!(script.len() > 30, "a seed is full of acts: {script}");
    println!("{short}{:?}", report.violation);
    assert_eq!(run_script(&short), report, "what is left breaks the rule again");
    assert_eq!(report.violation.map(|broken| broken.invariant), run_script(&script).violation.map(|broken| broken.invariant));
    assert_eq!(shrink(&Script::draw(seed, &Options::default())), None, "a script that breaks no rule has nothing to shrink to");
}

#[test]
fn a_leader_that_is_killed_in_mid_view_makes_a_story() {
    let story = |seed| trace(&Script::draw(seed, &Options::default())).1;
    let is_told = |line: &String| line.contains("(leader of view ") && line.contains("is killed with its proposal half sent: ");
    let lines = (0..50).map(|seed| story(seed).iter().filter_map(|event| event.line()).collect::<Vec<_>>());
    let told = lines.into_iter().find(|lines| lines.iter().any(is_told)).expect("one of fifty seeds has it");
    let at = told.iter().position(is_told).expect("it is there");
    println!("{}", told[at.saturating_sub(3)..(at + 12).min(told.len())].join("\n"));
    assert!(told[at].contains(" has it, ") || told[at].contains(" have it, "), "{}", told[at]);
    assert!(told[0].contains("a quorum is") && told.last().is_some_and(|line| line.contains("the end: ")));
    assert!(told[at..].iter().any(|line| line.contains(" is back, with ")), "it comes back");
}
