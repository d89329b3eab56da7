//! A damaged ledger file gives an error or the right data: never other data, never a fresh ledger,
//! never a panic.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempDir;
use voting_cluster::ledger::RedbLedger;
use voting_cluster::store::RedbStore;
use voting_core::block::FinalizedBlock;
use voting_core::ids::View;
use voting_core::seams::{
    Clock, Condition, JournalRecord, KeyClass, Ledger, LedgerBatch, LedgerError, ManualClock, Store, StoreError, StoreKey,
};
use voting_core::testing::conformance::ledger::{CHAIN, blocks};
use voting_core::{Height, Timestamp};

const AUTHORITY: &str = "a0";

/// The two files of a ledger, as bytes.
#[derive(Clone)]
struct Image {
    database: Vec<u8>,
    identity: Vec<u8>,
}

/// A folder with a ledger whose content is known.
struct Ground {
    folder: TempDir,
    blocks: Vec<FinalizedBlock>,
    journal: Vec<JournalRecord>,
}

impl Ground {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder"), blocks: blocks(CHAIN, 12), journal: Vec::new() }
    }

    fn database(&self) -> PathBuf {
        self.folder.path().join("ledger.redb")
    }

    fn identity(&self) -> PathBuf {
        self.folder.path().join("ledger.redb.identity")
    }

    fn open(&self) -> Result<RedbLedger, LedgerError> {
        RedbLedger::open(self.database(), CHAIN, AUTHORITY)
    }

    /// Writes all blocks, a batch each, and a journal some of which is pruned again.
    async fn fill(&mut self, ledger: &RedbLedger) {
        for (n, block) in (0u64..).zip(&self.blocks) {
            let record = JournalRecord { view: View(n), bytes: vec![n as u8; 40 * n as usize] };
            self.journal.push(record.clone());
            let prune_below = (n % 4 == 3).then(|| View(n - 2));
            self.journal.retain(|record| prune_below.is_none_or(|view| record.view >= view));
            let batch = LedgerBatch { journal: vec![record], blocks: vec![block.clone()], prune_below };
            ledger.write(batch).await.expect("the batch is good");
        }
    }

    fn image(&self) -> Image {
        let read = |path: &Path| fs::read(path).expect("the file is there");
        Image { database: read(&self.database()), identity: read(&self.identity()) }
    }

    fn put(&self, image: &Image) {
        fs::write(self.database(), &image.database).expect("the folder can be written");
        fs::write(self.identity(), &image.identity).expect("the folder can be written");
    }

    /// Whether the ledger opens and gives everything; if it does not, then an error. Panics if it gives
    /// anything else.
    async fn is_intact(&self, what: &str) -> bool {
        let ledger = match self.open() {
            Ok(ledger) => ledger,
            Err(error) => {
                assert!(error.to_string().contains("ledger.redb"), "{what}: the error does not name the file: {error}");
                return false;
            }
        };
        let journal = ledger.journal().await;
        let blocks = ledger.blocks(Height(1), usize::MAX).await;
        let head = ledger.head().await.expect("an open ledger has a head");
        assert_eq!(head.map(|head| head.hash), self.blocks.last().map(|last| last.block.hash()), "{what}");
        if let Ok(journal) = &journal {
            assert_eq!(*journal, self.journal, "{what}");
        }
        if let Ok(blocks) = &blocks {
            assert_eq!(*blocks, self.blocks, "{what}");
        }
        journal.is_ok() && blocks.is_ok()
    }
}

/// A filled ledger and its files after it was closed.
async fn closed() -> (Ground, Image) {
    let mut ground = Ground::new();
    let ledger = ground.open().expect("a fresh ledger");
    ground.fill(&ledger).await;
    drop(ledger);
    let image = ground.image();
    (ground, image)
}

/// A filled ledger and its files as they were just after the last write, as a crash leaves them.
async fn crashed() -> (Ground, Image) {
    let mut ground = Ground::new();
    let ledger = ground.open().expect("a fresh ledger");
    ground.fill(&ledger).await;
    let image = ground.image();
    drop(ledger);
    (ground, image)
}

/// Every byte of the header, and bytes spread over the rest.
fn positions(length: usize) -> impl Iterator<Item = usize> {
    (0..320).chain((320..length).step_by(length / 250))
}

async fn flip_everywhere(ground: &Ground, image: &Image) -> (usize, usize) {
    let (mut intact, mut refused) = (0, 0);
    for position in positions(image.database.len()) {
        let mut damaged = image.clone();
        damaged.database[position] ^= 1 << (position % 8);
        ground.put(&damaged);
        match ground.is_intact(&format!("byte {position} flipped")).await {
            true => intact += 1,
            false => refused += 1,
        }
    }
    (intact, refused)
}

#[tokio::test]
async fn flipped_bits_in_a_closed_ledger_are_noticed_or_harmless() {
    let (ground, image) = closed().await;
    let (_, refused) = flip_everywhere(&ground, &image).await;
    assert!(refused > 100, "only {refused} of the flips were noticed");
    ground.put(&image);
    assert!(ground.is_intact("undamaged").await);
}

#[tokio::test]
async fn flipped_bits_in_a_crashed_ledger_are_noticed_or_harmless() {
    let (ground, image) = crashed().await;
    ground.put(&image);
    assert!(ground.is_intact("just crashed").await, "a crash loses nothing that was written");
    let (_, refused) = flip_everywhere(&ground, &image).await;
    assert!(refused > 100, "only {refused} of the flips were noticed");
}

#[tokio::test]
async fn overwritten_pages_are_noticed_or_harmless() {
    let (ground, image) = closed().await;
    let page = 4_096;
    for start in (0..image.database.len()).step_by(page) {
        let end = (start + page).min(image.database.len());
        if image.database[start..end].iter().all(|byte| *byte == 0) {
            continue;
        }
        for filling in [0, 0xff] {
            let mut damaged = image.clone();
            damaged.database[start..end].fill(filling);
            ground.put(&damaged);
            ground.is_intact(&format!("page at {start} filled with {filling}")).await;
        }
    }
}

#[tokio::test]
async fn truncated_and_extended_files_are_noticed_or_harmless() {
    for (ground, image) in [closed().await, crashed().await] {
        let length = image.database.len();
        let lengths = [0, 1, 9, 64, 319, 320, 4_095, 4_096, 4_097, length - 4_096, length - 1];
        for cut in lengths.into_iter().chain((0..length).step_by(length / 50)) {
            let mut damaged = image.clone();
            damaged.database.truncate(cut);
            ground.put(&damaged);
            let intact = ground.is_intact(&format!("cut to {cut} of {length} bytes")).await;
            assert!(!intact || cut > length / 2, "{cut} of {length} bytes cannot hold everything");
        }
        let mut extended = image.clone();
        extended.database.extend([0xaa; 10_000]);
        ground.put(&extended);
        ground.is_intact("extended").await;
    }
}

#[tokio::test]
async fn a_missing_or_fresh_database_is_not_a_fresh_ledger() {
    let (ground, image) = closed().await;
    fs::remove_file(ground.database()).unwrap();
    assert!(matches!(ground.open().err(), Some(LedgerError::Damaged(_))));
    assert!(!ground.database().exists(), "a refusal creates nothing");

    let other = Ground::new();
    drop(other.open().unwrap());
    ground.put(&Image { database: other.image().database, ..image });
    assert!(matches!(ground.open().err(), Some(LedgerError::Damaged(_))));
}

#[tokio::test]
async fn an_older_copy_of_the_database_is_refused() {
    let mut ground = Ground::new();
    drop(ground.open().unwrap());
    let ledger = ground.open().unwrap();
    let all = ground.blocks.clone();
    ground.blocks.truncate(11);
    ground.fill(&ledger).await;
    drop(ledger);
    let older = ground.image();
    assert!(ground.is_intact("not yet replaced").await);
    let ledger = ground.open().unwrap();
    ledger.write(LedgerBatch { blocks: all[11..].to_vec(), ..LedgerBatch::default() }).await.unwrap();
    ground.blocks = all;
    drop(ledger);
    let newer = ground.image();
    ground.put(&Image { database: older.database.clone(), identity: newer.identity.clone() });
    assert!(matches!(ground.open().err(), Some(LedgerError::Damaged(_))));
    // A loss of power may leave the identity file behind the database, never the other way round.
    ground.put(&Image { database: newer.database, identity: older.identity });
    assert!(ground.is_intact("the identity file is one commit behind").await);
}

#[tokio::test]
async fn a_damaged_identity_file_is_noticed_or_harmless() {
    let (ground, image) = closed().await;
    fs::remove_file(ground.identity()).unwrap();
    assert!(matches!(ground.open().err(), Some(LedgerError::Damaged(_))), "nothing says that nothing is missing");
    for position in 0..image.identity.len() {
        let mut damaged = image.clone();
        damaged.identity[position] ^= 0x10;
        ground.put(&damaged);
        ground.is_intact(&format!("byte {position} of the identity flipped")).await;
    }
    for cut in 0..image.identity.len() {
        let mut damaged = image.clone();
        damaged.identity.truncate(cut);
        ground.put(&damaged);
        let intact = ground.is_intact(&format!("identity cut to {cut} bytes")).await;
        assert!(!intact || cut > 64, "{cut} bytes cannot name the owner");
    }
    fs::remove_file(ground.database()).unwrap();
    fs::write(ground.identity(), "nonsense").unwrap();
    assert!(matches!(ground.open().err(), Some(LedgerError::Damaged(_))), "with neither file left whole, it is not fresh either");
}

#[tokio::test]
async fn an_interrupted_creation_is_finished() {
    let ground = Ground::new();
    // Before the database had its name.
    fs::write(ground.identity(), []).unwrap();
    fs::write(ground.folder.path().join("ledger.redb.new"), "half a database").unwrap();
    drop(ground.open().unwrap());
    // Before the identity was written, and halfway through.
    let image = ground.image();
    for length in [0, 1, 20] {
        let mut half = image.clone();
        half.identity.truncate(length);
        ground.put(&half);
        drop(ground.open().unwrap());
        assert_eq!(ground.image().identity[..64], image.identity[..64]);
    }
}

#[tokio::test]
async fn the_ledger_of_another_authority_is_refused() {
    let (ground, _) = closed().await;
    let opened = RedbLedger::open(ground.database(), CHAIN, "a1");
    assert!(matches!(opened.err(), Some(LedgerError::Foreign(owner)) if owner.contains(AUTHORITY)));
    fs::remove_file(ground.identity()).unwrap();
    let opened = RedbLedger::open(ground.database(), CHAIN, "a1");
    assert!(matches!(opened.err(), Some(LedgerError::Foreign(owner)) if owner.contains(AUTHORITY)));
}

/// A store stands on the same ground: one look at each way to lose it.
#[tokio::test]
async fn a_damaged_store_is_not_a_fresh_store() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.redb");
    let clock = Arc::new(ManualClock::new(Timestamp::default()));
    let key = StoreKey::new("accounts", KeyClass::Account, "ada").unwrap();
    let open = || RedbStore::open(&path, Arc::clone(&clock) as Arc<dyn Clock>);
    let store = open().unwrap();
    store.put(key.clone(), vec![7; 1_000], Condition::Absent, None).await.unwrap();
    assert!(matches!(open().err(), Some(StoreError::Unavailable(_))), "it is open already");
    drop(store);
    let bytes = fs::read(&path).unwrap();
    let marked = bytes.windows(1_000).position(|window| window == [7; 1_000]).unwrap();
    let mut flipped = bytes.clone();
    flipped[marked + 500] ^= 1;
    for damaged in [&flipped[..], &bytes[..bytes.len() / 3], &[]] {
        fs::write(&path, damaged).unwrap();
        assert!(matches!(open().err(), Some(StoreError::Damaged(_))));
    }
    fs::remove_file(&path).unwrap();
    assert!(matches!(open().err(), Some(StoreError::Damaged(_))));
    fs::write(&path, bytes).unwrap();
    assert_eq!(open().unwrap().get(&key).await.unwrap().map(|found| found.version), Some(1));

    let (ground, _) = closed().await;
    let opened = RedbStore::open(ground.database(), Arc::clone(&clock) as Arc<dyn Clock>);
    assert!(matches!(opened.err(), Some(StoreError::Damaged(_))), "a ledger is not a store");
    assert!(ground.is_intact("after it was taken for a store").await);
}
