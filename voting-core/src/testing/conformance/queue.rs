//! The promises of [`BallotQueue`].

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;

use super::{MOMENT, PATIENCE, Runtime, Task, poll_once, task};
use crate::block::EntryBytes;
use crate::entry::MAX_ENTRY_BYTES;
use crate::ids::EntryHash;
use crate::seams::queue::MAX_DELIVERIES;
use crate::seams::{BallotQueue, Delivery, QueueError, Submitted};

/// Makes queues.
#[async_trait]
pub trait QueueBuilder: Runtime {
    /// Keeps what a queue stands on.
    type Guard: Send + Sync;

    /// An empty queue that holds so many entries.
    async fn build(&self, capacity: usize) -> (Self::Guard, Arc<dyn BallotQueue>);
}

/// Every case.
pub async fn run_all<B: QueueBuilder>(builder: &B) {
    entries_come_out_oldest_first(builder).await;
    what_is_there_is_taken_at_once(builder).await;
    any_entry_comes_out_as_it_went_in(builder).await;
    an_entry_is_queued_once(builder).await;
    many_who_submit_the_same_entry_queue_it_once(builder).await;
    take_waits_no_longer_than_asked(builder).await;
    take_is_woken_by_an_arrival(builder).await;
    every_waiting_consumer_is_woken(builder).await;
    an_entry_goes_to_one_consumer(builder).await;
    acknowledged_entries_are_gone(builder).await;
    abandoned_entries_are_reclaimed(builder).await;
    reclaiming_is_bounded_and_shared(builder).await;
    hopeless_entries_are_given_up(builder).await;
    a_full_queue_refuses_and_loses_nothing(builder).await;
    a_dropped_take_loses_nothing(builder).await;
}

fn entry(n: u64) -> EntryBytes {
    EntryBytes::new(format!("entry {n}").into_bytes())
}

async fn submit(queue: &Arc<dyn BallotQueue>, n: u64) {
    assert_eq!(queue.submit(entry(n)).await, Ok(Submitted::Queued), "entry {n}");
}

async fn take(queue: &Arc<dyn BallotQueue>, max: usize) -> Vec<Delivery> {
    queue.take("a consumer", max, Duration::ZERO).await.expect("the queue can be read")
}

async fn reclaim(queue: &Arc<dyn BallotQueue>, max: usize, idle: Duration) -> Vec<Delivery> {
    queue.reclaim("another consumer", max, idle).await.expect("the queue can be read")
}

async fn acknowledge(queue: &Arc<dyn BallotQueue>, entries: impl IntoIterator<Item = u64>) {
    let hashes: Vec<_> = entries.into_iter().map(|n| entry(n).hash()).collect();
    queue.acknowledge(&hashes).await.expect("the queue can be written");
}

/// Waiting, taken.
async fn depth(queue: &Arc<dyn BallotQueue>) -> (usize, usize) {
    let depth = queue.depth().await.expect("the queue can be read");
    (depth.waiting, depth.taken)
}

/// The deliveries of these entries, all for the same time.
fn deliveries(entries: impl IntoIterator<Item = u64>, attempt: u32) -> Vec<Delivery> {
    entries.into_iter().map(|n| Delivery { hash: entry(n).hash(), entry: entry(n), attempt }).collect()
}

/// In portions of at most what is asked for; the depth follows.
pub async fn entries_come_out_oldest_first<B: QueueBuilder>(builder: &B) {
    let (_guard, queue) = builder.build(100).await;
    assert_eq!(take(&queue, 10).await, []);
    for n in 0..7 {
        submit(&queue, n).await;
    }
    assert_eq!(depth(&queue).await, (7, 0));
    assert_eq!(take(&queue, 0).await, []);
    assert_eq!(take(&queue, 3).await, deliveries(0..3, 1));
    assert_eq!(depth(&queue).await, (4, 3));
    assert_eq!(take(&queue, 100).await, deliveries(3..7, 1));
    assert_eq!(take(&queue, 100).await, []);
    assert_eq!(depth(&queue).await, (0, 7));
    assert_eq!(queue.depth().await.map(|depth| (depth.dead, depth.capacity)), Ok((0, 100)));
}

/// Also by one who asks for a single entry and has no time to wait.
pub async fn what_is_there_is_taken_at_once<B: QueueBuilder>(builder: &B) {
    let (_guard, queue) = builder.build(100).await;
    for n in 0..50 {
        submit(&queue, n).await;
        assert_eq!(take(&queue, 1).await, deliveries([n], 1));
    }
}

/// Empty, binary, of the largest size.
pub async fn any_entry_comes_out_as_it_went_in<B: QueueBuilder>(builder: &B) {
    let (_guard, queue) = builder.build(10).await;
    let entries = [vec![], vec![0, 0xff, b'\r', b'\n'], vec![7; MAX_ENTRY_BYTES]].map(EntryBytes::new);
    for entry in &entries {
        assert_eq!(queue.submit(entry.clone()).await, Ok(Submitted::Queued));
    }
    let taken: Vec<_> = take(&queue, 10).await.into_iter().map(|delivery| (delivery.hash, delivery.entry)).collect();
    assert_eq!(taken, entries.map(|entry| (entry.hash(), entry)));
}

/// While it waits and while it is taken; after that it may come again.
pub async fn an_entry_is_queued_once<B: QueueBuilder>(builder: &B) {
    let (_guard, queue) = builder.build(10).await;
    submit(&queue, 1).await;
    assert_eq!(queue.submit(entry(1)).await, Ok(Submitted::Present));
    assert_eq!(depth(&queue).await, (1, 0));
    assert_eq!(take(&queue, 10).await, deliveries([1], 1));
    assert_eq!(queue.submit(entry(1)).await, Ok(Submitted::Present));
    assert_eq!(depth(&queue).await, (0, 1));
    assert_eq!(take(&queue, 10).await, []);
    acknowledge(&queue, [1]).await;
    submit(&queue, 1).await;
    assert_eq!(take(&queue, 10).await, deliveries([1], 1));
}

/// Side by side: one of them is told so.
pub async fn many_who_submit_the_same_entry_queue_it_once<B: QueueBuilder>(builder: &B) {
    let (_guard, queue) = builder.build(100).await;
    let queued = Arc::new(Mutex::new(0));
    let tasks = (0..16).map(|_| {
        let (queue, queued) = (Arc::clone(&queue), Arc::clone(&queued));
        task(async move {
            for n in 0..20 {
                if queue.submit(entry(n)).await.expect("there is room") == Submitted::Queued {
                    *queued.lock().expect("no task panicked") += 1;
                }
            }
        })
    });
    builder.together(tasks.collect()).await;
    assert_eq!(*queued.lock().expect("no task panicked"), 20);
    assert_eq!(depth(&queue).await, (20, 0));
}

/// And then returns with nothing.
pub async fn take_waits_no_longer_than_asked<B: QueueBuilder>(builder: &B) {
    let (_guard, queue) = builder.build(10).await;
    assert_eq!(queue.take("a consumer", 5, MOMENT).await, Ok(Vec::new()));
    submit(&queue, 1).await;
    assert_eq!(queue.take("a consumer", 5, PATIENCE).await, Ok(deliveries([1], 1)), "what waits is taken at once");
}

/// Long before it would give up.
pub async fn take_is_woken_by_an_arrival<B: QueueBuilder>(builder: &B) {
    let (_guard, queue) = builder.build(10).await;
    let mut taking = Box::pin(queue.take("a consumer", 5, PATIENCE));
    assert_eq!(poll_once(&mut taking).await, None, "there is nothing to take yet");
    builder.pass(MOMENT).await;
    submit(&queue, 1).await;
    assert_eq!(taking.await, Ok(deliveries([1], 1)));
}

/// One arrival each.
pub async fn every_waiting_consumer_is_woken<B: QueueBuilder>(builder: &B) {
    const CONSUMERS: u64 = 5;
    let (_guard, queue) = builder.build(10).await;
    let mut tasks: Vec<Task> = (0..CONSUMERS)
        .map(|n| {
            let queue = Arc::clone(&queue);
            task(async move {
                let taken = queue.take(&format!("consumer {n}"), 1, PATIENCE).await.expect("the queue can be read");
                assert_eq!(taken.len(), 1, "consumer {n} was not woken");
            })
        })
        .collect();
    let submitting = Arc::clone(&queue);
    tasks.push(task(async move {
        for n in 0..CONSUMERS {
            submit(&submitting, n).await;
        }
    }));
    builder.together(tasks).await;
    assert_eq!(depth(&queue).await, (0, CONSUMERS as usize));
}

/// Of several who take side by side while entries come in; together they get all.
pub async fn an_entry_goes_to_one_consumer<B: QueueBuilder>(builder: &B) {
    const ENTRIES: u64 = 200;
    let (_guard, queue) = builder.build(ENTRIES as usize).await;
    let taken: Arc<Mutex<Vec<EntryHash>>> = Arc::default();
    let mut tasks: Vec<Task> = (0..4)
        .map(|consumer| {
            let (queue, taken) = (Arc::clone(&queue), Arc::clone(&taken));
            task(async move {
                while taken.lock().expect("no task panicked").len() < ENTRIES as usize {
                    let some = queue.take(&format!("consumer {consumer}"), 7, MOMENT / 10).await.expect("the queue can be read");
                    assert!(some.len() <= 7 && some.iter().all(|delivery| delivery.attempt == 1));
                    taken.lock().expect("no task panicked").extend(some.iter().map(|delivery| delivery.hash));
                }
            })
        })
        .collect();
    for half in [0..ENTRIES / 2, ENTRIES / 2..ENTRIES] {
        let queue = Arc::clone(&queue);
        tasks.push(task(async move {
            for n in half {
                submit(&queue, n).await;
            }
        }));
    }
    builder.together(tasks).await;
    let taken = taken.lock().expect("no task panicked");
    assert_eq!(taken.len(), ENTRIES as usize);
    assert_eq!(taken.iter().collect::<BTreeSet<_>>().len(), ENTRIES as usize, "an entry was handed out twice");
}

/// Waiting or taken, by whomever; unknown ones and repetitions do no harm.
pub async fn acknowledged_entries_are_gone<B: QueueBuilder>(builder: &B) {
    let (_guard, queue) = builder.build(10).await;
    for n in 0..4 {
        submit(&queue, n).await;
    }
    assert_eq!(take(&queue, 2).await, deliveries(0..2, 1));
    acknowledge(&queue, [0, 2, 99, 0]).await;
    acknowledge(&queue, []).await;
    assert_eq!(depth(&queue).await, (1, 1));
    assert_eq!(take(&queue, 10).await, deliveries([3], 1));
    builder.pass(MOMENT).await;
    let mut left = reclaim(&queue, 10, MOMENT).await;
    left.sort_by_key(|delivery| delivery.entry.as_slice().to_vec());
    assert_eq!(left, deliveries([1, 3], 2));
    acknowledge(&queue, [1, 3]).await;
    builder.pass(MOMENT).await;
    assert_eq!(reclaim(&queue, 10, MOMENT).await, []);
    assert_eq!(depth(&queue).await, (0, 0));
}

/// After they were idle for so long, and not before; then they are the new consumer's, for as long again.
pub async fn abandoned_entries_are_reclaimed<B: QueueBuilder>(builder: &B) {
    let (_guard, queue) = builder.build(10).await;
    for n in 0..3 {
        submit(&queue, n).await;
    }
    assert_eq!(take(&queue, 2).await, deliveries(0..2, 1));
    let idle = 4 * MOMENT;
    for attempt in 2..4 {
        assert_eq!(reclaim(&queue, 10, idle).await, [], "they were taken just now");
        builder.pass(idle).await;
        assert_eq!(reclaim(&queue, 10, idle).await, deliveries(0..2, attempt));
    }
    assert_eq!(depth(&queue).await, (1, 2));
    assert_eq!(take(&queue, 10).await, deliveries([2], 1), "what only waits is not reclaimed");
}

/// Those that were idle for longest first; several consumers get different ones.
pub async fn reclaiming_is_bounded_and_shared<B: QueueBuilder>(builder: &B) {
    let (_guard, queue) = builder.build(10).await;
    let idle = 4 * MOMENT;
    for n in 0..5 {
        submit(&queue, n).await;
        assert_eq!(take(&queue, 1).await, deliveries([n], 1));
        builder.pass(Duration::from_millis(20)).await;
    }
    builder.pass(idle).await;
    assert_eq!(reclaim(&queue, 0, idle).await, []);
    assert_eq!(reclaim(&queue, 2, idle).await, deliveries(0..2, 2));
    assert_eq!(reclaim(&queue, 10, idle).await, deliveries(2..5, 2));
    assert_eq!(reclaim(&queue, 10, idle).await, []);
}

/// After [`MAX_DELIVERIES`]; they take no room then and can be submitted anew.
pub async fn hopeless_entries_are_given_up<B: QueueBuilder>(builder: &B) {
    let (_guard, queue) = builder.build(1).await;
    submit(&queue, 1).await;
    assert_eq!(take(&queue, 1).await, deliveries([1], 1));
    for attempt in 2..=MAX_DELIVERIES {
        builder.pass(MOMENT).await;
        assert_eq!(reclaim(&queue, 1, MOMENT).await, deliveries([1], attempt));
    }
    assert_eq!(queue.depth().await.map(|depth| depth.dead), Ok(0));
    builder.pass(MOMENT).await;
    assert_eq!(reclaim(&queue, 1, MOMENT).await, []);
    assert_eq!(depth(&queue).await, (0, 0));
    assert_eq!(queue.depth().await.map(|depth| depth.dead), Ok(1));
    assert_eq!(take(&queue, 1).await, []);
    submit(&queue, 1).await;
    assert_eq!(take(&queue, 1).await, deliveries([1], 1));
}

/// Waiting and taken entries count; what is present already is present still.
pub async fn a_full_queue_refuses_and_loses_nothing<B: QueueBuilder>(builder: &B) {
    let (_guard, queue) = builder.build(4).await;
    for n in 0..4 {
        submit(&queue, n).await;
    }
    assert_eq!(take(&queue, 2).await, deliveries(0..2, 1));
    for _ in 0..3 {
        match queue.submit(entry(9)).await {
            Err(QueueError::Full { capacity, retry_after }) => assert!(capacity == 4 && retry_after > Duration::ZERO),
            other => panic!("a full queue says {other:?}"),
        }
    }
    assert_eq!(queue.submit(entry(0)).await, Ok(Submitted::Present));
    assert_eq!(queue.submit(entry(3)).await, Ok(Submitted::Present));
    assert_eq!(depth(&queue).await, (2, 2));
    acknowledge(&queue, [0]).await;
    submit(&queue, 9).await;
    assert!(matches!(queue.submit(entry(10)).await, Err(QueueError::Full { .. })));
    assert_eq!(take(&queue, 10).await, deliveries([2, 3, 9], 1));
    builder.pass(MOMENT).await;
    assert_eq!(reclaim(&queue, 10, MOMENT).await.len(), 4);
}

/// Before anything came, and after it was woken: the entry still waits, or can be reclaimed.
pub async fn a_dropped_take_loses_nothing<B: QueueBuilder>(builder: &B) {
    let (_guard, queue) = builder.build(100).await;
    for n in 0..20 {
        let mut dropped = Box::pin(queue.take("a consumer", 5, PATIENCE));
        let mut waiting = Box::pin(queue.take("another consumer", 5, PATIENCE));
        assert_eq!(poll_once(&mut dropped).await, None);
        assert_eq!(poll_once(&mut waiting).await, None);
        if n % 2 == 0 {
            submit(&queue, n).await;
            drop(dropped);
        } else {
            drop(dropped);
            submit(&queue, n).await;
        }
        // A remote server may have handed the entry to the call that was dropped.
        let mut taken = if depth(&queue).await.0 > 0 { waiting.await.expect("the queue can be read") } else { Vec::new() };
        if taken.is_empty() {
            builder.pass(MOMENT).await;
            taken = reclaim(&queue, 5, MOMENT).await;
        }
        assert_eq!(taken.iter().map(|delivery| delivery.hash).collect::<Vec<_>>(), [entry(n).hash()]);
        acknowledge(&queue, [n]).await;
    }
    assert_eq!(depth(&queue).await, (0, 0));
}
