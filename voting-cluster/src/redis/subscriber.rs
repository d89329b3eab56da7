//! Subscriptions to sharded channels that survive failovers, slot migrations and silence.
//!
//! A subscription can die without a word when its slot moves. So this process sends an echo over each of
//! its channels every second and makes the connection anew when one does not come back. Messages sent
//! meanwhile are lost: whoever subscribes uses them as hints, or resends.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use ::redis::aio::AsyncPushSender;
use ::redis::{PushInfo, PushKind, Value};
use bytes::Bytes;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, timeout};
use tracing::{debug, warn};

use super::connection::Link;
use super::{Redis, RedisError};

/// How often each channel is tried with an echo.
const ECHO_EVERY: Duration = Duration::from_secs(1);
/// A channel whose echo did not come back for this long is dead.
const SILENCE: Duration = Duration::from_millis(2_500);
/// How long an echo may take to be sent, before the next one is.
const ECHO_PATIENCE: Duration = Duration::from_millis(900);
/// Pause before a connection that failed is made again.
const PAUSE: Duration = Duration::from_millis(100);
/// Begins an echo; no message of ours begins like this.
const ECHO: &[u8] = b"\0echo\0";

/// Called with each message of a channel. It must not block.
type Handler = Arc<dyn Fn(Bytes) + Send + Sync>;

/// The subscriptions of one process.
#[derive(Clone)]
pub(crate) struct Subscriber(Arc<Shared>);

struct Shared {
    redis: Redis,
    echo: Vec<u8>,
    channels: Mutex<HashMap<String, Channel>>,
    next: AtomicU64,
    changed: Notify,
    /// Counts heard echoes, to wake those who wait for a channel.
    heard: watch::Sender<u64>,
}

struct Channel {
    handlers: Vec<(u64, Handler)>,
    /// On which connection it is subscribed.
    subscribed_on: Option<u64>,
    since: Instant,
    heard: Option<Instant>,
}

/// Ends with its last clone.
pub(crate) struct Subscription {
    shared: Weak<Shared>,
    channel: String,
    number: u64,
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let Some(shared) = self.shared.upgrade() else { return };
        if let Some(channel) = shared.channels().get_mut(&self.channel) {
            channel.handlers.retain(|(number, _)| *number != self.number);
        }
        shared.changed.notify_one();
    }
}

impl fmt::Debug for Subscriber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscriber").field("channels", &self.0.channels().len()).finish_non_exhaustive()
    }
}

impl Shared {
    /// Every change of the map is one step, so a poisoned lock still guards a good map.
    fn channels(&self) -> MutexGuard<'_, HashMap<String, Channel>> {
        self.channels.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn receive(&self, push: PushInfo) {
        match push.kind {
            PushKind::SMessage => {}
            PushKind::Disconnection | PushKind::SUnsubscribe => return self.changed.notify_one(),
            _ => return,
        }
        let mut data = push.data.into_iter();
        let (Some(Value::BulkString(channel)), Some(Value::BulkString(message))) = (data.next(), data.next()) else { return };
        let Ok(channel) = String::from_utf8(channel) else { return };
        let handlers: Vec<Handler> = {
            let mut channels = self.channels();
            let Some(channel) = channels.get_mut(&channel) else { return };
            if message.starts_with(ECHO) {
                if message == self.echo {
                    channel.heard = Some(Instant::now());
                    drop(channels);
                    self.heard.send_modify(|count| *count = count.wrapping_add(1));
                }
                return;
            }
            channel.handlers.iter().map(|(_, handler)| Arc::clone(handler)).collect()
        };
        let message = Bytes::from(message);
        for handler in handlers {
            handler(message.clone());
        }
    }
}

/// Hands pushes on; the connection must not keep the subscriber alive.
struct Receiver(Weak<Shared>);

impl AsyncPushSender for Receiver {
    fn send(&self, push: PushInfo) -> Result<(), ::redis::aio::SendError> {
        let shared = self.0.upgrade().ok_or(::redis::aio::SendError)?;
        shared.receive(push);
        Ok(())
    }
}

impl Subscriber {
    /// Without any subscription; needs the tokio runtime.
    ///
    /// # Errors
    /// [`RedisError::Unexpected`] if there is no randomness for the echo.
    pub(crate) fn new(redis: Redis) -> Result<Self, RedisError> {
        let mut nonce = [0; 16];
        getrandom::fill(&mut nonce).map_err(|error| RedisError::Unexpected(format!("no randomness: {error}")))?;
        let shared = Arc::new(Shared {
            redis,
            echo: [ECHO, &nonce].concat(),
            channels: Mutex::default(),
            next: AtomicU64::new(0),
            changed: Notify::new(),
            heard: watch::Sender::new(0),
        });
        tokio::spawn(run(Arc::downgrade(&shared)));
        Ok(Self(shared))
    }

    /// Calls `handler` with each message of a channel until the subscription is dropped.
    pub(crate) fn subscribe(&self, channel: String, handler: impl Fn(Bytes) + Send + Sync + 'static) -> Subscription {
        let number = self.0.next.fetch_add(1, Ordering::Relaxed);
        {
            let mut channels = self.0.channels();
            let fresh = || Channel { handlers: Vec::new(), subscribed_on: None, since: Instant::now(), heard: None };
            channels.entry(channel.clone()).or_insert_with(fresh).handlers.push((number, Arc::new(handler)));
        }
        self.0.changed.notify_one();
        Subscription { shared: Arc::downgrade(&self.0), channel, number }
    }

    /// Waits until an echo came back over a channel: from then on nothing is missed, until the next failure.
    ///
    /// # Errors
    /// [`RedisError::Unavailable`] if none comes within the patience.
    pub(crate) async fn heard(&self, subscription: &Subscription) -> Result<(), RedisError> {
        let config = self.0.redis.config();
        let mut heard = self.0.heard.subscribe();
        let waiting = async {
            loop {
                heard.borrow_and_update();
                if self.0.channels().get(&subscription.channel).is_some_and(|channel| channel.heard.is_some()) {
                    return;
                }
                if heard.changed().await.is_err() {
                    return;
                }
            }
        };
        timeout(config.patience, waiting).await.map_err(|_| RedisError::Unavailable {
            servers: config.addresses().join(", "),
            waited: config.patience,
            reason: "no echo came back over a channel".to_owned(),
        })
    }
}

/// Keeps the subscriptions alive until the subscriber is gone.
async fn run(weak: Weak<Shared>) {
    let mut link: Option<(u64, Link)> = None;
    let mut connections = 0;
    let mut echo_at = Instant::now();
    loop {
        let Some(shared) = weak.upgrade() else { return };
        if shared.channels().is_empty() {
            link = None;
        } else if link.is_none() {
            connections += 1;
            match shared.redis.open(Some(Arc::new(Receiver(weak.clone())))).await {
                Ok(fresh) => link = Some((connections, fresh)),
                Err(error) => {
                    debug!(%error, "no connection for subscriptions yet");
                    drop(shared);
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            }
        }
        let mut failed = false;
        if let Some((number, link)) = &mut link {
            failed = !settle(&shared, *number, link, &mut echo_at).await;
            if !failed && Instant::now() >= echo_at {
                send_echoes(&shared);
                echo_at = Instant::now() + ECHO_EVERY;
                failed = has_died(&shared, *number);
            }
        }
        if failed {
            link = None;
            drop(shared);
            tokio::time::sleep(PAUSE).await;
            continue;
        }
        // Only a weak reference is kept while waiting: the subscriber may end.
        let changed = async {
            shared.changed.notified().await;
        };
        let _ = tokio::time::timeout_at(echo_at.max(Instant::now() + PAUSE), changed).await; // an echo is due
    }
}

/// Subscribes what is not subscribed on this connection, and unsubscribes what nobody handles any more.
async fn settle(shared: &Shared, connection: u64, link: &mut Link, echo_at: &mut Instant) -> bool {
    let (wanted, unwanted): (Vec<String>, Vec<String>) = {
        let channels = shared.channels();
        let wanted = channels.iter().filter(|(_, c)| !c.handlers.is_empty() && c.subscribed_on != Some(connection));
        let unwanted = channels.iter().filter(|(_, c)| c.handlers.is_empty());
        (wanted.map(|(name, _)| name.clone()).collect(), unwanted.map(|(name, _)| name.clone()).collect())
    };
    for name in wanted {
        if let Err(error) = link.subscribe(&name).await {
            debug!(%error, %name, "a channel cannot be subscribed yet");
            return false;
        }
        if let Some(channel) = shared.channels().get_mut(&name) {
            channel.subscribed_on = Some(connection);
            channel.since = Instant::now();
            channel.heard = None;
        }
        *echo_at = Instant::now();
    }
    for name in unwanted {
        let _ = link.unsubscribe(&name).await; // its messages find no handler
        let mut channels = shared.channels();
        if channels.get(&name).is_some_and(|channel| channel.handlers.is_empty()) {
            channels.remove(&name);
        }
    }
    true
}

/// Sends an echo over every channel, without waiting for it.
fn send_echoes(shared: &Arc<Shared>) {
    let names: Vec<String> = shared.channels().keys().cloned().collect();
    for name in names {
        let shared = Arc::clone(shared);
        tokio::spawn(async move {
            let echo = ::redis::cmd("SPUBLISH").arg(name).arg(&shared.echo).clone();
            if let Err(error) = shared.redis.ask_within(&echo, ECHO_PATIENCE).await {
                debug!(%error, "an echo was not sent");
            }
        });
    }
}

/// Whether a channel has been silent for too long.
fn has_died(shared: &Shared, connection: u64) -> bool {
    let now = Instant::now();
    let channels = shared.channels();
    let dead = channels.iter().find(|(_, channel)| {
        let last = channel.heard.unwrap_or(channel.since);
        channel.subscribed_on == Some(connection) && now.saturating_duration_since(last) > SILENCE
    });
    if let Some((name, _)) = dead {
        warn!(channel = %name, "a subscription has died; subscribing anew");
    }
    dead.is_some()
}
