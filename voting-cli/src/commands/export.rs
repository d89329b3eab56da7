//! `voting export`: an election as one file that anyone can verify.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use voting_core::ElectionId;

use super::Context;
use super::elections::resolve;
use crate::client::Client;
use crate::exit::{CliError, Result};
use crate::output::fields;
use crate::state;

/// Save an election as a bundle: every act, certification and ballot, with the authorities' signatures.
///
/// The file appears under its name only when it is complete. Check it with `voting verify`, which needs
/// no server.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  voting export \"Board 2026\" -o board.bundle
  voting export 3f9a -o board.bundle && voting verify board.bundle")]
pub(crate) struct Args {
    /// The election: its id, the beginning of its id, or its title
    election: String,
    /// Where to write it
    #[arg(long, short = 'o', value_name = "BUNDLE")]
    out: PathBuf,
    /// Replace the file if there is one
    #[arg(long)]
    force: bool,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<()> {
    let path = &args.out;
    if path.exists() && !args.force {
        return Err(state::exists(path));
    }
    let client = context.client()?;
    let id = resolve(&client, &args.election).await?;
    let (length, hash) = download(&client, id, path, context).await?;
    context.out.answer(&json!({ "election": id, "file": path, "bytes": length, "sha256": hash }), || {
        let rows = [("file", path.display().to_string()), ("bytes", length.to_string()), ("sha256", hash.clone())];
        format!("{}Check it with: voting verify {}\n", fields(&rows), path.display())
    })
}

/// Writes an election's bundle into a file, whole or not at all; its length in bytes and its SHA-256.
pub(super) async fn download(client: &Client, id: ElectionId, path: &Path, context: &Context) -> Result<(u64, String)> {
    let mut response = client.download(&format!("/elections/{id}/bundle")).await?;
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let cannot = |error: std::io::Error| state::cannot("write", path, &error);
    let mut file = tempfile::NamedTempFile::new_in(parent).map_err(cannot)?;
    let bar = context.out.progress(response.content_length().unwrap_or(0), "{bytes} received, {bytes_per_sec}");
    let (mut hasher, mut length) = (Sha256::new(), 0u64);
    loop {
        let piece = response.chunk().await.map_err(|error| {
            CliError::new(
                crate::exit::Exit::Unreachable,
                format!("the download broke off after {length} bytes: {error}"),
                "run the command again; nothing was written",
            )
        })?;
        let Some(piece) = piece else { break };
        file.write_all(&piece).map_err(cannot)?;
        hasher.update(&piece);
        length += piece.len() as u64;
        bar.set_position(length);
    }
    bar.finish_and_clear();
    file.as_file().sync_all().map_err(cannot)?;
    share(&file).map_err(cannot)?;
    file.persist(path).map_err(|error| cannot(error.error))?;
    Ok((length, HEXLOWER.encode(&hasher.finalize())))
}

/// What is made to be passed on gets the usual permissions of a new file, not those of a private one.
#[cfg(unix)]
pub(super) fn share(file: &tempfile::NamedTempFile) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
pub(super) fn share(_: &tempfile::NamedTempFile) -> std::io::Result<()> {
    Ok(())
}
