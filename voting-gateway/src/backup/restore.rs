//! Restoring a backup: only what is absent, unless told otherwise; never deleting anything.
//!
//! The file is read twice: once to its last byte before anything is written, and once to write. Each write is one
//! atomic batch on conditions, so an interrupted restore is completed by repeating it, and gateways may serve meanwhile.

use std::path::Path;

use futures_util::future::try_join_all;
use serde::Serialize;
use voting_core::ids::{Digest, ElectionId};
use voting_core::seams::{Condition, Op, Store, StoreError, StoreKey, Versioned};

use super::file::Reader;
use super::{BackupError, Kept, blocking, kept, verify};
use crate::roll::{self, BUCKETS};

/// Values in one write: few enough that a server is busy with it for a few milliseconds only.
const VALUES_PER_WRITE: usize = 200;
/// Bytes in one write, the last value excepted.
const BYTES_PER_WRITE: usize = 1024 * 1024;
/// How often a write is tried anew because somebody else changed the same keys; each time they made progress.
const ATTEMPTS: u32 = 20;

/// How to restore.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// Whether values of the backup take the place of others; else what is there is kept.
    pub overwrite: bool,
    /// Whether to write nothing and only tell.
    pub dry_run: bool,
}

/// What a restore did, or would do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Restored {
    /// Values that were absent and were written.
    pub restored: u64,
    /// Values that were there already, the same.
    pub present_same: u64,
    /// Values that were there with other content and were kept.
    pub present_other: u64,
    /// Values that were there with other content and were replaced.
    pub overwritten: u64,
    /// Parts of rolls, of 16 each, whose number of voters had to be corrected.
    pub counts_corrected: u64,
}

/// Checks a whole backup, then writes what is absent. Voters are counted anew, so that the number on a roll is that
/// of the voters who are there. Repeating it changes nothing more.
///
/// # Errors
/// Whatever [`verify`] finds, or [`BackupError::OtherNetwork`], before anything is written; then [`BackupError::Store`],
/// after which repeating it goes on.
pub async fn restore(store: &dyn Store, path: &Path, genesis: Digest, options: Options) -> Result<Restored, BackupError> {
    let file = path.to_owned();
    let checked = blocking(path, move || verify(&file)).await?;
    if checked.genesis != genesis {
        let path = path.to_owned();
        return Err(BackupError::OtherNetwork { path, network: checked.network, found: checked.genesis, expected: genesis });
    }
    // What is read now is in the system's cache since it was checked: no reason to leave this thread.
    let mut reader = Reader::open(path)?;
    let mut restoring = Restoring { store, options, done: Restored::default(), group: Vec::new(), roll: None };
    while let Some((key, value)) = reader.next()? {
        restoring.take(key, value).await?;
    }
    restoring.write().await?;
    restoring.enter(None).await?;
    if reader.summary() != Some(&checked) {
        return Err(BackupError::Changed { path: path.to_owned() });
    }
    Ok(restoring.done)
}

/// The roll that is being restored.
struct Roll {
    election: ElectionId,
    /// Voters of each bucket that a dry run would have written.
    missing: [u64; 16],
}

struct Restoring<'a> {
    store: &'a dyn Store,
    options: Options,
    done: Restored,
    /// Values of one tag that are written together.
    group: Vec<(StoreKey, Versioned)>,
    roll: Option<Roll>,
}

impl Restoring<'_> {
    async fn take(&mut self, key: StoreKey, value: Versioned) -> Result<(), BackupError> {
        let bytes: usize = self.group.iter().map(|(_, value)| value.value.len()).sum();
        let is_full = self.group.len() >= VALUES_PER_WRITE || bytes >= BYTES_PER_WRITE;
        if is_full || self.group.first().is_some_and(|(first, _)| first.tag() != key.tag()) {
            self.write().await?;
        }
        if let Some(Kept::Voter(election)) = kept(key.tag(), key.path()) {
            self.enter(Some(election)).await?;
        }
        self.group.push((key, value));
        Ok(())
    }

    /// Leaves the roll at hand, whose voters are all there now, for the next one.
    async fn enter(&mut self, election: Option<ElectionId>) -> Result<(), BackupError> {
        if self.roll.as_ref().map(|roll| roll.election) == election {
            return Ok(());
        }
        if let Some(Roll { election, missing }) = self.roll.take() {
            for (bucket, missing) in BUCKETS.chars().zip(missing) {
                self.done.counts_corrected += u64::from(self.recount(election, bucket, missing).await?);
            }
        }
        if let Some(election) = election {
            if !self.options.dry_run {
                roll::register(self.store, election).await?;
            }
            self.roll = Some(Roll { election, missing: [0; 16] });
        }
        Ok(())
    }

    async fn recount(&self, election: ElectionId, bucket: char, missing: u64) -> Result<bool, StoreError> {
        if self.options.dry_run {
            roll::miscounted(self.store, election, bucket, missing).await
        } else {
            roll::recount(self.store, election, bucket).await
        }
    }

    /// Writes the group as one batch; tries anew when somebody else was faster.
    async fn write(&mut self) -> Result<(), BackupError> {
        let group = std::mem::take(&mut self.group);
        let Some((first, _)) = group.first() else { return Ok(()) };
        for _ in 0..ATTEMPTS {
            let present = try_join_all(group.iter().map(|(key, _)| self.store.get(key))).await?;
            let (ops, done) = decide(&group, &present, self.options.overwrite);
            let written = if ops.is_empty() || self.options.dry_run { Ok(()) } else { self.store.batch(ops).await };
            match written {
                Err(StoreError::Conflict { .. }) => {}
                Err(error) => return Err(error.into()),
                Ok(()) => {
                    self.note(first, done);
                    return Ok(());
                }
            }
        }
        Err(BackupError::Busy { key: first.clone(), attempts: ATTEMPTS })
    }

    fn note(&mut self, first: &StoreKey, done: Restored) {
        self.done.restored += done.restored;
        self.done.present_same += done.present_same;
        self.done.present_other += done.present_other;
        self.done.overwritten += done.overwritten;
        let bucket = first.tag().chars().last().and_then(|digit| BUCKETS.find(digit));
        let missing = self.roll.as_mut().zip(bucket).and_then(|(roll, bucket)| roll.missing.get_mut(bucket));
        if let Some(missing) = missing {
            *missing += done.restored;
        }
    }
}

/// What to write, given what is there.
fn decide(group: &[(StoreKey, Versioned)], present: &[Option<Versioned>], overwrite: bool) -> (Vec<Op>, Restored) {
    let (mut ops, mut done) = (Vec::new(), Restored::default());
    for ((key, wanted), present) in group.iter().zip(present) {
        let condition = match present {
            None => {
                done.restored += 1;
                Condition::Absent
            }
            Some(present) if present.value == wanted.value => {
                done.present_same += 1;
                continue;
            }
            Some(present) if overwrite => {
                done.overwritten += 1;
                Condition::Version(present.version)
            }
            Some(_) => {
                done.present_other += 1;
                continue;
            }
        };
        ops.push(Op::Put { key: key.clone(), value: wanted.value.clone(), condition, expires_in: None });
    }
    (ops, done)
}

#[cfg(test)]
#[path = "restore_tests.rs"]
mod tests;
