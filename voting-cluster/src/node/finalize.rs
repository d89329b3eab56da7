//! Fourth stage: finalized blocks are written to the ledger and become the trunk.
//!
//! A step's journal records and its finalized blocks go to disk in one write with one flush. Nothing
//! leaves this node, and nobody is told, before that write has returned.

use std::sync::Arc;

use tracing::error;
use voting_core::block::FinalizedBlock;
use voting_core::ids::View;
use voting_core::seams::{JournalRecord, LedgerBatch, LedgerError};

use super::propose::{Invalid, validate};
use super::tree::Candidate;
use super::{NodeError, Shared};

/// Makes a step durable.
pub(super) async fn write(
    shared: &Shared,
    journal: Vec<JournalRecord>,
    blocks: Vec<FinalizedBlock>,
    prune_below: Option<View>,
) -> Result<(), LedgerError> {
    let batch = LedgerBatch { journal, blocks, prune_below };
    if batch.is_empty() {
        return Ok(());
    }
    let began = shared.clock.monotonic();
    let written = shared.ledger.write(batch).await;
    shared.load.note_write(shared.clock.monotonic().saturating_sub(began));
    written
}

/// The applied form of a finalized block. It is validated first if this node never did: a finalized
/// block that is not valid means that a quorum disagrees with this node about the rules, and then
/// this node stops rather than follow or contradict it.
pub(super) async fn applied(shared: &Arc<Shared>, finalized: &FinalizedBlock) -> Result<Arc<Candidate>, NodeError> {
    let hash = finalized.block.hash();
    if let Some(candidate) = shared.tree().candidate(&hash) {
        return Ok(candidate);
    }
    let diverged = |reason: Invalid| {
        error!(height = %finalized.block.header.height, %hash, %reason, "a finalized block is not valid here");
        NodeError::Diverged { height: finalized.block.header.height, hash, reason: reason.to_string() }
    };
    validate(shared, Arc::new(finalized.block.clone())).await.map_err(diverged)?;
    shared.tree().candidate(&hash).ok_or_else(|| diverged(Invalid::Parent))
}
