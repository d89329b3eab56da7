//! `voting import`: a file of paper ballots as a real election, cast over HTTP ballot by ballot.
//!
//! ```text
//!  file ─▶ source ─▶ create ─▶ register keys ─▶ publish ─▶ open ─▶ cast, many in flight ─▶ close ─▶ compare
//!                      └──────────── journal: seed, election, receipts ───────────────┘
//! ```
//!
//! The phase of the election on the server says what to do next, so that an import that was killed goes on where
//! it stopped: the same file has the same keys and the same ballots, and each counts once.

mod casting;
mod journal;
mod source;

use std::path::PathBuf;
use std::time::Duration;

use reqwest::Method;
use serde::Serialize;
use serde_json::json;
use tokio::time::Instant;
use voting_core::count::Lot;
use voting_core::election::{CountMethodId, Phase, ResultVisibility, RevoteRule, Timing};
use voting_core::sealed::ceremony::CeremonyPhase;
use voting_core::tally::{ContestReport, count_method};
use voting_core::{Digest, ElectionId};

use self::casting::{Casting, cast_all};
use self::journal::Journal;
use self::source::{Counted, Source};
use super::Context;
use super::elections::SealingArgs;
use crate::api::{
    Credential, Election, ElectionListItem, ElectionResult, Kept, NewContest, NewElection, NewOption, NewSealing, Sealing,
};
use crate::cast::Caster;
use crate::client::{Answer, Auth, Body, CallError, Client};
use crate::exit::{CliError, Exit, Result};
use crate::output::{Output, count, fields, table};
use crate::pinned;
use crate::sealing::BallotSealer;
use crate::session::now;

/// Keys registered in one request: as many as one certification holds.
const KEYS_PER_REQUEST: usize = 800;
/// Pause before a step that failed for a passing reason is tried again.
const STEP_PAUSE: Duration = Duration::from_secs(1);
/// Steps without the election getting any further before something must be wrong.
const STEPS_MAX: u32 = 20;

/// Import a file of ballots (BLT) as an election, and compare the result (administrators).
///
/// Each ballot in the file becomes one voter with a key of their own, who casts it over HTTP: its first
/// preference, or with --method its whole ranking; ballots that occur several times are cast several times. Then the election is closed, and the server's result
/// compared with this command's own count of the file. A server that dies meanwhile is waited for; an
/// import that is killed goes on where it stopped when the same command is run again.
///
/// Every receipt is verified and listed in a file, whose name is printed at the end.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  voting import glasgow-2012-ward1.blt
  voting import ward1.blt --title \"Linn, 2012\" --concurrency 128
  voting import ward1.blt --limit 500                the first 500 ballots only
  voting import ward1.blt --method scottish-stv      as the single transferable vote it was
  voting import ward1.blt --trustee Ann=KEY --trustee Ben=KEY      sealed; waits for the trustees
  voting import ward1.blt --new                      once more, as another election")]
pub(crate) struct Args {
    /// The file, in BLT format
    file: PathBuf,
    /// Title of the election, if not the file's own
    #[arg(long)]
    title: Option<String>,
    /// How it is counted, e.g. scottish-stv, meek-stv, instant-runoff, schulze; the names are those of `elections create`
    #[arg(long, value_name = "METHOD", default_value_t = CountMethodId::Plurality)]
    method: CountMethodId,
    /// How many win, if not as many as the file says
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    seats: Option<u16>,
    /// Ballots under way at once
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=1000))]
    concurrency: u16,
    /// Import the first N ballots only
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
    #[command(flatten)]
    sealing: SealingArgs,
    /// Start a new election, even if this file was imported before
    #[arg(long)]
    new: bool,
    /// How many seconds a ballot or a step may take, e.g. while the server restarts
    #[arg(long, value_name = "SECONDS", default_value_t = 600, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    wait: u64,
}

/// What is printed at the end.
#[derive(Debug, Serialize)]
struct Imported {
    election: ElectionId,
    title: String,
    ballots: u64,
    /// Ballots of the file that no voter could cast, because they have several first preferences.
    left_out: u64,
    /// Cast by this run; the rest by earlier ones.
    cast: u64,
    seconds: f64,
    ballots_per_second: f64,
    options: Vec<Compared>,
    blank: Compared,
    agrees: bool,
    receipts: PathBuf,
}

/// One option, counted twice.
#[derive(Debug, Serialize)]
struct Compared {
    name: String,
    /// Votes, or first preferences.
    file: u64,
    server: u64,
    /// What the method decides by.
    total: Totals,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    elected: bool,
}

/// What a method decides by, counted twice.
#[derive(Debug, Serialize)]
struct Totals {
    file: String,
    server: String,
    /// Whether they agree, and on the seats.
    same: bool,
}

/// One import under way.
struct Import<'a> {
    client: &'a Client,
    out: Output,
    source: &'a Source,
    title: String,
    sealing: Option<NewSealing>,
    patience: Duration,
    concurrency: usize,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<()> {
    let source = Source::read(&args.file, args.limit, Counted { method: args.method, seats: args.seats })?;
    let client = context.client()?;
    client.signed_in().await?;
    let title = args.title.clone().unwrap_or_else(|| source.title.clone());
    let sealing = args.sealing.chosen();
    let trustees = sealing.iter().flat_map(|sealing| &sealing.trustees).map(|trustee| format!(" {}", trustee.key));
    let identity = source.identity(&format!("{title}{}", trustees.collect::<String>()), args.limit);
    let mut journal = Journal::open(client.dir(), identity, args.new)?;
    let import = Import {
        client: &client,
        out: context.out,
        source: &source,
        title,
        sealing,
        patience: Duration::from_secs(args.wait),
        concurrency: usize::from(args.concurrency),
    };
    import.introduce();
    let (election, casting) = import.carry_out(&mut journal).await?;
    let result = import.result(election.id).await?;
    let answer = import.compare(&election, &result, &casting, &journal)?;
    context.out.answer(&answer, || describe(&answer))?;
    if let Some((one, other)) = journal.collision() {
        return Err(CliError::verification(
            format!("ballots {} and {} have receipts for the same place in the ledger", one.ballot, other.ballot),
            "keep the list of receipts and tell whoever runs the server",
        ));
    }
    if answer.agrees {
        return Ok(());
    }
    Err(CliError::verification(
        "the server's result differs from the count of the file",
        format!("export the election, verify the bundle, and compare it with {}", answer.receipts.display()),
    ))
}

/// Whether nobody but the trustees can take the next step.
fn waits_for_trustees(phase: Phase, sealing: &Sealing) -> bool {
    match phase {
        Phase::Ready => sealing.ceremony != Some(CeremonyPhase::Done),
        Phase::Closed => !sealing.decrypted,
        _ => false,
    }
}

impl Import<'_> {
    /// Says what of the file an election cannot express.
    fn introduce(&self) {
        let Source { overvotes, withdrawn, .. } = self.source;
        if *overvotes > 0 {
            self.out.warn(format!(
                "{} without a clear first preference: left out, no voter can cast such a ballot",
                count(*overvotes, "ballot", "ballots")
            ));
        }
        if !withdrawn.is_empty() && self.source.contest.withdrawn.is_empty() {
            self.out
                .warn(format!("{} withdrew; first preferences for them are cast and counted as they stand", withdrawn.join(", ")));
        }
    }

    /// Does what the election's phase calls for, until its result is published.
    async fn carry_out(&self, journal: &mut Journal) -> Result<(Election, Casting)> {
        let genesis = pinned::ensure(self.client, &self.out).await?;
        let id = self.find_or_create(journal).await?;
        let mut casting = Casting { ballots: 0, time: Duration::ZERO };
        let mut stuck = (Phase::Draft, 0);
        let mut trustees_since = None;
        loop {
            let election = self.election(id).await?;
            // Trustees take the time they need; patience is what limits it.
            if election.sealing.as_ref().is_some_and(|sealing| waits_for_trustees(election.phase, sealing)) {
                if trustees_since.get_or_insert_with(Instant::now).elapsed() > self.patience {
                    let next = "run the same command again when they have done their part";
                    return Err(CliError::new(Exit::Unknown, "the election's trustees have not done their part in time", next));
                }
                tokio::time::sleep(STEP_PAUSE).await;
                continue;
            }
            stuck = if stuck.0 == election.phase { (stuck.0, stuck.1 + 1) } else { (election.phase, 0) };
            if stuck.1 > STEPS_MAX {
                return Err(CliError::failure(
                    format!("the election stays {} whatever is done", election.phase),
                    "look at the server's log, then run the same command again",
                ));
            }
            let step = match election.phase {
                Phase::Draft | Phase::Ready => {
                    self.register(id, journal).await?;
                    ("publish", json!({}))
                }
                Phase::Scheduled => ("open", json!({})),
                Phase::Open => {
                    let partition = pinned::partition(&genesis, election.chain)?;
                    self.check_options(&election)?;
                    let trusted = pinned::Trusted::new(self.client, genesis.clone(), partition).await?;
                    let caster = Caster { client: self.client, trusted: &trusted, patience: self.patience };
                    let selections = &self.source.selections;
                    let sealer = BallotSealer::of(self.client, &trusted, &election).await?;
                    let done =
                        cast_all(&caster, (&election, sealer.as_ref()), selections, journal, self.concurrency, &self.out).await?;
                    casting = Casting { ballots: casting.ballots + done.ballots, time: casting.time + done.time };
                    ("close", json!({}))
                }
                Phase::Closed | Phase::Tallied => ("close", json!({})),
                Phase::Published => return Ok((election, casting)),
                Phase::Cancelled => {
                    let reason = election.cancel_reason.unwrap_or_default();
                    return Err(CliError::failure(
                        format!("the election of this import was cancelled: {reason}"),
                        "start another with --new",
                    ));
                }
            };
            self.step(id, step.0, &step.1).await?;
        }
    }

    /// Ballots name options by place, so the places must be those of the file.
    fn check_options(&self, election: &Election) -> Result<()> {
        match election.contests.as_slice() {
            [contest] if contest.options == self.source.contest.options => Ok(()),
            _ => Err(CliError::verification(
                format!("the options of election {} are not those of the file", election.id),
                "someone changed the election; start another with --new",
            )),
        }
    }

    /// One step of the election's life. A refusal because it was taken already, by a request whose answer was lost,
    /// is no failure: the next look at the phase tells.
    async fn step(&self, id: ElectionId, step: &str, body: &serde_json::Value) -> Result<()> {
        self.out.note(format!("{step} {id}"));
        match self.client.patient(Method::POST, &format!("/elections/{id}/{step}"), Body::Json(body), Auth::Required).await {
            Ok(_) => Ok(()),
            Err(error) if passes(&error) || matches!(&error, CallError::Refused(problem) if problem.status == 409) => {
                tokio::time::sleep(STEP_PAUSE).await;
                Ok(())
            }
            Err(error) => Err(self.client.explain(error)),
        }
    }

    /// The election of this import. It is recognised by its description, should the answer to its creation be lost.
    async fn find_or_create(&self, journal: &Journal) -> Result<ElectionId> {
        if let Some(id) = journal.election()? {
            self.out.note(format!("going on with election {id}"));
            return Ok(id);
        }
        let mark = format!("(import {})", journal.id());
        let deadline = Instant::now() + self.patience;
        let id = loop {
            let listed = self.request(Method::GET, "/elections", Body::Empty).await?;
            let listed: Vec<ElectionListItem> = listed.json().map_err(|error| self.client.explain(error))?;
            if let Some(found) = listed.iter().find(|election| election.description.contains(&mark)) {
                break found.id;
            }
            let new = serde_json::to_value(self.new_election(&mark))
                .map_err(|error| CliError::failure(format!("the election cannot be written as JSON: {error}"), "report this"))?;
            match self.client.patient(Method::POST, "/elections", Body::Json(&new), Auth::Required).await {
                Ok(answer) => break answer.json::<Election>().map_err(|error| self.client.explain(error))?.id,
                Err(error) if passes(&error) && Instant::now() < deadline => tokio::time::sleep(STEP_PAUSE).await,
                Err(error) => return Err(self.client.explain(error)),
            }
        };
        journal.set_election(id)?;
        self.out.note(format!(
            "election {id} has {} options, {} ballots are to be cast",
            self.source.contest.options.len(),
            self.source.selections.len()
        ));
        Ok(id)
    }

    fn new_election(&self, mark: &str) -> NewElection {
        let (start, contest) = (now(), &self.source.contest);
        NewElection {
            title: self.title.clone(),
            description: Some(format!("{} ballots from a BLT file {mark}", self.source.selections.len())),
            start_date: start,
            end_date: start.saturating_add(Duration::from_secs(30 * 86_400)),
            candidates: Vec::new(),
            contests: vec![NewContest {
                title: contest.title.clone(),
                method: contest.method,
                seats: Some(contest.seats),
                min: Some(contest.min),
                max: Some(contest.max),
                allow_blank: Some(contest.allow_blank),
                max_score: None,
                majority: None,
                quorum_percent: None,
                withdrawn: (!contest.withdrawn.is_empty()).then(|| contest.withdrawn.clone()),
                options: contest.options.iter().map(NewOption::from).collect(),
            }],
            timing: Some(Timing::Officer),
            revote: Some(RevoteRule::FirstCounts),
            results: Some(ResultVisibility::Voters),
            secrecy: Some(if self.sealing.is_some() { Kept::Sealed } else { Kept::Open }),
            sealing: self.sealing.clone(),
        }
    }

    /// Registers every ballot's key; those registered before are known already.
    async fn register(&self, id: ElectionId, journal: &Journal) -> Result<()> {
        let ballots = self.source.selections.len() as u64;
        let bar = self.out.progress(ballots, "registering keys {bar:40} {pos} of {len}");
        let numbers: Vec<u64> = (0..ballots).collect();
        for some in numbers.chunks(KEYS_PER_REQUEST) {
            let credential = |number: &u64| Credential { label: format!("ballot-{number:07}"), key: journal.key(*number).public() };
            let credentials: Vec<_> = some.iter().map(credential).collect();
            let body = json!({ "credentials": credentials });
            self.request(Method::POST, &format!("/elections/{id}/credentials"), Body::Json(&body)).await?;
            bar.inc(some.len() as u64);
        }
        bar.finish_and_clear();
        Ok(())
    }

    async fn election(&self, id: ElectionId) -> Result<Election> {
        let answer = self.request(Method::GET, &format!("/elections/{id}"), Body::Empty).await?;
        answer.json().map_err(|error| self.client.explain(error))
    }

    async fn result(&self, id: ElectionId) -> Result<ElectionResult> {
        let answer = self.request(Method::GET, &format!("/elections/{id}/results"), Body::Empty).await?;
        answer.json().map_err(|error| self.client.explain(error))
    }

    /// A request that may be repeated, repeated until it is answered.
    async fn request(&self, method: Method, path: &str, body: Body<'_>) -> Result<Answer> {
        let deadline = Instant::now() + self.patience;
        loop {
            match self.client.patient(method.clone(), path, body, Auth::Required).await {
                Err(error) if passes(&error) && Instant::now() < deadline => {
                    self.out.detail(self.client.explain(error).what);
                    tokio::time::sleep(STEP_PAUSE).await;
                }
                other => return other.map_err(|error| self.client.explain(error)),
            }
        }
    }

    /// The file counted here, beside what the server says.
    fn compare(&self, election: &Election, result: &ElectionResult, casting: &Casting, journal: &Journal) -> Result<Imported> {
        let odd = |what: &str| CliError::verification(format!("the result {what}"), "compare it with the exported bundle");
        let [contest] = result.contests.as_slice() else { return Err(odd("has not exactly one question")) };
        let (rules, count) = (&self.source.contest, &self.source.count);
        let lot = Lot { seed: result.lot_seed.unwrap_or(Digest::ZERO), contest: 0 };
        let (outcome, verdict) = count_method(rules.method).count(rules, count, lot, election.roll_size);
        let expected = ContestReport::of(rules, count, &outcome, verdict);
        let mut options = Vec::new();
        for option in &contest.options {
            let file = expected.options.iter().find(|line| Some(line.option) == option.place());
            let file = file.ok_or_else(|| odd("names options that the file does not have"))?;
            let (counted, server) = (file.total.to_string(), option.total.clone().unwrap_or_default());
            options.push(Compared {
                name: option.name.clone(),
                file: file.votes,
                server: option.votes,
                total: Totals { same: counted == server && file.seats == option.seats, file: counted, server },
                elected: option.elected,
            });
        }
        let nothing = Totals { same: true, file: String::new(), server: String::new() };
        let blank = Compared { name: "blank".to_owned(), file: count.blank, server: contest.blank, total: nothing, elected: false };
        let same = |compared: &Compared| compared.file == compared.server && compared.total.same;
        let all_there =
            options.len() == expected.options.len() && contest.ballots == self.source.selections.len() as u64 && result.is_final;
        let seconds = casting.time.as_secs_f64();
        Ok(Imported {
            election: election.id,
            title: election.title.clone(),
            ballots: self.source.selections.len() as u64,
            left_out: self.source.overvotes,
            cast: casting.ballots,
            seconds,
            ballots_per_second: if casting.ballots == 0 { 0.0 } else { casting.ballots as f64 / seconds.max(f64::EPSILON) },
            agrees: all_there && same(&blank) && options.iter().all(same),
            options,
            blank,
            receipts: journal.path(),
        })
    }
}

/// Whether the same request may succeed later: nobody there, busy, or a fault of the server.
fn passes(error: &CallError) -> bool {
    match error {
        CallError::Unreachable(_) | CallError::Lost(_) => true,
        CallError::Refused(problem) => problem.is_busy() || problem.status >= 500,
        CallError::Malformed(_) | CallError::Local(_) => false,
    }
}

fn describe(answer: &Imported) -> String {
    let row = |compared: &Compared| {
        let word = match (compared.file == compared.server && compared.total.same, compared.elected) {
            (false, _) => "DIFFERS",
            (true, true) => "elected",
            (true, false) => "",
        };
        let total = compared.total.server.clone();
        [compared.name.clone(), compared.file.to_string(), compared.server.to_string(), total, word.to_owned()]
    };
    let rows = answer.options.iter().chain([&answer.blank]).map(row);
    let rate = format!("{} ballots in {:.1} s, {:.0} per second", answer.cast, answer.seconds, answer.ballots_per_second);
    let verdict =
        if answer.agrees { "The server's result is the count of the file." } else { "The server's result DIFFERS from the file." };
    format!(
        "{}\n{}\n{}\n{verdict}\n",
        answer.title,
        table(["option", "file", "server", "decided by", ""], rows),
        fields(&[
            ("election", answer.election.to_string()),
            ("ballots", answer.ballots.to_string()),
            ("cast now", rate),
            ("receipts", answer.receipts.display().to_string()),
        ])
    )
}
