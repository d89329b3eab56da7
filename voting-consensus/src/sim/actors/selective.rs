//! Talks to some of the others, and to others after a while.

use super::{Behaviour, Parcel, Scene, To};
use crate::Message;

#[derive(Debug, Default)]
pub(super) struct Selective {
    friends: Option<To>,
}

impl Behaviour for Selective {
    fn says(&mut self, _: &mut Scene<'_>, to: To, message: &Message) -> Option<Vec<Parcel>> {
        let friends = self.friends.filter(|_| to == To::All)?;
        Some(vec![Parcel { to: friends, message: message.clone(), after_ms: 0 }])
    }

    fn acts(&mut self, scene: &mut Scene<'_>) -> Vec<Parcel> {
        let share = scene.rng.within(200, 800);
        self.friends = Some(scene.some(share));
        Vec::new()
    }
}
