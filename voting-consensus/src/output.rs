//! What an engine asks for.

use std::sync::Arc;
use std::time::Duration;

use voting_core::block::{Block, FinalizedBlock, Parent};
use voting_core::certificate::Certificate;
use voting_core::ids::{AuthorityIndex, Height, View};
use voting_core::seams::JournalRecord;

use crate::evidence::Evidence;
use crate::input::TimerId;
use crate::message::Message;

/// One thing to do.
///
/// The host first makes every [`Output::Persist`] of a step durable, then carries out the rest in
/// order. It may merge the records of several steps into one write, as long as nothing of those steps
/// is sent before it has returned. A failed write ends the process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Append to the journal, durably, before anything of this step is sent.
    Persist(JournalRecord),
    /// Journal records of lower views are not needed any more.
    Prune {
        /// The lowest view whose records are kept.
        below: View,
    },
    /// Send to one authority.
    Send {
        /// To whom.
        to: AuthorityIndex,
        /// What.
        message: Message,
    },
    /// Send to all other authorities.
    Broadcast(Message),
    /// Seal a block on top of a parent whose state the host holds. Whatever was asked for an earlier
    /// view is no longer wanted.
    Build {
        /// The view to propose in.
        view: View,
        /// The block to build on.
        parent: Parent,
        /// Too much is unfinalized: the block must have no entries.
        empty: bool,
    },
    /// Check a block whose parent's state the host holds, and keep the state after it.
    Validate {
        /// The block.
        block: Arc<Block>,
    },
    /// Start a timer, or start it anew.
    SetTimer {
        /// Which.
        timer: TimerId,
        /// How long it runs.
        after: Duration,
    },
    /// Stop a timer.
    CancelTimer {
        /// Which.
        timer: TimerId,
    },
    /// A block is final. In order of height, without gaps, each height once per process. The host may
    /// never have been asked to validate it; if it then turns out invalid, the host stops.
    Commit(FinalizedBlock),
    /// Read finalized blocks from the ledger and send them to an authority that lacks them.
    ReadBlocks {
        /// To whom.
        to: AuthorityIndex,
        /// The first height wanted.
        from: Height,
    },
    /// An authority contradicted itself.
    Evidence(Evidence),
    /// A quorum certified a block that does not descend from what is final here: more authorities lie
    /// than the quorum rule tolerates. The host stops and keeps the certificate as evidence.
    Conflict(Certificate),
}

impl Output {
    /// Place in the order that a step's outputs are carried out in.
    pub(crate) const fn rank(&self) -> u8 {
        match self {
            Self::Persist(_) | Self::Prune { .. } => 0,
            Self::Send { .. } | Self::Broadcast(_) => 1,
            Self::Build { .. }
            | Self::Validate { .. }
            | Self::SetTimer { .. }
            | Self::CancelTimer { .. }
            | Self::ReadBlocks { .. }
            | Self::Evidence(_)
            | Self::Conflict(_) => 2,
            Self::Commit(_) => 3,
        }
    }
}
