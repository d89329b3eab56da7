//! One channel with its subscribers, and what of it has not been sent yet.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;
use voting_core::ids::ElectionId;
use voting_core::state::Position;

use super::hub::ClientId;
use crate::events::BallotEvent;

/// Changes that follow each other faster are sent together.
pub(super) const COALESCE: Duration = Duration::from_millis(250);

/// A channel that somebody follows.
#[derive(Debug)]
pub(super) struct Topic {
    pub(super) subscribers: HashSet<ClientId>,
    /// Everything up to here has been sent.
    pub(super) sent: Position,
    /// When the last coalesced frame was sent.
    last: Option<Instant>,
    pub(super) pending: Pending,
    /// What was told last of that which does not follow from the ledger.
    pub(super) told: Option<Value>,
}

/// What is to be sent with the next frame.
#[derive(Debug, Default)]
pub(super) struct Pending {
    /// Elections whose figures have changed, and where last.
    pub(super) figures: BTreeMap<ElectionId, Position>,
    /// New ballots.
    pub(super) ballots: Vec<(Position, BallotEvent)>,
    /// A new block.
    pub(super) block: bool,
}

impl Pending {
    fn is_empty(&self) -> bool {
        self.figures.is_empty() && self.ballots.is_empty() && !self.block
    }
}

impl Topic {
    /// A topic of which nothing needs to be sent up to a position.
    pub(super) fn new(from: Position, told: Option<Value>) -> Self {
        Self { subscribers: HashSet::new(), sent: from, last: None, pending: Pending::default(), told }
    }

    /// When the next coalesced frame is due; `None` if there is nothing to send.
    pub(super) fn due(&self, now: Instant) -> Option<Instant> {
        if self.pending.is_empty() {
            return None;
        }
        Some(self.last.map_or(now, |last| last + COALESCE))
    }

    /// What there is to send.
    pub(super) fn take(&mut self, now: Instant) -> Pending {
        self.last = Some(now);
        std::mem::take(&mut self.pending)
    }
}
