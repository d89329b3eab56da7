//! Who takes part in a run: authorities, threshold, leader policy, clocks, liars.

use voting_core::epoch::{LeaderPolicy, QuorumRule};

use super::actors::Actor;
use super::eras::{FIRST_EPOCH, Plan, draw, places};
use super::rng::Rng;
use super::{Mutation, Options};

/// How far the clock of an honest authority is off at most, in milliseconds.
pub(super) const CLOCK_ERROR_MS: i64 = 150;

/// The clocks of one node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Clocks {
    /// Timers run this many per mille of true time.
    pub(super) rate: u64,
    /// The clock that blocks take their times from is off by this much.
    pub(super) offset_ms: i64,
}

/// The network of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Network {
    /// Its epochs, in order; there is at least one.
    pub(super) plans: Vec<Plan>,
    pub(super) liars: Vec<(usize, Actor)>,
    /// By node: twins are two.
    pub(super) clocks: Vec<Clocks>,
}

impl Network {
    pub(super) fn draw(seed: u64, rng: &mut Rng, options: &Options) -> Self {
        let options = &options.with_mutation();
        let n = options.authorities.unwrap_or(rng.within(4, 10) as usize);
        let rule = options.quorum.unwrap_or(match rng.below(3) {
            0 => QuorumRule::Byzantine,
            1 => QuorumRule::Majority,
            _ => QuorumRule::Number(rng.within(n as u64 / 2 + 1, n as u64 - 1) as u16),
        });
        let leader = options.leader.unwrap_or(match rng.below(3) {
            0 => LeaderPolicy::Fixed,
            1 => LeaderPolicy::Elected,
            _ => LeaderPolicy::RoundRobin { term: rng.within(1, 3) as u32 },
        });
        let quorum = rule.threshold(n).unwrap_or(n as u16);
        let tolerated = (2 * usize::from(quorum)).saturating_sub(n + 1).min(n - usize::from(quorum));
        let drawn = if rng.chance(600) { tolerated } else { rng.within(0, tolerated as u64) as usize };
        let (kind, lying) = options.liars.map_or((None, drawn), |(kind, k)| (Some(kind), k));
        // Anyone may be a liar: which views it leads depends on its place.
        let mut honest: Vec<usize> = (0..n).collect();
        let mut liars: Vec<(usize, Actor)> = Vec::new();
        for _ in 0..lying.min(n) {
            let place = honest.remove(rng.below(honest.len() as u64) as usize);
            liars.push((place, kind.unwrap_or_else(|| rng.pick(&Actor::ALL))));
        }
        liars.sort_unstable();
        let first = Plan::first(n, quorum, leader);
        let lying: Vec<usize> = liars.iter().map(|(place, _)| *place).collect();
        // More liars than are tolerated are a matter of the first authorities alone.
        let plans = if options.liars.is_some() { vec![first] } else { draw(seed, first, &lying) };
        let mut network = Self { plans, liars, clocks: Vec::new() };
        for _ in network.nodes() {
            let offset_ms = rng.within(0, 2 * CLOCK_ERROR_MS as u64) as i64 - CLOCK_ERROR_MS;
            network.clocks.push(Clocks { rate: rng.within(950, 1_050), offset_ms });
        }
        network
    }

    /// The authorities to begin with.
    pub(super) fn first(&self) -> &Plan {
        &self.plans[0]
    }

    /// The plan of an epoch.
    pub(super) fn plan(&self, epoch: u32) -> Option<&Plan> {
        self.plans.get(epoch.checked_sub(FIRST_EPOCH)? as usize)
    }

    /// The machine that each node is: two nodes for twins, one for everyone else.
    pub(super) fn nodes(&self) -> Vec<usize> {
        (0..places(&self.plans)).flat_map(|i| vec![i; if self.actor(i) == Some(Actor::Twins) { 2 } else { 1 }]).collect()
    }

    /// The smallest quorum that it ever has.
    pub(super) fn quorum(&self) -> usize {
        self.plans.iter().map(|plan| usize::from(plan.quorum)).min().unwrap_or(1)
    }

    /// Whether these machines have a quorum in each epoch.
    pub(super) fn suffices(&self, places: &[usize]) -> bool {
        let members = |plan: &Plan| places.iter().filter(|place| plan.has(**place)).count();
        self.plans.iter().all(|plan| members(plan) >= usize::from(plan.quorum))
    }

    /// How an authority lies, if it does.
    pub(super) fn actor(&self, authority: usize) -> Option<Actor> {
        self.liars.iter().find(|(liar, _)| *liar == authority).map(|(_, actor)| *actor)
    }
}

impl Options {
    /// The options that a mutation of the network, not of a rule, stands for.
    fn with_mutation(self) -> Self {
        if !self.is_mutated(Mutation::QuorumTooSmall) {
            return self;
        }
        Self { authorities: Some(5), quorum: Some(QuorumRule::Number(3)), liars: Some((Actor::Twins, 1)), ..self }
    }
}
