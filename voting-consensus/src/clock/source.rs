//! One authority as a source of time: when it is asked, and what it said.

use std::collections::VecDeque;
use std::time::Duration;

use super::sync::Corrected;
use super::{ClockConfig, Exchange, Filter, Interval, Sample};

/// Questions without an answer after which a source is silent.
const SILENT_AFTER: u32 = 3;
/// A sample counts for so many of the longest pauses between questions.
const FRESH: u32 = 4;
/// While nothing is agreed on, questions come so many times as often.
const HURRY: u32 = 4;
/// Questions that may wait for an answer: where the way is long, the next one is asked before.
const OUTSTANDING: usize = 4;

#[derive(Debug, Clone)]
pub(super) struct Source {
    pub(super) name: String,
    pub(super) filter: Filter,
    /// What it said last of its corrected time; `None` while it has none.
    pub(super) stated: Option<Corrected>,
    /// Pause until the next question.
    pause: Duration,
    due: Duration,
    /// Questions that may still be answered, with the times when they left; the latest last.
    outstanding: VecDeque<(u64, Duration)>,
    /// It has asked us before it has answered for the first time.
    has_come: bool,
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
            outstanding: VecDeque::with_capacity(OUTSTANDING),
            has_come: false,
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
        if !self.outstanding.is_empty() {
            self.unanswered = self.unanswered.saturating_add(1);
            self.pause = config.poll_min();
        }
        self.due = now + if hurry { config.poll_min() / HURRY } else { self.pause };
        true
    }

    pub(super) fn asked(&mut self, nonce: u64, now: Duration) {
        if self.outstanding.len() == OUTSTANDING {
            self.outstanding.pop_front();
        }
        self.outstanding.push_back((nonce, now));
    }

    /// When the question left that an answer is for, if one waits for it. Neither that one nor an earlier one waits any more.
    pub(super) fn take_outstanding(&mut self, nonce: u64) -> Option<Duration> {
        let at = self.outstanding.iter().position(|(expected, _)| *expected == nonce)?;
        self.outstanding.drain(..=at).next_back().map(|(_, asked)| asked)
    }

    /// It asks for the time, so it is there: if it has not answered yet, the next question need not wait. Once only, or two
    /// who meet would urge each other on without end.
    pub(super) fn comes(&mut self, now: Duration, config: &ClockConfig) {
        if self.filter.latest().is_none() && !std::mem::replace(&mut self.has_come, true) {
            self.urge(now, config);
        }
    }

    /// Takes an answer in; calm sources are asked less often.
    pub(super) fn note(&mut self, exchange: &Exchange, stated: Option<Corrected>, config: &ClockConfig) -> bool {
        let Some(sample) = Sample::of(exchange) else { return false };
        (self.unanswered, self.has_come) = (0, false);
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

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn answer(source: &mut Source, number: u64, heard: Duration) -> bool {
        let Some(asked) = source.take_outstanding(number) else { return false };
        let shown = super::super::micros(heard);
        source.note(&Exchange { asked, received_us: shown, answered_us: shown, heard }, None, &ClockConfig::default())
    }

    #[test]
    fn an_answer_counts_once_for_a_question_that_waits() {
        let mut source = Source::new("a", at(0), &ClockConfig::default());
        source.asked(1, at(0));
        assert!(!answer(&mut source, 7, at(1)), "nobody asked");
        assert!(answer(&mut source, 1, at(1)));
        assert!(!answer(&mut source, 1, at(2)), "a second time");
        (10..16).for_each(|number| source.asked(number, at(number)));
        assert!(!answer(&mut source, 11, at(20)), "too old: four wait");
        assert!(answer(&mut source, 14, at(20)));
        assert!(!answer(&mut source, 13, at(21)), "older than one that was answered");
        assert!(answer(&mut source, 15, at(21)));
    }

    #[test]
    fn calm_sources_are_asked_less_often_and_lost_ones_are_silent() {
        let config = ClockConfig::default();
        let mut source = Source::new("a", at(0), &config);
        let mut asked_at = Vec::new();
        for ms in (0..120_000).step_by(250) {
            if source.is_due(at(ms), false, &config) {
                asked_at.push(ms);
                source.asked(ms, at(ms));
                assert!(answer(&mut source, ms, at(ms)));
            }
        }
        assert_eq!(asked_at, [0, 1_000, 3_000, 7_000, 15_000, 31_000, 47_000, 63_000, 79_000, 95_000, 111_000]);
        assert!(source.is_heard(at(120_000), &config));
        for (number, ms) in [127_000, 143_000, 144_000, 145_000].into_iter().enumerate() {
            assert!(!source.is_silent());
            assert!(source.is_due(at(ms), false, &config), "{ms}");
            source.asked(number as u64, at(ms));
        }
        assert!(source.is_silent() && !source.is_heard(at(145_000), &config));
        source.comes(at(145_100), &config);
        assert!(!source.is_due(at(145_100), false, &config), "it has answered before");
    }

    #[test]
    fn one_who_asks_first_is_asked_at_once_and_once() {
        let config = ClockConfig::default();
        let mut source = Source::new("a", at(0), &config);
        assert!(source.is_due(at(0), true, &config));
        source.asked(1, at(0));
        source.comes(at(10), &config);
        assert!(source.is_due(at(10), true, &config));
        source.asked(2, at(10));
        source.comes(at(11), &config);
        assert!(!source.is_due(at(11), true, &config));
    }
}
