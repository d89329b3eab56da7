//! Backends of [`voting_core::seams::Transport`].

mod direct;
mod memory;
mod redis;

pub use self::redis::RedisTransport;
#[cfg(feature = "testing")]
pub(crate) use direct::Frame;
pub use direct::{DirectConfig, DirectError, DirectPeer, DirectTransport, LinkStatus};
pub use memory::{INBOX_BYTES, INBOX_MESSAGES, MemoryNetwork, MemoryTransport};
