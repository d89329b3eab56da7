//! The network between nodes: what is sent, and what becomes of it on the way.

use std::sync::Arc;

use voting_core::certificate::Statement;
use voting_core::codec::Canonical;

use super::actors::To;
use super::node::Node;
use super::queue::Event;
use super::rng::Rng;
use super::trace::Happening;
use super::world::World;
use crate::Message;

/// Messages of a healthy network arrive within this, in milliseconds.
const CALM_DELAY_MS: u64 = 20;
/// A delay of more than this is counted as a fault.
const LATE_MS: u64 = 100;

/// Nodes that are cut off from the others.
#[derive(Debug, Clone, Copy)]
pub(super) struct Partition {
    pub(super) side: u64,
    pub(super) one_way: bool,
    pub(super) until: u64,
}

/// A broadcast that a crash broke off.
#[derive(Debug)]
pub(super) struct Half {
    what: &'static str,
    has: Vec<usize>,
    lacks: Vec<usize>,
}

impl World {
    /// Sends to everyone addressed, in an order of this moment, or to as many as the budget allows.
    pub(super) fn send(&mut self, node: usize, to: To, message: &Message, after_ms: u64, budget: &mut u64) -> Option<Half> {
        let Node { place, lies, ref finalized, .. } = self.nodes[node];
        self.checker.saw(message, (!lies).then_some(finalized.epoch));
        let bytes = message.to_canonical();
        self.fold_trace(&bytes);
        let Ok(decoded) = Message::from_canonical(&bytes) else { return None }; // a liar's nonsense
        let message = Arc::new(decoded);
        let mut recipients = self.recipients(node, to);
        let len = recipients.len().max(1);
        recipients.rotate_left(self.chance(&[1, node as u64]).below(len as u64) as usize);
        for (at, other) in recipients.iter().enumerate() {
            let Some(left) = budget.checked_sub(1) else {
                let what = kind_of(&message);
                return Some(Half { what, has: recipients[..at].to_vec(), lacks: recipients[at..].to_vec() });
            };
            *budget = left;
            self.post(node, *other, place, &message, after_ms);
        }
        None
    }

    pub(super) fn recipients(&self, node: usize, to: To) -> Vec<usize> {
        let Node { place, ref finalized, .. } = self.nodes[node];
        let era = self.eras.at(finalized.epoch);
        let is_addressed = |other: &usize| match to {
            To::All => true,
            To::One(index) => self.nodes[*other].place == era.place_of(index),
            To::Nodes(mask) => (mask >> other) & 1 == 1,
        };
        (0..self.nodes.len()).filter(|other| self.nodes[*other].place != place).filter(is_addressed).collect()
    }

    fn post(&mut self, from: usize, to: usize, place: usize, message: &Arc<Message>, after_ms: u64) {
        let ordinal = &mut self.links[from * self.nodes.len() + to];
        *ordinal += 1;
        let mut rng = Rng::at(self.script.seed, &[2, from as u64, to as u64, *ordinal]);
        let rates = self.script.rates;
        let is_calm = self.is_calm(from, to);
        // Drawn in any case, so that what comes later does not depend on the phase.
        let (lost, doubled) = (rng.chance(rates.loss), rng.chance(rates.doubling));
        if self.is_cut(from, to) {
            self.count("message cut off");
            return self.tell_message(from, to, message, None);
        }
        if lost && !is_calm {
            self.count("message lost");
            return self.tell_message(from, to, message, None);
        }
        let copies = if doubled && !is_calm { 2 } else { 1 };
        if copies == 2 {
            self.count("message doubled");
        }
        for _ in 0..copies {
            let delay = rng.within(1, if is_calm { CALM_DELAY_MS } else { rates.delay_ms });
            if delay > LATE_MS {
                self.count("message delayed past others");
            }
            self.tell_message(from, to, message, Some(self.now + delay + after_ms));
            self.schedule(delay + after_ms, to, Event::Deliver { from: place, message: Arc::clone(message) });
        }
    }

    /// Between those who must finish nothing fails any more.
    fn is_calm(&self, from: usize, to: usize) -> bool {
        self.core.is_some_and(|core| (core >> from) & (core >> to) & 1 == 1)
    }

    fn is_cut(&self, from: usize, to: usize) -> bool {
        let within = |partition: &Partition, node: usize| (partition.side >> node) & 1 == 1;
        let cut = |partition: &Partition| {
            let (out, into) = (within(partition, from), within(partition, to));
            partition.until > self.now && out != into && (out || !partition.one_way)
        };
        self.nodes[from].trouble.mute || self.nodes[to].trouble.deaf || self.partitions.iter().any(cut)
    }

    fn tell_message(&mut self, from: usize, to: usize, message: &Message, arrives_ms: Option<u64>) {
        self.tell(|world| Happening::Message {
            from: world.name(from),
            to: world.name(to),
            message: kind_of(message),
            view: view_of(message),
            arrives_ms,
        });
    }

    /// Who has it and who does not, in words.
    pub(super) fn describe_half(&self, half: &Half) -> String {
        let names = |nodes: &[usize]| {
            let mut nodes = nodes.to_vec();
            nodes.sort_unstable();
            let names: Vec<_> = nodes.into_iter().map(|node| self.name(node)).collect();
            match names.split_last() {
                Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
                _ => names.join(""),
            }
        };
        let Half { what, has, lacks } = half;
        let what = match *what {
            "notarize" | "skip" | "finalize" => format!("vote to {what}"),
            "request_block" | "request_blocks" => "request for blocks".to_owned(),
            what => what.to_owned(),
        };
        let do_not = |nodes: &[usize]| if nodes.len() == 1 { "does not" } else { "do not" };
        let have = |nodes: &[usize]| if nodes.len() == 1 { "has" } else { "have" };
        if has.is_empty() {
            return format!("before its {what} is sent to anyone");
        }
        format!("with its {what} half sent: {} {} it, {} {}", names(has), have(has), names(lacks), do_not(lacks))
    }
}

pub(super) fn word_of(statement: &Statement) -> &'static str {
    match statement {
        Statement::Notarize { .. } => "notarize",
        Statement::Skip { .. } => "skip",
        Statement::Finalize { .. } => "finalize",
    }
}

fn kind_of(message: &Message) -> &'static str {
    match message {
        Message::Proposal(_) => "proposal",
        Message::Vote(vote) => word_of(&vote.statement),
        Message::Certificate(_) => "certificate",
        Message::Hello { .. } => "hello",
        Message::RequestBlocks { .. } => "request_blocks",
        Message::Blocks(_) => "blocks",
        Message::RequestBlock { .. } => "request_block",
        Message::Block(_) => "block",
        Message::AskView { .. } => "ask_view",
        Message::InView { .. } => "in_view",
    }
}

fn view_of(message: &Message) -> Option<u64> {
    match message {
        Message::Proposal(proposal) => Some(proposal.block.header.view.0),
        Message::Vote(vote) => Some(vote.statement.view().0),
        Message::Certificate(certificate) => Some(certificate.statement.view().0),
        Message::Block(block) => Some(block.header.view.0),
        Message::Hello { .. }
        | Message::RequestBlocks { .. }
        | Message::Blocks(_)
        | Message::RequestBlock { .. }
        | Message::AskView { .. }
        | Message::InView { .. } => None,
    }
}
