//! Writing a bundle, block by block.

use std::io;

use thiserror::Error;

use super::{BundleBlock, BundleItem, Closing, FrameKind, MAGIC, Manifest, Opening, StatePath, VERSION};
use crate::block::{BlockHeader, FinalizedBlock};
use crate::codec::{Canonical, DecodeError};
use crate::entry::Entry;
use crate::epoch::Genesis;
use crate::epoch::change::Handover;
use crate::ids::{ElectionId, Height, PartitionId};
use crate::state::{ElectionState, LedgerState};

/// Why a bundle could not be written.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum WriteBundleError {
    /// The output refused.
    #[error("the bundle cannot be written: {0}")]
    Io(String),
    /// A block that does not follow the one before.
    #[error("block {0} does not follow the block written before it")]
    NotNext(Height),
    /// A block of this ledger does not decode.
    #[error("block {height} is damaged: {reason}")]
    Damaged {
        /// Its height.
        height: Height,
        /// What is wrong with it.
        reason: DecodeError,
    },
    /// None of the blocks has an entry of the election.
    #[error("none of the blocks has an entry of this election")]
    NoEntries,
    /// The last block has no certificate: nobody could check the bundle. Its descendant has one.
    #[error("the last block written has no certificate of its own")]
    NotCertified,
    /// The state is not the one after the last block.
    #[error("the state given is not the one after the last block written")]
    OtherState,
}

impl From<io::Error> for WriteBundleError {
    fn from(error: io::Error) -> Self {
        Self::Io(error.to_string())
    }
}

/// Writes one election's bundle to any output, in memory for one block.
///
/// Every finalized block is given in order, up to one that has a certificate; blocks before the
/// one that defines the election are passed over, so that a caller may start there:
/// its height is that of the election's first act.
#[derive(Debug)]
pub struct BundleWriter<W> {
    out: W,
    election: ElectionId,
    counts: Counts,
    last: Option<(BlockHeader, bool)>,
}

#[derive(Debug, Default)]
struct Counts {
    blocks: u64,
    certificates: u64,
    foreign: u64,
    certifications: u64,
}

impl<W: io::Write> BundleWriter<W> {
    /// Starts a bundle. `handovers` are all changes of the authorities up to the last block that will be written.
    ///
    /// # Errors
    /// [`WriteBundleError::Io`].
    pub fn begin(
        mut out: W,
        genesis: &Genesis,
        partition: PartitionId,
        handovers: &[Handover],
        election: ElectionId,
    ) -> Result<Self, WriteBundleError> {
        out.write_all(MAGIC)?;
        out.write_all(VERSION)?;
        let mut writer = Self { out, election, counts: Counts::default(), last: None };
        writer
            .frame(FrameKind::Opening, &Opening { genesis: genesis.clone(), partition, handovers: handovers.to_vec(), election })?;
        Ok(writer)
    }

    /// Adds the next block.
    ///
    /// # Errors
    /// [`WriteBundleError`] if it does not follow the one before, is damaged, or cannot be written.
    pub fn block(&mut self, finalized: &FinalizedBlock) -> Result<(), WriteBundleError> {
        let header = &finalized.block.header;
        if self.last.as_ref().is_some_and(|(last, _)| !header.follows(last)) {
            return Err(WriteBundleError::NotNext(header.height));
        }
        let damaged = |reason| WriteBundleError::Damaged { height: header.height, reason };
        let (mut own, mut certifications) = (0, 0);
        let mut items = Vec::with_capacity(finalized.block.entries.len());
        for bytes in &finalized.block.entries {
            let entry = Entry::from_canonical(bytes.as_slice()).map_err(damaged)?;
            if entry.election() == Some(self.election) {
                own += 1;
                certifications += u64::from(matches!(entry, Entry::Certify(_)));
                items.push(BundleItem::Own(bytes.clone()));
            } else {
                items.push(BundleItem::Foreign(bytes.hash()));
            }
        }
        if own == 0 {
            if self.last.is_none() {
                return Ok(());
            }
            items.clear();
        }
        self.counts.blocks += 1;
        self.counts.certificates += u64::from(finalized.certificate.is_some());
        self.counts.foreign += items.len() as u64 - own;
        self.counts.certifications += certifications;
        self.last = Some((header.clone(), finalized.certificate.is_some()));
        let block =
            BundleBlock { header: header.clone(), certificate: finalized.certificate.clone(), tail: finalized.tail.clone(), items };
        self.frame(FrameKind::Block, &block)
    }

    /// Ends the bundle with the state after the last block, and returns the output, flushed.
    ///
    /// # Errors
    /// [`WriteBundleError`] if the bundle would not verify: no certificate on the last block, another
    /// state, no entry of the election.
    pub fn finish(mut self, state: &LedgerState) -> Result<W, WriteBundleError> {
        let (last, certified) = self.last.take().ok_or(WriteBundleError::NoEntries)?;
        if state.height() != last.height || state.root() != last.state_root {
            return Err(WriteBundleError::OtherState);
        }
        if !certified {
            return Err(WriteBundleError::NotCertified);
        }
        let election = state.election(self.election).ok_or(WriteBundleError::NoEntries)?;
        let proof = state.prove_election(self.election).ok_or(WriteBundleError::NoEntries)?;
        let closing = Closing {
            manifest: self.counts.manifest(election),
            path: StatePath::of(&proof),
            report: election.report().map(|report| report.as_ref().clone()),
        };
        self.frame(FrameKind::Closing, &closing)?;
        self.out.flush()?;
        Ok(self.out)
    }

    /// The output, for a caller that hands on what has been written so far.
    pub const fn get_mut(&mut self) -> &mut W {
        &mut self.out
    }

    fn frame<T: Canonical>(&mut self, kind: FrameKind, content: &T) -> Result<(), WriteBundleError> {
        let bytes = content.to_canonical();
        self.out.write_all(&[kind as u8])?;
        self.out.write_all(&(bytes.len() as u32).to_le_bytes())?;
        self.out.write_all(&bytes)?;
        Ok(())
    }
}

impl Counts {
    fn manifest(&self, election: &ElectionState) -> Manifest {
        Manifest {
            blocks: self.blocks,
            certificates: self.certificates,
            foreign: self.foreign,
            acts: election.acts().len() as u64,
            certifications: self.certifications,
            ballots: election.ballots(),
            roll_size: election.roll_size(),
            certified: election.certified(),
            voted: election.voted(),
            phase: election.phase(),
        }
    }
}
