//! The report for programs. docs/formats.md names every field; numbers of votes are strings of decimals.

use serde::Serialize;
use serde_json::{Value, json};
use voting_core::count::{Amount, Outcome, Verdict};

use super::tabulate::{Counted, File, Seed};
use super::words;
use crate::exit::{CliError, Result};

/// Changes when a field is renamed, removed, or means something else.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Report<'a> {
    version: u32,
    title: &'a str,
    file: &'a File,
    method: &'static str,
    seats: u16,
    ballots: Ballots,
    #[serde(skip_serializing_if = "Option::is_none")]
    roll: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_score: Option<u16>,
    lots: Value,
    /// Names, in the order of election.
    elected: Vec<&'a str>,
    /// In the order of the file.
    options: Vec<Line<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<Judged>,
    outcome: &'a Outcome,
    command: String,
}

#[derive(Serialize)]
struct Ballots {
    total: String,
    valid: String,
    blank: String,
    invalid: String,
}

#[derive(Serialize)]
struct Line<'a> {
    option: u16,
    name: &'a str,
    total: Amount,
    seats: u16,
    elected: bool,
    withdrawn: bool,
    /// From 1; none for the withdrawn.
    place: Option<usize>,
}

#[derive(Serialize)]
struct Judged {
    majority: voting_core::count::Majority,
    quorum_percent: u8,
    /// None if nobody can reach it.
    votes_needed: Option<String>,
    ballots_needed: String,
    quorate: bool,
}

pub(super) fn report(counted: &Counted) -> Result<String> {
    let numbers = counted.numbers;
    let lots = match &counted.seed {
        Seed::File => json!({ "seed": counted.lots, "from": "file" }),
        Seed::Given(_) => json!({ "seed": counted.lots, "from": "seed" }),
        Seed::Words(text) => json!({ "seed": counted.lots, "from": "text", "text": text }),
    };
    let judged = |verdict: Verdict| Judged {
        majority: counted.thresholds.majority,
        quorum_percent: counted.thresholds.quorum_percent,
        votes_needed: verdict.needed.map(|needed| needed.to_string()),
        ballots_needed: verdict.quorum.to_string(),
        quorate: verdict.is_quorate(),
    };
    let line = |option: u16| Line {
        option,
        name: counted.name(option),
        total: counted.outcome.totals.get(usize::from(option)).copied().unwrap_or_default(),
        seats: counted.won(option),
        elected: counted.won(option) > 0,
        withdrawn: counted.withdrawn.contains(&option),
        place: counted.outcome.order.iter().position(|other| *other == option).map(|at| at + 1),
    };
    let report = Report {
        version: VERSION,
        title: &counted.title,
        file: &counted.file,
        method: counted.method.as_str(),
        seats: counted.seats,
        ballots: Ballots {
            total: numbers.ballots.to_string(),
            valid: numbers.valid().to_string(),
            blank: numbers.blank.to_string(),
            invalid: numbers.invalid.to_string(),
        },
        roll: counted.roll.map(|roll| roll.to_string()),
        max_score: counted.max_score,
        lots,
        elected: counted.outcome.elected().map(|option| counted.name(option)).collect(),
        options: (0u16..).zip(&counted.names).map(|(option, _)| line(option)).collect(),
        verdict: counted.verdict.map(judged),
        outcome: &counted.outcome,
        command: words::command(counted),
    };
    let text = serde_json::to_string_pretty(&report);
    text.map(|text| text + "\n")
        .map_err(|error| CliError::failure(format!("the report cannot be written as JSON: {error}"), "report this"))
}
