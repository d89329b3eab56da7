//! Two nodes with one key: each talks to its own part of the others, and now and then to all.

use super::{Behaviour, Parcel, Scene, To};
use crate::Message;

#[derive(Debug)]
pub(super) struct Twins;

impl Behaviour for Twins {
    fn says(&mut self, scene: &mut Scene<'_>, to: To, message: &Message) -> Option<Vec<Parcel>> {
        if to != To::All || scene.rng.chance(150) {
            return None;
        }
        let mine = |node: usize| node % 2 == scene.number % 2 || scene.rng.chance(200);
        let side = (0..scene.nodes).map(mine).enumerate().fold(0, |mask, (node, mine)| mask | u64::from(mine) << node);
        Some(vec![Parcel { to: To::Nodes(side), message: message.clone(), after_ms: 0 }])
    }
}
