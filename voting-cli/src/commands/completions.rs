//! `voting completions`: what a shell needs to complete this command.

use clap::CommandFactory as _;
use clap_complete::{Shell, generate};

use super::Context;
use crate::args::Cli;
use crate::exit::Result;

/// Print the completions for a shell.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  voting completions bash > ~/.local/share/bash-completion/completions/voting
  voting completions zsh  > ~/.zfunc/_voting
  voting completions fish > ~/.config/fish/completions/voting.fish")]
pub(crate) struct Args {
    /// The shell
    shell: Shell,
}

pub(crate) fn run(args: Args, context: &Context) -> Result<()> {
    let mut script = Vec::new();
    generate(args.shell, &mut Cli::command(), "voting", &mut script);
    context.out.raw(&script)
}
