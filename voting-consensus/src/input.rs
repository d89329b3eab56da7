//! What an engine is told.

use std::sync::Arc;

use voting_core::block::Block;
use voting_core::ids::{AuthorityIndex, BlockHash, View};

use crate::message::Message;

/// A timer that the engine asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TimerId {
    /// No proposal has come in the current view.
    Leader,
    /// The current view has not ended.
    View,
    /// A block that this authority asked for has not come.
    CatchUp,
    /// Time to look whether others lack something, or this authority does.
    Standstill,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// The host is ready. Once, before anything else.
    Start,
    /// A message arrived. `from` is where answers go; nothing is believed on its ground.
    Message {
        /// Return address.
        from: AuthorityIndex,
        /// Decoded strictly.
        message: Message,
    },
    /// The block asked for by [`crate::Output::Build`]. The host holds the state after it.
    Built {
        /// The view it was asked for.
        view: View,
        /// The block.
        block: Arc<Block>,
    },
    /// No block can be built: the view is skipped.
    BuildFailed {
        /// The view it was asked for.
        view: View,
    },
    /// Result of [`crate::Output::Validate`].
    Validated {
        /// Which block.
        block: BlockHash,
        /// Whether it is valid by the rules that every honest authority applies alike.
        valid: bool,
        /// Whether this authority's own judgement (its clock) lets it vote for it. Decides between this
        /// authority's Notarize and its Skip, and on nothing else.
        timely: bool,
    },
    /// A timer ran out.
    Timer(TimerId),
    /// Whether there is something to put into a block.
    WorkAvailable(bool),
}
