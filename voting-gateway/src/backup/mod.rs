//! Backups of what only the store owns: accounts and rolls.
//!
//! ```text
//!  create:   store ──▶ accounts, rolls ──▶ temporary file ──▶ fsync ──▶ FILE
//!  restore:  FILE ──▶ checked to its last byte ──▶ what is absent ──▶ store ──▶ voters counted anew
//!  schedule: every few hours one more FILE, then the oldest beyond some are deleted
//! ```
//!
//! What else there is needs none: the ledgers are each other's copies, read models follow from them, and ballots in the
//! queue are sent again.
//!
//! | key of the class `account` | in a backup |
//! |---|---|
//! | `accounts:H` `user:…` | yes |
//! | `roll:E:H` `voter:…` | yes, drafts included |
//! | `roll:E:H` `count` | no: counted anew, so that it agrees with the voters who are there |
//! | `rolls` `election:E` | no: follows from the rolls |
//! | `session:…`, `access:…` | no: people sign in again, and a stolen backup opens no session |
//!
//! A backup is no snapshot: what is added while it is made may be in it or not. Each value in it is whole.
//! Its checksum guards against accidents, not against whoever can write the file: keep backups like keys.

mod create;
mod file;
mod restore;
pub mod schedule;

use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;
use thiserror::Error;
use voting_core::ids::{Digest, ElectionId, Height};
use voting_core::seams::{StoreError, StoreKey};
use voting_core::time::Timestamp;

use crate::roll::BUCKETS;
use crate::{accounts, roll};

pub use create::create;
#[cfg(feature = "testing")]
pub(crate) use file::verify_bytes;
pub use file::{FORMAT, VERSION, verify};
pub use restore::{Options, Restored, restore};

/// Whose backup it is, and of when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// Name of the network.
    pub network: String,
    /// Digest of its genesis: a backup is restored into this network only.
    pub genesis: Digest,
    /// When it was begun.
    pub created_at: Timestamp,
    /// Height of the ledger at that time, where it was known; for people.
    pub height: Option<Height>,
}

/// What a backup holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Name of the network.
    pub network: String,
    /// Digest of its genesis.
    pub genesis: Digest,
    /// When it was begun.
    pub created_at: Timestamp,
    /// Height of the ledger at that time, where it was known.
    pub height: Option<Height>,
    /// Accounts in it.
    pub accounts: u64,
    /// Elections with voters in it.
    pub rolls: u64,
    /// Voters on all rolls.
    pub voters: u64,
    /// Length of the file.
    pub bytes: u64,
    /// SHA-256 of everything before the last line, which states it.
    pub sha256: String,
}

/// Why a backup was not made, read or restored.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BackupError {
    /// A file or folder cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// Which one.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// There is a file of that name; it is left as it is.
    #[error("{path} exists already")]
    Exists {
        /// Which one.
        path: PathBuf,
    },
    /// The file is something else.
    #[error("{path}: line 1 is not that of a backup")]
    NotABackup {
        /// Which one.
        path: PathBuf,
    },
    /// A backup that this program is too old or too new for.
    #[error("{path}: line 1 says version {found} of the format; this program reads version {VERSION}")]
    Version {
        /// Which one.
        path: PathBuf,
        /// Its version.
        found: u64,
    },
    /// A backup of another network.
    #[error("{path}: line 1 names the network `{network}` with genesis {found}; this network's is {expected}")]
    OtherNetwork {
        /// Which one.
        path: PathBuf,
        /// Name of the network it is of.
        network: String,
        /// Digest of that network's genesis.
        found: Digest,
        /// Digest of this network's genesis.
        expected: Digest,
    },
    /// A line that does not belong into a backup.
    #[error("{path}: line {line}: {reason}")]
    Line {
        /// Which file.
        path: PathBuf,
        /// Which line, from 1.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// The last line is missing: the file was cut off.
    #[error("{path}: the file ends after line {line}, without the line that ends a backup")]
    Truncated {
        /// Which file.
        path: PathBuf,
        /// The last line there is; 0 if it is empty.
        line: u64,
    },
    /// The file is not what was written.
    #[error("{path}: line {line} states the checksum {stated}, the lines before it have {actual}")]
    Checksum {
        /// Which file.
        path: PathBuf,
        /// The last line.
        line: u64,
        /// What it says.
        stated: String,
        /// What the file has.
        actual: String,
    },
    /// The file is another than the one that was checked a moment ago.
    #[error("{path} was changed while it was restored")]
    Changed {
        /// Which file.
        path: PathBuf,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Others write the same key all the time.
    #[error("{key} was changed by others {attempts} times in a row")]
    Busy {
        /// Which key.
        key: StoreKey,
        /// How often it was tried.
        attempts: u32,
    },
}

impl BackupError {
    fn file(path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::File { path, source }
    }
}

/// What is kept in backups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kept {
    Account,
    Voter(ElectionId),
}

/// What a key stands for, if it belongs into a backup.
fn kept(tag: &str, path: &str) -> Option<Kept> {
    let hash = |prefix: &str| {
        let hash = path.strip_prefix(prefix).filter(|hash| hash.len() == 64 && hash.bytes().all(is_digit))?;
        hash.chars().next()
    };
    if let Some(digit) = hash(accounts::PATHS) {
        return (tag == accounts::tag(digit)).then_some(Kept::Account);
    }
    let digit = hash(roll::PATHS)?;
    let election: ElectionId = tag.split(':').nth(1)?.parse().ok()?;
    (tag == roll::tag(election, digit)).then_some(Kept::Voter(election))
}

fn is_digit(byte: u8) -> bool {
    BUCKETS.as_bytes().contains(&byte)
}

/// Runs what waits for the disk where it may wait.
async fn blocking<T: Send + 'static>(
    path: &Path,
    run: impl FnOnce() -> Result<T, BackupError> + Send + 'static,
) -> Result<T, BackupError> {
    let ran = tokio::task::spawn_blocking(run).await;
    ran.map_err(|error| BackupError::file(path)(io::Error::other(error)))?
}
