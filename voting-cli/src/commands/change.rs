//! `voting cluster change`: hand over to other authorities.
//!
//! ```text
//!  new ──▶ change.json ──approve, by each authority──▶ change.json ──submit──▶ ledger
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use reqwest::Method;
use serde::Serialize;
use serde_json::json;
use voting_cluster::deploy::read_key;
use voting_core::crypto::PublicKey;
use voting_core::entry::Entry;
use voting_core::epoch::change::{ApprovedChange, EpochChange, Epochs};
use voting_core::epoch::{Authority, Epoch, LeaderPolicy, QuorumRule};
use voting_core::{Canonical as _, Height, PartitionId};

use super::Context;
use super::keys::failed;
use crate::client::{Auth, Client};
use crate::exit::{CliError, Result};
use crate::output::{fields, table};
use crate::pinned;
use crate::state;

/// The one chain of a network of processes.
const PARTITION: PartitionId = PartitionId(0);

/// Hand over to other authorities: add, remove, or give one another key
///
/// A change is a file. Each authority approves it with its own key, wherever that is kept; once a quorum of those in office has
/// approved, anyone may submit it. It takes effect with the block that it stands in, and is proved to everyone who
/// trusts the genesis. A new authority runs before, and follows; one that gets another key knows both (`next_key`).
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  voting cluster change new change.json --add authority-4=55c6571e…
  voting cluster change new change.json --remove authority-0 --quorum byzantine
  voting cluster change new change.json --rekey authority-1=0f3a…
  voting cluster change approve change.json --key keys/authority-0.key
  voting cluster change show change.json
  voting cluster change submit change.json")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    New(New),
    Approve(Approve),
    /// Show what a change would do, and who has approved it
    #[command(after_long_help = "\
Examples:
  voting cluster change show change.json
  voting cluster change show change.json --output json | jq .approved")]
    Show(File),
    /// Put an approved change before the authorities
    #[command(after_long_help = "\
Examples:
  voting cluster change submit change.json         signed in as an administrator")]
    Submit(File),
}

/// Write a change of the authorities in office at the server
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  voting cluster change new change.json --add authority-4=55c6571e…
  voting cluster change new change.json --remove authority-0 --add authority-4=55c6571e… --quorum 3")]
struct New {
    /// The new file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// An authority to add, with its public key; may be given several times
    #[arg(long, value_name = "NAME=KEY", value_parser = named_key)]
    add: Vec<(String, PublicKey)>,
    /// An authority to remove; may be given several times
    #[arg(long, value_name = "NAME")]
    remove: Vec<String>,
    /// An authority that gets another key; may be given several times
    #[arg(long, value_name = "NAME=KEY", value_parser = named_key)]
    rekey: Vec<(String, PublicKey)>,
    /// How many authorities make a quorum: byzantine, majority, or a number
    #[arg(long, default_value = "byzantine", value_name = "RULE")]
    quorum: QuorumRule,
    /// Who leads; as now if left out
    #[arg(long, value_name = "POLICY")]
    leader: Option<LeaderPolicy>,
}

/// Approve a change as an authority in office
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  voting cluster change approve change.json --key keys/authority-0.key")]
struct Approve {
    /// The change
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The authority's key file
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
}

#[derive(Debug, clap::Args)]
struct File {
    /// The change
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// A change, for programs and people.
#[derive(Debug, Serialize)]
struct Shown {
    epoch: u32,
    added: Vec<String>,
    removed: Vec<String>,
    other_key: Vec<String>,
    authorities: usize,
    /// Quorum of the authorities to come.
    quorum: u16,
    byzantine_safe: usize,
    down_tolerated: usize,
    leader: String,
    /// Authorities in office that approve.
    approved: Vec<String>,
    /// Approvals needed.
    needed: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_height: Option<Height>,
}

fn named_key(text: &str) -> Result<(String, PublicKey), String> {
    let (name, key) = text.split_once('=').ok_or("write NAME=KEY, as in authority-4=55c6571e…")?;
    let key: PublicKey = key.parse().map_err(|error| format!("the key of {name}: {error}"))?;
    Ok((name.to_owned(), key))
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<()> {
    let client = context.client()?;
    let genesis = pinned::ensure(&client, &context.out).await?;
    let epochs = pinned::epochs(&client, &genesis, PARTITION).await?;
    match args.command {
        Command::New(new) => {
            let change = ApprovedChange::new(EpochChange { chain: epochs.chain(), epoch: next(epochs.last(), &new)? });
            if !state::write_new(&new.file, &text_of(&change)?)? {
                return Err(CliError::usage(format!("{} exists already", new.file.display()), "choose another name"));
            }
            tell(&change, &epochs, None, context)
        }
        Command::Approve(Approve { file, key }) => {
            let (mut change, key) = (read(&file, &epochs)?, read_key(&key).map_err(failed)?);
            if epochs.last().index_of(&key.public()).is_none() {
                return Err(CliError::usage(
                    format!("{} is not the key of an authority in office", key.public()),
                    "approve with the key that the authority votes with now",
                ));
            }
            change.approve(&key);
            state::write(&file, &text_of(&change)?)?;
            tell(&change, &epochs, None, context)
        }
        Command::Show(File { file }) => tell(&read(&file, &epochs)?, &epochs, None, context),
        Command::Submit(File { file }) => {
            let change = read(&file, &epochs)?;
            submit(&client, &change).await?;
            let now = pinned::epochs(&client, &genesis, PARTITION).await?;
            let first = now.iter().find(|(_, epoch)| epoch.number == change.content.epoch.number).map(|(first, _)| *first);
            tell(&change, &epochs, first, context)
        }
    }
}

async fn submit(client: &Client, change: &ApprovedChange) -> Result<()> {
    let body = json!({ "change": BASE64.encode(Entry::Change(change.clone()).to_canonical()) });
    client.send_json(Method::POST, "/network/epochs", &body, Auth::Required).await.map(|_| ())
}

/// The epoch after the one in force, with what is asked for.
fn next(current: &Epoch, new: &New) -> Result<Epoch> {
    let names: BTreeSet<&str> = current.authorities.iter().map(|authority| authority.name.as_str()).collect();
    let mut authorities = current.authorities.clone();
    let mentioned = new.remove.iter().chain(new.rekey.iter().map(|(name, _)| name));
    if let Some(stranger) = mentioned.clone().find(|name| !names.contains(name.as_str())) {
        let known = current.authorities.iter().map(|authority| authority.name.as_str()).collect::<Vec<_>>().join(", ");
        return Err(CliError::usage(format!("there is no authority `{stranger}`"), format!("in office are: {known}")));
    }
    authorities.retain(|authority| !new.remove.contains(&authority.name));
    for (name, key) in &new.rekey {
        if let Some(authority) = authorities.iter_mut().find(|authority| authority.name == *name) {
            authority.key = *key;
        }
    }
    authorities.extend(new.add.iter().map(|(name, key)| Authority { name: name.clone(), key: *key }));
    let impossible = |error: &dyn std::fmt::Display| CliError::usage(error, "see `voting cluster change new --help`");
    let quorum = new.quorum.threshold(authorities.len()).map_err(|error| impossible(&error))?;
    let leader = new.leader.unwrap_or(current.leader);
    let epoch = Epoch { number: current.number + 1, authorities, quorum, leader, timers: current.timers };
    epoch.check().map_err(|error| impossible(&error))?;
    if (&epoch.authorities, epoch.quorum, epoch.leader) == (&current.authorities, current.quorum, current.leader) {
        return Err(CliError::usage("nothing would change", "say what: --add, --remove, --rekey, --quorum or --leader"));
    }
    Ok(epoch)
}

fn text_of(change: &ApprovedChange) -> Result<Vec<u8>> {
    let mut text = serde_json::to_vec_pretty(change).map_err(|error| CliError::failure(error, "this is a fault of the program"))?;
    text.push(b'\n');
    Ok(text)
}

/// A change in a file, for the epoch in force, whose approvals hold.
fn read(path: &Path, epochs: &Epochs) -> Result<ApprovedChange> {
    let bytes = std::fs::read(path).map_err(|error| state::cannot("read", path, &error))?;
    let wrong =
        |reason: String| CliError::usage(format!("{}: {reason}", path.display()), "write it anew with `voting cluster change new`");
    let change: ApprovedChange = serde_json::from_slice(&bytes).map_err(|error| wrong(format!("not a change: {error}")))?;
    if change.content.chain != epochs.chain() {
        return Err(wrong("the change is for another network".to_owned()));
    }
    let (number, current) = (change.content.epoch.number, epochs.last().number);
    if number != current + 1 {
        return Err(wrong(format!("the change leads to epoch {number}, the next one is {}", current + 1)));
    }
    change.content.epoch.check().map_err(|error| wrong(error.to_string()))?;
    if !change.verify() {
        return Err(wrong("an approval does not hold: somebody has changed the file since".to_owned()));
    }
    Ok(change)
}

fn tell(change: &ApprovedChange, epochs: &Epochs, first_height: Option<Height>, context: &Context) -> Result<()> {
    let (current, next) = (epochs.at(first_height.map_or(Height(u64::MAX), |first| Height(first.0 - 1))), &change.content.epoch);
    let before: BTreeMap<&str, PublicKey> = current.authorities.iter().map(|one| (one.name.as_str(), one.key)).collect();
    let after: BTreeMap<&str, PublicKey> = next.authorities.iter().map(|one| (one.name.as_str(), one.key)).collect();
    let names = |names: Vec<&&str>| names.into_iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let name_of = |key: &PublicKey| Some(current.authority(current.index_of(key)?)?.name.clone());
    let shown = Shown {
        epoch: next.number,
        added: names(after.keys().filter(|name| !before.contains_key(**name)).collect()),
        removed: names(before.keys().filter(|name| !after.contains_key(**name)).collect()),
        other_key: names(
            after.iter().filter(|(name, key)| before.get(*name).is_some_and(|old| old != *key)).map(|(n, _)| n).collect(),
        ),
        authorities: next.len(),
        quorum: next.quorum,
        byzantine_safe: next.byzantine_safe(),
        down_tolerated: next.down_tolerated(),
        leader: next.leader.to_string(),
        approved: change.approvals.iter().filter_map(|(key, _)| name_of(key)).collect(),
        needed: current.quorum,
        first_height,
    };
    context.out.answer(&shown, || describe(&shown, next))
}

fn describe(shown: &Shown, next: &Epoch) -> String {
    let list = |names: &[String]| if names.is_empty() { "–".to_owned() } else { names.join(", ") };
    let mut rows = vec![
        ("epoch", shown.epoch.to_string()),
        ("added", list(&shown.added)),
        ("removed", list(&shown.removed)),
        ("other key", list(&shown.other_key)),
        (
            "quorum",
            format!(
                "{} of {}: safe with {} lying, goes on with {} down",
                shown.quorum, shown.authorities, shown.byzantine_safe, shown.down_tolerated
            ),
        ),
        ("leaders", shown.leader.clone()),
        ("approved by", format!("{} ({} of {} needed)", list(&shown.approved), shown.approved.len(), shown.needed)),
    ];
    if let Some(first) = shown.first_height {
        rows.push(("in office", format!("from block {first} on")));
    }
    let authorities = next.authorities.iter().map(|one| [one.name.clone(), one.key.fingerprint()]);
    format!("{}\n{}", fields(&rows), table(["authority", "fingerprint of its key"], authorities))
}
