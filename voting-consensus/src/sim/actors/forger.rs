//! Makes up votes of others and certificates, and votes for views far ahead.

use voting_core::certificate::{Certificate, Statement};
use voting_core::ids::{AuthorityIndex, View};

use super::{Behaviour, Parcel, Scene};
use crate::Message;

/// Views that a flood of votes spans.
const FLOOD: u64 = 30;

#[derive(Debug)]
pub(super) struct Forger;

impl Behaviour for Forger {
    fn acts(&mut self, scene: &mut Scene<'_>) -> Vec<Parcel> {
        let messages = match scene.rng.below(5) {
            0 | 1 => votes_of_others(scene),
            2 | 3 => vec![certificate(scene)],
            _ => flood(scene),
        };
        messages.into_iter().map(Parcel::to_all).collect()
    }
}

/// One statement in the name of everybody.
fn votes_of_others(scene: &mut Scene<'_>) -> Vec<Message> {
    let statement = scene.statement();
    let mut vote = scene.sign(statement);
    let authorities = 0..scene.epoch().len() as u16;
    let said_by = |authority| {
        vote.authority = AuthorityIndex(authority);
        Message::Vote(vote)
    };
    authorities.map(said_by).collect()
}

/// A quorum of the same vote, of one vote under many names, or of too few.
fn certificate(scene: &mut Scene<'_>) -> Message {
    let statement = scene.statement();
    let vote = scene.sign(statement);
    let (kind, quorum) = (scene.rng.below(3), scene.epoch().quorum);
    let signatures = match kind {
        0 => vec![(vote.authority, vote.signature); usize::from(quorum)],
        1 => (0..quorum).map(|authority| (AuthorityIndex(authority), vote.signature)).collect(),
        _ => vec![(vote.authority, vote.signature)],
    };
    Message::Certificate(Certificate { statement, signatures })
}

fn flood(scene: &mut Scene<'_>) -> Vec<Message> {
    let view = scene.view().0;
    (view + 2..view + 2 + FLOOD).map(|view| Message::Vote(scene.sign(Statement::Skip { view: View(view) }))).collect()
}
