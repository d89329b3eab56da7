//! `voting simulate`: the consensus engine among faults and liars, one run per seed.
//!
//! A run depends on its seed and the options and on nothing else, so that whatever breaks a rule can be looked at
//! again, on any machine. The simulator itself is in `voting_consensus::sim`.

mod story;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rayon::prelude::*;
use serde::Serialize;
use voting_consensus::sim::{self, Actor, Options, Report, Script};
use voting_core::epoch::QuorumRule;

use super::Context;
use crate::exit::{CliError, Result};
use crate::output::{count, fields, table};

/// Seeds of a run in which nobody says how many: seconds, not minutes.
const SEEDS: u64 = 100;
/// Seeds at most: years of running; more is a slip of the finger.
const SEEDS_MAX: u64 = 10_000_000_000;
/// Authorities at least: fewer do not tolerate anything.
const AUTHORITIES_MIN: usize = 3;
/// Authorities at most: messages grow with their square, and tell nothing new.
const AUTHORITIES_MAX: usize = 32;
/// The fewest authorities that are drawn where nobody says how many.
const AUTHORITIES_DRAWN_MIN: usize = 4;
/// Violations listed: the first ones tell what is wrong.
const LISTED: usize = 10;
/// The rule that the engine's own assertions stand for.
const NO_PANIC: &str = "no assertion of the engine fails";

/// Run the consensus engine among simulated faults and liars, and see whether a rule is broken.
///
/// Each seed draws a network (4 to 10 authorities, quorum, leaders), its faults (messages lost, doubled, delayed
/// and cut off; crashes before, within and after writing; disks that are slow or full; processes that hang; clocks that are
/// off), how its authorities change, and who lies and how, as many as the quorum tolerates. After a while a quorum is healed and whatever ails the rest
/// lasts; then the quorum must agree and make new entries final. The same seed with the same options is the same run on every
/// machine.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  voting simulate                                     seeds 0 to 99
  voting simulate --seeds 20000 --seed 1000000        twenty thousand others
  voting simulate --seed 42                           one run, with its report
  voting simulate --seed 15 --trace                   the story of a run
  voting simulate --seed 15 --events run.jsonl        every event of it, a JSON object a line, for a viewer
  voting simulate --seeds 500 --authorities 7 --quorum majority
  voting simulate --authorities 5 --quorum 3 --twins 1   more liars than 3 of 5 tolerate: rules break
  voting simulate --authorities 7 --liars forger=2    how two of seven lie
  voting simulate --seed 0 --authorities 5 --quorum 3 --twins 1 --shrink   what it takes at least

Ends with code 1 if a rule was broken.")]
pub(crate) struct Args {
    /// Number of seeds to run; 100 if neither this nor --seed is given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=SEEDS_MAX))]
    seeds: Option<u64>,
    /// The first seed, 0 if left out; without --seeds this one alone is run, and its report printed
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// Number of authorities; drawn from each seed if left out
    #[arg(long, value_name = "N")]
    authorities: Option<usize>,
    /// How many authorities make a quorum: byzantine, majority, or a number; drawn if left out
    #[arg(long, value_name = "RULE")]
    quorum: Option<QuorumRule>,
    /// Authorities that run twice with one key, and so contradict themselves; may be more than the quorum tolerates
    #[arg(long, value_name = "K", conflicts_with = "silent")]
    twins: Option<usize>,
    /// Authorities that now and then say nothing; may be more than the quorum tolerates
    #[arg(long, value_name = "K")]
    silent: Option<usize>,
    /// Authorities that lie in this way, such as forger=2; may be more than the quorum tolerates
    #[arg(long, value_name = "KIND=K", value_parser = story::parse_liars, conflicts_with_all = ["twins", "silent"])]
    liars: Option<(Actor, usize)>,
    /// Tell what happens, line by line
    #[arg(long, requires = "seed", conflicts_with = "seeds")]
    trace: bool,
    /// Write every event to a file, a JSON object a line; an existing file is replaced
    #[arg(long, value_name = "FILE", requires = "seed", conflicts_with = "seeds")]
    events: Option<PathBuf>,
    /// If a rule breaks, look for the fewest faults that still break it
    #[arg(long, requires = "seed", conflicts_with = "seeds")]
    shrink: bool,
    /// Runs at a time; as many as there are processors if left out
    #[arg(long, value_name = "J", value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,
}

/// One run, for programs.
#[derive(Debug, Serialize)]
struct Run {
    seed: u64,
    authorities: usize,
    quorum: u16,
    liars: Vec<Liar>,
    simulated_seconds: f64,
    blocks: usize,
    entries: usize,
    faults: BTreeMap<&'static str, u64>,
    /// Of every message sent, in order: the same wherever this seed runs with these options.
    trace: String,
    violation: Option<Broken>,
    /// With --shrink: the fewest acts that break the same rule.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    shortest: Vec<String>,
    /// With --trace: what happened, of the shortest script if there is one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    story: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Liar {
    authority: usize,
    how: &'static str,
}

/// A rule that was broken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Broken {
    seed: u64,
    rule: String,
    detail: String,
    /// The command that shows it again.
    reproduce: String,
}

/// Many runs, added up.
#[derive(Debug, Default, PartialEq, Serialize)]
struct Summary {
    seeds: u64,
    simulated_hours: f64,
    blocks: u64,
    entries: u64,
    /// Authorities that lied.
    liars: u64,
    faults: BTreeMap<&'static str, u64>,
    /// Sum of the runs' traces: the same on every machine.
    trace: String,
    violations: u64,
    /// The violations with the smallest seeds, in order.
    first_violations: Vec<Broken>,
    /// Time it took here.
    seconds: f64,
}

/// What is added up; the order of the additions does not matter.
#[derive(Debug, Default, PartialEq, Eq)]
struct Sum {
    seeds: u64,
    virtual_time: Duration,
    blocks: u64,
    entries: u64,
    liars: u64,
    faults: BTreeMap<&'static str, u64>,
    trace: u64,
    violations: u64,
    first: BTreeMap<u64, Broken>,
}

/// What is simulated, and how it is said on the command line.
#[derive(Debug)]
struct Plan {
    options: Options,
    said: String,
}

/// What became of a seed.
enum Outcome {
    Reported(Box<Report>),
    /// An assertion of the engine failed.
    Panicked(String),
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<()> {
    let plan = Plan::new(&args)?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(args.jobs.map_or(0, usize::from)).build().map_err(|error| {
        CliError::failure(format!("threads cannot be started: {error}"), "ask for fewer with --jobs, or look at ulimit -u")
    })?;
    match (args.seed, args.seeds) {
        (Some(seed), None) => one(&plan, seed, &args, context),
        (first, seeds) => tokio::task::block_in_place(|| many(&plan, &pool, first.unwrap_or(0), seeds.unwrap_or(SEEDS), context)),
    }
}

fn one(plan: &Plan, seed: u64, args: &Args, context: &Context) -> Result<()> {
    let report = match plan.run(seed) {
        Outcome::Reported(report) => report,
        Outcome::Panicked(reason) => return Err(broken_rules(&plan.broken(seed, NO_PANIC, &reason), 1)),
    };
    let told = story::tell(&Script::draw(seed, &plan.options), args)?;
    let run = Run {
        seed,
        authorities: report.authorities,
        quorum: report.quorum,
        liars: report.liars.iter().map(|(authority, actor)| Liar { authority: *authority, how: actor.word() }).collect(),
        simulated_seconds: report.virtual_time.as_secs_f64(),
        blocks: report.blocks,
        entries: report.entries,
        faults: report.faults.clone(),
        trace: format!("{:016x}", report.trace_hash),
        violation: plan.violation(&report),
        shortest: told.shortest,
        story: told.story,
    };
    context.out.answer(&run, || describe_run(&run))?;
    run.violation.as_ref().map_or(Ok(()), |broken| Err(broken_rules(broken, 1)))
}

fn many(plan: &Plan, pool: &rayon::ThreadPool, first: u64, seeds: u64, context: &Context) -> Result<()> {
    let end = first.checked_add(seeds).ok_or_else(|| {
        CliError::usage(format!("there are no {seeds} seeds from {first} on"), "choose a smaller --seed; the largest is 2^64 - 1")
    })?;
    let bar = context.out.progress(seeds, "simulating {bar:40} {pos} of {len} seeds  {per_sec}  {eta} left  {msg}");
    let started = Instant::now();
    let sum = pool.install(|| {
        let run = |seed| {
            let sum = plan.sum(seed);
            if sum.violations > 0 {
                bar.set_message(format!("a rule was broken by seed {seed}"));
            }
            bar.inc(1);
            sum
        };
        (first..end).into_par_iter().map(run).reduce(Sum::default, Sum::and)
    });
    bar.finish_and_clear();
    let summary = sum.summary(started.elapsed());
    context.out.answer(&summary, || describe(&summary))?;
    summary.first_violations.first().map_or(Ok(()), |broken| Err(broken_rules(broken, summary.violations)))
}

impl Plan {
    fn new(args: &Args) -> Result<Self> {
        let Args { authorities, quorum, twins, silent, liars, .. } = *args;
        if let Some(n) = authorities.filter(|n| !(AUTHORITIES_MIN..=AUTHORITIES_MAX).contains(n)) {
            return Err(CliError::usage(
                format!("{n} authorities cannot be simulated"),
                format!("choose --authorities from {AUTHORITIES_MIN} to {AUTHORITIES_MAX}"),
            ));
        }
        match (quorum, authorities) {
            (Some(rule), Some(n)) => {
                rule.threshold(n).map_err(|error| CliError::usage(error, quorum_advice(n)))?;
            }
            (Some(QuorumRule::Number(number)), None) => {
                return Err(CliError::usage(
                    format!("a quorum of {number} means nothing as long as the number of authorities is drawn"),
                    "say how many there are with --authorities, or choose --quorum byzantine or majority",
                ));
            }
            _ => {}
        }
        let liars = twins.map(|k| (Actor::Twins, k)).or(silent.map(|k| (Actor::Silent, k))).or(liars);
        let n = authorities.unwrap_or(AUTHORITIES_DRAWN_MIN);
        if let Some((actor, k)) = liars.filter(|(_, k)| *k > n) {
            let next = match authorities {
                Some(_) => format!("choose at most {n}"),
                None => "say how many authorities there are with --authorities".to_owned(),
            };
            return Err(CliError::usage(format!("{k} of {n} authorities cannot be {}", actor.word()), next));
        }
        let options = Options { authorities, quorum, liars, ..Options::default() };
        let mut said = String::new();
        let mut say = |option: &str, value: Option<String>| {
            if let Some(value) = value {
                said.push_str(&format!(" --{option} {value}"));
            }
        };
        say("authorities", authorities.map(|n| n.to_string()));
        say("quorum", quorum.map(rule_word));
        if let Some((actor, k)) = liars {
            match actor {
                Actor::Twins | Actor::Silent => say(actor.word(), Some(k.to_string())),
                _ => say("liars", Some(format!("{}={k}", actor.word()))),
            }
        }
        Ok(Self { options, said })
    }

    /// Runs a seed. An assertion that fails ends this run and no other, and its seed is known.
    fn run(&self, seed: u64) -> Outcome {
        match catch_unwind(AssertUnwindSafe(|| sim::run(seed, &self.options))) {
            Ok(report) => Outcome::Reported(Box::new(report)),
            Err(panic) => {
                let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
                Outcome::Panicked(text.unwrap_or("it does not say why").to_owned())
            }
        }
    }

    fn broken(&self, seed: u64, rule: &str, detail: &str) -> Broken {
        let reproduce = format!("voting simulate --seed {seed}{}", self.said);
        Broken { seed, rule: rule.to_owned(), detail: detail.to_owned(), reproduce }
    }

    fn violation(&self, report: &Report) -> Option<Broken> {
        report.violation.as_ref().map(|violation| self.broken(report.seed, violation.invariant, &violation.detail))
    }

    /// One seed, as a sum of one.
    fn sum(&self, seed: u64) -> Sum {
        let report = match self.run(seed) {
            Outcome::Reported(report) => report,
            Outcome::Panicked(reason) => {
                let first = BTreeMap::from([(seed, self.broken(seed, NO_PANIC, &reason))]);
                return Sum { seeds: 1, violations: 1, first, ..Sum::default() };
            }
        };
        let first: BTreeMap<_, _> = self.violation(&report).map(|broken| (seed, broken)).into_iter().collect();
        Sum {
            seeds: 1,
            virtual_time: report.virtual_time,
            blocks: report.blocks as u64,
            entries: report.entries as u64,
            liars: report.liars.len() as u64,
            trace: report.trace_hash,
            violations: first.len() as u64,
            first,
            faults: report.faults,
        }
    }
}

impl Sum {
    fn and(mut self, other: Self) -> Self {
        for (fault, times) in other.faults {
            *self.faults.entry(fault).or_default() += times;
        }
        self.first.extend(other.first);
        while self.first.len() > LISTED {
            self.first.pop_last();
        }
        Self {
            seeds: self.seeds + other.seeds,
            virtual_time: self.virtual_time + other.virtual_time,
            blocks: self.blocks + other.blocks,
            entries: self.entries + other.entries,
            liars: self.liars + other.liars,
            trace: self.trace.wrapping_add(other.trace),
            violations: self.violations + other.violations,
            ..self
        }
    }

    fn summary(self, took: Duration) -> Summary {
        Summary {
            seeds: self.seeds,
            simulated_hours: self.virtual_time.as_secs_f64() / 3_600.0,
            blocks: self.blocks,
            entries: self.entries,
            liars: self.liars,
            faults: self.faults,
            trace: format!("{:016x}", self.trace),
            violations: self.violations,
            first_violations: self.first.into_values().collect(),
            seconds: took.as_secs_f64(),
        }
    }
}

fn rule_word(rule: QuorumRule) -> String {
    match rule {
        QuorumRule::Byzantine => "byzantine".to_owned(),
        QuorumRule::Majority => "majority".to_owned(),
        QuorumRule::Number(number) => number.to_string(),
    }
}

fn quorum_advice(n: usize) -> String {
    format!("choose --quorum byzantine, majority, or a number from {} to {n}", n / 2 + 1)
}

/// The error at the end of a run in which rules were broken.
fn broken_rules(first: &Broken, violations: u64) -> CliError {
    CliError::failure(
        format!("{}: {}: {}", count(violations, "seed broke a rule", "seeds broke a rule; the first"), first.rule, first.detail),
        format!(
            "see it again with: {}, or what it takes at least with --shrink; with no more liars than the quorum tolerates it is a defect to report",
            first.reproduce
        ),
    )
}

fn describe_faults(faults: &BTreeMap<&'static str, u64>) -> String {
    table(["fault", "times"], faults.iter().map(|(fault, times)| [(*fault).to_owned(), times.to_string()]))
}

fn describe_run(run: &Run) -> String {
    let liars: Vec<_> = run.liars.iter().map(|liar| format!("a{} ({})", liar.authority, liar.how)).collect();
    let rows = [
        ("seed", run.seed.to_string()),
        ("authorities", format!("{}, a quorum is {}", run.authorities, run.quorum)),
        ("liars", if liars.is_empty() { "none".to_owned() } else { liars.join(", ") }),
        ("simulated", format!("{:.1} s", run.simulated_seconds)),
        ("final", format!("{} with {}", count(run.blocks as u64, "block", "blocks"), entries(run.entries as u64))),
        ("trace", run.trace.clone()),
    ];
    let verdict = match &run.violation {
        None => "No rule was broken.".to_owned(),
        Some(broken) => format!("Broken: {}\n  {}", broken.rule, broken.detail),
    };
    let mut text = String::new();
    if !run.story.is_empty() {
        text = format!("{}\n\n", run.story.join("\n"));
    }
    text += &format!("{}\n{}\n\n{verdict}", fields(&rows), describe_faults(&run.faults));
    if !run.shortest.is_empty() {
        text += &format!("\n\nThe same rule breaks with these alone:\n{}", run.shortest.join("\n"));
    }
    text
}

fn describe(summary: &Summary) -> String {
    let rows = [
        ("seeds", summary.seeds.to_string()),
        ("simulated", format!("{:.1} hours", summary.simulated_hours)),
        ("final", format!("{} with {}", count(summary.blocks, "block", "blocks"), entries(summary.entries))),
        ("liars", summary.liars.to_string()),
        ("trace", summary.trace.clone()),
        (
            "took",
            format!("{:.1} s, {:.0} seeds per second", summary.seconds, summary.seeds as f64 / summary.seconds.max(f64::EPSILON)),
        ),
    ];
    let mut text = format!("{}\n{}\n\n", fields(&rows), describe_faults(&summary.faults));
    if summary.violations == 0 {
        return text + "No rule was broken.";
    }
    text += &format!("{}:\n", count(summary.violations, "seed broke a rule", "seeds broke a rule"));
    for broken in &summary.first_violations {
        text += &format!("  {}\n    {}: {}\n", broken.reproduce, broken.rule, broken.detail);
    }
    let more = summary.violations - summary.first_violations.len() as u64;
    if more > 0 {
        text += &format!("  … and {more} more\n");
    }
    text
}

fn entries(number: u64) -> String {
    count(number, "entry", "entries")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(authorities: Option<usize>, quorum: Option<QuorumRule>, twins: Option<usize>) -> Result<Plan> {
        Plan::new(&Args {
            seeds: None,
            seed: None,
            authorities,
            quorum,
            twins,
            silent: None,
            liars: None,
            trace: false,
            events: None,
            shrink: false,
            jobs: None,
        })
    }

    #[test]
    fn what_cannot_be_simulated_is_refused_before_it_begins() {
        for (n, quorum, twins) in [
            (Some(2), None, None),
            (Some(33), None, None),
            (Some(5), Some(QuorumRule::Number(2)), None),
            (Some(5), Some(QuorumRule::Number(6)), None),
            (None, Some(QuorumRule::Number(3)), None),
            (Some(5), None, Some(6)),
            (None, None, Some(5)),
        ] {
            assert!(plan(n, quorum, twins).is_err(), "{n:?} {quorum:?} {twins:?}");
        }
        let plan = plan(Some(5), Some(QuorumRule::Number(3)), Some(1)).unwrap();
        assert_eq!(plan.broken(7, "r", "d").reproduce, "voting simulate --seed 7 --authorities 5 --quorum 3 --twins 1");
    }

    #[test]
    fn sums_do_not_depend_on_the_order_and_list_the_smallest_seeds() {
        let plan = plan(Some(4), None, None).unwrap();
        let sum = |seed: u64| Sum {
            seeds: 1,
            trace: seed << 60,
            violations: 1,
            faults: BTreeMap::from([("message lost", seed)]),
            first: BTreeMap::from([(seed, plan.broken(seed, "r", "d"))]),
            ..Sum::default()
        };
        let up = (0..30).map(sum).fold(Sum::default(), Sum::and);
        let down = (0..30).rev().map(sum).fold(Sum::default(), Sum::and);
        assert_eq!(up, down);
        assert_eq!((up.seeds, up.violations, up.faults["message lost"]), (30, 30, 435));
        assert!(up.first.keys().copied().eq(0..LISTED as u64));
    }

    #[test]
    fn the_extreme_seeds_can_be_run() {
        let plan = plan(Some(AUTHORITIES_MAX), Some(QuorumRule::Byzantine), None).unwrap();
        assert_eq!(plan.sum(u64::MAX).violations, 0);
    }
}
