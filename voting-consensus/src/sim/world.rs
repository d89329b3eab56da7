//! The world around the nodes: time, network, faults, and the two phases of a run.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use voting_core::block::{Block, Parent};
use voting_core::certificate::{CertificateError, Statement, Vote};
use voting_core::codec::Canonical;
use voting_core::crypto::SigningKey;
use voting_core::epoch::{Authority, Epoch, LeaderPolicy, QuorumRule, Timers};
use voting_core::ids::{AuthorityIndex, BlockHash, ChainId, Digest, Height, View};

use super::app::Wish;
use super::invariants::Checker;
use super::node::Node;
use super::rng::Rng;
use super::{Actor, Defect, Options, Report};
use crate::journal::Record;
use crate::{EngineConfig, Input, Message, Output, TimerId, VerifyVote, message::MAX_CATCH_UP_BLOCKS, trim_to_message};

/// End of the phase of trouble, in milliseconds.
const TROUBLE_MS: u64 = 20_000;
/// End of the run: several capped timeouts after the network healed.
const END_MS: u64 = 140_000;
/// Views a node may hold: far more than a run can skip.
const MAX_HELD: usize = 2_000;
/// Entries per block.
const BLOCK_ENTRIES: usize = 8;

type At = u64;

#[derive(Debug)]
enum Event {
    Deliver { from: AuthorityIndex, bytes: Arc<Vec<u8>> },
    Timer { timer: TimerId, set: u64 },
    Build { view: View },
    Validated { block: BlockHash, valid: bool },
    Restart,
}

/// Fault rates of one seed, per thousand.
#[derive(Debug)]
struct Faults {
    loss: u64,
    doubling: u64,
    delay_ms: u64,
    crash: u64,
    partition: u64,
    silence: u64,
    untimely: u64,
}

pub(super) struct World {
    seed: u64,
    rng: Rng,
    now: At,
    next: u64,
    queue: BinaryHeap<Reverse<(At, u64)>>,
    events: BTreeMap<u64, (usize, u32, Event)>,
    nodes: Vec<Node>,
    keys: Vec<SigningKey>,
    epoch: Arc<Epoch>,
    chain: ChainId,
    liars: Vec<(usize, Actor)>,
    defect: Defect,
    faults: Faults,
    counts: BTreeMap<&'static str, u64>,
    /// Links that are cut, by node.
    cut: BTreeSet<(usize, usize)>,
    silent: BTreeSet<usize>,
    checker: Checker,
    verifier: Arc<Memory>,
    trace: u64,
}

/// Verifies each vote once for all nodes of a run.
#[derive(Debug, Default)]
struct Memory(Mutex<BTreeMap<Vec<u8>, Result<(), CertificateError>>>);

impl VerifyVote for Memory {
    fn verify(&self, vote: &Vote, chain: ChainId, epoch: &Epoch) -> Result<(), CertificateError> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *known.entry(Message::Vote(*vote).to_canonical()).or_insert_with(|| vote.verify(chain, epoch))
    }
}

impl World {
    pub(super) fn new(seed: u64, options: &Options) -> Self {
        let mut rng = Rng::new(seed);
        let n = options.authorities.unwrap_or(rng.within(4, 10) as usize);
        let rule = options.quorum.unwrap_or(match rng.below(3) {
            0 => QuorumRule::Byzantine,
            1 => QuorumRule::Majority,
            _ => QuorumRule::Number(rng.within(n as u64 / 2 + 1, n as u64 - 1) as u16),
        });
        let leader = options.leader.unwrap_or(match rng.below(3) {
            0 => LeaderPolicy::Fixed,
            1 => LeaderPolicy::Elected,
            _ => LeaderPolicy::RoundRobin { term: rng.within(1, 3) as u32 },
        });
        let key = |i: usize| SigningKey::from_seed(Digest::of_parts("voting/sim-key/v1", &[&(i as u64).to_le_bytes()]).0);
        let keys: Vec<_> = (0..n).map(key).collect();
        let quorum = rule.threshold(n).unwrap_or(n as u16);
        let named = |(i, key): (usize, &SigningKey)| Authority { name: format!("a{i}"), key: key.public() };
        let authorities = keys.iter().enumerate().map(named).collect();
        let epoch = Arc::new(Epoch { number: 0, authorities, quorum, leader, timers: Timers::default() });
        let chain = ChainId([7; 32]);

        let tolerated = epoch.byzantine_safe().min(n - usize::from(quorum));
        let (actor, lying) = options.liars.unwrap_or({
            let actor = if rng.chance(500) { Actor::Twins } else { Actor::Silent };
            (actor, rng.within(0, tolerated as u64) as usize)
        });
        let liars: Vec<_> = (0..lying.min(n)).map(|i| (i, actor)).collect();
        let mut nodes = Vec::new();
        for i in 0..n {
            let lies = i < liars.len();
            let copies = if lies && actor == Actor::Twins { 2 } else { 1 };
            for _ in 0..copies {
                nodes.push(Node::new(AuthorityIndex(i as u16), rng.within(950, 1_050), lies));
            }
        }
        let verifier = Arc::<Memory>::default();
        let faults = Faults {
            loss: rng.below(200),
            doubling: rng.below(100),
            delay_ms: rng.within(5, 400),
            crash: rng.below(15),
            partition: rng.below(60),
            silence: rng.below(300),
            untimely: rng.below(50),
        };
        Self {
            seed,
            rng,
            now: 0,
            next: 0,
            queue: BinaryHeap::new(),
            events: BTreeMap::new(),
            nodes,
            keys,
            checker: Checker::new(chain, Arc::clone(&epoch), Arc::clone(&verifier) as Arc<dyn VerifyVote>),
            epoch,
            chain,
            liars,
            defect: options.defect,
            faults,
            counts: BTreeMap::new(),
            cut: BTreeSet::new(),
            silent: BTreeSet::new(),
            verifier,
            trace: seed,
        }
    }

    pub(super) fn run(mut self) -> Report {
        for node in 0..self.nodes.len() {
            self.start(node);
        }
        let (mut submitted, mut next_submission, mut next_trouble) = (0, 0, 0);
        let mut next_wish = if self.epoch.leader == LeaderPolicy::Elected { 0 } else { END_MS };
        let mut healed = false;
        while self.checker.violation.is_none() && self.now < END_MS {
            if self.now >= TROUBLE_MS && !healed {
                healed = true;
                self.heal();
            }
            if self.now >= next_submission && self.now < TROUBLE_MS + 10_000 {
                self.submit(submitted);
                submitted += 1;
                next_submission = self.now + self.rng.within(50, 1_500);
            }
            if self.now >= next_wish && self.now < TROUBLE_MS + 10_000 {
                self.wish();
                next_wish = self.now + self.rng.within(100, 4_000);
            }
            if self.now >= next_trouble && !healed {
                self.trouble();
                next_trouble = self.now + self.rng.within(200, 2_000);
            }
            if healed && self.now >= TROUBLE_MS + 10_000 && self.all_done(submitted) {
                break;
            }
            let Some(Reverse((at, id))) = self.queue.pop() else { break };
            self.now = self.now.max(at);
            if let Some((node, life, event)) = self.events.remove(&id) {
                self.happen(node, life, event);
            }
        }
        self.judge_end(submitted);
        Report {
            seed: self.seed,
            authorities: self.epoch.len(),
            quorum: self.epoch.quorum,
            liars: self.liars,
            virtual_time: Duration::from_millis(self.now),
            blocks: self.checker.blocks(),
            entries: self.checker.acknowledged().count(),
            faults: self.counts,
            trace_hash: self.trace,
            violation: self.checker.violation,
        }
    }

    fn count(&mut self, fault: &'static str) {
        *self.counts.entry(fault).or_default() += 1;
    }

    fn schedule(&mut self, after: u64, node: usize, event: Event) {
        let id = self.next;
        self.next += 1;
        self.queue.push(Reverse((self.now + after, id)));
        self.events.insert(id, (node, self.nodes[node].life, event));
    }

    fn start(&mut self, node: usize) {
        let authority = self.nodes[node].authority;
        let key = self.keys[usize::from(authority.0)].clone();
        let mut config = EngineConfig::new(self.chain, Arc::clone(&self.epoch), authority, key);
        config.verifier = Arc::clone(&self.verifier) as Arc<dyn VerifyVote>;
        if let Err(reason) = self.nodes[node].start(config) {
            self.checker.broken("a node recovers from its disk", format!("node {node}: {reason}"));
            return;
        }
        self.input(node, Input::Start);
        self.note_work(node);
    }

    fn happen(&mut self, node: usize, life: u32, event: Event) {
        if let Event::Restart = event {
            return self.start(node);
        }
        if self.nodes[node].engine.is_none() || (self.nodes[node].life != life && !matches!(event, Event::Deliver { .. })) {
            return;
        }
        match event {
            Event::Deliver { from, bytes } => {
                if let Ok(message) = Message::from_canonical(&bytes) {
                    self.input(node, Input::Message { from, message });
                }
            }
            Event::Timer { timer, set } => {
                if self.nodes[node].timers.get(&timer) == Some(&set) {
                    self.nodes[node].timers.remove(&timer);
                    self.input(node, Input::Timer(timer));
                }
            }
            Event::Build { view } => self.try_build(node, view),
            Event::Validated { block, valid } => {
                // Clocks that disagree: this authority finds fault with the time of a good block.
                let timely = self.now >= TROUBLE_MS || !self.rng.chance(self.faults.untimely);
                if !timely {
                    self.count("time of a proposal found wrong");
                }
                self.input(node, Input::Validated { block, valid, timely });
            }
            Event::Restart => {}
        }
    }

    /// One step of a node, with everything its host does about it.
    fn input(&mut self, node: usize, input: Input) {
        let now = self.nodes[node].local_time(Duration::from_millis(self.now));
        let Some(engine) = self.nodes[node].engine.as_mut() else { return };
        let outputs = engine.handle(now, input);
        if engine.held().0 > MAX_HELD || engine.held().1 > MAX_HELD {
            self.checker.broken("memory is bounded", format!("node {node}"));
        }
        let crash = self.now < TROUBLE_MS && !self.nodes[node].lies && !outputs.is_empty() && self.rng.chance(self.faults.crash);
        let crash_before_sync = crash && self.rng.chance(400);
        let lost = self.defect == Defect::LyingDisk && crash;
        if crash_before_sync {
            self.count("crash before the journal is durable");
            return self.crash(node);
        }
        // One durable write: journal and blocks, all or nothing.
        let disk = &mut self.nodes[node].disk;
        let before = lost.then(|| disk.clone());
        let mut commits = Vec::new();
        for output in &outputs {
            match output {
                Output::Persist(record) => disk.journal.push(record.clone()),
                Output::Prune { below } => disk.journal.retain(|record| record.view >= *below),
                Output::Commit(finalized) => {
                    disk.blocks.push(finalized.clone());
                    commits.push(finalized.clone());
                }
                _ => {}
            }
        }
        for finalized in commits {
            let previous = self.nodes[node].finalized.height;
            if !self.nodes[node].lies {
                self.checker.committed(node, previous, &finalized);
            }
            if !self.nodes[node].finalize(&finalized.block) {
                self.checker.broken("what is final is valid", format!("node {node}, height {}", finalized.block.header.height));
            }
        }
        let crash_after = if crash { self.rng.below(outputs.len() as u64 + 1) as usize } else { usize::MAX };
        for output in outputs.into_iter().take(crash_after) {
            self.carry_out(node, output);
        }
        if crash {
            self.count("crash between two outputs");
            if let Some(before) = before {
                self.count("loss of what was durable");
                self.nodes[node].disk = before; // the disk lied about the flush
            }
            return self.crash(node);
        }
        self.note_work(node);
    }

    fn carry_out(&mut self, node: usize, output: Output) {
        match output {
            Output::Persist(_) | Output::Prune { .. } | Output::Commit(_) => {}
            Output::Send { to, message } => self.send(node, Some(to), &message),
            Output::Broadcast(message) => self.send(node, None, &message),
            Output::Build { view, parent, empty } => {
                self.nodes[node].wanted = Some((view, parent, empty));
                let wait = self.rng.within(1, 20);
                self.schedule(wait, node, Event::Build { view });
            }
            Output::Validate { block } => {
                let (hash, valid) = (block.hash(), self.nodes[node].validate(&block));
                let wait = self.rng.within(1, 20);
                self.schedule(wait, node, Event::Validated { block: hash, valid });
            }
            Output::SetTimer { timer, after } => {
                let set = self.next;
                self.nodes[node].timers.insert(timer, set);
                let true_ms = after.as_millis() as u64 * 1_000 / self.nodes[node].rate;
                self.schedule(true_ms.max(1), node, Event::Timer { timer, set });
            }
            Output::CancelTimer { timer } => drop(self.nodes[node].timers.remove(&timer)),
            Output::ReadBlocks { to, from } => {
                let blocks = &self.nodes[node].disk.blocks;
                let from = (from.0 as usize).saturating_sub(1).min(blocks.len());
                let mut blocks: Vec<_> = blocks[from..].iter().take(MAX_CATCH_UP_BLOCKS).cloned().collect();
                trim_to_message(&mut blocks);
                self.send(node, Some(to), &Message::Blocks(blocks));
            }
            Output::Evidence(evidence) => {
                self.count("evidence found");
                let accused = usize::from(evidence.authority().0);
                let proved = evidence.verify(self.chain, &self.epoch).is_ok();
                if !proved || !self.liars.iter().any(|(liar, actor)| *liar == accused && *actor == Actor::Twins) {
                    self.checker.broken("evidence names only the guilty", format!("node {node} accuses {accused}"));
                }
            }
            Output::Conflict(certificate) => {
                self.checker.broken("finalized prefixes agree", format!("node {node}: {:?} conflicts", certificate.statement));
            }
        }
    }

    /// The proposer's part of the host: a block when there is work, an empty one when a parent waits for finality.
    fn try_build(&mut self, node: usize, view: View) {
        let Some((wanted, parent, empty)) = self.nodes[node].wanted else { return };
        if wanted != view {
            return;
        }
        let Some(block) = self.seal(node, view, parent, empty) else {
            return self.schedule(100, node, Event::Build { view });
        };
        self.nodes[node].wanted = None;
        self.input(node, Input::Built { view, block: Arc::new(block) });
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
        let entries = if empty { Vec::new() } else { fresh };
        if entries.is_empty() && !empty && here.finalized.hash == parent.hash {
            return None;
        }
        let block = state.build(self.chain, view, parent, &entries);
        let after = state.apply(&block)?;
        self.nodes[node].keep(after);
        Some(block)
    }

    fn note_work(&mut self, node: usize) {
        let has_work = !self.nodes[node].mempool.is_empty();
        if self.nodes[node].engine.is_some() && self.nodes[node].had_work != has_work {
            self.nodes[node].had_work = has_work;
            self.input(node, Input::WorkAvailable(has_work));
        }
    }

    fn send(&mut self, node: usize, to: Option<AuthorityIndex>, message: &Message) {
        let from = self.nodes[node].authority;
        if !self.nodes[node].lies {
            self.judge_sent(node, message);
        }
        if self.silent.contains(&node) {
            return self.count("silence");
        }
        let bytes = Arc::new(message.to_canonical());
        self.trace =
            bytes.iter().fold(self.trace ^ self.now, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
        for other in 0..self.nodes.len() {
            let addressee = self.nodes[other].authority;
            if addressee == from || to.is_some_and(|to| to != addressee) {
                continue;
            }
            // Each twin talks to its own part of the others, and now and then to all.
            if self.is_twin(node) && other % 2 != node % 2 && self.rng.chance(700) {
                self.count("selective sending by a twin");
                continue;
            }
            self.post(node, other, from, &bytes);
        }
    }

    fn is_twin(&self, node: usize) -> bool {
        self.nodes[node].lies && self.liars.iter().any(|(_, actor)| *actor == Actor::Twins)
    }

    fn post(&mut self, node: usize, other: usize, from: AuthorityIndex, bytes: &Arc<Vec<u8>>) {
        let trouble = self.now < TROUBLE_MS;
        if trouble && self.cut.contains(&(node, other)) {
            return self.count("message cut off");
        }
        if trouble && self.rng.chance(self.faults.loss) {
            return self.count("message lost");
        }
        let mut copies = 1;
        if trouble && self.rng.chance(self.faults.doubling) {
            self.count("message doubled");
            copies = 2;
        }
        for _ in 0..copies {
            let delay = if trouble { self.rng.within(1, self.faults.delay_ms) } else { self.rng.within(1, 20) };
            if delay > 100 {
                self.count("message delayed past others");
            }
            self.schedule(delay, other, Event::Deliver { from, bytes: Arc::clone(bytes) });
        }
    }

    /// Every own vote that leaves an honest node is in its durable journal, or below its final head, and it proposes
    /// only where it leads.
    fn judge_sent(&mut self, node: usize, message: &Message) {
        if let Message::Proposal(proposal) = message
            && self.checker.proposed(proposal)
        {
            self.count("view led by preference");
        }
        let votes: Vec<_> = match message {
            Message::Vote(vote) => vec![*vote],
            Message::Proposal(proposal) => vec![proposal.vote],
            _ => return,
        };
        for vote in votes.into_iter().filter(|vote| vote.authority == self.nodes[node].authority) {
            let disk = &self.nodes[node].disk;
            let final_view = disk.blocks.last().map_or(View(0), |last| last.block.header.view);
            let record = Record::Vote(vote).to_journal();
            let durable = vote.statement.view() <= final_view || disk.journal.contains(&record);
            let payload = match vote.statement {
                Statement::Notarize { block, .. } | Statement::Finalize { block, .. } => Some(block),
                Statement::Skip { .. } => None,
            };
            let holds = payload.is_none_or(|hash| {
                disk.blocks.iter().any(|known| known.block.hash() == hash)
                    || disk
                        .journal
                        .iter()
                        .any(|record| matches!(Record::from_journal(record), Ok(Record::Block(block)) if block.hash() == hash))
            });
            self.checker.sent(&vote, durable && holds);
        }
    }

    fn crash(&mut self, node: usize) {
        self.nodes[node].engine = None;
        let downtime = self.rng.within(10, 5_000);
        self.schedule(downtime, node, Event::Restart);
    }

    /// Cuts and mends links, makes the silent silent.
    fn trouble(&mut self) {
        let n = self.nodes.len() as u64;
        if self.rng.chance(500) {
            self.cut.clear();
        }
        if self.rng.chance(self.faults.partition * 5) {
            let one_way = self.rng.chance(500);
            let side = self.rng.next();
            self.count(if one_way { "partition, one way" } else { "partition" });
            for a in 0..n as usize {
                for b in 0..n as usize {
                    if (side >> a) & 1 == 1 && (side >> b) & 1 == 0 {
                        self.cut.insert((a, b));
                        if !one_way {
                            self.cut.insert((b, a));
                        }
                    }
                }
            }
        }
        self.silent.clear();
        for (liar, actor) in self.liars.clone() {
            if actor == Actor::Silent && self.rng.chance(self.faults.silence + 300) {
                self.silent.insert(liar);
            }
        }
    }

    fn heal(&mut self) {
        self.cut.clear();
    }

    /// Somebody says that an authority should lead: the right one or not, alive or not, one or two at once.
    fn wish(&mut self) {
        let asks = self.rng.below(self.nodes.len() as u64) as usize;
        let term = self.nodes[asks].finalized.preference.map_or(0, |preference| preference.term) + 1;
        for _ in 0..self.rng.within(1, 2) {
            let leader = AuthorityIndex(self.rng.below(self.epoch.len() as u64) as u16);
            self.count("wish to lead");
            let views = self.rng.within(1, 60) as u16;
            self.submit(Wish { term, leader, views }.to_entry());
        }
    }

    fn submit(&mut self, entry: u64) {
        for node in 0..self.nodes.len() {
            // In trouble not everyone hears of an entry.
            let heard = self.now >= TROUBLE_MS || self.rng.chance(800);
            if heard && self.nodes[node].finalized.takes(entry) {
                self.nodes[node].mempool.insert(entry);
                self.note_work(node);
            }
        }
    }

    /// Whether the honest can finish: enough of them for a quorum, whatever the liars do.
    fn can_finish(&self) -> bool {
        self.epoch.len() - self.liars.len() >= usize::from(self.epoch.quorum)
    }

    /// Every honest node runs, has nothing left to do, and is as far as the others.
    fn all_done(&self, submitted: u64) -> bool {
        let honest = || self.nodes.iter().filter(|node| !node.lies);
        let height = honest().map(|node| node.finalized.height).max().unwrap_or(Height(0));
        // The last ones were heard of by everyone.
        let has_last = |node: &Node| submitted == 0 || node.finalized.included.contains(&(submitted - 1));
        honest().all(|node| node.engine.is_some() && node.mempool.is_empty() && node.finalized.height == height && has_last(node))
    }

    fn judge_end(&mut self, submitted: u64) {
        if self.checker.violation.is_none() && self.can_finish() && !self.all_done(submitted) {
            let stand: Vec<_> = self
                .nodes
                .iter()
                .filter(|node| !node.lies)
                .map(|node| {
                    let view = node.engine.as_ref().map(|engine| engine.view().0);
                    (node.authority.0, node.finalized.height.0, view, node.mempool.len())
                })
                .collect();
            self.checker.broken(
                "after the network heals, the honest agree and make new entries final",
                format!("(authority, height, view, waiting): {stand:?}"),
            );
        }
        let lost = self.checker.acknowledged().find(|(entry, height)| {
            self.nodes.iter().any(|node| !node.lies && node.finalized.height >= *height && !node.finalized.included.contains(entry))
        });
        if let Some((entry, height)) = lost {
            self.checker.broken("an acknowledged entry is never lost", format!("entry {entry} of height {height}"));
        }
    }
}
