//! A ledger in memory: for simulations and tests of what stands above it. It forgets everything with
//! the process, so an authority that restarts with it may contradict its own votes.

use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use voting_core::block::FinalizedBlock;
use voting_core::ids::Height;
use voting_core::seams::{JournalRecord, Ledger, LedgerBatch, LedgerError, LedgerHead};

use super::rules::{check_next, is_above, not_next};

/// A ledger in memory, of the chain of its first block.
#[derive(Debug, Default)]
pub struct MemoryLedger {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    journal: Vec<JournalRecord>,
    /// The block of height h is at index h − 1.
    blocks: Vec<FinalizedBlock>,
}

impl Inner {
    fn at(&self, height: Height) -> Option<&FinalizedBlock> {
        self.blocks.get(usize::try_from(height.0.checked_sub(1)?).ok()?)
    }
}

impl MemoryLedger {
    /// An empty ledger.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Ledger for MemoryLedger {
    async fn write(&self, batch: LedgerBatch) -> Result<(), LedgerError> {
        let mut inner = self.inner();
        let mut head = inner.blocks.last().map(|last| LedgerHead::of(&last.block.header));
        let mut fresh = Vec::with_capacity(batch.blocks.len());
        for block in batch.blocks {
            if is_above(head, &block) {
                let first = inner.blocks.first().or(fresh.first()).unwrap_or(&block);
                check_next(first.block.header.chain, head, &block)?;
                head = Some(LedgerHead::of(&block.block.header));
                fresh.push(block);
            } else if inner.at(block.block.header.height) != Some(&block) && !fresh.contains(&block) {
                return Err(not_next(head, &block));
            }
        }
        inner.blocks.extend(fresh);
        inner.journal.extend(batch.journal);
        if let Some(view) = batch.prune_below {
            inner.journal.retain(|record| record.view >= view);
        }
        Ok(())
    }

    async fn journal(&self) -> Result<Vec<JournalRecord>, LedgerError> {
        Ok(self.inner().journal.clone())
    }

    async fn head(&self) -> Result<Option<LedgerHead>, LedgerError> {
        Ok(self.inner().blocks.last().map(|last| LedgerHead::of(&last.block.header)))
    }

    async fn blocks(&self, from: Height, limit: usize) -> Result<Vec<FinalizedBlock>, LedgerError> {
        let skipped = usize::try_from(from.0.saturating_sub(1)).unwrap_or(usize::MAX);
        Ok(self.inner().blocks.iter().skip(skipped).take(limit).cloned().collect())
    }
}
