//! How one set of authorities hands over to the next.
//!
//! ```text
//!  epoch 0:  … ─▶ B₁₁ ─▶ B₁₂ (change) ┄▶ tail ┄▶ tail ◀─ Finalize certificate of epoch 0
//!  epoch 1:                 └────────▶ B₁₃ ─▶ B₁₄ …   ◀─ Finalize certificates of epoch 1
//! ```
//!
//! An [`EpochChange`] names the next epoch in full, and a quorum of the authorities in force approves it by signature, each
//! whenever it likes and offline. It enters the ledger as an entry, as the last of its block. That block ends
//! the epoch: its header, and those of the blocks above it in the same epoch, name the digest of the
//! [successor](crate::block::BlockHeader::successor). So a header alone tells, to authorities, followers and auditors alike.
//!
//! **Why there is a tail.** The last block must be final before the next epoch begins, and what makes a block final may be
//! a descendant. Blocks above the last one are therefore allowed and contain nothing. Which of them a certificate
//! speaks of may differ from one authority to another; that the *last block* is the one with the change does not.
//! The next epoch builds on that block, whatever its tail, so the tail is not part of the ledger: it is kept beside
//! the last block as the proof of its finality.
//!
//! **Why that is safe.** Whatever is final in the old epoch lies at or below the last block, or in its tail: an honest
//! authority notarizes nothing else above it. In the new epoch all blocks descend from it. Two last blocks of one epoch
//! would be two final blocks of which none descends from the other, which the old epoch's quorum excludes.
//!
//! A [`Handover`] proves one change to someone who knows the epoch before; [`Epochs`] is a chain of them from the genesis.

use std::sync::Arc;

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{Epoch, EpochError, Genesis, MAX_AUTHORITIES};
use crate::block::{BlockHeader, FinalizedBlock, MAX_TAIL, finalizes};
use crate::certificate::{Certificate, CertificateError};
use crate::codec::Canonical;
use crate::crypto::{PublicKey, Signature, SigningKey};
use crate::ids::{ChainId, Height, PartitionId};

/// Changes of the authorities in one chain: one a week for twenty years. Bounds what a verifier reads.
pub const MAX_CHANGES: usize = 1_024;

/// The epoch that is to follow the one in force.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EpochChange {
    /// The chain it is meant for.
    pub chain: ChainId,
    /// The next epoch, with the number after the one in force.
    pub epoch: Epoch,
}

impl Canonical for EpochChange {
    const TAG: &'static str = "voting/epoch-change/v1";
    const MAX_BYTES: usize = 32 + Epoch::MAX_BYTES;
}

/// An epoch change with the approvals of authorities of the epoch in force.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApprovedChange {
    /// What is approved.
    pub content: EpochChange,
    /// Keys of distinct authorities in ascending order, each with its signature over the tagged content.
    pub approvals: Vec<(PublicKey, Signature)>,
}

impl ApprovedChange {
    /// A change that nobody has approved yet.
    #[must_use]
    pub const fn new(content: EpochChange) -> Self {
        Self { content, approvals: Vec::new() }
    }

    /// Adds an approval, or replaces the one of the same key.
    pub fn approve(&mut self, key: &SigningKey) {
        let (public, signature) = (key.public(), key.sign(&self.content.to_tagged()));
        self.approvals.retain(|(other, _)| *other != public);
        self.approvals.push((public, signature));
        self.approvals.sort_unstable_by_key(|(key, _)| *key);
    }

    /// Whether the approvals are of distinct keys in order, and every signature holds. Whose keys they are depends on the
    /// epoch in force.
    #[must_use]
    pub fn verify(&self) -> bool {
        let tagged = self.content.to_tagged();
        self.approvals.len() <= MAX_AUTHORITIES
            && self.approvals.windows(2).all(|pair| pair[0].0 < pair[1].0)
            && self.approvals.iter().all(|(key, signature)| key.verify(&tagged, signature))
    }
}

/// Proof that an epoch follows another.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Handover {
    /// The epoch that follows.
    pub epoch: Epoch,
    /// Header of the last block of the epoch before, and those of its tail up to the one certified.
    pub headers: Vec<BlockHeader>,
    /// The earlier epoch's Finalize for the last of them.
    pub certificate: Certificate,
}

impl Canonical for Handover {
    const TAG: &'static str = "voting/handover/v1";
    const MAX_BYTES: usize = Epoch::MAX_BYTES + 4 + (MAX_TAIL + 1) * BlockHeader::MAX_BYTES + Certificate::MAX_BYTES;
}

impl Handover {
    /// The handover to `epoch` by the last block of the one before; `None` if the block is another.
    #[must_use]
    pub fn of(finalized: &FinalizedBlock, epoch: &Epoch) -> Option<Self> {
        let header = &finalized.block.header;
        if header.successor != Some(epoch.digest()) {
            return None;
        }
        let headers = std::iter::once(header).chain(&finalized.tail).cloned().collect();
        Some(Self { epoch: epoch.clone(), headers, certificate: finalized.proof()?.clone() })
    }
}

/// Why a handover proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum HandoverError {
    /// More changes than a chain may have.
    #[error("a chain has at most {MAX_CHANGES} changes of its authorities")]
    TooMany,
    /// Not the next epoch.
    #[error("the handover leads to epoch {actual}, expected is {expected}")]
    Number {
        /// Number given.
        actual: u32,
        /// Number that follows.
        expected: u32,
    },
    /// Headers of another chain or epoch, or none.
    #[error("the headers are not those of the last block of epoch {0} and of blocks above it")]
    Headers(u32),
    /// The last block names another successor.
    #[error("the last block of the epoch names another epoch as its successor")]
    Successor,
    /// The next epoch breaks a rule.
    #[error("the epoch handed over to is not usable: {0}")]
    Epoch(#[from] EpochError),
    /// No quorum vouches for it.
    #[error("the certificate is not valid: {0}")]
    Certificate(#[from] CertificateError),
    /// The certificate is of another block.
    #[error("the certificate does not finalize the last header")]
    Statement,
}

/// The epochs of a chain as far as they are known, each proved by the one before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Epochs {
    chain: ChainId,
    /// The first height of each, ascending.
    known: Vec<(Height, Arc<Epoch>)>,
}

impl Epochs {
    /// The first epoch of a chain, by a genesis that the caller trusts.
    ///
    /// # Errors
    /// [`EpochError`] if the genesis is not usable.
    pub fn founded(genesis: &Genesis, partition: PartitionId) -> Result<Self, EpochError> {
        genesis.check()?;
        Ok(Self { chain: genesis.chain_id(partition), known: vec![(Height(1), Arc::new(genesis.epoch.clone()))] })
    }

    /// The epochs that handovers lead to, one after the other.
    ///
    /// # Errors
    /// [`EpochError`] of the genesis as [`HandoverError::Epoch`], or the first [`HandoverError`].
    pub fn proved(genesis: &Genesis, partition: PartitionId, handovers: &[Handover]) -> Result<Self, HandoverError> {
        let mut epochs = Self::founded(genesis, partition)?;
        handovers.iter().try_for_each(|handover| epochs.extend(handover))?;
        Ok(epochs)
    }

    /// Adds the next epoch.
    ///
    /// # Errors
    /// [`HandoverError`]; nothing is added then.
    pub fn extend(&mut self, handover: &Handover) -> Result<(), HandoverError> {
        let before = self.last();
        let expected = before.number.saturating_add(1);
        if handover.epoch.number != expected {
            return Err(HandoverError::Number { actual: handover.epoch.number, expected });
        }
        if self.known.len() > MAX_CHANGES {
            return Err(HandoverError::TooMany);
        }
        handover.epoch.check()?;
        let (last, tail) = handover.headers.split_first().ok_or(HandoverError::Headers(before.number))?;
        let first = self.known.last().map_or(Height(1), |(first, _)| *first);
        if last.chain != self.chain || last.epoch != before.number || last.height < first {
            return Err(HandoverError::Headers(before.number));
        }
        if last.successor != Some(handover.epoch.digest()) {
            return Err(HandoverError::Successor);
        }
        if !finalizes(&handover.certificate, last, tail) {
            return Err(HandoverError::Statement);
        }
        handover.certificate.verify(self.chain, before)?;
        self.known.push((last.height.next(), Arc::new(handover.epoch.clone())));
        Ok(())
    }

    /// The chain they are of.
    #[must_use]
    pub const fn chain(&self) -> ChainId {
        self.chain
    }

    /// The epoch whose authorities decide on the block of a height, as far as is known.
    #[must_use]
    pub fn at(&self, height: Height) -> &Arc<Epoch> {
        let after = self.known.partition_point(|(first, _)| *first <= height);
        &self.known[after.saturating_sub(1)].1 // there is always a first
    }

    /// The newest epoch known.
    #[must_use]
    pub fn last(&self) -> &Arc<Epoch> {
        &self.known[self.known.len() - 1].1
    }

    /// First height and authorities of each epoch, the first one first.
    pub fn iter(&self) -> impl Iterator<Item = &(Height, Arc<Epoch>)> {
        self.known.iter()
    }
}
