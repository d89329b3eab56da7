//! `voting generate`: files of invented ballots, to try things out with.
//!
//! The same options make the same file on every machine and with every version of this command: files made by
//! it are committed, and a test makes them again. So the generator is our own and nothing in it is floating point.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde_json::json;
use voting_core::formats::blt::{Blt, BltBallot};
use voting_core::ranking::Ranking;

use super::Context;
use super::export::share;
use crate::exit::{CliError, Result};
use crate::output::fields;
use crate::state;

/// Ballots at most: as many as an import takes.
const BALLOTS_MAX: u64 = 1_000_000;
/// Candidates at most: as many as there are different names.
const CANDIDATES_MAX: u16 = (GIVEN.len() * FAMILY.len()) as u16;
/// One ballot in this many is blank.
const BLANK_ONE_IN: u64 = 50;
/// The most popular candidate is about this many times as popular as the least.
const POPULARITY_MAX: u64 = 12;

const GIVEN: [&str; 16] =
    ["Ada", "Bela", "Cleo", "Dana", "Emil", "Femi", "Gus", "Hana", "Ines", "Jun", "Kim", "Lou", "Mika", "Noor", "Ora", "Pia"];
const FAMILY: [&str; 17] = [
    "Archer", "Baker", "Cooper", "Dyer", "Fisher", "Glover", "Hooper", "Joiner", "Mason", "Miller", "Potter", "Sawyer", "Smith",
    "Tailor", "Turner", "Weaver", "Wright",
];

/// Make files of invented ballots, to try things out with
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Blt(BltArgs),
}

/// Make a file of ranked ballots in BLT format, for `voting import` and for counting programs.
///
/// Candidates differ in popularity; each ballot draws its preferences accordingly, mostly not all of them, and one in fifty
/// is blank. Ballots that say the same stand in one line with their number. The same options make the same file
/// everywhere. Nobody in it exists.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  voting generate blt --seed 1 --ballots 2000 --candidates 6 --seats 3 -o ward.blt
  voting generate blt --seed 2 --ballots 200 --candidates 5 --equal
  voting generate blt --seed 3 --ballots 500 --candidates 6 --withdrawn 2 | less")]
struct BltArgs {
    /// What everything is drawn from
    #[arg(long, value_name = "S")]
    seed: u64,
    /// Number of ballots
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=BALLOTS_MAX))]
    ballots: u64,
    /// Number of candidates
    #[arg(long, value_name = "C", value_parser = clap::value_parser!(u16).range(1..=i64::from(CANDIDATES_MAX)))]
    candidates: u16,
    /// Candidates to be elected
    #[arg(long, value_name = "N", default_value_t = 1)]
    seats: u16,
    /// Candidates who withdrew after the ballots were printed: they can be voted for, and are marked in the file
    #[arg(long, value_name = "K", default_value_t = 0)]
    withdrawn: u16,
    /// Preferences without order, as in approval voting: everyone on a ballot is ranked equal
    #[arg(long)]
    equal: bool,
    /// Where to write it; to standard output if left out
    #[arg(long, short = 'o', value_name = "FILE")]
    out: Option<PathBuf>,
    /// Replace the file if there is one
    #[arg(long)]
    force: bool,
}

pub(crate) fn run(args: Args, context: &Context) -> Result<()> {
    let What::Blt(args) = args.what;
    if args.seats == 0 || args.seats > args.candidates {
        return Err(CliError::usage(
            format!("{} seats for {} candidates", args.seats, args.candidates),
            format!("choose --seats from 1 to {}", args.candidates),
        ));
    }
    if args.withdrawn >= args.candidates {
        return Err(CliError::usage(
            format!("{} of {} candidates cannot withdraw", args.withdrawn, args.candidates),
            "choose a smaller --withdrawn: somebody must stand",
        ));
    }
    let blt = blt(&args);
    let Some(path) = &args.out else { return context.out.raw(blt.to_string().as_bytes()) };
    write(path, &blt.to_string(), args.force)?;
    let lines = blt.ballots.len();
    context.out.answer(&json!({ "file": path, "title": blt.title, "ballots": args.ballots, "lines": lines }), || {
        let rows = [
            ("file", path.display().to_string()),
            ("title", blt.title.clone()),
            ("ballots", format!("{} in {lines} lines", args.ballots)),
        ];
        format!("{}Cast them with: voting import {}\n", fields(&rows), path.display())
    })
}

/// Writes a file whole or not at all, and over another one only on request.
pub(super) fn write(path: &Path, text: &str, force: bool) -> Result<()> {
    let cannot = |error: std::io::Error| state::cannot("write", path, &error);
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(parent).map_err(cannot)?;
    file.write_all(text.as_bytes()).map_err(cannot)?;
    share(&file).map_err(cannot)?;
    let persisted = if force { file.persist(path) } else { file.persist_noclobber(path) };
    match persisted {
        Ok(_) => Ok(()),
        Err(error) if error.error.kind() == std::io::ErrorKind::AlreadyExists => Err(state::exists(path)),
        Err(error) => Err(cannot(error.error)),
    }
}

fn blt(args: &BltArgs) -> Blt {
    let mut rng = SplitMix64(args.seed);
    let candidates = names(&mut rng, args.candidates);
    let popularity: Vec<u64> = candidates.iter().map(|_| 1 + rng.below(POPULARITY_MAX)).collect();
    let mut withdrawn = draw(&mut rng, &vec![1; candidates.len()], usize::from(args.withdrawn));
    withdrawn.sort_unstable();
    let mut lines: BTreeMap<Vec<Vec<u16>>, u64> = BTreeMap::new();
    for _ in 0..args.ballots {
        *lines.entry(ranking(&mut rng, &popularity, args.equal)).or_default() += 1;
    }
    let mut ballots: Vec<_> =
        lines.into_iter().map(|(tiers, count)| BltBallot { count, ranking: Ranking::from_tiers(tiers) }).collect();
    ballots.sort_by_key(|ballot| Reverse(ballot.count)); // stable: those as frequent stay in order
    Blt { title: format!("Invented ward {}", args.seed), candidates, seats: args.seats, withdrawn, ballots }
}

/// Different names, in the order of an alphabet as on a ballot paper.
fn names(rng: &mut SplitMix64, number: u16) -> Vec<String> {
    let mut places = draw(rng, &vec![1; usize::from(CANDIDATES_MAX)], usize::from(number));
    places.sort_unstable();
    let name = |place: u16| {
        let (family, given) = (usize::from(place) / GIVEN.len(), usize::from(place) % GIVEN.len());
        format!("{} {}", GIVEN[given], FAMILY[family])
    };
    places.into_iter().map(name).collect()
}

/// One ballot. Every further preference is less likely than the one before.
fn ranking(rng: &mut SplitMix64, popularity: &[u64], equal: bool) -> Vec<Vec<u16>> {
    if rng.below(BLANK_ONE_IN) == 0 {
        return Vec::new();
    }
    let mut preferences = 1;
    while preferences < popularity.len() && rng.below(3) > 0 {
        preferences += 1;
    }
    let mut drawn = draw(rng, popularity, preferences);
    if equal {
        drawn.sort_unstable();
        return vec![drawn];
    }
    drawn.into_iter().map(|place| vec![place]).collect()
}

/// Draws places one after the other and without putting them back, each as likely as its weight among those left.
fn draw(rng: &mut SplitMix64, weights: &[u64], number: usize) -> Vec<u16> {
    let mut left: Vec<(u16, u64)> = (0u16..).zip(weights.iter().copied()).collect();
    let mut drawn = Vec::with_capacity(number);
    for _ in 0..number.min(weights.len()) {
        let mut at = rng.below(left.iter().map(|(_, weight)| weight).sum());
        let found = left.iter().position(|(_, weight)| at.checked_sub(*weight).map(|rest| at = rest).is_none());
        drawn.push(left.remove(found.unwrap_or(0)).0);
    }
    drawn
}

/// SplitMix64 (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", 2014, figure 17): a few lines that
/// will never change, which is all that is asked of it. Not for secrets.
struct SplitMix64(u64);

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`; the bias of the remainder is below 2⁻⁴⁰ for every bound used here.
    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(seed: u64, candidates: u16) -> BltArgs {
        BltArgs { seed, ballots: 400, candidates, seats: 1, withdrawn: 0, equal: false, out: None, force: false }
    }

    #[test]
    fn the_generator_is_the_published_one() {
        let mut rng = SplitMix64(1_234_567);
        // From the reference implementation in C.
        assert_eq!(
            [rng.next(), rng.next(), rng.next()],
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]
        );
    }

    #[test]
    fn whatever_is_made_can_be_read_and_has_every_ballot() {
        for (seed, candidates) in [(0, 1), (1, 2), (2, 6), (u64::MAX, CANDIDATES_MAX)] {
            let made = blt(&args(seed, candidates));
            assert_eq!(Blt::parse(made.to_string().as_bytes()).unwrap(), made);
            assert_eq!((made.total(), made.candidates.len()), (400, usize::from(candidates)));
            let mut names = made.candidates.clone();
            names.sort();
            names.dedup();
            assert_eq!(names.len(), usize::from(candidates), "two of the same name");
        }
    }

    #[test]
    fn options_show_in_the_file() {
        let (first, other) = (blt(&args(1, 6)), blt(&args(2, 6)));
        assert_ne!(first.ballots, other.ballots);
        assert!(first.ballots.iter().any(|ballot| ballot.ranking.options().count() > 2) && first.withdrawn.is_empty());
        assert!(first.ballots.iter().any(|ballot| ballot.ranking.is_empty()), "some are blank");
        let equal = blt(&BltArgs { equal: true, withdrawn: 2, ..args(1, 6) });
        assert!(equal.ballots.iter().all(|ballot| ballot.ranking.tiers().count() <= 1) && equal.withdrawn.len() == 2);
        assert!(equal.ballots.iter().any(|ballot| ballot.ranking.has_equals()));
    }

    #[test]
    fn popular_candidates_are_drawn_more_often() {
        let mut rng = SplitMix64(5);
        let firsts = (0..4_000).filter(|_| draw(&mut rng, &[1, 3], 1) == [1]).count();
        assert!((2_800..3_200).contains(&firsts), "{firsts} of 4000, about 3000 expected");
    }
}
