//! The key that ballots are encrypted to, with tables for fast multiplication.

use std::fmt;

use curve25519_dalek::constants::{RISTRETTO_BASEPOINT_POINT, RISTRETTO_BASEPOINT_TABLE};
use curve25519_dalek::ristretto::{RistrettoBasepointTable, RistrettoPoint, VartimeRistrettoPrecomputation};
use curve25519_dalek::traits::VartimePrecomputedMultiscalarMul;

use super::group::{Exponent, Point, PointError};

/// K with precomputed multiples of it and of G. Made once for an election.
pub(crate) struct ElectionKey {
    pub(crate) bytes: Point,
    pub(crate) element: RistrettoPoint,
    table: Box<RistrettoBasepointTable>,
    pair: VartimeRistrettoPrecomputation,
}

impl ElectionKey {
    pub(crate) fn new(bytes: Point) -> Result<Self, PointError> {
        let element = bytes.decode_key()?;
        let table = Box::new(RistrettoBasepointTable::create(&element));
        let pair = VartimeRistrettoPrecomputation::new([RISTRETTO_BASEPOINT_POINT, element]);
        Ok(Self { bytes, element, table, pair })
    }

    /// xK, in constant time.
    pub(crate) fn times(&self, x: &Exponent) -> RistrettoPoint {
        x * &*self.table
    }

    /// gG + kK + xP, in variable time.
    pub(crate) fn public_sum(&self, g: Exponent, k: Exponent, x: Exponent, point: RistrettoPoint) -> RistrettoPoint {
        self.pair.vartime_mixed_multiscalar_mul([g, k], [x], [point])
    }
}

impl fmt::Debug for ElectionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ElectionKey({:?})", self.bytes)
    }
}

/// xG, in constant time.
pub(crate) fn times_base(x: &Exponent) -> RistrettoPoint {
    x * RISTRETTO_BASEPOINT_TABLE
}
