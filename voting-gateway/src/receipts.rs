//! Receipts, built on demand. What the receipts of a block share is kept for the newest blocks: many
//! voters of one block ask at the same moment.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use voting_core::block::FinalizedBlock;
use voting_core::ids::Height;
use voting_core::receipt::{BlockReceipts, BuildReceiptError, Receipt};
use voting_core::state::Position;
use voting_core::time::Timestamp;

use crate::problem::Problem;
use crate::state::GatewayState;

/// Blocks read at a time on the way to the next certificate; mostly the first has its own.
const PAGE: usize = 8;
/// Blocks between a ballot and a certificate: pipelining is far shallower.
const MAX_BLOCKS: usize = 256;
/// Blocks whose receipts are prepared at a time.
const PREPARED: usize = 32;

/// Prepared blocks, the newest last.
#[derive(Default)]
pub(crate) struct Prepared(Mutex<VecDeque<Arc<BlockReceipts>>>);

impl Prepared {
    fn get(&self, height: Height) -> Option<Arc<BlockReceipts>> {
        let prepared = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        prepared.iter().rev().find(|block| block.header().height == height).cloned()
    }

    fn keep(&self, block: &Arc<BlockReceipts>) {
        let mut prepared = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        prepared.push_back(Arc::clone(block));
        if prepared.len() > PREPARED {
            prepared.pop_front();
        }
    }
}

impl GatewayState {
    /// The receipt of the ballot at a position, and when it was recorded.
    pub(crate) async fn receipt(&self, position: Position) -> Result<(Receipt, Timestamp), Problem> {
        let block = match self.prepared.get(position.height) {
            Some(block) => block,
            None => self.prepare(position.height).await?,
        };
        Ok((block.receipt(position.index).map_err(Problem::internal)?, block.header().timestamp))
    }

    async fn prepare(&self, height: Height) -> Result<Arc<BlockReceipts>, Problem> {
        let recent = self.backend.replica.recent(height).map(|committed| committed.block.as_ref().clone());
        let mut blocks: Vec<FinalizedBlock> = recent.into_iter().collect();
        loop {
            match BlockReceipts::new(&blocks, height) {
                Ok(block) => {
                    let block = Arc::new(block);
                    self.prepared.keep(&block);
                    return Ok(block);
                }
                Err(BuildReceiptError::NotCertified(_) | BuildReceiptError::NoBlock(_)) if blocks.len() < MAX_BLOCKS => {}
                Err(error) => return Err(Problem::internal(error)),
            }
            let from = Height(height.0 + blocks.len() as u64);
            let page = self.backend.ledger.blocks(from, PAGE).await.map_err(Problem::internal)?;
            if page.is_empty() {
                return Err(Problem::internal(format!("the ledger ends before a certificate for block {height}")));
            }
            blocks.extend(page);
        }
    }
}
