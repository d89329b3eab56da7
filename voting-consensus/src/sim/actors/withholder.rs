//! Shows its blocks to a few, gives them to nobody who asks, and keeps certificates and Finalize votes back.

use voting_core::certificate::{Statement, Vote};

use super::{Behaviour, Parcel, Scene, To};
use crate::Message;

#[derive(Debug)]
pub(super) struct Withholder;

impl Behaviour for Withholder {
    fn says(&mut self, scene: &mut Scene<'_>, to: To, message: &Message) -> Option<Vec<Parcel>> {
        match message {
            Message::Proposal(_) if scene.rng.chance(600) => {
                let few = scene.some(500);
                Some(vec![Parcel { to: few, message: message.clone(), after_ms: 0 }])
            }
            Message::Block(_) | Message::Blocks(_) => Some(Vec::new()),
            Message::Certificate(_) | Message::Vote(Vote { statement: Statement::Finalize { .. }, .. }) => {
                Some(vec![Parcel { to, message: message.clone(), after_ms: scene.rng.within(0, 5_000) }])
            }
            _ => None,
        }
    }

    /// Gives it all away at once, when it may be too late.
    fn acts(&mut self, scene: &mut Scene<'_>) -> Vec<Parcel> {
        let head = scene.here.disk.blocks.last().and_then(|last| last.certificate.clone());
        head.map(|certificate| Parcel::to_all(Message::Certificate(certificate))).into_iter().collect()
    }
}
