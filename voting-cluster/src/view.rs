//! The network as it is right now, for those who only look.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use voting_core::ids::{AuthorityIndex, EntryHash, PartitionId};
use voting_core::seams::Store;

use crate::clock::{ClockReport, SyncedClock};
use crate::deploy::coordinator_of;
use crate::holders::{Holders, MAX_INQUIRY};
use crate::membership::Member;
use crate::redis::{Redis, RedisError, Topology};

/// Shows authorities as they are heard of here, and what Redis says about itself. Nothing may be decided by it.
#[derive(Clone)]
pub struct NetworkView {
    members: watch::Receiver<Vec<Member>>,
    clock: Arc<SyncedClock>,
    redis: Option<Redis>,
    holders: Holders,
    /// Where the coordinator is noted, in a network that has one.
    coordinator: Option<(Arc<dyn Store>, PartitionId)>,
}

impl NetworkView {
    /// A network in one process, which has no coordinator.
    pub(crate) const fn embedded(
        members: watch::Receiver<Vec<Member>>,
        clock: Arc<SyncedClock>,
        holders: Holders,
        redis: Option<Redis>,
    ) -> Self {
        Self { members, clock, holders, redis, coordinator: None }
    }

    /// A network of processes.
    pub(crate) fn deployed(
        members: watch::Receiver<Vec<Member>>,
        clock: Arc<SyncedClock>,
        holders: Holders,
        redis: Redis,
        store: Arc<dyn Store>,
        partition: PartitionId,
    ) -> Self {
        Self { members, clock, holders, redis: Some(redis), coordinator: Some((store, partition)) }
    }

    /// The authorities in the order of the epoch.
    #[must_use]
    pub fn members(&self) -> Vec<Member> {
        self.members.borrow().clone()
    }

    /// How the clock here is.
    #[must_use]
    pub fn clock(&self) -> ClockReport {
        self.clock.report()
    }

    /// For each entry the authorities that have checked it and hold it, as far as they answer within the patience. Not what
    /// is recorded: an authority may hold an entry for which there never is a quorum.
    pub async fn holders(&self, entries: &[EntryHash], patience: Duration) -> Vec<Vec<AuthorityIndex>> {
        let mut holders = Vec::with_capacity(entries.len());
        for some in entries.chunks(MAX_INQUIRY) {
            holders.extend(self.holders.of(some, patience).await);
        }
        holders
    }

    /// The authority that coordinates, as far as that can be told.
    pub async fn coordinator(&self) -> Option<AuthorityIndex> {
        let (store, partition) = self.coordinator.as_ref()?;
        coordinator_of(store.as_ref(), *partition).await.ok().flatten()
    }

    /// The servers of Redis, in a network that has it.
    ///
    /// # Errors
    /// [`RedisError`] if none answers within the patience.
    pub async fn topology(&self) -> Option<Result<Topology, RedisError>> {
        Some(self.redis.as_ref()?.topology().await)
    }
}

impl fmt::Debug for NetworkView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NetworkView").field("redis", &self.redis.is_some()).finish_non_exhaustive()
    }
}
