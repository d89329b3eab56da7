//! Signed notes: a text, and lines with signatures below it (<https://c2sp.org/signed-note>).

use std::fmt;
use std::str::FromStr;

use data_encoding::{BASE64, HEXLOWER};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use crate::crypto::{KeyError, PublicKey, Signature, SigningKey};

/// Longest note that is read.
pub const MAX_NOTE_BYTES: usize = 256 * 1024;
/// Signatures that a note may carry: all authorities that an epoch can have, and as many witnesses.
pub const MAX_NOTE_SIGNATURES: usize = 256;
/// What signature lines begin with.
const DASH: &str = "\u{2014} ";

/// Why a note or a verifier key cannot be read, or does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NoteError {
    /// Longer than [`MAX_NOTE_BYTES`], or with more signatures than [`MAX_NOTE_SIGNATURES`].
    #[error("the note is too long: {0}")]
    TooLong(String),
    /// No empty line between text and signatures.
    #[error("the note has no empty line between its text and its signatures")]
    NoSignatures,
    /// A control character.
    #[error("the note contains the control character U+{0:04X}")]
    Control(u32),
    /// A signature line that is none.
    #[error("signature line {line}: {reason}")]
    Line {
        /// Number of the signature line, from 1.
        line: usize,
        /// What is wrong.
        reason: &'static str,
    },
    /// A name with spaces or a plus sign, or none.
    #[error("`{0}` is no key name: it must not be empty or contain spaces or `+`")]
    Name(String),
    /// Text that is no verifier key.
    #[error("not a verifier key (NAME+ID+KEY): {0}")]
    VerifierKey(&'static str),
    /// The public key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A signature of a known key that does not hold.
    #[error("the signature of `{0}` does not hold")]
    Signature(String),
}

/// What a signature signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SignatureKind {
    /// Type `01`: the text of the note.
    Text,
    /// Type `04`: the text of a checkpoint, and when it was seen.
    Cosignature,
}

impl SignatureKind {
    const fn byte(self) -> u8 {
        match self {
            Self::Text => 1,
            Self::Cosignature => 4,
        }
    }
}

/// A key that notes are verified with: `NAME+ID+KEY` as text.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct VerifierKey {
    name: String,
    kind: SignatureKind,
    key: PublicKey,
}

impl VerifierKey {
    /// A key under a name.
    ///
    /// # Errors
    /// [`NoteError::Name`] or [`NoteError::Key`].
    pub fn new(name: impl Into<String>, kind: SignatureKind, key: PublicKey) -> Result<Self, NoteError> {
        let name = name.into();
        if !is_name(&name) {
            return Err(NoteError::Name(name));
        }
        key.check()?;
        Ok(Self { name, kind, key })
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it signs.
    #[must_use]
    pub const fn kind(&self) -> SignatureKind {
        self.kind
    }

    /// The key.
    #[must_use]
    pub const fn key(&self) -> PublicKey {
        self.key
    }

    /// The first four bytes of SHA-256 over name, newline, type and key.
    #[must_use]
    pub fn id(&self) -> [u8; 4] {
        key_id(&self.name, self.kind, &self.key)
    }
}

fn key_id(name: &str, kind: SignatureKind, key: &PublicKey) -> [u8; 4] {
    let hash: [u8; 32] =
        Sha256::new().chain_update(name).chain_update(b"\n").chain_update([kind.byte()]).chain_update(key.0).finalize().into();
    [hash[0], hash[1], hash[2], hash[3]]
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c.is_control() || c == '+')
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let material = [&[self.kind.byte()], self.key.0.as_slice()].concat();
        write!(f, "{}+{}+{}", self.name, HEXLOWER.encode(&self.id()), BASE64.encode(&material))
    }
}

impl From<VerifierKey> for String {
    fn from(key: VerifierKey) -> Self {
        key.to_string()
    }
}

impl TryFrom<String> for VerifierKey {
    type Error = NoteError;

    fn try_from(text: String) -> Result<Self, NoteError> {
        text.parse()
    }
}

impl FromStr for VerifierKey {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, rest) = text.split_once('+').ok_or(NoteError::VerifierKey("it has no `+`"))?;
        let (id, material) = rest.split_once('+').ok_or(NoteError::VerifierKey("it has one `+`, and needs two"))?;
        let id = HEXLOWER.decode(id.as_bytes()).map_err(|_| NoteError::VerifierKey("the id is not lower-case hexadecimal"))?;
        let material = BASE64.decode(material.as_bytes()).map_err(|_| NoteError::VerifierKey("the key is not base64"))?;
        let (kind, key) = material.split_first().ok_or(NoteError::VerifierKey("the key is empty"))?;
        let kind = match kind {
            1 => SignatureKind::Text,
            4 => SignatureKind::Cosignature,
            _ => return Err(NoteError::VerifierKey("its type is neither Ed25519 (01) nor cosignature/v1 (04)")),
        };
        let key = key.try_into().map_err(|_| NoteError::VerifierKey("an Ed25519 key has 32 bytes"))?;
        let key = Self::new(name, kind, PublicKey(key))?;
        if key.id().as_slice() == id { Ok(key) } else { Err(NoteError::VerifierKey("the id is not that of name and key")) }
    }
}

/// One line below a note.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NoteSignature {
    /// Name of the key.
    pub name: String,
    /// Id of the key.
    pub key_id: [u8; 4],
    /// What follows the id; for Ed25519 the signature, before it in a cosignature eight bytes of time.
    pub signature: Vec<u8>,
}

impl NoteSignature {
    /// Signs the text of a note.
    ///
    /// # Errors
    /// [`NoteError::Name`].
    pub fn sign(name: &str, text: &str, key: &SigningKey) -> Result<Self, NoteError> {
        let verifier = VerifierKey::new(name, SignatureKind::Text, key.public())?;
        let signature = key.sign(text.as_bytes());
        Ok(Self { key_id: verifier.id(), name: verifier.name, signature: signature.0.to_vec() })
    }

    /// Signs the text of a checkpoint as its witness, which has seen it at a time in seconds since 1970.
    ///
    /// # Errors
    /// [`NoteError::Name`].
    pub fn cosign(name: &str, text: &str, seconds: u64, key: &SigningKey) -> Result<Self, NoteError> {
        let verifier = VerifierKey::new(name, SignatureKind::Cosignature, key.public())?;
        let signature = key.sign(cosigned(text, seconds).as_bytes());
        let bytes = [seconds.to_be_bytes().as_slice(), signature.0.as_slice()].concat();
        Ok(Self { key_id: verifier.id(), name: verifier.name, signature: bytes })
    }

    fn parse(line: &str) -> Result<Self, &'static str> {
        let rest = line.strip_prefix(DASH).ok_or("it does not begin with an em dash and a space")?;
        let (name, encoded) = rest.split_once(' ').ok_or("there is no space between name and signature")?;
        if !is_name(name) {
            return Err("the name is empty or contains spaces or `+`");
        }
        let bytes = BASE64.decode(encoded.as_bytes()).map_err(|_| "the signature is not base64")?;
        let (id, signature) = bytes.split_first_chunk::<4>().ok_or("the signature is shorter than a key id")?;
        Ok(Self { name: name.to_owned(), key_id: *id, signature: signature.to_vec() })
    }
}

impl fmt::Display for NoteSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{DASH}{} {}", self.name, BASE64.encode(&[self.key_id.as_slice(), &self.signature].concat()))
    }
}

/// What a cosignature signs.
fn cosigned(text: &str, seconds: u64) -> String {
    format!("cosignature/v1\ntime {seconds}\n{text}")
}

/// A text with signatures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<NoteSignature>,
}

impl Note {
    /// A text, which ends in a newline and has no empty line at its end, without signatures yet.
    pub(super) const fn unsigned(text: String) -> Self {
        Self { text, signatures: Vec::new() }
    }

    /// The text, its last newline included.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signatures, in order.
    #[must_use]
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// Adds a signature, in the place of an earlier one of the same key.
    pub fn add(&mut self, signature: NoteSignature) {
        let is_same = |other: &&mut NoteSignature| other.name == signature.name && other.key_id == signature.key_id;
        match self.signatures.iter_mut().find(is_same) {
            Some(known) => *known = signature,
            None => self.signatures.push(signature),
        }
    }

    /// The time in seconds that a cosigner states, 0 for a signature of the text alone; `None` if this key has not signed.
    ///
    /// # Errors
    /// [`NoteError::Signature`] if a signature of this key does not hold.
    pub fn signed_at(&self, key: &VerifierKey) -> Result<Option<u64>, NoteError> {
        let id = key.id();
        let mut signed = None;
        for found in self.signatures.iter().filter(|found| found.name == key.name && found.key_id == id) {
            let wrong = || NoteError::Signature(key.name.clone());
            let (seconds, signature) = match key.kind {
                SignatureKind::Text => (0, found.signature.as_slice()),
                SignatureKind::Cosignature => {
                    let (seconds, rest) = found.signature.split_first_chunk::<8>().ok_or_else(wrong)?;
                    (u64::from_be_bytes(*seconds), rest)
                }
            };
            let signature = Signature(signature.try_into().map_err(|_| wrong())?);
            let holds = match key.kind {
                SignatureKind::Text => key.key.verify(self.text.as_bytes(), &signature),
                SignatureKind::Cosignature => {
                    seconds <= i64::MAX as u64 && key.key.verify(cosigned(&self.text, seconds).as_bytes(), &signature)
                }
            };
            if !holds {
                return Err(wrong());
            }
            signed = Some(seconds);
        }
        Ok(signed)
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|signature| writeln!(f, "{signature}"))
    }
}

impl FromStr for Note {
    type Err = NoteError;

    fn from_str(note: &str) -> Result<Self, Self::Err> {
        if note.len() > MAX_NOTE_BYTES {
            return Err(NoteError::TooLong(format!("{} bytes, at most {MAX_NOTE_BYTES} are read", note.len())));
        }
        if let Some(control) = note.chars().find(|c| u32::from(*c) < 0x20 && *c != '\n') {
            return Err(NoteError::Control(control.into()));
        }
        let at = note.rfind("\n\n").ok_or(NoteError::NoSignatures)?;
        let (text, lines) = (&note[..=at], &note[at + 2..]);
        let lines = lines.strip_suffix('\n').ok_or(NoteError::NoSignatures)?;
        let mut signatures = Vec::new();
        for (index, line) in lines.split('\n').enumerate() {
            if index == MAX_NOTE_SIGNATURES {
                return Err(NoteError::TooLong(format!("more than {MAX_NOTE_SIGNATURES} signatures")));
            }
            signatures.push(NoteSignature::parse(line).map_err(|reason| NoteError::Line { line: index + 1, reason })?);
        }
        Ok(Self { text: text.to_owned(), signatures })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
    const NOTE: &str = "This is an example message.\n\n\u{2014} example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";

    #[test]
    fn the_example_of_the_specification_holds() {
        let key: VerifierKey = KEY.parse().unwrap();
        assert_eq!(key.to_string(), KEY);
        let note: Note = NOTE.parse().unwrap();
        assert_eq!(note.to_string(), NOTE);
        assert_eq!(note.signed_at(&key), Ok(Some(0)));
        let other = NOTE.replace("example message", "exemplary message").parse::<Note>().unwrap();
        assert_eq!(other.signed_at(&key), Err(NoteError::Signature("example.com/foo".to_owned())));
    }

    #[test]
    fn keys_that_others_have_signed_with_say_nothing() {
        let note: Note = NOTE.parse().unwrap();
        let stranger = VerifierKey::new("example.com/foo", SignatureKind::Text, SigningKey::from_seed([1; 32]).public()).unwrap();
        assert_eq!(note.signed_at(&stranger), Ok(None));
        let renamed = VerifierKey::new("example.com/bar", SignatureKind::Text, KEY.parse::<VerifierKey>().unwrap().key()).unwrap();
        assert_eq!(note.signed_at(&renamed), Ok(None));
    }

    #[test]
    fn a_cosignature_covers_its_time() {
        let secret = SigningKey::from_seed([7; 32]);
        let mut note = Note::unsigned("origin\n1\nroot\n".to_owned());
        note.add(NoteSignature::cosign("witness", note.text(), 1_679_315_147, &secret).unwrap());
        let key = VerifierKey::new("witness", SignatureKind::Cosignature, secret.public()).unwrap();
        let note: Note = note.to_string().parse().unwrap();
        assert_eq!(note.signed_at(&key), Ok(Some(1_679_315_147)));
        let mut later = note.clone();
        later.signatures[0].signature[7] ^= 1;
        assert!(later.signed_at(&key).is_err());
        // The same key under the other type has another id, and has not signed.
        let as_text = VerifierKey::new("witness", SignatureKind::Text, secret.public()).unwrap();
        assert_eq!(note.signed_at(&as_text), Ok(None));
    }

    #[test]
    fn what_is_no_note_is_refused_with_the_reason() {
        for (note, part) in [
            ("text\n", "no empty line"),
            ("text\n\n", "no empty line"),
            ("te\u{7}xt\n\n\u{2014} a AAAAAA==\n", "U+0007"),
            ("te\rxt\n\n\u{2014} a AAAAAA==\n", "U+000D"),
            ("text\n\n- a AAAAAA==\n", "line 1"),
            ("text\n\n\u{2014} a AAAAAA==\n\u{2014} b AA\n", "line 2"),
            ("text\n\n\u{2014} a+b AAAAAA==\n", "`+`"),
            ("text\n\n\u{2014} a AAA=\n", "shorter"),
            ("text\n\n\u{2014} a AAAAAA==", "no empty line"),
        ] {
            let error = note.parse::<Note>().unwrap_err().to_string();
            assert!(error.contains(part), "{note:?}: {error}");
        }
        let many = format!("text\n\n{}", "\u{2014} a AAAAAA==\n".repeat(MAX_NOTE_SIGNATURES + 1));
        assert!(matches!(many.parse::<Note>(), Err(NoteError::TooLong(_))));
    }

    #[test]
    fn what_is_no_verifier_key_is_refused_with_the_reason() {
        for (text, part) in [
            ("example.com/foo", "no `+`"),
            ("example.com/foo+530d903a", "one `+`"),
            ("example.com/foo+530D903A+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", "hexadecimal"),
            ("example.com/foo+530d903b+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", "not that of"),
            ("example.com/foo+530d903a+AukyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", "type"),
            ("example.com/foo+530d903a+AQ==", "32 bytes"),
            (" +530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", "no key name"),
        ] {
            let error = text.parse::<VerifierKey>().unwrap_err().to_string();
            assert!(error.contains(part), "{text:?}: {error}");
        }
    }
}
