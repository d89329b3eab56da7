//! A deterministic simulator: the real engine, and everything around it under the control of one seed.
//!
//! Network, disk, clock and application are stubs that fail as drawn: messages are lost, doubled,
//! delayed past each other and cut off; nodes crash before and after their journal is on disk and between
//! any two messages, and restart from what was durable; some authorities lie. After a phase of trouble
//! the network heals, and the honest must agree and make new entries final.
//!
//! ```
//! let report = voting_consensus::sim::run(7, &Default::default());
//! assert_eq!(report.violation, None);
//! ```

mod app;
mod invariants;
mod node;
mod rng;
mod world;

use std::collections::BTreeMap;
use std::time::Duration;

use voting_core::epoch::{LeaderPolicy, QuorumRule};

pub use invariants::Violation;

/// How an authority lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Actor {
    /// Two nodes with one key, each unaware of the other.
    Twins,
    /// Hears everything and says nothing for stretches of time.
    Silent,
}

/// A defect put into the simulation on purpose, to see whether it is noticed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Defect {
    /// None.
    #[default]
    None,
    /// The disk reports writes as durable that a crash then loses.
    LyingDisk,
}

/// What to simulate; whatever is `None` is drawn from the seed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Number of authorities, 4 to 10 if drawn.
    pub authorities: Option<usize>,
    /// Threshold.
    pub quorum: Option<QuorumRule>,
    /// Who leads.
    pub leader: Option<LeaderPolicy>,
    /// Who lies, beyond what the threshold tolerates if you say so.
    pub liars: Option<(Actor, usize)>,
    /// A defect to be noticed.
    pub defect: Defect,
}

/// What a run was like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Its seed.
    pub seed: u64,
    /// Number of authorities.
    pub authorities: usize,
    /// The threshold.
    pub quorum: u16,
    /// Who lied.
    pub liars: Vec<(usize, Actor)>,
    /// Time that passed in the simulation.
    pub virtual_time: Duration,
    /// Blocks final anywhere.
    pub blocks: usize,
    /// Entries final anywhere.
    pub entries: usize,
    /// Faults that took place, by kind.
    pub faults: BTreeMap<&'static str, u64>,
    /// The same for the same seed and options.
    pub trace_hash: u64,
    /// The first rule broken, if any.
    pub violation: Option<Violation>,
}

/// Runs one seed.
#[must_use]
pub fn run(seed: u64, options: &Options) -> Report {
    world::World::new(seed, options).run()
}
