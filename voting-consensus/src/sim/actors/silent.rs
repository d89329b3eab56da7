//! Says nothing for stretches of time.

use super::{Behaviour, Parcel, Scene, To};
use crate::Message;

#[derive(Debug, Default)]
pub(super) struct Silent {
    quiet: bool,
}

impl Behaviour for Silent {
    fn says(&mut self, _: &mut Scene<'_>, _: To, _: &Message) -> Option<Vec<Parcel>> {
        self.quiet.then(Vec::new)
    }

    fn acts(&mut self, scene: &mut Scene<'_>) -> Vec<Parcel> {
        self.quiet = scene.rng.chance(500);
        Vec::new()
    }
}
