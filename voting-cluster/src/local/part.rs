//! The parts of a deployed network as processes on this machine.

use std::path::Path;

use super::{Process, Spawn};

/// Starts an authority (`node`) or a gateway (`gateway`) with its configuration and further settings (`KEY=VALUE`).
/// The log stands beside the configuration.
///
/// # Panics
/// If it cannot be started.
#[must_use]
pub fn start_part(program: &Path, command: &str, config: &Path, set: &[&str]) -> Process {
    let name = config.file_stem().map_or_else(|| command.to_owned(), |stem| stem.to_string_lossy().into_owned());
    let mut args = vec![command.to_owned(), "--config".to_owned(), config.display().to_string()];
    args.extend(set.iter().map(|setting| format!("--set={setting}")));
    let env = vec![("RUST_BACKTRACE".to_owned(), "1".to_owned())];
    Process::start(Spawn { name, program, args, env, log: &config.with_extension("log") })
}
