//! What waits for a peer, and how its link is.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use voting_core::seams::NodeName;

use super::frame::Frame;

/// Messages that wait for one peer: some seconds of consensus under load.
pub(super) const QUEUE_MESSAGES: usize = 4_096;
/// Bytes that wait for one peer: a dozen of the largest messages.
pub(super) const QUEUE_BYTES: usize = 64 * 1024 * 1024;
/// A message that waited this long for a connection is stale: the protocol has sent it again.
pub(super) const STALE_AFTER: Duration = Duration::from_secs(5);

/// How a link is, for status pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkStatus {
    /// The node at the other end.
    pub peer: NodeName,
    /// Since when there is a connection, if there is one.
    pub connected: Option<Instant>,
    /// Connections made so far.
    pub connections: u64,
    /// Round-trip time of the last ping.
    pub round_trip: Option<Duration>,
    /// Messages that wait to be sent.
    pub waiting: usize,
    /// Messages dropped because they were stale.
    pub dropped: u64,
    /// Why the last connection ended or could not be made.
    pub last_error: Option<String>,
}

/// A peer, connected or not.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) name: NodeName,
    queue: Mutex<Queue>,
    pub(super) changed: Notify,
    /// Number of the connection in use: a newer one ends the older.
    pub(super) current: watch::Sender<u64>,
    status: Mutex<LinkStatus>,
}

#[derive(Debug, Default)]
struct Queue {
    control: VecDeque<Frame>,
    messages: VecDeque<(Instant, Frame)>,
    bytes: usize,
}

impl Peer {
    pub(super) fn new(name: NodeName) -> Self {
        let status = LinkStatus {
            peer: name.clone(),
            connected: None,
            connections: 0,
            round_trip: None,
            waiting: 0,
            dropped: 0,
            last_error: None,
        };
        Self { name, queue: Mutex::default(), changed: Notify::new(), current: watch::Sender::new(0), status: Mutex::new(status) }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn note(&self, change: impl FnOnce(&mut LinkStatus)) {
        change(&mut self.status.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub(super) fn status(&self) -> LinkStatus {
        let mut status = self.status.lock().unwrap_or_else(PoisonError::into_inner).clone();
        status.waiting = self.queue().messages.len();
        status
    }

    /// Puts a message in line; whether there was room.
    pub(super) fn put(&self, frame: Frame) -> bool {
        let mut queue = self.queue();
        self.forget_stale(&mut queue);
        if queue.messages.len() >= QUEUE_MESSAGES || queue.bytes + frame.len() > QUEUE_BYTES {
            return false;
        }
        queue.bytes += frame.len();
        queue.messages.push_back((Instant::now(), frame));
        drop(queue);
        self.changed.notify_one();
        true
    }

    /// Puts an acknowledgement, ping or pong before all messages.
    pub(super) fn put_control(&self, frame: Frame) {
        let mut queue = self.queue();
        // Beyond the bound of messages nobody waits for acknowledgements any more.
        if queue.control.len() < QUEUE_MESSAGES {
            queue.control.push_back(frame);
        }
        drop(queue);
        self.changed.notify_one();
    }

    /// The next frame to write.
    pub(super) fn next(&self) -> Option<Frame> {
        let mut queue = self.queue();
        if let Some(control) = queue.control.pop_front() {
            return Some(control);
        }
        let (_, frame) = queue.messages.pop_front()?;
        queue.bytes -= frame.len();
        Some(frame)
    }

    /// What a new connection begins with: no old pings, no stale messages.
    pub(super) fn begin(&self) {
        let mut queue = self.queue();
        queue.control.clear();
        self.forget_stale(&mut queue);
    }

    fn forget_stale(&self, queue: &mut Queue) {
        let now = Instant::now();
        let mut dropped = 0;
        while queue.messages.front().is_some_and(|(since, _)| now.saturating_duration_since(*since) > STALE_AFTER) {
            if let Some((_, frame)) = queue.messages.pop_front() {
                queue.bytes -= frame.len();
                dropped += 1;
            }
        }
        if dropped > 0 {
            self.note(|status| status.dropped += dropped);
        }
    }
}
