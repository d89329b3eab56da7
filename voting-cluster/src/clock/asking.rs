//! Asking authorities for the time, and taking their answers: the same for an authority and for one who follows.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use tracing::debug;
use voting_core::codec::Canonical;
use voting_core::epoch::Epoch;
use voting_core::ids::{AuthorityIndex, ChainId};
use voting_core::seams::{MessageKind, NodeName, Transport};

use super::{ClockMessage, SignedClockAnswer, SyncedClock};

/// Asks whoever is to be asked now.
pub(crate) async fn ask(clock: &SyncedClock, transport: &dyn Transport, epoch: &Epoch) {
    let questions = clock.tick().into_iter().filter_map(|index| {
        let to = NodeName(epoch.authority(AuthorityIndex(index as u16))?.name.clone());
        let number = random()?;
        Some(async move {
            let bytes = Bytes::from(ClockMessage::Question(number).to_canonical());
            clock.asked(index, number);
            if let Err(error) = transport.send(&to, MessageKind::Clock, bytes).await {
                debug!(%to, %error, "an authority was not asked for the time");
            }
        })
    });
    join_all(questions).await;
}

/// A number that nobody can foresee; none where the operating system has none.
fn random() -> Option<u64> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).ok()?;
    Some(u64::from_le_bytes(bytes))
}

/// Takes an answer that arrived at this monotonic time, if an authority of the epoch gave it and it was asked for.
pub(crate) fn take(
    clock: &SyncedClock,
    (chain, epoch): (ChainId, &Epoch),
    from: &NodeName,
    answer: SignedClockAnswer,
    heard: Duration,
) {
    let Some(answer) = answer.verify(chain, epoch) else {
        return debug!(%from, "what time it is was said by nobody of this epoch");
    };
    if let Err(reason) = clock.hear(usize::from(answer.authority.0), answer.number, &answer.times(), heard) {
        debug!(%from, %reason, "an answer was not taken");
    }
}
