//! The clock of one node: asks, hears, answers, and shows corrected time.

use std::time::Duration;

use thiserror::Error;

use super::judge::Verdict;
use super::source::Source;
use super::{
    ClockAlarm, ClockConfig, ClockReport, ClockState, Discipline, Exchange, Filter, Interval, Sample, SourceReport, Standing,
    micros, parts,
};

/// The machine's clock is read in whole milliseconds: a reading is off by half of one at most.
const READING_US: i64 = 1_000;
/// When the machine's clock has moved by so much against monotonic time, in microseconds, it was set, or the machine slept.
const JUMP_US: i64 = 1_000_000;

/// Whose clocks are compared, and how many of them decide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seats {
    /// Names of the authorities, in the order of the epoch.
    pub names: Vec<String>,
    /// Which of them this node is; `None` for one that only follows: its own machine's clock has no say.
    pub me: Option<usize>,
    /// How many must agree; more than half.
    pub quorum: usize,
}

/// A corrected time against the time of its machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Corrected {
    /// By how much it is ahead, in microseconds.
    pub ahead_us: i64,
    /// The true time is within this of it, in microseconds.
    pub bound_us: i64,
}

/// What a node says when it is asked for the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// T2: its machine's time when the question arrived, in microseconds since 1970.
    pub received_us: i64,
    /// T3: the same when the answer left.
    pub answered_us: i64,
    /// Its corrected time, once it has one.
    pub corrected: Option<Corrected>,
}

/// Why an answer was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Unasked {
    /// From a node that is none of the authorities, or from this one itself.
    #[error("it is from nobody who is asked")]
    Stranger,
    /// To a question that was not asked, was answered already, or is too old.
    #[error("no question with this number waits for an answer")]
    Number,
    /// Its times cannot be.
    #[error("its times cannot be")]
    Impossible,
}

/// Nothing is agreed on that a clock could be set to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("no quorum agrees on a time to be set to")]
pub struct NothingAgreed;

/// A reading of corrected time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// Microseconds since 1970.
    pub now_us: i64,
    /// The true time is within this of it, in microseconds.
    pub bound_us: i64,
    /// How far it can be relied on.
    pub state: ClockState,
}

/// The clock of one node. Local monotonic times that are passed in do not go back; one that does is taken for the last.
#[derive(Debug, Clone)]
pub struct ClockSync {
    pub(super) config: ClockConfig,
    pub(super) me: Option<usize>,
    pub(super) quorum: usize,
    pub(super) sources: Vec<Source>,
    /// The machine's own clock.
    pub(super) local: Filter,
    pub(super) master: Option<usize>,
    pub(super) discipline: Discipline,
    pub(super) state: ClockState,
    /// The corrected time has been set once, and is gone by from then on.
    pub(super) is_set: bool,
    /// The machine's clock has moved against monotonic time, and the others have not been asked since.
    pub(super) jumped: bool,
    /// Since when a quorum is heard that does not agree.
    pub(super) disagreeing_since: Option<Duration>,
    /// By how much true time runs faster than local monotonic time, in parts per million, as far as is known.
    pub(super) rate_ppm: Option<f64>,
    /// When the fields above were judged.
    pub(super) judged: Duration,
    pub(super) bound_us: i64,
    pub(super) verdict: Verdict,
}

impl ClockSync {
    /// A clock that shows the machine's time until something is agreed on. A quorum of one agrees at once.
    #[must_use]
    pub fn new(config: ClockConfig, seats: &Seats, now: Duration, wall_us: i64) -> Self {
        let base_us = wall_us.saturating_sub(micros(now));
        let mut clock = Self {
            me: None,
            quorum: 1,
            sources: Vec::new(),
            local: Filter::default(),
            master: None,
            discipline: Discipline::new(now, base_us, config.slew_ppm),
            state: ClockState::Unsynced,
            is_set: false,
            jumped: false,
            disagreeing_since: None,
            rate_ppm: None,
            judged: now,
            bound_us: config.machine_error_us(),
            verdict: Verdict::default(),
            config,
        };
        clock.observe(now, wall_us);
        clock.reseat(seats, now);
        clock
    }

    /// Others are the authorities now. What is known of those who stay is kept, and so is the time shown.
    pub fn reseat(&mut self, seats: &Seats, now: Duration) {
        let mut before = std::mem::take(&mut self.sources);
        for name in &seats.names {
            let known = before.iter().position(|source| source.name == *name).map(|index| before.swap_remove(index));
            self.sources.push(known.unwrap_or_else(|| Source::new(name, now, &self.config)));
        }
        if self.me.is_some() != seats.me.is_some() {
            self.sources.iter_mut().for_each(|source| source.urge(now, &self.config));
        }
        (self.me, self.quorum, self.master) = (seats.me, seats.quorum, None);
        self.disagreeing_since = None;
        self.judge(now);
    }

    /// Whose clock is followed, as long as the others agree with it; `None` follows the middle of what they agree on.
    pub fn follow(&mut self, master: Option<usize>, now: Duration) {
        if std::mem::replace(&mut self.master, master) != master {
            self.judge(now);
        }
    }

    /// Time has passed; to be called some times a second. Returns who is to be asked now, in the order of the epoch.
    pub fn tick(&mut self, now: Duration, wall_us: i64) -> Vec<usize> {
        self.observe(now, wall_us);
        self.judge(now);
        let (hurry, me, config) = (!self.is_set, self.me, self.config);
        let sources = self.sources.iter_mut().enumerate().filter(|(index, _)| Some(*index) != me);
        sources.filter_map(|(index, source)| source.is_due(now, hurry, &config).then_some(index)).collect()
    }

    /// A question with this number leaves for a source now. Only the latest few may still be answered.
    pub fn asked(&mut self, source: usize, number: u64, now: Duration) {
        if let Some(source) = self.sources.get_mut(source) {
            source.asked(number, now);
        }
    }

    /// An answer of a source arrived.
    ///
    /// # Errors
    /// [`Unasked`]: it is as if it had not arrived.
    pub fn hear(&mut self, source: usize, number: u64, answer: &Answer, heard: Duration) -> Result<(), Unasked> {
        let config = self.config;
        let is_me = self.me == Some(source);
        let source = self.sources.get_mut(source).filter(|_| !is_me).ok_or(Unasked::Stranger)?;
        let asked = source.take_outstanding(number).ok_or(Unasked::Number)?;
        let exchange = Exchange { asked, received_us: answer.received_us, answered_us: answer.answered_us, heard };
        if !source.note(&exchange, answer.corrected, &config) {
            return Err(Unasked::Impossible);
        }
        self.judge(heard);
        Ok(())
    }

    /// What to say to a node that asks for the time: which authority it is, if it is one, and when its question arrived.
    pub fn answer(&mut self, from: Option<usize>, arrived: Duration, now: Duration, wall_us: i64) -> Answer {
        self.observe(now, wall_us);
        if let Some(source) = from.and_then(|index| self.sources.get_mut(index)) {
            source.comes(now, &self.config);
        }
        let machine_us = self.machine_us(now);
        let at = |time: Duration| micros(time).saturating_add(machine_us).max(0);
        let corrected = self.is_set.then(|| Corrected {
            ahead_us: self.discipline.base_us(now).saturating_sub(machine_us),
            bound_us: self.read(now).bound_us,
        });
        Answer { received_us: at(arrived.min(now)), answered_us: at(now), corrected }
    }

    /// Corrected time.
    #[must_use]
    pub fn read(&self, now: Duration) -> Reading {
        let since = micros(now.saturating_sub(self.judged));
        let bound_us = self.bound_us.saturating_add(parts(since, self.config.drift_ppm + self.config.slew_ppm)).saturating_add(1);
        Reading { now_us: self.discipline.show_us(now), bound_us, state: self.state }
    }

    /// The operator sets the clock to what a quorum agrees on; returns by how much it was moved, in microseconds. Where that
    /// is back, the time shown stands still until it is caught up with.
    ///
    /// # Errors
    /// [`NothingAgreed`].
    pub fn step(&mut self, now: Duration) -> Result<i64, NothingAgreed> {
        self.judge(now);
        let (goal, before) = (self.verdict.goal(), self.discipline.base_us(now));
        let goal = goal.filter(|_| self.verdict.agreed.is_some()).ok_or(NothingAgreed)?;
        self.discipline.step(now, goal);
        self.is_set = true;
        self.judge(now);
        Ok(goal.saturating_sub(before))
    }

    /// How the clock is.
    #[must_use]
    pub fn report(&self, now: Duration) -> ClockReport {
        let base = self.discipline.base_us(now);
        let delay_of = |index: usize| match self.sources.get(index) {
            _ if self.me == Some(index) => Some(0),
            Some(source) => source.filter.best(now, &self.config).map(|best| best.delay_us),
            None => None,
        };
        ClockReport {
            state: self.state,
            master: self.master.and_then(|index| self.sources.get(index)).map(|source| source.name.clone()),
            offset_us: self.verdict.followed.map(|goal| goal.saturating_sub(base)),
            bound_us: self.read(now).bound_us,
            delay_us: self.master.and_then(delay_of),
            ppm: self.discipline.rate_ppm(),
            machine_us: self.machine_us(now).saturating_sub(base),
            alarms: self.verdict.alarms.clone(),
            sources: (0..self.sources.len()).map(|index| self.report_on(index, now, base)).collect(),
        }
    }

    fn report_on(&self, index: usize, now: Duration, base_us: i64) -> SourceReport {
        let (is_me, source) = (self.me == Some(index), &self.sources[index]);
        let filter = if is_me { &self.local } else { &source.filter };
        let line = filter.regression(now);
        let standing = match (self.interval_of(index, now), self.verdict.agreed) {
            (None, _) if source.is_silent() && !is_me => Standing::Silent,
            (Some(place), Some(agreed)) if !place.meets(&agreed) => Standing::Outlier,
            _ if is_me => Standing::Own,
            (Some(_), Some(_)) => Standing::Agrees,
            _ => Standing::Unknown,
        };
        SourceReport {
            name: source.name.clone(),
            standing,
            offset_us: filter.estimate_us(now, &self.config).map(|offset| offset.saturating_sub(base_us)),
            delay_us: filter.best(now, &self.config).map(|best| if is_me { 0 } else { best.delay_us }),
            ppm: line.map(|line| line.ppm),
            residual_us: line.map(|line| line.residual_us),
        }
    }

    /// What people should look after.
    #[must_use]
    pub fn alarms(&self) -> &[ClockAlarm] {
        &self.verdict.alarms
    }

    /// The machine's time minus monotonic time.
    fn machine_us(&self, now: Duration) -> i64 {
        self.local.estimate_us(now, &self.config).unwrap_or_else(|| self.discipline.base_us(now))
    }

    /// Reads the machine's clock. If it was set, or monotonic time stood still while the machine slept, nothing that was
    /// known of the others against monotonic time is sure any more.
    fn observe(&mut self, now: Duration, wall_us: i64) {
        let sample = Sample { delay_us: READING_US, ..Sample::of_local(now, wall_us) };
        let stepped = self.local.note(sample, &self.config);
        if let Some(by_us) = stepped.map(i64::saturating_abs).filter(|by_us| *by_us >= JUMP_US) {
            self.jumped = true;
            self.bound_us = self.bound_us.saturating_add(by_us);
            for source in &mut self.sources {
                source.filter.clear();
                source.urge(now, &self.config);
            }
        }
    }

    /// Where a source says that true time is, as an offset; `None` if it is not heard.
    pub(super) fn interval_of(&self, index: usize, now: Duration) -> Option<Interval> {
        if self.me == Some(index) {
            return Some(self.local.interval(now, &self.config)?.widened(self.config.machine_error_us()));
        }
        let source = self.sources.get(index).filter(|source| source.is_heard(now, &self.config))?;
        match self.me {
            Some(_) => source.machine(now, &self.config),
            None => source.corrected(now, &self.config),
        }
    }

    /// What a source shows, as an offset.
    pub(super) fn point_of(&self, index: usize, now: Duration) -> Option<i64> {
        if self.me == Some(index) {
            return self.local.estimate_us(now, &self.config);
        }
        let source = self.sources.get(index)?;
        match self.me {
            Some(_) => source.filter.estimate_us(now, &self.config),
            None => source.corrected_us(now, &self.config),
        }
    }
}
