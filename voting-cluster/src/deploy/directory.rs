//! Heartbeats in the store, for those who only look: an authority's latest, signed, gone when it is.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use tracing::debug;
use voting_core::codec::Canonical;
use voting_core::crypto::SigningKey;
use voting_core::epoch::Epoch;
use voting_core::epoch::change::Handover;
use voting_core::ids::{AuthorityIndex, ChainId, PartitionId};
use voting_core::seams::{Condition, KeyClass, Ledger, Store, StoreError, StoreKey};
use voting_core::state::LedgerState;

use crate::handovers::handovers;
use crate::leadership::Leading;
use crate::membership::{Heartbeat, Member, SignedHeartbeat};
use crate::replica::Replica;

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

fn epochs_key(partition: PartitionId) -> Result<StoreKey, StoreError> {
    StoreKey::new(format!("members:{}", partition.0), KeyClass::Ephemeral, "epochs")
}

/// Proofs of the changes of the authorities, as the store has them; not checked yet.
///
/// # Errors
/// [`StoreError`].
pub async fn handovers_of(store: &dyn Store, partition: PartitionId) -> Result<Vec<Handover>, StoreError> {
    let Some(found) = store.get(&epochs_key(partition)?).await? else { return Ok(Vec::new()) };
    serde_json::from_slice(&found.value).map_err(|error| StoreError::Damaged(format!("the list of epochs: {error}")))
}

/// The authority that coordinates, as it says; for show only.
///
/// # Errors
/// [`StoreError`].
pub async fn coordinator_of(store: &dyn Store, partition: PartitionId) -> Result<Option<AuthorityIndex>, StoreError> {
    let found = store.get(&coordinator_key(partition)?).await?;
    Ok(found.and_then(|found| String::from_utf8(found.value).ok()?.parse().ok().map(AuthorityIndex)))
}

/// Writes an authority's own heartbeats until it is dropped, and who the authorities are if they have changed.
pub(super) async fn publish(
    store: Arc<dyn Store>,
    partition: PartitionId,
    ledger: Arc<dyn Ledger>,
    replica: Arc<Replica>,
    keys: Vec<SigningKey>,
    members: watch::Receiver<Vec<Member>>,
    leading: watch::Receiver<Leading>,
) {
    let mut tick = interval(WRITE_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        let state = replica.state();
        let epoch = state.epoch();
        let mine = keys.iter().find_map(|key| Some((epoch.index_of(&key.public())?, key)));
        let Some((me, signing)) = mine else { continue };
        let own = members.borrow().get(usize::from(me.0)).and_then(|member| member.heartbeat.clone());
        let Some(heartbeat) = own else { continue };
        let bytes = SignedHeartbeat::sign(heartbeat, signing).to_canonical();
        let written = async { store.put(key(partition, me)?, bytes, Condition::Any, Some(KEPT)).await };
        if let Err(error) = written.await {
            debug!(%error, "a heartbeat was not written to the store");
        }
        if epoch.number > 0
            && let Err(error) = note_epochs(store.as_ref(), partition, ledger.as_ref(), &state).await
        {
            debug!(%error, "the authorities were not noted in the store");
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

async fn note_epochs(
    store: &dyn Store,
    partition: PartitionId,
    ledger: &dyn Ledger,
    state: &LedgerState,
) -> Result<(), StoreError> {
    let damaged = |error: &dyn std::fmt::Display| StoreError::Damaged(error.to_string());
    let proofs = handovers(ledger, state).await.map_err(|error| damaged(&error))?;
    let bytes = serde_json::to_vec(&proofs).map_err(|error| damaged(&error))?;
    store.put(epochs_key(partition)?, bytes, Condition::Any, Some(KEPT)).await.map(|_| ())
}

/// An authority, with what it said last if that is not long ago.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// Its latest heartbeat, if it has one and its signature holds.
    pub heartbeat: Option<Heartbeat>,
}

/// The latest heartbeats of all authorities of an epoch, as the store has them.
///
/// # Errors
/// [`StoreError`].
pub async fn heartbeats_of(
    store: &dyn Store,
    chain: ChainId,
    partition: PartitionId,
    epoch: &Epoch,
) -> Result<Vec<Listed>, StoreError> {
    let mut listed = Vec::with_capacity(epoch.len());
    for (index, authority) in (0u16..).zip(&epoch.authorities) {
        let found = store.get(&key(partition, AuthorityIndex(index))?).await?;
        let signed = found.and_then(|found| SignedHeartbeat::from_canonical(&found.value).ok());
        let heartbeat = signed.and_then(|signed| signed.verify(chain, epoch));
        let heartbeat = heartbeat.filter(|heartbeat| heartbeat.authority == AuthorityIndex(index));
        listed.push(Listed { name: authority.name.clone(), heartbeat });
    }
    Ok(listed)
}
