//! A store on Redis.
//!
//! ```text
//!  NS:{TAG}:CLASS:PATH      string: version (20 digits) · writer (8 bytes) · value
//!  NS:{TAG}:CLASS:{paths}   sorted set of the paths, in lexical order
//!  NS:{TAG}:CLASS:{ends}    sorted set of the paths of expiring values, by their end
//! ```
//!
//! A batch is one script in one slot, so it takes place whole or not at all. Versions have a fixed
//! width, so that they compare as text: numbers of a script are exact up to 2^53 only.
//!
//! A script whose answer was lost is sent again. It finds its own mark (`writer`, drawn per batch) in
//! the first value that it wrote, and then only repeats its answer. A batch that only deletes on a
//! condition leaves a key of its own for that purpose.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ::redis::Value;
use async_trait::async_trait;
use voting_core::seams::store::MAX_LIST;
use voting_core::seams::{Condition, KeyClass, Op, Store, StoreError, StoreKey, Versioned};

use super::rules::check_batch;
use crate::redis::{Redis, RedisError, Script};

/// Digits of a version.
const VERSION: usize = 20;
/// Bytes before the value.
const HEADER: usize = VERSION + 8;
/// Longest time to live: what is meant to last forever lasts a century.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 86_400);
/// How long a batch can find out that it has taken place already: longer than any patience.
const REMEMBERED: Duration = Duration::from_secs(60);
const CLASSES: [KeyClass; 4] = [KeyClass::Projection, KeyClass::Queue, KeyClass::Account, KeyClass::Ephemeral];

/// KEYS: one per operation; then paths and ends of each class; then the key that remembers the batch.
/// ARGV: writer, whether to remember, number of operations; then per operation
/// kind, condition, argument, class (1 to 4), path, time to live in ms or empty, value.
static BATCH: Script = Script::new(
    r"
local writer, remember, count = ARGV[1], ARGV[2], tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local done = KEYS[count + 9]
if remember ~= '' and redis.call('EXISTS', done) == 1 then return {'done'} end
local decisions = {}
for i = 1, count do
  local at = 3 + (i - 1) * 7
  local kind, condition, argument = ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
  local head = redis.call('GETRANGE', KEYS[i], 0, 27)
  local version = nil
  if head ~= '' then
    version = string.sub(head, 1, 20)
    if string.sub(head, 21, 28) == writer then return {'done'} end
  end
  if condition == 'version' and version ~= argument then return {'conflict', i, version or ''} end
  if condition == 'absent' and version then return {'conflict', i, version} end
  if kind == 'delete' then
    decisions[i] = 'delete'
  elseif condition == 'height' then
    if version and argument <= version then decisions[i] = 'skip' else decisions[i] = argument end
  elseif version then
    if version >= '00009007199254740991' then return {'last', i, version} end
    decisions[i] = string.format('%020.0f', tonumber(version) + 1)
  else
    decisions[i] = '00000000000000000001'
  end
end
local swept = {}
for i = 1, count do
  local at = 3 + (i - 1) * 7
  local class, path, ttl = tonumber(ARGV[at + 4]), ARGV[at + 5], ARGV[at + 6]
  local paths, ends = KEYS[count + 2 * class - 1], KEYS[count + 2 * class]
  if decisions[i] == 'delete' then
    if redis.call('DEL', KEYS[i]) == 1 then
      redis.call('ZREM', paths, path)
      redis.call('ZREM', ends, path)
    end
  elseif decisions[i] ~= 'skip' then
    local value = decisions[i] .. writer .. ARGV[at + 7]
    redis.call('ZADD', paths, 0, path)
    if ttl == '' then
      redis.call('SET', KEYS[i], value)
      redis.call('ZREM', ends, path)
    else
      redis.call('SET', KEYS[i], value, 'PX', ttl)
      redis.call('ZADD', ends, now + tonumber(ttl), path)
      swept[class] = true
    end
  end
end
for class in pairs(swept) do
  local paths, ends = KEYS[count + 2 * class - 1], KEYS[count + 2 * class]
  for _, path in ipairs(redis.call('ZRANGEBYSCORE', ends, '-inf', now - 1000, 'LIMIT', 0, 20)) do
    redis.call('ZREM', paths, path)
    redis.call('ZREM', ends, path)
  end
end
if remember ~= '' then redis.call('SET', done, '', 'PX', remember) end
return {'done'}
",
);

/// KEYS: the paths. ARGV: what stands before a path in a key, prefix, lower bound, limit.
/// Answers paths and values in turn.
static LIST: Script = Script::new(
    r"
local before, prefix, from, limit = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local found = {}
local page = math.min(limit + 16, 512)
while true do
  local paths = redis.call('ZRANGEBYLEX', KEYS[1], from, '+', 'LIMIT', 0, page)
  for _, path in ipairs(paths) do
    if string.sub(path, 1, #prefix) ~= prefix then return found end
    local value = redis.call('GET', before .. path)
    if value then
      found[#found + 1] = path
      found[#found + 1] = value
      if #found == 2 * limit then return found end
    end
  end
  if #paths < page then return found end
  from = '(' .. paths[#paths]
end
",
);

/// A [`Store`] on a Redis Cluster or a single server.
pub struct RedisStore {
    redis: Redis,
    is_closed: AtomicBool,
}

impl RedisStore {
    /// A store in the connection's namespace.
    #[must_use]
    pub fn new(redis: Redis) -> Self {
        Self { redis, is_closed: AtomicBool::new(false) }
    }

    fn check_open(&self) -> Result<(), StoreError> {
        if self.is_closed.load(Ordering::Acquire) {
            return Err(StoreError::Unavailable("it has been closed".to_owned()));
        }
        Ok(())
    }
}

impl From<RedisError> for StoreError {
    fn from(error: RedisError) -> Self {
        match error {
            RedisError::Unexpected(what) => Self::Damaged(what),
            error => Self::Unavailable(error.to_string()),
        }
    }
}

#[async_trait]
impl Store for RedisStore {
    async fn get(&self, key: &StoreKey) -> Result<Option<Versioned>, StoreError> {
        self.check_open()?;
        let found: Option<Vec<u8>> = self.redis.get(::redis::cmd("GET").arg(self.redis.keys().value(key))).await?;
        found.map(|bytes| parse(key, bytes)).transpose()
    }

    async fn batch(&self, ops: Vec<Op>) -> Result<(), StoreError> {
        self.check_open()?;
        check_batch(&ops)?;
        let Some(first) = ops.first() else { return Ok(()) };
        let tag = first.key().tag().to_owned();
        let mut writer = [0; 8];
        getrandom::fill(&mut writer).map_err(|error| StoreError::Unavailable(format!("no randomness: {error}")))?;
        let (keys, args) = self.invocation(&tag, &ops, writer);
        let answer = BATCH.run(&self.redis, &keys, &args).await?;
        verdict(&ops, answer)
    }

    async fn list(
        &self,
        tag: &str,
        class: KeyClass,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(StoreKey, Versioned)>, StoreError> {
        self.check_open()?;
        let limit = limit.min(MAX_LIST);
        if limit == 0 {
            return Ok(Vec::new());
        }
        let from = match after {
            Some(after) if after >= prefix => format!("({after}"),
            _ => format!("[{prefix}"),
        };
        let keys = self.redis.keys();
        let args = [keys.values(tag, class), prefix.to_owned(), from, limit.to_string()];
        let answer = LIST.run(&self.redis, &[keys.paths(tag, class)], &args).await?;
        let found: Vec<Vec<u8>> = crate::redis::convert(answer)?;
        let mut found = found.into_iter();
        let mut rows = Vec::new();
        while let (Some(path), Some(value)) = (found.next(), found.next()) {
            let path = String::from_utf8(path).map_err(|_| StoreError::Damaged(format!("a path of `{tag}` is not text")))?;
            let key = StoreKey::new(tag, class, path)?;
            let row = parse(&key, value)?;
            rows.push((key, row));
        }
        Ok(rows)
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.is_closed.store(true, Ordering::Release);
        Ok(())
    }
}

impl RedisStore {
    fn invocation(&self, tag: &str, ops: &[Op], writer: [u8; 8]) -> (Vec<String>, Vec<Vec<u8>>) {
        let names = self.redis.keys();
        let mut keys: Vec<String> = ops.iter().map(|op| names.value(op.key())).collect();
        for class in CLASSES {
            keys.extend([names.paths(tag, class), names.ends(tag, class)]);
        }
        keys.push(names.done(tag, &u64::from_be_bytes(writer).to_string()));
        let leaves_no_mark = ops.iter().all(|op| matches!(op, Op::Delete { .. }))
            && ops.iter().any(|op| matches!(op, Op::Delete { condition: Condition::Version(_), .. }));
        let remember = if leaves_no_mark { REMEMBERED.as_millis().to_string() } else { String::new() };
        let mut args = vec![writer.to_vec(), remember.into_bytes(), ops.len().to_string().into_bytes()];
        for op in ops {
            let (kind, condition, value, ttl) = match op {
                Op::Put { value, condition, expires_in, .. } => ("put", condition, value.clone(), expires_in.as_ref()),
                Op::Delete { condition, .. } => ("delete", condition, Vec::new(), None),
            };
            let (condition, argument) = match condition {
                Condition::Any => ("any", String::new()),
                Condition::Absent => ("absent", String::new()),
                Condition::Version(version) => ("version", padded(*version)),
                Condition::Height(height) => ("height", padded(*height)),
            };
            // A time to live of nothing is not possible: such a value ends with the next millisecond.
            let ttl = ttl.map_or_else(String::new, |ttl| (*ttl).min(LONGEST).as_millis().max(1).to_string());
            let class = CLASSES.iter().position(|class| *class == op.key().class()).unwrap_or_default() + 1;
            let texts = [kind.to_owned(), condition.to_owned(), argument, class.to_string(), op.key().path().to_owned(), ttl];
            args.extend(texts.map(String::into_bytes));
            args.push(value);
        }
        (keys, args)
    }
}

fn padded(version: u64) -> String {
    format!("{version:0VERSION$}")
}

fn parse(key: &StoreKey, mut bytes: Vec<u8>) -> Result<Versioned, StoreError> {
    let damaged = || StoreError::Damaged(format!("the value of {key} does not begin with its version"));
    let digits = bytes.get(..VERSION).filter(|_| bytes.len() >= HEADER).ok_or_else(damaged)?;
    let version = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok()).ok_or_else(damaged)?;
    bytes.drain(..HEADER);
    Ok(Versioned { value: bytes, version })
}

/// What the script answered.
fn verdict(ops: &[Op], answer: Value) -> Result<(), StoreError> {
    let unexpected = || StoreError::Damaged("the answer to a batch cannot be read".to_owned());
    let answer = answer.into_sequence().map_err(|_| unexpected())?;
    let text = |index: usize| answer.get(index).and_then(|value| crate::redis::convert::<String>(value.clone()).ok());
    let key = || {
        let place: usize = text(1)?.parse().ok()?;
        Some(ops.get(place.checked_sub(1)?)?.key().clone())
    };
    match text(0).as_deref() {
        Some("done") => Ok(()),
        Some("conflict") => {
            let actual = text(2).filter(|version| !version.is_empty());
            let actual = actual.map(|version| version.parse().map_err(|_| unexpected())).transpose()?;
            Err(StoreError::Conflict { key: key().ok_or_else(unexpected)?, actual })
        }
        Some("last") => Err(StoreError::Batch(format!("{} has the last possible version", key().ok_or_else(unexpected)?))),
        _ => Err(unexpected()),
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore").field("redis", &self.redis).finish_non_exhaustive()
    }
}
