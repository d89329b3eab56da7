//! The machine's clock.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use voting_core::Timestamp;
use voting_core::seams::{Clock, ClockReading};

/// How wrong the machine's wall clock may be: it does not say, and a host disciplined by NTP stays
/// well below this. Who needs better measures it against the other authorities.
pub const ASSUMED_ERROR: Duration = Duration::from_millis(500);

/// Wall time and monotonic time as the operating system gives them.
#[derive(Debug, Clone)]
pub struct SystemClock {
    started: Instant,
}

impl SystemClock {
    /// A clock whose monotonic time starts now.
    #[must_use]
    pub fn new() -> Self {
        Self { started: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn read(&self) -> ClockReading {
        #[expect(clippy::disallowed_methods, reason = "this is where the Clock seam gets the date")]
        let now = SystemTime::now();
        // A machine set to a date before 1970 is shown as 1970; nothing of ours is older.
        let since_1970 = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        ClockReading { now: Timestamp::default().saturating_add(since_1970), error_bound: ASSUMED_ERROR }
    }

    fn monotonic(&self) -> Duration {
        self.started.elapsed()
    }
}
