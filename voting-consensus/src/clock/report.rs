//! What people are shown of a clock.

use std::fmt;

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

/// How far a clock can be relied on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClockState {
    /// It shows the machine's time: nothing has been agreed on yet. Nobody should go by it.
    #[default]
    Unsynced,
    /// It follows the master, within what a quorum agrees on.
    Synced,
    /// There is nobody to follow: it runs on as it did, and its error grows.
    Holdover,
    /// It is outside of what a quorum agrees on, and on its way back.
    Faulty,
}

impl ClockState {
    /// Whether times of blocks may be taken from it. One that is off may, too: whether its times are right is for the
    /// others to say, who accept no block that is far from theirs.
    #[must_use]
    pub const fn is_usable(self) -> bool {
        !matches!(self, Self::Unsynced)
    }

    /// Its name, as it is shown everywhere.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unsynced => "unsynced",
            Self::Synced => "synced",
            Self::Holdover => "holdover",
            Self::Faulty => "faulty",
        }
    }
}

impl fmt::Display for ClockState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Something that people should look after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClockAlarm {
    /// The master's clock is not where a quorum agrees it should be; it is not followed.
    MasterOutlier {
        /// The master.
        name: String,
        /// By how much it is off from the middle of what is agreed on, in microseconds.
        off_us: i64,
    },
    /// The master does not answer.
    MasterSilent {
        /// The master.
        name: String,
    },
    /// Fewer clocks than a quorum are heard.
    NoQuorum {
        /// How many are.
        heard: usize,
        /// How many are needed.
        needed: usize,
    },
    /// A quorum is heard, but no quorum agrees: more machines than can be borne have wrong clocks.
    Disagreement {
        /// How far the clocks are apart, in microseconds.
        spread_us: i64,
    },
    /// The corrected time is outside of what a quorum agrees on, too far to be moved there soon.
    FarOff {
        /// By how much it is ahead of it, in microseconds; negative when behind.
        ahead_us: i64,
    },
}

impl fmt::Display for ClockAlarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |us: &i64| *us as f64 / 1_000.0;
        match self {
            Self::MasterOutlier { name, off_us } => {
                write!(
                    f,
                    "{name}, whose clock the others go by, is {:+.1} ms off what a quorum agrees on, and not followed",
                    ms(off_us)
                )
            }
            Self::MasterSilent { name } => write!(f, "{name}, whose clock the others go by, does not answer"),
            Self::NoQuorum { heard, needed } => write!(f, "{heard} clocks are heard, {needed} are needed"),
            Self::Disagreement { spread_us } => {
                write!(f, "no quorum agrees on the time: the clocks are {:.1} ms apart", ms(spread_us))
            }
            Self::FarOff { ahead_us } => write!(f, "{:+.1} ms off what a quorum agrees on", ms(ahead_us)),
        }
    }
}

/// How an authority's clock stands to what a quorum agrees on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is this node's own.
    Own,
    /// It meets what a quorum agrees on.
    Agrees,
    /// It does not.
    Outlier,
    /// Nothing is agreed on, or nothing is known of it yet.
    Unknown,
    /// It does not answer.
    Silent,
}

/// What is known of one authority's clock.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceReport {
    /// Its name.
    pub name: String,
    /// How it stands to the quorum.
    pub standing: Standing,
    /// Its machine's time minus our corrected one, in microseconds.
    pub offset_us: Option<i64>,
    /// The way there and back of its best sample, in microseconds.
    pub delay_us: Option<i64>,
    /// How fast it runs against our monotonic time, in parts per million.
    pub ppm: Option<f64>,
    /// How far its samples are from a line, in microseconds.
    pub residual_us: Option<f64>,
}

/// How a node's clock is.
#[derive(Debug, Clone, PartialEq)]
pub struct ClockReport {
    /// How far it can be relied on.
    pub state: ClockState,
    /// Whom it would follow; `None` follows the middle of what a quorum agrees on.
    pub master: Option<String>,
    /// What it follows minus its corrected time, in microseconds; `None` where it follows nothing.
    pub offset_us: Option<i64>,
    /// The true time is within this of the corrected time, in microseconds, if no more clocks are wrong than can be borne.
    pub bound_us: i64,
    /// The way to the master and back, in microseconds; 0 for the master itself.
    pub delay_us: Option<i64>,
    /// The correction of the machine's rate, in parts per million.
    pub ppm: f64,
    /// The machine's own time minus the corrected one, in microseconds.
    pub machine_us: i64,
    /// What people should look after.
    pub alarms: Vec<ClockAlarm>,
    /// Every authority, in the order of the epoch.
    pub sources: Vec<SourceReport>,
}

impl ClockReport {
    /// Authorities whose clocks are outside of what a quorum agrees on; this one among them, if its machine's is.
    pub fn outliers(&self) -> impl Iterator<Item = &str> {
        self.sources.iter().filter(|source| source.standing == Standing::Outlier).map(|source| source.name.as_str())
    }
}
