//! Adding up under encryption: the sum of ciphertexts is a ciphertext of the sum.
//!
//! ```text
//! A = Σ wα      B = Σ wβ      over the ballots that count, with their voters' weights w
//! ```
//!
//! Partitions add up their own ballots; the sums are merged in any order and come out the same.

use curve25519_dalek::ristretto::RistrettoPoint;
use curve25519_dalek::traits::Identity as _;
use thiserror::Error;

use super::ballot::Ciphertext;
use super::contest::SealedContest;
use super::group::{Exponent, Point};
use super::transcript::{SealedHash, Transcript};
use super::verify::VerifiedBallot;

/// Why a sum was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SumError {
    /// Of another election, or other contests.
    #[error("the ballots or sums are not of the same election")]
    Election,
    /// More than can be counted.
    #[error("the weights add up to more than can be counted")]
    Overflow,
    /// Taking back more than there is.
    #[error("the ballot taken back is not among those added")]
    NotAdded,
}

fn weigh(weight: u64, point: RistrettoPoint) -> RistrettoPoint {
    if weight == 1 { point } else { Exponent::from(weight) * point }
}

/// The encrypted sums of an election, or of a part of its ballots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aggregate {
    pub(super) election: SealedHash,
    ballots: u64,
    weight: u64,
    /// A and B by contest and option.
    pub(super) sums: Vec<Vec<[RistrettoPoint; 2]>>,
}

impl Aggregate {
    /// Nothing yet.
    #[must_use]
    pub fn new(election: SealedHash, contests: &[SealedContest]) -> Self {
        let nothing = |contest: &SealedContest| vec![[RistrettoPoint::identity(); 2]; contest.ciphertexts()];
        Self { election, ballots: 0, weight: 0, sums: contests.iter().map(nothing).collect() }
    }

    /// Adds a ballot with its voter's weight. That it is the one of its voter that counts is for the caller to know.
    ///
    /// # Errors
    /// [`SumError`]; nothing is added then.
    pub fn add(&mut self, ballot: &VerifiedBallot, weight: u64) -> Result<(), SumError> {
        self.plus(&ballot.election, &ballot.contests, 1, weight, |point| weigh(weight, point))
    }

    /// Takes back a ballot that was added before with this weight. That it was is for the caller to know.
    ///
    /// # Errors
    /// [`SumError`]; nothing is taken back then.
    pub fn remove(&mut self, ballot: &VerifiedBallot, weight: u64) -> Result<(), SumError> {
        let (Some(ballots), Some(rest)) = (self.ballots.checked_sub(1), self.weight.checked_sub(weight)) else {
            return Err(SumError::NotAdded);
        };
        self.accumulate(&ballot.election, &ballot.contests, |point| -weigh(weight, point))?;
        (self.ballots, self.weight) = (ballots, rest);
        Ok(())
    }

    /// Adds the sums of other ballots.
    ///
    /// # Errors
    /// [`SumError`]; nothing is added then.
    pub fn merge(&mut self, other: &Self) -> Result<(), SumError> {
        self.plus(&other.election, &other.sums, other.ballots, other.weight, |point| point)
    }

    fn plus(
        &mut self,
        election: &SealedHash,
        terms: &[Vec<[RistrettoPoint; 2]>],
        ballots: u64,
        weight: u64,
        weighted: impl Fn(RistrettoPoint) -> RistrettoPoint,
    ) -> Result<(), SumError> {
        let ballots = self.ballots.checked_add(ballots).ok_or(SumError::Overflow)?;
        let weight = self.weight.checked_add(weight).ok_or(SumError::Overflow)?;
        self.accumulate(election, terms, weighted)?;
        (self.ballots, self.weight) = (ballots, weight);
        Ok(())
    }

    fn accumulate(
        &mut self,
        election: &SealedHash,
        terms: &[Vec<[RistrettoPoint; 2]>],
        weighted: impl Fn(RistrettoPoint) -> RistrettoPoint,
    ) -> Result<(), SumError> {
        let same = self.sums.len() == terms.len() && self.sums.iter().zip(terms).all(|(a, b)| a.len() == b.len());
        if self.election != *election || !same {
            return Err(SumError::Election);
        }
        for ([a, b], [alpha, beta]) in self.sums.iter_mut().flatten().zip(terms.iter().flatten()) {
            *a += weighted(*alpha);
            *b += weighted(*beta);
        }
        Ok(())
    }

    /// H_E.
    #[must_use]
    pub const fn election(&self) -> &SealedHash {
        &self.election
    }

    /// Ballots in it.
    #[must_use]
    pub const fn ballots(&self) -> u64 {
        self.ballots
    }

    /// Sum of their voters' weights.
    #[must_use]
    pub const fn weight(&self) -> u64 {
        self.weight
    }

    /// The sums as they are published, by contest and option.
    #[must_use]
    pub fn ciphertexts(&self) -> Vec<Vec<Ciphertext>> {
        let encode = |[a, b]: &[RistrettoPoint; 2]| Ciphertext { alpha: Point::of(a), beta: Point::of(b) };
        self.sums.iter().map(|contest| contest.iter().map(encode).collect()).collect()
    }

    /// What trustees state that they decrypt: election, number and weight of the ballots, and all sums.
    #[must_use]
    pub fn hash(&self) -> SealedHash {
        let start = Transcript::new("voting/sealed-aggregate/v1").hash_of(&self.election);
        let start = start.bytes(&self.ballots.to_le_bytes()).bytes(&self.weight.to_le_bytes());
        let points = |contest: Vec<Ciphertext>| contest.into_iter().flat_map(|pair| [pair.alpha, pair.beta]).collect::<Vec<_>>();
        self.ciphertexts().into_iter().fold(start, |hash, contest| hash.joined(points(contest).iter())).hash()
    }
}
