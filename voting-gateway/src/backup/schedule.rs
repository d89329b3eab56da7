//! Backups at regular times, made by whichever gateway runs the schedule of elections.
//!
//! What is due follows from the files in the folder and the clock: nothing is remembered, so that a restart or another
//! leader on the same folder makes no backup too many. A failure is logged and counted, and tried again later; it never
//! takes the gateway out of service.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::watch;
use tracing::{info, warn};
use voting_core::codec::Canonical as _;
use voting_core::ids::Digest;
use voting_core::time::Timestamp;

use super::file::Reader;
use super::{About, BackupError, Summary, blocking, create};
use crate::state::GatewayState;

/// How often the clock is looked at: a backup may be late by this much.
const TICK: Duration = Duration::from_secs(30);
/// Time from a first failure to the next attempt; it doubles with each further failure.
const RETRY_FIRST: Duration = Duration::from_secs(60);
/// Longest time to the next attempt: a disk that has room again is noticed within the hour.
const RETRY_MAX: Duration = Duration::from_secs(3_600);
/// Digits of the genesis in a file's name: networks may share a folder.
const GENESIS_DIGITS: usize = 8;
const ENDING: &str = ".backup";

/// Where and how often to make backups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The folder; made if it is missing.
    pub folder: PathBuf,
    /// Time from one backup to the next.
    pub every: Duration,
    /// How many to keep, at least 1.
    pub keep: usize,
}

/// A [`Plan`] being carried out.
#[derive(Debug)]
pub struct Schedule {
    plan: Plan,
    failures: u32,
    /// Monotonic time of the next attempt after a failure.
    not_before: Duration,
}

/// Makes backups until `stop` becomes true.
pub async fn run(state: GatewayState, plan: Plan, mut stop: watch::Receiver<bool>) {
    let mut schedule = Schedule::new(plan);
    loop {
        let step = async {
            schedule.look(&state).await;
            tokio::time::sleep(TICK).await;
        };
        tokio::select! {
            () = step => {} // dropped half-way it leaves no file behind
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

impl Schedule {
    /// Nothing has failed yet.
    #[must_use]
    pub const fn new(plan: Plan) -> Self {
        Self { plan, failures: 0, not_before: Duration::ZERO }
    }

    /// Makes a backup if one is due, then deletes the oldest beyond those to be kept. Returns what came of it, or
    /// `None` if none was due.
    pub async fn look(&mut self, state: &GatewayState) -> Option<Result<Summary, BackupError>> {
        let clock = &state.backend().clock;
        if clock.monotonic() < self.not_before {
            return None;
        }
        let done = self.make_if_due(state, clock.now()).await;
        match &done {
            Ok(None) => return None,
            Ok(Some(made)) => {
                info!(accounts = made.accounts, voters = made.voters, bytes = made.bytes, "a backup was made");
                (self.failures, self.not_before) = (0, Duration::ZERO);
            }
            Err(error) => {
                let wait = retry_after(self.failures);
                warn!(%error, "no backup was made; it will be tried again in {} s", wait.as_secs());
                metrics::counter!("backup_failures_total").increment(1);
                (self.failures, self.not_before) = (self.failures.saturating_add(1), clock.monotonic().saturating_add(wait));
            }
        }
        done.transpose()
    }

    async fn make_if_due(&self, state: &GatewayState, now: Timestamp) -> Result<Option<Summary>, BackupError> {
        let backend = state.backend();
        let (genesis, folder) = (backend.genesis.digest(), self.plan.folder.clone());
        let present = blocking(&self.plan.folder, move || {
            make_folder(&folder).and_then(|()| backups_in(&folder, genesis)).map_err(BackupError::file(&folder))
        })
        .await?;
        // A date to come was written by a clock that was wrong: it says nothing about when the last one was made.
        let newest = present.iter().map(|(at, _)| *at).rfind(|at| *at <= now);
        if let Some(newest) = newest {
            shown_as_last(newest);
        }
        if newest.is_some_and(|newest| now.since(newest) < self.plan.every) {
            return Ok(None);
        }
        let snapshot = backend.replica.state();
        let about = About { network: backend.genesis.network.clone(), genesis, created_at: now, height: Some(snapshot.height()) };
        let elections: Vec<_> = snapshot.elections().map(|election| election.id()).collect();
        let path = self.plan.folder.join(name_of(genesis, now));
        let made = create(backend.store.as_ref(), &about, elections, &path, false).await?;
        shown_as_last(now);
        let (folder, keep) = (self.plan.folder.clone(), self.plan.keep);
        let pruned = blocking(&self.plan.folder, move || prune(&folder, genesis, keep, &path).map_err(BackupError::file(&folder)));
        if let Err(error) = pruned.await {
            warn!(%error, "old backups were not deleted");
        }
        Ok(Some(made))
    }
}

/// For alarms: `time() - max(backup_last_success_timestamp_seconds)` over all gateways.
#[allow(clippy::cast_precision_loss, reason = "milliseconds of this age fit")]
fn shown_as_last(at: Timestamp) {
    metrics::gauge!("backup_last_success_timestamp_seconds").set(at.as_millis() as f64 / 1_000.0);
}

fn retry_after(failures: u32) -> Duration {
    RETRY_FIRST.saturating_mul(2u32.saturating_pow(failures)).min(RETRY_MAX)
}

fn prefix_of(genesis: Digest) -> String {
    let digest = genesis.to_string();
    format!("voting-{}-", digest.get(..GENESIS_DIGITS).unwrap_or(&digest))
}

/// `voting-1a2b3c4d-20260501T080000Z.backup`: names sort by time.
fn name_of(genesis: Digest, at: Timestamp) -> String {
    let seconds = Timestamp::from_millis(at.as_millis() / 1_000 * 1_000).unwrap_or(at);
    format!("{}{}{ENDING}", prefix_of(genesis), seconds.to_string().replace(['-', ':'], ""))
}

/// When a file of this name was begun, if it is one of ours.
fn time_of(genesis: Digest, name: &str) -> Option<Timestamp> {
    let text = name.strip_prefix(&prefix_of(genesis))?.strip_suffix(ENDING)?;
    let (date, time) = text.split_once('T')?;
    let (year, month, day) = (date.get(..4)?, date.get(4..6)?, date.get(6..)?);
    let (hour, minute, second) = (time.get(..2)?, time.get(2..4)?, time.get(4..)?);
    let at: Timestamp = format!("{year}-{month}-{day}T{hour}:{minute}:{second}").parse().ok()?;
    (name_of(genesis, at) == name).then_some(at)
}

fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Backups of this network in a folder, oldest first: files with a name of ours whose first line says the same.
fn backups_in(folder: &Path, genesis: Digest) -> io::Result<Vec<(Timestamp, PathBuf)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let Some(at) = entry.file_name().to_str().and_then(|name| time_of(genesis, name)) else { continue };
        let is_ours = || Reader::open(&entry.path()).is_ok_and(|reader| reader.about().genesis == genesis);
        if entry.file_type()?.is_file() && is_ours() {
            found.push((at, entry.path()));
        }
    }
    found.sort();
    Ok(found)
}

/// Deletes the oldest backups beyond those to be kept, never the one just made.
fn prune(folder: &Path, genesis: Digest, keep: usize, made: &Path) -> io::Result<()> {
    let present = backups_in(folder, genesis)?;
    let surplus = present.len().saturating_sub(keep.max(1));
    present.iter().map(|(_, path)| path).filter(|path| *path != made).take(surplus).try_for_each(fs::remove_file)
}

#[cfg(test)]
#[path = "schedule_tests.rs"]
mod tests;
