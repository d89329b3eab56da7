//! A `Store` of one's own, and the proof that it keeps the trait's promises: the conformance suite
//! that every backend of the project runs.
//!
//! This one is a map behind a lock, which is all that a single process needs.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::task::JoinSet;
use tokio::time::Instant;
use voting_core::seams::store::{MAX_BATCH_OPS, MAX_LIST, MAX_VALUE_BYTES};
use voting_core::seams::{Condition, KeyClass, Op, Store, StoreError, StoreKey, Versioned};
use voting_core::testing::conformance::store::{StoreBuilder, run_all};
use voting_core::testing::conformance::{Runtime, Task};

/// Values in memory.
#[derive(Default)]
struct MapStore(Mutex<BTreeMap<StoreKey, Row>>);

struct Row {
    versioned: Versioned,
    expires_at: Option<Instant>,
}

impl Row {
    fn is_live(&self) -> bool {
        self.expires_at.is_none_or(|at| Instant::now() < at)
    }
}

impl MapStore {
    fn rows(&self) -> MutexGuard<'_, BTreeMap<StoreKey, Row>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn version_of(rows: &BTreeMap<StoreKey, Row>, key: &StoreKey) -> Option<u64> {
    rows.get(key).filter(|row| row.is_live()).map(|row| row.versioned.version)
}

/// What the trait asks of every batch, whatever is stored.
fn check_batch(ops: &[Op]) -> Result<(), StoreError> {
    let refuse = |what: &str| Err(StoreError::Batch(what.to_owned()));
    if ops.len() > MAX_BATCH_OPS {
        return refuse("too many operations");
    }
    let mut keys = BTreeSet::new();
    for op in ops {
        if op.key().tag() != ops[0].key().tag() {
            return refuse("keys of more than one tag");
        }
        if !keys.insert(op.key()) {
            return refuse("a key appears twice");
        }
        match op {
            Op::Put { value, .. } if value.len() > MAX_VALUE_BYTES => return refuse("a value is too large"),
            Op::Delete { condition: Condition::Absent | Condition::Height(_), .. } => {
                return refuse("a delete on a condition that makes no sense");
            }
            _ => {}
        }
    }
    Ok(())
}

#[async_trait]
impl Store for MapStore {
    async fn get(&self, key: &StoreKey) -> Result<Option<Versioned>, StoreError> {
        Ok(self.rows().get(key).filter(|row| row.is_live()).map(|row| row.versioned.clone()))
    }

    async fn batch(&self, ops: Vec<Op>) -> Result<(), StoreError> {
        check_batch(&ops)?;
        let mut rows = self.rows();
        for op in &ops {
            let (Op::Put { key, condition, .. } | Op::Delete { key, condition }) = op;
            let actual = version_of(&rows, key);
            let holds = match condition {
                Condition::Any | Condition::Height(_) => true,
                Condition::Absent => actual.is_none(),
                Condition::Version(version) => actual == Some(*version),
            };
            if !holds {
                return Err(StoreError::Conflict { key: key.clone(), actual });
            }
        }
        for op in ops {
            match op {
                Op::Delete { key, .. } => drop(rows.remove(&key)),
                Op::Put { key, value, condition, expires_in } => {
                    let actual = version_of(&rows, &key);
                    let version = match condition {
                        Condition::Height(height) if actual.is_some_and(|version| version >= height) => continue,
                        Condition::Height(height) => height,
                        _ => actual.unwrap_or(0) + 1,
                    };
                    let expires_at = expires_in.and_then(|after| Instant::now().checked_add(after)); // beyond all time: never
                    rows.insert(key, Row { versioned: Versioned { value, version }, expires_at });
                }
            }
        }
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
        let rows = self.rows();
        let wanted = rows.iter().filter(|(key, row)| {
            let in_place = key.tag() == tag && key.class() == class && key.path().starts_with(prefix);
            in_place && row.is_live() && after.is_none_or(|after| key.path() > after)
        });
        Ok(wanted.take(limit.min(MAX_LIST)).map(|(key, row)| (key.clone(), row.versioned.clone())).collect())
    }
}

/// Lends the suite a runtime, and builds what is tested.
struct Builder;

#[async_trait]
impl Runtime for Builder {
    async fn pass(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    async fn together(&self, tasks: Vec<Task>) {
        let running: JoinSet<()> = tasks.into_iter().collect();
        running.join_all().await;
    }
}

#[async_trait]
impl StoreBuilder for Builder {
    type Guard = ();

    async fn build(&self) -> ((), Arc<dyn Store>) {
        ((), Arc::new(MapStore::default()))
    }

    async fn open(&self, _guard: &()) -> Option<Result<Arc<dyn Store>, StoreError>> {
        None // it ends with its process
    }
}

// Time is tokio's and paused: it jumps where the suite waits.
#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() {
    run_all(&Builder).await;
    println!("the store keeps every promise of the trait");
}
