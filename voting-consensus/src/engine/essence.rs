//! What an engine's future depends on, as plain data: two engines of one authority with equal essence answer the same
//! inputs alike, while time stands still. A model checker tells states apart by it.
//!
//! Left out is what decides about nothing but when and to whom something is said again: the moments at which others were
//! heard and helped, whom to ask next, and which signatures a certificate consists of, as any quorum's will do.

use voting_core::certificate::{Certificate, Vote};
use voting_core::ids::{AuthorityIndex, BlockHash, Height, View};

use super::Engine;
use crate::view::{BlockState, Validity, ViewState};

/// What an engine's future depends on: see [`Engine::essence`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Essence {
    /// The current view.
    pub view: View,
    /// Height, view and hash of the last final block.
    pub head: (Height, View, BlockHash),
    /// Block of the highest Finalize certificate, if it cannot be committed yet.
    pub target: Option<BlockHash>,
    /// Views above the head's of which anything is known, ascending.
    pub views: Vec<ViewEssence>,
    /// Blocks above the head, by hash.
    pub blocks: Vec<BlockEssence>,
    /// There is something to put into a block.
    pub work: bool,
    /// The leader and view timers run.
    pub armed: bool,
    /// The last block of the epoch is final.
    pub ended: bool,
    /// The journal is lost, and it is not known yet from which view on to vote.
    pub learning: bool,
    /// No vote in views up to this one.
    pub silent_through: View,
}

/// What is known of one view.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ViewEssence {
    /// Which.
    pub view: View,
    /// Whose Notarize votes are kept, and for which block; ascending.
    pub notarize: Vec<(AuthorityIndex, BlockHash)>,
    /// Whose Skip votes are kept, ascending.
    pub skip: Vec<AuthorityIndex>,
    /// Whose Finalize votes are kept, and for which block; ascending.
    pub finalize: Vec<(AuthorityIndex, BlockHash)>,
    /// Who contradicted itself, ascending.
    pub accused: Vec<AuthorityIndex>,
    /// The proposal that may be voted for, and whose it is.
    pub proposal: Option<(AuthorityIndex, BlockHash)>,
    /// The block of the Notarize certificate.
    pub notarization: Option<BlockHash>,
    /// There is a Skip certificate.
    pub skipped: bool,
    /// The block of the Finalize certificate.
    pub finalization: Option<BlockHash>,
    /// The block of the own Notarize.
    pub my_notarize: Option<BlockHash>,
    /// There is an own Skip.
    pub my_skip: bool,
    /// The block of the own Finalize.
    pub my_finalize: Option<BlockHash>,
    /// The host has been asked for a block.
    pub asked_to_build: bool,
}

/// What is known of one block.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlockEssence {
    /// Which.
    pub hash: BlockHash,
    /// The view it was proposed in.
    pub view: View,
    /// The host has been asked whether it is valid.
    pub asked: bool,
    /// The host's verdict, and whether the time was found right as well.
    pub verdict: Option<(bool, bool)>,
    /// It is in the journal.
    pub durable: bool,
}

impl Engine {
    /// What this engine's future depends on.
    #[must_use]
    pub fn essence(&self) -> Essence {
        let nothing = |view: View| ViewEssence { view, ..ViewEssence::default() };
        Essence {
            view: self.view,
            head: (self.head.height, self.head.view, self.head.hash),
            target: self.target.as_ref().and_then(block_of),
            views: self.views.iter().map(of_view).filter(|essence| *essence != nothing(essence.view)).collect(),
            blocks: self.blocks.iter().map(of_block).collect(),
            work: self.work,
            armed: self.timing.is_armed(),
            ended: self.ended,
            learning: self.is_learning(),
            silent_through: self.learning.silent_through,
        }
    }
}

fn block_of(certificate: &Certificate) -> Option<BlockHash> {
    certificate.statement.block()
}

fn of_view((view, state): (&View, &ViewState)) -> ViewEssence {
    let said = |vote: &Vote| Some((vote.authority, vote.statement.block()?));
    let own = |vote: &Option<Vote>| vote.and_then(|vote| vote.statement.block());
    let (notarize, skip, finalize) = state.votes.kept();
    let mut accused = state.votes.accused().to_vec();
    accused.sort_unstable();
    ViewEssence {
        view: *view,
        notarize: notarize.filter_map(said).collect(),
        skip: skip.map(|vote| vote.authority).collect(),
        finalize: finalize.filter_map(said).collect(),
        accused,
        proposal: state.proposal.map(|(hash, vote)| (vote.authority, hash)),
        notarization: state.notarization.as_ref().and_then(block_of),
        skipped: state.skip.is_some(),
        finalization: state.finalization.as_ref().and_then(block_of),
        my_notarize: own(&state.my_notarize),
        my_skip: state.my_skip.is_some(),
        my_finalize: own(&state.my_finalize),
        asked_to_build: state.asked_to_build,
    }
}

fn of_block((hash, state): (&BlockHash, &BlockState)) -> BlockEssence {
    let (asked, verdict) = match state.validity {
        Validity::Waiting => (false, None),
        Validity::Asked => (true, None),
        Validity::Valid { timely } => (true, Some((true, timely))),
        Validity::Invalid => (true, Some((false, false))),
    };
    BlockEssence { hash: *hash, view: state.block.header.view, asked, verdict, durable: state.durable }
}
