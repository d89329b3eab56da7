//! The file: JSON Lines that say what they are and can be checked without anything else.
//!
//! ```text
//! {"format":"voting-backup","version":1,"network":…,"genesis":…,"created_at":…,"height":…}
//! {"tag":"accounts:0","path":"user:0…","version":3,"value":"…base64…"}      in ascending order of tag and path
//! {"records":1,"sha256":"…of every byte before this line…"}
//! ```
//!
//! Records stand in strictly ascending order, so that a key that comes twice is found without remembering them all. The
//! last line is compared byte for byte with the one that the lines before it call for: nothing follows it.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;
use voting_core::ids::{Digest, ElectionId, Height};
use voting_core::seams::store::{MAX_KEY_BYTES, MAX_VALUE_BYTES};
use voting_core::seams::{KeyClass, StoreKey, Versioned};
use voting_core::time::Timestamp;

use super::{About, BackupError, Kept, Summary, kept};

/// What the first line of every backup calls itself.
pub const FORMAT: &str = "voting-backup";
/// The version of the format that is written and read.
pub const VERSION: u64 = 1;
/// Longest line: the largest value in base64, its key, and the words around them.
const MAX_LINE_BYTES: usize = MAX_VALUE_BYTES.div_ceil(3) * 4 + MAX_KEY_BYTES + 256;
/// What files that are not complete yet begin with.
pub(super) const UNFINISHED: &str = ".voting-backup-";
/// Begins the last line and no other.
const LAST_LINE: &[u8] = b"{\"records\":";

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    format: String,
    version: u64,
    network: String,
    genesis: Digest,
    created_at: Timestamp,
    height: Option<Height>,
}

/// What a first line is asked first: other versions may have other fields.
#[derive(Deserialize)]
struct Opening {
    format: String,
    version: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    tag: String,
    path: String,
    version: u64,
    value: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Last {
    records: u64,
    sha256: String,
}

/// What both sides keep count of, line by line.
#[derive(Default)]
struct Account {
    hasher: Sha256,
    bytes: u64,
    accounts: u64,
    rolls: u64,
    voters: u64,
    election: Option<ElectionId>,
    last: Option<(String, String)>,
}

impl Account {
    fn line(&mut self, line: &[u8]) {
        self.hasher.update(line);
        self.bytes += line.len() as u64;
    }

    /// Takes a key in; says what is wrong with it.
    fn key(&mut self, tag: &str, path: &str) -> Result<(), String> {
        match kept(tag, path) {
            None => return Err(format!("`{{{tag}}}{path}` is not a key that a backup holds")),
            Some(Kept::Account) => self.accounts += 1,
            Some(Kept::Voter(election)) => {
                self.voters += 1;
                self.rolls += u64::from(self.election != Some(election));
                self.election = Some(election);
            }
        }
        let key = (tag.to_owned(), path.to_owned());
        match &self.last {
            Some(last) if *last == key => Err(format!("`{{{tag}}}{path}` comes twice")),
            Some(last) if *last > key => Err(format!("`{{{tag}}}{path}` stands after a key that comes later")),
            _ => {
                self.last = Some(key);
                Ok(())
            }
        }
    }

    fn checksum(&self) -> String {
        HEXLOWER.encode(&self.hasher.clone().finalize())
    }

    fn last_line(&self) -> Last {
        Last { records: self.accounts + self.voters, sha256: self.checksum() }
    }

    fn summary(&self, about: &About) -> Summary {
        Summary {
            network: about.network.clone(),
            genesis: about.genesis,
            created_at: about.created_at,
            height: about.height,
            accounts: self.accounts,
            rolls: self.rolls,
            voters: self.voters,
            bytes: self.bytes,
            sha256: self.checksum(),
        }
    }
}

fn to_line(value: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    Ok(line)
}

/// Writes a backup beside its place; it appears under its name when it is complete.
pub(super) struct Writer {
    file: BufWriter<NamedTempFile>,
    to: PathBuf,
    about: About,
    account: Account,
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

impl Writer {
    pub(super) fn begin(to: &Path, about: &About) -> Result<Self, BackupError> {
        let file = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(folder_of(to)).map_err(BackupError::file(to))?;
        private(&file).map_err(BackupError::file(to))?;
        let mut writer = Self { file: BufWriter::new(file), to: to.to_owned(), about: about.clone(), account: Account::default() };
        let About { network, genesis, created_at, height } = about.clone();
        writer.line(&Header { format: FORMAT.to_owned(), version: VERSION, network, genesis, created_at, height })?;
        Ok(writer)
    }

    fn line(&mut self, value: &impl Serialize) -> Result<(), BackupError> {
        let written = to_line(value).and_then(|line| {
            self.file.write_all(&line)?;
            self.account.line(&line);
            Ok(())
        });
        written.map_err(BackupError::file(&self.to))
    }

    /// The next record; keys come in ascending order.
    pub(super) fn record(&mut self, key: &StoreKey, found: &Versioned) -> Result<(), BackupError> {
        let wrong = |reason: String| BackupError::file(&self.to)(io::Error::new(ErrorKind::InvalidData, reason));
        self.account.key(key.tag(), key.path()).map_err(wrong)?;
        let (tag, path) = (key.tag().to_owned(), key.path().to_owned());
        self.line(&Record { tag, path, version: found.version, value: BASE64.encode(&found.value) })
    }

    /// Ends it, and gives it its name once it is on disk. Another file of that name stays unless it is to be replaced.
    pub(super) fn finish(mut self, replace: bool) -> Result<Summary, BackupError> {
        let (last, sha256) = (self.account.last_line(), self.account.checksum());
        self.line(&last)?;
        let summary = Summary { sha256, ..self.account.summary(&self.about) };
        let cannot = BackupError::file(&self.to);
        let file = match self.file.into_inner() {
            Ok(file) => file,
            Err(error) => return Err(cannot(error.into_error())),
        };
        if let Err(error) = file.as_file().sync_all() {
            return Err(cannot(error));
        }
        let named = if replace { file.persist(&self.to) } else { file.persist_noclobber(&self.to) };
        match named {
            Ok(_) => {}
            Err(error) if error.error.kind() == ErrorKind::AlreadyExists => return Err(BackupError::Exists { path: self.to }),
            Err(error) => return Err(cannot(error.error)),
        }
        sync_folder(folder_of(&self.to)).map_err(cannot)?;
        Ok(summary)
    }
}

/// For its owner only, whatever the system's defaults are.
#[cfg(unix)]
fn private(file: &NamedTempFile) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    file.as_file().set_permissions(std::fs::Permissions::from_mode(0o600))
}

#[cfg(not(unix))]
fn private(_: &NamedTempFile) -> io::Result<()> {
    Ok(())
}

/// A name is on disk once its folder is.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Reads a backup record by record, and checks each line as it comes.
pub(super) struct Reader<R> {
    input: R,
    path: PathBuf,
    line: u64,
    about: About,
    account: Account,
    summary: Option<Summary>,
}

impl Reader<BufReader<File>> {
    /// Opens a file and reads its first line.
    pub(super) fn open(path: &Path) -> Result<Self, BackupError> {
        let file = File::open(path).map_err(BackupError::file(path))?;
        Self::new(path, BufReader::new(file))
    }
}

impl<R: BufRead> Reader<R> {
    pub(super) fn new(path: &Path, input: R) -> Result<Self, BackupError> {
        let about = About { network: String::new(), genesis: Digest([0; 32]), created_at: Timestamp::default(), height: None };
        let mut reader = Self { input, path: path.to_owned(), line: 0, about, account: Account::default(), summary: None };
        let not_a_backup = || BackupError::NotABackup { path: path.to_owned() };
        let first = match reader.next_line() {
            Ok(first) => first,
            Err(BackupError::Line { .. }) => return Err(not_a_backup()), // as long a line as any file may have
            Err(error) => return Err(error),
        };
        let opening: Opening = serde_json::from_slice(&first).map_err(|_| not_a_backup())?;
        if opening.format != FORMAT {
            return Err(not_a_backup());
        }
        if opening.version != VERSION {
            return Err(BackupError::Version { path: path.to_owned(), found: opening.version });
        }
        let header: Header = serde_json::from_slice(&first).map_err(|error| reader.wrong(error))?;
        let Header { network, genesis, created_at, height, .. } = header;
        reader.about = About { network, genesis, created_at, height };
        reader.account.line(&first);
        Ok(reader)
    }

    /// What the first line says.
    pub(super) const fn about(&self) -> &About {
        &self.about
    }

    /// What the file holds; known once its end has been read.
    pub(super) const fn summary(&self) -> Option<&Summary> {
        self.summary.as_ref()
    }

    /// The next record, or `None` after the last line, which is right then.
    pub(super) fn next(&mut self) -> Result<Option<(StoreKey, Versioned)>, BackupError> {
        if self.summary.is_some() {
            return Ok(None);
        }
        let line = self.next_line()?;
        if line.starts_with(LAST_LINE) {
            self.end(&line)?;
            return Ok(None);
        }
        let record: Record = serde_json::from_slice(&line).map_err(|error| self.wrong(error))?;
        let value = BASE64.decode(&record.value).map_err(|error| self.wrong(format!("the value is not base64: {error}")))?;
        if value.len() > MAX_VALUE_BYTES {
            return Err(self.wrong(format!("the value has {} bytes, the most is {MAX_VALUE_BYTES}", value.len())));
        }
        self.account.key(&record.tag, &record.path).map_err(|reason| self.wrong(reason))?;
        let key = StoreKey::new(record.tag, KeyClass::Account, record.path).map_err(|error| self.wrong(error))?;
        self.account.line(&line);
        Ok(Some((key, Versioned { value, version: record.version })))
    }

    fn end(&mut self, line: &[u8]) -> Result<(), BackupError> {
        let stated: Last = serde_json::from_slice(line).map_err(|error| self.wrong(error))?;
        let actual = self.account.last_line();
        if stated.sha256 != actual.sha256 {
            let (path, line) = (self.path.clone(), self.line);
            return Err(BackupError::Checksum { path, line, stated: stated.sha256, actual: actual.sha256 });
        }
        if stated.records != actual.records {
            return Err(self.wrong(format!("it states {} records, there are {}", stated.records, actual.records)));
        }
        if to_line(&actual).map_err(BackupError::file(&self.path))? != line {
            return Err(self.wrong("the last line is written in another way than backups are"));
        }
        if !self.input.fill_buf().map_err(BackupError::file(&self.path))?.is_empty() {
            self.line += 1;
            return Err(self.wrong("the backup ended with the line before this one"));
        }
        let mut summary = self.account.summary(&self.about);
        summary.bytes += line.len() as u64;
        self.summary = Some(summary);
        Ok(())
    }

    /// The next line, with its end.
    fn next_line(&mut self) -> Result<Vec<u8>, BackupError> {
        let mut line = Vec::new();
        let limit = MAX_LINE_BYTES as u64;
        let read = self.input.by_ref().take(limit).read_until(b'\n', &mut line);
        read.map_err(BackupError::file(&self.path))?;
        if line.last() != Some(&b'\n') && line.len() < MAX_LINE_BYTES {
            return Err(BackupError::Truncated { path: self.path.clone(), line: self.line });
        }
        self.line += 1;
        if line.last() != Some(&b'\n') {
            return Err(self.wrong(format!("it is longer than {MAX_LINE_BYTES} bytes")));
        }
        Ok(line)
    }

    fn wrong(&self, reason: impl std::fmt::Display) -> BackupError {
        BackupError::Line { path: self.path.clone(), line: self.line, reason: reason.to_string() }
    }
}

/// Reads a backup to its end and checks every line; needs no network.
///
/// # Errors
/// [`BackupError`] naming the file and the line that is wrong.
pub fn verify(path: &Path) -> Result<Summary, BackupError> {
    read_to_end(Reader::open(path)?)
}

/// The same for a file in memory.
#[cfg(feature = "testing")]
pub(crate) fn verify_bytes(bytes: &[u8]) -> Result<Summary, BackupError> {
    read_to_end(Reader::new(Path::new("input"), bytes)?)
}

fn read_to_end<R: BufRead>(mut reader: Reader<R>) -> Result<Summary, BackupError> {
    while reader.next()?.is_some() {}
    let truncated = BackupError::Truncated { path: reader.path.clone(), line: reader.line };
    reader.summary.ok_or(truncated)
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
