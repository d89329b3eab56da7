//! Following the authorities: how a gateway, or anyone else, learns what is final.
//!
//! ```text
//!  follower ── Follow{from} every half second ──▶ authority (any, in turn)
//!  follower ◀── Blocks as they become final ───── authority
//!           ◀── Status: refused entries ───────── every authority
//!  follower ── Inquiry, Holding ──────────────── every authority, if somebody waits for an entry
//! ```
//!
//! A follower believes certificates of a quorum and nothing else: not the authority that it happens to
//! ask, not the transport. It applies each block to its own state and compares the state root. It runs
//! over any [`voting_core::seams::Transport`].

mod follower;
mod server;

pub use follower::{Follower, FollowerConfig, FollowerError, FollowerSeams};
pub(crate) use server::Server;

use std::time::Duration;

use borsh::{BorshDeserialize, BorshSerialize};
use voting_core::block::FinalizedBlock;
use voting_core::codec::Canonical;
use voting_core::ids::{EntryHash, Height};
use voting_core::seams::transport::MAX_MESSAGE_BYTES;

/// A follower asks anew this often: it says how far it is, and that it is still there.
const ASK_EVERY: Duration = Duration::from_millis(500);
/// Blocks sent ahead of what a follower has confirmed.
const WINDOW: u64 = 512;

/// A follower's request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Follow {
    /// The first height that is missing.
    pub(crate) from: Height,
}

impl Canonical for Follow {
    const TAG: &'static str = "voting/follow/v1";
    const MAX_BYTES: usize = 8;
}

/// Consecutive finalized blocks, ending in one with its own certificate; none if there are none yet.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Blocks {
    /// Height of the sender's last finalized block.
    pub(crate) head: Height,
    /// The blocks.
    pub(crate) blocks: Vec<FinalizedBlock>,
}

impl Canonical for Blocks {
    const TAG: &'static str = "voting/blocks/v1";
    const MAX_BYTES: usize = MAX_MESSAGE_BYTES;
}

/// Entries that will be in no block, as the authority that took them from the queue says.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct RefusedEntries(pub(crate) Vec<RefusedEntry>);

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct RefusedEntry {
    pub(crate) entry: EntryHash,
    pub(crate) code: String,
    pub(crate) reason: String,
}

impl Canonical for RefusedEntries {
    const TAG: &'static str = "voting/refused-entries/v1";
    const MAX_BYTES: usize = MAX_MESSAGE_BYTES;
}
