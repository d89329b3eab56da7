//! What happens to a run from outside, and when: drawn from the seed before the run begins.
//!
//! A script is a list, so that acts can be left out of it one by one (see [`super::shrink`]) without anything
//! else being drawn anew. What becomes of a single message is not in the list; it depends on the seed, the link
//! and the message's number on that link.

use std::fmt;

use super::Mutation;
use super::network::Network;

/// End of the phase of trouble, in milliseconds.
pub(super) const TROUBLE_MS: u64 = 20_000;
/// Nothing is submitted any more, in milliseconds.
pub(super) const SUBMISSIONS_END_MS: u64 = 30_000;
/// End of the run: several capped timeouts after the trouble.
pub(super) const END_MS: u64 = 140_000;

/// What becomes of messages, per thousand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rates {
    pub(super) loss: u64,
    pub(super) doubling: u64,
    /// Longest delay of a message, in milliseconds.
    pub(super) delay_ms: u64,
}

/// Which step of a node a crash waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// None: it is killed there and then, also while it writes.
    Now,
    /// The next one that writes.
    Write,
    /// The next one with an own vote.
    Vote,
    /// The next one with an own proposal.
    Proposal,
    /// The next one that makes a block final.
    Commit,
}

/// How far that step gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Point {
    /// Nothing of it reaches the disk.
    BeforeWrite,
    /// This share of its bytes does, per thousand.
    WithinWrite(u64),
    /// All of it does, and this share of what it sends and asks for is done, per thousand.
    After(u64),
}

/// What is permanently wrong with an honest authority that the rest must do without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lasting {
    Down,
    CutOff,
    Deaf,
    Mute,
    DiskFull,
    DiskSlow,
    Hung,
    ClockWrong(i64),
}

/// One thing that happens from outside. Durations and moments in milliseconds, nodes by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    Submit {
        entry: u64,
        heard_by: u64,
    },
    Wish {
        asks: usize,
        leader: u16,
        views: u16,
    },
    /// The authorities of the epoch before agree to hand over to this one.
    Change {
        to: u32,
    },
    Crash {
        node: usize,
        moment: Moment,
        point: Point,
        down_ms: u64,
    },
    Partition {
        side: u64,
        one_way: bool,
        for_ms: u64,
    },
    DiskFull {
        node: usize,
        for_ms: u64,
    },
    /// It is killed, and comes back with an empty disk.
    DiskLost {
        node: usize,
        down_ms: u64,
    },
    DiskSlow {
        node: usize,
        write_ms: u64,
        for_ms: u64,
    },
    Pause {
        node: usize,
        for_ms: u64,
    },
    ClockStep {
        node: usize,
        by_ms: i64,
        for_ms: u64,
    },
    /// A liar does something of its own accord.
    Lie {
        node: usize,
    },
    /// The trouble is over; from here on only these must work, and lasting faults last.
    Heal {
        core: u64,
    },
    Lasting {
        node: usize,
        fault: Lasting,
    },
}

/// A fault and its moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Act {
    pub(super) at_ms: u64,
    pub(super) fault: Fault,
}

/// All that a run depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    pub(super) seed: u64,
    pub(super) network: Network,
    pub(super) rates: Rates,
    pub(super) acts: Vec<Act>,
    pub(super) mutation: Option<Mutation>,
}

impl Script {
    /// Acts in it.
    #[must_use]
    pub fn len(&self) -> usize {
        self.acts.len()
    }

    /// Whether nothing happens from outside.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.acts.is_empty()
    }

    pub(super) fn is_mutated(&self, mutation: Mutation) -> bool {
        self.mutation == Some(mutation)
    }

    /// Machines whose clock is wrong at some time.
    pub(super) fn wrong_clocks(&self) -> usize {
        let nodes = self.network.nodes();
        let stepped = |act: &Act| match act.fault {
            Fault::ClockStep { node, .. } | Fault::Lasting { node, fault: Lasting::ClockWrong(_) } => nodes.get(node).copied(),
            _ => None,
        };
        let mut stepped: Vec<usize> = self.acts.iter().filter_map(stepped).collect();
        stepped.sort_unstable();
        stepped.dedup();
        stepped.len()
    }
}

/// Names of the nodes in a mask.
fn named(mask: u64, nodes: &[usize]) -> String {
    let names: Vec<_> = (0..nodes.len()).filter(|node| (mask >> node) & 1 == 1).map(|node| super::node_name(node, nodes)).collect();
    if names.is_empty() { "nobody".to_owned() } else { names.join(", ") }
}

/// One line for people; `nodes` is the machine of each node.
pub(super) fn describe(act: &Act, network: &Network, nodes: &[usize]) -> String {
    let name = |node: usize| super::node_name(node, nodes);
    match act.fault {
        Fault::Submit { entry, heard_by } => format!("entry {entry} is submitted; heard by {}", named(heard_by, nodes)),
        Fault::Wish { asks, leader, views } => format!("{} hears the wish that a{leader} lead for {views} views", name(asks)),
        Fault::Change { to } => {
            let what = network.plan(to).map_or("nothing", |plan| plan.change);
            format!("the change to epoch {to} is submitted: {what}")
        }
        Fault::Crash { node, moment, point, down_ms } => {
            format!("{} will be killed {point} of {moment}, and be down for {down_ms} ms", name(node))
        }
        Fault::Partition { side, one_way, for_ms } => {
            let which = if one_way { "nothing gets out of" } else { "nothing gets into or out of" };
            format!("{which} {{{}}} for {for_ms} ms", named(side, nodes))
        }
        Fault::DiskFull { node, for_ms } => format!("the disk of {} is full for {for_ms} ms", name(node)),
        Fault::DiskLost { node, down_ms } => format!("{} loses its disk, and is down for {down_ms} ms", name(node)),
        Fault::DiskSlow { node, write_ms, for_ms } => {
            format!("the disk of {} takes {write_ms} ms a write for {for_ms} ms", name(node))
        }
        Fault::Pause { node, for_ms } => format!("{} hangs for {for_ms} ms", name(node)),
        Fault::ClockStep { node, by_ms, for_ms } => format!("the clock of {} is off by {by_ms} ms for {for_ms} ms", name(node)),
        Fault::Lie { node } => format!("{} thinks of a lie", name(node)),
        Fault::Heal { core } => format!("the trouble ends; {} must finish", named(core, nodes)),
        Fault::Lasting { node, fault } => format!("{} {fault} for good", name(node)),
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Now => "whatever it is doing",
            Self::Write => "its next step that writes",
            Self::Vote => "its next step with a vote",
            Self::Proposal => "its next step with a proposal",
            Self::Commit => "its next step with a final block",
        })
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BeforeWrite => f.write_str("before the writing"),
            Self::WithinWrite(share) => write!(f, "{share} ‰ into the writing"),
            Self::After(share) => write!(f, "{share} ‰ into the sending"),
        }
    }
}

impl fmt::Display for Lasting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Down => f.write_str("is down"),
            Self::CutOff => f.write_str("is cut off"),
            Self::Deaf => f.write_str("hears nothing"),
            Self::Mute => f.write_str("is heard by nobody"),
            Self::DiskFull => f.write_str("has a full disk"),
            Self::DiskSlow => f.write_str("has a slow disk"),
            Self::Hung => f.write_str("hangs"),
            Self::ClockWrong(by) => write!(f, "has a clock that is off by {by} ms"),
        }
    }
}

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Rates { loss, doubling, delay_ms } = self.rates;
        let nodes = self.network.nodes();
        writeln!(f, "           of 1,000 messages {loss} are lost, {doubling} doubled; the longest delay is {delay_ms} ms")?;
        for act in &self.acts {
            writeln!(f, "{:>8.3} s  {}", act.at_ms as f64 / 1_000.0, describe(act, &self.network, &nodes))?;
        }
        Ok(())
    }
}
