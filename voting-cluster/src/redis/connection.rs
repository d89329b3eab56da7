//! One connection for the process, to a cluster or to a single server.
//!
//! Calls are retried within [`RedisConfig::patience`], so that a failover is a delay and no error. A
//! retried write may run twice: every write of ours is made so that this does no harm. A connection
//! that keeps failing is thrown away and made anew from all servers that were ever known.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use ::redis::aio::{AsyncPushSender, ConnectionLike, MultiplexedConnection};
use ::redis::cluster::ClusterClientBuilder;
use ::redis::cluster_async::ClusterConnection;
use ::redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ConnectionInfo, ErrorKind, FromRedisValue, IntoConnectionInfo,
    ProtocolVersion, ServerErrorKind, Value,
};
use thiserror::Error;
use tokio::sync::RwLock;
use tokio::time::{Instant, timeout, timeout_at};
use tracing::{debug, warn};

use super::topology::{Topology, Usage};
use super::{Keys, RedisConfig};

/// A server that does not accept a connection for this long is taken for dead.
const CONNECT: Duration = Duration::from_millis(500);
/// A server that does not answer for this long is taken for dead. Scripts of ours take milliseconds.
const ANSWER: Duration = Duration::from_millis(800);
/// One attempt of a call, redirections and the driver's own retries included.
const ATTEMPT: Duration = Duration::from_millis(1_000);
/// The driver's own retries in one attempt.
const DRIVER_RETRIES: u32 = 3;
/// First pause between attempts; it doubles up to [`LONGEST_PAUSE`].
const PAUSE: Duration = Duration::from_millis(25);
/// Longest pause between attempts: a fraction of a failover.
const LONGEST_PAUSE: Duration = Duration::from_millis(400);
/// Attempts on one connection before a new one is made.
const ATTEMPTS_PER_CONNECTION: u32 = 2;
/// Patience of a call while Redis is known to be away.
const SHORT_PATIENCE: Duration = Duration::from_millis(1_000);
/// Servers remembered beside the configured ones.
const MAX_KNOWN: usize = 64;

/// Why a call to Redis gave no answer, or an error for an answer.
#[derive(Debug, Clone, Error)]
pub enum RedisError {
    /// No usable answer within the patience: whether a write took place is unknown.
    #[error("Redis at {servers} did not answer within {waited:?}: {reason}")]
    Unavailable {
        /// The servers asked.
        servers: String,
        /// How long was tried.
        waited: Duration,
        /// The last failure.
        reason: String,
    },
    /// An answer that says no.
    #[error("Redis refused: {0}")]
    Refused(Arc<::redis::RedisError>),
    /// An answer of an unexpected form.
    #[error("Redis answered something unexpected: {0}")]
    Unexpected(String),
}

impl RedisError {
    pub(crate) fn is(&self, kind: ServerErrorKind) -> bool {
        matches!(self, Self::Refused(error) if error.kind() == ErrorKind::Server(kind))
    }

    pub(crate) fn code(&self) -> Option<&str> {
        match self {
            Self::Refused(error) => error.code(),
            Self::Unavailable { .. } | Self::Unexpected(_) => None,
        }
    }
}

/// A connection to a cluster or to one server; clones share it.
#[derive(Clone)]
pub(super) enum Link {
    Cluster(ClusterConnection),
    Single(MultiplexedConnection),
}

impl Link {
    pub(super) async fn send(&mut self, command: &Cmd) -> ::redis::RedisResult<Value> {
        match self {
            Self::Cluster(link) => link.req_packed_command(command).await,
            Self::Single(link) => link.req_packed_command(command).await,
        }
    }

    pub(super) async fn subscribe(&mut self, channel: &str) -> ::redis::RedisResult<()> {
        match self {
            Self::Cluster(link) => link.ssubscribe(channel).await,
            Self::Single(link) => link.send_packed_command(::redis::cmd("SSUBSCRIBE").arg(channel)).await.map(drop),
        }
    }

    pub(super) async fn unsubscribe(&mut self, channel: &str) -> ::redis::RedisResult<()> {
        match self {
            Self::Cluster(link) => link.sunsubscribe(channel).await,
            Self::Single(link) => link.send_packed_command(::redis::cmd("SUNSUBSCRIBE").arg(channel)).await.map(drop),
        }
    }
}

/// A handle on Redis; cheap to clone.
#[derive(Clone)]
pub struct Redis(Arc<Inner>);

struct Inner {
    config: RedisConfig,
    keys: Keys,
    /// Known once a server has answered.
    is_cluster: OnceLock<bool>,
    /// Whether a call has used up all its patience, and none has succeeded since.
    is_away: AtomicBool,
    current: RwLock<Option<(u64, Link)>>,
    /// Servers that the cluster was seen to have, beside the configured ones.
    known: Mutex<BTreeSet<(String, u16)>>,
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis").field("config", &self.0.config).field("is_cluster", &self.is_cluster()).finish_non_exhaustive()
    }
}

impl Redis {
    /// A handle that connects when it is first used, and whenever it has to.
    #[must_use]
    pub fn lazy(config: RedisConfig) -> Self {
        let keys = Keys::new(config.namespace.clone());
        Self(Arc::new(Inner {
            config,
            keys,
            is_cluster: OnceLock::new(),
            is_away: AtomicBool::new(false),
            current: RwLock::new(None),
            known: Mutex::default(),
        }))
    }

    /// Connects, and returns once a server has answered.
    ///
    /// # Errors
    /// [`RedisError::Unavailable`] if none does within the patience.
    pub async fn connect(config: RedisConfig) -> Result<Self, RedisError> {
        let redis = Self::lazy(config);
        redis.ask(::redis::cmd("EXISTS").arg(redis.keys().nodes())).await?;
        Ok(redis)
    }

    /// The configuration it was made with.
    #[must_use]
    pub fn config(&self) -> &RedisConfig {
        &self.0.config
    }

    /// Whether it is a cluster; `None` as long as no server has answered.
    #[must_use]
    pub fn is_cluster(&self) -> Option<bool> {
        self.0.is_cluster.get().copied()
    }

    /// Whether it is a cluster, asking if that is not known yet.
    async fn find_out(&self) -> ::redis::RedisResult<bool> {
        if let Some(is_cluster) = self.is_cluster() {
            return Ok(is_cluster);
        }
        let is_cluster = ask_whether_cluster(&self.0.config).await?;
        Ok(*self.0.is_cluster.get_or_init(|| is_cluster))
    }

    pub(crate) fn keys(&self) -> &Keys {
        &self.0.keys
    }

    /// Sends a command until it is answered, as long as the patience lasts.
    ///
    /// # Errors
    /// [`RedisError::Unavailable`] when the patience is at its end, [`RedisError::Refused`] for an answer
    /// that would be the same the next time.
    pub async fn ask(&self, command: &Cmd) -> Result<Value, RedisError> {
        let patience = self.0.config.patience;
        // Once all patience was in vain, others are told soon, until a call succeeds again.
        let is_away = self.0.is_away.load(Ordering::Relaxed);
        let result = self.ask_within(command, if is_away { patience.min(SHORT_PATIENCE) } else { patience }).await;
        match &result {
            Ok(_) | Err(RedisError::Refused(_)) => self.0.is_away.store(false, Ordering::Relaxed),
            Err(_) => self.0.is_away.store(true, Ordering::Relaxed),
        }
        result
    }

    /// As [`Redis::ask`], with another patience.
    ///
    /// # Errors
    /// As [`Redis::ask`].
    pub async fn ask_within(&self, command: &Cmd, patience: Duration) -> Result<Value, RedisError> {
        let started = Instant::now();
        let deadline = started + patience;
        let (mut pause, mut attempts) = (PAUSE, 0);
        loop {
            let (generation, reason) = match timeout_at(deadline, self.link()).await {
                Err(_) => (None, "no connection in time".to_owned()),
                Ok(Err(error)) => (None, error.to_string()),
                Ok(Ok((generation, mut link))) => {
                    match timeout_at(deadline.min(Instant::now() + ATTEMPT), link.send(command)).await {
                        Ok(Ok(value)) => match value.extract_error() {
                            Ok(value) => return Ok(value),
                            Err(error) if !is_passing(&error) => return Err(RedisError::Refused(Arc::new(error))),
                            Err(error) => (Some(generation), error.to_string()),
                        },
                        Ok(Err(error)) if !is_passing(&error) => return Err(RedisError::Refused(Arc::new(error))),
                        Ok(Err(error)) => (Some(generation), error.to_string()),
                        Err(_) => {
                            // A server that hangs is found out by a new connection only.
                            attempts = ATTEMPTS_PER_CONNECTION - 1;
                            (Some(generation), "no answer in time".to_owned())
                        }
                    }
                }
            };
            attempts += 1;
            if Instant::now() + pause >= deadline {
                let servers = self.0.config.addresses().join(", ");
                return Err(RedisError::Unavailable { servers, waited: started.elapsed(), reason });
            }
            debug!(%reason, attempts, "a call to Redis is tried again");
            if attempts % ATTEMPTS_PER_CONNECTION == 0
                && let Some(generation) = generation
            {
                self.give_up(generation).await;
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Sends a command and converts its answer.
    ///
    /// # Errors
    /// As [`Redis::ask`], and [`RedisError::Unexpected`].
    pub async fn get<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, RedisError> {
        convert(self.ask(command).await?)
    }

    /// The current connection, made if there is none; with its number.
    async fn link(&self) -> ::redis::RedisResult<(u64, Link)> {
        if let Some((generation, link)) = self.0.current.read().await.as_ref() {
            return Ok((*generation, link.clone()));
        }
        let mut current = self.0.current.write().await;
        if let Some((generation, link)) = current.as_ref() {
            return Ok((*generation, link.clone()));
        }
        let link = self.open(None).await?;
        let generation = rand_generation();
        *current = Some((generation, link.clone()));
        Ok((generation, link))
    }

    /// Throws a connection away, unless another has taken its place already.
    async fn give_up(&self, generation: u64) {
        let mut current = self.0.current.write().await;
        if current.as_ref().is_some_and(|(number, _)| *number == generation) {
            warn!(servers = %self.0.config.addresses().join(", "), "the connection to Redis is made anew");
            *current = None;
        }
    }

    /// A connection of its own, for subscriptions if there is a receiver of pushes.
    pub(super) async fn open(&self, pushes: Option<Arc<dyn AsyncPushSender>>) -> ::redis::RedisResult<Link> {
        if self.find_out().await? {
            let mut builder = ClusterClientBuilder::new(self.servers())
                .connection_timeout(CONNECT)
                .response_timeout(ANSWER)
                .overall_response_timeout(Some(ATTEMPT))
                .retries(DRIVER_RETRIES)
                .min_retry_wait(20)
                .max_retry_wait(200);
            if let Some(pushes) = pushes {
                let deliver = move |push| pushes.send(push);
                builder = builder.use_protocol(ProtocolVersion::RESP3).push_sender(deliver);
            }
            let connecting = async { builder.build()?.get_async_connection().await };
            let link = timeout(3 * CONNECT, connecting).await.map_err(|_| overdue())??;
            return Ok(Link::Cluster(link));
        }
        let mut last = None;
        for server in self.servers() {
            match open_single(server, pushes.clone()).await {
                Ok(link) => return Ok(Link::Single(link)),
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(overdue))
    }

    /// Configured servers first, then those that the cluster was seen to have.
    fn servers(&self) -> Vec<ConnectionInfo> {
        let configured = &self.0.config.servers;
        let mut servers = configured.clone();
        let known = self.0.known.lock().unwrap_or_else(PoisonError::into_inner);
        for (host, port) in known.iter() {
            let addr = ConnectionAddr::Tcp(host.clone(), *port);
            if !servers.iter().any(|server| *server.addr() == addr)
                && let Some(first) = configured.first()
            {
                servers.push(first.clone().set_addr(addr));
            }
        }
        servers
    }

    /// Looks at the cluster, and remembers its servers for the next connection.
    ///
    /// # Errors
    /// As [`Redis::ask`].
    pub async fn topology(&self) -> Result<Topology, RedisError> {
        let is_cluster = self.find_out().await.map_err(|error| RedisError::Unavailable {
            servers: self.0.config.addresses().join(", "),
            waited: CONNECT,
            reason: error.to_string(),
        })?;
        let topology = if is_cluster {
            Topology::parse(self.ask(::redis::cmd("CLUSTER").arg("SHARDS")).await?)?
        } else {
            Topology::single(&self.0.config)
        };
        let mut known = self.0.known.lock().unwrap_or_else(PoisonError::into_inner);
        for server in topology.shards.iter().flat_map(|shard| &shard.servers) {
            if known.len() < MAX_KNOWN {
                known.insert((server.host.clone(), server.port));
            }
        }
        Ok(topology)
    }
}

impl Redis {
    /// What each master has done since it started: for benchmarks.
    ///
    /// # Errors
    /// As [`Redis::ask`].
    pub async fn usage(&self) -> Result<Vec<Usage>, RedisError> {
        let unavailable = |error: ::redis::RedisError| RedisError::Unavailable {
            servers: self.0.config.addresses().join(", "),
            waited: CONNECT,
            reason: error.to_string(),
        };
        let mut usages = Vec::new();
        for master in self.topology().await?.shards.iter().filter_map(super::ShardStatus::master) {
            let like = self.0.config.servers.first().cloned().ok_or_else(|| unavailable(overdue()))?;
            let server = like.set_addr(ConnectionAddr::Tcp(master.host.clone(), master.port));
            let mut link = open_single(server, None).await.map_err(unavailable)?;
            let info = ::redis::cmd("INFO").arg("everything").clone();
            let info: String = convert(link.send_packed_command(&info).await.map_err(unavailable)?)?;
            usages.push(Usage::parse(format!("{}:{}", master.host, master.port), &info));
        }
        Ok(usages)
    }
}

pub(crate) fn convert<T: FromRedisValue>(value: Value) -> Result<T, RedisError> {
    T::from_redis_value(value).map_err(|error| RedisError::Unexpected(error.to_string()))
}

/// Numbers connections: only their being different matters.
fn rand_generation() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

fn overdue() -> ::redis::RedisError {
    std::io::Error::new(std::io::ErrorKind::TimedOut, "no server answers").into()
}

/// Whether an error may be gone the next time: a server died, a failover is under way, a slot moves.
fn is_passing(error: &::redis::RedisError) -> bool {
    match error.kind() {
        ErrorKind::Io | ErrorKind::Parse | ErrorKind::ClusterConnectionNotFound => true,
        ErrorKind::Server(kind) => matches!(
            kind,
            ServerErrorKind::Ask
                | ServerErrorKind::Moved
                | ServerErrorKind::TryAgain
                | ServerErrorKind::ClusterDown
                | ServerErrorKind::MasterDown
                | ServerErrorKind::BusyLoading
                | ServerErrorKind::ReadOnly
        ),
        _ => false,
    }
}

async fn open_single(
    server: ConnectionInfo,
    pushes: Option<Arc<dyn AsyncPushSender>>,
) -> ::redis::RedisResult<MultiplexedConnection> {
    let mut config = AsyncConnectionConfig::new().set_connection_timeout(Some(CONNECT)).set_response_timeout(Some(ANSWER));
    let mut server = server;
    if let Some(pushes) = pushes {
        server = server.clone().set_redis_settings(server.redis_settings().clone().set_protocol(ProtocolVersion::RESP3));
        config = config.set_push_sender(move |push| pushes.send(push));
    }
    let connecting = Client::open(server)?;
    timeout(2 * CONNECT, connecting.get_multiplexed_async_connection_with_config(&config)).await.map_err(|_| overdue())?
}

/// Asks the configured servers until one answers.
async fn ask_whether_cluster(config: &RedisConfig) -> ::redis::RedisResult<bool> {
    let mut last = None;
    for server in &config.servers {
        let asked = async {
            let mut link = open_single(server.clone().into_connection_info()?, None).await?;
            let info: String = String::from_redis_value(link.send_packed_command(::redis::cmd("INFO").arg("cluster")).await?)?;
            Ok::<_, ::redis::RedisError>(info.lines().any(|line| line.trim() == "cluster_enabled:1"))
        };
        match asked.await {
            Ok(is_cluster) => return Ok(is_cluster),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(overdue))
}
