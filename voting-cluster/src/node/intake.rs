//! First stage: entries come in from the queue and from other authorities, are verified in parallel,
//! shared, and admitted to the mempool.
//!
//! An entry from the queue is acknowledged once it is final or refused, by whoever took it. If this
//! node dies first, the queue hands it to another.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use borsh::{BorshDeserialize, BorshSerialize};
use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tracing::{debug, warn};
use voting_core::block::{EntryBytes, MAX_BLOCK_BYTES};
use voting_core::codec::Canonical;
use voting_core::entry::{EntryError, VerifiedEntry};
use voting_core::ids::EntryHash;
use voting_core::seams::transport::MAX_MESSAGE_BYTES;
use voting_core::seams::{BallotQueue, Delivery, MessageKind};
use voting_core::state::Refusal;

use super::Shared;
use crate::follow::{RefusedEntries, RefusedEntry};
use crate::mempool::Admission;

/// Entries taken at a time: some 20 ms of verification on one core.
const BATCH: usize = 512;
/// How long to wait for the queue before looking after abandoned entries.
const TAKE_WAIT: Duration = Duration::from_millis(500);
/// Taken by another node and not settled for this long: many times the time to finality.
const ABANDONED_AFTER: Duration = Duration::from_secs(3);
/// An authority that has had work for this long and saw nothing become final is probably cut off from
/// the others: it takes no more from the queue, so that those who can finish entries get them.
const CUT_OFF_AFTER: Duration = Duration::from_millis(1_500);
/// Above this many waiting entries, no more are taken from the queue: it is the queue that refuses.
const MEMPOOL_HIGH_WATER: usize = crate::mempool::MAX_ENTRIES / 2;
/// How long to pause when there is no room or the queue is away.
const PAUSE: Duration = Duration::from_millis(50);

/// Entries acknowledged by one call, when many have piled up.
const SETTLED_AT_ONCE: usize = 4_096;
/// Calls under way to acknowledge entries.
const SETTLING: usize = 16;

/// With so many entries waiting for a block, another few need not hurry.
const BUSY: usize = 64;
/// How long they are then left to gather: what is shared in larger batches costs less.
const GATHER: Duration = Duration::from_millis(15);

/// Verified entries on their way to the other authorities.
#[derive(Debug, BorshSerialize, BorshDeserialize)]
pub(crate) struct SharedEntries(pub(crate) Vec<EntryBytes>);

impl Canonical for SharedEntries {
    const TAG: &'static str = "voting/shared-entries/v1";
    const MAX_BYTES: usize = MAX_MESSAGE_BYTES;
}

/// Entries that this node took from the queue and has not settled yet.
#[derive(Debug, Default)]
pub(super) struct Taken(Mutex<HashSet<EntryHash>>);

impl Taken {
    fn insert(&self, hashes: impl Iterator<Item = EntryHash>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(hashes);
    }

    /// How many they are.
    pub(super) fn len(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Those of the given entries that are this node's to acknowledge, which it then no longer is.
    pub(super) fn settle(&self, hashes: impl Iterator<Item = EntryHash>) -> Vec<EntryHash> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        hashes.filter(|hash| taken.remove(hash)).collect()
    }
}

/// Takes entries from the queue until the node stops.
pub(super) async fn run(shared: Arc<Shared>) {
    let mut reclaimed_at = shared.clock.monotonic();
    loop {
        // Who has no vote leaves the entries to those who have.
        let has_vote = shared.seat().me.is_some();
        if !has_vote || shared.mempool().len() >= MEMPOOL_HIGH_WATER || shared.stalled_for() >= CUT_OFF_AFTER {
            tokio::time::sleep(PAUSE).await;
            continue;
        }
        let now = shared.clock.monotonic();
        let reclaims = now.saturating_sub(reclaimed_at) >= ABANDONED_AFTER / 2;
        let taken = if reclaims {
            reclaimed_at = now;
            shared.queue.reclaim(&shared.name.0, BATCH, ABANDONED_AFTER).await
        } else {
            shared.queue.take(&shared.name.0, BATCH, TAKE_WAIT).await
        };
        match taken {
            Ok(deliveries) if deliveries.is_empty() => {}
            Ok(deliveries) => {
                admit_deliveries(&shared, deliveries).await;
                if shared.mempool().ready() >= BUSY {
                    tokio::time::sleep(GATHER).await;
                }
            }
            Err(error) => {
                warn!(%error, "the queue cannot be read");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

impl Shared {
    /// Verifies entries by what is final.
    async fn verify_all(&self, entries: Vec<EntryBytes>) -> Vec<Result<Arc<VerifiedEntry>, EntryError>> {
        let state = self.tree().finalized().state.clone();
        self.verifier.verify_all(entries, &state).await
    }
}

async fn admit_deliveries(shared: &Shared, deliveries: Vec<Delivery>) {
    shared.taken.insert(deliveries.iter().map(|delivery| delivery.hash));
    let hashes: Vec<_> = deliveries.iter().map(|delivery| delivery.hash).collect();
    let results = shared.verify_all(deliveries.into_iter().map(|delivery| delivery.entry).collect()).await;
    let mut verified = Vec::with_capacity(results.len());
    for (hash, result) in hashes.into_iter().zip(results) {
        match result {
            Ok(entry) => verified.push(entry),
            Err(error) => refuse_entry(shared, hash, &error).await,
        }
    }
    share(shared, &verified).await;
    admit(shared, verified).await;
}

/// An entry of this authority's own: shared with the others and admitted here. It is in no queue, and who offers it
/// looks what becomes of it.
pub(super) async fn offer(shared: &Shared, entry: EntryBytes) {
    let verified: Vec<_> = shared.verify_all(vec![entry]).await.into_iter().flatten().collect();
    share(shared, &verified).await;
    admit(shared, verified).await;
}

/// Entries that another authority has verified; its word counts for nothing.
pub(super) async fn receive_shared(shared: &Shared, bytes: &[u8]) {
    let SharedEntries(entries) = match SharedEntries::from_canonical(bytes) {
        Ok(entries) => entries,
        Err(error) => {
            debug!(%error, "a peer shared something that is no list of entries");
            return;
        }
    };
    let unknown: Vec<_> = {
        let mempool = shared.mempool();
        entries.into_iter().take(BATCH).filter(|entry| mempool.get(&entry.hash()).is_none()).collect()
    };
    let verified = shared.verify_all(unknown).await.into_iter().flatten().collect();
    admit(shared, verified).await;
}

async fn share(shared: &Shared, entries: &[Arc<VerifiedEntry>]) {
    let mut rest = entries;
    while !rest.is_empty() {
        let mut bytes = 0;
        let fits = rest
            .iter()
            .take_while(|entry| {
                bytes += entry.bytes().as_slice().len() + 4;
                bytes <= MAX_BLOCK_BYTES
            })
            .count()
            .max(1);
        let (now, later) = rest.split_at(fits);
        let message = SharedEntries(now.iter().map(|entry| entry.bytes().clone()).collect());
        if let Err(error) = shared.transport.broadcast(MessageKind::Entries, Bytes::from(message.to_canonical())).await {
            debug!(%error, "entries were not shared; they will be seen in a proposal");
        }
        rest = later;
    }
}

async fn admit(shared: &Shared, entries: Vec<Arc<VerifiedEntry>>) {
    let now = shared.clock.monotonic();
    let mut settled = Vec::new();
    let mut refused = Vec::new();
    {
        let tree = shared.tree();
        let mut mempool = shared.mempool();
        for entry in entries {
            let hash = entry.hash();
            match mempool.admit(entry, tree.finalized(), now) {
                Admission::Ready | Admission::Held | Admission::Known => {}
                // It stays in the queue, untouched, and is handed out again later.
                Admission::Full => drop(shared.taken.settle(std::iter::once(hash))),
                Admission::Final => settled.push(hash),
                Admission::Refused(refusal) => refused.push((hash, refusal)),
            }
        }
    }
    shared.note_work();
    acknowledge(shared, settled.into_iter());
    refuse(shared, refused).await;
}

/// Refuses what the ledger will never contain.
pub(super) async fn refuse(shared: &Shared, refused: Vec<(EntryHash, Refusal)>) {
    refuse_all(shared, refused.into_iter().map(|(hash, refusal)| (hash, refusal.code(), refusal.to_string())).collect()).await;
}

async fn refuse_entry(shared: &Shared, hash: EntryHash, error: &EntryError) {
    refuse_all(shared, vec![(hash, error.code(), error.to_string())]).await;
}

/// Tells those who wait, here and at followers, and settles the queue. Followers are told by the authority that
/// took the entry, so that they hear it once.
async fn refuse_all(shared: &Shared, refused: Vec<(EntryHash, &'static str, String)>) {
    for (hash, code, reason) in &refused {
        shared.hooks.refused(*hash, code, reason);
        shared.replica.note_refused(*hash, *code, reason.clone());
    }
    let mine: HashSet<_> = shared.taken.settle(refused.iter().map(|(hash, ..)| *hash)).into_iter().collect();
    let refused = refused.into_iter().filter(|(hash, ..)| mine.contains(hash));
    let told: Vec<_> = refused.map(|(entry, code, reason)| RefusedEntry { entry, code: code.to_owned(), reason }).collect();
    if !told.is_empty() {
        let bytes = Bytes::from(RefusedEntries(told).to_canonical());
        if let Err(error) = shared.transport.broadcast(MessageKind::Status, bytes).await {
            debug!(%error, "followers were not told of refused entries; they will see them pending");
        }
    }
    settle(shared, mine.into_iter().collect());
}

/// Settles entries in the queue if this node took them.
pub(super) fn acknowledge(shared: &Shared, hashes: impl Iterator<Item = EntryHash>) {
    settle(shared, shared.taken.settle(hashes));
}

/// Hands entries to the settler: a queue that is away must not keep the next block waiting.
fn settle(shared: &Shared, mine: Vec<EntryHash>) {
    if !mine.is_empty() && shared.settled.try_send(mine).is_err() {
        debug!("entries were not acknowledged; they will be handed out again and found final");
    }
}

/// Acknowledges settled entries until the node stops; many at once when they pile up. A part of the queue that
/// does not answer keeps the rest waiting only when [`SETTLING`] calls wait for it.
pub(super) async fn settler(queue: Arc<dyn BallotQueue>, mut settled: mpsc::Receiver<Vec<EntryHash>>) {
    let mut settling = JoinSet::new();
    while let Some(mut hashes) = settled.recv().await {
        while settling.try_join_next().is_some() {}
        if settling.len() >= SETTLING {
            settling.join_next().await;
        }
        while hashes.len() < SETTLED_AT_ONCE
            && let Ok(more) = settled.try_recv()
        {
            hashes.extend(more);
        }
        let queue = Arc::clone(&queue);
        settling.spawn(async move {
            if let Err(error) = queue.acknowledge(&hashes).await {
                debug!(%error, "entries could not be acknowledged; they will be handed out again and found final");
            }
        });
    }
}
