//! How far ballots are that somebody waits for: what they are before they are final.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval};
use voting_cluster::EntryStatus;
use voting_core::epoch::Epoch;
use voting_core::ids::{AuthorityIndex, BallotHash};

use super::hub::Command;
use crate::state::{GatewayState, WeakState};

/// How often it is looked after ballots on their way.
const EVERY: Duration = Duration::from_millis(150);
/// How long authorities are waited for: one that takes longer is counted the next time.
const PATIENCE: Duration = Duration::from_millis(300);
/// Ballots whose authorities are asked at a time; the others are told of when they are final.
const MAX_ASKED: usize = 4 * voting_cluster::MAX_INQUIRY;

/// How far a ballot is, without asking anyone.
pub(super) fn now(state: &GatewayState, ballot: BallotHash) -> Value {
    show(state.backend.replica.state().epoch(), ballot, &state.ballot_status(ballot), &[])
}

/// Finds out how far ballots are while somebody waits for them.
pub(super) async fn tell(state: WeakState, hub: mpsc::WeakSender<Command>, mut wanted: watch::Receiver<BTreeSet<BallotHash>>) {
    let mut tick = interval(EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let ballots = match wanted.wait_for(|wanted| !wanted.is_empty()).await {
            Ok(wanted) => wanted.clone(),
            Err(_) => return, // the hub has ended
        };
        tick.tick().await;
        let (Some(state), Some(hub)) = (state.upgrade(), hub.upgrade()) else { return };
        if hub.send(Command::Ballots(look(&state, ballots).await)).await.is_err() {
            return;
        }
    }
}

async fn look(state: &GatewayState, ballots: BTreeSet<BallotHash>) -> Vec<(BallotHash, Value)> {
    let statuses: Vec<_> = ballots.into_iter().map(|ballot| (ballot, state.ballot_status(ballot))).collect();
    let waiting = statuses.iter().filter(|(_, status)| *status == EntryStatus::Pending);
    let (asked, entries): (Vec<_>, Vec<_>) =
        waiting.filter_map(|(ballot, _)| Some((*ballot, state.ballots_under_way.get(ballot)?))).take(MAX_ASKED).unzip();
    let holders = state.backend.network.holders(&entries, PATIENCE).await;
    let holders: BTreeMap<_, _> = asked.into_iter().zip(holders).collect();
    let ledger = state.backend.replica.state();
    let epoch = ledger.epoch();
    let shown = statuses.into_iter().map(|(ballot, status)| {
        let agreed = holders.get(&ballot).map_or(&[][..], Vec::as_slice);
        (ballot, show(epoch, ballot, &status, agreed))
    });
    shown.collect()
}

fn show(epoch: &Epoch, ballot: BallotHash, status: &EntryStatus, agreed: &[AuthorityIndex]) -> Value {
    let stage = match status {
        EntryStatus::Unknown => "unknown",
        EntryStatus::Pending => "pending",
        EntryStatus::Final(_) => "final",
        EntryStatus::Refused { .. } => "refused",
    };
    let names: Vec<&str> = epoch.authorities.iter().map(|authority| authority.name.as_str()).collect();
    let agreed: Vec<&str> = agreed.iter().filter_map(|index| names.get(usize::from(index.0)).copied()).collect();
    json!({"ballot_hash": ballot, "stage": stage, "agreed": agreed, "authorities": names, "quorum": epoch.quorum})
}
