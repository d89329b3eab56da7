//! One authority's durable log: the consensus journal and the finalized blocks.

use async_trait::async_trait;
use thiserror::Error;

use crate::block::{BlockHeader, FinalizedBlock};
use crate::ids::{BlockHash, Height, View};

/// Something consensus must not forget: an own vote, a proposal, a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalRecord {
    /// The view it belongs to; records are pruned by view.
    pub view: View,
    /// The engine's own encoding, opaque to the ledger.
    pub bytes: Vec<u8>,
}

/// What one step writes, all or nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LedgerBatch {
    /// Appended to the journal, in order.
    pub journal: Vec<JournalRecord>,
    /// Appended to the chain: consecutive heights, the first one above the head.
    pub blocks: Vec<FinalizedBlock>,
    /// Journal records of views below this one are forgotten.
    pub prune_below: Option<View>,
}

impl LedgerBatch {
    /// Whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.journal.is_empty() && self.blocks.is_empty() && self.prune_below.is_none()
    }
}

/// The last finalized block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LedgerHead {
    /// Its height.
    pub height: Height,
    /// Its view.
    pub view: View,
    /// Its identity.
    pub hash: BlockHash,
}

impl LedgerHead {
    /// The head of a ledger whose last block has this header.
    #[must_use]
    pub fn of(header: &BlockHeader) -> Self {
        Self { height: header.height, view: header.view, hash: header.hash() }
    }
}

/// Why a ledger could not read or write.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// A block that does not follow the head.
    #[error("block {actual} does not follow the head at height {head}")]
    NotNext {
        /// Height of the block.
        actual: Height,
        /// Height of the head.
        head: Height,
    },
    /// A block whose parent is not the head.
    #[error("block {height} does not name the head as its parent")]
    WrongParent {
        /// Height of the block.
        height: Height,
    },
    /// Stored bytes that are not what was written.
    #[error("the ledger is damaged: {0}")]
    Damaged(String),
    /// The ledger of another chain or authority.
    #[error("the ledger belongs to {0}")]
    Foreign(String),
    /// The disk or the database failed. What was being written is not durable, and the process must
    /// not act as if it were.
    #[error("the ledger cannot be written or read: {0}")]
    Io(String),
}

/// An authority's durable log.
///
/// * **Durability**: when [`Ledger::write`] returns `Ok`, the batch survives the loss of power. On an
///   error nothing of it may be relied on, and the caller stops.
/// * **Atomicity**: a batch is there whole or not at all, also after a crash in the middle.
/// * **Cancellation**: dropping a future of `write` leaves the batch either written or not.
/// * **Idempotence**: writing a block that is in the chain already, byte for byte, is accepted and does nothing.
/// * **One writer**: a second process that opens the same ledger gets an error.
#[async_trait]
pub trait Ledger: Send + Sync + 'static {
    /// Writes a batch durably, with one flush.
    ///
    /// # Errors
    /// [`LedgerError`]; nothing of the batch is then durable.
    async fn write(&self, batch: LedgerBatch) -> Result<(), LedgerError>;

    /// Every journal record that is not pruned, in the order written.
    ///
    /// # Errors
    /// [`LedgerError::Damaged`] or [`LedgerError::Io`].
    async fn journal(&self) -> Result<Vec<JournalRecord>, LedgerError>;

    /// The last finalized block, or `None` before the first.
    ///
    /// # Errors
    /// [`LedgerError::Damaged`] or [`LedgerError::Io`].
    async fn head(&self) -> Result<Option<LedgerHead>, LedgerError>;

    /// At most `limit` consecutive finalized blocks from a height on; fewer at the end of the chain.
    ///
    /// # Errors
    /// [`LedgerError::Damaged`] or [`LedgerError::Io`].
    async fn blocks(&self, from: Height, limit: usize) -> Result<Vec<FinalizedBlock>, LedgerError>;

    /// The finalized block at a height.
    ///
    /// # Errors
    /// [`LedgerError::Damaged`] or [`LedgerError::Io`].
    async fn block(&self, height: Height) -> Result<Option<FinalizedBlock>, LedgerError> {
        Ok(self.blocks(height, 1).await?.pop().filter(|found| found.block.header.height == height))
    }

    /// Waits for what is under way, then lets go of the file or connection, so that another may open
    /// the same ledger. Every later call may fail. A backend that holds nothing does nothing.
    ///
    /// # Errors
    /// [`LedgerError::Io`].
    async fn close(&self) -> Result<(), LedgerError> {
        Ok(())
    }
}
