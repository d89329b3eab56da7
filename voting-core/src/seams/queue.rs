//! The queue of entries on their way to the authorities: ballots above all.

use std::time::Duration;

use async_trait::async_trait;
use thiserror::Error;

use crate::block::EntryBytes;
use crate::ids::EntryHash;

/// What became of a submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Submitted {
    /// It is in the queue now.
    Queued,
    /// The same entry is in the queue already, waiting or taken.
    Present,
}

/// An entry handed to a consumer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Its identity.
    pub hash: EntryHash,
    /// Its bytes.
    pub entry: EntryBytes,
    /// How often it has been handed out, this time included.
    pub attempt: u32,
}

/// How full the queue is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QueueDepth {
    /// Waiting to be taken.
    pub waiting: usize,
    /// Taken, not yet acknowledged.
    pub taken: usize,
    /// Given up on after too many deliveries.
    pub dead: usize,
    /// Most that may be waiting and taken together.
    pub capacity: usize,
}

/// Why the queue refused or failed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum QueueError {
    /// No room: try again later. Nothing was dropped to make any.
    #[error("the queue is full ({capacity} entries); try again in {retry_after:?}")]
    Full {
        /// Its bound.
        capacity: usize,
        /// When trying again makes sense.
        retry_after: Duration,
    },
    /// The queue cannot be reached: whether the entry was taken in is unknown; submitting it again is harmless.
    #[error("the queue is not available: {0}")]
    Unavailable(String),
}

/// At-least-once queue of entries, identified by hash.
///
/// * **Idempotence**: an entry that is waiting or taken is not queued twice.
/// * **At least once**: an entry taken and not acknowledged is handed out again by
///   [`BallotQueue::reclaim`]; consumers deduplicate by hash.
/// * **Bounds**: a full queue refuses; it never drops what it accepted.
/// * **Loss**: an entry may vanish with the queue's server; the client then submits the same bytes again.
/// * **Cancellation**: a dropped `take` leaves entries either waiting or taken, and those are reclaimed later.
#[async_trait]
pub trait BallotQueue: Send + Sync + 'static {
    /// Puts an entry in.
    ///
    /// # Errors
    /// [`QueueError::Full`], [`QueueError::Unavailable`].
    async fn submit(&self, entry: EntryBytes) -> Result<Submitted, QueueError>;

    /// Takes up to `max` entries, oldest first; waits up to `wait` for the first one.
    ///
    /// # Errors
    /// [`QueueError::Unavailable`].
    async fn take(&self, consumer: &str, max: usize, wait: Duration) -> Result<Vec<Delivery>, QueueError>;

    /// Removes entries that are final or refused, whoever took them. Unknown hashes are ignored.
    ///
    /// # Errors
    /// [`QueueError::Unavailable`].
    async fn acknowledge(&self, hashes: &[EntryHash]) -> Result<(), QueueError>;

    /// Takes over up to `max` entries that some consumer took at least `idle` ago and did not
    /// acknowledge. An entry handed out more than [`MAX_DELIVERIES`] times is given up on: it counts
    /// as dead and can be submitted anew.
    ///
    /// # Errors
    /// [`QueueError::Unavailable`].
    async fn reclaim(&self, consumer: &str, max: usize, idle: Duration) -> Result<Vec<Delivery>, QueueError>;

    /// How full it is.
    ///
    /// # Errors
    /// [`QueueError::Unavailable`].
    async fn depth(&self) -> Result<QueueDepth, QueueError>;
}

/// An entry that five consumers could not deal with is not worth a sixth.
pub const MAX_DELIVERIES: u32 = 5;
