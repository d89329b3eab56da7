//! Three honest authorities, one liar, and a network that may do anything.
//!
//! ```text
//!  said by 3 honest authorities ─┐                        ┌─▶ votes, certificates, proposals, blocks ─▶ Step
//!                                ├─ what can be delivered ┤
//!  anything signed by the liar ──┘                        └─▶ timeouts, blocks made, crashes ─────────▶ Step
//! ```
//!
//! * **Network**: what was once sent can be delivered from then on, any number of times, in any order, to anyone, or never.
//!   So it is no part of the state: it follows from what authorities have said.
//! * **The liar** has no state either. Each vote that it could sign can be delivered at any time, and where it may lead, so
//!   can proposals on every block proposed in an earlier view, several for each. It can do whatever twins, or any other actor,
//!   could. Certificates are delivered as soon as there can be one: votes of honest authorities with the liar's.
//! * **Time** does not pass. There is always work, so timers always run, and each may run out at any moment. What engines say
//!   again when nothing happens can be delivered anyhow. A block is judged valid, at once: an authority that gives up a
//!   view for a block's sake does what it may do for a timeout.
//! * **Crashes** happen between two steps. One between the writing and the sending of a step is no other state, as what is
//!   sent need not arrive; one before the writing is a crash before the step.
//! * **Votes for one statement arrive together**, unless `one_by_one`: all those that there are, the liar's among them.
//!   One that leads to nothing but its being kept is not delivered. Nothing is lost: whether a vote is accepted depends on the
//!   view it meets, not on those before it, so those that complete a quorum can all come at that moment. Where a vote
//!   alone has an effect, as a leader's Skip or a contradiction, it is delivered alone. A test compares both ways.

use std::collections::BTreeSet;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use stateright::{Model, Property};

use super::node::Node;
use super::rules::{self, Verdict};
use super::setup::{QUORUM, Setup};
use super::table::Table;
use super::words::{BlockName, Step, Word};

/// A global state.
#[derive(Clone)]
pub(crate) struct State {
    pub(crate) nodes: [Arc<Node>; 3],
    pub(crate) crashes: u8,
    /// Of the state or its mirror image, whichever is less.
    print: [u64; 4],
    /// What the rules say, once somebody has asked.
    verdict: OnceLock<Verdict>,
}

/// Something happens to one of the honest.
#[derive(Clone)]
pub(crate) struct Action {
    slot: usize,
    step: Step,
    next: Arc<Node>,
}

/// The model.
#[derive(Debug)]
pub(crate) struct System {
    pub(crate) table: Arc<Table>,
    /// Places of two that are alike.
    alike: Option<(usize, usize)>,
    /// What the honest can say and make final together.
    pub(crate) outcomes: Arc<Mutex<BTreeSet<Outcome>>>,
}

/// For each honest authority a fingerprint of what it said and made final; those that are alike in order.
pub(crate) type Outcome = [u64; 3];

impl System {
    pub(crate) fn new(setup: Setup) -> Self {
        let table = Table::new(setup);
        let honest = setup.honest();
        let place = |authority: u16| honest.iter().position(|honest| *honest == authority);
        let alike = table.alike().and_then(|(one, other)| Some((place(one.0)?, place(other.0)?)));
        Self { table: Arc::new(table), alike, outcomes: Arc::default() }
    }

    fn setup(&self) -> &Setup {
        &self.table.setup
    }

    fn state(&self, nodes: [Arc<Node>; 3], crashes: u8) -> State {
        let plain = [nodes[0].prints.0, nodes[1].prints.0, nodes[2].prints.0, u64::from(crashes)];
        let mut mirrored = [nodes[0].prints.1, nodes[1].prints.1, nodes[2].prints.1, u64::from(crashes)];
        if let Some((one, other)) = self.alike {
            mirrored.swap(one, other);
        }
        let print = if self.alike.is_some() { plain.min(mirrored) } else { plain };
        State { print, nodes, crashes, verdict: OnceLock::new() }
    }

    fn note(&self, state: &State) {
        let mut outcome = state.nodes.each_ref().map(|node| node.outcome);
        if let Some((one, other)) = self.alike.filter(|(one, other)| outcome[*one] > outcome[*other]) {
            outcome.swap(one, other);
        }
        self.outcomes.lock().unwrap_or_else(PoisonError::into_inner).insert(outcome);
    }

    /// All proposals that there can be by now.
    fn proposals(&self, state: &State) -> Vec<(u16, BlockName)> {
        let mut proposals: Vec<(u16, BlockName)> = state.nodes.iter().flat_map(|node| node.proposals.iter().copied()).collect();
        for view in
            (1..=self.setup().views).filter(|view| self.setup().leaders(&self.table.epoch, *view).contains(&self.setup().liar))
        {
            let below = proposals.iter().map(|(_, name)| *name).filter(|name| u64::from(name.view) < view);
            let mut parents: Vec<BlockName> = below.chain([BlockName::GENESIS]).collect();
            parents.sort_unstable();
            parents.dedup();
            let salts = 0..self.setup().payloads;
            proposals.extend(parents.iter().flat_map(|parent| salts.clone().map(|salt| self.table.lie(view as u8, parent, salt))));
        }
        proposals
    }

    /// All statements that somebody may have made by now, with the authorities that did.
    fn statements(&self, state: &State, proposals: &[(u16, BlockName)]) -> Vec<(Word, u8)> {
        let mut made: Vec<(Word, u8)> = rules::tally(state);
        let liar = 1 << self.setup().liar;
        let blocks = proposals.iter().flat_map(|(_, name)| [Word::Notarize(*name), Word::Finalize(*name)]);
        made.extend(blocks.chain((1..=self.setup().views as u8).map(Word::Skip)).map(|word| (word, liar)));
        rules::merge(made)
    }
}

impl Model for System {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![self.state(self.setup().honest().map(|authority| self.table.first(authority)), self.setup().crashes)]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if self.setup().noted {
            self.note(state);
        }
        let proposals = self.proposals(state);
        let statements = self.statements(state, &proposals);
        for (slot, node) in state.nodes.iter().enumerate() {
            let mut steps = Vec::new();
            let mut push = |step| steps.push(step);
            let (me, head) = (1 << node.machine.me.0, node.commits.last().map_or(0, |block| block.view));
            if node.view <= self.setup().views && node.may_skip {
                push(Step::Timeout);
            }
            if node.machine.wanted.is_some() {
                push(Step::Build);
            }
            if state.crashes > 0 && !node.said.is_empty() {
                push(Step::Restart);
            }
            for (number, block) in &proposals {
                if block.view > head && node.proposals.iter().all(|(own, _)| own != number) {
                    push(Step::Proposal(*number));
                }
            }
            for (word, by) in statements.iter().filter(|(word, _)| word.view() > head) {
                let others = by & !me;
                if self.setup().one_by_one {
                    (0..8)
                        .filter(|author| others & (1 << author) != 0)
                        .for_each(|author| push(Step::Votes { word: *word, by: 1 << author }));
                } else {
                    push(Step::Votes { word: *word, by: others });
                }
                if by.count_ones() >= QUORUM {
                    push(Step::Certificate(*word));
                }
            }
            let lied = |view: &u64| self.setup().leaders(&self.table.epoch, *view).contains(&self.setup().liar);
            (u64::from(head) + 1..=self.setup().views).filter(lied).for_each(|view| push(Step::Exposure(view as u8)));
            node.missing.iter().for_each(|block| push(Step::Block(*block)));
            let further = state.nodes.iter().filter(|other| other.commits.len() > node.commits.len());
            further.filter_map(|other| other.commits.last()).for_each(|tip| push(Step::Chain(tip.number)));
            let followed = self.table.follow(node, &steps);
            actions.extend(followed.into_iter().map(|(step, next)| Action { slot, step, next }));
        }
    }

    fn next_state(&self, state: &State, Action { slot, step, next }: Action) -> Option<State> {
        let mut nodes = state.nodes.clone();
        *nodes.get_mut(slot)? = next;
        Some(self.state(nodes, state.crashes - u8::from(step == Step::Restart)))
    }

    fn properties(&self) -> Vec<Property<Self>> {
        rules::all()
    }
}

impl State {
    /// What the rules say of it.
    pub(crate) fn verdict(&self) -> &Verdict {
        self.verdict.get_or_init(|| rules::judge(self))
    }
}

impl fmt::Debug for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a{}: {:?}", self.next.machine.me.0, self.step)
    }
}

impl PartialEq for Action {
    fn eq(&self, other: &Self) -> bool {
        (self.slot, self.step) == (other.slot, other.step)
    }
}

impl Hash for State {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.print.hash(hasher);
    }
}

impl PartialEq for State {
    fn eq(&self, other: &Self) -> bool {
        self.print == other.print
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for node in &self.nodes {
            writeln!(f, "a{} in view {} said {:?}, final {:?}", node.machine.me.0, node.view, node.said, node.commits)?;
        }
        Ok(())
    }
}
