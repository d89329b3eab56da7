//! CSV files of ballots: rankings in two layouts, and scores.
//!
//! ```text
//!  ranks                      candidates          scores: candidates, too
//!  count,rank1,rank2,rank3    Ada,Bob,Cyd,count   Ada,Bob,Cyd
//!  5,Ada,Cyd,                 1,,2,5              9,0,4
//!  1,,Bob,overvote            ,1,1,1              ,10,
//! ```
//!
//! A header whose columns are called `rank1`, `Choice_2`, `preference 3`, … has the layout of ranks; any other names the
//! candidates. docs/formats.md has the details. Candidates of the layout of ranks are sorted by name, so that neither the
//! order of the ballots nor who came first in it means anything.

use std::collections::{HashMap, HashSet};

use csv::ByteRecord;
use thiserror::Error;

use super::blt::{BltBallot, clip};
use crate::election::{MAX_OPTIONS, MAX_SCORE, MAX_TITLE_BYTES};
use crate::ranking::Ranking;

/// Longest line in bytes: a ballot that names every one of [`MAX_OPTIONS`] candidates in full.
const MAX_LINE_BYTES: usize = MAX_OPTIONS * (MAX_TITLE_BYTES + 8);
/// Most lines of ballots; a national election has fewer distinct ones.
const MAX_BALLOT_LINES: usize = 10_000_000;
/// Most columns: every candidate, a weight and some that are not read.
const MAX_COLUMNS: usize = MAX_OPTIONS + 20;
/// What columns with the number of equal ballots are called, as [`plain`] has it.
const WEIGHTS: [&str; 2] = ["weight", "count"];
/// What columns that tell ballots apart are called, where all others name candidates.
const IDS: [&str; 5] = ["id", "ballot", "ballotid", "voter", "voterid"];
/// What columns of ranks are called, before the number.
const RANKS: [&str; 4] = ["rank", "choice", "preference", "pref"];

/// Which way round the columns are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// A column per rank; the cells name candidates.
    Ranks,
    /// A column per candidate; the cells are ranks.
    Candidates,
}

/// A file of rankings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RankingsCsv {
    /// Which way round the columns are.
    pub layout: Layout,
    /// Names: in the order of the columns, or sorted where there is a column per rank.
    pub candidates: Vec<String>,
    /// The ballots, in the order of the lines.
    pub ballots: Vec<BltBallot>,
    /// Columns that mean nothing here and were not read.
    pub ignored: Vec<String>,
}

/// Ballots that give the same scores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScoreBallot {
    /// How many there are.
    pub count: u64,
    /// Candidates by place, ascending, and what they are given; those left out are given nothing.
    pub scores: Box<[(u16, u16)]>,
}

/// A file of scores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScoresCsv {
    /// Names, in the order of the columns.
    pub candidates: Vec<String>,
    /// The ballots, in the order of the lines.
    pub ballots: Vec<ScoreBallot>,
    /// Columns that mean nothing here and were not read.
    pub ignored: Vec<String>,
}

/// What is wrong with a file, and where.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("line {line}, field {field}: {reason}")]
pub struct CsvError {
    /// Line, from 1.
    pub line: u64,
    /// Field in the line, from 1.
    pub field: usize,
    /// What is wrong.
    pub reason: CsvReason,
}

/// The rule that a file breaks.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CsvReason {
    /// Nothing in the file.
    #[error("the file has no header")]
    Empty,
    /// A line is too long.
    #[error("the line is longer than {MAX_LINE_BYTES} bytes")]
    LineTooLong,
    /// Not UTF-8.
    #[error("the text is not UTF-8")]
    NotUtf8,
    /// Another number of fields than the header has.
    #[error("the line has {actual} fields, but the header has {expected}")]
    Fields {
        /// Fields of the line.
        actual: usize,
        /// Fields of the header.
        expected: usize,
    },
    /// Too many columns.
    #[error("there are more than {MAX_COLUMNS} columns")]
    TooManyColumns,
    /// Too many candidates, or none.
    #[error("{0} candidates; there must be between 1 and {MAX_OPTIONS}")]
    Candidates(usize),
    /// Columns of ranks that are not 1, 2, 3 and so on.
    #[error("the columns of ranks must be numbered from 1 on, each number once; {0} is missing, or there twice")]
    Ranks(usize),
    /// Two columns of weights.
    #[error("there is a second column for the number of ballots")]
    SecondWeight,
    /// A candidate with two columns.
    #[error("`{0}` has a column already")]
    SecondColumn(String),
    /// An empty or over-long name, or one with control characters.
    #[error("a name must have between 1 and {MAX_TITLE_BYTES} bytes and no control characters")]
    Name,
    /// Not a number of ballots.
    #[error("`{0}` is not a number of ballots")]
    NotAWeight(String),
    /// Not a rank.
    #[error(
        "`{0}` is not a rank: a whole number from 1 to {MAX_OPTIONS}, or nothing; columns with names of candidates in them must be called rank1, rank2, …"
    )]
    NotARank(String),
    /// Not a score.
    #[error("`{0}` is not a score: a whole number from 0 to {MAX_SCORE}, or nothing")]
    NotAScore(String),
    /// Scores cannot be read from columns of ranks.
    #[error("this file has a column per rank; scores need a column per candidate")]
    NoScores,
    /// Too many ballots in all.
    #[error("there are more ballots than can be counted")]
    TooManyBallots,
    /// Something that the CSV reader stumbles over.
    #[error("the line cannot be read: {0}")]
    Unreadable(String),
}

impl RankingsCsv {
    /// Reads a file of either layout.
    ///
    /// # Errors
    /// [`CsvError`] naming line, field and rule.
    pub fn parse(bytes: &[u8]) -> Result<Self, CsvError> {
        let (header, mut records) = open(bytes)?;
        let (candidates, ballots) = match header.layout {
            Layout::Ranks => by_ranks(&mut records, &header)?,
            Layout::Candidates => (header.names.clone(), by_candidates(&mut records, &header)?),
        };
        Ok(Self { layout: header.layout, candidates, ballots, ignored: header.ignored })
    }
}

impl ScoresCsv {
    /// Reads a file with a column per candidate and scores in the cells.
    ///
    /// # Errors
    /// [`CsvError`] naming line, field and rule.
    pub fn parse(bytes: &[u8]) -> Result<Self, CsvError> {
        let (header, mut records) = open(bytes)?;
        if header.layout == Layout::Ranks {
            return Err(CsvError { line: 1, field: 1, reason: CsvReason::NoScores });
        }
        let mut ballots = Vec::new();
        while let Some((line, count)) = records.next()? {
            let mut scores = Vec::new();
            for (place, field) in (0u16..).zip(&header.columns) {
                let cell = line.cell(*field)?;
                if !is_nothing(cell) {
                    let score = number(cell).and_then(|score| u16::try_from(score).ok()).filter(|score| *score <= MAX_SCORE);
                    scores.push((place, score.ok_or_else(|| line.error(*field, CsvReason::NotAScore(clip(cell))))?));
                }
            }
            ballots.push(ScoreBallot { count, scores: scores.into() });
        }
        Ok(Self { candidates: header.names, ballots, ignored: header.ignored })
    }
}

/// Ballots whose cells name candidates.
fn by_ranks(records: &mut Records<'_>, header: &Header) -> Result<(Vec<String>, Vec<BltBallot>), CsvError> {
    let mut known = HashMap::<String, u16>::new();
    let mut read = Vec::<(u64, Box<[Cell]>)>::new();
    while let Some((line, count)) = records.next()? {
        let mut cells: Vec<Cell> = Vec::with_capacity(header.columns.len());
        for field in &header.columns {
            let cell = match line.cell(*field)? {
                "" => Cell::Skipped,
                name => match known.get(name) {
                    // Who is named again is not given this rank as well.
                    Some(place) if cells.contains(&Cell::Names(*place)) => Cell::Skipped,
                    Some(place) => Cell::Names(*place),
                    None => first_named(line, *field, &mut known)?,
                },
            };
            cells.push(cell);
            if cell == Cell::Overvote {
                break; // who is meant here is not known, so what follows is not either
            }
        }
        read.push((count, cells.into()));
    }
    if known.is_empty() {
        return Err(CsvError { line: 1, field: 1, reason: CsvReason::Candidates(0) });
    }
    let mut names: Vec<(String, u16)> = known.into_iter().collect();
    names.sort_unstable();
    let mut places = vec![0u16; names.len()];
    for (place, (_, before)) in (0u16..).zip(&names) {
        places[usize::from(*before)] = place;
    }
    let ballots = read.into_iter().map(|(count, cells)| BltBallot { count, ranking: ranking(&cells, &places) }).collect();
    Ok((names.into_iter().map(|(name, _)| name).collect(), ballots))
}

/// What a cell says that is neither empty nor somebody known.
fn first_named(line: Line<'_>, field: usize, known: &mut HashMap<String, u16>) -> Result<Cell, CsvError> {
    match plain(line.cell(field)?).as_str() {
        "" | "skipped" | "undervote" => return Ok(Cell::Skipped),
        "overvote" => return Ok(Cell::Overvote),
        _ if known.len() >= MAX_OPTIONS => return Err(line.error(field, CsvReason::Candidates(MAX_OPTIONS + 1))),
        _ => {}
    }
    let place = known.len() as u16; // below MAX_OPTIONS
    known.insert(line.name(field)?.to_owned(), place);
    Ok(Cell::Names(place))
}

/// What a cell of a column of ranks says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cell {
    /// This candidate, by the order in which they first occur.
    Names(u16),
    Skipped,
    Overvote,
}

/// Preferences, with candidates at their final places. An overvote is for everyone who was not named before: the voter
/// prefers none of them to another, and where a method takes no equals, the ballot ends there.
fn ranking(cells: &[Cell], places: &[u16]) -> Ranking {
    let named = |cell: &Cell| if let Cell::Names(before) = cell { Some(places[usize::from(*before)]) } else { None };
    let end = cells.iter().rposition(|cell| *cell != Cell::Skipped).map_or(0, |last| last + 1);
    let named: Vec<u16> = cells.iter().map_while(named).collect();
    if named.len() == end {
        return Ranking::strict(named);
    }
    let mut left = vec![true; places.len()];
    Ranking::from_tiers(cells.iter().map(|cell| match cell {
        Cell::Names(before) => {
            let place = places[usize::from(*before)];
            left[usize::from(place)] = false;
            vec![place]
        }
        Cell::Skipped => Vec::new(),
        Cell::Overvote => (0u16..).zip(&left).filter_map(|(place, left)| left.then_some(place)).collect(),
    }))
}

/// Ballots whose cells are ranks.
fn by_candidates(records: &mut Records<'_>, header: &Header) -> Result<Vec<BltBallot>, CsvError> {
    let (mut ballots, mut ranks) = (Vec::new(), Vec::new());
    while let Some((line, count)) = records.next()? {
        ranks.clear();
        for (place, field) in (0u16..).zip(&header.columns) {
            let cell = line.cell(*field)?;
            if !is_nothing(cell) {
                let rank = number(cell).filter(|rank| (1..=MAX_OPTIONS as u64).contains(rank));
                let rank = rank.ok_or_else(|| line.error(*field, CsvReason::NotARank(clip(cell))))?;
                ranks.push((rank, place));
            }
        }
        ranks.sort_unstable();
        let last = ranks.last().map_or(0, |(rank, _)| *rank);
        let mut rest = ranks.as_slice();
        let tiers = (1..=last).map(|rank| {
            let (tier, after) = rest.split_at(rest.iter().take_while(|(at, _)| *at == rank).count());
            rest = after;
            tier.iter().map(|(_, place)| *place)
        });
        ballots.push(BltBallot { count, ranking: Ranking::from_tiers(tiers) });
    }
    Ok(ballots)
}

/// What a cell without a rank or a score has in it.
fn is_nothing(cell: &str) -> bool {
    cell.is_empty() || cell == "-"
}

/// A whole number.
fn number(cell: &str) -> Option<u64> {
    if cell.bytes().all(|byte| byte.is_ascii_digit()) { cell.parse().ok() } else { None }
}

/// Reads the header.
fn open(bytes: &[u8]) -> Result<(Header, Records<'_>), CsvError> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    if let Some((at, _)) = (1..).zip(bytes.split(|byte| *byte == b'\n')).find(|(_, line)| line.len() > MAX_LINE_BYTES) {
        return Err(CsvError { line: at, field: 1, reason: CsvReason::LineTooLong });
    }
    let delimiter = delimiter(bytes);
    let reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).delimiter(delimiter).from_reader(bytes);
    let mut records = Records { file: bytes, reader, record: ByteRecord::new(), fields: 0, weight: None, total: 0, lines: 0 };
    if !records.advance()? {
        return Err(CsvError { line: 1, field: 1, reason: CsvReason::Empty });
    }
    let header = Header::read(records.line())?;
    (records.fields, records.weight) = (records.record.len(), header.weight);
    Ok((header, records))
}

/// What stands between the fields: what the first line has most of. Some spreadsheets write semicolons or tabs.
fn delimiter(bytes: &[u8]) -> u8 {
    let first = bytes.split(|byte| *byte == b'\n').find(|line| !line.trim_ascii().is_empty()).unwrap_or_default();
    let often = |delimiter: &u8| first.iter().filter(|byte| *byte == delimiter).count();
    b"\t;,".iter().copied().max_by_key(often).unwrap_or(b',') // of equals the last
}

/// The lines after the header.
struct Records<'a> {
    file: &'a [u8],
    reader: csv::Reader<&'a [u8]>,
    record: ByteRecord,
    /// Fields of each.
    fields: usize,
    /// Field with the number of ballots.
    weight: Option<usize>,
    /// Ballots so far.
    total: u64,
    /// Lines so far.
    lines: usize,
}

impl Records<'_> {
    fn advance(&mut self) -> Result<bool, CsvError> {
        let number = self.reader.position().line();
        self.reader.read_byte_record(&mut self.record).map_err(|error| CsvError {
            line: number,
            field: 1,
            reason: CsvReason::Unreadable(clip(&error.to_string())),
        })
    }

    fn line(&self) -> Line<'_> {
        Line { file: self.file, record: &self.record }
    }

    /// The next line, and how many ballots it stands for.
    fn next(&mut self) -> Result<Option<(Line<'_>, u64)>, CsvError> {
        loop {
            if !self.advance()? {
                return Ok(None);
            }
            let line = self.line();
            if line.record.len() != self.fields {
                let reason = CsvReason::Fields { actual: line.record.len(), expected: self.fields };
                return Err(line.error(line.record.len().min(self.fields), reason));
            }
            let field = self.weight.unwrap_or_default();
            let count = match self.weight {
                None => 1,
                Some(field) => {
                    let cell = line.cell(field)?;
                    number(cell).ok_or_else(|| line.error(field, CsvReason::NotAWeight(clip(cell))))?
                }
            };
            let total = self.total.checked_add(count).filter(|_| self.lines < MAX_BALLOT_LINES);
            let Some(total) = total else { return Err(line.error(field, CsvReason::TooManyBallots)) };
            (self.total, self.lines) = (total, self.lines + 1);
            if count > 0 {
                return Ok(Some((self.line(), count)));
            }
        }
    }
}

/// What the columns are.
struct Header {
    layout: Layout,
    /// Columns of ranks in their order, or of candidates.
    columns: Vec<usize>,
    /// The candidates, where the columns are called after them.
    names: Vec<String>,
    weight: Option<usize>,
    ignored: Vec<String>,
}

impl Header {
    fn read(line: Line<'_>) -> Result<Self, CsvError> {
        let record = line.record;
        if record.len() > MAX_COLUMNS {
            return Err(line.error(MAX_COLUMNS, CsvReason::TooManyColumns));
        }
        let titles = (0..record.len()).map(|field| line.cell(field)).collect::<Result<Vec<_>, _>>()?;
        let plain: Vec<String> = titles.iter().map(|title| plain(title)).collect();
        let (mut ranks, mut candidates, mut weight, mut ids) = (Vec::new(), Vec::new(), None, Vec::new());
        for (field, title) in plain.iter().enumerate() {
            if WEIGHTS.contains(&title.as_str()) {
                if weight.replace(field).is_some() {
                    return Err(line.error(field, CsvReason::SecondWeight));
                }
            } else if let Some(rank) = RANKS.iter().find_map(|word| title.strip_prefix(word)?.parse::<usize>().ok()) {
                ranks.push((rank, field));
            } else if IDS.contains(&title.as_str()) {
                ids.push(field);
            } else {
                candidates.push(field);
            }
        }
        let (layout, columns, ignored) = if ranks.is_empty() {
            (Layout::Candidates, candidates, ids)
        } else {
            ranks.sort_unstable();
            if let Some((expected, (_, field))) = (1..).zip(&ranks).find(|(expected, (rank, _))| expected != rank) {
                return Err(line.error(*field, CsvReason::Ranks(expected)));
            }
            let mut ignored = [candidates, ids].concat();
            ignored.sort_unstable();
            (Layout::Ranks, ranks.into_iter().map(|(_, field)| field).collect(), ignored)
        };
        if columns.is_empty() || columns.len() > MAX_OPTIONS {
            return Err(line.error(0, CsvReason::Candidates(columns.len())));
        }
        let mut names = Vec::new();
        if layout == Layout::Candidates {
            let mut known = HashSet::new();
            for field in &columns {
                let name = line.name(*field)?;
                if !known.insert(name) {
                    return Err(line.error(*field, CsvReason::SecondColumn(clip(name))));
                }
                names.push(name.to_owned());
            }
        }
        let ignored = ignored.into_iter().filter_map(|field| titles.get(field).map(|title| clip(title))).collect();
        Ok(Self { layout, columns, names, weight, ignored })
    }
}

/// Letters and digits of a title, in lower case.
fn plain(title: &str) -> String {
    title.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// One record and where it stands.
#[derive(Clone, Copy)]
struct Line<'a> {
    file: &'a [u8],
    record: &'a ByteRecord,
}

impl<'a> Line<'a> {
    fn error(self, field: usize, reason: CsvReason) -> CsvError {
        CsvError { line: self.number(), field: field + 1, reason }
    }

    /// From 1. The reader's own position is that of the blank lines before.
    fn number(self) -> u64 {
        let at = self.record.position().and_then(|position| usize::try_from(position.byte()).ok()).unwrap_or_default();
        let (before, rest) = self.file.split_at_checked(at).unwrap_or((self.file, &[]));
        let blank = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
        before.iter().chain(blank).filter(|byte| **byte == b'\n').count() as u64 + 1
    }

    fn cell(self, field: usize) -> Result<&'a str, CsvError> {
        let cell = std::str::from_utf8(self.record.get(field).unwrap_or_default());
        cell.map(str::trim).map_err(|_| self.error(field, CsvReason::NotUtf8))
    }

    fn name(self, field: usize) -> Result<&'a str, CsvError> {
        let name = self.cell(field)?;
        let wrong = name.is_empty() || name.len() > MAX_TITLE_BYTES || name.chars().any(char::is_control);
        if wrong { Err(self.error(field, CsvReason::Name)) } else { Ok(name) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Vec<String>, Vec<(u64, String)>) {
        let file = RankingsCsv::parse(text.as_bytes()).unwrap();
        let shown = |ballot: &BltBallot| (ballot.count, serde_json::to_string(&ballot.ranking).unwrap());
        (file.candidates, file.ballots.iter().map(shown).collect())
    }

    fn owned(ballots: &[(u64, &str)]) -> Vec<(u64, String)> {
        ballots.iter().map(|(count, ranking)| (*count, (*ranking).to_owned())).collect()
    }

    #[test]
    fn columns_of_ranks_name_candidates() {
        let text = "\u{feff}ballotID,rank1,Rank_2,\"RANK 3\",Count\r\n\r\n7,Cyd,Ada,,5\r\n8,skipped,Bob,overvote,1\r\n9,,,,2\r\n\
                    1,Ada,Ada,\"Bob, B.\",1\r\n2,Overvote,Ada,Bob,1\r\n3,Bob,,,0\r\n";
        let (names, ballots) = read(text);
        assert_eq!(names, ["Ada", "Bob", "Bob, B.", "Cyd"]);
        let expected = owned(&[(5, "[[3],[0]]"), (1, "[[],[1],[0,2,3]]"), (2, "[]"), (1, "[[0],[],[2]]"), (1, "[[0,1,2,3]]")]);
        assert_eq!(ballots, expected);
        assert_eq!(RankingsCsv::parse(text.as_bytes()).unwrap().ignored, ["ballotID"]);
    }

    #[test]
    fn columns_of_candidates_hold_ranks() {
        for delimiter in [",", ";", "\t"] {
            let text = "id,Zoe,Ada,Bob,weight\na,1,,2,5\nb,3,1,1,1\nc,,-,,1\n".replace(',', delimiter);
            let (names, ballots) = read(&text);
            assert_eq!(names, ["Zoe", "Ada", "Bob"]);
            assert_eq!(ballots, owned(&[(5, "[[0],[2]]"), (1, "[[1,2],[],[0]]"), (1, "[]")]));
        }
        assert_eq!(read("Ada\n1\n").1, owned(&[(1, "[[0]]")]));
    }

    #[test]
    fn scores_are_read_by_candidate() {
        let file = ScoresCsv::parse(b"Ada,Bob,count\n9,0,2\n,10,1\n,,4\n").unwrap();
        let ballots: Vec<_> = file.ballots.iter().map(|ballot| (ballot.count, ballot.scores.to_vec())).collect();
        assert_eq!(ballots, [(2, vec![(0, 9), (1, 0)]), (1, vec![(1, 10)]), (4, vec![])]);
        assert_eq!(ScoresCsv::parse(b"rank1\nAda\n").unwrap_err().reason, CsvReason::NoScores);
        let error = ScoresCsv::parse(b"Ada,Bob\n1,101\n").unwrap_err();
        assert_eq!((error.line, error.field), (2, 2));
    }

    #[test]
    fn an_error_names_line_and_field() {
        let cases: &[(&str, u64, usize)] = &[
            ("", 1, 1),
            ("\n\n", 1, 1),
            ("count\n1\n", 1, 1),
            ("Ada,Bob,Ada\n", 1, 3),
            ("Ada,,Bob\n", 1, 2),
            ("Ada,A\0b\n", 1, 2),
            ("count,weight,Ada\n", 1, 2),
            ("rank1,rank3\n", 1, 2),
            ("rank1,rank1\n", 1, 2),
            ("rank0,rank1\n", 1, 1),
            ("rank1\n\n", 1, 1),
            ("Ada,Bob\n1,2\n\n2,x\n", 4, 2),
            ("Ada,Bob\n0,1\n", 2, 1),
            ("Ada,Bob\n1,1001\n", 2, 2),
            ("Ada,Bob\n1\n", 2, 2),
            ("Ada,Bob\n1,2,3\n", 2, 3),
            ("Ada,count\n1,-1\n", 2, 2),
            ("Ada,count\n1,18446744073709551616\n", 2, 2),
            ("Ada,count\n1,18446744073709551615\n1,1\n", 3, 2),
            ("rank1,rank2\nAda,\"B\nb\"\n", 2, 2),
        ];
        for (text, line, field) in cases {
            let error = RankingsCsv::parse(text.as_bytes()).unwrap_err();
            assert_eq!((error.line, error.field), (*line, *field), "{text:?}: {error}");
        }
        assert_eq!(RankingsCsv::parse(b"Ada\n\xff\n").unwrap_err().reason, CsvReason::NotUtf8);
    }
}
