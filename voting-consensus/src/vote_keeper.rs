//! Counts the votes of one view.
//!
//! One vote per authority and kind is kept, so memory is bounded by the number of authorities; a
//! second, different one is evidence and is not counted.

use std::collections::BTreeMap;

use voting_core::certificate::{Certificate, Statement, Vote};
use voting_core::epoch::Epoch;
use voting_core::ids::AuthorityIndex;

use crate::evidence::Evidence;

/// Votes of one view, each verified before it comes here.
#[derive(Debug, Clone, Default)]
pub(crate) struct VoteKeeper {
    notarize: BTreeMap<AuthorityIndex, Vote>,
    skip: BTreeMap<AuthorityIndex, Vote>,
    finalize: BTreeMap<AuthorityIndex, Vote>,
    accused: Vec<AuthorityIndex>,
}

/// What counting a vote led to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Counted {
    /// A quorum is complete.
    pub(crate) certificate: Option<Certificate>,
    /// The author contradicted itself; reported once per author.
    pub(crate) evidence: Option<Evidence>,
}

impl VoteKeeper {
    /// The counted vote of this author that says the same.
    pub(crate) fn counted(&self, vote: &Vote) -> Option<&Vote> {
        self.of_kind(&vote.statement).get(&vote.authority).filter(|known| known.statement == vote.statement)
    }

    /// Counts a verified vote.
    pub(crate) fn count(&mut self, vote: Vote, epoch: &Epoch) -> Counted {
        let evidence = self.contradiction(&vote).filter(|_| !self.accused.contains(&vote.authority));
        if evidence.is_some() {
            self.accused.push(vote.authority);
        }
        // A vote that contradicts another is still its author's: where it completes a quorum, nobody else may come to do so.
        let certificate = if self.keep(vote) { self.completed_by(&vote, epoch) } else { None };
        Counted { certificate, evidence }
    }

    /// The certificate for what a vote says, if it is the one that completes the quorum.
    fn completed_by(&self, vote: &Vote, epoch: &Epoch) -> Option<Certificate> {
        let same: Vec<Vote> =
            self.of_kind(&vote.statement).values().filter(|known| known.statement == vote.statement).copied().collect();
        // Exactly at the quorum: a certificate is assembled once.
        if same.len() == usize::from(epoch.quorum) { Certificate::from_votes(same, epoch).ok() } else { None }
    }

    /// Authorities with a Skip vote.
    pub(crate) fn skipped_by(&self, authority: AuthorityIndex) -> bool {
        self.skip.contains_key(&authority)
    }

    /// Whether an authority was caught contradicting itself in this view.
    pub(crate) fn is_accused(&self, authority: AuthorityIndex) -> bool {
        self.accused.contains(&authority)
    }

    /// The votes kept, by kind: Notarize, Skip, Finalize, each ascending by author.
    #[cfg(feature = "testing")]
    pub(crate) fn kept(&self) -> (impl Iterator<Item = &Vote>, impl Iterator<Item = &Vote>, impl Iterator<Item = &Vote>) {
        (self.notarize.values(), self.skip.values(), self.finalize.values())
    }

    /// Who was caught, in the order of the catching.
    #[cfg(feature = "testing")]
    pub(crate) fn accused(&self) -> &[AuthorityIndex] {
        &self.accused
    }

    /// Keeps the first vote of an author and kind; false if there was one.
    fn keep(&mut self, vote: Vote) -> bool {
        let kind = match vote.statement {
            Statement::Notarize { .. } => &mut self.notarize,
            Statement::Skip { .. } => &mut self.skip,
            Statement::Finalize { .. } => &mut self.finalize,
        };
        let is_new = !kind.contains_key(&vote.authority);
        kind.entry(vote.authority).or_insert(vote);
        is_new
    }

    fn of_kind(&self, statement: &Statement) -> &BTreeMap<AuthorityIndex, Vote> {
        match statement {
            Statement::Notarize { .. } => &self.notarize,
            Statement::Skip { .. } => &self.skip,
            Statement::Finalize { .. } => &self.finalize,
        }
    }

    fn contradiction(&self, vote: &Vote) -> Option<Evidence> {
        [&self.notarize, &self.skip, &self.finalize]
            .into_iter()
            .filter_map(|kind| kind.get(&vote.authority))
            .find_map(|known| Evidence::new(*known, *vote))
    }
}
