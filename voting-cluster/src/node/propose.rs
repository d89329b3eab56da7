//! Second stage: the leader seals ready entries into a block, and the others check it.
//!
//! A block is sealed as soon as there is something to seal and [`super::NodeConfig::block_interval`]
//! has passed since its parent: at light load a ballot does not wait, under load blocks grow by
//! themselves. Above a parent that is not final yet an empty block is sealed after a while, because
//! its finality makes the parent final.

use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tracing::{debug, info};
use voting_core::Timestamp;
use voting_core::block::{Block, BlockError, BlockHeader, EntryBytes, MAX_BLOCK_BYTES, Parent, payload_root};
use voting_core::entry::{EntryError, VerifiedEntry};
use voting_core::ids::View;
use voting_core::seams::Clock as _;
use voting_core::state::{ApplyError, Place};

use super::Shared;
use super::seat::Seat;
use super::tree::Candidate;
use super::verify::blocking;
use crate::mempool::Tip;

/// How far a block's time may lie ahead of this authority's clock before it looks wrong.
const PRECISION: Duration = Duration::from_millis(500);

/// Why a proposed block is not valid.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum Invalid {
    #[error("its parent is not known")]
    Parent,
    #[error("it belongs to another chain")]
    Chain,
    #[error(transparent)]
    Payload(#[from] BlockError),
    #[error("entry {index}: {reason}")]
    Entry { index: usize, reason: EntryError },
    #[error(transparent)]
    Apply(#[from] ApplyError),
}

/// Seals a block on top of a parent, once there is reason to.
pub(super) async fn build(shared: Arc<Shared>, view: View, parent: Parent, empty: bool) -> Option<Arc<Block>> {
    let tip = shared.tree().tip(&parent.hash)?;
    let seat = shared.seat();
    // Who does not know what time it is has no time to put into a block.
    if !shared.synced.is_usable_within(seat.epoch.leader_timeout() / 2).await {
        info!(%view, "no block is proposed: the clock is not synchronised yet");
        return None;
    }
    let sealed_after = parent_age(&shared, &tip);
    if let Some(rest) = shared.config.block_interval.checked_sub(sealed_after) {
        tokio::time::sleep(rest).await;
    }
    let empty_at = tokio::time::Instant::now() + seat.epoch.leader_timeout() / 2;
    if tip.state.epoch().number != seat.epoch.number {
        tokio::time::sleep_until(empty_at).await; // the last block of the epoch may be final before
        return blocking(move || seal_tail(&shared, &seat, view, parent, &tip)).await;
    }
    if empty {
        return blocking(move || seal(&shared, view, parent, &tip, Contents::Empty)).await;
    }
    loop {
        // Registered before looking, so that no entry slips in between.
        let work = shared.work.notified();
        if shared.mempool().has_work() {
            let (building, tip) = (Arc::clone(&shared), tip.clone());
            if let Some(block) = blocking(move || seal(&building, view, parent, &tip, Contents::Some)).await {
                return Some(block);
            }
        }
        let parent_is_final = shared.tree().finalized().hash == parent.hash;
        if parent_is_final {
            work.await;
            continue;
        }
        tokio::select! {
            () = work => {}
            () = tokio::time::sleep_until(empty_at) => {
                let (building, tip) = (Arc::clone(&shared), tip.clone());
                return blocking(move || seal(&building, view, parent, &tip, Contents::Any)).await;
            }
        }
    }
}

/// A block above the last one of its epoch: it changes nothing, and helps to make that one final.
fn seal_tail(shared: &Shared, seat: &Seat, view: View, parent: Parent, tip: &Tip) -> Option<Arc<Block>> {
    let later = tip.state.timestamp().saturating_add(Duration::from_millis(1));
    let header = BlockHeader {
        chain: shared.chain,
        epoch: seat.epoch.number,
        view,
        height: tip.state.height().next(),
        parent,
        payload_root: payload_root(&[]),
        entries: 0,
        state_root: tip.state.root(),
        timestamp: shared.synced.now().max(later),
        preference: tip.state.preference(),
        successor: tip.state.successor(),
    };
    let applied = tip.state.apply::<Arc<VerifiedEntry>>(&header, &[]);
    let state = applied.map_err(|error| debug!(%error, "no block can stand above the last one of the epoch")).ok()?.1;
    let block = Arc::new(Block { header, entries: Vec::new() });
    let tip = Tip { hash: block.hash(), state };
    shared.tree().insert(Arc::new(Candidate { entries: [].into(), applied: [].into(), tip }));
    Some(block)
}

fn parent_age(shared: &Shared, tip: &Tip) -> Duration {
    shared.synced.now().since(tip.state.timestamp())
}

/// What a block is to contain.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Contents {
    /// Nothing.
    Empty,
    /// At least one entry.
    Some,
    /// Whatever there is.
    Any,
}

fn seal(shared: &Shared, view: View, parent: Parent, tip: &Tip, contents: Contents) -> Option<Arc<Block>> {
    let later = tip.state.timestamp().saturating_add(Duration::from_millis(1));
    let timestamp = shared.synced.now().max(later);
    let place = Place { height: tip.state.height().next(), parent: parent.hash, timestamp, view };
    let mut draft = match tip.state.begin(place) {
        Ok(draft) => draft,
        Err(error) => {
            debug!(%error, "no block can follow");
            return None;
        }
    };
    let (entries, applied) = match contents {
        Contents::Empty => (Vec::new(), Vec::new()),
        Contents::Some | Contents::Any => shared.mempool().fill(&mut draft, shared.config.block_entries, MAX_BLOCK_BYTES / 2),
    };
    if entries.is_empty() && contents == Contents::Some {
        return None;
    }
    let state = draft.finish();
    let hashes: Vec<_> = entries.iter().map(|entry| entry.hash()).collect();
    let header = BlockHeader {
        chain: shared.chain,
        epoch: tip.state.epoch().number,
        view,
        height: place.height,
        parent,
        payload_root: payload_root(&hashes),
        entries: entries.len() as u32,
        state_root: state.root(),
        timestamp,
        preference: state.preference(),
        successor: state.successor(),
    };
    let block = Arc::new(Block { header, entries: entries.iter().map(|entry| entry.bytes().clone()).collect() });
    let tip = Tip { hash: block.hash(), state };
    shared.tree().insert(Arc::new(Candidate { entries: entries.into(), applied: applied.into(), tip }));
    Some(block)
}

/// Checks everything about a block that every honest authority decides alike, and keeps the state after it.
pub(super) async fn validate(shared: &Arc<Shared>, block: Arc<Block>) -> Result<(), Invalid> {
    let hash = block.hash();
    if shared.tree().candidate(&hash).is_some() || shared.tree().finalized().hash == hash {
        return Ok(());
    }
    let header = &block.header;
    if header.chain != shared.chain {
        return Err(Invalid::Chain);
    }
    let tip = shared.tree().tip(&header.parent.hash).ok_or(Invalid::Parent)?;
    let checked = Arc::clone(&block);
    let hashes = blocking(move || checked.check_payload()).await?;

    let mut entries: Vec<Option<Arc<VerifiedEntry>>> = {
        let mempool = shared.mempool();
        hashes.iter().map(|hash| mempool.get(hash).cloned()).collect()
    };
    let missing: Vec<usize> = entries.iter().enumerate().filter(|(_, entry)| entry.is_none()).map(|(index, _)| index).collect();
    let unknown: Vec<EntryBytes> = missing.iter().map(|index| block.entries[*index].clone()).collect();
    for (index, result) in missing.into_iter().zip(shared.verifier.verify_all(unknown, &tip.state).await) {
        entries[index] = Some(result.map_err(|reason| Invalid::Entry { index, reason })?);
    }
    let entries: Arc<[Arc<VerifiedEntry>]> = entries.into_iter().flatten().collect();

    let applying = Arc::clone(&entries);
    let applied = Arc::clone(&block);
    let (applied, state) = blocking(move || tip.state.apply(&applied.header, &applying)).await?;
    shared.tree().insert(Arc::new(Candidate { entries, applied: applied.into(), tip: Tip { hash, state } }));
    Ok(())
}

/// Whether a block's time looks right to this authority's clock: not ahead of it, and not older than a
/// proposal can be that its view still waits for. Local judgement: it decides on this authority's vote
/// and never on validity.
pub(super) fn looks_timely(shared: &Shared, timestamp: Timestamp) -> bool {
    let longest_view = Duration::from_millis(u64::from(shared.seat().epoch.timers.timeout_ms_max));
    let now = shared.synced.now();
    timestamp <= now.saturating_add(PRECISION) && now <= timestamp.saturating_add(longest_view + PRECISION)
}
