//! Whom to believe: what a quorum agrees on, whether the master is within, and what follows for the corrected time.
//!
//! | time set? | a quorum agrees | master | then | state |
//! |---|---|---|---|---|
//! | no | yes | within | set to the master | Synced |
//! | no | yes | outside or silent | set to the middle | Holdover |
//! | no | no, for long | | set to what the others go by, or to the middle of all | Holdover |
//! | no | no, or someone may still answer | | wait | Unsynced |
//! | yes, within | yes | within | move to the master | Synced |
//! | yes, within | yes | outside or silent | stay together | Holdover |
//! | yes, outside | yes | | move to the master, or to the middle | Faulty |
//! | yes | no | | stay together, or run on alone | Holdover |
//!
//! To *stay together* is to run on at the rate that is known, and towards the middle of the corrected times of a quorum
//! without as many on either side as may lie (Welch and Lynch): holdover of one is holdover of all, at the same time of day.
//!
//! Where the machine itself was found to have slept, or its clock to have been set, a time that is behind what a quorum
//! agrees on is stepped forward, as if the node had started anew: forward it breaks no promise.

use std::time::Duration;

use super::source::Source;
use super::sync::ClockSync;
use super::{ClockAlarm, ClockState, Interval, covered_by, micros, midpoint, parts};

/// A clock at the edge of what is agreed on is not called faulty for a breath: only this part of what a machine may be
/// wrong by beyond it.
const EDGE: i64 = 4;

/// What was found out at the last look.
#[derive(Debug, Clone, Default)]
pub(super) struct Verdict {
    /// What a quorum agrees on.
    pub(super) agreed: Option<Interval>,
    /// Where true time is, if no more clocks are wrong than can be borne.
    certain: Option<Interval>,
    /// The offset that is followed: the master's, or the middle if there is no master.
    pub(super) followed: Option<i64>,
    pub(super) alarms: Vec<ClockAlarm>,
}

impl Verdict {
    /// Where to go if one is elsewhere.
    pub(super) fn goal(&self) -> Option<i64> {
        self.followed.or_else(|| Some(self.agreed?.middle()))
    }
}

impl ClockSync {
    /// How many clocks may be wrong.
    const fn faults(&self) -> usize {
        self.sources.len().saturating_sub(self.quorum)
    }

    /// So many that a middle among them is a right one's or between two right ones'.
    fn enough(&self) -> usize {
        self.quorum.max(2 * self.faults() + 1)
    }

    /// Looks at all that is known, and steers.
    pub(super) fn judge(&mut self, now: Duration) {
        let now = now.max(self.judged);
        let before = (self.judged, self.discipline.base_us(self.judged), self.discipline.rate_ppm());
        let heard: Vec<Interval> = (0..self.sources.len()).filter_map(|index| self.interval_of(index, now)).collect();
        self.verdict = self.look(now, &heard);
        self.rate_ppm = self.common_rate(now).or(self.rate_ppm);
        if self.is_set {
            self.steer(now);
        } else {
            self.begin(now, &heard);
        }
        self.state_bound(now, before, &heard);
        self.judged = now;
    }

    fn look(&mut self, now: Duration, heard: &[Interval]) -> Verdict {
        let agreed = covered_by(self.quorum, heard);
        let mut verdict = Verdict { agreed, ..Verdict::default() };
        let Some(agreed) = agreed else {
            let is_quorum = heard.len() >= self.quorum;
            self.disagreeing_since = if is_quorum { self.disagreeing_since.or(Some(now)) } else { None };
            let spread = covered_by(1, heard).map_or(0, |all| all.high.saturating_sub(all.low));
            verdict.alarms.push(match is_quorum {
                true => ClockAlarm::Disagreement { spread_us: spread },
                false => ClockAlarm::NoQuorum { heard: heard.len(), needed: self.quorum },
            });
            return verdict;
        };
        self.disagreeing_since = None;
        verdict.certain = covered_by(heard.len().saturating_sub(self.faults()).max(1), heard);
        let Some(master) = self.master.filter(|index| *index < self.sources.len()) else {
            verdict.followed = Some(agreed.middle());
            return verdict;
        };
        let name = || self.sources[master].name.clone();
        match self.interval_of(master, now).and(self.point_of(master, now)) {
            Some(shown) if agreed.contains(shown) => verdict.followed = Some(shown),
            Some(shown) => {
                verdict.alarms.push(ClockAlarm::MasterOutlier { name: name(), off_us: shown.saturating_sub(agreed.middle()) });
            }
            None => verdict.alarms.push(ClockAlarm::MasterSilent { name: name() }),
        }
        verdict
    }

    /// Whether somebody has been asked who may still answer: what the first to answer agree on may not be what all do.
    fn is_waiting(&self, now: Duration) -> bool {
        let asked = |(index, source): (usize, &Source)| {
            Some(index) != self.me && !source.is_silent() && !source.is_heard(now, &self.config)
        };
        self.sources.iter().enumerate().any(asked)
    }

    /// Nobody has gone by this clock yet: it may be set to anything.
    fn begin(&mut self, now: Duration, heard: &[Interval]) {
        let verdict = &self.verdict;
        let founding = self.disagreeing_since.is_some_and(|since| now.saturating_sub(since) >= self.config.founding());
        let set_to = match verdict.goal() {
            _ if self.is_waiting(now) => None,
            Some(goal) => Some(goal),
            None if founding => self.gone_by(now).or_else(|| self.middle(now)),
            None => None,
        };
        let local = || self.local.estimate_us(now, &self.config);
        let Some(base_us) = set_to else {
            if let Some(base_us) = local() {
                self.discipline.set(now, base_us);
            }
            self.state = ClockState::Unsynced;
            return;
        };
        self.discipline.set(now, base_us);
        self.bound_us = covered_by(1, heard).map_or(self.config.machine_error_us(), |all| all.farthest_from(base_us));
        (self.is_set, self.jumped) = (true, false);
        self.state = if self.verdict.followed.is_some() { ClockState::Synced } else { ClockState::Holdover };
    }

    /// This clock is gone by: it is moved slowly, and never back.
    fn steer(&mut self, now: Duration) {
        let rate = self.rate_ppm.unwrap_or(0.0);
        let base_us = self.discipline.base_us(now);
        if let Some((agreed, goal)) = self.verdict.agreed.zip(self.verdict.goal()) {
            if !agreed.contains(base_us) && self.jumped && base_us < agreed.low {
                self.discipline.step(now, goal);
            }
            self.jumped = false;
            let base_us = self.discipline.base_us(now);
            if !agreed.widened(self.config.machine_error_us() / EDGE).contains(base_us) {
                let ahead_us = base_us.saturating_sub(agreed.middle());
                self.verdict.alarms.push(ClockAlarm::FarOff { ahead_us });
                self.state = ClockState::Faulty;
                return self.discipline.steer(now, goal, rate);
            }
            if let Some(followed) = self.verdict.followed {
                self.state = ClockState::Synced;
                return self.discipline.steer(now, followed, rate);
            }
        }
        self.state = ClockState::Holdover;
        let within = self.verdict.agreed.unwrap_or(Interval { low: i64::MIN, high: i64::MAX });
        match self.together(now).map(|middle| middle.clamp(within.low, within.high)) {
            Some(middle) => self.discipline.steer(now, middle, rate),
            None => self.discipline.hold(now, rate),
        }
    }

    /// The corrected times of the others that are heard.
    fn others(&self, now: Duration) -> Vec<i64> {
        let is_heard = |source: &&Source| source.is_heard(now, &self.config);
        let others = self.sources.iter().enumerate().filter(|(index, _)| Some(*index) != self.me).map(|(_, source)| source);
        others.filter(is_heard).filter_map(|source| source.corrected_us(now, &self.config)).collect()
    }

    /// The middle of the corrected times of all that are heard, this authority's own among them.
    fn together(&self, now: Duration) -> Option<i64> {
        let mut shown = self.others(now);
        if self.me.is_some() {
            shown.push(self.discipline.base_us(now));
        }
        if shown.len() < self.enough() { None } else { midpoint(self.faults(), &shown) }
    }

    /// What the others go by although their machines disagree: one of them more than may lie says so.
    fn gone_by(&self, now: Duration) -> Option<i64> {
        let within = self.config.machine_error_us();
        let shown: Vec<Interval> = self.others(now).into_iter().map(|shown| Interval::around(shown, within)).collect();
        covered_by(self.faults() + 1, &shown).map(|agreed| agreed.middle())
    }

    /// The middle of what all the machines show.
    fn middle(&self, now: Duration) -> Option<i64> {
        let is_heard = |index: &usize| self.interval_of(*index, now).is_some();
        let shown: Vec<i64> = (0..self.sources.len()).filter(is_heard).filter_map(|index| self.point_of(index, now)).collect();
        midpoint(self.faults(), &shown)
    }

    /// The rate of true time against local monotonic time in parts per million, as a quorum of clocks has it in the middle.
    fn common_rate(&self, now: Duration) -> Option<f64> {
        let rate_of = |index: usize| {
            let filter = if self.me == Some(index) { &self.local } else { &self.sources.get(index)?.filter };
            let ppm = filter.regression(now)?.reliable_ppm(&self.config)?;
            self.interval_of(index, now).map(|_| (ppm * 1_000.0).round() as i64)
        };
        let rates: Vec<i64> = (0..self.sources.len()).filter_map(rate_of).collect();
        if rates.len() < self.enough() {
            return None;
        }
        let most = f64::from(self.config.drift_ppm);
        midpoint(self.faults(), &rates).map(|ppb| (ppb as f64 / 1_000.0).clamp(-most, most))
    }

    /// What is certain bounds the error; without it the error grows.
    fn state_bound(&mut self, now: Duration, (then, base_then, rate_then): (Duration, i64, f64), heard: &[Interval]) {
        let base_us = self.discipline.base_us(now);
        if let Some(certain) = self.verdict.certain {
            self.bound_us = certain.farthest_from(base_us);
        } else if !self.is_set {
            let all = covered_by(1, heard).map_or(0, |all| all.farthest_from(base_us));
            self.bound_us = all.max(self.config.machine_error_us());
        } else {
            let passed = micros(now - then);
            let expected = base_then.saturating_add((passed as f64 * rate_then / 1_000_000.0).round() as i64);
            let moved = base_us.saturating_sub(expected).saturating_abs();
            let ppm = if self.rate_ppm.is_some() { self.config.holdover_ppm } else { self.config.drift_ppm };
            // Rounded up: many small growths are not to be lost.
            self.bound_us = self.bound_us.saturating_add(moved).saturating_add(parts(passed, ppm) + i64::from(passed > 0));
        }
    }
}
