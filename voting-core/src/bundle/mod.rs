//! Bundles: one election as a file that anyone verifies offline, trusting no server.
//!
//! ```text
//!  "voting/bundle/v1"
//!  frame 0  Opening   genesis, partition, election
//!  frame 1  block     header, certificate, and what the block contains   ┐ one per block, consecutive
//!  …                                                                     ┘
//!  frame 2  Closing   counts, path from the election's digest to the last state root, claimed report
//! ```
//!
//! A frame is its kind (one byte), the length of its content (`u32`) and the content in canonical bytes.
//!
//! * **Where it starts.** At the block that first defines the election. Earlier headers would add
//!   nothing: the parent hash in the first header is covered, through the chain of parents, by the
//!   certificate of the last block, and no entry of the election can come before its definition.
//! * **Entries of other elections** are replaced by their hashes, which is what the payload root
//!   is made of. A block without any entry of this election is its header alone.
//! * **Nothing can be left out.** The election's digest contains a running hash over all its
//!   entries, and the closing frame shows that digest under the last state root. An entry withheld,
//!   or hidden behind its hash, gives another digest.
//! * **Every byte counts.** Each one is hashed into something a quorum signed, part of such a
//!   signature, or recomputed by the verifier. Bundles that two servers make of the same blocks may differ
//!   in their certificates, if the servers hold signatures of different quorums, and in nothing else.
//!
//! Reading and writing take memory for one frame. [`crate::verify`] is what checks a bundle.

mod path;
mod read;
mod write;

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

pub use path::{PathStep, StatePath};
pub use read::{BundleReader, ReadBundleError};
pub use write::{BundleWriter, WriteBundleError};

use crate::block::{BlockHeader, EntryBytes, FinalizedBlock, MAX_BLOCK_ENTRIES};
use crate::certificate::Certificate;
use crate::codec::Canonical;
use crate::election::Phase;
use crate::epoch::Genesis;
use crate::epoch::change::Handover;
use crate::ids::{ElectionId, EntryHash, PartitionId};
use crate::tally::ElectionReport;

/// Room for changes of the authorities in a bundle: hundreds among few authorities, a few dozen among a hundred.
const MAX_HANDOVER_BYTES: usize = 4 * 1024 * 1024;
/// First bytes of every bundle, of whatever version.
const MAGIC: &[u8; 14] = b"voting/bundle/";
/// The version written and read here.
const VERSION: &[u8; 2] = b"v1";

/// What a frame contains; its first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FrameKind {
    Opening = 0,
    Block = 1,
    Closing = 2,
}

/// What the bundle is about.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Opening {
    /// What the network is founded on.
    pub genesis: Genesis,
    /// The chain of the network.
    pub partition: PartitionId,
    /// Changes of the authorities, from the first one on.
    pub handovers: Vec<Handover>,
    /// The election.
    pub election: ElectionId,
}

impl Canonical for Opening {
    const TAG: &'static str = "voting/bundle-opening/v1";
    const MAX_BYTES: usize = Genesis::MAX_BYTES + 22 + MAX_HANDOVER_BYTES;
}

/// One entry of a block.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum BundleItem {
    /// An entry of another election.
    Foreign(EntryHash),
    /// An entry of this election.
    Own(EntryBytes),
}

impl BundleItem {
    /// The entry's hash: what the payload root is made of.
    #[must_use]
    pub fn hash(&self) -> EntryHash {
        match self {
            Self::Foreign(hash) => *hash,
            Self::Own(bytes) => bytes.hash(),
        }
    }
}

/// One block.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct BundleBlock {
    /// The header.
    pub header: BlockHeader,
    /// The block's own certificate, if it has one.
    pub certificate: Option<Certificate>,
    /// Headers above the last block of an epoch, up to the one that the certificate is of.
    pub tail: Vec<BlockHeader>,
    /// All entries in order, if at least one is of this election; otherwise nothing.
    pub items: Vec<BundleItem>,
}

impl Canonical for BundleBlock {
    const TAG: &'static str = "voting/bundle-block/v1";
    const MAX_BYTES: usize = FinalizedBlock::MAX_BYTES + MAX_BLOCK_ENTRIES * 33;
}

/// What the bundle contains, counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Manifest {
    /// Blocks.
    pub blocks: u64,
    /// Blocks with a certificate of their own.
    pub certificates: u64,
    /// Entries of other elections, as hashes.
    pub foreign: u64,
    /// Officers' acts on this election.
    pub acts: u64,
    /// Certifications of voters.
    pub certifications: u64,
    /// Ballots, replaced ones included.
    pub ballots: u64,
    /// Voters entitled.
    pub roll_size: u64,
    /// Voters with a certified key.
    pub certified: u64,
    /// Voters whose ballot counts.
    pub voted: u64,
    /// Where the election stands.
    pub phase: Phase,
}

/// What the blocks lead to.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Closing {
    /// Counts.
    pub manifest: Manifest,
    /// From the election's leaf to the state root of the last block.
    pub path: StatePath,
    /// The report, once the election is tallied.
    pub report: Option<ElectionReport>,
}

impl Canonical for Closing {
    const TAG: &'static str = "voting/bundle-closing/v1";
    const MAX_BYTES: usize = ElectionReport::MAX_BYTES + 4_096;
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::entry::Entry;
    use crate::ids::Height;
    use crate::testing::chain::key;
    use crate::testing::{TestChain, ballot, definition};

    /// Two elections side by side; the second is the one exported.
    fn chain() -> (TestChain, ElectionId) {
        let mut chain = TestChain::new(4);
        let (other, election) = (definition(1, &["Ada", "Bob"]), definition(2, &["Yes", "No"]));
        chain.open_election(&other, 4).unwrap();
        chain.open_election(&election, 4).unwrap();
        for n in 0..4 {
            let entries = [&other, &election].map(|election| Entry::Cast(ballot(chain.chain(), election, &key(n), &[1])));
            chain.append(&entries).unwrap();
        }
        let more = chain.act(other.id, crate::entry::Act::Advance { to: Phase::Closed });
        chain.append(&[more]).unwrap();
        (chain, election.id)
    }

    pub(super) fn export(chain: &TestChain, election: ElectionId) -> Result<Vec<u8>, WriteBundleError> {
        let mut writer = BundleWriter::begin(Vec::new(), &chain.genesis, PartitionId(0), &[], election)?;
        chain.blocks.iter().try_for_each(|block| writer.block(block))?;
        writer.finish(&chain.state)
    }

    #[test]
    fn what_is_written_is_read() {
        let (chain, election) = chain();
        let bytes = export(&chain, election).unwrap();
        let mut reader = BundleReader::open(bytes.as_slice()).unwrap();
        assert_eq!(
            reader.opening(),
            &Opening { genesis: chain.genesis.clone(), partition: PartitionId(0), handovers: Vec::new(), election }
        );
        let mut blocks = Vec::new();
        while let Some(block) = reader.next_block().unwrap() {
            blocks.push(block);
        }
        assert_eq!(blocks[0].header.height, Height(7), "the first six blocks are of the other election");
        assert_eq!(blocks.last().unwrap().header, chain.blocks.last().unwrap().block.header);
        assert!(blocks.last().unwrap().items.is_empty(), "the last block closes the other election");
        let closing = reader.closing().unwrap();
        let Manifest { foreign, acts, certifications, ballots, voted, phase, .. } = closing.manifest;
        assert_eq!((foreign, acts, certifications, ballots, voted, phase), (4, 5, 1, 4, 4, Phase::Open));
        let leaf = crate::state::LedgerState::election_leaf(election, chain.state.election(election).unwrap().digest());
        assert_eq!(closing.path.root(leaf), chain.state.root());
        assert_eq!(closing.report, None);
    }

    #[test]
    fn the_writer_refuses_what_would_not_verify() {
        let (mut chain, election) = chain();
        assert_eq!(export(&chain, ElectionId([9; 16])), Err(WriteBundleError::NoEntries));
        let mut writer = BundleWriter::begin(Vec::new(), &chain.genesis, PartitionId(0), &[], election).unwrap();
        for block in &chain.blocks[..8] {
            writer.block(block).unwrap();
        }
        assert_eq!(writer.block(&chain.blocks[9]), Err(WriteBundleError::NotNext(Height(10))));
        assert_eq!(writer.finish(&chain.state), Err(WriteBundleError::OtherState));
        chain.blocks.last_mut().unwrap().certificate = None;
        assert_eq!(export(&chain, election), Err(WriteBundleError::NotCertified));
    }

    #[test]
    fn cut_off_and_padded_files_are_refused() {
        let (chain, election) = chain();
        let bytes = export(&chain, election).unwrap();
        let read = |bytes: &[u8]| -> Result<(), ReadBundleError> {
            let mut reader = BundleReader::open(bytes)?;
            while reader.next_block()?.is_some() {}
            Ok(())
        };
        assert_eq!(read(&bytes), Ok(()));
        for length in 0..bytes.len() {
            assert_eq!(read(&bytes[..length]), Err(ReadBundleError::Truncated), "{length} of {} bytes", bytes.len());
        }
        assert_eq!(read(&[bytes.as_slice(), &[0]].concat()), Err(ReadBundleError::Trailing));
        let mut newer = bytes.clone();
        newer[15] = b'2';
        assert_eq!(read(&newer), Err(ReadBundleError::Version("v2".to_owned())));
        newer[0] = b'V';
        assert_eq!(read(&newer), Err(ReadBundleError::NotABundle));
        let mut twice = bytes.clone();
        twice.splice(16..16, bytes[16..].iter().copied());
        assert!(matches!(read(&twice), Err(ReadBundleError::Trailing)));
    }

    #[test]
    fn a_claimed_length_allocates_nothing() {
        struct Endless;
        impl io::Read for Endless {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                buffer.fill(0xff);
                Ok(buffer.len())
            }
        }
        let claim = [MAGIC.as_slice(), VERSION, &[0], &u32::MAX.to_le_bytes()].concat();
        let refused = BundleReader::open(io::Read::chain(claim.as_slice(), Endless)).err();
        assert!(matches!(refused, Some(ReadBundleError::Decode(crate::DecodeError::TooLong { .. }))));
        let short = [MAGIC.as_slice(), VERSION, &[0], &60_000u32.to_le_bytes()].concat();
        assert_eq!(BundleReader::open(short.as_slice()).err(), Some(ReadBundleError::Truncated));
    }
}
