//! Ed25519 keys and signatures under the strict rule.
//!
//! Every path that decides validity uses [`PublicKey::verify`], which is `verify_strict` of
//! ed25519-dalek: canonical scalars, no small-order keys or commitments, cofactorless equation.
//! One rule everywhere means that authorities, verifiers and clients cannot disagree.

use std::fmt;
use std::str::FromStr;

use borsh::{BorshDeserialize, BorshSerialize};
use data_encoding::HEXLOWER;
use ed25519_dalek::{Signer as _, VerifyingKey};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;
use zeroize::Zeroize;

use crate::ids::{ParseIdError, byte_id};

/// Why a key was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The bytes are not the canonical encoding of a point on the curve.
    #[error("the public key is not a valid curve point")]
    NotAPoint,
    /// A point of small order: signatures under it prove nothing.
    #[error("the public key has small order")]
    Weak,
    /// A secret key must be 32 bytes as 64 hexadecimal digits.
    #[error("a secret key must be 32 bytes as 64 lower-case hexadecimal digits")]
    MalformedSecret,
}

byte_id!(
    /// An Ed25519 public key, compressed, as it came; [`PublicKey::check`] tells whether it is usable.
    PublicKey, 32, "a public key"
);

impl PublicKey {
    /// Refuses keys that are not canonical points or have small order.
    ///
    /// # Errors
    /// [`KeyError::NotAPoint`] or [`KeyError::Weak`].
    pub fn check(&self) -> Result<(), KeyError> {
        let key = self.decompress()?;
        if key.is_weak() { Err(KeyError::Weak) } else { Ok(()) }
    }

    /// Strict verification of a signature over tagged bytes.
    #[must_use]
    pub fn verify(&self, tagged: &[u8], signature: &Signature) -> bool {
        let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
        // `verify_strict` itself refuses keys of small order.
        self.decompress().is_ok_and(|key| key.verify_strict(tagged, &signature).is_ok())
    }

    /// Sixteen hexadecimal digits that people compare.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        crate::ids::Digest::of_parts("voting/fingerprint/v1", &[&self.0]).to_string()[..16].to_owned()
    }

    fn decompress(&self) -> Result<VerifyingKey, KeyError> {
        if !self.is_canonical() {
            return Err(KeyError::NotAPoint);
        }
        VerifyingKey::from_bytes(&self.0).map_err(|_| KeyError::NotAPoint)
    }

    /// Whether y < p = 2^255 − 19, so that the point has no second spelling. The other second
    /// spelling, a sign bit on x = 0, only exists for points of small order.
    fn is_canonical(&self) -> bool {
        let [low, middle @ .., high] = &self.0;
        *low < 0xed || middle.iter().any(|byte| *byte != 0xff) || high & 0x7f != 0x7f
    }
}

/// An Ed25519 signature, `R ‖ s`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct Signature(pub [u8; 64]);

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature({}…)", &HEXLOWER.encode(&self.0)[..8])
    }
}

impl Serialize for Signature {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Signature {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str> as Deserialize>::deserialize(deserializer)?;
        let bytes = HEXLOWER.decode(text.as_bytes()).map_err(serde::de::Error::custom)?;
        bytes.try_into().map(Self).map_err(|_| serde::de::Error::custom("a signature is 64 bytes"))
    }
}

/// A secret key. Not `Display`, not `Serialize`; wiped from memory when dropped.
#[derive(Clone)]
pub struct SigningKey(ed25519_dalek::SigningKey);

impl SigningKey {
    /// From 32 secret bytes, which the caller draws from a secure source.
    #[must_use]
    pub fn from_seed(mut seed: [u8; 32]) -> Self {
        let key = Self(ed25519_dalek::SigningKey::from_bytes(&seed));
        seed.zeroize();
        key
    }

    /// The secret bytes, for a key file. The caller wipes them.
    #[must_use]
    pub fn to_seed(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key().to_bytes())
    }

    /// Signs tagged bytes.
    #[must_use]
    pub fn sign(&self, tagged: &[u8]) -> Signature {
        Signature(self.0.sign(tagged).to_bytes())
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey(of {:?})", self.public())
    }
}

impl FromStr for SigningKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut bytes = HEXLOWER.decode(text.trim().as_bytes()).map_err(|_| KeyError::MalformedSecret)?;
        let seed = <[u8; 32]>::try_from(bytes.as_slice()).map_err(|_| KeyError::MalformedSecret);
        bytes.zeroize();
        Ok(Self::from_seed(seed?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_and_verifies() {
        let key = SigningKey::from_seed([7; 32]);
        let signature = key.sign(b"message");
        assert!(key.public().verify(b"message", &signature));
        assert!(!key.public().verify(b"massage", &signature));
        assert!(!SigningKey::from_seed([8; 32]).public().verify(b"message", &signature));
    }

    #[test]
    fn refuses_weak_and_non_canonical_keys() {
        let mut identity = [0; 32];
        identity[0] = 1;
        assert_eq!(PublicKey(identity).check(), Err(KeyError::Weak));
        // y = p + 1, a second spelling of the identity
        let mut spelled_twice = [0xff; 32];
        spelled_twice[0] = 0xee;
        spelled_twice[31] = 0x7f;
        assert_eq!(PublicKey(spelled_twice).check(), Err(KeyError::NotAPoint));
        // The second spelling of x = 0: a sign bit on the identity and on the point of order two.
        for low in [0x01, 0xec] {
            let mut signed_zero = if low == 0x01 { [0; 32] } else { [0xff; 32] };
            signed_zero[0] = low;
            signed_zero[31] |= 0x80;
            assert!(PublicKey(signed_zero).check().is_err());
        }
        let mut off_curve = [0; 32];
        off_curve[0] = 2;
        assert_eq!(PublicKey(off_curve).check(), Err(KeyError::NotAPoint));
    }
}
