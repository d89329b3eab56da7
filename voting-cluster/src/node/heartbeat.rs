//! Beside the stages: says how this authority is, four times a second.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval};
use tracing::debug;
use voting_core::codec::Canonical;
use voting_core::ids::BlockHash;
use voting_core::seams::{Clock as _, Envelope, MessageKind};

use super::{NodeStatus, Shared};
use crate::clock::ClockSummary;
use crate::membership::{HEARTBEAT_EVERY, Heartbeat, Load, SignedHeartbeat};

/// Broadcasts heartbeats until the node stops. Its own go to its own membership, too.
pub(super) async fn run(shared: Arc<Shared>, status: watch::Receiver<NodeStatus>, own: mpsc::Sender<Envelope>) {
    let started = shared.clock.now();
    let mut tick = interval(HEARTBEAT_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for sequence in 0.. {
        tick.tick().await;
        let seat = shared.seat();
        let Some(me) = seat.me else { continue };
        let now = *status.borrow();
        let head = shared.replica.head();
        let (cpu_permille, memory_bytes) = shared.load.process();
        let heartbeat = Heartbeat {
            chain: shared.chain,
            epoch: seat.epoch.number,
            authority: me,
            started,
            sequence,
            at: shared.synced.now(),
            view: now.view,
            leader: now.leader,
            height: now.height,
            head: head.map_or(BlockHash::GENESIS, |head| head.hash),
            clock: ClockSummary::from(&shared.synced.report()),
            load: Load {
                cpu_permille,
                memory_bytes,
                write_p99_us: shared.load.write_p99_us(),
                waiting: u32::try_from(now.ready).unwrap_or(u32::MAX),
                taken: u32::try_from(shared.taken.len()).unwrap_or(u32::MAX),
            },
        };
        let bytes = Bytes::from(SignedHeartbeat::sign(heartbeat, &seat.key).to_canonical());
        let _ = own.try_send(Envelope { from: shared.name.clone(), kind: MessageKind::Heartbeat, bytes: bytes.clone() }); // full: the next one
        if let Err(error) = shared.transport.broadcast(MessageKind::Heartbeat, bytes).await {
            debug!(%error, "a heartbeat was not sent");
        }
    }
}
