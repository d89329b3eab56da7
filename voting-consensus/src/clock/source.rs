//! One authority as a source of time: when it is asked, and what it said.

use std::time::Duration;

use super::sync::Corrected;
use super::{ClockConfig, Exchange, Filter, Interval, Sample};

/// Questions without an answer after which a source is silent.
const SILENT_AFTER: u32 = 3;
/// A sample counts for so many of the longest pauses between questions.
const FRESH: u32 = 4;
/// While nothing is agreed on, questions come so many times as often.
const HURRY: u32 = 4;

#[derive(Debug, Clone)]
pub(super) struct Source {
    pub(super) name: String,
    pub(super) filter: Filter,
    /// What it said last of its corrected time; `None` while it has none.
    pub(super) stated: Option<Corrected>,
    /// Pause until the next question.
    pause: Duration,
    due: Duration,
    outstanding: Option<(u64, Duration)>,
    unanswered: u32,
}

impl Source {
    pub(super) fn new(name: &str, now: Duration, config: &ClockConfig) -> Self {
        Self {
            name: name.to_owned(),
            filter: Filter::default(),
            stated: None,
            pause: config.poll_min(),
            due: now,
            outstanding: None,
            unanswered: 0,
        }
    }

    /// Is to be asked at once, and often from then on.
    pub(super) fn urge(&mut self, now: Duration, config: &ClockConfig) {
        self.due = now;
        self.pause = config.poll_min();
    }

    /// Whether it is to be asked now; the next time is set.
    pub(super) fn is_due(&mut self, now: Duration, hurry: bool, config: &ClockConfig) -> bool {
        if now < self.due {
            return false;
        }
        if self.outstanding.take().is_some() {
            self.unanswered = self.unanswered.saturating_add(1);
            self.pause = config.poll_min();
        }
        self.due = now + if hurry { config.poll_min() / HURRY } else { self.pause };
        true
    }

    pub(super) fn asked(&mut self, nonce: u64, now: Duration) {
        self.outstanding = Some((nonce, now));
    }

    /// When the question left that an answer is for, if it waits for one; it waits for no second one.
    pub(super) fn take_outstanding(&mut self, nonce: u64) -> Option<Duration> {
        let (expected, asked) = self.outstanding?;
        (expected == nonce).then(|| {
            self.outstanding = None;
            asked
        })
    }

    /// Takes an answer in; calm sources are asked less often.
    pub(super) fn note(&mut self, exchange: &Exchange, stated: Option<Corrected>, config: &ClockConfig) -> bool {
        let Some(sample) = Sample::of(exchange) else { return false };
        self.unanswered = 0;
        self.stated = stated.filter(|stated| stated.bound_us >= 0);
        self.pause = match self.filter.note(sample, config) {
            None => (self.pause * 2).min(config.poll_max()),
            Some(_) => config.poll_min(),
        };
        true
    }

    pub(super) fn is_silent(&self) -> bool {
        self.unanswered >= SILENT_AFTER
    }

    /// Whether it has been heard lately.
    pub(super) fn is_heard(&self, now: Duration, config: &ClockConfig) -> bool {
        let fresh = |sample: &Sample| now.saturating_sub(sample.at) <= config.poll_max() * FRESH;
        !self.is_silent() && self.filter.latest().is_some_and(fresh)
    }

    /// Where true time is, if this source's machine is in order.
    pub(super) fn machine(&self, now: Duration, config: &ClockConfig) -> Option<Interval> {
        Some(self.filter.interval(now, config)?.widened(config.machine_error_us()))
    }

    /// Where true time is, if this source has stated its corrected time rightly.
    pub(super) fn corrected(&self, now: Duration, config: &ClockConfig) -> Option<Interval> {
        let (stated, certain) = (self.stated?, self.filter.interval(now, config)?);
        Some(certain.shifted(stated.ahead_us).widened(stated.bound_us))
    }

    /// Its corrected time as an offset, in microseconds.
    pub(super) fn corrected_us(&self, now: Duration, config: &ClockConfig) -> Option<i64> {
        Some(self.filter.estimate_us(now, config)?.saturating_add(self.stated?.ahead_us))
    }
}
