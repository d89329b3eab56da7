//! The engine: every input is noted, then [`Engine::settle`] does whatever the rules now allow.
//!
//! Noting and doing are kept apart on purpose. Messages arrive in any order; a rule is a condition on
//! what is known, tried again whenever something new is known, in one place. Nothing depends on which
//! message came last.

mod catch_up;
mod certificates;
#[cfg(feature = "testing")]
pub(crate) mod essence;
mod learning;
mod proposals;
mod timing;
mod voting;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use voting_core::block::{Block, BlockHeader, FinalizedBlock, Parent};
use voting_core::certificate::{Certificate, Statement};
use voting_core::codec::DecodeError;
use voting_core::epoch::LeaderPolicy;
use voting_core::ids::{AuthorityIndex, BlockHash, Height, View};
use voting_core::preference::Preference;
use voting_core::seams::{JournalRecord, LedgerHead};

use crate::config::EngineConfig;
use crate::input::{Input, TimerId};
use crate::journal::Record;
use crate::leader::leader;
use crate::message::Message;
use crate::mutation::Mutation;
use crate::output::Output;
use crate::view::{BlockState, Validity, ViewState};

/// The journal cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RecoverError {
    /// A record is damaged.
    #[error("journal record {index}: {reason}")]
    Record {
        /// Place in the journal, from 0.
        index: usize,
        /// What is wrong.
        reason: DecodeError,
    },
    /// An own vote that another authority made: the journal is not this authority's.
    #[error("journal record {index} is a vote of authority {authority}, not of this one")]
    Foreign {
        /// Place in the journal, from 0.
        index: usize,
        /// Whose vote.
        authority: AuthorityIndex,
    },
}

/// One authority's consensus state machine.
#[derive(Debug, Clone)]
pub struct Engine {
    config: EngineConfig,
    now: Duration,
    /// The current view: one above the highest view with a certificate.
    view: View,
    head: LedgerHead,
    /// Header of the head; `None` for genesis.
    head_header: Option<BlockHeader>,
    /// Finalize certificate of the head; `None` for genesis.
    head_certificate: Option<Certificate>,
    /// Views above the head's.
    views: BTreeMap<View, ViewState>,
    /// Blocks above the head.
    blocks: BTreeMap<BlockHash, BlockState>,
    /// Highest Finalize certificate above the head whose block cannot be committed yet.
    target: Option<Certificate>,
    work: bool,
    /// The last block of the epoch is final: nothing more is decided here.
    ended: bool,
    learning: learning::Learning,
    timing: timing::Timing,
    catch_up: catch_up::CatchUp,
    /// Counts what became known, so that [`Engine::settle`] sees when nothing new did.
    changes: u64,
    out: Vec<Output>,
}

impl Engine {
    /// An engine that goes on where the ledger and the journal end. `head` is the header of the last finalized
    /// block with its Finalize certificate, `journal` every record not pruned, in order.
    ///
    /// # Errors
    /// [`RecoverError`] if a record is damaged or another authority's.
    pub fn recover(
        config: EngineConfig,
        head: Option<(BlockHeader, Certificate)>,
        journal: &[JournalRecord],
    ) -> Result<Self, RecoverError> {
        #[cfg(feature = "mutations")]
        let config = config.with_mutated_quorum();
        let genesis = LedgerHead { height: Height(0), view: View(0), hash: BlockHash::GENESIS };
        let (head_header, head_certificate) = head.unzip();
        let head = head_header.as_ref().map_or(genesis, LedgerHead::of);
        // What stands below the first block of the epoch was decided by others; their certificate says nothing here.
        let head_certificate = head_certificate.filter(|_| head.height >= config.first);
        let mut engine = Self {
            now: Duration::ZERO,
            view: head.view.next(),
            head,
            head_header,
            head_certificate,
            views: BTreeMap::new(),
            blocks: BTreeMap::new(),
            target: None,
            work: false,
            ended: false,
            learning: learning::Learning::default(),
            timing: timing::Timing::new(config.epoch.len()),
            catch_up: catch_up::CatchUp::default(),
            changes: 0,
            out: Vec::new(),
            config,
        };
        let mut complete = None;
        for (index, record) in journal.iter().enumerate() {
            if record.view <= engine.head.view {
                continue;
            }
            let (epoch, record) = Record::from_journal(record).map_err(|reason| RecoverError::Record { index, reason })?;
            if let Record::Complete { learnt_in } = record {
                complete = Some(learnt_in);
            } else if epoch == engine.config.epoch.number || engine.config.mutated(Mutation::ReplayMixesEpochs) {
                engine.restore(index, record)?;
            }
        }
        engine.begin_learning(complete);
        Ok(engine)
    }

    fn restore(&mut self, index: usize, record: Record) -> Result<(), RecoverError> {
        match record {
            Record::Vote(vote) => {
                if vote.authority != self.config.me {
                    return Err(RecoverError::Foreign { index, authority: vote.authority });
                }
                let me = self.config.me;
                let view = vote.statement.view();
                let state = self.views.entry(view).or_default();
                state.votes.count(vote, &self.config.epoch);
                match vote.statement {
                    Statement::Notarize { block, .. } => {
                        state.my_notarize = Some(vote).filter(|_| !self.config.mutated(Mutation::ReplayForgetsNotarize));
                        // An own proposal, to be sent again; a block of another leader is proposed by its leader.
                        let header = self.blocks.get(&block).map(|known| &known.block.header);
                        if header.is_some_and(|header| self.author(header) == Some(me)) {
                            self.views.entry(view).or_default().proposal = Some((block, vote));
                        }
                    }
                    Statement::Skip { .. } => {
                        state.my_skip = Some(vote).filter(|_| !self.config.mutated(Mutation::ReplayForgetsSkip));
                    }
                    Statement::Finalize { .. } => {
                        state.my_finalize = Some(vote).filter(|_| !self.config.mutated(Mutation::ReplayForgetsFinalize));
                    }
                }
                self.view = self.view.max(view);
            }
            Record::Complete { .. } => {} // of the whole journal
            Record::Silent { through } => self.learning.silent_through = self.learning.silent_through.max(through),
            Record::Block(block) => {
                let state = BlockState { block: Arc::new(block), validity: Validity::Waiting, durable: true };
                self.blocks.insert(state.block.hash(), state);
            }
            Record::Certificate(_) if self.config.mutated(Mutation::ReplayForgetsFinalize) => {}
            Record::Certificate(certificate) => {
                let view = certificate.statement.view();
                self.view = self.view.max(view.next());
                if matches!(certificate.statement, Statement::Finalize { .. })
                    && self.target.as_ref().is_none_or(|target| target.statement.view() < view)
                {
                    self.target = Some(certificate.clone());
                }
                let statement = certificate.statement;
                *self.views.entry(view).or_default().slot(&statement) = Some(certificate);
            }
        }
        Ok(())
    }

    /// Takes one input in and returns what to do, in order: persist, send, ask the host, commit.
    /// `now` is monotonic time and never goes back.
    pub fn handle(&mut self, now: Duration, input: Input) -> Vec<Output> {
        self.now = self.now.max(now);
        if self.ended {
            return Vec::new();
        }
        match input {
            Input::Start => self.on_start(),
            Input::Message { from, message } => self.on_message(from, message),
            Input::Built { view, block } => self.on_built(view, block),
            Input::BuildFailed { view } => {
                if view == self.view {
                    self.cast_skip();
                }
            }
            Input::Validated { block, valid, timely } => self.on_validated(block, valid, timely),
            Input::Timer(timer) => self.on_timer(timer),
            Input::WorkAvailable(work) => self.work = work,
        }
        if !self.ended {
            self.settle();
        }
        let mut out = std::mem::take(&mut self.out);
        out.sort_by_key(Output::rank);
        out
    }

    /// Does whatever the rules allow, until nothing new follows.
    fn settle(&mut self) {
        loop {
            let before = self.changes;
            self.try_commit();
            if self.ended {
                return;
            }
            self.advance();
            self.ask_validations();
            self.try_notarize();
            self.try_finalize();
            self.try_build();
            self.try_skip_at_once();
            if self.changes == before {
                break;
            }
        }
        self.request_missing();
        self.arm_timers();
    }

    fn on_message(&mut self, from: AuthorityIndex, message: Message) {
        // Who is no authority of this epoch may be one of another: it gives and gets final blocks, and no more.
        let is_of_blocks = matches!(message, Message::Hello { .. } | Message::RequestBlocks { .. } | Message::Blocks(_));
        if from == self.config.me || (!self.is_authority(from) && !is_of_blocks) {
            return;
        }
        self.heard(from);
        match message {
            Message::Proposal(proposal) => self.on_proposal(from, *proposal),
            Message::Vote(vote) => self.on_vote(from, vote),
            Message::Certificate(certificate) => self.on_certificate(from, certificate),
            Message::Hello { height } => self.on_hello(from, height),
            Message::RequestBlocks { from: height } => self.on_request_blocks(from, height),
            Message::Blocks(blocks) => self.on_blocks(from, blocks),
            Message::RequestBlock { hash } => self.on_request_block(from, hash),
            Message::Block(block) => self.on_block(*block),
            Message::AskView { nonce } => self.on_ask_view(from, nonce),
            Message::InView { stated, entered } => self.on_in_view(&stated, entered.as_ref()),
        }
    }

    pub(super) fn is_authority(&self, index: AuthorityIndex) -> bool {
        usize::from(index.0) < self.config.epoch.len()
    }

    /// Enters the view above the highest one with a certificate.
    fn advance(&mut self) {
        let certified = |state: &ViewState| state.certificates().next().is_some();
        let highest = self.views.iter().rev().find(|(_, state)| certified(state)).map_or(self.head.view, |(view, _)| *view);
        let next = highest.max(self.head.view).next();
        if next > self.view {
            self.view = next;
            self.changes += 1;
            self.disarm_timers();
        }
    }

    /// The block that a proposal in this view builds on: the notarized block of the highest view
    /// below, if every view between has a Skip certificate.
    fn best_parent(&self, view: View) -> Option<Parent> {
        let mut below = view.0.checked_sub(1)?;
        while below > self.head.view.0 {
            let state = self.views.get(&View(below))?;
            match (state.notarized(), &state.skip) {
                (Some(hash), _) => return Some(Parent { view: View(below), hash }),
                (None, Some(_)) => below -= 1,
                (None, None) => return None,
            }
        }
        Some(Parent { view: self.head.view, hash: self.head.hash })
    }

    /// Whether a block of this view may have this parent: a certificate for the parent, and Skip
    /// certificates for every view between.
    fn is_justified(&self, view: View, parent: Parent) -> bool {
        let certified = if parent.view == self.head.view {
            parent.hash == self.head.hash
        } else {
            self.views.get(&parent.view).is_some_and(|state| state.notarized() == Some(parent.hash))
        };
        let skipped = |between: u64| self.views.get(&View(between)).is_some_and(|state| state.skip.is_some());
        let certified = certified || self.config.mutated(Mutation::ParentUnchecked);
        let bridged = (parent.view.next().0..view.0).all(skipped) || self.config.mutated(Mutation::GapsIgnored);
        certified && parent.view < view && bridged
    }

    /// Height of a block whose state the host holds: the head, or a valid block.
    fn applied_height(&self, hash: &BlockHash) -> Option<Height> {
        if *hash == self.head.hash {
            return Some(self.head.height);
        }
        let known = self.blocks.get(hash)?;
        matches!(known.validity, Validity::Valid { .. }).then_some(known.block.header.height)
    }

    /// Height of a known block.
    fn height_of(&self, hash: &BlockHash) -> Option<Height> {
        if *hash == self.head.hash { Some(self.head.height) } else { Some(self.blocks.get(hash)?.block.header.height) }
    }

    /// Who should lead the current view, as far as this authority can tell.
    fn expected_leader(&self) -> Option<AuthorityIndex> {
        let parent = self.best_parent(self.view)?.hash;
        self.leader_on(&parent, self.view, self.height_of(&parent)?.next())
    }

    /// Who may propose a block of this view and height on this parent; `None` if that takes the parent's header and it
    /// is not known.
    fn leader_on(&self, parent: &BlockHash, view: View, height: Height) -> Option<AuthorityIndex> {
        let preference = if self.elects() { self.preference_after(parent)? } else { None };
        Some(self.leader_by(view, height, preference))
    }

    /// Who may propose a block on a parent with this preference; one that other authorities have made names none of these.
    fn leader_by(&self, view: View, height: Height, preference: Option<Preference>) -> AuthorityIndex {
        let outlives = self.config.mutated(Mutation::PreferenceOutlivesEpoch);
        let preference = preference.filter(|preference| preference.height >= self.config.first || outlives);
        leader(&self.config.epoch, view, height, preference.as_ref())
    }

    /// Who may have proposed a block, as far as its parent is known.
    fn author(&self, header: &BlockHeader) -> Option<AuthorityIndex> {
        self.leader_on(&header.parent.hash, header.view, header.height)
    }

    fn elects(&self) -> bool {
        self.config.epoch.leader == LeaderPolicy::Elected
    }

    /// Whom a known block prefers as leader of the views above it.
    fn preference_after(&self, hash: &BlockHash) -> Option<Option<Preference>> {
        if *hash == self.head.hash {
            return Some(self.head_header.as_ref().and_then(|header| header.preference));
        }
        Some(self.header_of(hash)?.preference)
    }

    fn header_of(&self, hash: &BlockHash) -> Option<&BlockHeader> {
        if *hash == self.head.hash { self.head_header.as_ref() } else { Some(&self.blocks.get(hash)?.block.header) }
    }

    fn insert_block(&mut self, hash: BlockHash, block: Block) {
        self.blocks.entry(hash).or_insert_with(|| BlockState {
            block: Arc::new(block),
            validity: Validity::Waiting,
            durable: false,
        });
        self.changes += 1;
    }

    fn persist(&mut self, record: &Record) {
        self.out.push(Output::Persist(record.to_journal(self.config.epoch.number)));
    }

    fn set_timer(&mut self, timer: TimerId, after: Duration) {
        self.out.push(Output::SetTimer { timer, after });
    }

    /// The current view.
    #[must_use]
    pub const fn view(&self) -> View {
        self.view
    }

    /// Who leads the current view, as far as this authority can tell.
    #[must_use]
    pub fn current_leader(&self) -> AuthorityIndex {
        let from_head = || self.leader_on(&self.head.hash, self.view, self.head.height.next());
        self.expected_leader().or_else(from_head).unwrap_or(AuthorityIndex(0))
    }

    /// Whether the last block of the epoch is final: the host goes on with an engine of the next one.
    #[must_use]
    pub const fn has_ended(&self) -> bool {
        self.ended
    }

    /// Whether the epoch is about to end: a block that ends it is known. Messages that arrive now may be for the next.
    #[must_use]
    pub fn is_ending(&self) -> bool {
        self.blocks.values().any(|known| known.block.header.successor.is_some())
    }

    /// The last final block; height 0 before the first.
    #[must_use]
    pub const fn head(&self) -> LedgerHead {
        self.head
    }

    /// Notarized blocks above the head.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.views.values().filter(|state| state.notarization.is_some()).count()
    }

    /// Views and blocks held in memory: what the bounds are about.
    #[must_use]
    pub fn held(&self) -> (usize, usize) {
        (self.views.len(), self.blocks.len())
    }

    /// Makes blocks final, lowest first.
    fn commit(&mut self, blocks: Vec<FinalizedBlock>) {
        for finalized in blocks {
            let header = &finalized.block.header;
            debug_assert_eq!(header.parent.hash, self.head.hash, "blocks are committed without gaps");
            self.head = LedgerHead::of(header);
            self.head_header = Some(header.clone());
            if finalized.certificate.is_some() {
                self.head_certificate.clone_from(&finalized.certificate);
            }
            self.out.push(Output::Commit(finalized));
            self.changes += 1;
        }
        let head = self.head;
        self.views.retain(|view, _| *view > head.view);
        self.blocks.retain(|_, known| known.block.header.view > head.view && known.block.header.height > head.height);
        if self.target.as_ref().is_some_and(|target| target.statement.view() <= head.view) {
            self.target = None;
        }
        let is_last = self.head_header.as_ref().is_some_and(|header| header.successor.is_some());
        if is_last && !self.config.mutated(Mutation::EpochGoesOn) {
            self.end();
        }
        let too_far = u64::from(self.config.mutated(Mutation::PrunedTooFar));
        self.out.push(Output::Prune { below: View(head.view.next().0 + too_far) });
    }

    /// The last block of the epoch is final.
    fn end(&mut self) {
        self.disarm_timers();
        self.out.extend([TimerId::CatchUp, TimerId::Standstill].map(|timer| Output::CancelTimer { timer }));
        self.views.clear();
        self.blocks.clear();
        self.target = None;
        self.ended = true;
    }
}
