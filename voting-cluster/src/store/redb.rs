//! A store for one process: accounts in a redb file, everything else in memory.
//!
//! The other classes may vanish at any time by their definition, so a flush for each of their writes
//! would buy nothing: projections are rebuilt from the ledger, entries are resent, the rest is news.
//! A batch over accounts and others is still atomic: it is decided on both, committed, and then
//! applied in memory, all under the lock of the rows in memory.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use redb::{ReadableTable, TableDefinition, WriteTransaction};
use voting_core::Timestamp;
use voting_core::seams::store::MAX_LIST;
use voting_core::seams::{Clock, KeyClass, Op, Store, StoreError, StoreKey, Versioned};

use super::rows::Rows;
use super::rules::{Decision, check_batch, decide_all};
use crate::ledger::file::{DatabaseFile, Failure, FileError, seal, unseal};

/// Expired accounts removed per write: more than a write can add ends, so that they never pile up.
const SWEPT_PER_WRITE: usize = 2 * voting_core::seams::store::MAX_BATCH_OPS;
/// Names the file as a store's.
const IDENTITY: &str = "a store of accounts";

/// Sealed [`Account`]s by tag and path.
const ACCOUNTS: TableDefinition<'_, (&str, &str), &[u8]> = TableDefinition::new("accounts");
/// When accounts expire: milliseconds since 1970, tag, path.
const ENDS: TableDefinition<'_, (u64, &str, &str), ()> = TableDefinition::new("ends");

impl From<FileError> for StoreError {
    fn from(error: FileError) -> Self {
        match error {
            FileError::Damaged(what) => Self::Damaged(what),
            FileError::Foreign(owner) => Self::Damaged(format!("the file belongs to {owner}, not to a store")),
            FileError::Io(why) => Self::Unavailable(why),
        }
    }
}

/// A value on disk. The end is wall time, which a restart does not forget.
struct Account {
    version: u64,
    ends_at: Option<Timestamp>,
    value: Vec<u8>,
}

impl Account {
    const NO_END: u64 = u64::MAX;

    fn end_millis(&self) -> u64 {
        self.ends_at.map_or(Self::NO_END, Timestamp::as_millis)
    }

    fn is_alive(&self, now: Timestamp) -> bool {
        self.ends_at.is_none_or(|end| now < end)
    }

    fn seal(&self, key: (&str, &str)) -> Vec<u8> {
        let mut bytes = self.version.to_le_bytes().to_vec();
        bytes.extend_from_slice(&self.end_millis().to_le_bytes());
        bytes.extend_from_slice(&self.value);
        seal("accounts", &key_bytes(key), bytes)
    }

    fn unseal(key: (&str, &str), sealed: &[u8]) -> Result<Self, Failure> {
        let bytes = unseal("accounts", &key_bytes(key), sealed)?;
        let split = bytes.split_first_chunk().and_then(|(version, rest)| Some((version, rest.split_first_chunk()?)));
        let (version, (end, value)) = split.ok_or_else(|| Failure::Damaged(format!("the account {key:?} is too short")))?;
        Ok(Self {
            version: u64::from_le_bytes(*version),
            ends_at: Timestamp::from_millis(u64::from_le_bytes(*end)), // none for NO_END
            value: value.to_vec(),
        })
    }
}

/// Neither tag nor path contains a brace.
fn key_bytes((tag, path): (&str, &str)) -> Vec<u8> {
    format!("{{{tag}}}{path}").into_bytes()
}

/// Accounts on disk, durable once a write returns; all other classes in memory.
pub struct RedbStore {
    clock: Arc<dyn Clock>,
    shared: Arc<Shared>,
}

struct Shared {
    file: DatabaseFile,
    rows: Mutex<Rows>,
}

/// One moment, as both halves measure it.
#[derive(Clone, Copy)]
struct Now {
    wall: Timestamp,
    monotonic: Duration,
}

impl RedbStore {
    /// Opens or creates the store at a path. Reads and checks the whole file.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if the file is not what was written or not a store,
    /// [`StoreError::Unavailable`] if it is open elsewhere or the disk fails.
    pub fn open(path: impl AsRef<Path>, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let file = DatabaseFile::open(path.as_ref(), IDENTITY, |tx| {
            tx.open_table(ACCOUNTS)?;
            tx.open_table(ENDS)?;
            Ok(())
        })?;
        Ok(Self { clock, shared: Arc::new(Shared { file, rows: Mutex::default() }) })
    }

    fn now(&self) -> Now {
        Now { wall: self.clock.now(), monotonic: self.clock.monotonic() }
    }

    /// Runs what may wait for the disk where it may.
    async fn blocking<T: Send + 'static>(
        &self,
        run: impl FnOnce(&Shared) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let shared = Arc::clone(&self.shared);
        let ran = tokio::task::spawn_blocking(move || run(&shared)).await;
        ran.map_err(|error| StoreError::Unavailable(error.to_string()))?
    }
}

#[async_trait]
impl Store for RedbStore {
    async fn get(&self, key: &StoreKey) -> Result<Option<Versioned>, StoreError> {
        let now = self.now();
        if key.class() != KeyClass::Account {
            return Ok(self.shared.rows().get(key, now.monotonic));
        }
        let key = key.clone();
        self.blocking(move |shared| {
            let account = shared.file.read(|tx| live_account(&tx.open_table(ACCOUNTS)?, &key, now.wall))?;
            Ok(account.map(|account| Versioned { value: account.value, version: account.version }))
        })
        .await
    }

    async fn batch(&self, ops: Vec<Op>) -> Result<(), StoreError> {
        check_batch(&ops)?;
        let now = self.now();
        if ops.iter().all(|op| op.key().class() != KeyClass::Account) {
            return self.shared.write_rows(ops, now.monotonic);
        }
        self.blocking(move |shared| shared.write_accounts(ops, now)).await
    }

    async fn list(
        &self,
        tag: &str,
        class: KeyClass,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(StoreKey, Versioned)>, StoreError> {
        let (now, limit) = (self.now(), limit.min(MAX_LIST));
        if class != KeyClass::Account {
            return Ok(self.shared.rows().list((tag, class), prefix, after, limit, now.monotonic));
        }
        let (tag, prefix, after) = (tag.to_owned(), prefix.to_owned(), after.map(str::to_owned));
        self.blocking(move |shared| {
            Ok(shared.file.read(|tx| list_accounts(&tx.open_table(ACCOUNTS)?, &tag, &prefix, after.as_deref(), limit, now.wall))?)
        })
        .await
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.blocking(|shared| {
            shared.file.close();
            Ok(())
        })
        .await
    }
}

impl fmt::Debug for RedbStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedbStore").field("file", &self.shared.file).finish_non_exhaustive()
    }
}

impl Shared {
    /// A batch without accounts.
    fn write_rows(&self, ops: Vec<Op>, now: Duration) -> Result<(), StoreError> {
        let mut rows = self.rows();
        let decisions = decide_all(&ops, |key| Ok::<_, StoreError>(rows.version(key, now)))??;
        rows.apply(ops.into_iter().zip(decisions), now);
        Ok(())
    }

    /// A batch with accounts, and perhaps others.
    fn write_accounts(&self, ops: Vec<Op>, now: Now) -> Result<(), StoreError> {
        let is_account = |op: &Op| op.key().class() == KeyClass::Account;
        // Readers of rows in memory wait for the disk only if the batch is over both.
        let mut rows = if ops.iter().all(is_account) { None } else { Some(self.rows()) };
        let decisions = self.file.write(|tx| {
            let decisions = {
                let accounts = tx.open_table(ACCOUNTS)?;
                decide_all(&ops, |key| match &rows {
                    Some(rows) if key.class() != KeyClass::Account => Ok(rows.version(key, now.monotonic)),
                    _ => Ok::<_, Failure>(live_account(&accounts, key, now.wall)?.map(|account| account.version)),
                })?
            };
            let decisions = match decisions {
                Ok(decisions) => decisions,
                Err(refused) => return Ok(Err(refused)),
            };
            sweep(tx, now.wall)?;
            for (op, decision) in ops.iter().zip(&decisions).filter(|(op, _)| is_account(op)) {
                apply_account(tx, op, *decision, now.wall)?;
            }
            Ok(Ok(decisions))
        })??;
        if let Some(rows) = &mut rows {
            rows.apply(ops.into_iter().zip(decisions).filter(|(op, _)| !is_account(op)), now.monotonic);
        }
        Ok(())
    }

    /// No step between two changes of the maps can panic, so a poisoned lock still guards good maps.
    fn rows(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn apply_account(tx: &WriteTransaction, op: &Op, decision: Decision, now: Timestamp) -> Result<(), Failure> {
    let key = (op.key().tag(), op.key().path());
    if decision == Decision::Skip {
        return Ok(());
    }
    remove_account(tx, key)?;
    let (Decision::Write(version), Op::Put { value, expires_in, .. }) = (decision, op) else { return Ok(()) };
    let ends_at = expires_in.map(|after| now.saturating_add(after));
    let account = Account { version, ends_at, value: value.clone() };
    tx.open_table(ACCOUNTS)?.insert(key, account.seal(key).as_slice())?;
    if ends_at.is_some() {
        tx.open_table(ENDS)?.insert((account.end_millis(), key.0, key.1), ())?;
    }
    Ok(())
}

fn remove_account(tx: &WriteTransaction, key: (&str, &str)) -> Result<(), Failure> {
    let removed = match tx.open_table(ACCOUNTS)?.remove(key)? {
        Some(sealed) => Account::unseal(key, sealed.value())?,
        None => return Ok(()),
    };
    if removed.ends_at.is_some() {
        tx.open_table(ENDS)?.remove((removed.end_millis(), key.0, key.1))?;
    }
    Ok(())
}

/// Removes accounts that have expired.
fn sweep(tx: &WriteTransaction, now: Timestamp) -> Result<(), Failure> {
    let mut due = Vec::new();
    for row in tx.open_table(ENDS)?.range(..(now.as_millis() + 1, "", ""))?.take(SWEPT_PER_WRITE) {
        let (end, _) = row?;
        let (_, tag, path) = end.value();
        due.push((tag.to_owned(), path.to_owned()));
    }
    due.iter().try_for_each(|(tag, path)| remove_account(tx, (tag, path)))
}

fn live_account(
    table: &impl ReadableTable<(&'static str, &'static str), &'static [u8]>,
    key: &StoreKey,
    now: Timestamp,
) -> Result<Option<Account>, Failure> {
    let key = (key.tag(), key.path());
    let Some(sealed) = table.get(key)? else { return Ok(None) };
    Ok(Some(Account::unseal(key, sealed.value())?).filter(|account| account.is_alive(now)))
}

fn list_accounts(
    table: &impl ReadableTable<(&'static str, &'static str), &'static [u8]>,
    tag: &str,
    prefix: &str,
    after: Option<&str>,
    limit: usize,
    now: Timestamp,
) -> Result<Vec<(StoreKey, Versioned)>, Failure> {
    let from = after.filter(|after| *after >= prefix).unwrap_or(prefix);
    let mut found = Vec::new();
    for row in table.range((tag, from)..)? {
        let (key, sealed) = row?;
        let (row_tag, path) = key.value();
        if found.len() == limit || row_tag != tag || !path.starts_with(prefix) {
            break;
        }
        let account = Account::unseal((tag, path), sealed.value())?;
        if account.is_alive(now) && after.is_none_or(|after| path > after) {
            let key = StoreKey::new(tag, KeyClass::Account, path).map_err(|error| Failure::Damaged(error.to_string()))?;
            found.push((key, Versioned { value: account.value, version: account.version }));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use redb::ReadableTableMetadata as _;
    use voting_core::seams::{Condition, ManualClock};

    #[tokio::test]
    async fn expired_accounts_leave_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new(Timestamp::default()));
        let store = RedbStore::open(folder.path().join("store.redb"), Arc::clone(&clock) as Arc<dyn Clock>).unwrap();
        let put = |n: u64, expires_in| {
            let key = StoreKey::new("accounts", KeyClass::Account, n.to_string()).unwrap();
            store.put(key, Vec::new(), Condition::Any, expires_in)
        };
        for n in 0..20 {
            put(n, Some(Duration::from_secs(10 + n % 2))).await.unwrap();
        }
        put(0, None).await.unwrap(); // its former end counts no more
        clock.advance(Duration::from_secs(10));
        put(20, None).await.unwrap();
        let lengths = store.shared.file.read(|tx| Ok((tx.open_table(ACCOUNTS)?.len()?, tx.open_table(ENDS)?.len()?)));
        assert_eq!(lengths, Ok((12, 10)), "ten end later, two never");
    }
}
