//! Proofs that a trustee knows the discrete logarithms of its points (Schnorr, 1991).

use borsh::{BorshDeserialize, BorshSerialize};
use curve25519_dalek::ristretto::RistrettoPoint;
use serde::{Deserialize, Serialize};

use super::error::CeremonyRefusal;
use crate::sealed::group::{Exponent, Point, Scalar};
use crate::sealed::key::times_base;
use crate::sealed::transcript::{SealedHash, Transcript};

/// X = xG with a proof that its owner knows x. It holds if R = vG + cX, with c the hash of ceremony, trustee, place, X and R.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProvenPoint {
    /// X.
    pub point: Point,
    /// R: the commitment.
    pub commitment: Point,
    /// v: the response.
    pub response: Scalar,
}

/// Which point of which trustee: coefficient j, or the transport key.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) trustee: u16,
    pub(super) coefficient: Option<u16>,
}

fn challenge(ceremony: &SealedHash, place: Place, point: &Point, commitment: &Point) -> Exponent {
    let hash = match place.coefficient {
        Some(j) => Transcript::new("voting/sealed-coefficient/v1").hash_of(ceremony).u16(place.trustee).u16(j),
        None => Transcript::new("voting/sealed-transport/v1").hash_of(ceremony).u16(place.trustee),
    };
    hash.point(point).point(commitment).challenge()
}

impl ProvenPoint {
    /// Proves knowledge of x with the randomness u.
    pub(super) fn prove(ceremony: &SealedHash, place: Place, x: &Exponent, u: &Exponent) -> Self {
        let [point, commitment] = [x, u].map(|scalar| Point::of(&times_base(scalar)));
        let c = challenge(ceremony, place, &point, &commitment);
        Self { point, commitment, response: Scalar(u - c * x) }
    }

    /// The point, if the proof holds.
    pub(super) fn verify(&self, ceremony: &SealedHash, place: Place) -> Result<RistrettoPoint, CeremonyRefusal> {
        let trustee = place.trustee;
        let refused = |reason| CeremonyRefusal::Point { trustee, reason };
        let point = self.point.decode_key().map_err(refused)?;
        let commitment = self.commitment.decode().map_err(refused)?;
        let c = challenge(ceremony, place, &self.point, &self.commitment);
        if RistrettoPoint::vartime_double_scalar_mul_basepoint(&c, &point, &self.response.0) != commitment {
            return Err(CeremonyRefusal::Proof { trustee, coefficient: place.coefficient });
        }
        Ok(point)
    }
}
