//! The node runtime: one authority, from queue to durable ledger.
//!
//! ```text
//!  queue ─▶ intake ─▶ mempool ─▶ propose ─▶ driver(consensus engine) ─▶ finalize ─▶ publish ─▶ replica, hooks, queue
//!              │                    ▲              ▲        │
//!              └── shares entries ──┘    transport ┘        └─▶ transport
//! ```
//!
//! Each stage is a file with that name. The engine decides, the driver carries out: first every
//! journal record of a step in one durable write, then everything else.

mod answers;
mod campaign;
mod clock;
mod driver;
mod finalize;
mod heartbeat;
mod intake;
mod propose;
mod publish;
mod recover;
mod seat;
mod tree;
mod verify;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use thiserror::Error;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};
use voting_core::crypto::SigningKey;
use voting_core::epoch::Genesis;
use voting_core::ids::{AuthorityIndex, BlockHash, ChainId, EntryHash, Height, PartitionId, View};
use voting_core::seams::{BallotQueue, Clock, Envelope, Ledger, LedgerBatch, LedgerError, NodeName, Transport};
use voting_core::state::LedgerState;

pub(crate) use driver::names_of;
#[cfg(feature = "testing")]
pub(crate) use intake::SharedEntries;
pub use publish::NoHooks;
pub(crate) use recover::{Replayed, follow, replay};
pub(crate) use verify::blocking;

use crate::clock::{ClockConfig, SyncedClock};
use crate::follow::Server;
use crate::inquiry::Answers;
use crate::leadership::Leading;
use crate::membership::{LoadMeter, Member, Membership};
use crate::mempool::Mempool;
use crate::replica::{Committed, Replica};
use seat::Seat;
use tree::Tree;

/// What an authority is told of as it happens. Calls must be quick: they stand in the way of the next block.
pub trait NodeHooks: Send + Sync + 'static {
    /// A block is final and durable here. In order of height, at least once: after a restart, blocks
    /// from the height that [`NodeHooks::resume_after`] gives are delivered again.
    fn finalized(&self, _committed: &Arc<Committed>) {}

    /// Blocks up to this height need not be delivered again after a restart; `None` for only new ones.
    fn resume_after(&self) -> Option<Height> {
        None
    }

    /// An entry will be in no block, for the reason with this stable code.
    fn refused(&self, _entry: EntryHash, _code: &'static str, _reason: &str) {}

    /// An authority contradicted itself; both signed votes are in the evidence.
    fn evidence(&self, _evidence: &voting_consensus::Evidence) {}
}

/// What one authority needs to run.
pub struct NodeConfig {
    /// What the network is founded on.
    pub genesis: Arc<Genesis>,
    /// The chain this authority works on.
    pub partition: PartitionId,
    /// This authority's secret keys: the one in force, and another that is to follow. Who has none of an epoch's
    /// authorities follows that epoch without a vote.
    pub keys: Vec<SigningKey>,
    /// The keys have never voted before: an empty ledger is a new one. Where that is not said, who starts with an empty ledger
    /// has lost it, and learns from the others from which view on it may vote.
    pub first_start: bool,
    /// Shortest time from one block to the next.
    pub block_interval: Duration,
    /// Most entries in a block, at most [`voting_core::block::MAX_BLOCK_ENTRIES`].
    pub block_entries: usize,
    /// How its clock is synchronised with the other authorities'.
    pub clock: ClockConfig,
}

/// Under load, blocks this far apart are large enough for their fixed cost not to matter.
pub const DEFAULT_BLOCK_INTERVAL: Duration = Duration::from_millis(4);
/// A block that takes some 40 ms to verify on one core.
pub const DEFAULT_BLOCK_ENTRIES: usize = 1_024;

impl NodeConfig {
    /// The usual configuration.
    #[must_use]
    pub fn new(genesis: Arc<Genesis>, key: SigningKey) -> Self {
        Self {
            genesis,
            partition: PartitionId(0),
            keys: vec![key],
            first_start: false,
            block_interval: DEFAULT_BLOCK_INTERVAL,
            block_entries: DEFAULT_BLOCK_ENTRIES,
            clock: ClockConfig::default(),
        }
    }
}

impl std::fmt::Debug for NodeConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let keys: Vec<_> = self.keys.iter().map(SigningKey::public).collect();
        f.debug_struct("NodeConfig").field("partition", &self.partition).field("keys", &keys).finish_non_exhaustive()
    }
}

/// The seams that one authority works with.
#[derive(Clone)]
pub struct NodeSeams {
    /// Its own durable log.
    pub ledger: Arc<dyn Ledger>,
    /// Where entries come from.
    pub queue: Arc<dyn BallotQueue>,
    /// Its end of the network; nodes are named as authorities are.
    pub transport: Arc<dyn Transport>,
    /// What its machine says the time is.
    pub clock: Arc<dyn Clock>,
    /// Who is told.
    pub hooks: Arc<dyn NodeHooks>,
}

impl std::fmt::Debug for NodeSeams {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NodeSeams").field("name", self.transport.name()).finish_non_exhaustive()
    }
}

/// Why a node did not start, or stopped by itself.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NodeError {
    /// A node without a key.
    #[error("a node needs a key")]
    NoKey,
    /// The ledger failed: what it was to remember may be lost, so this authority says nothing more.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The operating system gave no randomness.
    #[error("the operating system gave no randomness: {0}")]
    Randomness(String),
    /// The journal does not fit the ledger.
    #[error("the consensus journal cannot be used: {0}")]
    Journal(String),
    /// A quorum finalized what this authority finds invalid.
    #[error("block {hash} at height {height} is final, but not valid by this authority's rules: {reason}")]
    Diverged {
        /// Its height.
        height: Height,
        /// Its identity.
        hash: BlockHash,
        /// What is wrong with it.
        reason: String,
    },
    /// A quorum certified a block beside what is final here.
    #[error(
        "a quorum certified a block that conflicts with what is final here: more authorities lie than the quorum rule tolerates; the certificate is {0:?}"
    )]
    Conflict(Box<voting_core::certificate::Certificate>),
    /// The transport was closed under the node.
    #[error("the transport is closed")]
    Transport,
}

/// Where a node stands, for status pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodeStatus {
    /// Which authority it is; none if it is not one of the epoch in force.
    pub authority: Option<AuthorityIndex>,
    /// Number of that epoch.
    pub epoch: u32,
    /// The view it is in.
    pub view: View,
    /// Who leads that view.
    pub leader: AuthorityIndex,
    /// Height of its last finalized block.
    pub height: Height,
    /// Entries ready for a block.
    pub ready: usize,
    /// Notarized blocks above the finalized one.
    pub depth: usize,
    /// It has lost its ledger, and does not know yet from which view on it may vote.
    pub learning: bool,
    /// It does not vote in this view: it may have done so before it lost its ledger.
    pub silenced: bool,
}

/// What the stages share.
struct Shared {
    config: NodeConfig,
    chain: ChainId,
    name: NodeName,
    /// What this node is in the epoch in force.
    seat: watch::Sender<Arc<Seat>>,
    ledger: Arc<dyn Ledger>,
    queue: Arc<dyn BallotQueue>,
    transport: Arc<dyn Transport>,
    /// The machine's.
    clock: Arc<dyn Clock>,
    /// What the authorities agree on.
    synced: Arc<SyncedClock>,
    hooks: Arc<dyn NodeHooks>,
    replica: Arc<Replica>,
    taken: intake::Taken,
    verifier: verify::Verifier,
    tree: Mutex<Tree>,
    mempool: Mutex<Mempool>,
    /// Since when there has been work without anything becoming final.
    waiting_since: Mutex<Option<Duration>>,
    /// Wakes the proposer.
    work: Notify,
    /// Tells the driver whether some entry is ready.
    has_work: watch::Sender<bool>,
    load: LoadMeter,
    /// To the settler: entries that the queue may forget.
    settled: mpsc::Sender<Vec<EntryHash>>,
}

/// Blocks whose entries wait to be acknowledged; more are handed out again and found final.
const SETTLED_BLOCKS: usize = 4_096;
/// Requests of followers waiting for an answer; each is repeated anyway.
const FOLLOW_REQUESTS: usize = 1_024;
/// Heartbeats waiting to be judged; each is followed by another.
const HEARTBEATS: usize = 1_024;
/// Messages about time waiting to be handled; questions are asked again.
const CLOCK_MESSAGES: usize = 256;

/// Where messages go that are not the driver's.
struct Routes {
    follow: mpsc::Sender<Envelope>,
    heartbeats: mpsc::Sender<Envelope>,
    clock: mpsc::Sender<clock::Arrived>,
}

impl Shared {
    /// What this node is in the epoch in force.
    fn seat(&self) -> Arc<Seat> {
        Arc::clone(&self.seat.borrow())
    }

    // Lock order: tree, then mempool. A poisoned lock means that a thread panicked; the node is then
    // stopping, and the data is only read on the way out.
    fn tree(&self) -> MutexGuard<'_, Tree> {
        self.tree.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn mempool(&self) -> MutexGuard<'_, Mempool> {
        self.mempool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long there has been work without anything becoming final.
    fn stalled_for(&self) -> Duration {
        let since = *self.waiting_since.lock().unwrap_or_else(PoisonError::into_inner);
        since.map_or(Duration::ZERO, |since| self.clock.monotonic().saturating_sub(since))
    }

    /// A block became final: the wait begins anew, if there is still something to wait for.
    fn note_progress(&self) {
        *self.waiting_since.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.note_work();
    }

    /// Tells driver and proposer that the mempool has changed.
    fn note_work(&self) {
        let has_work = self.mempool().has_work();
        {
            let mut since = self.waiting_since.lock().unwrap_or_else(PoisonError::into_inner);
            *since = if has_work { since.or_else(|| Some(self.clock.monotonic())) } else { None };
        }
        self.has_work.send_if_modified(|known| std::mem::replace(known, has_work) != has_work);
        if has_work {
            self.work.notify_waiters();
        }
    }
}

/// A running authority.
#[derive(Debug)]
pub struct Node {
    shared: Weak<Shared>,
    replica: Arc<Replica>,
    clock: Arc<SyncedClock>,
    status: watch::Receiver<NodeStatus>,
    members: watch::Receiver<Vec<Member>>,
    stop: watch::Sender<bool>,
    task: JoinHandle<Result<(), NodeError>>,
}

impl Node {
    /// Recovers from the ledger and starts. Returns once the state is rebuilt.
    ///
    /// # Errors
    /// [`NodeError`] if there is no key or the ledger cannot be used.
    pub async fn start(config: NodeConfig, seams: NodeSeams) -> Result<Self, NodeError> {
        let genesis = Arc::clone(&config.genesis);
        if config.keys.is_empty() {
            return Err(NodeError::NoKey);
        }
        let NodeSeams { ledger, queue, transport, clock, hooks } = seams;
        if config.first_start && ledger.head().await?.is_none() && ledger.journal().await?.is_empty() {
            let journal = vec![voting_consensus::first_record()];
            ledger.write(LedgerBatch { journal, ..LedgerBatch::default() }).await?;
        }
        let origin = LedgerState::genesis(&genesis, config.partition);
        let Replayed { tip, head, boards } = recover::replay(ledger.as_ref(), origin, hooks.as_ref()).await?;
        let replica = Arc::new(Replica::new(tip.state.clone(), head, boards));
        let seat = Arc::new(Seat::take(&tip.state, &config)?);
        let synced = Arc::new(SyncedClock::new(Arc::clone(&clock), config.clock, &seat.epoch, seat.me));
        let (settled, to_settle) = mpsc::channel(SETTLED_BLOCKS);
        let shared = Arc::new(Shared {
            chain: genesis.chain_id(config.partition),
            seat: watch::Sender::new(seat),
            name: transport.name().clone(),
            config,
            ledger,
            queue,
            transport,
            clock,
            synced: Arc::clone(&synced),
            hooks,
            replica: Arc::clone(&replica),
            taken: intake::Taken::default(),
            verifier: verify::Verifier::new(tip.state.chain()),
            tree: Mutex::new(Tree::new(tip)),
            mempool: Mutex::default(),
            waiting_since: Mutex::new(None),
            work: Notify::new(),
            has_work: watch::Sender::new(false),
            load: LoadMeter::new(),
            settled,
        });
        let (stop, stopping) = watch::channel(false);
        let (follow, requests) = mpsc::channel(FOLLOW_REQUESTS);
        let (heartbeats, heard) = mpsc::channel(HEARTBEATS);
        let (about_time, arrived) = mpsc::channel(CLOCK_MESSAGES);
        let (membership, members) = Membership::new(shared.chain, replica.epoch(), Arc::clone(&synced) as _);
        let routes = Routes { follow, heartbeats: heartbeats.clone(), clock: about_time };
        let (driver, status) = driver::Driver::recover(Arc::clone(&shared), head, routes).await?;
        let server =
            Server { ledger: Arc::clone(&shared.ledger), transport: Arc::clone(&shared.transport), replica: Arc::clone(&replica) };
        let (mut beside, held) = (JoinSet::new(), Arc::downgrade(&shared));
        beside.spawn(intake::run(Arc::clone(&shared)));
        beside.spawn(intake::settler(Arc::clone(&shared.queue), to_settle));
        beside.spawn(clock::run(Arc::clone(&shared), members.clone(), arrived));
        beside.spawn(heartbeat::run(shared, status.clone(), heartbeats));
        beside.spawn(membership.run(heard));
        beside.spawn(server.run(requests));
        let task = tokio::spawn(run(driver, beside, stopping));
        Ok(Self { shared: held, replica, clock: synced, status, members, stop, task })
    }

    /// The authorities, as they are heard of; itself included.
    #[must_use]
    pub fn members(&self) -> watch::Receiver<Vec<Member>> {
        self.members.clone()
    }

    /// What this authority knows to be final.
    #[must_use]
    pub const fn replica(&self) -> &Arc<Replica> {
        &self.replica
    }

    /// What time the authorities agree it is, as far as this one knows.
    #[must_use]
    pub const fn clock(&self) -> &Arc<SyncedClock> {
        &self.clock
    }

    /// Where it stands, as it changes.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<NodeStatus> {
        self.status.clone()
    }

    /// Answers what followers ask; nothing after it has stopped.
    pub(crate) fn answers(&self) -> Answers {
        let shared = Weak::clone(&self.shared);
        Arc::new(move |question| answers::answer(shared.upgrade()?.as_ref(), question))
    }

    /// Asks the ledger for the lead whenever the authority coordinates, as long as the future is polled; done at once
    /// where the leader policy is another than the elected one.
    pub fn campaign(&self, leading: watch::Receiver<Leading>) -> impl Future<Output = ()> + Send + 'static {
        let (shared, status) = (self.shared.upgrade(), self.status());
        async move {
            if let Some(shared) = shared {
                campaign::run(shared, status, leading).await;
            }
        }
    }

    /// Whether it has stopped by itself.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.task.is_finished()
    }

    /// Stops after the step at hand is durable, and waits until it has.
    ///
    /// # Errors
    /// The [`NodeError`] that had stopped it before.
    pub async fn shutdown(self) -> Result<(), NodeError> {
        let _ = self.stop.send(true); // it may have stopped by itself
        join(self.task).await
    }

    /// Waits until it stops by itself.
    ///
    /// # Errors
    /// The [`NodeError`] that stopped it.
    pub async fn stopped(self) -> Result<(), NodeError> {
        join(self.task).await
    }
}

async fn join(task: JoinHandle<Result<(), NodeError>>) -> Result<(), NodeError> {
    match task.await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Ok(()), // the runtime is going down
        },
    }
}

/// The driver, and what runs beside it, until the driver ends by itself or is told to stop.
async fn run(driver: driver::Driver, mut beside: JoinSet<()>, stopping: watch::Receiver<bool>) -> Result<(), NodeError> {
    let result = driver.run(stopping).await;
    beside.shutdown().await;
    result
}
