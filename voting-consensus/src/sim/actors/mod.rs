//! How authorities lie. A liar runs the real engine; its actor decides what leaves it, and adds to that.

mod forger;
mod invalid_blocks;
mod late_leader;
mod lying_server;
mod replayer;
mod selective;
mod silent;
mod time_liar;
mod twins;
mod withholder;

use std::fmt::Debug;
use std::sync::Arc;

use voting_core::block::Block;
use voting_core::certificate::{Certificate, Statement, Vote};
use voting_core::crypto::SigningKey;
use voting_core::epoch::Epoch;
use voting_core::ids::{AuthorityIndex, BlockHash, ChainId, View};

use super::eras::{Era, FIRST_EPOCH};
use super::node::Node;
use super::rng::Rng;
use crate::{Message, Proposal};

/// How an authority lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Actor {
    /// Two nodes with one key, each unaware of the other.
    Twins,
    /// Hears everything and says nothing for stretches of time.
    Silent,
    /// Talks to some of the others only.
    Selective,
    /// Shows its blocks to a few, gives them to nobody who asks, and keeps its Finalize votes back.
    Withholder,
    /// Says again what was said before, in this epoch and in the one before it.
    Replayer,
    /// Proposes blocks that are invalid, out of turn, or on a parent that they may not have.
    InvalidBlocks,
    /// Proposes just when the others give up on it.
    LateLeader,
    /// Answers who catches up with blocks that are not the chain's.
    LyingServer,
    /// Proposes blocks of the past and of the future.
    TimeLiar,
    /// Makes up votes of others and certificates, and votes for views far ahead.
    Forger,
}

impl Actor {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Twins,
        Self::Silent,
        Self::Selective,
        Self::Withholder,
        Self::Replayer,
        Self::InvalidBlocks,
        Self::LateLeader,
        Self::LyingServer,
        Self::TimeLiar,
        Self::Forger,
    ];

    /// One word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Twins => "twins",
            Self::Silent => "silent",
            Self::Selective => "selective",
            Self::Withholder => "withholder",
            Self::Replayer => "replayer",
            Self::InvalidBlocks => "invalid-blocks",
            Self::LateLeader => "late-leader",
            Self::LyingServer => "lying-server",
            Self::TimeLiar => "time-liar",
            Self::Forger => "forger",
        }
    }

    /// What is counted each time it lies.
    pub(super) const fn deed(self) -> &'static str {
        match self {
            Self::Twins => "selective sending by a twin",
            Self::Silent => "silence",
            Self::Selective => "message to some only",
            Self::Withholder => "message withheld",
            Self::Replayer => "old message replayed",
            Self::InvalidBlocks => "bad block proposed",
            Self::LateLeader => "proposal kept back",
            Self::LyingServer => "lying answer to who catches up",
            Self::TimeLiar => "proposal of a wrong time",
            Self::Forger => "forged votes",
        }
    }

    /// Whether a story tells of each of its lies: those of the others are too many.
    pub(super) const fn is_told(self) -> bool {
        !matches!(self, Self::Twins | Self::Silent | Self::Selective | Self::Withholder)
    }

    /// Whether it may sign what contradicts itself, so that evidence against it is right.
    pub(super) const fn contradicts_itself(self) -> bool {
        matches!(self, Self::Twins | Self::InvalidBlocks | Self::TimeLiar | Self::Forger)
    }

    /// Whether it does things of its own accord.
    pub(super) const fn acts(self) -> bool {
        !matches!(self, Self::Twins | Self::LateLeader | Self::TimeLiar)
    }

    pub(super) fn behaviour(self) -> Box<dyn Behaviour> {
        match self {
            Self::Twins => Box::new(twins::Twins),
            Self::Silent => Box::<silent::Silent>::default(),
            Self::Selective => Box::<selective::Selective>::default(),
            Self::Withholder => Box::new(withholder::Withholder),
            Self::Replayer => Box::<replayer::Replayer>::default(),
            Self::InvalidBlocks => Box::new(invalid_blocks::InvalidBlocks),
            Self::LateLeader => Box::new(late_leader::LateLeader),
            Self::LyingServer => Box::new(lying_server::LyingServer),
            Self::TimeLiar => Box::new(time_liar::TimeLiar),
            Self::Forger => Box::new(forger::Forger),
        }
    }
}

/// Who gets a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum To {
    All,
    One(AuthorityIndex),
    /// The nodes in this mask.
    Nodes(u64),
}

/// Something sent, after so many milliseconds.
#[derive(Debug)]
pub(super) struct Parcel {
    pub(super) to: To,
    pub(super) message: Message,
    pub(super) after_ms: u64,
}

impl Parcel {
    const fn to_all(message: Message) -> Self {
        Self { to: To::All, message, after_ms: 0 }
    }
}

/// What a liar does about things.
pub(super) trait Behaviour: Debug {
    /// Its engine says something. `None`: it is said as it is.
    fn says(&mut self, scene: &mut Scene<'_>, to: To, message: &Message) -> Option<Vec<Parcel>> {
        let _ = (scene, to, message);
        None
    }

    /// Something was said to it.
    fn hears(&mut self, message: &Arc<Message>) {
        let _ = message;
    }

    /// It is time to do something of its own accord.
    fn acts(&mut self, scene: &mut Scene<'_>) -> Vec<Parcel> {
        let _ = scene;
        Vec::new()
    }
}

/// What a liar knows.
pub(super) struct Scene<'a> {
    pub(super) now_ms: u64,
    pub(super) rng: Rng,
    /// Its node, by number, and all there are.
    pub(super) number: usize,
    pub(super) nodes: usize,
    pub(super) here: &'a Node,
    pub(super) chain: ChainId,
    /// The epoch that it is in.
    pub(super) era: &'a Era,
}

impl Scene<'_> {
    const fn me(&self) -> AuthorityIndex {
        self.here.seat
    }

    fn view(&self) -> View {
        self.here.engine.as_ref().map_or(View(1), crate::Engine::view)
    }

    /// Some of the nodes, each with this chance per thousand.
    fn some(&mut self, per_mille: u64) -> To {
        To::Nodes((0..self.nodes).fold(0, |mask, node| mask | u64::from(self.rng.chance(per_mille)) << node))
    }

    fn someone(&mut self) -> AuthorityIndex {
        AuthorityIndex(self.rng.below(self.epoch().len() as u64) as u16)
    }

    fn epoch(&self) -> &Epoch {
        &self.era.epoch
    }

    fn sign(&self, statement: Statement) -> Vote {
        Vote::sign(self.chain, self.epoch().number, statement, self.me(), &self.here.key)
    }

    /// A proposal of this block, with nothing that justifies it.
    fn proposal(&self, block: Block) -> Message {
        let vote = self.sign(Statement::Notarize { view: block.header.view, block: block.hash() });
        Message::Proposal(Box::new(Proposal { block, vote, parent: None, skips: Vec::new(), parent_header: None }))
    }

    /// The same proposal with another block.
    fn with_block(&self, proposal: &Proposal, block: Block) -> Message {
        let vote = self.sign(Statement::Notarize { view: block.header.view, block: block.hash() });
        Message::Proposal(Box::new(Proposal { block, vote, ..proposal.clone() }))
    }

    /// What the same authorities once certified before the first epoch, or in another chain.
    fn of_elsewhere(&mut self, statement: Statement) -> Certificate {
        let (chain, epoch) = if self.rng.chance(700) { (self.chain, FIRST_EPOCH - 1) } else { (ChainId([8; 32]), 1) };
        let vote = |(i, key): (usize, &SigningKey)| Vote::sign(chain, epoch, statement, AuthorityIndex(i as u16), key);
        let votes = self.era.keys.iter().enumerate().map(vote).take(usize::from(self.epoch().quorum));
        Certificate { statement, signatures: votes.map(|vote| (vote.authority, vote.signature)).collect() }
    }

    /// A statement about a view near the current one.
    fn statement(&mut self) -> Statement {
        let view = View(self.view().0 + self.rng.below(2));
        let known: Vec<BlockHash> = self.here.states().map(|state| state.hash).collect();
        let block = if self.rng.chance(500) { self.rng.pick(&known) } else { made_up(&mut self.rng) };
        match self.rng.below(3) {
            0 => Statement::Notarize { view, block },
            1 => Statement::Skip { view },
            _ => Statement::Finalize { view, block },
        }
    }
}

/// The hash of no block.
fn made_up(rng: &mut Rng) -> BlockHash {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&rng.next().to_le_bytes());
    BlockHash(bytes)
}

/// An entry that nobody submitted.
fn made_up_entry(rng: &mut Rng) -> u64 {
    rng.next() >> 2
}
