//! Beside the stages: asks the other authorities for the time, and answers whoever asks.
//!
//! What is made of the answers is decided in [`voting_consensus::clock`]. Here: whom to follow (the preferred leader where
//! leaders are elected and one is preferred, else the first authority in order that is not silent), who are the
//! authorities, and signatures.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval};
use tracing::debug;
use voting_core::codec::Canonical;
use voting_core::epoch::LeaderPolicy;
use voting_core::ids::AuthorityIndex;
use voting_core::seams::{Envelope, MessageKind, NodeName};

use super::Shared;
use super::seat::Seat;
use crate::clock::{ClockAnswer, ClockMessage, SignedClockAnswer, TICK, ask, take};
use crate::membership::{Health, Member};

/// A message about time, and when it arrived, by monotonic time.
pub(super) type Arrived = (Envelope, Duration);

/// Runs until the node stops.
pub(super) async fn run(shared: Arc<Shared>, members: watch::Receiver<Vec<Member>>, mut arrived: mpsc::Receiver<Arrived>) {
    let mut tick = interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut seats = shared.seat.subscribe();
    loop {
        if seats.has_changed().unwrap_or(false) {
            let seat = Arc::clone(&seats.borrow_and_update());
            shared.synced.reseat(&seat.epoch, seat.me);
        }
        let seat = shared.seat();
        shared.synced.follow(master(&shared, &seat, &members.borrow()));
        ask(&shared.synced, shared.transport.as_ref(), &seat.epoch).await;
        tokio::select! {
            biased;
            message = arrived.recv() => match message {
                Some((envelope, at)) => receive(&shared, &seat, envelope, at).await,
                None => return,
            },
            _ = tick.tick() => {}
            _ = seats.changed() => seats.mark_changed(),
        }
    }
}

/// Whose clock to follow.
fn master(shared: &Shared, seat: &Seat, members: &[Member]) -> Option<AuthorityIndex> {
    let silent = |index: usize| members.get(index).is_some_and(|member| matches!(member.health, Health::Suspect | Health::Down));
    let preferred = || {
        let preference = shared.replica.state().preference().filter(|preference| preference.height >= seat.first);
        preference.map(|preference| preference.leader).filter(|leader| !silent(usize::from(leader.0)))
    };
    let elected = (seat.epoch.leader == LeaderPolicy::Elected).then(preferred).flatten();
    let first = || (0..seat.epoch.len()).find(|index| !silent(*index)).map(|index| AuthorityIndex(index as u16));
    elected.or_else(first)
}

async fn receive(shared: &Shared, seat: &Seat, envelope: Envelope, at: Duration) {
    let from = &envelope.from;
    match ClockMessage::from_canonical(&envelope.bytes) {
        Ok(ClockMessage::Question(number)) => answer(shared, seat, from, number, at).await,
        Ok(ClockMessage::Answer(signed)) => take(&shared.synced, (shared.chain, &seat.epoch), from, signed, at),
        Err(error) => debug!(%from, %error, "not about time"),
    }
}

/// Only authorities answer: a question to another goes unanswered, as if it had been lost.
async fn answer(shared: &Shared, seat: &Seat, to: &NodeName, number: u64, arrived: Duration) {
    let Some(authority) = seat.me else { return };
    let asking = seat.epoch.authorities.iter().position(|authority| authority.name == to.0);
    let said = shared.synced.answer(asking, arrived);
    let answer = ClockAnswer {
        chain: shared.chain,
        epoch: seat.epoch.number,
        authority,
        number,
        received_us: said.received_us,
        answered_us: said.answered_us,
        corrected: said.corrected.map(|corrected| (corrected.ahead_us, corrected.bound_us)),
    };
    let bytes = Bytes::from(ClockMessage::Answer(SignedClockAnswer::sign(answer, &seat.key)).to_canonical());
    if let Err(error) = shared.transport.send(to, MessageKind::Clock, bytes).await {
        debug!(%to, %error, "what time it is was not told; it is asked again");
    }
}
