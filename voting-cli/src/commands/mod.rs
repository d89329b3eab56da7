//! One file per command. A command takes its arguments and a [`Context`], prints through
//! [`Output`] and returns an error that says what to do next.

pub(crate) mod backup;
pub(crate) mod bench;
pub(crate) mod board;
pub(crate) mod change;
pub(crate) mod clock;
pub(crate) mod cluster;
pub(crate) mod completions;
pub(crate) mod count;
pub(crate) mod dev;
pub(crate) mod doctor;
pub(crate) mod elections;
pub(crate) mod export;
pub(crate) mod gateway;
pub(crate) mod generate;
pub(crate) mod import;
pub(crate) mod keys;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod man;
pub(crate) mod node;
pub(crate) mod receipt;
pub(crate) mod simulate;
pub(crate) mod trust;
pub(crate) mod trustee;
pub(crate) mod verify;
pub(crate) mod vote;
pub(crate) mod voters;
pub(crate) mod whoami;
pub(crate) mod witness;

use crate::args::Command;
use crate::client::Client;
use crate::exit::{CliError, Result};
use crate::output::{Format, Output};

/// What every command gets.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    /// Address of the gateway, as given.
    pub(crate) url: String,
    /// Where words go.
    pub(crate) out: Output,
}

impl Context {
    /// A client for the gateway; connects to nothing yet.
    pub(crate) fn client(&self) -> Result<Client> {
        Client::new(&self.url, self.out)
    }
}

/// Runs a command.
pub(crate) async fn run(command: Command, context: Context) -> Result<()> {
    if context.out.format() == Format::Html && !matches!(command, Command::Count(_)) {
        return Err(CliError::usage("only `voting count` makes a page", "choose --output table or --output json"));
    }
    match command {
        Command::Backup(args) => backup::run(args, &context).await,
        Command::Bench(args) => bench::run(args, &context).await,
        Command::Dev(args) => dev::run(args, &context).await,
        Command::Node(args) => node::run(args, &context).await,
        Command::Gateway(args) => gateway::run(args, &context).await,
        Command::Cluster(args) => cluster::run(args, &context).await,
        Command::Keys(args) => keys::run(args, &context),
        Command::Login(args) => login::run(args, &context).await,
        Command::Logout(args) => logout::run(args, &context).await,
        Command::Whoami(args) => whoami::run(args, &context).await,
        Command::Elections(args) => elections::run(args, &context).await,
        Command::Voters(args) => voters::run(args, &context).await,
        Command::Vote(args) => vote::run(args, &context).await,
        Command::Receipt(args) => receipt::run(args, &context).await,
        Command::Generate(args) => generate::run(args, &context),
        Command::Import(args) => import::run(args, &context).await,
        Command::Count(args) => count::run(args, &context),
        Command::Board(args) => board::run(args, &context).await,
        Command::Witness(args) => witness::run(args, &context).await,
        Command::Trustee(args) => trustee::run(args, &context).await,
        Command::Export(args) => export::run(args, &context).await,
        Command::Verify(args) => verify::run(args, &context),
        Command::Simulate(args) => simulate::run(args, &context).await,
        Command::Trust(args) => trust::run(args, &context).await,
        Command::Doctor(args) => doctor::run(args, &context).await,
        Command::Completions(args) => completions::run(args, &context),
        Command::Man(args) => man::run(args, &context),
    }
}
