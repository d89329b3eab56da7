//! Machines with clocks of all kinds, and a network between them: real [`ClockSync`]s in simulated time, from one seed.

use std::collections::{BTreeMap, BTreeSet};
use std::mem::discriminant;
use std::time::Duration;

use voting_consensus::clock::{Answer, ClockAlarm, ClockConfig, ClockReport, ClockState, ClockSync, Corrected, Seats};

/// True time in microseconds since 1970, when a run begins.
const BEGIN_US: i64 = 1_800_000_000_000_000;
const TICK_US: i64 = 250_000;
pub(crate) const SECOND: i64 = 1_000_000;
pub(crate) const MINUTE: i64 = 60 * SECOND;
pub(crate) const HOUR: i64 = 60 * MINUTE;

/// SplitMix64.
#[derive(Debug, Clone)]
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Both ends included.
    pub(crate) fn within(&mut self, low: i64, high: i64) -> i64 {
        low + (self.next() % (high - low + 1) as u64) as i64
    }
}

/// A machine: how its monotonic time runs, and how its clock is wrong. All times are microseconds since the run began.
#[derive(Debug, Clone, Default)]
pub(crate) struct Machine {
    /// Its monotonic time runs so much faster than true time.
    pub(crate) ppm: i64,
    /// Its rate swings besides, by so many ppm at most…
    pub(crate) swing_ppm: f64,
    /// …in this period.
    pub(crate) period: i64,
    /// Its clock is ahead by so much,
    pub(crate) offset: i64,
    /// and a reading of it is off by up to so much.
    pub(crate) noise: i64,
    /// Its clock is set by so much at these times.
    pub(crate) steps: Vec<(i64, i64)>,
    /// Its monotonic time stands still, as in a machine that sleeps, from a time on for so long.
    pub(crate) sleeps: Option<(i64, i64)>,
}

impl Machine {
    fn monotonic_us(&self, t: i64) -> i64 {
        let t = match self.sleeps {
            Some((from, long)) if t > from => (t - long).max(from),
            _ => t,
        };
        let swing = if self.period == 0 {
            0.0
        } else {
            let turn = std::f64::consts::TAU / self.period as f64;
            self.swing_ppm / 1_000_000.0 / turn * (turn * t as f64).sin()
        };
        3_000_000 + t + t * self.ppm / 1_000_000 + swing as i64
    }

    fn monotonic(&self, t: i64) -> Duration {
        Duration::from_micros(self.monotonic_us(t) as u64)
    }

    fn wall_us(&self, t: i64, chance: &mut Chance) -> i64 {
        let set: i64 = self.steps.iter().filter(|(at, _)| *at <= t).map(|(_, by)| by).sum();
        BEGIN_US + t + self.offset + set + chance.within(-self.noise, self.noise)
    }
}

/// What an authority that lies says of its clock.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Lie {
    /// That it is elsewhere by so much.
    By(i64),
    /// That it is further away every second, in ppm.
    Drifting(i64),
    /// This to one, that to the other.
    TwoFaced(i64),
    /// Anything.
    Anything,
}

/// How long messages take, and how many are lost.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ways {
    /// To an authority of a higher number.
    pub(crate) up: (i64, i64),
    /// To one of a lower number.
    pub(crate) down: (i64, i64),
    pub(crate) lost_per_mille: i64,
}

pub(crate) const CALM: Ways = Ways { up: (1_000, 3_000), down: (1_000, 3_000), lost_per_mille: 0 };

pub(crate) struct Node {
    pub(crate) machine: Machine,
    pub(crate) sync: ClockSync,
    pub(crate) lie: Option<Lie>,
    /// What was shown last: true time, monotonic time, time shown.
    shown: Option<(i64, i64, i64)>,
    pub(crate) states: BTreeSet<&'static str>,
    /// Kinds of alarms with the last of each.
    pub(crate) alarms: Vec<ClockAlarm>,
    /// How far its corrected time was from the truth at most while it was relied on.
    pub(crate) worst_us: i64,
    /// Forward steps while it was relied on.
    pub(crate) stepped: u32,
}

enum Event {
    Tick(usize),
    Question { from: usize, to: usize, number: u64 },
    Reply { from: usize, to: usize, number: u64, answer: Answer },
}

pub(crate) struct World {
    pub(crate) nodes: Vec<Node>,
    pub(crate) ways: Ways,
    /// Who hears nobody and is heard by nobody.
    pub(crate) cut: BTreeSet<usize>,
    pub(crate) now: i64,
    pub(crate) lost: u32,
    pub(crate) answers: u32,
    /// How far two right clocks were apart at most since [`World::measure`].
    pub(crate) apart_us: i64,
    chance: Chance,
    events: BTreeMap<(i64, u64), Event>,
    sequence: u64,
    number: u64,
    config: ClockConfig,
}

fn seats(n: usize, me: usize, quorum: usize) -> Seats {
    Seats { names: (0..n).map(|index| format!("a{index}")).collect(), me: Some(me), quorum }
}

impl World {
    pub(crate) fn new(seed: u64, machines: Vec<Machine>, quorum: usize, config: ClockConfig) -> Self {
        let (n, mut chance) = (machines.len(), Chance(seed));
        let start = |(me, machine): (usize, Machine)| {
            let wall = machine.wall_us(0, &mut chance);
            let sync = ClockSync::new(config, &seats(n, me, quorum), machine.monotonic(0), wall);
            Node { machine, sync, lie: None, shown: None, states: BTreeSet::new(), alarms: Vec::new(), worst_us: 0, stepped: 0 }
        };
        let nodes = machines.into_iter().enumerate().map(start).collect();
        let mut world = Self {
            nodes,
            ways: CALM,
            cut: BTreeSet::new(),
            now: 0,
            lost: 0,
            answers: 0,
            apart_us: 0,
            chance: Chance(seed ^ 0x5EED),
            events: BTreeMap::new(),
            sequence: 0,
            number: 0,
            config,
        };
        for index in 0..n {
            let phase = world.chance.within(0, TICK_US);
            world.at(phase, Event::Tick(index));
        }
        world
    }

    fn at(&mut self, time: i64, event: Event) {
        self.sequence += 1;
        self.events.insert((time, self.sequence), event);
    }

    /// Takes a node's clock for another's: an authority that starts anew, with a machine of its own.
    pub(crate) fn restart(&mut self, index: usize, machine: Machine, quorum: usize) {
        let wall = machine.wall_us(self.now, &mut self.chance);
        let sync = ClockSync::new(self.config, &seats(self.nodes.len(), index, quorum), machine.monotonic(self.now), wall);
        let node = &mut self.nodes[index];
        (node.machine, node.sync, node.shown) = (machine, sync, None);
    }

    pub(crate) fn follow(&mut self, master: Option<usize>) {
        let now = self.now;
        for node in &mut self.nodes {
            node.sync.follow(master, node.machine.monotonic(now));
        }
    }

    pub(crate) fn report(&self, index: usize) -> ClockReport {
        let node = &self.nodes[index];
        node.sync.report(node.machine.monotonic(self.now))
    }

    /// The corrected time of a node against true time.
    pub(crate) fn error_us(&self, index: usize) -> i64 {
        let node = &self.nodes[index];
        node.sync.read(node.machine.monotonic(self.now)).now_us - BEGIN_US - self.now
    }

    pub(crate) fn state(&self, index: usize) -> ClockState {
        let node = &self.nodes[index];
        node.sync.read(node.machine.monotonic(self.now)).state
    }

    pub(crate) fn honest(&self) -> Vec<usize> {
        (0..self.nodes.len()).filter(|index| self.nodes[*index].lie.is_none()).collect()
    }

    /// Judges apartness, errors and states anew from here on.
    pub(crate) fn measure(&mut self) {
        self.apart_us = 0;
        for node in &mut self.nodes {
            (node.worst_us, node.stepped) = (0, 0);
            node.states.clear();
            node.alarms.clear();
        }
    }

    pub(crate) fn run(&mut self, long: i64) {
        let until = self.now + long;
        while let Some(((time, _), _)) = self.events.first_key_value()
            && *time <= until
        {
            let Some(((time, _), event)) = self.events.pop_first() else { break };
            self.now = time;
            match event {
                Event::Tick(index) => self.tick(index),
                Event::Question { from, to, number } => self.question(from, to, number),
                Event::Reply { from, to, number, answer } => {
                    let node = &mut self.nodes[to];
                    if node.sync.hear(from, number, &answer, node.machine.monotonic(time)).is_ok() {
                        self.answers += 1;
                    }
                }
            }
        }
        self.now = until;
    }

    fn tick(&mut self, index: usize) {
        let now = self.now;
        self.at(now + TICK_US, Event::Tick(index));
        let node = &mut self.nodes[index];
        let (monotonic, wall) = (node.machine.monotonic(now), node.machine.wall_us(now, &mut self.chance));
        let due = node.sync.tick(monotonic, wall);
        self.check(index);
        for to in due {
            self.number += 1;
            let number = self.number;
            self.nodes[index].sync.asked(to, number, monotonic);
            if let Some(arrives) = self.way(index, to) {
                self.at(arrives, Event::Question { from: index, to, number });
            }
        }
    }

    /// When a message arrives, if it does.
    fn way(&mut self, from: usize, to: usize) -> Option<i64> {
        let (low, high) = if from < to { self.ways.up } else { self.ways.down };
        let takes = self.chance.within(low, high);
        let is_lost = self.chance.within(0, 999) < self.ways.lost_per_mille || self.cut.contains(&from) || self.cut.contains(&to);
        self.lost += u32::from(is_lost);
        (!is_lost).then_some(self.now + takes)
    }

    fn question(&mut self, from: usize, to: usize, number: u64) {
        let now = self.now;
        let node = &mut self.nodes[to];
        let wall = node.machine.wall_us(now, &mut self.chance);
        let (arrived, leaves) = (node.machine.monotonic(now), node.machine.monotonic(now + 60));
        let mut answer = node.sync.answer(Some(from), arrived, leaves, wall);
        let lie = match node.lie {
            None => 0,
            Some(Lie::By(by)) => by,
            Some(Lie::Drifting(ppm)) => now / 1_000_000 * ppm,
            Some(Lie::TwoFaced(by)) => {
                if from.is_multiple_of(2) {
                    by
                } else {
                    -by
                }
            }
            Some(Lie::Anything) => {
                let any = |chance: &mut Chance| chance.next() as i64 >> chance.within(0, 40);
                answer.corrected = Some(Corrected { ahead_us: any(&mut self.chance), bound_us: any(&mut self.chance) });
                any(&mut self.chance)
            }
        };
        answer.received_us = answer.received_us.saturating_add(lie);
        answer.answered_us = answer.answered_us.saturating_add(lie);
        if let Some(arrives) = self.way(to, from) {
            self.at(arrives, Event::Reply { from: to, to: from, number, answer });
        }
    }

    /// The rules, for everyone who does not lie: true time lies within the bound, time never goes back, and it is moved no
    /// faster than allowed.
    fn check(&mut self, index: usize) {
        let now = self.now;
        let node = &mut self.nodes[index];
        let monotonic_us = node.machine.monotonic_us(now);
        let reading = node.sync.read(node.machine.monotonic(now));
        let error = reading.now_us - BEGIN_US - now;
        node.states.insert(reading.state.name());
        for alarm in node.sync.alarms() {
            node.alarms.retain(|known| discriminant(known) != discriminant(alarm));
            node.alarms.push(alarm.clone());
        }
        if reading.state == ClockState::Unsynced || node.lie.is_some() {
            return;
        }
        assert!(
            error.abs() <= reading.bound_us,
            "a{index} is off by {error} µs after {now} µs, and states {} µs: {:#?}",
            reading.bound_us,
            node.sync.report(node.machine.monotonic(now))
        );
        node.worst_us = node.worst_us.max(error.abs());
        if let Some((_, monotonic_before, shown_before)) = node.shown {
            let (passed, shown) = (monotonic_us - monotonic_before, reading.now_us - shown_before);
            assert!(shown >= 0, "a{index} goes back by {shown} µs after {now} µs");
            let moved = shown - passed;
            if moved > SECOND {
                node.stepped += 1;
            } else {
                let limit = passed * i64::from(self.config.slew_ppm) / 1_000_000 + 3;
                assert!(moved.abs() <= limit, "a{index} is moved by {moved} µs in {passed} µs after {now} µs");
            }
        }
        node.shown = Some((now, monotonic_us, reading.now_us));
        self.compare(index);
    }

    fn compare(&mut self, index: usize) {
        let relied = |at: &usize| *at != index && self.state(*at) != ClockState::Unsynced && !self.cut.contains(at);
        if self.cut.contains(&index) {
            return;
        }
        let mine = self.error_us(index);
        let apart = self.honest().into_iter().filter(relied).map(|at| (self.error_us(at) - mine).abs()).max();
        self.apart_us = self.apart_us.max(apart.unwrap_or(0));
    }
}

impl World {
    /// Time passes for all but one, whose processor stands still: it does not tick.
    pub(crate) fn sleep(&mut self, index: usize, long: i64) {
        let asleep: Vec<_> = self.events.extract_if(.., |_, event| matches!(event, Event::Tick(at) if *at == index)).collect();
        self.run(long);
        for (_, event) in asleep {
            self.at(self.now, event);
        }
    }

    /// The operator steps a clock; by how much it moved.
    pub(crate) fn step(&mut self, index: usize) -> Option<i64> {
        let node = &mut self.nodes[index];
        node.sync.step(node.machine.monotonic(self.now)).ok()
    }
}
