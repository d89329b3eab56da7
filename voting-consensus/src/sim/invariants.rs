//! What must hold whatever happens, judged from what is sent, written and committed, and from nothing inside the
//! engine: the rules are stated here a second time, in other words.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use voting_core::ChainId;
use voting_core::block::{Block, FinalizedBlock};
use voting_core::certificate::{Certificate, Statement, Vote};
use voting_core::epoch::{Epoch, LeaderPolicy};
use voting_core::ids::{AuthorityIndex, BlockHash, Digest, Height, View};

use super::app::entries_of;
use super::blocks::Blocks;
use super::eras::Eras;
use super::network::CLOCK_ERROR_MS;
use super::node::{AHEAD_MS, true_time};
use crate::journal::Record;
use crate::{Evidence, Message, Proposal, VerifyVote};

/// Views and blocks that a node may hold beyond what certificates account for: the current view and the next.
const HELD_BEYOND: usize = 4;
/// Messages that one step may lead to: what a standstill repeats, and the answer to one message.
const STEP_OUTPUTS_MAX: usize = 300;

/// A rule that was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which rule.
    pub invariant: &'static str,
    /// By whom, where.
    pub detail: String,
}

/// What was said in one epoch: its views are of their own, also where those of the next have the same numbers.
#[derive(Debug, Default)]
struct Said {
    /// What each honest authority said, across restarts.
    votes: BTreeMap<(AuthorityIndex, View), Vec<Statement>>,
    /// The views that each skipped, and the highest in which it wrote a vote on its current one.
    gave_up: BTreeSet<(AuthorityIndex, View)>,
    reached: BTreeMap<AuthorityIndex, View>,
    /// Who has lost its disk, and the highest view that it had voted in by then.
    lost: BTreeMap<AuthorityIndex, View>,
    /// Who said what, as a mask: honest or not.
    tally: BTreeMap<Statement, u64>,
    notarized: BTreeMap<View, BlockHash>,
    skipped: BTreeSet<View>,
    finalizable: BTreeMap<View, BlockHash>,
}

#[derive(Debug)]
pub(super) struct Checker {
    chain: ChainId,
    eras: Arc<Eras>,
    verifier: Arc<dyn VerifyVote>,
    /// A quorum has an honest authority with a right clock in it.
    judges_time: bool,
    /// By number of the epoch.
    epochs: BTreeMap<u32, Said>,
    blocks: Blocks,
    /// What each node committed last, across restarts.
    heads: BTreeMap<usize, (BlockHash, Height)>,
    finalized: BTreeMap<Height, (BlockHash, Digest)>,
    entries: BTreeMap<u64, Height>,
    pub(super) violation: Option<Violation>,
}

impl Checker {
    pub(super) fn new(chain: ChainId, eras: Arc<Eras>, verifier: Arc<dyn VerifyVote>, judges_time: bool) -> Self {
        Self {
            chain,
            blocks: Blocks::new(chain, Arc::clone(&eras)),
            epochs: eras.iter().map(|era| (era.epoch.number, Said::default())).collect(),
            eras,
            verifier,
            judges_time,
            heads: BTreeMap::new(),
            finalized: BTreeMap::new(),
            entries: BTreeMap::new(),
            violation: None,
        }
    }

    pub(super) fn broken(&mut self, invariant: &'static str, detail: String) {
        self.violation.get_or_insert(Violation { invariant, detail });
    }

    fn said(&mut self, epoch: u32) -> &mut Said {
        self.epochs.entry(epoch).or_default()
    }

    /// Something is sent by somebody honest, who is in an epoch, or by anybody: what certificates can be made of it.
    pub(super) fn saw(&mut self, message: &Message, epoch: Option<u32>) {
        match message {
            Message::Proposal(proposal) => {
                self.blocks.proposed(&proposal.block, proposal.vote.authority);
                self.heard(epoch, &proposal.vote);
                let justifying = proposal.parent.iter().chain(&proposal.skips);
                justifying.for_each(|certificate| self.shown(epoch, certificate));
            }
            Message::Vote(vote) => self.heard(epoch, vote),
            Message::Certificate(certificate) => self.shown(epoch, certificate),
            Message::Blocks(blocks) => {
                for finalized in blocks {
                    self.blocks.seen(&finalized.block);
                    let of = epoch.map(|_| finalized.block.header.epoch);
                    finalized.certificate.iter().for_each(|certificate| self.shown(of, certificate));
                }
            }
            Message::Block(block) => self.blocks.seen(block),
            Message::Hello { .. }
            | Message::RequestBlocks { .. }
            | Message::RequestBlock { .. }
            | Message::AskView { .. }
            | Message::InView { .. } => {}
        }
    }

    /// A vote of the epoch that its sender is in; of a liar, of any.
    fn heard(&mut self, epoch: Option<u32>, vote: &Vote) {
        match epoch {
            Some(epoch) => self.cast(epoch, vote),
            None => self.numbers().into_iter().for_each(|epoch| self.cast(epoch, vote)),
        }
    }

    /// A certificate of the epoch that its sender is in, which is then true; of a liar, of any or none.
    fn shown(&mut self, epoch: Option<u32>, certificate: &Certificate) {
        match epoch {
            Some(epoch) => self.certified(epoch, certificate, true),
            None => self.numbers().into_iter().for_each(|epoch| self.certified(epoch, certificate, false)),
        }
    }

    fn numbers(&self) -> Vec<u32> {
        self.epochs.keys().copied().collect()
    }

    /// An honest authority has written something down, whether or not it comes to send it.
    pub(super) fn wrote(&mut self, epoch: u32, record: &Record) {
        match record {
            Record::Vote(vote) => {
                self.cast(epoch, vote);
                self.goes_forward(epoch, vote);
            }
            Record::Certificate(certificate) => self.certified(epoch, certificate, true),
            Record::Block(block) => self.blocks.seen(block),
            Record::Complete { .. } | Record::Silent { .. } => {}
        }
    }

    /// Notarize and Skip speak of the current view, and after Skip there is no Notarize.
    fn goes_forward(&mut self, epoch: u32, vote: &Vote) {
        let (authority, view) = (vote.authority, vote.statement.view());
        if matches!(vote.statement, Statement::Finalize { .. }) {
            return;
        }
        let said = self.said(epoch);
        let before = said.reached.insert(authority, view).unwrap_or(view);
        let is_skip = matches!(vote.statement, Statement::Skip { .. });
        let gave_up = if is_skip { !said.gave_up.insert((authority, view)) } else { said.gave_up.contains(&(authority, view)) };
        if before > view {
            self.broken("views go forward", format!("a{authority}: view {view} after {before}"));
        }
        if gave_up && !is_skip {
            self.broken("who skipped a view votes for no block in it", format!("a{authority}: view {view}"));
        }
    }

    fn epoch(&self, epoch: u32) -> &Epoch {
        &self.eras.at(epoch).epoch
    }

    fn is_true(&self, epoch: u32, vote: &Vote) -> bool {
        self.verifier.verify(vote, self.chain, self.epoch(epoch)).is_ok()
    }

    fn certified(&mut self, epoch: u32, certificate: &Certificate, honest: bool) {
        let of = self.epoch(epoch);
        let verdict = certificate.verify_with(of, |vote| self.verifier.verify(&vote, self.chain, of));
        match verdict {
            Ok(()) => certificate.votes().for_each(|vote| self.cast(epoch, &vote)),
            Err(error) if honest => {
                self.broken("honest authorities hold true certificates only", format!("{:?}: {error}", certificate.statement));
            }
            Err(_) => {}
        }
    }

    /// A vote that exists: it counts from here on.
    fn cast(&mut self, epoch: u32, vote: &Vote) {
        let bit = 1_u64 << (vote.authority.0 % 64);
        let known = self.said(epoch).tally.get(&vote.statement).copied().unwrap_or(0);
        if known & bit != 0 || !self.is_true(epoch, vote) {
            return;
        }
        self.said(epoch).tally.insert(vote.statement, known | bit);
        if (known | bit).count_ones() == u32::from(self.epoch(epoch).quorum) {
            self.can_be_certified(epoch, vote.statement);
        }
    }

    /// A quorum said it.
    fn can_be_certified(&mut self, epoch: u32, statement: Statement) {
        let view = statement.view();
        let said = self.said(epoch);
        let mut twice = None;
        match statement {
            Statement::Notarize { block, .. } => twice = said.notarized.insert(view, block).map(|other| (block, other)),
            Statement::Skip { .. } => drop(said.skipped.insert(view)),
            Statement::Finalize { block, .. } => drop(said.finalizable.insert(view, block)),
        }
        let both = said.skipped.contains(&view) && said.finalizable.contains_key(&view);
        if let Some((block, other)) = twice {
            self.broken("a view has at most one notarized block", format!("view {view}: {block} and {other}"));
        }
        if both {
            self.broken("no view has both a Skip and a Finalize certificate", format!("view {view}"));
        }
    }

    /// An honest authority sends a vote of its own, which is durable or not.
    pub(super) fn sent(&mut self, epoch: u32, vote: &Vote, durable: bool) {
        use Statement::{Finalize, Notarize, Skip};
        if !durable {
            self.broken("nothing is sent before it is durable", format!("a{}: {:?}", vote.authority, vote.statement));
        }
        if let Some(last) = self.said(epoch).lost.get(&vote.authority).copied().filter(|last| vote.statement.view() <= *last) {
            let detail = format!("a{}: {:?}, as in view {last}", vote.authority, vote.statement);
            self.broken("who lost its disk votes in no view that it may have voted in", detail);
        }
        let said = self.said(epoch).votes.entry((vote.authority, vote.statement.view())).or_default();
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
            let detail = format!("a{}: {:?} after {other:?}", vote.authority, vote.statement);
            self.broken("honest authorities never contradict themselves", detail);
        }
        match vote.statement {
            Notarize { view, block } => self.may_notarize(epoch, vote.authority, view, block),
            Skip { .. } => {}
            Finalize { view, block } => {
                if self.said(epoch).notarized.get(&view) != Some(&block) {
                    self.broken("only notarized blocks are voted final", format!("a{}: {:?}", vote.authority, vote.statement));
                }
            }
        }
    }

    /// An honest authority votes for a block: it must be valid, its parent notarized, the gap skipped, and its
    /// proposer the leader.
    fn may_notarize(&mut self, epoch: u32, authority: AuthorityIndex, view: View, hash: BlockHash) {
        let Some(header) = self.blocks.header(&hash).cloned() else {
            self.broken("who votes for a block has it", format!("a{authority}: {hash} in view {view}"));
            return;
        };
        let detail = || format!("a{authority}: block {hash} of view {view} on {:?}", header.parent);
        let parent = header.parent;
        let stands_on_before = self.blocks.header(&parent.hash).is_some_and(|before| before.epoch != epoch);
        if stands_on_before && !self.finalized.values().any(|(known, _)| *known == parent.hash) {
            self.broken("an epoch begins above the final last block of the one before", detail());
        }
        let said = self.said(epoch);
        let is_notarized = parent.view == View(0)
            || stands_on_before
            || [&said.notarized, &said.finalizable].iter().any(|known| known.get(&parent.view) == Some(&parent.hash));
        let are_skipped = (parent.view.0 + 1..view.0).all(|between| said.skipped.contains(&View(between)));
        if !is_notarized {
            self.broken("parents are notarized", detail());
        }
        if !are_skipped {
            self.broken("parents skip only views with Skip certificates", detail());
        }
        if header.epoch != epoch || !self.blocks.is_valid(&hash) {
            self.broken("honest authorities vote for valid blocks only", detail());
        }
        let rules = self.epoch(epoch);
        let n = rules.len() as u64;
        let leader = match rules.leader {
            LeaderPolicy::Fixed => Some((view.0 - header.height.0) % n),
            LeaderPolicy::RoundRobin { term } => Some((view.0 - 1) / u64::from(term) % n),
            LeaderPolicy::Elected => None, // judged from block to block, where an honest one proposes
        };
        let proposers = self.blocks.proposers(&hash);
        if leader.is_some_and(|leader| proposers != 0 && (proposers >> leader) & 1 == 0) {
            self.broken("only the leader's blocks are voted for", detail());
        }
    }

    /// An honest authority proposes: it must lead, under the elected policy by what its block builds on. The
    /// rule is stated from block to block here: whoever proposed the parent leads on, unless the parent
    /// prefers another, and each view skipped between passes the lead to the next in order. Returns whether a
    /// preference decided it.
    pub(super) fn proposed(&mut self, epoch: u32, proposal: &Proposal) -> bool {
        let header = &proposal.block.header;
        self.blocks.led_by(header.hash(), proposal.vote.authority);
        let Some(parent) = proposal.parent_header.as_ref().filter(|_| self.epoch(epoch).leader == LeaderPolicy::Elected) else {
            return false;
        };
        if parent.hash() != header.parent.hash {
            self.broken("a proposal names its parent", format!("{:?}", proposal.vote));
            return false;
        }
        let n = self.epoch(epoch).len() as u64;
        let skipped = header.view.0 - parent.view.0 - 1;
        // What authorities of an epoch before preferred counts for nothing.
        let preferred = self.blocks.preference_of(&parent.hash(), epoch);
        let (base, preferred) = match preferred {
            _ if parent.epoch != epoch => (header.view.0 - header.height.0 - skipped, false),
            Some(preference) if header.view > preference.until => (header.view.0 - header.height.0 - skipped, false),
            Some(preference) if preference.since == parent.view => (u64::from(preference.leader.0), true),
            preference => match self.blocks.leader_of(&parent.hash()) {
                Some(author) => (u64::from(author.0), preference.is_some()),
                None => return false, // of a liar, who may or may not have led
            },
        };
        if u64::from(proposal.vote.authority.0) != (base + skipped) % n {
            self.broken("only the leader proposes", format!("{:?}, on {parent:?}", proposal.vote));
        }
        preferred
    }

    /// An honest node committed a block.
    pub(super) fn committed(&mut self, node: usize, now_ms: u64, finalized: &FinalizedBlock) {
        let header = &finalized.block.header;
        let (height, hash) = (header.height, header.hash());
        let (parent, below) = self.heads.insert(node, (hash, height)).unwrap_or((BlockHash::GENESIS, Height(0)));
        if height != below.next() || header.parent.hash != parent {
            self.broken("blocks are committed one on top of the other", format!("node {node}: {height} after {below}"));
        }
        let before = self.blocks.header(&parent).map(|before| (before.view, before.timestamp));
        if before.is_some_and(|(view, time)| header.view <= view || header.timestamp <= time) {
            self.broken("views and times of blocks go forward", format!("node {node}, height {height}"));
        }
        let latest = true_time(now_ms) + AHEAD_MS + CLOCK_ERROR_MS as u64;
        if self.judges_time && header.timestamp.as_millis() > latest {
            self.broken("no final block is of the future", format!("node {node}, height {height}: {:?}", header.timestamp));
        }
        finalized.certificate.iter().for_each(|certificate| self.certified(header.epoch, certificate, true));
        self.blocks.seen(&finalized.block);
        match self.finalized.get(&height) {
            Some((other, root)) if *other != hash || *root != header.state_root => {
                self.broken("finalized prefixes agree", format!("node {node}, height {height}: {hash} against {other}"));
            }
            Some(_) => {}
            None => self.newly_final(&finalized.block),
        }
    }

    fn newly_final(&mut self, block: &Block) {
        let height = block.header.height;
        self.finalized.insert(height, (block.hash(), block.header.state_root));
        for entry in entries_of(block).unwrap_or_default() {
            if let Some(before) = self.entries.insert(entry, height) {
                self.broken("no entry counts twice", format!("entry {entry} at {before} and {height}"));
            }
        }
    }

    /// An honest node starts from what is on its disk.
    pub(super) fn restarted(&mut self, node: usize, height: Height) {
        let told = self.heads.get(&node).map_or(Height(0), |(_, height)| *height);
        if height < told {
            self.broken(
                "an acknowledged entry is never lost",
                format!("node {node} told of height {told} and is back at {height}"),
            );
        }
    }

    /// An honest node has lost its disk: it begins anew, but for what it has said.
    pub(super) fn lost(&mut self, node: usize, place: usize) {
        self.heads.remove(&node);
        for era in self.eras.iter() {
            let Some(authority) = era.seat(place) else { continue };
            let said = self.epochs.entry(era.epoch.number).or_default();
            let last = said.votes.keys().filter(|(author, _)| *author == authority).map(|(_, view)| *view).max();
            said.lost.extend(last.map(|last| (authority, last)));
        }
    }

    /// An honest node accuses somebody.
    pub(super) fn accused(&mut self, node: usize, epoch: u32, evidence: &Evidence, guilty: bool) {
        let proved = evidence.verify(self.chain, self.epoch(epoch)).is_ok();
        if !proved || !guilty {
            self.broken("evidence names only the guilty", format!("node {node} accuses a{}", evidence.authority()));
        }
    }

    /// What an honest node holds in memory, and how much it says in one step.
    pub(super) fn holds(&mut self, node: usize, epoch: u32, (views, blocks): (usize, usize), outputs: usize) {
        let said = self.said(epoch);
        let certified = said.notarized.len() + said.skipped.len() + said.finalizable.len();
        if views > certified + HELD_BEYOND || blocks > 2 * (certified + HELD_BEYOND) || outputs > STEP_OUTPUTS_MAX {
            let detail = format!("node {node} holds {views} views and {blocks} blocks, and has {outputs} outputs");
            self.broken("queues stay bounded", detail);
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
