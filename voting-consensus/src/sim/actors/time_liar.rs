//! Proposes blocks of the past and of the future.

use std::time::Duration;

use super::{Behaviour, Parcel, Scene, To};
use crate::Message;

#[derive(Debug)]
pub(super) struct TimeLiar;

impl Behaviour for TimeLiar {
    fn says(&mut self, scene: &mut Scene<'_>, to: To, message: &Message) -> Option<Vec<Parcel>> {
        let Message::Proposal(proposal) = message else { return None };
        let mut block = proposal.block.clone();
        if scene.rng.chance(200) {
            return None;
        }
        let by = Duration::from_millis(scene.rng.pick(&[300, 2_000, 60_000, 3_600_000]));
        let time = &mut block.header.timestamp;
        *time = if scene.rng.chance(800) { time.saturating_add(by) } else { time.saturating_sub(by) };
        Some(vec![Parcel { to, message: scene.with_block(proposal, block), after_ms: 0 }])
    }
}
