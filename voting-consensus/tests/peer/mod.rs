//! One engine whose peers are played by the test.
use std::sync::Arc;
use std::time::Duration;

use voting_consensus::{Engine, EngineConfig, Input, Message, Output, Proposal, first_record};
use voting_core::ChainId;
use voting_core::block::{Block, BlockHeader, FinalizedBlock, Parent, payload_root};
use voting_core::certificate::{Certificate, Statement, Vote};
use voting_core::crypto::{Signature, SigningKey};
use voting_core::epoch::{Authority, Epoch, LeaderPolicy, QuorumRule, Timers};
use voting_core::ids::{AuthorityIndex, BlockHash, Digest, Height, View};
use voting_core::seams::JournalRecord;
use voting_core::time::Timestamp;

pub(crate) const CHAIN: ChainId = ChainId([5; 32]);
pub(crate) const QUORUM: [u16; 3] = [0, 2, 3];

/// One engine with its disk; everyone else is the test.
pub(crate) struct Peer {
    pub(crate) keys: Vec<SigningKey>,
    pub(crate) epoch: Arc<Epoch>,
    pub(crate) me: u16,
    pub(crate) engine: Engine,
    pub(crate) journal: Vec<JournalRecord>,
    pub(crate) blocks: Vec<FinalizedBlock>,
    pub(crate) now: Duration,
}

impl Peer {
    /// Authority 1 of 4, with leaders in turn: authority 0 leads view 1, this one view 2.
    pub(crate) fn new() -> Self {
        Self::with(LeaderPolicy::RoundRobin { term: 1 })
    }

    pub(crate) fn with(leader: LeaderPolicy) -> Self {
        let keys: Vec<_> = (0..4).map(|i| SigningKey::from_seed([i + 1; 32])).collect();
        let named = |(i, key): (usize, &SigningKey)| Authority { name: format!("a{i}"), key: key.public() };
        let authorities = keys.iter().enumerate().map(named).collect();
        let quorum = QuorumRule::Byzantine.threshold(4).unwrap();
        let epoch = Arc::new(Epoch { number: 0, authorities, quorum, leader, timers: Timers::default() });
        let engine = Engine::recover(config(&epoch, &keys, 1), None, &[first_record()]).unwrap();
        let mut peer = Self { keys, epoch, me: 1, engine, journal: vec![first_record()], blocks: Vec::new(), now: Duration::ZERO };
        peer.give(Input::Start);
        peer
    }

    /// Loses everything but the disk.
    pub(crate) fn restart(&mut self) {
        let head = self.blocks.last().map(|last| (last.block.header.clone(), last.certificate.clone().unwrap()));
        self.engine = Engine::recover(config(&self.epoch, &self.keys, self.me), head, &self.journal).unwrap();
        self.give(Input::Start);
    }

    /// Hands in one input, does the disk's part, and checks the order of outputs.
    pub(crate) fn give(&mut self, input: Input) -> Vec<Output> {
        let outputs = self.engine.handle(self.now, input);
        let mut has_sent = false;
        for output in &outputs {
            match output {
                Output::Persist(record) => {
                    assert!(!has_sent, "everything durable comes before anything sent");
                    self.journal.push(record.clone());
                }
                Output::Prune { below } => self.journal.retain(|record| record.view >= *below),
                Output::Send { .. } | Output::Broadcast(_) => has_sent = true,
                Output::Commit(finalized) => self.blocks.push(finalized.clone()),
                _ => {}
            }
        }
        for vote in own_votes(&outputs, self.me) {
            let head = self.blocks.last().map_or(View(0), |last| last.block.header.view);
            let kept =
                self.journal.iter().any(|record| record.view == vote.statement.view() && holds(&record.bytes, &vote.signature));
            assert!(kept || vote.statement.view() <= head, "{vote:?} is sent, but not in the journal");
        }
        outputs
    }

    pub(crate) fn hear(&mut self, from: u16, message: Message) -> Vec<Output> {
        self.give(Input::Message { from: AuthorityIndex(from), message })
    }

    pub(crate) fn vote(&self, who: u16, statement: Statement) -> Vote {
        Vote::sign(CHAIN, 0, statement, AuthorityIndex(who), &self.keys[usize::from(who)])
    }

    pub(crate) fn certificate(&self, statement: Statement, who: &[u16]) -> Certificate {
        Certificate::from_votes(who.iter().map(|who| self.vote(*who, statement)).collect(), &self.epoch).unwrap()
    }

    pub(crate) fn proposal(&self, who: u16, block: Block, skipped: &[u64]) -> Message {
        let vote = self.vote(who, notarize(&block));
        let skips = skipped.iter().map(|view| self.certificate(Statement::Skip { view: View(*view) }, &QUORUM)).collect();
        Message::Proposal(Box::new(Proposal { block, vote, parent: None, skips, parent_header: None }))
    }

    pub(crate) fn validated(&mut self, block: &Block) -> Vec<Output> {
        self.give(Input::Validated { block: block.hash(), valid: true, timely: true })
    }

    /// Receives the proposal of view 1, finds it valid and votes for it.
    pub(crate) fn notarize_first(&mut self) -> Block {
        let block = first(1);
        let asked = self.hear(0, self.proposal(0, block.clone(), &[]));
        assert!(asked.iter().any(|output| matches!(output, Output::Validate { block: asked } if **asked == block)));
        let outputs = self.validated(&block);
        assert_eq!(own_statements(&outputs, self.me), [notarize(&block)]);
        block
    }
}

pub(crate) fn config(epoch: &Arc<Epoch>, keys: &[SigningKey], me: u16) -> EngineConfig {
    let key = keys[usize::from(me)].clone();
    EngineConfig::new(CHAIN, Arc::clone(epoch), AuthorityIndex(me), key)
}

pub(crate) fn holds(bytes: &[u8], signature: &Signature) -> bool {
    bytes.windows(signature.0.len()).any(|window| window == signature.0)
}

/// A block of the first height; `salt` makes it another one.
pub(crate) fn first(salt: u8) -> Block {
    block(View(1), Parent::GENESIS, Height(1), salt)
}

pub(crate) fn block(view: View, parent: Parent, height: Height, salt: u8) -> Block {
    let header = BlockHeader {
        chain: CHAIN,
        epoch: 0,
        view,
        height,
        parent,
        payload_root: payload_root(&[]),
        entries: 0,
        state_root: Digest([salt; 32]),
        timestamp: Timestamp::from_millis(1_000 + height.0).unwrap(),
        preference: None,
        successor: None,
    };
    Block { header, entries: Vec::new() }
}

pub(crate) fn child(parent: &Block, view: u64) -> Block {
    let header = &parent.header;
    block(View(view), Parent { view: header.view, hash: parent.hash() }, header.height.next(), 1)
}

pub(crate) fn notarize(block: &Block) -> Statement {
    Statement::Notarize { view: block.header.view, block: block.hash() }
}

pub(crate) fn finalize(block: &Block) -> Statement {
    Statement::Finalize { view: block.header.view, block: block.hash() }
}

pub(crate) const fn skip(view: u64) -> Statement {
    Statement::Skip { view: View(view) }
}

pub(crate) fn own_votes(outputs: &[Output], me: u16) -> Vec<Vote> {
    let vote = |output: &Output| match output {
        Output::Broadcast(Message::Vote(vote)) => Some(*vote),
        Output::Broadcast(Message::Proposal(proposal)) => Some(proposal.vote),
        _ => None,
    };
    outputs.iter().filter_map(vote).filter(|vote| vote.authority == AuthorityIndex(me)).collect()
}

pub(crate) fn own_statements(outputs: &[Output], me: u16) -> Vec<Statement> {
    own_votes(outputs, me).into_iter().map(|vote| vote.statement).collect()
}

pub(crate) fn committed(outputs: &[Output]) -> Vec<BlockHash> {
    let hash = |output: &Output| match output {
        Output::Commit(finalized) => Some(finalized.block.hash()),
        _ => None,
    };
    outputs.iter().filter_map(hash).collect()
}

impl Peer {
    /// Learns of a final block from authority 2.
    pub(crate) fn learn(&mut self, block: &Block) {
        let certificate = Some(self.certificate(finalize(block), &QUORUM));
        self.hear(2, Message::Blocks(vec![FinalizedBlock::new(block.clone(), certificate).unwrap()]));
        assert_eq!(self.engine.head().hash, block.hash());
    }
}
