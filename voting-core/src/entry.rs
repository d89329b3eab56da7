//! What a ledger contains: a list of entries, each signed by who has the power to make it.
//!
//! | entry | signed by | what it does |
//! |---|---|---|
//! | [`Entry::Act`] | an officer of the genesis | defines, schedules, opens, closes, cancels, counts, publishes |
//! | [`Entry::Certify`] | the election's registrar | ties voters' keys to pseudonyms, once each |
//! | [`Entry::Cast`] | the voter's certified key | casts a ballot |
//! | [`Entry::Challenge`] | the voter's certified key | opens a sealed ballot instead of casting it, which voids it |
//! | [`Entry::Trustee`] | a trustee of the election | takes a step of the key ceremony, or decrypts the sums |
//! | [`Entry::Prefer`] | an authority | asks to lead, under the elected leader policy |
//! | [`Entry::Change`] | a quorum of the authorities | hands over to another set of authorities |
//! | [`Entry::Accuse`] | the accused, twice | proves that an authority contradicted itself |
//!
//! Signatures are checked without any state, in [`VerifiedEntry::verify`]; whether the signer may do
//! this now is for [`crate::state::LedgerState`] to decide.

use std::sync::OnceLock;

use borsh::{BorshDeserialize, BorshSerialize};
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::ballot::{Ballot, MAX_BALLOT_BYTES, SignedBallot};
use crate::block::EntryBytes;
use crate::codec::{Canonical, DecodeError};
use crate::crypto::{PublicKey, Signature, SigningKey};
use crate::election::{ElectionDefinition, Phase};
use crate::epoch::change::ApprovedChange;
use crate::evidence::Accusation;
use crate::ids::{BallotHash, ChainId, Digest, ElectionId, EntryHash, Pseudonym};
use crate::preference::PreferLeader;
use crate::sealed::ceremony::SignedMessage;
use crate::sealed::{BallotOpening, BallotRefusal, PartialDecryption, SealVerifier, SealedHash, VerifiedBallot};

/// Largest entry in canonical bytes; entries of the public board are limited to 65,535.
pub const MAX_ENTRY_BYTES: usize = 65_535;
/// Voters in one certification: some 72 kB would not fit an entry, 800 do.
pub const MAX_CERTIFIED_PER_ENTRY: usize = 800;
/// Longest reason for a cancellation, in bytes of UTF-8.
pub const MAX_REASON_BYTES: usize = 1_000;

const _: () = assert!(MAX_BALLOT_BYTES + 64 < MAX_ENTRY_BYTES, "every ballot fits an entry");
const _: () = assert!(MAX_CERTIFIED_PER_ENTRY * 72 + 256 < MAX_ENTRY_BYTES, "every certification fits an entry");

/// What an officer does to an election.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Act {
    /// Writes the definition, or replaces it while it is a draft or ready. Back to draft.
    Define(ElectionDefinition),
    /// States how many voters are entitled; the registrar certifies no more. Before the opening.
    SetRoll {
        /// Number of entitled voters.
        size: u64,
    },
    /// Moves to the phase that follows: ready, scheduled, open, closed or published.
    Advance {
        /// The phase to enter.
        to: Phase,
    },
    /// States the digest of the report; authorities accept it only if their own count gives the same.
    Tally {
        /// Digest of the [`crate::tally::ElectionReport`].
        report: Digest,
    },
    /// Ends the election without a result.
    Cancel {
        /// Why, for everyone to read.
        reason: String,
    },
    /// Ends the phase that the key ceremony is in: trustees who have not done their part are left out.
    CloseCeremonyPhase,
    /// Ends certifying: those certified are all who may vote. Before the opening; there is no way back.
    FreezeRoll,
}

/// An officer's act on one election.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct OfficerAct {
    /// The chain it is meant for.
    pub chain: ChainId,
    /// The election.
    pub election: ElectionId,
    /// One more than the number of acts on this election so far: acts never overwrite each other
    /// unseen, and none can be replayed.
    pub sequence: u32,
    /// What is done.
    pub act: Act,
    /// Who does it.
    pub officer: PublicKey,
}

impl Canonical for OfficerAct {
    const TAG: &'static str = "voting/officer-act/v1";
    const MAX_BYTES: usize = MAX_ENTRY_BYTES - 65;
}

/// One voter's key, tied to a pseudonym.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct CertifiedVoter {
    /// The voter in this election.
    pub pseudonym: Pseudonym,
    /// The key that signs this voter's ballots.
    pub key: PublicKey,
    /// How much this voter's ballot weighs; 1 unless the election is weighted.
    pub weight: u64,
}

/// A registrar's certification of voters' keys.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Certification {
    /// The chain it is meant for.
    pub chain: ChainId,
    /// The election.
    pub election: ElectionId,
    /// Voters, between 1 and [`MAX_CERTIFIED_PER_ENTRY`].
    pub voters: Vec<CertifiedVoter>,
    /// The registrar's key.
    pub registrar: PublicKey,
}

impl Canonical for Certification {
    const TAG: &'static str = "voting/certification/v1";
    const MAX_BYTES: usize = MAX_ENTRY_BYTES - 65;
}

/// What a trustee does.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TrusteeStep {
    /// Takes a step of the key ceremony.
    Ceremony(Box<SignedMessage>),
    /// Decrypts its part of the sums.
    Decrypt(PartialDecryption),
}

/// A trustee's act on the election it is named in.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrusteeAct {
    /// The chain it is meant for.
    pub chain: ChainId,
    /// The election.
    pub election: ElectionId,
    /// What is done.
    pub step: TrusteeStep,
    /// The key that the definition names.
    pub trustee: PublicKey,
}

impl Canonical for TrusteeAct {
    const TAG: &'static str = "voting/trustee-act/v1";
    const MAX_BYTES: usize = MAX_ENTRY_BYTES - 65;
}

/// A voter's test of the seal: a ballot that is opened instead of being cast.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Challenge {
    /// The ballot, void from now on.
    pub ballot: Ballot,
    /// What it holds.
    pub opening: BallotOpening,
}

impl Canonical for Challenge {
    const TAG: &'static str = "voting/challenge/v1";
    const MAX_BYTES: usize = MAX_ENTRY_BYTES - 65;
}

/// A value with the signature of the key it names.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Signed<T> {
    /// What is signed.
    pub content: T,
    /// Signature over the tagged content.
    pub signature: Signature,
}

impl<T: Canonical> Signed<T> {
    fn sign(content: T, key: &SigningKey) -> Self {
        let signature = key.sign(&content.to_tagged());
        Self { content, signature }
    }

    fn verify(&self, key: &PublicKey) -> bool {
        key.verify(&self.content.to_tagged(), &self.signature)
    }
}

/// One line of a ledger.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Entry {
    /// An officer acts on an election.
    Act(Signed<OfficerAct>),
    /// A registrar certifies voters.
    Certify(Signed<Certification>),
    /// A voter casts a ballot.
    Cast(SignedBallot),
    /// An authority asks to lead.
    Prefer(Signed<PreferLeader>),
    /// The authorities change.
    Change(ApprovedChange),
    /// An authority contradicted itself.
    Accuse(Accusation),
    /// A trustee takes a step.
    Trustee(Signed<TrusteeAct>),
    /// A voter tests the seal.
    Challenge(Signed<Challenge>),
}

impl Canonical for Entry {
    const TAG: &'static str = "voting/entry/v1";
    const MAX_BYTES: usize = MAX_ENTRY_BYTES;
}

impl Entry {
    /// Signs an officer's act. The officer named in it must be the key's public half.
    #[must_use]
    pub fn act(act: OfficerAct, key: &SigningKey) -> Self {
        Self::Act(Signed::sign(act, key))
    }

    /// Signs a certification. The registrar named in it must be the key's public half.
    #[must_use]
    pub fn certify(certification: Certification, key: &SigningKey) -> Self {
        Self::Certify(Signed::sign(certification, key))
    }

    /// Signs a trustee's act. The trustee named in it must be the key's public half.
    #[must_use]
    pub fn trustee(act: TrusteeAct, key: &SigningKey) -> Self {
        Self::Trustee(Signed::sign(act, key))
    }

    /// Signs a challenge with the voter's key that the ballot names.
    #[must_use]
    pub fn challenge(challenge: Challenge, key: &SigningKey) -> Self {
        Self::Challenge(Signed::sign(challenge, key))
    }

    /// Signs an authority's wish to lead. The authority named in it must be the key's public half.
    #[must_use]
    pub fn prefer(wish: PreferLeader, key: &SigningKey) -> Self {
        Self::Prefer(Signed::sign(wish, key))
    }

    /// The election it belongs to; none for what is about the network itself.
    #[must_use]
    pub const fn election(&self) -> Option<ElectionId> {
        match self {
            Self::Act(act) => Some(act.content.election),
            Self::Certify(certification) => Some(certification.content.election),
            Self::Cast(ballot) => Some(ballot.ballot.election),
            Self::Trustee(act) => Some(act.content.election),
            Self::Challenge(challenge) => Some(challenge.content.ballot.election),
            Self::Prefer(_) | Self::Change(_) | Self::Accuse(_) => None,
        }
    }

    /// The canonical bytes, shareable.
    #[must_use]
    pub fn to_bytes(&self) -> EntryBytes {
        EntryBytes::new(self.to_canonical())
    }
}

/// Why an entry is refused whatever the state of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EntryError {
    /// The bytes are not an entry.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The signature does not verify under the key the entry names.
    #[error("the signature of the {0} is not valid")]
    Signature(&'static str),
    /// Meant for another network or partition.
    #[error("the {0} is meant for another chain")]
    Chain(&'static str),
}

impl EntryError {
    /// A stable code for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Decode(_) => "malformed_entry",
            Self::Signature(_) => "invalid_signature",
            Self::Chain(_) => "wrong_chain",
        }
    }
}

/// An entry whose signature has been checked. There is no other way to get one.
#[derive(Debug, Clone)]
pub struct VerifiedEntry {
    entry: Entry,
    bytes: EntryBytes,
    hash: EntryHash,
    ballot: Option<BallotHash>,
    /// Its block has a certificate, which stands for everything that can be verified about it.
    certified: bool,
    seal: OnceLock<SealVerdict>,
}

/// What came of verifying the proofs of a sealed ballot.
#[derive(Debug, Clone, PartialEq, Eq)]
struct SealVerdict {
    election: SealedHash,
    verdict: Result<VerifiedBallot, BallotRefusal>,
}

impl VerifiedEntry {
    /// Decodes strictly and checks chain and signature: some 40 µs for a ballot.
    ///
    /// # Errors
    /// [`EntryError`].
    pub fn verify(bytes: EntryBytes, chain: ChainId) -> Result<Self, EntryError> {
        let entry = Entry::from_canonical(bytes.as_slice())?;
        let (valid, named, what) = match &entry {
            Entry::Act(act) => (act.verify(&act.content.officer), act.content.chain, "officer's act"),
            Entry::Certify(certification) => {
                (certification.verify(&certification.content.registrar), certification.content.chain, "certification")
            }
            // A ballot names its chain through its context, which the state machine compares.
            Entry::Cast(ballot) => (ballot.verify(), chain, "ballot"),
            Entry::Prefer(wish) => (wish.verify(&wish.content.authority), wish.content.chain, "wish to lead"),
            Entry::Change(change) => (change.verify(), change.content.chain, "change of the authorities"),
            Entry::Accuse(accusation) => (accusation.verify(), accusation.chain, "accusation"),
            Entry::Trustee(act) => (act.verify(&act.content.trustee), act.content.chain, "trustee's act"),
            Entry::Challenge(challenge) => (challenge.verify(&challenge.content.ballot.voter), chain, "challenge"),
        };
        if named != chain {
            return Err(EntryError::Chain(what));
        }
        if !valid {
            return Err(EntryError::Signature(what));
        }
        Ok(Self::assemble(entry, bytes, false))
    }

    /// Decodes an entry out of a block whose Finalize certificate has been verified, or that this
    /// process verified and stored before: a quorum has checked every signature in it. Never for other
    /// bytes from a peer.
    ///
    /// # Errors
    /// [`DecodeError`] if the bytes are damaged.
    pub fn from_certified(bytes: EntryBytes) -> Result<Self, DecodeError> {
        Ok(Self::assemble(Entry::from_canonical(bytes.as_slice())?, bytes, true))
    }

    fn assemble(entry: Entry, bytes: EntryBytes, certified: bool) -> Self {
        let ballot = match &entry {
            Entry::Cast(ballot) => Some(ballot.hash()),
            _ => None,
        };
        Self { hash: bytes.hash(), entry, bytes, ballot, certified, seal: OnceLock::new() }
    }

    /// Verifies the proofs of a sealed ballot ahead of time, on whatever thread: the state machine then finds the verdict here,
    /// if it is about the same election. Other entries, and ballots whose proofs a quorum has verified, are left alone.
    pub fn check_seal(&self, verifier: &SealVerifier) {
        if let Entry::Cast(signed) = &self.entry
            && !self.certified
        {
            self.seal.get_or_init(|| SealVerdict { election: *verifier.election(), verdict: verifier.verify(&signed.ballot) });
        }
    }

    /// [`VerifiedEntry::check_seal`] for many entries at once, which takes less than half as long as one by one. The randomness
    /// must be fresh and secret.
    pub fn check_seals<E: AsRef<Self>>(entries: &[E], verifier: &SealVerifier, rng: &mut impl CryptoRng) {
        let open = entries.iter().map(AsRef::as_ref).filter(|entry| !entry.certified && entry.seal.get().is_none());
        let (entries, ballots): (Vec<&Self>, Vec<&Ballot>) = open
            .filter_map(|entry| match &entry.entry {
                Entry::Cast(signed) => Some((entry, &signed.ballot)),
                _ => None,
            })
            .unzip();
        for (entry, verdict) in entries.into_iter().zip(verifier.verify_batch(&ballots, rng)) {
            entry.seal.get_or_init(|| SealVerdict { election: *verifier.election(), verdict });
        }
    }

    /// What a sealed ballot adds to the sums of an election.
    pub(crate) fn sealed(&self, ballot: &Ballot, verifier: &SealVerifier) -> Result<VerifiedBallot, BallotRefusal> {
        if self.certified {
            return verifier.read_verified(ballot);
        }
        self.check_seal(verifier);
        match self.seal.get() {
            Some(known) if known.election == *verifier.election() => known.verdict.clone(),
            _ => verifier.verify(ballot),
        }
    }

    /// The entry.
    #[must_use]
    pub const fn entry(&self) -> &Entry {
        &self.entry
    }

    /// Its canonical bytes.
    #[must_use]
    pub const fn bytes(&self) -> &EntryBytes {
        &self.bytes
    }

    /// Its identity.
    #[must_use]
    pub const fn hash(&self) -> EntryHash {
        self.hash
    }

    /// The identity of the ballot, if it casts one.
    #[must_use]
    pub const fn ballot_hash(&self) -> Option<BallotHash> {
        self.ballot
    }
}

/// Equal bytes are equal entries, whatever has been verified of them.
impl PartialEq for VerifiedEntry {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for VerifiedEntry {}

impl AsRef<Self> for VerifiedEntry {
    fn as_ref(&self) -> &Self {
        self
    }
}
