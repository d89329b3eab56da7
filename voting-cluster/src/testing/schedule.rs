//! What fails, and when: drawn from a seed, so that a failure can be shown again.
//!
//! Moments are shares of progress, not times: what "half of the ballots" is, the test knows. A fast machine and a
//! slow one then see the same faults at the same places of the work, though not at the same instruction.

use std::fmt;
use std::time::Duration;

use voting_core::seams::Clock as _;
use voting_core::testing::Numbers;

use crate::clock::SystemClock;

/// Slots of a Redis Cluster.
const SLOTS: u64 = 16_384;
/// Parts of the whole: moments are drawn this finely.
const MILLION: u32 = 1_000_000;
/// A fault comes up to this long after its share of progress is reached: what is counted arrives in bursts, and faults
/// must not all fall right behind one.
const LATER_MAX: Duration = Duration::from_millis(120);

/// A kind of fault; who is hit is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// An authority is killed and started again.
    KillAuthority,
    /// An authority stands still for a while.
    PauseAuthority,
    /// A gateway is killed and started again.
    KillGateway,
    /// A master of Redis is killed; a replica takes its place.
    KillMaster,
    /// A master of Redis stands still until a replica has taken its place.
    PauseMaster,
    /// A master of Redis no longer hears the other servers, while clients still reach it.
    CutOffMaster,
    /// A replica of Redis is killed.
    KillReplica,
    /// Redis forgets everything.
    Flush,
    /// A slot moves to another master.
    MoveSlot,
    /// Every process is killed at once, as a loss of power would.
    KillEverything,
}

/// A fault with its target. Servers of Redis are named by their place among those of their role at that moment, since
/// roles change; whoever inflicts the fault takes the place modulo their number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// An authority is killed and started again.
    KillAuthority {
        /// Its place in the epoch.
        authority: usize,
    },
    /// An authority stands still for a while.
    PauseAuthority {
        /// Its place in the epoch.
        authority: usize,
    },
    /// A gateway is killed and started again.
    KillGateway {
        /// Its number.
        gateway: usize,
    },
    /// A master of Redis is killed.
    KillMaster {
        /// Its place among the masters.
        master: usize,
    },
    /// A master of Redis stands still.
    PauseMaster {
        /// Its place among the masters.
        master: usize,
    },
    /// A master of Redis no longer hears the other servers.
    CutOffMaster {
        /// Its place among the masters.
        master: usize,
    },
    /// A replica of Redis is killed.
    KillReplica {
        /// Its place among the replicas.
        replica: usize,
    },
    /// Redis forgets everything.
    Flush,
    /// A slot moves to another master.
    MoveSlot {
        /// The slot.
        slot: u16,
        /// How many masters further.
        by: usize,
    },
    /// Every process is killed at once.
    KillEverything,
}

impl Fault {
    /// What kind of fault it is.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::KillAuthority { .. } => Kind::KillAuthority,
            Self::PauseAuthority { .. } => Kind::PauseAuthority,
            Self::KillGateway { .. } => Kind::KillGateway,
            Self::KillMaster { .. } => Kind::KillMaster,
            Self::PauseMaster { .. } => Kind::PauseMaster,
            Self::CutOffMaster { .. } => Kind::CutOffMaster,
            Self::KillReplica { .. } => Kind::KillReplica,
            Self::Flush => Kind::Flush,
            Self::MoveSlot { .. } => Kind::MoveSlot,
            Self::KillEverything => Kind::KillEverything,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KillAuthority { authority } => write!(f, "kill authority {authority}"),
            Self::PauseAuthority { authority } => write!(f, "pause authority {authority}"),
            Self::KillGateway { gateway } => write!(f, "kill gateway {gateway}"),
            Self::KillMaster { master } => write!(f, "kill Redis master {master}"),
            Self::PauseMaster { master } => write!(f, "pause Redis master {master}"),
            Self::CutOffMaster { master } => write!(f, "cut off Redis master {master}"),
            Self::KillReplica { replica } => write!(f, "kill Redis replica {replica}"),
            Self::Flush => f.write_str("flush Redis"),
            Self::MoveSlot { slot, by } => write!(f, "move slot {slot} by {by} masters"),
            Self::KillEverything => f.write_str("kill everything"),
        }
    }
}

/// How many there are of what can be hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Targets {
    /// Authorities.
    pub authorities: usize,
    /// Gateways.
    pub gateways: usize,
    /// Masters of Redis, each with a replica.
    pub masters: usize,
}

/// A fault and its moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Planned {
    /// Share of the work that is done by then: 0 is the beginning, 1 the end.
    pub at: f64,
    /// How much later than that.
    pub later: Duration,
    /// What happens.
    pub fault: Fault,
}

impl Planned {
    /// Units of the work that are done by then, out of so many.
    #[must_use]
    pub fn moment(&self, of: usize) -> usize {
        (self.at * of as f64) as usize
    }
}

/// Faults in the order in which they happen.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    seed: u64,
    faults: Vec<Planned>,
}

impl Schedule {
    /// Draws order, targets and moments: each kind as often as it is asked for, over the whole of the work.
    ///
    /// # Panics
    /// If a kind has no target.
    #[must_use]
    pub fn new(seed: u64, targets: Targets, kinds: &[Kind]) -> Self {
        Self::within(seed, targets, kinds, 1.0)
    }

    /// As [`Schedule::new`], but all is over when this share of the work is done: a fault takes its time, and should
    /// find something to disturb. The work is cut into as many equal parts as there are faults, and one falls into each.
    ///
    /// # Panics
    /// If a kind has no target.
    #[must_use]
    pub fn within(seed: u64, targets: Targets, kinds: &[Kind], share: f64) -> Self {
        let mut numbers = Numbers::new(seed);
        let count = kinds.len() as f64;
        let faults = numbers.order(kinds.to_vec()).into_iter().enumerate().map(|(n, kind)| {
            let part = numbers.below(u64::from(MILLION)) as f64 / f64::from(MILLION);
            Planned {
                at: share * (n as f64 + part) / count,
                later: Duration::from_millis(numbers.below(LATER_MAX.as_millis() as u64)),
                fault: draw(kind, targets, &mut numbers),
            }
        });
        Self { seed, faults: faults.collect() }
    }

    /// The seed that gives this schedule.
    #[must_use]
    pub const fn seed(&self) -> u64 {
        self.seed
    }

    /// The faults in the order in which they happen.
    #[must_use]
    pub fn faults(&self) -> &[Planned] {
        &self.faults
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seed {}:", self.seed)?;
        for planned in &self.faults {
            let later = planned.later.as_millis();
            write!(f, "\n  at {:5.1} % and {later:3} ms later: {}", 100.0 * planned.at, planned.fault)?;
        }
        Ok(())
    }
}

fn draw(kind: Kind, targets: Targets, numbers: &mut Numbers) -> Fault {
    let mut one_of = |count: usize, what: &str| {
        assert!(count > 0, "{kind:?} needs {what}");
        numbers.below(count as u64) as usize
    };
    match kind {
        Kind::KillAuthority => Fault::KillAuthority { authority: one_of(targets.authorities, "authorities") },
        Kind::PauseAuthority => Fault::PauseAuthority { authority: one_of(targets.authorities, "authorities") },
        Kind::KillGateway => Fault::KillGateway { gateway: one_of(targets.gateways, "gateways") },
        Kind::KillMaster => Fault::KillMaster { master: one_of(targets.masters, "masters") },
        Kind::PauseMaster => Fault::PauseMaster { master: one_of(targets.masters, "masters") },
        Kind::CutOffMaster => Fault::CutOffMaster { master: one_of(targets.masters, "masters") },
        Kind::KillReplica => Fault::KillReplica { replica: one_of(targets.masters, "masters, each with a replica") },
        Kind::Flush => Fault::Flush,
        Kind::MoveSlot => {
            let by = 1 + one_of(targets.masters.saturating_sub(1), "two masters");
            Fault::MoveSlot { slot: one_of(SLOTS as usize, "slots") as u16, by }
        }
        Kind::KillEverything => Fault::KillEverything,
    }
}

/// The seed of a run: what the variable of the environment says, or else one that no run before had.
///
/// # Panics
/// If the variable is set to something that is no number.
#[must_use]
pub fn seed_of_run(variable: &str) -> u64 {
    match std::env::var(variable) {
        Ok(seed) => seed.parse().unwrap_or_else(|_| panic!("{variable} is `{seed}`, which is no number")),
        Err(_) => SystemClock::new().now().as_millis() % 1_000_000_000, // short enough to type
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    const ALL: [Kind; 10] = [
        Kind::KillAuthority,
        Kind::PauseAuthority,
        Kind::KillGateway,
        Kind::KillMaster,
        Kind::PauseMaster,
        Kind::CutOffMaster,
        Kind::KillReplica,
        Kind::Flush,
        Kind::MoveSlot,
        Kind::KillEverything,
    ];

    fn times(kinds: impl Iterator<Item = Kind>) -> BTreeMap<Kind, usize> {
        let mut times = BTreeMap::new();
        kinds.for_each(|kind| *times.entry(kind).or_default() += 1);
        times
    }

    proptest! {
        #[test]
        fn a_seed_gives_one_schedule_with_all_that_was_asked_for(
            seed in any::<u64>(),
            (authorities, gateways, masters) in (1usize..8, 1usize..5, 2usize..6),
            kinds in proptest::collection::vec(proptest::sample::select(ALL.to_vec()), 0..30),
            share in 0.1f64..1.0,
        ) {
            let targets = Targets { authorities, gateways, masters };
            let schedule = Schedule::within(seed, targets, &kinds, share);
            prop_assert_eq!(&schedule, &Schedule::within(seed, targets, &kinds, share));
            prop_assert_eq!(times(schedule.faults().iter().map(|planned| planned.fault.kind())), times(kinds.into_iter()));
            let mut last = 0.0;
            for planned in schedule.faults() {
                prop_assert!((last..share).contains(&planned.at), "{} after {last}, all before {share}", planned.at);
                prop_assert!(planned.later < LATER_MAX);
                last = planned.at;
                match planned.fault {
                    Fault::KillAuthority { authority } | Fault::PauseAuthority { authority } => {
                        prop_assert!(authority < authorities);
                    }
                    Fault::KillGateway { gateway } => prop_assert!(gateway < gateways),
                    Fault::KillMaster { master } | Fault::PauseMaster { master } | Fault::CutOffMaster { master } => {
                        prop_assert!(master < masters);
                    }
                    Fault::KillReplica { replica } => prop_assert!(replica < masters),
                    Fault::MoveSlot { slot, by } => prop_assert!(u64::from(slot) < SLOTS && (1..masters).contains(&by)),
                    Fault::Flush | Fault::KillEverything => {}
                }
            }
        }
    }

    #[test]
    fn seeds_differ_and_are_printed_with_what_they_give() {
        let targets = Targets { authorities: 4, gateways: 2, masters: 3 };
        let (one, other) = (Schedule::new(1, targets, &ALL), Schedule::new(2, targets, &ALL));
        assert_ne!(one.faults(), other.faults());
        let printed = one.to_string();
        assert!(printed.starts_with("seed 1:\n"), "{printed}");
        assert!(one.faults().iter().all(|planned| printed.contains(&planned.fault.to_string())), "{printed}");
    }

    #[test]
    #[should_panic(expected = "KillGateway needs gateways")]
    fn what_does_not_exist_cannot_fail() {
        let _ = Schedule::new(1, Targets { authorities: 4, gateways: 0, masters: 3 }, &[Kind::KillGateway]);
    }
}
