//! Disjunctive Chaum–Pedersen proofs: that a ciphertext holds one of several consecutive values (Cramer, Damgård and
//! Schoenmakers, *Proofs of Partial Knowledge*, 1994; as Helios and Belenios use them).
//!
//! For (α, β) = (rG, mG + rK) and the values low … high, the textbook prover chooses c_j and v_j for j ≠ m at random and computes
//! a_j = v_j G + c_j α, b_j = v_j K + c_j(β − jG). Knowing r and m, the same values come cheaper and without
//! a multiplication of a variable point: with s_j = v_j + c_j r, as uniform as v_j,
//!
//! ```text
//! a_j = s_j G      b_j = s_j K + c_j(m − j)G      v_j = s_j − c_j r      for every j, m included
//! ```
//!
//! where the term with G vanishes at j = m, so that c_m may be fixed afterwards. All multiplications are by G or K, from
//! tables and in constant time, and which j is the true one decides only what is selected, never what is done.
//!
//! Encodings are computed for many points together, from their halves: see [`Halves`].

use curve25519_dalek::ristretto::RistrettoPoint;
use curve25519_dalek::traits::Identity as _;
use rand_core::CryptoRng;
use subtle::{ConditionallySelectable, ConstantTimeEq as _, ConstantTimeLess as _};
use zeroize::{Zeroize as _, Zeroizing};

use super::ballot::{Branch, RangeProof};
use super::group::{Exponent, Point, Scalar, random_exponent};
use super::key::{ElectionKey, times_base};
use super::transcript::{SealedHash, Transcript};

/// Halves of points that are to be encoded. Encoding 2P for many P at once takes one inversion, where encoding each P takes an
/// inverse square root, so the prover computes with halved scalars.
#[derive(Default)]
pub(super) struct Halves(Vec<RistrettoPoint>);

impl Halves {
    /// Adds a point by its half; its place among the encodings.
    pub(super) fn push(&mut self, half: RistrettoPoint) -> usize {
        self.0.push(half);
        self.0.len() - 1
    }

    /// The encodings, in order.
    pub(super) fn encode(&self) -> Vec<Point> {
        RistrettoPoint::double_and_compress_batch(&self.0).into_iter().map(|point| Point(point.0)).collect()
    }
}

impl Drop for Halves {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// What is encrypted: m, r, and the values that m is to be proved among.
pub(super) struct Witness {
    /// m.
    pub(super) value: Zeroizing<u32>,
    /// r.
    pub(super) randomness: Zeroizing<Exponent>,
    /// The lowest value.
    pub(super) low: u32,
    /// The highest value.
    pub(super) high: u32,
}

/// A proof between commitments and challenge.
pub(super) struct Committed {
    witness: Witness,
    /// s_j, one per value.
    s: Zeroizing<Vec<Exponent>>,
    /// c_j of the values other than m, in order.
    others: Zeroizing<Vec<Exponent>>,
    /// Place of a_low among the encodings; b_low follows, then the pairs of the other values.
    first: usize,
}

impl Witness {
    /// Chooses s_low … s_high, then the challenges of the values other than m, ascending; computes the commitments.
    pub(super) fn commit(self, key: &ElectionKey, halves: &mut Halves, rng: &mut impl CryptoRng) -> Committed {
        let values = self.high - self.low + 1;
        let s: Zeroizing<Vec<_>> = Zeroizing::new((0..values).map(|_| *random_exponent(rng)).collect());
        let others: Zeroizing<Vec<_>> = Zeroizing::new((1..values).map(|_| *random_exponent(rng)).collect());
        let m = *self.value - self.low;
        // c_f(m − f)/2 · G for the k-th value f other than m
        let shift = |(c, k): (&Exponent, u32)| {
            let skipped = u32::from((!k.ct_lt(&m)).unwrap_u8());
            let distance = Zeroizing::new(Exponent::from(m) - Exponent::from(k + skipped));
            times_base(&Zeroizing::new((c * *distance).div_by_2()))
        };
        let shifts: Zeroizing<Vec<_>> = Zeroizing::new(others.iter().zip(0..).map(shift).collect());
        let mut first = None;
        for (s, j) in s.iter().zip(0..) {
            let half = Zeroizing::new(s.div_by_2());
            let a = halves.push(times_base(&half));
            halves.push(key.times(&half) + pick(&shifts, j, m, RistrettoPoint::identity()));
            first.get_or_insert(a);
        }
        Committed { witness: self, s, others, first: first.unwrap_or_default() }
    }
}

/// The item of value j in a list that leaves value m out; for m itself, `own`.
fn pick<T: ConditionallySelectable>(others: &[T], j: u32, m: u32, own: T) -> T {
    let at = |k: u32| others.get(k as usize).copied();
    let below = at(j).unwrap_or(own); // j < m
    let above = j.checked_sub(1).and_then(at).unwrap_or(own); // j > m
    let picked = T::conditional_select(&above, &below, j.ct_lt(&m));
    T::conditional_select(&picked, &own, j.ct_eq(&m))
}

impl Committed {
    /// The commitments a_j and b_j among the encodings.
    fn commitments<'a>(&self, encodings: &'a [Point]) -> &'a [Point] {
        encodings.get(self.first..self.first + 2 * self.s.len()).unwrap_or_default()
    }

    /// The proof: the challenge is the statement's hash continued with the commitments.
    pub(super) fn respond(&self, statement: Transcript, encodings: &[Point]) -> RangeProof {
        let commitments = self.commitments(encodings);
        let challenge = statement.points(commitments).challenge();
        let own = challenge - self.others.iter().sum::<Exponent>();
        let m = *self.witness.value - self.witness.low;
        let branch = |((pair, s), j): ((&[Point], &Exponent), u32)| {
            let challenge = pick(&self.others, j, m, own);
            let response = s - challenge * *self.witness.randomness;
            let [a, b] = [0, 1].map(|at| pair.get(at).copied().unwrap_or(Point([0; 32])));
            Branch { a, b, challenge: Scalar(challenge), response: Scalar(response) }
        };
        RangeProof { branches: commitments.chunks_exact(2).zip(self.s.iter()).zip(0..).map(branch).collect() }
    }
}

/// The statement about one option: bound to ballot, contest, option, range, key and ciphertext.
#[must_use]
pub(super) fn option_statement(ballot: &SealedHash, contest: u16, option: u16, high: u16, key: &Point) -> Transcript {
    let hash = Transcript::new("voting/sealed-option/v1").hash_of(ballot);
    hash.u16(contest).u16(option).u32(0).u32(high.into()).point(key)
}

/// The statement about a contest's weighted sum: bound to ballot, contest, limit, key and all ciphertexts of the contest.
#[must_use]
pub(super) fn limit_statement(ballot: &SealedHash, contest: u16, low: u32, high: u32, key: &Point) -> Transcript {
    Transcript::new("voting/sealed-limit/v1").hash_of(ballot).u16(contest).u32(low).u32(high).point(key)
}
