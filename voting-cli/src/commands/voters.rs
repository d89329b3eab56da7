//! `voting voters`: the roll of an election.

use std::collections::HashSet;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use voting_cluster::deploy::{generate_key, write_key};
use voting_core::entry::MAX_CERTIFIED_PER_ENTRY;

use super::Context;
use super::elections::resolve;
use super::keys::failed;
use crate::api::{Credential, VotersAnswer};
use crate::client::{Auth, Body};
use crate::exit::{CliError, Result};
use crate::output::{count, fields};
use crate::state;

/// Longest file sent: some 400,000 voters, and no endless pipe.
const MAX_ROLL_BYTES: u64 = 24 * 1024 * 1024;

/// Say who may vote.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Import(ImportArgs),
    Credentials(CredentialsArgs),
    Register(RegisterArgs),
    Freeze(FreezeArgs),
}

/// Make voters' keys apart from the servers: one file for each voter, and a list of the public halves (credential authority).
///
/// Do this where no gateway runs. Hand each voter their file by a way that reaches only them; give the list to whoever sets up
/// the election. Who votes with such a file needs no account, and once the roll is frozen nobody else can vote in their place.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  voting voters credentials --count 200 -o ./credentials          labels 0001 to 0200
  voting voters credentials --labels members.txt -o ./credentials     a label on each line, such as a member's number")]
struct CredentialsArgs {
    /// How many, labelled by number
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000), required_unless_present = "labels", conflicts_with = "labels")]
    count: Option<u32>,
    /// A file with a label on each line; no e-mail addresses
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    /// The folder, which must not exist yet
    #[arg(long, short, value_name = "DIR")]
    out: PathBuf,
}

/// Put pre-registered keys on an election's roll (administrators).
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  voting voters register credentials/public.json --election \"Board 2026\"")]
struct RegisterArgs {
    /// The list that `voting voters credentials` wrote
    file: PathBuf,
    /// The election: its id, the beginning of its id, or its title
    #[arg(long, short, value_name = "ELECTION")]
    election: String,
}

/// Freeze an election's roll: who is certified now may vote, and nobody else ever (administrators).
///
/// There is no way back. The root of the roll is printed: it stands on the ledger, and voters compare it.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  voting voters freeze \"Board 2026\"")]
struct FreezeArgs {
    /// The election: its id, the beginning of its id, or its title
    election: String,
}

/// Voters' labels and the public halves of their keys.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PublicList {
    credentials: Vec<Credential>,
}

/// Put the voters of a CSV file on an election's roll.
///
/// The first line names the columns: `email`, and if you like `name` and `weight`. All lines are taken or
/// none. Voters who are on the roll already are counted, not added twice, so that importing a file again
/// is harmless. Accounts need not exist yet. The roll is fixed when the election is published.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  voting voters import voters.csv --election \"Board 2026\"
  printf 'email,name\\nada@example.com,Ada\\n' | voting voters import - --election 3f9a")]
struct ImportArgs {
    /// CSV file, or `-` for standard input
    file: PathBuf,
    /// The election: its id, the beginning of its id, or its title
    #[arg(long, short, value_name = "ELECTION")]
    election: String,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<()> {
    match args.command {
        Command::Import(args) => import(args, context).await,
        Command::Credentials(args) => credentials(&args, context),
        Command::Register(args) => register(&args, context).await,
        Command::Freeze(args) => {
            let client = context.client()?;
            client.signed_in().await?;
            let id = resolve(&client, &args.election).await?;
            let answer: Value = client.post(&format!("/elections/{id}/roll/freeze"), &json!({})).await?;
            context.out.answer(&answer, || {
                let text = |field: &str| answer[field].as_str().map_or_else(|| answer[field].to_string(), str::to_owned);
                fields(&[("voters", text("roll_size")), ("root of the roll", text("root"))])
            })
        }
    }
}

fn credentials(args: &CredentialsArgs, context: &Context) -> Result<()> {
    let labels: Vec<String> = match (&args.labels, args.count) {
        (Some(path), _) => {
            let text = std::fs::read_to_string(path).map_err(|error| state::cannot("read", path, &error))?;
            text.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect()
        }
        (None, count) => (1..=count.unwrap_or_default()).map(|number| format!("{number:04}")).collect(),
    };
    let mut seen = HashSet::new();
    let wrong = labels.iter().find(|label| label.contains('@') || !seen.insert(label.as_str()));
    if let Some(label) = wrong.or(labels.is_empty().then_some(&String::new())) {
        let what = format!("`{label}` cannot be a label: there must be some, each once, and none an e-mail address");
        return Err(CliError::usage(what, "number the voters, and keep who has which number elsewhere"));
    }
    std::fs::create_dir(&args.out).map_err(|error| state::cannot("make", &args.out, &error))?;
    let mut list = PublicList { credentials: Vec::with_capacity(labels.len()) };
    for (number, label) in (1..).zip(labels) {
        let key = generate_key().map_err(failed)?;
        write_key(&args.out.join(format!("{number:04}.key")), &key).map_err(failed)?;
        list.credentials.push(Credential { label, key: key.public() });
    }
    let path = args.out.join("public.json");
    let text = serde_json::to_vec_pretty(&list).map_err(|error| state::damaged(&path, error.to_string()))?;
    state::write(&path, &text)?;
    let made = list.credentials.len() as u64;
    context.out.answer(&json!({ "credentials": made, "list": path, "keys": args.out }), || {
        let next = "Hand out the key files, each to its voter alone, and keep none. Give the list to whoever sets up the election.";
        format!("{}{next}\n", fields(&[("made", count(made, "key", "keys")), ("list", path.display().to_string())]))
    })
}

async fn register(args: &RegisterArgs, context: &Context) -> Result<()> {
    let bytes = std::fs::read(&args.file).map_err(|error| state::cannot("read", &args.file, &error))?;
    let list: PublicList = serde_json::from_slice(&bytes).map_err(|error| {
        let what = format!("{} is no list of credentials: {error}", args.file.display());
        CliError::usage(what, "give the public.json that `voting voters credentials` wrote")
    })?;
    let client = context.client()?;
    client.signed_in().await?;
    let id = resolve(&client, &args.election).await?;
    let bar = context.out.progress(list.credentials.len() as u64, "registering keys {bar:40} {pos} of {len}");
    let (mut added, mut total) = (0, 0);
    for some in list.credentials.chunks(MAX_CERTIFIED_PER_ENTRY) {
        let answer: Value = client.post(&format!("/elections/{id}/credentials"), &json!({ "credentials": some })).await?;
        added += answer["added"].as_u64().unwrap_or_default();
        total = answer["roll_size"].as_u64().unwrap_or_default();
        bar.inc(some.len() as u64);
    }
    bar.finish_and_clear();
    context.out.answer(&json!({ "election": id, "added": added, "roll_size": total }), || {
        fields(&[("added", count(added, "voter", "voters")), ("on the roll", count(total, "voter", "voters"))])
    })
}

async fn import(args: ImportArgs, context: &Context) -> Result<()> {
    let csv = read_roll(&args.file)?;
    let client = context.client()?;
    client.signed_in().await?;
    let id = resolve(&client, &args.election).await?;
    let answer = client.patient(Method::POST, &format!("/elections/{id}/voters"), Body::Csv(&csv), Auth::Required).await;
    let answer: VotersAnswer = answer.and_then(|answer| answer.json()).map_err(|error| client.explain(error))?;
    context.out.answer(&answer, || {
        fields(&[
            ("added", count(answer.added, "voter", "voters")),
            ("already there", count(answer.already, "voter", "voters")),
            ("on the roll", count(answer.total, "voter", "voters")),
        ])
    })
}

/// Reads a roll and catches what would only cost a round trip.
fn read_roll(path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = if path == Path::new("-") {
        std::io::stdin().take(MAX_ROLL_BYTES + 1).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(MAX_ROLL_BYTES + 1).read_to_end(&mut bytes))
    };
    read.map_err(|error| state::cannot("read", path, &error))?;
    let wrong = |what: &str, next: &str| Err(CliError::usage(format!("{}: {what}", path.display()), next));
    if bytes.len() as u64 > MAX_ROLL_BYTES {
        return wrong("the file is larger than 24 MiB", "split it, with the header line in each part");
    }
    let Ok(text) = std::str::from_utf8(&bytes) else {
        return wrong("the file is not UTF-8", "save it again as CSV in UTF-8");
    };
    let header = text.trim_start_matches('\u{feff}').lines().next().unwrap_or_default();
    if !header.split(',').any(|column| column.trim().trim_matches('"').eq_ignore_ascii_case("email")) {
        return wrong("the first line does not name a column `email`", "begin the file with a line like: email,name,weight");
    }
    Ok(text.trim_start_matches('\u{feff}').as_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(content: &[u8]) -> Result<Vec<u8>> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), content).unwrap();
        read_roll(file.path())
    }

    #[test]
    fn a_roll_needs_a_header_in_utf_8() {
        assert_eq!(read(b"name,email\nA,a@example.com\n").unwrap(), b"name,email\nA,a@example.com\n");
        assert_eq!(
            read("\u{feff}email\na@example.com\n".as_bytes()).unwrap(),
            b"email\na@example.com\n",
            "spreadsheets add a mark"
        );
        assert!(read(b"a@example.com\n").unwrap_err().what.contains("column `email`"));
        assert!(read(b"").unwrap_err().what.contains("column `email`"));
        assert!(read(b"email\n\xff\n").unwrap_err().what.contains("not UTF-8"));
    }
}
