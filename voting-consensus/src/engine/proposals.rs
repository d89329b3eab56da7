//! Proposals: making one, and taking in those of others.

use std::sync::Arc;

use voting_core::block::{Block, BlockHeader};
use voting_core::certificate::{Certificate, Statement};
use voting_core::ids::{AuthorityIndex, BlockHash, View};

use super::Engine;
use crate::message::{MAX_PROPOSAL_SKIPS, Message, Proposal};
use crate::mutation::Mutation;
use crate::output::Output;
use crate::view::{BlockState, Validity};

impl Engine {
    /// Asks the host for a block if this authority leads the current view.
    pub(super) fn try_build(&mut self) {
        let view = self.view;
        let Some(parent) = self.best_parent(view) else { return };
        let Some(height) = self.applied_height(&parent.hash) else { return };
        if self.leader_on(&parent.hash, view, height.next()) != Some(self.config.me) || !self.may_vote(view) {
            return;
        }
        let empty = self.depth() >= self.config.max_depth;
        let state = self.views.entry(view).or_default();
        if state.asked_to_build || state.my_notarize.is_some() || state.my_skip.is_some() {
            return;
        }
        state.asked_to_build = true;
        self.changes += 1;
        self.out.push(Output::Build { view, parent, empty });
    }

    /// The host's block: voted for, and proposed with all that justifies it.
    pub(super) fn on_built(&mut self, view: View, block: Arc<Block>) {
        let (hash, parent) = (block.hash(), block.header.parent);
        let state = self.views.entry(view).or_default();
        let wanted = view == self.view && state.asked_to_build && state.my_notarize.is_none() && state.my_skip.is_none();
        if !wanted || block.header.view != view || !self.is_justified(view, parent) {
            return;
        }
        self.blocks
            .insert(hash, BlockState { block: Arc::clone(&block), validity: Validity::Valid { timely: true }, durable: false });
        let vote = self.cast(Statement::Notarize { view, block: hash });
        self.views.entry(view).or_default().proposal = Some((hash, vote));
        self.send_proposal(view);
    }

    /// Sends the own proposal of a view, or sends it again.
    pub(super) fn send_proposal(&mut self, view: View) {
        let Some((hash, vote)) = self.views.get(&view).and_then(|state| state.proposal) else { return };
        if vote.authority != self.config.me {
            return;
        }
        let Some(block) = self.blocks.get(&hash).map(|known| known.block.as_ref().clone()) else { return };
        let parent_view = block.header.parent.view;
        let parent = if parent_view == self.head.view {
            self.head_certificate.clone()
        } else {
            self.views.get(&parent_view).and_then(|state| state.notarization.clone())
        };
        let between = parent_view.next().0..view.0;
        let mut skips: Vec<Certificate> = between.filter_map(|gap| self.views.get(&View(gap))?.skip.clone()).collect();
        let ahead = skips.len().saturating_sub(MAX_PROPOSAL_SKIPS);
        for certificate in skips.drain(..ahead) {
            self.out.push(Output::Broadcast(Message::Certificate(certificate)));
        }
        let parent_header = if self.elects() { self.header_of(&block.header.parent.hash).cloned() } else { None };
        self.out.push(Output::Broadcast(Message::Proposal(Box::new(Proposal { block, vote, parent, skips, parent_header }))));
    }

    /// A proposal of another authority. Its certificates are taken in whatever becomes of it.
    pub(super) fn on_proposal(&mut self, from: AuthorityIndex, proposal: Proposal) {
        let Proposal { block, vote, parent, skips, parent_header } = proposal;
        if skips.len() > MAX_PROPOSAL_SKIPS {
            return;
        }
        for certificate in parent.into_iter().chain(skips) {
            self.on_certificate(from, certificate);
        }
        self.advance();

        let (hash, header) = (block.hash(), &block.header);
        let view = header.view;
        if view <= self.head.view {
            self.help(from);
            return;
        }
        let fits = header.chain == self.config.chain && header.epoch == self.config.epoch.number;
        let Some(author) = self.author_by(header, parent_header.as_ref()) else { return };
        if !fits
            || vote.statement != (Statement::Notarize { view, block: hash })
            || (vote.authority != author && !self.config.mutated(Mutation::LeaderUnchecked))
            || author == self.config.me
        {
            return;
        }
        if view < self.view {
            self.keep_if_notarized(view, hash, block);
            return;
        }
        if view > self.view.next() || !self.stands_on_certified(header) {
            return;
        }
        let state = self.views.entry(view).or_default();
        if state.proposal.is_some_and(|(known, _)| known == hash) {
            return;
        }
        // What was counted is passed on, not what came now, whose signature nobody has verified.
        let counted = state.votes.counted(&vote).copied();
        let vote = counted.unwrap_or(vote);
        if counted.is_none() {
            if !self.config.is_authentic(&vote) {
                return;
            }
            self.count(vote);
        }
        let state = self.views.entry(view).or_default();
        if state.proposal.is_none() && state.my_skip.is_none() {
            state.proposal = Some((hash, vote));
            self.insert_block(hash, block);
        } else {
            self.keep_if_notarized(view, hash, block);
        }
    }

    /// Whether a block stands on one that a quorum certified, with the height that follows as far as that one is known.
    /// Elsewhere nobody can vote for it; and where heights or parents tell whose turn it is, whoever made them up would
    /// take the leader's place, in every view.
    fn stands_on_certified(&self, header: &BlockHeader) -> bool {
        let parent = header.parent;
        let is_parent = |certificate: &Certificate| certificate.statement.block() == Some(parent.hash);
        let is_certified = if parent.view == self.head.view {
            parent.hash == self.head.hash
        } else {
            self.views.get(&parent.view).is_some_and(|state| {
                state.notarization.as_ref().is_some_and(is_parent) || state.finalization.as_ref().is_some_and(is_parent)
            })
        };
        let follows = self.height_of(&parent.hash).is_none_or(|below| below.next() == header.height);
        (is_certified && follows) || self.config.mutated(Mutation::ParentUnchecked)
    }

    /// Who may propose a block, by its parent, or by what the proposal says its parent is: the hash proves it.
    fn author_by(&self, header: &BlockHeader, parent: Option<&BlockHeader>) -> Option<AuthorityIndex> {
        let told = || {
            let parent = parent.filter(|parent| parent.hash() == header.parent.hash)?;
            Some(self.leader_by(header.view, header.height, parent.preference))
        };
        self.author(header).or_else(told)
    }

    /// Keeps a block that a quorum notarized, wherever it comes from.
    pub(super) fn keep_if_notarized(&mut self, view: View, hash: BlockHash, block: Block) {
        let wanted = self.views.get(&view).is_some_and(|state| {
            let finalized = state.finalization.as_ref().and_then(|certificate| certificate.statement.block());
            state.notarized() == Some(hash) || finalized == Some(hash)
        });
        if wanted && !self.blocks.contains_key(&hash) {
            self.insert_block(hash, block);
        }
    }

    /// Asks the host to validate every block whose parent it has applied.
    pub(super) fn ask_validations(&mut self) {
        let waiting = |known: &&BlockState| known.validity == Validity::Waiting;
        let ready: Vec<Arc<Block>> = self
            .blocks
            .values()
            .filter(waiting)
            .filter(|known| self.applied_height(&known.block.header.parent.hash).is_some())
            .map(|known| Arc::clone(&known.block))
            .collect();
        for block in ready {
            let hash = block.hash();
            let height = self.applied_height(&block.header.parent.hash);
            let Some(known) = self.blocks.get_mut(&hash) else { continue };
            self.changes += 1;
            if height.map(|height| height.next()) == Some(block.header.height) {
                known.validity = Validity::Asked;
                self.out.push(Output::Validate { block });
            } else {
                known.validity = Validity::Invalid;
            }
        }
    }

    /// The host's verdict.
    pub(super) fn on_validated(&mut self, hash: BlockHash, valid: bool, timely: bool) {
        if let Some(known) = self.blocks.get_mut(&hash)
            && known.validity == Validity::Asked
        {
            let valid = valid || self.config.mutated(Mutation::InvalidNotarized);
            let timely = timely || self.config.mutated(Mutation::TimeUnchecked);
            known.validity = if valid { Validity::Valid { timely } } else { Validity::Invalid };
            self.changes += 1;
        }
    }
}
