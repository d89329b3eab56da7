//! Counts the ballots of a file by a method, with nothing taken from the outside but the seed for lots.

use serde::Serialize;
use voting_core::Digest;
use voting_core::count::{Equals, Gaps, Lot, Majority, Outcome, Participation, Profile, Round, Sums, Thresholds, Verdict};
use voting_core::election::{CountMethodId, MAX_OPTIONS, MAX_RANKED_OPTIONS};
use voting_core::formats::blt::BltBallot;
use voting_core::formats::rankings_csv::ScoreBallot;
use voting_core::tally::{Method, count_method};

use super::ballots::{Ballots, Kind, Source};
use crate::exit::{CliError, Result};
use crate::output::count;

/// How a file is to be counted.
#[derive(Debug, Clone)]
pub(super) struct Rules {
    pub(super) method: CountMethodId,
    /// If not those of the file.
    pub(super) seats: Option<u16>,
    /// Names of candidates that withdrew, besides those of the file.
    pub(super) withdrawn: Vec<String>,
    pub(super) thresholds: Thresholds,
    /// Voters entitled.
    pub(super) roll: Option<u64>,
    /// If not the highest score in the file.
    pub(super) max_score: Option<u16>,
    pub(super) seed: Seed,
    pub(super) title: Option<String>,
}

/// What the lots are drawn from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Seed {
    /// The hash of the file.
    File,
    /// 32 bytes.
    Given(Digest),
    /// Words, hashed.
    Words(String),
}

impl Seed {
    pub(super) fn parse(text: &str) -> Self {
        text.to_lowercase().parse().map_or_else(|_| Self::Words(text.to_owned()), Self::Given)
    }
}

/// What went into a count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Numbers {
    pub(super) ballots: u64,
    /// Those that name nobody who can be elected.
    pub(super) blank: u64,
    /// Those of which it is not clear whom they name first, or that score higher than is allowed.
    pub(super) invalid: u64,
}

impl Numbers {
    pub(super) const fn valid(self) -> u64 {
        self.ballots - self.blank - self.invalid // parts of the whole
    }
}

/// A count, and all that it takes to repeat it.
#[derive(Debug)]
pub(super) struct Counted {
    pub(super) title: String,
    pub(super) file: File,
    pub(super) method: CountMethodId,
    pub(super) seats: u16,
    pub(super) names: Vec<String>,
    pub(super) withdrawn: Vec<u16>,
    pub(super) numbers: Numbers,
    /// Where options are scored.
    pub(super) max_score: Option<u16>,
    pub(super) thresholds: Thresholds,
    pub(super) roll: Option<u64>,
    pub(super) seed: Seed,
    /// What the lots were drawn from in the end.
    pub(super) lots: Digest,
    pub(super) outcome: Outcome,
    pub(super) verdict: Option<Verdict>,
}

/// The file that was counted.
#[derive(Debug, Clone, Serialize)]
pub(super) struct File {
    pub(super) name: String,
    pub(super) sha256: Digest,
    pub(super) format: Kind,
}

impl Counted {
    /// Counts a file.
    pub(super) fn of(source: Source, rules: Rules) -> Result<Self> {
        let Rules { method, thresholds, roll, .. } = rules;
        let (options, seats) = (options(&source, method)?, seats(&source, &rules)?);
        let withdrawn = withdrawn(&source, &rules.withdrawn)?;
        let lots = match &rules.seed {
            Seed::File => source.digest,
            Seed::Given(digest) => *digest,
            Seed::Words(words) => Digest::of_parts("voting/count-seed/v1", &[words.as_bytes()]),
        };
        let lot = Lot { seed: lots, contest: 0 };
        let mut max_score = None;
        let (numbers, outcome, verdict) = match (count_method(method), &source.ballots) {
            (Method::Ranked(counting), Ballots::Rankings(ballots)) => {
                demands_nothing(method, thresholds)?;
                let profile = read(options, &withdrawn, counting.equals(), counting.gaps(), ballots)?;
                (numbers(&profile), counting.count(&profile, seats, lot), None)
            }
            (Method::Sums(counting), ballots) => {
                if method.is_of_lists() {
                    demands_nothing(method, thresholds)?;
                }
                let (numbers, sums) = match ballots {
                    Ballots::Rankings(ballots) => marks(method, options, &withdrawn, ballots)?,
                    Ballots::Scores(ballots) => {
                        let highest = rules.max_score.unwrap_or_else(|| highest(ballots));
                        max_score = Some(highest);
                        scores(options, &withdrawn, highest, ballots)?
                    }
                };
                let mut outcome = counting.count(&sums, seats, lot);
                let took_part = took_part(thresholds, roll, numbers)?;
                let verdict = thresholds.apply(&mut outcome, &sums, took_part, max_score.unwrap_or(0));
                (numbers, outcome, verdict)
            }
            (Method::Ranked(_), Ballots::Scores(_)) => {
                return Err(CliError::failure(format!("scores cannot be counted by {method}"), "report this"));
            }
        };
        let title = rules.title.filter(|title| !title.trim().is_empty()).unwrap_or_else(|| title(&source));
        Ok(Self {
            title,
            file: File { name: source.name, sha256: source.digest, format: source.kind },
            method,
            seats,
            names: source.candidates,
            withdrawn,
            numbers,
            max_score,
            thresholds,
            roll,
            seed: rules.seed,
            lots,
            outcome,
            verdict,
        })
    }

    pub(super) fn name(&self, option: u16) -> &str {
        self.names.get(usize::from(option)).map_or("?", String::as_str)
    }

    /// Seats an option won.
    pub(super) fn won(&self, option: u16) -> u16 {
        self.outcome.seats.get(usize::from(option)).copied().unwrap_or(0)
    }

    /// Whether the rounds are those of votes that move from option to option.
    pub(super) fn has_transfers(&self) -> bool {
        !self.outcome.rounds.is_empty() && !self.method.is_of_lists()
    }

    /// The last round.
    pub(super) fn last_round(&self) -> Option<&Round> {
        self.outcome.rounds.last()
    }
}

fn title(source: &Source) -> String {
    if source.title.is_empty() {
        let stem = std::path::Path::new(&source.name).file_stem();
        return stem.map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    }
    source.title.clone()
}

/// How many there are, if the method takes so many.
fn options(source: &Source, method: CountMethodId) -> Result<u16> {
    let (options, ranked) = (source.candidates.len(), matches!(count_method(method), Method::Ranked(_)));
    if ranked && options > MAX_RANKED_OPTIONS {
        return Err(CliError::usage(
            format!("{} has {options} candidates, {method} takes at most {MAX_RANKED_OPTIONS}", source.name),
            "choose another --method, or leave candidates out of the file that nobody ranks",
        ));
    }
    u16::try_from(options).map_err(|error| CliError::failure(format!("too many candidates: {error}"), "report this"))
}

fn seats(source: &Source, rules: &Rules) -> Result<u16> {
    let (method, candidates) = (rules.method, source.candidates.len());
    let one = method == CountMethodId::InstantRunoff;
    let seats = rules.seats.unwrap_or(if one { 1 } else { source.seats.unwrap_or(1) });
    if one && seats != 1 {
        return Err(CliError::usage(
            format!("{method} fills one seat, not {seats}"),
            "leave --seats out, or choose scottish-stv, wigm-stv or meek-stv",
        ));
    }
    let most = if method.is_of_lists() { MAX_OPTIONS } else { candidates };
    if seats == 0 || usize::from(seats) > most {
        let of = if method.is_of_lists() {
            String::new()
        } else {
            format!(" for {}", count(candidates as u64, "candidate", "candidates"))
        };
        return Err(CliError::usage(
            format!("there cannot be {}{of}", count(seats, "seat", "seats")),
            format!("choose --seats from 1 to {most}"),
        ));
    }
    Ok(seats)
}

/// The places of the file's withdrawn candidates and of those named.
fn withdrawn(source: &Source, names: &[String]) -> Result<Vec<u16>> {
    let mut withdrawn = source.withdrawn.clone();
    for name in names {
        let mut found = (0u16..).zip(&source.candidates).filter(|(_, candidate)| *candidate == name);
        match (found.next(), found.next()) {
            (Some((place, _)), None) => withdrawn.push(place),
            (Some(_), Some(_)) => {
                return Err(CliError::usage(
                    format!("several candidates are called `{name}`"),
                    "give them different names in the file, or mark who withdrew there, e.g. `-2` in a BLT file",
                ));
            }
            (None, _) => {
                let known: Vec<_> = source.candidates.iter().take(NAMES_SHOWN).map(String::as_str).collect();
                let more = if source.candidates.len() > known.len() { ", …" } else { "" };
                return Err(CliError::usage(
                    format!("{} has no candidate called `{name}`", source.name),
                    format!("give a name as the file has it: {}{more}", known.join(", ")),
                ));
            }
        }
    }
    withdrawn.sort_unstable();
    withdrawn.dedup();
    if withdrawn.len() >= source.candidates.len() {
        return Err(CliError::usage("every candidate has withdrawn", "somebody must stand: look at the file and at --withdrawn"));
    }
    Ok(withdrawn)
}

/// Names listed where one is unknown.
const NAMES_SHOWN: usize = 20;

fn demands_nothing(method: CountMethodId, thresholds: Thresholds) -> Result<()> {
    if thresholds == Thresholds::default() {
        return Ok(());
    }
    Err(CliError::usage(
        format!("{method} cannot demand a majority or a quorum"),
        "leave --majority and --quorum out, or choose --method plurality, approval or score",
    ))
}

fn took_part(thresholds: Thresholds, roll: Option<u64>, numbers: Numbers) -> Result<Participation> {
    let needs_roll = thresholds.quorum_percent > 0 || thresholds.majority == Majority::Absolute;
    let ballots = numbers.ballots;
    match roll {
        None if needs_roll => Err(CliError::usage(
            "a quorum and an absolute majority are parts of the roll, and how many are on it is not said",
            "say so with --roll N",
        )),
        Some(roll) if roll < ballots => Err(CliError::usage(
            format!("the file has {ballots} ballots, but only {roll} voters are on the roll"),
            "correct --roll, or the file",
        )),
        _ => Ok(Participation { roll: roll.unwrap_or(ballots), ballots, weight: ballots }),
    }
}

/// The rankings as a rule reads them.
fn read(options: u16, withdrawn: &[u16], equals: Equals, gaps: Gaps, ballots: &[BltBallot]) -> Result<Profile> {
    let rankings = ballots.iter().map(|ballot| (&ballot.ranking, ballot.count));
    Profile::new(options, withdrawn, equals, gaps, rankings)
        .ok_or_else(|| CliError::usage("there are more preferences than can be counted", "count a part of the file"))
}

const fn numbers(profile: &Profile) -> Numbers {
    Numbers { ballots: profile.weight, blank: profile.blank, invalid: profile.overvotes }
}

/// Rankings as marks: of the first preference, or of everyone named where voters approve of several.
fn marks(method: CountMethodId, options: u16, withdrawn: &[u16], ballots: &[BltBallot]) -> Result<(Numbers, Sums)> {
    let approval = method == CountMethodId::Approval;
    let profile = read(options, withdrawn, if approval { Equals::Keep } else { Equals::End }, Gaps::Close, ballots)?;
    let mut sums = vec![0u64; usize::from(options)];
    for (tiers, weight) in profile.tiers() {
        for option in tiers.take(if approval { usize::MAX } else { 1 }).flat_map(voting_core::ranking::Tier::options) {
            sums[usize::from(option)] += weight; // a part of the weight of all ballots
        }
    }
    let numbers = numbers(&profile);
    Ok((numbers, Sums { options: sums, standing: profile.standing, attainable: u128::from(numbers.valid()) }))
}

fn highest(ballots: &[ScoreBallot]) -> u16 {
    ballots.iter().flat_map(|ballot| &ballot.scores).map(|(_, score)| *score).max().unwrap_or(0).max(1)
}

fn scores(options: u16, withdrawn: &[u16], highest: u16, ballots: &[ScoreBallot]) -> Result<(Numbers, Sums)> {
    let standing: Vec<u16> = (0..options).filter(|option| !withdrawn.contains(option)).collect();
    let (mut numbers, mut sums) = (Numbers::default(), vec![0u64; usize::from(options)]);
    for ScoreBallot { count, scores } in ballots {
        numbers.ballots += count; // the reader has seen that they fit
        let mut counted = scores.iter().filter(|(option, _)| !withdrawn.contains(option)).peekable();
        if scores.iter().any(|(_, score)| *score > highest) {
            numbers.invalid += count;
        } else if counted.peek().is_none() {
            numbers.blank += count;
        } else {
            for (option, score) in counted {
                let sum = &mut sums[usize::from(*option)];
                let more = count.checked_mul(u64::from(*score)).and_then(|more| sum.checked_add(more));
                *sum = more.ok_or_else(|| {
                    CliError::usage("the scores add up to more than 2^64 − 1", "correct the numbers of ballots in the file")
                })?;
            }
        }
    }
    Ok((numbers, Sums { options: sums, standing, attainable: u128::from(numbers.valid()) * u128::from(highest) }))
}
