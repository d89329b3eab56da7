//! Proofs that stand alone: an entry is in a log whose checkpoint is signed (<https://c2sp.org/tlog-proof>).

use std::fmt;
use std::str::FromStr;

use data_encoding::BASE64;
use thiserror::Error;

use super::checkpoint::{CheckpointError, Origin, SignedCheckpoint};
use crate::crypto::merkle::{InclusionProof, MAX_PROOF_HASHES, leaf_hash};
use crate::epoch::Epoch;
use crate::ids::Digest;

/// Longest extra data that is read.
pub const MAX_EXTRA_BYTES: usize = 64 * 1024;
const FIRST_LINE: &str = "c2sp.org/tlog-proof@v1";

/// Why a proof cannot be read, or does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LogProofError {
    /// Not the text of a proof.
    #[error("not a proof of a log: {0}")]
    Text(&'static str),
    /// Its checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The hashes do not lead from the entry to the checkpoint's root.
    #[error("the entry is not at index {index} of the log of {size} entries that the checkpoint names")]
    Inclusion {
        /// Index in the proof.
        index: u64,
        /// Size in the checkpoint.
        size: u64,
    },
}

impl LogProofError {
    /// A stable code for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Text(_) => "malformed_log_proof",
            Self::Checkpoint(error) => error.code(),
            Self::Inclusion { .. } => "not_in_log",
        }
    }
}

/// Index, hashes and checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogProof {
    /// Whatever the application adds; nobody has signed it.
    pub extra: Option<Vec<u8>>,
    /// Place of the entry, from 0.
    pub index: u64,
    /// Sibling hashes, from the leaf to the root.
    pub hashes: Vec<Digest>,
    /// Whose root they lead to.
    pub checkpoint: SignedCheckpoint,
}

impl LogProof {
    /// A proof for an entry of the tree that a checkpoint names; `None` if it is for another size.
    #[must_use]
    pub fn new(inclusion: InclusionProof, checkpoint: SignedCheckpoint) -> Option<Self> {
        let InclusionProof { index, size, hashes } = inclusion;
        (size == checkpoint.checkpoint().size).then_some(Self { extra: None, index, hashes, checkpoint })
    }

    /// Checks that the entry with these bytes is in this log, and that a quorum of these authorities says so.
    ///
    /// # Errors
    /// [`LogProofError`].
    pub fn verify(&self, entry: &[u8], origin: Origin, epoch: &Epoch) -> Result<(), LogProofError> {
        self.checkpoint.verify(origin, epoch)?;
        if self.includes(entry) { Ok(()) } else { Err(self.not_included()) }
    }

    /// Whether the hashes lead from the entry with these bytes to the checkpoint's root. Who has signed that is another question.
    #[must_use]
    pub fn includes(&self, entry: &[u8]) -> bool {
        let checkpoint = self.checkpoint.checkpoint();
        let proof = InclusionProof { index: self.index, size: checkpoint.size, hashes: self.hashes.clone() };
        proof.root(&leaf_hash(entry)) == Some(checkpoint.root)
    }

    /// That it is a proof for another entry.
    #[must_use]
    pub fn not_included(&self) -> LogProofError {
        LogProofError::Inclusion { index: self.index, size: self.checkpoint.checkpoint().size }
    }

    /// Whether a text claims to be such a proof.
    #[must_use]
    pub fn is_meant(text: &[u8]) -> bool {
        text.starts_with(FIRST_LINE.as_bytes())
    }
}

impl fmt::Display for LogProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{FIRST_LINE}")?;
        if let Some(extra) = &self.extra {
            writeln!(f, "extra {}", BASE64.encode(extra))?;
        }
        writeln!(f, "index {}", self.index)?;
        self.hashes.iter().try_for_each(|hash| writeln!(f, "{}", BASE64.encode(&hash.0)))?;
        write!(f, "\n{}", self.checkpoint)
    }
}

impl FromStr for LogProof {
    type Err = LogProofError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = LogProofError::Text;
        let (head, checkpoint) = text.split_once("\n\n").ok_or(wrong("no empty line stands before the checkpoint"))?;
        let mut lines = head.split('\n').peekable();
        if lines.next() != Some(FIRST_LINE) {
            return Err(wrong("the first line is not `c2sp.org/tlog-proof@v1`"));
        }
        let extra = match lines.peek().and_then(|line| line.strip_prefix("extra ")) {
            Some(encoded) if encoded.len() > MAX_EXTRA_BYTES.div_ceil(3) * 4 => return Err(wrong("the extra data is too long")),
            Some(encoded) => {
                let extra = BASE64.decode(encoded.as_bytes()).map_err(|_| wrong("the extra data is not base64"))?;
                lines.next();
                Some(extra)
            }
            None => None,
        };
        let digits = lines.next().and_then(|line| line.strip_prefix("index ")).ok_or(wrong("the line `index` is missing"))?;
        let index = digits.parse::<u64>().ok().filter(|index| index.to_string() == digits);
        let index = index.ok_or(wrong("the index is not a decimal number without leading zeros"))?;
        let mut hashes = Vec::new();
        for line in lines {
            let hash = BASE64.decode(line.as_bytes()).ok().and_then(|hash| hash.try_into().ok());
            hashes.push(Digest(hash.ok_or(wrong("a hash is not 32 bytes in base64"))?));
            if hashes.len() > MAX_PROOF_HASHES {
                return Err(wrong("there are more hashes than any tree is deep"));
            }
        }
        Ok(Self { extra, index, hashes, checkpoint: checkpoint.parse()? })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{BoardTree, Checkpoint};
    use super::*;
    use crate::testing::{TestChain, definition};

    const SIZE: u64 = 300;

    fn signed(chain: &TestChain) -> (BoardTree, Origin, SignedCheckpoint) {
        let mut tree = BoardTree::new();
        (0..SIZE).for_each(|n| _ = tree.push(&n.to_be_bytes()));
        let origin = Origin { chain: chain.chain(), election: definition(1, &["A"]).id };
        let checkpoint = Checkpoint { origin: origin.to_string(), size: SIZE, root: tree.root() };
        let mut checkpoint = SignedCheckpoint::unsigned(checkpoint);
        chain.authorities.iter().take(3).for_each(|key| checkpoint.sign(key).unwrap());
        (tree, origin, checkpoint)
    }

    #[test]
    fn a_proof_holds_for_its_entry_alone() {
        let chain = TestChain::new(4);
        let epoch = chain.state.epoch();
        let (tree, origin, checkpoint) = signed(&chain);
        for index in [0, 1, 255, 256, SIZE - 1] {
            let proof = LogProof::new(tree.prove(index, SIZE).unwrap(), checkpoint.clone()).unwrap();
            let proof = LogProof { extra: (index % 2 == 1).then(|| b"age-v1.2.1".to_vec()), ..proof };
            let read: LogProof = proof.to_string().parse().unwrap();
            assert_eq!(read, proof);
            assert_eq!(read.verify(&index.to_be_bytes(), origin, epoch), Ok(()));
            let error = read.verify(&(index + 1).to_be_bytes(), origin, epoch).unwrap_err();
            assert_eq!(error.code(), "not_in_log");
            let moved = LogProof { index: (index + 1) % SIZE, ..read };
            assert!(moved.verify(&index.to_be_bytes(), origin, epoch).is_err());
        }
        let older = tree.prove(0, SIZE - 1).unwrap();
        assert!(LogProof::new(older, checkpoint).is_none());
    }

    #[test]
    fn a_proof_under_too_few_signatures_proves_nothing() {
        let chain = TestChain::new(4);
        let (tree, origin, checkpoint) = signed(&chain);
        let mut few = SignedCheckpoint::unsigned(checkpoint.checkpoint().clone());
        chain.authorities.iter().take(2).for_each(|key| few.sign(key).unwrap());
        let proof = LogProof::new(tree.prove(7, SIZE).unwrap(), few).unwrap();
        assert_eq!(proof.verify(&7_u64.to_be_bytes(), origin, chain.state.epoch()).unwrap_err().code(), "checkpoint_quorum");
    }

    #[test]
    fn what_is_no_proof_is_refused_with_the_reason() {
        let chain = TestChain::new(4);
        let (tree, _, checkpoint) = signed(&chain);
        let proof = LogProof::new(tree.prove(7, SIZE).unwrap(), checkpoint).unwrap();
        let proof = LogProof { extra: Some(vec![1]), ..proof }.to_string();
        for (from, to, part) in [
            ("tlog-proof@v1", "tlog-proof@v2", "first line"),
            ("extra AQ==", "extra AQ", "base64"),
            ("extra AQ==\n", "extra AQ==\nextra AQ==\n", "`index`"),
            ("index 7", "index 07", "leading zeros"),
            ("index 7\n", "index 7\nAAAA\n", "32 bytes"),
            ("index 7\n", &format!("index 7\n{}", format!("{}\n", BASE64.encode(&[0; 32])).repeat(64)), "deep"),
            ("\n\n", "\n", "empty line"),
        ] {
            let error = proof.replacen(from, to, if from == "\n\n" { 2 } else { 1 }).parse::<LogProof>().unwrap_err().to_string();
            assert!(error.contains(part), "{from:?}: {error}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "(c2sp.org/tlog-proof@v1\n)?(extra [A-Za-z=]{0,8}\n)?(index [0-9]{1,3}\n)?[A-Za-z0-9+/=\n]{0,100}") {
            if let Ok(proof) = text.parse::<LogProof>() {
                prop_assert_eq!(proof.to_string(), text);
            }
        }
    }
}
