//! When two local states are the same.
//!
//! An essence tells more than the future depends on. What is dropped here:
//!
//! * **Votes that can no longer complete a quorum**: of a statement that has its certificate, and Notarize and Skip votes of
//!   views passed, which are counted no more. All that they could still do is to show that their author contradicted itself,
//!   which matters only for who may lead the view: votes of honest leaders are kept. (Of two states told apart by nothing but a
//!   vote dropped, one engine stands for both, and may keep a vote that its author did not give in the other's past.)
//! * **Votes of the liar**, unless they come one by one: they come again with all others. Where one that is kept stands in
//!   the way of another, or gives the liar away, a certificate can bring the same votes, and [`Step::Exposure`] gives it
//!   away whatever is kept.
//! * **A block beside the one notarized in its view**, which nobody needs.
//! * **The proposal and the question to the host in views passed**, which nobody looks at again.
//! * **All of views above the bounds**, where nothing happens.
//!
//! Two honest authorities that lead no view within the bounds are exchangeable: a state and its mirror image have mirrored
//! futures, and the rules know no numbers of authorities.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use voting_consensus::testing::{Essence, ViewEssence};
use voting_core::certificate::Statement;
use voting_core::epoch::Epoch;
use voting_core::ids::AuthorityIndex;

use super::node::{Faults, Local, Machine};
use super::setup::{QUORUM, Setup};
#[cfg(doc)]
use super::words::Step;

/// Drops what the future does not depend on.
pub(crate) fn canonical(mut essence: Essence, setup: &Setup, epoch: &Epoch) -> Essence {
    let (current, liar) = (essence.view, AuthorityIndex(setup.liar));
    essence.views.retain(|state| state.view.0 <= setup.views);
    for state in &mut essence.views {
        let passed = state.view < current;
        let leaders = setup.leaders(epoch, state.view.0);
        let leads = |author: &AuthorityIndex| leaders.contains(&author.0);
        let told = |author: &AuthorityIndex| *author != liar || setup.one_by_one;
        let (notarization, skipped, finalization) = (state.notarization, state.skipped, state.finalization);
        state.notarize.retain(|(author, block)| told(author) && !(passed || notarization == Some(*block)));
        state.skip.retain(|author| told(author) && (leads(author) || !(passed || skipped)));
        state.finalize.retain(|(author, block)| told(author) && (leads(author) || finalization != Some(*block)));
        state.accused.retain(leads);
        if passed {
            state.proposal = None;
            state.asked_to_build = false;
        }
    }
    for state in &essence.views {
        let beside = |hash: &_| state.notarization.is_some_and(|notarized| notarized != *hash);
        essence.blocks.retain(|known| known.view != state.view || !beside(&known.hash));
    }
    essence.views.retain(|state| *state != ViewEssence { view: state.view, ..ViewEssence::default() });
    essence
}

/// What the rules say of one authority alone.
pub(crate) fn faults(machine: &Machine, essence: &Essence, recovered: &Essence) -> Faults {
    Faults {
        accuses: machine.accuses,
        conflict: machine.conflict,
        forgets: machine.said.iter().any(|said| said.view() > recovered.head.1 && !remembers(recovered, said)),
        overlooks: essence.views.iter().any(overlooks),
    }
}

/// Whether a vote is known after a restart, with the block that it speaks of.
fn remembers(recovered: &Essence, said: &Statement) -> bool {
    let has = |block| recovered.blocks.iter().any(|known| known.hash == block);
    recovered.views.iter().find(|state| state.view == said.view()).is_some_and(|state| match *said {
        Statement::Notarize { block, .. } => state.my_notarize == Some(block) && has(block),
        Statement::Skip { .. } => state.my_skip,
        Statement::Finalize { block, .. } => state.my_finalize == Some(block) && has(block),
    })
}

/// Whether votes of a quorum are kept for one statement that has no certificate.
fn overlooks(state: &ViewEssence) -> bool {
    let quorum = QUORUM as usize;
    let has = |kept: &[(AuthorityIndex, _)], block| kept.iter().filter(|(_, other)| *other == block).count() >= quorum;
    let notarized = state.notarize.iter().any(|(_, block)| has(&state.notarize, *block)) && state.notarization.is_none();
    let finalized = state.finalize.iter().any(|(_, block)| has(&state.finalize, *block)) && state.finalization.is_none();
    notarized || finalized || (state.skip.len() >= quorum && !state.skipped)
}

/// Of a local state as it is, and of its mirror image.
pub(crate) fn prints(local: &Local, alike: Option<(AuthorityIndex, AuthorityIndex)>) -> (u64, u64) {
    let mirrored = alike.map_or_else(|| local.clone(), |alike| mirrored(local.clone(), alike));
    (print(local), print(&mirrored))
}

/// A fingerprint, the same in every run.
pub(crate) fn print(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

fn mirrored(mut local: Local, (one, other): (AuthorityIndex, AuthorityIndex)) -> Local {
    let swap = |author: AuthorityIndex| match author {
        author if author == one => other,
        author if author == other => one,
        author => author,
    };
    for state in local.essence.views.iter_mut().chain(&mut local.recovered.views) {
        let pairs = |kept: &BTreeSet<_>| kept.iter().map(|(author, block)| (swap(*author), *block)).collect::<BTreeSet<_>>();
        for kept in [&mut state.notarize, &mut state.finalize] {
            *kept = pairs(&kept.iter().copied().collect()).into_iter().collect();
        }
        for kept in [&mut state.skip, &mut state.accused] {
            *kept = kept.iter().map(|author| swap(*author)).collect::<BTreeSet<_>>().into_iter().collect();
        }
        state.proposal = state.proposal.map(|(author, block)| (swap(author), block));
    }
    local
}
