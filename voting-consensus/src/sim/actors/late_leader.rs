//! Proposes just when the others give up on it: some vote for the block, some skip.

use super::{Behaviour, Parcel, Scene, To};
use crate::Message;

#[derive(Debug)]
pub(super) struct LateLeader;

impl Behaviour for LateLeader {
    fn says(&mut self, scene: &mut Scene<'_>, to: To, message: &Message) -> Option<Vec<Parcel>> {
        let Message::Proposal(_) = message else { return None };
        let timers = scene.epoch().timers;
        let to_timeout = if scene.rng.chance(500) { timers.leader_timeout_ms } else { timers.view_timeout_ms };
        let after_ms = (u64::from(to_timeout) + scene.rng.below(300)).saturating_sub(200);
        Some(vec![Parcel { to, message: message.clone(), after_ms }])
    }
}
