//! Backends of [`voting_core::seams::BallotQueue`].

mod memory;

pub use memory::MemoryQueue;
