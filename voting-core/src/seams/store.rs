//! Shared state by key: accounts, sessions, projections and what is ephemeral. Never the truth.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use thiserror::Error;

/// Longest key path in bytes.
pub const MAX_KEY_BYTES: usize = 256;
/// Largest value in bytes.
pub const MAX_VALUE_BYTES: usize = 1024 * 1024;
/// Most operations in one atomic batch.
pub const MAX_BATCH_OPS: usize = 1_000;
/// Most entries one listing returns.
pub const MAX_LIST: usize = 10_000;

/// What becomes of a key if it vanishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyClass {
    /// Rebuilt from the ledger.
    Projection,
    /// Resent by the client.
    Queue,
    /// Owned by the store; kept with backups.
    Account,
    /// Heartbeats, limits, notifications: may vanish at any time.
    Ephemeral,
}

impl KeyClass {
    /// The first word of every key of the class.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Projection => "projection",
            Self::Queue => "queue",
            Self::Account => "account",
            Self::Ephemeral => "ephemeral",
        }
    }
}

/// A key: the unit of consistency it belongs to, its class, and its path.
///
/// Keys with the same `tag` live in the same slot, so that they can be changed in one batch.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoreKey {
    tag: String,
    class: KeyClass,
    path: String,
}

impl StoreKey {
    /// A key. Tag and path are not empty, consist of printable ASCII without blanks or braces, and
    /// together take at most [`MAX_KEY_BYTES`].
    ///
    /// # Errors
    /// [`StoreError::Key`].
    pub fn new(tag: impl Into<String>, class: KeyClass, path: impl Into<String>) -> Result<Self, StoreError> {
        let (tag, path) = (tag.into(), path.into());
        let printable = |text: &str| text.bytes().all(|b| b.is_ascii_graphic() && b != b'{' && b != b'}');
        if tag.is_empty() || path.is_empty() || tag.len() + path.len() > MAX_KEY_BYTES || !printable(&tag) || !printable(&path) {
            return Err(StoreError::Key { key: format!("{tag}:{path}").chars().take(80).collect() });
        }
        Ok(Self { tag, class, path })
    }

    /// The unit of consistency.
    #[must_use]
    pub fn tag(&self) -> &str {
        &self.tag
    }

    /// The class.
    #[must_use]
    pub const fn class(&self) -> KeyClass {
        self.class
    }

    /// The path within tag and class.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }
}

impl fmt::Display for StoreKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{}}}:{}:{}", self.tag, self.class.as_str(), self.path)
    }
}

/// A value with its version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versioned {
    /// The value.
    pub value: Vec<u8>,
    /// 1 when the key is created, one more at each write, or the height it was written for.
    pub version: u64,
}

/// What must hold for a write to take place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// Nothing; the version becomes the current one plus 1.
    Any,
    /// The key does not exist; the version becomes 1.
    Absent,
    /// The key has exactly this version; it becomes this plus 1.
    Version(u64),
    /// The key is absent or has a lower version than this height, which becomes its version. A write
    /// for a height that is not higher changes nothing and is no error: projections only move forward.
    Height(u64),
}

/// One change of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// Write a value.
    Put {
        /// Where.
        key: StoreKey,
        /// What.
        value: Vec<u8>,
        /// On what condition.
        condition: Condition,
        /// Forget it after this long.
        expires_in: Option<Duration>,
    },
    /// Remove a key; removing one that does not exist is no error under [`Condition::Any`].
    Delete {
        /// Where.
        key: StoreKey,
        /// On what condition; [`Condition::Absent`] and [`Condition::Height`] make no sense here and are refused.
        condition: Condition,
    },
}

impl Op {
    /// The key it changes.
    #[must_use]
    pub const fn key(&self) -> &StoreKey {
        match self {
            Self::Put { key, .. } | Self::Delete { key, .. } => key,
        }
    }
}

/// Why a store refused or failed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Not a usable key.
    #[error("`{key}` is not a usable key")]
    Key {
        /// Its beginning.
        key: String,
    },
    /// A condition does not hold; nothing was changed.
    #[error("{key} has version {actual:?}, which is not what the write expected")]
    Conflict {
        /// The key.
        key: StoreKey,
        /// Its version, or `None` if it does not exist.
        actual: Option<u64>,
    },
    /// A batch over several tags, too many operations, a value too large, or a key twice.
    #[error("the batch is not possible: {0}")]
    Batch(String),
    /// The store cannot be reached, or its answer is overdue: whether a write took place is unknown.
    #[error("the store is not available: {0}")]
    Unavailable(String),
    /// Stored bytes that are not what was written.
    #[error("the store is damaged: {0}")]
    Damaged(String),
}

/// Shared state by key.
///
/// * **Durability**: account keys survive a restart once a write returns (embedded), or as far as the
///   server's persistence goes (Redis). Other classes may vanish.
/// * **Atomicity**: a batch within one tag takes place whole or not at all.
/// * **Cancellation and errors**: after a dropped call or [`StoreError::Unavailable`] a write may or
///   may not have taken place; every write of ours is safe to repeat (conditions, same bytes).
/// * **Reads** see the caller's own earlier writes.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// The value of a key, or `None` if it does not exist or has expired.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Damaged`].
    async fn get(&self, key: &StoreKey) -> Result<Option<Versioned>, StoreError>;

    /// Carries out all operations or none. All keys have the same tag.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] names the first key whose condition does not hold.
    async fn batch(&self, ops: Vec<Op>) -> Result<(), StoreError>;

    /// Keys of a tag and class whose path begins with `prefix` and is greater than `after`, in
    /// ascending order of the path, at most `limit` and at most [`MAX_LIST`].
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Damaged`].
    async fn list(
        &self,
        tag: &str,
        class: KeyClass,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(StoreKey, Versioned)>, StoreError>;

    /// Writes one value.
    ///
    /// # Errors
    /// As [`Store::batch`].
    async fn put(
        &self,
        key: StoreKey,
        value: Vec<u8>,
        condition: Condition,
        expires_in: Option<Duration>,
    ) -> Result<(), StoreError> {
        self.batch(vec![Op::Put { key, value, condition, expires_in }]).await
    }

    /// Removes one key.
    ///
    /// # Errors
    /// As [`Store::batch`].
    async fn delete(&self, key: StoreKey, condition: Condition) -> Result<(), StoreError> {
        self.batch(vec![Op::Delete { key, condition }]).await
    }

    /// Waits for what is under way, then lets go of the file or connection, so that another may open
    /// the same store. Every later call may fail. A backend that holds nothing does nothing.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn close(&self) -> Result<(), StoreError> {
        Ok(())
    }
}
