//! Which batches are possible, and what a condition makes of the current version: the same for every backend.

use std::collections::HashSet;

use voting_core::seams::store::{MAX_BATCH_OPS, MAX_VALUE_BYTES};
use voting_core::seams::{Condition, Op, StoreError, StoreKey};

/// What becomes of one operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    /// The value is written with this version.
    Write(u64),
    /// The key is removed.
    Remove,
    /// A projection that is not newer: nothing changes.
    Skip,
}

/// Refuses batches that no state could make possible.
pub(super) fn check_batch(ops: &[Op]) -> Result<(), StoreError> {
    let refuse = |why: String| Err(StoreError::Batch(why));
    if ops.len() > MAX_BATCH_OPS {
        return refuse(format!("{} operations, at most {MAX_BATCH_OPS} are allowed", ops.len()));
    }
    let mut seen = HashSet::with_capacity(ops.len());
    let tag = ops.first().map(|op| op.key().tag());
    for op in ops {
        let key = op.key();
        if tag != Some(key.tag()) {
            return refuse(format!("{key} has another tag than the first key, `{}`", tag.unwrap_or_default()));
        }
        if !seen.insert(key) {
            return refuse(format!("{key} is there twice"));
        }
        match op {
            Op::Put { value, .. } if value.len() > MAX_VALUE_BYTES => {
                return refuse(format!("the value of {key} takes {} bytes, at most {MAX_VALUE_BYTES} are allowed", value.len()));
            }
            Op::Delete { condition: Condition::Absent | Condition::Height(_), .. } => {
                return refuse(format!("{key} cannot be removed on condition of its absence or a height"));
            }
            Op::Put { .. } | Op::Delete { .. } => {}
        }
    }
    Ok(())
}

/// What each operation of a batch does, given the keys' versions. The inner error is the first
/// refusal, the outer one a failure to look a version up.
pub(super) fn decide_all<E>(
    ops: &[Op],
    version: impl Fn(&StoreKey) -> Result<Option<u64>, E>,
) -> Result<Result<Vec<Decision>, StoreError>, E> {
    let mut decisions = Vec::with_capacity(ops.len());
    for op in ops {
        match decide(op, version(op.key())?) {
            Ok(decision) => decisions.push(decision),
            Err(refused) => return Ok(Err(refused)),
        }
    }
    Ok(Ok(decisions))
}

/// What an operation does to a key that has this version, or does not exist.
fn decide(op: &Op, current: Option<u64>) -> Result<Decision, StoreError> {
    let conflict = |key: &StoreKey| StoreError::Conflict { key: key.clone(), actual: current };
    match op {
        Op::Put { key, condition, .. } => match (*condition, current) {
            (Condition::Any, None) | (Condition::Absent, None) => Ok(Decision::Write(1)),
            (Condition::Any, Some(version)) => next(key, version),
            (Condition::Version(expected), Some(version)) if version == expected => next(key, version),
            (Condition::Height(height), Some(version)) if height <= version => Ok(Decision::Skip),
            (Condition::Height(height), _) => Ok(Decision::Write(height)),
            (Condition::Absent, Some(_)) | (Condition::Version(_), _) => Err(conflict(key)),
        },
        Op::Delete { key, condition } => match (*condition, current) {
            (Condition::Version(expected), actual) if actual != Some(expected) => Err(conflict(key)),
            _ => Ok(Decision::Remove),
        },
    }
}

/// A version that came round to itself would hide a lost update.
fn next(key: &StoreKey, version: u64) -> Result<Decision, StoreError> {
    let next = version.checked_add(1).ok_or_else(|| StoreError::Batch(format!("{key} has the last possible version")))?;
    Ok(Decision::Write(next))
}
