//! What an import must remember to go on where it stopped, and to end with the same result.
//!
//! ```text
//!  imports/<hash of file, title and limit>-<n>/
//!      seed             32 secret bytes that every ballot's key is derived from
//!      import.json      the election, once it is known
//!      receipts.jsonl   one line per ballot recorded: ballot, hash, height, index
//! ```
//!
//! Lines are appended only for receipts that were verified. A line lost in a crash costs one ballot
//! sent again, which gets the same receipt; so they are flushed, but not to the disk one by one.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use voting_core::crypto::SigningKey;
use voting_core::{BallotHash, Digest, ElectionId};
use zeroize::Zeroizing;

use crate::exit::{CliError, Result};
use crate::keys::random_seed;
use crate::state::{self, Lock, ServerDir};

/// One import's memory.
pub(super) struct Journal {
    dir: PathBuf,
    seed: Zeroizing<[u8; 32]>,
    file: File,
    lines: BTreeMap<u64, Line>,
    _lock: Lock,
}

/// One ballot recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Line {
    /// The ballot's number in the file, from 0.
    pub(super) ballot: u64,
    pub(super) hash: BallotHash,
    pub(super) height: u64,
    pub(super) index: u32,
}

#[derive(Serialize, Deserialize)]
struct Known {
    election: ElectionId,
}

impl Journal {
    /// The latest import with this identity, or a new one; with `anew` always a new one.
    pub(super) fn open(server: &ServerDir, identity: Digest, anew: bool) -> Result<Self> {
        let imports = server.join("imports");
        let prefix = format!("{}-", identity.to_string().get(..32).unwrap_or_default());
        let number = |name: &String| name.strip_prefix(&prefix)?.parse::<u32>().ok();
        let last = state::list(&imports)?.iter().filter_map(number).max();
        let number = last.map_or(1, |last| if anew { last.saturating_add(1) } else { last });
        let dir = imports.join(format!("{prefix}{number}"));
        let lock = state::try_lock(&dir.join("lock"))?.ok_or_else(|| {
            CliError::failure("another `voting import` of this file is running", "wait for it, or start a separate one with --new")
        })?;
        let path = dir.join("receipts.jsonl");
        let lines = read_lines(&path)?;
        Ok(Self { seed: seed(&dir)?, file: append(&path)?, lines, dir, _lock: lock })
    }

    /// A name for this import that tells nothing about its keys.
    pub(super) fn id(&self) -> String {
        let digest = Digest::of_parts("voting/import-id/v1", &[self.seed.as_slice()]).to_string();
        digest.get(..16).unwrap_or_default().to_owned()
    }

    /// The key of a ballot: the same one in every run.
    pub(super) fn key(&self, ballot: u64) -> SigningKey {
        SigningKey::from_seed(Digest::of_parts("voting/import-key/v1", &[self.seed.as_slice(), &ballot.to_le_bytes()]).0)
    }

    /// The election, once it is known.
    pub(super) fn election(&self) -> Result<Option<ElectionId>> {
        let path = self.dir.join("import.json");
        let Some(bytes) = state::read(&path)? else { return Ok(None) };
        let known: Known = serde_json::from_slice(&bytes).map_err(|error| state::damaged(&path, error))?;
        Ok(Some(known.election))
    }

    /// Remembers the election.
    pub(super) fn set_election(&self, election: ElectionId) -> Result<()> {
        let path = self.dir.join("import.json");
        let bytes = serde_json::to_vec(&Known { election }).map_err(|error| state::damaged(&path, error))?;
        state::write(&path, &bytes)
    }

    /// Whether a ballot is recorded.
    pub(super) fn has(&self, ballot: u64) -> bool {
        self.lines.contains_key(&ballot)
    }

    /// Ballots recorded.
    pub(super) fn recorded(&self) -> u64 {
        self.lines.len() as u64
    }

    /// Where the receipts are listed.
    pub(super) fn path(&self) -> PathBuf {
        self.dir.join("receipts.jsonl")
    }

    /// Remembers a ballot recorded.
    pub(super) fn add(&mut self, line: Line) -> Result<()> {
        let mut text = serde_json::to_vec(&line).map_err(|error| state::damaged(&self.path(), error))?;
        text.push(b'\n');
        self.file.write_all(&text).map_err(|error| state::cannot("write", &self.path(), &error))?;
        self.lines.insert(line.ballot, line);
        Ok(())
    }

    /// Everything on the disk.
    pub(super) fn sync(&self) -> Result<()> {
        self.file.sync_all().map_err(|error| state::cannot("write", &self.path(), &error))
    }

    /// Two ballots that claim the same place in the ledger, if there are any.
    pub(super) fn collision(&self) -> Option<(Line, Line)> {
        let mut places = BTreeMap::new();
        self.lines.values().find_map(|line| Some((places.insert((line.height, line.index), *line)?, *line)))
    }
}

fn seed(dir: &Path) -> Result<Zeroizing<[u8; 32]>> {
    let path = dir.join("seed");
    if state::read(&path)?.is_none() {
        let seed = random_seed()?;
        state::write_new(&path, format!("{}\n", Zeroizing::new(HEXLOWER.encode(seed.as_slice())).as_str()).as_bytes())?;
    }
    let text = Zeroizing::new(state::read(&path)?.unwrap_or_default());
    let bytes = HEXLOWER.decode(text.trim_ascii()).ok().and_then(|bytes| bytes.try_into().ok());
    bytes.map(Zeroizing::new).ok_or_else(|| state::damaged(&path, "a seed is 64 lower-case hexadecimal digits"))
}

/// Reads what was recorded. A last line cut off by a crash counts as not written, and is cut away, so that the next
/// one does not run into it.
fn read_lines(path: &Path) -> Result<BTreeMap<u64, Line>> {
    let bytes = state::read(path)?.unwrap_or_default();
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    if whole < bytes.len() {
        state::write(path, bytes.get(..whole).unwrap_or_default())?;
    }
    let mut lines = BTreeMap::new();
    for text in bytes.get(..whole).unwrap_or_default().split(|byte| *byte == b'\n').filter(|text| !text.is_empty()) {
        let line: Line = serde_json::from_slice(text).map_err(|error| state::damaged(path, error))?;
        lines.insert(line.ballot, line);
    }
    Ok(lines)
}

/// A file to append to, private to the user.
fn append(path: &Path) -> Result<File> {
    let mut options = File::options();
    options.create(true).append(true).read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(|error| state::cannot("open", path, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(root: &tempfile::TempDir) -> ServerDir {
        ServerDir::of(root.path(), &"http://a:1".parse().unwrap())
    }

    fn line(ballot: u64) -> Line {
        Line { ballot, hash: BallotHash([ballot as u8; 32]), height: 7, index: ballot as u32 }
    }

    #[test]
    fn an_import_goes_on_with_the_same_keys_and_what_was_recorded() {
        let root = tempfile::tempdir().unwrap();
        let open = |anew| Journal::open(&server(&root), Digest::ZERO, anew).unwrap();
        let mut first = open(false);
        let (key, id) = (first.key(3).public(), first.id());
        assert_ne!(key, first.key(4).public());
        first.add(line(3)).unwrap();
        first.set_election(ElectionId([9; 16])).unwrap();
        assert!(Journal::open(&server(&root), Digest::ZERO, false).is_err(), "only one at a time");
        drop(first);

        let second = open(false);
        assert_eq!((second.key(3).public(), second.id()), (key, id));
        assert_eq!((second.has(3), second.has(4), second.recorded()), (true, false, 1));
        assert_eq!(second.election().unwrap(), Some(ElectionId([9; 16])));
        drop(second);

        let anew = open(true);
        assert!(anew.key(3).public() != key && !anew.has(3));
        drop(anew);
        assert_ne!(open(false).key(3).public(), key, "the latest is the one that goes on");
    }

    #[test]
    fn a_line_cut_off_by_a_crash_counts_as_not_written() {
        let root = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(&server(&root), Digest::ZERO, false).unwrap();
        journal.add(line(0)).unwrap();
        journal.add(line(1)).unwrap();
        let path = journal.path();
        drop(journal);
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() - 5]).unwrap();
        let mut journal = Journal::open(&server(&root), Digest::ZERO, false).unwrap();
        assert_eq!((journal.has(0), journal.has(1)), (true, false));
        journal.add(line(1)).unwrap();
        drop(journal);
        assert_eq!(std::fs::read(&path).unwrap(), bytes);
    }

    #[test]
    fn two_ballots_in_one_place_are_noticed() {
        let root = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(&server(&root), Digest::ZERO, false).unwrap();
        journal.add(line(0)).unwrap();
        journal.add(line(1)).unwrap();
        assert_eq!(journal.collision(), None);
        journal.add(Line { index: 0, ..line(2) }).unwrap();
        assert_eq!(journal.collision().map(|(a, b)| (a.ballot, b.ballot)), Some((0, 2)));
    }
}
