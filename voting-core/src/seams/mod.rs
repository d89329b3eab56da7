//! The seams: traits between the logic and the world, one file each.
//!
//! Each trait says what cancelling a call, repeating it and crashing in it mean, and each has a
//! conformance suite in [`crate::testing`] that every backend runs.

pub mod clock;
pub mod ledger;
pub mod lock;
pub mod queue;
pub mod store;
pub mod transport;

pub use clock::{Clock, ClockReading, ManualClock};
pub use ledger::{JournalRecord, Ledger, LedgerBatch, LedgerError, LedgerHead};
pub use lock::{FencingToken, Lease, LockError, LockManager};
pub use queue::{BallotQueue, Delivery, QueueDepth, QueueError, Submitted};
pub use store::{Condition, KeyClass, Op, Store, StoreError, StoreKey, Versioned};
pub use transport::{Envelope, MessageKind, NodeName, Transport, TransportError};
