//! Who is linked to whom: authorities with each other, gateways with the authorities.

use std::collections::BTreeMap;

use voting_core::crypto::{PublicKey, SigningKey};
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
    let mut peers = authorities(genesis, Some(name), &links.joined, &links.addresses)?;
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
    let peers = authorities(genesis, None, &links.joined, &links.addresses)?;
    Ok(DirectConfig { name: NodeName(name.to_owned()), key, listen: None, peers })
}

/// The authorities to be linked to: those of the genesis, with the keys and names that came later.
fn authorities(
    genesis: &Genesis,
    except: Option<&str>,
    joined: &BTreeMap<String, PublicKey>,
    addresses: &BTreeMap<String, String>,
) -> Result<Vec<DirectPeer>, DeployError> {
    let founders = genesis.epoch.authorities.iter().map(|authority| (authority.name.as_str(), authority.key));
    let mut known: BTreeMap<&str, PublicKey> = founders.collect();
    known.extend(joined.iter().map(|(name, key)| (name.as_str(), *key)));
    // A name that is no authority's is a slip of the pen.
    if let Some(name) = addresses.keys().find(|name| !known.contains_key(name.as_str())) {
        return Err(DeployError::UnknownAuthority { name: name.clone() });
    }
    let others = known.into_iter().filter(|(name, _)| except != Some(*name));
    let peer = |(name, key): (&str, PublicKey)| {
        let address = addresses.get(name).cloned();
        let address = address.ok_or_else(|| DeployError::NoAddress { name: name.to_owned() })?;
        Ok(DirectPeer { name: NodeName(name.to_owned()), key, address: Some(address) })
    };
    others.map(peer).collect()
}
