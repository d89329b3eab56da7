//! What an engine writes down before it speaks.

use borsh::{BorshDeserialize, BorshSerialize};
use voting_core::block::Block;
use voting_core::certificate::{Certificate, Vote};
use voting_core::codec::{Canonical, DecodeError};
use voting_core::ids::View;
use voting_core::seams::JournalRecord;
use voting_core::seams::transport::MAX_MESSAGE_BYTES;

/// A record as it is written: views of different epochs may have the same number.
#[derive(Debug, BorshSerialize, BorshDeserialize)]
pub(crate) struct Written {
    pub(crate) epoch: u32,
    pub(crate) record: Record,
}

impl Canonical for Written {
    const TAG: &'static str = "voting/journal-record/v1";
    const MAX_BYTES: usize = MAX_MESSAGE_BYTES;
}

/// What the journal of an authority begins with whose key has never voted. An authority whose journal does not say that it is
/// complete has lost it, and learns from the others from which view on it may vote: so an empty journal is never mistaken
/// for a new one.
#[must_use]
pub fn first_record() -> JournalRecord {
    Record::Complete { learnt_in: None }.to_journal(0)
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
    /// Whatever this authority votes is in the journal, from its beginning on or since it has learnt what it had lost.
    Complete {
        /// The epoch in which it has learnt that; none if nothing was ever lost.
        learnt_in: Option<u32>,
    },
    /// It may have voted in views up to this one, and does not know how.
    Silent {
        /// The last of those views.
        through: View,
    },
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
            Self::Complete { .. } => View(u64::MAX), // never pruned
            Self::Silent { through } => *through,
        }
    }
}
