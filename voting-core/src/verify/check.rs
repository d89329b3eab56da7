//! The list of checks, and what became of each.

use std::fmt;

use serde::Serialize;

use crate::ids::Height;

/// One check of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(into = "&'static str")]
#[non_exhaustive]
pub enum Check {
    /// The file has the format and nothing else.
    Format,
    /// The genesis is usable and the one expected.
    Genesis,
    /// The trustees' ceremony follows its rules.
    Ceremony,
    /// The election's key is the one of the ceremony.
    ElectionKey,
    /// What ballots are bound to.
    ElectionHash,
    /// Headers form one unbroken chain.
    Parents,
    /// Quorums finalized it.
    Certificates,
    /// Blocks contain what their headers commit to.
    Entries,
    /// Officers' acts follow the rules.
    LifeCycle,
    /// No ballot twice.
    UniqueBallots,
    /// Voters' keys are certified.
    VoterKeys,
    /// Signatures hold.
    Signatures,
    /// Ballots were cast while voting was open.
    Window,
    /// Replacing ballots follow the re-vote rule.
    Sequence,
    /// Ballots answer the question.
    Selections,
    /// Sealed values are in range.
    Ranges,
    /// Sealed contests keep their limits.
    Limits,
    /// Every ballot has a code of its own.
    Codes,
    /// The last valid ballot of each voter counts, with its weight.
    LastVote,
    /// The encrypted sums, added up again.
    Aggregates,
    /// The sums were decrypted rightly.
    Decryptions,
    /// The report speaks of this election's contests and options.
    Labels,
    /// No sum exceeds what the voters could give.
    Totals,
    /// Ballots that were opened hold what was shown, and do not count.
    Challenges,
    /// Counts agree.
    Counts,
    /// Nothing is missing.
    Complete,
    /// Known blocks are part of the chain.
    Extends,
    /// The count, counted again.
    Recount,
}

impl Check {
    /// All checks in order.
    pub const ALL: [Self; 28] = [
        Self::Format,
        Self::Genesis,
        Self::Ceremony,
        Self::ElectionKey,
        Self::ElectionHash,
        Self::Parents,
        Self::Certificates,
        Self::Entries,
        Self::LifeCycle,
        Self::UniqueBallots,
        Self::VoterKeys,
        Self::Signatures,
        Self::Window,
        Self::Sequence,
        Self::Selections,
        Self::Ranges,
        Self::Limits,
        Self::Codes,
        Self::LastVote,
        Self::Aggregates,
        Self::Decryptions,
        Self::Labels,
        Self::Totals,
        Self::Challenges,
        Self::Counts,
        Self::Complete,
        Self::Extends,
        Self::Recount,
    ];

    /// Those that are through when the last block has been replayed.
    pub(super) const STREAMED: [Self; 10] = [
        Self::Format,
        Self::Parents,
        Self::Entries,
        Self::LifeCycle,
        Self::UniqueBallots,
        Self::VoterKeys,
        Self::Signatures,
        Self::Window,
        Self::Sequence,
        Self::Selections,
    ];

    /// Its number in the project's list; checks of one number belong together.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Format | Self::Genesis => 1,
            Self::Ceremony => 2,
            Self::ElectionKey => 3,
            Self::ElectionHash => 4,
            Self::Parents | Self::Certificates | Self::Entries | Self::LifeCycle => 5,
            Self::UniqueBallots => 6,
            Self::VoterKeys | Self::Signatures | Self::Window | Self::Sequence | Self::Selections => 7,
            Self::Ranges => 8,
            Self::Limits => 9,
            Self::Codes => 10,
            Self::LastVote => 11,
            Self::Aggregates => 12,
            Self::Decryptions => 13,
            Self::Labels | Self::Totals => 14,
            Self::Challenges => 15,
            Self::Counts => 16,
            Self::Complete | Self::Extends => 17,
            Self::Recount => 18,
        }
    }

    /// A stable code for programs.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Format => "format",
            Self::Genesis => "genesis",
            Self::Ceremony => "ceremony",
            Self::ElectionKey => "election_key",
            Self::ElectionHash => "election_hash",
            Self::Parents => "parents",
            Self::Certificates => "certificates",
            Self::Entries => "entries",
            Self::LifeCycle => "life_cycle",
            Self::UniqueBallots => "unique_ballots",
            Self::VoterKeys => "voter_keys",
            Self::Signatures => "signatures",
            Self::Window => "window",
            Self::Sequence => "sequence",
            Self::Selections => "selections",
            Self::Ranges => "ranges",
            Self::Limits => "limits",
            Self::Codes => "codes",
            Self::LastVote => "last_vote",
            Self::Aggregates => "aggregates",
            Self::Decryptions => "decryptions",
            Self::Labels => "labels",
            Self::Totals => "totals",
            Self::Challenges => "challenges",
            Self::Counts => "counts",
            Self::Complete => "complete",
            Self::Extends => "extends",
            Self::Recount => "recount",
        }
    }

    /// What it proves, for people.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Format => "The file is a whole bundle of a known version, every byte in its one place",
            Self::Genesis => "The genesis is well formed and the one expected",
            Self::Ceremony => "The trustees' ceremony holds: commitments, proofs, shares complained about, signatures",
            Self::ElectionKey => "The key that ballots are sealed to is the one that the ceremony made",
            Self::ElectionHash => "Ballots are bound to definition, key, ceremony, roll and authorities",
            Self::Parents => "Every block belongs to this chain and names the one before it",
            Self::Certificates => "A quorum of the genesis' authorities finalized the chain",
            Self::Entries => "Blocks contain exactly the entries that their headers commit to",
            Self::LifeCycle => "Officers' acts follow the election's life cycle, in order",
            Self::UniqueBallots => "No ballot is recorded twice",
            Self::VoterKeys => "Every ballot is signed with a key that the registrar certified once, within the roll",
            Self::Signatures => "Every act, certification and ballot bears a valid signature",
            Self::Window => "Every ballot was cast between opening and close",
            Self::Sequence => "Ballots that replace others follow the re-vote rule",
            Self::Selections => "Every ballot is made for this election and keeps the rules of its contests",
            Self::Ranges => "Every sealed value is proved to be in its range",
            Self::Limits => "Every sealed contest is proved to keep its limit",
            Self::Codes => "Every ballot that counts has a code of its own, by which it is found",
            Self::Aggregates => "Adding up the sealed ballots again gives the sums that were decrypted",
            Self::Decryptions => "Enough trustees proved their part of the decryption, and the parts give these totals",
            Self::Challenges => "Ballots opened to test the seal hold what was shown, and do not count",
            Self::LastVote => "One ballot counts per voter, the right one, with the voter's weight",
            Self::Labels => "The result names this election's contests and options",
            Self::Totals => "No total exceeds what those who voted could give",
            Self::Counts => "Ballots, voters and roll agree: counted = turnout ≤ certified ≤ roll",
            Self::Complete => "No entry of the election is missing: its digest stands under the certified state root",
            Self::Extends => "Blocks known from elsewhere are part of this chain",
            Self::Recount => "Counting again gives the claimed result",
        }
    }
}

impl From<Check> for &'static str {
    fn from(check: Check) -> Self {
        check.code()
    }
}

/// Where in a bundle something stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Location {
    /// Offset in the file: where the frame begins, or how far reading came.
    pub byte: u64,
    /// The block.
    pub height: Option<Height>,
    /// The entry in the block, from 0.
    pub entry: Option<u32>,
}

impl Location {
    pub(super) const START: Self = Self::byte(0);

    pub(super) const fn byte(byte: u64) -> Self {
        Self { byte, height: None, entry: None }
    }

    pub(super) const fn entry(self, index: u32) -> Self {
        Self { entry: Some(index), ..self }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(entry) = self.entry {
            write!(f, "entry {entry} of ")?;
        }
        match self.height {
            Some(height) => write!(f, "block {height} (byte {} of the file)", self.byte),
            None => write!(f, "byte {} of the file", self.byte),
        }
    }
}

/// The first thing wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// The check that failed.
    #[serde(rename = "code")]
    pub check: Check,
    /// Where.
    pub location: Location,
    /// What is wrong, for people.
    pub reason: String,
}

impl Failure {
    pub(super) fn new(check: Check, location: Location, reason: impl fmt::Display) -> Self {
        Self { check, location, reason: reason.to_string() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "check {} ({}) failed at {}: {}", self.check.number(), self.check.code(), self.location, self.reason)
    }
}

impl std::error::Error for Failure {}

/// What became of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It holds.
    Passed,
    /// It does not; the report's failure says where and why.
    Failed,
    /// Something else was wrong before it was through.
    NotCompleted,
    /// There is nothing to check: no result yet, or no block known from elsewhere.
    NotApplicable,
}

/// One line of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct CheckResult {
    /// Number in the project's list.
    pub number: u8,
    /// Stable code.
    pub code: &'static str,
    /// What it proves.
    pub title: &'static str,
    /// What became of it.
    pub outcome: Outcome,
}

/// Which checks are through.
#[derive(Debug, Default)]
pub(super) struct Done(Vec<(Check, Outcome)>);

impl Done {
    pub(super) fn pass(&mut self, check: Check) {
        self.0.push((check, Outcome::Passed));
    }

    pub(super) fn pass_all(&mut self, checks: &[Check]) {
        checks.iter().for_each(|check| self.pass(*check));
    }

    pub(super) fn not_applicable(&mut self, check: Check) {
        self.0.push((check, Outcome::NotApplicable));
    }

    pub(super) fn results(&self, failure: Option<&Failure>) -> Vec<CheckResult> {
        let outcome = |check: Check| match self.0.iter().find(|(done, _)| *done == check) {
            _ if failure.is_some_and(|failure| failure.check == check) => Outcome::Failed,
            Some((_, outcome)) => *outcome,
            None => Outcome::NotCompleted,
        };
        let line = |check: Check| CheckResult {
            number: check.number(),
            code: check.code(),
            title: check.title(),
            outcome: outcome(check),
        };
        Check::ALL.into_iter().map(line).collect()
    }
}
