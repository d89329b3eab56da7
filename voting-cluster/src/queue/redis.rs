//! The ballot queue on Redis: a stream per bucket, spread over the shards.
//!
//! ```text
//!  NS:{queue:P:B}:queue:stream    stream: waiting and taken entries, field = hash, value = bytes
//!  NS:{queue:P:B}:queue:known     hash: entry hash → place in the stream
//!  NS:{queue:P:B}:queue:looks     hash: consumer → its last look that found something, first and last place
//!  NS:{queue:P:B}:queue:dead      stream: entries given up on, with the reason, the newest thousand
//!  NS:{queue:P:B}:queue:given-up  number of entries given up on
//!  NS:{queue:P:B}:ephemeral:arrivals   channel: something has come in
//! ```
//!
//! An entry's hash decides its bucket. Order and bound hold per bucket. A consumer is woken for the
//! buckets that are its share and looks after the others now and then, so that the buckets of one that
//! has died are emptied by the rest. Every write is one script that may run twice.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use ::redis::Value;
use async_trait::async_trait;
use futures_util::future::try_join_all;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};
use voting_core::block::EntryBytes;
use voting_core::ids::{EntryHash, PartitionId};
use voting_core::seams::queue::MAX_DELIVERIES;
use voting_core::seams::{BallotQueue, Delivery, QueueDepth, QueueError, Submitted};

use crate::redis::{Redis, RedisError, Script, Subscriber, Subscription, convert, random_number};

/// Buckets of one queue: several per shard of an ordinary cluster, few enough to be read one by one.
pub const DEFAULT_BUCKETS: u16 = 8;
/// Most buckets: each costs a look now and then by every consumer.
pub const MAX_BUCKETS: u16 = 64;
/// A full queue empties at the pace of blocks.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// A bucket is looked at this often although no arrival was heard of: the hint may be lost, or its
/// consumers dead.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Longest single wait: keeps deadlines far from the end of time.
const LONGEST_WAIT: Duration = Duration::from_secs(86_400);
/// Places of taken entries remembered here; more are found by their hash.
const MAX_REMEMBERED: usize = 100_000;
/// Entries settled by one script, so that none takes long.
const SETTLED_AT_ONCE: usize = 500;
/// The consumer group.
const GROUP: &str = "authorities";

/// KEYS: stream, known, channel. ARGV: hash, entry, bound, group.
static SUBMIT: Script = Script::new(
    r"
local place = redis.call('HGET', KEYS[2], ARGV[1])
if place and #redis.call('XRANGE', KEYS[1], place, place) > 0 then return 'present' end
local length = redis.call('XLEN', KEYS[1])
if length >= tonumber(ARGV[3]) then return 'full' end
place = redis.call('XADD', KEYS[1], '*', ARGV[1], ARGV[2])
redis.call('HSET', KEYS[2], ARGV[1], place)
local pending = redis.pcall('XPENDING', KEYS[1], ARGV[4])
if pending.err or length <= pending[1] then redis.call('SPUBLISH', KEYS[3], '') end
return 'queued'
",
);

/// KEYS: stream, looks. ARGV: group, consumer, most, this look. Answers place and fields of each. Run again by the same
/// look, because its answer was lost, it answers the same. The group begins with the oldest entry: what was queued
/// before it, or before a failover lost it, is taken again.
static LOOK: Script = Script::new(
    r"
local group, consumer, most, this = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local look, first, last = string.match(redis.call('HGET', KEYS[2], consumer) or '', '^(%S+) (%S+) (%S+)$')
if look == this then
  local pending = redis.pcall('XPENDING', KEYS[1], group, first, last, most, consumer)
  local entries = {}
  for _, entry in ipairs(pending.err and {} or pending) do
    entries[#entries + 1] = redis.call('XRANGE', KEYS[1], entry[1], entry[1])[1]
  end
  return entries
end
local function read()
  return redis.pcall('XREADGROUP', 'GROUP', group, consumer, 'COUNT', most, 'STREAMS', KEYS[1], '>')
end
local answer = read()
if answer and answer.err and string.find(answer.err, '^NOGROUP') then
  redis.call('XGROUP', 'CREATE', KEYS[1], group, '0', 'MKSTREAM')
  answer = read()
end
if not answer then return {} end
if answer.err then return answer end
local entries = answer[1][2]
redis.call('HSET', KEYS[2], consumer, this .. ' ' .. entries[1][1] .. ' ' .. entries[#entries][1])
return entries
",
);

/// KEYS: stream, known. ARGV: group, then hash and place (or nothing) in turn.
static SETTLE: Script = Script::new(
    r"
local places, hashes = {}, {}
for i = 2, #ARGV, 2 do
  local place = ARGV[i + 1]
  if place == '' then place = redis.call('HGET', KEYS[2], ARGV[i]) end
  if place then
    places[#places + 1] = place
    hashes[#hashes + 1] = ARGV[i]
  end
end
if #places > 0 then
  redis.call('XACK', KEYS[1], ARGV[1], unpack(places))
  redis.call('XDEL', KEYS[1], unpack(places))
end
if #hashes > 0 then redis.call('HDEL', KEYS[2], unpack(hashes)) end
return #places
",
);

/// KEYS: stream, known, dead, given up. ARGV: group, consumer, idle ms, most, deliveries allowed.
/// Answers place, attempt and fields of each.
static RECLAIM: Script = Script::new(
    r"
local pending = redis.pcall('XPENDING', KEYS[1], ARGV[1], 'IDLE', ARGV[3], '-', '+', ARGV[4])
if pending.err then return {} end
local places, attempts = {}, {}
for _, entry in ipairs(pending) do
  local place, deliveries = entry[1], entry[4]
  if deliveries >= tonumber(ARGV[5]) then
    local found = redis.call('XRANGE', KEYS[1], place, place)[1]
    if found then
      redis.call('XADD', KEYS[3], 'MAXLEN', '~', 1000, '*', found[2][1], found[2][2],
        'reason', 'handed out ' .. deliveries .. ' times and never settled')
      redis.call('HDEL', KEYS[2], found[2][1])
      redis.call('INCR', KEYS[4])
    end
    redis.call('XACK', KEYS[1], ARGV[1], place)
    redis.call('XDEL', KEYS[1], place)
  else
    places[#places + 1] = place
    attempts[place] = deliveries + 1
  end
end
if #places == 0 then return {} end
local answer = {}
local claim = {'XCLAIM', KEYS[1], ARGV[1], ARGV[2], ARGV[3]}
for _, place in ipairs(places) do claim[#claim + 1] = place end
for _, entry in ipairs(redis.call(unpack(claim))) do
  if entry and entry[2] then answer[#answer + 1] = {entry[1], attempts[entry[1]], entry[2]} end
end
return answer
",
);

/// KEYS: stream, given up. ARGV: group.
static DEPTH: Script = Script::new(
    r"
local pending = redis.pcall('XPENDING', KEYS[1], ARGV[1])
local taken = 0
if not pending.err then taken = pending[1] end
return {redis.call('XLEN', KEYS[1]), taken, tonumber(redis.call('GET', KEYS[2]) or '0')}
",
);

/// Which buckets a consumer is woken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// This consumer's place among all, from 0.
    pub index: usize,
    /// Number of consumers.
    pub of: usize,
}

/// How a queue is laid out; all who use it must say the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueLayout {
    /// The partition it is for.
    pub partition: PartitionId,
    /// Number of buckets, between 1 and [`MAX_BUCKETS`].
    pub buckets: u16,
    /// Entries it holds at most, waiting and taken together.
    pub capacity: usize,
}

/// A [`BallotQueue`] on a Redis Cluster or a single server.
pub struct RedisQueue {
    shared: Arc<Shared>,
    subscriber: Subscriber,
    layout: QueueLayout,
    arrivals: OnceLock<Vec<Subscription>>,
    /// Counts calls, so that no bucket always comes first.
    calls: AtomicUsize,
}

/// What looks at buckets, which go on beside the calls that began them, have in common.
struct Shared {
    redis: Redis,
    buckets: Vec<Bucket>,
    /// Something has come in, or a look is done.
    changed: Notify,
    found: Mutex<Found>,
    places: Mutex<HashMap<EntryHash, String>>,
}

/// What looks have found and no call has taken yet.
#[derive(Default)]
struct Found {
    deliveries: VecDeque<Delivery>,
    failed: Option<RedisError>,
}

struct Bucket {
    stream: String,
    known: String,
    looks: String,
    dead: String,
    given_up: String,
    channel: String,
    is_mine: bool,
    has_arrivals: AtomicBool,
    is_looked_at: AtomicBool,
    looked_at: Mutex<Option<Instant>>,
}

impl RedisQueue {
    pub(crate) fn new(redis: Redis, subscriber: Subscriber, layout: QueueLayout, share: Option<Share>) -> Self {
        let layout = QueueLayout { buckets: layout.buckets.clamp(1, MAX_BUCKETS), ..layout };
        let keys = redis.keys();
        let bucket = |number: u16| {
            let key = |part: &str| keys.queue(layout.partition, number, part);
            Bucket {
                stream: key("stream"),
                known: key("known"),
                looks: key("looks"),
                dead: key("dead"),
                given_up: key("given-up"),
                channel: keys.queue_arrivals(layout.partition, number),
                is_mine: share.is_none_or(|share| usize::from(number) % share.of.max(1) == share.index),
                has_arrivals: AtomicBool::new(true),
                is_looked_at: AtomicBool::new(false),
                looked_at: Mutex::new(None),
            }
        };
        let buckets = (0..layout.buckets).map(bucket).collect();
        let shared = Shared { redis, buckets, changed: Notify::new(), found: Mutex::default(), places: Mutex::default() };
        Self { shared: Arc::new(shared), subscriber, layout, arrivals: OnceLock::new(), calls: AtomicUsize::new(0) }
    }

    /// Bound of one bucket.
    fn bound(&self) -> usize {
        self.layout.capacity.div_ceil(self.shared.buckets.len()).max(1)
    }

    fn bucket_of(&self, hash: &EntryHash) -> usize {
        let [high, low, ..] = hash.0;
        usize::from(u16::from_be_bytes([high, low])) % self.shared.buckets.len()
    }

    /// Listens for arrivals from the first take on: who only submits needs none.
    fn listen(&self) {
        self.arrivals.get_or_init(|| {
            let mine = self.shared.buckets.iter().enumerate().filter(|(_, bucket)| bucket.is_mine);
            mine.map(|(number, bucket)| {
                let shared = Arc::downgrade(&self.shared);
                self.subscriber.subscribe(bucket.channel.clone(), move |_| {
                    if let Some(shared) = shared.upgrade() {
                        shared.buckets[number].has_arrivals.store(true, Ordering::Release);
                        shared.changed.notify_one();
                    }
                })
            })
            .collect()
        });
    }

    /// Begins to look at buckets, at most `max` of them: at the `unseen`, which are then no longer that, and at those
    /// that are due. Counts what is `under_way`. A bucket whose shard does not answer keeps no other waiting.
    fn begin_looks(&self, consumer: &str, max: usize, unseen: &mut VecDeque<usize>, under_way: &Arc<AtomicUsize>) {
        let now = Instant::now();
        let buckets = &self.shared.buckets;
        let is_free = |number: &usize| !buckets[*number].is_looked_at.load(Ordering::Acquire);
        let others = (0..buckets.len()).filter(|number| !unseen.contains(number) && buckets[*number].is_due(now));
        let due: Vec<usize> = unseen.iter().copied().chain(others).filter(is_free).take(max).collect();
        let each = max / due.len().max(1);
        for number in due {
            if buckets[number].is_looked_at.swap(true, Ordering::AcqRel) {
                continue; // another call was faster
            }
            unseen.retain(|other| *other != number);
            under_way.fetch_add(1, Ordering::AcqRel);
            let (shared, consumer, under_way) = (Arc::clone(&self.shared), consumer.to_owned(), Arc::clone(under_way));
            tokio::spawn(async move {
                let bucket = &shared.buckets[number];
                let looked = shared.look(bucket, &consumer, each).await;
                let mut found = shared.found();
                match looked {
                    Ok(deliveries) => found.deliveries.extend(deliveries),
                    Err(error) => found.failed = Some(error),
                }
                drop(found);
                bucket.is_looked_at.store(false, Ordering::Release);
                under_way.fetch_sub(1, Ordering::AcqRel);
                shared.changed.notify_one();
            });
        }
    }

    /// This consumer's own buckets, each time beginning with another one, so that none always comes first.
    fn own(&self) -> VecDeque<usize> {
        let own = self.shared.buckets.iter().enumerate().filter(|(_, bucket)| bucket.is_mine);
        let mut own: VecDeque<usize> = own.map(|(number, _)| number).collect();
        let begin = self.calls.fetch_add(1, Ordering::Relaxed) % own.len().max(1);
        own.rotate_left(begin);
        own
    }
}

impl Shared {
    fn found(&self) -> MutexGuard<'_, Found> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every change is one step of the map, so a poisoned lock still guards a good one.
    fn places(&self) -> MutexGuard<'_, HashMap<EntryHash, String>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What looks have found, at most so much, or why one failed.
    fn take_found(&self, max: usize) -> Result<Option<Vec<Delivery>>, RedisError> {
        let mut found = self.found();
        let some = max.min(found.deliveries.len());
        if some == 0 {
            return found.failed.take().map_or(Ok(None), Err);
        }
        let deliveries = found.deliveries.drain(..some).collect();
        if !found.deliveries.is_empty() || self.buckets.iter().any(|bucket| bucket.has_arrivals.load(Ordering::Acquire)) {
            self.changed.notify_one(); // others may wait, too
        }
        Ok(Some(deliveries))
    }

    async fn look(&self, bucket: &Bucket, consumer: &str, count: usize) -> Result<Vec<Delivery>, RedisError> {
        bucket.has_arrivals.store(false, Ordering::Release);
        *bucket.looked_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        let this = format!("{:032x}", random_number()?);
        let args = [GROUP, consumer, &count.to_string(), &this];
        let found: Vec<Value> = convert(LOOK.run(&self.redis, &[&bucket.stream, &bucket.looks], &args).await?)?;
        if found.len() >= count {
            bucket.has_arrivals.store(true, Ordering::Release);
        }
        found.into_iter().map(|entry| self.deliver_at_first(entry)).collect()
    }

    /// An entry of a stream, handed out for the first time.
    fn deliver_at_first(&self, entry: Value) -> Result<Delivery, RedisError> {
        let (place, fields): (String, Vec<Vec<u8>>) = convert(entry)?;
        let bytes = fields.into_iter().nth(1).ok_or_else(unreadable)?;
        Ok(self.deliver(place, EntryBytes::new(bytes), 1))
    }

    fn deliver(&self, place: String, entry: EntryBytes, attempt: u32) -> Delivery {
        let hash = entry.hash();
        let mut places = self.places();
        if places.len() < MAX_REMEMBERED {
            places.insert(hash, place);
        }
        Delivery { hash, entry, attempt }
    }
}

impl Bucket {
    fn is_due(&self, now: Instant) -> bool {
        let looked_at = *self.looked_at.lock().unwrap_or_else(PoisonError::into_inner);
        let is_old = looked_at.is_none_or(|at| now.saturating_duration_since(at) >= LOOK_EVERY);
        is_old || self.has_arrivals.load(Ordering::Acquire)
    }
}

impl From<RedisError> for QueueError {
    fn from(error: RedisError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

#[async_trait]
impl BallotQueue for RedisQueue {
    async fn submit(&self, entry: EntryBytes) -> Result<Submitted, QueueError> {
        let hash = entry.hash();
        let bucket = &self.shared.buckets[self.bucket_of(&hash)];
        let keys = [&bucket.stream, &bucket.known, &bucket.channel];
        let bound = self.bound().to_string();
        let args: [&[u8]; 4] = [&hash.0, entry.as_slice(), bound.as_bytes(), GROUP.as_bytes()];
        let answer = match SUBMIT.run(&self.shared.redis, &keys, &args).await {
            // The server's memory is at its bound: the queue is as full as it can be.
            Err(error) if error.code() == Some("OOM") => "full".to_owned(),
            result => convert::<String>(result?)?,
        };
        match answer.as_str() {
            "queued" => Ok(Submitted::Queued),
            "present" => Ok(Submitted::Present),
            "full" => Err(QueueError::Full { capacity: self.layout.capacity, retry_after: RETRY_AFTER }),
            other => Err(QueueError::Unavailable(format!("Redis answered `{other}`"))),
        }
    }

    async fn take(&self, consumer: &str, max: usize, wait: Duration) -> Result<Vec<Delivery>, QueueError> {
        self.listen();
        let deadline = Instant::now() + wait.min(LONGEST_WAIT);
        if max == 0 {
            return Ok(Vec::new());
        }
        // Each is looked at once, whether or not an arrival was heard of: the hint may still be on its way. A call that
        // has no time waits for these looks, too, since it asks what is there now; Redis's patience bounds them.
        let mut unseen = self.own();
        let under_way = Arc::new(AtomicUsize::new(0));
        loop {
            let has_seen_all = unseen.is_empty() && under_way.load(Ordering::Acquire) == 0;
            if let Some(deliveries) = self.shared.take_found(max)? {
                return Ok(deliveries);
            }
            let now = Instant::now();
            if has_seen_all && now >= deadline {
                return Ok(Vec::new());
            }
            self.begin_looks(consumer, max, &mut unseen, &under_way);
            let until = if has_seen_all { deadline.min(now + LOOK_EVERY) } else { now + LOOK_EVERY };
            let _ = timeout_at(until, self.shared.changed.notified()).await; // woken or not: look again
        }
    }

    async fn acknowledge(&self, hashes: &[EntryHash]) -> Result<(), QueueError> {
        {
            // Found here and settled elsewhere: not worth handing out.
            let settled: HashSet<_> = hashes.iter().collect();
            self.shared.found().deliveries.retain(|delivery| !settled.contains(&delivery.hash));
        }
        let mut by_bucket: Vec<Vec<Vec<u8>>> = vec![Vec::new(); self.shared.buckets.len()];
        {
            let mut places = self.shared.places();
            for hash in hashes {
                let place = places.remove(hash).unwrap_or_default();
                by_bucket[self.bucket_of(hash)].extend([hash.0.to_vec(), place.into_bytes()]);
            }
        }
        let settling = self.shared.buckets.iter().zip(&by_bucket).flat_map(|(bucket, pairs)| {
            pairs.chunks(2 * SETTLED_AT_ONCE).map(move |some| async move {
                let mut args = vec![GROUP.as_bytes().to_vec()];
                args.extend_from_slice(some);
                SETTLE.run(&self.shared.redis, &[&bucket.stream, &bucket.known], &args).await
            })
        });
        try_join_all(settling).await?;
        Ok(())
    }

    async fn reclaim(&self, consumer: &str, max: usize, idle: Duration) -> Result<Vec<Delivery>, QueueError> {
        let mut deliveries = Vec::new();
        for bucket in &self.shared.buckets {
            let most = max - deliveries.len();
            if most == 0 {
                break;
            }
            let keys = [&bucket.stream, &bucket.known, &bucket.dead, &bucket.given_up];
            let numbers = [idle.as_millis().to_string(), most.to_string(), MAX_DELIVERIES.to_string()];
            let args = [GROUP, consumer, &numbers[0], &numbers[1], &numbers[2]];
            let answer = RECLAIM.run(&self.shared.redis, &keys, &args).await?;
            for item in answer.into_sequence().map_err(|_| unreadable())? {
                let (place, attempt, fields): (String, u32, Vec<Vec<u8>>) = convert(item)?;
                let entry = fields.into_iter().nth(1).ok_or_else(unreadable)?;
                deliveries.push(self.shared.deliver(place, EntryBytes::new(entry), attempt));
            }
        }
        Ok(deliveries)
    }

    async fn depth(&self) -> Result<QueueDepth, QueueError> {
        let asked = self
            .shared
            .buckets
            .iter()
            .map(|bucket| async move { DEPTH.run(&self.shared.redis, &[&bucket.stream, &bucket.given_up], &[GROUP]).await });
        let mut depth = QueueDepth { capacity: self.layout.capacity, ..QueueDepth::default() };
        for answer in try_join_all(asked).await? {
            let (length, taken, dead): (usize, usize, usize) = convert(answer)?;
            depth.waiting += length.saturating_sub(taken);
            depth.taken += taken;
            depth.dead += dead;
        }
        Ok(depth)
    }
}

fn unreadable() -> RedisError {
    RedisError::Unexpected("an entry of the queue cannot be read".to_owned())
}

impl fmt::Debug for RedisQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisQueue").field("redis", &self.shared.redis).field("layout", &self.layout).finish_non_exhaustive()
    }
}
