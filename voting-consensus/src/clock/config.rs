//! Bounds and paces of clock synchronisation.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::micros;

/// How an authority synchronises its clock. Every value has a default that suits machines kept by NTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClockConfig {
    /// By how much the clock of a machine in order may be wrong, in milliseconds: 500, which a machine kept by NTP stays
    /// well below. The smaller, the sooner a wrong clock is found out, and the smaller the bounds that are stated.
    pub machine_error_ms: u32,
    /// By how many parts per million a machine's monotonic time may run fast or slow: 50, as quartz does at worst.
    pub drift_ppm: u32,
    /// How fast the error grows in holdover where the drift is known well, in parts per million: 15, for temperature.
    pub holdover_ppm: u32,
    /// How fast the corrected time may be moved at most, in parts per million of passing time: 500, as NTP does.
    pub slew_ppm: u32,
    /// Shortest time between two questions to a source, in milliseconds: 1000.
    pub poll_ms_min: u32,
    /// Longest time between two questions to a source, in milliseconds: 16 000; reached where all is calm.
    pub poll_ms_max: u32,
    /// How long a quorum that disagrees from the start is waited for to agree, in milliseconds: 3000. After that the
    /// middle of the clocks is taken: together and perhaps wrong is better than apart.
    pub founding_ms: u32,
}

impl Default for ClockConfig {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// A value that clocks cannot be synchronised by.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("clock.{setting} is {value}; {allowed}")]
pub struct ClockConfigError {
    /// The setting.
    pub setting: &'static str,
    /// Its value.
    pub value: u32,
    /// What is allowed.
    pub allowed: &'static str,
}

impl ClockConfig {
    /// What suits machines kept by NTP.
    pub const DEFAULT: Self = Self {
        machine_error_ms: 500,
        drift_ppm: 50,
        holdover_ppm: 15,
        slew_ppm: 500,
        poll_ms_min: 1_000,
        poll_ms_max: 16_000,
        founding_ms: 3_000,
    };

    /// Whether the values are possible.
    ///
    /// # Errors
    /// [`ClockConfigError`] naming the first that is not.
    pub fn check(&self) -> Result<(), ClockConfigError> {
        let rules = [
            ("machine_error_ms", self.machine_error_ms, 1..=10_000, "from 1 to 10000 milliseconds are possible"),
            ("drift_ppm", self.drift_ppm, 1..=200, "from 1 to 200 parts per million are possible"),
            ("holdover_ppm", self.holdover_ppm, 1..=self.drift_ppm, "from 1 up to clock.drift_ppm is possible"),
            ("slew_ppm", self.slew_ppm, 2 * self.drift_ppm..=500, "from twice clock.drift_ppm up to 500 is possible"),
            ("poll_ms_min", self.poll_ms_min, 100..=60_000, "from 100 to 60000 milliseconds are possible"),
            (
                "poll_ms_max",
                self.poll_ms_max,
                self.poll_ms_min..=60_000,
                "from clock.poll_ms_min to 60000 milliseconds are possible",
            ),
            ("founding_ms", self.founding_ms, 0..=600_000, "up to 600000 milliseconds are possible"),
        ];
        match rules.into_iter().find(|(_, value, range, _)| !range.contains(value)) {
            Some((setting, value, _, allowed)) => Err(ClockConfigError { setting, value, allowed }),
            None => Ok(()),
        }
    }

    /// [`Self::machine_error_ms`] in microseconds.
    pub(crate) const fn machine_error_us(&self) -> i64 {
        self.machine_error_ms as i64 * 1_000
    }

    pub(crate) const fn poll_min(&self) -> Duration {
        Duration::from_millis(self.poll_ms_min as u64)
    }

    pub(crate) const fn poll_max(&self) -> Duration {
        Duration::from_millis(self.poll_ms_max as u64)
    }

    pub(crate) const fn founding(&self) -> Duration {
        Duration::from_millis(self.founding_ms as u64)
    }

    /// By how much monotonic time may have run away within a duration, in microseconds.
    pub(crate) fn drifted_us(&self, within: Duration) -> i64 {
        super::parts(micros(within), self.drift_ppm) + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_possible_and_what_is_not_is_named() {
        let default = ClockConfig::default();
        assert_eq!(default.check(), Ok(()));
        let wrong = [
            (ClockConfig { machine_error_ms: 0, ..default }, "clock.machine_error_ms is 0; "),
            (ClockConfig { drift_ppm: 201, ..default }, "clock.drift_ppm is 201; "),
            (ClockConfig { holdover_ppm: 51, ..default }, "clock.holdover_ppm is 51; "),
            (ClockConfig { slew_ppm: 99, ..default }, "clock.slew_ppm is 99; "),
            (ClockConfig { slew_ppm: 501, ..default }, "clock.slew_ppm is 501; "),
            (ClockConfig { poll_ms_min: 99, ..default }, "clock.poll_ms_min is 99; "),
            (ClockConfig { poll_ms_max: 999, ..default }, "clock.poll_ms_max is 999; "),
            (ClockConfig { founding_ms: 600_001, ..default }, "clock.founding_ms is 600001; "),
        ];
        for (config, begins) in wrong {
            let error = config.check().unwrap_err().to_string();
            assert!(error.starts_with(begins), "{error}");
        }
    }
}
