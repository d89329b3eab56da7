//! `voting dev`: a whole network in this process, for trying out and for demonstrations.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::net::TcpListener;
use tokio::sync::watch;
use voting_cluster::embedded::{Embedded, EmbeddedConfig, EmbeddedError};
use voting_cluster::local::{RedisServers, redis_server};
use voting_cluster::redis::{Namespace, RedisConfig, RedisConfigError};
use voting_core::board::VerifierKey;
use voting_core::epoch::QuorumRule;
use voting_core::ids::PartitionId;
use voting_gateway::{Backend, Config, GatewayState, Limits, demo, scheduler, serve};

use super::Context;
use crate::exit::{CliError, Result};
use crate::output::fields;
use crate::signals::told_to_stop;
use crate::state;

/// How long the gateway may take to finish its requests at the end.
const SHUTDOWN: Duration = Duration::from_secs(15);
/// Everyone on one machine shares one address, imports included.
const CONNECTIONS: usize = 4_096;

/// Start a whole network on this machine: four authorities, the gateway, demo accounts and elections
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  voting dev                                  http://localhost:8000; goes on where it stopped
  voting dev --ephemeral --port 8080          nothing is kept
  voting dev --authorities 7 --quorum majority --data ./network
  voting dev --redis auto                     queue, accounts and sessions on a Redis Cluster of its own

Three elections are open in the demonstration; the ballots of one are sealed, and its trustees are simulated by this process. So are those
of elections that you create and that name no trustees.

Accounts of the demonstration: alice@example.com (alicepass), bob@example.com (bobpass),
carol@example.com (carolpass), and the administrator admin@example.com (adminpass).")]
pub(crate) struct Args {
    /// Port to listen on; 0 takes any free one
    #[arg(long, default_value_t = 8000, value_name = "PORT")]
    port: u16,
    /// Address to listen on; the demonstration is for this machine only unless you say otherwise
    #[arg(long, default_value = "127.0.0.1", value_name = "ADDRESS")]
    host: IpAddr,
    /// Where ledgers, accounts and keys are kept; by default in the state directory
    #[arg(long, value_name = "DIR", conflicts_with = "ephemeral")]
    data: Option<PathBuf>,
    /// Keep nothing: everything is gone when it stops
    #[arg(long)]
    ephemeral: bool,
    /// Number of authorities of a new network; 4 if left out
    #[arg(long, value_name = "N")]
    authorities: Option<usize>,
    /// How many authorities make a quorum: byzantine (the default), majority, or a number
    #[arg(long, value_name = "RULE")]
    quorum: Option<QuorumRule>,
    /// Put queue and store on Redis: `auto` starts a cluster of three masters and three replicas for as long as this runs,
    /// a URL takes a cluster or server that is there; may be given several times
    #[arg(long, value_name = "auto|URL")]
    redis: Vec<String>,
    /// Keep cosignatures of this witness below checkpoints: its key as `voting witness key` prints it; may be given several times
    #[arg(long, value_name = "KEY")]
    witness: Vec<VerifierKey>,
}

/// Where it runs, for programs.
#[derive(Debug, Serialize)]
struct Started {
    url: String,
    genesis: String,
    authorities: usize,
    quorum: u16,
    data: Option<PathBuf>,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<()> {
    let data = match (&args.data, args.ephemeral) {
        (_, true) => None,
        (Some(dir), false) => Some(dir.clone()),
        (None, false) => Some(state::root()?.join("dev")),
    };
    let listener = TcpListener::bind((args.host, args.port)).await.map_err(|error| {
        CliError::failure(
            format!("port {} on {} cannot be listened on: {error}", args.port, args.host),
            "stop what is using it, or choose another with --port",
        )
    })?;
    let address = listener.local_addr().map_err(|error| CliError::failure(error, "try again"))?;

    let (_servers, redis) = redis(&args.redis, context).await?;
    context.out.note("starting the authorities …");
    let config = EmbeddedConfig {
        redis,
        data: data.clone(),
        network: "voting dev".to_owned(),
        authorities: args.authorities,
        quorum: args.quorum,
        ..EmbeddedConfig::default()
    };
    let network = Embedded::start(config).await.map_err(|error| not_started(&error))?;
    let gateway = gateway(&network, args.witness.clone());
    demo::seed(&gateway).await.map_err(|problem| {
        CliError::failure(
            format!("the demonstration cannot be set up: {problem:?}"),
            "start again; with --ephemeral if it stays so",
        )
    })?;

    let (stop, stopping) = watch::channel(false);
    let server = tokio::spawn(serve(listener, gateway.clone(), stopping.clone()));
    let trustees = tokio::spawn(demo::run_trustees(gateway.clone(), stopping.clone()));
    let scheduler = tokio::spawn(scheduler::run(gateway, stopping));
    let keeps = data.is_some();
    announce(context, &network, &format!("http://{}:{}", shown_host(address.ip()), address.port()), data)?;

    let ended = tokio::select! {
        () = told_to_stop() => Ok(()),
        name = authority_stopped(&network) => Err(name),
    };
    context.out.note("stopping …");
    let _ = stop.send(true); // the server may have ended by itself
    let _ = tokio::time::timeout(SHUTDOWN, async { tokio::join!(server, scheduler, trustees) }).await;
    let shut = network.shutdown().await;
    match (ended, shut) {
        (Ok(()), Ok(())) => {
            context.out.note(if keeps { "stopped; everything recorded is on disk" } else { "stopped; nothing was kept" });
            Ok(())
        }
        (_, Err(error)) => Err(CliError::failure(
            format!("an authority stopped: {error}"),
            "nothing recorded is lost; make a copy of the data folder before you start it again",
        )),
        (Err(name), Ok(())) => Err(CliError::failure(format!("{name} stopped by itself"), "run with RUST_LOG=info to see why")),
    }
}

/// Where Redis is, and the servers started for it, which end when they are dropped.
pub(crate) async fn redis(given: &[String], context: &Context) -> Result<(Option<RedisServers>, Option<RedisConfig>)> {
    if given.is_empty() {
        return Ok((None, None));
    }
    let wrong = |error: RedisConfigError| CliError::usage(error, "write --redis auto, or --redis redis://HOST:PORT");
    let namespace = Namespace::new("voting").map_err(wrong)?;
    if given != ["auto"] {
        return RedisConfig::new(given, namespace).map(|config| (None, Some(config))).map_err(wrong);
    }
    if redis_server().is_none() {
        return Err(CliError::failure("redis-server is not installed", "install it with: sudo apt-get install -y redis-server"));
    }
    context.out.note("starting a Redis Cluster of three masters and three replicas …");
    let started = tokio::task::spawn_blocking(|| RedisServers::cluster(3)).await;
    let servers = started.map_err(|error| CliError::failure(format!("the Redis Cluster does not start: {error}"), "see above"))?;
    let config = RedisConfig::new(servers.urls(), namespace).map_err(wrong)?;
    Ok((Some(servers), Some(config)))
}

/// The gateway of an embedded network, with limits for a single machine.
pub(crate) fn gateway(network: &Embedded, witnesses: Vec<VerifierKey>) -> GatewayState {
    let identity = network.identity();
    let backend = Backend {
        genesis: Arc::new(identity.genesis.clone()),
        partition: PartitionId(0),
        replica: Arc::clone(network.replica()),
        ledger: Arc::clone(&network.ledgers()[0]),
        queue: network.queue(),
        store: Arc::clone(network.store()),
        clock: Arc::clone(network.nodes()[0].clock()) as _,
        officer: identity.officer.clone(),
        registrar: identity.registrar.clone(),
        pseudonym_secret: identity.pseudonym_secret,
        network: network.view(),
        checks: vec![("authorities", network.health())],
    };
    let limits = Limits {
        connections_per_address: CONNECTIONS,
        connections: CONNECTIONS,
        sockets: CONNECTIONS,
        sockets_per_address: CONNECTIONS,
        ..Limits::default()
    };
    let config = Config {
        name: "gateway".to_owned(),
        is_demo: true,
        limits,
        secure_cookies: false,
        office: "Demo Administrator".to_owned(),
        witnesses,
        trustees: Some(demo::trustees(&identity.pseudonym_secret)),
        ..Config::default()
    };
    GatewayState::new(backend, config)
}

fn not_started(error: &EmbeddedError) -> CliError {
    let next = match error {
        EmbeddedError::Config(_) => "choose other values for --authorities and --quorum",
        EmbeddedError::Redis(_) => "start Redis, or give its right address with --redis",
        EmbeddedError::Mismatch { .. } => "leave the option out, or give another folder with --data",
        EmbeddedError::Ledger { .. } | EmbeddedError::Store(_) => {
            "if another `voting dev` uses this folder, stop it or give another folder with --data; a damaged file is restored from a backup"
        }
        _ => "mend that and start again; with --ephemeral nothing is read from disk",
    };
    CliError::failure(error, next)
}

fn shown_host(address: IpAddr) -> String {
    match address {
        address if address.is_loopback() || address.is_unspecified() => "localhost".to_owned(),
        IpAddr::V6(address) => format!("[{address}]"),
        IpAddr::V4(address) => address.to_string(),
    }
}

fn announce(context: &Context, network: &Embedded, url: &str, data: Option<PathBuf>) -> Result<()> {
    use voting_core::Canonical as _;
    let genesis = &network.identity().genesis;
    let epoch = &genesis.epoch;
    let started = Started {
        url: url.to_owned(),
        genesis: genesis.digest().to_string(),
        authorities: epoch.len(),
        quorum: epoch.quorum,
        data: data.clone(),
    };
    let kept = data.map_or_else(|| "nothing; all is gone when it stops".to_owned(), |dir| dir.display().to_string());
    context.out.line(&started, || {
        let rows = [
            ("address", url.to_owned()),
            ("API", format!("{url}/docs")),
            (
                "authorities",
                format!(
                    "{}, a quorum is {}: safe with {} lying, goes on with {} down",
                    epoch.len(),
                    epoch.quorum,
                    epoch.byzantine_safe(),
                    epoch.down_tolerated()
                ),
            ),
            ("genesis", started.genesis.clone()),
            ("kept in", kept),
            ("voters", "alice@example.com (alicepass), bob@example.com (bobpass), carol@example.com (carolpass)".to_owned()),
            ("admin", "admin@example.com (adminpass)".to_owned()),
        ];
        format!(
            "\n  DEMONSTRATION – every key is on this machine and every password is known. Not for a real election.\n\n{}\nStop with Ctrl-C.",
            fields(&rows)
        )
    })
}

/// The name of the first authority that stops by itself.
async fn authority_stopped(network: &Embedded) -> String {
    loop {
        for (node, authority) in network.nodes().iter().zip(&network.identity().genesis.epoch.authorities) {
            if node.is_finished() {
                return authority.name.clone();
            }
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
