//! For tests of what stands on these backends: real servers that can be killed, stopped, cut off and
//! restarted, and processes that never outlive their test.

pub use crate::local::{NODE_TIMEOUT, Process, RedisServers, ServerId, Spawn};
