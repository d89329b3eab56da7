//! Receipts, built from the ledger on demand.

use voting_core::block::FinalizedBlock;
use voting_core::ids::Height;
use voting_core::receipt::{BuildReceiptError, Receipt};
use voting_core::state::Position;

use crate::problem::Problem;
use crate::state::GatewayState;

/// Blocks read at a time on the way to the next certificate; mostly the first has its own.
const PAGE: usize = 8;
/// Blocks between a ballot and a certificate: pipelining is far shallower.
const MAX_BLOCKS: usize = 256;

impl GatewayState {
    /// The receipt of the ballot at a position, with its block.
    pub(crate) async fn receipt(&self, position: Position) -> Result<(Receipt, FinalizedBlock), Problem> {
        let mut blocks: Vec<FinalizedBlock> = Vec::new();
        loop {
            let from = Height(position.height.0 + blocks.len() as u64);
            let limit = if blocks.is_empty() { 1 } else { PAGE };
            let page = self.backend.ledger.blocks(from, limit).await.map_err(Problem::internal)?;
            let at_end = page.is_empty();
            blocks.extend(page);
            match Receipt::build(&blocks, position) {
                Ok(receipt) => return Ok((receipt, blocks.swap_remove(0))),
                Err(BuildReceiptError::NotCertified(_)) if !at_end && blocks.len() < MAX_BLOCKS => {}
                Err(error) => return Err(Problem::internal(error)),
            }
        }
    }
}
