//! The file: what kind it is, whose names it has, and what its ballots say.

use std::io::Read as _;
use std::path::Path;

use serde::Serialize;
use sha2::{Digest as _, Sha256};
use voting_core::Digest;
use voting_core::election::{BallotForm, CountMethodId};
use voting_core::formats::blt::{Blt, BltBallot};
use voting_core::formats::rankings_csv::{Layout, RankingsCsv, ScoreBallot, ScoresCsv};

use crate::exit::{CliError, Result};
use crate::state;

/// Largest file: ten million lines that rank twenty candidates fit; and the ballots of a file fit the memory of a usual machine.
const MAX_FILE_BYTES: u64 = 1024 * 1024 * 1024;
/// How much of a file is looked at to find out its kind.
const PROBE_BYTES: usize = 4 * 1024;

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Kind {
    Blt,
    /// CSV with a column per rank.
    CsvRanks,
    /// CSV with a column per candidate, ranks in the cells.
    CsvCandidates,
    /// CSV with a column per candidate, scores in the cells.
    CsvScores,
}

impl Kind {
    pub(super) const fn describe(self) -> &'static str {
        match self {
            Self::Blt => "BLT",
            Self::CsvRanks => "CSV, a column per rank",
            Self::CsvCandidates => "CSV, a column per candidate with ranks",
            Self::CsvScores => "CSV, a column per candidate with scores",
        }
    }
}

/// What the ballots say.
#[derive(Debug)]
pub(super) enum Ballots {
    Rankings(Vec<BltBallot>),
    Scores(Vec<ScoreBallot>),
}

/// A file of ballots.
#[derive(Debug)]
pub(super) struct Source {
    /// Its name, without the directory.
    pub(super) name: String,
    pub(super) kind: Kind,
    /// SHA-256 of its bytes, as `sha256sum` prints it.
    pub(super) digest: Digest,
    /// The file's title; empty if it has none.
    pub(super) title: String,
    /// The file's seats, if it says.
    pub(super) seats: Option<u16>,
    pub(super) candidates: Vec<String>,
    /// By place, ascending.
    pub(super) withdrawn: Vec<u16>,
    pub(super) ballots: Ballots,
    /// Columns that were not read.
    pub(super) ignored: Vec<String>,
}

impl Source {
    /// Reads a file for a method.
    pub(super) fn read(path: &Path, method: CountMethodId) -> Result<Self> {
        let bytes = bytes(path)?;
        let source = Self::parse(path, &bytes, method)
            .map_err(|error| CliError { what: format!("{}: {}", path.display(), error.what), ..error })?;
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        Ok(Self { name, digest: Digest(Sha256::digest(&bytes).into()), ..source })
    }

    fn parse(path: &Path, bytes: &[u8], method: CountMethodId) -> Result<Self> {
        let scores = method.form() == BallotForm::Scores;
        match (is_blt(path, bytes), scores) {
            (true, true) => Err(CliError::usage(
                format!("a BLT file holds rankings, which cannot be counted by {method}"),
                "choose another --method, or give a CSV file with a column per candidate and scores in its cells",
            )),
            (true, false) => {
                let blt = Blt::parse(bytes).map_err(wrong)?;
                Ok(Self {
                    title: blt.title,
                    seats: Some(blt.seats),
                    withdrawn: blt.withdrawn,
                    ..Self::new(Kind::Blt, blt.candidates, Ballots::Rankings(blt.ballots), Vec::new())
                })
            }
            (false, true) => {
                let csv = ScoresCsv::parse(bytes).map_err(wrong)?;
                Ok(Self::new(Kind::CsvScores, csv.candidates, Ballots::Scores(csv.ballots), csv.ignored))
            }
            (false, false) => {
                let csv = RankingsCsv::parse(bytes).map_err(wrong)?;
                let kind = if csv.layout == Layout::Ranks { Kind::CsvRanks } else { Kind::CsvCandidates };
                Ok(Self::new(kind, csv.candidates, Ballots::Rankings(csv.ballots), csv.ignored))
            }
        }
    }

    fn new(kind: Kind, candidates: Vec<String>, ballots: Ballots, ignored: Vec<String>) -> Self {
        Self {
            name: String::new(),
            kind,
            digest: Digest::ZERO,
            title: String::new(),
            seats: None,
            candidates,
            withdrawn: Vec::new(),
            ballots,
            ignored,
        }
    }
}

fn wrong(error: impl std::fmt::Display) -> CliError {
    CliError::usage(error, "correct the file; docs/formats.md describes the formats")
}

/// The whole file, if it is one and not endless.
fn bytes(path: &Path) -> Result<Vec<u8>> {
    let cannot = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound | std::io::ErrorKind::IsADirectory => {
            CliError::usage(format!("cannot read {}: {error}", path.display()), "name a file of ballots, BLT or CSV")
        }
        _ => state::cannot("read", path, &error),
    };
    let mut bytes = Vec::new();
    std::fs::File::open(path).and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)).map_err(cannot)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(CliError::usage(
            format!("{} has more than {} MiB", path.display(), MAX_FILE_BYTES >> 20),
            "put ballots that say the same into one line, with their number",
        ));
    }
    Ok(bytes)
}

/// By its name; or else because its first line is two numbers, apart from comments.
fn is_blt(path: &Path, bytes: &[u8]) -> bool {
    match path.extension().map(|extension| extension.to_string_lossy().to_lowercase()).as_deref() {
        Some("blt") => return true,
        Some("csv" | "tsv") => return false,
        _ => {}
    }
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let probe = String::from_utf8_lossy(bytes.get(..PROBE_BYTES).unwrap_or(bytes));
    let first = probe.lines().map(|line| line.split('#').next().unwrap_or_default().trim()).find(|line| !line.is_empty());
    first.is_some_and(|line| {
        line.split_whitespace().count() == 2 && line.split_whitespace().all(|word| word.bytes().all(|byte| byte.is_ascii_digit()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_what_its_name_says_or_else_its_first_line() {
        let is = |name: &str, text: &str| is_blt(Path::new(name), text.as_bytes());
        assert!(is("x.blt", "") && is("x.BLT", "a,b") && !is("x.csv", "3 1"));
        assert!(is("x", "\u{feff}# a comment\n\n3 1 # so many\n") && is("x.txt", "10 4\n"));
        assert!(!is("x", "rank1,rank2\n") && !is("x", "3;1\n") && !is("x", "") && !is("x", "3 1 1\n"));
    }
}
