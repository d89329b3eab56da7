//! Backends of [`voting_core::seams::BallotQueue`].

mod memory;
mod redis;

pub use self::redis::{DEFAULT_BUCKETS, MAX_BUCKETS, QueueLayout, RedisQueue, Share};
pub use memory::MemoryQueue;
