//! Identifiers: small copyable newtypes, so that a height is never passed for a view.

use std::fmt;
use std::str::FromStr;

use borsh::{BorshDeserialize, BorshSerialize};
use data_encoding::HEXLOWER;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use crate::codec::tag_prefix;

/// Text that should have been an identifier.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{what} must be {bytes} bytes as {digits} lower-case hexadecimal digits")]
pub struct ParseIdError {
    pub(crate) what: &'static str,
    pub(crate) bytes: usize,
    pub(crate) digits: usize,
}

macro_rules! byte_id {
    ($(#[$doc:meta])* $name:ident, $len:literal, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
        pub struct $name(pub [u8; $len]);

        impl $name {
            /// Length in bytes.
            pub const LEN: usize = $len;

            /// The raw bytes.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&HEXLOWER.encode(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let hex = HEXLOWER.encode(&self.0);
                write!(f, "{}({}…)", stringify!($name), &hex[..8])
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let wrong = ParseIdError { what: $what, bytes: $len, digits: $len * 2 };
                let bytes = HEXLOWER.decode(text.as_bytes()).map_err(|_| wrong.clone())?;
                bytes.try_into().map(Self).map_err(|_| wrong)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str> as Deserialize>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(crate) use byte_id;

byte_id!(
    /// A SHA-256 digest with no more specific name.
    Digest, 32, "a digest"
);
byte_id!(
    /// Hash of a block header: the identity of a block, its entries and the state after it.
    BlockHash, 32, "a block hash"
);
byte_id!(
    /// Hash of an entry's canonical bytes: its identity in queues and mempools.
    EntryHash, 32, "an entry hash"
);
byte_id!(
    /// Hash of a ballot's signed content, without the signature: the identity of a ballot.
    BallotHash, 32, "a ballot hash"
);
byte_id!(
    /// One chain of one network: genesis hash and partition, hashed. In every signature.
    ChainId, 32, "a chain id"
);
byte_id!(
    /// A voter as one election's ledger knows them; only the registrar can link it to a person.
    Pseudonym, 32, "a pseudonym"
);
byte_id!(
    /// An election: 128 random bits, which carry no time.
    ElectionId, 16, "an election id"
);

impl Digest {
    /// All zeros: stands for "nothing yet" where a digest is expected, e.g. the parent of the first block.
    pub const ZERO: Self = Self([0; 32]);

    /// SHA-256 over bytes that already begin with their domain tag.
    #[must_use]
    pub(crate) fn of_tagged_bytes(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// SHA-256 over a domain tag and the given parts. The caller gives parts of fixed length, or
    /// one part only, so that no two inputs run together to the same bytes.
    #[must_use]
    pub fn of_parts(tag: &'static str, parts: &[&[u8]]) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(tag_prefix(tag));
        for part in parts {
            hasher.update(part);
        }
        Self(hasher.finalize().into())
    }
}

impl BlockHash {
    /// The parent of a chain's first block.
    pub const GENESIS: Self = Self([0; 32]);
}

impl BallotHash {
    /// The code a voter notes down, as [`BallotCode`] writes it.
    ///
    /// ```
    /// # use voting_core::BallotHash;
    /// assert_eq!(BallotHash([0; 32]).code(), "0000-0000-0000-0000-0000-0000-0000-0000");
    /// ```
    #[must_use]
    pub fn code(&self) -> String {
        self.ballot_code().to_string()
    }

    /// The first 160 bits.
    #[must_use]
    pub fn ballot_code(&self) -> BallotCode {
        let mut code = BallotCode([0; BALLOT_CODE_BYTES]);
        code.0.copy_from_slice(&self.0[..BALLOT_CODE_BYTES]);
        code
    }
}

/// Bytes of a [`BallotCode`].
const BALLOT_CODE_BYTES: usize = 20;
/// Digits of a [`BallotCode`], five bits each.
const BALLOT_CODE_DIGITS: usize = BALLOT_CODE_BYTES * 8 / 5;
/// Digits of Crockford's base 32.
const CROCKFORD: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// What a voter notes down of a ballot: the first 160 bits of its hash in Crockford's base 32, eight groups of four.
///
/// Read leniently: in either case, with or without hyphens and blanks, with the letters that are taken for digits.
///
/// ```
/// # use voting_core::BallotHash;
/// # use voting_core::ids::BallotCode;
/// let code = BallotHash([7; 32]).ballot_code();
/// assert_eq!(code.to_string(), "0W3G-E1R7-0W3G-E1R7-0W3G-E1R7-0W3G-E1R7");
/// assert_eq!("ow3ge1r7 ow3ge1r7 ow3ge1r7 ow3ge1r7".parse(), Ok(code));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BallotCode(pub [u8; BALLOT_CODE_BYTES]);

impl BallotCode {
    /// The lowest and the highest hash with this code.
    #[must_use]
    pub fn hashes(&self) -> std::ops::RangeInclusive<BallotHash> {
        let ending = |with: u8| {
            let mut hash = BallotHash([with; 32]);
            hash.0[..BALLOT_CODE_BYTES].copy_from_slice(&self.0);
            hash
        };
        ending(0)..=ending(u8::MAX)
    }
}

impl fmt::Display for BallotCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (group, bytes) in self.0.chunks_exact(5).enumerate() {
            let bits = bytes.iter().fold(0u64, |bits, byte| (bits << 8) | u64::from(*byte));
            for digit in 0..8 {
                if digit % 4 == 0 && (group, digit) != (0, 0) {
                    f.write_str("-")?;
                }
                let digit = CROCKFORD[(bits >> (35 - 5 * digit)) as usize & 31];
                write!(f, "{}", char::from(digit))?;
            }
        }
        Ok(())
    }
}

/// Why a text is no ballot code.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ParseCodeError {
    /// A character that is none of the alphabet.
    #[error("`{0}` does not occur in ballot codes")]
    Character(char),
    /// Too short or too long.
    #[error("a ballot code has {BALLOT_CODE_DIGITS} letters and digits, not {0}")]
    Length(usize),
}

impl FromStr for BallotCode {
    type Err = ParseCodeError;

    fn from_str(text: &str) -> Result<Self, ParseCodeError> {
        let mut digits = Vec::with_capacity(BALLOT_CODE_DIGITS);
        for character in text.chars().filter(|c| *c != '-' && !c.is_whitespace()) {
            let read = match character.to_ascii_uppercase() {
                'O' => '0',
                'I' | 'L' => '1',
                other => other,
            };
            let digit = CROCKFORD.iter().position(|digit| char::from(*digit) == read);
            digits.push(digit.ok_or(ParseCodeError::Character(character))? as u64);
            if digits.len() > BALLOT_CODE_DIGITS {
                break;
            }
        }
        if digits.len() != BALLOT_CODE_DIGITS {
            return Err(ParseCodeError::Length(text.chars().filter(|c| *c != '-' && !c.is_whitespace()).count()));
        }
        let mut code = Self([0; BALLOT_CODE_BYTES]);
        for (bytes, digits) in code.0.chunks_exact_mut(5).zip(digits.chunks_exact(8)) {
            let bits = digits.iter().fold(0, |bits, digit| (bits << 5) | digit);
            bytes.copy_from_slice(&bits.to_be_bytes()[3..]);
        }
        Ok(code)
    }
}

macro_rules! number_id {
    ($(#[$doc:meta])* $name:ident, $int:ty) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $int);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number_id!(
    /// Position of a block in its chain; the first block has height 1, 0 stands for genesis.
    Height, u64
);
number_id!(
    /// A consensus view, counted from 1; 0 stands for genesis. A view finalizes at most one block.
    View, u64
);
number_id!(
    /// Place of an authority in its epoch's list, from 0.
    AuthorityIndex, u16
);
number_id!(
    /// One of the chains of a network, from 0.
    PartitionId, u16
);

impl Height {
    /// The next height; of the last that there can be, the same again. Peers may name any.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl View {
    /// The next view; of the last that there can be, the same again: a view never wraps around to an earlier one, whatever
    /// others say.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl PartitionId {
    /// The partition that holds a voter's ballots: first eight bytes of the pseudonym's hash,
    /// modulo the number of partitions.
    #[must_use]
    pub fn of_voter(pseudonym: &Pseudonym, partitions: u16) -> Self {
        let digest = Digest::of_parts("voting/partition/v1", &[&pseudonym.0]);
        let first = digest.0.iter().take(8).fold(0u64, |n, byte| (n << 8) | u64::from(*byte));
        Self((first % u64::from(partitions.max(1))) as u16)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_parse_what_they_print_and_refuse_the_rest() {
        let id = ElectionId([0xab; 16]);
        assert_eq!(id.to_string().parse::<ElectionId>().unwrap(), id);
        assert!("AB".repeat(16).parse::<ElectionId>().is_err(), "upper case is a second spelling");
        assert!("ab".repeat(15).parse::<ElectionId>().is_err());
        assert!("zz".repeat(16).parse::<ElectionId>().is_err());
    }

    #[test]
    fn ballot_code_is_crockford_in_groups_of_four() {
        let mut bytes = [0u8; 32];
        bytes[..5].copy_from_slice(&[0xff, 0xff, 0xff, 0xff, 0xff]);
        assert_eq!(BallotHash(bytes).code(), "ZZZZ-ZZZZ-0000-0000-0000-0000-0000-0000");
    }

    #[test]
    fn ballot_codes_are_read_as_people_type_them() {
        let mut bytes = [0u8; 32];
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = (at * 37 + 11) as u8;
        }
        let hash = BallotHash(bytes);
        let code = hash.ballot_code();
        let printed = code.to_string();
        assert_eq!(printed.parse(), Ok(code));
        assert_eq!(printed.to_lowercase().replace('-', " ").parse(), Ok(code));
        assert_eq!(printed.replace('0', "o").replace('1', "l").parse(), Ok(code));
        assert!(code.hashes().contains(&hash));
        assert_eq!("".parse::<BallotCode>(), Err(ParseCodeError::Length(0)));
        assert_eq!(printed[1..].parse::<BallotCode>(), Err(ParseCodeError::Length(31)));
        assert_eq!(format!("{printed}0").parse::<BallotCode>(), Err(ParseCodeError::Length(33)));
        assert_eq!(
            printed.replacen(|c: char| c.is_ascii_digit(), "U", 1).parse::<BallotCode>(),
            Err(ParseCodeError::Character('U'))
        );
    }

    #[test]
    fn voters_spread_over_partitions() {
        let mut seen = [0u32; 4];
        for n in 0..1000u32 {
            let mut bytes = [0; 32];
            bytes[..4].copy_from_slice(&n.to_le_bytes());
            seen[usize::from(PartitionId::of_voter(&Pseudonym(bytes), 4).0)] += 1;
        }
        assert!(seen.iter().all(|count| (200..300).contains(count)), "{seen:?}");
    }
}
