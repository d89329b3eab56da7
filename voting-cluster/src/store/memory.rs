//! A store in memory: for one process, and as the reference for the others.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use voting_core::seams::store::MAX_LIST;
use voting_core::seams::{Clock, KeyClass, Op, Store, StoreError, StoreKey, Versioned};

use super::rows::Rows;
use super::rules::{check_batch, decide_all};

/// Keys of all classes in memory; all vanish with the process.
pub struct MemoryStore {
    clock: Arc<dyn Clock>,
    rows: Mutex<Rows>,
}

impl MemoryStore {
    /// An empty store whose keys expire by the clock's monotonic time.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, rows: Mutex::default() }
    }

    /// No step between two changes of the maps can panic, so a poisoned lock still guards good maps.
    fn rows(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn get(&self, key: &StoreKey) -> Result<Option<Versioned>, StoreError> {
        Ok(self.rows().get(key, self.clock.monotonic()))
    }

    async fn batch(&self, ops: Vec<Op>) -> Result<(), StoreError> {
        check_batch(&ops)?;
        let now = self.clock.monotonic();
        let mut rows = self.rows();
        let decisions = decide_all(&ops, |key| Ok::<_, StoreError>(rows.version(key, now)))??;
        rows.apply(ops.into_iter().zip(decisions), now);
        Ok(())
    }

    async fn list(
        &self,
        tag: &str,
        class: KeyClass,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(StoreKey, Versioned)>, StoreError> {
        Ok(self.rows().list((tag, class), prefix, after, limit.min(MAX_LIST), self.clock.monotonic()))
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").field("keys", &self.rows().len()).finish_non_exhaustive()
    }
}
