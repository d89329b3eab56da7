//! Backends of [`voting_core::seams::Store`].

mod memory;
mod rows;
mod rules;

pub use memory::MemoryStore;
