//! Read models: what dashboards and other programs read from the store without following the ledger.
//!
//! ```text
//!  {chain:P}:projection:head       JSON: height, hash and view of the last finalized block
//!  {election:ID}:projection:summary  JSON: an election's phase, turnout and digest
//! ```
//!
//! They are written by the coordinator, a few times a second at most, on condition that the height is
//! higher than the one they were last written for. If they vanish they come back within
//! [`REFRESH_EVERY`]. Nothing of ours is decided by them: whoever wants to be sure follows the ledger.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tracing::warn;
use voting_core::election::Phase;
use voting_core::ids::{BlockHash, Digest, ElectionId, Height, PartitionId, View};
use voting_core::seams::{Condition, KeyClass, LedgerHead, Store, StoreError, StoreKey};
use voting_core::state::{ElectionState, LedgerState};
use voting_core::time::Timestamp;

use crate::leadership::Leading;
use crate::replica::Replica;

/// Time between two writes: live enough to look at, and independent of the load.
pub const WRITE_EVERY: Duration = Duration::from_millis(250);
/// All models are written anew this often, so that what vanished comes back.
pub const REFRESH_EVERY: Duration = Duration::from_secs(2);

/// The end of a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeadModel {
    /// Height of the last finalized block; 0 before the first.
    pub height: Height,
    /// Its identity.
    pub hash: BlockHash,
    /// Its view.
    pub view: View,
}

/// An election at a glance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ElectionModel {
    /// Its identity.
    pub id: ElectionId,
    /// Its title.
    pub title: String,
    /// Where it stands.
    pub phase: Phase,
    /// When voting begins.
    pub opens_at: Timestamp,
    /// When voting ends.
    pub closes_at: Timestamp,
    /// Voters entitled.
    pub entitled: u64,
    /// Voters whose keys are certified.
    pub certified: u64,
    /// Voters who have voted.
    pub voted: u64,
    /// Commits to the whole state of the election, tally included.
    pub state: Digest,
}

impl ElectionModel {
    fn of(election: &ElectionState) -> Self {
        let definition = election.definition();
        Self {
            id: election.id(),
            title: definition.title.clone(),
            phase: election.phase(),
            opens_at: definition.opens_at,
            closes_at: definition.closes_at,
            entitled: election.roll_size(),
            certified: election.certified(),
            voted: election.voted(),
            state: election.digest(),
        }
    }
}

/// Where the end of a chain is kept.
///
/// # Errors
/// Never; the signature is that of every key.
pub fn head_key(partition: PartitionId) -> Result<StoreKey, StoreError> {
    StoreKey::new(format!("chain:{}", partition.0), KeyClass::Projection, "head")
}

/// Where an election's model is kept.
///
/// # Errors
/// Never; the signature is that of every key.
pub fn election_key(election: ElectionId) -> Result<StoreKey, StoreError> {
    StoreKey::new(format!("election:{election}"), KeyClass::Projection, "summary")
}

/// Every read model that follows from a state.
///
/// # Errors
/// [`StoreError::Damaged`] if a value cannot be written as JSON.
pub fn read_models(
    state: &LedgerState,
    head: Option<LedgerHead>,
    partition: PartitionId,
) -> Result<Vec<(StoreKey, Vec<u8>)>, StoreError> {
    let mut models = vec![(head_key(partition)?, json(&head_model(head))?)];
    for election in state.elections() {
        models.push((election_key(election.id())?, json(&ElectionModel::of(election))?));
    }
    Ok(models)
}

fn head_model(head: Option<LedgerHead>) -> HeadModel {
    head.map_or(HeadModel { height: Height(0), hash: BlockHash::GENESIS, view: View(0) }, |head| HeadModel {
        height: head.height,
        hash: head.hash,
        view: head.view,
    })
}

fn json<T: Serialize>(value: &T) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(value).map_err(|error| StoreError::Damaged(error.to_string()))
}

/// Keeps the read models of one chain while this process leads.
pub struct Projector {
    /// What is final.
    pub replica: Arc<Replica>,
    /// Where the models are kept.
    pub store: Arc<dyn Store>,
    /// The chain.
    pub partition: PartitionId,
    /// Whether it is this process that writes.
    pub leading: watch::Receiver<Leading>,
}

impl Projector {
    /// Runs as long as the leadership is run for.
    pub async fn run(mut self) {
        loop {
            if self.leading.wait_for(|leading| leading.token.is_some()).await.is_err() {
                return;
            }
            self.lead().await;
        }
    }

    /// Writes until another leads.
    async fn lead(&mut self) {
        let mut written: HashMap<StoreKey, Vec<u8>> = HashMap::new();
        let mut heights = self.replica.heights();
        let mut refresh_at = Instant::now();
        while self.leading.borrow().token.is_some() {
            let now = Instant::now();
            if now >= refresh_at {
                written.clear();
                refresh_at = now + REFRESH_EVERY;
            }
            heights.borrow_and_update();
            if let Err(error) = self.write(&mut written).await {
                warn!(%error, "the read models cannot be written; they will be later");
                written.clear();
            }
            sleep_until(now + WRITE_EVERY).await;
            tokio::select! {
                _ = heights.changed() => {}
                _ = self.leading.changed() => {}
                () = sleep_until(refresh_at) => {}
            }
        }
    }

    async fn write(&self, written: &mut HashMap<StoreKey, Vec<u8>>) -> Result<(), StoreError> {
        let (state, head) = (self.replica.state(), self.replica.head());
        let height = state.height();
        for (key, value) in read_models(&state, head, self.partition)? {
            if written.get(&key) != Some(&value) {
                self.store.put(key.clone(), value.clone(), Condition::Height(height.0), None).await?;
                written.insert(key, value);
            }
        }
        Ok(())
    }
}

impl std::fmt::Debug for Projector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Projector").field("partition", &self.partition).finish_non_exhaustive()
    }
}
