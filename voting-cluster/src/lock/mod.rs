//! Backends of [`voting_core::seams::LockManager`].

mod guard;
mod memory;
mod redis;

pub use self::redis::RedisLocks;
pub use guard::LockGuard;
pub use memory::{MAX_WAITERS, MemoryLocks};
