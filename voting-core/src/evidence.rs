//! Proof that an authority contradicted itself.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::certificate::{CertificateError, Statement, Vote};
use crate::codec::Canonical;
use crate::crypto::PublicKey;
use crate::epoch::Epoch;
use crate::ids::{AuthorityIndex, ChainId, View};

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

/// Evidence for the ledger: all that is needed to check it. Nobody signs it, for it proves itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Accusation {
    /// The chain that the votes are of.
    pub chain: ChainId,
    /// Number of the epoch that they are of.
    pub epoch: u32,
    /// Key of the accused in that epoch.
    pub key: PublicKey,
    /// The two votes.
    pub evidence: Evidence,
}

impl Canonical for Accusation {
    const TAG: &'static str = "voting/accusation/v1";
    const MAX_BYTES: usize = 512;
}

impl Accusation {
    /// Whether the votes contradict each other and are both signed under the key. Whose key that is depends on the epoch.
    #[must_use]
    pub fn verify(&self) -> bool {
        let Self { chain, epoch, key, evidence } = self;
        let (first, second) = evidence.votes();
        Evidence::new(*first, *second).is_some() && [first, second].iter().all(|vote| vote.is_signed_by(*chain, *epoch, key))
    }
}
