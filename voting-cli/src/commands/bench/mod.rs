//! `voting bench`: how fast votes become final on this machine, beside the machine's own limits.
//!
//! Four authorities with ledgers on disk, every one verifying every signature; ballots are signed
//! before the clock starts. What is measured is the time from submission to finality.

mod deployed;
mod live;
mod load;

use std::fs::OpenOptions;
use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::{StreamExt as _, stream};
use rayon::prelude::*;
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::sync::watch;
use voting_cluster::embedded::{Embedded, EmbeddedConfig};
use voting_cluster::{EntryStatus, Replica};
use voting_core::Canonical as _;
use voting_core::ballot::{Ballot, Selection, SignedBallot};
use voting_core::crypto::{HashRng, SigningKey};
use voting_core::election::{
    Contest, CountMethodId, ElectionDefinition, Phase, ResultVisibility, RevoteRule, Secrecy, Timing, Trustee, Trustees,
};
use voting_core::entry::{Act, Certification, CertifiedVoter, Entry, MAX_CERTIFIED_PER_ENTRY, OfficerAct, TrusteeAct, TrusteeStep};
use voting_core::epoch::LeaderPolicy;
use voting_core::ids::{Digest, ElectionId, Pseudonym};
use voting_core::sealed::ceremony::{CeremonyPhase, Dealer};
use voting_core::seams::{BallotQueue, Clock};

use load::{Requests, put_all};

use super::{Context, dev};
use crate::exit::{CliError, Result};
use crate::output::table;

/// Nothing on this machine takes so long unless it stands still.
const PATIENCE: Duration = Duration::from_secs(60);
/// Sealed votes at most: sealing them takes longer than casting.
const SEALED_VOTES: usize = 5_000;
/// Trustees of a sealed election, and how many of them could decrypt.
const TRUSTEES: u8 = 5;
const THRESHOLD: u16 = 3;
/// Votes cast one after the other to see finality at light load.
const LIGHT_VOTES: usize = 200;
/// Strict verifications timed on one core.
const VERIFICATIONS: usize = 4_000;
/// Flushes timed.
const FLUSHES: usize = 300;

/// Measure votes per second and time to finality, beside the machine's own limits
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  voting bench
  voting bench --votes 50000 --in-flight 512 --output json
  voting bench --deployed                     processes on a Redis Cluster; needs redis-server
  voting bench --live 2000 --pace 500         who follows an election live, and what it costs; needs redis-server

The network runs in this process with its ledgers in a temporary folder. Figures of a debug build mean nothing.")]
pub(crate) struct Args {
    /// Votes to cast in each part
    #[arg(long, default_value_t = 20_000, value_name = "N", value_parser = clap::value_parser!(u32).range(1_000..=1_000_000))]
    votes: u32,
    /// Votes under way at a time, in process
    #[arg(long, default_value_t = 2_000, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    in_flight: u32,
    /// Requests under way at a time, over HTTP
    #[arg(long, default_value_t = 512, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=2_000))]
    http_in_flight: u32,
    /// Number of authorities
    #[arg(long, default_value_t = 4, value_name = "N")]
    authorities: usize,
    /// Who leads: round-robin, round-robin:VIEWS, fixed, or with --deployed also elected
    #[arg(long, default_value = "round-robin", value_name = "POLICY")]
    leader: LeaderPolicy,
    /// Measure a deployed network instead: authorities and two gateways as processes, on a Redis Cluster of three masters
    /// and three replicas that is started for it
    #[arg(long)]
    deployed: bool,
    /// Measure live updates: a deployed network with one gateway, so many WebSocket clients at it, and votes at a pace
    #[arg(long, value_name = "CLIENTS", conflicts_with = "deployed", value_parser = clap::value_parser!(u32).range(1..=20_000))]
    live: Option<u32>,
    /// Votes per second that arrive while live updates are measured
    #[arg(long, default_value_t = 500, value_name = "N", requires = "live", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pace: u32,
}

/// The machine's own limits.
#[derive(Debug, Clone, Copy, Serialize)]
struct Machine {
    cores: usize,
    verifications_per_second_and_core: f64,
    flushes_per_second: f64,
}

/// One part of the benchmark.
#[derive(Debug, Clone, Serialize)]
struct Part {
    name: &'static str,
    votes: usize,
    in_flight: usize,
    votes_per_second: f64,
    finality_ms_p50: f64,
    finality_ms_p99: f64,
    blocks: u64,
}

#[derive(Debug, Serialize)]
struct Figures {
    machine: Machine,
    authorities: usize,
    parts: Vec<Part>,
    /// Share of all cores that verifying every ballot at every authority takes at the measured rate.
    verification_share_in_process: f64,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<()> {
    if cfg!(debug_assertions) {
        context.out.warn("this is a debug build; build with --release before you believe a figure");
    }
    let folder = tempfile::tempdir().map_err(|error| CliError::failure(format!("no temporary folder: {error}"), "check TMPDIR"))?;
    context.out.note("measuring the machine …");
    let machine = measure_machine(folder.path())?;
    if let Some(clients) = args.live {
        return live::run(&args, clients as usize, machine, folder.path(), context).await;
    }
    if args.deployed {
        return deployed::run(&args, machine, folder.path(), context).await;
    }
    let config = EmbeddedConfig {
        data: Some(folder.path().join("network")),
        authorities: Some(args.authorities),
        leader: args.leader,
        ..EmbeddedConfig::default()
    };
    let network = Embedded::start(config).await.map_err(|error| CliError::failure(error, "choose another --authorities"))?;
    let network = Arc::new(network);

    let votes = args.votes as usize;
    context.out.note(format!("light load: {LIGHT_VOTES} votes, one after the other …"));
    let light = in_process(&network, "in process, light load", 1, LIGHT_VOTES, 1, Ballots::Open).await?;
    context.out.note(format!("full load: {votes} votes …"));
    let full = in_process(&network, "in process, full load", 2, votes, args.in_flight as usize, Ballots::Open).await?;
    let sealed = votes.min(SEALED_VOTES);
    context.out.note(format!("full load: {sealed} sealed votes …"));
    let sealed = in_process(&network, "in process, sealed", 4, sealed, args.in_flight as usize, Ballots::Sealed).await?;
    context.out.note(format!("over HTTP: {votes} votes …"));
    let http = over_http(&network, 3, votes, args.http_in_flight as usize).await?;

    let per_second = full.votes_per_second * args.authorities as f64;
    let figures = Figures {
        machine,
        authorities: args.authorities,
        verification_share_in_process: per_second / (machine.verifications_per_second_and_core * machine.cores as f64),
        parts: vec![light, full, http, sealed],
    };
    let shut = Arc::try_unwrap(network).map_err(|_| CliError::failure("the network is still in use", "report this"))?;
    shut.shutdown().await.map_err(|error| CliError::failure(error, "report this"))?;
    context.out.answer(&figures, || show(&figures))
}

fn show(figures: &Figures) -> String {
    let machine = figures.machine;
    let rows = figures.parts.iter().map(|part| {
        [
            part.name.to_owned(),
            part.votes.to_string(),
            part.in_flight.to_string(),
            format!("{:.0}", part.votes_per_second),
            format!("{:.1} ms", part.finality_ms_p50),
            format!("{:.1} ms", part.finality_ms_p99),
            format!("{:.1}", part.votes as f64 / part.blocks.max(1) as f64),
        ]
    });
    format!(
        "{}\nmachine: {} cores, {:.0} strict verifications/s per core, {:.0} flushes/s\n\
         {} authorities, each verifying every signature: at the full load that alone takes {:.0} % of all cores",
        table(["part", "votes", "in flight", "votes/s", "finality p50", "p99", "votes/block"], rows),
        machine.cores,
        machine.verifications_per_second_and_core,
        machine.flushes_per_second,
        figures.authorities,
        figures.verification_share_in_process * 100.0
    )
}

fn measure_machine(folder: &std::path::Path) -> Result<Machine> {
    let key = key(0, 0);
    let message = vec![7; 200];
    let signature = key.sign(&message);
    let started = Instant::now();
    let valid = (0..VERIFICATIONS).filter(|_| key.public().verify(std::hint::black_box(&message), &signature)).count();
    let verifying = started.elapsed();
    if valid != VERIFICATIONS {
        return Err(CliError::failure("a valid signature was refused", "report this"));
    }
    let failed =
        |error: std::io::Error| CliError::failure(format!("the temporary folder cannot be written: {error}"), "check TMPDIR");
    let mut file = OpenOptions::new().create(true).append(true).open(folder.join("flush")).map_err(failed)?;
    let started = Instant::now();
    for _ in 0..FLUSHES {
        file.write_all(&[7; 4_096]).and_then(|()| file.sync_data()).map_err(failed)?;
    }
    Ok(Machine {
        cores: std::thread::available_parallelism().map_or(1, usize::from),
        verifications_per_second_and_core: VERIFICATIONS as f64 / verifying.as_secs_f64(),
        flushes_per_second: FLUSHES as f64 / started.elapsed().as_secs_f64(),
    })
}

/// Where votes are cast: what is final there, the way in, and the office's keys.
struct Site {
    replica: Arc<Replica>,
    queue: Arc<dyn BallotQueue>,
    clock: Arc<dyn Clock>,
    officer: SigningKey,
    registrar: SigningKey,
}

impl Site {
    fn of(network: &Embedded) -> Self {
        Self {
            replica: Arc::clone(network.replica()),
            queue: network.queue(),
            clock: Arc::clone(network.clock()),
            officer: network.identity().officer.clone(),
            registrar: network.identity().registrar.clone(),
        }
    }

    async fn must(&self, entry: &Entry) -> Result<()> {
        let bytes = entry.to_bytes();
        let waiter = self.replica.watch(bytes.hash());
        self.queue.submit(bytes).await.map_err(|error| CliError::failure(error, "use a smaller --in-flight"))?;
        match waiter.wait(PATIENCE).await {
            EntryStatus::Final(_) => Ok(()),
            other => Err(CliError::failure(format!("an entry did not become final: {other:?}"), "report this")),
        }
    }

    /// The office's next act in an election.
    async fn act(&self, election: ElectionId, act: Act) -> Result<()> {
        let state = self.replica.state();
        let sequence = state.election(election).map_or(0, |election| election.acts().len()) as u32 + 1;
        let act = OfficerAct { chain: state.chain(), election, sequence, act, officer: self.officer.public() };
        self.must(&Entry::act(act, &self.officer)).await
    }

    /// Carries a key ceremony through, with all its trustees.
    async fn hold_ceremony(&self, id: ElectionId) -> Result<()> {
        loop {
            let state = self.replica.state();
            let sealed = state.election(id).and_then(|election| election.sealed());
            let ceremony = sealed.map(|sealed| sealed.ceremony()).filter(|ceremony| ceremony.phase() != CeremonyPhase::Done);
            let Some(ceremony) = ceremony else { return Ok(()) };
            for key in (1..=TRUSTEES).map(trustee_key) {
                let failed = |error| CliError::failure(error, "report this");
                let dealer = Dealer::of_key(&ceremony.record().setup, key.clone()).map_err(failed)?;
                let Some(message) = dealer.next_step(ceremony).map_err(failed)? else { continue };
                let step = TrusteeStep::Ceremony(Box::new(message));
                let act = TrusteeAct { chain: state.chain(), election: id, step, trustee: key.public() };
                self.must(&Entry::trustee(act, &key)).await?;
            }
        }
    }
}

fn key(election: u8, voter: usize) -> SigningKey {
    SigningKey::from_seed(Digest::of_parts("voting/bench-key/v1", &[&[election], &(voter as u64).to_le_bytes()]).0)
}

/// What the ballots of a part are like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ballots {
    /// One mark of two.
    Open,
    /// One mark of five, sealed.
    Sealed,
}

/// The key of a trustee of a sealed election, numbered from 1.
fn trustee_key(number: u8) -> SigningKey {
    SigningKey::from_seed(Digest::of_parts("voting/bench-trustee/v1", &[&[number]]).0)
}

impl Ballots {
    fn options(self) -> &'static [&'static str] {
        match self {
            Self::Open => &["A", "B"],
            Self::Sealed => &["A", "B", "C", "D", "E"],
        }
    }

    fn secrecy(self) -> Secrecy {
        match self {
            Self::Open => Secrecy::Open,
            Self::Sealed => {
                let trustee = |number| Trustee { name: format!("Trustee {number}"), key: trustee_key(number).public() };
                let trustees = (1..=TRUSTEES).map(trustee).collect();
                Secrecy::Sealed(Trustees { threshold: THRESHOLD, min_ballots: 1, trustees })
            }
        }
    }
}

/// Sets up an open election and signs a ballot for each voter.
async fn prepare(site: &Site, number: u8, voters: usize, kind: Ballots) -> Result<(ElectionId, Vec<SignedBallot>)> {
    let now = site.clock.now();
    let definition = ElectionDefinition {
        id: ElectionId([number; 16]),
        title: format!("Benchmark {number}"),
        description: String::new(),
        contests: vec![Contest {
            allow_blank: false,
            ..Contest::new("Which one?", CountMethodId::Plurality, kind.options().iter().copied())
        }],
        opens_at: now,
        closes_at: now.saturating_add(Duration::from_secs(86_400)),
        timing: Timing::Officer,
        revote: RevoteRule::FirstCounts,
        secrecy: kind.secrecy(),
        results: ResultVisibility::Public,
        registrar: site.registrar.public(),
        created_by: "Benchmark".to_owned(),
    };
    let id = definition.id;
    let chain = site.replica.state().chain();
    let context = definition.context(chain);
    let advance = |to| Act::Advance { to };
    site.act(id, Act::Define(definition)).await?;
    site.act(id, Act::SetRoll { size: voters as u64 }).await?;
    site.act(id, advance(Phase::Ready)).await?;
    if kind == Ballots::Sealed {
        site.hold_ceremony(id).await?;
    }
    site.act(id, advance(Phase::Scheduled)).await?;
    site.act(id, advance(Phase::Open)).await?;
    let keys: Vec<SigningKey> = (0..voters).into_par_iter().map(|voter| key(number, voter)).collect();
    let certified: Vec<CertifiedVoter> = keys
        .par_iter()
        .map(|key| CertifiedVoter {
            pseudonym: Pseudonym(Digest::of_parts("voting/bench-voter/v1", &[&key.public().0]).0),
            key: key.public(),
            weight: 1,
        })
        .collect();
    for some in certified.chunks(MAX_CERTIFIED_PER_ENTRY) {
        let content = Certification { chain, election: id, voters: some.to_vec(), registrar: site.registrar.public() };
        site.must(&Entry::certify(content, &site.registrar)).await?;
    }
    let sealer = site.replica.state().election(id).and_then(|election| election.sealer());
    if kind == Ballots::Sealed && sealer.is_none() {
        return Err(CliError::failure("the ceremony made no key", "report this"));
    }
    let ballots = keys.par_iter().enumerate().map(|(voter, key)| {
        let selections = vec![Selection::Marks(vec![(voter % kind.options().len()) as u16])];
        let Some(sealer) = &sealer else {
            return Ok(Ballot { election: id, context, voter: key.public(), sequence: 1, selections }.sign(key));
        };
        let mut rng = HashRng::new(&key.to_seed());
        let sealed =
            sealer.seal(key.public(), 1, &selections, &mut rng).map_err(|error| CliError::failure(error, "report this"))?;
        Ok(sealed.cast(key))
    });
    Ok((id, ballots.collect::<Result<_>>()?))
}

async fn in_process(
    network: &Arc<Embedded>,
    name: &'static str,
    number: u8,
    votes: usize,
    in_flight: usize,
    ballots: Ballots,
) -> Result<Part> {
    let site = Arc::new(Site::of(network));
    let (id, ballots) = prepare(&site, number, votes, ballots).await?;
    let first_block = site.replica.state().height().0;
    let started = Instant::now();
    let latencies: Vec<Result<Duration>> = stream::iter(ballots)
        .map(|ballot| {
            let site = Arc::clone(&site);
            async move {
                let submitted = Instant::now();
                site.must(&Entry::Cast(ballot)).await?;
                Ok(submitted.elapsed())
            }
        })
        .buffer_unordered(in_flight)
        .collect()
        .await;
    let took = started.elapsed();
    let latencies = latencies.into_iter().collect::<Result<Vec<_>>>()?;
    part(&site.replica, name, id, in_flight, took, first_block, latencies).await
}

async fn over_http(network: &Arc<Embedded>, number: u8, votes: usize, in_flight: usize) -> Result<Part> {
    let site = Site::of(network);
    let failed = |error: &dyn std::fmt::Display| CliError::failure(format!("over HTTP: {error}"), "use a smaller --http-in-flight");
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(|error| failed(&error))?;
    let address = listener.local_addr().map_err(|error| failed(&error))?;
    let (stop, stopping) = watch::channel(false);
    let server = tokio::spawn(voting_gateway::serve(listener, dev::gateway(network, Vec::new()), stopping));
    let part = cast_over_http(&site, "over HTTP, full load", &[format!("http://{address}")], number, votes, in_flight).await;
    let _ = stop.send(true); // the server may have ended by itself
    let _ = tokio::time::timeout(PATIENCE, server).await;
    part
}

/// Casts votes over HTTP, at several gateways in turn.
async fn cast_over_http(
    site: &Site,
    name: &'static str,
    gateways: &[String],
    number: u8,
    votes: usize,
    in_flight: usize,
) -> Result<Part> {
    let (id, ballots) = prepare(site, number, votes, Ballots::Open).await?;
    let bodies: Vec<String> = ballots
        .par_iter()
        .map(|ballot| serde_json::json!({"ballot": STANDARD.encode(ballot.to_canonical())}).to_string())
        .collect();
    let failed = |error: &dyn std::fmt::Display| CliError::failure(format!("over HTTP: {error}"), "use a smaller --http-in-flight");
    until_known(gateways, id, votes).await?;
    let address = |url: &String| url.strip_prefix("http://").unwrap_or(url).trim_end_matches('/').to_owned();
    let servers: Vec<_> = gateways.iter().map(|url| Requests { address: address(url), path: format!("/votes/{id}") }).collect();

    let first_block = site.replica.state().height().0;
    let started = Instant::now();
    let latencies = put_all(&servers, bodies, in_flight, None).await.map_err(|error| failed(&error))?;
    let took = started.elapsed();
    part(&site.replica, name, id, in_flight, took, first_block, latencies).await
}

/// Gateways follow a moment behind: waits until each knows that the election is open and every voter certified.
async fn until_known(gateways: &[String], id: ElectionId, voters: usize) -> Result<()> {
    let failed = |error: &dyn std::fmt::Display| CliError::failure(error, "report this");
    let base = gateways.first().and_then(|url| reqwest::Url::parse(url).ok()).ok_or_else(|| failed(&"no gateway"))?;
    let client = crate::client::with_tls(reqwest::Client::builder(), &base).build().map_err(|error| failed(&error))?;
    let started = Instant::now();
    for gateway in gateways {
        loop {
            let answer = client.get(format!("{gateway}/elections/{id}")).send().await;
            let text = match answer {
                Ok(answer) => answer.text().await.unwrap_or_default(),
                Err(_) => String::new(), // it is asked again
            };
            let is_ready = serde_json::from_str::<serde_json::Value>(&text)
                .is_ok_and(|shown| shown["phase"] == "open" && shown["certified"].as_u64() == Some(voters as u64));
            if is_ready {
                break;
            }
            if started.elapsed() > PATIENCE {
                return Err(CliError::failure(format!("{gateway} does not know the election: {text}"), "report this"));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    Ok(())
}

/// Checks that every vote counts, and sums up. A gateway may have answered before this process has followed.
async fn part(
    replica: &Replica,
    name: &'static str,
    id: ElectionId,
    in_flight: usize,
    took: Duration,
    first_block: u64,
    mut latencies: Vec<Duration>,
) -> Result<Part> {
    latencies.sort_unstable();
    let mut heights = replica.heights();
    let counted = || replica.state().election(id).map_or(0, |election| election.voted());
    let all = async { while counted() < latencies.len() as u64 && heights.changed().await.is_ok() {} };
    let _ = tokio::time::timeout(PATIENCE, all).await; // what is missing then is told below
    let (state, counted) = (replica.state(), counted());
    if counted != latencies.len() as u64 {
        return Err(CliError::failure(format!("{counted} votes count, {} were acknowledged", latencies.len()), "report this"));
    }
    let at = |share: f64| {
        latencies.get(((latencies.len() - 1) as f64 * share) as usize).map_or(0.0, |latency| latency.as_secs_f64() * 1e3)
    };
    Ok(Part {
        name,
        votes: latencies.len(),
        in_flight,
        votes_per_second: latencies.len() as f64 / took.as_secs_f64(),
        finality_ms_p50: at(0.5),
        finality_ms_p99: at(0.99),
        blocks: state.height().0 - first_block,
    })
}
