//! One node: an engine, its disk, and the host that a real node's runtime is.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use voting_core::block::{Block, BlockHeader, FinalizedBlock, Parent};
use voting_core::certificate::Certificate;
use voting_core::ids::{AuthorityIndex, BlockHash, View};
use voting_core::seams::JournalRecord;

use super::app::AppState;
use crate::{Engine, EngineConfig, TimerId};

/// What survives a crash.
#[derive(Debug, Clone, Default)]
pub(super) struct Disk {
    pub(super) journal: Vec<JournalRecord>,
    pub(super) blocks: Vec<FinalizedBlock>,
}

impl Disk {
    pub(super) fn head(&self) -> Option<(BlockHeader, Certificate)> {
        let last = self.blocks.last()?;
        Some((last.block.header.clone(), last.certificate.clone()?))
    }
}

/// A node, running or not.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) authority: AuthorityIndex,
    pub(super) engine: Option<Engine>,
    /// Counts starts: events for an earlier life are void.
    pub(super) life: u32,
    pub(super) disk: Disk,
    pub(super) finalized: AppState,
    candidates: BTreeMap<BlockHash, AppState>,
    pub(super) mempool: BTreeSet<u64>,
    pub(super) timers: BTreeMap<TimerId, u64>,
    /// A block the engine asked for and that waits for an entry.
    pub(super) wanted: Option<(View, Parent, bool)>,
    pub(super) had_work: bool,
    /// Its clock runs this many per mille of true time.
    pub(super) rate: u64,
    /// It lies, and is judged by nothing.
    pub(super) lies: bool,
}

impl Node {
    pub(super) fn new(authority: AuthorityIndex, rate: u64, lies: bool) -> Self {
        Self {
            authority,
            engine: None,
            life: 0,
            disk: Disk::default(),
            finalized: AppState::genesis(),
            candidates: BTreeMap::new(),
            mempool: BTreeSet::new(),
            timers: BTreeMap::new(),
            wanted: None,
            had_work: false,
            rate,
            lies,
        }
    }

    /// Starts from what is on disk.
    pub(super) fn start(&mut self, config: EngineConfig) -> Result<(), String> {
        self.life += 1;
        self.candidates.clear();
        self.timers.clear();
        self.wanted = None;
        self.had_work = false;
        self.finalized = AppState::genesis();
        for block in &self.disk.blocks {
            self.finalized = self.finalized.apply(&block.block).ok_or("the ledger does not replay")?;
        }
        let engine = Engine::recover(config, self.disk.head(), &self.disk.journal).map_err(|error| error.to_string())?;
        self.engine = Some(engine);
        Ok(())
    }

    pub(super) fn local_time(&self, now: Duration) -> Duration {
        now * self.rate as u32 / 1_000
    }

    /// The state that a child of this block builds on.
    pub(super) fn state(&self, hash: &BlockHash) -> Option<&AppState> {
        if self.finalized.hash == *hash { Some(&self.finalized) } else { self.candidates.get(hash) }
    }

    pub(super) fn keep(&mut self, state: AppState) {
        self.candidates.insert(state.hash, state);
    }

    /// Whether a block is valid here; keeps the state after it.
    pub(super) fn validate(&mut self, block: &Block) -> bool {
        let hash = block.hash();
        if self.state(&hash).is_some() {
            return true;
        }
        let after = self.state(&block.header.parent.hash).and_then(|state| state.apply(block));
        let valid = after.is_some();
        self.candidates.extend(after.map(|state| (hash, state)));
        valid
    }

    /// Makes a block the trunk; false if it is not valid here.
    pub(super) fn finalize(&mut self, block: &Block) -> bool {
        if !self.validate(block) {
            return false;
        }
        if let Some(state) = self.candidates.remove(&block.hash()) {
            self.finalized = state;
        }
        let height = self.finalized.height;
        self.candidates.retain(|_, state| state.height > height);
        let finalized = &self.finalized;
        self.mempool.retain(|entry| finalized.takes(*entry));
        true
    }
}
