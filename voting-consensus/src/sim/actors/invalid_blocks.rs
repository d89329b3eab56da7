//! Proposes blocks that are invalid, out of turn, or on a parent that they may not have.

use voting_core::block::Block;
use voting_core::ids::{BlockHash, ChainId, Digest, View};

use super::{Behaviour, Parcel, Scene, To, made_up_entry};
use crate::leader::leader;
use crate::sim::app::AppState;
use crate::{Message, Proposal};

#[derive(Debug)]
pub(super) struct InvalidBlocks;

impl Behaviour for InvalidBlocks {
    fn says(&mut self, scene: &mut Scene<'_>, to: To, message: &Message) -> Option<Vec<Parcel>> {
        let Message::Proposal(proposal) = message else { return None };
        let message = match scene.rng.below(10) {
            0..3 => return None,
            // A block that some know and that is never notarized: something to build on later.
            3..5 => {
                let few = scene.some(300);
                return Some(vec![Parcel { to: few, message: message.clone(), after_ms: 0 }]);
            }
            5..8 => {
                let header = &proposal.block.header;
                unjustified(scene, header.view, header.parent.hash, false)?
            }
            _ => spoilt(scene, proposal),
        };
        Some(vec![Parcel { to, message, after_ms: 0 }])
    }

    fn acts(&mut self, scene: &mut Scene<'_>) -> Vec<Parcel> {
        let view = View(scene.view().0 + u64::from(scene.rng.chance(300)));
        let usurps = scene.rng.chance(200);
        unjustified(scene, view, BlockHash([0xff; 32]), usurps).map(Parcel::to_all).into_iter().collect()
    }
}

/// A valid block on some parent other than this one, in a view that the liar leads if so, unless it usurps it.
fn unjustified(scene: &mut Scene<'_>, view: View, other_than: BlockHash, usurps: bool) -> Option<Message> {
    let leads = |state: &AppState| leader(scene.epoch(), view, state.height.next(), state.preference.as_ref()) == scene.me();
    let fits = |state: &&AppState| state.view < view && state.hash != other_than && (usurps || leads(state));
    let parents: Vec<&AppState> = scene.here.states().filter(fits).collect();
    if parents.is_empty() {
        return None;
    }
    let parent = scene.rng.pick(&parents);
    let entry = made_up_entry(&mut scene.rng);
    let block = parent.build(scene.chain, view, scene.here.clock(scene.now_ms), &[entry]);
    Some(scene.proposal(block))
}

/// The same proposal with something wrong about its block.
fn spoilt(scene: &mut Scene<'_>, proposal: &Proposal) -> Message {
    let mut block = proposal.block.clone();
    let header = &mut block.header;
    match scene.rng.below(7) {
        0 => header.state_root = Digest([9; 32]),
        1 => header.height = header.height.next(),
        2 => header.payload_root = Digest([9; 32]),
        3 => header.timestamp = voting_core::time::Timestamp::default(),
        4 => header.epoch -= 1,
        5 => header.chain = ChainId([8; 32]),
        _ => block = doubled(scene, &block).unwrap_or(block),
    }
    scene.with_block(proposal, block)
}

/// A block with an entry that is there already, and all roots right.
fn doubled(scene: &mut Scene<'_>, block: &Block) -> Option<Block> {
    let state = scene.here.state(&block.header.parent.hash)?;
    let before = state.included.iter().next_back().copied();
    let twice = made_up_entry(&mut scene.rng);
    let entries = before.map_or_else(|| vec![twice, twice], |entry| vec![entry]);
    Some(state.build(scene.chain, block.header.view, block.header.timestamp, &entries))
}
