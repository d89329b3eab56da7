//! What an authority tells the others of its clock.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};
use voting_consensus::clock::{ClockReport, ClockState, Standing};
use voting_core::ids::AuthorityIndex;

/// Authorities with wrong clocks that a heartbeat names: more than can be borne by a network of thirty.
pub const MAX_OUTLIERS_NAMED: usize = 16;

/// The clock of an authority in short.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct ClockSummary {
    /// How far it can be relied on.
    pub state: ClockState,
    /// Whose clock it would follow.
    pub master: Option<AuthorityIndex>,
    /// What it follows minus its corrected time, in microseconds; none where it follows nothing.
    pub offset_us: Option<i64>,
    /// The true time is within this of its corrected time, in microseconds.
    pub bound_us: i64,
    /// The way to the master and back, in microseconds.
    pub delay_us: Option<i64>,
    /// The correction of its machine's rate, in parts per billion.
    pub rate_ppb: i32,
    /// Its machine's clock minus its corrected time, in microseconds; none while there is no corrected time.
    pub machine_us: Option<i64>,
    /// Authorities whose machines' clocks are outside of what a quorum agrees on, as it sees it; [`MAX_OUTLIERS_NAMED`] at most.
    pub outliers: Vec<AuthorityIndex>,
}

impl ClockSummary {
    /// Longest encoding in bytes.
    pub(crate) const MAX_BYTES: usize = 1 + 3 + 9 + 8 + 9 + 4 + 9 + 4 + 2 * MAX_OUTLIERS_NAMED;

    /// Whether the master is among the outliers: it is not followed.
    #[must_use]
    pub fn is_master_outlier(&self) -> bool {
        self.master.is_some_and(|master| self.outliers.contains(&master))
    }
}

impl From<&ClockReport> for ClockSummary {
    fn from(report: &ClockReport) -> Self {
        let index_of = |name: &String| report.sources.iter().position(|source| source.name == *name);
        let index = |at: usize| AuthorityIndex(u16::try_from(at).unwrap_or(u16::MAX));
        let outliers = report.sources.iter().enumerate().filter(|(_, source)| source.standing == Standing::Outlier);
        Self {
            state: report.state,
            master: report.master.as_ref().and_then(index_of).map(index),
            offset_us: report.offset_us,
            bound_us: report.bound_us,
            delay_us: report.delay_us,
            rate_ppb: (report.ppm * 1_000.0).round() as i32,
            machine_us: report.state.is_usable().then_some(report.machine_us),
            outliers: outliers.map(|(at, _)| index(at)).take(MAX_OUTLIERS_NAMED).collect(),
        }
    }
}
