//! BLT: files of ranked ballots, as OpenSTV, OpaVote and returning officers publish them.
//!
//! ```text
//!  3 1            three candidates, one seat
//!  -2             candidate 2 has withdrawn (optional)
//!  5 1 3 0        five ballots that prefer 1, then 3
//!  2 2=3 - 1 0    two ballots with 2 and 3 equal, a preference skipped, then 1
//!  (a7) 1 3 0     one ballot, whose id is left out (optional)
//!  1 0            one blank ballot
//!  0              end of the ballots
//!  "Ada"          a name per candidate, quoted or not
//!  "Bob"
//!  "Cyd"
//!  "Board"        the title (optional)
//! ```
//!
//! Blank lines and everything from a `#` on are ignored (in names only where the line begins with it),
//! and so are a byte order mark and carriage returns. docs/formats.md has the whole format and its sources.
//!
//! Lines that hold nothing but numbers take a fast way; every other line, and so every error, takes the other one.

use thiserror::Error;

use crate::ballot::Selection;
use crate::election::{Contest, CountMethodId, MAX_OPTIONS, MAX_TITLE_BYTES};
use crate::ranking::Ranking;
use crate::tally::{ContestTally, TallyError};

/// Longest line in bytes: a ballot that ranks every one of [`MAX_OPTIONS`] candidates fits many times over.
const MAX_LINE_BYTES: usize = 64 * 1024;
/// Most lines of ballots; a national election has fewer distinct ones.
const MAX_BALLOT_LINES: usize = 10_000_000;

/// Ballots that say the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BltBallot {
    /// How many there are.
    pub count: u64,
    /// Their preferences, candidates by place from 0.
    pub ranking: Ranking,
}

/// A file of ranked ballots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blt {
    /// Title; empty if the file has none.
    pub title: String,
    /// Names, in the order of their numbers.
    pub candidates: Vec<String>,
    /// Candidates to elect.
    pub seats: u16,
    /// Candidates that have withdrawn, by place from 0, ascending.
    pub withdrawn: Vec<u16>,
    /// The ballots.
    pub ballots: Vec<BltBallot>,
}

/// What is wrong with a file, and where.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("line {line}, column {column}: {reason}")]
pub struct BltError {
    /// Line, from 1.
    pub line: usize,
    /// Column in bytes, from 1.
    pub column: usize,
    /// What is wrong.
    pub reason: BltReason,
}

/// The rule that a file breaks.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BltReason {
    /// The line is too long.
    #[error("the line is longer than {MAX_LINE_BYTES} bytes")]
    LineTooLong,
    /// Not UTF-8.
    #[error("the text is not UTF-8")]
    NotUtf8,
    /// The file ends too early.
    #[error("the file ends where {0} should be")]
    Ends(&'static str),
    /// Not a number.
    #[error("`{0}` is not {1}")]
    NotANumber(String, &'static str),
    /// A candidate number outside the file's own.
    #[error("there is no candidate {actual}: the file has {candidates}")]
    UnknownCandidate {
        /// The number given.
        actual: u64,
        /// How many there are.
        candidates: usize,
    },
    /// Too many candidates, or none.
    #[error("{0} candidates; there must be between 1 and {MAX_OPTIONS}")]
    Candidates(u64),
    /// Too many seats, or none.
    #[error("{seats} seats for {candidates} candidates; there must be between 1 and that many")]
    Seats {
        /// Seats given.
        seats: u64,
        /// Candidates there are.
        candidates: usize,
    },
    /// A candidate twice on one ballot.
    #[error("candidate {0} is ranked twice")]
    Repeated(u16),
    /// Too many ballots in all.
    #[error("there are more ballots than can be counted")]
    TooManyBallots,
    /// A ballot line that does not end in 0.
    #[error("the ballot does not end in 0")]
    Unended,
    /// Something after the end of a line or of the file.
    #[error("nothing may stand here, but `{0}` does")]
    Trailing(String),
    /// A ballot's id that is not closed.
    #[error("the ballot's id is not closed")]
    OpenId,
    /// A ballot with an id that is said to occur several times, or never.
    #[error("a ballot with an id is one ballot, but its number is {0}")]
    IdOfMany(u64),
    /// A quote that is not closed.
    #[error("the quote is not closed")]
    OpenQuote,
    /// An empty or over-long name, or one with control characters.
    #[error("a name must have between 1 and {MAX_TITLE_BYTES} bytes and no control characters")]
    Name,
}

/// One line without its ending.
struct Line<'a> {
    number: usize,
    text: &'a str,
}

impl<'a> Line<'a> {
    fn error(&self, at: &str, reason: BltReason) -> BltError {
        // `at` is part of this line.
        let column = (at.as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize) + 1;
        BltError { line: self.number, column, reason }
    }

    fn words(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        words(self.text)
    }

    /// The empty text at its end.
    fn end(&self) -> &'a str {
        self.text.get(self.text.len()..).unwrap_or_default()
    }

    fn number(&self, word: &str, what: &'static str) -> Result<u64, BltError> {
        let digits = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
        let parsed = if digits { word.parse().ok() } else { None };
        parsed.ok_or_else(|| self.error(word, BltReason::NotANumber(clip(word), what)))
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split('#').next().unwrap_or_default().split_ascii_whitespace()
}

/// The beginning of a text, fit to be shown.
pub(super) fn clip(text: &str) -> String {
    text.chars().take(40).map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// Reads lines with their numbers, strictly within the bounds.
struct Lines<'a> {
    rest: &'a [u8],
    number: usize,
}

impl<'a> Lines<'a> {
    /// The next line, or `None` at the end.
    fn next(&mut self) -> Result<Option<Line<'a>>, BltError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        self.number += 1;
        let within = self.rest.get(..=MAX_LINE_BYTES).unwrap_or(self.rest);
        let length = match within.iter().position(|byte| *byte == b'\n') {
            Some(length) => length,
            None if self.rest.len() <= MAX_LINE_BYTES => self.rest.len(),
            None => return Err(BltError { line: self.number, column: MAX_LINE_BYTES + 1, reason: BltReason::LineTooLong }),
        };
        let (line, rest) = self.rest.split_at(length);
        self.rest = rest.get(1..).unwrap_or_default();
        let text = std::str::from_utf8(line).map_err(|error| BltError {
            line: self.number,
            column: error.valid_up_to() + 1,
            reason: BltReason::NotUtf8,
        })?;
        Ok(Some(Line { number: self.number, text: text.trim_end_matches('\r') }))
    }

    /// The next line that says something.
    fn next_filled(&mut self) -> Result<Option<Line<'a>>, BltError> {
        while let Some(line) = self.next()? {
            if line.text.bytes().find(|byte| !byte.is_ascii_whitespace()).is_some_and(|byte| byte != b'#') {
                return Ok(Some(line));
            }
        }
        Ok(None)
    }

    /// The next line in the part with names, where `#` only begins a comment at the beginning.
    fn next_name(&mut self) -> Result<Option<Line<'a>>, BltError> {
        while let Some(line) = self.next()? {
            let text = line.text.trim();
            if !text.is_empty() && !text.starts_with('#') {
                return Ok(Some(line));
            }
        }
        Ok(None)
    }

    fn end(&self, what: &'static str) -> BltError {
        BltError { line: self.number + 1, column: 1, reason: BltReason::Ends(what) }
    }
}

impl Blt {
    /// Reads a file.
    ///
    /// # Errors
    /// [`BltError`] naming line, column and rule.
    pub fn parse(bytes: &[u8]) -> Result<Self, BltError> {
        let mut lines = Lines { rest: bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes), number: 0 };
        let (count, seats) = head(&mut lines)?;
        let mut blt = Self { title: String::new(), candidates: Vec::new(), seats, withdrawn: Vec::new(), ballots: Vec::new() };
        blt.read_ballots(&mut lines, count)?;
        for _ in 0..count {
            let line = lines.next_name()?.ok_or_else(|| lines.end("the name of a candidate"))?;
            blt.candidates.push(name(&line)?);
        }
        if let Some(line) = lines.next_name()? {
            blt.title = name(&line)?;
        }
        if let Some(line) = lines.next_name()? {
            return Err(line.error(line.text, BltReason::Trailing(clip(line.text.trim()))));
        }
        Ok(blt)
    }

    fn read_ballots(&mut self, lines: &mut Lines<'_>, candidates: usize) -> Result<(), BltError> {
        let (mut total, mut begun) = (0u64, false);
        let mut reader = Reader { candidates, seen: vec![0; candidates], stamp: 0, read: Vec::new() };
        loop {
            let line = lines.next_filled()?.ok_or_else(|| lines.end("the 0 that ends the ballots"))?;
            if !begun && line.text.trim_start().starts_with('-') {
                self.withdraw(&line, candidates)?;
                continue;
            }
            begun = true;
            let ballot = match reader.plain(line.text) {
                Some(ballot) => ballot,
                None => match reader.any(&line)? {
                    Some(ballot) => ballot,
                    None => return Ok(()),
                },
            };
            let too_many = || line.error(line.text, BltReason::TooManyBallots);
            total = total.checked_add(ballot.count).ok_or_else(too_many)?;
            if self.ballots.len() >= MAX_BALLOT_LINES {
                return Err(too_many());
            }
            self.ballots.push(ballot);
        }
    }

    /// `-2 -5`: candidates that have withdrawn.
    fn withdraw(&mut self, line: &Line<'_>, candidates: usize) -> Result<(), BltError> {
        for word in line.words() {
            let number = word.strip_prefix('-').unwrap_or("");
            self.withdrawn.push(candidate(line, number, candidates)?);
        }
        self.withdrawn.sort_unstable();
        self.withdrawn.dedup();
        Ok(())
    }

    /// Number of ballots.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.ballots.iter().map(|ballot| ballot.count).sum() // checked while reading
    }

    /// A plurality contest between the candidates, for the seats of the file.
    #[must_use]
    pub fn plurality_contest(&self) -> Contest {
        let title = if self.title.is_empty() { "First preferences" } else { &self.title };
        Contest { seats: self.seats, ..Contest::new(title, CountMethodId::Plurality, &self.candidates) }
    }

    /// Counts first preferences straight from the file: equal first preferences are an overvote, a
    /// ballot without any preference is blank.
    ///
    /// # Errors
    /// [`TallyError::Overflow`].
    pub fn first_preferences(&self) -> Result<ContestTally, TallyError> {
        let contest = self.plurality_contest();
        let mut tally = ContestTally::new(&contest);
        for ballot in &self.ballots {
            tally.add(&contest, &ballot.first_preference(), ballot.count)?;
        }
        tally.ballots = self.total(); // a line stands for many ballots
        Ok(tally)
    }
}

impl BltBallot {
    /// The first preference: the first rank that is not skipped.
    #[must_use]
    pub fn first_preference(&self) -> Selection {
        match self.ranking.tiers().find(|tier| !tier.is_skipped()) {
            Some(tier) => Selection::Marks(tier.options().collect()),
            None => Selection::Blank,
        }
    }
}

fn head(lines: &mut Lines<'_>) -> Result<(usize, u16), BltError> {
    let line = lines.next_filled()?.ok_or_else(|| lines.end("the numbers of candidates and seats"))?;
    let mut words = line.words();
    let first = words.next().unwrap_or_default();
    let count = line.number(first, "a number of candidates")?;
    if count == 0 || count > MAX_OPTIONS as u64 {
        return Err(line.error(first, BltReason::Candidates(count)));
    }
    let candidates = count as usize;
    let word = words.next().ok_or_else(|| line.error(line.end(), BltReason::Ends("the number of seats")))?;
    let seats = line.number(word, "a number of seats")?;
    if seats == 0 || seats > count {
        return Err(line.error(word, BltReason::Seats { seats, candidates }));
    }
    match words.next() {
        Some(more) => Err(line.error(more, BltReason::Trailing(clip(more)))),
        None => Ok((candidates, seats as u16)),
    }
}

fn candidate(line: &Line<'_>, word: &str, candidates: usize) -> Result<u16, BltError> {
    let number = line.number(word, "a candidate's number")?;
    if number == 0 || number > candidates as u64 {
        return Err(line.error(word, BltReason::UnknownCandidate { actual: number, candidates }));
    }
    Ok((number - 1) as u16)
}

/// Reads lines of ballots, with what it takes to notice a candidate named twice.
struct Reader {
    candidates: usize,
    /// Per candidate, the last line that names them, by its stamp.
    seen: Vec<u32>,
    /// Of the present line; there are fewer than 2^31 lines, and at most two stamps for each.
    stamp: u32,
    /// Candidates read in the present line.
    read: Vec<u16>,
}

impl Reader {
    /// A line of nothing but numbers, by far the most frequent one: `5 1 3 0`. `None` says nothing but that this is another
    /// kind of line, or the last, or a wrong one.
    fn plain(&mut self, text: &str) -> Option<BltBallot> {
        self.stamp += 1;
        self.read.clear();
        let mut bytes = text.bytes();
        let count = digits(&mut bytes).filter(|count| *count > 0)?;
        loop {
            let number = digits(&mut bytes)?;
            let Some(place) = number.checked_sub(1) else { break };
            let seen = self.seen.get_mut(usize::try_from(place).ok()?)?;
            if std::mem::replace(seen, self.stamp) == self.stamp {
                return None;
            }
            self.read.push(place as u16); // there are at most MAX_OPTIONS candidates
        }
        let ranking = Ranking::strict(self.read.iter().copied());
        bytes.next().is_none().then_some(BltBallot { count, ranking })
    }

    /// A line of any kind; `None` if it is the last.
    fn any(&mut self, line: &Line<'_>) -> Result<Option<BltBallot>, BltError> {
        let text = line.text.trim_start();
        let (identified, text) = match text.strip_prefix('(') {
            None => (false, text),
            Some(rest) => (true, rest.split_once(')').ok_or_else(|| line.error(text, BltReason::OpenId))?.1),
        };
        let mut words = words(text);
        let Some(first) = words.next() else { return Err(line.error(line.end(), BltReason::Ends("a number of ballots"))) };
        let count = line.number(first, "a number of ballots")?;
        if identified && count != 1 {
            return Err(line.error(first, BltReason::IdOfMany(count)));
        }
        if count == 0 {
            return match words.next() {
                None => Ok(None),
                Some(more) => Err(line.error(more, BltReason::Trailing(clip(more)))),
            };
        }
        Ok(Some(BltBallot { count, ranking: self.ranking(line, words)? }))
    }

    fn ranking<'a>(&mut self, line: &Line<'a>, words: impl Iterator<Item = &'a str>) -> Result<Ranking, BltError> {
        self.stamp += 1;
        let mut tiers: Vec<Vec<u16>> = Vec::new();
        let mut ended = false;
        for word in words {
            match word {
                _ if ended => return Err(line.error(word, BltReason::Trailing(clip(word)))),
                "0" => ended = true,
                "-" => tiers.push(Vec::new()),
                _ => tiers.push(word.split('=').map(|part| self.once(line, part)).collect::<Result<_, _>>()?),
            }
        }
        if ended { Ok(Ranking::from_tiers(tiers)) } else { Err(line.error(line.end(), BltReason::Unended)) }
    }

    /// A candidate that this line has not named before.
    fn once(&mut self, line: &Line<'_>, part: &str) -> Result<u16, BltError> {
        let place = candidate(line, part, self.candidates)?;
        match self.seen.get_mut(usize::from(place)).map(|seen| std::mem::replace(seen, self.stamp)) {
            Some(before) if before == self.stamp => Err(line.error(part, BltReason::Repeated(place + 1))),
            _ => Ok(place),
        }
    }
}

/// A number that a blank or the end of the line follows; the blank is taken too.
fn digits(bytes: &mut std::str::Bytes<'_>) -> Option<u64> {
    let mut number = u64::from(bytes.next()?.wrapping_sub(b'0'));
    if number > 9 {
        return None;
    }
    for byte in bytes {
        match byte {
            b'0'..=b'9' => number = number.checked_mul(10)?.checked_add(u64::from(byte - b'0'))?,
            b' ' => break,
            _ => return None,
        }
    }
    Some(number)
}

/// A name, quoted or not; inside quotes a doubled quote stands for one.
fn name(line: &Line<'_>) -> Result<String, BltError> {
    let text = line.text.trim();
    let name = match text.strip_prefix('"') {
        None => text.to_owned(),
        Some(quoted) => {
            let mut name = String::new();
            let mut rest = quoted;
            loop {
                let (part, after) = rest.split_once('"').ok_or_else(|| line.error(text, BltReason::OpenQuote))?;
                name.push_str(part);
                match after.strip_prefix('"') {
                    Some(more) => {
                        name.push('"');
                        rest = more;
                    }
                    None => {
                        let after = after.trim_start();
                        if !after.is_empty() && !after.starts_with('#') {
                            return Err(line.error(after, BltReason::Trailing(clip(after))));
                        }
                        break name.trim().to_owned();
                    }
                }
            }
        }
    };
    if name.is_empty() || name.len() > MAX_TITLE_BYTES || name.chars().any(char::is_control) {
        return Err(line.error(text, BltReason::Name));
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    const FILE: &str = "\u{feff}3 1 # a comment\r\n-2\r\n\r\n5 1 3 0\n2 2=3 - 1 0\n(a #1) 1 0\n1 - 3 0\n0\n\"Ada \"\"the first\"\"\" # note\nBob (Ind) #2\n# a comment\n\"Cyd\"\n\"Board\"\n";

    #[test]
    fn reads_every_feature() {
        let blt = Blt::parse(FILE.as_bytes()).unwrap();
        assert_eq!((blt.title.as_str(), blt.seats, blt.withdrawn.as_slice()), ("Board", 1, &[1][..]));
        assert_eq!(blt.candidates, ["Ada \"the first\"", "Bob (Ind) #2", "Cyd"]);
        let rankings: Vec<_> =
            blt.ballots.iter().map(|ballot| (ballot.count, serde_json::to_string(&ballot.ranking).unwrap())).collect();
        let expected = [(5, "[[0],[2]]"), (2, "[[1,2],[],[0]]"), (1, "[]"), (1, "[[],[2]]")];
        assert_eq!(rankings, expected.map(|(count, ranking)| (count, ranking.to_owned())));
        let tally = blt.first_preferences().unwrap();
        assert_eq!((tally.options.as_slice(), tally.blank, tally.overvotes, tally.ballots), (&[5, 0, 1][..], 1, 2, 9));
    }

    #[test]
    fn an_error_names_line_and_column() {
        let cases: &[(&str, usize, usize)] = &[
            ("", 1, 1),
            ("x 1\n", 1, 1),
            ("0 1\n", 1, 1),
            ("1000001 1\n", 1, 1),
            ("3\n", 1, 2),
            ("3 4\n", 1, 3),
            ("3 1 1\n", 1, 5),
            ("3 1\n1 4 0\n", 2, 3),
            ("3 1\n1 2 2 0\n", 2, 5),
            ("3 1\n1 2\n", 2, 4),
            ("3 1\n1 2 0 3\n", 2, 7),
            ("3 1\n18446744073709551616 1 0\n", 2, 1),
            ("3 1\n18446744073709551615 1 0\n1 1 0\n", 3, 1),
            ("3 1\n1 1=x 0\n", 2, 5),
            ("3 1\n1 1 0\n", 3, 1),
            ("1 1\n0\n\"Ada\n", 3, 1),
            ("1 1\n0\nAda\nTitle\nmore\n", 5, 1),
            ("1 1\n0 1\n", 2, 3),
            ("3 1\n(a7 1 0\n", 2, 1),
            ("3 1\n(a7) 2 1 0\n", 2, 6),
            ("3 1\n(a7)\n", 2, 5),
            ("3 1\n(a7) 0\n", 2, 6),
            ("3 1\n-0\n", 2, 2),
            ("1 1\n0\nA\0da\n", 3, 1),
        ];
        for (text, line, column) in cases {
            let error = Blt::parse(text.as_bytes()).unwrap_err();
            assert_eq!((error.line, error.column), (*line, *column), "{text:?}: {error}");
        }
        let endless = vec![b'1'; 10 * MAX_LINE_BYTES];
        assert_eq!(Blt::parse(&endless).unwrap_err().reason, BltReason::LineTooLong);
        assert_eq!(Blt::parse(b"1 1\n0\n\xff\n").unwrap_err().reason, BltReason::NotUtf8);
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(bytes in vec(any::<u8>(), 0..300), text in "[0-9=\\- \n\"#a()]{0,200}") {
            let _ = Blt::parse(&bytes);
            let _ = Blt::parse(text.as_bytes());
        }

        #[test]
        fn the_fast_way_reads_what_the_other_reads(text in "[0-5]{1,2}( [0-5]){0,6}[ #]?") {
            let reader = || Reader { candidates: 4, seen: vec![0; 4], stamp: 0, read: Vec::new() };
            let slow = reader().any(&Line { number: 1, text: &text });
            match reader().plain(&text) {
                Some(ballot) => prop_assert_eq!(slow, Ok(Some(ballot))),
                None => prop_assert!(!matches!(slow, Ok(Some(_))) || text.ends_with('#') || text.starts_with('0'), "{text}"),
            }
        }
    }
}
