//! One authority as a process.

use std::path::PathBuf;
use std::sync::Arc;

use thiserror::Error;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::{info, warn};
use voting_core::crypto::PublicKey;
use voting_core::epoch::{Epoch, Genesis};
use voting_core::ids::PartitionId;
use voting_core::seams::{Ledger as _, LedgerError, NodeName, Store, Transport};

use super::config::{ConfigError, NodeSettings, read_genesis};
use super::keys::{KeyFileError, read_key};
use super::{directory, links};
use crate::clock::{OffsetClock, SystemClock};
use crate::embedded::QUEUE_CAPACITY;
use crate::leadership::{DEFAULT_LEASE, Leadership, Leading};
use crate::ledger::RedbLedger;
use crate::membership::{Health, Member};
use crate::node::{NoHooks, Node, NodeConfig, NodeError, NodeSeams};
use crate::projection::Projector;
use crate::queue::{DEFAULT_BUCKETS, QueueLayout, Share};
use crate::redis::{RedisBackends, RedisError};
use crate::transport::{DirectError, DirectTransport};

/// The one partition that processes work on.
pub(super) const PARTITION: PartitionId = PartitionId(0);

/// How the queue is laid out in a network of processes.
pub(super) const QUEUE: QueueLayout = QueueLayout { partition: PARTITION, buckets: DEFAULT_BUCKETS, capacity: QUEUE_CAPACITY };

/// A file in the data folder of an authority whose key has never voted; `voting cluster init` makes it, and it is gone after
/// the first start.
pub(super) const FIRST_START: &str = "first-start";

/// Why a process does not start, or why it stopped.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DeployError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A key file.
    #[error(transparent)]
    Key(#[from] KeyFileError),
    /// A key that is not a founding authority's, and no name.
    #[error("the key in {path} ({key}) is not the key of an authority in the genesis; one that joins later states its `name`")]
    NotAnAuthority {
        /// The key file.
        path: PathBuf,
        /// The public key.
        key: PublicKey,
    },
    /// A folder that cannot be made.
    #[error("the folder {path}: {source}")]
    Folder {
        /// Which one.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The ledger.
    #[error("the ledger in {path}: {source}")]
    Ledger {
        /// Where it is.
        path: PathBuf,
        /// What is wrong with it.
        source: LedgerError,
    },
    /// An authority without an address.
    #[error("links.addresses has no address of {name}")]
    NoAddress {
        /// Which one.
        name: String,
    },
    /// An address of nobody.
    #[error("links.addresses names `{name}`, which is neither an authority of the genesis nor in links.joined")]
    UnknownAuthority {
        /// The name.
        name: String,
    },
    /// Direct links.
    #[error(transparent)]
    Links(#[from] DirectError),
    /// Redis.
    #[error(transparent)]
    Redis(#[from] RedisError),
    /// The authority itself.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// Following the authorities.
    #[error(transparent)]
    Follow(#[from] crate::follow::FollowerError),
}

/// A running authority.
#[derive(Debug)]
pub struct Authority {
    name: String,
    genesis: Arc<Genesis>,
    node: Node,
    ledger: Arc<RedbLedger>,
    leading: watch::Receiver<Leading>,
    beside: JoinSet<()>,
    _leadership: Leadership,
}

impl Authority {
    /// Starts an authority: returns once it has recovered from its ledger and is heard by the others.
    ///
    /// # Errors
    /// [`DeployError`] naming what cannot be used.
    pub async fn start(settings: &NodeSettings) -> Result<Self, DeployError> {
        let genesis = Arc::new(read_genesis(&settings.genesis)?);
        let key = read_key(&settings.key)?;
        let founder = genesis.epoch.index_of(&key.public()).and_then(|me| genesis.epoch.authority(me));
        let name = match (&settings.name, founder) {
            (Some(name), _) => name.clone(),
            (None, Some(founder)) => founder.name.clone(),
            (None, None) => return Err(DeployError::NotAnAuthority { path: settings.key.clone(), key: key.public() }),
        };
        let mut keys = vec![key.clone()];
        if let Some(path) = &settings.next_key {
            keys.push(read_key(path)?);
        }
        std::fs::create_dir_all(&settings.data).map_err(|source| DeployError::Folder { path: settings.data.clone(), source })?;
        let path = settings.data.join("ledger.redb");
        let opened = RedbLedger::open(&path, genesis.chain_id(PARTITION), &name);
        let ledger = Arc::new(opened.map_err(|source| DeployError::Ledger { path, source })?);

        // With direct links an authority needs Redis for nothing but its queue, and starts without it.
        let redis = RedisBackends::lazy(settings.redis.to_config()?)?;
        let transport: Arc<dyn Transport> = match &settings.links {
            Some(links) => Arc::new(DirectTransport::start(links::of_authority(&genesis, &name, key.clone(), links)?).await?),
            None => Arc::new(redis.transport(NodeName(name.clone())).await?),
        };
        let store: Arc<dyn Store> = Arc::new(redis.store());
        // Who joined later has no share of its own, and looks after those of the others.
        let founders = genesis.epoch.len();
        let index = genesis.epoch.authorities.iter().position(|authority| authority.name == name).unwrap_or(founders);
        let share = Share { index, of: founders };
        let seams = NodeSeams {
            ledger: Arc::clone(&ledger) as _,
            queue: Arc::new(redis.queue(QUEUE, Some(share))),
            transport,
            clock: Arc::new(OffsetClock::new(Arc::new(SystemClock::new()), settings.clock_offset_ms)),
            hooks: Arc::new(NoHooks),
        };
        let marker = settings.data.join(FIRST_START);
        let first_start = marker.exists();
        if !first_start && ledger.head().await.map_err(NodeError::Ledger)?.is_none() {
            warn!(%name, "the ledger is empty, and nothing says that this is the first start: what this authority has voted is lost; \
                it follows, and votes again when a quorum of the others has said how far they are");
        }
        let config =
            NodeConfig { keys: keys.clone(), first_start, clock: settings.clock, ..NodeConfig::new(Arc::clone(&genesis), key) };
        let node = Node::start(config, seams).await?;
        if first_start {
            // The ledger says so itself by now. Where the marker outlived it, a lost ledger would be taken for a new one.
            let removed = std::fs::remove_file(&marker).and_then(|()| std::fs::File::open(&settings.data)?.sync_all());
            removed.map_err(|source| DeployError::Folder { path: marker, source })?;
        }

        let mut beside = JoinSet::new();
        let (fitness, fit) = watch::channel(false);
        beside.spawn(judge_fitness(node.members(), node.replica().epoch(), name.clone(), fitness));
        let leadership = Leadership::run_for(Arc::new(redis.locks()?), "coordinator", DEFAULT_LEASE, fit);
        let leading = leadership.leading();
        beside.spawn(node.campaign(leadership.leading()));
        let (kept, replica) = (Arc::clone(&ledger) as _, Arc::clone(node.replica()));
        beside.spawn(directory::publish(Arc::clone(&store), PARTITION, kept, replica, keys, node.members(), leading));
        let replica = Arc::clone(node.replica());
        beside.spawn(Projector { replica, store, partition: PARTITION, leading: leadership.leading() }.run());
        info!(%name, height = %node.replica().state().height(), "the authority runs");
        Ok(Self { name, genesis, node, ledger, leading: leadership.leading(), beside, _leadership: leadership })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the network is founded on.
    #[must_use]
    pub const fn genesis(&self) -> &Arc<Genesis> {
        &self.genesis
    }

    /// The node itself.
    #[must_use]
    pub const fn node(&self) -> &Node {
        &self.node
    }

    /// Whether it coordinates, as it changes.
    #[must_use]
    pub fn leading(&self) -> watch::Receiver<Leading> {
        self.leading.clone()
    }

    /// Stops after the step at hand is durable.
    ///
    /// # Errors
    /// The error that had stopped it before, or that came up in closing.
    pub async fn shutdown(mut self) -> Result<(), DeployError> {
        self.beside.shutdown().await;
        self.node.shutdown().await?;
        self.ledger.close().await.map_err(NodeError::Ledger)?;
        Ok(())
    }
}

/// Who hears fewer than a quorum is cut off, and should not coordinate; nor should who is no authority.
async fn judge_fitness(
    mut members: watch::Receiver<Vec<Member>>,
    epochs: watch::Receiver<Arc<Epoch>>,
    name: String,
    fitness: watch::Sender<bool>,
) {
    loop {
        let quorum = usize::from(epochs.borrow().quorum);
        let (alive, is_one) = {
            let members = members.borrow_and_update();
            let alive = members.iter().filter(|member| member.health == Health::Alive).count();
            (alive, members.iter().any(|member| member.name == name))
        };
        let quorum = if is_one { quorum } else { usize::MAX };
        fitness.send_if_modified(|fit| std::mem::replace(fit, alive >= quorum) != (alive >= quorum));
        if members.changed().await.is_err() {
            return;
        }
    }
}
