//! What must hold whatever happens, judged from what is sent and committed and from nothing inside the engine.

use std::collections::BTreeMap;
use std::sync::Arc;

use voting_core::ChainId;
use voting_core::block::FinalizedBlock;
use voting_core::certificate::{Statement, Vote};
use voting_core::epoch::{Epoch, LeaderPolicy};
use voting_core::ids::{AuthorityIndex, BlockHash, Digest, Height, View};

use super::app::entries_of;
use crate::{Proposal, VerifyVote};

/// A rule that was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which rule.
    pub invariant: &'static str,
    /// By whom, where.
    pub detail: String,
}

#[derive(Debug)]
pub(super) struct Checker {
    chain: ChainId,
    epoch: Arc<Epoch>,
    verifier: Arc<dyn VerifyVote>,
    /// What each honest authority said, across restarts.
    said: BTreeMap<(AuthorityIndex, View), Vec<Statement>>,
    finalized: BTreeMap<Height, (BlockHash, Digest)>,
    entries: BTreeMap<u64, Height>,
    /// Who proposed which block.
    authors: BTreeMap<BlockHash, AuthorityIndex>,
    pub(super) violation: Option<Violation>,
}

impl Checker {
    pub(super) fn new(chain: ChainId, epoch: Arc<Epoch>, verifier: Arc<dyn VerifyVote>) -> Self {
        Self {
            chain,
            epoch,
            verifier,
            said: BTreeMap::new(),
            finalized: BTreeMap::new(),
            entries: BTreeMap::new(),
            authors: BTreeMap::new(),
            violation: None,
        }
    }

    pub(super) fn broken(&mut self, invariant: &'static str, detail: String) {
        self.violation.get_or_insert(Violation { invariant, detail });
    }

    /// An honest authority sends a vote of its own, which is durable or not.
    pub(super) fn sent(&mut self, vote: &Vote, durable: bool) {
        use Statement::{Finalize, Notarize, Skip};
        if !durable {
            self.broken("nothing is sent before it is durable", format!("{vote:?}"));
        }
        let said = self.said.entry((vote.authority, vote.statement.view())).or_default();
        if said.contains(&vote.statement) {
            return;
        }
        let contradicts = |other: &Statement| match (other, &vote.statement) {
            (Notarize { block: a, .. }, Notarize { block: b, .. }) | (Finalize { block: a, .. }, Finalize { block: b, .. }) => {
                a != b
            }
            (Skip { .. }, Finalize { .. }) | (Finalize { .. }, Skip { .. }) => true,
            _ => false,
        };
        let contradiction = said.iter().find(|other| contradicts(other)).copied();
        said.push(vote.statement);
        if let Some(other) = contradiction {
            self.broken("honest authorities never contradict themselves", format!("{:?} after {other:?}", vote.statement));
        }
    }

    /// An honest authority proposes: it must lead, under the elected policy by what its block builds on. The
    /// rule is stated from block to block here: whoever proposed the parent leads on, unless the parent
    /// prefers another, and each view skipped between passes the lead to the next in order. Returns whether a
    /// preference decided it.
    pub(super) fn proposed(&mut self, proposal: &Proposal) -> bool {
        let header = &proposal.block.header;
        self.authors.insert(header.hash(), proposal.vote.authority);
        let Some(parent) = proposal.parent_header.as_ref().filter(|_| self.epoch.leader == LeaderPolicy::Elected) else {
            return false;
        };
        if parent.hash() != header.parent.hash {
            self.broken("a proposal names its parent", format!("{:?}", proposal.vote));
            return false;
        }
        let n = self.epoch.len() as u64;
        let skipped = header.view.0 - parent.view.0 - 1;
        let (base, preferred) = match parent.preference {
            Some(preference) if header.view > preference.until => (header.view.0 - header.height.0 - skipped, false),
            Some(preference) if preference.since == parent.view => (u64::from(preference.leader.0), true),
            preference => match self.authors.get(&parent.hash()) {
                Some(author) => (u64::from(author.0), preference.is_some()),
                None => return false, // of a liar, whose messages are not watched
            },
        };
        if u64::from(proposal.vote.authority.0) != (base + skipped) % n {
            self.broken("only the leader proposes", format!("{:?}, on {parent:?}", proposal.vote));
        }
        preferred
    }

    /// An honest node committed a block on top of `previous`.
    pub(super) fn committed(&mut self, node: usize, previous: Height, finalized: &FinalizedBlock) {
        let header = &finalized.block.header;
        let (height, hash) = (header.height, header.hash());
        if height != previous.next() {
            self.broken("heights are committed one by one", format!("node {node}: {height} after {previous}"));
        }
        if let Some(certificate) = &finalized.certificate
            && let Err(error) = certificate.verify_with(&self.epoch, |vote| self.verifier.verify(&vote, self.chain, &self.epoch))
        {
            self.broken("certificates verify", format!("node {node}, height {height}: {error}"));
        }
        match self.finalized.get(&height) {
            Some((other, root)) if *other != hash || *root != header.state_root => {
                self.broken("finalized prefixes agree", format!("node {node}, height {height}: {hash} against {other}"));
            }
            Some(_) => {}
            None => {
                self.finalized.insert(height, (hash, header.state_root));
                for entry in entries_of(&finalized.block).unwrap_or_default() {
                    if let Some(before) = self.entries.insert(entry, height) {
                        self.broken("no entry is final twice", format!("entry {entry} at {before} and {height}"));
                    }
                }
            }
        }
    }

    /// Blocks that are final anywhere.
    pub(super) fn blocks(&self) -> usize {
        self.finalized.len()
    }

    /// Entries that are final anywhere: acknowledged to someone.
    pub(super) fn acknowledged(&self) -> impl Iterator<Item = (u64, Height)> + '_ {
        self.entries.iter().map(|(entry, height)| (*entry, *height))
    }
}
