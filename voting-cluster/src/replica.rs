//! What is final, for everyone in the process who asks: state, status of entries, a stream of blocks.
//!
//! A replica is fed finalized blocks in order, by a node's publish stage or by a follower. It answers
//! from memory, and it wakes those who wait for an entry. It never decides anything.

use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{broadcast, oneshot, watch};
use voting_core::block::FinalizedBlock;
use voting_core::entry::VerifiedEntry;
use voting_core::epoch::Epoch;
use voting_core::ids::{BallotCode, BallotHash, ElectionId, EntryHash, Height};
use voting_core::seams::LedgerHead;
use voting_core::state::{Applied, LedgerState, Position};

use crate::boards::Boards;

/// Blocks a slow subscriber may lag behind before it has to read the ledger instead.
pub const SUBSCRIPTION_BLOCKS: usize = 1_024;
/// Entries whose refusal or pending state is remembered; older ones are forgotten first.
pub const REMEMBERED_ENTRIES: usize = 200_000;

/// A block that just became final, with all that follows from it.
#[derive(Debug, Clone)]
pub struct Committed {
    /// The block and its certificate.
    pub block: Arc<FinalizedBlock>,
    /// Its entries, decoded.
    pub entries: Arc<[Arc<VerifiedEntry>]>,
    /// What each entry did.
    pub applied: Arc<[Applied]>,
    /// State after it.
    pub state: LedgerState,
}

/// Blocks kept in memory for those who just had an entry made final.
const RECENT_BLOCKS: usize = 64;

/// What became of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryStatus {
    /// Never heard of, or forgotten.
    Unknown,
    /// On its way.
    Pending,
    /// In a finalized block.
    Final(Position),
    /// Will not be in any block.
    Refused {
        /// Stable code, as [`voting_core::state::Refusal::code`] or [`voting_core::entry::EntryError::code`] give it.
        code: Cow<'static, str>,
        /// For people.
        reason: String,
    },
}

/// The finalized state of one chain, shared.
#[derive(Debug)]
pub struct Replica {
    view: watch::Sender<View>,
    height: watch::Sender<Height>,
    epoch: watch::Sender<Arc<Epoch>>,
    blocks: broadcast::Sender<Arc<Committed>>,
    recent: Mutex<VecDeque<Arc<Committed>>>,
    boards: Mutex<Boards>,
    news: Mutex<News>,
}

#[derive(Debug, Clone)]
struct View {
    state: LedgerState,
    head: Option<LedgerHead>,
}

/// Statuses that are not in the state, and those who wait for one.
#[derive(Debug, Default)]
struct News {
    known: HashMap<EntryHash, EntryStatus>,
    order: VecDeque<EntryHash>,
    waiting: HashMap<EntryHash, Vec<oneshot::Sender<EntryStatus>>>,
}

impl News {
    fn remember(&mut self, hash: EntryHash, status: EntryStatus) {
        if self.known.insert(hash, status).is_none() {
            self.order.push_back(hash);
        }
        while self.order.len() > REMEMBERED_ENTRIES {
            if let Some(oldest) = self.order.pop_front() {
                self.known.remove(&oldest);
            }
        }
    }

    fn wake(&mut self, hash: &EntryHash, status: &EntryStatus) {
        for waiter in self.waiting.remove(hash).unwrap_or_default() {
            let _ = waiter.send(status.clone()); // the waiter may have given up
        }
    }
}

/// Waits for one entry; made before the entry is submitted, so that no news is missed.
#[derive(Debug)]
pub struct Waiter(oneshot::Receiver<EntryStatus>);

impl Waiter {
    /// The entry's fate, or [`EntryStatus::Pending`] if it is not known in time.
    pub async fn wait(self, timeout: Duration) -> EntryStatus {
        match tokio::time::timeout(timeout, self.0).await {
            Ok(Ok(status)) => status,
            _ => EntryStatus::Pending,
        }
    }
}

impl Replica {
    /// A replica that starts from a finalized state.
    #[must_use]
    pub fn new(state: LedgerState, head: Option<LedgerHead>, boards: Boards) -> Self {
        Self {
            height: watch::Sender::new(state.height()),
            epoch: watch::Sender::new(Arc::clone(state.epoch())),
            view: watch::Sender::new(View { state, head }),
            blocks: broadcast::Sender::new(SUBSCRIPTION_BLOCKS),
            recent: Mutex::default(),
            boards: Mutex::new(boards),
            news: Mutex::default(),
        }
    }

    /// The latest finalized state; a cheap clone.
    #[must_use]
    pub fn state(&self) -> LedgerState {
        self.view.borrow().state.clone()
    }

    /// The last finalized block.
    #[must_use]
    pub fn head(&self) -> Option<LedgerHead> {
        self.view.borrow().head
    }

    /// Completes once the replica has passed a height.
    pub async fn reached(&self, height: voting_core::Height) {
        let mut views = self.view.subscribe();
        // The sender lives in `self`, so waiting cannot fail.
        let _ = views.wait_for(|view| view.state.height() >= height).await;
    }

    /// The height of the last finalized block, as it changes: once everything else shows it.
    #[must_use]
    pub fn heights(&self) -> watch::Receiver<Height> {
        self.height.subscribe()
    }

    /// The authorities that decide on the next block, as they change.
    #[must_use]
    pub fn epoch(&self) -> watch::Receiver<Arc<Epoch>> {
        self.epoch.subscribe()
    }

    /// Every block from now on, in order. A subscriber that lags too far gets an error from the
    /// channel and reads what it missed from the ledger.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Committed>> {
        self.blocks.subscribe()
    }

    /// The next finalized block. Blocks at or below the head are ignored: they come at least once.
    pub fn publish(&self, committed: Arc<Committed>) {
        let header = &committed.block.block.header;
        let head = LedgerHead::of(header);
        let is_new = self.view.send_if_modified(|view| {
            let is_new = head.height > view.state.height();
            if is_new {
                *view = View { state: committed.state.clone(), head: Some(head) };
            }
            is_new
        });
        if !is_new {
            return;
        }
        {
            let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
            recent.push_back(Arc::clone(&committed));
            if recent.len() > RECENT_BLOCKS {
                recent.pop_front();
            }
        }
        self.boards().extend(head.height, committed.entries.iter().map(AsRef::as_ref));
        let epoch = committed.state.epoch();
        self.epoch.send_if_modified(|known| {
            let is_new = known.number != epoch.number;
            if is_new {
                known.clone_from(epoch);
            }
            is_new
        });
        let mut news = self.news();
        for (index, entry) in committed.entries.iter().enumerate() {
            let status = EntryStatus::Final(Position { height: head.height, index: index as u32 });
            news.wake(&entry.hash(), &status);
            news.remember(entry.hash(), status);
        }
        drop(news);
        let _ = self.blocks.send(committed); // nobody may be subscribed
        self.height.send_replace(head.height);
    }

    /// A block that became final a moment ago, without reading the ledger.
    #[must_use]
    pub fn recent(&self, height: voting_core::Height) -> Option<Arc<Committed>> {
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.iter().rev().find(|committed| committed.block.block.header.height == height).cloned()
    }

    /// Notes that an entry is on its way.
    pub fn note_pending(&self, hash: EntryHash) {
        let mut news = self.news();
        if !matches!(news.known.get(&hash), Some(EntryStatus::Final(_))) {
            news.remember(hash, EntryStatus::Pending);
        }
    }

    /// Notes that an entry will be in no block, and wakes those who wait for it.
    pub fn note_refused(&self, hash: EntryHash, code: impl Into<Cow<'static, str>>, reason: String) {
        let code = code.into();
        let status = EntryStatus::Refused { code, reason };
        let mut news = self.news();
        news.wake(&hash, &status);
        news.remember(hash, status);
    }

    /// What became of an entry, as far as it is remembered.
    #[must_use]
    pub fn status(&self, hash: &EntryHash) -> EntryStatus {
        self.news().known.get(hash).cloned().unwrap_or(EntryStatus::Unknown)
    }

    /// Starts waiting for an entry's fate.
    #[must_use]
    pub fn watch(&self, hash: EntryHash) -> Waiter {
        let (sender, receiver) = oneshot::channel();
        let mut news = self.news();
        if news.waiting.len() >= REMEMBERED_ENTRIES {
            news.waiting.retain(|_, waiters| waiters.iter().any(|waiter| !waiter.is_closed()));
        }
        let waiting = news.waiting.entry(hash).or_default();
        waiting.retain(|waiter| !waiter.is_closed());
        waiting.push(sender);
        Waiter(receiver)
    }

    /// Where a ballot stands, in whichever election it was cast.
    #[must_use]
    pub fn find_ballot(&self, ballot: BallotHash) -> Option<(ElectionId, Position)> {
        let view = self.view.borrow();
        view.state.elections().find_map(|election| Some((election.id(), election.ballot_position(ballot)?)))
    }

    /// The ballot with a code, in whichever election it was cast, and where it stands.
    #[must_use]
    pub fn find_code(&self, code: BallotCode) -> Option<(ElectionId, BallotHash, Position)> {
        let view = self.view.borrow();
        view.state.elections().find_map(|election| {
            let (hash, position) = election.ballot_of_code(code)?;
            Some((election.id(), hash, position))
        })
    }

    /// The ballots of every election, as they are in this moment. Hold it briefly: blocks wait to be told.
    pub fn boards(&self) -> MutexGuard<'_, Boards> {
        self.boards.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A poisoned lock means that a thread panicked between two map operations, which keep the maps usable.
    fn news(&self) -> MutexGuard<'_, News> {
        self.news.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use voting_core::testing::{TestChain, definition};
    use voting_core::{Height, entry::Entry, testing};

    fn committed(chain: &TestChain, at: usize) -> Arc<Committed> {
        let block = chain.blocks[at].clone();
        let entries: Vec<_> = block
            .block
            .entries
            .iter()
            .map(|bytes| Arc::new(VerifiedEntry::verify(bytes.clone(), chain.chain()).unwrap()))
            .collect();
        Arc::new(Committed { block: Arc::new(block), entries: entries.into(), applied: Arc::new([]), state: chain.state.clone() })
    }

    #[tokio::test]
    async fn waiters_learn_of_finality_and_refusal() {
        let mut chain = TestChain::new(4);
        let replica = Replica::new(chain.state.clone(), None, Boards::new(chain.chain()));
        let define = chain.act(definition(1, &["A", "B"]).id, voting_core::entry::Act::Define(definition(1, &["A", "B"])));
        let hash = define.to_bytes().hash();
        let waiter = replica.watch(hash);
        replica.note_pending(hash);
        assert_eq!(replica.status(&hash), EntryStatus::Pending);

        chain.append(&[define]).unwrap();
        let block = committed(&chain, 0);
        replica.publish(block.clone());
        replica.publish(block); // delivered at least once
        let position = Position { height: Height(1), index: 0 };
        assert_eq!(waiter.wait(Duration::ZERO).await, EntryStatus::Final(position));
        assert_eq!(replica.head(), chain.head());
        replica.reached(Height(1)).await;

        let other =
            Entry::Cast(testing::ballot(chain.chain(), &definition(1, &["A", "B"]), &testing::key(0), &[0])).to_bytes().hash();
        let waiter = replica.watch(other);
        replica.note_refused(other, "wrong_phase", "not open".to_owned());
        let refused = EntryStatus::Refused { code: "wrong_phase".into(), reason: "not open".to_owned() };
        assert_eq!(waiter.wait(Duration::ZERO).await, refused);
    }

    #[tokio::test]
    async fn what_is_remembered_is_bounded() {
        let replica = Replica::new(TestChain::new(1).state, None, Boards::new(TestChain::new(1).chain()));
        for n in 0..REMEMBERED_ENTRIES as u64 + 10 {
            let mut bytes = [0; 32];
            bytes[..8].copy_from_slice(&n.to_le_bytes());
            replica.note_pending(EntryHash(bytes));
        }
        assert_eq!(replica.news().known.len(), REMEMBERED_ENTRIES);
        assert_eq!(replica.status(&EntryHash([0; 32])), EntryStatus::Unknown);
    }
}
