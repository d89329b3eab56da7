//! `voting man`: manual pages, made from the same descriptions as `--help`.

use std::path::{Path, PathBuf};

use clap::CommandFactory as _;
use serde_json::json;

use super::Context;
use crate::args::Cli;
use crate::exit::Result;
use crate::state;

/// Print the manual page, or write one page per command.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  voting man | man -l -
  voting man --dir ~/.local/share/man/man1")]
pub(crate) struct Args {
    /// Write voting.1, voting-vote.1, … to this directory
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

pub(crate) fn run(args: Args, context: &Context) -> Result<()> {
    let Some(dir) = args.dir else {
        let mut page = Vec::new();
        let rendered = clap_mangen::Man::new(Cli::command()).render(&mut page);
        rendered.map_err(|error| state::cannot("write", Path::new("voting.1"), &error))?;
        return context.out.raw(&page);
    };
    std::fs::create_dir_all(&dir).map_err(|error| state::cannot("create", &dir, &error))?;
    clap_mangen::generate_to(Cli::command(), &dir).map_err(|error| state::cannot("write to", &dir, &error))?;
    context.out.answer(&json!({ "dir": dir }), || {
        format!("the pages are in {}; read them with: man -l {}/voting.1", dir.display(), dir.display())
    })
}
