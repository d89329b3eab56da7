//! Answers who catches up with blocks that are not the chain's, asked or not.

use voting_core::block::FinalizedBlock;
use voting_core::certificate::{Certificate, Statement};
use voting_core::ids::{AuthorityIndex, Height, View};

use super::{Behaviour, Parcel, Scene, To, made_up_entry};
use crate::Message;

#[derive(Debug)]
pub(super) struct LyingServer;

impl Behaviour for LyingServer {
    fn says(&mut self, scene: &mut Scene<'_>, to: To, message: &Message) -> Option<Vec<Parcel>> {
        let message = match message {
            Message::Blocks(blocks) => {
                let mut blocks = blocks.clone();
                let at = scene.rng.below(blocks.len().max(1) as u64) as usize;
                if let Some(finalized) = blocks.get_mut(at) {
                    finalized.block.header.state_root.0[0] ^= 1;
                }
                Message::Blocks(blocks)
            }
            Message::Block(block) => {
                let mut block = block.clone();
                block.header.view = View(block.header.view.0 + 1);
                Message::Block(block)
            }
            _ => return None,
        };
        Some(vec![Parcel { to, message, after_ms: 0 }])
    }

    fn acts(&mut self, scene: &mut Scene<'_>) -> Vec<Parcel> {
        let message = match scene.rng.below(4) {
            0 => Message::Hello { height: Height(scene.rng.below(1_000)) },
            _ => Message::Blocks(vec![invented(scene)]),
        };
        vec![Parcel::to_all(message)]
    }
}

/// A block on top of the final chain, with a certificate that only this liar signed.
fn invented(scene: &mut Scene<'_>) -> FinalizedBlock {
    let entry = made_up_entry(&mut scene.rng);
    let head = &scene.here.finalized;
    let time = scene.here.clock(scene.now_ms);
    let block = head.build(scene.chain, head.view.next(), time, &[entry]);
    let statement = Statement::Finalize { view: block.header.view, block: block.hash() };
    let signature = scene.sign(statement).signature;
    let signatures = (0..scene.epoch().quorum).map(|authority| (AuthorityIndex(authority), signature)).collect();
    FinalizedBlock { block, certificate: Some(Certificate { statement, signatures }), tail: Vec::new() }
}
