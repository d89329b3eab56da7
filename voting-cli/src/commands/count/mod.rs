//! `voting count`: a file of ballots, counted here. No server, no network, no trust.
//!
//! ```text
//!  file ──ballots──▶ Source ──tabulate──▶ Counted ──text──▶ what a returning officer signs
//!                                             ├───json──▶ for programs
//!                                             └───html──▶ a page, with ──flow──▶ a picture of the transfers
//! ```

mod ballots;
mod flow;
mod html;
mod json;
mod tabulate;
mod text;
mod words;

use std::path::PathBuf;

use clap::ValueEnum;
use serde_json::json;
use voting_core::count::{Majority, Thresholds};
use voting_core::election::{CountMethodId, MAX_SCORE};

use self::ballots::Source;
use self::tabulate::{Counted, Rules, Seed};
use super::Context;
use super::generate::write;
use crate::exit::Result;
use crate::output::{Format, clean};

/// Count a file of ballots, by any method, without a server
///
/// The file is BLT or CSV: rankings with a column per rank or a column per candidate, or scores. The report has every
/// step of the count, every tie and what decided it, and what it takes to get the same again: the hash of the file, the method, and the
/// seed of the lots. Methods: plurality, approval, score, instant-runoff, scottish-stv, wigm-stv, meek-stv, schulze, ranked-pairs,
/// borda, dhondt, sainte-lague.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  voting count ward1.blt --method scottish-stv
  voting count ward1.blt --method meek-stv --withdrawn 'Ada Archer' --output html -o ward1.html
  voting count board.csv --method schulze --output json
  voting count motion.csv --method plurality --majority two-thirds --quorum 50 --roll 240
  voting count lists.blt --method dhondt --seats 12 --seed 'drawn in public: 4 8 15 16 23 42'

The lots of ties are drawn from the hash of the file unless --seed says otherwise. Where that matters, agree on a seed
that nobody can know or choose before the file is fixed.")]
pub(crate) struct Args {
    /// The file of ballots
    file: PathBuf,
    /// How it is counted
    #[arg(long, value_name = "METHOD")]
    method: CountMethodId,
    /// How many win; as many as the file says, or one, if left out
    #[arg(long, value_name = "N")]
    seats: Option<u16>,
    /// A candidate who has withdrawn, by name; may be given several times
    #[arg(long, value_name = "NAME")]
    withdrawn: Vec<String>,
    /// What winners need beyond the most votes (plurality, approval and score)
    #[arg(long, value_enum, value_name = "RULE", default_value_t)]
    majority: Demand,
    /// Percentage of the roll that must have voted (plurality, approval and score)
    #[arg(long, value_name = "PERCENT", default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=100))]
    quorum: u8,
    /// How many voters are on the roll
    #[arg(long, value_name = "N")]
    roll: Option<u64>,
    /// Highest score of the scale; the highest in the file if left out
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=i64::from(MAX_SCORE)))]
    max_score: Option<u16>,
    /// What lots are drawn from: 64 hexadecimal digits, or any text; the hash of the file if left out
    #[arg(long, value_name = "SEED")]
    seed: Option<String>,
    /// Title of the report, if not the file's own
    #[arg(long)]
    title: Option<String>,
    /// Where to write the report; to standard output if left out
    #[arg(long, short = 'o', value_name = "FILE")]
    out: Option<PathBuf>,
    /// Replace the file if there is one
    #[arg(long)]
    force: bool,
}

/// What winners need beyond the most votes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Demand {
    /// Nothing.
    #[default]
    MostVotes,
    /// More than half of the votes, blank ones left out.
    Simple,
    /// At least two thirds of the votes, blank ones left out.
    TwoThirds,
    /// More than half of the roll.
    Absolute,
}

impl From<Demand> for Majority {
    fn from(demand: Demand) -> Self {
        match demand {
            Demand::MostVotes => Self::MostVotes,
            Demand::Simple => Self::Simple,
            Demand::TwoThirds => Self::TwoThirds,
            Demand::Absolute => Self::Absolute,
        }
    }
}

pub(crate) fn run(args: Args, context: &Context) -> Result<()> {
    let source = Source::read(&args.file, args.method)?;
    if !source.ignored.is_empty() {
        context.out.note(format!("columns that are not read: {}", source.ignored.join(", ")));
    }
    let rules = Rules {
        method: args.method,
        seats: args.seats,
        withdrawn: args.withdrawn,
        thresholds: Thresholds { majority: args.majority.into(), quorum_percent: args.quorum },
        roll: args.roll,
        max_score: args.max_score,
        seed: args.seed.as_deref().map_or(Seed::File, Seed::parse),
        title: args.title,
    };
    let counted = Counted::of(source, rules)?;
    let report = match context.out.format() {
        Format::Table => clean(&text::report(&counted)),
        Format::Json => json::report(&counted)?,
        Format::Html => html::report(&counted),
    };
    let Some(path) = &args.out else { return context.out.raw(report.as_bytes()) };
    write(path, &report, args.force)?;
    let elected: Vec<&str> = counted.outcome.elected().map(|option| counted.name(option)).collect();
    context.out.answer(&json!({ "file": path, "title": counted.title, "elected": elected }), || {
        format!("{} is written: {}", path.display(), words::elected_line(&counted))
    })
}
