//! What authorities say to each other.

use borsh::{BorshDeserialize, BorshSerialize};
use voting_core::Canonical;
use voting_core::block::{Block, BlockHeader, FinalizedBlock, MAX_BLOCK_BYTES};
use voting_core::certificate::{Certificate, Vote};
use voting_core::crypto::{Signature, SigningKey};
use voting_core::epoch::Epoch;
use voting_core::ids::{AuthorityIndex, BlockHash, ChainId, Height, View};
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

/// An authority says which view it is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ViewReport {
    /// The chain it is about.
    pub chain: ChainId,
    /// The epoch it is in.
    pub epoch: u32,
    /// The view it is in.
    pub view: View,
    /// The question's.
    pub nonce: [u8; 32],
    /// Who says so.
    pub authority: AuthorityIndex,
}

impl Canonical for ViewReport {
    const TAG: &'static str = "voting/view-report/v1";
    const MAX_BYTES: usize = 128;
}

/// A [`ViewReport`] with its authority's signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct SignedView {
    report: ViewReport,
    signature: Signature,
}

impl SignedView {
    /// Signs a report.
    #[must_use]
    pub fn sign(report: ViewReport, key: &SigningKey) -> Self {
        Self { report, signature: key.sign(&report.to_tagged()) }
    }

    /// The report, if the authority that it names signed it for this chain and epoch.
    #[must_use]
    pub fn verify(&self, chain: ChainId, epoch: &Epoch) -> Option<ViewReport> {
        let author = epoch.authority(self.report.authority)?;
        let is_ours = self.report.chain == chain && self.report.epoch == epoch.number;
        (is_ours && author.key.verify(&self.report.to_tagged(), &self.signature)).then_some(self.report)
    }
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
    /// Asks which view the others are in: the sender has lost its journal.
    AskView {
        /// Of this question.
        nonce: [u8; 32],
    },
    /// The answer.
    InView {
        /// The view, signed for this question.
        stated: Box<SignedView>,
        /// The certificate that let the authority enter it; absent only where the view is the first above a final block.
        entered: Option<Certificate>,
    },
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
