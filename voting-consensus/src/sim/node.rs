//! One node: an engine, its disk, and the host that a real node's runtime is.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use voting_core::block::{Block, Parent};
use voting_core::crypto::SigningKey;
use voting_core::ids::{AuthorityIndex, BlockHash, Height, View};
use voting_core::time::Timestamp;

use super::app::{AppState, entries_of};
use super::disk::{Batch, Disk};
use super::eras::{Eras, FIRST_EPOCH};
use super::network::Clocks;
use super::queue::Event;
use super::script::{Moment, Point};
use crate::{Engine, EngineConfig, Message, TimerId};

/// True time at the start of a run.
const FOUNDED_MS: u64 = 1_700_000_000_000;
/// A block may be this much ahead of an authority's clock.
pub(super) const AHEAD_MS: u64 = 500;
/// A block may be this much behind an authority's clock: the longest timeout.
const BEHIND_MS: u64 = 30_000;

/// True time as a timestamp.
pub(super) fn true_time(now_ms: u64) -> u64 {
    FOUNDED_MS + now_ms
}

/// A crash that waits for its moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Planned {
    pub(super) moment: Moment,
    pub(super) point: Point,
    pub(super) down_ms: u64,
}

/// What is wrong with a machine; moments in milliseconds at which it ends.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Trouble {
    pub(super) disk_full_until: u64,
    pub(super) disk_slow_until: u64,
    pub(super) write_ms: u64,
    pub(super) paused_until: u64,
    pub(super) clock_off_until: u64,
    pub(super) clock_off_ms: i64,
    pub(super) deaf: bool,
    pub(super) mute: bool,
    pub(super) down_for_good: bool,
    pub(super) crash: Option<Planned>,
}

/// Messages that a host keeps while an epoch is about to end: they may be meant for the next.
const EARLY_MAX: usize = 256;

/// A node, running or not.
#[derive(Debug)]
pub(super) struct Node {
    /// The machine.
    pub(super) place: usize,
    /// Which authority it is in its epoch.
    pub(super) seat: AuthorityIndex,
    /// Its key there.
    pub(super) key: SigningKey,
    pub(super) engine: Option<Engine>,
    /// Counts starts: events for an earlier life are void.
    pub(super) life: u32,
    pub(super) disk: Disk,
    /// What a disk that lies about flushes really has, if it does.
    pub(super) platter: Option<Disk>,
    pub(super) finalized: AppState,
    candidates: BTreeMap<BlockHash, AppState>,
    pub(super) mempool: BTreeSet<u64>,
    pub(super) timers: BTreeMap<TimerId, u64>,
    /// A block the engine asked for and that waits for an entry.
    pub(super) wanted: Option<(View, Parent, bool)>,
    pub(super) had_work: bool,
    clocks: Clocks,
    pub(super) trouble: Trouble,
    /// A write under way.
    pub(super) writing: Option<Batch>,
    /// What was said while its epoch was about to end.
    early: VecDeque<(usize, Arc<Message>)>,
    /// What happened while it could not look: it was writing, or hung.
    pub(super) held: Vec<Event>,
    /// It lies, and is judged by nothing.
    pub(super) lies: bool,
    /// It looks at final entries only where it should also look at those of unfinalized ancestors.
    pub(super) forgets_ancestors: bool,
    /// The view it was last seen in.
    pub(super) view: View,
}

impl Node {
    pub(super) fn new(eras: &Arc<Eras>, place: usize, clocks: Clocks, lies: bool) -> Self {
        let (seat, key) = eras.seat(FIRST_EPOCH, place);
        Self {
            place,
            seat,
            key,
            engine: None,
            life: 0,
            disk: Disk::default(),
            platter: None,
            finalized: AppState::genesis(Arc::clone(eras)),
            candidates: BTreeMap::new(),
            mempool: BTreeSet::new(),
            timers: BTreeMap::new(),
            wanted: None,
            had_work: false,
            clocks,
            trouble: Trouble::default(),
            writing: None,
            early: VecDeque::new(),
            held: Vec::new(),
            lies,
            forgets_ancestors: false,
            view: View(0),
        }
    }

    /// Reads what is on disk, to start from there.
    pub(super) fn replay(&mut self, eras: &Arc<Eras>) -> Result<(), String> {
        self.life += 1;
        self.forget();
        self.finalized = AppState::genesis(Arc::clone(eras));
        for block in &self.disk.blocks {
            self.finalized = self.finalized.apply(&block.block).ok_or("the ledger does not replay")?.entered();
        }
        Ok(())
    }

    /// Takes its place in the epoch that decides on the next block.
    pub(super) fn take_seat(&mut self, config: EngineConfig) -> Result<(), String> {
        (self.seat, self.key) = (config.me, config.key.clone());
        let engine = Engine::recover(config, self.disk.head(), &self.disk.journal).map_err(|error| error.to_string())?;
        self.engine = Some(engine);
        Ok(())
    }

    /// The last block of its epoch is final: what it was about to do is void. Gives back what may have been said to it in the next.
    pub(super) fn enter_next_epoch(&mut self) -> VecDeque<(usize, Arc<Message>)> {
        self.finalized = self.finalized.clone().entered();
        self.candidates.clear();
        self.timers.clear();
        self.wanted = None;
        self.had_work = false;
        let finalized = &self.finalized;
        self.mempool.retain(|entry| finalized.wants(*entry));
        std::mem::take(&mut self.early)
    }

    /// A message comes in; one that may be meant for the next epoch is kept for it.
    pub(super) fn keep_early(&mut self, from: usize, message: &Arc<Message>) {
        if self.engine.as_ref().is_some_and(Engine::is_ending) {
            if self.early.len() >= EARLY_MAX {
                self.early.pop_front();
            }
            self.early.push_back((from, Arc::clone(message)));
        }
    }

    /// Loses what is not on disk; clients send their entries again, so that the mempool is as it was.
    pub(super) fn stop(&mut self) {
        self.engine = None;
        self.trouble.paused_until = 0;
        if let Some(platter) = &self.platter {
            self.disk = platter.clone();
        }
        self.forget();
    }

    fn forget(&mut self) {
        self.candidates.clear();
        self.timers.clear();
        self.wanted = None;
        self.had_work = false;
        self.writing = None;
        self.early.clear();
        self.held.clear();
        self.view = View(0);
    }

    /// Monotonic time.
    pub(super) fn local_time(&self, now_ms: u64) -> Duration {
        Duration::from_millis(now_ms * self.clocks.rate / 1_000)
    }

    /// How long a timer really runs.
    pub(super) fn true_ms(&self, after: Duration) -> u64 {
        (after.as_millis() as u64 * 1_000 / self.clocks.rate).max(1)
    }

    /// What its clock shows.
    pub(super) fn clock(&self, now_ms: u64) -> Timestamp {
        let off = if self.trouble.clock_off_until > now_ms { self.trouble.clock_off_ms } else { 0 };
        let shown = true_time(now_ms).saturating_add_signed(self.clocks.offset_ms + off);
        Timestamp::from_millis(shown).unwrap_or(Timestamp::MAX)
    }

    /// Whether its clock lets it vote for a block of this time.
    pub(super) fn finds_timely(&self, time: Timestamp, now_ms: u64) -> bool {
        let (time, clock) = (time.as_millis(), self.clock(now_ms).as_millis());
        time <= clock + AHEAD_MS && clock <= time + BEHIND_MS
    }

    /// Whether it can take in what happens.
    pub(super) fn is_awake(&self, now_ms: u64) -> bool {
        self.writing.is_none() && self.trouble.paused_until <= now_ms
    }

    /// The state that a child of this block builds on.
    pub(super) fn state(&self, hash: &BlockHash) -> Option<&AppState> {
        if self.finalized.hash == *hash { Some(&self.finalized) } else { self.candidates.get(hash) }
    }

    /// All states that a block could build on.
    pub(super) fn states(&self) -> impl Iterator<Item = &AppState> {
        std::iter::once(&self.finalized).chain(self.candidates.values())
    }

    pub(super) fn keep(&mut self, mut state: AppState) {
        if self.forgets_ancestors {
            state.included = Arc::clone(&self.finalized.included);
        }
        self.candidates.insert(state.hash, state);
    }

    /// Whether a block is valid here; keeps the state after it.
    pub(super) fn validate(&mut self, block: &Block) -> bool {
        if self.state(&block.hash()).is_some() {
            return true;
        }
        let after = self.state(&block.header.parent.hash).and_then(|state| state.apply(block));
        let valid = after.is_some();
        after.into_iter().for_each(|state| self.keep(state));
        valid
    }

    /// Makes a block the trunk; false if it is not valid here.
    pub(super) fn finalize(&mut self, block: &Block) -> bool {
        if !self.validate(block) {
            return false;
        }
        if let Some(state) = self.candidates.remove(&block.hash()) {
            let before = std::mem::replace(&mut self.finalized, state);
            if self.forgets_ancestors {
                let mut included = before.included.as_ref().clone();
                included.extend(entries_of(block).unwrap_or_default());
                self.finalized.included = Arc::new(included);
            }
        }
        let height = self.finalized.height;
        self.candidates.retain(|_, state| state.height > height);
        let finalized = &self.finalized;
        self.mempool.retain(|entry| finalized.wants(*entry));
        true
    }

    pub(super) fn height(&self) -> Height {
        self.finalized.height
    }
}
