//! Backends of [`voting_core::seams::Ledger`].

pub(crate) mod file;
mod memory;
mod redb;
mod rules;

pub use self::redb::RedbLedger;
pub use memory::MemoryLedger;
