//! A disk: what a node has written, in whole, in part, or not at all.

use std::collections::{BTreeMap, BTreeSet};

use voting_core::block::{BlockHeader, FinalizedBlock};
use voting_core::certificate::{Certificate, Statement};
use voting_core::ids::{BlockHash, View};
use voting_core::seams::JournalRecord;

use crate::Output;
use crate::journal::{Record, first_record};

/// Length and checksum of a record, by which recovery sees where a torn write ends.
const FRAME_BYTES: usize = 12;

/// What one step writes, and what it does afterwards.
#[derive(Debug, Clone, Default)]
pub(super) struct Batch {
    pub(super) records: Vec<JournalRecord>,
    pub(super) commits: Vec<FinalizedBlock>,
    prune: Option<View>,
    pub(super) rest: Vec<Output>,
}

impl Batch {
    pub(super) fn of(outputs: Vec<Output>) -> Self {
        let mut batch = Self::default();
        for output in outputs {
            match output {
                Output::Persist(record) => batch.records.push(record),
                Output::Commit(finalized) => batch.commits.push(finalized),
                Output::Prune { below } => batch.prune = Some(below),
                other => batch.rest.push(other),
            }
        }
        batch
    }

    /// Whether there is anything to write.
    pub(super) fn writes(&self) -> bool {
        !self.records.is_empty() || !self.commits.is_empty()
    }

    /// What is written down, as the engine means it, with its epoch.
    pub(super) fn decoded(&self) -> impl Iterator<Item = (u32, Record)> + '_ {
        self.records.iter().filter_map(|record| Record::from_journal(record).ok())
    }
}

/// What survives a crash.
#[derive(Debug, Clone)]
pub(super) struct Disk {
    pub(super) journal: Vec<JournalRecord>,
    pub(super) blocks: Vec<FinalizedBlock>,
    /// Own votes that are in the journal, and blocks in it.
    votes: BTreeSet<(u32, Statement)>,
    payloads: BTreeMap<BlockHash, View>,
    finals: BTreeSet<BlockHash>,
}

impl Default for Disk {
    /// A disk of an authority that has never voted.
    fn default() -> Self {
        Self {
            journal: vec![first_record()],
            blocks: Vec::new(),
            votes: BTreeSet::new(),
            payloads: BTreeMap::new(),
            finals: BTreeSet::new(),
        }
    }
}

impl Disk {
    /// An empty disk, on which nothing says that its authority has never voted.
    pub(super) fn lost() -> Self {
        Self { journal: Vec::new(), ..Self::default() }
    }

    pub(super) fn head(&self) -> Option<(BlockHeader, Certificate)> {
        let last = self.blocks.last()?;
        Some((last.block.header.clone(), last.certificate.clone()?))
    }

    /// One durable write: journal and blocks.
    pub(super) fn write(&mut self, batch: &Batch) {
        batch.records.iter().for_each(|record| self.append(record));
        for finalized in &batch.commits {
            self.finals.insert(finalized.block.hash());
            self.blocks.push(finalized.clone());
        }
        if let Some(below) = batch.prune {
            self.journal.retain(|record| record.view >= below);
            self.votes.retain(|(_, statement)| statement.view() >= below);
            self.payloads.retain(|_, view| *view >= below);
        }
    }

    /// A write that did not end: of its bytes this share, per thousand, is there, and recovery drops the record
    /// that is not whole. Blocks become part of the ledger at the end of a write or not at all. Returns how
    /// many records are there.
    pub(super) fn tear(&mut self, batch: &Batch, share: u64) -> usize {
        let size = |record: &JournalRecord| record.bytes.len() + FRAME_BYTES;
        let total: usize = batch.records.iter().map(size).sum();
        let mut left = total * share as usize / 1_000;
        for (at, record) in batch.records.iter().enumerate() {
            let Some(rest) = left.checked_sub(size(record)) else { return at };
            left = rest;
            self.append(record);
        }
        batch.records.len()
    }

    fn append(&mut self, record: &JournalRecord) {
        match Record::from_journal(record) {
            Ok((epoch, Record::Vote(vote))) => drop(self.votes.insert((epoch, vote.statement))),
            Ok((_, Record::Block(block))) => drop(self.payloads.insert(block.hash(), block.header.view)),
            Ok((_, Record::Certificate(_) | Record::Complete { .. } | Record::Silent { .. })) | Err(_) => {}
        }
        self.journal.push(record.clone());
    }

    /// Whether an own vote is here with the block it speaks of, or a final block has made both unnecessary.
    pub(super) fn remembers(&self, epoch: u32, statement: &Statement) -> bool {
        let final_view = self.blocks.last().map_or(View(0), |last| last.block.header.view);
        let holds = |block| self.finals.contains(&block) || self.payloads.contains_key(&block);
        statement.view() <= final_view || (self.votes.contains(&(epoch, *statement)) && statement.block().is_none_or(holds))
    }
}
