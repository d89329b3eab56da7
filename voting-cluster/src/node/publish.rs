//! Last stage: what is final and durable is made known, in order and at least once.
//!
//! Order: mempool, then hooks, then the replica (which answers waiting clients), then the queue. A
//! crash anywhere in between repeats the rest after a restart, where hooks start from the height
//! that they ask for.

use std::sync::Arc;

use voting_core::block::FinalizedBlock;

use super::intake::{acknowledge, refuse};
use super::tree::Candidate;
use super::{NodeHooks, Shared};
use crate::replica::Committed;

/// Publishes a block that the ledger has on disk.
pub(super) async fn publish(shared: &Shared, finalized: Arc<FinalizedBlock>, candidate: &Candidate) {
    let now = shared.clock.monotonic();
    let refused = {
        let mut tree = shared.tree();
        tree.finalize(candidate);
        shared.mempool().finalized(&candidate.entries, tree.finalized(), now)
    };
    let committed = Arc::new(Committed {
        block: finalized,
        entries: Arc::clone(&candidate.entries),
        applied: Arc::clone(&candidate.applied),
        state: candidate.tip.state.clone(),
    });
    shared.hooks.finalized(&committed);
    shared.replica.publish(committed);
    shared.note_progress();
    acknowledge(shared, candidate.entries.iter().map(|entry| entry.hash()));
    refuse(shared, refused).await;
}

/// Hooks that do nothing.
#[derive(Debug, Default, Clone, Copy)]
pub struct NoHooks;

impl NodeHooks for NoHooks {}
