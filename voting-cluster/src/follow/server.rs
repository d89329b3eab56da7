//! The authority's side: sends blocks to those who follow it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tracing::{debug, warn};
use voting_core::codec::Canonical;
use voting_core::ids::Height;
use voting_core::seams::{Envelope, Ledger, LedgerError, MessageKind, NodeName, Transport};

use super::{Blocks, Follow, WINDOW};
use crate::replica::Replica;

/// A follower not heard of for this long is forgotten.
const FORGOTTEN: Duration = Duration::from_secs(3);
/// Followers at a time; each costs a copy of every block.
const MAX_FOLLOWERS: usize = 256;
/// Blocks read at a time.
const PAGE: usize = voting_consensus::MAX_CATCH_UP_BLOCKS;

/// Sends finalized blocks to followers.
pub(crate) struct Server {
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) replica: Arc<Replica>,
}

struct Place {
    /// The next height to send.
    next: Height,
    /// What the follower said that it needs next.
    asked: Height,
    heard: Instant,
}

/// The last message made: followers mostly need the same.
struct Made {
    from: Height,
    next: Height,
    bytes: Bytes,
}

impl Server {
    /// Runs until requests end.
    pub(crate) async fn run(self, mut requests: mpsc::Receiver<Envelope>) {
        let mut heights = self.replica.heights();
        let mut followers: HashMap<NodeName, Place> = HashMap::new();
        let mut made = None;
        loop {
            let mut answer_at_once = None;
            tokio::select! {
                request = requests.recv() => match request {
                    Some(envelope) => answer_at_once = note(&mut followers, envelope),
                    None => return,
                },
                changed = heights.changed() => if changed.is_err() { return },
            }
            let now = Instant::now();
            followers.retain(|_, place| now.saturating_duration_since(place.heard) < FORGOTTEN);
            let head = *heights.borrow_and_update();
            if let Some(name) = answer_at_once
                && followers.get(&name).is_some_and(|place| place.next > head)
            {
                self.send(&name, Bytes::from(Blocks { head, blocks: Vec::new() }.to_canonical())).await;
            }
            for (name, place) in &mut followers {
                if let Err(error) = self.advance(name, place, head, &mut made).await {
                    warn!(%error, "blocks for a follower cannot be read");
                    return;
                }
            }
        }
    }

    /// Sends a follower what it lacks, within its window.
    async fn advance(&self, name: &NodeName, place: &mut Place, head: Height, made: &mut Option<Made>) -> Result<(), LedgerError> {
        while place.next <= head && place.next.0 < place.asked.0.saturating_add(WINDOW) {
            let (next, bytes) = match made {
                Some(made) if made.from == place.next => (made.next, made.bytes.clone()),
                _ => match self.make(place.next, head).await? {
                    Some(fresh) => {
                        let result = (fresh.next, fresh.bytes.clone());
                        *made = Some(fresh);
                        result
                    }
                    None => return Ok(()),
                },
            };
            self.send(name, bytes).await;
            place.next = next;
        }
        Ok(())
    }

    async fn make(&self, from: Height, head: Height) -> Result<Option<Made>, LedgerError> {
        let mut blocks = match self.replica.recent(from) {
            Some(first) if from == head => vec![first.block.as_ref().clone()],
            _ => self.ledger.blocks(from, PAGE).await?,
        };
        voting_consensus::trim_to_message(&mut blocks);
        let Some(last) = blocks.last() else { return Ok(None) };
        let next = last.block.header.height.next();
        Ok(Some(Made { from, next, bytes: Bytes::from(Blocks { head, blocks }.to_canonical()) }))
    }

    async fn send(&self, to: &NodeName, bytes: Bytes) {
        if let Err(error) = self.transport.send(to, MessageKind::Blocks, bytes).await {
            debug!(%to, %error, "blocks were not sent; the follower will ask again");
        }
    }
}

/// Notes a request. A follower that asks for the same as before has lost what was sent since.
fn note(followers: &mut HashMap<NodeName, Place>, envelope: Envelope) -> Option<NodeName> {
    let Follow { from } = match Follow::from_canonical(&envelope.bytes) {
        Ok(follow) => follow,
        Err(error) => {
            debug!(from = %envelope.from, %error, "not a follower's request");
            return None;
        }
    };
    let heard = Instant::now();
    if let Some(place) = followers.get_mut(&envelope.from) {
        let is_stuck = from == place.asked;
        if is_stuck || from > place.next {
            place.next = from;
        }
        place.asked = from;
        place.heard = heard;
    } else if followers.len() < MAX_FOLLOWERS {
        followers.insert(envelope.from.clone(), Place { next: from, asked: from, heard });
    } else {
        return None;
    }
    Some(envelope.from)
}
