//! The picture of a count by rounds: votes as bands that flow from stage to stage, a column per stage.
//!
//! Pictures may round, so they are drawn in floating point; every figure beside them is exact.

use std::fmt::Write as _;

use voting_core::count::Amount;
use voting_core::formats::sheet::{Stage, Standing, stages};

use super::html::{colour, escape};
use super::tabulate::Counted;
use super::words;

/// Options drawn each on its own; those behind them are drawn as one.
const DRAWN: usize = 24;
/// Columns side by side: more would be too narrow on paper.
const COLUMNS: usize = 9;
/// Width of the whole, and of the names at both sides.
const WIDTH: f64 = 1_120.0;
const NAMES: f64 = 214.0;
/// Room for the headings.
const TOP: f64 = 46.0;
/// Width of a bar, and the gap below it.
const BAR: f64 = 11.0;
const GAP: f64 = 7.0;
/// Least distance between two names.
const LINE: f64 = 14.0;
/// Bands thinner than this cannot be seen.
const THINNEST: f64 = 0.12;

/// One band of a column: an option, the options behind it as one, or the exhausted ballots.
struct Node {
    name: String,
    colour: &'static str,
    /// The option, if it is one.
    option: Option<usize>,
    /// Votes per stage.
    votes: Vec<f64>,
    /// The same, as they are read.
    figures: Vec<String>,
}

/// The pictures, one below the other; there are ballots, and at least two stages.
pub(super) fn pictures(counted: &Counted) -> Vec<String> {
    let stages = stages(&counted.outcome);
    let nodes = nodes(counted, &stages);
    let (mut pictures, mut first) = (Vec::new(), 0);
    while first + 1 < stages.len() {
        let last = (first + COLUMNS - 1).min(stages.len() - 1);
        pictures.push(Strip::new(&nodes, &stages, first, last).draw());
        first = last;
    }
    pictures
}

pub(super) fn float(amount: Amount) -> f64 {
    amount.units as f64 / 10f64.powi(i32::from(amount.decimals))
}

fn nodes(counted: &Counted, stages: &[Stage<'_>]) -> Vec<Node> {
    let of = |name: &str, colour, option: Option<usize>, amounts: Vec<Amount>| Node {
        name: name.to_owned(),
        colour,
        option,
        votes: amounts.iter().map(|amount| float(*amount)).collect(),
        figures: amounts.iter().map(|amount| shortened(*amount)).collect(),
    };
    let votes = |option: usize| stages.iter().map(|stage| stage.cells[option].votes).collect::<Vec<_>>();
    let order = &counted.outcome.order;
    let shown = if order.len() <= DRAWN + 1 { order.len() } else { DRAWN };
    let (own, others) = order.split_at(shown);
    let own = own.iter().enumerate().map(|(at, option)| (at, *option, usize::from(*option)));
    let mut nodes: Vec<Node> =
        own.map(|(at, option, index)| of(counted.name(option), colour(at), Some(index), votes(index))).collect();
    if !others.is_empty() {
        // Votes of a stage have the same decimals, and no more units than all ballots together.
        let add = |sum: Amount, more: Amount| Amount::new(sum.units + more.units, more.decimals);
        let sums = others.iter().fold(vec![Amount::default(); stages.len()], |sums, option| {
            sums.into_iter().zip(votes(usize::from(*option))).map(|(sum, more)| add(sum, more)).collect()
        });
        nodes.push(of(&format!("{} others", others.len()), "#8d99a6", None, sums));
    }
    nodes.push(of("exhausted", "#b9c0c7", None, stages.iter().map(|stage| stage.exhausted.votes).collect()));
    nodes
}

/// Cut off after two decimals.
fn shortened(amount: Amount) -> String {
    let beyond = amount.decimals.saturating_sub(2);
    Amount::new(amount.units / 10u128.pow(u32::from(beyond)), amount.decimals - beyond).to_string()
}

/// Some columns of the picture.
struct Strip<'a> {
    nodes: &'a [Node],
    stages: &'a [Stage<'a>],
    first: usize,
    last: usize,
    /// Pixels per vote.
    scale: f64,
    height: f64,
}

impl<'a> Strip<'a> {
    fn new(nodes: &'a [Node], stages: &'a [Stage<'a>], first: usize, last: usize) -> Self {
        let column = |at: usize| nodes.iter().filter(|node| node.votes[at] > 0.0).count();
        let most = (first..=last).map(column).max().unwrap_or(0) as f64;
        let height = (most * (LINE + GAP)).clamp(380.0, 680.0);
        let total: f64 = nodes.iter().map(|node| node.votes[first]).sum();
        Self { nodes, stages, first, last, scale: (height - most * GAP) / total.max(f64::MIN_POSITIVE), height }
    }

    fn x(&self, at: usize) -> f64 {
        let columns = (self.last - self.first) as f64;
        NAMES + (at - self.first) as f64 * (WIDTH - 2.0 * NAMES - BAR) / columns
    }

    /// Tops of the bars of a column.
    fn tops(&self, at: usize) -> Vec<f64> {
        let mut y = TOP;
        let top = |node: &Node| {
            let top = y;
            if node.votes[at] > 0.0 {
                y += node.votes[at] * self.scale + GAP;
            }
            top
        };
        self.nodes.iter().map(top).collect()
    }

    fn draw(&self) -> String {
        let mut svg = format!(
            "<svg class=\"flow\" viewBox=\"0 0 {WIDTH} {:.0}\" role=\"img\" aria-label=\"Votes from stage {} to stage {}\">\n",
            TOP + self.height + 10.0,
            self.first + 1,
            self.last + 1
        );
        for at in self.first..self.last {
            self.bands(&mut svg, at);
        }
        for at in self.first..=self.last {
            self.bars(&mut svg, at);
            let x = self.x(at) + BAR / 2.0;
            let step = words::step_short(&self.stages[at].round.step);
            let _ = writeln!(
                svg,
                "<text class=\"n\" x=\"{x:.1}\" y=\"16\">{}</text><text class=\"s\" x=\"{x:.1}\" y=\"31\">{}</text>",
                at + 1,
                escape(step)
            );
        }
        self.names(&mut svg, self.first, NAMES - 8.0, "l");
        self.names(&mut svg, self.last, WIDTH - NAMES + 8.0, "r");
        svg.push_str("</svg>\n");
        svg
    }

    /// What goes on from one column to the next: what stays, and then what the losers pass to the gainers, each in proportion.
    fn bands(&self, svg: &mut String, at: usize) {
        let (mut from, mut to) = (self.tops(at), self.tops(at + 1));
        let moved = |node: &Node| node.votes[at + 1] - node.votes[at];
        let gained: f64 = self.nodes.iter().map(|node| moved(node).max(0.0)).sum();
        for (index, node) in self.nodes.iter().enumerate() {
            let stays = node.votes[at].min(node.votes[at + 1]) * self.scale;
            self.band(svg, at, (from[index], to[index]), stays, (node.colour, "k"), None);
            from[index] += stays;
            to[index] += stays;
        }
        for (index, loser) in self.nodes.iter().enumerate().filter(|(_, node)| moved(node) < 0.0) {
            for (other, gainer) in self.nodes.iter().enumerate().filter(|(_, node)| moved(node) > 0.0) {
                let share = -moved(loser) * moved(gainer) / gained.max(f64::MIN_POSITIVE);
                let share = share.min(moved(gainer));
                let title = format!("{} → {}: {share:.2}", loser.name, gainer.name);
                self.band(svg, at, (from[index], to[other]), share * self.scale, (loser.colour, "t"), Some(&title));
                from[index] += share * self.scale;
                to[other] += share * self.scale;
            }
        }
    }

    fn band(
        &self,
        svg: &mut String,
        at: usize,
        (y0, y1): (f64, f64),
        high: f64,
        (colour, class): (&str, &str),
        title: Option<&str>,
    ) {
        if high < THINNEST {
            return;
        }
        let (x0, x1) = (self.x(at) + BAR, self.x(at + 1));
        let middle = f64::midpoint(x0, x1);
        let (b0, b1) = (y0 + high, y1 + high);
        let _ = write!(
            svg,
            "<path class=\"{class}\" fill=\"{colour}\" d=\"M{x0:.1} {y0:.1}C{middle:.1} {y0:.1} {middle:.1} {y1:.1} {x1:.1} {y1:.1}V{b1:.1}\
             C{middle:.1} {b1:.1} {middle:.1} {b0:.1} {x0:.1} {b0:.1}Z\">"
        );
        if let Some(title) = title {
            let _ = write!(svg, "<title>{}</title>", escape(title));
        }
        svg.push_str("</path>\n");
    }

    fn bars(&self, svg: &mut String, at: usize) {
        let (x, stage) = (self.x(at), &self.stages[at]);
        let quota = stage.round.quota.map(float);
        for (node, y) in self.nodes.iter().zip(self.tops(at)).filter(|(node, _)| node.votes[at] > 0.0) {
            let high = (node.votes[at] * self.scale).max(0.5);
            let standing = node.option.and_then(|option| stage.standing.get(option)).copied();
            let title = format!("{}, stage {}: {}", node.name, at + 1, node.figures[at]);
            let _ = write!(
                svg,
                "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{BAR}\" height=\"{high:.1}\" fill=\"{}\"><title>{}</title></rect>",
                node.colour,
                escape(&title)
            );
            if let (Some(quota), Some(_)) = (quota.filter(|quota| *quota <= node.votes[at]), node.option) {
                let line = y + quota * self.scale;
                let end = x + BAR;
                let _ = write!(svg, "<path class=\"q\" d=\"M{x:.1} {line:.1}H{end:.1}\"/>");
            }
            if standing == Some(Standing::Elected(at)) {
                let (x, y) = (x + BAR / 2.0, y + (high / 2.0).min(9.0) + 3.5);
                let _ = write!(svg, "<text class=\"e\" x=\"{x:.1}\" y=\"{y:.1}\">✓</text>");
            }
            svg.push('\n');
        }
    }

    /// Names beside a column, none over another.
    fn names(&self, svg: &mut String, at: usize, x: f64, class: &str) {
        let tops = self.tops(at);
        let middles = self.nodes.iter().zip(tops).filter(|(node, _)| node.votes[at] > 0.0);
        let mut lines: Vec<(f64, &Node)> =
            middles.map(|(node, top)| (top + node.votes[at] * self.scale / 2.0 + 4.0, node)).collect();
        for index in 1..lines.len() {
            lines[index].0 = lines[index].0.max(lines[index - 1].0 + LINE);
        }
        let mut limit = TOP + self.height + 6.0;
        for line in lines.iter_mut().rev() {
            line.0 = line.0.min(limit);
            limit = line.0 - LINE;
        }
        for (y, node) in lines {
            let figure = &node.figures[at];
            let _ = writeln!(
                svg,
                "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{} <tspan>{figure}</tspan></text>",
                escape(&short(&node.name))
            );
        }
    }
}

/// A name that fits beside the picture.
fn short(name: &str) -> String {
    if name.chars().count() <= 23 { name.to_owned() } else { name.chars().take(22).chain(['…']).collect() }
}
