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
        let began = Instant::now();
        loop {
            let asked = Instant::now();
            let granted = locks.acquire(name, lease, timeout.saturating_sub(asked - began)).await?;
            // The lease runs from some moment after it was asked for. After a wait, or an answer that came late, nobody
            // here knows from which: it is renewed, and runs from before that at the earliest.
            if asked.elapsed() < lease / MARGIN {
                return Ok(Self::keep(locks, granted, asked));
            }
            let renewed = Instant::now();
            match locks.renew(&granted).await {
                Ok(()) => return Ok(Self::keep(locks, granted, renewed)),
                Err(LockError::Lost { .. }) if began.elapsed() < timeout => {} // it had ended on the way
                Err(LockError::Lost { .. }) => return Err(LockError::Timeout { name: name.to_owned(), waited: timeout }),
                Err(error) => {
                    // If this does not get through, the lease ends by itself.
                    tokio::spawn(async move { locks.release(&granted).await });
                    return Err(error);
                }
            }
        }
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

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use async_trait::async_trait;

    use super::*;

    const LEASE: Duration = Duration::from_secs(10);
    const PATIENCE: Duration = Duration::from_secs(60);

    /// A lock whose answers are late: the first by so long.
    #[derive(Default)]
    struct Late {
        answers: Mutex<Vec<Duration>>,
        granted: Mutex<Vec<Instant>>,
    }

    impl Late {
        fn by(seconds: &[u64]) -> Arc<Self> {
            let answers = seconds.iter().rev().map(|seconds| Duration::from_secs(*seconds)).collect();
            Arc::new(Self { answers: Mutex::new(answers), ..Self::default() })
        }

        /// Until when the last lease lasts.
        fn ends(&self) -> Instant {
            *self.granted.lock().unwrap().last().unwrap() + LEASE
        }
    }

    #[async_trait]
    impl LockManager for Late {
        async fn acquire(&self, name: &str, lease: Duration, _: Duration) -> Result<Lease, LockError> {
            let token = {
                let mut granted = self.granted.lock().unwrap();
                granted.push(Instant::now());
                FencingToken(granted.len() as u64)
            };
            let late = self.answers.lock().unwrap().pop().unwrap_or_default();
            tokio::time::sleep(late).await;
            Ok(Lease { name: name.to_owned(), owner: 1, token, duration: lease })
        }

        async fn renew(&self, lease: &Lease) -> Result<(), LockError> {
            if Instant::now() >= self.ends() {
                return Err(LockError::Lost { name: lease.name.clone() });
            }
            self.granted.lock().unwrap().push(Instant::now());
            Ok(())
        }

        async fn release(&self, _: &Lease) -> Result<(), LockError> {
            Ok(())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_late_answer_does_not_prolong_the_lease() {
        let locks = Late::by(&[9]);
        let guard = LockGuard::acquire(Arc::clone(&locks) as _, "a", LEASE, PATIENCE).await.unwrap();
        assert_eq!((guard.token(), locks.granted.lock().unwrap().len()), (FencingToken(1), 2), "it was renewed at once");
        assert!(locks.ends() >= Instant::now() + LEASE, "and lasts");
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_after_the_end_of_the_lease_is_none() {
        let locks = Late::by(&[11, 0]);
        let guard = LockGuard::acquire(Arc::clone(&locks) as _, "a", LEASE, PATIENCE).await.unwrap();
        assert_eq!(guard.token(), FencingToken(2), "acquired anew");
        assert!(guard.is_held() && locks.ends() >= Instant::now() + LEASE);
        let timeout = Duration::from_secs(5);
        let never = LockGuard::acquire(Late::by(&[11]), "a", LEASE, timeout).await.unwrap_err();
        assert_eq!(never, LockError::Timeout { name: "a".to_owned(), waited: timeout });
    }
}
