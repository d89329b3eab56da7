//! What a trustee has after the ceremony, and what everyone knows of it.

use std::fmt;

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize as _, Zeroizing};

use super::group::{Exponent, Point, Scalar};
use super::key::times_base;
use super::transcript::SealedHash;
use crate::codec::Canonical;

/// Z_l: what a trustee's decryptions are verified with. Everyone computes it from the ceremony.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrusteeKey {
    /// l, from 1.
    pub index: u16,
    /// Z_l.
    pub public: Point,
}

/// z_l: a trustee's share of the secret key. Wiped from memory when dropped.
///
/// Its canonical bytes are the trustee's backup. [`ShareOfKey::opens`] proves a backup that was loaded again.
#[derive(Clone, PartialEq, Eq)]
pub struct ShareOfKey {
    ceremony: SealedHash,
    index: u16,
    secret: Zeroizing<Exponent>,
    public: Point,
}

impl ShareOfKey {
    pub(super) fn new(ceremony: SealedHash, index: u16, secret: Zeroizing<Exponent>) -> Self {
        let public = Point::of(&times_base(&secret));
        Self { ceremony, index, secret, public }
    }

    /// Transcript of the ceremony that it comes from.
    #[must_use]
    pub const fn ceremony(&self) -> &SealedHash {
        &self.ceremony
    }

    /// l, from 1.
    #[must_use]
    pub const fn index(&self) -> u16 {
        self.index
    }

    /// Z_l.
    #[must_use]
    pub const fn public(&self) -> &Point {
        &self.public
    }

    pub(super) fn secret(&self) -> &Exponent {
        &self.secret
    }

    /// Whether this is the share that belongs to a trustee's key: a backup that was loaded again, and is the right one.
    #[must_use]
    pub fn opens(&self, key: &TrusteeKey) -> bool {
        self.index == key.index && self.public == key.public
    }
}

impl fmt::Debug for ShareOfKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ShareOfKey({} of {:?})", self.index, self.ceremony)
    }
}

impl BorshSerialize for ShareOfKey {
    fn serialize<W: std::io::Write>(&self, writer: &mut W) -> std::io::Result<()> {
        BorshSerialize::serialize(&(self.ceremony, self.index), writer)?;
        BorshSerialize::serialize(&Scalar(*self.secret), writer)
    }
}

impl BorshDeserialize for ShareOfKey {
    fn deserialize_reader<R: std::io::Read>(reader: &mut R) -> std::io::Result<Self> {
        let (ceremony, index) = (SealedHash::deserialize_reader(reader)?, u16::deserialize_reader(reader)?);
        let mut scalar = Scalar::deserialize_reader(reader)?;
        let share = Self::new(ceremony, index, Zeroizing::new(scalar.0));
        scalar.zeroize();
        Ok(share)
    }
}

impl Canonical for ShareOfKey {
    const TAG: &'static str = "voting/sealed-share/v1";
    const MAX_BYTES: usize = 64 + 2 + 32;
}
