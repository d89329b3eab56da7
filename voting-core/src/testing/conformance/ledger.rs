//! The promises of [`Ledger`].

use std::sync::Arc;

use async_trait::async_trait;

use super::{Runtime, poll_once, task};
use crate::block::{Block, BlockHeader, EntryBytes, FinalizedBlock, MAX_BLOCK_BYTES, Parent, payload_root};
use crate::certificate::{Certificate, Statement};
use crate::crypto::Signature;
use crate::entry::MAX_ENTRY_BYTES;
use crate::ids::{AuthorityIndex, ChainId, Digest, Height, View};
use crate::seams::{JournalRecord, Ledger, LedgerBatch, LedgerError, LedgerHead};
use crate::time::Timestamp;

/// Makes ledgers.
#[async_trait]
pub trait LedgerBuilder: Runtime {
    /// Keeps what a ledger stands on.
    type Guard: Send + Sync;

    /// A fresh ledger of a chain.
    async fn build(&self, chain: ChainId) -> (Self::Guard, Arc<dyn Ledger>);

    /// Opens once more what the guard keeps, as the ledger of a chain; `None` where a ledger ends with its process.
    async fn open(&self, guard: &Self::Guard, chain: ChainId) -> Option<Result<Arc<dyn Ledger>, LedgerError>>;
}

/// The chain of most cases.
pub const CHAIN: ChainId = ChainId([7; 32]);
const OTHER_CHAIN: ChainId = ChainId([8; 32]);

/// Every case.
pub async fn run_all<B: LedgerBuilder>(builder: &B) {
    a_fresh_ledger_is_empty(builder).await;
    blocks_are_read_as_written(builder).await;
    blocks_are_read_in_pages(builder).await;
    the_largest_block_fits(builder).await;
    journal_records_keep_their_order(builder).await;
    pruned_views_are_forgotten(builder).await;
    a_batch_takes_effect_as_a_whole(builder).await;
    a_block_written_again_changes_nothing(builder).await;
    a_block_that_is_not_next_is_refused(builder).await;
    a_block_with_another_parent_is_refused(builder).await;
    a_block_of_another_chain_is_refused(builder).await;
    a_refused_batch_leaves_nothing(builder).await;
    writers_side_by_side_lose_nothing(builder).await;
    a_refused_batch_does_not_harm_others(builder).await;
    a_dropped_write_is_whole_or_absent(builder).await;
    everything_survives_reopening(builder).await;
    a_second_opener_is_refused(builder).await;
    closing_frees_the_ledger(builder).await;
    a_ledger_of_another_chain_is_refused(builder).await;
}

/// A chain of blocks with consistent heights, views and parents; odd heights have a certificate.
/// Their entries are not entries, and their signatures are none: a ledger looks at neither.
#[must_use]
pub fn blocks(chain: ChainId, count: u64) -> Vec<FinalizedBlock> {
    let mut blocks: Vec<FinalizedBlock> = Vec::new();
    for height in 1..=count {
        let parent = blocks.last().map_or(Parent::GENESIS, |last| Parent { view: last.block.header.view, hash: last.block.hash() });
        let entries = (0..height % 4).map(|n| EntryBytes::new(format!("entry {n} at {height}").into_bytes())).collect();
        blocks.push(block_after(chain, Height(height), parent, entries));
    }
    blocks
}

fn block_after(chain: ChainId, height: Height, parent: Parent, entries: Vec<EntryBytes>) -> FinalizedBlock {
    let hashes: Vec<_> = entries.iter().map(EntryBytes::hash).collect();
    let header = BlockHeader {
        chain,
        epoch: 0,
        view: View(parent.view.0 + 1 + height.0 % 2), // some views end without a block
        height,
        parent,
        payload_root: payload_root(&hashes),
        entries: entries.len() as u32,
        state_root: Digest::of_parts("voting/test-state/v1", &[&height.0.to_le_bytes()]),
        timestamp: Timestamp::default(),
        preference: None,
        successor: None,
    };
    let statement = Statement::Finalize { view: header.view, block: header.hash() };
    let signatures = vec![(AuthorityIndex(0), Signature([1; 64])), (AuthorityIndex(2), Signature([3; 64]))];
    let certificate = (height.0 % 2 == 1).then_some(Certificate { statement, signatures });
    FinalizedBlock { block: Block { header, entries }, certificate, tail: Vec::new() }
}

fn head_of(block: &FinalizedBlock) -> LedgerHead {
    let header = &block.block.header;
    LedgerHead { height: header.height, view: header.view, hash: header.hash() }
}

fn record(view: u64, text: &str) -> JournalRecord {
    JournalRecord { view: View(view), bytes: text.as_bytes().to_vec() }
}

fn of_blocks(blocks: &[FinalizedBlock]) -> LedgerBatch {
    LedgerBatch { blocks: blocks.to_vec(), ..LedgerBatch::default() }
}

fn of_records(records: &[JournalRecord]) -> LedgerBatch {
    LedgerBatch { journal: records.to_vec(), ..LedgerBatch::default() }
}

async fn write(ledger: &Arc<dyn Ledger>, batch: LedgerBatch) {
    ledger.write(batch).await.expect("the batch is good");
}

async fn all_blocks(ledger: &Arc<dyn Ledger>) -> Vec<FinalizedBlock> {
    ledger.blocks(Height(1), usize::MAX).await.expect("blocks can be read")
}

async fn journal(ledger: &Arc<dyn Ledger>) -> Vec<JournalRecord> {
    ledger.journal().await.expect("the journal can be read")
}

async fn head(ledger: &Arc<dyn Ledger>) -> Option<LedgerHead> {
    ledger.head().await.expect("the head can be read")
}

/// No head, no blocks, no journal; and an empty batch keeps it so.
pub async fn a_fresh_ledger_is_empty<B: LedgerBuilder>(builder: &B) {
    let (_guard, ledger) = builder.build(CHAIN).await;
    for _ in 0..2 {
        assert_eq!(head(&ledger).await, None);
        assert_eq!(all_blocks(&ledger).await, []);
        assert_eq!(ledger.block(Height(0)).await, Ok(None));
        assert_eq!(ledger.block(Height(1)).await, Ok(None));
        assert_eq!(journal(&ledger).await, []);
        write(&ledger, LedgerBatch::default()).await;
    }
}

/// One by one and several at a time, with certificate and without.
pub async fn blocks_are_read_as_written<B: LedgerBuilder>(builder: &B) {
    let (_guard, ledger) = builder.build(CHAIN).await;
    let blocks = blocks(CHAIN, 7);
    for block in &blocks[..3] {
        write(&ledger, of_blocks(std::slice::from_ref(block))).await;
        assert_eq!(head(&ledger).await, Some(head_of(block)));
    }
    write(&ledger, of_blocks(&blocks[3..])).await;
    assert_eq!(head(&ledger).await, blocks.last().map(head_of));
    assert_eq!(all_blocks(&ledger).await, blocks);
    for block in &blocks {
        assert_eq!(ledger.block(block.block.header.height).await.as_ref(), Ok(&Some(block.clone())));
    }
    assert_eq!(ledger.block(Height(0)).await, Ok(None));
    assert_eq!(ledger.block(Height(8)).await, Ok(None));
    assert_eq!(ledger.block(Height(u64::MAX)).await, Ok(None));
}

/// From any height, up to any number, fewer at the end only.
pub async fn blocks_are_read_in_pages<B: LedgerBuilder>(builder: &B) {
    let (_guard, ledger) = builder.build(CHAIN).await;
    let blocks = blocks(CHAIN, 25);
    write(&ledger, of_blocks(&blocks)).await;
    let mut paged = Vec::new();
    loop {
        let page = ledger.blocks(Height(paged.len() as u64 + 1), 10).await.expect("blocks can be read");
        assert_eq!(page.len(), 10.min(blocks.len() - paged.len()));
        if page.is_empty() {
            break;
        }
        paged.extend(page);
    }
    assert_eq!(paged, blocks);
    assert_eq!(ledger.blocks(Height(3), 0).await, Ok(Vec::new()));
    assert_eq!(ledger.blocks(Height(26), 5).await, Ok(Vec::new()));
    assert_eq!(ledger.blocks(Height(u64::MAX), usize::MAX).await, Ok(Vec::new()));
}

/// A block may have [`MAX_BLOCK_BYTES`].
pub async fn the_largest_block_fits<B: LedgerBuilder>(builder: &B) {
    let (_guard, ledger) = builder.build(CHAIN).await;
    let entries = (0..MAX_BLOCK_BYTES / MAX_ENTRY_BYTES).map(|n| EntryBytes::new(vec![n as u8; MAX_ENTRY_BYTES])).collect();
    let block = block_after(CHAIN, Height(1), Parent::GENESIS, entries);
    write(&ledger, of_blocks(std::slice::from_ref(&block))).await;
    assert_eq!(ledger.block(Height(1)).await, Ok(Some(block)));
}

/// The order of writing, whatever their views; equal records are kept apart, empty ones are kept.
pub async fn journal_records_keep_their_order<B: LedgerBuilder>(builder: &B) {
    let (_guard, ledger) = builder.build(CHAIN).await;
    let records = [record(5, "a"), record(3, "b"), record(9, ""), record(3, "b"), record(0, "c"), record(u64::MAX, "d")];
    write(&ledger, of_records(&records[..2])).await;
    write(&ledger, of_records(&records[2..3])).await;
    write(&ledger, of_records(&records[3..])).await;
    assert_eq!(journal(&ledger).await, records);
}

/// Views below are forgotten, the view itself and later ones stay, in order; also those of the same batch.
pub async fn pruned_views_are_forgotten<B: LedgerBuilder>(builder: &B) {
    let (_guard, ledger) = builder.build(CHAIN).await;
    write(&ledger, of_records(&[record(1, "a"), record(4, "b"), record(2, "c"), record(3, "d")])).await;
    write(&ledger, LedgerBatch { prune_below: Some(View(3)), ..LedgerBatch::default() }).await;
    assert_eq!(journal(&ledger).await, [record(4, "b"), record(3, "d")]);
    let batch = LedgerBatch { journal: vec![record(3, "e"), record(5, "f")], prune_below: Some(View(4)), blocks: Vec::new() };
    write(&ledger, batch).await;
    assert_eq!(journal(&ledger).await, [record(4, "b"), record(5, "f")]);
    write(&ledger, LedgerBatch { prune_below: Some(View(0)), ..LedgerBatch::default() }).await;
    write(&ledger, of_records(&[record(6, "g")])).await;
    assert_eq!(journal(&ledger).await, [record(4, "b"), record(5, "f"), record(6, "g")]);
    write(&ledger, LedgerBatch { prune_below: Some(View(u64::MAX)), ..LedgerBatch::default() }).await;
    assert_eq!(journal(&ledger).await, []);
}

/// Records, blocks and pruning of one batch together.
pub async fn a_batch_takes_effect_as_a_whole<B: LedgerBuilder>(builder: &B) {
    let (_guard, ledger) = builder.build(CHAIN).await;
    let blocks = blocks(CHAIN, 2);
    write(&ledger, of_records(&[record(1, "old")])).await;
    write(&ledger, LedgerBatch { journal: vec![record(2, "new")], blocks: blocks.clone(), prune_below: Some(View(2)) }).await;
    assert_eq!(journal(&ledger).await, [record(2, "new")]);
    assert_eq!(all_blocks(&ledger).await, blocks);
    assert_eq!(head(&ledger).await, blocks.last().map(head_of));
}

/// Alone, before new ones, and twice in one batch; with the rest of the batch taking effect. The same
/// block with another certificate is not the same.
pub async fn a_block_written_again_changes_nothing<B: LedgerBuilder>(builder: &B) {
    let (_guard, ledger) = builder.build(CHAIN).await;
    let blocks = blocks(CHAIN, 5);
    write(&ledger, of_blocks(&blocks[..3])).await;
    write(&ledger, of_blocks(&blocks[1..2])).await;
    assert_eq!(head(&ledger).await, Some(head_of(&blocks[2])));
    write(&ledger, LedgerBatch { journal: vec![record(1, "kept")], ..of_blocks(&blocks[..4]) }).await;
    write(&ledger, of_blocks(&[blocks[4].clone(), blocks[4].clone()])).await;
    assert_eq!(all_blocks(&ledger).await, blocks);
    assert_eq!(journal(&ledger).await, [record(1, "kept")]);

    let bare = FinalizedBlock { certificate: None, ..blocks[2].clone() };
    let refused = ledger.write(of_blocks(&[bare])).await;
    assert_eq!(refused, Err(LedgerError::NotNext { actual: Height(3), head: Height(5) }));
    assert_eq!(all_blocks(&ledger).await, blocks);
}

/// A gap, a fork below the head, height 0.
pub async fn a_block_that_is_not_next_is_refused<B: LedgerBuilder>(builder: &B) {
    let (_guard, ledger) = builder.build(CHAIN).await;
    let blocks = blocks(CHAIN, 5);
    let refused = ledger.write(of_blocks(&blocks[1..2])).await;
    assert_eq!(refused, Err(LedgerError::NotNext { actual: Height(2), head: Height(0) }));
    write(&ledger, of_blocks(&blocks[..2])).await;
    let refused = ledger.write(of_blocks(&blocks[3..])).await;
    assert_eq!(refused, Err(LedgerError::NotNext { actual: Height(4), head: Height(2) }));
    let fork = block_after(CHAIN, Height(2), blocks[1].block.header.parent, vec![EntryBytes::new(*b"other")]);
    let refused = ledger.write(of_blocks(&[fork])).await;
    assert_eq!(refused, Err(LedgerError::NotNext { actual: Height(2), head: Height(2) }));
    let zeroth = block_after(CHAIN, Height(0), Parent::GENESIS, Vec::new());
    let refused = ledger.write(of_blocks(&[zeroth])).await;
    assert_eq!(refused, Err(LedgerError::NotNext { actual: Height(0), head: Height(2) }));
    assert_eq!(all_blocks(&ledger).await, blocks[..2]);
}

/// Neither another hash nor another view, and for the first block nothing but genesis.
pub async fn a_block_with_another_parent_is_refused<B: LedgerBuilder>(builder: &B) {
    let (_guard, ledger) = builder.build(CHAIN).await;
    let blocks = blocks(CHAIN, 2);
    let good = blocks[1].block.header.parent;
    let orphan = block_after(CHAIN, Height(1), good, Vec::new());
    assert_eq!(ledger.write(of_blocks(&[orphan])).await, Err(LedgerError::WrongParent { height: Height(1) }));
    write(&ledger, of_blocks(&blocks[..1])).await;
    for parent in [Parent { hash: blocks[1].block.hash(), ..good }, Parent { view: View(good.view.0 + 1), ..good }, Parent::GENESIS]
    {
        let block = block_after(CHAIN, Height(2), parent, Vec::new());
        assert_eq!(ledger.write(of_blocks(&[block])).await, Err(LedgerError::WrongParent { height: Height(2) }));
    }
    assert_eq!(all_blocks(&ledger).await, blocks[..1]);
}

/// A ledger holds one chain.
pub async fn a_block_of_another_chain_is_refused<B: LedgerBuilder>(builder: &B) {
    let (_guard, ledger) = builder.build(CHAIN).await;
    let own = blocks(CHAIN, 1);
    write(&ledger, of_blocks(&own)).await;
    let parent = Parent { view: own[0].block.header.view, hash: own[0].block.hash() };
    let foreign = block_after(OTHER_CHAIN, Height(2), parent, Vec::new());
    assert!(matches!(ledger.write(of_blocks(&[foreign])).await, Err(LedgerError::Foreign(_))));
    assert_eq!(all_blocks(&ledger).await, own);
}

/// Neither its records, nor its good blocks, nor its pruning.
pub async fn a_refused_batch_leaves_nothing<B: LedgerBuilder>(builder: &B) {
    let (_guard, ledger) = builder.build(CHAIN).await;
    let blocks = blocks(CHAIN, 4);
    write(&ledger, LedgerBatch { journal: vec![record(1, "kept")], ..of_blocks(&blocks[..1]) }).await;
    let with_gap = vec![blocks[1].clone(), blocks[3].clone()];
    let bad = LedgerBatch { journal: vec![record(2, "lost")], blocks: with_gap, prune_below: Some(View(2)) };
    assert_eq!(ledger.write(bad).await, Err(LedgerError::NotNext { actual: Height(4), head: Height(2) }));
    assert_eq!(journal(&ledger).await, [record(1, "kept")]);
    assert_eq!(all_blocks(&ledger).await, blocks[..1]);
    assert_eq!(head(&ledger).await, Some(head_of(&blocks[0])));
    write(&ledger, of_blocks(&blocks[1..])).await;
    assert_eq!(all_blocks(&ledger).await, blocks);
}

/// Each writer's records are all there, in its order; a block that all of them write is there once.
pub async fn writers_side_by_side_lose_nothing<B: LedgerBuilder>(builder: &B) {
    const WRITERS: u64 = 8;
    const EACH: u64 = 10;
    let (_guard, ledger) = builder.build(CHAIN).await;
    let blocks = blocks(CHAIN, EACH);
    let writers = (0..WRITERS).map(|writer| {
        let (ledger, blocks) = (Arc::clone(&ledger), blocks.clone());
        task(async move {
            for (n, block) in blocks.iter().enumerate() {
                let mine = record(writer, &n.to_string());
                write(&ledger, LedgerBatch { journal: vec![mine.clone()], ..of_blocks(std::slice::from_ref(block)) }).await;
                assert!(journal(&ledger).await.contains(&mine), "a writer reads what it wrote");
            }
        })
    });
    builder.together(writers.collect()).await;
    assert_eq!(all_blocks(&ledger).await, blocks);
    let records = journal(&ledger).await;
    for writer in 0..WRITERS {
        let mine: Vec<_> = records.iter().filter(|record| record.view == View(writer)).cloned().collect();
        let expected: Vec<_> = (0..EACH).map(|n| record(writer, &n.to_string())).collect();
        assert_eq!(mine, expected);
    }
}

/// Good batches beside refused ones take effect, although they may share a flush.
pub async fn a_refused_batch_does_not_harm_others<B: LedgerBuilder>(builder: &B) {
    let (_guard, ledger) = builder.build(CHAIN).await;
    let gap = blocks(CHAIN, 9).split_off(8);
    let writers = (0..16u64).map(|writer| {
        let (ledger, gap) = (Arc::clone(&ledger), gap.clone());
        task(async move {
            if writer % 2 == 0 {
                write(&ledger, of_records(&[record(writer, "good")])).await;
            } else {
                let bad = LedgerBatch { journal: vec![record(writer, "bad")], ..of_blocks(&gap) };
                assert_eq!(ledger.write(bad).await, Err(LedgerError::NotNext { actual: Height(9), head: Height(0) }));
            }
        })
    });
    builder.together(writers.collect()).await;
    let mut kept: Vec<_> = journal(&ledger).await.into_iter().map(|record| record.view.0).collect();
    kept.sort_unstable();
    assert_eq!(kept, [0, 2, 4, 6, 8, 10, 12, 14]);
    assert_eq!(head(&ledger).await, None);
}

/// Dropped before it is done, a write has taken place or not; the ledger goes on either way.
pub async fn a_dropped_write_is_whole_or_absent<B: LedgerBuilder>(builder: &B) {
    let (_guard, ledger) = builder.build(CHAIN).await;
    let blocks = blocks(CHAIN, 20);
    for (n, block) in (0u64..).zip(&blocks) {
        let batch = LedgerBatch { journal: vec![record(n, "half")], ..of_blocks(std::slice::from_ref(block)) };
        let mut dropped = Box::pin(ledger.write(batch));
        let _ = poll_once(&mut dropped).await;
        drop(dropped);
        write(&ledger, of_records(&[record(n, "next")])).await; // in order: the dropped one is decided now
        let records = journal(&ledger).await;
        assert!(records.contains(&record(n, "next")));
        let is_there = ledger.block(block.block.header.height).await.expect("blocks can be read").is_some();
        assert_eq!(records.contains(&record(n, "half")), is_there, "a record and a block of one batch part company");
        if !is_there {
            write(&ledger, of_blocks(std::slice::from_ref(block))).await;
        }
    }
    assert_eq!(all_blocks(&ledger).await, blocks);
}

/// Head, blocks and journal, several times, with writes in between.
pub async fn everything_survives_reopening<B: LedgerBuilder>(builder: &B) {
    let (guard, mut ledger) = builder.build(CHAIN).await;
    let blocks = blocks(CHAIN, 9);
    let mut records = Vec::new();
    for (round, some) in (0u64..).zip(blocks.chunks(3)) {
        let new = [record(10 * round, "below"), record(10 * round + 5, "above"), record(10 * round + 4, "too")];
        write(&ledger, LedgerBatch { journal: new.to_vec(), ..of_blocks(some) }).await;
        write(&ledger, LedgerBatch { prune_below: Some(View(10 * round + 1)), ..LedgerBatch::default() }).await;
        records = new[1..].to_vec();
        drop(ledger);
        let Some(opened) = builder.open(&guard, CHAIN).await else { return };
        ledger = opened.expect("a ledger that was closed can be opened");
        assert_eq!(head(&ledger).await, some.last().map(head_of));
        assert_eq!(journal(&ledger).await, records);
    }
    assert_eq!(all_blocks(&ledger).await, blocks);
    write(&ledger, of_records(&[record(30, "after")])).await;
    records.push(record(30, "after"));
    assert_eq!(journal(&ledger).await, records);
}

/// One writer; and the refusal does not disturb it.
pub async fn a_second_opener_is_refused<B: LedgerBuilder>(builder: &B) {
    let (guard, ledger) = builder.build(CHAIN).await;
    let blocks = blocks(CHAIN, 2);
    write(&ledger, of_blocks(&blocks[..1])).await;
    let Some(second) = builder.open(&guard, CHAIN).await else { return };
    assert!(matches!(second.err(), Some(LedgerError::Io(_))));
    write(&ledger, of_blocks(&blocks[1..])).await;
    assert_eq!(all_blocks(&ledger).await, blocks);
}

/// Also while others still hold the closed one, and reads of theirs are under way.
pub async fn closing_frees_the_ledger<B: LedgerBuilder>(builder: &B) {
    let (guard, ledger) = builder.build(CHAIN).await;
    let blocks = blocks(CHAIN, 3);
    write(&ledger, of_blocks(&blocks[..2])).await;
    let mut reads: Vec<_> = (0..8).map(|_| ledger.blocks(Height(1), 2)).collect();
    for read in &mut reads {
        let _ = poll_once(read).await; // begun, and perhaps abandoned half-way
    }
    drop(reads);
    ledger.close().await.expect("the ledger closes");
    let Some(again) = builder.open(&guard, CHAIN).await else { return };
    let again = again.expect("the ledger is free");
    write(&again, of_blocks(&blocks[2..])).await;
    assert_eq!(all_blocks(&again).await, blocks);
    let late = ledger.write(of_blocks(&blocks[2..])).await;
    assert!(matches!(late, Err(LedgerError::Io(_))), "the closed one does not write beside it");
}

/// Also an empty one; and the owner still gets it afterwards.
pub async fn a_ledger_of_another_chain_is_refused<B: LedgerBuilder>(builder: &B) {
    let (guard, ledger) = builder.build(CHAIN).await;
    drop(ledger);
    let Some(foreign) = builder.open(&guard, OTHER_CHAIN).await else { return };
    assert!(matches!(foreign.err(), Some(LedgerError::Foreign(_))));
    let Some(own) = builder.open(&guard, CHAIN).await else { return };
    write(&own.expect("the owner may open it"), of_blocks(&blocks(CHAIN, 1))).await;
}
