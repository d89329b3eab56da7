//! Canonical bytes: one encoding for everything that is signed, hashed, stored or sent.
//!
//! The layout is [borsh](https://borsh.io): little-endian fixed-width integers, `u32` length
//! prefixes, one byte per enum variant, no padding, no optional fields left out. Every type that is
//! signed or hashed has a domain tag naming its purpose and version, so that bytes made for one
//! purpose are never accepted for another:
//!
//! ```text
//! tagged(x) = u8 length of tag ‖ tag ‖ borsh(x)
//! ```
//!
//! Decoding is strict: a length above the type's bound, trailing bytes, or bytes that do not
//! re-encode to themselves are refused. `docs/SPEC.md` lists every layout; `tests/vectors/` pins them.

use borsh::{BorshDeserialize, BorshSerialize};
use thiserror::Error;

use crate::ids::Digest;

/// Why bytes from outside were refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// Longer than the type allows; checked before anything is allocated.
    #[error("{what} is {actual} bytes long, at most {max} are allowed")]
    TooLong {
        /// The type's domain tag.
        what: &'static str,
        /// Length received, in bytes.
        actual: usize,
        /// Largest length accepted, in bytes.
        max: usize,
    },
    /// Truncated, trailing bytes, an unknown variant, or text that is not UTF-8.
    #[error("{what} is malformed: {reason}")]
    Malformed {
        /// The type's domain tag.
        what: &'static str,
        /// What the decoder stumbled over.
        reason: String,
    },
    /// Decodes, but is not the one encoding of its value.
    #[error("{what} is not in canonical form")]
    NotCanonical {
        /// The type's domain tag.
        what: &'static str,
    },
}

/// A type with one canonical encoding, a domain tag, and a bound on its size.
pub trait Canonical: BorshSerialize + BorshDeserialize + Sized {
    /// Purpose and version, e.g. `voting/ballot/v1`. Never reused for another layout.
    const TAG: &'static str;
    /// Largest accepted encoding in bytes.
    const MAX_BYTES: usize;

    /// The canonical bytes, without the tag.
    fn to_canonical(&self) -> Vec<u8> {
        encode(self)
    }

    /// The only way in: strict decoding.
    ///
    /// # Errors
    /// [`DecodeError`] when the bytes are too long, malformed, followed by anything, or not canonical.
    fn from_canonical(bytes: &[u8]) -> Result<Self, DecodeError> {
        if bytes.len() > Self::MAX_BYTES {
            return Err(DecodeError::TooLong { what: Self::TAG, actual: bytes.len(), max: Self::MAX_BYTES });
        }
        let value =
            Self::try_from_slice(bytes).map_err(|error| DecodeError::Malformed { what: Self::TAG, reason: error.to_string() })?;
        if encode(&value) != bytes {
            return Err(DecodeError::NotCanonical { what: Self::TAG });
        }
        Ok(value)
    }

    /// What is signed: the tag, then the canonical bytes.
    fn to_tagged(&self) -> Vec<u8> {
        let mut bytes = tag_prefix(Self::TAG);
        encode_into(self, &mut bytes);
        bytes
    }

    /// SHA-256 of [`Canonical::to_tagged`].
    fn digest(&self) -> Digest {
        Digest::of_tagged_bytes(&self.to_tagged())
    }
}

/// The prefix that separates domains: `u8` length of the tag, then the tag.
#[must_use]
pub(crate) fn tag_prefix(tag: &str) -> Vec<u8> {
    debug_assert!(tag.len() < 256, "domain tags fit their one-byte length");
    let mut bytes = Vec::with_capacity(256);
    bytes.push(tag.len() as u8);
    bytes.extend_from_slice(tag.as_bytes());
    bytes
}

/// Encodes a value; writing to memory does not fail.
pub(crate) fn encode<T: BorshSerialize>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_into(value, &mut bytes);
    bytes
}

fn encode_into<T: BorshSerialize>(value: &T, bytes: &mut Vec<u8>) {
    value.serialize(bytes).expect("writing to a Vec does not fail, and no collection reaches 2^32 items");
}
