//! What may be appended to a ledger: the same for every backend.

use voting_core::block::{FinalizedBlock, Parent};
use voting_core::ids::{ChainId, Height};
use voting_core::seams::{LedgerError, LedgerHead};

/// Whether a block lies above the head, where [`check_next`] decides; else it must be in the chain already.
pub(super) fn is_above(head: Option<LedgerHead>, block: &FinalizedBlock) -> bool {
    block.block.header.height > height_of(head)
}

/// Checks that a block belongs to the chain and follows its head.
pub(super) fn check_next(chain: ChainId, head: Option<LedgerHead>, block: &FinalizedBlock) -> Result<(), LedgerError> {
    let header = &block.block.header;
    let (actual, parent) = (header.height, head.map_or(Parent::GENESIS, |head| Parent { view: head.view, hash: head.hash }));
    if header.chain != chain {
        return Err(LedgerError::Foreign(format!("chain {chain}, the block to chain {}", header.chain)));
    }
    if actual != height_of(head).next() {
        return Err(not_next(head, block));
    }
    if header.parent != parent {
        return Err(LedgerError::WrongParent { height: actual });
    }
    Ok(())
}

/// The refusal of a block that is neither next nor in the chain.
pub(super) fn not_next(head: Option<LedgerHead>, block: &FinalizedBlock) -> LedgerError {
    LedgerError::NotNext { actual: block.block.header.height, head: height_of(head) }
}

fn height_of(head: Option<LedgerHead>) -> Height {
    head.map_or(Height(0), |head| head.height)
}
