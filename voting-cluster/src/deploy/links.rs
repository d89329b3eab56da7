//! Who is linked to whom: authorities with each other, gateways with the authorities.

use voting_core::crypto::SigningKey;
use voting_core::epoch::Genesis;
use voting_core::seams::NodeName;

use super::authority::DeployError;
use super::config::{AuthorityLinks, GatewayLinks};
use crate::transport::{DirectConfig, DirectPeer};

/// Links of an authority; every other authority needs an address.
pub(super) fn of_authority(
    genesis: &Genesis,
    name: &str,
    key: SigningKey,
    links: &AuthorityLinks,
) -> Result<DirectConfig, DeployError> {
    known(genesis, links.addresses.keys())?;
    let mut peers = authorities(genesis, Some(name), &links.addresses)?;
    peers.extend(links.gateways.iter().map(|(name, key)| DirectPeer { name: NodeName(name.clone()), key: *key, address: None }));
    Ok(DirectConfig { name: NodeName(name.to_owned()), key, listen: Some(links.listen), peers })
}

/// Links of a gateway: it dials every authority.
pub(super) fn of_gateway(
    genesis: &Genesis,
    name: &str,
    key: SigningKey,
    links: &GatewayLinks,
) -> Result<DirectConfig, DeployError> {
    known(genesis, links.addresses.keys())?;
    let peers = authorities(genesis, None, &links.addresses)?;
    Ok(DirectConfig { name: NodeName(name.to_owned()), key, listen: None, peers })
}

fn authorities(
    genesis: &Genesis,
    except: Option<&str>,
    addresses: &std::collections::BTreeMap<String, String>,
) -> Result<Vec<DirectPeer>, DeployError> {
    let others = genesis.epoch.authorities.iter().filter(|authority| except != Some(&authority.name));
    let peer = |authority: &voting_core::epoch::Authority| {
        let address = addresses.get(&authority.name).cloned();
        let address = address.ok_or_else(|| DeployError::NoAddress { name: authority.name.clone() })?;
        Ok(DirectPeer { name: NodeName(authority.name.clone()), key: authority.key, address: Some(address) })
    };
    others.map(peer).collect()
}

/// A name that is no authority's is a slip of the pen.
fn known<'a>(genesis: &Genesis, mut names: impl Iterator<Item = &'a String>) -> Result<(), DeployError> {
    let is_known = |name: &str| genesis.epoch.authorities.iter().any(|authority| authority.name == name);
    match names.find(|name| !is_known(name)) {
        Some(name) => Err(DeployError::UnknownAuthority { name: name.clone() }),
        None => Ok(()),
    }
}
