//! The network as it is right now: what is heard of its authorities, its newest block, its Redis servers.

use std::sync::Arc;
use std::time::Duration;

use poem_openapi::{Enum, Object};
use tokio::time::Instant;
use voting_cluster::Committed;
use voting_cluster::membership::{Health, Heartbeat, Member};
use voting_cluster::redis::{ServerStatus, ShardStatus, Topology};
use voting_core::block::FinalizedBlock;
use voting_core::entry::Entry;
use voting_core::epoch::Epoch;
use voting_core::ids::AuthorityIndex;
use voting_core::state::{Accused, LedgerState};

use crate::clock::ClockModel;
use crate::state::GatewayState;

/// How old an answer may be: many look at the same moment.
const FRESH: Duration = Duration::from_millis(900);
/// Redis gets this long to tell how it is, so that its failure shows instead of delaying the answer.
const REDIS_PATIENCE: Duration = Duration::from_secs(1);

/// Whether an authority is heard of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "kebab-case")]
pub(crate) enum HealthModel {
    /// Not heard of yet.
    Unknown,
    /// Heard of a moment ago.
    Alive,
    /// Silent for longer than it should be.
    Suspect,
    /// Silent for so long that it is taken for down.
    Down,
}

impl From<Health> for HealthModel {
    fn from(health: Health) -> Self {
        match health {
            Health::Unknown => Self::Unknown,
            Health::Alive => Self::Alive,
            Health::Suspect => Self::Suspect,
            Health::Down => Self::Down,
        }
    }
}

/// An authority as this gateway hears of it.
#[derive(Debug, Clone, Object)]
#[oai(skip_serializing_if_is_none)]
pub(crate) struct AuthorityStatus {
    /// Name.
    pub name: String,
    /// Whether it is heard of.
    pub health: HealthModel,
    /// Whether it holds the coordinator's lease.
    pub coordinates: bool,
    /// Height of its last final block.
    pub height: Option<u64>,
    /// Blocks behind the highest.
    pub lag: Option<u64>,
    /// That block.
    pub head: Option<String>,
    /// The view it is in.
    pub view: Option<u64>,
    /// Who leads that view, as it sees it.
    pub leader: Option<String>,
    /// Milliseconds since it was heard of.
    pub silent_ms: Option<u64>,
    /// Its machine's clock against what the authorities agree on, in milliseconds; positive when ahead.
    pub clock_ahead_ms: Option<i32>,
    /// Its clock, as it says.
    pub clock: Option<ClockModel>,
    /// Processor time of its process, in thousandths of one core.
    pub cpu_permille: Option<u32>,
    /// Resident memory of its process in bytes.
    pub memory_bytes: Option<u64>,
    /// 99th percentile of its latest durable writes in microseconds.
    pub write_p99_us: Option<u32>,
    /// Entries that wait for a block.
    pub waiting: Option<u32>,
    /// When its process started.
    pub started: Option<String>,
}

/// A Redis server.
#[derive(Debug, Clone, Object)]
pub(crate) struct RedisServerModel {
    /// `HOST:PORT`.
    pub address: String,
    /// master or replica.
    pub role: String,
    /// online, failed or loading.
    pub health: String,
    /// Bytes of the replication stream that it lacks.
    pub behind_bytes: u64,
}

/// A Redis master with its replicas.
#[derive(Debug, Clone, Object)]
pub(crate) struct RedisShardModel {
    /// First and last slot of each range.
    pub slots: Vec<Vec<u16>>,
    /// Its servers.
    pub servers: Vec<RedisServerModel>,
}

/// Redis as it describes itself.
#[derive(Debug, Clone, Object)]
#[oai(skip_serializing_if_is_none)]
pub(crate) struct RedisModel {
    /// Slots that a master serves, of 16,384.
    pub slots_served: u32,
    /// The shards.
    pub shards: Vec<RedisShardModel>,
    /// Why nothing is known.
    pub error: Option<String>,
}

/// A final block.
#[derive(Debug, Clone, Object)]
pub(crate) struct BlockModel {
    /// Height.
    pub height: u64,
    /// Hash.
    pub hash: String,
    /// View it was proposed in.
    pub view: u64,
    /// Its time.
    pub at: String,
    /// Entries in it.
    pub entries: u32,
    /// Ballots among them.
    pub ballots: u32,
    /// Bytes of the entries.
    pub bytes: u64,
    /// Names of those whose signatures made it final; empty where a later block's did.
    pub signers: Vec<String>,
}

/// An authority that contradicted itself.
#[derive(Debug, Clone, Object)]
pub(crate) struct AccusedModel {
    /// Name.
    pub name: String,
    /// Number of the epoch in which it did.
    pub epoch: u32,
    /// The view in which it signed two votes that no honest authority signs both.
    pub view: u64,
    /// Height of the block with the proof.
    pub height: u64,
    /// Hash of the entry with the proof.
    pub entry: String,
}

/// The network as it is right now.
#[derive(Debug, Clone, Object)]
#[oai(skip_serializing_if_is_none)]
pub(crate) struct NetworkStatus {
    /// When this was found out.
    pub at: String,
    /// The gateway that answers.
    pub gateway: String,
    /// Authorities heard of.
    pub alive: u16,
    /// Authorities that make a quorum.
    pub quorum: u16,
    /// Height of the last final block, as far as this gateway knows.
    pub height: u64,
    /// The view that most authorities alive are in, and who leads it.
    pub view: Option<u64>,
    /// Its leader.
    pub leader: Option<String>,
    /// The clock of this gateway.
    pub clock: ClockModel,
    /// The authorities, in their order.
    pub authorities: Vec<AuthorityStatus>,
    /// Authorities that contradicted themselves, by the ledger's proof.
    pub accused: Vec<AccusedModel>,
    /// The newest final block.
    pub block: Option<BlockModel>,
    /// Redis, where the network has it.
    pub redis: Option<RedisModel>,
}

/// The last answer.
#[derive(Default)]
pub(crate) struct Cached(tokio::sync::Mutex<Option<(Instant, Arc<NetworkStatus>)>>);

impl GatewayState {
    /// How the network is; found out at most about once a second.
    pub(crate) async fn network_status(&self) -> Arc<NetworkStatus> {
        // Held while Redis is asked, so that one asks for all.
        let mut cached = self.network_status.0.lock().await;
        if let Some((_, status)) = cached.as_ref().filter(|(at, _)| at.elapsed() < FRESH) {
            return Arc::clone(status);
        }
        let status = Arc::new(self.find_out().await);
        *cached = Some((Instant::now(), Arc::clone(&status)));
        status
    }

    async fn find_out(&self) -> NetworkStatus {
        let backend = &self.backend;
        let state = backend.replica.state();
        let epoch = state.epoch();
        let redis = tokio::time::timeout(REDIS_PATIENCE, backend.network.topology());
        let coordinator = tokio::time::timeout(REDIS_PATIENCE, backend.network.coordinator());
        let (redis, coordinator) = tokio::join!(redis, coordinator);
        let redis = match redis {
            Ok(answer) => {
                answer.map(|answer| answer.map_or_else(|error| silent(error.to_string()), |topology| redis_model(&topology)))
            }
            Err(_) => Some(silent("Redis has not answered in time".to_owned())),
        };
        let members = backend.network.members();
        let height = state.height();
        let authorities = authorities(&members, epoch, coordinator.ok().flatten());
        let (view, leader) = most_common_view(&members, epoch);
        NetworkStatus {
            at: backend.clock.now().to_string(),
            gateway: self.config.name.clone(),
            alive: members.iter().filter(|member| member.health == Health::Alive).count() as u16,
            quorum: epoch.quorum,
            height: height.0,
            view,
            leader,
            clock: ClockModel::from(&backend.network.clock()),
            authorities,
            accused: accused(&state),
            block: backend.replica.recent(height).map(|committed| block(&committed)),
            redis,
        }
    }
}

fn accused(state: &LedgerState) -> Vec<AccusedModel> {
    let named = |accused: &Accused| {
        let epoch = state.epoch_numbered(accused.epoch)?;
        Some(AccusedModel {
            name: name_of(epoch, accused.authority)?,
            epoch: accused.epoch,
            view: accused.view.0,
            height: accused.position.height.0,
            entry: accused.entry.to_string(),
        })
    };
    state.accused().filter_map(named).collect()
}

pub(crate) fn name_of(epoch: &Epoch, index: AuthorityIndex) -> Option<String> {
    epoch.name_of(index).map(str::to_owned)
}

fn authorities(members: &[Member], epoch: &Epoch, coordinator: Option<AuthorityIndex>) -> Vec<AuthorityStatus> {
    let highest = members.iter().filter_map(|member| member.heartbeat.as_ref()).map(|heartbeat| heartbeat.height.0).max();
    let shown = (0u16..).zip(members).map(|(index, member)| {
        let said = member.heartbeat.as_ref();
        AuthorityStatus {
            name: member.name.clone(),
            health: member.health.into(),
            coordinates: coordinator == Some(AuthorityIndex(index)),
            height: said.map(|said| said.height.0),
            lag: said.and_then(|said| Some(highest? - said.height.0)),
            head: said.map(|said| said.head.to_string()),
            view: said.map(|said| said.view.0),
            leader: said.and_then(|said| name_of(epoch, said.leader)),
            silent_ms: member.silent_for().map(|silent| silent.as_millis() as u64),
            clock_ahead_ms: said.and_then(Heartbeat::clock_ahead_ms),
            clock: said.map(|said| ClockModel::said(&said.clock, epoch)),
            cpu_permille: said.map(|said| said.load.cpu_permille),
            memory_bytes: said.map(|said| said.load.memory_bytes),
            write_p99_us: said.map(|said| said.load.write_p99_us),
            waiting: said.map(|said| said.load.waiting),
            started: said.map(|said| said.started.to_string()),
        }
    });
    shown.collect()
}

/// The view that most of the living are in, the later one of two, and who leads it.
fn most_common_view(members: &[Member], epoch: &Epoch) -> (Option<u64>, Option<String>) {
    let alive = members.iter().filter(|member| member.health == Health::Alive).filter_map(|member| member.heartbeat.as_ref());
    let mut views: Vec<_> = alive.map(|said| (said.view.0, said.leader)).collect();
    views.sort_unstable();
    let runs = views.chunk_by(|a, b| a == b).max_by_key(|run| run.len());
    match runs.and_then(|run| run.first()) {
        Some((view, leader)) => (Some(*view), name_of(epoch, *leader)),
        None => (None, None),
    }
}

/// A block that just became final.
pub(crate) fn block(committed: &Committed) -> BlockModel {
    let FinalizedBlock { block, certificate, .. } = committed.block.as_ref();
    let number = block.header.epoch;
    let epoch = committed.state.epoch_numbered(number);
    let signers = certificate.iter().flat_map(|certificate| &certificate.signatures);
    BlockModel {
        height: block.header.height.0,
        hash: block.hash().to_string(),
        view: block.header.view.0,
        at: block.header.timestamp.to_string(),
        entries: block.header.entries,
        ballots: committed.entries.iter().filter(|entry| matches!(entry.entry(), Entry::Cast(_))).count() as u32,
        bytes: block.entries.iter().map(|entry| entry.as_slice().len() as u64).sum(),
        signers: signers.filter_map(|(index, _)| name_of(epoch?, *index)).collect(),
    }
}

fn silent(error: String) -> RedisModel {
    RedisModel { slots_served: 0, shards: Vec::new(), error: Some(error) }
}

fn redis_model(topology: &Topology) -> RedisModel {
    let server = |server: &ServerStatus, head: i64| RedisServerModel {
        address: format!("{}:{}", server.host, server.port),
        role: server.role.clone(),
        health: server.health.clone(),
        behind_bytes: head.saturating_sub(server.offset).max(0) as u64,
    };
    let shard = |shard: &ShardStatus| {
        let head = shard.servers.iter().filter(|server| server.role == "master").map(|server| server.offset).max().unwrap_or(0);
        RedisShardModel {
            slots: shard.slots.iter().map(|(first, last)| vec![*first, *last]).collect(),
            servers: shard.servers.iter().map(|one| server(one, head)).collect(),
        }
    };
    RedisModel { slots_served: topology.slots_served(), shards: topology.shards.iter().map(shard).collect(), error: None }
}
