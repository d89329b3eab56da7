//! The world around the nodes: time, the acts of the script, and the two phases of a run.

use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::sync::Arc;
use std::time::Duration;

use voting_core::ids::{AuthorityIndex, ChainId, Digest, Height};

use super::actors::{Behaviour, Scene};
use super::app::{Change, Wish};
use super::eras::Eras;
use super::invariants::Checker;
use super::links::Partition;
use super::network::Clocks;
use super::node::{Node, Planned};
use super::queue::{Event, Scheduled};
use super::rng::Rng;
use super::script::{Act, END_MS, Fault, Lasting, SUBMISSIONS_END_MS, Script, TROUBLE_MS, describe};
use super::trace::{Happening, TraceEvent};
use super::verifier::Memory;
use super::{Mutation, Report, node_name};
use crate::{EngineConfig, Input, VerifyVote};

/// Events that wait for a host at most: it drops what comes then.
const HELD_MAX: usize = 4_096;
/// A disk that is slow for good takes this long for a write, in milliseconds.
const SLOW_FOR_GOOD_MS: u64 = 700;

pub(super) struct World {
    pub(super) script: Script,
    /// The machine that each node runs on.
    places: Vec<usize>,
    pub(super) now: u64,
    next_act: usize,
    next_id: u64,
    queue: BinaryHeap<Scheduled>,
    pub(super) nodes: Vec<Node>,
    pub(super) behaviours: Vec<Option<Box<dyn Behaviour>>>,
    pub(super) eras: Arc<Eras>,
    pub(super) chain: ChainId,
    pub(super) partitions: Vec<Partition>,
    /// Messages so far, by link.
    pub(super) links: Vec<u64>,
    /// The nodes that must finish, once the trouble is over.
    pub(super) core: Option<u64>,
    counts: BTreeMap<&'static str, u64>,
    pub(super) checker: Checker,
    pub(super) verifier: Arc<Memory>,
    trace_hash: u64,
    trace: Option<Vec<TraceEvent>>,
    /// Votes told of, so that each is told of once.
    pub(super) told: BTreeSet<(usize, u32, voting_core::certificate::Statement)>,
}

impl World {
    pub(super) fn new(script: &Script, traced: bool) -> Self {
        let network = &script.network;
        let (eras, places, chain) = (Arc::new(Eras::of(network)), network.nodes(), ChainId([7; 32]));
        let node = |(place, clocks): (&usize, &Clocks)| {
            let mut node = Node::new(&eras, *place, *clocks, network.actor(*place).is_some());
            node.forgets_ancestors = script.is_mutated(Mutation::AncestorsForgotten);
            node
        };
        let nodes: Vec<Node> = places.iter().zip(&network.clocks).map(node).collect();
        let behaviours = places.iter().map(|place| Some(network.actor(*place)?.behaviour())).collect();
        let verifier = Arc::<Memory>::default();
        let judges_time = network.liars.len() + script.wrong_clocks() < network.quorum();
        Self {
            checker: Checker::new(chain, Arc::clone(&eras), Arc::clone(&verifier) as Arc<dyn VerifyVote>, judges_time),
            now: 0,
            next_act: 0,
            next_id: 0,
            queue: BinaryHeap::new(),
            links: vec![0; nodes.len() * nodes.len()],
            nodes,
            behaviours,
            places,
            eras,
            chain,
            partitions: Vec::new(),
            core: None,
            counts: BTreeMap::new(),
            verifier,
            trace_hash: script.seed,
            trace: traced.then(Vec::new),
            told: BTreeSet::new(),
            script: script.clone(),
        }
    }

    pub(super) fn run(mut self) -> (Report, Vec<TraceEvent>) {
        self.begin();
        while self.checker.violation.is_none() && self.now < END_MS && !self.is_over() && self.go_on() {}
        self.judge_end();
        self.report()
    }

    /// All nodes start.
    pub(super) fn begin(&mut self) {
        self.tell(Self::introduction);
        for node in 0..self.nodes.len() {
            self.start(node);
        }
    }

    /// The next act or event; false if there is none any more.
    pub(super) fn go_on(&mut self) -> bool {
        let act = self.script.acts.get(self.next_act).map_or(u64::MAX, |act| act.at_ms);
        match self.queue.peek() {
            Some(next) if next.at < act => {
                let Some(next) = self.queue.pop() else { return false };
                self.now = self.now.max(next.at);
                self.happen(next.node, next.life, next.event);
            }
            None if act == u64::MAX => return false,
            _ => {
                self.now = self.now.max(act);
                let act = self.script.acts[self.next_act];
                self.next_act += 1;
                self.act(&act);
            }
        }
        true
    }

    fn report(mut self) -> (Report, Vec<TraceEvent>) {
        if let Some(violation) = self.checker.violation.clone() {
            self.tell(|_| Happening::Violation { rule: violation.invariant, detail: violation.detail });
        }
        self.tell(|world| Happening::End { blocks: world.checker.blocks(), entries: world.checker.acknowledged().count() });
        let report = Report {
            seed: self.script.seed,
            authorities: self.script.network.first().members.len(),
            quorum: self.script.network.first().quorum,
            liars: self.script.network.liars,
            virtual_time: Duration::from_millis(self.now),
            blocks: self.checker.blocks(),
            entries: self.checker.acknowledged().count(),
            faults: self.counts,
            trace_hash: self.trace_hash,
            violation: self.checker.violation,
        };
        (report, self.trace.unwrap_or_default())
    }

    fn introduction(&self) -> Happening {
        let network = &self.script.network;
        let first = network.first();
        Happening::Run {
            seed: self.script.seed,
            nodes: (0..self.nodes.len()).map(|node| self.name(node)).collect(),
            authorities: (0..self.nodes.len()).filter(|node| first.has(self.places[*node])).map(|node| self.name(node)).collect(),
            quorum: first.quorum,
            leader: first.leader.to_string(),
            liars: network.liars.iter().map(|(authority, actor)| (format!("a{authority}"), actor.word())).collect(),
        }
    }

    pub(super) fn count(&mut self, fault: &'static str) {
        *self.counts.entry(fault).or_default() += 1;
    }

    /// Chance that belongs to this moment and place.
    pub(super) fn chance(&self, place: &[u64]) -> Rng {
        Rng::at(self.script.seed ^ self.now.rotate_left(32), place)
    }

    pub(super) fn name(&self, node: usize) -> String {
        node_name(node, &self.places)
    }

    pub(super) const fn is_traced(&self) -> bool {
        self.trace.is_some()
    }

    /// Notes what happened, if anybody wants to know.
    pub(super) fn tell(&mut self, what: impl FnOnce(&Self) -> Happening) {
        if self.trace.is_some() {
            let event = TraceEvent { at_ms: self.now, what: what(self) };
            self.trace.iter_mut().for_each(|trace| trace.push(event.clone()));
        }
    }

    /// Mixes something into the trace hash, with the time.
    pub(super) fn fold_trace(&mut self, bytes: &[u8]) {
        let mix = |hash: u64, word: u64| (hash ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29);
        let word = |chunk: &[u8]| chunk.iter().fold(0, |word, byte| word << 8 | u64::from(*byte));
        self.trace_hash = bytes.chunks(8).map(word).fold(mix(self.trace_hash, self.now), mix);
    }

    pub(super) fn schedule(&mut self, after: u64, node: usize, event: Event) {
        let (id, life) = (self.next_id(), self.nodes[node].life);
        self.queue.push(Scheduled { at: self.now + after, id, node, life, event });
    }

    pub(super) fn next_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    pub(super) fn start(&mut self, node: usize) {
        if let Err(reason) = self.nodes[node].replay(&self.eras) {
            self.checker.broken("a node recovers from its disk", format!("node {node}: {reason}"));
            return;
        }
        if !self.take_seat(node) {
            return;
        }
        let here = &self.nodes[node];
        let (height, journal) = (here.height(), here.disk.journal.len());
        if !here.lies {
            self.checker.restarted(node, height);
        }
        self.tell(|world| Happening::Start { node: world.name(node), height: height.0, journal });
        self.step(node, vec![Input::Start]);
        self.note_work(node);
    }

    /// A node's engine begins, in the epoch that decides on the next block; false if it cannot.
    pub(super) fn take_seat(&mut self, node: usize) -> bool {
        let Node { place, ref finalized, .. } = self.nodes[node];
        let (me, key) = self.eras.seat(finalized.epoch, place);
        let mut config = EngineConfig::new(self.chain, Arc::clone(&self.eras.at(finalized.epoch).epoch), me, key);
        config.first = finalized.first;
        config.verifier = Arc::clone(&self.verifier) as Arc<dyn VerifyVote>;
        let here = &self.nodes[node];
        let start = [self.script.seed, node as u64, u64::from(here.life), u64::from(here.finalized.epoch)].map(u64::to_le_bytes);
        config.nonce = Digest::of_parts("voting/sim-nonce/v1", &start.each_ref().map(<[u8; 8]>::as_slice)).0;
        #[cfg(feature = "mutations")]
        {
            config.mutation = self.script.mutation;
        }
        let taken = self.nodes[node].take_seat(config);
        if let Err(reason) = &taken {
            self.checker.broken("a node recovers from its disk", format!("node {node}: {reason}"));
        }
        taken.is_ok()
    }

    fn happen(&mut self, node: usize, life: u32, event: Event) {
        let here = &mut self.nodes[node];
        if let Event::Restart = event {
            if here.life == life && here.engine.is_none() && !here.trouble.down_for_good {
                self.start(node);
            }
            return;
        }
        if here.engine.is_none() || (here.life != life && !matches!(event, Event::Deliver { .. })) {
            return;
        }
        match event {
            Event::Written => self.written(node),
            Event::Awake => self.wake(node),
            event if here.is_awake(self.now) => self.take_in(node, vec![event]),
            event if here.held.len() < HELD_MAX => here.held.push(event),
            _ => {}
        }
    }

    /// Several events of a node at once, as a host takes in what piled up.
    pub(super) fn take_in(&mut self, node: usize, events: Vec<Event>) {
        let inputs: Vec<Input> = events.into_iter().filter_map(|event| self.input_of(node, event)).collect();
        if !inputs.is_empty() {
            self.step(node, inputs);
        }
    }

    /// Goes on with what piled up, unless it still cannot.
    pub(super) fn wake(&mut self, node: usize) {
        if self.nodes[node].is_awake(self.now) {
            let held = std::mem::take(&mut self.nodes[node].held);
            self.take_in(node, held);
            self.note_work(node);
        }
    }

    fn act(&mut self, act: &Act) {
        if !matches!(act.fault, Fault::Lie { .. } | Fault::Crash { .. }) {
            self.tell(|world| Happening::Fault { what: describe(act, &world.script.network, &world.places) });
        }
        let now = self.now;
        match act.fault {
            Fault::Submit { entry, heard_by } => self.submit(entry, heard_by),
            Fault::Wish { asks, leader, views } => self.wish(asks, leader, views),
            Fault::Change { to } => self.submit(Change { to }.to_entry(), u64::MAX),
            Fault::Crash { node, moment, point, down_ms } => self.plan_crash(node, Planned { moment, point, down_ms }),
            Fault::Partition { side, one_way, for_ms } => {
                self.count(if one_way { "partition, one way" } else { "partition" });
                self.partitions.push(Partition { side, one_way, until: now + for_ms });
            }
            Fault::DiskLost { node, down_ms } => self.lose_disk(node, down_ms),
            Fault::DiskFull { node, for_ms } => self.nodes[node].trouble.disk_full_until = now + for_ms,
            Fault::DiskSlow { node, write_ms, for_ms } => {
                self.nodes[node].trouble.disk_slow_until = now + for_ms;
                self.nodes[node].trouble.write_ms = write_ms;
            }
            Fault::Pause { node, for_ms } => self.pause(node, for_ms),
            Fault::ClockStep { node, by_ms, for_ms } => {
                self.count("clock stepped");
                self.nodes[node].trouble.clock_off_until = now + for_ms;
                self.nodes[node].trouble.clock_off_ms = by_ms;
            }
            Fault::Lie { node } => self.lie(node),
            Fault::Heal { core } => self.heal(core),
            Fault::Lasting { node, fault } => self.last(node, fault),
        }
    }

    fn pause(&mut self, node: usize, for_ms: u64) {
        self.count("process hung");
        let until = &mut self.nodes[node].trouble.paused_until;
        *until = (*until).max(self.now + for_ms);
        let wait = *until - self.now;
        self.schedule(wait, node, Event::Awake);
    }

    fn lie(&mut self, node: usize) {
        if self.nodes[node].engine.is_none() {
            return;
        }
        let Some(mut behaviour) = self.behaviours[node].take() else { return };
        let parcels = behaviour.acts(&mut self.scene(node));
        self.behaviours[node] = Some(behaviour);
        self.send_parcels(node, parcels);
    }

    pub(super) fn scene(&self, node: usize) -> Scene<'_> {
        Scene {
            now_ms: self.now,
            rng: self.chance(&[3, node as u64, self.next_id]),
            number: node,
            nodes: self.nodes.len(),
            here: &self.nodes[node],
            chain: self.chain,
            era: self.eras.at(self.nodes[node].finalized.epoch),
        }
    }

    /// The trouble is over. What those who must finish have heard of, all of them have.
    fn heal(&mut self, core: u64) {
        self.core = Some(core);
        self.partitions.clear();
        let is_core = |node: &usize| (core >> node) & 1 == 1;
        let nodes: Vec<usize> = (0..self.nodes.len()).collect();
        let shared: BTreeSet<u64> =
            nodes.iter().filter(|node| is_core(node)).flat_map(|node| self.nodes[*node].mempool.iter().copied()).collect();
        for node in nodes {
            let here = &mut self.nodes[node];
            here.trouble = super::node::Trouble { write_ms: here.trouble.write_ms, ..Default::default() };
            if is_core(&node) {
                let finalized = &here.finalized;
                here.mempool.extend(shared.iter().filter(|entry| finalized.wants(**entry)));
            }
            self.wake(node);
        }
    }

    fn last(&mut self, node: usize, fault: Lasting) {
        self.count("fault for good");
        let trouble = &mut self.nodes[node].trouble;
        match fault {
            Lasting::Down => trouble.down_for_good = true,
            Lasting::CutOff => (trouble.deaf, trouble.mute) = (true, true),
            Lasting::Deaf => trouble.deaf = true,
            Lasting::Mute => trouble.mute = true,
            Lasting::DiskFull => trouble.disk_full_until = END_MS,
            Lasting::DiskSlow => (trouble.disk_slow_until, trouble.write_ms) = (END_MS, SLOW_FOR_GOOD_MS),
            Lasting::Hung => trouble.paused_until = END_MS,
            Lasting::ClockWrong(by) => (trouble.clock_off_until, trouble.clock_off_ms) = (END_MS, by),
        }
        if fault == Lasting::Down {
            self.crash(node, "for good".to_owned(), END_MS);
        }
    }

    /// Somebody says that an authority should lead: the right one or not, alive or not, one or two at once.
    fn wish(&mut self, asks: usize, leader: u16, views: u16) {
        self.count("wish to lead");
        let term = self.nodes[asks].finalized.preference.map_or(0, |preference| preference.term) + 1;
        self.submit(Wish { term, leader: AuthorityIndex(leader), views }.to_entry(), u64::MAX);
    }

    fn submit(&mut self, entry: u64, heard_by: u64) {
        for node in 0..self.nodes.len() {
            if (heard_by >> node) & 1 == 1 && self.nodes[node].finalized.wants(entry) {
                self.nodes[node].mempool.insert(entry);
                self.note_work(node);
            }
        }
    }

    /// The nodes that must finish.
    fn core_nodes(&self) -> impl Iterator<Item = &Node> {
        let core = self.core.unwrap_or(0);
        self.nodes.iter().enumerate().filter(move |(node, _)| (core >> node) & 1 == 1).map(|(_, node)| node)
    }

    /// Everything is submitted, and the core runs, has nothing left to do, and is equally far.
    fn is_over(&self) -> bool {
        let Some(core) = self.core.filter(|_| self.now >= SUBMISSIONS_END_MS) else { return false };
        let submitted = |act: &Act| match act.fault {
            Fault::Submit { entry, heard_by } if heard_by & core == core => Some(entry),
            Fault::Change { to } => Some(Change { to }.to_entry()),
            _ => None,
        };
        let last = self.script.acts.iter().rev().find_map(submitted);
        let height = self.core_nodes().map(Node::height).max().unwrap_or(Height(0));
        self.core_nodes().all(|node| {
            let has_last = last.is_none_or(|entry| node.finalized.included.contains(&entry));
            node.engine.is_some() && node.mempool.is_empty() && node.height() == height && has_last
        })
    }

    /// Whether the core can finish: a quorum of the honest in each epoch.
    fn can_finish(&self) -> bool {
        let places: Vec<usize> = self.core_nodes().map(|node| node.place).collect();
        self.script.network.suffices(&places)
    }

    fn judge_end(&mut self) {
        if self.checker.violation.is_none() && self.now >= TROUBLE_MS && self.can_finish() && !self.is_over() {
            let stand = |node: &Node| {
                let view = node.engine.as_ref().map(|engine| engine.view().0);
                (node.place, node.finalized.epoch, node.height().0, view, node.mempool.len())
            };
            let stand: Vec<_> = self.core_nodes().map(stand).collect();
            self.checker.broken(
                "after the trouble, a healthy quorum agrees and makes new entries final",
                format!("(machine, epoch, height, view, waiting): {stand:?}"),
            );
        }
        let honest = || self.nodes.iter().filter(|node| !node.lies);
        let lost = self
            .checker
            .acknowledged()
            .find(|(entry, height)| honest().any(|node| node.height() >= *height && !node.finalized.included.contains(entry)));
        if let Some((entry, height)) = lost {
            self.checker.broken("an acknowledged entry is never lost", format!("entry {entry} of height {height}"));
        }
    }
}
