//! Holding locks while work goes on: renewed at a third of the lease, released in the background, and
//! the work is dropped when the lease is lost.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout_at};
use voting_core::seams::{FencingToken, Lease, LockError, LockManager};

/// Part of the lease that is left unused: for clocks that run at slightly different rates, and for the way.
const MARGIN: u32 = 10;

/// A lock that is held as long as this value lives and Redis, or whoever keeps the locks, agrees.
pub struct LockGuard {
    lease: Lease,
    is_released: bool,
    lost: watch::Receiver<bool>,
    keeper: JoinHandle<()>,
    locks: Arc<dyn LockManager>,
}

impl std::fmt::Debug for LockGuard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LockGuard").field("lease", &self.lease).field("is_held", &self.is_held()).finish_non_exhaustive()
    }
}

impl LockGuard {
    /// Waits for a lock, at most so long, and keeps it.
    ///
    /// # Errors
    /// As [`LockManager::acquire`].
    pub async fn acquire(locks: Arc<dyn LockManager>, name: &str, lease: Duration, timeout: Duration) -> Result<Self, LockError> {
        let asked = Instant::now();
        let lease = locks.acquire(name, lease, timeout).await?;
        // The lease runs from some moment after it was asked for; with no wait in between, from then on.
        let granted = if timeout.is_zero() { asked } else { Instant::now() };
        Ok(Self::keep(locks, lease, granted))
    }

    /// Waits for several locks, all or none. They are taken in the order of their names, so that two who
    /// want the same ones never wait for each other.
    ///
    /// # Errors
    /// As [`LockManager::acquire`]; what was acquired before is released.
    pub async fn acquire_all(
        locks: &Arc<dyn LockManager>,
        names: &[&str],
        lease: Duration,
        timeout: Duration,
    ) -> Result<Vec<Self>, LockError> {
        let deadline = Instant::now() + timeout;
        let mut names = names.to_vec();
        names.sort_unstable();
        names.dedup();
        let mut guards = Vec::with_capacity(names.len());
        for name in names {
            let left = deadline.saturating_duration_since(Instant::now());
            guards.push(Self::acquire(Arc::clone(locks), name, lease, left).await?);
        }
        Ok(guards)
    }

    fn keep(locks: Arc<dyn LockManager>, lease: Lease, granted: Instant) -> Self {
        let (lose, lost) = watch::channel(false);
        let keeper = tokio::spawn(keep(Arc::clone(&locks), lease.clone(), granted, lose));
        Self { lease, is_released: false, lost, keeper, locks }
    }

    /// To be checked where the effect happens.
    #[must_use]
    pub const fn token(&self) -> FencingToken {
        self.lease.token
    }

    /// Whether the lease is still held, as far as can be known here.
    #[must_use]
    pub fn is_held(&self) -> bool {
        !*self.lost.borrow()
    }

    /// Completes when the lease is lost.
    pub async fn lost(&self) {
        let _ = self.lost.clone().wait_for(|lost| *lost).await; // the keeper is gone: so is the lease
    }

    /// Does work as long as the lease is held; the work is dropped when it is lost.
    ///
    /// # Errors
    /// [`LockError::Lost`].
    pub async fn run<T>(&self, work: impl Future<Output = T>) -> Result<T, LockError> {
        tokio::select! {
            biased;
            () = self.lost() => Err(LockError::Lost { name: self.lease.name.clone() }),
            done = work => Ok(done),
        }
    }

    /// Frees the lock and waits until it is free.
    ///
    /// # Errors
    /// As [`LockManager::release`].
    pub async fn release(mut self) -> Result<(), LockError> {
        self.keeper.abort();
        self.is_released = true;
        self.locks.release(&self.lease).await
    }
}

impl Drop for LockGuard {
    fn drop(&mut self) {
        self.keeper.abort();
        if self.is_released {
            return;
        }
        let (locks, lease) = (Arc::clone(&self.locks), self.lease.clone());
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            // If this does not get through, the lease ends by itself.
            runtime.spawn(async move { locks.release(&lease).await });
        }
    }
}

/// Renews until the lease is lost, or cannot be known to be held.
async fn keep(locks: Arc<dyn LockManager>, lease: Lease, granted: Instant, lose: watch::Sender<bool>) {
    let usable = lease.duration - lease.duration / MARGIN;
    let mut ends = granted + usable;
    let mut renew_at = granted + lease.duration / 3;
    loop {
        sleep_until(renew_at.min(ends)).await;
        let asked = Instant::now();
        if asked >= ends {
            break;
        }
        match timeout_at(ends, locks.renew(&lease)).await {
            Ok(Ok(())) => {
                ends = asked + usable;
                renew_at = asked + lease.duration / 3;
            }
            Ok(Err(LockError::Lost { .. })) | Err(_) => break,
            Ok(Err(_)) => renew_at = Instant::now() + lease.duration / 20, // it may be reachable again in time
        }
    }
    lose.send_replace(true);
}
