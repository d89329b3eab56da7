//! Running an authority: backends for the seams of `voting-core`, and the runtime that feeds the
//! consensus engine and carries out what it asks for.
//!
//! ```text
//!  BallotQueue ─▶ node/intake ─▶ mempool ─▶ node/propose ─▶ consensus ─▶ node/finalize ─▶ node/publish ─▶ Replica
//! ```

pub mod mempool;
pub mod replica;

pub use replica::{Committed, EntryStatus, Replica};
