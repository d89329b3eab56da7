//! `voting receipt`: the proofs this machine holds, listed and checked offline.

use std::fmt;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde::Serialize;
use voting_core::board::{LogProof, LogProofError};
use voting_core::entry::Entry;
use voting_core::receipt::{Receipt, ReceiptError, Recorded};
use voting_core::{BallotHash, Canonical as _, ElectionId, Height, PartitionId, Timestamp};

use super::board::{Signed, Trusted};
use super::{Context, board, generate};
use crate::api::ReceiptAnswer;
use crate::cast::decode_proof;
use crate::client::parse_url;
use crate::exit::{CliError, Result};
use crate::output::{fields, table};
use crate::pinned::{OfflineArgs, Relied};
use crate::state::{self, ServerDir};
use crate::wallet::{Held, Wallet, means_ballot};

/// Show and verify the receipts of your votes, offline.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the ballots signed on this machine, and what became of them
    #[command(after_long_help = "\
Examples:
  voting receipt show                      all at the server of --url
  voting receipt show \"Board 2026\"         those of one election
  voting receipt show K3Q7-9FZA-M2XR       one, by the beginning of its code or hash")]
    Show(ShowArgs),
    Verify(VerifyArgs),
    Proof(ProofArgs),
}

#[derive(Debug, clap::Args)]
struct ShowArgs {
    /// A ballot's code or hash, or an election's title or id; all without it
    which: Option<String>,
}

/// Check receipts against the pinned network, without any server.
///
/// A receipt proves that a quorum of the authorities recorded the ballot, and with the ballot at hand
/// that it is this very one. It does not show the choice. It can also be a file: the bytes of a receipt,
/// the JSON that GET /ballots/{hash}/receipt serves, or a proof as `voting receipt proof` writes it.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  voting receipt verify                    every receipt at the server of --url
  voting receipt verify \"Board 2026\"
  voting receipt verify receipt.json
  voting receipt verify receipt.json --genesis genesis.bin --epochs epochs.json")]
struct VerifyArgs {
    /// A ballot's code or hash, an election's title or id, or a file; all without it
    which: Option<String>,
    #[command(flatten)]
    relied: OfflineArgs,
}

/// Save a proof of one of your votes that other programs can read.
///
/// It says where in the public board the ballot is, signed by a quorum of the authorities, in the format tlog-proof of C2SP.
/// It is verified before it is written, and does not show the choice.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  voting receipt proof K3Q7-9FZA-M2XR -o ballot.tlog-proof
  voting receipt verify ballot.tlog-proof          without any server")]
struct ProofArgs {
    /// The ballot: its code or hash, or their beginning
    ballot: String,
    /// Where to write it
    #[arg(long, short = 'o', value_name = "FILE")]
    out: PathBuf,
    /// Replace the file if there is one
    #[arg(long)]
    force: bool,
}

/// One ballot, as it is listed.
#[derive(Debug, Serialize)]
struct Line {
    election: ElectionId,
    title: String,
    ballot_hash: BallotHash,
    code: String,
    sequence: u32,
    /// `recorded`, `refused` or `unknown`.
    standing: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    height: Option<Height>,
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recorded_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// What a receipt proved.
#[derive(Debug, Serialize)]
struct Proved {
    election: ElectionId,
    ballot_hash: BallotHash,
    code: String,
    #[serde(flatten)]
    recorded: Recorded,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<()> {
    let server = ServerDir::of(&state::root()?, &parse_url(&context.url)?);
    match args.command {
        Command::Show(args) => show(&args, &server, context),
        Command::Verify(args) => verify(&args, &server, context),
        Command::Proof(args) => save_proof(&args, &server, context).await,
    }
}

/// The error for a receipt that proves nothing.
pub(crate) fn does_not_hold(error: &ReceiptError, place: &impl fmt::Display) -> CliError {
    CliError {
        code: Some(error.code().to_owned()),
        ..CliError::verification(
            format!("the receipt in {place} does not hold: {error}"),
            "keep it as it is and tell whoever runs the election; if the network was founded anew, give its genesis with --genesis",
        )
    }
}

fn show(args: &ShowArgs, server: &ServerDir, context: &Context) -> Result<()> {
    let lines: Vec<_> = held(server, args.which.as_deref())?.into_iter().map(|(_, title, held)| line(title, &held)).collect();
    if let (Some(which), true) = (&args.which, lines.is_empty()) {
        return Err(nothing_held(which, context));
    }
    context.out.answer(&lines, || {
        if lines.is_empty() {
            return "no ballots were signed on this machine for this server".to_owned();
        }
        let rows = lines.iter().map(|line| {
            let what = match (&line.reason, line.recorded_at, line.height, line.index) {
                (Some(reason), ..) => format!("refused: {reason}"),
                (None, Some(at), Some(height), Some(index)) => format!("recorded {at} in block {height}, entry {index}"),
                _ => "not known yet: run the vote command again".to_owned(),
            };
            [line.title.clone(), line.code.clone(), what]
        });
        table(["election", "code", "outcome"], rows)
    })
}

fn line(title: String, held: &Held) -> Line {
    let last = held.receipt.as_ref().and_then(|receipt| receipt.headers.first());
    Line {
        election: held.ballot.ballot.election,
        title,
        ballot_hash: held.ballot.hash(),
        code: held.ballot.hash().code(),
        sequence: held.ballot.ballot.sequence,
        standing: match (&held.receipt, &held.refused) {
            (Some(_), _) => "recorded",
            (None, Some(_)) => "refused",
            (None, None) => "unknown",
        },
        height: held.receipt.as_ref().map(|receipt| receipt.position.height),
        index: held.receipt.as_ref().map(|receipt| receipt.position.index),
        recorded_at: last.map(|header| header.timestamp),
        reason: held.refused.as_ref().map(|refusal| refusal.detail.clone()),
    }
}

fn verify(args: &VerifyArgs, server: &ServerDir, context: &Context) -> Result<()> {
    let relied = Relied::on(&args.relied, server, &context.url)?;
    let proved = match args.which.as_deref().map(Path::new).filter(|which| which.is_file()) {
        Some(path) => {
            let bytes = std::fs::read(path).map_err(|error| state::cannot("read", path, &error))?;
            if LogProof::is_meant(&bytes) {
                let trusted = Trusted { epochs: relied.epochs(PartitionId(0))?, genesis: relied.genesis };
                let found = OnBoard::find(&bytes, &path.display(), &trusted, server)?;
                return context.out.answer(&found, || found.describe());
            }
            vec![verify_file(path, &bytes, &relied, server)?]
        }
        None => verify_held(args.which.as_deref(), &relied, server, context)?,
    };
    context.out.answer(&proved, || match proved.as_slice() {
        [] => "no receipts are held for this server".to_owned(),
        [one] => describe(one),
        several => {
            table(
                ["code", "block", "entry", "time"],
                several.iter().map(|proved| {
                    let Recorded { height, index, timestamp, .. } = &proved.recorded;
                    [proved.code.clone(), height.to_string(), index.to_string(), timestamp.to_string()]
                }),
            ) + "\nEvery receipt holds.\n"
        }
    })
}

fn verify_held(which: Option<&str>, relied: &Relied<'_>, server: &ServerDir, context: &Context) -> Result<Vec<Proved>> {
    let mut proved = Vec::new();
    for (wallet, _, held) in held(server, which)? {
        if let Some(receipt) = &held.receipt {
            let recorded = check(receipt, relied, Some(&held))?;
            let recorded = recorded.map_err(|error| does_not_hold(&error, &wallet.path().display()))?;
            proved.push(prove(receipt, recorded));
        }
    }
    match which {
        Some(which) if proved.is_empty() => Err(nothing_held(which, context)),
        _ => Ok(proved),
    }
}

fn verify_file(path: &Path, bytes: &[u8], relied: &Relied<'_>, server: &ServerDir) -> Result<Proved> {
    let receipt = read_receipt(bytes).map_err(|reason| {
        CliError::verification(
            format!("{} is no receipt: {reason}", path.display()),
            "give the bytes of a receipt, the JSON that GET /ballots/{hash}/receipt serves, or what `voting receipt proof` wrote",
        )
    })?;
    let mine = held(server, Some(&receipt.ballot.to_string()))?.pop().map(|(_, _, held)| held);
    let recorded = check(&receipt, relied, mine.as_ref())?.map_err(|error| does_not_hold(&error, &path.display()))?;
    Ok(prove(&receipt, recorded))
}

fn read_receipt(bytes: &[u8]) -> Result<Receipt, String> {
    match serde_json::from_slice::<ReceiptAnswer>(bytes) {
        Ok(shown) => decode_proof(&shown),
        Err(_) if bytes.trim_ascii_start().starts_with(b"{") => Err("the JSON has no usable field `proof`".to_owned()),
        Err(_) => Receipt::from_canonical(bytes).map_err(|error| error.to_string()),
    }
}

/// Checks a receipt in the partition that its first header names; the outer error is about who is relied on.
fn check(receipt: &Receipt, relied: &Relied<'_>, held: Option<&Held>) -> Result<std::result::Result<Recorded, ReceiptError>> {
    let genesis = &relied.genesis;
    let chain = receipt.headers.first().map(|header| header.chain);
    let partition = (0..genesis.partitions).map(PartitionId).find(|partition| Some(genesis.chain_id(*partition)) == chain);
    let epochs = relied.epochs(partition.unwrap_or_default())?;
    Ok(receipt.verify(&epochs, held.map(|held| &held.ballot)))
}

fn prove(receipt: &Receipt, recorded: Recorded) -> Proved {
    Proved { election: receipt.election, ballot_hash: receipt.ballot, code: receipt.ballot.code(), recorded }
}

fn describe(proved: &Proved) -> String {
    let Recorded { height, index, timestamp, signers, ballot_checked, .. } = &proved.recorded;
    let same = if *ballot_checked {
        "yes: it is the ballot signed on this machine"
    } else {
        "not checked: this machine does not hold the ballot, so its hash is the issuer's word"
    };
    format!(
        "The receipt holds: the ballot is recorded.\n{}",
        fields(&[
            ("code", proved.code.clone()),
            ("election", proved.election.to_string()),
            ("place", format!("block {height}, entry {index}")),
            ("time", timestamp.to_string()),
            ("signed by", signers.join(", ")),
            ("ballot", same.to_owned()),
        ])
    )
}

async fn save_proof(args: &ProofArgs, server: &ServerDir, context: &Context) -> Result<()> {
    if args.out.exists() && !args.force {
        return Err(state::exists(&args.out));
    }
    let mut meant = held(server, Some(&args.ballot))?;
    meant.retain(|(_, _, held)| means_ballot(&args.ballot, held.ballot.hash()));
    let ballot = match meant.as_slice() {
        [(_, _, held)] => &held.ballot,
        [] => return Err(nothing_held(&args.ballot, context)),
        _ => {
            let what = format!("`{}` means {} ballots", args.ballot, meant.len());
            return Err(CliError::usage(what, "type more of the code"));
        }
    };
    let client = context.client()?;
    let trusted = Trusted::of(&client, context).await?;
    let bytes = board::fetch(&client, &format!("/board/{}/proof/{}", ballot.ballot.election, ballot.hash())).await?;
    let found = OnBoard::find(&bytes, &client.address(), &trusted, server)?;
    if found.ballot_hash != ballot.hash() {
        let what = format!("{} answered with the proof of another ballot, {}", client.address(), found.code);
        return Err(CliError::verification(what, "ask another gateway"));
    }
    generate::write(&args.out, &String::from_utf8_lossy(&bytes), args.force)?;
    context.out.answer(&found, || found.describe())
}

/// A ballot's place in the public board of its election.
#[derive(Debug, Serialize)]
struct OnBoard {
    election: ElectionId,
    ballot_hash: BallotHash,
    code: String,
    /// Its place, from 0.
    index: u64,
    /// Number of ballots on the board when it was signed.
    size: u64,
    /// Names of the authorities that have signed.
    signers: Vec<String>,
}

impl OnBoard {
    /// Finds which of the ballots held here a proof is for, and checks who has signed.
    fn find(text: &[u8], place: &impl fmt::Display, trusted: &Trusted, server: &ServerDir) -> Result<Self> {
        let wrong = |error: LogProofError| CliError {
            code: Some(error.code().to_owned()),
            ..CliError::verification(
                format!("the proof in {place} does not hold: {error}"),
                "keep it as it is and tell whoever runs the election; if the network was founded anew, give its genesis with --genesis",
            )
        };
        let text = std::str::from_utf8(text).map_err(|_| wrong(LogProofError::Text("it is not UTF-8")))?;
        let proof: LogProof = text.parse().map_err(wrong)?;
        let signed = board::signed(&proof.checkpoint, &trusted.genesis, &trusted.epochs);
        let Signed { origin, signers } = signed.map_err(|error| wrong(error.into()))?;
        let ballots = held(server, Some(&origin.election.to_string()))?;
        if ballots.is_empty() {
            return Err(CliError::usage(
                format!("a quorum has signed the board of election {}, but no ballot of it is held here", origin.election),
                "check it on the machine that the vote was cast from",
            ));
        }
        let mut ballots = ballots.into_iter().map(|(_, _, held)| held.ballot);
        let found = ballots.find(|ballot| proof.includes(Entry::Cast(ballot.clone()).to_bytes().as_slice()));
        let ballot = found.ok_or_else(|| wrong(proof.not_included()))?.hash();
        let (index, size) = (proof.index, proof.checkpoint.checkpoint().size);
        Ok(Self { election: origin.election, ballot_hash: ballot, code: ballot.code(), index, size, signers })
    }

    fn describe(&self) -> String {
        format!(
            "The proof holds: the ballot is on the public board.\n{}",
            fields(&[
                ("code", self.code.clone()),
                ("election", self.election.to_string()),
                ("place", format!("{} of {}", self.index + 1, self.size)),
                ("signed by", self.signers.join(", ")),
            ])
        )
    }
}

/// Ballots held for a server, with the title of their election; only those meant, if something is typed.
fn held(server: &ServerDir, which: Option<&str>) -> Result<Vec<(Wallet, String, Held)>> {
    let mut found = Vec::new();
    for wallet in Wallet::all(server)? {
        let title = wallet.election()?.map_or_else(|| "(title not kept)".to_owned(), |election| election.title);
        for held in wallet.ballots()? {
            let election = held.ballot.ballot.election.to_string();
            let meant = which.is_none_or(|typed| {
                means_ballot(typed, held.ballot.hash())
                    || title.eq_ignore_ascii_case(typed)
                    || (typed.len() >= 4 && election.starts_with(typed))
            });
            if meant {
                found.push((wallet.clone(), title.clone(), held));
            }
        }
    }
    Ok(found)
}

fn nothing_held(which: &str, context: &Context) -> CliError {
    CliError::usage(
        format!("no receipt for `{which}` is held here for {}", context.url),
        "`voting receipt show` lists what is; receipts are kept per server, see --url",
    )
}
