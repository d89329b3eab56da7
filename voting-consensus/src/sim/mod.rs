//! A deterministic simulator: the real engine, and everything around it under the control of one seed.
//!
//! ```text
//!  seed ──draw──▶ Script ──▶ World ──▶ Report, trace
//!                (network,    │  ▲
//!                 rates,      ▼  │ Input / Output
//!                 acts)     Engine × n   ──what is sent, written, committed──▶ Checker
//! ```
//!
//! Network, disks, clocks, processes and application are stubs that fail as the script says; some authorities lie
//! (`actors`). After a phase of trouble a quorum, the *core*, is healed, whatever ails the rest lasts, and the core
//! must agree and make new entries final. What is judged is what leaves the nodes (`invariants`).
//!
//! What becomes of a message depends on the seed, its link and its number there, and on no other draw. So acts can
//! be left out of a script one by one: [`shrink`] looks for the fewest that still break the same rule.
//!
//! ```
//! let report = voting_consensus::sim::run(7, &Default::default());
//! assert_eq!(report.violation, None);
//! ```

mod actors;
mod app;
mod blocks;
mod crash;
mod disk;
mod draft;
mod eras;
mod failover;
mod host;
mod invariants;
mod links;
mod network;
mod node;
mod queue;
mod rng;
mod script;
mod shrink;
mod telling;
mod trace;
mod verifier;
mod world;

use std::collections::BTreeMap;
use std::time::Duration;

use voting_core::epoch::{LeaderPolicy, QuorumRule};

pub use crate::mutation::Mutation;
pub use actors::Actor;
pub use failover::{FAILOVER_DELAY_MS, failover};
pub use invariants::Violation;
pub use script::Script;
pub use shrink::shrink;
pub use trace::{Happening, TraceEvent};

/// What to simulate; whatever is `None` is drawn from the seed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Number of authorities to begin with, 4 to 10 if drawn.
    pub authorities: Option<usize>,
    /// Threshold to begin with.
    pub quorum: Option<QuorumRule>,
    /// Who leads to begin with.
    pub leader: Option<LeaderPolicy>,
    /// Who lies, beyond what the threshold tolerates if you say so; the authorities do not change then.
    pub liars: Option<(Actor, usize)>,
    /// A rule to be left out.
    #[cfg(feature = "mutations")]
    pub mutation: Option<Mutation>,
}

impl Options {
    #[cfg(feature = "mutations")]
    const fn mutation(&self) -> Option<Mutation> {
        self.mutation
    }

    #[cfg(not(feature = "mutations"))]
    const fn mutation(&self) -> Option<Mutation> {
        None
    }

    fn is_mutated(&self, mutation: Mutation) -> bool {
        self.mutation() == Some(mutation)
    }
}

/// What a run was like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Its seed.
    pub seed: u64,
    /// Number of authorities to begin with.
    pub authorities: usize,
    /// The threshold to begin with.
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
    run_script(&Script::draw(seed, options))
}

/// Runs a script.
#[must_use]
pub fn run_script(script: &Script) -> Report {
    world::World::new(script, false).run().0
}

/// Runs a script and tells what happened, in order.
#[must_use]
pub fn trace(script: &Script) -> (Report, Vec<TraceEvent>) {
    world::World::new(script, true).run()
}

/// The name of a node: its authority's; the second of two twins has a mark.
fn node_name(node: usize, nodes: &[usize]) -> String {
    let place = nodes.get(node).copied().unwrap_or_default();
    let is_second = node > 0 && nodes.get(node - 1) == Some(&place);
    format!("a{place}{}", if is_second { "'" } else { "" })
}
