//! The network that this machine relies on at a server: its genesis, pinned at first contact.
//!
//! The genesis names the authorities whose signatures every receipt and bundle is checked against. It
//! is fetched once and kept; from then on a server that speaks for another network is refused.
//! Whoever wants more than trust on first use compares the digest with the published one, or pins it
//! before the first contact with `voting trust --genesis`.

use std::path::Path;

use reqwest::Method;
use voting_core::crypto::PublicKey;
use voting_core::epoch::Genesis;
use voting_core::{Canonical as _, ChainId, Digest, PartitionId};

use crate::client::{Auth, Body, Client};
use crate::exit::{CliError, Result};
use crate::output::Output;
use crate::state::{self, ServerDir};

/// What to do when a server turns out to speak for another network.
const OTHER_NETWORK: &str = "do not vote here before you know why. If the operator founded the network anew, compare the new digest \
with what they publish and run: voting trust --forget";

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
    let answer = client.patient(Method::GET, "/genesis", Body::Empty, Auth::None).await.map_err(|error| client.explain(error))?;
    decode(&answer.bytes).map_err(|reason| {
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
    state::remove(&dir.join("genesis.bin"))
}

/// A genesis in a file.
pub(crate) fn read_file(path: &Path) -> Result<Genesis> {
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

/// Names and fingerprints of the authorities, for people to compare.
pub(crate) fn authorities(genesis: &Genesis) -> Vec<(String, PublicKey)> {
    genesis.epoch.authorities.iter().map(|authority| (authority.name.clone(), authority.key)).collect()
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
