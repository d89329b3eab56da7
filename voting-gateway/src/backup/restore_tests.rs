use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use voting_cluster::store::MemoryStore;
use voting_core::ids::Height;
use voting_core::seams::{KeyClass, ManualClock};
use voting_core::time::Timestamp;

use super::*;
use crate::accounts::{Accounts, PasswordRule, Role};
use crate::backup::{About, create};
use crate::roll::Entitled;

const GENESIS: Digest = Digest([7; 32]);
const FIRST: ElectionId = ElectionId([1; 16]);
const SECOND: ElectionId = ElectionId([2; 16]);
const VOTERS: u64 = 40;

/// A store that fails after so many writes, before or after it carries the next one out.
struct Fragile {
    store: MemoryStore,
    writes_left: AtomicUsize,
    writes: AtomicUsize,
    is_done_first: bool,
}

impl Fragile {
    fn failing_after(writes: usize, is_done_first: bool) -> Self {
        let (writes_left, writes) = (AtomicUsize::new(writes), AtomicUsize::new(0));
        Self { store: empty(), writes_left, writes, is_done_first }
    }
}

#[async_trait]
impl Store for Fragile {
    async fn get(&self, key: &StoreKey) -> Result<Option<Versioned>, StoreError> {
        self.store.get(key).await
    }

    async fn batch(&self, ops: Vec<Op>) -> Result<(), StoreError> {
        self.writes.fetch_add(1, Ordering::SeqCst);
        if self.writes_left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok() {
            return self.store.batch(ops).await;
        }
        if self.is_done_first {
            self.store.batch(ops).await?;
        }
        Err(StoreError::Unavailable("the plug was pulled".to_owned()))
    }

    async fn list(
        &self,
        tag: &str,
        class: KeyClass,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(StoreKey, Versioned)>, StoreError> {
        self.store.list(tag, class, prefix, after, limit).await
    }
}

fn empty() -> MemoryStore {
    MemoryStore::new(Arc::new(ManualClock::default()))
}

fn voters(numbers: std::ops::Range<u64>) -> Vec<Entitled> {
    let voter = |n| Entitled { label: format!("voter-{n}@example.com"), name: format!("Voter {n}"), weight: 1, key: None };
    numbers.map(voter).collect()
}

async fn account(store: &dyn Store, name: &str, password: &str) {
    let email = format!("{name}@example.com");
    let made = Accounts::default().create(store, &email, name, password, &[Role::Voter], PasswordRule::Demo).await;
    assert!(made.unwrap());
}

async fn can_sign_in(store: &dyn Store, name: &str, password: &str) -> bool {
    Accounts::default().authenticate(store, &format!("{name}@example.com"), password).await.unwrap().is_some()
}

/// Three accounts and two rolls.
async fn original() -> MemoryStore {
    let store = empty();
    for name in ["ada", "bob", "cyd"] {
        account(&store, name, "pass").await;
    }
    for election in [FIRST, SECOND] {
        roll::add(&store, election, &voters(0..VOTERS)).await.unwrap();
    }
    store
}

fn about() -> About {
    let created_at = Timestamp::from_millis(1_777_622_400_000).unwrap();
    About { network: "test".to_owned(), genesis: GENESIS, created_at, height: Some(Height(3)) }
}

struct File {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

async fn backup_of(store: &dyn Store) -> File {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.backup");
    let made = create(store, &about(), [], &path, false).await.unwrap();
    assert_eq!(made, verify(&path).unwrap());
    File { _folder: folder, path }
}

/// Everything of the class, by key.
async fn all(store: &dyn Store) -> BTreeMap<StoreKey, Vec<u8>> {
    let mut tags = vec!["rolls".to_owned()];
    for digit in BUCKETS.chars() {
        tags.push(crate::accounts::tag(digit));
        tags.extend([FIRST, SECOND].map(|election| roll::tag(election, digit)));
        tags.push(format!("access:{digit}"));
    }
    let mut all = BTreeMap::new();
    for tag in tags {
        let found = store.list(&tag, KeyClass::Account, "", None, 10_000).await.unwrap();
        all.extend(found.into_iter().map(|(key, found)| (key, found.value)));
    }
    all
}

const KEEP: Options = Options { overwrite: false, dry_run: false };

#[tokio::test]
async fn what_was_lost_comes_back_whole_and_a_second_time_changes_nothing() {
    let original = original().await;
    let file = backup_of(&original).await;
    let store = empty();
    let dry = restore(&store, &file.path, GENESIS, Options { dry_run: true, ..KEEP }).await.unwrap();
    assert!(all(&store).await.is_empty(), "a dry run writes nothing");
    let restored = restore(&store, &file.path, GENESIS, KEEP).await.unwrap();
    assert_eq!(restored.restored, 3 + 2 * VOTERS);
    assert_eq!((restored.present_same, restored.present_other, restored.overwritten), (0, 0, 0));
    assert!(restored.counts_corrected > 0);
    assert_eq!(dry, restored, "a dry run tells what will be done");
    assert_eq!(all(&store).await, all(&original).await);
    assert!(can_sign_in(&store, "ada", "pass").await);
    assert_eq!(roll::count(&store, SECOND).await.unwrap(), VOTERS);

    let again = restore(&store, &file.path, GENESIS, KEEP).await.unwrap();
    assert_eq!(again, Restored { present_same: 3 + 2 * VOTERS, ..Restored::default() });
    assert_eq!(all(&store).await, all(&original).await);
}

#[tokio::test]
async fn a_restore_that_broke_off_at_any_write_is_completed_by_the_next() {
    let original = original().await;
    let file = backup_of(&original).await;
    let undisturbed = Fragile::failing_after(usize::MAX, false);
    restore(&undisturbed, &file.path, GENESIS, KEEP).await.unwrap();
    let writes = undisturbed.writes.load(Ordering::SeqCst);
    assert!(writes > 40, "accounts, voters, lists and counts: {writes}");
    for is_done_first in [false, true] {
        for failing in 0..writes {
            let store = Fragile::failing_after(failing, is_done_first);
            let broken = restore(&store, &file.path, GENESIS, KEEP).await;
            assert!(matches!(broken, Err(BackupError::Store(StoreError::Unavailable(_)))), "write {failing}: {broken:?}");
            let again = restore(&store.store, &file.path, GENESIS, KEEP).await.unwrap();
            assert_eq!(again.restored + again.present_same, 3 + 2 * VOTERS, "write {failing}");
            assert_eq!(all(&store.store).await, all(&original).await, "write {failing}");
        }
    }
}

#[tokio::test]
async fn a_roll_that_is_there_in_part_is_completed_and_counted() {
    let original = original().await;
    let file = backup_of(&original).await;
    let store = empty();
    // Some voters of the backup with their count, some who came later, and in a bucket a number without its voters.
    roll::add(&store, FIRST, &voters(30..50)).await.unwrap();
    let wrong = StoreKey::new(roll::tag(SECOND, '3'), KeyClass::Account, "count").unwrap();
    store.put(wrong, b"77".to_vec(), Condition::Absent, None).await.unwrap();
    let unreadable = StoreKey::new(roll::tag(SECOND, '4'), KeyClass::Account, "count").unwrap();
    store.put(unreadable, b"many".to_vec(), Condition::Absent, None).await.unwrap();

    let restored = restore(&store, &file.path, GENESIS, KEEP).await.unwrap();
    assert_eq!(restored.restored, 3 + 30 + VOTERS);
    assert_eq!(restored.present_same, 10);
    for (election, expected) in [(FIRST, 50), (SECOND, VOTERS)] {
        let there = roll::page(&store, election, None, 1_000).await.unwrap().len() as u64;
        assert_eq!((there, roll::count(&store, election).await.unwrap()), (expected, expected));
    }
    let added = roll::add(&store, FIRST, &voters(0..60)).await.unwrap();
    assert_eq!((added.added, added.already, added.total), (10, 50, 60), "the roll goes on");
}

#[tokio::test]
async fn what_is_there_is_kept_unless_told_otherwise() {
    let original = original().await;
    let file = backup_of(&original).await;
    let store = empty();
    account(&store, "ada", "changed").await;
    account(&store, "dan", "later").await;
    let dry = restore(&store, &file.path, GENESIS, Options { overwrite: true, dry_run: true }).await.unwrap();
    assert_eq!((dry.restored, dry.overwritten, dry.present_other), (2 + 2 * VOTERS, 1, 0));
    let kept = restore(&store, &file.path, GENESIS, KEEP).await.unwrap();
    assert_eq!((kept.restored, kept.present_other, kept.overwritten), (2 + 2 * VOTERS, 1, 0));
    assert!(can_sign_in(&store, "ada", "changed").await);

    let over = restore(&store, &file.path, GENESIS, Options { overwrite: true, ..KEEP }).await.unwrap();
    assert_eq!((over.restored, over.present_other, over.overwritten), (0, 0, 1));
    assert!(can_sign_in(&store, "ada", "pass").await && !can_sign_in(&store, "ada", "changed").await);
    assert!(can_sign_in(&store, "dan", "later").await, "nothing is deleted");
}

#[tokio::test]
async fn nothing_is_written_from_a_file_that_is_damaged_or_of_another_network() {
    let file = backup_of(&original().await).await;
    let store = Fragile::failing_after(usize::MAX, false);
    let other = restore(&store, &file.path, Digest([8; 32]), KEEP).await;
    assert!(matches!(other, Err(BackupError::OtherNetwork { .. })), "{other:?}");
    let mut bytes = std::fs::read(&file.path).unwrap();
    let last = bytes.len() - 3;
    bytes[last] ^= 1; // the very end of it
    std::fs::write(&file.path, &bytes).unwrap();
    let damaged = restore(&store, &file.path, GENESIS, KEEP).await.unwrap_err().to_string();
    assert!(damaged.contains("a.backup: line "), "{damaged}");
    std::fs::write(&file.path, &bytes[..bytes.len() / 2]).unwrap();
    let cut = restore(&store, &file.path, GENESIS, KEEP).await;
    assert!(matches!(cut, Err(BackupError::Truncated { .. })), "{cut:?}");
    assert_eq!(store.writes.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn sessions_are_left_out_and_rolls_that_no_list_names_are_found_through_the_ledger() {
    let original = original().await;
    let ada = Accounts::default().find(&original, "ada@example.com").await.unwrap().unwrap();
    crate::sessions::start(&original, &ada, voting_core::Timestamp::from_millis(0).unwrap()).await.map_err(|_| ()).unwrap();
    for election in [FIRST, SECOND] {
        let listed = StoreKey::new("rolls", KeyClass::Account, format!("election:{election}")).unwrap();
        original.delete(listed, Condition::Any).await.unwrap(); // as a store from before there was a list
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.backup");
    let made = create(&original, &about(), [FIRST, ElectionId([9; 16])], &path, false).await.unwrap();
    assert_eq!((made.accounts, made.rolls, made.voters), (3, 1, VOTERS));
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(!text.contains("session:") && !text.contains("access:") && !text.contains("\"count\""), "{text}");
    let listed = roll::registered(&original).await.unwrap();
    assert_eq!(listed.into_iter().collect::<Vec<_>>(), [FIRST], "listed from now on; an election without voters is not");
    assert!(matches!(create(&original, &about(), [], &path, false).await, Err(BackupError::Exists { .. })));
    create(&original, &about(), [], &path, true).await.unwrap();
}

/// More voters than fit into one write, in one bucket of the store.
#[tokio::test]
async fn large_rolls_go_through_in_several_writes() {
    let original = empty();
    roll::add(&original, FIRST, &voters(0..16 * 300)).await.unwrap();
    let file = backup_of(&original).await;
    let store = Fragile::failing_after(usize::MAX, false);
    let restored = restore(&store, &file.path, GENESIS, KEEP).await.unwrap();
    assert_eq!(restored.restored, 16 * 300);
    assert!(store.writes.load(Ordering::SeqCst) > 32, "two writes a bucket at least");
    assert_eq!(roll::count(&store, FIRST).await.unwrap(), 16 * 300);
}
