//! The network as it is right now, for those who only look.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tracing::warn;
use voting_core::board::{CheckpointError, Origin, SignedCheckpoint};
use voting_core::ids::{AuthorityIndex, ElectionId, EntryHash, PartitionId};
use voting_core::seams::Store;

use crate::boards::Board;
use crate::clock::{ClockReport, SyncedClock};
use crate::deploy::coordinator_of;
use crate::inquiry::{Authorities, MAX_INQUIRY};
use crate::membership::Member;
use crate::redis::{Redis, RedisError, Topology};
use crate::replica::Replica;

/// Shows authorities as they are heard of here, and what Redis says about itself. Nothing may be decided by it.
#[derive(Clone)]
pub struct NetworkView {
    members: watch::Receiver<Vec<Member>>,
    clock: Arc<SyncedClock>,
    redis: Option<Redis>,
    authorities: Authorities,
    replica: Arc<Replica>,
    /// Where the coordinator is noted, in a network that has one.
    coordinator: Option<(Arc<dyn Store>, PartitionId)>,
}

impl NetworkView {
    /// A network in one process, which has no coordinator.
    pub(crate) fn embedded(
        members: watch::Receiver<Vec<Member>>,
        clock: Arc<SyncedClock>,
        authorities: Authorities,
        replica: &Arc<Replica>,
        redis: Option<Redis>,
    ) -> Self {
        Self { members, clock, authorities, replica: Arc::clone(replica), redis, coordinator: None }
    }

    /// A network of processes.
    pub(crate) fn deployed(
        members: watch::Receiver<Vec<Member>>,
        clock: Arc<SyncedClock>,
        authorities: Authorities,
        replica: &Arc<Replica>,
        redis: Redis,
        store: Arc<dyn Store>,
        partition: PartitionId,
    ) -> Self {
        Self {
            members,
            clock,
            authorities,
            replica: Arc::clone(replica),
            redis: Some(redis),
            coordinator: Some((store, partition)),
        }
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
            holders.extend(self.authorities.holders(some, patience).await);
        }
        holders
    }

    /// The checkpoint of an election's log as it is now, with the signatures of all authorities that answer within the patience:
    /// of a quorum, as soon as one does.
    ///
    /// # Errors
    /// [`CheckpointError::Quorum`] if too few do.
    pub async fn checkpoint(&self, election: ElectionId, patience: Duration) -> Result<SignedCheckpoint, CheckpointError> {
        let (epoch, checkpoint) = {
            let state = self.replica.state();
            let boards = self.replica.boards();
            let size = boards.get(election).map_or(0, Board::size);
            (Arc::clone(state.epoch()), boards.checkpoint(election, size))
        };
        let quorum = epoch.quorum;
        let checkpoint = checkpoint.ok_or(CheckpointError::Quorum { actual: 0, quorum })?;
        let (origin, size) = (Origin { chain: self.replica.state().chain(), election }, checkpoint.size);
        let mut signed = SignedCheckpoint::unsigned(checkpoint);
        let mut signers = 0;
        let take = |index, signature| {
            let Some(authority) = epoch.authority(index) else { return false };
            match signed.add(authority.key, signature) {
                Ok(()) => signers += 1,
                Err(error) => {
                    warn!(authority = authority.name, %election, size, %error, "an authority signs another checkpoint than this gateway has");
                }
            }
            signers >= quorum
        };
        self.authorities.sign(election, size, patience, take).await;
        signed.verify(origin, &epoch)?;
        Ok(signed)
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
