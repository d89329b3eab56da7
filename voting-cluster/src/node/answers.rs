//! Answers those who follow: which entries this authority holds, and its signatures below checkpoints.

use bytes::Bytes;
use tracing::debug;
use voting_core::codec::Canonical;
use voting_core::crypto::Signature;
use voting_core::ids::{ElectionId, EntryHash};
use voting_core::seams::{Envelope, MessageKind};

use super::Shared;
use crate::inquiry::{Answer, Inquiry, MAX_INQUIRY, Question, Response};
use crate::replica::EntryStatus;

/// What this authority answers; none if it is not to be asked that.
pub(super) fn answer(shared: &Shared, question: &Question) -> Option<Answer> {
    match question {
        Question::Holding(entries) if entries.len() > MAX_INQUIRY => None,
        Question::Holding(entries) => Some(Answer::Holding(holds(shared, entries))),
        Question::Checkpoint { election, size } => Some(Answer::Checkpoint(sign(shared, *election, *size))),
    }
}

/// For each entry, whether this authority has verified it and holds it: ready for a block, in one that it has checked,
/// or final.
fn holds(shared: &Shared, entries: &[EntryHash]) -> Vec<bool> {
    let is_final = |entry: &EntryHash| matches!(shared.replica.status(entry), EntryStatus::Final(_));
    let tree = shared.tree();
    let mempool = shared.mempool();
    entries.iter().map(|entry| mempool.is_ready(entry) || tree.holds(entry) || is_final(entry)).collect()
}

/// Signs the checkpoint of a log as it is in this authority's own ledger, whatever the other has in its: all final ballots, in
/// their order, and so no two that do not agree.
fn sign(shared: &Shared, election: ElectionId, size: u64) -> Option<Signature> {
    let seat = shared.seat();
    seat.me?;
    shared.replica.state().election(election)?;
    let checkpoint = shared.replica.boards().checkpoint(election, size)?;
    Some(seat.key.sign(checkpoint.to_string().as_bytes()))
}

/// Answers an inquiry.
pub(super) async fn reply(shared: &Shared, inquiry: &Envelope) {
    let Inquiry { number, question } = match Inquiry::from_canonical(&inquiry.bytes) {
        Ok(inquiry) => inquiry,
        Err(error) => {
            debug!(from = %inquiry.from, %error, "not an inquiry");
            return;
        }
    };
    let Some(answer) = answer(shared, &question) else { return };
    let bytes = Bytes::from(Response { number, answer }.to_canonical());
    if let Err(error) = shared.transport.send(&inquiry.from, MessageKind::Response, bytes).await {
        debug!(to = %inquiry.from, %error, "an inquiry was not answered; it is repeated");
    }
}
