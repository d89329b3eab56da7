//! What an engine knows about one view.

use std::sync::Arc;

use voting_core::block::Block;
use voting_core::certificate::{Certificate, Statement, Vote};
use voting_core::ids::BlockHash;

use crate::vote_keeper::VoteKeeper;

/// One view: votes, certificates, the proposal, and this authority's own word.
#[derive(Debug, Clone, Default)]
pub(crate) struct ViewState {
    pub(crate) votes: VoteKeeper,
    /// The proposal this authority may vote for, and the leader's vote for it.
    pub(crate) proposal: Option<(BlockHash, Vote)>,
    pub(crate) notarization: Option<Certificate>,
    pub(crate) skip: Option<Certificate>,
    pub(crate) finalization: Option<Certificate>,
    /// Own votes, as journalled.
    pub(crate) my_notarize: Option<Vote>,
    pub(crate) my_skip: Option<Vote>,
    pub(crate) my_finalize: Option<Vote>,
    /// The host has been asked for a block.
    pub(crate) asked_to_build: bool,
}

impl ViewState {
    /// The block notarized in this view.
    pub(crate) fn notarized(&self) -> Option<BlockHash> {
        self.notarization.as_ref()?.statement.block()
    }

    /// The certificate slot that a statement belongs to.
    pub(crate) fn slot(&mut self, statement: &Statement) -> &mut Option<Certificate> {
        match statement {
            Statement::Notarize { .. } => &mut self.notarization,
            Statement::Skip { .. } => &mut self.skip,
            Statement::Finalize { .. } => &mut self.finalization,
        }
    }

    /// The certificates of this view, the one that says most first.
    pub(crate) fn certificates(&self) -> impl Iterator<Item = &Certificate> {
        [&self.finalization, &self.notarization, &self.skip].into_iter().flatten()
    }

    /// Own votes and certificates, to be sent again.
    pub(crate) fn to_resend(&self) -> (Vec<Certificate>, Vec<Vote>) {
        let certificates = self.certificates().cloned().collect();
        let votes = [self.my_notarize, self.my_skip, self.my_finalize].into_iter().flatten().collect();
        (certificates, votes)
    }
}

/// What is known about an unfinalized block.
#[derive(Debug, Clone)]
pub(crate) struct BlockState {
    pub(crate) block: Arc<Block>,
    pub(crate) validity: Validity,
    /// The payload is in the journal.
    pub(crate) durable: bool,
}

/// How far the host has come with a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Validity {
    /// Not asked: its parent is not there yet.
    Waiting,
    /// Asked.
    Asked,
    /// Valid; `timely` is this authority's own judgement.
    Valid { timely: bool },
    /// Not valid.
    Invalid,
}
