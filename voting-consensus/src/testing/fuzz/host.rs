//! The host of one engine: writes, carries out and answers as a host must, and judges whatever the engine does.
//!
//! What it asserts holds whatever the other three authorities do, be it that all of them lie:
//! * an own vote is written before it is sent, and no two of them contradict each other, across restarts;
//! * after a Skip there is no Notarize in a view;
//! * who has lost its journal votes in no view that others may have seen it vote in;
//! * certificates and evidence that the engine passes on are true;
//! * blocks are committed one on top of the other, and the last one of each step can be proved;
//! * memory is bounded by what quorums have certified.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use voting_core::ChainId;
use voting_core::block::{Block, FinalizedBlock, Parent};
use voting_core::certificate::{Certificate, CertificateError, Statement, Vote};
use voting_core::crypto::{Signature, SigningKey};
use voting_core::epoch::{Authority, Epoch, LeaderPolicy, QuorumRule, Timers};
use voting_core::ids::{AuthorityIndex, BlockHash, Digest, Height, View};
use voting_core::seams::JournalRecord;

use crate::config::{EngineConfig, VerifyVote};
use crate::engine::Engine;
use crate::evidence::Evidence;
use crate::input::Input;
use crate::journal::{Record, first_record};
use crate::message::{Message, ViewReport};
use crate::output::Output;

/// The chain agreed on.
pub(super) const CHAIN: ChainId = ChainId([5; 32]);
/// The authority whose engine it is.
pub(super) const ME: AuthorityIndex = AuthorityIndex(1);
/// Authorities in all.
pub(super) const AUTHORITIES: u16 = 4;
/// Views that an engine may hold beyond those in which something is certified or voted: the current one, the next, and the
/// one before.
const HELD_BEYOND: usize = 4;
/// Outputs of one step beyond one for each certificate known.
const OUTPUTS_BEYOND: usize = 256;

/// The key and the epoch of an authority.
pub(super) fn authority(index: AuthorityIndex) -> (SigningKey, Arc<Epoch>) {
    let keys: Vec<_> = (0..AUTHORITIES).map(key).collect();
    let named = |(at, key): (usize, &SigningKey)| Authority { name: format!("a{at}"), key: key.public() };
    let authorities = keys.iter().enumerate().map(named).collect();
    let quorum = QuorumRule::Byzantine.threshold(usize::from(AUTHORITIES)).expect("a possible number of authorities");
    let leader = LeaderPolicy::RoundRobin { term: 1 };
    (key(index.0), Arc::new(Epoch { number: 0, authorities, quorum, leader, timers: Timers::default() }))
}

pub(super) fn key(index: u16) -> SigningKey {
    SigningKey::from_seed([(index as u8).wrapping_add(1); 32])
}

/// Signatures of the other authorities are hashes: a script makes thousands. Those of the engine are true ones.
#[derive(Debug)]
struct Cheap;

impl VerifyVote for Cheap {
    fn verify(&self, vote: &Vote, chain: ChainId, epoch: &Epoch) -> Result<(), CertificateError> {
        match vote.authority {
            ME => vote.verify(chain, epoch),
            AuthorityIndex(0..AUTHORITIES) if vote.signature == cheap(vote.statement, vote.authority) => Ok(()),
            AuthorityIndex(0..AUTHORITIES) => Err(CertificateError::BadSignature { authority: vote.authority }),
            _ => Err(CertificateError::UnknownAuthority { authority: vote.authority }),
        }
    }
}

fn cheap(statement: Statement, authority: AuthorityIndex) -> Signature {
    let mut bytes = [authority.0 as u8; 64];
    let said = borsh::to_vec(&statement).unwrap_or_default();
    bytes[..32].copy_from_slice(&Digest::of_parts("cheap", &[&said]).0);
    Signature(bytes)
}

/// A vote of an authority; of the engine's own as well, which is then forged.
pub(super) fn vote(authority: u16, statement: Statement) -> Vote {
    let authority = AuthorityIndex(authority);
    Vote { statement, authority, signature: cheap(statement, authority) }
}

/// An engine, what it is told by its host, and what is known of its past.
pub(super) struct Host {
    pub(super) epoch: Arc<Epoch>,
    pub(super) engine: Engine,
    nonce: [u8; 32],
    pub(super) now: Duration,
    journal: Vec<JournalRecord>,
    pub(super) blocks: Vec<FinalizedBlock>,
    /// Own votes that were written, ever.
    said: BTreeMap<View, Vec<Statement>>,
    /// Since the journal was lost, what others said validly, and the highest view of the first quorum of them.
    answers: BTreeMap<AuthorityIndex, View>,
    silent_through: Option<View>,
    lost: bool,
    /// Views that somebody has said something in, so that the engine may hold them.
    spoken_of: BTreeSet<View>,
    certificates: usize,
    /// What the engine waits for.
    pub(super) builds: Vec<(View, Parent)>,
    pub(super) validations: Vec<Arc<Block>>,
    /// What it sent.
    pub(super) sent: Vec<Message>,
    /// The next step ends after so many records.
    pub(super) crash_after: Option<usize>,
    has_stopped: bool,
}

impl Host {
    pub(super) fn new(leader: LeaderPolicy) -> Self {
        let (_, epoch) = authority(ME);
        let epoch = Arc::new(Epoch { leader, ..epoch.as_ref().clone() });
        let journal = vec![first_record()];
        let engine = Engine::recover(config(&epoch, [0; 32]), None, &journal).expect("a new journal");
        let mut host = Self {
            epoch,
            engine,
            nonce: [0; 32],
            now: Duration::ZERO,
            journal,
            blocks: Vec::new(),
            said: BTreeMap::new(),
            answers: BTreeMap::new(),
            silent_through: None,
            lost: false,
            spoken_of: BTreeSet::new(),
            certificates: 0,
            builds: Vec::new(),
            validations: Vec::new(),
            sent: Vec::new(),
            crash_after: None,
            has_stopped: false,
        };
        host.give(Input::Start);
        host
    }

    /// Whether the epoch has ended, or the host stopped because more authorities lie than may.
    pub(super) const fn is_over(&self) -> bool {
        self.engine.has_ended() || self.has_stopped
    }

    pub(super) const fn nonce(&self) -> [u8; 32] {
        self.nonce
    }

    /// Loses everything but the disk.
    pub(super) fn restart(&mut self) {
        let head = self.blocks.last().map(|last| {
            let certificate = last.certificate.clone().expect("the last block committed can be proved");
            (last.block.header.clone(), certificate)
        });
        self.nonce = Digest::of_parts("nonce", &[&self.nonce]).0;
        self.engine = Engine::recover(config(&self.epoch, self.nonce), head, &self.journal).expect("its own journal");
        self.answers.clear();
        self.builds.clear();
        self.validations.clear();
        self.crash_after = None;
        assert!(self.engine.is_learning() == self.lost, "whether the journal is complete is known across restarts");
        self.give(Input::Start);
    }

    /// Loses the journal as well; the ledger is read from the others, so it stays.
    pub(super) fn lose_journal(&mut self) {
        self.journal.clear();
        self.said.clear();
        self.silent_through = None;
        self.lost = true;
        self.restart();
    }

    /// The journal as it is on the disk.
    pub(super) fn journal(&self) -> &[JournalRecord] {
        &self.journal
    }

    /// Hands in one input, does what a host does, and judges what comes out.
    pub(super) fn give(&mut self, input: Input) {
        if let Input::Message { from, message } = &input {
            self.hear(*from, message);
        }
        let outputs = self.engine.handle(self.now, input);
        let bound = OUTPUTS_BEYOND + 2 * self.certificates;
        assert!(outputs.len() <= bound, "{} outputs at once, {} certificates are known", outputs.len(), self.certificates);
        let crash_after = self.crash_after.take();
        let mut written = 0;
        let mut has_sent = false;
        for output in outputs {
            match output {
                Output::Persist(record) => {
                    assert!(!has_sent, "everything durable comes before anything sent");
                    if crash_after == Some(written) {
                        return self.restart();
                    }
                    written += 1;
                    self.write(record);
                }
                Output::Prune { below } => self.journal.retain(|record| record.view >= below),
                Output::Send { to, message } => {
                    assert_ne!(to, ME, "nobody talks to itself");
                    has_sent = true;
                    self.send(message);
                }
                Output::Broadcast(message) => {
                    has_sent = true;
                    self.send(message);
                }
                Output::Build { view, parent, .. } => {
                    assert!(self.builds.last().is_none_or(|(before, _)| *before < view), "a view is built for once");
                    self.builds.push((view, parent));
                }
                Output::Validate { block } => self.validations.push(block),
                Output::Commit(finalized) => self.commit(finalized),
                Output::Evidence(evidence) => {
                    assert_ne!(evidence.authority(), ME, "an honest authority gives no evidence against itself");
                    let (first, second) = evidence.votes();
                    assert_eq!(Evidence::new(*first, *second), Some(evidence));
                    assert!([first, second].iter().all(|vote| Cheap.verify(vote, CHAIN, &self.epoch).is_ok()));
                }
                Output::Conflict(certificate) => {
                    self.check(&certificate);
                    self.has_stopped = true;
                }
                Output::SetTimer { .. } | Output::CancelTimer { .. } | Output::ReadBlocks { .. } => {}
            }
        }
        if crash_after.is_some() {
            return self.restart(); // everything was written, and nothing is known to have been sent
        }
        let last = self.blocks.last();
        assert!(last.is_none_or(|last| last.certificate.is_some()), "the last block of a step can be proved");
        assert_eq!(self.engine.head().height, last.map_or(Height(0), |last| last.block.header.height));
        self.check_memory();
    }

    /// Notes what the engine may hold in memory on the ground of a message, and what it learns by it.
    fn hear(&mut self, from: AuthorityIndex, message: &Message) {
        match message {
            Message::Vote(vote) if matches!(vote.statement, Statement::Finalize { .. }) => {
                self.spoken_of.insert(vote.statement.view());
            }
            Message::InView { stated, entered } if from != ME && from.0 < AUTHORITIES && self.engine.is_learning() => {
                let report = stated.verify(CHAIN, &self.epoch).filter(|report| report.nonce == self.nonce);
                let enters = |report: &ViewReport| {
                    let is_true = |certificate: &&Certificate| self.verdict(certificate).is_ok();
                    let last = entered.as_ref().filter(is_true).map_or(self.engine.head().view, |known| known.statement.view());
                    report.view <= self.engine.head().view.next() || report.view == last.next()
                };
                if let Some(report) = report.filter(|report| report.authority != ME && enters(report)) {
                    self.answers.entry(report.authority).or_insert(report.view);
                }
                if self.answers.len() >= usize::from(self.epoch.quorum) {
                    self.silent_through = self.answers.values().max().copied();
                }
            }
            _ => {}
        }
    }

    fn write(&mut self, record: JournalRecord) {
        let (epoch, content) = Record::from_journal(&record).expect("a record that can be read again");
        assert_eq!(epoch, self.epoch.number);
        match content {
            Record::Vote(vote) => {
                assert_eq!(vote.verify(CHAIN, &self.epoch), Ok(()));
                self.note_own(vote);
            }
            Record::Certificate(certificate) => {
                self.check(&certificate);
                self.spoken_of.insert(certificate.statement.view());
                self.certificates += 1;
            }
            Record::Block(block) => {
                self.spoken_of.insert(block.header.view);
            }
            Record::Complete { .. } => {
                assert!(self.answers.len() >= usize::from(self.epoch.quorum), "it has heard of a quorum");
                self.lost = false;
            }
            Record::Silent { .. } => {}
        }
        self.journal.push(record);
    }

    fn note_own(&mut self, vote: Vote) {
        let (statement, view) = (vote.statement, vote.statement.view());
        assert!(!self.lost, "who has lost its journal keeps silent: {statement:?}");
        assert!(self.silent_through.is_none_or(|through| view > through), "it may have voted in view {view} before");
        let said = self.said.entry(view).or_default();
        for before in said.iter() {
            let other = Vote { statement: *before, ..vote };
            assert!(*before != statement, "{statement:?} is said twice");
            assert_eq!(Evidence::new(other, vote), None, "it contradicts itself");
            let gave_up = matches!(before, Statement::Skip { .. }) && matches!(statement, Statement::Notarize { .. });
            assert!(!gave_up, "it votes for a block of a view that it has skipped");
        }
        said.push(statement);
        self.spoken_of.insert(view);
    }

    fn send(&mut self, message: Message) {
        match &message {
            Message::Vote(vote) => self.check_sent(vote),
            Message::Proposal(proposal) => {
                self.check_sent(&proposal.vote);
                assert_eq!(proposal.vote.statement.block(), Some(proposal.block.hash()));
                proposal.parent.iter().chain(&proposal.skips).for_each(|certificate| self.check(certificate));
            }
            Message::Certificate(certificate) => self.check(certificate),
            Message::InView { entered, .. } => {
                assert!(!self.lost, "who is learning does not answer");
                entered.iter().for_each(|certificate| self.check(certificate));
            }
            _ => {}
        }
        if self.sent.len() < 64 {
            self.sent.push(message);
        }
    }

    fn check_sent(&self, vote: &Vote) {
        if vote.authority == ME {
            let said = self.said.get(&vote.statement.view()).is_some_and(|said| said.contains(&vote.statement));
            assert!(said, "{:?} is sent, and was never written", vote.statement);
        }
        assert_eq!(Cheap.verify(vote, CHAIN, &self.epoch), Ok(()), "it passes on what is true");
    }

    fn check(&self, certificate: &Certificate) {
        assert_eq!(self.verdict(certificate), Ok(()), "certificates that it holds are true");
    }

    fn verdict(&self, certificate: &Certificate) -> Result<(), CertificateError> {
        certificate.verify_with(&self.epoch, |vote| Cheap.verify(&vote, CHAIN, &self.epoch))
    }

    fn commit(&mut self, finalized: FinalizedBlock) {
        let header = &finalized.block.header;
        let (height, hash) =
            self.blocks.last().map_or((Height(0), BlockHash::GENESIS), |last| (last.block.header.height, last.block.hash()));
        assert_eq!((header.height.0, header.parent.hash), (height.0 + 1, hash), "blocks stand one on top of the other");
        if finalized.certificate.is_some() {
            self.check(finalized.proof().expect("its certificate is its own"));
        }
        self.blocks.push(finalized);
    }

    fn check_memory(&self) {
        let (views, blocks) = self.engine.held();
        let spoken_of = self.spoken_of.range(self.engine.head().view.next()..).count();
        assert!(views <= spoken_of + HELD_BEYOND, "{views} views are held, of {spoken_of} something is known");
        assert!(blocks <= 2 * (spoken_of + HELD_BEYOND), "{blocks} blocks are held, of {spoken_of} views something is known");
    }
}

fn config(epoch: &Arc<Epoch>, nonce: [u8; 32]) -> EngineConfig {
    let config = EngineConfig::new(CHAIN, Arc::clone(epoch), ME, key(ME.0));
    EngineConfig { nonce, verifier: Arc::new(Cheap), ..config }
}
