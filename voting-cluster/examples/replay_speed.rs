//! How long an authority takes from its disk to its state, and a new one from another's blocks to the same state:
//! `cargo run --release -p voting-cluster --features testing --example replay_speed [BALLOTS]`.
//!
//! One election, one ballot per voter, a thousand ballots in a block, four authorities; a ledger in a temporary directory. One
//! thread. Three measurements:
//!
//! * *open*: the ledger is opened and checked;
//! * *start*: its blocks are read, decoded and applied, as at every start;
//! * *catch-up*: the same blocks are checked as a new authority checks them that gets them from others: every certificate,
//!   payload and state root.

#![allow(clippy::print_stdout, reason = "it prints figures")]

use std::time::{Duration, Instant};

use voting_cluster::ledger::RedbLedger;
use voting_core::block::FinalizedBlock;
use voting_core::entry::{Entry, VerifiedEntry};
use voting_core::ids::PartitionId;
use voting_core::seams::{Ledger, LedgerBatch};
use voting_core::state::LedgerState;
use voting_core::testing::{TestChain, ballot, definition, key};

/// Ballots in a block.
const PER_BLOCK: u64 = 1_000;
/// Blocks read at a time.
const PAGE: usize = 64;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let ballots = std::env::args().nth(1).map_or(1_000_000, |argument| argument.parse::<u64>().expect("BALLOTS is a number"));
    let folder = tempfile::tempdir().expect("a temporary directory");
    let path = folder.path().join("ledger.redb");

    let mut chain = TestChain::new(4);
    let election = definition(1, &["Ada", "Bob", "Cy"]);
    chain.open_election(&election, ballots).expect("an election that can be opened");
    let ledger = RedbLedger::open(&path, chain.chain(), "a0").expect("a new ledger");
    write(&ledger, chain.blocks.clone()).await;
    let (genesis, id) = (chain.genesis.clone(), chain.chain());
    for first in (0..ballots).step_by(PER_BLOCK as usize) {
        let voters = first..ballots.min(first + PER_BLOCK);
        let entries: Vec<Entry> =
            voters.map(|voter| Entry::Cast(ballot(id, &election, &key(voter), &[(voter % 3) as u16]))).collect();
        let block = chain.append(&entries).expect("ballots that can be cast").clone();
        write(&ledger, vec![block]).await;
    }
    ledger.close().await.expect("the ledger closes");
    drop(ledger);
    let root = chain.state.root();
    drop(chain);

    let bytes = std::fs::metadata(&path).map_or(0, |file| file.len());
    println!("{ballots} ballots in blocks of {PER_BLOCK}, {} MB on disk\n", bytes / 1_000_000);
    let started = Instant::now();
    let ledger = RedbLedger::open(&path, id, "a0").expect("the ledger opens");
    print("open", started.elapsed(), ballots);
    for (name, is_catch_up) in [("start", false), ("catch-up", true)] {
        let started = Instant::now();
        let mut state = LedgerState::genesis(&genesis, PartitionId(0));
        loop {
            let page = ledger.blocks(state.height().next(), PAGE).await.expect("blocks");
            if page.is_empty() {
                break;
            }
            for finalized in page {
                if is_catch_up {
                    let proof = finalized.proof().expect("every block has its certificate");
                    proof.verify(id, &genesis.epoch).expect("a true certificate");
                }
                state = follow(&state, &finalized);
            }
        }
        print(name, started.elapsed(), ballots);
        assert_eq!(state.root(), root);
    }
}

fn follow(state: &LedgerState, finalized: &FinalizedBlock) -> LedgerState {
    let block = &finalized.block;
    block.check_payload().expect("the payload that the header names");
    let entries: Vec<_> =
        block.entries.iter().map(|bytes| VerifiedEntry::from_certified(bytes.clone()).expect("an entry")).collect();
    state.apply(&block.header, &entries).expect("a block that follows").1
}

async fn write(ledger: &RedbLedger, blocks: Vec<FinalizedBlock>) {
    ledger.write(LedgerBatch { blocks, ..LedgerBatch::default() }).await.expect("the disk takes it");
}

fn print(name: &str, took: Duration, ballots: u64) {
    let seconds = took.as_secs_f64();
    println!("{name:<9} {seconds:>7.2} s  {:>9.0} ballots/s", ballots as f64 / seconds);
}
