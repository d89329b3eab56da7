//! Locks with leases and fencing tokens.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use thiserror::Error;

/// Longest lock name in bytes.
pub const MAX_LOCK_NAME_BYTES: usize = 128;

/// Grows with every acquisition of a lock. Where an effect happens, a lower token than one seen
/// before is refused: a holder that overslept its lease does no harm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FencingToken(pub u64);

impl fmt::Display for FencingToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A lock held for a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Name of the lock.
    pub name: String,
    /// Proves who acquired it.
    pub owner: u128,
    /// To be checked where the effect happens.
    pub token: FencingToken,
    /// How long it was granted for, counted from before the acquisition was asked for.
    pub duration: Duration,
}

/// Why a lock was not acquired, renewed or released.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LockError {
    /// Others held it all the time we were ready to wait.
    #[error("the lock `{name}` was not free within {waited:?}")]
    Timeout {
        /// The lock.
        name: String,
        /// How long we waited.
        waited: Duration,
    },
    /// The lease has ended, or the lock is another's now.
    #[error("the lock `{name}` is no longer held under this lease")]
    Lost {
        /// The lock.
        name: String,
    },
    /// An empty or over-long name, or a lease of no duration.
    #[error("not a possible lock: {0}")]
    Invalid(String),
    /// The lock service cannot be reached: whether the lock is held is unknown until the lease has passed.
    #[error("the lock service is not available: {0}")]
    Unavailable(String),
}

/// Named mutexes.
///
/// * **Exclusion** holds while clocks run at about the same rate; what must be exclusive whatever
///   happens is fenced by the token.
/// * **Failure**: a holder that dies frees the lock when its lease ends.
/// * **Fairness**: waiters are served in about the order they came.
/// * **Cancellation**: a dropped `acquire` holds no lock, or one that ends with its lease.
#[async_trait]
pub trait LockManager: Send + Sync + 'static {
    /// Waits up to `timeout` for the lock and holds it for `lease`.
    ///
    /// # Errors
    /// [`LockError::Timeout`], [`LockError::Invalid`], [`LockError::Unavailable`].
    async fn acquire(&self, name: &str, lease: Duration, timeout: Duration) -> Result<Lease, LockError>;

    /// Holds the lock for another `lease.duration` from now.
    ///
    /// # Errors
    /// [`LockError::Lost`], [`LockError::Unavailable`].
    async fn renew(&self, lease: &Lease) -> Result<(), LockError>;

    /// Frees the lock. Others' locks are never touched.
    ///
    /// # Errors
    /// [`LockError::Lost`], [`LockError::Unavailable`].
    async fn release(&self, lease: &Lease) -> Result<(), LockError>;
}
