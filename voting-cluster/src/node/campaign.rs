//! Beside the stages: an authority that coordinates asks the ledger for the lead.
//!
//! A lease outside consensus says who coordinates ([`crate::leadership`]). Under the elected leader policy its
//! holder puts a wish to lead before the others, as an entry like any other, and asks again when its
//! time runs out or when it was passed over. What consensus makes of it is for the ledger's rules to say:
//! nothing here is trusted, and a wrong or a second coordinator costs a skipped view at most.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tracing::{debug, info};
use voting_core::crypto::SigningKey;
use voting_core::entry::Entry;
use voting_core::epoch::LeaderPolicy;
use voting_core::ids::AuthorityIndex;
use voting_core::preference::{PreferLeader, Preference};

use super::{NodeStatus, Shared, intake};
use crate::leadership::Leading;
use crate::replica::EntryStatus;

/// Views asked for: several seconds of blocks under load, so that a coordinator without power is soon forgotten.
const VIEWS: u32 = 10_000;
/// Time between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// A wish is final within this, or it is asked for anew.
const PATIENCE: Duration = Duration::from_secs(3);

/// Asks for the lead whenever this authority coordinates and does not lead, where leaders are elected; until the authority stops coordinating
/// for good.
pub(super) async fn run(shared: Arc<Shared>, status: watch::Receiver<NodeStatus>, mut leading: watch::Receiver<Leading>) {
    while leading.wait_for(|now| now.token.is_some()).await.is_ok() {
        let state = shared.replica.state();
        let last = state.preference();
        let may_ask = last.is_none_or(|last| last.next_at() <= state.timestamp());
        let seat = shared.seat();
        let me = seat.me.filter(|_| seat.epoch.leader == LeaderPolicy::Elected);
        // A preference that other authorities have made is none.
        let in_force = last.filter(|last| last.height >= seat.first);
        if may_ask && me.is_some_and(|me| wants(in_force, me, *status.borrow())) {
            ask(&shared, &seat.key, last).await;
        }
        if let Ok(Err(_)) = tokio::time::timeout(LOOK_EVERY, leading.changed()).await {
            return;
        }
    }
}

/// Whether the lead is another's, or soon will be.
fn wants(last: Option<Preference>, me: AuthorityIndex, now: NodeStatus) -> bool {
    let mine = last.filter(|last| last.leader == me && now.leader == me);
    mine.is_none_or(|last| last.until.0.saturating_sub(now.view.0) < u64::from(VIEWS) / 2)
}

async fn ask(shared: &Shared, key: &SigningKey, last: Option<Preference>) {
    let term = last.map_or(0, |last| last.term).saturating_add(1);
    let wish = Entry::prefer(PreferLeader { chain: shared.chain, term, views: VIEWS, authority: key.public() }, key).to_bytes();
    let waiter = shared.replica.watch(wish.hash());
    intake::offer(shared, wish).await;
    match waiter.wait(PATIENCE).await {
        EntryStatus::Final(at) => info!(term, height = %at.height, "preferred as leader"),
        EntryStatus::Refused { reason, .. } => debug!(term, reason, "not preferred as leader"),
        EntryStatus::Pending | EntryStatus::Unknown => debug!(term, "nothing became of the wish to lead yet"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use voting_core::ids::{Height, View};
    use voting_core::time::Timestamp;

    #[test]
    fn the_lead_is_asked_for_where_it_is_anothers_lost_or_about_to_end() {
        let [me, other] = [AuthorityIndex(1), AuthorityIndex(2)];
        let status = |leader, view| {
            let authority = Some(me);
            NodeStatus {
                authority,
                epoch: 0,
                view: View(view),
                leader,
                height: Height(1),
                ready: 0,
                depth: 0,
                learning: false,
                silenced: false,
            }
        };
        let until = View(u64::from(VIEWS));
        let of = |leader| {
            let (since, height, at) = (View(1), Height(1), Timestamp::default());
            Some(Preference { term: 1, leader, since, height, at, until })
        };
        let half = u64::from(VIEWS) / 2;
        assert!(wants(None, me, status(me, 1)), "nobody is preferred");
        assert!(wants(of(other), me, status(other, 2)), "another is");
        assert!(wants(of(me), me, status(other, 2)), "passed over");
        assert!(!wants(of(me), me, status(me, half)), "half of the views are left");
        assert!(wants(of(me), me, status(me, half + 1)), "fewer are");
        assert!(wants(of(me), me, status(me, until.0 + 7)), "it has ended");
    }
}
