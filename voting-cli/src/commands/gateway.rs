//! `voting gateway`: one of any number of gateways.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::net::TcpListener;
use tokio::sync::watch;
use voting_cluster::deploy::{GatewayParts, GatewaySettings, Overrides, TrusteesSettings};
use voting_cluster::leadership::{DEFAULT_LEASE, Leadership};
use voting_cluster::lock::LockGuard;
use voting_core::Height;
use voting_gateway::backup::schedule as backups;
use voting_gateway::{Backend, Config, GatewayState, Limits, demo, scheduler, serve};

use super::Context;
use super::node::{config_wrong, not_started};
use crate::exit::{CliError, Result};
use crate::signals::told_to_stop;

/// How long the gateway may take to finish its requests at the end.
const SHUTDOWN: Duration = Duration::from_secs(15);
/// How long the authorities may take to answer at the start, before the gateway opens its doors anyway.
const CATCH_UP: Duration = Duration::from_secs(20);
/// How long the demonstration takes to be set up, at most.
const SEEDING: Duration = Duration::from_secs(120);

/// Run a gateway: the web application and the API
///
/// Gateways hold nothing that cannot be had again: any number of them serve the same network, and each can be
/// stopped and started at any time. Settings come from the command line, the environment, the file, and
/// defaults, in this order.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  voting gateway --config ./network/gateway-0.toml
  voting gateway --config gateway-0.toml --listen 0.0.0.0:8080
  VOTING__OFFICE=\"City of Example\" voting gateway --config gateway-0.toml")]
pub(crate) struct Args {
    /// The configuration, as `voting cluster init` writes it
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Address to listen on, instead of the configured one
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// Set one setting, over file and environment; may be given several times
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

/// Where it runs, for programs.
#[derive(Debug, Serialize)]
struct Started {
    gateway: String,
    url: String,
    network: String,
    height: Height,
    process: u32,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<()> {
    let overrides = Overrides::parse(&args.set).map_err(config_wrong)?;
    let mut settings = GatewaySettings::load(&args.config, &overrides).map_err(config_wrong)?;
    settings.listen = args.listen.unwrap_or(settings.listen);
    let listener = TcpListener::bind(settings.listen).await.map_err(|error| {
        CliError::failure(
            format!("{} cannot be listened on: {error}", settings.listen),
            "stop what is using it, or choose another with --listen",
        )
    })?;
    let address = listener.local_addr().map_err(|error| CliError::failure(error, "try again"))?;
    let parts = GatewayParts::start(&settings).await.map_err(not_started)?;
    catch_up(&parts, context).await;
    let state = GatewayState::new(backend(&parts), config(&settings, &parts));

    if settings.demo {
        seed(&parts, &state).await?;
    }
    let (stop, stopping) = watch::channel(false);
    let server = tokio::spawn(serve(listener, state.clone(), stopping.clone()));
    let (_fitness, fit) = watch::channel(true);
    let leadership = Leadership::run_for(Arc::clone(&parts.locks), "scheduler", DEFAULT_LEASE, fit);
    let scheduler = tokio::spawn(schedule(state, (backup_plan(&settings), settings.demo), leadership, stopping));
    let started = Started {
        gateway: settings.name.clone(),
        url: format!("http://{address}"),
        network: parts.genesis.network.clone(),
        height: parts.follower.replica().state().height(),
        process: std::process::id(),
    };
    context.out.line(&started, || format!("{} of {} serves {}", started.gateway, started.network, started.url))?;

    let mut heights = parts.follower.replica().heights();
    let follower_ended = tokio::select! {
        () = told_to_stop() => false,
        () = follower_ended(&parts, &mut heights) => true,
    };
    context.out.note("stopping …");
    let _ = stop.send(true); // the server may have ended by itself
    let _ = tokio::time::timeout(SHUTDOWN, async { tokio::join!(server, scheduler) }).await;
    match parts.follower.shutdown().await {
        Ok(()) if follower_ended => Err(CliError::failure("following the authorities has ended", "see the log for the reason")),
        Ok(()) => Ok(()),
        Err(error) => Err(CliError::failure(error, "delete its data folder, which is only a cache, and start it again")),
    }
}

/// Waits until the gateway knows what is final, as far as the authorities can be asked.
async fn catch_up(parts: &GatewayParts, context: &Context) {
    let (mut source, mut heights) = (parts.follower.source(), parts.follower.replica().heights());
    let caught_up = async {
        loop {
            let (answers, head) = {
                let source = source.borrow_and_update();
                (source.answers, source.head)
            };
            if answers && *heights.borrow_and_update() >= head {
                return;
            }
            tokio::select! {
                _ = source.changed() => {}
                _ = heights.changed() => {}
            }
        }
    };
    if tokio::time::timeout(CATCH_UP, caught_up).await.is_err() {
        context.out.note("no authority has answered yet; the gateway starts with what it has");
    }
}

fn backend(parts: &GatewayParts) -> Backend {
    Backend {
        genesis: Arc::clone(&parts.genesis),
        partition: parts.partition,
        replica: Arc::clone(parts.follower.replica()),
        ledger: Arc::clone(&parts.ledger),
        queue: Arc::clone(&parts.queue),
        store: Arc::clone(&parts.store),
        clock: Arc::clone(&parts.clock) as _,
        officer: parts.officer.clone(),
        registrar: parts.registrar.clone(),
        pseudonym_secret: parts.pseudonym_secret,
        network: parts.view(),
        checks: vec![("authorities", parts.health())],
    }
}

fn config(settings: &GatewaySettings, parts: &GatewayParts) -> Config {
    let limits = Limits {
        connections: settings.connections,
        connections_per_address: settings.connections_per_address,
        sockets: settings.sockets,
        sockets_per_address: settings.sockets_per_address,
        ..Limits::default()
    };
    let simulated = settings.demo.then(|| demo::trustees(&parts.pseudonym_secret));
    Config {
        name: settings.name.clone(),
        is_demo: settings.demo,
        limits,
        secure_cookies: settings.secure_cookies,
        allowed_origins: settings.allowed_origins.clone(),
        witnesses: settings.witnesses.clone(),
        trustees: settings.trustees.as_ref().map(TrusteesSettings::trustees).or(simulated),
        office: settings.office.clone(),
        ..Config::default()
    }
}

/// Sets the demonstration up; of several gateways one after the other, so that they do not collide.
async fn seed(parts: &GatewayParts, state: &GatewayState) -> Result<()> {
    let failed = |what: String| {
        CliError::failure(format!("the demonstration cannot be set up: {what}"), "start the authorities, then try again")
    };
    let guard = LockGuard::acquire(Arc::clone(&parts.locks), "demonstration", DEFAULT_LEASE, SEEDING)
        .await
        .map_err(|error| failed(error.to_string()))?;
    let seeded = guard.run(demo::seed(state)).await.map_err(|error| failed(error.to_string()))?;
    seeded.map_err(|problem| failed(format!("{problem:?}")))
}

/// When and where this gateway makes backups, if it does.
fn backup_plan(settings: &GatewaySettings) -> Option<backups::Plan> {
    let backup = settings.backup.as_ref()?;
    let every = Duration::from_secs(u64::from(backup.every_hours) * 3_600);
    Some(backups::Plan { folder: backup.folder.clone(), every, keep: backup.keep })
}

/// Opens and closes elections, makes backups, and plays the demonstration's trustees, as long as this gateway is the one that does.
async fn schedule(
    state: GatewayState,
    (plan, is_demo): (Option<backups::Plan>, bool),
    leadership: Leadership,
    mut stopping: watch::Receiver<bool>,
) {
    let mut leading = leadership.leading();
    loop {
        tokio::select! {
            _ = stopping.wait_for(|stop| *stop) => return,
            led = leading.wait_for(|leading| leading.token.is_some()) => if led.is_err() { return },
        }
        let (stop, stopped) = watch::channel(false);
        let elections = tokio::spawn(scheduler::run(state.clone(), stopped.clone()));
        let trustees = is_demo.then(|| tokio::spawn(demo::run_trustees(state.clone(), stopped.clone())));
        let backups = plan.clone().map(|plan| tokio::spawn(backups::run(state.clone(), plan, stopped)));
        tokio::select! {
            _ = stopping.wait_for(|stop| *stop) => {}
            _ = leading.wait_for(|leading| leading.token.is_none()) => {}
        }
        let _ = stop.send(true); // all end with their step at hand
        let _ = elections.await;
        for task in [trustees, backups].into_iter().flatten() {
            let _ = task.await;
        }
    }
}

async fn follower_ended(parts: &GatewayParts, heights: &mut watch::Receiver<Height>) {
    while !parts.follower.is_finished() {
        let _ = tokio::time::timeout(Duration::from_secs(1), heights.changed()).await; // looked at now and then
    }
}
