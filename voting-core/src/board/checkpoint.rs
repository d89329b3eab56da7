//! Checkpoints: the size and the root of a log, signed (<https://c2sp.org/tlog-checkpoint>).

use std::fmt;
use std::str::FromStr;

use data_encoding::BASE64;
use thiserror::Error;

use super::note::{Note, NoteError, NoteSignature, SignatureKind, VerifierKey};
use crate::crypto::{PublicKey, Signature, SigningKey};
use crate::epoch::{Authority, Epoch};
use crate::ids::{AuthorityIndex, ChainId, Digest, ElectionId};

/// Extension lines that are passed over in checkpoints of others; ours have none.
pub const MAX_EXTENSION_LINES: usize = 16;

/// Why a checkpoint cannot be read, or does not count.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The note around it.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// Not three lines: origin, size, root.
    #[error("not the text of a checkpoint: {0}")]
    Text(&'static str),
    /// Of another log.
    #[error("the checkpoint is of the log `{actual}`, not of `{expected}`")]
    Origin {
        /// Whose it is.
        actual: String,
        /// Whose it should be.
        expected: String,
    },
    /// Too few authorities have signed.
    #[error("{actual} of the authorities have signed the checkpoint, a quorum is {quorum}")]
    Quorum {
        /// Distinct authorities that have.
        actual: usize,
        /// How many it takes.
        quorum: u16,
    },
    /// Too few witnesses have signed.
    #[error("{actual} of the witnesses asked for have signed the checkpoint, {needed} are needed")]
    Witnesses {
        /// How many have.
        actual: usize,
        /// How many it takes.
        needed: usize,
    },
}

impl CheckpointError {
    /// A stable code for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Note(NoteError::Signature(_)) => "invalid_checkpoint_signature",
            Self::Note(_) | Self::Text(_) => "malformed_checkpoint",
            Self::Origin { .. } => "wrong_log",
            Self::Quorum { .. } => "checkpoint_quorum",
            Self::Witnesses { .. } => "checkpoint_witnesses",
        }
    }
}

/// The name of an election's log: `voting/CHAIN/ELECTION`. The chain names the genesis and the partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Origin {
    /// The chain that the ballots are finalized in.
    pub chain: ChainId,
    /// The election.
    pub election: ElectionId,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "voting/{}/{}", self.chain, self.election)
    }
}

/// Size and root of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Name of the log.
    pub origin: String,
    /// Number of entries.
    pub size: u64,
    /// Root of the tree over them.
    pub root: Digest,
}

impl fmt::Display for Checkpoint {
    /// The text that is signed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}\n{}", self.origin, self.size, BASE64.encode(&self.root.0))
    }
}

impl FromStr for Checkpoint {
    type Err = CheckpointError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = CheckpointError::Text;
        let lines = text.strip_suffix('\n').ok_or(wrong("its last line does not end"))?;
        let mut lines = lines.split('\n');
        let origin = lines.next().filter(|origin| !origin.is_empty()).ok_or(wrong("the origin is missing"))?;
        let digits = lines.next().ok_or(wrong("the size is missing"))?;
        let size = digits.parse::<u64>().ok().filter(|size| size.to_string() == digits);
        let size = size.ok_or(wrong("the size is not a decimal number without leading zeros"))?;
        let root = lines.next().ok_or(wrong("the root is missing"))?;
        let root = BASE64.decode(root.as_bytes()).ok().and_then(|root| root.try_into().ok());
        let root = Digest(root.ok_or(wrong("the root is not 32 bytes in base64"))?);
        for (index, line) in lines.enumerate() {
            if line.is_empty() || index == MAX_EXTENSION_LINES {
                return Err(wrong("an extension line is empty, or there are too many"));
            }
        }
        Ok(Self { origin: origin.to_owned(), size, root })
    }
}

/// A witness that has seen a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cosigned {
    /// Its name.
    pub name: String,
    /// When, in seconds since 1970, as it says.
    pub seconds: u64,
}

/// A checkpoint with signatures of authorities and cosignatures of witnesses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedCheckpoint {
    checkpoint: Checkpoint,
    note: Note,
}

impl SignedCheckpoint {
    /// A checkpoint that nobody has signed yet.
    #[must_use]
    pub fn unsigned(checkpoint: Checkpoint) -> Self {
        Self { note: Note::unsigned(checkpoint.to_string()), checkpoint }
    }

    /// What is signed.
    #[must_use]
    pub const fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The note.
    #[must_use]
    pub const fn note(&self) -> &Note {
        &self.note
    }

    /// Signs it as one of the log's authorities: under the name of the log.
    ///
    /// # Errors
    /// [`CheckpointError::Note`] if the origin is no name for a key.
    pub fn sign(&mut self, key: &SigningKey) -> Result<(), CheckpointError> {
        let signature = NoteSignature::sign(&self.checkpoint.origin, self.note.text(), key)?;
        self.note.add(signature);
        Ok(())
    }

    /// Adds what one of the log's authorities has signed elsewhere.
    ///
    /// # Errors
    /// [`CheckpointError::Note`] if the signature is not this key's over this checkpoint.
    pub fn add(&mut self, authority: PublicKey, signature: Signature) -> Result<(), CheckpointError> {
        let key = VerifierKey::new(self.checkpoint.origin.as_str(), SignatureKind::Text, authority)?;
        let mut alone = Note::unsigned(self.note.text().to_owned());
        let signature = NoteSignature { name: key.name().to_owned(), key_id: key.id(), signature: signature.0.to_vec() };
        alone.add(signature.clone());
        alone.signed_at(&key)?;
        self.note.add(signature);
        Ok(())
    }

    /// Signs it as a witness, which has seen it at a time in seconds since 1970, and knows of no other history of the log.
    ///
    /// # Errors
    /// [`CheckpointError::Note`] if the name cannot be one.
    pub fn cosign(&mut self, name: &str, seconds: u64, key: &SigningKey) -> Result<(), CheckpointError> {
        let signature = NoteSignature::cosign(name, self.note.text(), seconds, key)?;
        self.note.add(signature);
        Ok(())
    }

    /// The same checkpoint with the signatures of these keys alone.
    #[must_use]
    pub fn only(&self, keys: &[VerifierKey]) -> Self {
        let mut kept = Self::unsigned(self.checkpoint.clone());
        let is_of = |found: &&NoteSignature| keys.iter().any(|key| key.name() == found.name && key.id() == found.key_id);
        self.note.signatures().iter().filter(is_of).cloned().for_each(|signature| kept.note.add(signature));
        kept
    }

    /// The keys that the authorities of an epoch sign this log with.
    ///
    /// # Errors
    /// [`CheckpointError::Note`] if the origin is no name for a key.
    pub fn authority_keys(&self, epoch: &Epoch) -> Result<Vec<VerifierKey>, CheckpointError> {
        let key = |authority: &Authority| VerifierKey::new(self.checkpoint.origin.as_str(), SignatureKind::Text, authority.key);
        Ok(epoch.authorities.iter().map(key).collect::<Result<_, _>>()?)
    }

    /// Takes over the signatures below another copy of the same checkpoint.
    ///
    /// # Errors
    /// [`CheckpointError::Text`] if it is of another size, root or log.
    pub fn merge(&mut self, other: &Self) -> Result<(), CheckpointError> {
        if other.note.text() != self.note.text() {
            return Err(CheckpointError::Text("it is another checkpoint"));
        }
        other.note.signatures().iter().cloned().for_each(|signature| self.note.add(signature));
        Ok(())
    }

    /// The authorities of an epoch that have signed, in order.
    ///
    /// # Errors
    /// [`CheckpointError::Note`] if a signature of one of them does not hold.
    pub fn signers(&self, epoch: &Epoch) -> Result<Vec<AuthorityIndex>, CheckpointError> {
        let mut signers = Vec::new();
        for (index, key) in (0..).zip(self.authority_keys(epoch)?) {
            if self.note.signed_at(&key)?.is_some() {
                signers.push(AuthorityIndex(index));
            }
        }
        Ok(signers)
    }

    /// Checks that it is of this log and that a quorum of distinct authorities has signed it.
    ///
    /// # Errors
    /// [`CheckpointError`].
    pub fn verify(&self, origin: Origin, epoch: &Epoch) -> Result<(), CheckpointError> {
        let expected = origin.to_string();
        if self.checkpoint.origin != expected {
            return Err(CheckpointError::Origin { actual: self.checkpoint.origin.clone(), expected });
        }
        let (actual, quorum) = (self.signers(epoch)?.len(), epoch.quorum);
        if actual < usize::from(quorum) { Err(CheckpointError::Quorum { actual, quorum }) } else { Ok(()) }
    }

    /// Checks that at least so many of these witnesses have signed; tells which and when. A witness that is named twice counts once.
    ///
    /// # Errors
    /// [`CheckpointError::Witnesses`], or [`CheckpointError::Note`] if a cosignature of one of them does not hold.
    pub fn verify_witnesses(&self, witnesses: &[VerifierKey], needed: usize) -> Result<Vec<Cosigned>, CheckpointError> {
        let mut cosigned = Vec::new();
        for (index, witness) in witnesses.iter().enumerate() {
            let is_known = witnesses[..index].iter().any(|known| known.key() == witness.key());
            if witness.kind() == SignatureKind::Cosignature
                && !is_known
                && let Some(seconds) = self.note.signed_at(witness)?
            {
                cosigned.push(Cosigned { name: witness.name().to_owned(), seconds });
            }
        }
        let actual = cosigned.len();
        if actual < needed { Err(CheckpointError::Witnesses { actual, needed }) } else { Ok(cosigned) }
    }
}

impl fmt::Display for SignedCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.note.fmt(f)
    }
}

impl FromStr for SignedCheckpoint {
    type Err = CheckpointError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let note: Note = text.parse()?;
        Ok(Self { checkpoint: note.text().parse()?, note })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{TestChain, definition};

    fn origin(chain: &TestChain) -> Origin {
        Origin { chain: chain.chain(), election: definition(1, &["A"]).id }
    }

    fn unsigned(chain: &TestChain) -> SignedCheckpoint {
        let (origin, root) = (origin(chain).to_string(), Digest([9; 32]));
        SignedCheckpoint::unsigned(Checkpoint { origin, size: 20_852_163, root })
    }

    #[test]
    fn it_counts_with_a_quorum_of_distinct_authorities() {
        let chain = TestChain::new(4);
        let epoch = chain.state.epoch();
        let mut checkpoint = unsigned(&chain);
        for signers in 0..3 {
            let error = CheckpointError::Quorum { actual: signers, quorum: 3 };
            assert_eq!(checkpoint.verify(origin(&chain), epoch), Err(error));
            // Signing again, or by somebody else, adds no authority.
            for key in [&chain.authorities[signers], &chain.authorities[signers], &chain.officer] {
                checkpoint.sign(key).unwrap();
            }
        }
        let read: SignedCheckpoint = checkpoint.to_string().parse().unwrap();
        assert_eq!(read, checkpoint);
        assert_eq!(read.verify(origin(&chain), epoch), Ok(()));
        assert_eq!(read.signers(epoch).unwrap(), [0, 1, 2].map(AuthorityIndex));
        let other = Origin { election: definition(2, &["A"]).id, ..origin(&chain) };
        assert_eq!(read.verify(other, epoch).unwrap_err().code(), "wrong_log");
    }

    #[test]
    fn what_an_authority_signs_elsewhere_is_added_if_it_holds() {
        let chain = TestChain::new(4);
        let [one, two] = [&chain.authorities[0], &chain.authorities[1]];
        let mut checkpoint = unsigned(&chain);
        let text = checkpoint.checkpoint().to_string();
        checkpoint.add(one.public(), one.sign(text.as_bytes())).unwrap();
        assert_eq!(checkpoint.add(two.public(), one.sign(text.as_bytes())).unwrap_err().code(), "invalid_checkpoint_signature");
        assert!(checkpoint.add(two.public(), two.sign(b"another text\n")).is_err());
        let mut signed = unsigned(&chain);
        signed.sign(one).unwrap();
        assert_eq!(checkpoint, signed, "what does not hold is not there");
    }

    #[test]
    fn every_changed_character_of_a_checkpoint_is_noticed() {
        let chain = TestChain::new(4);
        let mut checkpoint = unsigned(&chain);
        chain.authorities.iter().take(3).for_each(|key| checkpoint.sign(key).unwrap());
        let text = checkpoint.to_string();
        for (at, character) in text.char_indices() {
            let other = if character == 'A' { "B" } else { "A" };
            let changed = format!("{}{other}{}", &text[..at], &text[at + character.len_utf8()..]);
            let verdict = changed.parse::<SignedCheckpoint>().and_then(|read| read.verify(origin(&chain), chain.state.epoch()));
            assert!(verdict.is_err(), "{character:?} at {at}");
        }
    }

    #[test]
    fn copies_are_put_together() {
        let chain = TestChain::new(4);
        let (mut one, mut two) = (unsigned(&chain), unsigned(&chain));
        one.sign(&chain.authorities[0]).unwrap();
        two.sign(&chain.authorities[3]).unwrap();
        one.merge(&two).unwrap();
        assert_eq!(one.signers(chain.state.epoch()).unwrap(), [0, 3].map(AuthorityIndex));
        let grown = Checkpoint { size: 20_852_164, ..one.checkpoint().clone() };
        assert!(one.merge(&SignedCheckpoint::unsigned(grown)).is_err());
    }

    #[test]
    fn strangers_are_left_out() {
        let chain = TestChain::new(4);
        let mut checkpoint = unsigned(&chain);
        chain.authorities.iter().take(3).for_each(|key| checkpoint.sign(key).unwrap());
        let signed = checkpoint.clone();
        checkpoint.sign(&chain.officer).unwrap();
        checkpoint.cosign("witness.example/a", 1, &chain.officer).unwrap();
        assert_eq!(checkpoint.only(&checkpoint.authority_keys(chain.state.epoch()).unwrap()), signed);
    }

    #[test]
    fn witnesses_are_counted_once_each() {
        let chain = TestChain::new(4);
        let mut checkpoint = unsigned(&chain);
        let keys = [1, 2].map(|n| SigningKey::from_seed([n; 32]));
        let names = ["witness.example/a", "witness.example/b"];
        let vkey = |n: usize| VerifierKey::new(names[n], SignatureKind::Cosignature, keys[n].public()).unwrap();
        checkpoint.cosign(names[0], 1_700_000_000, &keys[0]).unwrap();
        let read: SignedCheckpoint = checkpoint.to_string().parse().unwrap();
        let error = CheckpointError::Witnesses { actual: 1, needed: 2 };
        assert_eq!(read.verify_witnesses(&[vkey(0), vkey(0), vkey(1)], 2), Err(error));
        checkpoint.cosign(names[1], 1_700_000_001, &keys[1]).unwrap();
        let seen = checkpoint.verify_witnesses(&[vkey(0), vkey(1)], 2).unwrap();
        assert_eq!(seen.iter().map(|seen| seen.seconds).collect::<Vec<_>>(), [1_700_000_000, 1_700_000_001]);
        // An authority's signature is no witness's.
        assert!(checkpoint.verify(origin(&chain), chain.state.epoch()).is_err());
    }

    #[test]
    fn what_is_no_checkpoint_is_refused_with_the_reason() {
        let root = BASE64.encode(&[0; 32]);
        for (text, part) in [
            (String::new(), "does not end"),
            ("\n1\nx\n".to_owned(), "origin"),
            ("log\n".to_owned(), "size is missing"),
            (format!("log\n01\n{root}\n"), "leading zeros"),
            (format!("log\n+1\n{root}\n"), "leading zeros"),
            (format!("log\n18446744073709551616\n{root}\n"), "decimal"),
            ("log\n1\n".to_owned(), "root is missing"),
            ("log\n1\nAAAA\n".to_owned(), "32 bytes"),
            (format!("log\n1\n{root}\n\n"), "extension"),
            (format!("log\n1\n{root}\n{}", "x\n".repeat(MAX_EXTENSION_LINES + 1)), "extension"),
        ] {
            let error = text.parse::<Checkpoint>().unwrap_err().to_string();
            assert!(error.contains(part), "{text:?}: {error}");
        }
        assert!(format!("log\n1\n{root}\nextension\n").parse::<Checkpoint>().is_ok());
    }
}
