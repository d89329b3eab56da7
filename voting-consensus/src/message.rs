//! What authorities say to each other.

use borsh::{BorshDeserialize, BorshSerialize};
use voting_core::Canonical;
use voting_core::block::{Block, BlockHeader, FinalizedBlock, MAX_BLOCK_BYTES};
use voting_core::certificate::{Certificate, Vote};
use voting_core::ids::{BlockHash, Height};
use voting_core::seams::transport::MAX_MESSAGE_BYTES;

/// Finalized blocks in one answer.
pub const MAX_CATCH_UP_BLOCKS: usize = 256;
/// Skip certificates in one proposal; a longer gap is bridged by sending certificates first.
pub const MAX_PROPOSAL_SKIPS: usize = 128;

/// A leader's proposal with everything that justifies it.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Proposal {
    /// The block.
    pub block: Block,
    /// The leader's Notarize vote for it: the proposal's signature.
    pub vote: Vote,
    /// Notarize certificate of the parent, or the Finalize certificate; absent if the parent is genesis.
    pub parent: Option<Certificate>,
    /// Skip certificates of the views between the parent's and this one, ascending.
    pub skips: Vec<Certificate>,
    /// Header of the parent, which says who may lead; only where leaders are elected and the parent is not genesis.
    pub parent_header: Option<BlockHeader>,
}

/// A message between authorities. Every claim in it is checked by signature; the sender's name is
/// only a return address.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Message {
    /// A block for the view.
    Proposal(Box<Proposal>),
    /// A vote.
    Vote(Vote),
    /// A certificate.
    Certificate(Certificate),
    /// States the sender's last final height: who is further sends its Finalize certificate.
    Hello {
        /// Height of the sender's last final block, 0 for none.
        height: Height,
    },
    /// Asks for finalized blocks.
    RequestBlocks {
        /// The first height wanted.
        from: Height,
    },
    /// Finalized blocks in order of height; the last one has its own certificate.
    Blocks(Vec<FinalizedBlock>),
    /// Asks for one block that is notarized but not known to the sender.
    RequestBlock {
        /// Which.
        hash: BlockHash,
    },
    /// The block asked for.
    Block(Box<Block>),
}

impl Canonical for Message {
    const TAG: &'static str = "voting/consensus-message/v1";
    const MAX_BYTES: usize = MAX_MESSAGE_BYTES;
}

/// Cuts a run of blocks to what fits one message and ends in a block with its own certificate, so
/// that the receiver can check it.
pub fn trim_to_message(blocks: &mut Vec<FinalizedBlock>) {
    let mut bytes = 0;
    let size = |finalized: &FinalizedBlock| {
        let entries: usize = finalized.block.entries.iter().map(|entry| entry.as_slice().len() + 4).sum();
        entries + 8 * 1024 // header and certificate, generously
    };
    let fits = blocks
        .iter()
        .take(MAX_CATCH_UP_BLOCKS)
        .take_while(|finalized| {
            bytes += size(finalized);
            bytes <= MAX_BLOCK_BYTES + 64 * 1024
        })
        .count();
    blocks.truncate(fits);
    while blocks.last().is_some_and(|last| last.certificate.is_none()) {
        blocks.pop();
    }
}
