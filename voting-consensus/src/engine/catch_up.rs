//! Getting what this authority lacks, and giving others what they lack.
//!
//! A Finalize certificate authenticates its block and, through parent hashes, every block before it.
//! So an authority that is behind needs one certificate to know where to go, and can take the blocks
//! from anyone.

use std::collections::BTreeMap;
use std::time::Duration;

use voting_core::block::{Block, FinalizedBlock};
use voting_core::certificate::Certificate;
use voting_core::ids::{AuthorityIndex, BlockHash, Height};

use super::Engine;
use crate::input::TimerId;
use crate::message::{MAX_CATCH_UP_BLOCKS, Message};
use crate::mutation::Mutation;
use crate::output::Output;

/// An unanswered request goes to the next authority after this long.
const RETRY_AFTER: Duration = Duration::from_millis(250);

/// Whom to ask.
#[derive(Debug, Clone, Default)]
pub(super) struct CatchUp {
    /// A request is under way.
    waiting: bool,
    /// Who spoke of something unknown, and therefore has it.
    preferred: Option<AuthorityIndex>,
    /// Otherwise in turn.
    turn: u16,
    /// Who states to be further than this authority, and how far. Nothing proves it but the blocks.
    ahead: BTreeMap<AuthorityIndex, Height>,
    /// Which of them was asked last.
    asked: Option<AuthorityIndex>,
}

impl CatchUp {
    pub(super) fn prefer(&mut self, authority: AuthorityIndex) {
        self.preferred = Some(authority);
    }

    /// The next of those who state to be further: each in turn, so that nobody who makes it up keeps others from being asked.
    fn next_ahead(&mut self) -> Option<AuthorityIndex> {
        let after = self.asked.map_or(0, |asked| asked.0.saturating_add(1));
        let next = self.ahead.range(AuthorityIndex(after)..).chain(&self.ahead).next().map(|(authority, _)| *authority);
        self.asked = next.or(self.asked);
        next
    }

    /// Whoever was asked has not shown what it stated.
    fn disbelieve(&mut self, authority: Option<AuthorityIndex>) {
        authority.map(|authority| self.ahead.remove(&authority));
    }
}

impl Engine {
    /// Asks one authority for what is missing, if anything is and no request is under way.
    pub(super) fn request_missing(&mut self) {
        if self.catch_up.waiting {
            return;
        }
        let head = self.head.height;
        self.catch_up.ahead.retain(|_, height| *height > head);
        let (behind, unknown) = self.missing();
        let ahead = self.catch_up.next_ahead();
        if !behind && unknown.is_none() && ahead.is_none() {
            return;
        }
        let Some(to) = ahead.or_else(|| self.next_peer()) else { return };
        let behind = behind || ahead.is_some();
        self.catch_up.waiting = true;
        if behind {
            self.out.push(Output::Send { to, message: Message::RequestBlocks { from: self.head.height.next() } });
        }
        if let Some(hash) = unknown {
            self.out.push(Output::Send { to, message: Message::RequestBlock { hash } });
        }
        self.set_timer(TimerId::CatchUp, RETRY_AFTER);
    }

    /// Nobody answered: ask the next.
    pub(super) fn on_catch_up_timer(&mut self) {
        self.catch_up.waiting = false;
        self.catch_up.preferred = None;
        self.catch_up.disbelieve(self.catch_up.asked);
    }

    /// Whether final blocks are missing, and the lowest single block that is certified and unknown.
    fn missing(&self) -> (bool, Option<BlockHash>) {
        let behind = self.target.is_some(); // otherwise it would have been committed
        let certified = self.target.iter().filter_map(|target| target.statement.block());
        let notarized = self.views.values().filter_map(|state| state.notarized());
        let unknown = certified.chain(notarized).find_map(|hash| self.first_unknown(hash));
        (behind, unknown)
    }

    /// The first ancestor that is not known, the block itself included.
    fn first_unknown(&self, mut hash: BlockHash) -> Option<BlockHash> {
        while hash != self.head.hash {
            match self.blocks.get(&hash) {
                None => return Some(hash),
                Some(known) if known.block.header.parent.view < self.head.view => return None,
                Some(known) => hash = known.block.header.parent.hash,
            }
        }
        None
    }

    fn next_peer(&mut self) -> Option<AuthorityIndex> {
        if let Some(preferred) = self.catch_up.preferred.take() {
            return Some(preferred);
        }
        let (n, me) = (self.config.epoch.len() as u16, self.config.me.0);
        let others = if me < n { n - 1 } else { n };
        if others == 0 {
            return None;
        }
        self.catch_up.turn = (self.catch_up.turn + 1) % others;
        let after = if me < n { me + 1 } else { 0 };
        Some(AuthorityIndex((after + self.catch_up.turn) % n))
    }

    /// Finalized blocks. Believed as far as certificates and parent hashes carry.
    pub(super) fn on_blocks(&mut self, from: AuthorityIndex, blocks: Vec<FinalizedBlock>) {
        if blocks.len() > MAX_CATCH_UP_BLOCKS {
            return;
        }
        self.catch_up.waiting = false;
        let (mut parent, mut height) = (self.head.hash, self.head.height);
        let (mut chain, mut certain) = (Vec::new(), 0);
        for mut finalized in blocks.into_iter().skip_while(|finalized| finalized.block.header.height <= self.head.height) {
            let (header, hash) = (&finalized.block.header, finalized.block.hash());
            let is_next = header.parent.hash == parent && header.height == height.next();
            if !is_next || header.chain != self.config.chain || header.epoch != self.config.epoch.number {
                break;
            }
            (parent, height) = (hash, header.height);
            let ends = header.successor.is_some();
            let vouches = |certificate: &&Certificate| {
                self.config.is_certain(certificate) || self.config.mutated(Mutation::CatchUpUnverified)
            };
            let is_certain = finalized.proof().filter(vouches).is_some();
            if !is_certain {
                finalized.certificate = None;
                finalized.tail.clear();
            }
            chain.push(finalized);
            if is_certain {
                certain = chain.len();
            }
            if ends {
                break; // what follows is for others to decide
            }
        }
        chain.truncate(certain);
        if chain.is_empty() {
            self.catch_up.disbelieve(Some(from));
        } else {
            self.commit(chain);
            self.progressed();
        }
    }

    /// A single block that was asked for.
    pub(super) fn on_block(&mut self, block: Block) {
        let (hash, header) = (block.hash(), &block.header);
        if header.chain != self.config.chain || header.epoch != self.config.epoch.number || header.view <= self.head.view {
            return;
        }
        if self.missing().1 == Some(hash) {
            self.catch_up.waiting = false;
            self.insert_block(hash, block);
        }
    }

    pub(super) fn on_request_block(&mut self, from: AuthorityIndex, hash: BlockHash) {
        if let Some(known) = self.blocks.get(&hash) {
            let block = Box::new(known.block.as_ref().clone());
            self.out.push(Output::Send { to: from, message: Message::Block(block) });
        }
    }

    pub(super) fn on_request_blocks(&mut self, from: AuthorityIndex, height: Height) {
        if height.0 > 0 && height <= self.head.height {
            self.out.push(Output::ReadBlocks { to: from, from: height });
        }
    }

    /// Someone states how far they are. Whoever is further says so, and whoever is not asks for the blocks, which prove
    /// themselves: certificates of an epoch that this authority has not come to yet would not.
    pub(super) fn on_hello(&mut self, from: AuthorityIndex, height: Height) {
        if height < self.head.height {
            self.help(from);
        } else if height > self.head.height && !self.config.mutated(Mutation::FurtherUnasked) {
            self.catch_up.ahead.insert(from, height);
        }
    }
}
