//! What an engine writes down before it speaks.

use borsh::{BorshDeserialize, BorshSerialize};
use voting_core::block::Block;
use voting_core::certificate::{Certificate, Vote};
use voting_core::codec::{Canonical, DecodeError};
use voting_core::ids::View;
use voting_core::seams::JournalRecord;
use voting_core::seams::transport::MAX_MESSAGE_BYTES;

/// A record as it is written: views of different epochs may have the same number.
#[derive(BorshSerialize, BorshDeserialize)]
struct Written {
    epoch: u32,
    record: Record,
}

impl Canonical for Written {
    const TAG: &'static str = "voting/journal-record/v1";
    const MAX_BYTES: usize = MAX_MESSAGE_BYTES;
}

/// One record of the journal.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) enum Record {
    /// An own vote.
    Vote(Vote),
    /// The payload of a block that an own vote speaks of.
    Block(Block),
    /// A certificate.
    Certificate(Certificate),
}

impl Record {
    pub(crate) fn to_journal(&self, epoch: u32) -> JournalRecord {
        let bytes = Written { epoch, record: self.clone() }.to_canonical();
        JournalRecord { view: self.view(), bytes }
    }

    /// The record, and the epoch that it is of.
    pub(crate) fn from_journal(record: &JournalRecord) -> Result<(u32, Self), DecodeError> {
        let Written { epoch, record } = Written::from_canonical(&record.bytes)?;
        Ok((epoch, record))
    }

    const fn view(&self) -> View {
        match self {
            Self::Vote(vote) => vote.statement.view(),
            Self::Block(block) => block.header.view,
            Self::Certificate(certificate) => certificate.statement.view(),
        }
    }
}
