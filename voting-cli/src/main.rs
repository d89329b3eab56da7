//! The command `voting`: run elections, vote, and verify them without trusting a server.
//!
//! ```text
//!  args ──▶ commands/<name> ──▶ client (HTTP)          ──▶ output (stdout: results, stderr: the rest)
//!                          └──▶ state (private files)  └──▶ exit (documented codes)
//! ```
//!
//! Commands that talk to a server go through [`client`]; commands that verify work offline, with
//! nothing but files and the genesis pinned at first contact.

mod api;
mod args;
mod cast;
mod client;
mod commands;
mod exit;
mod keys;
mod output;
mod pinned;
mod sealing;
mod session;
mod signals;
mod state;
mod wallet;

use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::Parser as _;

use crate::args::Cli;
use crate::exit::{CliError, Result};
use crate::output::Output;

/// Entries, blocks and the nodes of persistent maps are allocated on one thread and freed on another, all the time, which
/// the system's allocator is slow at: a quarter of a gateway's time (docs/performance.md).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let Cli { global, command } = Cli::parse(); // on a usage error clap prints it and exits with 2
    let out = Output::new(global.output, global.quiet, global.verbose);
    log_to_stderr(if command.is_service() { "info" } else { "warn" });
    match run(global, command, out) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            out.error(&error);
            ExitCode::from(&error)
        }
    }
}

/// What the libraries have to say, to stderr: as much as usual for the command, or what RUST_LOG asks for.
fn log_to_stderr(usual: &str) {
    let filter =
        tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(usual));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
}

fn run(global: args::Global, command: args::Command, out: Output) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|error| {
        CliError::failure(format!("the runtime cannot start: {error}"), "check the limits on threads (ulimit -u)")
    })?;
    runtime.block_on(commands::run(command, commands::Context { url: global.url, out }))
}
