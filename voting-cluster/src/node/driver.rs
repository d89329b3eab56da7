//! Third stage: drives the consensus engine.
//!
//! Inputs that have piled up are handled together: the journal records of all of them and the blocks
//! that became final go to disk in one write, and only then is anything sent or told. The engine's
//! order of outputs (persist, send, commit) is thereby kept at one flush per round, however many
//! messages a round has.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;
use tracing::{debug, info, warn};
use voting_consensus::{Engine, Input, Message, Output, TimerId};
use voting_core::Canonical;
use voting_core::block::{Block, BlockHeader, FinalizedBlock, Parent};
use voting_core::certificate::Certificate;
use voting_core::entry::Entry;
use voting_core::epoch::Epoch;
use voting_core::evidence::{Accusation, Evidence};
use voting_core::ids::{AuthorityIndex, BlockHash, View};
use voting_core::seams::{Envelope, JournalRecord, LedgerHead, MessageKind, NodeName, TransportError};

use super::seat::Seat;
use super::{NodeError, NodeStatus, Routes, Shared, answers, finalize, intake, propose, publish};

/// Events waiting for the driver; more consensus messages than this are dropped, which the protocol survives.
const EVENTS: usize = 4_096;
/// Messages kept while an epoch is about to end: those that others, who are a moment ahead, have sent in the next.
const EARLY: usize = 256;
/// Nodes that are no authorities and may be answered all the same: those of the epochs before and after.
const STRANGERS: usize = 64;
/// Shared batches waiting for verification; more are dropped and seen again in a proposal.
const SHARED_BATCHES: usize = 64;
/// Followers' inquiries waiting for an answer; more are dropped, and asked again.
const INQUIRIES: usize = 64;
/// Events handled in one round, so that one round's write stays small.
const ROUND: usize = 256;

enum Event {
    Message { from: NodeName, message: Message },
    Built { view: View, block: Option<Arc<Block>> },
    Validated { block: BlockHash, valid: bool, timely: bool },
}

pub(super) struct Driver {
    shared: Arc<Shared>,
    engine: Engine,
    events: mpsc::Receiver<Event>,
    sender: mpsc::Sender<Event>,
    timers: BTreeMap<TimerId, Instant>,
    /// Nodes by the index that the engine knows them by: the authorities, then those of other epochs that spoke to us.
    names: Vec<NodeName>,
    /// What was said while the epoch was about to end, and may be meant for the next.
    early: VecDeque<(NodeName, Message)>,
    building: Option<AbortHandle>,
    tasks: JoinSet<()>,
    status: watch::Sender<NodeStatus>,
}

impl Driver {
    /// Restores the engine from the ledger's head and journal.
    pub(super) async fn recover(
        shared: Arc<Shared>,
        head: Option<LedgerHead>,
        routes: Routes,
    ) -> Result<(Self, watch::Receiver<NodeStatus>), NodeError> {
        let journal = shared.ledger.journal().await?;
        let head = match head {
            None => None,
            Some(head) => Some(head_block(&shared, head).await?),
        };
        let seat = shared.seat();
        let recovered = Engine::recover(seat.engine(shared.chain), head, &journal);
        let engine = recovered.map_err(|error| NodeError::Journal(error.to_string()))?;
        let (sender, events) = mpsc::channel(EVENTS);
        let mut driver = Self {
            status: watch::Sender::new(status_of(&shared, &engine)),
            shared,
            engine,
            events,
            sender,
            timers: BTreeMap::new(),
            names: names_of(&seat.epoch),
            early: VecDeque::new(),
            building: None,
            tasks: JoinSet::new(),
        };
        let status = driver.status.subscribe();
        driver.tasks.spawn(receive(Arc::clone(&driver.shared), driver.sender.clone(), routes));
        Ok((driver, status))
    }

    /// Runs until told to stop; the step at hand is finished first, and no task is left behind.
    pub(super) async fn run(mut self, stopping: watch::Receiver<bool>) -> Result<(), NodeError> {
        let result = self.run_steps(stopping).await;
        self.tasks.shutdown().await;
        result
    }

    async fn run_steps(&mut self, mut stopping: watch::Receiver<bool>) -> Result<(), NodeError> {
        let mut has_work = self.shared.has_work.subscribe();
        let mut inputs = vec![Input::Start];
        loop {
            self.step(inputs).await?;
            inputs = if self.engine.has_ended() { self.enter_next_epoch().await? } else { Vec::new() };
            if !inputs.is_empty() {
                continue;
            }
            let timer = self.timers.values().min().copied();
            let expiry = self.next_expiry();
            tokio::select! {
                biased;
                () = told_to_stop(&mut stopping) => return Ok(()),
                event = self.events.recv() => match event {
                    Some(event) => inputs.extend(self.input_of(event)),
                    None => return Err(NodeError::Transport),
                },
                _ = has_work.changed() => inputs.push(Input::WorkAvailable(*has_work.borrow_and_update())),
                () = sleep_until(timer) => {}
                () = sleep_until(expiry) => self.expire_held().await,
                Some(ended) = self.tasks.join_next() => {
                    if let Err(error) = ended && error.is_panic() {
                        std::panic::resume_unwind(error.into_panic());
                    }
                }
            }
            while inputs.len() < ROUND
                && let Ok(event) = self.events.try_recv()
            {
                inputs.extend(self.input_of(event));
            }
            let now = Instant::now();
            let due: Vec<_> = self.timers.iter().filter(|(_, at)| **at <= now).map(|(timer, _)| *timer).collect();
            for timer in due {
                self.timers.remove(&timer);
                inputs.push(Input::Timer(timer));
            }
        }
    }

    /// The last block of the epoch is final: this node takes its place in the next, or follows it without one.
    async fn enter_next_epoch(&mut self) -> Result<Vec<Input>, NodeError> {
        let seat = Arc::new(Seat::take(&self.shared.tree().finalized().state, &self.shared.config)?);
        let head = match self.shared.ledger.head().await? {
            None => None,
            Some(head) => Some(head_block(&self.shared, head).await?),
        };
        let journal = self.shared.ledger.journal().await?;
        let recovered = Engine::recover(seat.engine(self.shared.chain), head, &journal);
        self.engine = recovered.map_err(|error| NodeError::Journal(error.to_string()))?;
        self.timers.clear();
        if let Some(building) = self.building.take() {
            building.abort();
        }
        self.names = names_of(&seat.epoch);
        let as_what = seat.me.map_or_else(|| "an observer".to_owned(), |me| format!("authority {me}"));
        info!(
            epoch = seat.epoch.number,
            authorities = seat.epoch.len(),
            quorum = seat.epoch.quorum,
            as_what,
            "the authorities changed"
        );
        self.shared.seat.send_replace(seat);
        let mut inputs = vec![Input::Start, Input::WorkAvailable(*self.shared.has_work.borrow())];
        let early = std::mem::take(&mut self.early);
        inputs.extend(early.into_iter().filter_map(|(from, message)| self.message(&from, message)));
        Ok(inputs)
    }

    fn input_of(&mut self, event: Event) -> Option<Input> {
        Some(match event {
            Event::Message { from, message } => {
                if self.engine.is_ending() {
                    if self.early.len() >= EARLY {
                        self.early.pop_front();
                    }
                    self.early.push_back((from.clone(), message.clone()));
                }
                return self.message(&from, message);
            }
            Event::Built { view, block: Some(block) } => Input::Built { view, block },
            Event::Built { view, block: None } => Input::BuildFailed { view },
            Event::Validated { block, valid, timely } => Input::Validated { block, valid, timely },
        })
    }

    /// A message with its sender's index; nobody knows more nodes of other epochs than [`STRANGERS`].
    fn message(&mut self, from: &NodeName, message: Message) -> Option<Input> {
        let known = self.names.iter().position(|name| name == from);
        let index = match known {
            Some(index) => index,
            None if self.names.len() < self.shared.seat().epoch.len() + STRANGERS => {
                self.names.push(from.clone());
                self.names.len() - 1
            }
            None => return None,
        };
        Some(Input::Message { from: AuthorityIndex(index as u16), message })
    }

    /// Handles inputs and carries out what they lead to: disk first, then the rest.
    async fn step(&mut self, inputs: Vec<Input>) -> Result<(), NodeError> {
        let now = self.shared.clock.monotonic();
        let mut outputs: Vec<Output> = Vec::new();
        for input in inputs {
            outputs.extend(self.engine.handle(now, input));
        }
        let (mut journal, mut commits, mut prune_below, mut rest) = (Vec::new(), Vec::new(), None, Vec::new());
        for output in outputs {
            match output {
                Output::Persist(record) => journal.push(record),
                Output::Commit(finalized) => commits.push(finalized),
                Output::Prune { below } => prune_below = Some(below),
                other => rest.push(other),
            }
        }
        let candidates = self.write(journal, &commits, prune_below).await?;
        for output in rest {
            self.carry_out(output).await?;
        }
        for (finalized, candidate) in commits.into_iter().zip(candidates) {
            publish::publish(&self.shared, Arc::new(finalized), &candidate).await;
        }
        let status = status_of(&self.shared, &self.engine);
        self.status.send_if_modified(|known| {
            let before = std::mem::replace(known, status);
            if before.silenced && !status.silenced && status.authority.is_some() {
                info!(
                    view = status.view.0,
                    "this authority votes again: from here on it can contradict nothing that it may have said"
                );
            }
            before != status
        });
        Ok(())
    }

    async fn write(
        &self,
        journal: Vec<JournalRecord>,
        commits: &[FinalizedBlock],
        prune_below: Option<View>,
    ) -> Result<Vec<Arc<super::tree::Candidate>>, NodeError> {
        let mut candidates = Vec::with_capacity(commits.len());
        for finalized in commits {
            candidates.push(finalize::applied(&self.shared, finalized).await?);
        }
        finalize::write(&self.shared, journal, commits.to_vec(), prune_below).await?;
        Ok(candidates)
    }

    async fn carry_out(&mut self, output: Output) -> Result<(), NodeError> {
        match output {
            Output::Persist(_) | Output::Commit(_) | Output::Prune { .. } => {} // carried out before everything else
            Output::Send { to, message } => self.send(to, &message).await?,
            Output::Broadcast(message) => {
                let bytes = Bytes::from(message.to_canonical());
                closed(self.shared.transport.broadcast(MessageKind::Consensus, bytes).await)?;
            }
            Output::Build { view, parent, empty } => self.build(view, parent, empty),
            Output::Validate { block } => self.validate(block),
            Output::SetTimer { timer, after } => drop(self.timers.insert(timer, Instant::now() + after)),
            Output::CancelTimer { timer } => drop(self.timers.remove(&timer)),
            Output::ReadBlocks { to, from } => self.answer_request(to, from).await?,
            Output::Evidence(evidence) => {
                warn!(authority = %evidence.authority(), "an authority contradicted itself");
                self.shared.hooks.evidence(&evidence);
                self.accuse(evidence).await;
            }
            Output::Conflict(certificate) => return Err(NodeError::Conflict(Box::new(certificate))),
        }
        Ok(())
    }

    /// Puts the proof into the ledger, for everyone to see.
    async fn accuse(&self, evidence: Evidence) {
        let epoch = Arc::clone(&self.shared.seat().epoch);
        let Some(accused) = epoch.authority(evidence.authority()) else { return };
        let accusation = Accusation { chain: self.shared.chain, epoch: epoch.number, key: accused.key, evidence };
        intake::offer(&self.shared, Entry::Accuse(accusation).to_bytes()).await;
    }

    async fn send(&self, to: AuthorityIndex, message: &Message) -> Result<(), NodeError> {
        let Some(name) = self.names.get(usize::from(to.0)) else { return Ok(()) };
        let bytes = Bytes::from(message.to_canonical());
        closed(self.shared.transport.send(name, MessageKind::Consensus, bytes).await)
    }

    /// Starts building a block; a block being built for an earlier view is given up.
    fn build(&mut self, view: View, parent: Parent, empty: bool) {
        if let Some(building) = self.building.take() {
            building.abort();
        }
        let (shared, sender) = (Arc::clone(&self.shared), self.sender.clone());
        self.building = Some(self.tasks.spawn(async move {
            let block = propose::build(shared, view, parent, empty).await;
            let _ = sender.send(Event::Built { view, block }).await; // the driver has stopped
        }));
    }

    fn validate(&mut self, block: Arc<Block>) {
        let (shared, sender) = (Arc::clone(&self.shared), self.sender.clone());
        self.tasks.spawn(async move {
            let hash = block.hash();
            let timely = propose::looks_timely(&shared, block.header.timestamp);
            let result = propose::validate(&shared, block).await;
            if let Err(reason) = &result {
                info!(%hash, %reason, "a proposed block is not valid");
            }
            let _ = sender.send(Event::Validated { block: hash, valid: result.is_ok(), timely }).await; // the driver has stopped
        });
    }

    /// Answers a peer that lacks finalized blocks, with as many as fit one message.
    async fn answer_request(&self, to: AuthorityIndex, from: voting_core::Height) -> Result<(), NodeError> {
        let mut blocks = self.shared.ledger.blocks(from, voting_consensus::MAX_CATCH_UP_BLOCKS).await?;
        voting_consensus::trim_to_message(&mut blocks);
        if blocks.is_empty() {
            return Ok(());
        }
        self.send(to, &Message::Blocks(blocks)).await
    }

    fn next_expiry(&self) -> Option<Instant> {
        let at = self.shared.mempool().next_expiry()?;
        Some(Instant::now() + at.saturating_sub(self.shared.clock.monotonic()).max(Duration::from_millis(1)))
    }

    async fn expire_held(&self) {
        let now = self.shared.clock.monotonic();
        let refused = {
            let tree = self.shared.tree();
            self.shared.mempool().expire(tree.finalized(), now)
        };
        self.shared.note_work();
        intake::refuse(&self.shared, refused).await;
    }
}

/// Header and Finalize certificate of the head. A ledger is only ever appended up to a block that has one.
async fn head_block(shared: &Shared, head: LedgerHead) -> Result<(BlockHeader, Certificate), NodeError> {
    let block = shared.ledger.block(head.height).await?;
    block
        .and_then(|finalized| Some((finalized.block.header, finalized.certificate?)))
        .ok_or_else(|| NodeError::Journal(format!("the last block of the ledger, at height {}, has no certificate", head.height)))
}

/// The authorities' names, in their order.
pub(crate) fn names_of(epoch: &Epoch) -> Vec<NodeName> {
    epoch.authorities.iter().map(|authority| NodeName(authority.name.clone())).collect()
}

fn status_of(shared: &Shared, engine: &Engine) -> NodeStatus {
    let seat = shared.seat();
    NodeStatus {
        authority: seat.me,
        epoch: seat.epoch.number,
        view: engine.view(),
        leader: engine.current_leader(),
        height: shared.tree().finalized().state.height(),
        ready: shared.mempool().ready(),
        depth: engine.depth(),
        learning: engine.is_learning(),
        silenced: engine.is_silenced(),
    }
}

async fn told_to_stop(stopping: &mut watch::Receiver<bool>) {
    let _ = stopping.wait_for(|stop| *stop).await; // the handle is gone: nobody wants this node any more
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// Lost messages are the protocol's business; a closed transport is the end.
fn closed(result: Result<(), TransportError>) -> Result<(), NodeError> {
    match result {
        Err(TransportError::Closed) => Err(NodeError::Transport),
        Err(error) => {
            debug!(%error, "a message was not sent");
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}

/// Receives and routes by kind until the transport is closed.
async fn receive(shared: Arc<Shared>, events: mpsc::Sender<Event>, routes: Routes) {
    let (batches, mut waiting) = mpsc::channel::<Bytes>(SHARED_BATCHES);
    let (inquiries, mut asked) = mpsc::channel::<Envelope>(INQUIRIES);
    let admitting = Arc::clone(&shared);
    let admit = async move {
        while let Some(bytes) = waiting.recv().await {
            intake::receive_shared(&admitting, &bytes).await;
        }
    };
    let answering = Arc::clone(&shared);
    let answer = async move {
        while let Some(inquiry) = asked.recv().await {
            answers::reply(&answering, &inquiry).await;
        }
    };
    let route = async move {
        while let Ok(envelope) = shared.transport.receive().await {
            match envelope.kind {
                MessageKind::Consensus => {
                    match Message::from_canonical(&envelope.bytes) {
                        Ok(message) => {
                            let _ = events.try_send(Event::Message { from: envelope.from, message }); // full: dropped
                        }
                        Err(error) => debug!(from = %envelope.from, %error, "not a consensus message"),
                    }
                }
                // What finds no room is dropped: all of these are repeated.
                MessageKind::Entries => drop(batches.try_send(envelope.bytes)),
                MessageKind::Follow => drop(routes.follow.try_send(envelope)),
                // Its time of arrival counts.
                MessageKind::Clock => drop(routes.clock.try_send((envelope, shared.clock.monotonic()))),
                MessageKind::Heartbeat => drop(routes.heartbeats.try_send(envelope)),
                MessageKind::Inquiry => drop(inquiries.try_send(envelope)),
                MessageKind::Blocks | MessageKind::Status | MessageKind::Response => {}
            }
        }
    };
    tokio::join!(admit, answer, route);
}
