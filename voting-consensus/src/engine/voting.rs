//! Own votes, and the votes of others.

use std::sync::Arc;

use voting_core::certificate::{Statement, Vote};
use voting_core::ids::{AuthorityIndex, BlockHash, View};

use super::Engine;
use crate::journal::Record;
use crate::message::Message;
use crate::mutation::Mutation;
use crate::output::Output;
use crate::view::Validity;

impl Engine {
    /// A vote of another authority. Plain votes are kept for the current and the next view, and late
    /// Finalize votes for any view that is not final; everything older or further ahead is carried by
    /// certificates.
    pub(super) fn on_vote(&mut self, from: AuthorityIndex, vote: Vote) {
        let view = vote.statement.view();
        if view <= self.head.view {
            self.help(from);
            return;
        }
        let is_finalize = matches!(vote.statement, Statement::Finalize { .. });
        let is_ahead = view > self.view.next() && !self.config.mutated(Mutation::VotesUnbounded);
        if is_ahead || (view < self.view && !is_finalize) || vote.authority == self.config.me {
            return;
        }
        if let Some(state) = self.views.get_mut(&view) {
            let certified = state.slot(&vote.statement).as_ref().is_some_and(|certificate| certificate.statement == vote.statement);
            if certified || state.votes.counted(&vote).is_some() {
                return;
            }
        }
        if self.config.is_authentic(&vote) {
            self.count(vote);
        }
    }

    /// Counts a verified vote.
    pub(super) fn count(&mut self, vote: Vote) {
        self.changes += 1;
        let counted = self.views.entry(vote.statement.view()).or_default().votes.count(vote, &self.config.epoch);
        #[cfg(feature = "mutations")]
        if self.config.mutated(Mutation::InnocentAccused) && matches!(vote.statement, Statement::Skip { .. }) {
            self.out.extend(crate::evidence::unfounded(vote).map(Output::Evidence));
        }
        if let Some(evidence) = counted.evidence {
            self.out.push(Output::Evidence(evidence));
        }
        if let Some(certificate) = counted.certificate {
            self.out.push(Output::Broadcast(Message::Certificate(certificate.clone())));
            self.keep_certificate(certificate);
        }
    }

    /// *Notarize*: the current view's proposal is valid, justified and timely, and this authority has
    /// neither notarized nor skipped in this view.
    pub(super) fn try_notarize(&mut self) {
        let view = self.view;
        let Some(state) = self.views.get(&view) else { return };
        let Some((hash, Vote { authority: author, .. })) = state.proposal else { return };
        if state.my_notarize.is_some() || state.my_skip.is_some() || !self.may_vote(view) {
            return;
        }
        let Some(known) = self.blocks.get(&hash) else { return };
        let parent = known.block.header.parent;
        let fit = known.validity == Validity::Valid { timely: true } && !state.votes.is_accused(author);
        if fit && self.is_justified(view, parent) {
            let vote = self.cast(Statement::Notarize { view, block: hash });
            self.out.push(Output::Broadcast(Message::Vote(vote)));
        }
    }

    /// *Finalize*: the view has a Notarize certificate, its block is valid, and this authority has
    /// not skipped the view nor seen its leader propose twice.
    pub(super) fn try_finalize(&mut self) {
        let ready = |engine: &Self, view: &View| -> Option<BlockHash> {
            let state = engine.views.get(view)?;
            let hash = state.notarized()?;
            let known = engine.blocks.get(&hash)?;
            let accused = engine.author(&known.block.header).is_some_and(|author| state.votes.is_accused(author));
            let skipped = state.my_skip.is_some() && !engine.config.mutated(Mutation::FinalizeAfterSkip);
            let free = state.my_finalize.is_none() && !skipped && !accused;
            (free && engine.may_vote(*view) && matches!(known.validity, Validity::Valid { .. })).then_some(hash)
        };
        let views: Vec<(View, BlockHash)> = self.views.keys().filter_map(|view| Some((*view, ready(self, view)?))).collect();
        for (view, block) in views {
            let vote = self.cast(Statement::Finalize { view, block });
            self.out.push(Output::Broadcast(Message::Vote(vote)));
        }
    }

    /// *Skip*, if this authority has neither skipped nor finalized in the current view.
    pub(super) fn cast_skip(&mut self) {
        let view = self.view;
        #[cfg(feature = "mutations")]
        let view = self.late_skip().unwrap_or(view);
        let state = self.views.entry(view).or_default();
        let finalized = state.my_finalize.is_some() && !self.config.mutated(Mutation::SkipAfterFinalize);
        if state.my_skip.is_some() || finalized || !self.may_vote(view) {
            return;
        }
        let vote = self.cast(Statement::Skip { view });
        self.out.push(Output::Broadcast(Message::Vote(vote)));
    }

    /// A skip that comes late: its view has a Finalize vote by now.
    #[cfg(feature = "mutations")]
    fn late_skip(&self) -> Option<View> {
        let (view, state) = self.views.range(..self.view).next_back()?;
        let is_late = state.my_finalize.is_some() && state.my_skip.is_none();
        (is_late && self.config.mutated(Mutation::SkipAfterFinalize)).then_some(*view)
    }

    /// Skips the current view without waiting for a timer, where waiting is pointless.
    pub(super) fn try_skip_at_once(&mut self) {
        let Some(state) = self.views.get(&self.view) else {
            if self.leader_is_silent() {
                self.cast_skip();
            }
            return;
        };
        if state.my_skip.is_some() || state.my_finalize.is_some() {
            return;
        }
        let proposal = state.proposal.and_then(|(hash, vote)| Some((vote.authority, self.blocks.get(&hash)?)));
        // A leader whose clock is wrong would otherwise cost a timeout in each of its views.
        let hopeless = [Validity::Invalid, Validity::Valid { timely: false }];
        let is_unfit = proposal.is_some_and(|(_, known)| hopeless.contains(&known.validity));
        let author = proposal.map(|(author, _)| author).or_else(|| self.expected_leader());
        let given_up = author.is_some_and(|author| state.votes.is_accused(author) || state.votes.skipped_by(author));
        if is_unfit || given_up || (proposal.is_none() && self.leader_is_silent()) {
            self.cast_skip();
        }
    }

    /// Signs, journals, notes and counts an own vote. The payload it speaks of is journalled with it.
    pub(super) fn cast(&mut self, statement: Statement) -> Vote {
        let config = &self.config;
        let vote = Vote::sign(config.chain, config.epoch.number, statement, config.me, &config.key);
        if let Some(known) = statement.block().and_then(|hash| self.blocks.get_mut(&hash))
            && !known.durable
            && !config.mutated(Mutation::PayloadUnwritten)
        {
            known.durable = true;
            let block = Arc::clone(&known.block);
            self.persist(&Record::Block(block.as_ref().clone()));
        }
        if !(self.config.mutated(Mutation::FinalizeUnwritten) && matches!(statement, Statement::Finalize { .. })) {
            self.persist(&Record::Vote(vote));
        }
        let state = self.views.entry(statement.view()).or_default();
        let own = match statement {
            Statement::Notarize { .. } => &mut state.my_notarize,
            Statement::Skip { .. } => &mut state.my_skip,
            Statement::Finalize { .. } => &mut state.my_finalize,
        };
        debug_assert!(own.is_none(), "an authority votes once per view and kind");
        *own = Some(vote);
        self.count(vote);
        vote
    }
}
