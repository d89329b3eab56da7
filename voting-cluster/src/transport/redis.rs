//! Messages between nodes through Redis: sharded publish and subscribe, a channel per node and one for all.
//!
//! Delivery is at most once: what is published while a subscription is being made anew is lost, and
//! the protocol's own resending makes up for it. A message that asks for it is acknowledged over the
//! sender's channel when its receiver takes it.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use borsh::{BorshDeserialize, BorshSerialize};
use bytes::Bytes;
use tokio::sync::{Notify, Semaphore, oneshot};
use tokio::time::timeout;
use tracing::debug;
use voting_core::seams::transport::MAX_MESSAGE_BYTES;
use voting_core::seams::{Envelope, MessageKind, NodeName, Transport, TransportError};

use super::{INBOX_BYTES, INBOX_MESSAGES};
use crate::redis::{Redis, RedisError, Subscriber, Subscription, convert};

/// How long a message is worth sending: consensus resends what matters.
const PATIENCE: Duration = Duration::from_millis(1_500);
/// How long a sender waits to learn that nobody hears it.
const ANSWER: Duration = Duration::from_millis(50);
/// Messages on their way to Redis; when it does not answer, more are lost.
const UNDER_WAY: usize = 1_024;
/// Longest wait for an acknowledgement: keeps deadlines far from the end of time.
const LONGEST: Duration = Duration::from_secs(86_400);

/// What is published.
#[derive(BorshSerialize, BorshDeserialize)]
enum Frame {
    /// A message, with the number of the acknowledgement it asks for.
    Message { from: String, kind: u8, asks: Option<u64>, bytes: Vec<u8> },
    /// The message with this number was taken.
    Taken(u64),
}

/// One node's end of a network through Redis.
pub struct RedisTransport {
    name: NodeName,
    redis: Redis,
    shared: Arc<Shared>,
    under_way: Arc<Semaphore>,
    subscriptions: Mutex<Vec<Subscription>>,
}

struct Shared {
    name: NodeName,
    inbox: Mutex<Inbox>,
    changed: Notify,
    waiting: Mutex<HashMap<u64, oneshot::Sender<()>>>,
    next: AtomicU64,
    is_closed: AtomicBool,
}

#[derive(Default)]
struct Inbox {
    messages: VecDeque<(Envelope, Option<u64>)>,
    bytes: usize,
}

impl Shared {
    fn inbox(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<u64, oneshot::Sender<()>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, published: &[u8]) {
        match borsh::from_slice::<Frame>(published) {
            Ok(Frame::Message { from, kind, asks, bytes }) if from != self.name.0 => {
                let Some(kind) = MessageKind::from_number(kind) else {
                    return debug!(%from, kind, "a message of an unknown kind");
                };
                let mut inbox = self.inbox();
                if inbox.messages.len() >= INBOX_MESSAGES || inbox.bytes + bytes.len() > INBOX_BYTES {
                    return debug!(%from, "the inbox is full; a message is lost");
                }
                inbox.bytes += bytes.len();
                inbox.messages.push_back((Envelope { from: NodeName(from), kind, bytes: bytes.into() }, asks));
                drop(inbox);
                self.changed.notify_one();
            }
            Ok(Frame::Message { .. }) => {} // our own broadcast
            Ok(Frame::Taken(number)) => {
                if let Some(waiting) = self.waiting().remove(&number) {
                    let _ = waiting.send(()); // the sender may have stopped waiting
                }
            }
            Err(error) => debug!(%error, "something was published that is no message"),
        }
    }
}

/// Forgets an acknowledgement that nobody waits for any more.
struct Asked<'a>(&'a Shared, u64);

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        self.0.waiting().remove(&self.1);
    }
}

impl RedisTransport {
    /// Joins as a node, and returns once messages to it are heard.
    pub(crate) async fn join(redis: Redis, subscriber: &Subscriber, name: NodeName) -> Result<Self, RedisError> {
        let mut start = [0; 8];
        getrandom::fill(&mut start).map_err(|error| RedisError::Unexpected(format!("no randomness: {error}")))?;
        let shared = Arc::new(Shared {
            name: name.clone(),
            inbox: Mutex::default(),
            changed: Notify::new(),
            waiting: Mutex::default(),
            next: AtomicU64::new(u64::from_be_bytes(start)), // a former life's acknowledgements are not ours
            is_closed: AtomicBool::new(false),
        });
        let subscribe = |channel: String| {
            let shared = Arc::clone(&shared);
            subscriber.subscribe(channel, move |published| shared.put(&published))
        };
        let subscriptions = vec![subscribe(redis.keys().node(&name.0)), subscribe(redis.keys().nodes())];
        for subscription in &subscriptions {
            subscriber.heard(subscription).await?;
        }
        let under_way = Arc::new(Semaphore::new(UNDER_WAY));
        Ok(Self { name, redis, shared, under_way, subscriptions: Mutex::new(subscriptions) })
    }

    /// Leaves the network: from now on every call says [`TransportError::Closed`].
    pub fn close(&self) {
        self.shared.is_closed.store(true, Ordering::Release);
        self.subscriptions.lock().unwrap_or_else(PoisonError::into_inner).clear();
        *self.shared.inbox() = Inbox::default();
        self.shared.changed.notify_one();
    }

    fn check(&self, bytes: &Bytes) -> Result<(), TransportError> {
        if self.shared.is_closed.load(Ordering::Acquire) {
            return Err(TransportError::Closed);
        }
        if bytes.len() > MAX_MESSAGE_BYTES {
            return Err(TransportError::TooLarge { actual: bytes.len() });
        }
        Ok(())
    }

    /// Publishes to a channel in the background. The receiver tells how many heard it, if Redis answers.
    fn publish(&self, channel: String, frame: &Frame) -> Option<oneshot::Receiver<u64>> {
        let Ok(under_way) = Arc::clone(&self.under_way).try_acquire_owned() else {
            debug!("too many messages are under way; one is lost");
            return None;
        };
        let bytes = borsh::to_vec(frame).ok()?; // writing to memory does not fail
        let (redis, (tell, heard)) = (self.redis.clone(), oneshot::channel());
        tokio::spawn(async move {
            let _under_way = under_way;
            let answer = redis.ask_within(::redis::cmd("SPUBLISH").arg(channel).arg(bytes), PATIENCE).await;
            match answer.and_then(convert::<u64>) {
                Ok(count) => drop(tell.send(count)), // the sender may not wait for it
                Err(error) => debug!(%error, "a message was not sent"),
            }
        });
        Some(heard)
    }

    fn message(&self, kind: MessageKind, asks: Option<u64>, bytes: &Bytes) -> Frame {
        Frame::Message { from: self.name.0.clone(), kind: kind as u8, asks, bytes: bytes.to_vec() }
    }

    async fn send_message(&self, to: &NodeName, kind: MessageKind, asks: Option<u64>, bytes: &Bytes) -> Result<(), TransportError> {
        self.check(bytes)?;
        let Some(heard) = self.publish(self.redis.keys().node(&to.0), &self.message(kind, asks, bytes)) else {
            return Err(TransportError::Full(to.clone()));
        };
        // Redis mostly answers at once; if it does not, the message may still arrive.
        match timeout(ANSWER, heard).await {
            Ok(Ok(0)) => Err(TransportError::UnknownNode(to.clone())),
            _ => Ok(()),
        }
    }
}

#[async_trait]
impl Transport for RedisTransport {
    fn name(&self) -> &NodeName {
        &self.name
    }

    async fn send(&self, to: &NodeName, kind: MessageKind, bytes: Bytes) -> Result<(), TransportError> {
        self.send_message(to, kind, None, &bytes).await
    }

    async fn broadcast(&self, kind: MessageKind, bytes: Bytes) -> Result<(), TransportError> {
        self.check(&bytes)?;
        self.publish(self.redis.keys().nodes(), &self.message(kind, None, &bytes)); // best effort
        Ok(())
    }

    async fn send_acknowledged(
        &self,
        to: &NodeName,
        kind: MessageKind,
        bytes: Bytes,
        patience: Duration,
    ) -> Result<(), TransportError> {
        self.check(&bytes)?;
        let number = self.shared.next.fetch_add(1, Ordering::Relaxed);
        let (taken, waiting) = oneshot::channel();
        self.shared.waiting().insert(number, taken);
        let _asked = Asked(&self.shared, number);
        let asking = async {
            self.send_message(to, kind, Some(number), &bytes).await?;
            // Closed without an answer: nobody will ever acknowledge.
            if waiting.await.is_err() { std::future::pending().await } else { Ok(()) }
        };
        match timeout(patience.min(LONGEST), asking).await {
            Ok(result) => result,
            Err(_) => Err(TransportError::NotAcknowledged { to: to.clone(), after: patience }),
        }
    }

    async fn receive(&self) -> Result<Envelope, TransportError> {
        loop {
            if self.shared.is_closed.load(Ordering::Acquire) {
                self.shared.changed.notify_one(); // others may wait on the same end
                return Err(TransportError::Closed);
            }
            let next = {
                let mut inbox = self.shared.inbox();
                let next = inbox.messages.pop_front();
                if let Some((envelope, _)) = &next {
                    inbox.bytes -= envelope.bytes.len();
                }
                if !inbox.messages.is_empty() {
                    self.shared.changed.notify_one();
                }
                next
            };
            if let Some((envelope, asks)) = next {
                if let Some(number) = asks {
                    // Sent beside, so that a caller who stops waiting here loses no message.
                    let (redis, channel) = (self.redis.clone(), self.redis.keys().node(&envelope.from.0));
                    tokio::spawn(async move {
                        let Ok(bytes) = borsh::to_vec(&Frame::Taken(number)) else { return };
                        let _ = redis.ask_within(::redis::cmd("SPUBLISH").arg(channel).arg(bytes), PATIENCE).await;
                    });
                }
                return Ok(envelope);
            }
            self.shared.changed.notified().await;
        }
    }
}

impl fmt::Debug for RedisTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisTransport").field("name", &self.name).field("redis", &self.redis).finish_non_exhaustive()
    }
}
