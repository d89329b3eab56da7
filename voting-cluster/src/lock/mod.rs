//! Backends of [`voting_core::seams::LockManager`].

mod memory;

pub use memory::{MAX_WAITERS, MemoryLocks};
