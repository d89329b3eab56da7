//! What an election is: its contests, its rules and its life cycle.

use std::fmt;
use std::str::FromStr;

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::codec::Canonical;
pub use crate::count::{Majority, Thresholds};
use crate::crypto::{KeyError, PublicKey};
use crate::ids::{ChainId, Digest, ElectionId};
use crate::sealed::ceremony::{CeremonySetup, SetupError};
use crate::sealed::{Parameters, SealedContest, UnsealableContest, check_contests};
use crate::text::{TextError, check_line, check_paragraph};
use crate::time::Timestamp;

/// Longest title of an election, contest or option, in bytes of UTF-8.
pub const MAX_TITLE_BYTES: usize = 300;
/// Longest description, in bytes of UTF-8.
pub const MAX_DESCRIPTION_BYTES: usize = 4_000;
/// Contests on one ballot.
pub const MAX_CONTESTS: usize = 50;
/// Options in one contest.
pub const MAX_OPTIONS: usize = 1_000;
/// Options in a contest where they are ranked: pairwise comparisons and rounds grow with the square.
pub const MAX_RANKED_OPTIONS: usize = 200;
/// Highest score an option can be given: with it, 10^8 voters of [`MAX_WEIGHT`] still fit a `u64` tally.
pub const MAX_SCORE: u16 = 100;
/// Highest score unless a contest says otherwise.
const USUAL_SCORE: u16 = 5;
/// Largest weight of one voter: 10^8 voters of this weight still fit a `u64` tally.
pub const MAX_WEIGHT: u64 = 1_000_000_000;

/// How the ballots of a contest are counted. docs/counting.md states every rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CountMethodId {
    /// Most votes win; a voter marks up to `max` options, usually one.
    Plurality,
    /// A voter marks every option they approve of; most approvals win.
    Approval,
    /// A voter gives every option a score; the highest sums win.
    Score,
    /// Options are ranked; the last is excluded until one has a majority.
    InstantRunoff,
    /// Single transferable vote by the rules of Scottish local elections.
    ScottishStv,
    /// Single transferable vote by the weighted inclusive Gregory method.
    WigmStv,
    /// Single transferable vote by Meek's method.
    MeekStv,
    /// Options are ranked; Schulze's strongest paths decide.
    Schulze,
    /// Options are ranked; Tideman's ranked pairs decide.
    RankedPairs,
    /// Options are ranked; points by rank decide.
    Borda,
    /// Seats go to lists in proportion, by D'Hondt's highest averages.
    Dhondt,
    /// Seats go to lists in proportion, by Sainte-Laguë's highest averages.
    SainteLague,
}

/// What a voter does in a contest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BallotForm {
    /// Marks options.
    Marks,
    /// Gives options scores.
    Scores,
    /// Ranks options.
    Ranking,
}

impl fmt::Display for BallotForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Marks => "marks",
            Self::Scores => "scores",
            Self::Ranking => "a ranking",
        })
    }
}

impl CountMethodId {
    /// Every method.
    pub const ALL: [Self; 12] = [
        Self::Plurality,
        Self::Approval,
        Self::Score,
        Self::InstantRunoff,
        Self::ScottishStv,
        Self::WigmStv,
        Self::MeekStv,
        Self::Schulze,
        Self::RankedPairs,
        Self::Borda,
        Self::Dhondt,
        Self::SainteLague,
    ];

    /// What a voter does where it is used.
    #[must_use]
    pub const fn form(self) -> BallotForm {
        match self {
            Self::Plurality | Self::Approval | Self::Dhondt | Self::SainteLague => BallotForm::Marks,
            Self::Score => BallotForm::Scores,
            Self::InstantRunoff
            | Self::ScottishStv
            | Self::WigmStv
            | Self::MeekStv
            | Self::Schulze
            | Self::RankedPairs
            | Self::Borda => BallotForm::Ranking,
        }
    }

    /// Whether options are lists, which may win several seats.
    #[must_use]
    pub const fn is_of_lists(self) -> bool {
        matches!(self, Self::Dhondt | Self::SainteLague)
    }

    /// Whether a voter may rank options equal.
    #[must_use]
    pub const fn takes_equal_ranks(self) -> bool {
        matches!(self, Self::Schulze | Self::RankedPairs | Self::Borda)
    }

    /// Its name, as it stands in files, on command lines and in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Plurality => "plurality",
            Self::Approval => "approval",
            Self::Score => "score",
            Self::InstantRunoff => "instant-runoff",
            Self::ScottishStv => "scottish-stv",
            Self::WigmStv => "wigm-stv",
            Self::MeekStv => "meek-stv",
            Self::Schulze => "schulze",
            Self::RankedPairs => "ranked-pairs",
            Self::Borda => "borda",
            Self::Dhondt => "dhondt",
            Self::SainteLague => "sainte-lague",
        }
    }
}

impl fmt::Display for CountMethodId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A name that no method has.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("there is no count method `{name}`; there are {}", CountMethodId::ALL.map(CountMethodId::as_str).join(", "))]
pub struct UnknownMethod {
    /// What was asked for.
    pub name: String,
}

impl FromStr for CountMethodId {
    type Err = UnknownMethod;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|method| method.as_str() == text);
        found.ok_or_else(|| UnknownMethod { name: text.chars().take(40).collect() })
    }
}

/// One option of a contest: a candidate or an answer.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct ContestOption {
    /// Name as it stands on the ballot.
    pub name: String,
    /// Party, explanation, or nothing.
    pub description: String,
}

/// One question on the ballot.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Contest {
    /// The question.
    pub title: String,
    /// How it is counted.
    pub method: CountMethodId,
    /// Options to win, at least 1.
    pub seats: u16,
    /// Fewest options that a ballot which is not blank marks.
    pub min: u16,
    /// Most options a ballot marks.
    pub max: u16,
    /// Whether a ballot may leave this contest blank.
    pub allow_blank: bool,
    /// Highest score, where options are scored; 0 everywhere else.
    #[serde(default)]
    pub max_score: u16,
    /// What winners need beyond the most votes.
    #[serde(default)]
    pub thresholds: Thresholds,
    /// Options that can no longer be elected and are struck out of every ballot, by place, ascending.
    #[serde(default)]
    pub withdrawn: Vec<u16>,
    /// The options; ballots refer to them by place, from 0.
    pub options: Vec<ContestOption>,
}

/// Which of a voter's ballots counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RevoteRule {
    /// The first; any further ballot is refused.
    FirstCounts,
    /// The last; each further ballot replaces the one before and needs a higher sequence number.
    LastCounts,
}

/// Who decides when the election opens and closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Timing {
    /// The stated times: authorities refuse to open before `opens_at` and to close before `closes_at`.
    Fixed,
    /// An officer, at any time; the stated times are an announcement.
    Officer,
}

/// How ballots are kept from prying eyes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Secrecy {
    /// Choices stand in the ledger in clear, under a pseudonym.
    Open,
    /// Choices are encrypted; trustees decrypt the sums after the close, and nothing else.
    Sealed(Trustees),
}

impl Secrecy {
    /// The trustees of a sealed election.
    #[must_use]
    pub const fn trustees(&self) -> Option<&Trustees> {
        match self {
            Self::Open => None,
            Self::Sealed(trustees) => Some(trustees),
        }
    }
}

/// Who decrypts the sums of a sealed election.
#[derive(Debug, Clone, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trustees {
    /// t: how many of them it takes to decrypt. Fewer learn nothing; the others may be missing.
    pub threshold: u16,
    /// Fewest ballots whose sums are decrypted, from 1: a sum of a few says too much of each.
    pub min_ballots: u64,
    /// The trustees; in the ceremony and in decryptions they are numbered from 1 in this order.
    pub trustees: Vec<Trustee>,
}

/// One trustee.
#[derive(Debug, Clone, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trustee {
    /// Who it is, as shown to voters.
    pub name: String,
    /// The key it signs with.
    pub key: PublicKey,
}

impl Trustees {
    /// Fewest ballots whose sums are decrypted, unless an election says otherwise: of two, each voter learns the other's.
    pub const USUAL_MIN_BALLOTS: u64 = 3;

    /// These trustees with numbers of theirs: more than half decrypt, at least [`Trustees::USUAL_MIN_BALLOTS`] ballots, unless
    /// said otherwise.
    #[must_use]
    pub fn of(trustees: Vec<Trustee>, threshold: Option<u16>, min_ballots: Option<u64>) -> Self {
        let usual = u16::try_from(trustees.len() / 2 + 1).unwrap_or(u16::MAX);
        let min_ballots = min_ballots.unwrap_or(Self::USUAL_MIN_BALLOTS);
        Self { threshold: threshold.unwrap_or(usual), min_ballots, trustees }
    }

    /// n and t.
    #[must_use]
    pub fn parameters(&self) -> Parameters {
        Parameters { trustees: u16::try_from(self.trustees.len()).unwrap_or(u16::MAX), threshold: self.threshold }
    }

    /// The ceremony by which they make the election's key.
    #[must_use]
    pub fn ceremony(&self, context: Digest, attempt: u32) -> CeremonySetup {
        let trustees = self.trustees.iter().map(|trustee| trustee.key).collect();
        CeremonySetup { parameters: self.parameters(), context, attempt, trustees }
    }

    /// The number of the trustee with this key, from 1.
    #[must_use]
    pub fn number(&self, key: &PublicKey) -> Option<u16> {
        (1..).zip(&self.trustees).find_map(|(number, trustee)| (trustee.key == *key).then_some(number))
    }

    /// Whether an election can have them.
    ///
    /// # Errors
    /// [`DefinitionError`] naming what is wrong.
    pub fn check(&self) -> Result<(), DefinitionError> {
        use DefinitionError as E;
        self.ceremony(Digest::ZERO, 0).check().map_err(E::Trustees)?;
        for (at, trustee) in self.trustees.iter().enumerate() {
            let field = || format!("trustees[{at}].name");
            check_line(&trustee.name, MAX_TITLE_BYTES).map_err(|reason| E::Text { field: field(), reason })?;
            if self.trustees[..at].iter().any(|other| other.name == trustee.name) {
                return Err(E::SameTrustee { name: trustee.name.clone() });
            }
        }
        if self.min_ballots == 0 { Err(E::MinBallots) } else { Ok(()) }
    }
}

/// Who may see results before and after the close.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ResultVisibility {
    /// Those who voted, while it runs and after; everyone once it is published.
    Voters,
    /// Everyone, at any time.
    Public,
}

/// Everything about an election that voters rely on. Fixed when it is scheduled.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct ElectionDefinition {
    /// Random identity.
    pub id: ElectionId,
    /// Title.
    pub title: String,
    /// What it is about; may be empty.
    pub description: String,
    /// The questions.
    pub contests: Vec<Contest>,
    /// When voting opens.
    pub opens_at: Timestamp,
    /// When voting closes.
    pub closes_at: Timestamp,
    /// Whether those times bind.
    pub timing: Timing,
    /// Which of a voter's ballots counts.
    pub revote: RevoteRule,
    /// How ballots are kept.
    pub secrecy: Secrecy,
    /// Who may see results.
    pub results: ResultVisibility,
    /// Key that certifies voters' keys for this election.
    pub registrar: PublicKey,
    /// Who set it up, as shown to voters; never an e-mail address.
    pub created_by: String,
}

impl Canonical for ElectionDefinition {
    const TAG: &'static str = "voting/election/v1";
    const MAX_BYTES: usize = 60 * 1024;
}

impl ElectionDefinition {
    /// The digest that ballots are bound to: this definition in this chain and no other.
    #[must_use]
    pub fn context(&self, chain: ChainId) -> Digest {
        Digest::of_parts("voting/election-context/v1", &[&chain.0, &self.digest().0])
    }

    /// Checks that voters can use it.
    ///
    /// # Errors
    /// [`DefinitionError`] naming the first thing wrong.
    pub fn check(&self) -> Result<(), DefinitionError> {
        use DefinitionError as E;
        let text =
            |field: &str, result: Result<(), TextError>| result.map_err(|reason| E::Text { field: field.to_owned(), reason });
        text("title", check_line(&self.title, MAX_TITLE_BYTES))?;
        text("description", check_paragraph(&self.description, MAX_DESCRIPTION_BYTES))?;
        text("created_by", check_line(&self.created_by, MAX_TITLE_BYTES))?;
        if self.contests.is_empty() || self.contests.len() > MAX_CONTESTS {
            return Err(E::Contests { actual: self.contests.len() });
        }
        for (index, contest) in self.contests.iter().enumerate() {
            contest.check(index)?;
        }
        if self.opens_at >= self.closes_at || self.closes_at > Timestamp::MAX {
            return Err(E::Times { opens_at: self.opens_at, closes_at: self.closes_at });
        }
        self.registrar.check().map_err(E::Registrar)?;
        if let Secrecy::Sealed(trustees) = &self.secrecy {
            trustees.check()?;
            self.sealed_contests()?;
        }
        let actual = self.to_canonical().len();
        if actual > Self::MAX_BYTES {
            return Err(E::TooLong { actual });
        }
        Ok(())
    }
}

impl ElectionDefinition {
    /// How the contests are sealed, whether or not this election is.
    ///
    /// # Errors
    /// [`DefinitionError::Unsealable`] or [`DefinitionError::SealedBallot`] if they cannot be.
    pub fn sealed_contests(&self) -> Result<Vec<SealedContest>, DefinitionError> {
        let seal = |(contest, rules): (usize, &Contest)| {
            SealedContest::of(rules).map_err(|reason| DefinitionError::Unsealable { contest, method: rules.method, reason })
        };
        let contests = self.contests.iter().enumerate().map(seal).collect::<Result<Vec<_>, _>>()?;
        check_contests(&contests).map_err(DefinitionError::SealedBallot)?;
        Ok(contests)
    }
}

impl Contest {
    /// A contest with the limits that are usual for its method: one mark for plurality and lists, as many options as
    /// there are for everything else, scores up to 5; one seat, blanks allowed, nothing demanded beyond the most votes.
    #[must_use]
    pub fn new(title: impl Into<String>, method: CountMethodId, options: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let option = |name: String| ContestOption { name, description: String::new() };
        let options: Vec<_> = options.into_iter().map(|name| option(name.into())).collect();
        let one = method == CountMethodId::Plurality || method.is_of_lists();
        Self {
            title: title.into(),
            method,
            seats: 1,
            min: 1,
            max: if one { 1 } else { u16::try_from(options.len()).unwrap_or(u16::MAX) },
            allow_blank: true,
            max_score: if method.form() == BallotForm::Scores { USUAL_SCORE } else { 0 },
            thresholds: Thresholds::default(),
            withdrawn: Vec::new(),
            options,
        }
    }

    fn check(&self, index: usize) -> Result<(), DefinitionError> {
        use DefinitionError as E;
        let text = |field: String, result: Result<(), TextError>| result.map_err(|reason| E::Text { field, reason });
        text(format!("contests[{index}].title"), check_line(&self.title, MAX_TITLE_BYTES))?;
        if self.options.is_empty() || self.options.len() > MAX_OPTIONS {
            return Err(E::Options { contest: index, actual: self.options.len() });
        }
        for (at, option) in self.options.iter().enumerate() {
            text(format!("contests[{index}].options[{at}].name"), check_line(&option.name, MAX_TITLE_BYTES))?;
            text(
                format!("contests[{index}].options[{at}].description"),
                check_paragraph(&option.description, MAX_DESCRIPTION_BYTES),
            )?;
            if self.options[..at].iter().any(|other| other.name == option.name) {
                return Err(E::DuplicateOption { contest: index, name: option.name.clone() });
            }
        }
        let options = self.options.len();
        if self.min == 0 || self.min > self.max || usize::from(self.max) > options {
            return Err(E::Limits { contest: index, min: self.min, max: self.max, options });
        }
        let seats = if self.method.is_of_lists() { MAX_OPTIONS } else { options };
        if self.seats == 0 || usize::from(self.seats) > seats {
            return Err(E::Seats { contest: index, seats: self.seats, most: seats });
        }
        self.check_method(index)
    }

    /// What the method demands.
    fn check_method(&self, index: usize) -> Result<(), DefinitionError> {
        use DefinitionError as E;
        let wrong = |reason| Err(E::Method { contest: index, method: self.method, reason });
        let form = self.method.form();
        if form == BallotForm::Ranking && self.options.len() > MAX_RANKED_OPTIONS {
            return wrong("has at most 200 options");
        }
        if self.method == CountMethodId::InstantRunoff && self.seats != 1 {
            return wrong("fills one seat; for several, choose a single transferable vote");
        }
        if self.method.is_of_lists() && self.max != 1 {
            return wrong("takes one mark per ballot");
        }
        match (form, self.max_score) {
            (BallotForm::Scores, 1..=MAX_SCORE) => {}
            (BallotForm::Scores, _) => return wrong("needs a highest score (max_score) between 1 and 100"),
            (_, 0) => {}
            _ => return wrong("has no scores: max_score must be 0"),
        }
        if self.thresholds != Thresholds::default() && (form == BallotForm::Ranking || self.method.is_of_lists()) {
            return wrong("cannot demand a majority or a quorum");
        }
        if self.thresholds.quorum_percent > 100 {
            return wrong("cannot demand a quorum above 100 percent");
        }
        if !self.withdrawn.is_sorted_by(|a, b| a < b)
            || self.withdrawn.last().is_some_and(|last| usize::from(*last) >= self.options.len())
            || self.withdrawn.len() >= self.options.len()
        {
            return wrong("needs withdrawn options in ascending order, each once, and at least one that stands");
        }
        Ok(())
    }
}

/// What is wrong with a definition.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DefinitionError {
    /// A text breaks a rule.
    #[error("{field} {reason}")]
    Text {
        /// Which one.
        field: String,
        /// The rule.
        reason: TextError,
    },
    /// No contest, or too many.
    #[error("{actual} contests, there must be between 1 and {MAX_CONTESTS}")]
    Contests {
        /// Number given.
        actual: usize,
    },
    /// No option, or too many.
    #[error("contests[{contest}] has {actual} options, there must be between 1 and {MAX_OPTIONS}")]
    Options {
        /// Which contest, from 0.
        contest: usize,
        /// Number given.
        actual: usize,
    },
    /// Two options that voters cannot tell apart.
    #[error("contests[{contest}] has two options named `{name}`")]
    DuplicateOption {
        /// Which contest, from 0.
        contest: usize,
        /// The name.
        name: String,
    },
    /// Limits that no ballot could meet.
    #[error("contests[{contest}]: limits must satisfy 1 ≤ min ≤ max ≤ {options} options, got min {min} and max {max}")]
    Limits {
        /// Which contest, from 0.
        contest: usize,
        /// Fewest marks.
        min: u16,
        /// Most marks.
        max: u16,
        /// Options there are.
        options: usize,
    },
    /// More seats than there can be, or none.
    #[error("contests[{contest}]: seats must be between 1 and {most}, got {seats}")]
    Seats {
        /// Which contest, from 0.
        contest: usize,
        /// Seats asked for.
        seats: u16,
        /// Options there are; for lists, the most seats of a contest.
        most: usize,
    },
    /// Something that does not go with the method.
    #[error("contests[{contest}]: {method} {reason}")]
    Method {
        /// Which contest, from 0.
        contest: usize,
        /// How it is counted.
        method: CountMethodId,
        /// What the method demands.
        reason: &'static str,
    },
    /// Closes before it opens.
    #[error("the election must open before it closes: opens_at is {opens_at}, closes_at is {closes_at}")]
    Times {
        /// Opening.
        opens_at: Timestamp,
        /// Closing.
        closes_at: Timestamp,
    },
    /// Trustees that cannot carry out a ceremony.
    #[error("trustees: {0}")]
    Trustees(SetupError),
    /// Two trustees that voters cannot tell apart.
    #[error("two trustees are named `{name}`")]
    SameTrustee {
        /// The name.
        name: String,
    },
    /// Sums of nothing are never decrypted.
    #[error("min_ballots must be at least 1")]
    MinBallots,
    /// A contest whose ballots cannot be sealed.
    #[error("contests[{contest}]: {method} cannot be sealed: {reason}; choose open ballots for it")]
    Unsealable {
        /// Which contest, from 0.
        contest: usize,
        /// How it is counted.
        method: CountMethodId,
        /// Why not.
        reason: UnsealableContest,
    },
    /// Ballots that would be too large when sealed.
    #[error("{0}; ask fewer questions or give fewer options")]
    SealedBallot(UnsealableContest),
    /// An unusable registrar key.
    #[error("registrar: {0}")]
    Registrar(KeyError),
    /// Too many bytes in all.
    #[error("the whole definition takes {actual} bytes, at most {} are allowed", ElectionDefinition::MAX_BYTES)]
    TooLong {
        /// Canonical bytes.
        actual: usize,
    },
}

/// Where an election stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Being written; may be replaced.
    Draft,
    /// Complete, waiting to be scheduled; may go back to draft by being replaced.
    Ready,
    /// Announced: the definition is fixed.
    Scheduled,
    /// Ballots count.
    Open,
    /// No more ballots; not yet counted.
    Closed,
    /// The authorities agree on the count.
    Tallied,
    /// The result is public.
    Published,
    /// Ended without a result, for a stated reason.
    Cancelled,
}

impl Phase {
    /// The phase that normally follows.
    #[must_use]
    pub const fn next(self) -> Option<Self> {
        match self {
            Self::Draft => Some(Self::Ready),
            Self::Ready => Some(Self::Scheduled),
            Self::Scheduled => Some(Self::Open),
            Self::Open => Some(Self::Closed),
            Self::Closed => Some(Self::Tallied),
            Self::Tallied => Some(Self::Published),
            Self::Published | Self::Cancelled => None,
        }
    }

    /// Whether an election can be cancelled from here: any time before the count is certified.
    #[must_use]
    pub const fn can_cancel(self) -> bool {
        matches!(self, Self::Draft | Self::Ready | Self::Scheduled | Self::Open | Self::Closed)
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Draft => "draft",
            Self::Ready => "ready",
            Self::Scheduled => "scheduled",
            Self::Open => "open",
            Self::Closed => "closed",
            Self::Tallied => "tallied",
            Self::Published => "published",
            Self::Cancelled => "cancelled",
        })
    }
}
