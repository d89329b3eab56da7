//! The command line: global options and the list of commands. Each command's own arguments stand in
//! its file.

use clap::{Parser, Subcommand};

use crate::commands::{
    backup, bench, board, cluster, completions, count, dev, doctor, elections, export, gateway, generate, import, keys, login,
    logout, man, node, receipt, simulate, trust, trustee, verify, vote, voters, whoami, witness,
};
use crate::output::Format;

/// Shown under `voting --help`.
const EXAMPLES: &str = "\
Examples:
  voting dev                                        a whole network here, with a demo election
  voting login --email alice@example.com            sign in; the password is asked for
  voting elections list                             what there is to vote on
  voting vote \"Board 2026\" --choice Ada             vote, and keep a receipt that proves it
  voting receipt verify                             check that receipt, offline
  voting export \"Board 2026\" -o board.bundle && voting verify board.bundle

Exit codes:
  0  done
  1  something on this machine failed: a file, a disk
  2  the command line, or a file given on it, is wrong
  3  the server refuses
  4  no server answers; nothing was changed
  5  a proof does not hold
  6  sent, but the outcome is not known yet: run the same command again";

/// Run elections, vote, and verify them without trusting a server.
#[derive(Debug, Parser)]
#[command(name = "voting", version, after_help = "`voting COMMAND --help` shows a command's options and examples.", after_long_help = EXAMPLES)]
#[command(arg_required_else_help = true, max_term_width = 110)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options that every command takes.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// Address of the gateway
    #[arg(long, global = true, env = "VOTING_URL", default_value = "http://localhost:8000", value_name = "URL")]
    pub(crate) url: String,
    /// How results are printed: for people, as JSON for programs, or (`count` only) as a page to print and sign
    #[arg(long, global = true, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) output: Format,
    /// Print results and errors only
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// Print every request as well
    #[arg(long, short, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Dev(dev::Args),
    Cluster(cluster::Args),
    Node(node::Args),
    Gateway(gateway::Args),
    Backup(backup::Args),
    Keys(keys::Args),
    Bench(bench::Args),
    Login(login::Args),
    Logout(logout::Args),
    Whoami(whoami::Args),
    Elections(elections::Args),
    Voters(voters::Args),
    Vote(vote::Args),
    Receipt(receipt::Args),
    Generate(generate::Args),
    Import(import::Args),
    Count(count::Args),
    Export(export::Args),
    Board(board::Args),
    Witness(witness::Args),
    Trustee(trustee::Args),
    Verify(verify::Args),
    Trust(trust::Args),
    Simulate(simulate::Args),
    Doctor(doctor::Args),
    Completions(completions::Args),
    Man(man::Args),
}

impl Command {
    /// Whether it runs until it is stopped, with nobody looking but at its log.
    pub(crate) const fn is_service(&self) -> bool {
        matches!(self, Self::Node(_) | Self::Gateway(_))
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_explains_itself() {
        fn look(command: &clap::Command, path: &str) {
            for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
                let path = format!("{path} {}", sub.get_name());
                assert!(sub.get_about().is_some(), "{path} has no description");
                for arg in sub.get_arguments().filter(|arg| !arg.is_hide_set()) {
                    assert!(arg.get_help().is_some(), "{path} does not explain {}", arg.get_id());
                }
                let leaf = sub.get_subcommands().next().is_none();
                assert!(!leaf || sub.get_after_long_help().is_some(), "{path} has no example");
                look(sub, &path);
            }
        }
        look(&Cli::command(), "voting");
    }
}
