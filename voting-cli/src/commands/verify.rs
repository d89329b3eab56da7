//! `voting verify`: checks a bundle offline, on all cores, and trusts no server.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::iter::{IntoParallelIterator as _, ParallelIterator as _};
use voting_core::bundle::{BundleReader, Opening};
use voting_core::epoch::change::Epochs;
use voting_core::state::ElectionState;
use voting_core::verify::{CheckResult, Options, Outcome, Progress, Report, Summary, verify_election};
use voting_core::{Canonical as _, Digest};

use super::Context;
use super::receipt::does_not_hold;
use crate::exit::{CliError, Result};
use crate::keys::random_seed;
use crate::output::{fields, table};
use crate::pinned;
use crate::state::{self, ServerDir};
use crate::wallet::{Held, Wallet};

/// Read this much at a time: bundles are read once, from front to back.
const BUFFER_BYTES: usize = 1 << 20;

/// Verify an election from its bundle, without any server.
///
/// Every signature, certificate and rule is checked again and the ballots are counted again. The first thing
/// wrong is named, and the command ends with exit code 5.
///
/// Everything rests on the genesis, which names the authorities. Give the published digest with --genesis; without it,
/// the networks pinned on this machine are relied on; if the bundle is of none of these, it is checked in itself
/// and the digest to compare is printed. Ballots signed on this machine are looked for in the bundle.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  voting verify board.bundle
  voting verify board.bundle --genesis 9c1e…
  voting verify board.bundle --output json | jq .summary.report")]
pub(crate) struct Args {
    /// The bundle
    bundle: PathBuf,
    /// Digest of the genesis to rely on, 64 hexadecimal digits
    #[arg(long, value_name = "HEX")]
    genesis: Option<Digest>,
}

pub(crate) fn run(args: Args, context: &Context) -> Result<()> {
    let path = &args.bundle;
    let opening = open(path)?.ok().map(|reader| reader.opening().clone());
    let mine = match &opening {
        Some(opening) => mine(opening)?,
        None => Vec::new(), // the verifier says what is wrong with it
    };
    let genesis = match (args.genesis, &opening) {
        (Some(digest), _) => Some(digest),
        (None, Some(opening)) => pinned_here(opening.genesis.digest())?,
        (None, None) => None,
    };
    let ballots = mine.iter().map(|held| held.ballot.hash()).collect();
    let options = Options { genesis, ballots, ..Options::default() };
    let (report, _) = check(path, options, context)?;
    context.out.answer(&report, || describe(&report))?;
    if let Some(failure) = &report.failure {
        return Err(CliError {
            code: Some(failure.check.code().to_owned()),
            ..CliError::verification(
                format!("{}: {failure}", path.display()),
                "do not rely on this file; export the election again, from another gateway too, and tell whoever runs it",
            )
        });
    }
    match &report.summary {
        Some(summary) => own_ballots_are_there(summary, &mine, opening.as_ref(), context),
        None => Ok(()),
    }
}

fn open(path: &Path) -> Result<Result<BundleReader<BufReader<File>>, voting_core::bundle::ReadBundleError>> {
    let file = File::open(path).map_err(|error| state::cannot("read", path, &error))?;
    Ok(BundleReader::open(BufReader::with_capacity(BUFFER_BYTES, file)))
}

/// Verifies a bundle on all cores; the election as it was replayed, if everything holds.
pub(super) fn check(path: &Path, options: Options, context: &Context) -> Result<(Report, Option<Arc<ElectionState>>)> {
    let options = Options { randomness: Some(*random_seed()?), ..options };
    let file = File::open(path).map_err(|error| state::cannot("read", path, &error))?;
    let length = file.metadata().map_or(0, |metadata| metadata.len());
    let bar = context.out.progress(length, "verifying {bar:40} {percent:>3} %  {msg}");
    let mut show = |progress: Progress| {
        bar.set_position(progress.bytes);
        bar.set_message(format!("{} blocks, {} entries", progress.blocks, progress.entries));
    };
    let all_cores = |jobs: usize, job: &(dyn Fn(usize) + Sync)| (0..jobs).into_par_iter().for_each(job);
    let verified = verify_election(BufReader::with_capacity(BUFFER_BYTES, file), &options, &all_cores, &mut show);
    bar.finish_and_clear();
    Ok(verified)
}

/// The digest, if a network with it is pinned on this machine.
fn pinned_here(digest: Digest) -> Result<Option<Digest>> {
    for server in ServerDir::all(&state::root()?)? {
        if pinned::load(&server)?.is_some_and(|genesis| genesis.digest() == digest) {
            return Ok(Some(digest));
        }
    }
    Ok(None)
}

/// Ballots for this election that were signed on this machine.
fn mine(opening: &Opening) -> Result<Vec<Held>> {
    let mut mine = Vec::new();
    for server in ServerDir::all(&state::root()?)? {
        for wallet in Wallet::all(&server)? {
            mine.extend(wallet.ballots()?.into_iter().filter(|held| held.ballot.ballot.election == opening.election));
        }
    }
    Ok(mine)
}

/// A bundle that reaches as far as a receipt must contain its ballot, at its place.
fn own_ballots_are_there(summary: &Summary, mine: &[Held], opening: Option<&Opening>, context: &Context) -> Result<()> {
    for held in mine {
        let (Some(receipt), Some(opening)) = (&held.receipt, opening) else { continue };
        let proved = Epochs::proved(&opening.genesis, opening.partition, &opening.handovers);
        let Ok(epochs) = proved else { continue }; // the bundle holds, so they are
        let holds = receipt.verify(&epochs, Some(&held.ballot));
        // A bundle that ends earlier knows nothing of later authorities.
        if receipt.position.height <= summary.last.height {
            holds.map_err(|error| does_not_hold(&error, &"the state directory"))?;
        }
        let hash = held.ballot.hash();
        let found = summary.ballots.iter().find(|finding| finding.ballot == hash).and_then(|finding| finding.position);
        if receipt.position.height > summary.last.height {
            context.out.note(format!("the bundle ends before your ballot {} was recorded; export it again", hash.code()));
        } else if found != Some(receipt.position) {
            return Err(CliError::verification(
                format!(
                    "your ballot {} has a valid receipt for block {}, but the bundle does not contain it there",
                    hash.code(),
                    receipt.position.height
                ),
                "keep the bundle and the receipt: together they prove that authorities signed two histories; tell whoever runs the election",
            ));
        } else {
            context.out.note(format!("your ballot {} is in the bundle", hash.code()));
        }
    }
    Ok(())
}

fn describe(report: &Report) -> String {
    let mut text = table(["", "check", "proves", "outcome"], report.checks.iter().map(check_row));
    text.push('\n');
    if let Some(summary) = &report.summary {
        text.push_str(&describe_summary(summary));
    }
    text
}

fn check_row(check: &CheckResult) -> [String; 4] {
    let outcome = match check.outcome {
        Outcome::Passed => "holds",
        Outcome::Failed => "FAILS",
        Outcome::NotCompleted => "not reached",
        Outcome::NotApplicable => "nothing to check",
    };
    [check.number.to_string(), check.code.to_owned(), check.title.to_owned(), outcome.to_owned()]
}

fn describe_summary(summary: &Summary) -> String {
    let counts = &summary.counts;
    let pinned = if summary.genesis_pinned { "the one relied on" } else { "NOT pinned: compare it with the published digest" };
    let mut text = fields(&[
        ("network", summary.network.clone()),
        ("genesis", format!("{} ({pinned})", summary.genesis)),
        ("authorities", format!("{} of {} make a quorum", summary.quorum, summary.authorities.len())),
        ("election", format!("{} ({})", summary.title, summary.election)),
        ("phase", summary.phase.to_string()),
        ("blocks", format!("{} to {}, until {}", summary.first_height, summary.last.height, summary.last_timestamp)),
        ("ballots", counts.ballots.to_string()),
        ("voters", format!("{} voted, {} certified, {} on the roll", counts.voted, counts.certified, counts.roll_size)),
    ]);
    let rows = summary
        .authorities
        .iter()
        .map(|authority| [authority.name.clone(), authority.fingerprint.clone(), authority.signatures.to_string()]);
    text.push_str(&format!("\n{}\n", table(["authority", "fingerprint of its key", "signatures"], rows)));
    if let Some(reason) = &summary.cancel_reason {
        text.push_str(&format!("\nThe election was cancelled: {reason}\n"));
    }
    for contest in summary.report.iter().flat_map(|report| &report.contests) {
        let rows = contest.options.iter().map(|option| {
            let elected = match (option.seats, contest.method.is_of_lists()) {
                (0, _) => String::new(),
                (seats, true) => format!("{seats} seats"),
                _ => "elected".to_owned(),
            };
            [option.name.clone(), option.votes.to_string(), option.total.to_string(), elected]
        });
        let headings = ["option", "votes", "decided by", ""];
        text.push_str(&format!("\n{}, counted again here by {}\n{}\n", contest.title, contest.method, table(headings, rows)));
    }
    text.push_str("\nEvery check holds.\n");
    text
}
