//! Backends of [`voting_core::seams::Transport`].

mod memory;

pub use memory::{INBOX_BYTES, INBOX_MESSAGES, MemoryNetwork, MemoryTransport};
