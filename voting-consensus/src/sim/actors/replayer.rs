//! Says again what was said before: in this epoch, in the one before it, in another chain.

use std::sync::Arc;

use super::{Behaviour, Parcel, Scene, To};
use crate::Message;

/// Messages kept for later.
const KEPT: usize = 200;

#[derive(Debug, Default)]
pub(super) struct Replayer {
    heard: Vec<Arc<Message>>,
    next: usize,
}

impl Behaviour for Replayer {
    fn hears(&mut self, message: &Arc<Message>) {
        if self.heard.len() < KEPT {
            self.heard.push(Arc::clone(message));
        } else if let Some(oldest) = self.heard.get_mut(self.next) {
            *oldest = Arc::clone(message);
            self.next = (self.next + 7) % KEPT; // some stay for long
        }
    }

    fn acts(&mut self, scene: &mut Scene<'_>) -> Vec<Parcel> {
        let mut parcels = Vec::new();
        for _ in 0..scene.rng.within(1, 4) {
            if !self.heard.is_empty() {
                let message = self.heard[scene.rng.below(self.heard.len() as u64) as usize].as_ref().clone();
                let to = if scene.rng.chance(500) { To::All } else { To::One(scene.someone()) };
                parcels.push(Parcel { to, message, after_ms: scene.rng.below(3_000) });
            }
        }
        if scene.rng.chance(500) {
            let statement = scene.statement();
            parcels.push(Parcel::to_all(Message::Certificate(scene.of_elsewhere(statement))));
        }
        parcels
    }
}
