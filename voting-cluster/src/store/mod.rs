//! Backends of [`voting_core::seams::Store`].

mod memory;
mod redb;
mod redis;
mod rows;
mod rules;

pub use self::redb::RedbStore;
pub use self::redis::RedisStore;
pub use memory::MemoryStore;
