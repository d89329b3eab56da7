//! Rows in memory, with their ends.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use voting_core::seams::{KeyClass, Op, StoreKey, Versioned};

use super::rules::Decision;

/// Rows by tag, class and path.
///
/// Invariant: a row that ends is in `ends` under its time, and nothing else is.
#[derive(Default)]
pub(super) struct Rows {
    rows: HashMap<String, BTreeMap<KeyClass, BTreeMap<String, Row>>>,
    ends: BTreeSet<(Duration, StoreKey)>,
}

struct Row {
    key: StoreKey,
    value: Arc<[u8]>,
    version: u64,
    ends_at: Option<Duration>,
}

impl Row {
    fn is_alive(&self, now: Duration) -> bool {
        self.ends_at.is_none_or(|end| now < end)
    }

    fn versioned(&self) -> Versioned {
        Versioned { value: self.value.to_vec(), version: self.version }
    }
}

impl Rows {
    /// The value of a key that has not expired.
    pub(super) fn get(&self, key: &StoreKey, now: Duration) -> Option<Versioned> {
        self.row(key, now).map(Row::versioned)
    }

    /// The version of a key that has not expired.
    pub(super) fn version(&self, key: &StoreKey, now: Duration) -> Option<u64> {
        self.row(key, now).map(|row| row.version)
    }

    /// Carries out what was decided, and forgets what has expired.
    pub(super) fn apply(&mut self, decided: impl Iterator<Item = (Op, Decision)>, now: Duration) {
        while let Some((_, key)) = self.ends.first().filter(|(end, _)| *end <= now).cloned() {
            self.remove(&key);
        }
        for (op, decision) in decided {
            match (op, decision) {
                (Op::Put { key, value, expires_in, .. }, Decision::Write(version)) => {
                    self.remove(&key);
                    let ends_at = expires_in.map(|after| now.saturating_add(after));
                    self.insert(Row { key, value: value.into(), version, ends_at });
                }
                (op, Decision::Remove) => self.remove(op.key()),
                (_, Decision::Skip | Decision::Write(_)) => {}
            }
        }
    }

    /// Live rows of a tag and class, in the order of their paths.
    pub(super) fn list(
        &self,
        (tag, class): (&str, KeyClass),
        prefix: &str,
        after: Option<&str>,
        limit: usize,
        now: Duration,
    ) -> Vec<(StoreKey, Versioned)> {
        let Some(rows) = self.rows.get(tag).and_then(|classes| classes.get(&class)) else { return Vec::new() };
        let from = match after {
            Some(after) if after >= prefix => Bound::Excluded(after),
            _ => Bound::Included(prefix),
        };
        rows.range::<str, _>((from, Bound::Unbounded))
            .take_while(|(path, _)| path.starts_with(prefix))
            .filter(|(_, row)| row.is_alive(now))
            .take(limit)
            .map(|(_, row)| (row.key.clone(), row.versioned()))
            .collect()
    }

    pub(super) fn len(&self) -> usize {
        self.rows.values().flat_map(BTreeMap::values).map(BTreeMap::len).sum()
    }

    fn row(&self, key: &StoreKey, now: Duration) -> Option<&Row> {
        self.rows.get(key.tag())?.get(&key.class())?.get(key.path()).filter(|row| row.is_alive(now))
    }

    fn insert(&mut self, row: Row) {
        if let Some(end) = row.ends_at {
            self.ends.insert((end, row.key.clone()));
        }
        let classes = self.rows.entry(row.key.tag().to_owned()).or_default();
        classes.entry(row.key.class()).or_default().insert(row.key.path().to_owned(), row);
    }

    fn remove(&mut self, key: &StoreKey) {
        let Some(classes) = self.rows.get_mut(key.tag()) else { return };
        let Some(rows) = classes.get_mut(&key.class()) else { return };
        if let Some(end) = rows.remove(key.path()).and_then(|row| row.ends_at) {
            self.ends.remove(&(end, key.clone()));
        }
        if rows.is_empty() {
            classes.remove(&key.class());
        }
        if classes.is_empty() {
            self.rows.remove(key.tag());
        }
    }
}
