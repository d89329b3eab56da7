//! How nodes are killed: at a planned step, within a write, by a full disk.

use super::disk::{Batch, Disk};
use super::node::Planned;
use super::queue::Event;
use super::script::{Moment, Point};
use super::trace::Happening;
use super::world::World;
use crate::journal::Record;
use crate::{Message, Output};

/// A node whose disk was full is back after this long at most, in milliseconds.
const RETRY_MS: u64 = 1_000;

impl World {
    /// A crash that waits for its moment; the moment may be this one.
    pub(super) fn plan_crash(&mut self, node: usize, planned: Planned) {
        if planned.moment != Moment::Now {
            self.nodes[node].trouble.crash = Some(planned);
            return;
        }
        if self.nodes[node].engine.is_none() {
            return;
        }
        let Some(batch) = self.nodes[node].writing.take() else {
            self.count("crash between two steps");
            return self.crash(node, "between two steps".to_owned(), planned.down_ms);
        };
        let share = match planned.point {
            Point::BeforeWrite => 0,
            Point::WithinWrite(share) | Point::After(share) => share,
        };
        self.tear(node, &batch, share, planned.down_ms);
    }

    /// The crash whose moment is the step with these outputs.
    pub(super) fn due_crash(&mut self, node: usize, batch: &Batch) -> Option<Planned> {
        let planned = self.nodes[node].trouble.crash?;
        let me = self.nodes[node].seat;
        let votes = |message: &Message| matches!(message, Message::Vote(vote) if vote.authority == me);
        let says = |is: &dyn Fn(&Message) -> bool| {
            batch.rest.iter().any(|output| matches!(output, Output::Broadcast(message) if is(message)))
        };
        let is_due = match planned.moment {
            Moment::Now => true,
            Moment::Write => batch.writes(),
            Moment::Vote => says(&votes),
            Moment::Proposal => says(&|message| matches!(message, Message::Proposal(_))),
            Moment::Commit => !batch.commits.is_empty(),
        };
        if is_due {
            self.nodes[node].trouble.crash = None;
        }
        is_due.then_some(planned)
    }

    pub(super) fn crash_within(&mut self, node: usize, batch: Batch, planned: Planned) {
        match planned.point {
            Point::BeforeWrite => {
                self.count("crash before the journal is durable");
                self.crash(node, "before it has written anything down".to_owned(), planned.down_ms);
            }
            Point::WithinWrite(share) => self.tear(node, &batch, share, planned.down_ms),
            Point::After(share) => {
                self.write(node, &batch);
                let actions = self.actions(node, &batch.rest);
                let mut budget = actions * share / 1_000;
                let half = self.carry_out(node, batch.rest, &mut budget);
                self.count("crash between two outputs");
                let how = match half {
                    Some(half) => self.describe_half(&half),
                    None if share == 1_000 => "when everything is sent".to_owned(),
                    None => "when all is written and not all is sent".to_owned(),
                };
                self.crash(node, how, planned.down_ms);
            }
        }
    }

    /// Killed while it writes: a part of the bytes is there.
    fn tear(&mut self, node: usize, batch: &Batch, share: u64, down_ms: u64) {
        self.count("crash within a write");
        let kept = self.nodes[node].disk.tear(batch, share);
        let records: Vec<(u32, Record)> = batch.decoded().take(kept).collect();
        records.iter().for_each(|(epoch, record)| self.checker.wrote(*epoch, record));
        let how = format!("while it writes: {kept} of {} records are on its disk", batch.records.len());
        self.crash(node, how, down_ms);
    }

    /// Killed, and its disk with it: what it has said is forgotten, and the ledger too.
    pub(super) fn lose_disk(&mut self, node: usize, down_ms: u64) {
        self.count("disk lost");
        self.crash(node, "and loses its disk".to_owned(), down_ms);
        self.nodes[node].disk = Disk::lost();
        self.nodes[node].platter = None;
        self.checker.lost(node, self.nodes[node].place);
    }

    pub(super) fn disk_full(&mut self, node: usize, batch: &Batch) {
        self.count("disk full");
        let share = self.chance(&[7, node as u64]).below(1_000);
        let down_ms = self.chance(&[8, node as u64]).within(50, RETRY_MS);
        let kept = self.nodes[node].disk.tear(batch, share);
        let records: Vec<(u32, Record)> = batch.decoded().take(kept).collect();
        records.iter().for_each(|(epoch, record)| self.checker.wrote(*epoch, record));
        self.crash(node, "by its full disk".to_owned(), down_ms);
    }

    pub(super) fn crash(&mut self, node: usize, how: String, down_ms: u64) {
        let Some(engine) = &self.nodes[node].engine else { return };
        let leads = (engine.current_leader() == self.nodes[node].seat).then(|| engine.view().0);
        self.fold_trace(how.as_bytes());
        self.tell(|world| Happening::Crash { node: world.name(node), leads, how });
        self.nodes[node].stop();
        self.schedule(down_ms, node, Event::Restart);
    }
}
