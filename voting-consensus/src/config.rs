//! What an engine needs to know about itself and its network.

use std::sync::Arc;

use voting_core::ChainId;
use voting_core::certificate::{Certificate, CertificateError, Vote};
use voting_core::crypto::SigningKey;
use voting_core::epoch::Epoch;
use voting_core::ids::{AuthorityIndex, Height};

use crate::mutation::Mutation;

/// Notarized blocks above the last final one before proposals must be empty: bounds what is
/// speculative, and gives finality a chance to catch up.
pub const DEFAULT_MAX_DEPTH: usize = 8;

/// Stands for a node that is no authority: no epoch has so many.
pub const OBSERVER: AuthorityIndex = AuthorityIndex(u16::MAX);

/// Decides whether a vote is its author's. The answer must depend on the arguments alone.
pub trait VerifyVote: std::fmt::Debug + Send + Sync {
    /// Checks author and signature.
    ///
    /// # Errors
    /// [`CertificateError::UnknownAuthority`] or [`CertificateError::BadSignature`].
    fn verify(&self, vote: &Vote, chain: ChainId, epoch: &Epoch) -> Result<(), CertificateError>;
}

/// Verifies every signature anew; the way for all real use.
#[derive(Debug, Clone, Copy, Default)]
pub struct VerifyEach;

impl VerifyVote for VerifyEach {
    fn verify(&self, vote: &Vote, chain: ChainId, epoch: &Epoch) -> Result<(), CertificateError> {
        vote.verify(chain, epoch)
    }
}

/// Configuration of one authority's engine.
#[derive(Debug, Clone)]
pub struct EngineConfig {
    /// The chain agreed on.
    pub chain: ChainId,
    /// Who takes part, and by which rules.
    pub epoch: Arc<Epoch>,
    /// The first height that these authorities decide on.
    pub first: Height,
    /// Which authority this is; [`OBSERVER`] for one that is none of them.
    pub me: AuthorityIndex,
    /// Its key.
    pub key: SigningKey,
    /// A number that nobody could foresee, drawn at each start: answers to an earlier question count for nothing.
    pub nonce: [u8; 32],
    /// Notarized blocks above the last final one before proposals must be empty.
    pub max_depth: usize,
    /// How votes are verified. A simulation of many authorities in one thread verifies each vote once.
    pub verifier: Arc<dyn VerifyVote>,
    /// A rule that is left out, to see whether the simulator notices.
    #[cfg(feature = "mutations")]
    pub mutation: Option<Mutation>,
}

impl EngineConfig {
    /// The usual configuration.
    #[must_use]
    pub fn new(chain: ChainId, epoch: Arc<Epoch>, me: AuthorityIndex, key: SigningKey) -> Self {
        Self {
            chain,
            epoch,
            first: Height(1),
            me,
            key,
            nonce: [0; 32],
            max_depth: DEFAULT_MAX_DEPTH,
            verifier: Arc::new(VerifyEach),
            #[cfg(feature = "mutations")]
            mutation: None,
        }
    }

    /// The configuration of a node that is no authority of the epoch: it follows, and says nothing.
    #[must_use]
    pub fn observer(chain: ChainId, epoch: Arc<Epoch>, key: SigningKey) -> Self {
        Self::new(chain, epoch, OBSERVER, key)
    }

    /// Whether a rule is left out: never, but in tests of the simulator.
    #[cfg(feature = "mutations")]
    pub(crate) fn mutated(&self, mutation: Mutation) -> bool {
        self.mutation == Some(mutation)
    }

    /// A quorum of one vote less, if that is the rule left out.
    #[cfg(feature = "mutations")]
    pub(crate) fn with_mutated_quorum(mut self) -> Self {
        if self.mutated(Mutation::QuorumOffByOne) {
            Arc::make_mut(&mut self.epoch).quorum -= 1;
        }
        self
    }

    /// Whether a certificate is believed because a rule is left out.
    #[cfg(feature = "mutations")]
    fn is_credulous(&self, certificate: &Certificate) -> bool {
        let before = || Epoch { number: self.epoch.number.saturating_sub(1), ..self.epoch.as_ref().clone() };
        let are_enough = || certificate.signatures.len() >= usize::from(self.epoch.quorum);
        match self.mutation {
            Some(Mutation::CertificateUnchecked) => true,
            Some(Mutation::EpochIgnored) => certificate.verify(self.chain, &before()).is_ok(),
            Some(Mutation::VotesCountedTwice) => are_enough() && certificate.votes().all(|vote| self.is_authentic(&vote)),
            _ => false,
        }
    }

    /// Whether a rule is left out: never, but in tests of the simulator.
    #[cfg(not(feature = "mutations"))]
    pub(crate) const fn mutated(&self, _: Mutation) -> bool {
        false
    }

    pub(crate) fn is_authentic(&self, vote: &Vote) -> bool {
        self.mutated(Mutation::SignatureUnchecked) || self.verifier.verify(vote, self.chain, &self.epoch).is_ok()
    }

    pub(crate) fn is_certain(&self, certificate: &Certificate) -> bool {
        #[cfg(feature = "mutations")]
        if self.is_credulous(certificate) {
            return true;
        }
        certificate.verify_with(&self.epoch, |vote| self.verifier.verify(&vote, self.chain, &self.epoch)).is_ok()
    }
}
