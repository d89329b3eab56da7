//! `voting node`: one authority.

use std::path::PathBuf;

use serde::Serialize;
use voting_cluster::Node;
use voting_cluster::deploy::{Authority, DeployError, NodeSettings, Overrides};
use voting_cluster::node::NodeError;
use voting_core::Height;

use super::Context;
use crate::exit::{CliError, Result};
use crate::signals::{StepSignals, told_to_stop};

/// Run one authority of a network
///
/// An authority keeps a ledger of its own and agrees with the others on every block. Settings come from
/// the command line, the environment, the file, and defaults, in this order. SIGUSR1 steps its clock to what a quorum of the
/// authorities agrees on, where it is too far off to be moved there slowly.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  voting cluster init ./network               write keys and configurations first
  voting node --config ./network/authority-0.toml
  VOTING__REDIS__SERVERS=redis://10.0.0.5:6379 voting node --config authority-0.toml
  voting node --config authority-0.toml --set data=/var/lib/voting")]
pub(crate) struct Args {
    /// The configuration, as `voting cluster init` writes it
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Set one setting, over file and environment; may be given several times
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

/// What runs, for programs.
#[derive(Debug, Serialize)]
struct Started {
    authority: String,
    network: String,
    height: Height,
    process: u32,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<()> {
    let overrides = Overrides::parse(&args.set).map_err(config_wrong)?;
    let settings = NodeSettings::load(&args.config, &overrides).map_err(config_wrong)?;
    let authority = Authority::start(&settings).await.map_err(not_started)?;
    let started = Started {
        authority: authority.name().to_owned(),
        network: authority.genesis().network.clone(),
        height: authority.node().replica().state().height(),
        process: std::process::id(),
    };
    context.out.line(&started, || format!("{} of {} runs, at height {}", started.authority, started.network, started.height))?;
    let mut status = authority.node().status();
    let stopped_by_itself = tokio::select! {
        () = told_to_stop() => false,
        () = step_when_told(authority.node(), context) => false,
        () = async { while status.changed().await.is_ok() {} } => true,
    };
    context.out.note("stopping …");
    match authority.shutdown().await {
        Ok(()) if stopped_by_itself => Err(CliError::failure("the authority stopped by itself", "see the log for the reason")),
        Ok(()) => {
            context.out.note("stopped; everything recorded is on disk");
            Ok(())
        }
        Err(error) => Err(CliError::failure(error, "nothing recorded is lost; make a copy of its data before you start it again")),
    }
}

/// The operator's way to set a clock that is far off, without a restart.
async fn step_when_told(node: &Node, context: &Context) {
    let mut told = StepSignals::new();
    loop {
        told.next().await;
        match node.clock().step() {
            Ok(moved_us) => context.out.note(format!("the clock was stepped by {:+.1} ms", moved_us as f64 / 1_000.0)),
            Err(error) => context.out.note(format!("the clock was not stepped: {error}")),
        }
    }
}

pub(super) fn config_wrong(error: impl std::fmt::Display) -> CliError {
    CliError::usage(error, "mend the setting in the file, the environment (VOTING__…) or with --set")
}

pub(super) fn not_started(error: DeployError) -> CliError {
    let next = match &error {
        DeployError::Config(_) => return config_wrong(error),
        DeployError::Key(_) | DeployError::NotAnAuthority { .. } => {
            "give each machine the key that `voting cluster init` wrote for it"
        }
        DeployError::Redis(_) => "start Redis, or mend redis.servers; `redis-cli -u URL ping` tells whether it answers",
        DeployError::Ledger { .. } | DeployError::Node(NodeError::Ledger(_) | NodeError::Journal(_)) => {
            "if it runs already, stop that one; a damaged file is restored from a backup, never edited"
        }
        _ => "mend that and start again",
    };
    CliError::failure(error, next)
}
