//! How long a network without other trouble makes nothing final after its leader has died.

use std::time::Duration;

use voting_core::epoch::{LeaderPolicy, QuorumRule};

use super::eras::{FIRST_EPOCH, Plan};
use super::network::{Clocks, Network};
use super::node::{Node, Planned};
use super::rng::Rng;
use super::script::{Act, END_MS, Fault, Moment, Point, Rates, Script};
use super::world::World;
use crate::leader::leader;

/// Messages take up to this long, in milliseconds. None is lost.
pub const FAILOVER_DELAY_MS: u64 = 20;
/// The leader dies after so many milliseconds at the earliest, and at the latest.
const DEATH_MS: (u64, u64) = (500, 1_500);
/// Entries come in at most this far apart, in milliseconds, so that there is always work.
const PAUSE_MS: u64 = 60;

/// Kills the leader of a healthy network at some moment of its view, for good, and gives the time from there to the first final
/// block that another authority proposed after that view had begun; `None` if that never comes. Leaders stay until they
/// fail (`fixed`), timers are the usual ones, timers of a node run up to 5 % fast or slow.
#[must_use]
pub fn failover(seed: u64, authorities: usize) -> Option<Duration> {
    let mut rng = Rng::new(seed);
    let mut world = World::new(&healthy(seed, authorities, &mut rng), false);
    let death = rng.within(DEATH_MS.0, DEATH_MS.1);
    world.begin();
    while world.now < death {
        if !world.go_on() {
            return None;
        }
    }
    let died_ms = world.now;
    let furthest = world.nodes.iter().filter_map(|node| node.engine.as_ref()).max_by_key(|engine| engine.view())?;
    let (view, dead) = (furthest.view(), furthest.current_leader());
    let at = world.nodes.iter().position(|node| node.seat == dead)?;
    world.plan_crash(at, Planned { moment: Moment::Now, point: Point::BeforeWrite, down_ms: END_MS });
    loop {
        let epoch = &world.eras.at(FIRST_EPOCH).epoch;
        let is_next = |node: &Node| {
            let last = node.disk.blocks.last().map(|last| &last.block.header);
            last.is_some_and(|last| last.view >= view && leader(epoch, last.view, last.height, None) != dead)
        };
        if world.nodes.iter().any(is_next) {
            return Some(Duration::from_millis(world.now - died_ms));
        }
        if world.now >= END_MS || !world.go_on() {
            return None;
        }
    }
}

/// A network without trouble, and work for all the time.
fn healthy(seed: u64, authorities: usize, rng: &mut Rng) -> Script {
    let quorum = QuorumRule::Byzantine.threshold(authorities).unwrap_or(authorities as u16);
    let clocks = (0..authorities).map(|_| Clocks { rate: rng.within(950, 1_050), offset_ms: 0 }).collect();
    let network = Network { plans: vec![Plan::first(authorities, quorum, LeaderPolicy::Fixed)], liars: Vec::new(), clocks };
    let mut acts = Vec::new();
    let mut at_ms = 0;
    while at_ms < DEATH_MS.1 + 10_000 {
        acts.push(Act { at_ms, fault: Fault::Submit { entry: acts.len() as u64, heard_by: u64::MAX } });
        at_ms += rng.within(1, PAUSE_MS);
    }
    let rates = Rates { loss: 0, doubling: 0, delay_ms: FAILOVER_DELAY_MS };
    Script { seed, network, rates, acts, mutation: None }
}
