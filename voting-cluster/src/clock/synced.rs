//! The clock that the authorities agree on, as a [`Clock`].

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tracing::{info, warn};
use voting_consensus::clock::{
    Answer, ClockAlarm, ClockConfig, ClockReport, ClockState, ClockSync, NothingAgreed, Reading, Seats, Unasked,
};
use voting_core::epoch::Epoch;
use voting_core::ids::AuthorityIndex;
use voting_core::seams::{Clock, ClockReading};
use voting_core::time::Timestamp;

const MICROS_PER_MILLI: u64 = 1_000;

/// Corrected time on top of a machine's clock. Until something is agreed on it shows the machine's time; from then on it
/// never goes back. Monotonic time is the machine's.
pub struct SyncedClock {
    machine: Arc<dyn Clock>,
    sync: Mutex<ClockSync>,
    state: watch::Sender<ClockState>,
    /// What people have been told of.
    told: Mutex<Vec<ClockAlarm>>,
}

impl std::fmt::Debug for SyncedClock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("SyncedClock").field(&*self.state.borrow()).finish()
    }
}

fn seats(epoch: &Epoch, me: Option<AuthorityIndex>) -> Seats {
    Seats {
        names: epoch.authorities.iter().map(|authority| authority.name.clone()).collect(),
        me: me.map(|me| usize::from(me.0)),
        quorum: usize::from(epoch.quorum),
    }
}

/// A reading in whole milliseconds, taken for the middle of its millisecond.
fn micros_of(wall: Timestamp) -> i64 {
    let us = wall.as_millis().saturating_mul(MICROS_PER_MILLI).saturating_add(MICROS_PER_MILLI / 2);
    i64::try_from(us).unwrap_or(i64::MAX)
}

impl SyncedClock {
    /// The clock of one of the authorities of an epoch, or of one who only follows them.
    #[must_use]
    pub fn new(machine: Arc<dyn Clock>, config: ClockConfig, epoch: &Epoch, me: Option<AuthorityIndex>) -> Self {
        let (now, wall) = (machine.monotonic(), micros_of(machine.now()));
        let sync = ClockSync::new(config, &seats(epoch, me), now, wall);
        let state = watch::Sender::new(sync.read(now).state);
        Self { machine, sync: Mutex::new(sync), state, told: Mutex::default() }
    }

    // A poisoned lock means that a thread panicked; the node is then stopping.
    fn sync(&self) -> MutexGuard<'_, ClockSync> {
        self.sync.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Others are the authorities now.
    pub fn reseat(&self, epoch: &Epoch, me: Option<AuthorityIndex>) {
        let now = self.machine.monotonic();
        self.sync().reseat(&seats(epoch, me), now);
        self.note();
    }

    /// Whose clock is followed, as long as the others agree with it.
    pub fn follow(&self, master: Option<AuthorityIndex>) {
        let now = self.machine.monotonic();
        self.sync().follow(master.map(|master| usize::from(master.0)), now);
    }

    /// Looks at the machine's clock; returns who is to be asked for the time now.
    pub(crate) fn tick(&self) -> Vec<usize> {
        let (now, wall) = (self.machine.monotonic(), micros_of(self.machine.now()));
        let due = self.sync().tick(now, wall);
        self.note();
        due
    }

    /// A question leaves for an authority now.
    pub(crate) fn asked(&self, authority: usize, number: u64) {
        let now = self.machine.monotonic();
        self.sync().asked(authority, number, now);
    }

    /// An answer arrived at this monotonic time.
    pub(crate) fn hear(&self, authority: usize, number: u64, answer: &Answer, heard: Duration) -> Result<(), Unasked> {
        let result = self.sync().hear(authority, number, answer, heard);
        self.note();
        result
    }

    /// What to say to somebody whose question arrived at this monotonic time: an authority, or somebody else.
    pub(crate) fn answer(&self, from: Option<usize>, arrived: Duration) -> Answer {
        let mut sync = self.sync();
        let (now, wall) = (self.machine.monotonic(), micros_of(self.machine.now()));
        sync.answer(from, arrived, now, wall)
    }

    /// The operator sets the clock to what a quorum agrees on; by how much it was moved, in microseconds. Back it stands
    /// still until it is caught up with: where that is long, a restart is the better way.
    ///
    /// # Errors
    /// [`NothingAgreed`].
    pub fn step(&self) -> Result<i64, NothingAgreed> {
        let now = self.machine.monotonic();
        let moved = self.sync().step(now);
        self.note();
        if let Ok(by_us) = moved {
            warn!(by_us, "the clock was stepped by the operator");
        }
        moved
    }

    /// How far it can be relied on, as it changes.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<ClockState> {
        self.state.subscribe()
    }

    /// How it is.
    #[must_use]
    pub fn report(&self) -> ClockReport {
        let now = self.machine.monotonic();
        self.sync().report(now)
    }

    /// Waits until times may be taken from it; false if that takes longer than the patience.
    pub(crate) async fn is_usable_within(&self, patience: Duration) -> bool {
        let mut state = self.state();
        let usable = state.wait_for(|state| state.is_usable());
        tokio::time::timeout(patience, usable).await.is_ok_and(|found| found.is_ok())
    }

    /// Tells people what has changed.
    fn note(&self) {
        let (reading, alarms) = {
            let sync = self.sync();
            (sync.read(self.machine.monotonic()), sync.alarms().to_vec())
        };
        let Reading { state, bound_us, .. } = reading;
        let has_changed = self.state.send_if_modified(|known| std::mem::replace(known, state) != state);
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if has_changed {
            info!(%state, bound_us, "the clock");
        }
        if state.is_usable() {
            let is_new =
                |alarm: &&ClockAlarm| told.iter().all(|known| std::mem::discriminant(known) != std::mem::discriminant(*alarm));
            alarms.iter().filter(is_new).for_each(|alarm| warn!(%alarm, "the clock"));
            *told = alarms;
        }
    }
}

impl Clock for SyncedClock {
    fn read(&self) -> ClockReading {
        let sync = self.sync();
        let Reading { now_us, bound_us, .. } = sync.read(self.machine.monotonic());
        let millis = u64::try_from(now_us).unwrap_or(0) / MICROS_PER_MILLI;
        ClockReading {
            now: Timestamp::from_millis(millis).unwrap_or(Timestamp::MAX),
            error_bound: Duration::from_micros(u64::try_from(bound_us).unwrap_or(0)),
        }
    }

    fn monotonic(&self) -> Duration {
        self.machine.monotonic()
    }
}
