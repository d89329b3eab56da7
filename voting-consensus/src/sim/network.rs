//! Who takes part in a run: authorities, threshold, leader policy, clocks, liars.

use std::sync::Arc;

use voting_core::crypto::SigningKey;
use voting_core::epoch::{Authority, Epoch, LeaderPolicy, QuorumRule, Timers};
use voting_core::ids::Digest;

use super::actors::Actor;
use super::rng::Rng;
use super::{Mutation, Options};

/// Number of the epoch; the one before had the same authorities with the same keys.
const EPOCH: u32 = 1;
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
    pub(super) authorities: usize,
    pub(super) quorum: u16,
    pub(super) leader: LeaderPolicy,
    pub(super) liars: Vec<(usize, Actor)>,
    /// By node: twins are two.
    pub(super) clocks: Vec<Clocks>,
}

impl Network {
    pub(super) fn draw(rng: &mut Rng, options: &Options) -> Self {
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
        let mut places: Vec<usize> = (0..n).collect();
        let mut liars: Vec<(usize, Actor)> = Vec::new();
        for _ in 0..lying.min(n) {
            let place = places.remove(rng.below(places.len() as u64) as usize);
            liars.push((place, kind.unwrap_or_else(|| rng.pick(&Actor::ALL))));
        }
        liars.sort_unstable();
        let mut network = Self { authorities: n, quorum, leader, liars, clocks: Vec::new() };
        for _ in network.nodes() {
            let offset_ms = rng.within(0, 2 * CLOCK_ERROR_MS as u64) as i64 - CLOCK_ERROR_MS;
            network.clocks.push(Clocks { rate: rng.within(950, 1_050), offset_ms });
        }
        network
    }

    /// The authority that each node is: two nodes for twins, one for everyone else.
    pub(super) fn nodes(&self) -> Vec<usize> {
        (0..self.authorities).flat_map(|i| vec![i; if self.actor(i) == Some(Actor::Twins) { 2 } else { 1 }]).collect()
    }

    /// How an authority lies, if it does.
    pub(super) fn actor(&self, authority: usize) -> Option<Actor> {
        self.liars.iter().find(|(liar, _)| *liar == authority).map(|(_, actor)| *actor)
    }

    pub(super) fn keys(&self) -> Vec<SigningKey> {
        let key = |i: usize| SigningKey::from_seed(Digest::of_parts("voting/sim-key/v1", &[&(i as u64).to_le_bytes()]).0);
        (0..self.authorities).map(key).collect()
    }

    pub(super) fn epoch(&self, keys: &[SigningKey]) -> Arc<Epoch> {
        let named = |(i, key): (usize, &SigningKey)| Authority { name: format!("a{i}"), key: key.public() };
        let authorities = keys.iter().enumerate().map(named).collect();
        Arc::new(Epoch { number: EPOCH, authorities, quorum: self.quorum, leader: self.leader, timers: Timers::default() })
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
