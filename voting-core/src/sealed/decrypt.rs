//! Decrypting the sums of a closed election, and nothing else.
//!
//! ```text
//! trustee l:  M_l = z_l A,  and a proof that log_G Z_l = log_A M_l      (Chaum and Pedersen, 1992)
//! anyone:     M = Σ λ_l M_l over t of them,  B − M = T·G,  T by baby steps and giant steps
//! ```
//!
//! λ_l = Π k/(k − l) over the other trustees k of the same t: Lagrange's coefficients at 0. A trustee computes the sums itself
//! from the certified board and decrypts those only; whoever combines checks every proof and names trustees whose proofs fail.

use borsh::{BorshDeserialize, BorshSerialize};
use curve25519_dalek::ristretto::RistrettoPoint;
use curve25519_dalek::traits::VartimeMultiscalarMul as _;
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::contest::SealedContest;
use super::dlog::{DiscreteLog, MAX_TOTAL};
use super::group::{Exponent, Point, Scalar, random_exponent};
use super::key::times_base;
use super::params::Parameters;
use super::tally::Aggregate;
use super::transcript::{SealedHash, Transcript};
use super::trustee::{ShareOfKey, TrusteeKey};
use crate::codec::Canonical;

/// M_l = z_l A for one sum, and the proof. It holds if a = vG + cZ_l and b = vA + cM_l, with c the hash of the statement and
/// the commitments.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DecryptionShare {
    /// M_l.
    pub share: Point,
    /// a: commitment to the base G.
    pub a: Point,
    /// b: commitment to the base A.
    pub b: Point,
    /// v: the response.
    pub response: Scalar,
}

/// One trustee's part in the decryption.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartialDecryption {
    /// [`Aggregate::hash`]: what is decrypted.
    pub aggregate: SealedHash,
    /// l, from 1.
    pub trustee: u16,
    /// By contest and option.
    pub contests: Vec<Vec<DecryptionShare>>,
}

impl Canonical for PartialDecryption {
    const TAG: &'static str = "voting/sealed-decryption/v1";
    const MAX_BYTES: usize = 60 * 1024;
}

/// Why a trustee's part is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PartialRefusal {
    /// No such trustee takes part in decryptions.
    #[error("trustee {trustee} does not take part")]
    UnknownTrustee {
        /// As it says.
        trustee: u16,
    },
    /// A second part of one trustee.
    #[error("trustee {trustee} has given its part already")]
    Twice {
        /// The trustee.
        trustee: u16,
    },
    /// Other sums than those of the election.
    #[error("trustee {trustee} decrypted other sums")]
    OtherSums {
        /// The culprit.
        trustee: u16,
    },
    /// The proof does not hold.
    #[error("trustee {trustee}: the proof for contest {contest}, option {option} does not hold")]
    Proof {
        /// The culprit.
        trustee: u16,
        /// Which contest.
        contest: usize,
        /// Which option.
        option: usize,
    },
}

impl PartialRefusal {
    /// A stable code for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UnknownTrustee { .. } => "sealed_decryption_trustee",
            Self::Twice { .. } => "sealed_decryption_twice",
            Self::OtherSums { .. } => "sealed_decryption_sums",
            Self::Proof { .. } => "sealed_decryption_proof",
        }
    }

    /// Whose part it is.
    #[must_use]
    pub const fn culprit(&self) -> u16 {
        match self {
            Self::UnknownTrustee { trustee }
            | Self::Twice { trustee }
            | Self::OtherSums { trustee }
            | Self::Proof { trustee, .. } => *trustee,
        }
    }
}

/// Why there is no result.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DecryptionError {
    /// Too few ballots to publish their sum.
    #[error("{ballots} ballots are in the sum, it is decrypted from {min} on")]
    GroupSize {
        /// Ballots in the sum.
        ballots: u64,
        /// Fewest allowed.
        min: u64,
    },
    /// Too few trustees gave a part that holds.
    #[error("{valid} trustees gave parts that hold, {needed} are needed")]
    TooFew {
        /// Parts that hold.
        valid: usize,
        /// t.
        needed: u16,
        /// Those that do not.
        refused: Vec<PartialRefusal>,
    },
    /// A sum is larger than what can be found.
    #[error("the sum of contest {contest}, option {option} is above {max}")]
    Total {
        /// Which contest.
        contest: usize,
        /// Which option.
        option: usize,
        /// Largest sum looked for.
        max: u64,
    },
}

/// The sums in clear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decryption {
    /// T by contest and option; blank comes last where it is allowed.
    pub totals: Vec<Vec<u64>>,
    /// The trustees whose parts were combined.
    pub trustees: Vec<u16>,
    /// Parts that were not used, because they do not hold.
    pub refused: Vec<PartialRefusal>,
}

impl ShareOfKey {
    /// This trustee's part in the decryption of sums that it has computed itself. Draws u for each sum.
    ///
    /// # Errors
    /// [`DecryptionError::GroupSize`] for sums of fewer than `min_ballots` ballots.
    pub fn decrypt(
        &self,
        aggregate: &Aggregate,
        min_ballots: u64,
        rng: &mut impl CryptoRng,
    ) -> Result<PartialDecryption, DecryptionError> {
        check_group_size(aggregate, min_ballots)?;
        let mut contests = Vec::with_capacity(aggregate.sums.len());
        for (contest, sums) in (0..).zip(&aggregate.sums) {
            let mut shares = Vec::with_capacity(sums.len());
            for (option, [a, b]) in (0..).zip(sums) {
                let share = *self.secret() * a;
                let u = random_exponent(rng);
                let statement = [Point::of(a), Point::of(b), Point::of(&share)];
                let commitments = [Point::of(&times_base(&u)), Point::of(&(*u * a))];
                let (election, place) = (&aggregate.election, (contest, option));
                let challenge = challenge(election, place, self.index(), self.public(), &statement, &commitments);
                let response = Scalar(*u - challenge * *self.secret());
                shares.push(DecryptionShare { share: statement[2], a: commitments[0], b: commitments[1], response });
            }
            contests.push(shares);
        }
        Ok(PartialDecryption { aggregate: aggregate.hash(), trustee: self.index(), contests })
    }
}

fn check_group_size(aggregate: &Aggregate, min: u64) -> Result<(), DecryptionError> {
    let ballots = aggregate.ballots();
    if ballots < min { Err(DecryptionError::GroupSize { ballots, min }) } else { Ok(()) }
}

fn challenge(
    election: &SealedHash,
    (contest, option): (u16, u16),
    trustee: u16,
    public: &Point,
    statement: &[Point; 3],
    commitments: &[Point; 2],
) -> Exponent {
    let hash = Transcript::new("voting/sealed-decryption-proof/v1").hash_of(election).u16(contest).u16(option).u16(trustee);
    hash.point(public).points(statement).points(commitments).challenge()
}

/// Verifies one trustee's part.
///
/// # Errors
/// [`PartialRefusal`] with the first thing wrong.
pub fn verify_partial(aggregate: &Aggregate, part: &PartialDecryption, trustee: &TrusteeKey) -> Result<(), PartialRefusal> {
    decode_partial(aggregate, &aggregate.hash(), part, trustee).map(|_| ())
}

/// M_l by contest and option, if every proof holds.
fn decode_partial(
    aggregate: &Aggregate,
    hash: &SealedHash,
    part: &PartialDecryption,
    trustee: &TrusteeKey,
) -> Result<Vec<Vec<RistrettoPoint>>, PartialRefusal> {
    let index = part.trustee;
    let form = |a: &Vec<DecryptionShare>, b: &Vec<_>| a.len() == b.len();
    let same = part.contests.len() == aggregate.sums.len() && part.contests.iter().zip(&aggregate.sums).all(|(a, b)| form(a, b));
    if part.aggregate != *hash || !same {
        return Err(PartialRefusal::OtherSums { trustee: index });
    }
    let public = trustee.public.decode_key().ok().filter(|_| trustee.index == index);
    let mut decoded = Vec::with_capacity(part.contests.len());
    for (contest, (shares, sums)) in part.contests.iter().zip(&aggregate.sums).enumerate() {
        let mut of_contest = Vec::with_capacity(shares.len());
        for (option, (share, [a, b])) in shares.iter().zip(sums).enumerate() {
            let wrong = PartialRefusal::Proof { trustee: index, contest, option };
            let (Ok(m), Ok(on_g), Ok(on_a), Some(z)) = (share.share.decode(), share.a.decode(), share.b.decode(), public) else {
                return Err(wrong);
            };
            let place = (contest as u16, option as u16);
            let statement = [Point::of(a), Point::of(b), share.share];
            let c = challenge(&aggregate.election, place, index, &trustee.public, &statement, &[share.a, share.b]);
            let v = share.response.0;
            let holds = RistrettoPoint::vartime_double_scalar_mul_basepoint(&c, &z, &v) == on_g
                && RistrettoPoint::vartime_multiscalar_mul([v, c], [*a, m]) == on_a;
            if !holds {
                return Err(wrong);
            }
            of_contest.push(m);
        }
        decoded.push(of_contest);
    }
    Ok(decoded)
}

/// Combines the parts of at least t trustees. Parts that do not hold are left aside and named.
///
/// `trustees` are those that take part, as the ceremony ended; sums of fewer than `min_ballots` ballots are not decrypted.
///
/// # Errors
/// [`DecryptionError`].
pub fn combine(
    parameters: &Parameters,
    trustees: &[TrusteeKey],
    contests: &[SealedContest],
    aggregate: &Aggregate,
    parts: &[PartialDecryption],
    min_ballots: u64,
) -> Result<Decryption, DecryptionError> {
    check_group_size(aggregate, min_ballots)?;
    let hash = aggregate.hash();
    let (mut good, mut refused) = (Vec::<(u16, Vec<Vec<RistrettoPoint>>)>::new(), Vec::new());
    for part in parts {
        let trustee = part.trustee;
        let verdict = match trustees.iter().find(|known| known.index == trustee) {
            None => Err(PartialRefusal::UnknownTrustee { trustee }),
            Some(_) if good.iter().any(|(given, _)| *given == trustee) => Err(PartialRefusal::Twice { trustee }),
            Some(known) => decode_partial(aggregate, &hash, part, known),
        };
        match verdict {
            Ok(decoded) => good.push((trustee, decoded)),
            Err(refusal) => refused.push(refusal),
        }
    }
    let needed = parameters.threshold;
    if good.len() < usize::from(needed) {
        return Err(DecryptionError::TooFew { valid: good.len(), needed, refused });
    }
    good.sort_unstable_by_key(|(trustee, _)| *trustee);
    good.truncate(needed.into());
    let trustees: Vec<u16> = good.iter().map(|(trustee, _)| *trustee).collect();
    let coefficients: Vec<Exponent> = trustees.iter().map(|trustee| lagrange(*trustee, &trustees)).collect();
    let most = contests.iter().flat_map(|contest| (0..contest.ciphertexts()).map(|option| contest.max_value(option))).max();
    let table = DiscreteLog::new(aggregate.weight().saturating_mul(most.unwrap_or(0).into()));
    let mut totals = Vec::with_capacity(aggregate.sums.len());
    for (contest, sums) in aggregate.sums.iter().enumerate() {
        let total = |(option, [_, b]): (usize, &[RistrettoPoint; 2])| {
            let shares = good.iter().map(|(_, decoded)| decoded[contest][option]);
            let mask = RistrettoPoint::vartime_multiscalar_mul(&coefficients, shares);
            table.find(&(b - mask)).ok_or(DecryptionError::Total { contest, option, max: MAX_TOTAL })
        };
        totals.push(sums.iter().enumerate().map(total).collect::<Result<_, _>>()?);
    }
    Ok(Decryption { totals, trustees, refused })
}

/// λ_l at 0 among distinct indices from 1.
pub(super) fn lagrange(of: u16, among: &[u16]) -> Exponent {
    let others = || among.iter().filter(|other| **other != of).map(|other| Exponent::from(*other));
    let above: Exponent = others().product();
    let below: Exponent = others().map(|other| other - Exponent::from(of)).product();
    above * below.invert()
}
