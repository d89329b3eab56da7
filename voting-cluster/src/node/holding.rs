//! Tells those who follow which entries this authority has checked and holds.

use bytes::Bytes;
use tracing::debug;
use voting_core::codec::Canonical;
use voting_core::ids::EntryHash;
use voting_core::seams::{Envelope, MessageKind};

use super::Shared;
use crate::holders::{Holding, Inquiry, MAX_INQUIRY};
use crate::replica::EntryStatus;

/// For each entry, whether this authority has verified it and holds it: ready for a block, in one that it has checked,
/// or final.
pub(super) fn holds(shared: &Shared, entries: &[EntryHash]) -> Vec<bool> {
    let is_final = |entry: &EntryHash| matches!(shared.replica.status(entry), EntryStatus::Final(_));
    let tree = shared.tree();
    let mempool = shared.mempool();
    entries.iter().map(|entry| mempool.is_ready(entry) || tree.holds(entry) || is_final(entry)).collect()
}

/// Answers an inquiry.
pub(super) async fn answer(shared: &Shared, inquiry: &Envelope) {
    let Inquiry { number, entries } = match Inquiry::from_canonical(&inquiry.bytes) {
        Ok(inquiry) if inquiry.entries.len() <= MAX_INQUIRY => inquiry,
        Ok(_) => return,
        Err(error) => {
            debug!(from = %inquiry.from, %error, "not an inquiry");
            return;
        }
    };
    let held = holds(shared, &entries);
    let bytes = Bytes::from(Holding { number, held }.to_canonical());
    if let Err(error) = shared.transport.send(&inquiry.from, MessageKind::Holding, bytes).await {
        debug!(to = %inquiry.from, %error, "an inquiry was not answered; it is repeated");
    }
}
