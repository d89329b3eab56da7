//! A whole network in one process: several authorities, each with its own key and its own durable
//! ledger, joined by a queue and a network in memory.
//!
//! What it proves is everything that does not depend on who runs the machine: the same engine, the
//! same ledgers, the same certificates as in a network of separate machines. What it cannot give is
//! independence: one operator holds all the keys.
//!
//! ```text
//! DIR/identity.json      genesis and secret keys (mode 0600)
//! DIR/authority-0.redb   ledger of the first authority, and so on
//! DIR/store.redb         accounts, sessions, rolls
//! ```

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use voting_core::codec::Canonical as _;
use voting_core::crypto::{KeyError, SigningKey};
use voting_core::entry::Entry;
use voting_core::epoch::{Authority, Epoch, EpochError, Genesis, LeaderPolicy, Officer, QuorumRule, Timers};
use voting_core::ids::PartitionId;
use voting_core::seams::{BallotQueue, Clock, Ledger, LedgerError, NodeName, QueueError, Store, StoreError};

use crate::clock::SystemClock;
use crate::inquiry::Authorities;
use crate::ledger::{MemoryLedger, RedbLedger};
use crate::node::{NoHooks, Node, NodeConfig, NodeError, NodeHooks, NodeSeams};
use crate::queue::{DEFAULT_BUCKETS, MemoryQueue, QueueLayout, Share};
use crate::redis::{Namespace, Redis, RedisBackends, RedisConfig, RedisError};
use crate::replica::{EntryStatus, Replica};
use crate::store::{MemoryStore, RedbStore};
use crate::transport::MemoryNetwork;
use crate::view::NetworkView;

/// Ballots that may wait in the queue: several seconds of work.
pub const QUEUE_CAPACITY: usize = 20_000;

/// The fewest authorities that survive one that lies or fails.
pub const DEFAULT_AUTHORITIES: usize = 4;

/// What to start.
#[derive(Debug, Clone)]
pub struct EmbeddedConfig {
    /// Where keys, ledgers and the store lie; `None` keeps everything in memory.
    pub data: Option<PathBuf>,
    /// Name of the network, where it is founded anew.
    pub network: String,
    /// Number of authorities; `None` takes what the folder holds, or [`DEFAULT_AUTHORITIES`] for a new network.
    pub authorities: Option<usize>,
    /// Threshold; `None` takes what the folder holds, or the Byzantine rule for a new network.
    pub quorum: Option<QuorumRule>,
    /// Who leads, where the network is founded anew.
    pub leader: LeaderPolicy,
    /// Where queue and store are, if not in this process; its namespace is completed by the network's own.
    pub redis: Option<RedisConfig>,
}

impl Default for EmbeddedConfig {
    fn default() -> Self {
        Self {
            data: None,
            network: "embedded".to_owned(),
            authorities: None,
            quorum: None,
            leader: LeaderPolicy::RoundRobin { term: 1 },
            redis: None,
        }
    }
}

/// Why an embedded network did not start.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EmbeddedError {
    /// The configuration is not possible.
    #[error(transparent)]
    Config(#[from] EpochError),
    /// A file or folder cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// Which one.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The identity file is not what it should be.
    #[error("{path} is damaged: {reason}")]
    Identity {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The data folder was founded with other settings.
    #[error("{path} holds a network with {actual}, not {asked}; choose another data folder or leave the setting out")]
    Mismatch {
        /// The data folder.
        path: PathBuf,
        /// What it holds.
        actual: String,
        /// What was asked for.
        asked: String,
    },
    /// A ledger cannot be opened.
    #[error("ledger of authority {name}: {source}")]
    Ledger {
        /// Whose.
        name: String,
        /// Why.
        source: LedgerError,
    },
    /// Redis does not answer.
    #[error(transparent)]
    Redis(#[from] RedisError),
    /// The store cannot be opened.
    #[error("store: {0}")]
    Store(#[from] StoreError),
    /// An authority does not start.
    #[error("authority {name}: {source}")]
    Node {
        /// Which one.
        name: String,
        /// Why.
        source: NodeError,
    },
    /// The operating system gave no randomness.
    #[error("the operating system gave no randomness: {0}")]
    Randomness(String),
}

/// Every secret of an embedded network.
#[derive(Clone)]
pub struct Identity {
    /// What the network is founded on.
    pub genesis: Genesis,
    /// Keys of the authorities, in the order of the epoch.
    pub authorities: Vec<SigningKey>,
    /// Key that signs officers' acts.
    pub officer: SigningKey,
    /// Key that certifies voters.
    pub registrar: SigningKey,
    /// Secret from which voters' pseudonyms are derived.
    pub pseudonym_secret: [u8; 32],
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").field("network", &self.genesis.network).finish_non_exhaustive()
    }
}

/// The identity as it lies on disk.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct IdentityFile {
    warning: String,
    genesis: Genesis,
    authorities: Vec<String>,
    officer: String,
    registrar: String,
    pseudonym_secret: String,
}

const WARNING: &str = "Secret keys of every authority. Whoever reads this file can forge results of this network.";

impl Identity {
    /// Draws new keys.
    ///
    /// # Errors
    /// [`EmbeddedError::Config`] if the numbers are not possible, [`EmbeddedError::Randomness`].
    pub fn generate(config: &EmbeddedConfig, clock: &dyn Clock) -> Result<Self, EmbeddedError> {
        let n = config.authorities.unwrap_or(DEFAULT_AUTHORITIES);
        let quorum = config.quorum.unwrap_or(QuorumRule::Byzantine).threshold(n)?;
        let authorities = (0..n).map(|_| random_key()).collect::<Result<Vec<_>, _>>()?;
        let (officer, registrar) = (random_key()?, random_key()?);
        let named = |(index, key): (usize, &SigningKey)| Authority { name: format!("authority-{index}"), key: key.public() };
        let genesis = Genesis {
            network: config.network.clone(),
            founded_at: clock.now(),
            epoch: Epoch {
                number: 0,
                authorities: authorities.iter().enumerate().map(named).collect(),
                quorum,
                leader: config.leader,
                timers: Timers::default(),
            },
            officers: vec![Officer { name: "election office".to_owned(), key: officer.public() }],
            partitions: 1,
        };
        genesis.check()?;
        Ok(Self { genesis, authorities, officer, registrar, pseudonym_secret: random_bytes()? })
    }

    /// Reads the identity of a data folder, or draws one and writes it there.
    ///
    /// # Errors
    /// [`EmbeddedError`] naming the file.
    pub fn load_or_found(dir: &Path, config: &EmbeddedConfig, clock: &dyn Clock) -> Result<Self, EmbeddedError> {
        let path = dir.join("identity.json");
        match fs::read(&path) {
            Ok(bytes) => {
                let identity = Self::parse(&path, &bytes)?;
                identity.check_asked(dir, config)?;
                Ok(identity)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let identity = Self::generate(config, clock)?;
                identity.write(dir, &path).map_err(|source| EmbeddedError::File { path, source })?;
                Ok(identity)
            }
            Err(source) => Err(EmbeddedError::File { path, source }),
        }
    }

    /// A folder is not silently used for a network other than the one asked for.
    fn check_asked(&self, dir: &Path, config: &EmbeddedConfig) -> Result<(), EmbeddedError> {
        let epoch = &self.genesis.epoch;
        let mismatch = |actual: String, asked: String| EmbeddedError::Mismatch { path: dir.to_owned(), actual, asked };
        if let Some(asked) = config.authorities.filter(|asked| *asked != epoch.len()) {
            return Err(mismatch(format!("{} authorities", epoch.len()), asked.to_string()));
        }
        if let Some(rule) = config.quorum {
            let asked = rule.threshold(epoch.len())?;
            if asked != epoch.quorum {
                return Err(mismatch(format!("a quorum of {}", epoch.quorum), asked.to_string()));
            }
        }
        Ok(())
    }

    fn parse(path: &Path, bytes: &[u8]) -> Result<Self, EmbeddedError> {
        let damaged = |reason: String| EmbeddedError::Identity { path: path.to_owned(), reason };
        let key = |text: &String| text.parse::<SigningKey>().map_err(|error: KeyError| damaged(error.to_string()));
        let file: IdentityFile = serde_json::from_slice(bytes).map_err(|error| damaged(error.to_string()))?;
        file.genesis.check().map_err(|error| damaged(error.to_string()))?;
        let authorities = file.authorities.iter().map(key).collect::<Result<Vec<_>, _>>()?;
        let named = file.genesis.epoch.authorities.iter().map(|authority| authority.key);
        if !authorities.iter().map(SigningKey::public).eq(named) {
            return Err(damaged("its secret keys are not those of the authorities it names".to_owned()));
        }
        Ok(Self {
            authorities,
            officer: key(&file.officer)?,
            registrar: key(&file.registrar)?,
            pseudonym_secret: key(&file.pseudonym_secret)?.to_seed(),
            genesis: file.genesis,
        })
    }

    /// Written whole or not at all: a temporary file, flushed, then renamed.
    fn write(&self, dir: &Path, path: &Path) -> io::Result<()> {
        let hex = |seed: [u8; 32]| seed.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let file = IdentityFile {
            warning: WARNING.to_owned(),
            genesis: self.genesis.clone(),
            authorities: self.authorities.iter().map(|key| hex(key.to_seed())).collect(),
            officer: hex(self.officer.to_seed()),
            registrar: hex(self.registrar.to_seed()),
            pseudonym_secret: hex(self.pseudonym_secret),
        };
        let temporary = path.with_extension("json.new");
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut out = options.open(&temporary)?;
        out.write_all(&serde_json::to_vec_pretty(&file)?)?;
        out.sync_all()?;
        fs::rename(&temporary, path)?;
        fs::File::open(dir)?.sync_all()
    }
}

/// Networks that share a Redis do not share keys.
fn redis_of(config: RedisConfig, genesis: &Genesis) -> RedisConfig {
    let digest = genesis.digest().to_string();
    let completed = Namespace::new(format!("{}-{}", config.namespace, digest.get(..8).unwrap_or_default()));
    match completed {
        Ok(namespace) => config.with_namespace(namespace),
        Err(_) => config, // a namespace at its longest is taken as it is
    }
}

fn random_bytes() -> Result<[u8; 32], EmbeddedError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| EmbeddedError::Randomness(error.to_string()))?;
    Ok(bytes)
}

fn random_key() -> Result<SigningKey, EmbeddedError> {
    random_bytes().map(SigningKey::from_seed)
}

/// A running network.
pub struct Embedded {
    identity: Identity,
    nodes: Vec<Node>,
    ledgers: Vec<Arc<dyn Ledger>>,
    queue: Arc<dyn BallotQueue>,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    redis: Option<Redis>,
    network: MemoryNetwork,
}

impl std::fmt::Debug for Embedded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Embedded").field("identity", &self.identity).field("nodes", &self.nodes).finish_non_exhaustive()
    }
}

impl Embedded {
    /// Starts every authority; returns once each has recovered from its ledger.
    ///
    /// # Errors
    /// [`EmbeddedError`] naming what cannot be used.
    pub async fn start(config: EmbeddedConfig) -> Result<Self, EmbeddedError> {
        Self::start_with(config, Arc::new(SystemClock::new()), |_| Arc::new(NoHooks)).await
    }

    /// Starts every authority with a clock and hooks of the caller's.
    ///
    /// # Errors
    /// [`EmbeddedError`] naming what cannot be used.
    pub async fn start_with(
        config: EmbeddedConfig,
        clock: Arc<dyn Clock>,
        hooks: impl Fn(usize) -> Arc<dyn NodeHooks>,
    ) -> Result<Self, EmbeddedError> {
        let identity = match &config.data {
            None => Identity::generate(&config, clock.as_ref())?,
            Some(dir) => {
                fs::create_dir_all(dir).map_err(|source| EmbeddedError::File { path: dir.clone(), source })?;
                Identity::load_or_found(dir, &config, clock.as_ref())?
            }
        };
        let genesis = Arc::new(identity.genesis.clone());
        let redis = match &config.redis {
            Some(redis) => Some(RedisBackends::connect(redis_of(redis.clone(), &genesis)).await?),
            None => None,
        };
        let store: Arc<dyn Store> = match (&redis, &config.data) {
            (Some(redis), _) => Arc::new(redis.store()),
            (None, None) => Arc::new(MemoryStore::new(Arc::clone(&clock))),
            (None, Some(dir)) => Arc::new(RedbStore::open(dir.join("store.redb"), Arc::clone(&clock))?),
        };
        let memory = Arc::new(MemoryQueue::new(QUEUE_CAPACITY, Arc::clone(&clock)));
        let layout = QueueLayout { partition: PartitionId(0), buckets: DEFAULT_BUCKETS, capacity: QUEUE_CAPACITY };
        let queue_for = |share: Option<Share>| -> Arc<dyn BallotQueue> {
            match &redis {
                Some(redis) => Arc::new(redis.queue(layout, share)),
                None => Arc::clone(&memory) as _,
            }
        };
        let queue = queue_for(None);
        let network = MemoryNetwork::new();
        let (mut nodes, mut ledgers) = (Vec::new(), Vec::new());
        for name in genesis.epoch.authorities.iter().map(|authority| &authority.name) {
            let chain = genesis.chain_id(PartitionId(0));
            let ledger: Arc<dyn Ledger> = match &config.data {
                None => Arc::new(MemoryLedger::new()),
                Some(dir) => {
                    let opened = RedbLedger::open(dir.join(format!("{name}.redb")), chain, name);
                    Arc::new(opened.map_err(|source| EmbeddedError::Ledger { name: name.clone(), source })?)
                }
            };
            ledgers.push(ledger);
        }
        // Nothing is final anywhere: the network is new, or as good as new.
        let mut first_start = true;
        for (ledger, authority) in ledgers.iter().zip(&genesis.epoch.authorities) {
            let head = ledger.head().await;
            let head = head.map_err(|source| EmbeddedError::Ledger { name: authority.name.clone(), source })?;
            first_start &= head.is_none();
        }
        for (index, key) in identity.authorities.iter().enumerate() {
            let name = genesis.epoch.authorities[index].name.clone();
            let seams = NodeSeams {
                ledger: Arc::clone(&ledgers[index]),
                queue: queue_for(Some(Share { index, of: identity.authorities.len() })),
                transport: Arc::new(network.join(NodeName(name.clone()))),
                clock: Arc::clone(&clock),
                hooks: hooks(index),
            };
            let config = NodeConfig { first_start, ..NodeConfig::new(Arc::clone(&genesis), key.clone()) };
            let node = Node::start(config, seams).await;
            nodes.push(node.map_err(|source| EmbeddedError::Node { name, source })?);
        }
        let redis = redis.map(|redis| redis.redis().clone());
        Ok(Self { identity, nodes, ledgers, queue, store, clock, redis, network })
    }

    /// Genesis and keys.
    #[must_use]
    pub const fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The authorities, in the order of the epoch.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// What the first authority knows to be final.
    #[must_use]
    pub fn replica(&self) -> &Arc<Replica> {
        self.nodes[0].replica()
    }

    /// The authorities' ledgers, in the order of the epoch.
    #[must_use]
    pub fn ledgers(&self) -> &[Arc<dyn Ledger>] {
        &self.ledgers
    }

    /// Tells at any time whether a quorum of the authorities runs.
    #[must_use]
    pub fn health(&self) -> Arc<dyn Fn() -> Result<String, String> + Send + Sync> {
        let status: Vec<_> = self.nodes.iter().map(Node::status).collect();
        let quorum = usize::from(self.identity.genesis.epoch.quorum);
        Arc::new(move || {
            // A node's status channel closes when its driver ends.
            let running = status.iter().filter(|status| status.has_changed().is_ok()).count();
            let detail = format!("{running} of {} run, a quorum is {quorum}", status.len());
            if running >= quorum { Ok(detail) } else { Err(detail) }
        })
    }

    /// The authorities as the first one hears of them, and Redis, if queue and store are there.
    #[must_use]
    pub fn view(&self) -> NetworkView {
        let authorities = Authorities::Here(self.nodes.iter().map(Node::answers).collect());
        NetworkView::embedded(
            self.nodes[0].members(),
            Arc::clone(self.nodes[0].clock()),
            authorities,
            self.replica(),
            self.redis.clone(),
        )
    }

    /// Where entries are submitted.
    #[must_use]
    pub fn queue(&self) -> Arc<dyn BallotQueue> {
        Arc::clone(&self.queue)
    }

    /// Accounts, sessions, rolls.
    #[must_use]
    pub const fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// The clock that everything goes by.
    #[must_use]
    pub const fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// Submits an entry and waits for its fate: final, refused, or still pending after `timeout`.
    /// Submitting the same entry again is harmless.
    ///
    /// # Errors
    /// [`QueueError`] if the queue does not take it.
    pub async fn submit(&self, entry: &Entry, timeout: Duration) -> Result<EntryStatus, QueueError> {
        let bytes = entry.to_bytes();
        let hash = bytes.hash();
        let waiter = self.replica().watch(hash);
        if let known @ (EntryStatus::Final(_) | EntryStatus::Refused { .. }) = self.replica().status(&hash) {
            return Ok(known);
        }
        self.queue.submit(bytes).await?;
        Ok(waiter.wait(timeout).await)
    }

    /// The network between the authorities, to cut and heal in tests.
    #[must_use]
    pub const fn network(&self) -> &MemoryNetwork {
        &self.network
    }

    /// Stops every authority, waits until the last step of each is durable, and closes all files.
    ///
    /// # Errors
    /// The first error that had stopped an authority before, or that came up in closing.
    pub async fn shutdown(self) -> Result<(), EmbeddedError> {
        let names: Vec<_> = self.identity.genesis.epoch.authorities.iter().map(|authority| &authority.name).collect();
        let mut result = Ok(());
        for (node, name) in self.nodes.into_iter().zip(&names) {
            let stopped = node.shutdown().await;
            result = result.and(stopped.map_err(|source| EmbeddedError::Node { name: (*name).clone(), source }));
        }
        for (ledger, name) in self.ledgers.iter().zip(&names) {
            let closed = ledger.close().await;
            result = result.and(closed.map_err(|source| EmbeddedError::Ledger { name: (*name).clone(), source }));
        }
        result.and(self.store.close().await.map_err(EmbeddedError::Store))
    }
}
