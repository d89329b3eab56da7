//! `voting voters`: the roll of an election.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use reqwest::Method;

use super::Context;
use super::elections::resolve;
use crate::api::VotersAnswer;
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
    }
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
