//! The follower's side: asks, checks, applies, and keeps what it has in a ledger of its own.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use thiserror::Error;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tracing::{debug, info, warn};
use voting_core::block::FinalizedBlock;
use voting_core::codec::Canonical;
use voting_core::epoch::Genesis;
use voting_core::ids::{BlockHash, ChainId, Height, PartitionId};
use voting_core::seams::{Clock, Envelope, Ledger, LedgerBatch, LedgerError, MessageKind, NodeName, Transport, TransportError};
use voting_core::state::LedgerState;

use super::{ASK_EVERY, Blocks, Follow, RefusedEntries, WINDOW};
use crate::clock::{ClockConfig, ClockMessage, SyncedClock, TICK, ask, take};
use crate::inquiry::{Authorities, Inquiries};
use crate::membership::{Member, Membership};
use crate::mempool::Tip;
use crate::node::{Replayed, blocking, names_of, replay};
use crate::replica::{Committed, Replica};

/// An authority that does not answer for this long is not asked any more for the time being.
const SILENCE: Duration = Duration::from_millis(1_500);
/// A follower confirms what it has after this many blocks, without waiting for the next request.
const CONFIRM_AFTER: u64 = WINDOW / 4;

/// Whom to follow.
#[derive(Debug, Clone)]
pub struct FollowerConfig {
    /// What the network is founded on.
    pub genesis: Arc<Genesis>,
    /// The chain to follow.
    pub partition: PartitionId,
    /// How its clock is synchronised with the authorities'.
    pub clock: ClockConfig,
}

/// The seams that a follower works with.
#[derive(Clone)]
pub struct FollowerSeams {
    /// Keeps the blocks; it may be lost, and is then fetched anew.
    pub ledger: Arc<dyn Ledger>,
    /// Its end of the network.
    pub transport: Arc<dyn Transport>,
    /// What its machine says the time is.
    pub clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for FollowerSeams {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FollowerSeams").field("name", self.transport.name()).finish_non_exhaustive()
    }
}

/// Why a follower did not start, or stopped by itself.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FollowerError {
    /// Its ledger failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A quorum certified a block that these rules refuse: the network runs other rules, or a quorum lies.
    #[error("block {hash} at height {height} is certified by a quorum, but not valid by these rules: {reason}")]
    Diverged {
        /// Its height.
        height: Height,
        /// Its identity.
        hash: BlockHash,
        /// What is wrong with it.
        reason: String,
    },
    /// The transport was closed under it.
    #[error("the transport is closed")]
    Transport,
}

/// A running follower.
pub struct Follower {
    replica: Arc<Replica>,
    members: watch::Receiver<Vec<Member>>,
    source: watch::Receiver<Source>,
    inquiries: Arc<Inquiries>,
    clock: Arc<SyncedClock>,
    stop: watch::Sender<bool>,
    task: JoinHandle<Result<(), FollowerError>>,
}

impl std::fmt::Debug for Follower {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Follower").field("replica", &self.replica).finish_non_exhaustive()
    }
}

/// How up to date a follower is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The authority that is followed.
    pub name: NodeName,
    /// Whether it has answered lately.
    pub answers: bool,
    /// Height of its last finalized block, as it says.
    pub head: Height,
}

impl Follower {
    /// Recovers from its ledger and starts to follow.
    ///
    /// # Errors
    /// [`FollowerError::Ledger`].
    pub async fn start(config: FollowerConfig, seams: FollowerSeams) -> Result<Self, FollowerError> {
        let origin = LedgerState::genesis(&config.genesis, config.partition);
        let Replayed { tip, head, boards } = replay(seams.ledger.as_ref(), origin, &crate::node::NoHooks).await?;
        let replica = Arc::new(Replica::new(tip.state.clone(), head, boards));
        let names = names_of(tip.state.epoch());
        let first = first_source(seams.transport.name(), names.len());
        let source = Source { name: names[first].clone(), answers: false, head: Height(0) };
        let (sender, source) = watch::channel(source);
        let (heartbeats, heard) = mpsc::channel(1_024);
        let chain = config.genesis.chain_id(config.partition);
        let clock = Arc::new(SyncedClock::new(Arc::clone(&seams.clock), config.clock, tip.state.epoch(), None));
        let (membership, members) = Membership::new(chain, replica.epoch(), Arc::clone(&clock) as _);
        let inquiries = Arc::new(Inquiries::new(Arc::clone(&seams.transport), names.clone()));
        let follow = Following {
            chain,
            seams,
            replica: Arc::clone(&replica),
            epoch: tip.state.epoch().number,
            tip,
            names,
            at: first,
            source: sender,
            heartbeats,
            inquiries: Arc::clone(&inquiries),
            clock: Arc::clone(&clock),
            answered: Instant::now(),
            confirmed: Height(0),
        };
        let (stop, stopping) = watch::channel(false);
        let task = tokio::spawn(async move {
            let members = tokio::spawn(membership.run(heard));
            let result = follow.run(stopping).await;
            members.abort();
            if let Err(error) = &result {
                warn!(%error, "following has ended");
            }
            result
        });
        Ok(Self { replica, members, source, inquiries, clock, stop, task })
    }

    /// What is final, as far as this follower has come.
    #[must_use]
    pub const fn replica(&self) -> &Arc<Replica> {
        &self.replica
    }

    /// The authorities, as they are heard of.
    #[must_use]
    pub fn members(&self) -> watch::Receiver<Vec<Member>> {
        self.members.clone()
    }

    /// What time the authorities agree it is.
    #[must_use]
    pub const fn clock(&self) -> &Arc<SyncedClock> {
        &self.clock
    }

    /// Who is followed, as it changes.
    #[must_use]
    pub fn source(&self) -> watch::Receiver<Source> {
        self.source.clone()
    }

    /// The authorities, to be asked.
    pub(crate) fn authorities(&self) -> Authorities {
        Authorities::Asked(Arc::clone(&self.inquiries))
    }

    /// Whether it has stopped by itself.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.task.is_finished()
    }

    /// Stops, and waits until it has.
    ///
    /// # Errors
    /// The [`FollowerError`] that had stopped it before.
    pub async fn shutdown(self) -> Result<(), FollowerError> {
        let _ = self.stop.send(true); // it may have stopped by itself
        match self.task.await {
            Ok(result) => result,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => Ok(()), // the runtime is going down
            },
        }
    }
}

async fn told_to_stop(stopping: &mut watch::Receiver<bool>) {
    let _ = stopping.wait_for(|stop| *stop).await; // the handle is gone: nobody wants this follower any more
}

/// Followers begin with different authorities, so that none serves them all.
fn first_source(name: &NodeName, authorities: usize) -> usize {
    let sum: usize = name.0.bytes().map(usize::from).sum();
    sum % authorities.max(1)
}

struct Following {
    chain: ChainId,
    seams: FollowerSeams,
    replica: Arc<Replica>,
    tip: Tip,
    /// Number of the epoch that its clock goes by.
    epoch: u32,
    names: Vec<NodeName>,
    at: usize,
    source: watch::Sender<Source>,
    heartbeats: mpsc::Sender<Envelope>,
    inquiries: Arc<Inquiries>,
    clock: Arc<SyncedClock>,
    answered: Instant,
    /// The height last said to the source.
    confirmed: Height,
}

impl Following {
    async fn run(mut self, mut stopping: watch::Receiver<bool>) -> Result<(), FollowerError> {
        let mut ask_at = Instant::now();
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = told_to_stop(&mut stopping) => return Ok(()),
                () = tokio::time::sleep_until(ask_at) => {
                    ask_at = Instant::now() + ASK_EVERY;
                    if self.answered.elapsed() > SILENCE {
                        self.turn_to_next();
                    }
                    self.ask().await?;
                }
                // Their corrected times are compared: whom they follow is their business.
                _ = tick.tick() => ask(&self.clock, self.seams.transport.as_ref(), self.tip.state.epoch()).await,
                received = self.seams.transport.receive() => {
                    let envelope = received.map_err(|_| FollowerError::Transport)?;
                    self.receive(envelope).await?;
                }
            }
        }
    }

    /// Asks the next authority from now on.
    fn turn_to_next(&mut self) {
        self.at = (self.at + 1) % self.names.len();
        self.answered = Instant::now();
        let name = self.names[self.at].clone();
        debug!(%name, "following another authority");
        self.source.send_modify(|source| *source = Source { name, answers: false, head: source.head });
    }

    async fn ask(&mut self) -> Result<(), FollowerError> {
        let from = self.tip.state.height().next();
        self.confirmed = from;
        let bytes = Bytes::from(Follow { from }.to_canonical());
        match self.seams.transport.send(&self.names[self.at], MessageKind::Follow, bytes).await {
            Err(TransportError::Closed) => Err(FollowerError::Transport),
            Err(error) => {
                debug!(%error, "an authority cannot be asked");
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    async fn receive(&mut self, envelope: Envelope) -> Result<(), FollowerError> {
        match envelope.kind {
            MessageKind::Blocks => match Blocks::from_canonical(&envelope.bytes) {
                Ok(blocks) => self.take(&envelope.from, blocks).await?,
                Err(error) => debug!(from = %envelope.from, %error, "not blocks"),
            },
            MessageKind::Status => match RefusedEntries::from_canonical(&envelope.bytes) {
                Ok(RefusedEntries(refused)) => {
                    for entry in refused {
                        self.replica.note_refused(entry.entry, entry.code, entry.reason);
                    }
                }
                Err(error) => debug!(from = %envelope.from, %error, "not refused entries"),
            },
            MessageKind::Heartbeat => drop(self.heartbeats.try_send(envelope)), // full: dropped
            MessageKind::Response => self.inquiries.answered(&envelope),
            MessageKind::Clock => self.hear_time(envelope),
            MessageKind::Consensus | MessageKind::Entries | MessageKind::Follow | MessageKind::Inquiry => {}
        }
        Ok(())
    }

    fn hear_time(&self, envelope: Envelope) {
        let heard = self.seams.clock.monotonic();
        let said = ClockMessage::from_canonical(&envelope.bytes);
        let Ok(ClockMessage::Answer(signed)) = said else { return debug!(from = %envelope.from, "not what time it is") };
        take(&self.clock, (self.chain, self.tip.state.epoch()), &envelope.from, signed, heard);
    }

    /// Takes blocks in, as far as certificates and parent hashes carry.
    async fn take(&mut self, from: &NodeName, Blocks { head, blocks }: Blocks) -> Result<(), FollowerError> {
        if *from == self.names[self.at] {
            self.answered = Instant::now();
            let answering = Source { name: from.clone(), answers: true, head };
            self.source.send_if_modified(|source| std::mem::replace(source, answering.clone()) != answering);
        }
        let mut rest = blocks;
        loop {
            let chain = self.certain(&mut rest);
            if chain.is_empty() {
                break;
            }
            let mut committed = Vec::with_capacity(chain.len());
            for finalized in &chain {
                committed.push(self.apply(finalized.clone()).await?);
            }
            self.seams.ledger.write(LedgerBatch { blocks: chain, ..LedgerBatch::default() }).await?;
            for committed in committed {
                self.replica.publish(Arc::new(committed));
            }
            self.follow_authorities();
        }
        if self.tip.state.height().0 >= self.confirmed.0.saturating_add(CONFIRM_AFTER) {
            self.ask().await?;
        }
        Ok(())
    }

    /// After a change of the authorities it is the new ones who are asked.
    fn follow_authorities(&mut self) {
        let epoch = self.tip.state.epoch();
        if std::mem::replace(&mut self.epoch, epoch.number) != epoch.number {
            self.clock.reseat(epoch, None);
        }
        let names = names_of(epoch);
        if names == self.names {
            return;
        }
        let followed = self.names[self.at].clone();
        self.at = names.iter().position(|name| *name == followed).unwrap_or(0);
        self.names = names;
        self.inquiries.ask_these(&self.names);
        if self.names[self.at] != followed {
            self.answered = Instant::now();
            let name = self.names[self.at].clone();
            self.source.send_modify(|source| *source = Source { name, answers: false, head: source.head });
        }
    }

    /// Takes out the blocks that follow the tip, up to the last one of its epoch with a valid certificate, or of the epoch.
    fn certain(&self, blocks: &mut Vec<FinalizedBlock>) -> Vec<FinalizedBlock> {
        let epoch = self.tip.state.epoch();
        let (mut parent, mut height) = (self.tip.hash, self.tip.state.height());
        let known = height;
        blocks.retain(|finalized| finalized.block.header.height > known);
        let (mut linked, mut certain) = (0, 0);
        for finalized in blocks.iter_mut() {
            let (header, hash) = (&finalized.block.header, finalized.block.hash());
            let is_next = header.parent.hash == parent && header.height == height.next();
            if !is_next || header.chain != self.chain || header.epoch != epoch.number {
                break;
            }
            (parent, height) = (hash, header.height);
            linked += 1;
            let ends = header.successor.is_some();
            let holds = finalized.proof().map(|certificate| certificate.verify(self.chain, epoch).is_ok());
            if holds == Some(true) {
                certain = linked;
            } else {
                if finalized.certificate.take().is_some() {
                    info!(height = %height, "a certificate that does not hold was sent");
                }
                finalized.tail.clear();
            }
            if ends {
                break; // what follows is for others to decide
            }
        }
        blocks.drain(..certain).collect()
    }

    async fn apply(&mut self, finalized: FinalizedBlock) -> Result<Committed, FollowerError> {
        let (height, hash) = (finalized.block.header.height, finalized.block.hash());
        let tip = self.tip.clone();
        let applied = blocking(move || crate::node::follow(&tip, finalized)).await;
        let committed = applied.map_err(|error| FollowerError::Diverged { height, hash, reason: error.to_string() })?;
        self.tip = Tip { hash, state: committed.state.clone() };
        Ok(committed)
    }
}
