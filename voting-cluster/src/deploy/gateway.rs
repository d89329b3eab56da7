//! What a gateway process stands on.

use std::sync::Arc;

use voting_core::crypto::SigningKey;
use voting_core::epoch::Genesis;
use voting_core::ids::PartitionId;
use voting_core::seams::{BallotQueue, Clock, Ledger, LockManager, NodeName, Store, Transport};

use super::authority::{DeployError, PARTITION, QUEUE};
use super::config::{GatewaySettings, read_genesis};
use super::keys::read_key;
use super::links;
use crate::clock::{OffsetClock, SyncedClock, SystemClock};
use crate::follow::{Follower, FollowerConfig, FollowerSeams};
use crate::ledger::RedbLedger;
use crate::redis::{Redis, RedisBackends};
use crate::transport::DirectTransport;
use crate::view::NetworkView;

/// A follower of the authorities, and the seams that a gateway works with.
pub struct GatewayParts {
    /// What the network is founded on.
    pub genesis: Arc<Genesis>,
    /// The chain served.
    pub partition: PartitionId,
    /// Follows what is final.
    pub follower: Follower,
    /// Its cache of blocks.
    pub ledger: Arc<dyn Ledger>,
    /// Where entries go.
    pub queue: Arc<dyn BallotQueue>,
    /// Accounts, sessions, rolls.
    pub store: Arc<dyn Store>,
    /// Locks among gateways.
    pub locks: Arc<dyn LockManager>,
    /// What time the authorities agree it is.
    pub clock: Arc<SyncedClock>,
    /// Signs officers' acts.
    pub officer: SigningKey,
    /// Certifies voters' keys.
    pub registrar: SigningKey,
    /// Secret from which voters' pseudonyms are derived.
    pub pseudonym_secret: [u8; 32],
    redis: Redis,
}

impl GatewayParts {
    /// Connects, and starts to follow. What is final is known once the follower has caught up.
    ///
    /// # Errors
    /// [`DeployError`] naming what cannot be used.
    pub async fn start(settings: &GatewaySettings) -> Result<Self, DeployError> {
        let genesis = Arc::new(read_genesis(&settings.genesis)?);
        let officer = read_key(&settings.officer_key)?;
        let registrar = read_key(&settings.registrar_key)?;
        let pseudonym_secret = read_key(&settings.pseudonym_secret)?.to_seed();
        std::fs::create_dir_all(&settings.data).map_err(|source| DeployError::Folder { path: settings.data.clone(), source })?;
        let path = settings.data.join("blocks.redb");
        let opened = RedbLedger::open(&path, genesis.chain_id(PARTITION), &settings.name);
        let ledger: Arc<dyn Ledger> = Arc::new(opened.map_err(|source| DeployError::Ledger { path, source })?);

        let redis = RedisBackends::connect(settings.redis.to_config()?).await?;
        let transport: Arc<dyn Transport> = match &settings.links {
            Some(links) => {
                let key = read_key(&links.key)?;
                Arc::new(DirectTransport::start(links::of_gateway(&genesis, &settings.name, key, links)?).await?)
            }
            None => Arc::new(redis.transport(NodeName(settings.name.clone())).await?),
        };
        let machine: Arc<dyn Clock> = Arc::new(OffsetClock::new(Arc::new(SystemClock::new()), settings.clock_offset_ms));
        let seams = FollowerSeams { ledger: Arc::clone(&ledger), transport, clock: machine };
        let config = FollowerConfig { genesis: Arc::clone(&genesis), partition: PARTITION, clock: settings.clock };
        let follower = Follower::start(config, seams).await?;
        let clock = Arc::clone(follower.clock());
        Ok(Self {
            genesis,
            partition: PARTITION,
            follower,
            ledger,
            queue: Arc::new(redis.queue(QUEUE, None)),
            store: Arc::new(redis.store()),
            locks: Arc::new(redis.locks()?),
            clock,
            officer,
            registrar,
            pseudonym_secret,
            redis: redis.redis().clone(),
        })
    }

    /// The authorities as they are heard of here, and Redis.
    #[must_use]
    pub fn view(&self) -> NetworkView {
        let follower = &self.follower;
        let (clock, store) = (Arc::clone(&self.clock), Arc::clone(&self.store));
        NetworkView::deployed(
            follower.members(),
            clock,
            follower.authorities(),
            follower.replica(),
            self.redis.clone(),
            store,
            self.partition,
        )
    }

    /// Tells at any time whether a quorum of the authorities is heard of, and whether the one followed answers.
    #[must_use]
    pub fn health(&self) -> Arc<dyn Fn() -> Result<String, String> + Send + Sync> {
        let (members, source) = (self.follower.members(), self.follower.source());
        let (epoch, height) = (self.follower.replica().epoch(), self.follower.replica().heights());
        Arc::new(move || {
            let (members, quorum) = (members.borrow(), usize::from(epoch.borrow().quorum));
            let alive = members.iter().filter(|member| member.health == crate::membership::Health::Alive).count();
            let (source, height) = (source.borrow(), *height.borrow());
            let behind = source.head.0.saturating_sub(height.0);
            let detail = format!(
                "{alive} of {} are heard of, a quorum is {quorum}; at height {height}, {behind} behind {}",
                members.len(),
                source.name
            );
            if alive >= quorum && source.answers { Ok(detail) } else { Err(detail) }
        })
    }
}

impl std::fmt::Debug for GatewayParts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GatewayParts").field("network", &self.genesis.network).finish_non_exhaustive()
    }
}
