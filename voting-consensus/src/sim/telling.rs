//! What a node does, told as it happens.

use voting_core::certificate::Statement;
use voting_core::ids::BlockHash;

use super::disk::Batch;
use super::links::word_of;
use super::trace::Happening;
use super::world::World;
use crate::journal::Record;
use crate::{Message, Output, TimerId};

impl World {
    /// An own vote or proposal is sent for the first time.
    pub(super) fn tell_said(&mut self, node: usize, message: &Message) {
        let (statement, authority) = match message {
            Message::Vote(vote) => (vote.statement, vote.authority),
            Message::Proposal(proposal) => (proposal.vote.statement, proposal.vote.authority),
            _ => return,
        };
        let epoch = self.nodes[node].finalized.epoch;
        if !self.is_traced() || authority != self.nodes[node].seat || !self.told.insert((node, epoch, statement)) {
            return;
        }
        let view = statement.view().0;
        self.tell(|world| {
            let node = world.name(node);
            let Message::Proposal(proposal) = message else {
                return Happening::Vote { node, vote: word_of(&statement), view, block: block_of(&statement) };
            };
            let header = &proposal.block.header;
            let (height, block, parent_view) = (header.height.0, digits(&header.hash()), header.parent.view.0);
            Happening::Proposal { node, view, height, block, parent_view, entries: header.entries }
        });
    }

    /// The node put certificates together: it has just written down what it now sends.
    pub(super) fn tell_certificates(&mut self, node: usize, batch: &Batch) {
        if !self.is_traced() {
            return;
        }
        let written: Vec<Statement> = batch
            .decoded()
            .filter_map(
                |(_, record)| if let Record::Certificate(certificate) = record { Some(certificate.statement) } else { None },
            )
            .collect();
        for output in &batch.rest {
            let Output::Broadcast(Message::Certificate(certificate)) = output else { continue };
            let statement = certificate.statement;
            if written.contains(&statement) {
                let (vote, view, block) = (word_of(&statement), statement.view().0, block_of(&statement));
                self.tell(|world| Happening::Certificate { node: world.name(node), vote, view, block });
            }
        }
    }

    /// A timer runs out, and the node has not done yet what the timer is for.
    pub(super) fn tell_timer(&mut self, node: usize, timer: TimerId) {
        let (view, epoch) = (self.nodes[node].view, self.nodes[node].finalized.epoch);
        let said =
            |is: &dyn Fn(&Statement) -> bool| self.told.iter().any(|(other, at, said)| (*other, *at) == (node, epoch) && is(said));
        let has_skipped = || said(&|said| *said == Statement::Skip { view });
        let has_voted = || said(&|said| matches!(said, Statement::Notarize { view: voted, .. } if *voted == view));
        let is_idle = match timer {
            TimerId::Leader => has_skipped() || has_voted(),
            TimerId::View => has_skipped(),
            TimerId::CatchUp | TimerId::Standstill => false,
        };
        if self.is_traced() && !is_idle {
            self.tell(|world| Happening::Timer { node: world.name(node), timer: name_of(timer), view: view.0 });
        }
    }

    /// The node may be in another view than before.
    pub(super) fn note_view(&mut self, node: usize) {
        let Some(engine) = &self.nodes[node].engine else { return };
        let (view, leader) = (engine.view(), engine.current_leader());
        let leader_name = self.eras.at(self.nodes[node].finalized.epoch).name(leader);
        if std::mem::replace(&mut self.nodes[node].view, view) != view {
            self.tell(|world| Happening::View { node: world.name(node), view: view.0, leader: leader_name });
        }
    }
}

const fn name_of(timer: TimerId) -> &'static str {
    match timer {
        TimerId::Leader => "leader",
        TimerId::View => "view",
        TimerId::CatchUp => "catch_up",
        TimerId::Standstill => "standstill",
    }
}

/// The first digits of a block's hash.
pub(super) fn digits(hash: &BlockHash) -> String {
    hash.to_string().chars().take(8).collect()
}

fn block_of(statement: &Statement) -> Option<String> {
    statement.block().map(|block| digits(&block))
}
