//! The report as a page: one file without scripts or anything from elsewhere, to read, to print and to sign.

use std::fmt::Write as _;

use voting_core::count::Step;
use voting_core::formats::sheet::{Cell, Change, Stage, Standing, stages};

use super::flow::{self, float};
use super::tabulate::Counted;
use super::words;
use crate::output::{clean, count};

/// Looks of the page.
const STYLE: &str = include_str!("page.css");
/// Nothing is loaded and nothing runs, whatever names stand in the file.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";
/// Stages in one table: as many as a page takes across.
const STAGES_WIDE: usize = 4;
/// Options in one table of comparisons.
const PAIRS_WIDE: usize = 14;
/// Told apart by those who see few colours, too; from the eleventh on, shades of grey.
const COLOURS: [&str; 10] =
    ["#3b6fb6", "#d9792b", "#3d9a6a", "#b8475f", "#7b5fb0", "#8a6d3b", "#c95fa8", "#2fa3b5", "#a3a02e", "#5d7f8f"];
const GREYS: [&str; 3] = ["#76828d", "#98a2ab", "#b4bcc3"];

/// The colour of the option in this place.
pub(super) const fn colour(place: usize) -> &'static str {
    if place < COLOURS.len() { COLOURS[place] } else { GREYS[place % GREYS.len()] }
}

/// Text as it stands in HTML.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in clean(text).chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(c),
        }
    }
    escaped
}

pub(super) fn report(counted: &Counted) -> String {
    let stages = stages(&counted.outcome);
    let title = escape(&counted.title);
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n<title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <header>\n<p class=\"kicker\">Report of the count</p>\n<h1>{title}</h1>\n<p class=\"lead\">{}</p>\n</header>\n",
        escape(words::method(counted.method))
    );
    page.push_str(&figures(counted));
    page.push_str(&winners(counted, &stages));
    page.push_str(&result(counted, &stages));
    if counted.has_transfers() {
        page.push_str(&rounds(counted, &stages));
    }
    if counted.method.is_of_lists() {
        page.push_str(&seats(counted));
    }
    page.push_str(&pairs(counted));
    page.push_str(&ties(counted));
    page.push_str(&proof(counted));
    page.push_str("</body>\n</html>\n");
    page
}

/// The figures that everyone looks for.
fn figures(counted: &Counted) -> String {
    let numbers = counted.numbers;
    let mut figures = vec![
        ("seats", counted.seats.to_string()),
        ("ballots", numbers.ballots.to_string()),
        ("valid", numbers.valid().to_string()),
        ("blank", numbers.blank.to_string()),
        ("invalid", numbers.invalid.to_string()),
    ];
    figures.extend(counted.roll.map(|roll| ("on the roll", roll.to_string())));
    figures.extend(words::fixed_quota(counted).map(|quota| (words::quota(counted.method), quota.to_string())));
    let shown = figures.iter().map(|(name, figure)| format!("<div><dt>{name}</dt><dd>{figure}</dd></div>")).collect::<String>();
    format!("<dl class=\"figures\">{shown}</dl>\n")
}

fn standing(counted: &Counted, stages: &[Stage<'_>], option: u16) -> Option<Standing> {
    let last = stages.last().filter(|_| counted.has_transfers())?;
    last.standing.get(usize::from(option)).copied()
}

/// Who is elected.
fn winners(counted: &Counted, stages: &[Stage<'_>]) -> String {
    let winners = counted.outcome.elected().enumerate().map(|(at, option)| {
        let place = counted.outcome.order.iter().position(|other| *other == option).unwrap_or(at);
        format!(
            "<li style=\"--c:{}\"><span class=\"nr\">{}</span><span><b>{}</b><small>{}</small></span></li>\n",
            colour(place),
            at + 1,
            escape(counted.name(option)),
            escape(&words::fate(counted, option, standing(counted, stages, option)))
        )
    });
    let winners: String = winners.collect();
    let said: String = words::verdict(counted).iter().map(|sentence| format!("<p>{}</p>\n", escape(sentence))).collect();
    let body = if winners.is_empty() {
        "<p>Nobody is elected.</p>\n".to_owned()
    } else {
        format!("<ol class=\"winners\">\n{winners}</ol>\n")
    };
    format!("<h2>Elected</h2>\n{body}{said}")
}

/// The options, best first, with bars.
fn result(counted: &Counted, stages: &[Stage<'_>]) -> String {
    let total = |option: u16| counted.outcome.totals.get(usize::from(option)).map_or(0.0, |total| float(*total));
    let first =
        |option: u16| stages.first().and_then(|stage| stage.cells.get(usize::from(option))).map_or(0.0, |cell| float(cell.votes));
    let transfers = counted.has_transfers();
    let length = |option: u16| if transfers { first(option) } else { total(option) };
    let most = counted.outcome.order.iter().map(|option| length(*option)).fold(0.0, f64::max).max(f64::MIN_POSITIVE);
    let options = counted.outcome.order.iter().chain(&counted.withdrawn).enumerate();
    let rows: String = options.map(|(at, option)| {
        let standing = standing(counted, stages, *option);
        let fate = words::fate(counted, *option, standing);
        let tag = if counted.won(*option) > 0 { "tag" } else { "tag off" };
        let fate = if fate.is_empty() { fate } else { format!("<span class=\"{tag}\">{}</span>", escape(&fate)) };
        let beginning = stages.first().and_then(|stage| stage.cells.get(usize::from(*option))).map(|cell| cell.votes.to_string());
        let beginning = beginning.filter(|_| transfers).map(|votes| format!("<td>{votes}</td>")).unwrap_or_default();
        format!(
            "<tr><td>{}</td><td class=\"wide\"><span class=\"bar\" style=\"--c:{};width:{:.2}%\"></span></td>{beginning}<td>{}</td><td class=\"left\">{fate}</td></tr>\n",
            escape(counted.name(*option)),
            colour(at),
            100.0 * length(*option) / most,
            words::decided(counted, *option, standing)
        )
    }).collect();
    let beginning = if transfers { "<th>first preferences</th>" } else { "" };
    format!(
        "<h2>Result</h2>\n<div class=\"scroll\"><table class=\"bars\">\n<thead><tr><th>{}</th><th></th>{beginning}<th>{}</th><th></th></tr></thead>\n<tbody>\n{rows}</tbody>\n</table></div>\n",
        words::option(counted.method),
        words::total(counted.method)
    )
}

/// The count stage by stage: picture, words and figures.
fn rounds(counted: &Counted, stages: &[Stage<'_>]) -> String {
    let mut text = String::new();
    if stages.len() > 1 && counted.numbers.valid() > 0 {
        let _ = write!(
            text,
            "<section class=\"keep\">\n<h2>How the votes moved</h2>\n<p class=\"key\">A column per stage, from left to right; pale bands stay \
             where they are, stronger ones move. ✓ elected in this stage; the white line in a bar is the {}.</p>\n",
            words::quota(counted.method)
        );
        let pictures = flow::pictures(counted).into_iter().map(|picture| format!("<div class=\"scroll\">{picture}</div>\n"));
        text.push_str(&pictures.collect::<Vec<_>>().join("</section>\n<section class=\"keep\">\n"));
        text.push_str("</section>\n");
    }
    text.push_str("<h2>Stages</h2>\n<ol class=\"steps\">\n");
    let varies = words::fixed_quota(counted).is_none();
    for stage in stages {
        let _ = write!(text, "<li>{}", escape(&words::step(counted, &stage.round.step)));
        if let Some(quota) = stage.round.quota.filter(|_| varies) {
            let _ = write!(text, "; {} {quota}", words::quota(counted.method));
        }
        if !stage.round.elected.is_empty() {
            let _ = write!(text, " <span class=\"tag\">elected</span> {}", escape(&words::names(counted, &stage.round.elected)));
        }
        text.push_str("</li>\n");
    }
    text.push_str("</ol>\n");
    text.push_str(&kept(counted));
    let numbered: Vec<_> = (1..).zip(stages).collect();
    for some in numbered.chunks(STAGES_WIDE) {
        text.push_str(&sheet(counted, some));
    }
    text
}

/// Meek: the share of each vote that the elected keep.
fn kept(counted: &Counted) -> String {
    let Some(round) = counted.last_round().filter(|round| !round.keep.is_empty()) else { return String::new() };
    let shares = counted.outcome.elected().filter_map(|option| {
        let share = round.keep.get(usize::from(option))?;
        Some(format!("{} {share}", escape(counted.name(option))))
    });
    let shares: Vec<_> = shares.collect();
    if shares.is_empty() {
        String::new()
    } else {
        format!("<p class=\"key\">Share of each vote kept at the end: {}.</p>\n", shares.join(", "))
    }
}

/// Some stages of the sheet.
fn sheet(counted: &Counted, stages: &[(usize, &Stage<'_>)]) -> String {
    let mut text = "<div class=\"scroll\"><table class=\"sheet\">\n<thead><tr><th>candidate</th>".to_owned();
    for (number, stage) in stages {
        let across = if *number > 1 { " colspan=\"2\"" } else { "" };
        let _ = write!(text, "<th{across}>{number}. {}</th>", words::step_short(&stage.round.step));
    }
    text.push_str("</tr></thead>\n<tbody>\n");
    for option in &counted.outcome.order {
        let at = usize::from(*option);
        let _ = write!(text, "<tr><td>{}</td>", escape(counted.name(*option)));
        for (number, stage) in stages {
            let class = match stage.standing.get(at) {
                Some(Standing::Elected(elected)) if elected + 1 == *number => "in",
                Some(Standing::Excluded(_)) if stage.cells[at].votes.units == 0 => "gone",
                _ => "",
            };
            cells(&mut text, *number, stage.cells[at], class);
        }
        text.push_str("</tr>\n");
    }
    text.push_str("</tbody>\n<tfoot>\n<tr><td>exhausted</td>");
    for (number, stage) in stages {
        cells(&mut text, *number, stage.exhausted, "");
    }
    text.push_str("</tr>\n");
    if stages.iter().any(|(_, stage)| stage.lost.votes.units > 0) {
        text.push_str("<tr><td>lost by rounding</td>");
        for (number, stage) in stages {
            cells(&mut text, *number, stage.lost, "");
        }
        text.push_str("</tr>\n");
    }
    text.push_str("</tfoot>\n</table></div>\n");
    text
}

fn cells(text: &mut String, number: usize, cell: Cell, class: &str) {
    if number > 1 {
        let (way, change) = match cell.change {
            Some(change @ Change::Gain(_)) => ("by up", change.to_string()),
            Some(change @ Change::Loss(_)) => ("by down", change.to_string()),
            None => ("by", String::new()),
        };
        let _ = write!(text, "<td class=\"{way}\">{change}</td>");
    }
    let votes = if class == "gone" { "–".to_owned() } else { cell.votes.to_string() };
    let _ = write!(text, "<td class=\"{class}\">{votes}</td>");
}

/// The seats of lists: where they went, and why.
fn seats(counted: &Counted) -> String {
    let rows: String = (1..)
        .zip(&counted.outcome.rounds)
        .filter_map(|(number, round): (u32, _)| match &round.step {
            Step::Seat { option, votes, divisor } => Some(format!(
                "<tr><td>{number}</td><td class=\"left\">{}</td><td>{votes}</td><td>{divisor}</td><td>{}</td></tr>\n",
                escape(counted.name(*option)),
                words::quotient(*votes, *divisor)
            )),
            _ => None,
        })
        .collect();
    if rows.is_empty() {
        return String::new();
    }
    format!(
        "<h2>Seats</h2>\n{}<table>\n<thead><tr><th>seat</th><th class=\"left\">list</th><th>votes</th><th>divided by</th><th>average</th></tr></thead>\n<tbody>\n{rows}</tbody>\n</table>\n",
        hemicycle(counted)
    )
}

/// Seats in a half circle, coloured by list.
fn hemicycle(counted: &Counted) -> String {
    let seats: Vec<&str> = counted
        .outcome
        .order
        .iter()
        .enumerate()
        .flat_map(|(at, option)| std::iter::repeat_n(colour(at), usize::from(counted.won(*option))))
        .collect();
    let rows = ((seats.len() as f64 / 5.0).sqrt().ceil() as usize).clamp(1, 14);
    let radius = |row: usize| 110.0 + 170.0 * (row as f64 + 1.0) / rows as f64;
    let around: f64 = (0..rows).map(radius).sum();
    let (mut places, mut left) = (Vec::with_capacity(seats.len()), seats.len());
    for row in (0..rows).rev() {
        let share = (seats.len() as f64 * radius(row) / around).round() as usize;
        let here = if row == 0 { left } else { share.min(left) };
        left -= here;
        for seat in 0..here {
            let angle = if here == 1 { 0.5 } else { seat as f64 / (here - 1) as f64 };
            places.push((angle, radius(row)));
        }
    }
    places.sort_by(|(a, r), (b, s)| a.total_cmp(b).then(r.total_cmp(s)));
    let size = (150.0 / rows as f64).min(std::f64::consts::PI * 280.0 / (seats.len() as f64 / rows as f64 + 1.0)).min(52.0) * 0.42;
    let dots: String = places
        .iter()
        .zip(&seats)
        .map(|((angle, radius), colour)| {
            let angle = std::f64::consts::PI * (1.0 - angle);
            let (x, y) = (310.0 + radius * angle.cos(), 310.0 - radius * angle.sin());
            format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{size:.1}\" fill=\"{colour}\"/>")
        })
        .collect();
    format!(
        "<svg class=\"seats\" viewBox=\"0 0 620 345\" role=\"img\" aria-label=\"Seats by list\">{dots}<text x=\"310\" y=\"318\">{}</text></svg>\n",
        seats.len()
    )
}

/// Comparisons in pairs, warm where the one on the left loses.
fn pairs(counted: &Counted) -> String {
    let Some(pairs) = &counted.outcome.pairs else { return String::new() };
    let mut text = format!(
        "<h2>Comparisons in pairs</h2>\n{}",
        matrix(counted, "Ballots that prefer the one on the left to the one above", &pairs.preferences)
    );
    if !pairs.paths.is_empty() {
        text.push_str(&matrix(counted, "Strength of the strongest path from the one on the left to the one above", &pairs.paths));
    }
    text.push_str(
        "<p class=\"key\"><i style=\"background:#8fb8de\"></i>the one on the left is ahead<i style=\"background:#f0b391\"></i>behind</p>\n",
    );
    if !pairs.locked.is_empty() {
        let size = counted.names.len();
        let preferred = |a: u16, b: u16| pairs.preferences.get(usize::from(a) * size + usize::from(b)).copied().unwrap_or(0);
        let rows: String = (1..)
            .zip(&pairs.locked)
            .map(|(number, (winner, loser)): (u32, &(u16, u16))| {
                format!(
                    "<tr><td>{number}</td><td class=\"left\">{}</td><td class=\"left\">{}</td><td>{}</td><td>{}</td></tr>\n",
                    escape(counted.name(*winner)),
                    escape(counted.name(*loser)),
                    preferred(*winner, *loser),
                    preferred(*loser, *winner)
                )
            })
            .collect();
        let _ = write!(
            text,
            "<h3>Victories locked in, in this order</h3>\n<table>\n<thead><tr><th></th><th class=\"left\">before</th><th class=\"left\">after</th><th>for</th><th>against</th></tr></thead>\n<tbody>\n{rows}</tbody>\n</table>\n"
        );
    }
    text
}

fn matrix(counted: &Counted, title: &str, values: &[u64]) -> String {
    let (size, order) = (counted.names.len(), &counted.outcome.order);
    let value = |a: u16, b: u16| values.get(usize::from(a) * size + usize::from(b)).copied().unwrap_or(0);
    let most = values.iter().max().copied().unwrap_or(0).max(1) as f64;
    let numbered: Vec<(usize, u16)> = (1..).zip(order.iter().copied()).collect();
    let mut text = String::new();
    for columns in numbered.chunks(PAIRS_WIDE) {
        let heads: String = columns
            .iter()
            .map(|(number, option)| format!("<th title=\"{}\">{number}</th>", escape(counted.name(*option))))
            .collect();
        let rows: String = numbered
            .iter()
            .map(|(number, row)| {
                let cells: String = columns
                    .iter()
                    .map(|(_, column)| {
                        if row == column {
                            return "<td class=\"self\">·</td>".to_owned();
                        }
                        let (won, lost) = (value(*row, *column), value(*column, *row));
                        let strength = (won.abs_diff(lost) as f64 / most).sqrt() * 0.75;
                        let hue = if won >= lost { "59 125 190" } else { "226 112 50" };
                        format!("<td style=\"background:rgb({hue} / {strength:.2})\">{won}</td>")
                    })
                    .collect();
                format!("<tr><th>{number}. {}</th>{cells}</tr>\n", escape(counted.name(*row)))
            })
            .collect();
        let _ = write!(
            text,
            "<div class=\"scroll\"><table class=\"matrix\">\n<caption>{title}</caption>\n<thead><tr><th></th>{heads}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table></div>\n"
        );
    }
    text
}

fn ties(counted: &Counted) -> String {
    let ties: String = counted.outcome.ties.iter().map(|tie| format!("<li>{}</li>\n", escape(&words::tie(counted, tie)))).collect();
    let body = if ties.is_empty() { "<p>There was none.</p>\n".to_owned() } else { format!("<ul>\n{ties}</ul>\n") };
    format!("<h2>Ties</h2>\n{body}")
}

/// What it takes to get the same again, and who stands for it.
fn proof(counted: &Counted) -> String {
    let rows: String =
        words::heading(counted).iter().map(|(name, value)| format!("<dt>{name}</dt><dd>{}</dd>\n", escape(value))).collect();
    format!(
        "<section class=\"proof\">\n<h2>Count it again</h2>\n<dl>\n{rows}</dl>\n<p>Whoever has a file with this hash gets this result, to the last digit:</p>\n<pre><code>{}</code></pre>\n</section>\n\
         <div class=\"sign\"><div>Returning officer</div><div>Witness</div><div>Date</div></div>\n\
         <footer>{}, counted by voting {}</footer>\n",
        escape(&words::command(counted)),
        count(counted.numbers.ballots, "ballot", "ballots"),
        env!("CARGO_PKG_VERSION")
    )
}
