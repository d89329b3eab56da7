//! `voting trust`: the network that proofs are checked against.

use serde::Serialize;
use voting_core::epoch::{Epoch, Genesis};
use voting_core::{Canonical as _, Digest, PartitionId, Timestamp};

use super::Context;
use crate::exit::{CliError, Result};
use crate::output::{fields, table};
use crate::pinned;

/// Show, pin or forget the network behind a server.
///
/// Receipts and ballots are checked against the genesis of a network: the document that names its
/// authorities. It is pinned at the first contact with a server. To rely on more than that, compare the
/// digest with the one the operator publishes, or give the published one with --genesis beforehand.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  voting trust                             show the pinned network
  voting trust --genesis 9c1e…             pin it only if its digest is this
  voting trust --forget                    before trusting a network that was founded anew")]
pub(crate) struct Args {
    /// The published digest, 64 hexadecimal digits
    #[arg(long, value_name = "HEX", conflicts_with = "forget")]
    genesis: Option<Digest>,
    /// Forget the pinned network; sessions, keys and receipts stay
    #[arg(long)]
    forget: bool,
}

/// A pinned network.
#[derive(Debug, Serialize)]
struct Answer {
    network: String,
    genesis: Digest,
    founded_at: Timestamp,
    /// How often the authorities have changed since.
    changes: u32,
    quorum: u16,
    authorities: Vec<Authority>,
}

#[derive(Debug, Serialize)]
struct Authority {
    name: String,
    fingerprint: String,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<()> {
    let client = context.client()?;
    if args.forget {
        pinned::forget(client.dir())?;
        return context
            .out
            .answer(&serde_json::json!({ "pinned": null }), || format!("no network is pinned for {} now", client.address()));
    }
    let genesis = match (args.genesis, pinned::load(client.dir())?) {
        (Some(published), Some(genesis)) => {
            pinned::same(&genesis, published)?;
            genesis
        }
        (Some(published), None) => {
            let genesis = pinned::fetch(&client).await?;
            let actual = genesis.digest();
            if actual != published {
                return Err(CliError::verification(
                    format!("the genesis of {} is {actual}, not the published one", client.address()),
                    "check the digest and the address; nothing was pinned",
                ));
            }
            pinned::pin(client.dir(), &genesis)?;
            genesis
        }
        (None, _) => pinned::ensure(&client, &context.out).await?,
    };
    let epochs = pinned::epochs(&client, &genesis, PartitionId(0)).await?;
    let answer = describe(&genesis, epochs.last());
    context.out.answer(&answer, || {
        let Answer { network, genesis, founded_at, changes, quorum, authorities } = &answer;
        let heading = fields(&[
            ("network", network.clone()),
            ("genesis", genesis.to_string()),
            ("founded", founded_at.to_string()),
            ("authorities changed", if *changes == 0 { "never".to_owned() } else { format!("{changes} times, each proved") }),
            ("quorum", format!("{quorum} of {} authorities", authorities.len())),
        ]);
        let rows = authorities.iter().map(|authority| [authority.name.clone(), authority.fingerprint.clone()]);
        format!("{heading}\n{}", table(["authority", "fingerprint of its key"], rows))
    })
}

fn describe(genesis: &Genesis, epoch: &Epoch) -> Answer {
    let shown = epoch.authorities.iter();
    Answer {
        network: genesis.network.clone(),
        genesis: genesis.digest(),
        founded_at: genesis.founded_at,
        changes: epoch.number,
        quorum: epoch.quorum,
        authorities: shown
            .map(|authority| Authority { name: authority.name.clone(), fingerprint: authority.key.fingerprint() })
            .collect(),
    }
}
