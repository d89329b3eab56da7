//! One honest authority: the real engine, its disk, and what it has said.

use std::collections::BTreeSet;
use std::time::Duration;

use voting_consensus::testing::Essence;
use voting_consensus::{Engine, Evidence, Input, Message, Output};
use voting_core::block::{FinalizedBlock, Parent};
use voting_core::certificate::Statement;
use voting_core::ids::{AuthorityIndex, BlockHash, View};
use voting_core::seams::JournalRecord;

use super::words::{BlockName, Word};

/// What rules say of one authority alone, each a reason to stop.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Faults {
    /// It accused an authority with votes that do not contradict each other.
    pub(crate) accuses: bool,
    /// It saw a certified block beside the final chain.
    pub(crate) conflict: bool,
    /// It said something that it would not know after a restart.
    pub(crate) forgets: bool,
    /// It keeps a quorum of votes for one statement, and no certificate.
    pub(crate) overlooks: bool,
}

/// What distinguishes one authority's local state from another: equal ones have equal futures, and equal pasts as far as
/// the rules ask about them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Local {
    pub(crate) essence: Essence,
    /// What would be left after a crash.
    pub(crate) recovered: Essence,
    pub(crate) wanted: Option<(View, BlockHash)>,
    pub(crate) said: BTreeSet<Statement>,
    /// Blocks proposed, with what each proposal brings along: whether its parent is proved by a Finalize certificate.
    pub(crate) proposed: BTreeSet<(BlockHash, bool)>,
    pub(crate) commits: Vec<BlockHash>,
    pub(crate) faults: Faults,
    /// Starts; counted where blocks made after a restart may be others than those made before.
    pub(crate) starts: u8,
}

/// The moving parts.
#[derive(Debug, Clone)]
pub(crate) struct Machine {
    pub(crate) me: AuthorityIndex,
    pub(crate) engine: Engine,
    pub(crate) journal: Vec<JournalRecord>,
    pub(crate) blocks: Vec<FinalizedBlock>,
    pub(crate) wanted: Option<(View, Parent)>,
    pub(crate) said: BTreeSet<Statement>,
    pub(crate) proposals: Vec<Message>,
    pub(crate) accuses: bool,
    pub(crate) conflict: bool,
    pub(crate) starts: u8,
}

/// A local state, with what global steps and rules ask of it.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) number: u32,
    pub(crate) machine: Machine,
    pub(crate) local: Local,
    /// Of the local state as it is, and with two authorities exchanged that are alike.
    pub(crate) prints: (u64, u64),
    /// Fingerprint of what it said and made final.
    pub(crate) outcome: u64,
    /// Statements made, ascending.
    pub(crate) said: Vec<Word>,
    /// Numbers of the proposals sent, with their blocks.
    pub(crate) proposals: Vec<(u16, BlockName)>,
    /// Numbers of the final blocks, in order.
    pub(crate) commits: Vec<BlockName>,
    /// Blocks that a quorum is known to have certified, but that are not there.
    pub(crate) missing: Vec<BlockName>,
    pub(crate) view: u64,
    /// It may still skip the current view, as far as its votes tell.
    pub(crate) may_skip: bool,
}

impl Machine {
    /// Hands in one input, plays the host, and tells whether anything followed that others or the disk can see.
    pub(crate) fn give(&mut self, input: Input) -> bool {
        let mut visible = false;
        // The host judges a block at once, and finds every block valid.
        let mut inputs = vec![input];
        while let Some(input) = inputs.pop() {
            for output in self.engine.handle(Duration::ZERO, input) {
                visible |= !matches!(output, Output::Send { .. } | Output::SetTimer { .. } | Output::CancelTimer { .. });
                match output {
                    Output::Persist(record) => self.journal.push(record),
                    Output::Prune { below } => self.journal.retain(|record| record.view >= below),
                    Output::Broadcast(Message::Vote(vote)) if vote.authority == self.me => {
                        self.said.insert(vote.statement);
                    }
                    Output::Broadcast(Message::Proposal(proposal)) => {
                        self.said.insert(proposal.vote.statement);
                        self.proposals.push(Message::Proposal(proposal));
                    }
                    Output::Build { view, parent, .. } => self.wanted = Some((view, parent)),
                    Output::Validate { block } => {
                        inputs.push(Input::Validated { block: block.hash(), valid: true, timely: true });
                    }
                    Output::Commit(finalized) => self.blocks.push(finalized),
                    Output::Evidence(evidence) => {
                        let (first, second) = evidence.votes();
                        self.accuses |= Evidence::new(*first, *second).is_none();
                    }
                    Output::Conflict(_) => self.conflict = true,
                    _ => {}
                }
            }
        }
        visible
    }

    pub(crate) fn hear(&mut self, from: AuthorityIndex, message: Message) -> bool {
        self.give(Input::Message { from, message })
    }
}
