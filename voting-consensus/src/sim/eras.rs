//! The epochs of a run: who takes part in each, and by which rules.

use std::sync::Arc;

use voting_core::crypto::SigningKey;
use voting_core::epoch::{Authority, Epoch, LeaderPolicy, QuorumRule, Timers};
use voting_core::ids::{AuthorityIndex, Digest};

use super::network::Network;
use super::rng::Rng;
use crate::OBSERVER;

/// Number of the first epoch; liars pretend that there was one before it.
pub(super) const FIRST_EPOCH: u32 = 1;
/// One in so many runs has authorities that change, per thousand.
const CHANGING: u64 = 500;
/// Changes of such a run at most.
const CHANGES_MAX: u64 = 3;
/// Changes drawn until one bears the liars.
const TRIES: usize = 5;
/// Authorities at most, so that a run with changes is no slower than one without.
const AUTHORITIES_MAX: usize = 10;

/// An authority of an epoch: a machine, and which of its keys it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) place: usize,
    key: u64,
}

impl Member {
    fn key(self) -> SigningKey {
        let place = (self.place as u64).to_le_bytes();
        let seed = match self.key {
            0 => Digest::of_parts("voting/sim-key/v1", &[&place]),
            later => Digest::of_parts("voting/sim-key/v1", &[&place, &later.to_le_bytes()]),
        };
        SigningKey::from_seed(seed.0)
    }
}

/// What an epoch is drawn as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) members: Vec<Member>,
    pub(super) quorum: u16,
    pub(super) leader: LeaderPolicy,
    /// How it differs from the one before.
    pub(super) change: &'static str,
}

impl Plan {
    pub(super) fn first(authorities: usize, quorum: u16, leader: LeaderPolicy) -> Self {
        let members = (0..authorities).map(|place| Member { place, key: 0 }).collect();
        Self { members, quorum, leader, change: "founded" }
    }

    pub(super) fn has(&self, place: usize) -> bool {
        self.members.iter().any(|member| member.place == place)
    }

    /// The plan after it: an authority more, one less, one with a new key, or other rules for the same. `None` if it
    /// would not bear this many liars among its members.
    fn next(&self, rng: &mut Rng, places: usize, liars: &[usize]) -> Option<Self> {
        let mut next = self.clone();
        let n = self.members.len() as u64;
        let at = rng.below(n) as usize;
        next.change = match rng.below(4) {
            0 if self.members.len() < AUTHORITIES_MAX => {
                next.members.insert(at, Member { place: places, key: 0 });
                "authority added"
            }
            1 if n > 4 => {
                next.members.remove(at);
                "authority removed"
            }
            2 => {
                next.members[at].key += 1;
                "authority re-keyed"
            }
            _ => {
                next.members.rotate_left(at);
                "authorities reordered"
            }
        };
        let n = next.members.len();
        let rule = if rng.chance(500) { QuorumRule::Byzantine } else { QuorumRule::Majority };
        next.quorum = rule.threshold(n).ok()?;
        next.leader = rng.pick(&[LeaderPolicy::Fixed, LeaderPolicy::Elected, LeaderPolicy::RoundRobin { term: 2 }]);
        let lying = next.members.iter().filter(|member| liars.contains(&member.place)).count();
        let quorum = usize::from(next.quorum);
        (2 * quorum > n + lying && quorum + lying <= n).then_some(next)
    }
}

/// Machines that are authorities at some time: authority n of the first epoch is machine n, those that come later follow.
pub(super) fn places(plans: &[Plan]) -> usize {
    plans.iter().flat_map(|plan| &plan.members).map(|member| member.place + 1).max().unwrap_or(0)
}

/// The epochs that a network comes to.
pub(super) fn draw(seed: u64, first: Plan, liars: &[usize]) -> Vec<Plan> {
    let mut rng = Rng::at(seed, &[10]);
    let mut plans = vec![first];
    if !rng.chance(CHANGING) {
        return plans;
    }
    for _ in 0..rng.within(1, CHANGES_MAX) {
        let places = places(&plans);
        let next = plans.last().and_then(|last| (0..TRIES).find_map(|_| last.next(&mut rng, places, liars)));
        plans.extend(next);
    }
    plans
}

/// One epoch.
#[derive(Debug)]
pub(super) struct Era {
    pub(super) epoch: Arc<Epoch>,
    /// The machine that each authority is.
    pub(super) members: Vec<Member>,
    pub(super) keys: Vec<SigningKey>,
}

impl Era {
    /// Which of its authorities a machine is.
    pub(super) fn seat(&self, place: usize) -> Option<AuthorityIndex> {
        self.members.iter().position(|member| member.place == place).map(|at| AuthorityIndex(at as u16))
    }

    /// By which index its authorities know a machine: those that are none come after those that are.
    pub(super) fn index_of(&self, place: usize) -> AuthorityIndex {
        self.seat(place).unwrap_or(AuthorityIndex((self.members.len() + place) as u16))
    }

    /// The machine that its authorities know by an index.
    pub(super) fn place_of(&self, index: AuthorityIndex) -> usize {
        let index = usize::from(index.0);
        self.members.get(index).map_or_else(|| index.saturating_sub(self.members.len()), |member| member.place)
    }

    /// The name of an authority.
    pub(super) fn name(&self, index: AuthorityIndex) -> String {
        format!("a{}", self.place_of(index))
    }
}

/// All epochs of a run, in order.
#[derive(Debug)]
pub(super) struct Eras(Vec<Era>);

impl Eras {
    pub(super) fn of(network: &Network) -> Self {
        let era = |(number, plan): (u32, &Plan)| {
            let keys: Vec<SigningKey> = plan.members.iter().map(|member| member.key()).collect();
            let named = |(member, key): (&Member, &SigningKey)| Authority { name: format!("a{}", member.place), key: key.public() };
            let authorities = plan.members.iter().zip(&keys).map(named).collect();
            let epoch = Epoch { number, authorities, quorum: plan.quorum, leader: plan.leader, timers: Timers::default() };
            Era { epoch: Arc::new(epoch), members: plan.members.clone(), keys }
        };
        Self((FIRST_EPOCH..).zip(&network.plans).map(era).collect())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Era> {
        self.0.iter()
    }

    pub(super) fn get(&self, number: u32) -> Option<&Era> {
        self.0.get(number.checked_sub(FIRST_EPOCH)? as usize)
    }

    /// The era of a number that a state names: there is one.
    pub(super) fn at(&self, number: u32) -> &Era {
        &self.0[(number - FIRST_EPOCH) as usize]
    }

    /// What a machine is in an epoch, and its key: its own there, or the last one before, or its first.
    pub(super) fn seat(&self, number: u32, place: usize) -> (AuthorityIndex, SigningKey) {
        let upto = self.0.iter().take((number + 1 - FIRST_EPOCH) as usize).rev();
        let key = upto.chain(&self.0).find_map(|era| Some(era.keys[usize::from(era.seat(place)?.0)].clone()));
        let me = self.at(number).seat(place).unwrap_or(OBSERVER);
        (me, key.unwrap_or_else(|| Member { place, key: 0 }.key()))
    }
}
