//! The promises of [`Store`].

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::{MOMENT, Runtime, task};
use crate::seams::store::{MAX_BATCH_OPS, MAX_KEY_BYTES, MAX_LIST, MAX_VALUE_BYTES};
use crate::seams::{Condition, KeyClass, Op, Store, StoreError, StoreKey, Versioned};

/// Makes stores.
#[async_trait]
pub trait StoreBuilder: Runtime {
    /// Keeps what a store stands on.
    type Guard: Send + Sync;

    /// A fresh store.
    async fn build(&self) -> (Self::Guard, Arc<dyn Store>);

    /// Opens once more what the guard keeps; `None` where a store ends with its process.
    async fn open(&self, guard: &Self::Guard) -> Option<Result<Arc<dyn Store>, StoreError>>;
}

const CLASSES: [KeyClass; 4] = [KeyClass::Projection, KeyClass::Queue, KeyClass::Account, KeyClass::Ephemeral];

/// Every case.
pub async fn run_all<B: StoreBuilder>(builder: &B) {
    versions_count_the_writes(builder).await;
    any_bytes_are_a_value(builder).await;
    absent_creates_and_never_overwrites(builder).await;
    version_writes_only_over_that_version(builder).await;
    heights_never_go_back(builder).await;
    deleted_keys_are_gone(builder).await;
    a_conflict_names_the_first_key_and_changes_nothing(builder).await;
    a_batch_spans_classes(builder).await;
    impossible_batches_are_refused(builder).await;
    the_largest_keys_values_and_batches_fit(builder).await;
    keys_expire(builder).await;
    a_write_without_end_lifts_the_end(builder).await;
    tags_and_classes_are_separate(builder).await;
    listings_are_ordered_and_paged(builder).await;
    listings_are_bounded(builder).await;
    compare_and_set_loses_no_update(builder).await;
    only_one_creates(builder).await;
    batches_are_seen_whole(builder).await;
    accounts_survive_reopening(builder).await;
    closing_frees_the_store(builder).await;
}

fn key_in(tag: &str, class: KeyClass, path: &str) -> StoreKey {
    StoreKey::new(tag, class, path).expect("tests use good keys")
}

fn key(class: KeyClass, path: &str) -> StoreKey {
    key_in("e:1", class, path)
}

fn put(key: &StoreKey, value: &str, condition: Condition) -> Op {
    Op::Put { key: key.clone(), value: value.into(), condition, expires_in: None }
}

fn delete(key: &StoreKey, condition: Condition) -> Op {
    Op::Delete { key: key.clone(), condition }
}

fn conflict(key: &StoreKey, actual: Option<u64>) -> Result<(), StoreError> {
    Err(StoreError::Conflict { key: key.clone(), actual })
}

fn versioned(value: &str, version: u64) -> Option<Versioned> {
    Some(Versioned { value: value.into(), version })
}

async fn write(store: &Arc<dyn Store>, op: Op) {
    store.batch(vec![op]).await.expect("the write is good");
}

async fn get(store: &Arc<dyn Store>, key: &StoreKey) -> Option<Versioned> {
    store.get(key).await.expect("the key can be read")
}

/// Paths of a listing.
async fn list(store: &Arc<dyn Store>, class: KeyClass, prefix: &str, after: Option<&str>, limit: usize) -> Vec<String> {
    let found = store.list("e:1", class, prefix, after, limit).await.expect("keys can be listed");
    found.into_iter().map(|(key, _)| key.path().to_owned()).collect()
}

/// From 1, one by one, in every class; and reads see the caller's own writes.
pub async fn versions_count_the_writes<B: StoreBuilder>(builder: &B) {
    let (_guard, store) = builder.build().await;
    for class in CLASSES {
        let key = key(class, "k");
        assert_eq!(get(&store, &key).await, None);
        for version in 1..=3 {
            store.put(key.clone(), vec![version as u8], Condition::Any, None).await.expect("the write is good");
            assert_eq!(get(&store, &key).await, Some(Versioned { value: vec![version as u8], version }));
        }
    }
}

/// None at all, zeros, bytes that are not text.
pub async fn any_bytes_are_a_value<B: StoreBuilder>(builder: &B) {
    let (_guard, store) = builder.build().await;
    for class in CLASSES {
        for (n, value) in [vec![], vec![0], vec![0xff, 0xfe, 0], (0..=255).collect()].into_iter().enumerate() {
            let key = key(class, &n.to_string());
            store.put(key.clone(), value.clone(), Condition::Any, None).await.expect("the write is good");
            assert_eq!(get(&store, &key).await, Some(Versioned { value, version: 1 }));
        }
    }
}

/// [`Condition::Absent`].
pub async fn absent_creates_and_never_overwrites<B: StoreBuilder>(builder: &B) {
    let (_guard, store) = builder.build().await;
    for class in CLASSES {
        let key = key(class, "k");
        write(&store, put(&key, "first", Condition::Absent)).await;
        assert_eq!(store.batch(vec![put(&key, "second", Condition::Absent)]).await, conflict(&key, Some(1)));
        assert_eq!(get(&store, &key).await, versioned("first", 1));
        write(&store, delete(&key, Condition::Any)).await;
        write(&store, put(&key, "third", Condition::Absent)).await;
        assert_eq!(get(&store, &key).await, versioned("third", 1));
    }
}

/// [`Condition::Version`].
pub async fn version_writes_only_over_that_version<B: StoreBuilder>(builder: &B) {
    let (_guard, store) = builder.build().await;
    for class in CLASSES {
        let key = key(class, "k");
        for wrong in [0, 1] {
            assert_eq!(store.batch(vec![put(&key, "x", Condition::Version(wrong))]).await, conflict(&key, None));
        }
        write(&store, put(&key, "a", Condition::Any)).await;
        write(&store, put(&key, "b", Condition::Version(1))).await;
        assert_eq!(get(&store, &key).await, versioned("b", 2));
        for wrong in [0, 1, 3, u64::MAX] {
            assert_eq!(store.batch(vec![put(&key, "x", Condition::Version(wrong))]).await, conflict(&key, Some(2)));
        }
        assert_eq!(get(&store, &key).await, versioned("b", 2));
    }
}

/// [`Condition::Height`]: forward only, without an error otherwise, and without harm to the rest of the batch.
pub async fn heights_never_go_back<B: StoreBuilder>(builder: &B) {
    let (_guard, store) = builder.build().await;
    for class in CLASSES {
        let (key, other) = (key(class, "k"), key(class, "other"));
        write(&store, put(&key, "at 10", Condition::Height(10))).await;
        assert_eq!(get(&store, &key).await, versioned("at 10", 10));
        for height in [0, 1, 9, 10] {
            write(&store, put(&key, "late", Condition::Height(height))).await;
            assert_eq!(get(&store, &key).await, versioned("at 10", 10));
        }
        store
            .batch(vec![put(&key, "late", Condition::Height(10)), put(&other, "rest", Condition::Any)])
            .await
            .expect("a late projection is no error");
        assert_eq!(get(&store, &key).await, versioned("at 10", 10));
        assert_eq!(get(&store, &other).await, versioned("rest", 1));
        write(&store, put(&key, "at 12", Condition::Height(12))).await;
        assert_eq!(get(&store, &key).await, versioned("at 12", 12));
        write(&store, put(&key, "by hand", Condition::Version(12))).await;
        assert_eq!(get(&store, &key).await, versioned("by hand", 13));
        let far = 1 << 52;
        write(&store, put(&key, "far", Condition::Height(far))).await;
        write(&store, put(&key, "not as far", Condition::Height(far - 1))).await;
        assert_eq!(get(&store, &key).await, versioned("far", far));
    }
}

/// At once, on the condition of a version too; and what was never there may be deleted under [`Condition::Any`].
pub async fn deleted_keys_are_gone<B: StoreBuilder>(builder: &B) {
    let (_guard, store) = builder.build().await;
    for class in CLASSES {
        let key = key(class, "k");
        store.delete(key.clone(), Condition::Any).await.expect("nothing to delete is no error");
        assert_eq!(store.delete(key.clone(), Condition::Version(1)).await, conflict(&key, None));
        write(&store, put(&key, "a", Condition::Any)).await;
        assert_eq!(store.delete(key.clone(), Condition::Version(2)).await, conflict(&key, Some(1)));
        assert_eq!(get(&store, &key).await, versioned("a", 1));
        store.delete(key.clone(), Condition::Version(1)).await.expect("this is its version");
        assert_eq!(get(&store, &key).await, None);
        assert_eq!(list(&store, class, "", None, 10).await, [""; 0]);
        for senseless in [Condition::Absent, Condition::Height(9)] {
            assert!(matches!(store.delete(key.clone(), senseless).await, Err(StoreError::Batch(_))));
        }
        write(&store, put(&key, "b", Condition::Any)).await;
        assert_eq!(get(&store, &key).await, versioned("b", 1));
    }
}

/// All or nothing, with several conditions broken: the first one in the order of the batch is named.
pub async fn a_conflict_names_the_first_key_and_changes_nothing<B: StoreBuilder>(builder: &B) {
    let (_guard, store) = builder.build().await;
    let keys = [
        key(KeyClass::Account, "a"),
        key(KeyClass::Projection, "b"),
        key(KeyClass::Account, "c"),
        key(KeyClass::Ephemeral, "d"),
        key(KeyClass::Account, "e"),
    ];
    for key in &keys[1..] {
        write(&store, put(key, "old", Condition::Any)).await;
    }
    for first in 1..keys.len() {
        let mut ops = vec![put(&keys[0], "new", Condition::Absent)];
        ops.extend(keys[1..].iter().enumerate().map(|(i, key)| match i + 1 {
            i if i < first => put(key, "new", Condition::Version(1)),
            i if i % 2 == 0 => put(key, "new", Condition::Absent),
            _ => delete(key, Condition::Version(7)),
        }));
        assert_eq!(store.batch(ops).await, conflict(&keys[first], Some(1)));
        assert_eq!(get(&store, &keys[0]).await, None);
        for key in &keys[1..] {
            assert_eq!(get(&store, key).await, versioned("old", 1));
        }
    }
}

/// Writes and deletions of all classes of one tag.
pub async fn a_batch_spans_classes<B: StoreBuilder>(builder: &B) {
    let (_guard, store) = builder.build().await;
    for class in CLASSES {
        write(&store, put(&key(class, "old"), "x", Condition::Any)).await;
    }
    let ops = CLASSES.iter().flat_map(|class| {
        [delete(&key(*class, "old"), Condition::Version(1)), put(&key(*class, "new"), class.as_str(), Condition::Absent)]
    });
    store.batch(ops.collect()).await.expect("all conditions hold");
    for class in CLASSES {
        assert_eq!(get(&store, &key(class, "old")).await, None);
        assert_eq!(get(&store, &key(class, "new")).await, versioned(class.as_str(), 1));
    }
    store.batch(Vec::new()).await.expect("nothing to do is no error");
}

/// Over two tags, a key twice, too many operations, too large a value: whatever else is in it.
pub async fn impossible_batches_are_refused<B: StoreBuilder>(builder: &B) {
    let (_guard, store) = builder.build().await;
    for class in CLASSES {
        let good = key(class, "good");
        let too_large =
            Op::Put { key: key(class, "large"), value: vec![0; MAX_VALUE_BYTES + 1], condition: Condition::Any, expires_in: None };
        let rests = [
            vec![put(&key_in("e:2", class, "other"), "x", Condition::Any)],
            vec![put(&good, "again", Condition::Any)],
            vec![delete(&good, Condition::Any)],
            vec![too_large],
            (0..MAX_BATCH_OPS).map(|n| put(&key(class, &n.to_string()), "x", Condition::Any)).collect(),
        ];
        for rest in rests {
            let mut ops = vec![put(&good, "x", Condition::Any)];
            ops.extend(rest);
            assert!(matches!(store.batch(ops).await, Err(StoreError::Batch(_))));
            assert_eq!(get(&store, &good).await, None);
        }
    }
}

/// Every bound itself is allowed.
pub async fn the_largest_keys_values_and_batches_fit<B: StoreBuilder>(builder: &B) {
    let (_guard, store) = builder.build().await;
    for class in [KeyClass::Projection, KeyClass::Account] {
        let long = key(class, &"k".repeat(MAX_KEY_BYTES - "e:1".len()));
        let value: Vec<u8> = (0..MAX_VALUE_BYTES).map(|n| n as u8).collect();
        store.put(long.clone(), value.clone(), Condition::Any, None).await.expect("the largest value");
        assert_eq!(get(&store, &long).await, Some(Versioned { value, version: 1 }));
        let ops = (0..MAX_BATCH_OPS).map(|n| put(&key(class, &format!("many/{n:04}")), "x", Condition::Absent));
        store.batch(ops.collect()).await.expect("the largest batch");
        assert_eq!(list(&store, class, "many/", None, MAX_LIST).await.len(), MAX_BATCH_OPS);
    }
    let odd = key_in("!~", KeyClass::Account, "a:b/c|d*e?[f]\\\"'%$");
    write(&store, put(&odd, "x", Condition::Any)).await;
    assert_eq!(get(&store, &odd).await, versioned("x", 1));
}

/// For reads, listings and conditions alike; the key is then new again.
pub async fn keys_expire<B: StoreBuilder>(builder: &B) {
    let (_guard, store) = builder.build().await;
    let expiring = |key: &StoreKey, after: Duration| Op::Put {
        key: key.clone(),
        value: b"brief".to_vec(),
        condition: Condition::Any,
        expires_in: Some(after),
    };
    for class in CLASSES {
        let (brief, long, lasting) = (key(class, "brief"), key(class, "long"), key(class, "lasting"));
        write(&store, put(&lasting, "x", Condition::Any)).await;
        store.batch(vec![expiring(&brief, 4 * MOMENT), expiring(&long, Duration::MAX)]).await.expect("the write is good");
        assert_eq!(get(&store, &brief).await, versioned("brief", 1));
        assert_eq!(list(&store, class, "", None, 10).await, ["brief", "lasting", "long"]);
        write(&store, expiring(&brief, 4 * MOMENT)).await;
        assert_eq!(get(&store, &brief).await, versioned("brief", 2));
        builder.pass(5 * MOMENT).await;
        assert_eq!(get(&store, &brief).await, None);
        assert_eq!(list(&store, class, "", None, 10).await, ["lasting", "long"]);
        assert_eq!(list(&store, class, "", None, 1).await, ["lasting"], "what has expired takes no place in a page");
        assert_eq!(store.batch(vec![put(&brief, "x", Condition::Version(2))]).await, conflict(&brief, None));
        write(&store, put(&brief, "anew", Condition::Absent)).await;
        assert_eq!(get(&store, &brief).await, versioned("anew", 1));
    }
}

/// The last write decides when a key ends; one that changes nothing does not.
pub async fn a_write_without_end_lifts_the_end<B: StoreBuilder>(builder: &B) {
    let (_guard, store) = builder.build().await;
    for class in CLASSES {
        let [lifted, shortened, skipped] = ["lifted", "shortened", "skipped"].map(|path| key(class, path));
        store.put(lifted.clone(), vec![1], Condition::Any, Some(2 * MOMENT)).await.expect("the write is good");
        store.put(lifted.clone(), vec![2], Condition::Any, None).await.expect("the write is good");
        store.put(shortened.clone(), vec![1], Condition::Any, None).await.expect("the write is good");
        store.put(shortened.clone(), vec![2], Condition::Any, Some(2 * MOMENT)).await.expect("the write is good");
        store.put(skipped.clone(), vec![1], Condition::Height(5), None).await.expect("the write is good");
        store.put(skipped.clone(), vec![2], Condition::Height(5), Some(2 * MOMENT)).await.expect("late, but no error");
        builder.pass(3 * MOMENT).await;
        assert_eq!(get(&store, &lifted).await, Some(Versioned { value: vec![2], version: 2 }));
        assert_eq!(get(&store, &shortened).await, None);
        assert_eq!(get(&store, &skipped).await, Some(Versioned { value: vec![1], version: 5 }));
    }
}

/// The same path elsewhere is another key, and listings do not mix them, prefixes of each other or not.
pub async fn tags_and_classes_are_separate<B: StoreBuilder>(builder: &B) {
    let (_guard, store) = builder.build().await;
    let keys: Vec<_> = ["e:1", "e:10", "e", "e:1:x"].iter().flat_map(|tag| CLASSES.map(|class| key_in(tag, class, "k"))).collect();
    for key in &keys {
        write(&store, put(key, &key.to_string(), Condition::Absent)).await;
    }
    for key in &keys {
        assert_eq!(get(&store, key).await, versioned(&key.to_string(), 1));
        let found = store.list(key.tag(), key.class(), "", None, 10).await.expect("keys can be listed");
        assert_eq!(found, [(key.clone(), Versioned { value: key.to_string().into(), version: 1 })]);
    }
    write(&store, delete(&keys[0], Condition::Any)).await;
    for key in &keys[1..] {
        assert_eq!(get(&store, key).await, versioned(&key.to_string(), 1));
    }
}

/// By the bytes of the path; with prefix, start and limit.
pub async fn listings_are_ordered_and_paged<B: StoreBuilder>(builder: &B) {
    let (_guard, store) = builder.build().await;
    for class in CLASSES {
        let mut paths = ["b/10", "b/2", "b/1", "b", "a", "B", "b0", "b/", "~", "!", "b/1/x", "c"];
        for path in paths {
            write(&store, put(&key(class, path), path, Condition::Any)).await;
        }
        paths.sort_unstable();
        assert_eq!(list(&store, class, "", None, MAX_LIST).await, paths);
        assert_eq!(list(&store, class, "", None, usize::MAX).await, paths);
        assert_eq!(list(&store, class, "b/", None, 10).await, ["b/", "b/1", "b/1/x", "b/10", "b/2"]);
        assert_eq!(list(&store, class, "b/", Some("b/1"), 2).await, ["b/1/x", "b/10"]);
        assert_eq!(list(&store, class, "b/", Some("a"), 2).await, ["b/", "b/1"], "a start before the prefix");
        assert_eq!(list(&store, class, "b/", Some("c"), 2).await, [""; 0], "a start behind the prefix");
        assert_eq!(list(&store, class, "b/", Some("b/15"), 2).await, ["b/2"], "a start that is no key");
        assert_eq!(list(&store, class, "", Some("~"), 2).await, [""; 0]);
        assert_eq!(list(&store, class, "d", None, 2).await, [""; 0]);
        assert_eq!(list(&store, class, "", None, 0).await, [""; 0]);
        let mut paged: Vec<String> = Vec::new();
        loop {
            let page = list(&store, class, "", paged.last().map(String::as_str), 5).await;
            assert_eq!(page.len(), 5.min(paths.len() - paged.len()));
            if page.is_empty() {
                break;
            }
            paged.extend(page);
        }
        assert_eq!(paged, paths);
        let found = store.list("e:1", class, "c", None, 1).await.expect("keys can be listed");
        assert_eq!(found, [(key(class, "c"), Versioned { value: b"c".to_vec(), version: 1 })]);
    }
}

/// [`MAX_LIST`] keys at most, whatever is asked for; the rest follows.
pub async fn listings_are_bounded<B: StoreBuilder>(builder: &B) {
    let (_guard, store) = builder.build().await;
    let paths: Vec<_> = (0..MAX_LIST + 10).map(|n| format!("{n:06}")).collect();
    for class in [KeyClass::Projection, KeyClass::Account] {
        for some in paths.chunks(MAX_BATCH_OPS) {
            store.batch(some.iter().map(|path| put(&key(class, path), "", Condition::Any)).collect()).await.expect("good writes");
        }
        let first = list(&store, class, "", None, usize::MAX).await;
        assert_eq!(first, paths[..MAX_LIST]);
        assert_eq!(list(&store, class, "", first.last().map(String::as_str), usize::MAX).await, paths[MAX_LIST..]);
    }
}

/// Side by side, each increment on the condition of the version it read.
pub async fn compare_and_set_loses_no_update<B: StoreBuilder>(builder: &B) {
    const TASKS: u64 = 8;
    const EACH: u64 = 25;
    let (_guard, store) = builder.build().await;
    for class in [KeyClass::Projection, KeyClass::Account] {
        let key = key(class, "counter");
        store.put(key.clone(), 0u64.to_le_bytes().to_vec(), Condition::Absent, None).await.expect("the write is good");
        let tasks = (0..TASKS).map(|_| {
            let (store, key) = (Arc::clone(&store), key.clone());
            task(async move {
                for _ in 0..EACH {
                    increment(&store, &key).await;
                }
            })
        });
        builder.together(tasks.collect()).await;
        let end = get(&store, &key).await.expect("the counter is there");
        assert_eq!(end, Versioned { value: (TASKS * EACH).to_le_bytes().to_vec(), version: TASKS * EACH + 1 });
    }
}

async fn increment(store: &Arc<dyn Store>, key: &StoreKey) {
    loop {
        let Versioned { value, version } = get(store, key).await.expect("the counter is there");
        let count = u64::from_le_bytes(value.try_into().expect("eight bytes")) + 1;
        match store.put(key.clone(), count.to_le_bytes().to_vec(), Condition::Version(version), None).await {
            Ok(()) => return,
            Err(StoreError::Conflict { key: named, .. }) => assert_eq!(named, *key),
            Err(error) => panic!("{error}"),
        }
    }
}

/// Of many who try at once.
pub async fn only_one_creates<B: StoreBuilder>(builder: &B) {
    let (_guard, store) = builder.build().await;
    for class in [KeyClass::Ephemeral, KeyClass::Account] {
        let won = Arc::new(std::sync::atomic::AtomicU32::new(0));
        let tasks = (0..16).map(|n| {
            let (store, won, key) = (Arc::clone(&store), Arc::clone(&won), key(class, "leader"));
            task(async move {
                match store.batch(vec![put(&key, &format!("task {n}"), Condition::Absent)]).await {
                    Ok(()) => drop(won.fetch_add(1, std::sync::atomic::Ordering::SeqCst)),
                    refused => assert_eq!(refused, conflict(&key, Some(1))),
                }
            })
        });
        builder.together(tasks.collect()).await;
        assert_eq!(won.load(std::sync::atomic::Ordering::SeqCst), 1);
    }
}

/// A listing never shows half of a batch: all values of a tag are written together and are always equal.
pub async fn batches_are_seen_whole<B: StoreBuilder>(builder: &B) {
    let (_guard, store) = builder.build().await;
    for class in [KeyClass::Projection, KeyClass::Account] {
        let write_all = move |n: u64| (0..5).map(move |k| put(&key(class, &format!("k{k}")), &n.to_string(), Condition::Any));
        store.batch(write_all(0).collect()).await.expect("good writes");
        let (writer, reader) = (Arc::clone(&store), Arc::clone(&store));
        let writing = task(async move {
            for n in 1..=30 {
                writer.batch(write_all(n).collect()).await.expect("good writes");
            }
        });
        let reading = task(async move {
            for _ in 0..30 {
                let found = reader.list("e:1", class, "k", None, 10).await.expect("keys can be listed");
                assert_eq!(found.len(), 5);
                assert!(found.iter().all(|(_, row)| *row == found[0].1), "half a batch: {found:?}");
            }
        });
        builder.together(vec![writing, reading]).await;
    }
}

/// With versions and ends; and deleted ones stay deleted.
pub async fn accounts_survive_reopening<B: StoreBuilder>(builder: &B) {
    let (guard, store) = builder.build().await;
    let [kept, deleted, brief, long] = ["kept", "deleted", "brief", "long"].map(|path| key(KeyClass::Account, path));
    for _ in 0..3 {
        write(&store, put(&kept, "x", Condition::Any)).await;
    }
    write(&store, put(&deleted, "x", Condition::Any)).await;
    write(&store, delete(&deleted, Condition::Any)).await;
    store.put(brief.clone(), b"x".to_vec(), Condition::Any, Some(2 * MOMENT)).await.expect("the write is good");
    store
        .put(long.clone(), b"x".to_vec(), Condition::Height(40), Some(Duration::from_secs(3_600)))
        .await
        .expect("the write is good");
    drop(store);
    let Some(opened) = builder.open(&guard).await else { return };
    let store = opened.expect("a store that was closed can be opened");
    assert_eq!(get(&store, &kept).await, versioned("x", 3));
    assert_eq!(get(&store, &deleted).await, None);
    assert_eq!(get(&store, &long).await, versioned("x", 40));
    builder.pass(3 * MOMENT).await;
    assert_eq!(list(&store, KeyClass::Account, "", None, 10).await, ["kept", "long"]);
    write(&store, put(&kept, "y", Condition::Version(3))).await;
    assert_eq!(get(&store, &kept).await, versioned("y", 4));
}

/// Also while others still hold the closed one.
pub async fn closing_frees_the_store<B: StoreBuilder>(builder: &B) {
    let (guard, store) = builder.build().await;
    let key = key(KeyClass::Account, "k");
    write(&store, put(&key, "value", Condition::Any)).await;
    store.close().await.expect("the store closes");
    let Some(again) = builder.open(&guard).await else { return };
    assert_eq!(get(&again.expect("the store is free"), &key).await, versioned("value", 1));
    assert!(matches!(store.get(&key).await, Err(StoreError::Unavailable(_))), "the closed one reads no more");
}
