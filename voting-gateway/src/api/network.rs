//! The network behind the gateway.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use poem::http::HeaderMap;
use poem_openapi::payload::{Binary, Json};
use poem_openapi::{ApiResponse, OpenApi};
use voting_core::codec::Canonical;
use voting_core::election::{Trustee, Trustees};
use voting_core::epoch::Authority;

use super::models::{AuthorityModel, Change, DemoAccount, EpochModel, Epochs, Network, NewSealing, NewTrustee};
use crate::accounts::Role;
use crate::demo::ACCOUNTS;
use crate::network::NetworkStatus;
use crate::problem::Problem;
use crate::state::GatewayState;

pub(crate) struct NetworkApi(pub(super) GatewayState);

/// The authorities have changed.
#[derive(ApiResponse)]
enum Changed {
    /// The new ones are in office.
    #[oai(status = 201)]
    Changed(Json<Epochs>),
}

#[OpenApi]
impl NetworkApi {
    /// The authorities, and how far the ledger is
    #[oai(path = "/network", method = "get", operation_id = "getNetwork")]
    async fn network(&self) -> Json<Network> {
        let backend = self.0.backend();
        let state = backend.replica.state();
        let epoch = state.epoch();
        let head = backend.replica.head();
        Json(Network {
            network: backend.genesis.network.clone(),
            gateway: self.0.config.name.clone(),
            chain: backend.genesis.chain_id(backend.partition).to_string(),
            genesis: backend.genesis.digest().to_string(),
            epoch: epoch.number,
            authorities: epoch.authorities.iter().map(authority).collect(),
            quorum: epoch.quorum,
            byzantine_safe: epoch.byzantine_safe() as u16,
            down_tolerated: epoch.down_tolerated() as u16,
            height: head.map_or(0, |head| head.height.0),
            head: head.map(|head| head.hash.to_string()),
            view: head.map(|head| head.view.0),
            trustees: self.0.config.trustees.as_ref().map(office_trustees),
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

    /// The authorities since the genesis
    ///
    /// Each set of them with the first height that it decides on and, from the second one on, the proof that the one before
    /// handed over to it. Who trusts the genesis needs nothing else to check receipts.
    #[oai(path = "/network/epochs", method = "get", operation_id = "listEpochs")]
    async fn epochs(&self) -> Result<Json<Epochs>, Problem> {
        let state = self.0.backend().replica.state();
        let mut handovers = self.0.handovers(&state).await?.into_iter();
        let shown = state.epochs().iter().map(|(first, epoch)| EpochModel {
            number: epoch.number,
            first_height: first.0,
            authorities: epoch.authorities.iter().map(authority).collect(),
            quorum: epoch.quorum,
            leader: epoch.leader.to_string(),
            handover: if epoch.number == 0 { None } else { handovers.next().map(|proof| STANDARD.encode(proof.to_canonical())) },
        });
        Ok(Json(Epochs { epochs: shown.collect() }))
    }

    /// Change the authorities
    ///
    /// For administrators. A quorum of the authorities in force must have approved the change: it is their signatures that
    /// count. Answers once the new authorities are in office.
    #[oai(path = "/network/epochs", method = "post", operation_id = "changeAuthorities")]
    async fn change(&self, headers: &HeaderMap, body: Json<Change>) -> Result<Changed, Problem> {
        self.0.require(headers, Role::Admin).await?;
        self.0.change_authorities(&body.change).await?;
        Ok(Changed::Changed(self.epochs().await?))
    }

    /// The canonical bytes of the genesis
    ///
    /// Its SHA-256 under the genesis tag is what clients pin.
    #[oai(path = "/genesis", method = "get", operation_id = "getGenesis")]
    async fn genesis(&self) -> Binary<Vec<u8>> {
        Binary(self.0.backend().genesis.to_canonical())
    }
}

fn office_trustees(trustees: &Trustees) -> NewSealing {
    let named = |trustee: &Trustee| NewTrustee { name: trustee.name.clone(), key: trustee.key.to_string() };
    NewSealing {
        threshold: Some(trustees.threshold),
        min_ballots: Some(trustees.min_ballots),
        trustees: trustees.trustees.iter().map(named).collect(),
    }
}

fn authority(authority: &Authority) -> AuthorityModel {
    AuthorityModel { name: authority.name.clone(), key: authority.key.to_string(), fingerprint: authority.key.fingerprint() }
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
