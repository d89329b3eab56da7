//! Receipts: an offline proof that a ballot is recorded, which does not show the choice.
//!
//! ```text
//!  ballot ─▶ entry hash ─inclusion proof─▶ payload root in a header ─parent hashes─▶ certified header ◀─ quorum
//! ```
//!
//! What [`Receipt::verify`] proves, given a genesis that the verifier trusts and the [changes](crate::epoch::change) of the
//! authorities since:
//!
//! * **Always**: a quorum of the authorities finalized a chain in which the entry with
//!   [`Receipt::entry`] stands at [`Receipt::position`]. Blocks contain only entries that took
//!   effect, so the entry was valid when it was recorded.
//! * **With the signed ballot at hand**: that entry is this very ballot. The voter holds the bytes
//!   they sent, so both hashes are recomputed from them.
//! * **Without it**: [`Receipt::election`] and [`Receipt::ballot`] are the issuer's word. Both hashes
//!   cover the same content, but nothing short of the content can show that, and the content is the
//!   choice. Whoever has no ballot finds the entry hash in the election's bundle instead.
//!
//! A receipt proves that a ballot was recorded, not that it counts for ever: where the last ballot
//! counts, a later one may replace it.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::ballot::SignedBallot;
use crate::block::{BlockHeader, EntryBytes, FinalizedBlock};
use crate::bundle::StatePath;
use crate::certificate::{Certificate, CertificateError, Statement};
use crate::codec::{Canonical, DecodeError};
use crate::crypto::merkle::{InclusionProof, MerkleTree, leaf_hash};
use crate::entry::Entry;
use crate::epoch::Epoch;
use crate::epoch::change::Epochs;
use crate::ids::{BallotHash, ElectionId, EntryHash, Height};
use crate::state::{ElectionSummary, LedgerState, Position};
use crate::time::Timestamp;

/// Headers between the ballot's block and the certificate that finalizes it. Nearly every block has
/// a certificate of its own; the rest have one a few blocks later. Bounds a receipt to some 70 kB.
pub const MAX_RECEIPT_HEADERS: usize = 256;

/// Proof that a ballot is recorded.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// The election, as the issuer says; checked against the ballot.
    pub election: ElectionId,
    /// The ballot, as the issuer says; checked against the ballot.
    pub ballot: BallotHash,
    /// The entry that carries the ballot and its signature.
    pub entry: EntryHash,
    /// Where it stands.
    pub position: Position,
    /// Path from the entry's hash to the payload root of the first header.
    pub proof: InclusionProof,
    /// Headers from the ballot's block to the first one that has a certificate.
    pub headers: Vec<BlockHeader>,
    /// A quorum's Finalize for the last header.
    pub certificate: Certificate,
}

impl Canonical for Receipt {
    const TAG: &'static str = "voting/receipt/v1";
    const MAX_BYTES: usize = 4_096 + MAX_RECEIPT_HEADERS * BlockHeader::MAX_BYTES + Certificate::MAX_BYTES;
}

/// Proof of what a quorum has certified of an election: above all what its ballots are bound to, and so, where they are sealed,
/// the key that they are sealed to.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ElectionProof {
    /// What is certified.
    pub summary: ElectionSummary,
    /// Path from the summary to the state root of the first header.
    pub path: StatePath,
    /// Headers from the block with that state to the first one that has a certificate.
    pub headers: Vec<BlockHeader>,
    /// A quorum's Finalize for the last header.
    pub certificate: Certificate,
}

impl Canonical for ElectionProof {
    const TAG: &'static str = "voting/election-proof/v1";
    const MAX_BYTES: usize = Receipt::MAX_BYTES;
}

impl ElectionProof {
    /// Proves what the state after a block says of an election; none if the block has no certificate of its own, if the state is
    /// that after another block, or if it has no such election.
    #[must_use]
    pub fn build(block: &FinalizedBlock, state: &LedgerState, election: ElectionId) -> Option<Self> {
        let certificate = block.certificate.clone()?;
        let known = state.election(election).filter(|_| state.root() == block.block.header.state_root)?;
        Some(Self {
            summary: known.summary(),
            path: StatePath::of(&state.prove_election(election)?),
            headers: certified_headers(std::slice::from_ref(block)),
            certificate,
        })
    }

    /// Checks everything offline against authorities that the caller trusts; what is certified, and when.
    ///
    /// # Errors
    /// [`ReceiptError`] naming the first thing wrong.
    pub fn verify(&self, epochs: &Epochs) -> Result<(&ElectionSummary, Timestamp), ReceiptError> {
        let (first, epoch) = check_headers(&self.headers, epochs)?;
        let leaf = LedgerState::election_leaf(self.summary.id, self.summary.digest());
        if self.path.root(leaf) != first.state_root {
            return Err(ReceiptError::NotIncluded);
        }
        check_certificate(&self.headers, &self.certificate, epochs, epoch)?;
        Ok((&self.summary, first.timestamp))
    }
}

/// What a receipt proves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Recorded {
    /// Height of the ballot's block.
    pub height: Height,
    /// Place in that block, from 0.
    pub index: u32,
    /// Time of that block.
    pub timestamp: Timestamp,
    /// Names of the authorities that signed the certificate.
    pub signers: Vec<String>,
    /// Whether the entry was compared with the signed ballot; otherwise election and ballot hash
    /// are the issuer's word.
    pub ballot_checked: bool,
}

/// Why there is no receipt for a position.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BuildReceiptError {
    /// The block of the position is not among those given.
    #[error("block {0} is not among the blocks given")]
    NoBlock(Height),
    /// No entry at that place.
    #[error("block {} has no entry {}", .0.height, .0.index)]
    NoEntry(Position),
    /// The entry is an officer's act or a certification.
    #[error("entry {} of block {} is not a ballot", .0.index, .0.height)]
    NotABallot(Position),
    /// The blocks given end before one with a certificate.
    #[error("none of the blocks given from height {0} on has a certificate")]
    NotCertified(Height),
    /// The certificate is too far away for a receipt.
    #[error("the nearest certificate is more than {MAX_RECEIPT_HEADERS} blocks above height {0}")]
    TooFar(Height),
    /// The block's entries are damaged.
    #[error(transparent)]
    Decode(#[from] DecodeError),
}

/// Why a receipt proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ReceiptError {
    /// No header, or too many.
    #[error("{actual} headers, there must be between 1 and {MAX_RECEIPT_HEADERS}")]
    Headers {
        /// Headers present.
        actual: usize,
    },
    /// A header of another network, partition or epoch.
    #[error("the header at height {0} belongs to another chain or epoch")]
    Chain(Height),
    /// A header that does not follow the one before it.
    #[error("the header at height {0} does not follow the one before it")]
    Link(Height),
    /// Position, proof and header speak of different places.
    #[error("position, inclusion proof and header do not speak of the same place")]
    Position,
    /// The proof does not lead from the entry to the header.
    #[error("what is to be proved is not among what the block's header commits to")]
    NotIncluded,
    /// The certificate finalizes something else.
    #[error("the certificate does not finalize the last header")]
    Statement,
    /// The certificate is no quorum's.
    #[error("the certificate is not valid: {0}")]
    Certificate(#[from] CertificateError),
    /// The receipt is for another ballot than the one given.
    #[error("the receipt is for another {0} than the ballot given")]
    OtherBallot(&'static str),
}

impl ReceiptError {
    /// A stable code for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Headers { .. } => "header_count",
            Self::Chain(_) => "other_chain",
            Self::Link(_) => "broken_link",
            Self::Position => "wrong_position",
            Self::NotIncluded => "not_included",
            Self::Statement => "other_statement",
            Self::Certificate(_) => "invalid_certificate",
            Self::OtherBallot(_) => "other_ballot",
        }
    }
}

/// Makes the receipts of one block; what they share is prepared once.
#[derive(Debug, Clone)]
pub struct BlockReceipts {
    entries: Vec<EntryBytes>,
    tree: MerkleTree,
    headers: Vec<BlockHeader>,
    certificate: Certificate,
}

impl BlockReceipts {
    /// Prepares the block at a height. `blocks` are consecutive, contain it and reach at least to the
    /// first certificate from there on.
    ///
    /// # Errors
    /// [`BuildReceiptError`] if the block is not there or no certificate is.
    pub fn new(blocks: &[FinalizedBlock], height: Height) -> Result<Self, BuildReceiptError> {
        let at = blocks.iter().position(|block| block.block.header.height == height);
        let chain = at.and_then(|at| blocks.get(at..)).unwrap_or_default();
        let block = &chain.first().ok_or(BuildReceiptError::NoBlock(height))?.block;
        let certified = chain.iter().enumerate().find_map(|(above, block)| Some((above, block.certificate.as_ref()?)));
        let (above, certificate) = certified.ok_or(BuildReceiptError::NotCertified(height))?;
        let headers = certified_headers(&chain[..=above]);
        if headers.len() > MAX_RECEIPT_HEADERS {
            return Err(BuildReceiptError::TooFar(height));
        }
        Ok(Self {
            entries: block.entries.clone(),
            tree: MerkleTree::new(block.entry_hashes().iter().map(|hash| leaf_hash(&hash.0)).collect()),
            headers,
            certificate: certificate.clone(),
        })
    }

    /// The block's header.
    #[must_use]
    pub fn header(&self) -> &BlockHeader {
        &self.headers[0] // there from the beginning
    }

    /// Proves the ballot at a place in the block, from 0.
    ///
    /// # Errors
    /// [`BuildReceiptError`] if there is no ballot there.
    pub fn receipt(&self, index: u32) -> Result<Receipt, BuildReceiptError> {
        let position = Position { height: self.header().height, index };
        let missing = BuildReceiptError::NoEntry(position);
        let bytes = self.entries.get(index as usize).ok_or(missing.clone())?;
        let Entry::Cast(ballot) = Entry::from_canonical(bytes.as_slice())? else {
            return Err(BuildReceiptError::NotABallot(position));
        };
        Ok(Receipt {
            election: ballot.ballot.election,
            ballot: ballot.hash(),
            entry: bytes.hash(),
            position,
            proof: self.tree.prove(index as usize).ok_or(missing)?,
            headers: self.headers.clone(),
            certificate: self.certificate.clone(),
        })
    }
}

/// Headers of the blocks, and of the tail of the last, up to the one that the last one's certificate is of.
fn certified_headers(chain: &[FinalizedBlock]) -> Vec<BlockHeader> {
    let tail = chain.last().map(|last| last.tail.as_slice()).unwrap_or_default();
    chain.iter().map(|block| &block.block.header).chain(tail).cloned().collect()
}

impl Receipt {
    /// Proves the ballot at a position. `blocks` are consecutive, contain the position's block and
    /// reach at least to the first certificate from there on. For many ballots of one block, keep
    /// its [`BlockReceipts`].
    ///
    /// # Errors
    /// [`BuildReceiptError`] if there is no ballot there or no certificate yet.
    pub fn build(blocks: &[FinalizedBlock], position: Position) -> Result<Self, BuildReceiptError> {
        BlockReceipts::new(blocks, position.height)?.receipt(position.index)
    }

    /// Checks everything offline against authorities that the caller trusts: those of a genesis, and whom they have handed
    /// over to. With `expected`, the ballot the voter signed, it also proves that the entry is that ballot.
    ///
    /// # Errors
    /// [`ReceiptError`] naming the first thing wrong.
    pub fn verify(&self, epochs: &Epochs, expected: Option<&SignedBallot>) -> Result<Recorded, ReceiptError> {
        let (first, epoch) = check_headers(&self.headers, epochs)?;
        let same_place = self.position.height == first.height
            && self.proof.index == u64::from(self.position.index)
            && self.proof.size == u64::from(first.entries);
        if !same_place {
            return Err(ReceiptError::Position);
        }
        if self.proof.root(&leaf_hash(&self.entry.0)) != Some(first.payload_root) {
            return Err(ReceiptError::NotIncluded);
        }
        check_certificate(&self.headers, &self.certificate, epochs, epoch)?;
        if let Some(ballot) = expected {
            self.check_ballot(ballot)?;
        }
        Ok(Recorded {
            height: first.height,
            index: self.position.index,
            timestamp: first.timestamp,
            signers: self.certificate.votes().filter_map(|vote| Some(epoch.name_of(vote.authority)?.to_owned())).collect(),
            ballot_checked: expected.is_some(),
        })
    }

    fn check_ballot(&self, ballot: &SignedBallot) -> Result<(), ReceiptError> {
        if self.election != ballot.ballot.election {
            return Err(ReceiptError::OtherBallot("election"));
        }
        if self.ballot != ballot.hash() {
            return Err(ReceiptError::OtherBallot("ballot"));
        }
        if self.entry != Entry::Cast(ballot.clone()).to_bytes().hash() {
            return Err(ReceiptError::OtherBallot("entry"));
        }
        Ok(())
    }
}

/// Headers of one chain and epoch, each the child of the one before. Returns the first, and the authorities.
pub(crate) fn check_headers<'h, 'e>(
    headers: &'h [BlockHeader],
    epochs: &'e Epochs,
) -> Result<(&'h BlockHeader, &'e Epoch), ReceiptError> {
    let count = ReceiptError::Headers { actual: headers.len() };
    let first = headers.first().filter(|_| headers.len() <= MAX_RECEIPT_HEADERS).ok_or(count)?;
    let epoch = epochs.at(first.height);
    if let Some(foreign) = headers.iter().find(|header| header.chain != epochs.chain() || header.epoch != epoch.number) {
        return Err(ReceiptError::Chain(foreign.height));
    }
    for (parent, child) in headers.iter().zip(headers.iter().skip(1)) {
        if !child.follows(parent) {
            return Err(ReceiptError::Link(child.height));
        }
    }
    Ok((first, epoch))
}

/// A quorum's certificate for the last header.
pub(crate) fn check_certificate(
    headers: &[BlockHeader],
    certificate: &Certificate,
    epochs: &Epochs,
    epoch: &Epoch,
) -> Result<(), ReceiptError> {
    let finalize = headers.last().map(|last| Statement::Finalize { view: last.view, block: last.hash() });
    if Some(certificate.statement) != finalize {
        return Err(ReceiptError::Statement);
    }
    Ok(certificate.verify(epochs.chain(), epoch)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::SigningKey;
    use crate::ids::PartitionId;
    use crate::testing::chain::key;
    use crate::testing::{TestChain, ballot, definition};

    /// A chain whose last three blocks cast five ballots each; only the last of them is certified.
    fn chain() -> (TestChain, Vec<SignedBallot>) {
        let mut chain = TestChain::new(4);
        let election = definition(1, &["Ada", "Bob"]);
        chain.open_election(&election, 15).unwrap();
        let ballots: Vec<_> = (0..15).map(|n| ballot(chain.chain(), &election, &key(n), &[(n % 2) as u16])).collect();
        for some in ballots.chunks(5) {
            chain.append(&some.iter().cloned().map(Entry::Cast).collect::<Vec<_>>()).unwrap();
        }
        let length = chain.blocks.len();
        chain.blocks[length - 3].certificate = None;
        chain.blocks[length - 2].certificate = None;
        (chain, ballots)
    }

    fn receipt_of(chain: &TestChain, n: usize) -> Receipt {
        let first = chain.blocks.len() - 3;
        let height = chain.blocks[first + n / 5].block.header.height;
        Receipt::build(&chain.blocks, Position { height, index: (n % 5) as u32 }).unwrap()
    }

    #[test]
    fn every_ballot_has_a_receipt_that_holds() {
        let (chain, ballots) = chain();
        for (n, ballot) in ballots.iter().enumerate() {
            let receipt = receipt_of(&chain, n);
            assert_eq!(receipt.headers.len(), 3 - n / 5);
            let recorded = receipt.verify(&chain.epochs(), Some(ballot)).unwrap();
            assert_eq!((recorded.height, recorded.index), (receipt.position.height, receipt.position.index));
            assert_eq!(recorded.signers, ["a0", "a1", "a2"]);
            assert!(recorded.ballot_checked);
            assert!(!receipt.verify(&chain.epochs(), None).unwrap().ballot_checked);
            assert_eq!(Receipt::from_canonical(&receipt.to_canonical()).unwrap(), receipt);
            let json = serde_json::to_string(&receipt).unwrap();
            assert_eq!(serde_json::from_str::<Receipt>(&json).unwrap(), receipt);
        }
    }

    #[test]
    fn a_receipt_is_of_no_use_for_another_ballot() {
        let (chain, ballots) = chain();
        let receipt = receipt_of(&chain, 7);
        let other = receipt.verify(&chain.epochs(), Some(&ballots[8]));
        assert_eq!(other, Err(ReceiptError::OtherBallot("ballot")));
        let mut resigned = ballots[7].clone();
        resigned.signature.0[40] ^= 1;
        assert_eq!(receipt.verify(&chain.epochs(), Some(&resigned)), Err(ReceiptError::OtherBallot("entry")));
        let swapped = Receipt { entry: receipt_of(&chain, 8).entry, ..receipt };
        assert_eq!(swapped.verify(&chain.epochs(), Some(&ballots[7])), Err(ReceiptError::NotIncluded));
    }

    #[test]
    fn another_network_partition_or_quorum_is_refused() {
        let (chain, _) = chain();
        let receipt = receipt_of(&chain, 0);
        let height = receipt.position.height;
        let mut renamed = chain.genesis.clone();
        renamed.network = "other".to_owned();
        for (genesis, partition) in [(&chain.genesis, PartitionId(1)), (&renamed, PartitionId(0))] {
            let epochs = Epochs::founded(genesis, partition).unwrap();
            assert_eq!(receipt.verify(&epochs, None), Err(ReceiptError::Chain(height)));
        }

        let mut few = receipt.clone();
        few.certificate.signatures.pop();
        assert!(matches!(few.verify(&chain.epochs(), None), Err(ReceiptError::Certificate(_))));
        let mut twice = few.clone();
        twice.certificate.signatures.push(twice.certificate.signatures[1]);
        assert_eq!(twice.verify(&chain.epochs(), None), Err(CertificateError::Order.into()));
        let mut notarized = receipt.clone();
        let last = notarized.headers.last().unwrap();
        notarized.certificate = chain.certify(Statement::Notarize { view: last.view, block: last.hash() });
        assert_eq!(notarized.verify(&chain.epochs(), None), Err(ReceiptError::Statement));
    }

    #[test]
    fn headers_must_be_an_unbroken_chain() {
        let (chain, _) = chain();
        let receipt = receipt_of(&chain, 0);
        let gap = Receipt { headers: vec![receipt.headers[0].clone(), receipt.headers[2].clone()], ..receipt.clone() };
        assert_eq!(gap.verify(&chain.epochs(), None), Err(ReceiptError::Link(receipt.headers[2].height)));
        let none = Receipt { headers: Vec::new(), ..receipt.clone() };
        assert_eq!(none.verify(&chain.epochs(), None), Err(ReceiptError::Headers { actual: 0 }));
        let many = Receipt { headers: vec![receipt.headers[0].clone(); MAX_RECEIPT_HEADERS + 1], ..receipt };
        assert!(matches!(many.verify(&chain.epochs(), None), Err(ReceiptError::Headers { .. })));
    }

    #[test]
    fn any_changed_byte_is_noticed() {
        let (chain, ballots) = chain();
        let receipt = receipt_of(&chain, 6);
        let bytes = receipt.to_canonical();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << (at % 8);
            let holds =
                Receipt::from_canonical(&changed).is_ok_and(|receipt| receipt.verify(&chain.epochs(), Some(&ballots[6])).is_ok());
            assert!(!holds, "byte {at} of {} may be changed", bytes.len());
        }
    }

    #[test]
    fn there_is_no_receipt_without_ballot_or_certificate() {
        let (mut chain, _) = chain();
        let define = Position { height: Height(1), index: 0 };
        assert_eq!(Receipt::build(&chain.blocks, define), Err(BuildReceiptError::NotABallot(define)));
        let beyond = Position { height: Height(99), index: 0 };
        assert_eq!(Receipt::build(&chain.blocks, beyond), Err(BuildReceiptError::NoBlock(Height(99))));
        let height = chain.blocks.last().unwrap().block.header.height;
        let none = Position { height, index: 5 };
        assert_eq!(Receipt::build(&chain.blocks, none), Err(BuildReceiptError::NoEntry(none)));
        chain.blocks.last_mut().unwrap().certificate = None;
        let pending = Position { height, index: 0 };
        assert_eq!(Receipt::build(&chain.blocks, pending), Err(BuildReceiptError::NotCertified(height)));
    }

    #[test]
    fn a_stranger_cannot_sign_for_an_authority() {
        let (mut chain, _) = chain();
        chain.authorities[1] = SigningKey::from_seed([9; 32]);
        let last = chain.blocks.last().unwrap().block.header.clone();
        let mut receipt = receipt_of(&chain, 12);
        receipt.certificate = chain.certify(Statement::Finalize { view: last.view, block: last.hash() });
        let refused = receipt.verify(&chain.epochs(), None);
        assert!(
            matches!(refused, Err(ReceiptError::Certificate(CertificateError::BadSignature { authority })) if authority.0 == 1)
        );
    }
}
