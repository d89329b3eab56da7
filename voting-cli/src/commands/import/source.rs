//! The file: its ballots one by one, and its count.

use std::path::Path;

use voting_core::Digest;
use voting_core::ballot::Selection;
use voting_core::count::Profile;
use voting_core::election::{BallotForm, Contest, CountMethodId};
use voting_core::formats::blt::{Blt, BltBallot};
use voting_core::ranking::{Ranking, Tier};
use voting_core::tally::{ContestTally, Method, count_method};

use crate::exit::{CliError, Result};
use crate::state;

/// Ballots imported at most: beyond this, keys and receipts would no longer fit memory comfortably.
const MAX_BALLOTS: u64 = 1_000_000;

/// A file of ballots, ready to be cast.
pub(super) struct Source {
    /// Title of the election.
    pub(super) title: String,
    /// The one question.
    pub(super) contest: Contest,
    /// What each ballot says; ballots that occur several times stand here several times.
    pub(super) selections: Vec<Selection>,
    /// The ballots, counted straight from the file.
    pub(super) count: ContestTally,
    /// Ballots whose first preference is not clear: no voter can cast such a one, so they are left out.
    pub(super) overvotes: u64,
    /// Candidates that have withdrawn, by name.
    pub(super) withdrawn: Vec<String>,
    /// Hash of the file.
    digest: Digest,
}

impl Source {
    /// Reads a BLT file, or its first `limit` ballots, to be counted by a method.
    pub(super) fn read(path: &Path, limit: Option<u64>, counted: Counted) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(|error| state::cannot("read", path, &error))?;
        let parsed = Blt::parse(&bytes).map_err(|error| {
            CliError::usage(format!("{}: {error}", path.display()), "correct the file; docs/cli.md describes the format")
        })?;
        let name = path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        Self::of(limited(parsed, limit), Digest::of_parts("voting/import-file/v1", &[&bytes]), &name, counted)
            .map_err(|error| CliError { what: format!("{}: {}", path.display(), error.what), ..error })
    }

    fn of(blt: Blt, digest: Digest, name: &str, counted: Counted) -> Result<Self> {
        let total = blt.total();
        if total > MAX_BALLOTS {
            return Err(CliError::usage(
                format!("the file has {total} ballots, at most {MAX_BALLOTS} can be imported"),
                "import a part of it with --limit",
            ));
        }
        let contest = counted.contest(&blt)?;
        let mut count = ContestTally::new(&contest);
        let mut selections = Vec::new();
        for ballot in &blt.ballots {
            if let Some(selection) = selection(&contest, ballot) {
                let added = count.add(&contest, &selection, ballot.count);
                added.map_err(|error| CliError::usage(error, "correct the numbers of ballots in the file"))?;
                selections.extend((0..ballot.count).map(|_| selection.clone()));
            }
        }
        count.ballots = selections.len() as u64; // a line stands for many ballots
        if selections.is_empty() {
            return Err(CliError::usage("the file has no ballot that could be cast", "check that it is the right file"));
        }
        let named = |place: &u16| blt.candidates.get(usize::from(*place)).cloned();
        Ok(Self {
            title: if blt.title.is_empty() { name.to_owned() } else { blt.title.clone() },
            overvotes: total - selections.len() as u64,
            withdrawn: blt.withdrawn.iter().filter_map(named).collect(),
            contest,
            selections,
            count,
            digest,
        })
    }

    /// What makes an import the same as an earlier one.
    pub(super) fn identity(&self, title: &str, limit: Option<u64>) -> Digest {
        let title = Digest::of_parts("voting/import-title/v1", &[title.as_bytes()]);
        let rules = Digest::of_parts("voting/import-rules/v1", &[self.contest.method.as_str().as_bytes()]);
        let (limit, seats) = (limit.unwrap_or(u64::MAX).to_le_bytes(), self.contest.seats.to_le_bytes());
        Digest::of_parts("voting/import/v1", &[&self.digest.0, &title.0, &rules.0, &limit, &seats])
    }
}

/// How a file is to be counted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counted {
    pub(super) method: CountMethodId,
    /// Seats, if not those of the file.
    pub(super) seats: Option<u16>,
}

impl Counted {
    fn contest(self, blt: &Blt) -> Result<Contest> {
        let method = self.method;
        if method.form() == BallotForm::Scores {
            return Err(CliError::usage(
                format!("a BLT file holds rankings, which cannot be counted by {method}"),
                "choose another --method",
            ));
        }
        let title = if blt.title.is_empty() { "First preferences" } else { &blt.title };
        let withdrawn = if method.form() == BallotForm::Ranking { blt.withdrawn.clone() } else { Vec::new() };
        let seats = self.seats.unwrap_or(if method == CountMethodId::InstantRunoff { 1 } else { blt.seats });
        Ok(Contest { seats, withdrawn, ..Contest::new(title, method, &blt.candidates) })
    }
}

/// What a voter would cast who means what the paper says, as the method reads it; `None` for an overvote.
fn selection(contest: &Contest, ballot: &BltBallot) -> Option<Selection> {
    let first = ballot.first_preference();
    match count_method(contest.method) {
        Method::Sums(_) if contest.max > 1 => {
            let mut named: Vec<u16> = ballot.ranking.options().collect();
            named.sort_unstable();
            Some(if named.is_empty() { Selection::Blank } else { Selection::Marks(named) })
        }
        Method::Sums(_) => (!matches!(&first, Selection::Marks(marks) if marks.len() > 1)).then_some(first),
        Method::Ranked(method) => {
            let options = contest.options.len() as u16;
            let read = Profile::new(options, &contest.withdrawn, method.equals(), method.gaps(), [(&ballot.ranking, 1)])?;
            if read.overvotes > 0 {
                return None;
            }
            let tiers = read.tiers().next().map(|(tiers, _)| Ranking::from_tiers(tiers.map(Tier::options)));
            Some(tiers.map_or(Selection::Blank, Selection::Ranking))
        }
    }
}

/// The first ballots of a file.
fn limited(mut blt: Blt, limit: Option<u64>) -> Blt {
    let Some(mut left) = limit else { return blt };
    for ballot in &mut blt.ballots {
        ballot.count = ballot.count.min(left);
        left -= ballot.count;
    }
    blt.ballots.retain(|ballot| ballot.count > 0);
    blt
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "3 2\n-3\n2 1 2 0\n1 2=3 0\n3 3 1 0\n1 0\n0\n\"Ada\"\n\"Bob\"\n\"Cyd\"\n\"Board\"\n";

    fn read(text: &str, limit: Option<u64>) -> Result<Source> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        Source::read(file.path(), limit, Counted { method: CountMethodId::Plurality, seats: None })
    }

    #[test]
    fn ballots_are_cast_one_by_one_and_counted_as_the_file_says() {
        let source = read(FILE, None).unwrap();
        let ada = Selection::Marks(vec![0]);
        let cyd = Selection::Marks(vec![2]);
        assert_eq!(source.selections, [ada.clone(), ada, cyd.clone(), cyd.clone(), cyd, Selection::Blank]);
        assert_eq!((source.count.options.as_slice(), source.count.blank, source.overvotes), ([2, 0, 3].as_slice(), 1, 1));
        assert_eq!(
            (source.title.as_str(), source.contest.seats, source.withdrawn.as_slice()),
            ("Board", 2, ["Cyd".to_owned()].as_slice())
        );
    }

    #[test]
    fn a_limit_takes_the_first_ballots() {
        let source = read(FILE, Some(4)).unwrap();
        assert_eq!((source.selections.len(), source.overvotes), (3, 1));
        assert_eq!(source.count.options, [2, 0, 1]);
        let all = read(FILE, None).unwrap();
        assert_ne!(all.identity("a", None), all.identity("a", Some(4)));
        assert_ne!(all.identity("a", None), all.identity("b", None));
        assert_eq!(all.identity("a", None), read(FILE, None).unwrap().identity("a", None));
    }

    #[test]
    fn a_file_that_is_none_is_named_with_line_and_column() {
        let error = read("3 2\nx\n", None).err().unwrap();
        assert!(error.what.contains("line 2, column 1"), "{error:?}");
        assert!(read("1 1\n0\nAda\n", None).err().unwrap().what.contains("no ballot"));
    }
}
