//! Real servers for tests, and what checks a history afterwards. Everything here may panic: a test that
//! cannot start its servers has failed.

mod bus;
mod process;
mod redis;

pub use process::{Process, Spawn};
pub use redis::{NODE_TIMEOUT, RedisServers, ServerId};
