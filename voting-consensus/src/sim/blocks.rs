//! All blocks that anybody has shown, and whether they are valid: worked out again, without the application.

use std::collections::BTreeMap;

use voting_core::ChainId;
use voting_core::block::{Block, BlockHeader};
use voting_core::epoch::Epoch;
use voting_core::ids::{AuthorityIndex, BlockHash, Digest, Height, View};
use voting_core::time::Timestamp;

use super::app::{Wish, entries_of};

#[derive(Debug)]
struct Known {
    block: Block,
    valid: Option<bool>,
    /// Who proposed it, as a mask.
    proposers: u64,
    /// The honest authority that did.
    leader: Option<AuthorityIndex>,
}

#[derive(Debug, Default)]
pub(super) struct Blocks(BTreeMap<BlockHash, Known>);

impl Blocks {
    pub(super) fn seen(&mut self, block: &Block) {
        self.entry(block.hash(), block);
    }

    pub(super) fn proposed(&mut self, block: &Block, by: AuthorityIndex) {
        self.entry(block.hash(), block).proposers |= 1 << (by.0 % 64);
    }

    /// The same header with other entries is another block to everyone but a liar: only what fits is kept.
    fn entry(&mut self, hash: BlockHash, block: &Block) -> &mut Known {
        let fits = self.0.contains_key(&hash) || block.check_payload().is_ok();
        let known = || Known { block: block.clone(), valid: (!fits).then_some(false), proposers: 0, leader: None };
        let known = self.0.entry(hash).or_insert_with(known);
        if known.valid == Some(false) && block.check_payload().is_ok() && known.block != *block {
            known.block = block.clone();
            known.valid = None;
        }
        known
    }

    pub(super) fn led_by(&mut self, hash: BlockHash, leader: AuthorityIndex) {
        if let Some(known) = self.0.get_mut(&hash) {
            known.leader = Some(leader);
        }
    }

    pub(super) fn header(&self, hash: &BlockHash) -> Option<&BlockHeader> {
        Some(&self.0.get(hash)?.block.header)
    }

    pub(super) fn proposers(&self, hash: &BlockHash) -> u64 {
        self.0.get(hash).map_or(0, |known| known.proposers)
    }

    /// The honest authority that proposed a block.
    pub(super) fn leader_of(&self, hash: &BlockHash) -> Option<AuthorityIndex> {
        self.0.get(hash)?.leader
    }

    /// Whether a block and all its ancestors are valid.
    pub(super) fn is_valid(&mut self, hash: &BlockHash, chain: ChainId, epoch: &Epoch) -> bool {
        let mut unsure = Vec::new();
        let mut at = *hash;
        while at != BlockHash::GENESIS {
            let Some(known) = self.0.get(&at) else { break };
            match known.valid {
                Some(false) => break,
                Some(true) => break,
                None => unsure.push(at),
            }
            at = known.block.header.parent.hash;
        }
        let mut valid = at == BlockHash::GENESIS || self.0.get(&at).is_some_and(|known| known.valid == Some(true));
        for at in unsure.iter().rev() {
            valid = valid && self.follows(at, chain, epoch);
            if let Some(known) = self.0.get_mut(at) {
                known.valid = Some(valid);
            }
        }
        valid
    }

    /// Whether a block may stand on top of its parent, which is valid.
    fn follows(&self, hash: &BlockHash, chain: ChainId, epoch: &Epoch) -> bool {
        let Some(Known { block, .. }) = self.0.get(hash) else { return false };
        let (header, entries) = (&block.header, entries_of(block).unwrap_or_default());
        let genesis = (View(0), Height(0), Timestamp::default(), Digest::ZERO, None);
        let parent = self.header(&header.parent.hash);
        let (view, height, time, root, preference) =
            parent.map_or(genesis, |p| (p.view, p.height, p.timestamp, p.state_root, p.preference));
        let state =
            entries.iter().fold(root, |root, entry| Digest::of_parts("voting/sim-state/v1", &[&root.0, &entry.to_le_bytes()]));
        let term = preference.map_or(0, |preference| preference.term);
        let wishes: Vec<u32> = entries.iter().filter_map(|entry| Some(Wish::of_entry(*entry)?.term)).collect();
        let in_order = wishes.iter().zip(term + 1..).all(|(wish, next)| *wish == next);
        (header.chain, header.epoch) == (chain, epoch.number)
            && header.parent.view == view
            && header.view > view
            && header.height == height.next()
            && header.timestamp > time
            && header.state_root == state
            && in_order
            && self.are_new(&entries, &header.parent.hash)
    }

    /// Whether no entry is there twice, nor in an ancestor.
    fn are_new(&self, entries: &[u64], parent: &BlockHash) -> bool {
        let mut seen = entries.to_vec();
        seen.sort_unstable();
        if seen.windows(2).any(|pair| pair[0] == pair[1]) {
            return false;
        }
        let mut at = self.0.get(parent);
        while let Some(known) = at {
            if entries_of(&known.block).unwrap_or_default().iter().any(|entry| seen.binary_search(entry).is_ok()) {
                return false;
            }
            at = self.0.get(&known.block.header.parent.hash);
        }
        true
    }
}
