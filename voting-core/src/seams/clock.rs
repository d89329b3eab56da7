//! What time it is, and how sure we are.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::time::Timestamp;

/// Wall time with a bound on its error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockReading {
    /// Best estimate of the time.
    pub now: Timestamp,
    /// The true time is within this of `now`, as far as the clock knows.
    pub error_bound: Duration,
}

/// A source of time. Calls never block and never fail.
pub trait Clock: Send + Sync + 'static {
    /// Wall time. May be corrected; never decides an order.
    fn read(&self) -> ClockReading;

    /// Time since some fixed point; never goes back. For timers and durations.
    fn monotonic(&self) -> Duration;

    /// The wall time alone.
    fn now(&self) -> Timestamp {
        self.read().now
    }
}

/// A clock that stands still until a test moves it.
#[derive(Debug, Default)]
pub struct ManualClock {
    elapsed_ms: AtomicU64,
    base: Timestamp,
}

impl ManualClock {
    /// A clock that shows `base` until it is advanced.
    #[must_use]
    pub fn new(base: Timestamp) -> Self {
        Self { elapsed_ms: AtomicU64::new(0), base }
    }

    /// Moves wall and monotonic time forward.
    pub fn advance(&self, by: Duration) {
        let millis = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.elapsed_ms.fetch_add(millis, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn read(&self) -> ClockReading {
        ClockReading { now: self.base.saturating_add(self.monotonic()), error_bound: Duration::ZERO }
    }

    fn monotonic(&self) -> Duration {
        Duration::from_millis(self.elapsed_ms.load(Ordering::SeqCst))
    }
}
