//! When silence means failure. Plain data and arithmetic: time is given, nothing is awaited.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Time between two heartbeats.
pub const HEARTBEAT_EVERY: Duration = Duration::from_millis(250);
/// Silence after which a member is suspected: five heartbeats.
pub const SUSPECT_AFTER: Duration = Duration::from_millis(1_400);
/// Silence after which a member is taken for down.
pub const DOWN_AFTER: Duration = Duration::from_millis(2_900);
/// How often members are judged; the bounds above leave room for one.
pub(super) const TICK: Duration = Duration::from_millis(100);

/// Whether a member is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// Never heard of, and not waited for long enough to say more.
    Unknown,
    /// Heard of lately.
    Alive,
    /// Silent for longer than usual.
    Suspect,
    /// Silent for long.
    Down,
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "unknown",
            Self::Alive => "alive",
            Self::Suspect => "suspect",
            Self::Down => "down",
        })
    }
}

/// A member's health has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// Which member.
    pub member: usize,
    /// Its health before.
    pub from: Health,
    /// Its health now.
    pub to: Health,
}

/// Judges members by the times of their heartbeats.
///
/// A detector that stood still itself (a busy machine, a suspended process) has heard nobody, and
/// that is nobody's fault: the time by which its own ticks come late counts for none of the members.
#[derive(Debug, Clone)]
pub struct Detector {
    last_tick: Duration,
    members: Vec<Heard>,
}

#[derive(Debug, Clone, Copy)]
struct Heard {
    /// Since when it is silent.
    since: Duration,
    health: Health,
}

impl Detector {
    /// Members of whom nothing is known at a time.
    #[must_use]
    pub fn new(members: usize, now: Duration) -> Self {
        Self { last_tick: now, members: vec![Heard { since: now, health: Health::Unknown }; members] }
    }

    /// A heartbeat of a member was heard.
    pub fn heard(&mut self, member: usize, now: Duration) {
        if let Some(member) = self.members.get_mut(member) {
            *member = Heard { since: member.since.max(now), health: Health::Alive };
        }
    }

    /// The last judgement on a member.
    #[must_use]
    pub fn health(&self, member: usize) -> Health {
        self.members.get(member).map_or(Health::Unknown, |member| member.health)
    }

    /// Judges all members; to be called every 100 ms. Returns whose health has changed.
    pub fn tick(&mut self, now: Duration) -> Vec<Change> {
        let late = now.saturating_sub(self.last_tick).saturating_sub(2 * TICK);
        self.last_tick = self.last_tick.max(now);
        let mut changes = Vec::new();
        for (index, member) in self.members.iter_mut().enumerate() {
            member.since = (member.since + late).min(now.max(member.since));
            let silent = now.saturating_sub(member.since);
            let to = match member.health {
                _ if silent >= DOWN_AFTER => Health::Down,
                Health::Unknown => Health::Unknown,
                _ if silent >= SUSPECT_AFTER => Health::Suspect,
                Health::Suspect | Health::Down | Health::Alive => Health::Alive,
            };
            // Only a heartbeat makes a member alive again.
            let to = if to == Health::Alive { member.health } else { to };
            if to != member.health {
                changes.push(Change { member: index, from: member.health, to });
                member.health = to;
            }
        }
        changes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const START: Duration = Duration::from_secs(100);

    /// Ticks on time until `until`, with heartbeats of member 0 at the given times.
    fn run(
        detector: &mut Detector,
        from: Duration,
        until: Duration,
        heartbeats: impl Fn(Duration) -> bool,
    ) -> Vec<(Duration, Change)> {
        let (mut now, mut changes) = (from, Vec::new());
        while now <= until {
            if heartbeats(now) {
                detector.heard(0, now);
            }
            changes.extend(detector.tick(now).into_iter().map(|change| (now, change)));
            now += TICK;
        }
        changes
    }

    #[test]
    fn silence_is_suspected_and_then_taken_for_failure_within_its_bounds() {
        let mut detector = Detector::new(1, START);
        detector.heard(0, START);
        let died = START + Duration::from_secs(10);
        let changes = run(&mut detector, START, START + Duration::from_secs(20), |now| now <= died);
        assert_eq!(changes.iter().map(|(_, change)| change.to).collect::<Vec<_>>(), [Health::Suspect, Health::Down]);
        assert!(changes[0].0 - died <= Duration::from_millis(1_500), "{changes:?}");
        assert!(changes[1].0 - died <= Duration::from_secs(3), "{changes:?}");
        detector.heard(0, START + Duration::from_secs(21));
        assert_eq!(detector.health(0), Health::Alive, "a heartbeat is enough");
    }

    #[test]
    fn a_member_never_heard_of_is_down_after_a_while_and_not_suspected() {
        let mut detector = Detector::new(2, START);
        let changes = run(&mut detector, START, START + Duration::from_secs(5), |_| true);
        assert_eq!(changes.len(), 1);
        assert_eq!(changes[0].1, Change { member: 1, from: Health::Unknown, to: Health::Down });
    }

    #[test]
    fn standing_still_is_held_against_nobody() {
        let mut detector = Detector::new(1, START);
        detector.heard(0, START);
        assert_eq!(detector.tick(START + TICK), []);
        let woken = START + TICK + Duration::from_secs(60);
        assert_eq!(detector.tick(woken), [], "it is we who slept");
        let changes = run(&mut detector, woken + TICK, woken + Duration::from_secs(5), |_| false);
        assert_eq!(changes.len(), 2, "silence from then on counts");
    }

    proptest! {
        /// Ticks up to 5 s late and heartbeats up to 1 s late never make a living member suspect.
        #[test]
        fn a_busy_machine_raises_no_alarm(delays in proptest::collection::vec((0u64..5_000, 0u64..1_000), 1..200)) {
            let mut detector = Detector::new(1, START);
            detector.heard(0, START);
            let mut now = START;
            for (tick_late, heartbeat_late) in delays {
                now += HEARTBEAT_EVERY + Duration::from_millis(heartbeat_late);
                prop_assert_eq!(detector.tick(now), []);
                detector.heard(0, now);
                now += TICK + Duration::from_millis(tick_late);
                prop_assert_eq!(detector.tick(now), []);
                detector.heard(0, now); // what had piled up
            }
        }

        /// Whatever the times, health follows from silence, and time going back does no harm.
        #[test]
        fn judgements_agree_with_the_bounds(times in proptest::collection::vec((any::<bool>(), 0u64..20_000), 1..200)) {
            let mut detector = Detector::new(1, START);
            for (is_heartbeat, at) in times {
                let now = START + Duration::from_millis(at);
                if is_heartbeat {
                    detector.heard(0, now);
                    prop_assert_eq!(detector.health(0), Health::Alive);
                } else {
                    for change in detector.tick(now) {
                        prop_assert_ne!(change.from, change.to);
                        prop_assert_ne!(change.to, Health::Alive);
                    }
                }
            }
        }
    }
}
