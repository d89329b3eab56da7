//! What trustees say in a ceremony.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use super::CeremonySetup;
use super::proof::ProvenPoint;
use super::share::SEALED_SHARE_BYTES;
use crate::codec::Canonical;
use crate::crypto::{Signature, SigningKey};
use crate::sealed::group::{Point, Scalar};
use crate::sealed::transcript::SealedHash;

/// f_i(l), encrypted to trustee l: E = eG, then ChaCha20-Poly1305 under a key derived from e·κ_l.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EncryptedShare {
    /// l.
    pub recipient: u16,
    /// E.
    pub ephemeral: Point,
    /// The encrypted scalar and its tag.
    #[serde(with = "sealed_bytes")]
    pub sealed: [u8; SEALED_SHARE_BYTES],
}

/// f_i(l) in clear, because trustee l complained.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenedShare {
    /// l.
    pub recipient: u16,
    /// f_i(l).
    pub share: Scalar,
}

/// One step of one trustee.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// H(C_i*, κ_i).
    Commit(SealedHash),
    /// The points committed to.
    Reveal {
        /// C_i0 … C_i,t−1.
        coefficients: Vec<ProvenPoint>,
        /// κ_i.
        transport: ProvenPoint,
    },
    /// A share for every other trustee that takes part, ascending.
    Deal(Vec<EncryptedShare>),
    /// Dealers whose shares do not fit their commitments, ascending; usually none.
    Check(Vec<u16>),
    /// The shares complained about, ascending by recipient.
    Open(Vec<OpenedShare>),
    /// Hash of everything before.
    Sign(SealedHash),
}

/// A trustee's message: what is signed.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CeremonyMessage {
    /// H_C.
    pub ceremony: SealedHash,
    /// i, from 1.
    pub trustee: u16,
    /// What it does.
    pub step: Step,
}

impl Canonical for CeremonyMessage {
    const TAG: &'static str = "voting/sealed-ceremony/v1";
    const MAX_BYTES: usize = 8 * 1024;
}

impl CeremonyMessage {
    /// Signs it with the trustee's key.
    #[must_use]
    pub fn sign(self, key: &SigningKey) -> SignedMessage {
        let signature = key.sign(&self.to_tagged());
        SignedMessage { message: self, signature }
    }
}

/// A message with its trustee's signature.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedMessage {
    /// The content.
    pub message: CeremonyMessage,
    /// The signature over the tagged content.
    pub signature: Signature,
}

impl Canonical for SignedMessage {
    const TAG: &'static str = "voting/signed-sealed-ceremony/v1";
    const MAX_BYTES: usize = CeremonyMessage::MAX_BYTES + 64;
}

/// Something that happened in a ceremony.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecordEvent {
    /// A trustee's message was accepted.
    Message(Box<SignedMessage>),
    /// The phase was closed with trustees missing.
    Close,
}

/// A whole ceremony, to be replayed by anyone.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CeremonyRecord {
    /// Who took part.
    pub setup: CeremonySetup,
    /// What happened, in order.
    pub events: Vec<RecordEvent>,
}

impl Canonical for CeremonyRecord {
    const TAG: &'static str = "voting/sealed-ceremony-record/v1";
    const MAX_BYTES: usize = 1024 * 1024;
}

mod sealed_bytes {
    use data_encoding::HEXLOWER;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&HEXLOWER.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>, const N: usize>(deserializer: D) -> Result<[u8; N], D::Error> {
        let text = <std::borrow::Cow<'de, str> as Deserialize>::deserialize(deserializer)?;
        let bytes = HEXLOWER.decode(text.as_bytes()).map_err(serde::de::Error::custom)?;
        bytes.try_into().map_err(|_| serde::de::Error::custom("an encrypted share has another length"))
    }
}
