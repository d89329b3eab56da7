//! Receipts, built on demand. What the receipts of a block share is kept for the newest blocks: many
//! voters of one block ask at the same moment.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use voting_core::block::FinalizedBlock;
use voting_core::ids::{ElectionId, Height};
use voting_core::receipt::{BlockReceipts, BuildReceiptError, ElectionProof, Receipt};
use voting_core::state::Position;
use voting_core::time::Timestamp;

use crate::problem::Problem;
use crate::state::GatewayState;

/// Blocks read at a time on the way to the next certificate; mostly the first has its own.
const PAGE: usize = 8;
/// Blocks between a ballot and a certificate: pipelining is far shallower.
const MAX_BLOCKS: usize = 256;
/// How long a block above the newest one, and with it a certificate, is waited for.
const CERTIFICATE_WAIT: Duration = Duration::from_secs(5);
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

    /// Proof of what a quorum has certified of an election. Of the newest block whose certificate is known; if the newest of all has
    /// none yet, one is waited for.
    pub(crate) async fn election_proof(&self, election: ElectionId) -> Result<ElectionProof, Problem> {
        let replica = &self.backend.replica;
        let (mut heights, until) = (replica.heights(), Instant::now() + CERTIFICATE_WAIT);
        loop {
            let state = replica.state();
            let last = match replica.recent(state.height()) {
                Some(committed) => Some(Arc::clone(&committed.block)),
                None => self.backend.ledger.block(state.height()).await.map_err(Problem::internal)?.map(Arc::new),
            };
            if let Some(block) = last.filter(|block| block.certificate.is_some()) {
                let proof = ElectionProof::build(&block, &state, election);
                return proof.ok_or_else(|| Problem::not_found("unknown_election", format!("there is no election {election}")));
            }
            if !matches!(timeout_at(until, heights.changed()).await, Ok(Ok(()))) {
                let reason = "the newest block has no certificate of its own yet; try again";
                return Err(Problem::unavailable("not_certified_yet", reason, Duration::from_secs(1)));
            }
        }
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
