//! Backends of [`voting_core::seams::Ledger`].

mod memory;
mod rules;

pub use memory::MemoryLedger;
