//! `voting witness`: looks on from outside, and cosigns boards that only grow.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Subcommand;
use reqwest::Method;
use serde::Serialize;
use serde_json::json;
use voting_cluster::deploy::read_key;
use voting_core::ElectionId;
use voting_core::board::{SignatureKind, SignedCheckpoint, VerifierKey};
use voting_core::crypto::SigningKey;

use super::Context;
use super::board::{Trusted, update};
use super::elections::resolve;
use super::keys::failed;
use crate::api::ElectionListItem;
use crate::client::{Auth, Client};
use crate::exit::{CliError, Result};
use crate::output::fields;
use crate::session::now;
use crate::signals::told_to_stop;
use crate::state;

/// Cosign the public boards of elections from outside, as long as they only grow.
///
/// A witness remembers each board that it has cosigned, and cosigns the next one only if it extends the last. Who asks for the
/// cosignature of a witness that they trust cannot be shown another history than everybody else, not even by all authorities together.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(RunArgs),
    Key(KeyArgs),
}

/// Who the witness is.
#[derive(Debug, clap::Args)]
struct Who {
    /// Its secret key, as `voting keys generate` writes it; for nothing else
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Its name: of a domain that it owns, such as witness.example.org/board
    #[arg(long, value_name = "NAME")]
    name: String,
}

/// Look at boards again and again, and bring the gateway a cosignature of each.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  voting witness run --key witness.key --name witness.example.org/board --dir ./witness
  voting witness run --key witness.key --name witness.example.org/board --dir ./witness \"Board 2026\" --every 10
  voting witness run --key witness.key --name witness.example.org/board --dir ./witness --once")]
struct RunArgs {
    #[command(flatten)]
    who: Who,
    /// Where it remembers what it has seen. Without this folder it could be shown another history: keep it
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// Seconds between two looks
    #[arg(long, default_value_t = 60, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    every: u64,
    /// Look once, and end
    #[arg(long)]
    once: bool,
    /// Elections, by id, the beginning of an id, or title; all without it
    elections: Vec<String>,
}

/// Print the public key that gateways and readers are told.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  voting witness key --key witness.key --name witness.example.org/board")]
struct KeyArgs {
    #[command(flatten)]
    who: Who,
}

/// A board that was cosigned.
#[derive(Debug, Serialize)]
struct Seen {
    election: ElectionId,
    /// Number of ballots.
    size: u64,
}

struct Witness {
    key: SigningKey,
    name: String,
    dir: PathBuf,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<()> {
    match args.command {
        Command::Key(args) => {
            let (_, shown) = open(&args.who)?;
            context.out.answer(&json!({ "key": shown }), || shown.to_string())
        }
        Command::Run(args) => {
            let (key, shown) = open(&args.who)?;
            context.out.note(format!("witness {shown}"));
            let witness = Witness { key, name: args.who.name.clone(), dir: args.dir.clone() };
            let client = context.client()?;
            if args.once {
                let seen = witness.look(&client, &args.elections, context).await?;
                return context.out.answer(&seen, || {
                    let rows: Vec<_> = seen.iter().map(|seen| (seen.election.to_string(), seen.size.to_string())).collect();
                    let rows: Vec<_> = rows.iter().map(|(id, size)| (id.as_str(), format!("{size} ballots"))).collect();
                    if rows.is_empty() { "there is no board to look at".to_owned() } else { fields(&rows) }
                });
            }
            tokio::select! {
                () = told_to_stop() => Ok(()),
                () = witness.keep_looking(&client, &args, context) => Ok(()),
            }
        }
    }
}

fn open(who: &Who) -> Result<(SigningKey, VerifierKey)> {
    let key = read_key(&who.key).map_err(failed)?;
    let shown = VerifierKey::new(who.name.as_str(), SignatureKind::Cosignature, key.public())
        .map_err(|error| CliError::usage(error, "a name has no spaces and no `+`: take a domain and a path"))?;
    Ok((key, shown))
}

impl Witness {
    async fn keep_looking(&self, client: &Client, args: &RunArgs, context: &Context) {
        loop {
            match self.look(client, &args.elections, context).await {
                Ok(seen) => context.out.detail(format!("{} boards cosigned", seen.len())),
                Err(error) => context.out.note(format!("{}: {}", error.what, error.next)),
            }
            tokio::time::sleep(Duration::from_secs(args.every)).await;
        }
    }

    /// Looks at every board once. One that is not as it should be is told of, and does not keep the others from being seen.
    async fn look(&self, client: &Client, elections: &[String], context: &Context) -> Result<Vec<Seen>> {
        let trusted = Trusted::of(client, context).await?;
        let mut asked = Vec::new();
        for typed in elections {
            asked.push(resolve(client, typed).await?);
        }
        if elections.is_empty() {
            let listed: Vec<ElectionListItem> = client.get("/elections", Auth::None).await?;
            asked = listed.into_iter().map(|election| election.id).collect();
        }
        let (mut seen, mut worst) = (Vec::new(), None);
        for election in asked {
            match self.see(client, &trusted, election).await {
                Ok(size) => seen.push(Seen { election, size }),
                Err(error) => {
                    context.out.note(format!("election {election} is not cosigned: {}", error.what));
                    worst = worst.or(Some(error));
                }
            }
        }
        worst.map_or(Ok(seen), Err)
    }

    /// Cosigns a board if it extends the one that was cosigned last, which lies in the folder.
    async fn see(&self, client: &Client, trusted: &Trusted, election: ElectionId) -> Result<u64> {
        let dir = self.dir.join(election.to_string());
        let mut checkpoint = update(client, trusted, election, &dir).await?.checkpoint;
        let size = checkpoint.checkpoint().size;
        if size > 0 {
            self.cosign(&mut checkpoint, &dir)?;
            let path = format!("/board/{election}/cosignatures");
            client.send_json(Method::POST, &path, &json!({ "checkpoint": checkpoint.to_string() }), Auth::None).await?;
        }
        Ok(size)
    }

    /// What is remembered is on disk, by `update`, before it is cosigned.
    fn cosign(&self, checkpoint: &mut SignedCheckpoint, dir: &Path) -> Result<()> {
        let seconds = now().as_millis() / 1_000;
        checkpoint.cosign(&self.name, seconds, &self.key).map_err(|error| CliError::usage(error, "choose another --name"))?;
        state::write(&dir.join("witnessed"), checkpoint.to_string().as_bytes())
    }
}
