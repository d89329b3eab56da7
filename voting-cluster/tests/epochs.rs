//! Authorities that join, leave and change their keys while votes are cast, on nodes in one process.

use std::sync::Arc;
use std::time::Duration;

use voting_cluster::clock::{ClockConfig, ClockState, SystemClock};
use voting_cluster::embedded::QUEUE_CAPACITY;
use voting_cluster::ledger::MemoryLedger;
use voting_cluster::node::{NoHooks, Node, NodeConfig, NodeSeams};
use voting_cluster::queue::MemoryQueue;
use voting_cluster::transport::MemoryNetwork;
use voting_cluster::{EntryStatus, Follower, FollowerConfig, FollowerSeams};
use voting_consensus::Message;
use voting_core::Canonical;
use voting_core::certificate::{Statement, Vote};
use voting_core::crypto::SigningKey;
use voting_core::entry::{Act, Entry, OfficerAct};
use voting_core::epoch::change::{ApprovedChange, EpochChange, Epochs, Handover};
use voting_core::epoch::{Authority, Epoch, QuorumRule};
use voting_core::ids::{AuthorityIndex, BlockHash, Height, PartitionId};
use voting_core::seams::{BallotQueue, Clock, Ledger, MessageKind, NodeName, Transport};
use voting_core::testing::chain::authority_key;
use voting_core::testing::{TestChain, ballot, definition, key};

/// Longest that anything here takes; who waits this long has found a standstill.
const PATIENCE: Duration = Duration::from_secs(60);
const VOTERS: u64 = 12;

/// A network of four founders, and whoever joins.
struct Network {
    founding: TestChain,
    net: MemoryNetwork,
    queue: Arc<dyn BallotQueue>,
    clock: Arc<dyn Clock>,
    nodes: Vec<Option<Node>>,
    ledgers: Vec<Arc<dyn Ledger>>,
    acts: u32,
    voted: u64,
}

impl Network {
    async fn start() -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let queue: Arc<dyn BallotQueue> = Arc::new(MemoryQueue::new(QUEUE_CAPACITY, Arc::clone(&clock)));
        let founding = TestChain::new(4);
        let mut network =
            Self { founding, net: MemoryNetwork::new(), queue, clock, nodes: Vec::new(), ledgers: Vec::new(), acts: 0, voted: 0 };
        for number in 0..4 {
            network.join(vec![authority_key(number)]).await;
        }
        network.open_election().await;
        network
    }

    /// Starts a node with keys and an empty ledger; its number is its name.
    async fn join(&mut self, keys: Vec<SigningKey>) {
        self.ledgers.push(Arc::new(MemoryLedger::new()));
        self.nodes.push(None);
        self.restart(self.nodes.len() - 1, keys).await;
    }

    /// Starts a node from its ledger.
    async fn restart(&mut self, number: usize, keys: Vec<SigningKey>) {
        if let Some(node) = self.nodes[number].take() {
            node.shutdown().await.unwrap();
        }
        let config =
            NodeConfig { keys, first_start: true, ..NodeConfig::new(Arc::new(self.founding.genesis.clone()), authority_key(0)) };
        self.start_with(number, config).await;
    }

    async fn start_with(&mut self, number: usize, config: NodeConfig) {
        let seams = NodeSeams {
            ledger: Arc::clone(&self.ledgers[number]),
            queue: Arc::clone(&self.queue),
            transport: Arc::new(self.net.join(NodeName(format!("a{number}")))),
            clock: Arc::clone(&self.clock),
            hooks: Arc::new(NoHooks),
        };
        self.nodes[number] = Some(Node::start(config, seams).await.unwrap());
    }

    /// Replaces the disk of a node.
    async fn lose(&mut self, number: usize) {
        self.stop(number).await;
        self.ledgers[number] = Arc::new(MemoryLedger::new());
        let config = NodeConfig::new(Arc::new(self.founding.genesis.clone()), authority_key(number as u64));
        self.start_with(number, config).await;
    }

    async fn stop(&mut self, number: usize) {
        self.nodes[number].take().unwrap().shutdown().await.unwrap();
        self.net.close(&NodeName(format!("a{number}")));
    }

    fn node(&self, number: usize) -> &Node {
        self.nodes[number].as_ref().unwrap()
    }

    /// The node of lowest number that runs.
    fn first(&self) -> &Node {
        self.nodes.iter().flatten().next().unwrap()
    }

    /// Submits an entry and waits until it is final.
    async fn submit(&self, entry: &Entry) -> Height {
        let bytes = entry.to_bytes();
        let waiter = self.first().replica().watch(bytes.hash());
        self.queue.submit(bytes).await.unwrap();
        match waiter.wait(PATIENCE).await {
            EntryStatus::Final(position) => position.height,
            status => panic!("{status:?}: {entry:?}"),
        }
    }

    async fn act(&mut self, act: Act) {
        self.acts += 1;
        let (election, officer) = (definition(1, &["Ada", "Bob"]).id, &self.founding.officer);
        let act = OfficerAct { chain: self.founding.chain(), election, sequence: self.acts, act, officer: officer.public() };
        self.submit(&Entry::act(act, officer)).await;
    }

    async fn open_election(&mut self) {
        use voting_core::election::Phase::{Open, Ready, Scheduled};
        let election = definition(1, &["Ada", "Bob"]);
        self.act(Act::Define(election.clone())).await;
        self.act(Act::SetRoll { size: VOTERS }).await;
        let voters = (0..VOTERS).map(|voter| (voting_core::testing::chain::pseudonym(voter), 1, voter));
        self.submit(&self.founding.certification(election.id, voters)).await;
        for to in [Ready, Scheduled, Open] {
            self.act(Act::Advance { to }).await;
        }
    }

    /// The next voter votes.
    async fn vote(&mut self) -> Height {
        let election = definition(1, &["Ada", "Bob"]);
        let cast = ballot(self.founding.chain(), &election, &key(self.voted), &[1]);
        self.voted += 1;
        self.submit(&Entry::Cast(cast)).await
    }

    /// A change approved by a quorum of those in force, whose keys these are.
    fn change(&self, authorities: Vec<Authority>, approving: &[SigningKey]) -> Entry {
        let current = Arc::clone(self.first().replica().state().epoch());
        let quorum = QuorumRule::Byzantine.threshold(authorities.len()).unwrap();
        let epoch = Epoch { number: current.number + 1, authorities, quorum, leader: current.leader, timers: current.timers };
        let mut change = ApprovedChange::new(EpochChange { chain: self.founding.chain(), epoch });
        approving.iter().for_each(|key| change.approve(key));
        Entry::Change(change)
    }

    async fn reach(&self, height: Height) {
        for node in self.nodes.iter().flatten() {
            tokio::time::timeout(PATIENCE, node.replica().reached(height)).await.expect("everyone gets there");
        }
    }

    /// Who trusts the genesis alone is led to the epochs that the nodes are in.
    async fn prove(&self, ledger: usize) -> Epochs {
        let state = self.first().replica().state();
        let mut handovers = Vec::new();
        for (first, epoch) in &state.epochs()[1..] {
            let last = self.ledgers[ledger].block(Height(first.0 - 1)).await.unwrap().unwrap();
            handovers.push(Handover::of(&last, epoch).unwrap());
        }
        Epochs::proved(&self.founding.genesis, PartitionId(0), &handovers).unwrap()
    }

    /// Every node has the same state, and counts every vote.
    async fn agree(&mut self) {
        let height = self.vote().await;
        self.reach(height).await;
        let expected = self.first().replica().state();
        for node in self.nodes.iter().flatten() {
            let state = node.replica().state();
            assert_eq!((state.height(), state.root()), (expected.height(), expected.root()));
            assert_eq!(state.election(definition(1, &["Ada", "Bob"]).id).unwrap().voted(), self.voted);
        }
    }

    async fn shutdown(self) {
        for node in self.nodes.into_iter().flatten() {
            node.shutdown().await.unwrap();
        }
    }
}

fn named(numbers: &[u64]) -> Vec<Authority> {
    numbers.iter().map(|number| Authority { name: format!("a{number}"), key: authority_key(*number).public() }).collect()
}

fn keys(numbers: &[u64]) -> Vec<SigningKey> {
    numbers.iter().map(|number| authority_key(*number)).collect()
}

/// Waits until a node's status is as wanted.
async fn until(node: &Node, wanted: impl Fn(&voting_cluster::NodeStatus) -> bool) {
    let mut status = node.status();
    let reached = status.wait_for(|status| wanted(status));
    tokio::time::timeout(PATIENCE, reached).await.expect("the status is reached").unwrap();
}

/// Waits until a node's clock follows what a quorum of these agrees on.
async fn until_timed_by(node: &Node, numbers: &[u64]) {
    let names: Vec<String> = numbers.iter().map(|number| format!("a{number}")).collect();
    let timed = async {
        let mut look = tokio::time::interval(Duration::from_millis(50));
        loop {
            let report = node.clock().report();
            if report.state == ClockState::Synced && report.sources.iter().map(|source| &source.name).eq(&names) {
                return;
            }
            look.tick().await;
        }
    };
    let reached = tokio::time::timeout(PATIENCE, timed).await;
    assert!(reached.is_ok(), "{:#?}", node.clock().report());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_authority_joins_and_another_leaves() {
    let mut network = Network::start().await;
    // The one to come follows before it is an authority, without a vote.
    network.join(keys(&[4])).await;
    network.agree().await;
    assert_eq!(network.node(4).status().borrow().authority, None);
    assert!(network.node(0).members().borrow().iter().all(|member| member.name != "a4"));

    network.submit(&network.change(named(&[0, 1, 2, 3, 4]), &keys(&[0, 1, 2]))).await;
    network.agree().await;
    for number in 0..5 {
        until(network.node(number), |status| status.epoch == 1 && status.authority == Some(AuthorityIndex(number as u16))).await;
        until_timed_by(network.node(number), &[0, 1, 2, 3, 4]).await;
    }
    // Four of five are a quorum now: without a1 the newcomer is needed.
    network.stop(1).await;
    let height = network.vote().await;
    network.reach(height).await;
    let block = loop {
        let block = network.ledgers[0].block(height).await.unwrap().unwrap();
        if block.certificate.is_some() {
            break block;
        }
        network.vote().await; // a certificate of its own is the rule, and not certain
    };
    let signers: Vec<_> = block.certificate.unwrap().signatures.iter().map(|(index, _)| index.0).collect();
    assert_eq!(signers, [0, 2, 3, 4]);

    // a0 leaves; a1, which was down meanwhile, finds its way through two epochs when it comes back.
    network.submit(&network.change(named(&[1, 2, 3, 4]), &keys(&[0, 2, 3, 4]))).await;
    network.restart(1, keys(&[1])).await;
    network.agree().await;
    until(network.node(0), |status| status.epoch == 2 && status.authority.is_none()).await;
    until(network.node(1), |status| status.epoch == 2 && status.authority == Some(AuthorityIndex(0))).await;
    // The one that left goes by those that stayed, whose corrected times it asks for.
    for number in 0..5 {
        until_timed_by(network.node(number), &[1, 2, 3, 4]).await;
    }
    // Who has left may go.
    network.stop(0).await;
    network.agree().await;
    let epochs = network.prove(1).await;
    let known: Vec<_> = epochs.iter().map(|(_, epoch)| (epoch.number, epoch.len(), epoch.quorum)).collect();
    assert_eq!(known, [(0, 4, 3), (1, 5, 4), (2, 4, 3)]);
    network.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_authority_gets_another_key() {
    let mut network = Network::start().await;
    // It has both keys when the change comes.
    network.restart(2, vec![authority_key(2), authority_key(22)]).await;
    let mut next = named(&[0, 1, 2, 3]);
    next[2].key = authority_key(22).public();
    network.submit(&network.change(next, &keys(&[0, 2, 3]))).await;
    network.agree().await;
    until(network.node(2), |status| status.epoch == 1 && status.authority == Some(AuthorityIndex(2))).await;
    // With one of the others down, its votes are needed: under the new key alone, also after a restart.
    network.restart(2, vec![authority_key(22)]).await;
    network.stop(0).await;
    network.agree().await;
    // Who has the old key only is an authority no more.
    network.restart(3, vec![authority_key(2)]).await;
    until(network.node(3), |status| status.authority.is_none()).await;
    network.restart(3, keys(&[3])).await;
    network.agree().await;
    network.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_starts_with_nothing_finds_the_epoch_in_force() {
    let mut network = Network::start().await;
    network.submit(&network.change(named(&[0, 1, 2, 3, 4]), &keys(&[0, 1, 3]))).await;
    // It was an authority before it ran: until it has caught up, the four do without it.
    network.agree().await;
    network.join(keys(&[4])).await;
    network.agree().await;
    until(network.node(4), |status| status.epoch == 1 && status.authority == Some(AuthorityIndex(4))).await;
    network.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn followers_follow_whoever_is_in_force() {
    let mut network = Network::start().await;
    let transport = Arc::new(network.net.join(NodeName("gateway".to_owned())));
    let seams = FollowerSeams { ledger: Arc::new(MemoryLedger::new()), transport, clock: Arc::clone(&network.clock) };
    let config = FollowerConfig {
        genesis: Arc::new(network.founding.genesis.clone()),
        partition: PartitionId(0),
        clock: ClockConfig::default(),
    };
    let follower = Follower::start(config, seams).await.unwrap();
    for number in 4..8 {
        network.join(keys(&[number])).await;
    }
    // All of them are replaced, by and by.
    network.submit(&network.change(named(&[0, 1, 4, 5]), &keys(&[0, 1, 2]))).await;
    network.submit(&network.change(named(&[4, 5, 6, 7]), &keys(&[0, 4, 5]))).await;
    network.agree().await;
    let names = |members: &[voting_cluster::membership::Member]| members.iter().map(|m| m.name.clone()).collect::<Vec<_>>();
    let mut members = follower.members();
    let replaced = members.wait_for(|members| names(members) == ["a4", "a5", "a6", "a7"]);
    tokio::time::timeout(PATIENCE, replaced).await.expect("it hears of the new ones").unwrap();
    for founder in 0..4 {
        network.stop(founder).await;
    }
    let height = network.vote().await;
    tokio::time::timeout(PATIENCE, follower.replica().reached(height)).await.expect("it follows on");
    let source = follower.source().borrow().name.0.clone();
    assert!(["a4", "a5", "a6", "a7"].contains(&source.as_str()), "{source} is no authority any more");
    assert_eq!(follower.replica().state().root(), network.first().replica().state().root());
    follower.shutdown().await.unwrap();
    network.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_lost_its_disk_votes_again_when_a_quorum_of_the_others_has_said_how_far_they_are() {
    let mut network = Network::start().await;
    network.stop(3).await;
    network.lose(1).await;
    // Two of the others are no quorum: it follows, and does not vote. So nothing becomes final.
    let mut status = network.node(1).status();
    assert!(status.borrow().learning);
    let before = network.node(0).replica().state().height();
    network.node(1).replica().reached(before).await;
    let election = definition(1, &["Ada", "Bob"]);
    let cast = Entry::Cast(ballot(network.founding.chain(), &election, &key(network.voted), &[1])).to_bytes();
    let [waiter, in_the_end] = [(); 2].map(|()| network.first().replica().watch(cast.hash()));
    network.queue.submit(cast).await.unwrap();
    assert_eq!(waiter.wait(Duration::from_millis(1_500)).await, EntryStatus::Pending, "two of four votes");
    assert!(status.borrow().learning);
    assert_eq!(network.node(0).replica().state().height(), before);
    // With the third it learns, and goes on where it cannot contradict itself.
    network.restart(3, keys(&[3])).await;
    tokio::time::timeout(PATIENCE, status.wait_for(|status| !status.learning)).await.expect("it learns").unwrap();
    assert!(matches!(in_the_end.wait(PATIENCE).await, EntryStatus::Final(_)), "the ballot was not lost");
    network.voted += 1;
    network.agree().await;
    // Its votes count again: they are needed.
    network.stop(0).await;
    network.agree().await;
    network.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_authority_that_contradicts_itself_stands_accused_in_every_ledger() {
    let mut network = Network::start().await;
    network.agree().await;
    // Whoever runs a3 now has its key, and tells one authority two stories of a view.
    network.stop(3).await;
    let liar = network.net.join(NodeName("a3".to_owned()));
    let mut status = network.node(0).status();
    let written = async {
        // Votes too far ahead are not looked at: it lies again when the view moves.
        loop {
            let view = status.borrow_and_update().view.next();
            for block in [1, 2] {
                let statement = Statement::Notarize { view, block: BlockHash([block; 32]) };
                let vote = Vote::sign(network.founding.chain(), 0, statement, AuthorityIndex(3), &authority_key(3));
                let bytes = Message::Vote(vote).to_canonical().into();
                liar.send(&NodeName("a0".to_owned()), MessageKind::Consensus, bytes).await.unwrap();
            }
            status.changed().await.unwrap();
            if let Some(accused) = network.node(0).replica().state().accused().next() {
                break *accused;
            }
        }
    };
    let accused = tokio::time::timeout(PATIENCE, written).await.expect("it is written down");
    assert_eq!((accused.epoch, accused.authority), (0, AuthorityIndex(3)));
    network.agree().await;
    for node in network.nodes.iter().flatten() {
        assert_eq!(node.replica().state().accused().copied().collect::<Vec<_>>(), [accused]);
    }
    network.shutdown().await;
}
