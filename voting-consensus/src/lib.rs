//! Proof-of-Authority consensus with finality, as plain data in and plain data out.
//!
//! A fixed set of named authorities runs the rules of Simplex (Chan and Pass, "Simplex Consensus: A
//! Simple and Fast Consensus Protocol", TCC 2023). [`Engine::handle`] takes the time and an [`Input`]
//! and returns [`Output`]s; it does no I/O, reads no clock, draws no randomness and needs no async
//! runtime, so that a simulator can run it through years of trouble in seconds.
//!
//! ```text
//!            Notarize(v,h) ×q          Finalize(v,h) ×q
//!  proposal ─────────────────▶ view v+1 ───────────────▶ h and its ancestors are final
//!     │ timeout, invalid, …
//!     └──────▶ Skip(v) ×q ──▶ view v+1
//! ```
//!
//! # Rules of a view
//! * **Notarize(v,h)**: only in the current view, one per view, only after no own Skip(v), for a valid
//!   block whose parent has a Notarize certificate and whose gap to the parent has Skip certificates.
//! * **Skip(v)**: only if this authority never sent Finalize(v). An earlier Notarize(v) does not forbid it.
//! * **Finalize(v,h)**: only with the Notarize certificate for (v,h) in hand, h fully validated and
//!   durable, and no own Skip(v).
//! * A Notarize or Skip certificate for v leads to v+1; a Finalize certificate commits its block and all ancestors.
//!
//! # Why finalized blocks never conflict
//! Let n authorities have quorum q, of which at most f lie, with 2q − n > f. Two quorums then share an
//! honest authority. (1) A view has at most one notarized block: two would share an honest authority
//! that notarized twice. (2) A view has not both a Finalize and a Skip certificate: they would share an
//! honest authority that did both. (3) Let h be finalized in v, and h' be a notarized block of the
//! lowest view v' > v that does not descend from h. Its honest notarizers saw a Notarize certificate
//! of its parent p and Skip certificates for every view between. If p's view is below v, there is a
//! Skip certificate for v, against (2); if it is v, p is h by (1); if it is above v, p descends from
//! h because v' was the lowest. Each is a contradiction. So every block notarized, hence every one
//! finalized, after v descends from h. Honest authorities keep their word across restarts, because
//! votes are journalled before they are sent.
//!
//! # Deviations from the paper
//! * Votes that skip are Skip votes with certificates of their own instead of dummy blocks.
//! * Timers run only while there is work or an unfinalized block: an idle cluster stays in its view.
//! * The fixed leader policy lets two authorities be rightful leaders of one view with different
//!   parents (see [`leader`](mod@leader)). Safety does not use that the leader is unique.
//! * A standstill rule re-sends certificates and votes; liveness asks nothing of the transport.

pub mod clock;
pub mod config;
mod engine;
pub mod evidence;
pub mod input;
mod journal;
pub mod leader;
pub mod message;
mod mutation;
pub mod output;
#[cfg(feature = "sim")]
pub mod sim;
#[cfg(feature = "testing")]
pub mod testing;
mod view;
mod vote_keeper;

pub use config::{EngineConfig, OBSERVER, VerifyEach, VerifyVote};
pub use engine::{Engine, RecoverError};
pub use evidence::Evidence;
pub use input::{Input, TimerId};
pub use journal::first_record;
pub use message::{MAX_CATCH_UP_BLOCKS, Message, Proposal, SignedView, ViewReport, trim_to_message};
pub use output::Output;
