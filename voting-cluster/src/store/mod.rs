//! Backends of [`voting_core::seams::Store`].

mod memory;
mod redb;
mod rows;
mod rules;

pub use self::redb::RedbStore;
pub use memory::MemoryStore;
