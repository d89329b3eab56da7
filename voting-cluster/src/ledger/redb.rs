//! A ledger on disk: one redb file, one flush per commit.
//!
//! ```text
//!  write ─▶ [bounded channel] ─▶ writer thread: all batches that wait ─▶ one commit ─▶ each caller
//!  journal, blocks ─▶ a snapshot, on a thread for blocking work
//! ```
//!
//! A thread of its own takes the batches, so that those which arrive during one flush share the next.
//! Each batch is checked by itself: a refused one changes nothing and does not harm its neighbours.
//!
//! Invariant: the record `state` names the head, the number of journal records and the sum of their
//! checksums, and is written with them. What a reader finds in one snapshot must agree with it, so
//! that a record which went missing is damage, not an empty journal.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use async_trait::async_trait;
use borsh::{BorshDeserialize, BorshSerialize};
use redb::{ReadableTable, ReadableTableMetadata as _, Table, TableDefinition};
use tokio::sync::{mpsc, oneshot};
use voting_core::block::FinalizedBlock;
use voting_core::codec::Canonical;
use voting_core::ids::{BlockHash, ChainId, Height, View};
use voting_core::seams::{JournalRecord, Ledger, LedgerBatch, LedgerError, LedgerHead};

use super::file::{DatabaseFile, Failure, FileError, seal, unseal};
use super::rules::{check_next, is_above, not_next};

/// Batches that wait for the writer; then callers wait.
const WAITING_BATCHES: usize = 64;

const STATE: TableDefinition<'_, (), &[u8]> = TableDefinition::new("state");
const JOURNAL: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("journal");
const BLOCKS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("blocks");

impl From<FileError> for LedgerError {
    fn from(error: FileError) -> Self {
        match error {
            FileError::Damaged(what) => Self::Damaged(what),
            FileError::Foreign(owner) => Self::Foreign(owner),
            FileError::Io(why) => Self::Io(why),
        }
    }
}

/// What the rest of the file must agree with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
struct State {
    head: Option<(Height, View, BlockHash)>,
    next_record: u64,
    records: u64,
    /// Sum of the records' checksums, modulo 2^128: it can be kept up to date while records come and go.
    sum: u128,
}

impl Canonical for State {
    const TAG: &'static str = "voting/ledger-state/v1";
    const MAX_BYTES: usize = 128;
}

impl State {
    fn head(&self) -> Option<LedgerHead> {
        self.head.map(|(height, view, hash)| LedgerHead { height, view, hash })
    }

    fn height(&self) -> Height {
        self.head.map_or(Height(0), |(height, ..)| height)
    }

    fn read(table: &impl ReadableTable<(), &'static [u8]>) -> Result<Self, Failure> {
        let missing = || Failure::Damaged("the record of its state is missing".to_owned());
        let sealed = table.get(())?.ok_or_else(missing)?;
        Self::from_canonical(unseal("state", &[], sealed.value())?).map_err(|error| Failure::Damaged(error.to_string()))
    }

    fn write(&self, table: &mut Table<'_, (), &'static [u8]>) -> Result<(), Failure> {
        table.insert((), seal("state", &[], self.to_canonical()).as_slice())?;
        Ok(())
    }
}

/// A durable ledger of one authority in one chain.
#[derive(Debug)]
pub struct RedbLedger {
    file: Arc<DatabaseFile>,
    head: Arc<Mutex<Option<LedgerHead>>>,
    // Both are there until the ledger is dropped.
    jobs: Option<mpsc::Sender<Job>>,
    writer: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Job {
    batch: LedgerBatch,
    done: oneshot::Sender<Result<(), LedgerError>>,
}

impl RedbLedger {
    /// Opens the ledger of an authority in a chain, or founds it. Reads and checks the whole file:
    /// about a second per gigabyte.
    ///
    /// # Errors
    /// [`LedgerError::Foreign`] if it is another's, [`LedgerError::Damaged`] if it is not what was
    /// written, [`LedgerError::Io`] if it is open elsewhere or the disk fails.
    pub fn open(path: impl AsRef<Path>, chain: ChainId, authority: &str) -> Result<Self, LedgerError> {
        let identity = format!("authority {authority} in chain {chain}");
        let file = DatabaseFile::open(path.as_ref(), &identity, |tx| {
            State::default().write(&mut tx.open_table(STATE)?)?;
            tx.open_table(JOURNAL)?;
            tx.open_table(BLOCKS)?;
            Ok(())
        })?;
        let (state, index) = file.read(|tx| {
            let state = State::read(&tx.open_table(STATE)?)?;
            let records = read_journal(&tx.open_table(JOURNAL)?, &state)?;
            check_head(&tx.open_table(BLOCKS)?, &state)?;
            Ok((state, records.into_iter().map(|(number, sum, record)| (number, sum, record.view)).collect()))
        })?;
        let file = Arc::new(file);
        let head = Arc::new(Mutex::new(state.head()));
        let writer = Writer { chain, file: Arc::clone(&file), state, index, head: Arc::clone(&head) };
        let (jobs, waiting) = mpsc::channel(WAITING_BATCHES);
        let thread = std::thread::Builder::new().name(format!("ledger-{authority}"));
        let thread = thread.spawn(move || writer.run(waiting)).map_err(|error| LedgerError::Io(error.to_string()))?;
        Ok(Self { file, head, jobs: Some(jobs), writer: Some(thread) })
    }

    /// Reads one snapshot where it may block.
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&redb::ReadTransaction) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, LedgerError> {
        let file = Arc::clone(&self.file);
        let read = tokio::task::spawn_blocking(move || file.read(read)).await;
        Ok(read.map_err(|error| LedgerError::Io(error.to_string()))??)
    }
}

#[async_trait]
impl Ledger for RedbLedger {
    async fn write(&self, batch: LedgerBatch) -> Result<(), LedgerError> {
        if batch.is_empty() {
            return Ok(());
        }
        let stopped = || LedgerError::Io("the writer has stopped".to_owned());
        let (done, outcome) = oneshot::channel();
        let jobs = self.jobs.as_ref().ok_or_else(stopped)?;
        jobs.send(Job { batch, done }).await.map_err(|_| stopped())?;
        outcome.await.map_err(|_| stopped())?
    }

    async fn journal(&self) -> Result<Vec<JournalRecord>, LedgerError> {
        self.read(|tx| {
            let records = read_journal(&tx.open_table(JOURNAL)?, &State::read(&tx.open_table(STATE)?)?)?;
            Ok(records.into_iter().map(|(.., record)| record).collect())
        })
        .await
    }

    async fn head(&self) -> Result<Option<LedgerHead>, LedgerError> {
        Ok(*self.head.lock().unwrap_or_else(PoisonError::into_inner))
    }

    async fn blocks(&self, from: Height, limit: usize) -> Result<Vec<FinalizedBlock>, LedgerError> {
        let from = from.0.max(1);
        self.read(move |tx| {
            let head = State::read(&tx.open_table(STATE)?)?.height().0;
            let blocks = tx.open_table(BLOCKS)?;
            (from..=head).take(limit).map(|height| read_block(&blocks, height)).collect()
        })
        .await
    }

    async fn close(&self) -> Result<(), LedgerError> {
        let file = Arc::clone(&self.file);
        tokio::task::spawn_blocking(move || file.close()).await.map_err(|error| LedgerError::Io(error.to_string()))
    }
}

impl Drop for RedbLedger {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(writer) = self.writer.take() {
            let _ = writer.join(); // it finishes what it was given; a panic of it has been reported
        }
    }
}

/// Owns the right to write.
struct Writer {
    chain: ChainId,
    file: Arc<DatabaseFile>,
    state: State,
    /// Number, checksum and view of each journal record, in order.
    index: VecDeque<(u64, u128, View)>,
    head: Arc<Mutex<Option<LedgerHead>>>,
}

impl Writer {
    fn run(mut self, mut waiting: mpsc::Receiver<Job>) {
        let mut jobs = Vec::with_capacity(WAITING_BATCHES);
        while waiting.blocking_recv_many(&mut jobs, WAITING_BATCHES) > 0 {
            self.commit(std::mem::take(&mut jobs));
        }
    }

    fn commit(&mut self, jobs: Vec<Job>) {
        let file = Arc::clone(&self.file);
        let (batches, callers): (Vec<_>, Vec<_>) = jobs.into_iter().map(|job| (job.batch, job.done)).unzip();
        let written = file.write(|tx| {
            let mut tables =
                Tables { state: tx.open_table(STATE)?, journal: tx.open_table(JOURNAL)?, blocks: tx.open_table(BLOCKS)? };
            let mut outcomes = Vec::with_capacity(batches.len());
            for batch in batches {
                outcomes.push(self.apply(&mut tables, batch)?);
            }
            if outcomes.iter().all(Result::is_err) {
                return Ok(Err(outcomes)); // nothing to write
            }
            self.state.write(&mut tables.state)?;
            Ok(Ok(outcomes))
        });
        let outcomes = match written {
            Ok(Ok(outcomes)) => {
                *self.head.lock().unwrap_or_else(PoisonError::into_inner) = self.state.head();
                outcomes
            }
            Ok(Err(outcomes)) => outcomes,
            Err(error) => vec![Err(error.into()); callers.len()],
        };
        for (caller, outcome) in callers.into_iter().zip(outcomes) {
            let _ = caller.send(outcome); // the caller may have stopped waiting
        }
    }

    /// Applies a batch, or refuses it before anything has changed. On a failure of the database the
    /// file refuses all further writes, so that state and index no longer matter.
    fn apply(&mut self, tables: &mut Tables<'_>, batch: LedgerBatch) -> Result<Result<(), LedgerError>, Failure> {
        let mut head = self.state.head();
        let mut fresh: Vec<FinalizedBlock> = Vec::with_capacity(batch.blocks.len());
        for block in batch.blocks {
            if is_above(head, &block) {
                if let Err(error) = check_next(self.chain, head, &block) {
                    return Ok(Err(error));
                }
                head = Some(LedgerHead::of(&block.block.header));
                fresh.push(block);
                continue;
            }
            let height = block.block.header.height;
            let is_stored = height.0 > 0 && height <= self.state.height() && read_block(&tables.blocks, height.0)? == block;
            if !is_stored && !fresh.contains(&block) {
                return Ok(Err(not_next(head, &block)));
            }
        }
        for block in fresh {
            let height = block.block.header.height.0;
            tables.blocks.insert(height, seal("blocks", &height.to_le_bytes(), block.to_canonical()).as_slice())?;
        }
        self.state.head = head.map(|head| (head.height, head.view, head.hash));
        for record in batch.journal {
            self.append_record(tables, record)?;
        }
        if let Some(view) = batch.prune_below {
            self.prune(tables, view)?;
        }
        Ok(Ok(()))
    }

    fn append_record(&mut self, tables: &mut Tables<'_>, record: JournalRecord) -> Result<(), Failure> {
        let number = self.state.next_record;
        let mut value = record.view.0.to_le_bytes().to_vec();
        value.extend_from_slice(&record.bytes);
        let sealed = seal("journal", &number.to_le_bytes(), value);
        let sum = record_sum(&sealed);
        tables.journal.insert(number, sealed.as_slice())?;
        self.index.push_back((number, sum, record.view));
        self.state.next_record += 1;
        self.state.records += 1;
        self.state.sum = self.state.sum.wrapping_add(sum);
        Ok(())
    }

    fn prune(&mut self, tables: &mut Tables<'_>, below: View) -> Result<(), Failure> {
        for (number, sum, _) in self.index.iter().filter(|(.., view)| *view < below) {
            tables.journal.remove(number)?;
            self.state.records -= 1;
            self.state.sum = self.state.sum.wrapping_sub(*sum);
        }
        self.index.retain(|(.., view)| *view >= below);
        Ok(())
    }
}

struct Tables<'tx> {
    state: Table<'tx, (), &'static [u8]>,
    journal: Table<'tx, u64, &'static [u8]>,
    blocks: Table<'tx, u64, &'static [u8]>,
}

/// The end of a sealed record is its checksum.
fn record_sum(sealed: &[u8]) -> u128 {
    sealed.last_chunk().map_or(0, |sum| u128::from_le_bytes(*sum))
}

/// Number, checksum and content of every record, which must be those the state speaks of.
fn read_journal(table: &impl ReadableTable<u64, &'static [u8]>, state: &State) -> Result<Vec<(u64, u128, JournalRecord)>, Failure> {
    let mut records = Vec::new();
    let mut sum = 0u128;
    for row in table.iter()? {
        let (number, sealed) = row?;
        let (number, sealed) = (number.value(), sealed.value());
        let value = unseal("journal", &number.to_le_bytes(), sealed)?;
        let (view, bytes) =
            value.split_first_chunk().ok_or_else(|| Failure::Damaged(format!("journal record {number} has no view")))?;
        let record = JournalRecord { view: View(u64::from_le_bytes(*view)), bytes: bytes.to_vec() };
        sum = sum.wrapping_add(record_sum(sealed));
        records.push((number, record_sum(sealed), record));
    }
    if records.len() as u64 != state.records || sum != state.sum {
        return Err(Failure::Damaged(format!("the journal has {} records, but should have {}", records.len(), state.records)));
    }
    Ok(records)
}

fn read_block(table: &impl ReadableTable<u64, &'static [u8]>, height: u64) -> Result<FinalizedBlock, Failure> {
    let sealed = table.get(height)?.ok_or_else(|| Failure::Damaged(format!("block {height} is missing")))?;
    let bytes = unseal("blocks", &height.to_le_bytes(), sealed.value())?;
    FinalizedBlock::from_canonical(bytes).map_err(|error| Failure::Damaged(format!("block {height}: {error}")))
}

/// The last block must be the head, and there must be as many as its height says.
fn check_head(table: &redb::ReadOnlyTable<u64, &'static [u8]>, state: &State) -> Result<(), Failure> {
    let (length, height) = (table.len()?, state.height().0);
    if length != height {
        return Err(Failure::Damaged(format!("there are {length} blocks, but should be {height}")));
    }
    let last = if height > 0 { Some(LedgerHead::of(&read_block(table, height)?.block.header)) } else { None };
    if last != state.head() {
        return Err(Failure::Damaged(format!("block {height} is not the head")));
    }
    Ok(())
}
