//! `voting board`: a copy of an election's public board, as plain files, that is seen to only grow.
//!
//! ```text
//! DIR/checkpoint          size and root, signed by a quorum of the authorities
//! DIR/witnessed           the newest one that witnesses have cosigned
//! DIR/tile/0/000 …        hashes, as they stand at /board/{election_id}/tile/…
//! DIR/tile/entries/000 …  ballots
//! ```

use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde::Serialize;
use voting_core::board::{
    BoardTree, CheckpointError, CopyError, Cosigned, Origin, SignedCheckpoint, TileId, TileLevel, VerifierKey, read_entries,
    read_tree, tiles_of,
};
use voting_core::epoch::Genesis;
use voting_core::epoch::change::Epochs;
use voting_core::{Digest, ElectionId, PartitionId, Timestamp};

use super::Context;
use super::elections::resolve;
use crate::client::{Auth, CallError, Client, parse_url};
use crate::exit::{CliError, Result};
use crate::output::fields;
use crate::pinned::{self, OfflineArgs, Relied};
use crate::state::{self, ServerDir};

/// Where a board is kept that contradicts the copy.
const CONFLICT: &str = "conflict";

/// Copy the public board of an election, and see that it only grows.
///
/// The board is the list of all ballots, as a transparency log that programs of others can read. Its checkpoints are
/// signed by a quorum of the authorities.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Copy(CopyArgs),
    Verify(VerifyArgs),
}

/// Copy a board to a folder, or bring the copy up to date.
///
/// Only what is new is fetched, all of it is checked, and the new checkpoint must extend the one in the folder:
/// authorities that had changed or taken back a ballot in between would be found out, and both checkpoints kept as proof.
/// The ballots come along for those who may see the result, their hashes for everybody.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  voting board copy \"Board 2026\" ./board
  watch -n 60 voting board copy \"Board 2026\" ./board      every minute")]
struct CopyArgs {
    /// The election: its id, the beginning of its id, or its title
    election: String,
    /// The folder; made if there is none
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    #[command(flatten)]
    witnesses: Witnesses,
}

/// Whose cosignatures are asked for.
#[derive(Debug, clap::Args)]
struct Witnesses {
    /// Ask for a cosignature of this witness too, by its key as `voting witness key` prints it; may be given several times
    #[arg(long = "witness", value_name = "KEY")]
    keys: Vec<VerifierKey>,
}

/// Check a copy, without any server.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  voting board verify ./board
  voting board verify ./board --genesis genesis.bin --epochs epochs.json")]
struct VerifyArgs {
    /// The folder
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    #[command(flatten)]
    relied: OfflineArgs,
    #[command(flatten)]
    witnesses: Witnesses,
}

/// What a copy is found to be.
#[derive(Debug, Serialize)]
struct Answer {
    election: ElectionId,
    /// Number of ballots.
    size: u64,
    root: Digest,
    /// Names of the authorities that have signed.
    signers: Vec<String>,
    /// The size of the checkpoint that it extends; none if there was no copy.
    #[serde(skip_serializing_if = "Option::is_none")]
    extends: Option<u64>,
    /// Whether the ballots are in the copy, and not their hashes alone.
    ballots: bool,
    /// How far the witnesses that were asked for have all seen the board.
    #[serde(skip_serializing_if = "Option::is_none")]
    witnessed: Option<Witnessed>,
}

/// What witnesses have seen.
#[derive(Debug, Serialize)]
struct Witnessed {
    /// Number of ballots.
    size: u64,
    by: Vec<WitnessedBy>,
}

#[derive(Debug, Serialize)]
struct WitnessedBy {
    witness: String,
    /// As it says.
    at: Timestamp,
}

/// A copy that was brought up to date.
pub(super) struct Copied {
    /// Its newest checkpoint.
    pub(super) checkpoint: SignedCheckpoint,
    origin: Origin,
    signers: Vec<String>,
    tree: BoardTree,
    extends: Option<u64>,
}

/// Who has signed a checkpoint, and for which log.
pub(super) struct Signed {
    pub(super) origin: Origin,
    pub(super) signers: Vec<String>,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<()> {
    let answer = match args.command {
        Command::Copy(args) => copy(&args, context).await?,
        Command::Verify(args) => verify(&args, context)?,
    };
    context.out.answer(&answer, || describe(&answer))
}

async fn copy(args: &CopyArgs, context: &Context) -> Result<Answer> {
    let client = context.client()?;
    let trusted = Trusted::of(&client, context).await?;
    let election = resolve(&client, &args.election).await?;
    let folder = Folder(&args.dir);
    let keys = &args.witnesses.keys;
    // Before the board itself, which is then at least as long.
    let seen = if keys.is_empty() { None } else { Some(fetch(&client, &format!("/board/{election}/witnessed")).await?) };
    let Copied { checkpoint, origin, signers, tree, extends } = update(&client, &trusted, election, &args.dir).await?;
    let (size, root) = (checkpoint.checkpoint().size, checkpoint.checkpoint().root);
    let ballots = fetch_entries(&client, folder, election, size, context).await?;
    if ballots {
        check_entries(&tree, size, folder)?;
    }
    let witnessed = match seen {
        None => None,
        Some(text) => {
            let seen = read_checkpoint(&text, client.address())?;
            let found = seen_by(&seen, origin, &trusted.epochs, &tree, keys, client.address())?;
            state::write(&folder.witnessed(), &text)?;
            Some(found)
        }
    };
    Ok(Answer { election, size, root, signers, extends, ballots, witnessed })
}

/// Who is relied on at a gateway.
pub(super) struct Trusted {
    pub(super) genesis: Genesis,
    pub(super) epochs: Epochs,
}

impl Trusted {
    pub(super) async fn of(client: &Client, context: &Context) -> Result<Self> {
        let genesis = pinned::ensure(client, &context.out).await?;
        let epochs = pinned::epochs(client, &genesis, PartitionId(0)).await?;
        Ok(Self { genesis, epochs })
    }
}

/// Brings the hashes of a copy up to date, and sees that the board has only grown.
pub(super) async fn update(client: &Client, trusted: &Trusted, election: ElectionId, dir: &Path) -> Result<Copied> {
    let Trusted { genesis, epochs } = trusted;
    let origin = Origin { chain: genesis.chain_id(PartitionId(0)), election };
    let folder = Folder(dir);
    let text = fetch(client, &format!("/board/{election}/checkpoint")).await?;
    let place = client.address().to_owned();
    let fresh = read_checkpoint(&text, &place)?;
    let signers = signed_by(&fresh, origin, epochs).map_err(|error| does_not_hold(&error, &place))?;
    let before = match state::read(&folder.checkpoint())? {
        None => None,
        Some(bytes) => {
            let place = folder.checkpoint().display().to_string();
            let before = read_checkpoint(&bytes, &place)?;
            signed_by(&before, origin, epochs).map_err(|error| does_not_hold(&error, &place))?;
            Some(before)
        }
    };
    // A gateway may be behind the one that was copied from: then the copy must extend what this one shows.
    let newest = before.as_ref().filter(|before| before.checkpoint().size > fresh.checkpoint().size).unwrap_or(&fresh).clone();
    fetch_hashes(client, folder, election, newest.checkpoint().size).await?;
    let tree = match (folder.tree(&newest), &before) {
        (Ok(tree), before) if before.iter().chain([&fresh]).all(|known| extends(&tree, known)) => tree,
        (read, Some(before)) => return Err(differs(client, folder, election, before, &fresh, read.err()).await?),
        (read, None) => return Err(not_a_copy(&read.err().unwrap_or(CopyError::Entry(0)), dir)),
    };
    state::write(&folder.checkpoint(), newest.to_string().as_bytes())?;
    let extends = before.map(|before| before.checkpoint().size);
    Ok(Copied { checkpoint: newest, origin, signers, tree, extends })
}

/// Checks that all these witnesses have cosigned a checkpoint of the log that the tree is of.
fn seen_by(
    seen: &SignedCheckpoint,
    origin: Origin,
    epochs: &Epochs,
    tree: &BoardTree,
    keys: &[VerifierKey],
    place: &str,
) -> Result<Witnessed> {
    signed_by(seen, origin, epochs).map_err(|error| does_not_hold(&error, place))?;
    let by = seen.verify_witnesses(keys, keys.len()).map_err(|error| does_not_hold(&error, place))?;
    let size = seen.checkpoint().size;
    if size > tree.size() {
        return Err(CliError::failure(
            format!("the witnesses have seen {size} ballots, the copy has {}", tree.size()),
            "bring the copy up to date: voting board copy ELECTION DIR",
        ));
    }
    if !extends(tree, seen) {
        return Err(CliError {
            code: Some("history_changed".to_owned()),
            ..CliError::verification(
                format!("the witnesses have cosigned a board of {size} ballots that is not this one"),
                "update the copy and try again; if it stays so, tell the witnesses and everybody whom the election concerns",
            )
        });
    }
    let named = |Cosigned { name, seconds }| {
        let at = Timestamp::from_millis(seconds.saturating_mul(1_000)).unwrap_or(Timestamp::MAX);
        WitnessedBy { witness: name, at }
    };
    Ok(Witnessed { size, by: by.into_iter().map(named).collect() })
}

fn verify(args: &VerifyArgs, context: &Context) -> Result<Answer> {
    let server = ServerDir::of(&state::root()?, &parse_url(&context.url)?);
    let relied = Relied::on(&args.relied, &server, &context.url)?;
    let folder = Folder(&args.dir);
    let place = folder.checkpoint().display().to_string();
    let Some(text) = state::read(&folder.checkpoint())? else {
        return Err(CliError::usage(format!("{place} is not there"), "make a copy first: voting board copy ELECTION DIR"));
    };
    let checkpoint = read_checkpoint(&text, &place)?;
    let epochs = relied.epochs(PartitionId(0))?;
    let Signed { origin, signers } =
        signed(&checkpoint, &relied.genesis, &epochs).map_err(|error| does_not_hold(&error, &place))?;
    let (size, root) = (checkpoint.checkpoint().size, checkpoint.checkpoint().root);
    let tree = folder.tree(&checkpoint).map_err(|error| not_a_copy(&error, &args.dir))?;
    let ballots = tiles_of(size).find(|id| id.level() == TileLevel::Entries).is_none_or(|id| folder.path(id).exists());
    if ballots {
        check_entries(&tree, size, folder)?;
    }
    let keys = &args.witnesses.keys;
    let witnessed = if keys.is_empty() {
        None
    } else {
        let place = folder.witnessed().display().to_string();
        let Some(text) = state::read(&folder.witnessed())? else {
            return Err(CliError::usage(format!("{place} is not there"), "bring it with: voting board copy --witness KEY"));
        };
        Some(seen_by(&read_checkpoint(&text, &place)?, origin, &epochs, &tree, keys, &place)?)
    };
    Ok(Answer { election: origin.election, size, root, signers, extends: None, ballots, witnessed })
}

/// What is wrong where the copy and the board do not fit: one of them is damaged, or a quorum has signed two histories. A second copy,
/// which has nothing from the first, tells.
async fn differs(
    client: &Client,
    folder: Folder<'_>,
    election: ElectionId,
    before: &SignedCheckpoint,
    fresh: &SignedCheckpoint,
    error: Option<CopyError>,
) -> Result<CliError> {
    let path = folder.0.join(CONFLICT);
    let second = Folder(&path);
    fetch_hashes(client, second, election, fresh.checkpoint().size).await?;
    let damaged = match (folder.tree(before), second.tree(fresh)) {
        (Err(error), _) => not_a_copy(&error, folder.0),
        (Ok(_), Err(error)) => not_a_copy(&error, &path),
        (Ok(here), Ok(there)) => {
            let shared = here.size().min(there.size());
            if here.root_at(shared) != there.root_at(shared) {
                state::write(&second.checkpoint(), fresh.to_string().as_bytes())?;
                return Ok(contradicts(shared, folder.0, &path));
            }
            not_a_copy(&error.unwrap_or(CopyError::Entry(shared)), folder.0)
        }
    };
    // Nothing is proved by it.
    std::fs::remove_dir_all(&path).map_err(|error| state::cannot("remove", &path, &error))?;
    Ok(damaged)
}

/// A folder with a copy.
#[derive(Clone, Copy)]
struct Folder<'a>(&'a Path);

impl Folder<'_> {
    fn checkpoint(self) -> PathBuf {
        self.0.join("checkpoint")
    }

    fn witnessed(self) -> PathBuf {
        self.0.join("witnessed")
    }

    fn path(self, id: TileId) -> PathBuf {
        self.0.join(id.to_string())
    }

    /// What cannot be read is as good as missing.
    fn tile(self, id: TileId) -> Option<Vec<u8>> {
        std::fs::read(self.path(id)).ok()
    }

    fn tree(self, checkpoint: &SignedCheckpoint) -> Result<BoardTree, CopyError> {
        let stated = checkpoint.checkpoint();
        read_tree(stated.size, stated.root, |id| self.tile(id))
    }
}

/// Whether a tree begins with the one that a checkpoint names.
fn extends(tree: &BoardTree, checkpoint: &SignedCheckpoint) -> bool {
    let stated = checkpoint.checkpoint();
    tree.root_at(stated.size) == Some(stated.root)
}

/// What everybody may read.
pub(super) async fn fetch(client: &Client, path: &str) -> Result<Vec<u8>> {
    client.bytes(path, Auth::None).await.map_err(|error| client.explain(error))
}

/// Fetches the tiles of hashes that are not there yet: what a tile of one name has in it never changes.
async fn fetch_hashes(client: &Client, folder: Folder<'_>, election: ElectionId, size: u64) -> Result<()> {
    for id in tiles_of(size).filter(|id| id.level() != TileLevel::Entries) {
        let path = folder.path(id);
        if !path.exists() {
            state::write(&path, &fetch(client, &format!("/board/{election}/{id}")).await?)?;
        }
    }
    Ok(())
}

/// Fetches the ballots; false if they are not shown to whoever asks.
async fn fetch_entries(client: &Client, folder: Folder<'_>, election: ElectionId, size: u64, context: &Context) -> Result<bool> {
    for id in tiles_of(size).filter(|id| id.level() == TileLevel::Entries) {
        let path = folder.path(id);
        if path.exists() {
            continue;
        }
        match client.bytes(&format!("/board/{election}/{id}"), Auth::IfSignedIn).await {
            Ok(bytes) => state::write(&path, &bytes)?,
            Err(CallError::Refused(problem)) if problem.code == "results_hidden" => {
                context.out.note("the ballots are not shown to you yet: the copy has their hashes");
                return Ok(false);
            }
            Err(error) => return Err(client.explain(error)),
        }
    }
    Ok(true)
}

fn check_entries(tree: &BoardTree, size: u64, folder: Folder<'_>) -> Result<()> {
    read_entries(tree, size, |id| folder.tile(id), |_, _| {}).map_err(|error| not_a_copy(&error, folder.0))
}

fn read_checkpoint(bytes: &[u8], place: &str) -> Result<SignedCheckpoint> {
    let text = std::str::from_utf8(bytes).map_err(|_| CheckpointError::Text("it is not UTF-8"));
    text.and_then(str::parse).map_err(|error| does_not_hold(&error, place))
}

/// The names of a quorum of authorities that have signed, of whichever epoch; the newest is tried first.
fn signed_by(checkpoint: &SignedCheckpoint, origin: Origin, epochs: &Epochs) -> Result<Vec<String>, CheckpointError> {
    let mut newest = None;
    for (_, epoch) in epochs.iter().collect::<Vec<_>>().into_iter().rev() {
        match checkpoint.verify(origin, epoch) {
            Ok(()) => {
                let named = |index| epoch.authority(index).map(|authority| authority.name.clone());
                return Ok(checkpoint.signers(epoch)?.into_iter().filter_map(named).collect());
            }
            Err(error) => newest = newest.or(Some(error)),
        }
    }
    Err(newest.unwrap_or(CheckpointError::Text("no authorities are known")))
}

/// The same for the log that the checkpoint itself names, which must be one of this network.
pub(super) fn signed(checkpoint: &SignedCheckpoint, genesis: &Genesis, epochs: &Epochs) -> Result<Signed, CheckpointError> {
    let chain = genesis.chain_id(PartitionId(0));
    let named = checkpoint.checkpoint().origin.strip_prefix(&format!("voting/{chain}/"));
    let election = named.and_then(|election| election.parse().ok()).ok_or_else(|| CheckpointError::Origin {
        actual: checkpoint.checkpoint().origin.clone(),
        expected: format!("voting/{chain}/ELECTION"),
    })?;
    let origin = Origin { chain, election };
    Ok(Signed { origin, signers: signed_by(checkpoint, origin, epochs)? })
}

fn does_not_hold(error: &CheckpointError, place: &str) -> CliError {
    CliError {
        code: Some(error.code().to_owned()),
        ..CliError::verification(
            format!("the checkpoint of {place} does not hold: {error}"),
            "ask another gateway; if the network was founded anew, see voting trust --help",
        )
    }
}

fn not_a_copy(error: &CopyError, dir: &Path) -> CliError {
    CliError {
        code: Some(error.code().to_owned()),
        ..CliError::verification(
            format!("{} is no copy of the board: {error}", dir.display()),
            "remove the file and copy again, from another gateway if it comes back the same",
        )
    }
}

fn contradicts(shared: u64, one: &Path, other: &Path) -> CliError {
    CliError {
        code: Some("history_changed".to_owned()),
        ..CliError::verification(
            format!(
                "the board was changed: the first {shared} ballots in {} are others than in {}, and a quorum has signed both",
                one.display(),
                other.display()
            ),
            "keep both as they are: together they prove it. Tell everybody whom the election concerns",
        )
    }
}

fn describe(answer: &Answer) -> String {
    let Answer { election, size, root, signers, extends, ballots, witnessed } = answer;
    let mut rows = vec![
        ("election", election.to_string()),
        ("ballots", if *ballots { size.to_string() } else { format!("{size}, as hashes") }),
        ("root", root.to_string()),
        ("signed by", signers.join(", ")),
    ];
    if let Some(extends) = extends {
        rows.push(("extends", format!("the copy of {extends} ballots: none of these was changed")));
    }
    if let Some(Witnessed { size, by }) = witnessed {
        let by: Vec<_> = by.iter().map(|WitnessedBy { witness, at }| format!("{witness} at {at}")).collect();
        rows.push(("witnessed", format!("{size} ballots, by {}", by.join(", "))));
    }
    format!("The copy is the board that a quorum has signed.\n{}", fields(&rows))
}
