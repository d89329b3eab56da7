//! The key ceremony: t of n trustees make a key that none of them knows.
//!
//! ```text
//!  commit ──▶ reveal ──▶ deal ──▶ check ──▶ (open) ──▶ sign ──▶ done
//!    │          │          │         │          │         │
//!    │          │          │         │          │         └ every trustee signs the transcript
//!    │          │          │         │          └ a dealer shows the shares complained about
//!    │          │          │         └ a recipient complains of shares that do not fit the commitments
//!    │          │          └ f_i(l) for every l, encrypted to κ_l
//!    │          └ C_ij = a_ij G and κ_i, each with a proof of knowledge
//!    └ H(C_i*, κ_i)
//! ```
//!
//! Trustee i has a secret polynomial f_i(x) = Σ a_ij xʲ of degree t − 1. The key is K = Σ C_i0; trustee l's share of its secret is
//! z_l = Σ f_i(l), and everyone computes Z_l = z_l G from the C_ij. (Pedersen, *A Threshold Cryptosystem without a Trusted
//! Party*, 1991.)
//!
//! * **No rushing, no rogue keys**: nobody shows a point before all have committed to theirs, and every point comes with a proof
//!   of knowledge that is bound to this ceremony and its trustee.
//! * **Who does not deliver is left out**, when the phase is closed, and its polynomial with it; with fewer than t trustees left the
//!   ceremony fails. Dropping out after the reveals lets a trustee choose between two keys, which does not help against encryption
//!   (Gennaro, Jarecki, Krawczyk and Rabin, *Secure Distributed Key Generation for Discrete-Log Based Cryptosystems*, 2007, section 5).
//! * **Complaints cannot expose an honest dealer**: those who may lie are fewer than t, and the shares that they can make it
//!   open are those that they have. A dealer of whom t or more complain has been accused by an honest one, and is left out at once.
//! * **A refused message changes nothing**: a trustee may send a better one until the phase is closed.
//!
//! [`Ceremony`] is what everyone replays: authorities, trustees, verifiers. [`Dealer`] is what only a trustee has.
//!
//! Everything is bound to H_C, which extends H_P by the election and the trustees' keys, so that nothing of one ceremony is of
//! use in another with as many trustees.

mod dealer;
mod error;
mod message;
mod proof;
mod share;
mod state;

pub use dealer::Dealer;
pub use error::{CeremonyRefusal, DealerError, SetupError};
pub use message::{CeremonyMessage, CeremonyRecord, EncryptedShare, OpenedShare, RecordEvent, SignedMessage, Step};
pub use proof::ProvenPoint;
pub use state::{Ceremony, CeremonyOutcome, CeremonyPhase, ReplayError};

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use super::params::Parameters;
use super::transcript::{SealedHash, Transcript};
use crate::crypto::PublicKey;
use crate::ids::Digest;

/// Who takes part, for which election.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CeremonySetup {
    /// t and n.
    pub parameters: Parameters,
    /// [`ElectionDefinition::context`](crate::election::ElectionDefinition::context): the definition in its chain.
    pub context: Digest,
    /// Which ceremony of this definition: one that was given up is of no use in the next.
    pub attempt: u32,
    /// The keys that trustees sign with; trustee l is the one at place l − 1.
    pub trustees: Vec<PublicKey>,
}

impl CeremonySetup {
    /// Whether there are as many distinct usable keys as trustees.
    ///
    /// # Errors
    /// [`SetupError`] with the first thing wrong.
    pub fn check(&self) -> Result<(), SetupError> {
        self.parameters.check()?;
        if self.trustees.len() != usize::from(self.parameters.trustees) {
            return Err(SetupError::Trustees { actual: self.trustees.len(), expected: self.parameters.trustees });
        }
        for (index, key) in (1..).zip(&self.trustees) {
            key.check().map_err(|reason| SetupError::Key { index, reason })?;
            if self.trustees.iter().filter(|other| *other == key).count() > 1 {
                return Err(SetupError::SameKey { index });
            }
        }
        Ok(())
    }

    /// H_C: what messages and proofs of the ceremony are bound to.
    #[must_use]
    pub fn hash(&self) -> SealedHash {
        let start = Transcript::new("voting/sealed-ceremony-setup/v1").hash_of(&self.parameters.hash());
        let start = start.bytes(&self.context.0).u32(self.attempt);
        self.trustees.iter().fold(start, |hash, key| hash.bytes(&key.0)).hash()
    }
}
