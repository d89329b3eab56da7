//! Elections that nobody has to trust a server for: the part without I/O.
//!
//! This crate holds what every participant must agree on byte for byte: the domain types, their
//! canonical encoding, signatures, the ledger state machine, counting, receipts and the offline
//! verifier. It knows nothing of sockets, files, async runtimes, the clock of the machine or its
//! randomness; those sit behind the traits in [`seams`].
//!
//! The stages of a ballot are types, and the only constructor of each is the check:
//!
//! ```text
//!  SignedBallot ──verify──▶ VerifiedEntry ──apply, quorum──▶ FinalizedBlock ──prove──▶ Receipt
//!  (bytes from outside)     (signature holds)               (certificate)              (offline proof)
//! ```
//!
//! Start at [`entry::Entry`] for what a ledger contains, at [`state::LedgerState`] for what it
//! means, and at [`verify`](mod@verify) for how anyone checks it.

pub mod ballot;
pub mod block;
pub mod board;
pub mod bundle;
pub mod certificate;
pub mod codec;
pub mod count;
pub mod crypto;
pub mod election;
pub mod entry;
pub mod epoch;
pub mod evidence;
pub mod formats;
pub mod ids;
pub mod preference;
pub mod ranking;
pub mod receipt;
pub mod sealed;
pub mod seams;
pub mod state;
pub mod tally;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod text;
pub mod time;
pub mod verify;

pub use codec::{Canonical, DecodeError};
pub use ids::{
    AuthorityIndex, BallotHash, BlockHash, ChainId, Digest, ElectionId, EntryHash, Height, PartitionId, Pseudonym, View,
};
pub use time::Timestamp;
