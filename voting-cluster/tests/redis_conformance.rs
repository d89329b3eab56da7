//! Every backend on Redis keeps the promises of its trait: on a cluster of three masters and three
//! replicas, and on a single server.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use ::redis::cmd;
use async_trait::async_trait;
use tokio::task::JoinSet;
use voting_cluster::queue::{QueueLayout, RedisQueue};
use voting_cluster::redis::RedisBackends;
use voting_cluster::testing::RedisServers;
use voting_cluster::transport::RedisTransport;
use voting_core::block::EntryBytes;
use voting_core::ids::PartitionId;
use voting_core::seams::{BallotQueue, LockManager, NodeName, Store, StoreError, Submitted, Transport};
use voting_core::testing::conformance::lock::LockBuilder;
use voting_core::testing::conformance::queue::QueueBuilder;
use voting_core::testing::conformance::store::StoreBuilder;
use voting_core::testing::conformance::transport::TransportBuilder;
use voting_core::testing::conformance::{Runtime, Task, lock, queue, store, transport};

use crate::support::wire::{TRIES, Wire, lose_the_reply, scripts_run};

/// Builds backends in a namespace of their own on servers that all cases share.
struct Redis {
    servers: RedisServers,
    buckets: u16,
    built: AtomicU32,
}

impl Redis {
    fn on(servers: RedisServers) -> Self {
        Self { servers, buckets: 1, built: AtomicU32::new(0) }
    }

    async fn backends(&self) -> RedisBackends {
        let number = self.built.fetch_add(1, Ordering::Relaxed);
        RedisBackends::connect(self.servers.config(&format!("case{number}"))).await.expect("the servers answer")
    }
}

#[async_trait]
impl Runtime for Redis {
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

#[async_trait]
impl StoreBuilder for Redis {
    type Guard = RedisBackends;

    async fn build(&self) -> (RedisBackends, Arc<dyn Store>) {
        let backends = self.backends().await;
        let store = Arc::new(backends.store());
        (backends, store)
    }

    async fn open(&self, backends: &RedisBackends) -> Option<Result<Arc<dyn Store>, StoreError>> {
        Some(Ok(Arc::new(backends.store())))
    }
}

#[async_trait]
impl QueueBuilder for Redis {
    type Guard = RedisBackends;

    async fn build(&self, capacity: usize) -> (RedisBackends, Arc<dyn BallotQueue>) {
        let backends = self.backends().await;
        let layout = QueueLayout { partition: PartitionId(0), buckets: self.buckets, capacity };
        let queue: RedisQueue = backends.queue(layout, None);
        (backends, Arc::new(queue))
    }
}

#[async_trait]
impl LockBuilder for Redis {
    type Guard = RedisBackends;

    async fn build(&self) -> (RedisBackends, Arc<dyn LockManager>) {
        let backends = self.backends().await;
        let locks = backends.locks().expect("randomness");
        (backends, Arc::new(locks))
    }
}

#[async_trait]
impl TransportBuilder for Redis {
    type Guard = Vec<Arc<RedisTransport>>;

    async fn build(&self, nodes: usize) -> (Self::Guard, Vec<Arc<dyn Transport>>) {
        let backends = self.backends().await;
        let mut ends = Vec::new();
        for n in 0..nodes {
            // A process each, as in a real network: with a connection of its own.
            let own = RedisBackends::connect(backends.redis().config().clone()).await.expect("the servers answer");
            ends.push(Arc::new(own.transport(NodeName(format!("a{n}"))).await.expect("messages are heard")));
        }
        let network = ends.iter().map(|end| Arc::clone(end) as Arc<dyn Transport>).collect();
        (ends, network)
    }

    async fn close(&self, ends: &Self::Guard, name: &NodeName) {
        for end in ends.iter().filter(|end| end.name() == name) {
            end.close();
        }
    }

    fn inbox_messages(&self) -> Option<usize> {
        None
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_backends_on_a_cluster_conform() {
    let redis = Redis::on(RedisServers::cluster(3));
    assert_eq!(redis.servers.masters().len(), 3);
    tokio::join!(store::run_all(&redis), queue::run_all(&redis), lock::run_all(&redis), transport::run_all(&redis));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_backends_on_a_single_server_conform() {
    let redis = Redis::on(RedisServers::single());
    tokio::join!(store::run_all(&redis), queue::run_all(&redis), lock::run_all(&redis), transport::run_all(&redis));
}

/// What holds whatever the number of buckets: order and bound are promised per bucket only.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_queue_of_several_buckets_conforms_but_for_its_order() {
    let redis = Redis { buckets: 8, ..Redis::on(RedisServers::cluster(3)) };
    queue::what_is_there_is_taken_at_once(&redis).await;
    queue::an_entry_is_queued_once(&redis).await;
    queue::many_who_submit_the_same_entry_queue_it_once(&redis).await;
    queue::take_waits_no_longer_than_asked(&redis).await;
    queue::take_is_woken_by_an_arrival(&redis).await;
    queue::every_waiting_consumer_is_woken(&redis).await;
    queue::hopeless_entries_are_given_up(&redis).await;
    queue::a_dropped_take_loses_nothing(&redis).await;
}

/// The script that hands out entries has run, and its reply is lost: the look that is made again gets them, and not
/// whoever looks for abandoned entries much later.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn entries_whose_delivery_is_lost_on_the_way_are_delivered_by_the_same_call() {
    const SERVER: usize = 0;
    let redis = Redis::on(RedisServers::single());
    let (_guard, queue) = QueueBuilder::build(&redis, 100).await;
    for attempt in 1.. {
        // The group is there, and the script is known.
        assert_eq!(queue.take("a consumer", 10, Duration::ZERO).await, Ok(Vec::new()));
        let entries: Vec<_> = (0..3).map(|n| EntryBytes::new(vec![attempt, n])).collect();
        for entry in &entries {
            assert_eq!(queue.submit(entry.clone()).await, Ok(Submitted::Queued));
        }
        redis.servers.ask::<()>(SERVER, cmd("CONFIG").arg("RESETSTAT"));
        let (mut sleeper, mut cutter) = (Wire::to(&redis.servers, SERVER), Wire::to(&redis.servers, SERVER));
        let (taking, queue_too) = (&mut None, Arc::clone(&queue));
        lose_the_reply(&mut sleeper, &mut cutter, || {
            *taking = Some(tokio::spawn(async move { queue_too.take("a consumer", 10, Duration::ZERO).await }));
        })
        .await;
        let taken = taking.take().unwrap().await.unwrap().expect("the queue can be read");
        let runs = scripts_run(&redis.servers, SERVER);
        assert_eq!(taken.iter().map(|delivery| delivery.entry.clone()).collect::<Vec<_>>(), entries);
        assert!(taken.iter().all(|delivery| delivery.attempt == 1));
        queue.acknowledge(&taken.iter().map(|delivery| delivery.hash).collect::<Vec<_>>()).await.unwrap();
        assert_eq!(queue.depth().await.map(|depth| (depth.waiting, depth.taken)), Ok((0, 0)));
        if runs >= 2 {
            println!("the script ran {runs} times for one delivery, at attempt {attempt}");
            break;
        }
        assert!(usize::from(attempt) < TRIES, "no call came in while the server was busy");
    }
}
