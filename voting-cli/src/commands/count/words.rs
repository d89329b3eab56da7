//! What happened in a count, in words: the same on paper, on a page and on a terminal.

use voting_core::count::{Amount, Majority, Step, Tie, TieBreak, TiePurpose};
use voting_core::election::CountMethodId;
use voting_core::formats::sheet::Standing;

use super::tabulate::{Counted, Seed};
use crate::output::count;

pub(super) const fn method(method: CountMethodId) -> &'static str {
    match method {
        CountMethodId::Plurality => "Plurality: the most votes win",
        CountMethodId::Approval => "Approval: the most approvals win",
        CountMethodId::Score => "Score: the highest sums of scores win",
        CountMethodId::InstantRunoff => "Instant runoff",
        CountMethodId::ScottishStv => "Single transferable vote, Scottish rules",
        CountMethodId::WigmStv => "Single transferable vote, weighted inclusive Gregory",
        CountMethodId::MeekStv => "Single transferable vote, Meek's method",
        CountMethodId::Schulze => "Schulze's method",
        CountMethodId::RankedPairs => "Ranked pairs",
        CountMethodId::Borda => "Borda count",
        CountMethodId::Dhondt => "Lists in proportion, D'Hondt",
        CountMethodId::SainteLague => "Lists in proportion, Sainte-Laguë",
    }
}

/// What the method decides by.
pub(super) const fn total(method: CountMethodId) -> &'static str {
    match method {
        CountMethodId::Approval => "approvals",
        CountMethodId::Score => "score",
        CountMethodId::InstantRunoff | CountMethodId::ScottishStv | CountMethodId::WigmStv | CountMethodId::MeekStv => {
            "votes at the end"
        }
        CountMethodId::Schulze | CountMethodId::RankedPairs => "ranks above",
        CountMethodId::Borda => "points",
        CountMethodId::Plurality | CountMethodId::Dhondt | CountMethodId::SainteLague => "votes",
    }
}

/// What is needed to be elected is called a quota, or where one is elected a majority.
pub(super) const fn quota(method: CountMethodId) -> &'static str {
    if matches!(method, CountMethodId::InstantRunoff) { "majority" } else { "quota" }
}

/// Whom voters choose from.
pub(super) const fn options(method: CountMethodId) -> &'static str {
    if method.is_of_lists() { "lists" } else { "candidates" }
}

/// One of them.
pub(super) const fn option(method: CountMethodId) -> &'static str {
    if method.is_of_lists() { "list" } else { "candidate" }
}

/// What heads a report.
pub(super) fn heading(counted: &Counted) -> Vec<(&'static str, String)> {
    let Counted { file, numbers, .. } = counted;
    let standing = counted.names.len() - counted.withdrawn.len();
    let seed = match &counted.seed {
        Seed::File => "the SHA-256 of the file".to_owned(),
        Seed::Given(_) => "the seed given".to_owned(),
        Seed::Words(words) => format!("the seed “{words}”"),
    };
    let mut rows = vec![
        ("file", file.name.clone()),
        ("format", file.format.describe().to_owned()),
        ("SHA-256", file.sha256.to_string()),
        ("method", format!("{} ({})", method(counted.method), counted.method)),
        ("seats", counted.seats.to_string()),
        (options(counted.method), standing.to_string()),
    ];
    if !counted.withdrawn.is_empty() {
        rows.push(("withdrawn", names(counted, &counted.withdrawn)));
    }
    rows.extend([
        ("ballots", numbers.ballots.to_string()),
        ("blank", numbers.blank.to_string()),
        ("invalid", numbers.invalid.to_string()),
        ("valid", numbers.valid().to_string()),
    ]);
    if let Some(roll) = counted.roll {
        rows.push(("on the roll", roll.to_string()));
    }
    if let Some(highest) = counted.max_score {
        rows.push(("scores", format!("0 to {highest}")));
    }
    if let Some(quota) = fixed_quota(counted) {
        rows.push(("quota", quota.to_string()));
    }
    rows.push(("lots from", format!("{} ({seed})", counted.lots)));
    rows
}

/// The quota, if it is the same in every round.
pub(super) fn fixed_quota(counted: &Counted) -> Option<Amount> {
    let mut rounds = counted.outcome.rounds.iter().map(|round| round.quota);
    let first = rounds.next().flatten()?;
    rounds.all(|quota| quota == Some(first)).then_some(first).filter(|_| counted.outcome.rounds.len() > 1 || counted.seats > 1)
}

pub(super) fn names(counted: &Counted, options: &[u16]) -> String {
    options.iter().map(|option| counted.name(*option)).collect::<Vec<_>>().join(", ")
}

/// Who is elected, in one line.
pub(super) fn elected_line(counted: &Counted) -> String {
    let won = |option: u16| match counted.won(option) {
        seats if counted.method.is_of_lists() => format!("{} ({})", counted.name(option), count(seats, "seat", "seats")),
        _ => counted.name(option).to_owned(),
    };
    let elected: Vec<_> = counted.outcome.elected().map(won).collect();
    if elected.is_empty() { "nobody is elected".to_owned() } else { format!("elected: {}", elected.join(", ")) }
}

/// What was done in a round.
pub(super) fn step(counted: &Counted, step: &Step) -> String {
    match step {
        Step::First => "First preferences".to_owned(),
        Step::Surplus { option, value } => format!("Surplus of {}: each vote goes on with {value}", counted.name(*option)),
        Step::Exclude { options } if options.len() == 1 => format!("{} is excluded", names(counted, options)),
        Step::Exclude { options } => format!("{} are excluded", names(counted, options)),
        Step::Adjust => "Surpluses go on: the shares that the elected keep are adjusted".to_owned(),
        Step::Fill => "As many are left as there are seats".to_owned(),
        Step::Seat { option, .. } => format!("A seat for {}", counted.name(*option)),
    }
}

/// The same in one or two words, over a column.
pub(super) const fn step_short(step: &Step) -> &'static str {
    match step {
        Step::First => "first preferences",
        Step::Surplus { .. } => "surplus",
        Step::Exclude { .. } => "exclusion",
        Step::Adjust => "surpluses",
        Step::Fill => "last seats",
        Step::Seat { .. } => "seat",
    }
}

/// A tie, and how it was decided.
pub(super) fn tie(counted: &Counted, tie: &Tie) -> String {
    let place = match (counted.has_transfers(), counted.method.is_of_lists()) {
        (true, _) => format!("Stage {}: ", tie.round + 1),
        (_, true) => format!("Seat {}: ", tie.round + 1),
        _ => String::new(),
    };
    let what = match tie.purpose {
        TiePurpose::Election => "for election",
        TiePurpose::Exclusion => "for exclusion",
        TiePurpose::Surplus => "for whose surplus goes on first",
        TiePurpose::Order => "for the order",
    };
    let by = match tie.by {
        TieBreak::Lot => "by lot".to_owned(),
        TieBreak::EarlierRound(round) => format!("by how they stood in stage {}", round + 1),
    };
    let picked = names(counted, &tie.picked);
    format!(
        "{place}{} were tied {what}; {picked} {} picked {by}.",
        names(counted, &tie.options),
        if tie.picked.len() == 1 { "was" } else { "were" }
    )
}

/// What an option has in the end; nothing where it was excluded.
pub(super) fn decided(counted: &Counted, option: u16, standing: Option<Standing>) -> String {
    match counted.outcome.totals.get(usize::from(option)) {
        Some(total) if total.units == 0 && matches!(standing, Some(Standing::Excluded(_))) => "–".to_owned(),
        Some(total) if !counted.withdrawn.contains(&option) => total.to_string(),
        _ => String::new(),
    }
}

/// What became of an option.
pub(super) fn fate(counted: &Counted, option: u16, standing: Option<Standing>) -> String {
    if counted.withdrawn.contains(&option) {
        return "withdrawn".to_owned();
    }
    match (counted.won(option), standing) {
        (0, Some(Standing::Excluded(stage))) => format!("excluded, stage {}", stage + 1),
        (0, _) => String::new(),
        (seats, _) if counted.method.is_of_lists() => count(seats, "seat", "seats"),
        (_, Some(Standing::Elected(stage))) => format!("elected, stage {}", stage + 1),
        _ => "elected".to_owned(),
    }
}

/// Whether what was demanded beyond the most votes was reached, a sentence each.
pub(super) fn verdict(counted: &Counted) -> Vec<String> {
    let Some(verdict) = counted.verdict else { return Vec::new() };
    let mut said = Vec::new();
    if counted.thresholds.quorum_percent > 0 {
        let reached = if verdict.is_quorate() { "reached" } else { "missed: nobody is elected" };
        said.push(format!(
            "Quorum of {} %: {} needed, {} cast. It is {reached}.",
            counted.thresholds.quorum_percent,
            count(verdict.quorum, "ballot", "ballots"),
            verdict.ballots
        ));
    }
    let rule = match counted.thresholds.majority {
        Majority::MostVotes => return said,
        Majority::Simple => "Simple majority",
        Majority::TwoThirds => "Majority of two thirds",
        Majority::Absolute => "Absolute majority",
    };
    match verdict.needed {
        Some(needed) => said.push(format!("{rule}: {needed} {} needed to be elected.", total(counted.method))),
        None => said.push(format!("{rule}: voters weigh differently, so nobody can reach it.")),
    }
    said
}

/// The command that counts the file again.
pub(super) fn command(counted: &Counted) -> String {
    let mut words = vec!["voting".to_owned(), "count".to_owned(), quoted(&counted.file.name)];
    let mut say = |option: &str, value: String| words.extend([format!("--{option}"), quoted(&value)]);
    say("method", counted.method.to_string());
    say("seats", counted.seats.to_string());
    for option in &counted.withdrawn {
        say("withdrawn", counted.name(*option).to_owned());
    }
    match counted.thresholds.majority {
        Majority::MostVotes => {}
        Majority::Simple => say("majority", "simple".to_owned()),
        Majority::TwoThirds => say("majority", "two-thirds".to_owned()),
        Majority::Absolute => say("majority", "absolute".to_owned()),
    }
    if counted.thresholds.quorum_percent > 0 {
        say("quorum", counted.thresholds.quorum_percent.to_string());
    }
    if let Some(roll) = counted.roll {
        say("roll", roll.to_string());
    }
    if let Some(highest) = counted.max_score {
        say("max-score", highest.to_string());
    }
    match &counted.seed {
        Seed::File => {}
        Seed::Given(digest) => say("seed", digest.to_string()),
        Seed::Words(text) => say("seed", text.clone()),
    }
    words.join(" ")
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    if !word.is_empty() && !word.starts_with('-') && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// What votes are divided by, to so many decimals; cut off.
pub(super) fn quotient(votes: u64, divisor: u64) -> String {
    let thousandths = u128::from(votes) * 1_000 / u128::from(divisor.max(1));
    Amount::new(thousandths, 3).to_string()
}
