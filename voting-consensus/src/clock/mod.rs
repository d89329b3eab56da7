//! Synchronising the authorities' clocks, as plain data in and plain data out.
//!
//! Every authority asks every other for the time and believes what a quorum of them agrees on. Within that it goes by
//! *one* clock, the master's, so that all show the same; a master that leaves what the quorum agrees on is named and
//! not followed.
//!
//! ```text
//!  T1..T4 ─▶ sample ─▶ filter (per source) ─▶ intersection (all sources) ─▶ discipline ─▶ corrected time ± bound
//!            θ, δ      min. delay of 8,        what a quorum agrees on,      slew ≤ 500 ppm
//!                      regression              who is outside
//! ```
//!
//! What is exchanged is the *machine's* time of each authority, not its corrected one. The quorum's judgement therefore
//! rests on clocks that know nothing of each other, and no master can drag the others along bit by bit: at most n − q
//! clocks may be wrong by whatever amount, and the bound that is stated holds.
//!
//! [`ClockSync`] is told the local monotonic time and the reading of the machine's clock with every call. Times of day are
//! microseconds since 1970, offsets are those of a source's time of day against the *local monotonic* time: a step of the
//! machine's clock changes none of them.
//!
//! # Sources
//! D. L. Mills, RFC 5905 (samples, clock filter, dispersion); K. Marzullo and S. Owicki, "Maintaining the time in a
//! distributed system", PODC 1983 (intersection); J. Lundelius Welch and N. Lynch, "A new fault-tolerant algorithm for
//! clock synchronization", Information and Computation 77 (1988) (midpoint, where the clocks do not agree at the start).

mod config;
mod discipline;
mod filter;
mod intersection;
mod judge;
mod report;
mod sample;
mod source;
mod sync;

pub use config::{ClockConfig, ClockConfigError};
pub use discipline::Discipline;
pub use filter::{Filter, Regression};
pub use intersection::{Interval, covered_by, midpoint};
pub use report::{ClockAlarm, ClockReport, ClockState, SourceReport, Standing};
pub use sample::{Exchange, Sample};
pub use sync::{Answer, ClockSync, Corrected, NothingAgreed, Reading, Seats, Unasked};

use std::time::Duration;

/// Whole microseconds of a duration; some 292 000 years at most.
#[must_use]
pub fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// How much of a time in microseconds so many parts per million are.
pub(crate) fn parts(us: i64, ppm: u32) -> i64 {
    i64::try_from(i128::from(us) * i128::from(ppm) / 1_000_000).unwrap_or(i64::MAX)
}
