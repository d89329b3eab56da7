//! What is known of one source: its best sample, and how fast its clock runs against ours.

use std::collections::VecDeque;
use std::time::Duration;

use super::{ClockConfig, Interval, Sample, micros, parts};

/// Of so many samples the one with the smallest error counts (RFC 5905, section 10): delays come from queues, and the
/// shortest way has met the fewest.
const RECENT: usize = 8;
/// Best samples that the regression goes through: some eight minutes where all is calm.
const WINDOW: usize = 32;
/// Points of the regression are at least this far apart, so that a burst of questions does not shorten its window.
const SPACING: Duration = Duration::from_secs(1);
/// A line is drawn through no fewer points.
const LINE: usize = 3;
/// The slope of a line through fewer points is not relied on.
const RELIABLE: usize = 8;
/// By how much a clock may differ from what it showed before without being taken for stepped, in microseconds: more than
/// reading it is off by, less than anyone would mind.
const STEP_US: i64 = 10_000;
/// As fast as an honest clock is ever corrected, in parts per million.
const CORRECTED_PPM: u32 = 500;

/// A line through the latest samples of a source.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Regression {
    /// The source's offset at the time asked for, in microseconds.
    pub offset_us: i64,
    /// By how much its clock runs faster than local monotonic time, in parts per million.
    pub ppm: f64,
    /// How far the samples are from the line (root of the mean square), in microseconds.
    pub residual_us: f64,
    /// How wrong [`Regression::ppm`] may be by the errors of the samples, in parts per million.
    pub uncertainty_ppm: f64,
    /// Samples that the line goes through.
    pub points: usize,
}

impl Regression {
    /// The slope, if it is good enough to go by in holdover.
    #[must_use]
    pub fn reliable_ppm(&self, config: &ClockConfig) -> Option<f64> {
        let is_reliable = self.points >= RELIABLE && self.uncertainty_ppm <= f64::from(config.holdover_ppm);
        is_reliable.then_some(self.ppm)
    }
}

/// The latest samples of one source.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    recent: VecDeque<Sample>,
    window: VecDeque<Sample>,
    line: Option<Line>,
}

impl Filter {
    /// Takes a sample in. A clock that was stepped begins anew, and by how much is returned, in microseconds.
    pub fn note(&mut self, sample: Sample, config: &ClockConfig) -> Option<i64> {
        let stepped = self.stepped_by(&sample, config);
        if stepped.is_some() {
            self.clear();
        }
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(sample);
        let best = self.best(sample.at, config).unwrap_or(sample);
        if self.window.back().is_none_or(|last| best.at >= last.at + SPACING) {
            if self.window.len() == WINDOW {
                self.window.pop_front();
            }
            self.window.push_back(best);
            self.line = line_through(&self.window);
        }
        stepped
    }

    fn stepped_by(&self, sample: &Sample, config: &ClockConfig) -> Option<i64> {
        let before = self.best(sample.at, config)?;
        let apart = sample.offset_us.saturating_sub(before.offset_us);
        let age = sample.at.saturating_sub(before.at);
        let allowed = before.error_us(sample.at, config) + sample.error_us(sample.at, config);
        let allowed = allowed + STEP_US + parts(micros(age), CORRECTED_PPM);
        (apart.saturating_abs() > allowed).then_some(apart)
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.recent.clear();
        self.window.clear();
        self.line = None;
    }

    /// The latest sample.
    #[must_use]
    pub fn latest(&self) -> Option<&Sample> {
        self.recent.back()
    }

    /// The sample with the smallest error at a time.
    #[must_use]
    pub fn best(&self, now: Duration, config: &ClockConfig) -> Option<Sample> {
        self.recent.iter().copied().min_by_key(|sample| (sample.error_us(now, config), std::cmp::Reverse(sample.at)))
    }

    /// Where the source's offset certainly is, if its clock is no worse than monotonic time.
    #[must_use]
    pub fn interval(&self, now: Duration, config: &ClockConfig) -> Option<Interval> {
        let best = self.best(now, config)?;
        Some(Interval::around(best.offset_us, best.error_us(now, config)))
    }

    /// The source's offset, as well as can be said: by the line, as far as the best sample allows.
    #[must_use]
    pub fn estimate_us(&self, now: Duration, config: &ClockConfig) -> Option<i64> {
        let (best, certain) = (self.best(now, config)?, self.interval(now, config)?);
        let estimate = self.regression(now).map_or(best.offset_us, |line| line.offset_us);
        Some(estimate.clamp(certain.low, certain.high))
    }

    /// The line of least squares through the window; `None` while there are too few points.
    #[must_use]
    pub fn regression(&self, now: Duration) -> Option<Regression> {
        let Line { from, line } = self.line?;
        let passed = now.as_secs_f64() - from.as_secs_f64();
        let moved = (passed * line.ppm).round() as i64; // microseconds a second are parts per million
        Some(Regression { offset_us: line.offset_us.saturating_add(moved), ..line })
    }
}

/// A line with the time of its first point, where its offset is meant.
#[derive(Debug, Clone, Copy)]
struct Line {
    from: Duration,
    line: Regression,
}

/// Least squares, relative to the first point, in seconds and microseconds: exact enough for double precision.
fn line_through(samples: &VecDeque<Sample>) -> Option<Line> {
    let (first, last, points) = (samples.front()?, samples.back()?, samples.len());
    if points < LINE {
        return None;
    }
    let seconds = |at: Duration| at.as_secs_f64() - first.at.as_secs_f64();
    let places = || samples.iter().map(|sample| (seconds(sample.at), sample.offset_us.saturating_sub(first.offset_us) as f64));
    let n = points as f64;
    let (sum_x, sum_y) = places().fold((0.0, 0.0), |(sx, sy), (x, y)| (sx + x, sy + y));
    let (mean_x, mean_y) = (sum_x / n, sum_y / n);
    let (xx, xy) = places().fold((0.0, 0.0), |(xx, xy), (x, y)| (xx + (x - mean_x).powi(2), xy + (x - mean_x) * (y - mean_y)));
    let ppm = xy / xx; // no two points are at the same time
    let squares: f64 = places().map(|(x, y)| (y - mean_y - ppm * (x - mean_x)).powi(2)).sum();
    let error_us = samples.iter().map(|sample| sample.delay_us / 2).max().unwrap_or(0);
    let line = Regression {
        offset_us: first.offset_us.saturating_add((mean_y - ppm * mean_x).round() as i64),
        ppm,
        residual_us: (squares / n).sqrt(),
        uncertainty_ppm: 2.0 * error_us as f64 / seconds(last.at),
        points,
    };
    Some(Line { from: first.at, line })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CONFIG: ClockConfig = ClockConfig::DEFAULT;

    fn sample(seconds: u64, offset_us: i64, delay_us: i64) -> Sample {
        Sample { at: Duration::from_secs(seconds), offset_us, delay_us }
    }

    #[test]
    fn the_shortest_way_counts() {
        let mut filter = Filter::default();
        for (at, delay) in [(1, 9_000), (2, 300), (3, 4_000), (4, 8_000)] {
            assert_eq!(filter.note(sample(at, at as i64, delay), &CONFIG), None);
        }
        assert_eq!(filter.best(Duration::from_secs(4), &CONFIG).map(|best| best.delay_us), Some(300));
        for at in 5..13 {
            filter.note(sample(at, at as i64, 5_000), &CONFIG);
        }
        assert_eq!(filter.best(Duration::from_secs(12), &CONFIG).map(|best| best.delay_us), Some(5_000), "eight are kept");
    }

    #[test]
    fn a_line_gives_offset_drift_and_how_good_it_is() {
        let mut filter = Filter::default();
        assert_eq!(filter.regression(Duration::ZERO), None);
        for n in 0..40u64 {
            let (at, noise) = (n * 16, if n % 2 == 0 { 20 } else { -20 });
            filter.note(sample(at, 1_000_000 + 30 * at as i64 + noise, 1_000), &CONFIG);
        }
        let line = filter.regression(Duration::from_secs(700)).unwrap();
        assert!((line.ppm - 30.0).abs() < 0.1, "{line:?}");
        assert!((line.offset_us - 1_021_000).abs() < 50, "{line:?}");
        assert!((line.residual_us - 20.0).abs() < 5.0, "{line:?}");
        assert_eq!(line.points, WINDOW);
        assert_eq!(line.reliable_ppm(&CONFIG), Some(line.ppm));
        let mut short = Filter::default();
        assert!((0..9).all(|at| short.note(sample(at, 0, 40_000), &CONFIG).is_none()));
        assert_eq!(short.regression(Duration::from_secs(9)).unwrap().reliable_ppm(&CONFIG), None, "too short for such delays");
    }

    #[test]
    fn a_step_begins_anew_and_noise_does_not() {
        let mut filter = Filter::default();
        for at in 0..10 {
            assert_eq!(filter.note(sample(at, if at % 2 == 0 { 4_000 } else { -4_000 }, 200), &CONFIG), None);
        }
        assert_eq!(filter.note(sample(10, 60_000_000, 200), &CONFIG), Some(60_004_000));
        assert_eq!(filter.regression(Duration::from_secs(10)), None);
        assert_eq!(filter.estimate_us(Duration::from_secs(10), &CONFIG), Some(60_000_000));
    }

    proptest! {
        /// A source at a constant rate within the drift is where the interval says, whatever the delays.
        #[test]
        fn the_interval_holds_the_offset(
            ppm in -50i64..50, delays in proptest::collection::vec((0i64..200_000, 0i64..=100), 1..60), gap in 1u64..17,
        ) {
            let mut filter = Filter::default();
            let mut now = Duration::ZERO;
            for (delay_us, there) in delays {
                now += Duration::from_secs(gap);
                let truth = ppm * now.as_secs() as i64;
                // The share of the delay on the way there decides how wrong the sample is.
                let error = delay_us * there / 100 - delay_us / 2;
                filter.note(Sample { at: now, offset_us: truth + error, delay_us }, &CONFIG);
                let interval = filter.interval(now, &CONFIG).unwrap();
                prop_assert!(interval.contains(truth), "{interval:?} {truth}");
                prop_assert!(interval.contains(filter.estimate_us(now, &CONFIG).unwrap()));
            }
        }
    }
}
