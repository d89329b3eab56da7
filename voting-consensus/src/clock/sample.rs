//! One question and its answer.

use std::time::Duration;

use super::{ClockConfig, micros};

/// The latest time of day that is believed: the end of the year 9999.
const LATEST_US: i64 = 253_402_300_799_999_999;

/// The four times of a question and its answer (RFC 5905, section 8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exchange {
    /// T1: local monotonic time when the question left.
    pub asked: Duration,
    /// T2: the source's time of day when the question arrived, in microseconds.
    pub received_us: i64,
    /// T3: the source's time of day when the answer left, in microseconds.
    pub answered_us: i64,
    /// T4: local monotonic time when the answer arrived.
    pub heard: Duration,
}

/// What an exchange tells of a source's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// Local monotonic time in the middle of the exchange.
    pub at: Duration,
    /// θ = ((T2 − T1) + (T3 − T4)) / 2: the source's time of day minus local monotonic time, in microseconds.
    pub offset_us: i64,
    /// δ = (T4 − T1) − (T3 − T2): the way there and back, in microseconds.
    pub delay_us: i64,
}

impl Sample {
    /// Offset and delay of an exchange; `None` if its times cannot be.
    #[must_use]
    pub fn of(exchange: &Exchange) -> Option<Self> {
        let Exchange { asked, received_us, answered_us, heard } = *exchange;
        let round_us = micros(heard.checked_sub(asked)?);
        if !(0..=LATEST_US).contains(&received_us) || !(received_us..=LATEST_US).contains(&answered_us) {
            return None;
        }
        // A source that claims to have kept the question for longer than the whole way took lies.
        let delay_us = round_us.checked_sub(answered_us - received_us).filter(|delay| *delay >= 0)?;
        let there = received_us.checked_sub(micros(asked))?;
        let back = answered_us.checked_sub(micros(heard))?;
        Some(Self { at: asked + (heard - asked) / 2, offset_us: there.midpoint(back), delay_us })
    }

    /// A reading of the local machine's own clock: nothing is on the way.
    #[must_use]
    pub fn of_local(now: Duration, wall_us: i64) -> Self {
        Self { at: now, offset_us: wall_us.saturating_sub(micros(now)), delay_us: 0 }
    }

    /// The source's offset is within this of [`Sample::offset_us`] at a time, in microseconds: half the delay, because the
    /// two ways may differ by all of it, and what local monotonic time may have drifted since.
    #[must_use]
    pub fn error_us(&self, now: Duration, config: &ClockConfig) -> i64 {
        let age = now.max(self.at) - self.at.min(now);
        self.delay_us / 2 + 1 + config.drifted_us(age)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn offset_and_delay_are_those_of_the_formulas() {
        // The source is 1000 s ahead; 30 ms there, 2 ms held, 10 ms back.
        let exchange = Exchange { asked: ms(5_000), received_us: 1_005_030_000, answered_us: 1_005_032_000, heard: ms(5_042) };
        let sample = Sample::of(&exchange).unwrap();
        assert_eq!((sample.offset_us, sample.delay_us, sample.at), (1_000_010_000, 40_000, ms(5_021)));
        assert!((sample.offset_us - 1_000_000_000).abs() <= sample.error_us(ms(5_042), &ClockConfig::default()));
    }

    #[test]
    fn times_that_cannot_be_make_no_sample() {
        let good = Exchange { asked: ms(1), received_us: 10, answered_us: 20, heard: ms(2) };
        assert!(Sample::of(&good).is_some());
        for bad in [
            Exchange { heard: ms(0), ..good },
            Exchange { answered_us: 9, ..good },
            Exchange { received_us: -1, ..good },
            Exchange { answered_us: i64::MAX, ..good },
            Exchange { answered_us: 2_000, ..good }, // held for 1.99 ms of 1 ms
        ] {
            assert_eq!(Sample::of(&bad), None, "{bad:?}");
        }
    }

    proptest! {
        /// Whatever the two ways take, the true offset is within half the delay; no times overflow.
        #[test]
        fn the_offset_is_within_half_the_delay(
            asked in 0u64..1 << 40, there in 0u64..10_000_000, held in 0u64..1_000_000, back in 0u64..10_000_000, ahead in 0i64..1 << 50,
        ) {
            let at = |us: u64| Duration::from_micros(us);
            let shown = |us: u64| us as i64 + ahead;
            let exchange = Exchange {
                asked: at(asked),
                received_us: shown(asked + there),
                answered_us: shown(asked + there + held),
                heard: at(asked + there + held + back),
            };
            let sample = Sample::of(&exchange).unwrap();
            prop_assert_eq!(sample.delay_us, (there + back) as i64);
            prop_assert!((sample.offset_us - ahead).abs() <= sample.error_us(exchange.heard, &ClockConfig::default()));
        }

        #[test]
        fn anything_may_be_claimed(asked: Duration, heard: Duration, received_us: i64, answered_us: i64, now: Duration) {
            if let Some(sample) = Sample::of(&Exchange { asked, received_us, answered_us, heard }) {
                prop_assert!(sample.delay_us >= 0 && sample.error_us(now, &ClockConfig::default()) > 0);
            }
        }
    }
}
