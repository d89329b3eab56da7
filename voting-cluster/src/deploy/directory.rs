//! Heartbeats in the store, for those who only look: an authority's latest, signed, gone when it is.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use tracing::debug;
use voting_core::codec::Canonical;
use voting_core::crypto::SigningKey;
use voting_core::epoch::Genesis;
use voting_core::ids::{AuthorityIndex, PartitionId};
use voting_core::seams::{Condition, KeyClass, Store, StoreError, StoreKey};

use crate::leadership::Leading;
use crate::membership::{Heartbeat, Member, SignedHeartbeat};

/// Time between two writes.
const WRITE_EVERY: Duration = Duration::from_secs(1);
/// An entry that is not renewed for this long is gone.
const KEPT: Duration = Duration::from_secs(5);

fn key(partition: PartitionId, authority: AuthorityIndex) -> Result<StoreKey, StoreError> {
    StoreKey::new(format!("members:{}", partition.0), KeyClass::Ephemeral, format!("{authority}"))
}

fn coordinator_key(partition: PartitionId) -> Result<StoreKey, StoreError> {
    StoreKey::new(format!("members:{}", partition.0), KeyClass::Ephemeral, "coordinator")
}

/// The authority that coordinates, as it says; for show only.
///
/// # Errors
/// [`StoreError`].
pub async fn coordinator_of(store: &dyn Store, partition: PartitionId) -> Result<Option<AuthorityIndex>, StoreError> {
    let found = store.get(&coordinator_key(partition)?).await?;
    Ok(found.and_then(|found| String::from_utf8(found.value).ok()?.parse().ok().map(AuthorityIndex)))
}

/// Writes an authority's own heartbeats until it is dropped.
pub(super) async fn publish(
    store: Arc<dyn Store>,
    partition: PartitionId,
    me: AuthorityIndex,
    signing: SigningKey,
    members: watch::Receiver<Vec<Member>>,
    leading: watch::Receiver<Leading>,
) {
    let mut tick = interval(WRITE_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        let own = members.borrow().get(usize::from(me.0)).and_then(|member| member.heartbeat.clone());
        let Some(heartbeat) = own else { continue };
        let bytes = SignedHeartbeat::sign(heartbeat, &signing).to_canonical();
        let written = async { store.put(key(partition, me)?, bytes, Condition::Any, Some(KEPT)).await };
        if let Err(error) = written.await {
            debug!(%error, "a heartbeat was not written to the store");
        }
        if leading.borrow().token.is_some() {
            let noted =
                async { store.put(coordinator_key(partition)?, me.to_string().into_bytes(), Condition::Any, Some(KEPT)).await };
            if let Err(error) = noted.await {
                debug!(%error, "the coordinator was not noted in the store");
            }
        }
    }
}

/// An authority, with what it said last if that is not long ago.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// Its latest heartbeat, if it has one and its signature holds.
    pub heartbeat: Option<Heartbeat>,
}

/// The latest heartbeats of all authorities, as the store has them.
///
/// # Errors
/// [`StoreError`].
pub async fn heartbeats_of(store: &dyn Store, genesis: &Genesis, partition: PartitionId) -> Result<Vec<Listed>, StoreError> {
    let chain = genesis.chain_id(partition);
    let mut listed = Vec::with_capacity(genesis.epoch.len());
    for (index, authority) in (0u16..).zip(&genesis.epoch.authorities) {
        let found = store.get(&key(partition, AuthorityIndex(index))?).await?;
        let signed = found.and_then(|found| SignedHeartbeat::from_canonical(&found.value).ok());
        let heartbeat = signed.and_then(|signed| signed.verify(chain, &genesis.epoch));
        let heartbeat = heartbeat.filter(|heartbeat| heartbeat.authority == AuthorityIndex(index));
        listed.push(Listed { name: authority.name.clone(), heartbeat });
    }
    Ok(listed)
}
