//! Points and scalars of Ristretto255 (RFC 9496) as they travel.
//!
//! A [`Point`] keeps the 32 bytes it came as and is decompressed where it is used, once: [`Point::decode`] is the only way to
//! compute with it. A [`Scalar`] is decoded strictly right away, which costs nothing. Ristretto255 has prime order ℓ and one
//! encoding per element, so there are neither small subgroups nor second spellings to look for beyond these two checks.

use std::fmt;
use std::io;

use borsh::{BorshDeserialize, BorshSerialize};
use curve25519_dalek::ristretto::{CompressedRistretto, RistrettoPoint};
use curve25519_dalek::traits::IsIdentity as _;
use data_encoding::HEXLOWER;
use rand_core::CryptoRng;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::str::FromStr;
use thiserror::Error;
use zeroize::{Zeroize, Zeroizing};

use crate::ids::{ParseIdError, byte_id};

/// Scalars modulo ℓ, for computing.
pub(crate) type Exponent = curve25519_dalek::Scalar;

/// Why the bytes of a point were refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PointError {
    /// Not the one encoding of an element of the group.
    #[error("not the canonical encoding of an element of Ristretto255")]
    NotCanonical,
    /// The neutral element, where it would make a key or a ciphertext meaningless.
    #[error("the neutral element")]
    Identity,
}

impl PointError {
    /// A stable code for programs.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotCanonical => "sealed_point",
            Self::Identity => "sealed_identity",
        }
    }
}

byte_id!(
    /// An element of Ristretto255 in its 32 bytes, as they came; [`Point::decode`] tells whether they are canonical.
    Point, 32, "a point"
);

impl Point {
    /// The encoding of an element.
    pub(crate) fn of(element: &RistrettoPoint) -> Self {
        Self(element.compress().0)
    }

    /// The element: any but a second spelling.
    ///
    /// # Errors
    /// [`PointError::NotCanonical`].
    pub fn decode(&self) -> Result<RistrettoPoint, PointError> {
        CompressedRistretto(self.0).decompress().ok_or(PointError::NotCanonical)
    }

    /// The element, which must not be the neutral one: keys, and the parts of ciphertexts.
    ///
    /// # Errors
    /// [`PointError`].
    pub fn decode_key(&self) -> Result<RistrettoPoint, PointError> {
        let element = self.decode()?;
        if element.is_identity() { Err(PointError::Identity) } else { Ok(element) }
    }
}

/// An integer modulo ℓ = 2²⁵² + 27742317777372353535851937790883648493, in 32 bytes little-endian, below ℓ.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Scalar(pub(crate) Exponent);

impl Scalar {
    /// Uniform: 64 bytes from the source, reduced.
    pub fn random(rng: &mut impl CryptoRng) -> Self {
        Self(*random_exponent(rng))
    }

    /// From its canonical bytes; `None` from ℓ on.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Option<Self> {
        Option::from(Exponent::from_canonical_bytes(bytes)).map(Self)
    }

    /// The canonical bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; 32] {
        self.0.to_bytes()
    }
}

/// Uniform, for secrets: 64 bytes from the source, reduced; wiped when dropped.
pub(crate) fn random_exponent(rng: &mut impl CryptoRng) -> Zeroizing<Exponent> {
    let mut wide = Zeroizing::new([0; 64]);
    rng.fill_bytes(&mut *wide);
    Zeroizing::new(Exponent::from_bytes_mod_order_wide(&wide))
}

/// By canonical bytes, so that what contains scalars can be sorted.
impl Ord for Scalar {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.as_bytes().cmp(other.0.as_bytes())
    }
}

impl PartialOrd for Scalar {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Zeroize for Scalar {
    fn zeroize(&mut self) {
        self.0.zeroize();
    }
}

impl BorshSerialize for Scalar {
    fn serialize<W: io::Write>(&self, writer: &mut W) -> io::Result<()> {
        writer.write_all(self.0.as_bytes())
    }
}

impl BorshDeserialize for Scalar {
    fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<Self> {
        let bytes = <[u8; 32]>::deserialize_reader(reader)?;
        Self::from_bytes(bytes).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "a scalar is not below the group's order"))
    }
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(self.0.as_bytes()))
    }
}

/// Says nothing: some scalars are secret.
impl fmt::Debug for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Scalar(…)")
    }
}

impl Serialize for Scalar {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str> as Deserialize>::deserialize(deserializer)?;
        let bytes = HEXLOWER.decode(text.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.and_then(Self::from_bytes).ok_or_else(|| serde::de::Error::custom("not a scalar of Ristretto255"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use curve25519_dalek::constants::RISTRETTO_BASEPOINT_POINT;

    #[test]
    fn refuses_second_spellings_and_the_identity() {
        assert_eq!(Point::of(&RISTRETTO_BASEPOINT_POINT).decode_key(), Ok(RISTRETTO_BASEPOINT_POINT));
        assert_eq!(Point([0; 32]).decode_key(), Err(PointError::Identity));
        assert!(Point([0; 32]).decode().is_ok());
        // RFC 9496, appendix A.2: non-canonical field elements, a negative one, one that is not a square.
        for bad in [
            "00ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
            "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "0100000000000000000000000000000000000000000000000000000000000000",
            "26948d35ca62e643e26a83177332e6b6afeb9d08e4268b650f1f5bbd8d81d371",
        ] {
            let point: Point = bad.parse().unwrap();
            assert_eq!(point.decode(), Err(PointError::NotCanonical), "{bad}");
        }
    }

    #[test]
    fn scalars_are_below_the_order() {
        let order = HEXLOWER.decode(b"edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010").unwrap();
        assert!(Scalar::try_from_slice(&order).is_err());
        let mut below = order;
        below[0] -= 1;
        let scalar = Scalar::try_from_slice(&below).unwrap();
        assert_eq!(scalar.0 + Exponent::ONE, Exponent::ZERO);
        assert_eq!(borsh::to_vec(&scalar).unwrap(), below);
    }
}
