//! The way to Redis: one connection that outlives failovers, one function for every key, scripts, and
//! subscriptions that notice when they have died.
//!
//! Redis carries shared state, queues and hints, and is never trusted with the truth: it replicates
//! asynchronously, so that an acknowledged write may vanish at a failover. What follows from that for
//! each backend is said where the backend is.
//!
//! ```text
//!  RedisStore ─┐
//!  RedisQueue ─┤─▶ Redis (retries, rebuilds) ─▶ ClusterConnection | MultiplexedConnection
//!  RedisLocks ─┤
//!  RedisTransport ─▶ Subscriber (RESP3 pushes, watched by echoes) ─▶ a connection of its own
//! ```

mod backends;
mod config;
mod connection;
mod keys;
mod script;
mod subscriber;
mod topology;

pub use backends::RedisBackends;
pub use config::{DEFAULT_PATIENCE, MAX_NAMESPACE_BYTES, Namespace, RedisConfig, RedisConfigError};
pub use connection::{Redis, RedisError};
pub use keys::slot_of;
pub use topology::{ServerStatus, ShardStatus, Topology, Usage};

pub(crate) use connection::convert;
pub(crate) use keys::Keys;
pub(crate) use script::Script;
pub(crate) use subscriber::{Subscriber, Subscription};

/// Names who asks, so that what is asked again is known for the same.
pub(crate) fn random_number() -> Result<u128, RedisError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| RedisError::Unexpected(format!("no randomness: {error}")))?;
    Ok(u128::from_be_bytes(bytes))
}
