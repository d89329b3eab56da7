//! Votes of authorities and the certificates made of them: what anyone can check offline.
//!
//! A vote is an authority's signature under one [`Statement`] in one chain and epoch. A certificate
//! is a quorum of valid votes by distinct authorities for the same statement.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::codec::Canonical;
use crate::crypto::{PublicKey, Signature, SigningKey};
use crate::epoch::{Epoch, MAX_AUTHORITIES};
use crate::ids::{AuthorityIndex, BlockHash, ChainId, View};

/// What an authority says about a view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Statement {
    /// This block is the valid proposal of the view's leader. The leader's own is its proposal.
    Notarize {
        /// The view.
        view: View,
        /// The block proposed in it.
        block: BlockHash,
    },
    /// This view should end without a block.
    Skip {
        /// The view.
        view: View,
    },
    /// The block is notarized, and I did not skip its view.
    Finalize {
        /// The view.
        view: View,
        /// The block notarized in it.
        block: BlockHash,
    },
}

impl Statement {
    /// The view spoken of.
    #[must_use]
    pub const fn view(&self) -> View {
        match self {
            Self::Notarize { view, .. } | Self::Skip { view } | Self::Finalize { view, .. } => *view,
        }
    }

    /// The block spoken of, if any.
    #[must_use]
    pub const fn block(&self) -> Option<BlockHash> {
        match self {
            Self::Notarize { block, .. } | Self::Finalize { block, .. } => Some(*block),
            Self::Skip { .. } => None,
        }
    }
}

/// Where a statement is made: the same words in another chain or epoch are another statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
struct SignedStatement {
    chain: ChainId,
    epoch: u32,
    statement: Statement,
}

impl Canonical for SignedStatement {
    const TAG: &'static str = "voting/vote/v1";
    const MAX_BYTES: usize = 128;
}

fn signed_bytes(chain: ChainId, epoch: u32, statement: Statement) -> Vec<u8> {
    SignedStatement { chain, epoch, statement }.to_tagged()
}

/// One authority's signed statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Vote {
    /// What is said.
    pub statement: Statement,
    /// Who says it.
    pub authority: AuthorityIndex,
    /// Signature over chain, epoch number and statement.
    pub signature: Signature,
}

impl Vote {
    /// Signs a statement.
    #[must_use]
    pub fn sign(chain: ChainId, epoch: u32, statement: Statement, authority: AuthorityIndex, key: &SigningKey) -> Self {
        Self { statement, authority, signature: key.sign(&signed_bytes(chain, epoch, statement)) }
    }

    /// Checks author and signature.
    ///
    /// # Errors
    /// [`CertificateError::UnknownAuthority`] or [`CertificateError::BadSignature`].
    pub fn verify(&self, chain: ChainId, epoch: &Epoch) -> Result<(), CertificateError> {
        let author = epoch.authority(self.authority).ok_or(CertificateError::UnknownAuthority { authority: self.authority })?;
        if self.is_signed_by(chain, epoch.number, &author.key) {
            Ok(())
        } else {
            Err(CertificateError::BadSignature { authority: self.authority })
        }
    }

    /// Whether it is signed under a key, for an epoch given by its number.
    #[must_use]
    pub fn is_signed_by(&self, chain: ChainId, epoch: u32, key: &PublicKey) -> bool {
        key.verify(&signed_bytes(chain, epoch, self.statement), &self.signature)
    }
}

/// A quorum of votes for one statement, ordered by authority.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Certificate {
    /// What the quorum says.
    pub statement: Statement,
    /// Distinct authorities in ascending order, with their signatures.
    pub signatures: Vec<(AuthorityIndex, Signature)>,
}

impl Canonical for Certificate {
    const TAG: &'static str = "voting/certificate/v1";
    const MAX_BYTES: usize = 64 + MAX_AUTHORITIES * 66;
}

impl Certificate {
    /// Assembles votes for one statement; the caller has verified each vote.
    ///
    /// # Errors
    /// [`CertificateError::TooFew`] below the quorum, [`CertificateError::Order`] if an authority
    /// appears twice, [`CertificateError::Mixed`] if the votes speak of different things.
    pub fn from_votes(mut votes: Vec<Vote>, epoch: &Epoch) -> Result<Self, CertificateError> {
        votes.sort_by_key(|vote| vote.authority);
        let statement = votes.first().ok_or(CertificateError::TooFew { actual: 0, quorum: epoch.quorum })?.statement;
        if votes.iter().any(|vote| vote.statement != statement) {
            return Err(CertificateError::Mixed);
        }
        let certificate = Self { statement, signatures: votes.iter().map(|vote| (vote.authority, vote.signature)).collect() };
        certificate.check_shape(epoch)?;
        Ok(certificate)
    }

    /// Checks that a quorum of distinct authorities of the epoch signed this, every signature included.
    ///
    /// # Errors
    /// [`CertificateError`] naming the first thing wrong.
    pub fn verify(&self, chain: ChainId, epoch: &Epoch) -> Result<(), CertificateError> {
        self.verify_with(epoch, |vote| vote.verify(chain, epoch))
    }

    /// The same with another way to verify a vote, such as one that remembers.
    ///
    /// # Errors
    /// [`CertificateError`] naming the first thing wrong.
    pub fn verify_with(
        &self,
        epoch: &Epoch,
        verify: impl FnMut(Vote) -> Result<(), CertificateError>,
    ) -> Result<(), CertificateError> {
        self.check_shape(epoch)?;
        self.votes().try_for_each(verify)
    }

    /// The single votes.
    pub fn votes(&self) -> impl Iterator<Item = Vote> + '_ {
        self.signatures.iter().map(|(authority, signature)| Vote {
            statement: self.statement,
            authority: *authority,
            signature: *signature,
        })
    }

    fn check_shape(&self, epoch: &Epoch) -> Result<(), CertificateError> {
        if self.signatures.windows(2).any(|pair| pair[0].0 >= pair[1].0) {
            return Err(CertificateError::Order);
        }
        if self.signatures.len() < usize::from(epoch.quorum) {
            return Err(CertificateError::TooFew { actual: self.signatures.len(), quorum: epoch.quorum });
        }
        Ok(())
    }
}

/// Why a vote or certificate proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// The author is not in the epoch.
    #[error("authority {authority} is not in the epoch")]
    UnknownAuthority {
        /// The index given.
        authority: AuthorityIndex,
    },
    /// The signature does not verify.
    #[error("the signature of authority {authority} is not valid")]
    BadSignature {
        /// Whose signature.
        authority: AuthorityIndex,
    },
    /// Fewer signatures than the quorum.
    #[error("{actual} signatures, the quorum is {quorum}")]
    TooFew {
        /// Signatures present.
        actual: usize,
        /// Signatures needed.
        quorum: u16,
    },
    /// Signatures not in strictly ascending order of authority: one might be counted twice.
    #[error("signatures are not in strictly ascending order of authority")]
    Order,
    /// Votes for different statements.
    #[error("the votes are for different statements")]
    Mixed,
}
