//! Running an authority: backends for the seams of `voting-core`, and the runtime that feeds the
//! consensus engine and carries out what it asks for.
//!
//! ```text
//!  BallotQueue ─▶ node/intake ─▶ mempool ─▶ node/propose ─▶ consensus ─▶ node/finalize ─▶ node/publish ─▶ Replica
//! ```

pub mod boards;
pub mod clock;
pub mod deploy;
pub mod embedded;
pub mod follow;
mod handovers;
mod inquiry;
pub mod leadership;
pub mod ledger;
#[cfg(feature = "local-redis")]
pub mod local;
pub mod lock;
pub mod membership;
pub mod mempool;
pub mod node;
pub mod projection;
pub mod queue;
pub mod redis;
pub mod replica;
pub mod store;
#[cfg(feature = "testing")]
pub mod testing;
pub mod transport;
pub mod view;

pub use embedded::{Embedded, EmbeddedConfig};
pub use follow::{Follower, FollowerConfig, FollowerSeams};
pub use handovers::handovers;
pub use inquiry::MAX_INQUIRY;
pub use node::{Node, NodeConfig, NodeHooks, NodeSeams, NodeStatus};
pub use replica::{Committed, EntryStatus, Replica};
pub use view::NetworkView;
