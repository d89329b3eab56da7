//! What a host does for its engine: it writes, sends, builds and validates.

use std::sync::Arc;

use voting_core::block::{Block, Parent};
use voting_core::ids::View;

use super::Mutation;
use super::actors::{Parcel, To};
use super::app::{Change, Wish};
use super::disk::Batch;
use super::links::Half;
use super::node::Node;
use super::queue::Event;
use super::telling::digits;
use super::trace::Happening;
use super::world::World;
use crate::{Engine, Input, Message, Output, message::MAX_CATCH_UP_BLOCKS, trim_to_message};

/// Entries per block.
const BLOCK_ENTRIES: usize = 8;
/// A host without work looks again this often, in milliseconds.
const LOOK_AGAIN_MS: u64 = 100;
/// A disk that lies about flushes makes one in so many true, per thousand.
const FLUSHED: u64 = 30;

impl World {
    pub(super) fn input_of(&mut self, node: usize, event: Event) -> Option<Input> {
        match event {
            Event::Deliver { from, message } => {
                self.nodes[node].keep_early(from, &message);
                if let Some(behaviour) = &mut self.behaviours[node] {
                    behaviour.hears(&message);
                }
                Some(self.heard(node, from, &message))
            }
            Event::Timer { timer, set } => {
                let timers = &mut self.nodes[node].timers;
                if timers.get(&timer) != Some(&set) {
                    return None;
                }
                timers.remove(&timer);
                self.tell_timer(node, timer);
                Some(Input::Timer(timer))
            }
            Event::Build { view } => self.build(node, view),
            Event::Validated { block, valid, timely } => {
                if !timely {
                    self.count("time of a proposal found wrong");
                }
                Some(Input::Validated { block, valid, timely })
            }
            Event::Written | Event::Awake | Event::Restart => None,
        }
    }

    /// A message, with its sender as the node's epoch knows it.
    fn heard(&self, node: usize, from: usize, message: &Message) -> Input {
        let from = self.eras.at(self.nodes[node].finalized.epoch).index_of(from);
        Input::Message { from, message: message.clone() }
    }

    /// One round of a node: inputs that piled up, one write, and what follows from it.
    pub(super) fn step(&mut self, node: usize, inputs: Vec<Input>) {
        let now = self.nodes[node].local_time(self.now);
        let mut outputs = Vec::new();
        for input in inputs {
            let Some(engine) = self.nodes[node].engine.as_mut() else { return };
            let was_learning = engine.is_learning();
            let new = engine.handle(now, input);
            let (held, has_learnt) = (engine.held(), was_learning && !engine.is_learning());
            if has_learnt {
                self.count("past learnt after a lost disk");
            }
            if !self.nodes[node].lies {
                self.checker.holds(node, self.nodes[node].finalized.epoch, held, new.len());
            }
            outputs.extend(new);
        }
        if outputs.is_empty() {
            return;
        }
        let batch = Batch::of(outputs);
        self.learn(node, &batch);
        if let Some(planned) = self.due_crash(node, &batch) {
            return self.crash_within(node, batch, planned);
        }
        let trouble = self.nodes[node].trouble;
        if batch.writes() && trouble.disk_full_until > self.now {
            return self.disk_full(node, &batch);
        }
        if batch.writes() && trouble.disk_slow_until > self.now {
            self.count("slow write");
            self.nodes[node].writing = Some(batch);
            return self.schedule(trouble.write_ms, node, Event::Written);
        }
        self.write(node, &batch);
        self.finish(node, batch);
    }

    /// A slow write has ended.
    pub(super) fn written(&mut self, node: usize) {
        let Some(batch) = self.nodes[node].writing.take() else { return };
        self.write(node, &batch);
        self.finish(node, batch);
        self.wake(node);
    }

    /// What follows a write.
    fn finish(&mut self, node: usize, batch: Batch) {
        self.carry_out(node, batch.rest, &mut { u64::MAX });
        if self.nodes[node].engine.as_ref().is_some_and(Engine::has_ended) {
            return self.enter_next_epoch(node);
        }
        self.note_view(node);
        self.note_work(node);
    }

    /// The last block of a node's epoch is final: it goes on in the next, with whatever it has heard of that already.
    fn enter_next_epoch(&mut self, node: usize) {
        let early = self.nodes[node].enter_next_epoch();
        if !self.take_seat(node) {
            return;
        }
        self.count("epoch entered");
        let change = self.script.network.plan(self.nodes[node].finalized.epoch).map(|plan| plan.change);
        change.into_iter().for_each(|change| self.count(change));
        let era = self.eras.at(self.nodes[node].finalized.epoch);
        let (number, quorum, leader) = (era.epoch.number, era.epoch.quorum, era.epoch.leader.to_string());
        let authorities = era.members.iter().map(|member| format!("a{}", member.place)).collect();
        self.tell(|world| Happening::Epoch { node: world.name(node), epoch: number, authorities, quorum, leader });
        let mut inputs = vec![Input::Start];
        inputs.extend(early.iter().map(|(from, message)| self.heard(node, *from, message)));
        self.step(node, inputs);
        self.note_work(node);
    }

    /// Own votes are true: the engine has just signed them.
    fn learn(&self, node: usize, batch: &Batch) {
        let Node { seat: me, ref finalized, .. } = self.nodes[node];
        for output in &batch.rest {
            let vote = match output {
                Output::Broadcast(Message::Vote(vote)) => vote,
                Output::Broadcast(Message::Proposal(proposal)) => &proposal.vote,
                _ => continue,
            };
            if vote.authority == me {
                self.verifier.learn(vote, finalized.epoch);
            }
        }
    }

    pub(super) fn write(&mut self, node: usize, batch: &Batch) {
        if self.script.is_mutated(Mutation::FsyncDropped) && !self.nodes[node].lies {
            let id = self.next_id();
            let is_flushed = self.chance(&[4, node as u64, id]).chance(FLUSHED);
            let here = &mut self.nodes[node];
            if is_flushed || here.platter.is_none() {
                here.platter = Some(here.disk.clone());
            }
        }
        self.nodes[node].disk.write(batch);
        self.tell_certificates(node, batch);
        let lies = self.nodes[node].lies;
        if !lies {
            batch.decoded().for_each(|(epoch, record)| self.checker.wrote(epoch, &record));
        }
        for finalized in &batch.commits {
            let header = &finalized.block.header;
            if !lies {
                self.checker.committed(node, self.now, finalized);
            }
            if !self.nodes[node].finalize(&finalized.block) && !lies {
                self.checker.broken("what is final is valid", format!("node {node}, height {}", header.height));
            }
            self.fold_trace(&header.hash().0);
            self.tell(|world| Happening::Final {
                node: world.name(node),
                height: header.height.0,
                view: header.view.0,
                block: digits(&header.hash()),
                entries: header.entries,
            });
        }
    }

    /// Carries out what follows a write, as far as the budget of single actions goes.
    pub(super) fn carry_out(&mut self, node: usize, outputs: Vec<Output>, budget: &mut u64) -> Option<Half> {
        for output in outputs {
            if *budget == 0 {
                return None;
            }
            match output {
                Output::Send { to, message } => {
                    let half = self.say(node, To::One(to), &message, budget);
                    if half.is_some() {
                        return half;
                    }
                }
                Output::Broadcast(message) => {
                    let half = self.say(node, To::All, &message, budget);
                    if half.is_some() {
                        return half;
                    }
                }
                other => {
                    *budget -= 1;
                    self.host(node, other);
                }
            }
        }
        None
    }

    /// Single actions in what follows a write: each message to each node is one.
    pub(super) fn actions(&self, node: usize, outputs: &[Output]) -> u64 {
        let count = |output: &Output| match output {
            Output::Send { to, .. } => self.recipients(node, To::One(*to)).len(),
            Output::Broadcast(_) => self.recipients(node, To::All).len(),
            _ => 1,
        };
        outputs.iter().map(count).sum::<usize>() as u64
    }

    fn host(&mut self, node: usize, output: Output) {
        match output {
            Output::Persist(_) | Output::Prune { .. } | Output::Commit(_) | Output::Send { .. } | Output::Broadcast(_) => {}
            Output::Build { view, parent, empty } => {
                self.nodes[node].wanted = Some((view, parent, empty));
                let wait = self.chance(&[5, node as u64]).within(1, 20);
                self.schedule(wait, node, Event::Build { view });
            }
            Output::Validate { block } => self.validate(node, &block),
            Output::SetTimer { timer, after } => {
                let set = self.next_id();
                self.nodes[node].timers.insert(timer, set);
                let wait = self.nodes[node].true_ms(after);
                self.schedule(wait, node, Event::Timer { timer, set });
            }
            Output::CancelTimer { timer } => drop(self.nodes[node].timers.remove(&timer)),
            Output::ReadBlocks { to, from } => {
                let blocks = &self.nodes[node].disk.blocks;
                let from = (from.0 as usize).saturating_sub(1).min(blocks.len());
                let mut blocks: Vec<_> = blocks[from..].iter().take(MAX_CATCH_UP_BLOCKS).cloned().collect();
                trim_to_message(&mut blocks);
                self.say(node, To::One(to), &Message::Blocks(blocks), &mut { u64::MAX });
            }
            Output::Evidence(evidence) => {
                self.count("evidence found");
                let epoch = self.nodes[node].finalized.epoch;
                let accused = self.eras.at(epoch).place_of(evidence.authority());
                let guilty = self.script.network.actor(accused).is_some_and(super::Actor::contradicts_itself);
                if !self.nodes[node].lies {
                    self.checker.accused(node, epoch, &evidence, guilty);
                }
                let view = evidence.view().0;
                self.tell(|world| Happening::Evidence { node: world.name(node), accused: format!("a{accused}"), view });
            }
            Output::Conflict(certificate) if !self.nodes[node].lies => {
                self.checker.broken("finalized prefixes agree", format!("node {node}: {:?} conflicts", certificate.statement));
            }
            Output::Conflict(_) => {}
        }
    }

    /// An engine says something; a liar makes of it what it likes.
    fn say(&mut self, node: usize, to: To, message: &Message, budget: &mut u64) -> Option<Half> {
        if let Some(mut behaviour) = self.behaviours[node].take() {
            let parcels = behaviour.says(&mut self.scene(node), to, message);
            self.behaviours[node] = Some(behaviour);
            match parcels {
                Some(parcels) => self.send_parcels(node, parcels),
                None => drop(self.send(node, to, message, 0, budget)),
            }
            return None;
        }
        self.judge_sent(node, message);
        self.tell_said(node, message);
        self.send(node, to, message, 0, budget)
    }

    /// A liar's own doing.
    pub(super) fn send_parcels(&mut self, node: usize, parcels: Vec<Parcel>) {
        if let Some(actor) = self.script.network.actor(self.nodes[node].place) {
            self.count(actor.deed());
            if actor.is_told() && !parcels.is_empty() {
                self.tell(|world| Happening::Lie { node: world.name(node), what: actor.deed() });
            }
        }
        for Parcel { to, message, after_ms } in parcels {
            self.tell_said(node, &message);
            self.send(node, to, &message, after_ms, &mut { u64::MAX });
        }
    }

    /// Every own vote that leaves an honest node is in its durable journal with the block it speaks of, or below its
    /// final head, and it proposes only where it leads.
    fn judge_sent(&mut self, node: usize, message: &Message) {
        if let Message::Proposal(proposal) = message {
            let epoch = self.nodes[node].finalized.epoch;
            self.checker.saw(message, Some(epoch));
            if self.checker.proposed(epoch, proposal) {
                self.count("view led by preference");
            }
        }
        let vote = match message {
            Message::Vote(vote) => *vote,
            Message::Proposal(proposal) => proposal.vote,
            _ => return,
        };
        let here = &self.nodes[node];
        if vote.authority == here.seat {
            let durable = here.disk.remembers(here.finalized.epoch, &vote.statement);
            self.checker.sent(here.finalized.epoch, &vote, durable);
        }
    }

    fn validate(&mut self, node: usize, block: &Block) {
        let (hash, valid) = (block.hash(), self.nodes[node].validate(block));
        let timely = self.nodes[node].finds_timely(block.header.timestamp, self.now);
        if !valid {
            self.count("proposal found invalid");
        }
        let wait = self.chance(&[6, node as u64]).within(1, 20);
        self.schedule(wait, node, Event::Validated { block: hash, valid, timely });
    }

    /// The proposer's part of the host: a block when there is work, an empty one when a parent waits for finality.
    fn build(&mut self, node: usize, view: View) -> Option<Input> {
        let (_, parent, empty) = self.nodes[node].wanted.filter(|(wanted, ..)| *wanted == view)?;
        let Some(block) = self.seal(node, view, parent, empty) else {
            self.schedule(LOOK_AGAIN_MS, node, Event::Build { view });
            return None;
        };
        self.nodes[node].wanted = None;
        Some(Input::Built { view, block: Arc::new(block) })
    }

    fn seal(&mut self, node: usize, view: View, parent: Parent, empty: bool) -> Option<Block> {
        let here = &self.nodes[node];
        let state = here.state(&parent.hash)?;
        let mut fresh: Vec<u64> = here.mempool.iter().copied().filter(|entry| state.takes(*entry)).collect();
        let mut wishes = 0;
        // Of several wishes for the next term a block takes one.
        fresh.retain(|entry| {
            wishes += usize::from(Wish::of_entry(*entry).is_some());
            Wish::of_entry(*entry).is_none() || wishes == 1
        });
        fresh.truncate(BLOCK_ENTRIES);
        // With a change of the authorities the block ends, and the epoch.
        fresh.sort_by_key(|entry| Change::of_entry(*entry).is_some());
        let entries = if empty { Vec::new() } else { fresh };
        if entries.is_empty() && !empty && here.finalized.hash == parent.hash {
            return None;
        }
        let block = state.build(self.chain, view, here.clock(self.now), &entries);
        let after = state.apply(&block)?;
        self.nodes[node].keep(after);
        Some(block)
    }

    pub(super) fn note_work(&mut self, node: usize) {
        let here = &mut self.nodes[node];
        let has_work = !here.mempool.is_empty();
        if here.engine.is_some() && here.is_awake(self.now) && here.had_work != has_work {
            here.had_work = has_work;
            self.step(node, vec![Input::WorkAvailable(has_work)]);
        }
    }
}
