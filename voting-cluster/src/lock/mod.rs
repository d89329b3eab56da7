//! Backends of [`voting_core::seams::LockManager`].

mod memory;
mod redis;

pub use self::redis::RedisLocks;
pub use memory::{MAX_WAITERS, MemoryLocks};
