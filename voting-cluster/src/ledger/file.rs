//! A redb file that never passes for another: not for a fresh one, nor for its own past.
//!
//! ```text
//! PATH            the database
//! PATH.identity   whose it is, and the number of its last commit; locked while it is open
//! ```
//!
//! * The identity is written and flushed when the database is created, before its first commit. If it
//!   is there and the database is missing, empty or unreadable, that is damage, never a fresh start.
//! * Each commit has a number, in the database and, after it is durable, in the identity file. That
//!   second write is not flushed: a loss of power may take it, which does no harm. But a database
//!   whose number is lower than the identity file's has lost commits (redb falls back to its former
//!   state when the latest is damaged, and people restore old copies), and is refused.
//! * Each value carries a checksum over table, key and value: redb's own are checked when the file
//!   is opened, ours at every read. A panic of redb over a damaged file is caught and is damage too.

use std::any::Any;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};

use redb::{Builder, Database, Durability, ReadTransaction, ReadableDatabase as _, TableDefinition, WriteTransaction};
use thiserror::Error;
use voting_core::ids::Digest;

/// Pages that redb may keep in memory: the hot end of a ledger, not its history.
const CACHE_BYTES: usize = 64 * 1024 * 1024;
/// Longest identity.
const MAX_IDENTITY_BYTES: usize = 512;
/// Bytes of SHA-256 that guard a value: enough against accidents, and against forgery by who fills the ledger.
const CHECKSUM_BYTES: usize = 16;
/// Places in the identity file, a disk sector each, so that a torn write spoils one at most.
const SECTOR: u64 = 512;
const IDENTITY_AT: u64 = 0;
const COMMITS_AT: u64 = 2 * SECTOR;

const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
const IDENTITY: &str = "identity";
const COMMITS: &str = "commits";

/// Why a file cannot be opened, read or written.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum FileError {
    /// The bytes are not those that were written.
    #[error("{0}")]
    Damaged(String),
    /// Somebody else's: its identity.
    #[error("{0}")]
    Foreign(String),
    /// The operating system or the database refused.
    #[error("{0}")]
    Io(String),
}

/// A database, locked for this process until it is closed or dropped.
#[derive(Debug)]
pub(crate) struct DatabaseFile {
    path: PathBuf,
    /// Each read and write shares the lock; closing waits for them.
    open: RwLock<Option<Open>>,
    failed: Mutex<Option<String>>,
}

#[derive(Debug)]
struct Open {
    // Before `marker`, which holds the lock: the database is closed first.
    database: Database,
    marker: Mutex<Marker>,
}

impl DatabaseFile {
    /// Opens the database at `path` that belongs to `identity`, or creates it with `create`.
    pub(crate) fn open(
        path: &Path,
        identity: &str,
        create: impl FnOnce(&WriteTransaction) -> Result<(), Failure>,
    ) -> Result<Self, FileError> {
        let mut marker = Marker::open(path)?;
        let exists = match fs::metadata(path) {
            Ok(_) => true,
            Err(error) if error.kind() == ErrorKind::NotFound => false,
            Err(error) => return Err(io_error(path, &error)),
        };
        let (named, last_commit) = marker.read()?;
        match &named {
            Some(owner) if owner != identity => return Err(FileError::Foreign(owner.clone())),
            Some(_) if !exists => {
                let marker = marker.path.display();
                return Err(FileError::Damaged(format!("{} is missing, although {marker} says that it was there", path.display())));
            }
            None if !exists && marker.was_written => {
                return Err(FileError::Damaged(format!("{} is damaged, and {} is missing", marker.path.display(), path.display())));
            }
            _ if !exists => Self::create(path, identity, create)?,
            _ => {}
        }
        let database = caught(path, || Builder::new().set_cache_size(CACHE_BYTES).set_check_integrity_on_open(true).open(path))?;
        let open = RwLock::new(Some(Open { database, marker: Mutex::new(marker) }));
        let file = Self { path: path.to_owned(), open, failed: Mutex::new(None) };
        let (owner, commits) = file.read(|tx| {
            let meta = tx.open_table(META)?;
            Ok((sealed_text(&meta, IDENTITY)?, sealed_number(&meta, COMMITS)?))
        })?;
        if owner != identity {
            return Err(FileError::Foreign(owner));
        }
        if commits < last_commit {
            return Err(
                file.damaged(format!("it is at commit {commits}, but was at {last_commit} before: it lost what came after"))
            );
        }
        if named.is_none() {
            // Only a creation that was interrupted leaves a database without its identity file.
            if commits > 0 {
                return Err(file.damaged("its identity file is missing or damaged".to_owned()));
            }
            file.with(|open| open.marker().write_identity(identity))?;
        }
        Ok(file)
    }

    /// Under another name first, so that a crash leaves either nothing or a whole database.
    fn create(path: &Path, identity: &str, create: impl FnOnce(&WriteTransaction) -> Result<(), Failure>) -> Result<(), FileError> {
        if identity.len() > MAX_IDENTITY_BYTES - 2 - CHECKSUM_BYTES {
            return Err(FileError::Io(format!("an identity of {} bytes is too long", identity.len())));
        }
        let draft = beside(path, "new");
        match fs::remove_file(&draft) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(io_error(&draft, &error)),
            _ => {}
        }
        caught(path, || {
            let database = Builder::new().create(&draft)?;
            let mut tx = database.begin_write()?;
            tx.set_durability(Durability::Immediate)?;
            {
                let mut meta = tx.open_table(META)?;
                insert_sealed(&mut meta, IDENTITY, identity.as_bytes())?;
                insert_sealed(&mut meta, COMMITS, &0u64.to_le_bytes())?;
            }
            create(&tx)?;
            tx.commit()?;
            Ok::<_, Failure>(())
        })?;
        fs::rename(&draft, path).map_err(|error| io_error(path, &error))?;
        sync_folder(path)
    }

    /// Reads one consistent state. Blocks on the disk.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&ReadTransaction) -> Result<T, Failure>) -> Result<T, FileError> {
        self.with(|open| caught(&self.path, || read(&open.database.begin_read()?)))
    }

    /// Writes durably, with one flush; on `Err` nothing may be relied on and nothing more is
    /// written, unless it is `Ok(Err(_))`: then `write` itself refused and nothing has changed.
    /// Blocks on the disk.
    pub(crate) fn write<T, E>(
        &self,
        write: impl FnOnce(&WriteTransaction) -> Result<Result<T, E>, Failure>,
    ) -> Result<Result<T, E>, FileError> {
        if let Some(reason) = self.failed.lock().unwrap_or_else(PoisonError::into_inner).clone() {
            return Err(FileError::Io(format!("{}: an earlier write failed: {reason}", self.path.display())));
        }
        let written = self.with(|open| {
            let written = caught(&self.path, || {
                let mut tx = open.database.begin_write()?;
                tx.set_durability(Durability::Immediate)?;
                let value = match write(&tx)? {
                    Ok(value) => value,
                    Err(refused) => {
                        tx.abort()?;
                        return Ok(Err(refused));
                    }
                };
                let commit = {
                    let mut meta = tx.open_table(META)?;
                    let commit = sealed_number(&meta, COMMITS)? + 1;
                    insert_sealed(&mut meta, COMMITS, &commit.to_le_bytes())?;
                    commit
                };
                tx.commit()?;
                Ok::<_, Failure>(Ok((value, commit)))
            })?;
            match written {
                Ok((value, commit)) => open.marker().write_commit(commit).map(|()| Ok(value)),
                Err(refused) => Ok(Err(refused)),
            }
        });
        if let Err(error) = &written {
            *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.to_string());
        }
        written
    }

    fn damaged(&self, what: String) -> FileError {
        FileError::Damaged(format!("{}: {what}", self.path.display()))
    }

    /// Waits for the reads and writes under way, then closes the file and frees it for others.
    pub(crate) fn close(&self) {
        let Some(Open { database, marker }) = self.open.write().unwrap_or_else(PoisonError::into_inner).take() else { return };
        // Closing writes too; over a damaged file it may panic, and the next opening will report it.
        let _ = catch_unwind(AssertUnwindSafe(move || drop(database)));
        drop(marker);
    }

    fn with<T>(&self, run: impl FnOnce(&Open) -> Result<T, FileError>) -> Result<T, FileError> {
        match &*self.open.read().unwrap_or_else(PoisonError::into_inner) {
            Some(open) => run(open),
            None => Err(FileError::Io(format!("{} is closed", self.path.display()))),
        }
    }
}

impl Open {
    fn marker(&self) -> MutexGuard<'_, Marker> {
        self.marker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for DatabaseFile {
    fn drop(&mut self) {
        self.close();
    }
}

/// What goes wrong inside a transaction.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The database says so; it may be damage or the disk.
    Database(Box<redb::Error>),
    /// A value is not what was written.
    Damaged(String),
}

impl<E: Into<redb::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Database(Box::new(error.into()))
    }
}

impl Failure {
    fn at(self, path: &Path) -> FileError {
        use redb::Error as E;
        let path = path.display();
        match self {
            Self::Damaged(what) => FileError::Damaged(format!("{path}: {what}")),
            Self::Database(error) => match *error {
                E::Io(error) if !matches!(error.kind(), ErrorKind::InvalidData | ErrorKind::UnexpectedEof) => {
                    FileError::Io(format!("{path}: {error}"))
                }
                error @ (E::DatabaseAlreadyOpen
                | E::PreviousIo
                | E::LockPoisoned(_)
                | E::DatabaseClosed
                | E::TransactionPoisoned) => FileError::Io(format!("{path}: {error}")),
                error => FileError::Damaged(format!("{path}: {error}")),
            },
        }
    }
}

/// Runs code that reads a file which may be damaged.
fn caught<T, E: Into<Failure>>(path: &Path, run: impl FnOnce() -> Result<T, E>) -> Result<T, FileError> {
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(result) => result.map_err(|error| error.into().at(path)),
        Err(panic) => Err(FileError::Damaged(format!("{}: the database gave up: {}", path.display(), message(panic.as_ref())))),
    }
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no reason given")
}

/// A value followed by its checksum.
pub(crate) fn seal(table: &str, key: &[u8], mut value: Vec<u8>) -> Vec<u8> {
    let sum = checksum(table, key, &value);
    value.extend_from_slice(&sum);
    value
}

/// The value that [`seal`] was given.
pub(crate) fn unseal<'a>(table: &str, key: &[u8], sealed: &'a [u8]) -> Result<&'a [u8], Failure> {
    let parts = sealed.len().checked_sub(CHECKSUM_BYTES).and_then(|at| sealed.split_at_checked(at));
    match parts {
        Some((value, sum)) if checksum(table, key, value) == sum => Ok(value),
        _ => Err(Failure::Damaged(format!("a value in the table `{table}` does not match its checksum"))),
    }
}

fn checksum(table: &str, key: &[u8], value: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let length = |bytes: &[u8]| (bytes.len() as u64).to_le_bytes();
    let parts = [&length(table.as_bytes()), table.as_bytes(), &length(key), key, value];
    let digest = Digest::of_parts("voting/stored/v1", &parts).0;
    std::array::from_fn(|i| digest[i])
}

/// Writes a value of the table `meta`.
fn insert_sealed(meta: &mut redb::Table<'_, &'static str, &'static [u8]>, key: &str, value: &[u8]) -> Result<(), Failure> {
    meta.insert(key, seal("meta", key.as_bytes(), value.to_vec()).as_slice())?;
    Ok(())
}

fn sealed_value(meta: &impl redb::ReadableTable<&'static str, &'static [u8]>, key: &str) -> Result<Vec<u8>, Failure> {
    let missing = || Failure::Damaged(format!("the record `{key}` is missing"));
    let sealed = meta.get(key)?.ok_or_else(missing)?;
    Ok(unseal("meta", key.as_bytes(), sealed.value())?.to_vec())
}

fn sealed_text(meta: &impl redb::ReadableTable<&'static str, &'static [u8]>, key: &str) -> Result<String, Failure> {
    String::from_utf8(sealed_value(meta, key)?).map_err(|_| Failure::Damaged(format!("the record `{key}` is not text")))
}

fn sealed_number(meta: &impl redb::ReadableTable<&'static str, &'static [u8]>, key: &str) -> Result<u64, Failure> {
    let bytes = sealed_value(meta, key)?.try_into();
    bytes.map(u64::from_le_bytes).map_err(|_| Failure::Damaged(format!("the record `{key}` is not a number")))
}

/// The identity file: who the database belongs to, and two places that take turns to hold the
/// number of its last commit.
#[derive(Debug)]
struct Marker {
    path: PathBuf,
    file: File,
    was_written: bool,
}

impl Marker {
    fn open(database: &Path) -> Result<Self, FileError> {
        let path = beside(database, "identity");
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let file = file.map_err(|error| io_error(&path, &error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(FileError::Io(format!("{} is in use already", database.display())));
            }
            Err(TryLockError::Error(error)) => return Err(io_error(&path, &error)),
        }
        let length = file.metadata().map_err(|error| io_error(&path, &error))?.len();
        Ok(Self { path, file, was_written: length > 0 })
    }

    /// Owner and last commit; no owner if it was never written, or not to the end.
    fn read(&mut self) -> Result<(Option<String>, u64), FileError> {
        let mut bytes = Vec::new();
        let whole = COMMITS_AT + 2 * SECTOR;
        let read = self.file.seek(SeekFrom::Start(0)).and_then(|_| (&self.file).take(whole).read_to_end(&mut bytes));
        read.map_err(|error| io_error(&self.path, &error))?;
        let at = |start: u64, length: usize| bytes.get(start as usize..start as usize + length);
        let owner = at(IDENTITY_AT, 2).and_then(|length| {
            let length = usize::from(u16::from_le_bytes([length[0], length[1]]));
            let sealed = at(IDENTITY_AT + 2, length + CHECKSUM_BYTES)?;
            String::from_utf8(unseal("marker", b"identity", sealed).ok()?.to_vec()).ok()
        });
        let commit = |start: u64| {
            let sealed = at(start, 8 + CHECKSUM_BYTES)?;
            Some(u64::from_le_bytes(unseal("marker", b"commit", sealed).ok()?.try_into().ok()?))
        };
        let last = commit(COMMITS_AT).max(commit(COMMITS_AT + SECTOR)).unwrap_or(0);
        Ok((owner, last))
    }

    fn write_identity(&mut self, identity: &str) -> Result<(), FileError> {
        let mut bytes = (identity.len() as u16).to_le_bytes().to_vec();
        bytes.extend(seal("marker", b"identity", identity.as_bytes().to_vec()));
        let written = self.write_at(IDENTITY_AT, &bytes).and_then(|()| self.file.sync_all());
        written.map_err(|error| io_error(&self.path, &error))?;
        sync_folder(&self.path)
    }

    fn write_commit(&mut self, commit: u64) -> Result<(), FileError> {
        let bytes = seal("marker", b"commit", commit.to_le_bytes().to_vec());
        self.write_at(COMMITS_AT + commit % 2 * SECTOR, &bytes).map_err(|error| io_error(&self.path, &error))
    }

    fn write_at(&mut self, start: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(start))?;
        self.file.write_all(bytes)
    }
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    name.into()
}

fn io_error(path: &Path, error: &io::Error) -> FileError {
    FileError::Io(format!("{}: {error}", path.display()))
}

/// A new name in a folder survives a loss of power once the folder is flushed.
fn sync_folder(path: &Path) -> Result<(), FileError> {
    if !cfg!(unix) {
        return Ok(()); // elsewhere folders cannot be opened as files
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| io_error(folder, &error))
}
