//! `voting keys`: secret keys in files.

use std::path::PathBuf;

use serde::Serialize;
use voting_cluster::deploy::{KeyFileError, generate_key, read_key, write_key};
use voting_core::crypto::SigningKey;

use super::Context;
use crate::exit::{CliError, Result};
use crate::output::fields;

/// Make and look at key files
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Draw a secret key and write it into a new file
    #[command(after_long_help = "\
Examples:
  voting keys generate authority.key      prints the public key; the file is for its owner only")]
    Generate {
        /// The new file; one that exists is never overwritten
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Print the public key of a key file
    #[command(after_long_help = "\
Examples:
  voting keys show authority.key
  voting keys show authority.key --output json")]
    Show {
        /// The key file
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}

/// The public half.
#[derive(Debug, Serialize)]
struct Key {
    file: PathBuf,
    public_key: String,
    fingerprint: String,
}

pub(crate) fn run(args: Args, context: &Context) -> Result<()> {
    let (file, key) = match args.command {
        Command::Generate { file } => {
            let key = generate_key().map_err(failed)?;
            write_key(&file, &key).map_err(failed)?;
            (file, key)
        }
        Command::Show { file } => {
            let key = read_key(&file).map_err(failed)?;
            (file, key)
        }
    };
    show(file, &key, context)
}

fn show(file: PathBuf, key: &SigningKey, context: &Context) -> Result<()> {
    let public = key.public();
    let shown = Key { file, public_key: public.to_string(), fingerprint: public.fingerprint() };
    context.out.answer(&shown, || {
        fields(&[
            ("file", shown.file.display().to_string()),
            ("public key", shown.public_key.clone()),
            ("fingerprint", shown.fingerprint.clone()),
        ])
    })
}

pub(crate) fn failed(error: KeyFileError) -> CliError {
    let next = match &error {
        KeyFileError::File { source, .. } if source.kind() == std::io::ErrorKind::AlreadyExists => {
            "choose another file; a key that is overwritten is lost"
        }
        KeyFileError::Readable { .. } => "a secret key that others could read may be known to them: consider a new one",
        KeyFileError::Malformed { .. } => "give a file that `voting keys generate` wrote",
        _ => "check the path and its permissions",
    };
    CliError::failure(error, next)
}
