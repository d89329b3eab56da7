//! What an engine writes down before it speaks.

use borsh::{BorshDeserialize, BorshSerialize};
use voting_core::block::Block;
use voting_core::certificate::{Certificate, Vote};
use voting_core::codec::{Canonical, DecodeError};
use voting_core::ids::View;
use voting_core::seams::JournalRecord;
use voting_core::seams::transport::MAX_MESSAGE_BYTES;

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

impl Canonical for Record {
    const TAG: &'static str = "voting/journal-record/v1";
    const MAX_BYTES: usize = MAX_MESSAGE_BYTES;
}

impl Record {
    pub(crate) fn to_journal(&self) -> JournalRecord {
        JournalRecord { view: self.view(), bytes: self.to_canonical() }
    }

    pub(crate) fn from_journal(record: &JournalRecord) -> Result<Self, DecodeError> {
        Self::from_canonical(&record.bytes)
    }

    const fn view(&self) -> View {
        match self {
            Self::Vote(vote) => vote.statement.view(),
            Self::Block(block) => block.header.view,
            Self::Certificate(certificate) => certificate.statement.view(),
        }
    }
}
