//! Locks on Redis.
//!
//! ```text
//!  NS:{lock:NAME}:ephemeral:holder   string: owner and token, gone when the lease ends
//!  NS:{lock:NAME}:ephemeral:fence    hash: the last token, the last release
//!  NS:{lock:NAME}:ephemeral:line     sorted set: waiters by arrival
//!  NS:{lock:NAME}:ephemeral:alive    sorted set: waiters by when they were last heard of
//!  NS:{client:ID}:ephemeral:turn     channel: a lock that this process waits for is free
//! ```
//!
//! A token is the server's time in microseconds, or one more than the last token if that is higher: it
//! grows even if a failover loses the counter, as long as the servers' clocks are not far apart. What
//! must be exclusive whatever happens takes its token from a finalized height instead.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{Notify, OnceCell};
use tokio::time::{Instant, timeout_at};
use voting_core::seams::lock::MAX_LOCK_NAME_BYTES;
use voting_core::seams::{FencingToken, Lease, LockError, LockManager};

use crate::redis::{Redis, RedisError, Script, Subscriber, Subscription, convert, random_number};

/// A waiter looks again after this long although nobody woke it.
const LOOK_EVERY: Duration = Duration::from_millis(400);
/// A waiter not heard of for this long has lost its place in line.
const FORGOTTEN: Duration = Duration::from_millis(1_500);
/// Longest single wait or lease: keeps deadlines far from the end of time.
const LONGEST: Duration = Duration::from_secs(86_400);
/// What a lock leaves behind is forgotten after this long without use.
const KEPT: Duration = Duration::from_secs(2 * 86_400);

/// KEYS: holder, fence, line, alive. ARGV: owner and channel of the waiter, lease in ms, whether to wait,
/// how long a waiter is remembered in ms, how long the lock is remembered in ms, owner.
/// Answers the token, or how long the lease still lasts (-1: free, but others come first).
static ACQUIRE: Script = Script::new(
    r"
local waiter, lease, waits, forgotten, kept, owner = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5], ARGV[6]
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local held = redis.call('GET', KEYS[1])
if held and string.sub(held, 1, 32) == owner then
  return {'held', string.sub(held, 34)}
end
for _, gone in ipairs(redis.call('ZRANGEBYSCORE', KEYS[4], '-inf', now - forgotten * 1000)) do
  redis.call('ZREM', KEYS[3], gone)
  redis.call('ZREM', KEYS[4], gone)
end
local first = redis.call('ZRANGE', KEYS[3], 0, 0)[1]
if not held and (not first or first == waiter) then
  local last = tonumber(redis.call('HGET', KEYS[2], 'token') or '0')
  local token = string.format('%.0f', math.max(now, last + 1))
  redis.call('SET', KEYS[1], owner .. ':' .. token, 'PX', lease)
  redis.call('HSET', KEYS[2], 'token', token)
  redis.call('PEXPIRE', KEYS[2], kept)
  redis.call('ZREM', KEYS[3], waiter)
  redis.call('ZREM', KEYS[4], waiter)
  return {'held', token}
end
if waits == '1' then
  redis.call('ZADD', KEYS[3], 'NX', now, waiter)
  redis.call('ZADD', KEYS[4], now, waiter)
  redis.call('PEXPIRE', KEYS[3], forgotten)
  redis.call('PEXPIRE', KEYS[4], forgotten)
end
if held then return {'busy', redis.call('PTTL', KEYS[1])} end
return {'busy', -1}
",
);

/// KEYS: holder. ARGV: owner and token, lease in ms.
static RENEW: Script = Script::new(
    r"
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
",
);

/// KEYS: holder, fence, line. ARGV: owner and token, this call. Answers whether it was held, and who is next.
static RELEASE: Script = Script::new(
    r"
local next = redis.call('ZRANGE', KEYS[3], 0, 0)[1] or ''
if redis.call('GET', KEYS[1]) == ARGV[1] then
  redis.call('DEL', KEYS[1])
  redis.call('HSET', KEYS[2], 'release', ARGV[2])
  return {1, next}
end
if redis.call('HGET', KEYS[2], 'release') == ARGV[2] then return {1, next} end
return {0, ''}
",
);

/// KEYS: holder, line, alive. ARGV: waiter. Frees what its call took without learning of it; answers who is next if
/// the lock is free.
static LEAVE: Script = Script::new(
    r"
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('ZREM', KEYS[3], ARGV[1])
local held = redis.call('GET', KEYS[1])
if held and string.sub(held, 1, 32) ~= string.sub(ARGV[1], 1, 32) then return '' end
if held then redis.call('DEL', KEYS[1]) end
return redis.call('ZRANGE', KEYS[2], 0, 0)[1] or ''
",
);

/// A [`LockManager`] on a Redis Cluster or a single server; clones share one place to be woken at.
#[derive(Clone)]
pub struct RedisLocks(Arc<Inner>);

struct Inner {
    redis: Redis,
    subscriber: Subscriber,
    client: String,
    turn: Arc<Notify>,
    woken: OnceCell<Subscription>,
}

impl RedisLocks {
    pub(crate) fn new(redis: Redis, subscriber: Subscriber) -> Result<Self, RedisError> {
        let client = format!("{:032x}", random_number()?);
        let inner = Inner { redis, subscriber, client, turn: Arc::new(Notify::new()), woken: OnceCell::new() };
        Ok(Self(Arc::new(inner)))
    }

    fn keys<const N: usize>(&self, name: &str, parts: [&str; N]) -> [String; N] {
        parts.map(|part| self.0.redis.keys().lock(name, part))
    }

    /// Everybody of this process who waits looks again when one of them is called.
    async fn listen(&self) {
        let inner = &self.0;
        let listening = inner.woken.get_or_init(|| async {
            let turn = Arc::clone(&inner.turn);
            inner.subscriber.subscribe(inner.redis.keys().lock_client(&inner.client), move |_| turn.notify_waiters())
        });
        let _ = listening.await;
    }

    async fn wake(&self, waiter: &str) {
        let Some((_, client)) = waiter.split_once(':') else { return };
        let channel = self.0.redis.keys().lock_client(client);
        // A call that is lost is made up for by the next look.
        let _ = self.0.redis.ask(::redis::cmd("SPUBLISH").arg(channel).arg("")).await;
    }

    async fn leave(&self, name: &str, waiter: &str) -> Result<(), RedisError> {
        let next: String = convert(LEAVE.run(&self.0.redis, &self.keys(name, ["holder", "line", "alive"]), &[waiter]).await?)?;
        self.wake(&next).await;
        Ok(())
    }
}

/// Leaves the line, and frees what a call that was given up may have acquired.
struct InLine<'a> {
    locks: &'a RedisLocks,
    name: &'a str,
    waiter: &'a str,
    is_done: bool,
}

impl Drop for InLine<'_> {
    fn drop(&mut self) {
        if self.is_done {
            return;
        }
        let (locks, name, waiter) = (self.locks.clone(), self.name.to_owned(), self.waiter.to_owned());
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            // If this does not get through, line and lease end by themselves.
            runtime.spawn(async move { locks.leave(&name, &waiter).await });
        }
    }
}

impl From<RedisError> for LockError {
    fn from(error: RedisError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

/// Time in milliseconds as a script takes it.
fn millis(time: Duration) -> String {
    time.min(LONGEST * 365).as_millis().max(1).to_string()
}

fn held_as(lease: &Lease) -> String {
    format!("{:032x}:{}", lease.owner, lease.token)
}

#[async_trait]
impl LockManager for RedisLocks {
    async fn acquire(&self, name: &str, lease: Duration, timeout: Duration) -> Result<Lease, LockError> {
        if name.is_empty() || name.len() > MAX_LOCK_NAME_BYTES {
            return Err(LockError::Invalid(format!("a name of {} bytes, allowed are 1 to {MAX_LOCK_NAME_BYTES}", name.len())));
        }
        if lease.is_zero() {
            return Err(LockError::Invalid("a lease of no duration".to_owned()));
        }
        let deadline = Instant::now() + timeout.min(LONGEST);
        let owner = random_number()?;
        let waiter = format!("{owner:032x}:{}", self.0.client);
        let keys = self.keys(name, ["holder", "fence", "line", "alive"]);
        let waits = !timeout.is_zero();
        if waits {
            self.listen().await;
        }
        let mut in_line = InLine { locks: self, name, waiter: &waiter, is_done: false };
        let args =
            [waiter.clone(), millis(lease), u8::from(waits).to_string(), millis(FORGOTTEN), millis(KEPT), format!("{owner:032x}")];
        loop {
            // Registered before looking, so that no call is missed in between.
            let mut called = std::pin::pin!(self.0.turn.notified());
            called.as_mut().enable();
            let (state, number): (String, i64) = convert(ACQUIRE.run(&self.0.redis, &keys, &args).await?)?;
            if state == "held" {
                in_line.is_done = true;
                let token = FencingToken(u64::try_from(number).unwrap_or_default());
                return Ok(Lease { name: name.to_owned(), owner, token, duration: lease });
            }
            let now = Instant::now();
            if now >= deadline {
                if waits {
                    self.leave(name, &waiter).await?;
                }
                in_line.is_done = true;
                return Err(LockError::Timeout { name: name.to_owned(), waited: timeout });
            }
            let lease_ends = u64::try_from(number).map_or(LOOK_EVERY, Duration::from_millis) + Duration::from_millis(1);
            let next_look = now + lease_ends.min(LOOK_EVERY);
            let _ = timeout_at(deadline.min(next_look), called).await; // called or not: look again
        }
    }

    async fn renew(&self, lease: &Lease) -> Result<(), LockError> {
        let keys = self.keys(&lease.name, ["holder"]);
        let renewed: i64 = convert(RENEW.run(&self.0.redis, &keys, &[held_as(lease), millis(lease.duration)]).await?)?;
        if renewed == 1 { Ok(()) } else { Err(LockError::Lost { name: lease.name.clone() }) }
    }

    async fn release(&self, lease: &Lease) -> Result<(), LockError> {
        let keys = self.keys(&lease.name, ["holder", "fence", "line"]);
        let this_call = format!("{:032x}", random_number()?);
        let (released, next): (i64, String) = convert(RELEASE.run(&self.0.redis, &keys, &[held_as(lease), this_call]).await?)?;
        if released != 1 {
            return Err(LockError::Lost { name: lease.name.clone() });
        }
        self.wake(&next).await;
        Ok(())
    }
}

impl fmt::Debug for RedisLocks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisLocks").field("redis", &self.0.redis).finish_non_exhaustive()
    }
}
