//! Start: the state is rebuilt from this authority's own ledger.
//!
//! The chain's hashes and every state root are checked again; signatures are not, because this
//! authority checked them before it wrote them, and the ledger's own checksums guard the bytes.

use std::sync::Arc;

use voting_core::BlockHash;
use voting_core::block::FinalizedBlock;
use voting_core::entry::VerifiedEntry;
use voting_core::seams::{Ledger, LedgerError, LedgerHead};
use voting_core::state::LedgerState;

use super::NodeHooks;
use crate::boards::Boards;
use crate::mempool::Tip;
use crate::replica::Committed;

/// Blocks read at a time.
const PAGE: usize = 64;

/// What a ledger holds.
pub(crate) struct Replayed {
    /// The state after its last block.
    pub(crate) tip: Tip,
    /// That block; none before the first.
    pub(crate) head: Option<LedgerHead>,
    /// The ballots in it, by election.
    pub(crate) boards: Boards,
}

/// Replays a ledger on top of a genesis state.
/// Hooks are given every block above the height they ask for.
pub(crate) async fn replay(ledger: &dyn Ledger, genesis: LedgerState, hooks: &dyn NodeHooks) -> Result<Replayed, LedgerError> {
    let head = ledger.head().await?;
    let deliver_above = hooks.resume_after();
    let mut boards = Boards::new(genesis.chain());
    let mut tip = Tip { hash: BlockHash::GENESIS, state: genesis };
    loop {
        let page = ledger.blocks(tip.state.height().next(), PAGE).await?;
        if page.is_empty() {
            break;
        }
        for finalized in page {
            let committed = follow(&tip, finalized)?;
            let header = &committed.block.block.header;
            boards.extend(header.height, committed.entries.iter().map(AsRef::as_ref));
            tip = Tip { hash: header.hash(), state: committed.state.clone() };
            if deliver_above.is_some_and(|height| header.height > height) {
                hooks.finalized(&Arc::new(committed));
            }
        }
    }
    let reached = (tip.state.height(), tip.hash);
    let expected = head.map_or((voting_core::Height(0), BlockHash::GENESIS), |head| (head.height, head.hash));
    if reached != expected {
        let (height, hash) = expected;
        return Err(LedgerError::Damaged(format!(
            "its head is block {hash} at height {height}, its blocks lead to {} at height {}",
            reached.1, reached.0
        )));
    }
    Ok(Replayed { tip, head, boards })
}

/// Applies a finalized block to its parent; certificates are the caller's to check.
pub(crate) fn follow(tip: &Tip, finalized: FinalizedBlock) -> Result<Committed, LedgerError> {
    let block = &finalized.block;
    let damaged = |what: String| LedgerError::Damaged(format!("block {}: {what}", block.header.height));
    if block.header.parent.hash != tip.hash {
        return Err(damaged("it does not name the block before it as its parent".to_owned()));
    }
    block.check_payload().map_err(|error| damaged(error.to_string()))?;
    let entries = block.entries.iter().map(|bytes| VerifiedEntry::from_certified(bytes.clone()).map(Arc::new));
    let entries: Vec<_> = entries.collect::<Result<_, _>>().map_err(|error| damaged(error.to_string()))?;
    let (applied, state) = tip.state.apply(&block.header, &entries).map_err(|error| damaged(error.to_string()))?;
    Ok(Committed { block: Arc::new(finalized), entries: entries.into(), applied: applied.into(), state })
}
