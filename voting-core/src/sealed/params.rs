//! What every proof of an election is bound to.
//!
//! ```text
//! H_P = H(suite, n, t)                              how many trustees, how many of them decrypt
//! H_B = H(H_P, context)                             the election's definition in its chain
//! H_E = H(H_B, K, ceremony transcript, roll root, authority set)
//! H_I = H(H_E, voter's key, sequence)               one ballot
//! ```
//!
//! A ballot names H_E by its [`context`](SealedHash::context), as a ballot of an open election names the definition's.
//!
//! A change of any of it changes every challenge, so no proof can be carried elsewhere.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::group::Point;
use super::transcript::{SealedHash, Transcript};
use crate::crypto::PublicKey;
use crate::ids::Digest;

/// Group, hash, encryption and proofs of this version.
pub const SUITE: &str = "ristretto255-sha512-exponential-elgamal-v1";
/// Most trustees of an election: every one deals a share to every other.
pub const MAX_TRUSTEES: u16 = 50;

/// How many trustees there are, and how many of them it takes to decrypt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    /// n: trustees, 1 to [`MAX_TRUSTEES`].
    pub trustees: u16,
    /// t: trustees who can decrypt together, 1 to n. Fewer learn nothing; n − t may be missing.
    pub threshold: u16,
}

/// Numbers of trustees that make no sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{threshold} of {trustees} trustees: there are 1 to {MAX_TRUSTEES}, and between one and all of them decrypt")]
pub struct ParametersError {
    /// n as given.
    pub trustees: u16,
    /// t as given.
    pub threshold: u16,
}

impl Parameters {
    /// t of n.
    ///
    /// # Errors
    /// [`ParametersError`] unless 1 ≤ t ≤ n ≤ [`MAX_TRUSTEES`].
    pub fn new(threshold: u16, trustees: u16) -> Result<Self, ParametersError> {
        let parameters = Self { trustees, threshold };
        parameters.check().map(|()| parameters)
    }

    /// Whether 1 ≤ t ≤ n ≤ [`MAX_TRUSTEES`], for values that came from outside.
    ///
    /// # Errors
    /// [`ParametersError`].
    pub const fn check(&self) -> Result<(), ParametersError> {
        let Self { trustees, threshold } = *self;
        if threshold == 0 || threshold > trustees || trustees > MAX_TRUSTEES {
            return Err(ParametersError { trustees, threshold });
        }
        Ok(())
    }

    /// H_P.
    #[must_use]
    pub fn hash(&self) -> SealedHash {
        Transcript::new("voting/sealed-parameters/v1").bytes(SUITE.as_bytes()).u16(self.trustees).u16(self.threshold).hash()
    }

    /// H_B: these parameters and the election's [context](crate::election::ElectionDefinition::context), which stands for the
    /// manifest in its chain.
    #[must_use]
    pub fn base_hash(&self, context: &Digest) -> SealedHash {
        Transcript::new("voting/sealed-base/v1").hash_of(&self.hash()).bytes(&context.0).hash()
    }
}

/// What H_E is made of.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SealedElection {
    /// t and n.
    pub parameters: Parameters,
    /// The election's definition in its chain.
    pub context: Digest,
    /// K: the key that ballots are encrypted to.
    pub key: Point,
    /// Hash of the ceremony that made the key.
    pub ceremony: SealedHash,
    /// Merkle root of the roll.
    pub roll_root: Digest,
    /// Digest of the epoch: who the authorities are.
    pub authorities: Digest,
}

impl SealedElection {
    /// H_E.
    #[must_use]
    pub fn hash(&self) -> SealedHash {
        Transcript::new("voting/sealed-election/v1")
            .hash_of(&self.parameters.base_hash(&self.context))
            .point(&self.key)
            .hash_of(&self.ceremony)
            .bytes(&self.roll_root.0)
            .bytes(&self.authorities.0)
            .hash()
    }
}

impl SealedHash {
    /// What the ballots of a sealed election name as their [`Ballot::context`](crate::ballot::Ballot::context), for this as H_E.
    #[must_use]
    pub fn context(&self) -> Digest {
        Digest::of_parts("voting/sealed-context/v1", &[&self.0])
    }
}

/// H_I: what the proofs of one ballot are bound to.
#[must_use]
pub fn proof_hash(election: &SealedHash, voter: &PublicKey, sequence: u32) -> SealedHash {
    Transcript::new("voting/sealed-ballot-proofs/v1").hash_of(election).bytes(&voter.0).u32(sequence).hash()
}
