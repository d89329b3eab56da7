//! Every local step is taken once, by the real engine, and then looked up.
//!
//! The engine is a function of its state and its input, so the millions of global states are made of some thousand local
//! ones. The numbers given to blocks and local states differ from run to run and stand in no fingerprint.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use voting_consensus::{Engine, EngineConfig, Input, Message, Proposal, TimerId, VerifyVote, first_record};
use voting_core::ChainId;
use voting_core::block::{Block, FinalizedBlock, Parent};
use voting_core::certificate::{Certificate, CertificateError, Statement, Vote};
use voting_core::crypto::SigningKey;
use voting_core::epoch::{Authority, Epoch, QuorumRule, Timers};
use voting_core::ids::{AuthorityIndex, BlockHash, Height, View};

use super::local::{canonical, faults, print, prints};
use super::node::{Local, Machine, Node};
use super::setup::{AUTHORITIES, QUORUM, Setup};
use super::words::{BlockName, Step, Word};
use crate::peer;

/// Salt of honest blocks, apart from the liar's.
const HONEST: u8 = 100;

/// Names, local states, and the steps between them.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) setup: Setup,
    pub(crate) epoch: Arc<Epoch>,
    keys: Vec<SigningKey>,
    verifier: Arc<Remember>,
    /// Signed once.
    votes: Mutex<HashMap<(Statement, u16), Vote>>,
    alike: Option<(AuthorityIndex, AuthorityIndex)>,
    names: RwLock<Names>,
    nodes: RwLock<Nodes>,
    steps: RwLock<HashMap<(u32, Step), Next>>,
}

/// Where a step leads to, if to anything new.
type Next = Option<Arc<Node>>;

/// Local states, by authority and fingerprint.
#[derive(Debug, Default)]
struct Nodes {
    by_print: HashMap<(AuthorityIndex, u64), Vec<Arc<Node>>>,
    count: u32,
}

#[derive(Debug, Default)]
struct Names {
    blocks: Vec<(BlockName, Block)>,
    by_hash: HashMap<BlockHash, BlockName>,
    proposals: Vec<Message>,
    numbers: HashMap<(BlockHash, bool), u16>,
    chains: HashMap<u16, Vec<FinalizedBlock>>,
    lies: HashMap<(u8, u16, u8), (u16, BlockName)>,
}

/// Looks at each signature once.
#[derive(Debug, Default)]
struct Remember(Mutex<HashMap<Signed, Result<(), CertificateError>>>);

type Signed = (Statement, AuthorityIndex, [u8; 64]);

impl VerifyVote for Remember {
    fn verify(&self, vote: &Vote, chain: ChainId, epoch: &Epoch) -> Result<(), CertificateError> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *known.entry((vote.statement, vote.authority, vote.signature.0)).or_insert_with(|| vote.verify(chain, epoch))
    }
}

fn read<T>(lock: &RwLock<T>) -> std::sync::RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> std::sync::RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

impl Table {
    pub(crate) fn new(setup: Setup) -> Self {
        let keys: Vec<_> = (0..AUTHORITIES).map(|i| SigningKey::from_seed([i as u8 + 1; 32])).collect();
        let named = |(i, key): (usize, &SigningKey)| Authority { name: format!("a{i}"), key: key.public() };
        let authorities = keys.iter().enumerate().map(named).collect();
        let quorum = QuorumRule::Byzantine.threshold(usize::from(AUTHORITIES)).unwrap();
        assert_eq!(u32::from(quorum), QUORUM);
        let epoch = Arc::new(Epoch { number: 0, authorities, quorum, leader: setup.policy, timers: Timers::default() });
        let alike = setup.alike(&epoch);
        Self {
            setup,
            epoch,
            keys,
            alike,
            verifier: Arc::default(),
            votes: Mutex::default(),
            names: RwLock::default(),
            nodes: RwLock::default(),
            steps: RwLock::default(),
        }
    }

    /// Two authorities that may be exchanged.
    pub(crate) const fn alike(&self) -> Option<(AuthorityIndex, AuthorityIndex)> {
        self.alike
    }

    /// Local states, and steps taken by the engine.
    pub(crate) fn size(&self) -> (usize, usize) {
        (read(&self.nodes).count as usize, read(&self.steps).len())
    }

    /// An honest authority at its very beginning.
    pub(crate) fn first(&self, me: u16) -> Arc<Node> {
        let me = AuthorityIndex(me);
        let journal = vec![first_record()];
        let engine = Engine::recover(self.config(me), None, &journal).unwrap();
        let mut machine = Machine {
            me,
            engine,
            journal,
            blocks: Vec::new(),
            wanted: None,
            said: [].into(),
            proposals: Vec::new(),
            accuses: false,
            conflict: false,
            starts: 1,
        };
        machine.give(Input::Start);
        machine.give(Input::WorkAvailable(true));
        self.intern(machine)
    }

    /// Which of these steps lead to another local state, and to which.
    pub(crate) fn follow(&self, node: &Arc<Node>, steps: &[Step]) -> Vec<(Step, Arc<Node>)> {
        let known: Vec<_> = {
            let table = read(&self.steps);
            steps.iter().map(|step| table.get(&(node.number, *step)).cloned()).collect()
        };
        let next = |(step, known): (&Step, Option<_>)| Some((*step, known.unwrap_or_else(|| self.step(node, *step))?));
        steps.iter().zip(known).filter_map(next).collect()
    }

    /// What a step leads to, by the engine; `None` if to nothing new.
    fn step(&self, node: &Arc<Node>, step: Step) -> Option<Arc<Node>> {
        let next = self.take(node, step).map(|machine| self.intern(machine));
        let next = next.filter(|next| next.number != node.number || step == Step::Restart);
        write(&self.steps).insert((node.number, step), next.clone());
        next
    }

    /// The liar's proposal of a view on a parent; `salt` makes it another one.
    pub(crate) fn lie(&self, view: u8, parent: &BlockName, salt: u8) -> (u16, BlockName) {
        if let Some(known) = read(&self.names).lies.get(&(view, parent.number, salt)) {
            return *known;
        }
        let block = self.block(View(u64::from(view)), self.parent(parent), salt);
        let vote = self.vote(Statement::Notarize { view: block.header.view, block: block.hash() }, self.setup.liar);
        let proposal = Proposal { block: block.clone(), vote, parent: None, skips: Vec::new(), parent_header: None };
        let mut names = write(&self.names);
        let name = names.name(&block);
        let number = names.number(&Message::Proposal(Box::new(proposal)));
        names.lies.insert((view, parent.number, salt), (number, name));
        (number, name)
    }

    fn config(&self, me: AuthorityIndex) -> EngineConfig {
        let mut config = peer::config(&self.epoch, &self.keys, me.0);
        config.verifier = Arc::clone(&self.verifier) as Arc<dyn VerifyVote>;
        config.mutation = self.setup.mutation;
        config
    }

    fn take(&self, node: &Node, step: Step) -> Option<Machine> {
        let mut machine = node.machine.clone();
        let liar = AuthorityIndex(self.setup.liar);
        match step {
            Step::Timeout => {
                machine.give(Input::Timer(TimerId::View));
            }
            Step::Build => {
                let (view, parent) = machine.wanted.take()?;
                let block = Arc::new(self.block(view, parent, HONEST + machine.starts));
                write(&self.names).name(&block);
                machine.give(Input::Built { view, block });
            }
            Step::Restart => {
                machine.engine = self.recovered(&machine);
                machine.wanted = None;
                machine.starts += 1;
                machine.give(Input::Start);
                machine.give(Input::WorkAvailable(true));
            }
            Step::Proposal(number) => {
                let proposal = read(&self.names).proposals.get(usize::from(number))?.clone();
                let from = if let Message::Proposal(proposal) = &proposal { proposal.vote.authority } else { liar };
                machine.hear(from, proposal);
            }
            Step::Votes { word, by } => {
                let statement = self.statement(&word);
                let mut visible = false;
                let honest = (0..AUTHORITIES).filter(|author| *author != liar.0);
                for author in honest.chain([liar.0]).filter(|author| by & (1 << author) != 0) {
                    visible |= machine.hear(AuthorityIndex(author), Message::Vote(self.vote(statement, author)));
                }
                // Votes that only wait for others may as well come with them: see `system`.
                if !visible && !self.setup.one_by_one {
                    return None;
                }
            }
            Step::Exposure(view) => {
                for salt in 0..2 {
                    let statement = Statement::Finalize { view: View(u64::from(view)), block: BlockHash([salt; 32]) };
                    machine.hear(liar, Message::Vote(self.vote(statement, liar.0)));
                }
            }
            Step::Certificate(word) => {
                let votes = (0..QUORUM as u16).map(|author| self.vote(self.statement(&word), author)).collect();
                let certificate = Certificate::from_votes(votes, &self.epoch).unwrap();
                machine.hear(liar, Message::Certificate(certificate));
            }
            Step::Block(name) => {
                let block = read(&self.names).blocks.get(usize::from(name.number).checked_sub(1)?)?.1.clone();
                machine.hear(liar, Message::Block(Box::new(block)));
            }
            Step::Chain(tip) => {
                let blocks = read(&self.names).chains.get(&tip)?.clone();
                machine.hear(liar, Message::Blocks(blocks));
            }
        }
        Some(machine)
    }

    fn recovered(&self, machine: &Machine) -> Engine {
        let head = machine.blocks.last().map(|last| (last.block.header.clone(), last.certificate.clone().unwrap()));
        Engine::recover(self.config(machine.me), head, &machine.journal).unwrap()
    }

    fn block(&self, view: View, parent: Parent, salt: u8) -> Block {
        let below = read(&self.names).by_hash.get(&parent.hash).map_or(Height(0), |name| self.height(name));
        peer::block(view, parent, below.next(), salt)
    }

    fn height(&self, name: &BlockName) -> Height {
        let at = usize::from(name.number).checked_sub(1);
        at.and_then(|at| Some(read(&self.names).blocks.get(at)?.1.header.height)).unwrap_or(Height(0))
    }

    fn parent(&self, name: &BlockName) -> Parent {
        let at = usize::from(name.number).checked_sub(1);
        let hash = at.and_then(|at| Some(read(&self.names).blocks.get(at)?.1.hash())).unwrap_or(BlockHash::GENESIS);
        Parent { view: View(u64::from(name.view)), hash }
    }

    fn statement(&self, word: &Word) -> Statement {
        match word {
            Word::Skip(view) => Statement::Skip { view: View(u64::from(*view)) },
            Word::Notarize(block) => Statement::Notarize { view: View(u64::from(block.view)), block: self.parent(block).hash },
            Word::Finalize(block) => Statement::Finalize { view: View(u64::from(block.view)), block: self.parent(block).hash },
        }
    }

    fn vote(&self, statement: Statement, author: u16) -> Vote {
        let sign = || Vote::sign(peer::CHAIN, 0, statement, AuthorityIndex(author), &self.keys[usize::from(author)]);
        let mut votes = self.votes.lock().unwrap_or_else(PoisonError::into_inner);
        *votes.entry((statement, author)).or_insert_with(sign)
    }

    /// The local state of a machine: the one known, or a new one.
    fn intern(&self, mut machine: Machine) -> Arc<Node> {
        let setup = &self.setup;
        let view = machine.engine.view();
        machine.wanted = machine.wanted.filter(|(wanted, _)| *wanted == view && view.0 <= setup.views);
        let essence = machine.engine.essence();
        let recovered = self.recovered(&machine).essence();
        let may_lead = (1..=setup.views).any(|view| setup.leaders(&self.epoch, view).contains(&machine.me.0));
        let proposed = machine.proposals.iter().map(|message| key_of(message).expect("only proposals are kept"));
        let local = Local {
            wanted: machine.wanted.map(|(view, parent)| (view, parent.hash)),
            said: machine.said.clone(),
            proposed: proposed.collect(),
            commits: machine.blocks.iter().map(|finalized| finalized.block.hash()).collect(),
            faults: faults(&machine, &essence, &recovered),
            starts: if may_lead { machine.starts } else { 1 },
            essence: canonical(essence, setup, &self.epoch),
            recovered: canonical(recovered, setup, &self.epoch),
        };
        let prints = prints(&local, self.alike);
        let key = (machine.me, prints.0);
        let mut nodes = write(&self.nodes);
        if let Some(known) = nodes.by_print.get(&key).and_then(|same| same.iter().find(|node| node.local == local)) {
            return Arc::clone(known);
        }
        let node = Arc::new(write(&self.names).describe(nodes.count, machine, local, prints));
        nodes.count += 1;
        nodes.by_print.entry(key).or_default().push(Arc::clone(&node));
        node
    }
}

/// What tells one proposal from another: its block, and whether the parent is proved by a Finalize certificate.
fn key_of(message: &Message) -> Option<(BlockHash, bool)> {
    let Message::Proposal(proposal) = message else { return None };
    let parent = proposal.parent.as_ref().map(|certificate| certificate.statement);
    Some((proposal.block.hash(), matches!(parent, Some(Statement::Finalize { .. }))))
}

impl Names {
    fn name(&mut self, block: &Block) -> BlockName {
        let hash = block.hash();
        if let Some(known) = self.by_hash.get(&hash) {
            return *known;
        }
        let parent = block.header.parent;
        let name = BlockName {
            number: self.blocks.len() as u16 + 1,
            view: block.header.view.0 as u8,
            parent: self.by_hash.get(&parent.hash).map_or(0, |name| name.number),
            parent_view: parent.view.0 as u8,
        };
        self.blocks.push((name, block.clone()));
        self.by_hash.insert(hash, name);
        name
    }

    fn number(&mut self, message: &Message) -> u16 {
        let next = self.proposals.len() as u16;
        let number = *self.numbers.entry(key_of(message).expect("only proposals are kept")).or_insert(next);
        if number == next {
            self.proposals.push(message.clone());
        }
        number
    }

    fn word(&self, statement: &Statement) -> Option<Word> {
        let name = statement.block().and_then(|hash| self.by_hash.get(&hash)).copied();
        Some(match statement {
            Statement::Notarize { .. } => Word::Notarize(name?),
            Statement::Skip { view } => Word::Skip(view.0 as u8),
            Statement::Finalize { .. } => Word::Finalize(name?),
        })
    }

    fn describe(&mut self, number: u32, machine: Machine, local: Local, prints: (u64, u64)) -> Node {
        let view = local.essence.view;
        let mut said: Vec<Word> = local.said.iter().filter_map(|statement| self.word(statement)).collect();
        said.sort_unstable();
        let proposals = machine.proposals.iter().filter_map(|message| {
            let number = self.number(message);
            Some((number, *self.by_hash.get(&key_of(message)?.0)?))
        });
        let proposals = proposals.collect();
        let commits: Vec<BlockName> = local.commits.iter().filter_map(|hash| self.by_hash.get(hash)).copied().collect();
        if let Some(tip) = commits.last() {
            self.chains.entry(tip.number).or_insert_with(|| machine.blocks.clone());
        }
        let missing = self.missing(&local);
        let may_skip = !said.contains(&Word::Skip(view.0 as u8));
        let outcome = print(&(&local.said, &local.commits));
        Node { number, outcome, said, proposals, commits, missing, view: view.0, may_skip, prints, machine, local }
    }

    /// The lowest unknown ancestor of each certified block.
    fn missing(&self, local: &Local) -> Vec<BlockName> {
        let certified = local.essence.views.iter().flat_map(|state| [state.notarization, state.finalization]).flatten();
        let unknown = |mut hash: BlockHash| {
            while hash != local.essence.head.2 {
                let name = self.by_hash.get(&hash)?;
                if local.essence.blocks.iter().all(|known| known.hash != hash) {
                    return Some(*name);
                }
                hash = self.blocks.get(usize::from(name.number) - 1)?.1.header.parent.hash;
            }
            None
        };
        let mut missing: Vec<BlockName> = certified.chain(local.essence.target).filter_map(unknown).collect();
        missing.sort_unstable();
        missing.dedup();
        missing
    }
}
