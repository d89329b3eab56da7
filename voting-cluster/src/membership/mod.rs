//! Who is there: signed heartbeats and the detector that judges by them.
//!
//! Every authority says four times a second how it is. Whoever hears no heartbeat of an authority for
//! 1.5 s suspects it, and takes it for down after 3 s. Nothing that must be exact depends on this:
//! consensus has its own timers, and a wrong suspicion costs a detour.

mod detector;
mod heartbeat;
mod load;

pub use detector::{DOWN_AFTER, Detector, HEARTBEAT_EVERY, Health, SUSPECT_AFTER};
pub use heartbeat::Load;
pub use heartbeat::{Heartbeat, SignedHeartbeat};
pub(crate) use load::LoadMeter;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tracing::{debug, info, warn};
use voting_core::codec::Canonical;
use voting_core::epoch::{Authority, Epoch};
use voting_core::ids::ChainId;
use voting_core::seams::{Clock, Envelope};

use detector::TICK;

/// An authority as it is heard of.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// Whether it is there.
    pub health: Health,
    /// What it said last.
    pub heartbeat: Option<Heartbeat>,
    /// When that was heard.
    pub heard: Option<Instant>,
    /// Its corrected time against ours in milliseconds, the way of the message included: positive when
    /// theirs is ahead.
    pub clock_offset_ms: Option<i64>,
}

impl Member {
    /// How long ago it was heard of.
    #[must_use]
    pub fn silent_for(&self) -> Option<Duration> {
        self.heard.map(|at| at.elapsed())
    }
}

/// Judges heartbeats, and keeps a list of members that everyone can watch.
pub struct Membership {
    chain: ChainId,
    epochs: watch::Receiver<Arc<Epoch>>,
    epoch: Arc<Epoch>,
    clock: Arc<dyn Clock>,
    detector: Detector,
    members: watch::Sender<Vec<Member>>,
}

impl Membership {
    /// The authorities of each epoch as it comes into force; of all of them nothing is known yet.
    #[must_use]
    pub fn new(
        chain: ChainId,
        mut epochs: watch::Receiver<Arc<Epoch>>,
        clock: Arc<dyn Clock>,
    ) -> (Self, watch::Receiver<Vec<Member>>) {
        let epoch = Arc::clone(&epochs.borrow_and_update());
        let detector = Detector::new(epoch.len(), clock.monotonic());
        let (sender, receiver) = watch::channel(epoch.authorities.iter().map(unknown).collect());
        (Self { chain, epochs, epoch, clock, detector, members: sender }, receiver)
    }

    /// Runs until no more heartbeats can come.
    pub async fn run(mut self, mut heartbeats: mpsc::Receiver<Envelope>) {
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                // Heartbeats first: those that piled up while this process stood still count before anyone is judged.
                received = heartbeats.recv() => match received {
                    Some(envelope) => self.hear(&envelope),
                    None => return,
                },
                _ = tick.tick() => {
                    if self.epochs.has_changed().unwrap_or(false) {
                        self.begin_epoch();
                    }
                    self.judge();
                }
            }
        }
    }

    /// Others are the authorities now; they are judged anew.
    fn begin_epoch(&mut self) {
        self.epoch = Arc::clone(&self.epochs.borrow_and_update());
        self.detector = Detector::new(self.epoch.len(), self.clock.monotonic());
        self.members.send_replace(self.epoch.authorities.iter().map(unknown).collect());
    }

    fn hear(&mut self, envelope: &Envelope) {
        let signed = match SignedHeartbeat::from_canonical(&envelope.bytes) {
            Ok(signed) => signed,
            Err(error) => return debug!(from = %envelope.from, %error, "not a heartbeat"),
        };
        if signed.epoch() != self.epoch.number {
            return; // of one that has ended, or that is not known here yet
        }
        let Some(heartbeat) = signed.verify(self.chain, &self.epoch) else {
            return warn!(from = %envelope.from, "a heartbeat whose signature does not hold");
        };
        let index = usize::from(heartbeat.authority.0);
        let known = self.members.borrow().get(index).and_then(|member| member.heartbeat.as_ref().map(Heartbeat::order));
        if known.is_some_and(|known| heartbeat.order() <= known) {
            return; // a repetition
        }
        self.detector.heard(index, self.clock.monotonic());
        let (now, health) = (self.clock.now(), self.detector.health(index));
        let offset =
            i64::try_from(heartbeat.at.as_millis()).unwrap_or(i64::MAX) - i64::try_from(now.as_millis()).unwrap_or(i64::MAX);
        self.members.send_modify(|members| {
            if let Some(member) = members.get_mut(index) {
                if member.health != health {
                    info!(authority = %member.name, before = %member.health, now = %health, "membership");
                }
                member.health = health;
                member.heartbeat = Some(heartbeat.clone());
                member.heard = Some(Instant::now());
                member.clock_offset_ms = Some(offset);
            }
        });
    }

    fn judge(&mut self) {
        for change in self.detector.tick(self.clock.monotonic()) {
            self.members.send_modify(|members| {
                if let Some(member) = members.get_mut(change.member) {
                    warn!(authority = %member.name, before = %change.from, now = %change.to, "membership");
                    member.health = change.to;
                }
            });
        }
    }
}

fn unknown(authority: &Authority) -> Member {
    Member { name: authority.name.clone(), health: Health::Unknown, heartbeat: None, heard: None, clock_offset_ms: None }
}

impl std::fmt::Debug for Membership {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Membership").field("detector", &self.detector).finish_non_exhaustive()
    }
}
