//! Blocks: a header that commits to everything, and the entries it commits to.

use std::fmt;
use std::io;
use std::sync::Arc;

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::certificate::{Certificate, Statement};
use crate::codec::Canonical;
use crate::crypto::merkle::{leaf_hash, merkle_root};
use crate::entry::MAX_ENTRY_BYTES;
use crate::ids::{BlockHash, ChainId, Digest, EntryHash, Height, View};
use crate::preference::Preference;
use crate::time::Timestamp;

/// Bounds the work of validating one block and the size of one message.
pub const MAX_BLOCK_ENTRIES: usize = 4_096;
/// Bounds a block's bytes: a proposal must fit one message of the transport.
pub const MAX_BLOCK_BYTES: usize = 4 * 1024 * 1024;

/// The parent of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Parent {
    /// View the parent was notarized in; 0 for genesis.
    pub view: View,
    /// Hash of the parent; [`BlockHash::GENESIS`] for genesis.
    pub hash: BlockHash,
}

impl Parent {
    /// The parent of a chain's first block.
    pub const GENESIS: Self = Self { view: View(0), hash: BlockHash::GENESIS };
}

/// Commits to a block's place, entries and consequences.
#[derive(Debug, Clone, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct BlockHeader {
    /// The chain this block belongs to.
    pub chain: ChainId,
    /// Number of the epoch whose authorities decide on it.
    pub epoch: u32,
    /// View it was proposed in.
    pub view: View,
    /// One more than its parent's.
    pub height: Height,
    /// The block before it.
    pub parent: Parent,
    /// RFC 6962 root whose leaves are the entry hashes, in order.
    pub payload_root: Digest,
    /// Number of entries.
    pub entries: u32,
    /// Root of the ledger state after this block.
    pub state_root: Digest,
    /// Later than its parent's.
    pub timestamp: Timestamp,
    /// Who should lead the views above this block; only under the elected leader policy.
    pub preference: Option<Preference>,
    /// Digest of the epoch that follows: this block ends its epoch, or is one of the empty blocks above that one which
    /// only make it final. See [`crate::epoch::change`].
    pub successor: Option<Digest>,
}

impl Canonical for BlockHeader {
    const TAG: &'static str = "voting/header/v1";
    const MAX_BYTES: usize = 256;
}

impl BlockHeader {
    /// The block's identity.
    #[must_use]
    pub fn hash(&self) -> BlockHash {
        BlockHash(self.digest().0)
    }

    /// Whether this is the header of a child of `parent`: names it, one higher, of a later view and time, of
    /// the same epoch or, where that ended with the parent, of the next, and with the same preference or the next one,
    /// asked for in this very block.
    #[must_use]
    pub fn follows(&self, parent: &Self) -> bool {
        self.parent == Parent { view: parent.view, hash: parent.hash() }
            && parent.height.0.checked_add(1) == Some(self.height.0)
            && self.view > parent.view
            && self.timestamp > parent.timestamp
            && (self.preference == parent.preference || self.prefers_anew(parent.preference))
            && match parent.successor {
                None => self.epoch == parent.epoch,
                Some(_) => self.begins_epoch_after(parent) || self.is_tail_of(parent),
            }
    }

    /// The last block of an epoch has an entry, the change itself; what stands above it in its own epoch has none.
    fn begins_epoch_after(&self, parent: &Self) -> bool {
        parent.epoch.checked_add(1) == Some(self.epoch) && parent.entries > 0
    }

    /// Whether this block above the last one of an epoch changes nothing: it only makes that one final.
    #[must_use]
    pub fn is_tail_of(&self, parent: &Self) -> bool {
        self.epoch == parent.epoch
            && self.successor == parent.successor
            && self.entries == 0
            && self.state_root == parent.state_root
            && self.preference == parent.preference
    }

    fn prefers_anew(&self, before: Option<Preference>) -> bool {
        self.preference.is_some_and(|preference| {
            preference.begins_at(self.view, self.height, self.timestamp)
                && Some(preference.term) == before.map_or(0, |before| before.term).checked_add(1)
        })
    }
}

/// An entry's canonical bytes, shared and not yet understood; see [`crate::entry::Entry`].
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct EntryBytes(Arc<[u8]>);

impl EntryBytes {
    /// Wraps bytes; whether they are an entry is checked where they are decoded.
    #[must_use]
    pub fn new(bytes: impl Into<Arc<[u8]>>) -> Self {
        Self(bytes.into())
    }

    /// The bytes.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        &self.0
    }

    /// The entry's identity: SHA-256 over the entry tag and the bytes.
    #[must_use]
    pub fn hash(&self) -> EntryHash {
        EntryHash(Digest::of_parts(crate::entry::Entry::TAG, &[&self.0]).0)
    }
}

impl fmt::Debug for EntryBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EntryBytes({} bytes)", self.0.len())
    }
}

impl BorshSerialize for EntryBytes {
    fn serialize<W: io::Write>(&self, writer: &mut W) -> io::Result<()> {
        BorshSerialize::serialize(self.0.as_ref(), writer)
    }
}

impl BorshDeserialize for EntryBytes {
    fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<Self> {
        let len = u32::deserialize_reader(reader)? as usize;
        if len > MAX_ENTRY_BYTES {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("an entry of {len} bytes, at most {MAX_ENTRY_BYTES} are allowed"),
            ));
        }
        let mut bytes = vec![0; len];
        reader.read_exact(&mut bytes)?;
        Ok(Self(bytes.into()))
    }
}

/// Root over entry hashes, as it stands in a header.
#[must_use]
pub fn payload_root(hashes: &[EntryHash]) -> Digest {
    let leaves: Vec<_> = hashes.iter().map(|hash| leaf_hash(&hash.0)).collect();
    merkle_root(&leaves)
}

/// A header with its entries.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Block {
    /// Commits to the rest.
    pub header: BlockHeader,
    /// Canonical bytes of the entries, in the order they are applied.
    pub entries: Vec<EntryBytes>,
}

impl Canonical for Block {
    const TAG: &'static str = "voting/block/v1";
    const MAX_BYTES: usize = MAX_BLOCK_BYTES + 4 * MAX_BLOCK_ENTRIES + 512;
}

/// A block that does not agree with its own header.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BlockError {
    /// Too many entries, or a count other than the header's.
    #[error("the block has {actual} entries, its header says {header}, at most {MAX_BLOCK_ENTRIES} are allowed")]
    EntryCount {
        /// Entries present.
        actual: usize,
        /// Entries the header claims.
        header: u32,
    },
    /// More bytes of entries than allowed.
    #[error("the block's entries take {actual} bytes, at most {MAX_BLOCK_BYTES} are allowed")]
    TooLong {
        /// Bytes of all entries.
        actual: usize,
    },
    /// The entries are not those the header commits to.
    #[error("the entries do not hash to the header's payload root")]
    PayloadRoot,
    /// The certificate does not finalize this block.
    #[error("the certificate does not finalize this block")]
    Certificate,
}

impl Block {
    /// The block's identity.
    #[must_use]
    pub fn hash(&self) -> BlockHash {
        self.header.hash()
    }

    /// Hashes of the entries, in order.
    #[must_use]
    pub fn entry_hashes(&self) -> Vec<EntryHash> {
        self.entries.iter().map(EntryBytes::hash).collect()
    }

    /// Checks that the entries are those the header commits to, and returns their hashes.
    ///
    /// # Errors
    /// [`BlockError`] on a wrong count, too many bytes, or another payload root.
    pub fn check_payload(&self) -> Result<Vec<EntryHash>, BlockError> {
        let actual = self.entries.len();
        if actual > MAX_BLOCK_ENTRIES || actual != self.header.entries as usize {
            return Err(BlockError::EntryCount { actual, header: self.header.entries });
        }
        let bytes = self.entries.iter().map(|entry| entry.as_slice().len()).sum();
        if bytes > MAX_BLOCK_BYTES {
            return Err(BlockError::TooLong { actual: bytes });
        }
        let hashes = self.entry_hashes();
        if payload_root(&hashes) != self.header.payload_root {
            return Err(BlockError::PayloadRoot);
        }
        Ok(hashes)
    }
}

/// A block that is final: a quorum finalized it, or a descendant of it.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct FinalizedBlock {
    /// The block.
    pub block: Block,
    /// Its own Finalize certificate; absent where only a descendant has one, which then vouches
    /// for this block through the chain of parent hashes. The last block of an epoch always has one.
    pub certificate: Option<Certificate>,
    /// Headers above the last block of an epoch, up to the one that the certificate is of; mostly none, and always
    /// none above any other block.
    pub tail: Vec<BlockHeader>,
}

/// Empty blocks above the last one of an epoch: each is a view whose block a quorum notarized and did not finalize.
pub const MAX_TAIL: usize = 128;

impl FinalizedBlock {
    /// Pairs a block with its own certificate, if it has one.
    ///
    /// # Errors
    /// [`BlockError::Certificate`] if the certificate speaks of another block or is not a Finalize.
    /// Signatures are the caller's to check.
    pub fn new(block: Block, certificate: Option<Certificate>) -> Result<Self, BlockError> {
        let finalized = Self { block, certificate, tail: Vec::new() };
        match &finalized.certificate {
            Some(certificate) if !finalizes(certificate, &finalized.block.header, &[]) => Err(BlockError::Certificate),
            _ => Ok(finalized),
        }
    }

    /// The certificate, if there is one that finalizes this block by itself or by its tail. Signatures are the caller's to
    /// check.
    #[must_use]
    pub fn proof(&self) -> Option<&Certificate> {
        self.certificate.as_ref().filter(|certificate| finalizes(certificate, &self.block.header, &self.tail))
    }
}

/// Whether a certificate is a Finalize of this block or, through its tail, of the last block of an epoch. Signatures are the
/// caller's to check.
#[must_use]
pub fn finalizes(certificate: &Certificate, header: &BlockHeader, tail: &[BlockHeader]) -> bool {
    let ends = header.successor.is_some() || tail.is_empty();
    let linked =
        std::iter::once(header).chain(tail).zip(tail).all(|(parent, child)| child.follows(parent) && child.is_tail_of(parent));
    let last = tail.last().unwrap_or(header);
    ends && linked
        && tail.len() <= MAX_TAIL
        && certificate.statement == (Statement::Finalize { view: last.view, block: last.hash() })
}

impl Canonical for FinalizedBlock {
    const TAG: &'static str = "voting/finalized-block/v1";
    const MAX_BYTES: usize = Block::MAX_BYTES + Certificate::MAX_BYTES + 1 + 4 + MAX_TAIL * BlockHeader::MAX_BYTES;
}
