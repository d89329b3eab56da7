//! A wrong clock, to see what becomes of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use voting_core::seams::{Clock, ClockReading};

/// A clock whose time of day is off from another's by so much; its monotonic time is that one's.
pub struct OffsetClock {
    of: Arc<dyn Clock>,
    by_ms: AtomicI64,
}

impl OffsetClock {
    /// Ahead of a clock by so many milliseconds, or behind it.
    #[must_use]
    pub fn new(of: Arc<dyn Clock>, by_ms: i64) -> Self {
        Self { of, by_ms: AtomicI64::new(by_ms) }
    }

    /// Sets it further ahead, or back.
    pub fn shift(&self, by_ms: i64) {
        self.by_ms.fetch_add(by_ms, Ordering::SeqCst);
    }

    /// By how many milliseconds it is ahead.
    #[must_use]
    pub fn ahead_ms(&self) -> i64 {
        self.by_ms.load(Ordering::SeqCst)
    }
}

impl std::fmt::Debug for OffsetClock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("OffsetClock").field(&self.ahead_ms()).finish()
    }
}

impl Clock for OffsetClock {
    fn read(&self) -> ClockReading {
        let ClockReading { now, error_bound } = self.of.read();
        let by_ms = self.ahead_ms();
        let by = Duration::from_millis(by_ms.unsigned_abs());
        ClockReading { now: if by_ms < 0 { now.saturating_sub(by) } else { now.saturating_add(by) }, error_bound }
    }

    fn monotonic(&self) -> Duration {
        self.of.monotonic()
    }
}
