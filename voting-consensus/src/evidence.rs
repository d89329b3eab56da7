//! Proof that an authority contradicted itself.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};
use voting_core::ChainId;
use voting_core::certificate::{CertificateError, Statement, Vote};
use voting_core::epoch::Epoch;
use voting_core::ids::{AuthorityIndex, View};

/// Two signed votes of one authority that no honest one makes both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Evidence {
    first: Vote,
    second: Vote,
}

impl Evidence {
    /// Pairs two votes if they contradict each other: two Notarize or two Finalize for different
    /// blocks of one view, or Skip and Finalize in one view.
    #[must_use]
    pub fn new(first: Vote, second: Vote) -> Option<Self> {
        use Statement::{Finalize, Notarize, Skip};
        if first.authority != second.authority || first.statement.view() != second.statement.view() {
            return None;
        }
        let contradict = match (first.statement, second.statement) {
            (Notarize { block: a, .. }, Notarize { block: b, .. }) | (Finalize { block: a, .. }, Finalize { block: b, .. }) => {
                a != b
            }
            (Skip { .. }, Finalize { .. }) | (Finalize { .. }, Skip { .. }) => true,
            _ => false,
        };
        contradict.then_some(Self { first, second })
    }

    /// No evidence at all: what a defect put in on purpose comes up with.
    #[cfg(feature = "mutations")]
    pub(crate) const fn unfounded(vote: Vote) -> Self {
        Self { first: vote, second: vote }
    }

    /// Who contradicted itself.
    #[must_use]
    pub const fn authority(&self) -> AuthorityIndex {
        self.first.authority
    }

    /// In which view.
    #[must_use]
    pub const fn view(&self) -> View {
        self.first.statement.view()
    }

    /// The two votes.
    #[must_use]
    pub const fn votes(&self) -> (&Vote, &Vote) {
        (&self.first, &self.second)
    }

    /// Checks the contradiction and both signatures: what anyone does before believing it.
    ///
    /// # Errors
    /// [`CertificateError::Mixed`] if the votes do not contradict each other, else the signature's error.
    pub fn verify(&self, chain: ChainId, epoch: &Epoch) -> Result<(), CertificateError> {
        Self::new(self.first, self.second).ok_or(CertificateError::Mixed)?;
        self.first.verify(chain, epoch)?;
        self.second.verify(chain, epoch)
    }
}
