//! The public board: an election's ballots as a transparency log that other people's tools read.
//!
//! Every partition of an election is one log. Its entries are the canonical bytes of the ledger's entries that cast a ballot in
//! this election, in ledger order. Formats are those of the C2SP: [signed notes](https://c2sp.org/signed-note),
//! [checkpoints](https://c2sp.org/tlog-checkpoint), [tiles](https://c2sp.org/tlog-tiles),
//! [cosignatures](https://c2sp.org/tlog-cosignature) and [proofs](https://c2sp.org/tlog-proof); trees have the shape of RFC 6962.
//!
//! ```text
//!  ballots ──push──▶ BoardTree ──▶ tiles, entry bundles
//!                       │ root
//!                       ▼
//!                  Checkpoint ──sign by a quorum──▶ SignedCheckpoint ──with an inclusion proof──▶ LogProof
//! ```
//!
//! A checkpoint counts once a quorum of distinct authorities has signed it: that rule is ours, and no format of the C2SP knows it.

mod checkpoint;
mod consistency;
mod copy;
mod log;
mod note;
mod proof;
mod tile;
mod tree;

pub use checkpoint::{Checkpoint, CheckpointError, Cosigned, MAX_EXTENSION_LINES, Origin, SignedCheckpoint};
pub use consistency::ConsistencyProof;
pub use copy::{CopyError, read_entries, read_tree};
pub use log::ElectionLog;
pub use note::{MAX_NOTE_BYTES, MAX_NOTE_SIGNATURES, Note, NoteError, NoteSignature, SignatureKind, VerifierKey};
pub use proof::{LogProof, LogProofError, MAX_EXTRA_BYTES};
pub use tile::{EntryBundle, TILE_WIDTH, TileError, TileId, TileLevel, tiles_of};
pub use tree::BoardTree;
