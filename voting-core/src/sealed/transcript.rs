//! The hash H of the sealed ballots: SHA-512 over a domain tag and inputs, each preceded by its length, so that no two lists of
//! inputs run together to the same bytes.
//!
//! ```text
//! H(tag; x₁, x₂ …) = SHA-512(prefix(tag) ‖ u32 length of x₁ ‖ x₁ ‖ u32 length of x₂ ‖ x₂ ‖ …)
//! H_q(…)           = H(…) as a little-endian integer modulo ℓ
//! ```

use std::fmt;
use std::str::FromStr;

use borsh::{BorshDeserialize, BorshSerialize};
use data_encoding::HEXLOWER;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha512};

use super::group::{Exponent, Point};
use crate::codec::tag_prefix;
use crate::ids::{ParseIdError, byte_id};

byte_id!(
    /// A value of H, 64 bytes.
    SealedHash, 64, "a hash of sealed ballots"
);

/// A hash in the making.
pub(crate) struct Transcript(Sha512);

impl Transcript {
    pub(crate) fn new(tag: &'static str) -> Self {
        Self(Sha512::new_with_prefix(tag_prefix(tag)))
    }

    /// One input.
    #[must_use]
    pub(crate) fn bytes(mut self, input: &[u8]) -> Self {
        self.length(input.len());
        self.0.update(input);
        self
    }

    #[must_use]
    pub(crate) fn hash_of(self, hash: &SealedHash) -> Self {
        self.bytes(&hash.0)
    }

    #[must_use]
    pub(crate) fn point(self, point: &Point) -> Self {
        self.bytes(&point.0)
    }

    #[must_use]
    pub(crate) fn points<'a>(self, points: impl IntoIterator<Item = &'a Point>) -> Self {
        points.into_iter().fold(self, Self::point)
    }

    /// A number as two bytes, little-endian.
    #[must_use]
    pub(crate) fn u16(self, number: u16) -> Self {
        self.bytes(&number.to_le_bytes())
    }

    /// A number as four bytes, little-endian.
    #[must_use]
    pub(crate) fn u32(self, number: u32) -> Self {
        self.bytes(&number.to_le_bytes())
    }

    /// One input that consists of several points.
    #[must_use]
    pub(crate) fn joined<'a>(mut self, points: impl ExactSizeIterator<Item = &'a Point>) -> Self {
        self.length(points.len() * Point::LEN);
        points.for_each(|point| self.0.update(point.0));
        self
    }

    fn length(&mut self, bytes: usize) {
        debug_assert!(u32::try_from(bytes).is_ok(), "inputs are far shorter than 2^32 bytes");
        self.0.update((bytes as u32).to_le_bytes());
    }

    /// H.
    #[must_use]
    pub(crate) fn hash(self) -> SealedHash {
        SealedHash(self.0.finalize().into())
    }

    /// H_q.
    #[must_use]
    pub(crate) fn challenge(self) -> Exponent {
        Exponent::from_bytes_mod_order_wide(&self.0.finalize().into())
    }
}
