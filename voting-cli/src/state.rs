//! The state directory: what this command must remember between runs, private to its user.
//!
//! ```text
//!  $VOTING_STATE_DIR, else $XDG_STATE_HOME/voting, else ~/.local/state/voting
//!  └── servers/<host>-<port>-<hash of the address>/
//!      ├── session.json  session.lock            who is signed in
//!      ├── genesis.bin                           the network pinned at first contact
//!      ├── elections/<election>/<account>/       voter key, signed ballots, receipts
//!      └── imports/<hash of the file>/           seed, progress, receipts of an import
//! ```
//!
//! Files are 0600 and directories 0700. Every file is written beside its place, flushed and renamed, so
//! that a crash leaves the old one or the new one.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::Url;
use voting_core::Digest;

use crate::exit::{CliError, Result};

/// Longest wait for another `voting` that holds a lock: a session refresh takes a moment, a vote
/// its patience.
const LOCK_WAIT: Duration = Duration::from_secs(150);
/// How often a held lock is tried.
const LOCK_POLL: Duration = Duration::from_millis(50);

/// Where servers' directories lie.
const SERVERS: &str = "servers";

/// What belongs to one server.
#[derive(Debug, Clone)]
pub(crate) struct ServerDir {
    path: PathBuf,
}

/// Where state is kept, from the environment.
pub(crate) fn root() -> Result<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("VOTING_STATE_DIR")
        .or_else(|| set("XDG_STATE_HOME").map(|path| path.join("voting")))
        .or_else(|| set("HOME").map(|path| path.join(".local/state/voting")))
        .ok_or_else(|| {
            CliError::failure(
                "there is no place for the state directory: neither VOTING_STATE_DIR, XDG_STATE_HOME nor HOME is set",
                "set VOTING_STATE_DIR to a directory that only you can read",
            )
        })
}

impl ServerDir {
    /// The directory of a server; nothing is created yet.
    pub(crate) fn of(root: &Path, url: &Url) -> Self {
        let host = safe_name(url.host_str().unwrap_or("server"));
        let port = url.port_or_known_default().unwrap_or(0);
        let hash = Digest::of_parts("voting/state-dir/v1", &[url.as_str().as_bytes()]).to_string();
        Self { path: root.join(SERVERS).join(format!("{host}-{port}-{}", hash.get(..8).unwrap_or_default())) }
    }

    /// The directories of every server there is something about.
    pub(crate) fn all(root: &Path) -> Result<Vec<Self>> {
        let servers = root.join(SERVERS);
        Ok(list(&servers)?.into_iter().map(|name| Self { path: servers.join(name) }).collect())
    }

    /// A file or directory in it.
    pub(crate) fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.path.join(name)
    }
}

/// A name that is safe as one component of a path: as it is if it is plain, else a hash of it.
pub(crate) fn safe_name(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let dotted = |c: char| plain(c) || c == '.';
    if (1..=64).contains(&name.len()) && name.starts_with(plain) && name.chars().all(dotted) {
        name.to_owned()
    } else {
        Digest::of_parts("voting/file-name/v1", &[name.as_bytes()]).to_string()
    }
}

/// Reads a file; `None` if there is none.
pub(crate) fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(cannot("read", path, &error)),
    }
}

/// Replaces a file, durably and as a whole.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    stage(path, bytes)
        .and_then(|file| file.persist(path).map_err(|error| error.error))
        .map_err(|error| cannot("write", path, &error))?;
    sync_parent(path)
}

/// Creates a file durably, unless there is one already: then that one stays. Tells whether it was created.
pub(crate) fn write_new(path: &Path, bytes: &[u8]) -> Result<bool> {
    let staged = stage(path, bytes).map_err(|error| cannot("write", path, &error))?;
    match staged.persist_noclobber(path) {
        Ok(_) => sync_parent(path).map(|()| true),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(cannot("write", path, &error.error)),
    }
}

/// Removes a file; none there is as good.
pub(crate) fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(cannot("remove", path, &error)),
        _ => Ok(()),
    }
}

/// Names in a directory, sorted; none if it does not exist.
pub(crate) fn list(path: &Path) -> Result<Vec<String>> {
    let entries = match fs::read_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(|error| cannot("list", path, &error))?,
    };
    let mut names: Vec<_> = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    names.sort();
    Ok(names)
}

/// A lock between processes, held until dropped.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

/// Waits, within bounds, until no other `voting` holds the lock.
pub(crate) async fn lock(path: &Path) -> Result<Lock> {
    let waiting = tokio::time::timeout(LOCK_WAIT, async {
        loop {
            if let Some(lock) = try_lock(path)? {
                return Ok(lock);
            }
            tokio::time::sleep(LOCK_POLL).await;
        }
    });
    waiting.await.unwrap_or_else(|_| {
        Err(CliError::failure(
            format!("another `voting` has held {} for {} seconds", path.display(), LOCK_WAIT.as_secs()),
            "wait until it is done, or stop it, and run the command again",
        ))
    })
}

/// Takes the lock if it is free.
pub(crate) fn try_lock(path: &Path) -> Result<Option<Lock>> {
    ensure_parent(path).map_err(|error| cannot("create the directory of", path, &error))?;
    let mut options = File::options();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path).map_err(|error| cannot("open", path, &error))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(Lock { _file: file })),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(cannot("lock", path, &error)),
    }
}

/// The error for a file that cannot be used.
pub(crate) fn cannot(what: &str, path: &Path, error: &io::Error) -> CliError {
    CliError::failure(
        format!("cannot {what} {}: {error}", path.display()),
        "check that the disk is not full and that you may use this path; `voting doctor` looks at the state directory",
    )
}

/// The error for a file that would be replaced.
pub(crate) fn exists(path: &Path) -> CliError {
    CliError::usage(format!("{} exists already", path.display()), "choose another name, or replace it with --force")
}

/// The error for a file whose content makes no sense.
pub(crate) fn damaged(path: &Path, reason: impl std::fmt::Display) -> CliError {
    CliError::failure(
        format!("{} is damaged: {reason}", path.display()),
        "restore it from a backup, or move it away and run the command again",
    )
}

fn stage(path: &Path, bytes: &[u8]) -> io::Result<tempfile::NamedTempFile> {
    ensure_parent(path)?;
    let mut file = tempfile::NamedTempFile::new_in(parent(path))?; // created 0600
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    Ok(file)
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn ensure_parent(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(parent(path))
}

/// Makes the rename itself durable.
fn sync_parent(path: &Path) -> Result<()> {
    File::open(parent(path))
        .and_then(|directory| directory.sync_all())
        .map_err(|error| cannot("flush the directory of", path, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_private_whole_and_created_once() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("a/b/key");
        assert!(write_new(&path, b"first").unwrap());
        assert!(!write_new(&path, b"second").unwrap());
        assert_eq!(read(&path).unwrap().unwrap(), b"first");
        write(&path, b"third").unwrap();
        assert_eq!(read(&path).unwrap().unwrap(), b"third");
        assert_eq!(list(&root.path().join("a/b")).unwrap(), ["key"], "nothing staged is left behind");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            assert_eq!(fs::metadata(root.path().join("a")).unwrap().permissions().mode() & 0o777, 0o700);
        }
    }

    #[test]
    fn a_lock_excludes_until_it_is_dropped() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("lock");
        let held = try_lock(&path).unwrap();
        assert!(held.is_some() && try_lock(&path).unwrap().is_none());
        drop(held);
        assert!(try_lock(&path).unwrap().is_some());
    }

    #[test]
    fn names_from_servers_stay_one_component() {
        assert_eq!(safe_name("a1b2-c3"), "a1b2-c3");
        for name in ["", ".", "..", "../x", "a/b", ".hidden", &"x".repeat(65)] {
            let safe = safe_name(name);
            assert!(safe.len() == 64 && safe != name, "{name} became {safe}");
        }
    }

    #[test]
    fn each_address_has_its_own_directory() {
        let dir = |url: &str| ServerDir::of(Path::new("/s"), &url.parse().unwrap()).path;
        assert!(dir("http://localhost:8000").starts_with("/s"));
        assert_ne!(dir("http://localhost:8000"), dir("https://localhost:8000"));
        assert_ne!(dir("http://localhost:8000/a/"), dir("http://localhost:8000/b/"));
    }
}
