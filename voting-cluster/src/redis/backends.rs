//! The seams on one connection to Redis.

use voting_core::seams::NodeName;

use super::{Redis, RedisConfig, RedisError, Subscriber};
use crate::lock::RedisLocks;
use crate::queue::{QueueLayout, RedisQueue, Share};
use crate::store::RedisStore;
use crate::transport::RedisTransport;

/// Makes every backend of a process on one connection and one set of subscriptions; clones share both.
#[derive(Debug, Clone)]
pub struct RedisBackends {
    redis: Redis,
    subscriber: Subscriber,
}

impl RedisBackends {
    /// Connects to a cluster or to a single server, whichever is there.
    ///
    /// # Errors
    /// [`RedisError`] if no server answers within the patience.
    pub async fn connect(config: RedisConfig) -> Result<Self, RedisError> {
        let redis = Redis::connect(config).await?;
        let subscriber = Subscriber::new(redis.clone())?;
        Ok(Self { redis, subscriber })
    }

    /// Backends that connect when they are first used; needs the tokio runtime.
    ///
    /// # Errors
    /// [`RedisError::Unexpected`] without randomness.
    pub fn lazy(config: RedisConfig) -> Result<Self, RedisError> {
        let redis = Redis::lazy(config);
        let subscriber = Subscriber::new(redis.clone())?;
        Ok(Self { redis, subscriber })
    }

    /// The connection itself.
    #[must_use]
    pub const fn redis(&self) -> &Redis {
        &self.redis
    }

    /// Shared state.
    #[must_use]
    pub fn store(&self) -> RedisStore {
        RedisStore::new(self.redis.clone())
    }

    /// The ballot queue. A consumer with a share is woken for its part of the buckets only.
    #[must_use]
    pub fn queue(&self, layout: QueueLayout, share: Option<Share>) -> RedisQueue {
        RedisQueue::new(self.redis.clone(), self.subscriber.clone(), layout, share)
    }

    /// Locks.
    ///
    /// # Errors
    /// [`RedisError::Unexpected`] without randomness.
    pub fn locks(&self) -> Result<RedisLocks, RedisError> {
        RedisLocks::new(self.redis.clone(), self.subscriber.clone())
    }

    /// A node's end of the network; returns once messages to it are heard.
    ///
    /// # Errors
    /// [`RedisError`] if they are not within the patience.
    pub async fn transport(&self, name: NodeName) -> Result<RedisTransport, RedisError> {
        RedisTransport::join(self.redis.clone(), &self.subscriber, name).await
    }
}
