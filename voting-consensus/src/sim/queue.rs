//! What is going to happen to nodes, in order.

use std::cmp::Ordering;
use std::sync::Arc;

use voting_core::ids::{BlockHash, View};

use crate::{Message, TimerId};

/// Something that happens to a node.
#[derive(Debug)]
pub(super) enum Event {
    Deliver {
        /// The machine that sent it.
        from: usize,
        message: Arc<Message>,
    },
    Timer {
        timer: TimerId,
        set: u64,
    },
    Build {
        view: View,
    },
    Validated {
        block: BlockHash,
        valid: bool,
        timely: bool,
    },
    /// A write is on disk.
    Written,
    /// It hangs no longer.
    Awake,
    Restart,
}

#[derive(Debug)]
pub(super) struct Scheduled {
    pub(super) at: u64,
    pub(super) id: u64,
    pub(super) node: usize,
    pub(super) life: u32,
    pub(super) event: Event,
}

impl Ord for Scheduled {
    /// The heap gives out its greatest: the earliest, and of those the one scheduled first.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.id).cmp(&(self.at, self.id))
    }
}

impl PartialOrd for Scheduled {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Scheduled {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Scheduled {}
