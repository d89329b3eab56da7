//! Locks in memory: for one process, and as the reference for the others.
//!
//! Waiters stand in a line per lock. Only the first one watches the lease of the holder; whoever
//! changes what the first one sees (release, a waiter leaving, an arrival that finds the lease
//! ended) wakes it.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};
use voting_core::seams::lock::MAX_LOCK_NAME_BYTES;
use voting_core::seams::{Clock, FencingToken, Lease, LockError, LockManager};

/// Waiters in one line: more than that is a mistake, or an attack.
pub const MAX_WAITERS: usize = 10_000;
/// Longest single wait: keeps deadlines far from the end of time.
const LONGEST_WAIT: Duration = Duration::from_secs(86_400);

/// Named locks in memory. Fencing tokens are counted over all of them, so that a forgotten lock
/// needs no memory.
pub struct MemoryLocks {
    clock: Arc<dyn Clock>,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    locks: HashMap<String, Line>,
    tokens: u64,
    tickets: u64,
}

#[derive(Default)]
struct Line {
    holder: Option<Holder>,
    waiters: VecDeque<(u64, Arc<Notify>)>,
}

struct Holder {
    owner: u128,
    token: FencingToken,
    until: Duration,
}

impl Line {
    /// Time until the lease ends, or `None` when the lock is free.
    fn held_for(&mut self, now: Duration) -> Option<Duration> {
        self.holder.take_if(|holder| holder.until <= now);
        self.holder.as_ref().map(|holder| holder.until - now)
    }

    fn wake_first(&self) {
        if let Some((_, first)) = self.waiters.front() {
            first.notify_one();
        }
    }
}

impl Inner {
    /// The holder under this lease, if it still is one.
    fn holder(&mut self, lease: &Lease, now: Duration) -> Result<&mut Line, LockError> {
        let line = self
            .locks
            .get_mut(&lease.name)
            .filter(|line| line.holder.as_ref().is_some_and(|h| h.owner == lease.owner && h.token == lease.token && h.until > now));
        line.ok_or_else(|| LockError::Lost { name: lease.name.clone() })
    }

    fn forget_if_unused(&mut self, name: &str) {
        if self.locks.get(name).is_some_and(|line| line.holder.is_none() && line.waiters.is_empty()) {
            self.locks.remove(name);
        }
    }

    fn grant(&mut self, name: &str, duration: Duration, now: Duration) -> Lease {
        self.tokens += 1;
        let (token, owner) = (FencingToken(self.tokens), u128::from(self.tokens));
        let line = self.locks.entry(name.to_owned()).or_default();
        line.holder = Some(Holder { owner, token, until: now.saturating_add(duration) });
        Lease { name: name.to_owned(), owner, token, duration }
    }
}

/// A place in line; leaves it when dropped.
struct Ticket<'a> {
    locks: &'a MemoryLocks,
    name: &'a str,
    number: u64,
    called: Arc<Notify>,
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        let mut inner = self.locks.inner();
        if let Some(line) = inner.locks.get_mut(self.name) {
            line.waiters.retain(|(number, _)| *number != self.number);
            line.wake_first();
        }
        inner.forget_if_unused(self.name);
    }
}

impl MemoryLocks {
    /// No locks, with leases measured by the clock's monotonic time.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, inner: Mutex::default() }
    }

    fn queue_up<'a>(&'a self, name: &'a str) -> Result<Ticket<'a>, LockError> {
        let called = Arc::new(Notify::new());
        let mut inner = self.inner();
        self.forget_ended(&mut inner);
        inner.tickets += 1;
        let number = inner.tickets;
        let line = inner.locks.entry(name.to_owned()).or_default();
        if line.waiters.len() >= MAX_WAITERS {
            return Err(LockError::Unavailable(format!("{MAX_WAITERS} already wait for the lock `{name}`")));
        }
        line.waiters.push_back((number, Arc::clone(&called)));
        Ok(Ticket { locks: self, name, number, called })
    }

    /// The lease if it is this ticket's turn, else how long to sleep at most.
    fn try_grant(&self, ticket: &Ticket<'_>, lease: Duration) -> Result<Lease, Duration> {
        let now = self.clock.monotonic();
        let mut inner = self.inner();
        let line = inner.locks.entry(ticket.name.to_owned()).or_default();
        let held_for = line.held_for(now);
        let is_first = line.waiters.front().is_some_and(|(number, _)| *number == ticket.number);
        match held_for {
            None if is_first => Ok(inner.grant(ticket.name, lease, now)),
            None => {
                line.wake_first();
                Err(LONGEST_WAIT)
            }
            Some(remaining) if is_first => Err(remaining),
            Some(_) => Err(LONGEST_WAIT),
        }
    }

    /// Locks whose holders died and that nobody asked for again.
    fn forget_ended(&self, inner: &mut Inner) {
        const SWEEP_ABOVE: usize = 1_024;
        if inner.locks.len() > SWEEP_ABOVE && inner.tickets.is_multiple_of(SWEEP_ABOVE as u64) {
            let now = self.clock.monotonic();
            inner.locks.retain(|_, line| line.held_for(now).is_some() || !line.waiters.is_empty());
        }
    }

    /// No step between two changes of the maps can panic, so a poisoned lock still guards good maps.
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl LockManager for MemoryLocks {
    async fn acquire(&self, name: &str, lease: Duration, timeout: Duration) -> Result<Lease, LockError> {
        if name.is_empty() || name.len() > MAX_LOCK_NAME_BYTES {
            return Err(LockError::Invalid(format!("a name of {} bytes, allowed are 1 to {MAX_LOCK_NAME_BYTES}", name.len())));
        }
        if lease.is_zero() {
            return Err(LockError::Invalid("a lease of no duration".to_owned()));
        }
        let deadline = Instant::now() + timeout.min(LONGEST_WAIT);
        let ticket = self.queue_up(name)?;
        loop {
            let pause = match self.try_grant(&ticket, lease) {
                Ok(lease) => return Ok(lease),
                Err(pause) => pause,
            };
            let now = Instant::now();
            if now >= deadline {
                return Err(LockError::Timeout { name: name.to_owned(), waited: timeout });
            }
            // Woken or not: look again.
            let _ = timeout_at(deadline.min(now + pause.min(LONGEST_WAIT)), ticket.called.notified()).await;
        }
    }

    async fn renew(&self, lease: &Lease) -> Result<(), LockError> {
        let now = self.clock.monotonic();
        let mut inner = self.inner();
        let line = inner.holder(lease, now)?;
        if let Some(holder) = &mut line.holder {
            holder.until = now.saturating_add(lease.duration);
        }
        Ok(())
    }

    async fn release(&self, lease: &Lease) -> Result<(), LockError> {
        let now = self.clock.monotonic();
        let mut inner = self.inner();
        let line = inner.holder(lease, now)?;
        line.holder = None;
        line.wake_first();
        inner.forget_if_unused(&lease.name);
        Ok(())
    }
}

impl fmt::Debug for MemoryLocks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryLocks").field("locks", &self.inner().locks.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::mpsc;
    use voting_core::Timestamp;
    use voting_core::seams::ManualClock;

    const LONG: Duration = Duration::from_secs(600);
    const PATIENCE: Duration = Duration::from_secs(60);

    fn locks() -> (Arc<ManualClock>, Arc<MemoryLocks>) {
        let clock = Arc::new(ManualClock::new(Timestamp::default()));
        (Arc::clone(&clock), Arc::new(MemoryLocks::new(clock)))
    }

    fn waiters(locks: &MemoryLocks) -> usize {
        locks.inner().locks.get("a").map_or(0, |line| line.waiters.len())
    }

    #[tokio::test]
    async fn waiters_are_served_in_the_order_they_came() {
        let (_clock, locks) = locks();
        let held = locks.acquire("a", LONG, PATIENCE).await.unwrap();
        let (served, mut order) = mpsc::unbounded_channel();
        for n in 0..10 {
            let (acquiring, served) = (Arc::clone(&locks), served.clone());
            tokio::spawn(async move {
                let lease = acquiring.acquire("a", LONG, PATIENCE).await.unwrap();
                served.send(n).unwrap();
                acquiring.release(&lease).await.unwrap();
            });
            while waiters(&locks) <= n {
                tokio::task::yield_now().await;
            }
        }
        locks.release(&held).await.unwrap();
        for n in 0..10 {
            assert_eq!(order.recv().await, Some(n));
        }
    }

    #[tokio::test]
    async fn nobody_overtakes_a_waiter_when_the_lease_has_ended_unnoticed() {
        let (clock, locks) = locks();
        locks.acquire("a", LONG, PATIENCE).await.unwrap();
        let first = tokio::spawn({
            let locks = Arc::clone(&locks);
            async move { locks.acquire("a", LONG, PATIENCE).await }
        });
        while waiters(&locks) == 0 {
            tokio::task::yield_now().await;
        }
        clock.advance(LONG); // no timer has fired: only the next to come sees it
        assert!(matches!(locks.acquire("a", LONG, Duration::ZERO).await, Err(LockError::Timeout { .. })));
        assert!(first.await.unwrap().is_ok());
    }

    #[tokio::test]
    async fn locks_out_of_use_are_forgotten() {
        let (clock, locks) = locks();
        for n in 0..3_000 {
            let lease = locks.acquire(&n.to_string(), LONG, PATIENCE).await.unwrap();
            if n % 2 == 0 {
                locks.release(&lease).await.unwrap();
            }
        }
        assert_eq!(locks.inner().locks.len(), 1_500, "the held ones");
        clock.advance(LONG);
        for _ in 0..2_000 {
            let lease = locks.acquire("a", LONG, PATIENCE).await.unwrap();
            locks.release(&lease).await.unwrap();
        }
        assert_eq!(locks.inner().locks.len(), 0);
    }
}
