//! What happens to a run from outside, and when: drawn from the seed before the run begins.
//!
//! A script is a list, so that acts can be left out of it one by one (see [`super::shrink`]) without anything
//! else being drawn anew. What becomes of a single message is not in the list; it depends on the seed, the link
//! and the message's number on that link.

use std::fmt;

use super::actors::Actor;
use super::network::Network;
use super::rng::Rng;
use super::{Mutation, Options};
use voting_core::epoch::LeaderPolicy;

/// End of the phase of trouble, in milliseconds.
pub(super) const TROUBLE_MS: u64 = 20_000;
/// Nothing is submitted any more, in milliseconds.
pub(super) const SUBMISSIONS_END_MS: u64 = 30_000;
/// End of the run: several capped timeouts after the trouble.
pub(super) const END_MS: u64 = 140_000;
/// An hour: a clock that far off is wrong for the whole run.
const FAR_OFF_MS: i64 = 3_600_000;

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
    /// The script of a seed.
    #[must_use]
    pub fn draw(seed: u64, options: &Options) -> Self {
        let mut rng = Rng::new(seed);
        let network = Network::draw(&mut rng, options);
        let rates = Rates { loss: rng.below(200), doubling: rng.below(100), delay_ms: rng.within(5, 400) };
        let mut draft = Draft { nodes: network.nodes(), network: &network, rng, acts: Vec::new() };
        draft.submissions();
        draft.crashes();
        draft.partitions();
        draft.machines();
        draft.lies();
        draft.healing();
        let mut acts = draft.acts;
        acts.sort_by_key(|act| act.at_ms); // stable: what is drawn first comes first
        Self { seed, network, rates, acts, mutation: options.mutation() }
    }

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

    /// Nodes whose clock is wrong at some time, by authority.
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

/// A script being drawn.
struct Draft<'a> {
    nodes: Vec<usize>,
    network: &'a Network,
    rng: Rng,
    acts: Vec<Act>,
}

impl Draft<'_> {
    fn push(&mut self, at_ms: u64, fault: Fault) {
        self.acts.push(Act { at_ms, fault });
    }

    /// Nodes of honest authorities.
    fn honest(&self) -> Vec<usize> {
        (0..self.nodes.len()).filter(|node| self.network.actor(self.nodes[*node]).is_none()).collect()
    }

    fn moment(&mut self) -> u64 {
        self.rng.below(TROUBLE_MS)
    }

    fn submissions(&mut self) {
        let share = self.rng.within(300, 1_000);
        let (mut at, mut entry) = (0, 0);
        while at < SUBMISSIONS_END_MS {
            let hears = |rng: &mut Rng, node: usize| u64::from(at >= TROUBLE_MS || rng.chance(share)) << node;
            let heard_by = (0..self.nodes.len()).fold(0, |mask, node| mask | hears(&mut self.rng, node));
            self.push(at, Fault::Submit { entry, heard_by });
            entry += 1;
            at += self.rng.within(50, 1_500);
        }
        at = 0;
        while self.network.leader == LeaderPolicy::Elected && at < SUBMISSIONS_END_MS {
            for _ in 0..self.rng.within(1, 2) {
                let asks = self.rng.below(self.nodes.len() as u64) as usize;
                let leader = self.rng.below(self.network.authorities as u64) as u16;
                let views = self.rng.within(1, 60) as u16;
                self.push(at, Fault::Wish { asks, leader, views });
            }
            at += self.rng.within(100, 4_000);
        }
    }

    fn crashes(&mut self) {
        use Moment::{Commit, Now, Proposal, Vote, Write};
        let honest = self.honest();
        let most = if self.rng.chance(200) { 60 } else { 12 };
        for _ in 0..self.rng.below(most) {
            if honest.is_empty() {
                break;
            }
            let node = self.rng.pick(&honest);
            let moment = self.rng.pick(&[Now, Write, Vote, Vote, Proposal, Proposal, Commit]);
            let point = match self.rng.below(5) {
                0 => Point::BeforeWrite,
                1 => Point::WithinWrite(self.rng.below(1_000)),
                _ => Point::After(self.rng.within(0, 1_000)),
            };
            let down_ms = if self.rng.chance(500) { self.rng.within(10, 200) } else { self.rng.within(10, 5_000) };
            let at = self.moment();
            self.push(at, Fault::Crash { node, moment, point, down_ms });
        }
    }

    fn partitions(&mut self) {
        for _ in 0..self.rng.below(8) {
            let (side, one_way) = (self.rng.next(), self.rng.chance(500));
            let (at, for_ms) = (self.moment(), self.rng.within(200, 5_000));
            self.push(at, Fault::Partition { side, one_way, for_ms });
        }
    }

    /// Disks, processes and clocks that fail.
    fn machines(&mut self) {
        let honest = self.honest();
        if honest.is_empty() {
            return;
        }
        for _ in 0..self.rng.below(4) {
            let (node, at) = (self.rng.pick(&honest), self.moment());
            let for_ms = self.rng.within(100, 3_000);
            self.push(at, Fault::DiskFull { node, for_ms });
        }
        for _ in 0..self.rng.below(6) {
            let (node, at) = (self.rng.pick(&honest), self.moment());
            let (write_ms, for_ms) = (self.rng.within(2, 600), self.rng.within(500, 8_000));
            self.push(at, Fault::DiskSlow { node, write_ms, for_ms });
        }
        for _ in 0..self.rng.below(4) {
            let (node, at) = (self.rng.pick(&honest), self.moment());
            let for_ms = self.rng.within(100, 6_000);
            self.push(at, Fault::Pause { node, for_ms });
        }
        // Fewer than a quorum, liars included, or the chain itself could run ahead of true time.
        let may_step = usize::from(self.network.quorum).saturating_sub(1 + self.network.liars.len()).min(2);
        let stepping: Vec<usize> = (0..may_step).map(|_| self.rng.pick(&honest)).collect();
        for node in stepping {
            let at = self.moment();
            let by_ms = self.rng.pick(&[-FAR_OFF_MS, -40_000, -400, 400, 2_000, FAR_OFF_MS]);
            let for_ms = self.rng.within(100, 8_000);
            self.push(at, Fault::ClockStep { node, by_ms, for_ms });
        }
    }

    fn lies(&mut self) {
        for node in 0..self.nodes.len() {
            if !self.network.actor(self.nodes[node]).is_some_and(Actor::acts) {
                continue;
            }
            let most = self.rng.within(300, 2_000);
            let mut at = self.rng.below(most);
            while at < END_MS {
                self.push(at, Fault::Lie { node });
                // Afterwards it goes on, but the run is not about it alone.
                at += if at < TROUBLE_MS { self.rng.within(50, most) } else { self.rng.within(most, 4 * most) };
            }
        }
    }

    /// Chooses who must finish, and what lasts at the others.
    fn healing(&mut self) {
        let mut rest = self.honest();
        let quorum = usize::from(self.network.quorum);
        let core_size =
            if self.rng.chance(600) { quorum } else { self.rng.within(quorum as u64, self.nodes.len() as u64) as usize };
        let mut core = 0_u64;
        for _ in 0..core_size.min(rest.len()) {
            core |= 1 << rest.remove(self.rng.below(rest.len() as u64) as usize);
        }
        self.push(TROUBLE_MS, Fault::Heal { core });
        for node in rest {
            let wrong = self.rng.pick(&[-FAR_OFF_MS, 5_000, FAR_OFF_MS]);
            let fault = match self.rng.below(9) {
                0 => continue, // as well as the core
                1 => Lasting::Down,
                2 => Lasting::CutOff,
                3 => Lasting::Deaf,
                4 => Lasting::Mute,
                5 => Lasting::DiskFull,
                6 => Lasting::DiskSlow,
                7 => Lasting::Hung,
                _ => Lasting::ClockWrong(wrong),
            };
            self.push(TROUBLE_MS, Fault::Lasting { node, fault });
        }
    }
}

/// Names of the nodes in a mask.
fn named(mask: u64, nodes: &[usize]) -> String {
    let names: Vec<_> = (0..nodes.len()).filter(|node| (mask >> node) & 1 == 1).map(|node| super::node_name(node, nodes)).collect();
    if names.is_empty() { "nobody".to_owned() } else { names.join(", ") }
}

/// One line for people; `nodes` is the authority of each node.
pub(super) fn describe(act: &Act, nodes: &[usize]) -> String {
    let name = |node: usize| super::node_name(node, nodes);
    match act.fault {
        Fault::Submit { entry, heard_by } => format!("entry {entry} is submitted; heard by {}", named(heard_by, nodes)),
        Fault::Wish { asks, leader, views } => format!("{} hears the wish that a{leader} lead for {views} views", name(asks)),
        Fault::Crash { node, moment, point, down_ms } => {
            format!("{} will be killed {point} of {moment}, and be down for {down_ms} ms", name(node))
        }
        Fault::Partition { side, one_way, for_ms } => {
            let which = if one_way { "nothing gets out of" } else { "nothing gets into or out of" };
            format!("{which} {{{}}} for {for_ms} ms", named(side, nodes))
        }
        Fault::DiskFull { node, for_ms } => format!("the disk of {} is full for {for_ms} ms", name(node)),
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
            writeln!(f, "{:>8.3} s  {}", act.at_ms as f64 / 1_000.0, describe(act, &nodes))?;
        }
        Ok(())
    }
}
