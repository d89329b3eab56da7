//! Processes and Redis servers on this machine: for tests, demonstrations and benchmarks. What cannot be
//! started panics with the reason: there is nothing to go on with.

mod bus;
mod part;
mod ports;
mod process;
mod redis;

pub use part::start_part;
pub use ports::free_ports;
pub use process::{Process, Spawn};
pub use redis::{NODE_TIMEOUT, RedisServers, ServerId, redis_server};
