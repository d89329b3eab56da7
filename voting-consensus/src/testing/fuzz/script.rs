//! Bytes as a script: each instruction is a byte and its arguments. Where the bytes end, the script ends.
//!
//! The first byte is the leader policy. What an instruction says may make sense or not: the three other authorities sign
//! whatever it names, for any view, and sometimes falsely. The host alone is honest: it finds a block valid only if its
//! height is the one above its parent's.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use voting_core::ChainId;
use voting_core::block::{Block, BlockHeader, FinalizedBlock, Parent, payload_root};
use voting_core::certificate::{Certificate, Statement};
use voting_core::codec::Canonical as _;
use voting_core::epoch::LeaderPolicy;
use voting_core::ids::{AuthorityIndex, BlockHash, Digest, Height, View};
use voting_core::preference::Preference;
use voting_core::time::Timestamp;

use super::host::{AUTHORITIES, CHAIN, Host, ME, key, vote};
use super::seeds::certificate;
use crate::input::{Input, TimerId};
use crate::leader::leader;
use crate::message::{Message, Proposal, SignedView, ViewReport};

/// A longer script is cut: a run takes milliseconds.
const INSTRUCTIONS_MAX: usize = 400;
/// Skip certificates that a proposal of a script has at most.
const SKIPS_MAX: usize = 12;
/// A view that no honest authority comes to: after it there is none, and records that are never pruned stand in it.
const LAST_VIEW: View = View(u64::MAX);
/// Blocks that a script can speak of.
const BLOCKS_MAX: usize = 64;

/// What is left of the script.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    /// A number: mostly a small one, sometimes one from the end of its range.
    fn number(&mut self) -> Option<u64> {
        Some(match self.next()? {
            small @ 0..=239 => u64::from(small),
            240..=243 => u64::MAX,
            244..=247 => u64::MAX - 1,
            248..=251 => 1 << 63,
            _ => 1 << 32,
        })
    }
}

/// What a script has come to.
pub(super) struct Player<'a> {
    bytes: Bytes<'a>,
    host: Host,
    /// Blocks of the script, and those that the host was asked to build.
    known: Vec<Block>,
    verdicts: BTreeMap<BlockHash, bool>,
    heard: Vec<(AuthorityIndex, Message)>,
    /// Questions of engines that have lost their journals since.
    asked: Vec<[u8; 32]>,
}

/// Plays a script.
pub(super) fn play(data: &[u8]) {
    let mut bytes = Bytes(data);
    let policy = match bytes.next().unwrap_or_default() % 3 {
        0 => LeaderPolicy::RoundRobin { term: 1 },
        1 => LeaderPolicy::Fixed,
        _ => LeaderPolicy::Elected,
    };
    Player { bytes, ..Player::over(&[], Host::new(policy)) }.finish();
}

impl<'a> Player<'a> {
    /// Who plays a script, after its first byte, to an engine.
    pub(super) fn over(script: &'a [u8], host: Host) -> Self {
        let (known, verdicts, heard, asked) = (Vec::new(), BTreeMap::new(), Vec::new(), Vec::new());
        Self { bytes: Bytes(script), host, known, verdicts, heard, asked }
    }

    /// Plays what is left of the script.
    pub(super) fn finish(mut self) -> Host {
        for _ in 0..INSTRUCTIONS_MAX {
            if self.host.is_over() || self.instruction().is_none() {
                break;
            }
        }
        self.host
    }
}

impl Player<'_> {
    fn instruction(&mut self) -> Option<()> {
        match self.bytes.next()? % 24 {
            0..=2 => self.proposal(),
            3..=6 => self.one_vote(),
            7..=9 => self.one_certificate(),
            10 => self.blocks(),
            11 => self.question(),
            12 => self.in_view(),
            13 => self.timer(),
            14 | 15 => self.build(),
            16..=18 => self.validate(),
            19 => {
                let work = self.bytes.next()? % 2 == 0;
                self.host.give(Input::WorkAvailable(work));
                Some(())
            }
            20 => {
                let step = Duration::from_millis(10 << (self.bytes.next()? % 12));
                self.host.now = self.host.now.saturating_add(step);
                Some(())
            }
            21 => self.trouble(),
            22 => self.replay(),
            _ => self.raw(),
        }
    }

    fn hear(&mut self, from: u16, message: Message) -> Option<()> {
        let from = AuthorityIndex(from);
        if self.heard.len() < BLOCKS_MAX {
            self.heard.push((from, message.clone()));
        }
        self.host.give(Input::Message { from, message });
        Some(())
    }

    /// One of the others; sometimes nobody.
    fn peer(&mut self) -> Option<u16> {
        Some(match self.bytes.next()? % 16 {
            15 => u16::MAX,
            14 => AUTHORITIES,
            other => [0, 2, 3][usize::from(other) % 3],
        })
    }

    /// One of the known blocks, or a new one on one of them.
    fn block(&mut self) -> Option<Block> {
        let pick = usize::from(self.bytes.next()?);
        if pick % 2 == 0 && !self.known.is_empty() {
            return Some(self.known[pick / 2 % self.known.len()].clone());
        }
        let parent = match self.known.get(pick / 2 % (self.known.len() + 1)) {
            Some(block) => Parent { view: block.header.view, hash: block.hash() },
            None => Parent::GENESIS,
        };
        let mut block = self.block_on(parent, self.host.engine.view());
        let odd = self.bytes.next()?;
        match odd % 16 {
            0 => block.header.view = View(self.bytes.number()?),
            1 => block.header.height = Height(self.bytes.number()?),
            2 => block.header.parent.view = View(self.bytes.number()?),
            3 => block.header.chain = ChainId([6; 32]),
            4 => block.header.epoch = 1,
            5 => block.header.successor = Some(Digest([odd; 32])),
            6 => block.header.parent.hash = BlockHash([odd; 32]),
            7 => block.header.preference = Some(self.preference()?),
            8 => block.header.view = self.host.engine.view().next(),
            9 => block.header.view = View(parent.view.0.saturating_add(1)),
            salt => block.header.state_root = Digest([salt ^ odd; 32]),
        }
        if self.known.len() < BLOCKS_MAX {
            self.known.push(block.clone());
        }
        Some(block)
    }

    /// The header of a known block.
    fn header(&self, hash: &BlockHash) -> Option<&BlockHeader> {
        self.known.iter().map(|known| &known.header).find(|header| header.hash() == *hash)
    }

    /// An empty block; above the last one of an epoch, one of its tail.
    fn block_on(&self, parent: Parent, view: View) -> Block {
        let below = self.header(&parent.hash);
        let height = Height(below.map_or(0, |below| below.height.0).saturating_add(1));
        let ending = below.filter(|below| below.successor.is_some());
        let header = BlockHeader {
            chain: CHAIN,
            epoch: 0,
            view,
            height,
            parent,
            payload_root: payload_root(&[]),
            entries: 0,
            state_root: ending.map_or(Digest([0; 32]), |below| below.state_root),
            timestamp: Timestamp::from_millis(1_000 + height.0 % 1_000).unwrap_or_default(),
            preference: ending.and_then(|below| below.preference),
            successor: ending.and_then(|below| below.successor),
        };
        Block { header, entries: Vec::new() }
    }

    fn preference(&mut self) -> Option<Preference> {
        let (since, height, until) = (View(self.bytes.number()?), Height(self.bytes.number()?), View(self.bytes.number()?));
        let leader = AuthorityIndex(u16::from(self.bytes.next()?));
        Some(Preference { term: 1, leader, since, height, at: Timestamp::default(), until })
    }

    fn statement(&mut self) -> Option<Statement> {
        let kind = self.bytes.next()?;
        if kind % 3 == 0 {
            let view = if kind % 2 == 0 { self.host.engine.view() } else { View(self.bytes.number()?) };
            return Some(Statement::Skip { view });
        }
        let block = self.block()?;
        let (view, block) = (block.header.view, block.hash());
        Some(if kind % 3 == 1 { Statement::Notarize { view, block } } else { Statement::Finalize { view, block } })
    }

    /// Whether the block stands on another one as honest authorities demand.
    fn is_sound(&self, block: &Block) -> bool {
        let header = &block.header;
        let parent = self.header(&header.parent.hash);
        let below = parent.map_or((View(0), Height(0)), |parent| (parent.view, parent.height));
        (parent.is_some() || header.parent == Parent::GENESIS)
            && header.parent.view == below.0
            && (below.0.next()..LAST_VIEW).contains(&header.view)
            && below.1.0.checked_add(1) == Some(header.height.0)
            && (header.chain, header.epoch) == (CHAIN, 0)
            && parent.is_none_or(|parent| parent.successor.is_none() || header.is_tail_of(parent))
    }

    /// A certificate of the three others, or one that something is wrong with.
    fn certify(&mut self, statement: Statement) -> Option<Certificate> {
        let mut signatures: Vec<_> = [0, 2, 3].map(|who| (AuthorityIndex(who), vote(who, statement).signature)).into();
        let odd = self.bytes.next()?;
        let named = self.known.iter().find(|known| Some(known.hash()) == statement.block());
        match odd {
            // Of a quorum some are honest, and vote for no such block.
            _ if named.is_some_and(|block| !self.is_sound(block)) => drop(signatures.pop()),
            0 => drop(signatures.pop()),
            1 => signatures[1] = signatures[0],
            2 => signatures[0].1 = signatures[1].1,
            3 => signatures.push((AuthorityIndex(AUTHORITIES), signatures[0].1)),
            4 => signatures.clear(),
            5 => signatures[0] = (ME, vote(ME.0, statement).signature),
            6 => signatures.swap(0, 1),
            _ => {}
        }
        Some(Certificate { statement, signatures })
    }

    fn proposal(&mut self) -> Option<()> {
        let block = self.block()?;
        let header = &block.header;
        let (parent, view) = (header.parent, header.view);
        let statement = Statement::Notarize { view, block: block.hash() };
        let parent_header = self.header(&parent.hash).cloned();
        // Of a quorum some are honest: what it certifies names the block's own view.
        let parent_view = parent_header.as_ref().map_or(parent.view, |header| header.view);
        let preference = parent_header.as_ref().and_then(|header| header.preference);
        let odd = self.bytes.next()?;
        let author = match odd % 4 {
            0 => u16::from(self.bytes.next()?) % (AUTHORITIES + 1),
            _ => leader(&self.host.epoch, view, header.height, preference.as_ref()).0,
        };
        let mut own = vote(author, statement);
        if odd % 32 == 31 {
            own.signature = vote(author, Statement::Skip { view }).signature;
        }
        let certified = match odd % 3 {
            0 => None,
            1 => Some(Statement::Notarize { view: parent_view, block: parent.hash }),
            _ => Some(Statement::Finalize { view: parent_view, block: parent.hash }),
        };
        let certified = match certified.filter(|_| parent != Parent::GENESIS) {
            Some(statement) => Some(self.certify(statement)?),
            None => None,
        };
        let between = parent.view.0.saturating_add(1)..view.0;
        let mut skips = Vec::new();
        for gap in between.take(SKIPS_MAX) {
            skips.push(self.certify(Statement::Skip { view: View(gap) })?);
        }
        let from = if odd % 8 == 7 { self.peer()? } else { author };
        let proposal = Proposal { block, vote: own, parent: certified, skips, parent_header };
        self.hear(from, Message::Proposal(Box::new(proposal)))
    }

    fn one_vote(&mut self) -> Option<()> {
        let (from, statement) = (self.peer()?, self.statement()?);
        let mut said = vote(from, statement);
        match self.bytes.next()? {
            0 => said.authority = AuthorityIndex(self.bytes.next()?.into()),
            1 => said.signature.0[0] ^= 1,
            2 => said.authority = ME,
            _ => {}
        }
        self.hear(from, Message::Vote(said))
    }

    fn one_certificate(&mut self) -> Option<()> {
        let (from, statement) = (self.peer()?, self.statement()?);
        let certificate = self.certify(statement)?;
        self.hear(from, Message::Certificate(certificate))
    }

    /// A run of blocks up to a known one, certified at its end and perhaps before.
    fn blocks(&mut self) -> Option<()> {
        let from = self.peer()?;
        let mut block = self.block()?;
        let mut run = Vec::new();
        loop {
            let header = &block.header;
            let statement = Statement::Finalize { view: header.view, block: block.hash() };
            let is_certified = run.is_empty() || self.bytes.next()? % 4 == 0;
            let certificate = if is_certified { Some(self.certify(statement)?) } else { None };
            let parent = header.parent.hash;
            run.push(FinalizedBlock { block, certificate, tail: Vec::new() });
            match self.known.iter().find(|known| known.hash() == parent) {
                Some(known) => block = known.clone(),
                None => break,
            }
        }
        run.reverse();
        let odd = usize::from(self.bytes.next()?);
        if odd % 8 == 7 {
            drop(run.remove(odd / 8 % run.len()));
        }
        self.hear(from, Message::Blocks(run))
    }

    fn question(&mut self) -> Option<()> {
        let from = self.peer()?;
        let message = match self.bytes.next()? % 5 {
            0 => Message::Hello { height: Height(self.bytes.number()?) },
            1 => Message::RequestBlocks { from: Height(self.bytes.number()?) },
            2 => Message::RequestBlock { hash: self.block()?.hash() },
            3 => Message::Block(Box::new(self.block()?)),
            _ => Message::AskView { nonce: [self.bytes.next()?; 32] },
        };
        self.hear(from, message)
    }

    /// An answer to the engine's question, to an earlier one, or to none.
    fn in_view(&mut self) -> Option<()> {
        let (from, odd) = (self.peer()?, self.bytes.next()?);
        let nonce = match odd % 8 {
            0 => [odd; 32],
            1 => self.asked.first().copied().unwrap_or_default(),
            _ => self.host.nonce(),
        };
        let view = View(self.bytes.number()?);
        let report = ViewReport { chain: CHAIN, epoch: u32::from(odd == 250), view, nonce, authority: AuthorityIndex(from) };
        let signer = if odd == 251 { ME.0 } else { from };
        let stated = Box::new(SignedView::sign(report, &key(signer)));
        let before = Statement::Skip { view: View(view.0.wrapping_sub(1)) };
        let entered = match odd % 4 {
            3 => None,
            1 => Some(self.certify(before)?),
            _ => Some(certificate(before)),
        };
        self.hear(from, Message::InView { stated, entered })
    }

    fn timer(&mut self) -> Option<()> {
        let timers = [TimerId::Leader, TimerId::View, TimerId::CatchUp, TimerId::Standstill];
        let timer = timers[usize::from(self.bytes.next()?) % timers.len()];
        self.host.give(Input::Timer(timer));
        Some(())
    }

    /// Answers the last request for a block, or an earlier one.
    fn build(&mut self) -> Option<()> {
        let odd = self.bytes.next()?;
        let builds = &self.host.builds;
        let place = if odd % 8 == 7 { builds.len() / 2 } else { builds.len().saturating_sub(1) };
        let Some((view, parent)) = builds.get(place).copied() else { return Some(()) };
        if odd % 8 == 6 {
            self.host.give(Input::BuildFailed { view });
            return Some(());
        }
        let mut block = self.block_on(parent, view);
        if block.header.successor.is_none() {
            block.header.state_root = Digest([odd; 32]);
        }
        self.verdicts.insert(block.hash(), true);
        self.known.push(block.clone());
        self.host.give(Input::Built { view, block: Arc::new(block) });
        Some(())
    }

    /// Answers a request to validate: valid only what has the next height. Views are the engine's own affair.
    fn validate(&mut self) -> Option<()> {
        let odd = usize::from(self.bytes.next()?);
        if self.host.validations.is_empty() {
            return Some(());
        }
        let place = odd / 16 % self.host.validations.len();
        let block = self.host.validations.remove(place);
        let (hash, header) = (block.hash(), &block.header);
        let parent = self.header(&header.parent.hash);
        let below = parent.map_or(Height(0), |parent| parent.height);
        let stands = below.0.checked_add(1) == Some(header.height.0)
            && parent.is_none_or(|parent| parent.successor.is_none() || header.is_tail_of(parent));
        let verdict = *self.verdicts.entry(hash).or_insert(stands && odd % 16 != 15);
        self.host.give(Input::Validated { block: hash, valid: verdict, timely: odd % 16 != 14 });
        Some(())
    }

    fn trouble(&mut self) -> Option<()> {
        match self.bytes.next()? % 8 {
            0..=3 => self.host.restart(),
            4..=6 => self.host.crash_after = Some(usize::from(self.bytes.next()? % 4)),
            _ => {
                self.asked.push(self.host.nonce());
                self.host.lose_journal();
            }
        }
        Some(())
    }

    /// Something that was heard before, or that the engine said itself, from somebody.
    fn replay(&mut self) -> Option<()> {
        let (from, pick) = (self.peer()?, usize::from(self.bytes.next()?));
        let said = if pick % 2 == 0 {
            self.heard.get(pick / 2 % self.heard.len().max(1)).map(|(_, message)| message.clone())
        } else {
            self.host.sent.get(pick / 2 % self.host.sent.len().max(1)).cloned()
        };
        if let Some(message) = said {
            self.host.give(Input::Message { from: AuthorityIndex(from), message });
        }
        Some(())
    }

    /// A message in its own bytes.
    fn raw(&mut self) -> Option<()> {
        let from = self.peer()?;
        let length = usize::from(self.bytes.next()?).min(self.bytes.0.len());
        let (bytes, rest) = self.bytes.0.split_at(length);
        self.bytes.0 = rest;
        if let Ok(message) = Message::from_canonical(bytes) {
            self.hear(from, message)?;
        }
        Some(())
    }
}
