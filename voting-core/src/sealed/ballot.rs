//! A sealed ballot as it travels. [`seal`](super::seal) makes it, [`verify`](super::verify) judges it.

use std::collections::BTreeSet;

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use super::group::{Point, Scalar};
use super::params::ballot_hash;
use super::transcript::{SealedHash, Transcript};
use crate::codec::Canonical;
use crate::crypto::{PublicKey, Signature, SigningKey};
use crate::ids::{BallotCode, BallotHash};

/// Largest sealed ballot in canonical bytes, without the signature: an entry of a ledger holds it.
pub const MAX_SEALED_BALLOT_BYTES: usize = 60 * 1024;
/// Bytes of a [`Branch`].
pub(super) const BRANCH_BYTES: usize = 128;
/// Bytes of a ballot beside its contests.
pub(super) const FRAME_BYTES: usize = 64 + 32 + 4 + 4;

/// An ElGamal ciphertext of m: α = rG, β = mG + rK.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ciphertext {
    /// α.
    pub alpha: Point,
    /// β.
    pub beta: Point,
}

/// One branch of a disjunctive Chaum–Pedersen proof: that the plaintext is j.
/// Holds if a = vG + cα and b = vK + c(β − jG).
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Branch {
    /// a: commitment to the base G.
    pub a: Point,
    /// b: commitment to the base K.
    pub b: Point,
    /// c: this branch's part of the challenge.
    pub challenge: Scalar,
    /// v: the response.
    pub response: Scalar,
}

/// Proof that a plaintext is one of several consecutive values, without telling which: a branch for each, ascending.
/// It holds if every branch does, and the branches' challenges add up to the hash of the statement and all commitments.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RangeProof {
    /// The branches.
    pub branches: Vec<Branch>,
}

/// An encrypted value and the proof that it is in range.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SealedOption {
    /// The value, encrypted.
    pub ciphertext: Ciphertext,
    /// That it is in the option's range.
    pub range: RangeProof,
}

/// What a voter says in one contest, sealed.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SealedSelection {
    /// The options in order, then blank where it is allowed.
    pub options: Vec<SealedOption>,
    /// That the weighted sum is within the contest's limit; none where the contest has none to prove.
    pub limit: Option<RangeProof>,
}

impl SealedSelection {
    /// Its proofs: the options', then the limit's.
    pub(super) fn proofs(&self) -> impl Iterator<Item = &RangeProof> {
        self.options.iter().map(|option| &option.range).chain(&self.limit)
    }
}

/// The content of a sealed ballot: what is signed.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SealedBallot {
    /// H_E: election, key, trustees, roll and authorities.
    pub election: SealedHash,
    /// The key certified for this voter in this election.
    pub voter: PublicKey,
    /// 1 for the first ballot; higher for each that replaces an earlier one.
    pub sequence: u32,
    /// One selection per contest, in the order of the definition.
    pub contests: Vec<SealedSelection>,
}

impl Canonical for SealedBallot {
    const TAG: &'static str = "voting/sealed-ballot/v1";
    const MAX_BYTES: usize = MAX_SEALED_BALLOT_BYTES;
}

impl SealedBallot {
    /// H_I: what the proofs are bound to.
    #[must_use]
    pub fn proof_hash(&self) -> SealedHash {
        ballot_hash(&self.election, &self.voter, self.sequence)
    }

    /// The ballot's identity: the hash of what is signed.
    #[must_use]
    pub fn hash(&self) -> BallotHash {
        BallotHash(self.digest().0)
    }

    /// What the voter notes down before deciding to cast or to challenge: it covers election, voter, sequence and all
    /// ciphertexts. Written and read as any [`BallotCode`].
    #[must_use]
    pub fn tracker(&self) -> BallotCode {
        let points = |selection: &SealedSelection| {
            let pairs = selection.options.iter().map(|option| option.ciphertext);
            pairs.flat_map(|ciphertext| [ciphertext.alpha, ciphertext.beta]).collect::<Vec<_>>()
        };
        let start = Transcript::new("voting/sealed-tracker/v1").hash_of(&self.proof_hash());
        let hash = self.contests.iter().fold(start, |hash, contest| hash.joined(points(contest).iter())).hash();
        let mut code = BallotCode([0; 20]);
        code.0.copy_from_slice(&hash.0[..20]);
        code
    }

    /// Every ciphertext, contest by contest.
    pub fn ciphertexts(&self) -> impl Iterator<Item = &Ciphertext> {
        self.contests.iter().flat_map(|contest| &contest.options).map(|option| &option.ciphertext)
    }

    /// Signs the ballot with the voter's key.
    #[must_use]
    pub fn sign(self, key: &SigningKey) -> SignedSealedBallot {
        let signature = key.sign(&self.to_tagged());
        SignedSealedBallot { ballot: self, signature }
    }
}

/// A sealed ballot with the voter's signature.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedSealedBallot {
    /// The content.
    pub ballot: SealedBallot,
    /// The voter's signature over the tagged content.
    pub signature: Signature,
}

impl Canonical for SignedSealedBallot {
    const TAG: &'static str = "voting/signed-sealed-ballot/v1";
    const MAX_BYTES: usize = MAX_SEALED_BALLOT_BYTES + 64;
}

impl SignedSealedBallot {
    /// Whether the voter's key made this signature, under the strict rule. Says nothing of the proofs.
    #[must_use]
    pub fn verify(&self) -> bool {
        self.ballot.voter.verify(&self.ballot.to_tagged(), &self.signature)
    }
}

/// Ciphertexts that were on a board before, or were opened by a challenge: none may come again, whoever sends it.
///
/// Told by α alone: two ciphertexts with the same randomness belong together, whatever their β.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SeenCiphertexts(BTreeSet<Point>);

impl SeenCiphertexts {
    /// Takes the ciphertexts of a ballot, all of them or, if one has been seen or stands twice on the ballot, none.
    ///
    /// # Errors
    /// The first α seen before.
    pub fn insert(&mut self, ballot: &SealedBallot) -> Result<(), Point> {
        let mut own = BTreeSet::new();
        for Ciphertext { alpha, .. } in ballot.ciphertexts() {
            if self.0.contains(alpha) || !own.insert(*alpha) {
                return Err(*alpha);
            }
        }
        self.0.append(&mut own);
        Ok(())
    }
}
