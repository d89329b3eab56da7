//! `voting backup`: keep what only the store owns, and bring it back.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;
use voting_cluster::clock::SystemClock;
use voting_cluster::deploy::{GatewaySettings, Overrides, read_genesis};
use voting_cluster::embedded::{EmbeddedConfig, Identity};
use voting_cluster::projection::HeadModel;
use voting_cluster::redis::RedisBackends;
use voting_cluster::store::RedbStore;
use voting_core::Canonical as _;
use voting_core::epoch::Genesis;
use voting_core::ids::Height;
use voting_core::seams::{Clock as _, KeyClass, Store, StoreError, StoreKey};
use voting_gateway::backup::{self, About, BackupError, Options, Restored, Summary};

use super::Context;
use super::node::config_wrong;
use crate::exit::{CliError, Exit, Result};
use crate::output::{count, fields};
use crate::state;

/// Keep accounts and rolls in a file, check it, and restore them
///
/// Accounts and rolls exist in the store alone; everything else comes back by itself or lies with the authorities.
/// Sessions are not kept: people sign in again. Key files are not kept either: keep them apart, above all the
/// pseudonym secret, without which a gateway does not know who has voted.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Create(Create),
    Verify(Verify),
    Restore(Restore),
}

/// Which store it is about.
#[derive(Debug, clap::Args)]
struct Place {
    /// The configuration of any gateway of the network
    #[arg(long, value_name = "FILE", required_unless_present = "data", conflicts_with = "data")]
    config: Option<PathBuf>,
    /// The folder of a `voting dev` that is not running
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Set one setting, over file and environment; may be given several times
    #[arg(long, value_name = "KEY=VALUE", conflicts_with = "data")]
    set: Vec<String>,
}

/// Write a backup
///
/// The network may go on meanwhile: what is added while the backup is made may be in it or not. The file can be read by
/// its owner only, and appears under its name when it is complete. It holds addresses and hashes of passwords:
/// keep it like a key.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  voting backup create --config gateway-0.toml -o accounts.backup
  voting backup create --data ./network -o accounts.backup --force
  voting backup create --config gateway-0.toml -o accounts.backup --output json | jq .sha256")]
struct Create {
    #[command(flatten)]
    place: Place,
    /// Where to write it
    #[arg(long, short = 'o', value_name = "BACKUP")]
    out: PathBuf,
    /// Replace the file if there is one
    #[arg(long)]
    force: bool,
}

/// Check a backup, without any network
///
/// Every line is read and the checksum compared; the first thing wrong is named by its line, with exit code 5. The
/// checksum guards against accidents, not against whoever can write the file.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  voting backup verify accounts.backup
  voting backup verify accounts.backup --output json | jq .voters")]
struct Verify {
    /// The backup
    #[arg(value_name = "BACKUP")]
    file: PathBuf,
}

/// Bring back what is missing
///
/// The whole file is checked before anything is written, and it must be of the same network. What is there already is
/// kept, also where the backup says otherwise, unless --overwrite is given; nothing is ever deleted. Voters on a roll
/// are counted anew. The network may go on meanwhile. Running the command again completes a restore that was
/// interrupted.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  voting backup restore accounts.backup --config gateway-0.toml --dry-run
  voting backup restore accounts.backup --config gateway-0.toml
  voting backup restore accounts.backup --data ./network --overwrite")]
struct Restore {
    /// The backup
    #[arg(value_name = "BACKUP")]
    file: PathBuf,
    #[command(flatten)]
    place: Place,
    /// Write the backup's values over those that differ, changed passwords included
    #[arg(long)]
    overwrite: bool,
    /// Write nothing, only tell what would be done
    #[arg(long)]
    dry_run: bool,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<()> {
    match args.command {
        Command::Create(args) => create(args, context).await,
        Command::Verify(args) => verify(&args, context),
        Command::Restore(args) => restore(args, context).await,
    }
}

/// A backup as it is shown.
#[derive(Debug, Serialize)]
struct Shown<'a> {
    file: &'a Path,
    #[serde(flatten)]
    summary: &'a Summary,
}

fn show(file: &Path, summary: &Summary, context: &Context) -> Result<()> {
    context.out.answer(&Shown { file, summary }, || {
        let height = summary.height.map_or_else(|| "unknown".to_owned(), |height| height.to_string());
        fields(&[
            ("file", file.display().to_string()),
            ("network", summary.network.clone()),
            ("genesis", summary.genesis.to_string()),
            ("made", summary.created_at.to_string()),
            ("height", height),
            ("accounts", summary.accounts.to_string()),
            ("voters", format!("{} on {}", summary.voters, count(summary.rolls, "roll", "rolls"))),
            ("bytes", summary.bytes.to_string()),
            ("sha256", summary.sha256.clone()),
        ])
    })
}

async fn create(args: Create, context: &Context) -> Result<()> {
    if args.out.exists() && !args.force {
        return Err(state::exists(&args.out));
    }
    let opened = Opened::open(&args.place, true).await?;
    let Genesis { network, .. } = &opened.genesis;
    let about = About {
        network: network.clone(),
        genesis: opened.genesis.digest(),
        created_at: SystemClock::new().now(),
        height: opened.height().await.map_err(|error| opened.failed(error.into(), Exit::Unreachable))?,
    };
    let made = backup::create(opened.store.as_ref(), &about, [], &args.out, args.force).await;
    let made = made.map_err(|error| opened.failed(error, Exit::Unreachable))?;
    opened.close().await?;
    show(&args.out, &made, context)
}

fn verify(args: &Verify, context: &Context) -> Result<()> {
    let summary = backup::verify(&args.file).map_err(file_wrong)?;
    show(&args.file, &summary, context)
}

/// What a restore did, for programs.
#[derive(Debug, Serialize)]
struct Done<'a> {
    file: &'a Path,
    dry_run: bool,
    #[serde(flatten)]
    restored: Restored,
}

async fn restore(args: Restore, context: &Context) -> Result<()> {
    backup::verify(&args.file).map_err(file_wrong)?; // a bad file is named before anything is connected to
    let opened = Opened::open(&args.place, false).await?;
    let Restore { file, overwrite, dry_run, .. } = args;
    let restored = backup::restore(opened.store.as_ref(), &file, opened.genesis.digest(), Options { overwrite, dry_run }).await;
    let restored = restored.map_err(|error| opened.failed(error, Exit::Unknown))?;
    opened.close().await?;
    context.out.answer(&Done { file: &file, dry_run, restored }, || {
        let rows = [
            (if dry_run { "would be restored" } else { "restored" }, restored.restored.to_string()),
            ("there, the same", restored.present_same.to_string()),
            ("there, kept", restored.present_other.to_string()),
            (if dry_run { "would be overwritten" } else { "overwritten" }, restored.overwritten.to_string()),
            (if dry_run { "counts to correct" } else { "counts corrected" }, restored.counts_corrected.to_string()),
        ];
        let rest = if dry_run { "\nNothing was written." } else { "" };
        format!("{}{rest}", fields(&rows))
    })
}

/// A store, and the network it belongs to.
struct Opened {
    store: Arc<dyn Store>,
    genesis: Genesis,
    is_local: bool,
}

impl Opened {
    async fn open(place: &Place, must_exist: bool) -> Result<Self> {
        match (&place.data, &place.config) {
            (Some(dir), _) => Self::local(dir, must_exist),
            (None, Some(config)) => Self::deployed(config, &place.set).await,
            (None, None) => Err(CliError::usage("no network is named", "give --config FILE or --data DIR")),
        }
    }

    async fn deployed(config: &Path, set: &[String]) -> Result<Self> {
        let overrides = Overrides::parse(set).map_err(config_wrong)?;
        let settings = GatewaySettings::load(config, &overrides).map_err(config_wrong)?;
        let genesis = read_genesis(&settings.genesis).map_err(config_wrong)?;
        let redis = RedisBackends::connect(settings.redis.to_config().map_err(config_wrong)?).await;
        let redis = redis.map_err(|error| CliError::new(Exit::Unreachable, error, "start Redis, or mend redis.servers"))?;
        Ok(Self { store: Arc::new(redis.store()), genesis, is_local: false })
    }

    /// Nothing is made here but a store that was lost: a folder without a network is a slip of the pen.
    fn local(dir: &Path, must_exist: bool) -> Result<Self> {
        let (identity, store) = (dir.join("identity.json"), dir.join("store.redb"));
        let missing = [&identity].into_iter().chain(must_exist.then_some(&store)).find(|path| !path.exists());
        if let Some(path) = missing {
            return Err(CliError::usage(
                format!("{} is missing: {} holds no network with accounts of its own", path.display(), dir.display()),
                "give the folder of a `voting dev` without --redis; for a network on Redis give --config",
            ));
        }
        let clock = Arc::new(SystemClock::new());
        let found = Identity::load_or_found(dir, &EmbeddedConfig::default(), clock.as_ref());
        let genesis = found.map_err(|error| CliError::failure(error, "restore that file from your own copy of it"))?.genesis;
        let store = RedbStore::open(&store, clock).map_err(|error| {
            let next = match error {
                StoreError::Unavailable(_) => "if `voting dev` runs on this folder, stop it first",
                _ => "move the damaged store away, its file .identity as well, then restore a backup",
            };
            CliError::failure(format!("{}: {error}", store.display()), next)
        })?;
        Ok(Self { store: Arc::new(store), genesis, is_local: true })
    }

    /// Where the ledger stands, if the read models tell.
    async fn height(&self) -> std::result::Result<Option<Height>, StoreError> {
        let found = self.store.get(&StoreKey::new("chain:0", KeyClass::Projection, "head")?).await?;
        Ok(found.and_then(|found| serde_json::from_slice::<HeadModel>(&found.value).ok()).map(|head| head.height))
    }

    async fn close(&self) -> Result<()> {
        self.store.close().await.map_err(|error| CliError::failure(error, "check the disk, then run the command again"))
    }

    fn failed(&self, error: BackupError, exit: Exit) -> CliError {
        match error {
            BackupError::Store(StoreError::Damaged(_)) => {
                CliError::failure(error, "find out what writes to the store besides gateways")
            }
            BackupError::Store(_) if self.is_local => CliError::failure(error, "check the disk, then run the command again"),
            BackupError::Store(_) => CliError::new(exit, error, "start Redis, then run the command again: it goes on where it was"),
            BackupError::Busy { .. } => CliError::new(exit, error, "run the command again"),
            _ => file_wrong(error),
        }
    }
}

/// What to do about a file.
fn file_wrong(error: BackupError) -> CliError {
    match &error {
        BackupError::Exists { path } => state::exists(path),
        BackupError::File { .. } => CliError::failure(error, "check the path, its permissions, and the room on the disk"),
        BackupError::NotABackup { .. } => CliError::usage(error, "give a file that `voting backup create` wrote"),
        BackupError::Version { .. } => CliError::usage(error, "use the version of this program that wrote it"),
        BackupError::OtherNetwork { .. } => {
            CliError::usage(error, "give a backup of this network, or the configuration of that one")
        }
        BackupError::Changed { .. } => CliError::new(Exit::Unknown, error, "leave the file alone and run the command again"),
        _ => CliError::verification(error, "do not rely on this file; take another copy of it, or an older backup"),
    }
}
