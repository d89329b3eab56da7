//! A ballot queue in memory: for one process, and as the reference for the others.
//!
//! Invariant: an entry is in `items` exactly while it is in `waiting` or in `taken`, and its
//! [`Place`] is its key there.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};
use voting_core::block::EntryBytes;
use voting_core::ids::EntryHash;
use voting_core::seams::queue::MAX_DELIVERIES;
use voting_core::seams::{BallotQueue, Clock, Delivery, QueueDepth, QueueError, Submitted};

/// A full queue empties at the pace of blocks: about one per second.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// Longest single wait: keeps deadlines far from the end of time.
const LONGEST_WAIT: Duration = Duration::from_secs(86_400);

/// A bounded queue in memory. What it holds is lost with the process; clients then submit again.
pub struct MemoryQueue {
    capacity: usize,
    clock: Arc<dyn Clock>,
    inner: Mutex<Inner>,
    arrived: Notify,
}

#[derive(Default)]
struct Inner {
    items: HashMap<EntryHash, Item>,
    waiting: BTreeMap<u64, EntryHash>,
    taken: BTreeMap<(Duration, u64), EntryHash>,
    /// Numbers arrivals, and what was taken in the same instant.
    next: u64,
    dead: usize,
}

struct Item {
    entry: EntryBytes,
    attempts: u32,
    place: Place,
}

#[derive(Clone, Copy)]
enum Place {
    Waiting(u64),
    Taken(Duration, u64),
}

impl Inner {
    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn remove(&mut self, hash: &EntryHash) {
        match self.items.remove(hash).map(|item| item.place) {
            Some(Place::Waiting(number)) => drop(self.waiting.remove(&number)),
            Some(Place::Taken(at, number)) => drop(self.taken.remove(&(at, number))),
            None => {}
        }
    }

    /// Hands out an entry that has just left `waiting` or `taken`.
    fn hand_out(&mut self, hash: EntryHash, now: Duration) -> Option<Delivery> {
        let number = self.number();
        let item = self.items.get_mut(&hash)?;
        item.attempts += 1;
        item.place = Place::Taken(now, number);
        self.taken.insert((now, number), hash);
        Some(Delivery { hash, entry: item.entry.clone(), attempt: item.attempts })
    }
}

impl MemoryQueue {
    /// A queue that holds at most `capacity` entries, waiting and taken together.
    #[must_use]
    pub fn new(capacity: usize, clock: Arc<dyn Clock>) -> Self {
        Self { capacity, clock, inner: Mutex::default(), arrived: Notify::new() }
    }

    fn take_now(&self, max: usize) -> Vec<Delivery> {
        let now = self.clock.monotonic();
        let mut inner = self.inner();
        let mut deliveries = Vec::new();
        while deliveries.len() < max {
            let Some((_, hash)) = inner.waiting.pop_first() else { break };
            deliveries.extend(inner.hand_out(hash, now));
        }
        if !inner.waiting.is_empty() {
            self.arrived.notify_one(); // one wake-up may stand for several arrivals
        }
        deliveries
    }

    /// No step between two changes of the maps can panic, so a poisoned lock still guards good maps.
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl BallotQueue for MemoryQueue {
    async fn submit(&self, entry: EntryBytes) -> Result<Submitted, QueueError> {
        let hash = entry.hash();
        let mut inner = self.inner();
        if inner.items.contains_key(&hash) {
            return Ok(Submitted::Present);
        }
        if inner.items.len() >= self.capacity {
            return Err(QueueError::Full { capacity: self.capacity, retry_after: RETRY_AFTER });
        }
        let number = inner.number();
        inner.items.insert(hash, Item { entry, attempts: 0, place: Place::Waiting(number) });
        inner.waiting.insert(number, hash);
        drop(inner);
        self.arrived.notify_one();
        Ok(Submitted::Queued)
    }

    async fn take(&self, _consumer: &str, max: usize, wait: Duration) -> Result<Vec<Delivery>, QueueError> {
        let deadline = Instant::now() + wait.min(LONGEST_WAIT);
        loop {
            let deliveries = self.take_now(max);
            if !deliveries.is_empty() || max == 0 {
                return Ok(deliveries);
            }
            if timeout_at(deadline, self.arrived.notified()).await.is_err() {
                return Ok(self.take_now(max));
            }
        }
    }

    async fn acknowledge(&self, hashes: &[EntryHash]) -> Result<(), QueueError> {
        let mut inner = self.inner();
        for hash in hashes {
            inner.remove(hash);
        }
        Ok(())
    }

    async fn reclaim(&self, _consumer: &str, max: usize, idle: Duration) -> Result<Vec<Delivery>, QueueError> {
        let now = self.clock.monotonic();
        let mut inner = self.inner();
        let first_of_this_call = inner.next + 1;
        let mut deliveries = Vec::new();
        while deliveries.len() < max {
            let Some((&(at, number), &hash)) = inner.taken.first_key_value() else { break };
            if now.saturating_sub(at) < idle || number >= first_of_this_call {
                break;
            }
            inner.taken.remove(&(at, number));
            if inner.items.get(&hash).is_some_and(|item| item.attempts >= MAX_DELIVERIES) {
                inner.items.remove(&hash);
                inner.dead += 1;
            } else {
                deliveries.extend(inner.hand_out(hash, now));
            }
        }
        Ok(deliveries)
    }

    async fn depth(&self) -> Result<QueueDepth, QueueError> {
        let inner = self.inner();
        Ok(QueueDepth { waiting: inner.waiting.len(), taken: inner.taken.len(), dead: inner.dead, capacity: self.capacity })
    }
}

impl fmt::Debug for MemoryQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = self.inner();
        f.debug_struct("MemoryQueue")
            .field("capacity", &self.capacity)
            .field("waiting", &inner.waiting.len())
            .field("taken", &inner.taken.len())
            .field("dead", &inner.dead)
            .finish()
    }
}
