//! The network behind the gateway.

use poem_openapi::OpenApi;
use poem_openapi::payload::{Binary, Json};
use voting_core::codec::Canonical;

use super::models::{AuthorityModel, DemoAccount, Network};
use crate::demo::ACCOUNTS;
use crate::network::NetworkStatus;
use crate::state::GatewayState;

pub(crate) struct NetworkApi(pub(super) GatewayState);

#[OpenApi]
impl NetworkApi {
    /// The authorities, and how far the ledger is
    #[oai(path = "/network", method = "get", operation_id = "getNetwork")]
    async fn network(&self) -> Json<Network> {
        let backend = self.0.backend();
        let epoch = &backend.genesis.epoch;
        let head = backend.replica.head();
        let authority = |authority: &voting_core::epoch::Authority| AuthorityModel {
            name: authority.name.clone(),
            key: authority.key.to_string(),
            fingerprint: authority.key.fingerprint(),
        };
        Json(Network {
            network: backend.genesis.network.clone(),
            gateway: self.0.config.name.clone(),
            chain: backend.genesis.chain_id(backend.partition).to_string(),
            genesis: backend.genesis.digest().to_string(),
            authorities: epoch.authorities.iter().map(authority).collect(),
            quorum: epoch.quorum,
            byzantine_safe: epoch.byzantine_safe() as u16,
            down_tolerated: epoch.down_tolerated() as u16,
            height: head.map_or(0, |head| head.height.0),
            head: head.map(|head| head.hash.to_string()),
            view: head.map(|head| head.view.0),
            demo: self.0.config.is_demo.then(demo_accounts),
        })
    }

    /// The network as it is right now
    ///
    /// What this gateway hears of the authorities, the newest block, and Redis where there is one; at most a second old.
    /// Signed heartbeats are behind it, but nothing may be decided by it.
    #[oai(path = "/network/status", method = "get", operation_id = "getNetworkStatus")]
    async fn status(&self) -> Json<NetworkStatus> {
        Json(self.0.network_status().await.as_ref().clone())
    }

    /// The canonical bytes of the genesis
    ///
    /// Its SHA-256 under the genesis tag is what clients pin.
    #[oai(path = "/genesis", method = "get", operation_id = "getGenesis")]
    async fn genesis(&self) -> Binary<Vec<u8>> {
        Binary(self.0.backend().genesis.to_canonical())
    }
}

fn demo_accounts() -> Vec<DemoAccount> {
    let shown = ACCOUNTS.iter().map(|(email, name, password, role)| DemoAccount {
        email: (*email).to_owned(),
        name: (*name).to_owned(),
        password: (*password).to_owned(),
        role: role.as_str().to_owned(),
    });
    shown.collect()
}
