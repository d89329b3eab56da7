//! The report as text, for terminals and paper: columns of figures that a returning officer signs.

use voting_core::count::Step;
use voting_core::formats::sheet::{Cell, Stage, Standing, stages};

use super::tabulate::Counted;
use super::words;
use crate::output::{fields, grid, table};

/// Stages in one table: more would be wider than a page across.
const STAGES_WIDE: usize = 3;
/// Options in one table of comparisons.
const PAIRS_WIDE: usize = 12;

pub(super) fn report(counted: &Counted) -> String {
    let stages = stages(&counted.outcome);
    let last = stages.last().map(|stage| stage.standing.as_slice());
    let mut text =
        format!("{}\n{}\n\n{}", counted.title, "═".repeat(counted.title.chars().count()), fields(&words::heading(counted)));
    section(&mut text, "Result", &result(counted, last));
    if counted.has_transfers() {
        section(&mut text, "Stages", &steps(counted));
        section(&mut text, "Votes", &sheet(counted, &stages));
    }
    if counted.method.is_of_lists() {
        section(&mut text, "Seats", &seats(counted));
    }
    section(&mut text, "Comparisons in pairs", &pairs(counted));
    let ties: Vec<String> = counted.outcome.ties.iter().map(|tie| words::tie(counted, tie)).collect();
    section(&mut text, "Ties", if ties.is_empty() { "None.".to_owned() } else { ties.join("\n") }.as_str());
    section(&mut text, "Count it again", &words::command(counted));
    let line = "_".repeat(30);
    text.push_str(&format!(
        "\n\n{line}      {line}      ____________\nReturning officer                   Witness                             Date\n"
    ));
    text
}

fn section(text: &mut String, title: &str, body: &str) {
    if !body.trim().is_empty() {
        text.push_str(&format!("\n{title}\n{}\n{}\n", "─".repeat(title.chars().count()), body.trim_end()));
    }
}

/// The options, best first.
fn result(counted: &Counted, standing: Option<&[Standing]>) -> String {
    let line = |option: u16| {
        let standing = standing.filter(|_| counted.has_transfers()).and_then(|all| all.get(usize::from(option)).copied());
        let total = words::decided(counted, option, standing);
        [counted.name(option).to_owned(), total, words::fate(counted, option, standing)]
    };
    let options = counted.outcome.order.iter().chain(&counted.withdrawn);
    let rows = (1u16..).zip(options).map(|(place, option)| {
        let [name, total, fate] = line(*option);
        let place = if counted.withdrawn.contains(option) { String::new() } else { place.to_string() };
        vec![format!("{place:>3}  {name}"), total, fate]
    });
    let mut text =
        grid(vec![format!("     {}", words::option(counted.method)), words::total(counted.method).to_owned(), String::new()], rows);
    let elected = counted.outcome.elected().count();
    let filled: u64 = counted.outcome.seats.iter().map(|seats| u64::from(*seats)).sum();
    text.push('\n');
    if elected == 0 {
        text.push_str("\nNobody is elected.");
    } else if filled < u64::from(counted.seats) {
        text.push_str(&format!("\n{filled} of {} seats are filled.", counted.seats));
    }
    for sentence in words::verdict(counted) {
        text.push_str(&format!("\n{sentence}"));
    }
    text
}

/// What was done, stage by stage.
fn steps(counted: &Counted) -> String {
    let varies = words::fixed_quota(counted).is_none();
    let mut text = String::new();
    for (number, round) in (1..).zip(&counted.outcome.rounds) {
        text.push_str(&format!("{number:>3}  {}", words::step(counted, &round.step)));
        if let Some(quota) = round.quota.filter(|_| varies) {
            text.push_str(&format!("; {} {quota}", words::quota(counted.method)));
        }
        if !round.elected.is_empty() {
            text.push_str(&format!("; elected: {}", words::names(counted, &round.elected)));
        }
        text.push('\n');
    }
    let one = |at: usize| counted.last_round().and_then(|round| round.keep.get(at)).copied();
    let kept =
        counted.outcome.elected().filter_map(|option| Some(format!("{} {}", counted.name(option), one(usize::from(option))?)));
    let kept: Vec<_> = kept.collect();
    if !kept.is_empty() {
        text.push_str(&format!("     shares kept at the end: {}\n", kept.join(", ")));
    }
    text
}

/// Every option's votes, a column or two per stage.
fn sheet(counted: &Counted, stages: &[Stage<'_>]) -> String {
    let numbered: Vec<(usize, &Stage<'_>)> = (1..).zip(stages).collect();
    let tables = numbered.chunks(STAGES_WIDE).map(|stages| {
        let mut headings = vec!["candidate".to_owned()];
        for (number, stage) in stages {
            if *number > 1 {
                headings.push("change".to_owned());
            }
            headings.push(format!("{number}. {}", words::step_short(&stage.round.step)));
        }
        headings.push(String::new());
        let row = |name: &str, cell: &dyn Fn(&Stage<'_>) -> (Cell, bool), fate: String| {
            let mut row = vec![name.to_owned()];
            for (number, stage) in stages {
                let (cell, out) = cell(stage);
                if *number > 1 {
                    row.push(cell.change.map(|change| change.to_string()).unwrap_or_default());
                }
                row.push(if out && cell.votes.units == 0 { "–".to_owned() } else { cell.votes.to_string() });
            }
            row.push(fate);
            row
        };
        let (_, last) = stages[stages.len() - 1];
        let mut rows: Vec<Vec<String>> = Vec::new();
        for option in &counted.outcome.order {
            let at = usize::from(*option);
            let out = |stage: &Stage<'_>| matches!(stage.standing.get(at), Some(Standing::Excluded(_)));
            let cell = |stage: &Stage<'_>| (stage.cells[at], out(stage));
            let fate = match last.standing.get(at) {
                Some(Standing::Elected(stage)) => format!("elected in {}", stage + 1),
                Some(Standing::Excluded(stage)) => format!("excluded in {}", stage + 1),
                _ => String::new(),
            };
            rows.push(row(counted.name(*option), &cell, fate));
        }
        rows.push(row("exhausted", &|stage| (stage.exhausted, false), String::new()));
        if stages.iter().any(|(_, stage)| stage.lost.votes.units > 0) {
            rows.push(row("lost by rounding", &|stage| (stage.lost, false), String::new()));
        }
        grid(headings, rows)
    });
    tables.collect::<Vec<_>>().join("\n\n")
}

/// Seat by seat, the quotients that won.
fn seats(counted: &Counted) -> String {
    let rows = (1..).zip(&counted.outcome.rounds).filter_map(|(number, round): (u32, _)| match &round.step {
        Step::Seat { option, votes, divisor } => Some([
            number.to_string(),
            counted.name(*option).to_owned(),
            votes.to_string(),
            divisor.to_string(),
            words::quotient(*votes, *divisor),
        ]),
        _ => None,
    });
    table(["seat", "list", "votes", "divided by", "average"], rows)
}

/// How options fare against each other.
fn pairs(counted: &Counted) -> String {
    let Some(pairs) = &counted.outcome.pairs else { return String::new() };
    let mut text = matrix(counted, "Ballots that prefer the one on the left to the one above:", &pairs.preferences);
    if !pairs.paths.is_empty() {
        text.push_str(&format!("\n\n{}", matrix(counted, "Strength of the strongest path from the left to above:", &pairs.paths)));
    }
    if !pairs.locked.is_empty() {
        let size = counted.names.len();
        let locked = (1..).zip(&pairs.locked).map(|(number, (winner, loser)): (u32, _)| {
            let preferred = |a: &u16, b: &u16| {
                let at = usize::from(*a) * size + usize::from(*b);
                pairs.preferences.get(at).map(ToString::to_string).unwrap_or_default()
            };
            let (name, other) = (counted.name(*winner).to_owned(), counted.name(*loser).to_owned());
            [number.to_string(), name, other, preferred(winner, loser), preferred(loser, winner)]
        });
        text.push_str(&format!(
            "\n\nVictories locked in, in this order:\n{}",
            table(["", "before", "after", "for", "against"], locked)
        ));
    }
    text
}

fn matrix(counted: &Counted, title: &str, cells: &[u64]) -> String {
    let (size, order) = (counted.names.len(), &counted.outcome.order);
    let numbered: Vec<(usize, u16)> = (1..).zip(order.iter().copied()).collect();
    let tables = numbered.chunks(PAIRS_WIDE).map(|columns| {
        let headings =
            std::iter::once(String::new()).chain(columns.iter().map(|(number, _)| number.to_string())).chain([String::new()]);
        let rows = numbered.iter().map(|(number, row)| {
            let cell = |column: u16| match cells.get(usize::from(*row) * size + usize::from(column)) {
                Some(cell) if column != *row => cell.to_string(),
                _ => "·".to_owned(),
            };
            let name = format!("{number:>3}  {}", counted.name(*row));
            std::iter::once(name).chain(columns.iter().map(|(_, column)| cell(*column))).chain([String::new()]).collect()
        });
        grid(headings.collect(), rows)
    });
    format!("{title}\n{}", tables.collect::<Vec<_>>().join("\n\n"))
}
