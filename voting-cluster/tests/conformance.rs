//! Every backend of every seam keeps the promises of its trait.
//!
//! Each suite runs twice: once with tokio's time paused, so that waiting costs nothing and is exact,
//! and, as far as it is about tasks that race, on several threads.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio::time::Instant;
use voting_cluster::clock::SystemClock;
use voting_cluster::ledger::{MemoryLedger, RedbLedger};
use voting_cluster::lock::MemoryLocks;
use voting_cluster::queue::MemoryQueue;
use voting_cluster::store::{MemoryStore, RedbStore};
use voting_cluster::transport::MemoryNetwork;
use voting_core::ids::ChainId;
use voting_core::seams::{
    BallotQueue, Clock, ClockReading, Ledger, LedgerError, LockManager, ManualClock, NodeName, Store, StoreError, Transport,
};
use voting_core::testing::TestChain;
use voting_core::testing::conformance::clock::ClockBuilder;
use voting_core::testing::conformance::ledger::LedgerBuilder;
use voting_core::testing::conformance::lock::LockBuilder;
use voting_core::testing::conformance::queue::QueueBuilder;
use voting_core::testing::conformance::store::StoreBuilder;
use voting_core::testing::conformance::transport::TransportBuilder;
use voting_core::testing::conformance::{Runtime, Task, clock, ledger, lock, queue, store, transport};

/// Messages that an inbox of the tests holds.
const INBOX: usize = 16;

/// A clock that shows tokio's time, paused or not.
struct TokioClock(Instant);

impl Clock for TokioClock {
    fn read(&self) -> ClockReading {
        ClockReading { now: TestChain::FOUNDED.saturating_add(self.monotonic()), error_bound: Duration::ZERO }
    }

    fn monotonic(&self) -> Duration {
        self.0.elapsed()
    }
}

/// Lends tokio, with one clock for all that it builds.
struct Tokio(Arc<dyn Clock>);

impl Tokio {
    fn new() -> Self {
        Self(Arc::new(TokioClock(Instant::now())))
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.0)
    }
}

#[async_trait]
impl Runtime for Tokio {
    async fn pass(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    async fn together(&self, tasks: Vec<Task>) {
        let mut running: JoinSet<()> = tasks.into_iter().collect();
        while let Some(ended) = running.join_next().await {
            if let Err(error) = ended {
                std::panic::resume_unwind(error.into_panic());
            }
        }
    }
}

/// Says which backend is meant and lends the runtime.
macro_rules! builders {
    ($($name:ident),+) => {$(
        struct $name(Tokio);

        impl $name {
            fn new() -> Self {
                Self(Tokio::new())
            }
        }

        #[async_trait]
        impl Runtime for $name {
            async fn pass(&self, time: Duration) {
                self.0.pass(time).await;
            }

            async fn together(&self, tasks: Vec<Task>) {
                self.0.together(tasks).await;
            }
        }
    )+};
}
builders!(Memory, Redb);

#[async_trait]
impl LedgerBuilder for Memory {
    type Guard = ();

    async fn build(&self, _chain: ChainId) -> ((), Arc<dyn Ledger>) {
        ((), Arc::new(MemoryLedger::new()))
    }

    async fn open(&self, _guard: &(), _chain: ChainId) -> Option<Result<Arc<dyn Ledger>, LedgerError>> {
        None
    }
}

fn open_ledger(folder: &TempDir, chain: ChainId) -> Result<Arc<dyn Ledger>, LedgerError> {
    Ok(Arc::new(RedbLedger::open(folder.path().join("ledger.redb"), chain, "a0")?))
}

impl Redb {
    fn open_store(&self, folder: &TempDir) -> Result<Arc<dyn Store>, StoreError> {
        Ok(Arc::new(RedbStore::open(folder.path().join("store.redb"), self.0.clock())?))
    }
}

#[async_trait]
impl LedgerBuilder for Redb {
    type Guard = TempDir;

    async fn build(&self, chain: ChainId) -> (TempDir, Arc<dyn Ledger>) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let ledger = open_ledger(&folder, chain).expect("a fresh ledger");
        (folder, ledger)
    }

    async fn open(&self, folder: &TempDir, chain: ChainId) -> Option<Result<Arc<dyn Ledger>, LedgerError>> {
        Some(open_ledger(folder, chain))
    }
}

#[async_trait]
impl StoreBuilder for Memory {
    type Guard = ();

    async fn build(&self) -> ((), Arc<dyn Store>) {
        ((), Arc::new(MemoryStore::new(self.0.clock())))
    }

    async fn open(&self, _guard: &()) -> Option<Result<Arc<dyn Store>, StoreError>> {
        None
    }
}

#[async_trait]
impl StoreBuilder for Redb {
    type Guard = TempDir;

    async fn build(&self) -> (TempDir, Arc<dyn Store>) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let store = self.open_store(&folder).expect("a fresh store");
        (folder, store)
    }

    async fn open(&self, folder: &TempDir) -> Option<Result<Arc<dyn Store>, StoreError>> {
        Some(self.open_store(folder))
    }
}

#[async_trait]
impl QueueBuilder for Memory {
    type Guard = ();

    async fn build(&self, capacity: usize) -> ((), Arc<dyn BallotQueue>) {
        ((), Arc::new(MemoryQueue::new(capacity, self.0.clock())))
    }
}

#[async_trait]
impl TransportBuilder for Memory {
    type Guard = MemoryNetwork;

    async fn build(&self, nodes: usize) -> (MemoryNetwork, Vec<Arc<dyn Transport>>) {
        let network = MemoryNetwork::with_inboxes(INBOX);
        let ends = (0..nodes).map(|n| Arc::new(network.join(NodeName(format!("a{n}")))) as Arc<dyn Transport>).collect();
        (network, ends)
    }

    async fn close(&self, network: &MemoryNetwork, name: &NodeName) {
        network.close(name);
    }

    fn inbox_messages(&self) -> Option<usize> {
        Some(INBOX)
    }
}

#[async_trait]
impl LockBuilder for Memory {
    type Guard = ();

    async fn build(&self) -> ((), Arc<dyn LockManager>) {
        ((), Arc::new(MemoryLocks::new(self.0.clock())))
    }
}

/// Clocks, with what moves them.
enum Clocks {
    System,
    Manual(Arc<ManualClock>),
}

#[async_trait]
impl Runtime for Clocks {
    async fn pass(&self, time: Duration) {
        match self {
            Self::System => tokio::time::sleep(time).await,
            Self::Manual(clock) => clock.advance(time),
        }
    }

    async fn together(&self, tasks: Vec<Task>) {
        Tokio::new().together(tasks).await;
    }
}

impl ClockBuilder for Clocks {
    fn build(&self) -> Arc<dyn Clock> {
        match self {
            Self::System => Arc::new(SystemClock::new()),
            Self::Manual(clock) => Arc::clone(clock) as Arc<dyn Clock>,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_memory_ledger_conforms() {
    ledger::run_all(&Memory::new()).await;
}

#[tokio::test(start_paused = true)]
async fn the_redb_ledger_conforms() {
    ledger::run_all(&Redb::new()).await;
}

#[tokio::test(start_paused = true)]
async fn the_memory_store_conforms() {
    store::run_all(&Memory::new()).await;
}

#[tokio::test(start_paused = true)]
async fn the_redb_store_conforms() {
    store::run_all(&Redb::new()).await;
}

#[tokio::test(start_paused = true)]
async fn the_memory_queue_conforms() {
    queue::run_all(&Memory::new()).await;
}

#[tokio::test(start_paused = true)]
async fn the_memory_transport_conforms() {
    transport::run_all(&Memory::new()).await;
}

#[tokio::test(start_paused = true)]
async fn the_memory_locks_conform() {
    lock::run_all(&Memory::new()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn clocks_conform() {
    clock::run_all(&Clocks::System).await;
    clock::run_all(&Clocks::Manual(Arc::new(ManualClock::new(TestChain::FOUNDED)))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ledgers_conform_on_several_threads() {
    ledger::run_all(&Memory::new()).await;
    ledger::run_all(&Redb::new()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn stores_conform_on_several_threads() {
    async fn races<B: StoreBuilder>(builder: &B) {
        store::compare_and_set_loses_no_update(builder).await;
        store::only_one_creates(builder).await;
        store::batches_are_seen_whole(builder).await;
    }
    races(&Memory::new()).await;
    races(&Redb::new()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn queue_transport_and_locks_conform_on_several_threads() {
    let memory = Memory::new();
    queue::many_who_submit_the_same_entry_queue_it_once(&memory).await;
    queue::every_waiting_consumer_is_woken(&memory).await;
    queue::an_entry_goes_to_one_consumer(&memory).await;
    transport::each_message_is_received_once(&memory).await;
    lock::no_update_is_lost_under_contention(&memory).await;
}
