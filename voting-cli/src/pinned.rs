//! The network that this machine relies on at a server: its genesis, pinned at first contact.
//!
//! The genesis names the authorities whose signatures every receipt and bundle is checked against. It
//! is fetched once and kept; from then on a server that speaks for another network is refused.
//! Whoever wants more than trust on first use compares the digest with the published one, or pins it
//! before the first contact with `voting trust --genesis`.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use reqwest::Method;
use voting_core::ballot::SignedBallot;
use voting_core::epoch::Genesis;
use voting_core::epoch::change::{Epochs, Handover};
use voting_core::receipt::{ElectionProof, Receipt, ReceiptError, Recorded};
use voting_core::state::ElectionSummary;
use voting_core::{Canonical as _, ChainId, Digest, PartitionId, Timestamp};

use crate::api::EpochList;
use crate::client::{Auth, Body, Client};
use crate::exit::{CliError, Result};
use crate::output::Output;
use crate::state::{self, ServerDir};

/// What to do when a server turns out to speak for another network.
const OTHER_NETWORK: &str = "do not vote here before you know why. If the operator founded the network anew, compare the new digest \
with what they publish and run: voting trust --forget";

/// Who is to be relied on where no server is asked.
#[derive(Debug, clap::Args)]
pub(crate) struct OfflineArgs {
    /// Rely on the genesis in this file instead of the pinned one
    #[arg(long, value_name = "FILE")]
    genesis: Option<PathBuf>,
    /// Changes of the authorities since the genesis: the JSON that GET /network/epochs serves; without it, those that were
    /// proved here before
    #[arg(long, value_name = "FILE")]
    epochs: Option<PathBuf>,
}

/// Who is relied on where no server is asked.
pub(crate) struct Relied<'a> {
    pub(crate) genesis: Genesis,
    epochs: Option<PathBuf>,
    /// Those proved here before are of the genesis pinned here.
    pinned: Option<&'a ServerDir>,
}

impl<'a> Relied<'a> {
    /// By what was typed, or by what is pinned for the server at an address.
    pub(crate) fn on(args: &OfflineArgs, dir: &'a ServerDir, url: &str) -> Result<Self> {
        let (genesis, pinned) = match &args.genesis {
            Some(path) => (read_file(path)?, None),
            None => (load(dir)?.ok_or_else(|| nothing_pinned(url))?, Some(dir)),
        };
        Ok(Self { genesis, epochs: args.epochs.clone(), pinned })
    }

    /// The authorities since the genesis, as far as they are proved.
    pub(crate) fn epochs(&self, partition: PartitionId) -> Result<Epochs> {
        let Self { genesis, epochs, pinned } = self;
        match (epochs, pinned) {
            (Some(path), _) => read_epochs(path, genesis, partition),
            (None, Some(dir)) => Ok(offline(dir, genesis, partition)?.0),
            (None, None) => {
                Epochs::founded(genesis, partition).map_err(|error| CliError::usage(error, "give the genesis of a network"))
            }
        }
    }
}

fn nothing_pinned(url: &str) -> CliError {
    CliError::usage(
        format!("no network is pinned for {url}, so there is nothing to check this against"),
        "pin it with `voting trust`, or give a genesis file with --genesis",
    )
}

/// The genesis pinned for a server, if any.
pub(crate) fn load(dir: &ServerDir) -> Result<Option<Genesis>> {
    let path = dir.join("genesis.bin");
    let Some(bytes) = state::read(&path)? else { return Ok(None) };
    decode(&bytes).map(Some).map_err(|reason| state::damaged(&path, reason))
}

/// The pinned genesis; at first contact the server's, pinned from now on.
pub(crate) async fn ensure(client: &Client, out: &Output) -> Result<Genesis> {
    if let Some(genesis) = load(client.dir())? {
        return Ok(genesis);
    }
    let genesis = fetch(client).await?;
    pin(client.dir(), &genesis)?;
    out.note(format!("first contact with {}: network `{}`, genesis {}", client.address(), genesis.network, genesis.digest()));
    Ok(genesis)
}

/// The server's genesis, well formed but not yet trusted.
pub(crate) async fn fetch(client: &Client) -> Result<Genesis> {
    decode(&client.bytes("/genesis", Auth::None).await.map_err(|error| client.explain(error))?).map_err(|reason| {
        CliError::verification(
            format!("the genesis of {} is not usable: {reason}", client.address()),
            "tell the operator; do not vote here",
        )
    })
}

/// Relies on a genesis from now on.
pub(crate) fn pin(dir: &ServerDir, genesis: &Genesis) -> Result<()> {
    state::write(&dir.join("genesis.bin"), &genesis.to_canonical())
}

/// Relies on nothing any more.
pub(crate) fn forget(dir: &ServerDir) -> Result<()> {
    state::remove(&dir.join("handovers.json"))?;
    state::remove(&dir.join("genesis.bin"))
}

/// What receipts of a server are checked against: the authorities as far as they are known, and those that it proves when a
/// receipt is of later ones.
pub(crate) struct Trusted {
    genesis: Genesis,
    partition: PartitionId,
    epochs: Mutex<Arc<Epochs>>,
}

impl Trusted {
    pub(crate) async fn new(client: &Client, genesis: Genesis, partition: PartitionId) -> Result<Self> {
        let epochs = Mutex::new(Arc::new(epochs(client, &genesis, partition).await?));
        Ok(Self { genesis, partition, epochs })
    }

    /// The authorities as far as they are known.
    pub(crate) fn epochs(&self) -> Arc<Epochs> {
        Arc::clone(&self.epochs.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Verifies a receipt; the authorities may have changed since they were asked for.
    pub(crate) async fn verify(&self, client: &Client, receipt: &Receipt, ballot: &SignedBallot) -> Result<Recorded, String> {
        self.by_newest(client, |epochs| receipt.verify(epochs, Some(ballot))).await
    }

    /// Verifies what a quorum has certified of an election, and when.
    pub(crate) async fn verify_election(
        &self,
        client: &Client,
        proof: &ElectionProof,
    ) -> Result<(ElectionSummary, Timestamp), String> {
        self.by_newest(client, |epochs| proof.verify(epochs).map(|(summary, at)| (*summary, at))).await
    }

    /// Verifies something; if it is of authorities that are not known yet, the server is asked to prove those.
    async fn by_newest<T>(&self, client: &Client, verify: impl Fn(&Epochs) -> Result<T, ReceiptError>) -> Result<T, String> {
        match verify(&self.epochs()) {
            Err(ReceiptError::Chain(_)) => {
                let newer = epochs(client, &self.genesis, self.partition).await.map_err(|error| error.what)?;
                *self.epochs.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(newer);
                verify(&self.epochs()).map_err(|error| error.to_string())
            }
            verified => verified.map_err(|error| error.to_string()),
        }
    }
}

/// The authorities since the genesis, in the chain of a partition: what the server proves, kept for later. A server that
/// proves less than is known already is not believed, and need not be.
pub(crate) async fn epochs(client: &Client, genesis: &Genesis, partition: PartitionId) -> Result<Epochs> {
    let (known, kept) = offline(client.dir(), genesis, partition)?;
    let answer = client.patient(Method::GET, "/network/epochs", Body::Empty, Auth::None).await;
    let listed: EpochList = answer.and_then(|answer| answer.json()).map_err(|error| client.explain(error))?;
    let handovers = listed.handovers().map_err(|reason| not_proved(client.address(), reason))?;
    if handovers.len() <= kept {
        return Ok(known);
    }
    let proved = Epochs::proved(genesis, partition, &handovers).map_err(|error| not_proved(client.address(), error))?;
    let (before, now) = (known.iter(), proved.iter());
    if before.zip(now).any(|(before, now)| before != now) {
        return Err(not_proved(client.address(), "it proves others than were proved before"));
    }
    let path = client.dir().join("handovers.json");
    let text = serde_json::to_vec_pretty(&handovers).map_err(|error| state::damaged(&path, error.to_string()))?;
    state::write(&path, &text)?;
    Ok(proved)
}

/// The authorities since the genesis as far as they were proved here before, and how many changes that were.
fn offline(dir: &ServerDir, genesis: &Genesis, partition: PartitionId) -> Result<(Epochs, usize)> {
    let path = dir.join("handovers.json");
    let handovers: Vec<Handover> = match state::read(&path)? {
        None => Vec::new(),
        Some(bytes) => serde_json::from_slice(&bytes).map_err(|error| state::damaged(&path, error.to_string()))?,
    };
    let proved = Epochs::proved(genesis, partition, &handovers);
    Ok((proved.map_err(|error| state::damaged(&path, error.to_string()))?, handovers.len()))
}

/// The authorities that a file proves: what GET /network/epochs of a gateway serves.
fn read_epochs(path: &Path, genesis: &Genesis, partition: PartitionId) -> Result<Epochs> {
    let bytes = std::fs::read(path).map_err(|error| state::cannot("read", path, &error))?;
    let wrong = |reason: String| {
        let what = format!("{} proves no authorities: {reason}", path.display());
        CliError::usage(what, "give the JSON that GET /network/epochs of a gateway serves")
    };
    let listed: EpochList = serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))?;
    let handovers = listed.handovers().map_err(wrong)?;
    Epochs::proved(genesis, partition, &handovers).map_err(|error| wrong(error.to_string()))
}

fn not_proved(server: &str, reason: impl std::fmt::Display) -> CliError {
    let what = format!("{server} does not prove who the authorities are: {reason}");
    CliError::verification(what, "ask another gateway, and tell the operator; do not vote here before you know why")
}

/// A genesis in a file.
fn read_file(path: &Path) -> Result<Genesis> {
    let bytes = std::fs::read(path).map_err(|error| state::cannot("read", path, &error))?;
    decode(&bytes).map_err(|reason| {
        CliError::usage(
            format!("{} is no genesis: {reason}", path.display()),
            "give the bytes that GET /genesis of a gateway serves",
        )
    })
}

/// The partition of the pinned network that a chain is.
pub(crate) fn partition(genesis: &Genesis, chain: ChainId) -> Result<PartitionId> {
    (0..genesis.partitions).map(PartitionId).find(|partition| genesis.chain_id(*partition) == chain).ok_or_else(|| {
        let digest = genesis.digest();
        CliError::verification(
            format!("the server speaks for another network than the one pinned here, genesis {digest}"),
            OTHER_NETWORK,
        )
    })
}

/// Refuses a digest other than the pinned one.
pub(crate) fn same(genesis: &Genesis, other: Digest) -> Result<()> {
    let pinned = genesis.digest();
    if pinned == other {
        return Ok(());
    }
    Err(CliError::verification(format!("the genesis pinned here is {pinned}, this one is {other}"), OTHER_NETWORK))
}

fn decode(bytes: &[u8]) -> Result<Genesis, String> {
    let genesis = Genesis::from_canonical(bytes).map_err(|error| error.to_string())?;
    genesis.check().map_err(|error| error.to_string())?;
    Ok(genesis)
}

#[cfg(test)]
mod tests {
    use voting_core::testing::TestChain;

    use super::*;
    use crate::exit::Exit;

    #[test]
    fn what_is_pinned_is_found_again_and_nothing_else_passes() {
        let root = tempfile::tempdir().unwrap();
        let dir = ServerDir::of(root.path(), &"http://a:1".parse().unwrap());
        assert!(load(&dir).unwrap().is_none());
        let genesis = TestChain::new(4).genesis;
        pin(&dir, &genesis).unwrap();
        assert_eq!(load(&dir).unwrap().unwrap(), genesis);
        same(&genesis, genesis.digest()).unwrap();
        let other = TestChain::new(7).genesis;
        assert_eq!(same(&genesis, other.digest()).unwrap_err().exit, Exit::Verification);
        assert_eq!(partition(&genesis, genesis.chain_id(PartitionId(0))).unwrap(), PartitionId(0));
        assert_eq!(partition(&genesis, other.chain_id(PartitionId(0))).unwrap_err().exit, Exit::Verification);
        forget(&dir).unwrap();
        assert!(load(&dir).unwrap().is_none());
    }

    #[test]
    fn a_genesis_that_anyone_could_forge_a_quorum_for_is_refused() {
        let mut genesis = TestChain::new(4).genesis;
        genesis.epoch.quorum = 2;
        assert!(decode(&genesis.to_canonical()).unwrap_err().contains("quorum"));
    }
}
