//! Corrected time: monotonic time plus a correction that is moved slowly.

use std::time::Duration;

use super::micros;

const NANOS_PER_MICRO: i128 = 1_000;

/// A time of day that runs with monotonic time, at a rate that differs from it by no more than the slew limit. It never
/// goes back, except where it is set before anyone goes by it.
#[derive(Debug, Clone)]
pub struct Discipline {
    /// When the fields below were true.
    at: Duration,
    /// Time of day minus monotonic time at that time.
    base_ns: i128,
    /// How fast that difference grows for good, in parts per billion.
    rate_ppb: i64,
    /// By how much it is still to be moved.
    phase_ns: i128,
    slew_ppb: i64,
    /// Nothing earlier is shown.
    not_before_us: i64,
}

impl Discipline {
    /// Shows a time of day from now on, and moves it by at most so many parts per million.
    #[must_use]
    pub fn new(now: Duration, base_us: i64, slew_ppm: u32) -> Self {
        let slew_ppb = i64::from(slew_ppm) * 1_000;
        let base_ns = i128::from(base_us) * NANOS_PER_MICRO;
        Self { at: now, base_ns, rate_ppb: 0, phase_ns: 0, slew_ppb, not_before_us: i64::MIN }
    }

    fn moved_ns(&self, now: Duration) -> (i128, i128) {
        let passed = i128::try_from(now.saturating_sub(self.at).as_nanos()).unwrap_or(i128::MAX / (1 << 40));
        let share = |ppb: i64| passed * i128::from(ppb) / 1_000_000_000;
        let room = share(self.slew_ppb - self.rate_ppb.abs());
        (share(self.rate_ppb), self.phase_ns.clamp(-room, room))
    }

    /// Time of day minus monotonic time, in microseconds.
    #[must_use]
    pub fn base_us(&self, now: Duration) -> i64 {
        let (by_rate, by_phase) = self.moved_ns(now);
        i64::try_from((self.base_ns + by_rate + by_phase).div_euclid(NANOS_PER_MICRO)).unwrap_or(i64::MAX)
    }

    /// The time of day in microseconds. For times that do not go back the result does not, either.
    #[must_use]
    pub fn show_us(&self, now: Duration) -> i64 {
        micros(now).saturating_add(self.base_us(now)).max(self.not_before_us)
    }

    /// How fast the correction is growing for good, in parts per million.
    #[must_use]
    pub fn rate_ppm(&self) -> f64 {
        self.rate_ppb as f64 / 1_000.0
    }

    /// Moves towards an offset from now on, as fast as allowed, and runs at a rate (in parts per million) besides.
    pub fn steer(&mut self, now: Duration, towards_us: i64, rate_ppm: f64) {
        self.settle(now);
        self.phase_ns = i128::from(towards_us) * NANOS_PER_MICRO - self.base_ns;
        // Half of the limit is left to get anywhere.
        let most = self.slew_ppb / 2;
        self.rate_ppb = ((rate_ppm * 1_000.0).round() as i64).clamp(-most, most);
    }

    /// Stops moving, and runs on at a rate in parts per million.
    pub fn hold(&mut self, now: Duration, rate_ppm: f64) {
        let here = self.base_us(now);
        self.steer(now, here, rate_ppm);
        self.phase_ns = 0;
    }

    /// Sets the offset at once. What has been shown may be shown again: only for a time that nobody goes by.
    pub fn set(&mut self, now: Duration, base_us: i64) {
        let slew_ppb = self.slew_ppb;
        *self = Self { slew_ppb, ..Self::new(now, base_us, 0) };
    }

    /// Sets the offset at once, forward; where it would go back, time stands still until it is caught up with.
    pub fn step(&mut self, now: Duration, base_us: i64) {
        let shown = self.show_us(now);
        self.set(now, base_us);
        self.not_before_us = shown;
    }

    fn settle(&mut self, now: Duration) {
        let (by_rate, by_phase) = self.moved_ns(now);
        self.base_ns += by_rate + by_phase;
        self.phase_ns -= by_phase;
        self.at = self.at.max(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    #[test]
    fn an_offset_is_moved_at_the_limit_and_then_left_alone() {
        let mut clock = Discipline::new(secs(100), 1_000_000, 500);
        assert_eq!(clock.show_us(secs(100)), 101_000_000);
        clock.steer(secs(100), 1_010_000, 0.0);
        assert_eq!(clock.base_us(secs(110)), 1_005_000, "500 µs a second");
        assert_eq!(clock.base_us(secs(120)), 1_010_000);
        assert_eq!(clock.base_us(secs(9_999)), 1_010_000);
        clock.steer(secs(120), 1_000_000, 100.0);
        assert_eq!(clock.base_us(secs(130)), 1_010_000 - 4_000 + 1_000, "what the rate takes is not there for the offset");
        clock.hold(secs(130), -20.0);
        assert_eq!(clock.base_us(secs(140)), 1_007_000 - 200);
    }

    #[test]
    fn a_step_back_stands_still_and_setting_does_not() {
        let mut clock = Discipline::new(secs(0), 60_000_000, 500);
        clock.step(secs(10), 58_000_000);
        assert_eq!(clock.show_us(secs(10)), 70_000_000);
        assert_eq!(clock.show_us(secs(11)), 70_000_000);
        assert_eq!(clock.show_us(secs(13)), 71_000_000);
        clock.set(secs(13), 0);
        assert_eq!(clock.show_us(secs(13)), 13_000_000);
    }

    #[test]
    fn many_small_corrections_lose_nothing_to_rounding() {
        let mut clock = Discipline::new(secs(0), 0, 500);
        for n in 1..=40_000u64 {
            clock.hold(Duration::from_millis(250 * n), 10.0);
        }
        assert!((clock.base_us(secs(10_000)) - 100_000).abs() <= 50, "{}", clock.base_us(secs(10_000)));
    }

    #[derive(Debug, Clone)]
    enum Act {
        Steer(i64, f64),
        Hold(f64),
        Step(i64),
    }

    fn act() -> impl Strategy<Value = Act> {
        prop_oneof![
            4 => (any::<i32>(), -900.0f64..900.0).prop_map(|(to, rate)| Act::Steer(i64::from(to), rate)),
            2 => (-900.0f64..900.0).prop_map(Act::Hold),
            1 => any::<i32>().prop_map(|to| Act::Step(i64::from(to))),
        ]
    }

    proptest! {
        /// Whatever is asked for, time never goes back, and but for steps it keeps to the limit.
        #[test]
        fn time_never_goes_back_and_keeps_the_slew_limit(acts in proptest::collection::vec((0u64..10_000_000, act()), 1..50)) {
            let mut clock = Discipline::new(Duration::ZERO, 0, 500);
            let (mut now, mut shown) = (Duration::ZERO, clock.show_us(Duration::ZERO));
            for (wait_us, act) in acts {
                let before = (now, clock.base_us(now));
                now += Duration::from_micros(wait_us);
                let moved = clock.base_us(now) - before.1;
                prop_assert!(moved.unsigned_abs() <= wait_us / 2_000 + 2, "moved by {moved} µs in {wait_us} µs");
                prop_assert!(clock.show_us(now) >= shown);
                shown = clock.show_us(now);
                match act {
                    Act::Steer(to, rate) => clock.steer(now, to, rate),
                    Act::Hold(rate) => clock.hold(now, rate),
                    Act::Step(to) => clock.step(now, to),
                }
                prop_assert!(clock.show_us(now) >= shown);
                shown = clock.show_us(now);
            }
        }
    }
}
