//! Backends of [`voting_core::seams::Transport`].

mod memory;
mod redis;

pub use self::redis::RedisTransport;
pub use memory::{INBOX_BYTES, INBOX_MESSAGES, MemoryNetwork, MemoryTransport};
