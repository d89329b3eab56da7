//! Messages between nodes.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use thiserror::Error;

/// Largest message in bytes: a block, its certificate and some room.
pub const MAX_MESSAGE_BYTES: usize = 5 * 1024 * 1024;

/// Name of a node, unique in its network: an authority's name or a gateway's.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeName(pub String);

impl fmt::Display for NodeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&str> for NodeName {
    fn from(name: &str) -> Self {
        Self(name.to_owned())
    }
}

/// What a message is about; receivers route by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum MessageKind {
    /// Consensus messages.
    Consensus = 1,
    /// Entries that an authority has verified and shares.
    Entries = 2,
    /// A follower asks an authority for finalized blocks, those to come included.
    Follow = 3,
    /// Finalized blocks for a follower.
    Blocks = 4,
    /// Entries that will be in no block, for those who wait for them: a hint.
    Status = 5,
    /// Heartbeats.
    Heartbeat = 6,
    /// A follower asks an authority something, such as which entries it holds.
    Inquiry = 7,
    /// The answer.
    Response = 8,
    /// What time it is: questions, and signed answers.
    Clock = 9,
}

impl MessageKind {
    /// The kind with a number, if there is one.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::Consensus,
            2 => Self::Entries,
            3 => Self::Follow,
            4 => Self::Blocks,
            5 => Self::Status,
            6 => Self::Heartbeat,
            7 => Self::Inquiry,
            8 => Self::Response,
            9 => Self::Clock,
            _ => return None,
        })
    }
}

/// A message received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// Who sent it, as far as the transport knows; only signatures inside the message prove anything.
    pub from: NodeName,
    /// What it is about.
    pub kind: MessageKind,
    /// Its content.
    pub bytes: Bytes,
}

/// Why a message was not sent or none can be received.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TransportError {
    /// No such node.
    #[error("there is no node named {0}")]
    UnknownNode(NodeName),
    /// The receiver's queue is full; the message was dropped.
    #[error("the queue of {0} is full")]
    Full(NodeName),
    /// Larger than [`MAX_MESSAGE_BYTES`].
    #[error("a message of {actual} bytes is too large, at most {MAX_MESSAGE_BYTES} are allowed")]
    TooLarge {
        /// Its size.
        actual: usize,
    },
    /// No acknowledgement in time: the message may or may not have arrived.
    #[error("{to} did not acknowledge within {after:?}")]
    NotAcknowledged {
        /// To whom.
        to: NodeName,
        /// How long we waited.
        after: Duration,
    },
    /// The transport has been shut down.
    #[error("the transport is closed")]
    Closed,
}

/// One node's end of the network.
///
/// * **Delivery** is at most once and in any order, unless acknowledged; liveness comes from the
///   protocol's own resending, never from the transport.
/// * **Bounds**: a full receiver loses messages; a sender never waits for a receiver, but for an
///   acknowledgement it asked for.
/// * **Cancellation**: a dropped `receive` loses no message.
#[async_trait]
pub trait Transport: Send + Sync + 'static {
    /// The name of this end.
    fn name(&self) -> &NodeName;

    /// Sends to one node, best effort.
    ///
    /// # Errors
    /// [`TransportError::UnknownNode`], [`TransportError::Full`], [`TransportError::TooLarge`], [`TransportError::Closed`].
    async fn send(&self, to: &NodeName, kind: MessageKind, bytes: Bytes) -> Result<(), TransportError>;

    /// Sends to every other node, best effort; a full or absent receiver does not keep the others from getting it.
    ///
    /// # Errors
    /// [`TransportError::TooLarge`], [`TransportError::Closed`].
    async fn broadcast(&self, kind: MessageKind, bytes: Bytes) -> Result<(), TransportError>;

    /// Sends to one node and waits until its receiver has taken the message.
    ///
    /// # Errors
    /// As [`Transport::send`], and [`TransportError::NotAcknowledged`].
    async fn send_acknowledged(
        &self,
        to: &NodeName,
        kind: MessageKind,
        bytes: Bytes,
        timeout: Duration,
    ) -> Result<(), TransportError>;

    /// The next message; waits for one.
    ///
    /// # Errors
    /// [`TransportError::Closed`].
    async fn receive(&self) -> Result<Envelope, TransportError>;
}
