//! Clocks: the machine's, and the one that the authorities agree on.
//!
//! ```text
//!  machine (SystemClock) ──▶ SyncedClock ──▶ times of blocks, acceptance, heartbeats, opening and closing
//!                               ▲   │
//!        answers of the others ─┘   └─▶ whom to ask      (voting_consensus::clock decides)
//! ```

mod asking;
mod messages;
mod offset;
mod summary;
mod synced;
mod system;

pub(crate) use asking::{ask, take};
pub(crate) use messages::{ClockAnswer, ClockMessage, SignedClockAnswer};
pub use offset::OffsetClock;
pub use summary::{ClockSummary, MAX_OUTLIERS_NAMED};
pub use synced::SyncedClock;
pub use system::{ASSUMED_ERROR, SystemClock};
pub use voting_consensus::clock::{
    ClockAlarm, ClockConfig, ClockConfigError, ClockReport, ClockState, NothingAgreed, SourceReport, Standing,
};

/// How often a node looks whom to ask for the time, and judges what it has heard.
pub(crate) const TICK: std::time::Duration = std::time::Duration::from_millis(250);
