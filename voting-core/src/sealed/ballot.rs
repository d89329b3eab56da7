//! What a sealed [`Ballot`] says in a contest, as it travels. [`seal`](super::seal) makes it, [`verify`](super::verify) judges
//! it. Everything else of a ballot is as in an open election, but for its context, which is made of H_E.

use std::collections::BTreeSet;

use borsh::{BorshDeserialize, BorshSerialize};
use imbl::OrdSet;
use serde::{Deserialize, Serialize};

use super::group::{Point, Scalar};
use super::refusal::BallotRefusal;
use crate::ballot::{Ballot, Selection};

/// Largest sealed ballot in canonical bytes, without the signature: an entry of a ledger holds it, also when it is opened by a
/// challenge.
pub const MAX_SEALED_BALLOT_BYTES: usize = 54 * 1024;
/// Bytes of a [`Branch`].
pub(super) const BRANCH_BYTES: usize = 128;
/// Bytes of a ballot beside its contests.
pub(super) const FRAME_BYTES: usize = 16 + 32 + 32 + 4 + 4;

/// An ElGamal ciphertext of m: α = rG, β = mG + rK.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ciphertext {
    /// α.
    pub alpha: Point,
    /// β.
    pub beta: Point,
}

/// One branch of a disjunctive Chaum–Pedersen proof: that the plaintext is j.
/// Holds if a = vG + cα and b = vK + c(β − jG).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RangeProof {
    /// The branches.
    pub branches: Vec<Branch>,
}

/// An encrypted value and the proof that it is in range.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SealedOption {
    /// The value, encrypted.
    pub ciphertext: Ciphertext,
    /// That it is in the option's range.
    pub range: RangeProof,
}

/// What a voter says in one contest, sealed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
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

/// The sealed selections of a ballot, by contest.
///
/// # Errors
/// [`BallotRefusal::Open`] for the first contest that is not sealed.
pub(super) fn sealed_selections(ballot: &Ballot) -> Result<Vec<&SealedSelection>, BallotRefusal> {
    let mut selections = Vec::with_capacity(ballot.selections.len());
    for (contest, selection) in (0..).zip(&ballot.selections) {
        let Selection::Sealed(sealed) = selection else { return Err(BallotRefusal::Open { contest }) };
        selections.push(sealed);
    }
    Ok(selections)
}

/// Every ciphertext of a ballot, contest by contest; none of what is not sealed.
pub(crate) fn ciphertexts(ballot: &Ballot) -> impl Iterator<Item = &Ciphertext> {
    let sealed = ballot.selections.iter().filter_map(|selection| match selection {
        Selection::Sealed(sealed) => Some(sealed),
        _ => None,
    });
    sealed.flat_map(|sealed| &sealed.options).map(|option| &option.ciphertext)
}

/// Ciphertexts that were on a board before, or were opened by a challenge: none may come again, whoever sends it.
///
/// Told by α alone: two ciphertexts with the same randomness belong together, whatever their β. Of α half is kept: a board of
/// 2⁴⁰ ciphertexts has two that agree in it with a probability below 2⁻⁴⁷. Cloning is O(1).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SeenCiphertexts(OrdSet<[u8; 16]>);

impl SeenCiphertexts {
    /// Takes the ciphertexts of a ballot, all of them or, if one has been seen or stands twice on the ballot, none.
    ///
    /// # Errors
    /// The first α seen before.
    pub fn insert(&mut self, ballot: &Ballot) -> Result<(), Point> {
        if let Some(alpha) = self.find(ballot) {
            return Err(alpha);
        }
        for Ciphertext { alpha, .. } in ciphertexts(ballot) {
            self.0.insert(half(alpha));
        }
        Ok(())
    }

    /// The first α of a ballot that was seen before, or that stands on it twice.
    #[must_use]
    pub fn find(&self, ballot: &Ballot) -> Option<Point> {
        let mut own = BTreeSet::new();
        let mut seen = |alpha: &Point| self.0.contains(&half(alpha)) || !own.insert(half(alpha));
        ciphertexts(ballot).map(|ciphertext| ciphertext.alpha).find(|alpha| seen(alpha))
    }
}

fn half(point: &Point) -> [u8; 16] {
    let mut half = [0; 16];
    half.copy_from_slice(&point.0[..16]);
    half
}
