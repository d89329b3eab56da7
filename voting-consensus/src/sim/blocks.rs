//! All blocks that anybody has shown, and whether they are valid: worked out again, without the application.

use std::collections::BTreeMap;
use std::sync::Arc;

use voting_core::block::{Block, BlockHeader};
use voting_core::epoch::LeaderPolicy;
use voting_core::ids::{AuthorityIndex, BlockHash, Digest, Height, View};
use voting_core::preference::Preference;
use voting_core::time::Timestamp;
use voting_core::{Canonical, ChainId};

use super::app::{Change, Wish, entries_of};
use super::eras::{Eras, FIRST_EPOCH};

#[derive(Debug)]
struct Known {
    block: Block,
    valid: Option<bool>,
    /// Who proposed it, as a mask.
    proposers: u64,
    /// The honest authority that did.
    leader: Option<AuthorityIndex>,
}

#[derive(Debug)]
pub(super) struct Blocks {
    chain: ChainId,
    eras: Arc<Eras>,
    known: BTreeMap<BlockHash, Known>,
}

impl Blocks {
    pub(super) const fn new(chain: ChainId, eras: Arc<Eras>) -> Self {
        Self { chain, eras, known: BTreeMap::new() }
    }

    pub(super) fn seen(&mut self, block: &Block) {
        self.entry(block.hash(), block);
    }

    pub(super) fn proposed(&mut self, block: &Block, by: AuthorityIndex) {
        self.entry(block.hash(), block).proposers |= 1 << (by.0 % 64);
    }

    /// The same header with other entries is another block to everyone but a liar: only what fits is kept.
    fn entry(&mut self, hash: BlockHash, block: &Block) -> &mut Known {
        let fits = self.known.contains_key(&hash) || block.check_payload().is_ok();
        let known = || Known { block: block.clone(), valid: (!fits).then_some(false), proposers: 0, leader: None };
        let known = self.known.entry(hash).or_insert_with(known);
        if known.valid == Some(false) && block.check_payload().is_ok() && known.block != *block {
            known.block = block.clone();
            known.valid = None;
        }
        known
    }

    pub(super) fn led_by(&mut self, hash: BlockHash, leader: AuthorityIndex) {
        if let Some(known) = self.known.get_mut(&hash) {
            known.leader = Some(leader);
        }
    }

    pub(super) fn header(&self, hash: &BlockHash) -> Option<&BlockHeader> {
        Some(&self.known.get(hash)?.block.header)
    }

    pub(super) fn proposers(&self, hash: &BlockHash) -> u64 {
        self.known.get(hash).map_or(0, |known| known.proposers)
    }

    /// The honest authority that proposed a block.
    pub(super) fn leader_of(&self, hash: &BlockHash) -> Option<AuthorityIndex> {
        self.known.get(hash)?.leader
    }

    /// Whom a block prefers as leader, if that was asked for in its own epoch.
    pub(super) fn preference_of(&self, hash: &BlockHash, epoch: u32) -> Option<Preference> {
        let preference = self.header(hash)?.preference?;
        let mut at = *hash;
        while let Some(header) = self.header(&at).filter(|header| header.epoch == epoch) {
            if header.view == preference.since {
                return Some(preference);
            }
            at = header.parent.hash;
        }
        None
    }

    /// Whether a block and all its ancestors are valid.
    pub(super) fn is_valid(&mut self, hash: &BlockHash) -> bool {
        let mut unsure = Vec::new();
        let mut at = *hash;
        while at != BlockHash::GENESIS {
            let Some(known) = self.known.get(&at) else { break };
            match known.valid {
                Some(false) => break,
                Some(true) => break,
                None => unsure.push(at),
            }
            at = known.block.header.parent.hash;
        }
        let mut valid = at == BlockHash::GENESIS || self.known.get(&at).is_some_and(|known| known.valid == Some(true));
        for at in unsure.iter().rev() {
            valid = valid && self.follows(at);
            if let Some(known) = self.known.get_mut(at) {
                known.valid = Some(valid);
            }
        }
        valid
    }

    /// Whether a block may stand on top of its parent, which is valid.
    fn follows(&self, hash: &BlockHash) -> bool {
        let Some(Known { block, .. }) = self.known.get(hash) else { return false };
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
        header.chain == self.chain
            && self.is_of_epoch(header, &entries, parent)
            && header.parent.view == view
            && header.view > view
            && header.height == height.next()
            && header.timestamp > time
            && header.state_root == state
            && in_order
            && self.are_new(&entries, &header.parent.hash)
    }

    /// Whether a block is of the epoch that its parent's is or that follows it, and ends it only with the entry that says so.
    fn is_of_epoch(&self, header: &BlockHeader, entries: &[u64], parent: Option<&BlockHeader>) -> bool {
        let (last, others) = entries.split_last().map_or((None, entries), |(last, others)| (Some(*last), others));
        let Some(era) = self.eras.get(header.epoch) else { return false };
        let elects = era.epoch.leader == LeaderPolicy::Elected;
        let can_lead = |wish: Wish| elects && usize::from(wish.leader.0) < era.epoch.len();
        let wishes_fit = entries.iter().filter_map(|entry| Wish::of_entry(*entry)).all(can_lead);
        let ends = last.and_then(Change::of_entry).map(|change| change.to);
        let successor = ends.and_then(|to| Some(self.eras.get(to)?.epoch.digest()));
        let changes_fit = ends.is_none_or(|to| to == header.epoch + 1 && successor.is_some())
            && others.iter().all(|entry| Change::of_entry(*entry).is_none());
        if !wishes_fit || !changes_fit {
            return false;
        }
        match parent.filter(|parent| parent.successor.is_some()) {
            None => header.epoch == parent.map_or(FIRST_EPOCH, |parent| parent.epoch) && header.successor == successor,
            Some(parent) if parent.epoch == header.epoch => {
                entries.is_empty() && (header.successor, header.preference) == (parent.successor, parent.preference)
            }
            Some(parent) => parent.epoch + 1 == header.epoch && parent.entries > 0 && header.successor == successor,
        }
    }

    /// Whether no entry is there twice, nor in an ancestor.
    fn are_new(&self, entries: &[u64], parent: &BlockHash) -> bool {
        let mut seen = entries.to_vec();
        seen.sort_unstable();
        if seen.windows(2).any(|pair| pair[0] == pair[1]) {
            return false;
        }
        let mut at = self.known.get(parent);
        while let Some(known) = at {
            if entries_of(&known.block).unwrap_or_default().iter().any(|entry| seen.binary_search(entry).is_ok()) {
                return false;
            }
            at = self.known.get(&known.block.header.parent.hash);
        }
        true
    }
}
