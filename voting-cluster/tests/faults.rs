//! Single authorities whose disks fail, hang or are full, which stop and come back, while the others go on.
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;
use voting_cluster::clock::SystemClock;
use voting_cluster::embedded::Identity;
use voting_cluster::leadership::Leading;
use voting_cluster::ledger::MemoryLedger;
use voting_cluster::membership::Member;
use voting_cluster::node::{NodeError, NodeHooks};
use voting_cluster::queue::MemoryQueue;
use voting_cluster::transport::MemoryNetwork;
use voting_cluster::{Committed, EmbeddedConfig, EntryStatus, Node, NodeConfig, NodeSeams};
use voting_core::block::{EntryBytes, FinalizedBlock};
use voting_core::codec::Canonical;
use voting_core::election::{ElectionDefinition, Phase};
use voting_core::entry::{Act, Certification, CertifiedVoter, Entry, OfficerAct};
use voting_core::epoch::{Genesis, LeaderPolicy, QuorumRule};
use voting_core::ids::{AuthorityIndex, Height, PartitionId};
use voting_core::preference::{PREFERENCE_SPACING, Preference};
use voting_core::seams::{
    BallotQueue, Clock, ClockReading, FencingToken, JournalRecord, Ledger, LedgerBatch, LedgerError, LedgerHead, NodeName,
};
use voting_core::testing::{ballot, chain::pseudonym, definition, key};
use voting_core::time::Timestamp;

/// Far above the time to finality, so that a test that waits this long has found a standstill.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a disk does with the next write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Disk {
    Works,
    Fails,
    Hangs,
}

/// A ledger whose disk can be told to fail. What was written before stays.
struct FaultyLedger {
    inner: MemoryLedger,
    disk: watch::Sender<Disk>,
    faults: AtomicU64,
}

impl FaultyLedger {
    fn new() -> Arc<Self> {
        Arc::new(Self { inner: MemoryLedger::new(), disk: watch::Sender::new(Disk::Works), faults: AtomicU64::new(0) })
    }

    fn faults(&self) -> u64 {
        self.faults.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Ledger for FaultyLedger {
    async fn write(&self, batch: LedgerBatch) -> Result<(), LedgerError> {
        let mut disk = self.disk.subscribe();
        let now = *disk.borrow_and_update();
        if now != Disk::Works {
            self.faults.fetch_add(1, Ordering::SeqCst);
        }
        if now == Disk::Fails {
            return Err(LedgerError::Io("no space left on device".to_owned()));
        }
        disk.wait_for(|disk| *disk != Disk::Hangs).await.unwrap();
        self.inner.write(batch).await
    }

    async fn journal(&self) -> Result<Vec<JournalRecord>, LedgerError> {
        self.inner.journal().await
    }

    async fn head(&self) -> Result<Option<LedgerHead>, LedgerError> {
        self.inner.head().await
    }

    async fn blocks(&self, from: Height, limit: usize) -> Result<Vec<FinalizedBlock>, LedgerError> {
        self.inner.blocks(from, limit).await
    }
}

/// A clock that is ahead of another, and may jump.
struct AheadClock {
    of: Arc<dyn Clock>,
    by_ms: AtomicU64,
}

impl AheadClock {
    fn new(of: &Arc<dyn Clock>, by: Duration) -> Arc<Self> {
        Arc::new(Self { of: Arc::clone(of), by_ms: AtomicU64::new(by.as_millis() as u64) })
    }
}

impl Clock for AheadClock {
    fn read(&self) -> ClockReading {
        let ClockReading { now, error_bound } = self.of.read();
        let by = Duration::from_millis(self.by_ms.load(Ordering::SeqCst));
        ClockReading { now: now.saturating_add(by), error_bound }
    }

    fn monotonic(&self) -> Duration {
        self.of.monotonic()
    }
}

/// Remembers what it was told.
#[derive(Default)]
struct Recorder {
    heights: Mutex<Vec<Height>>,
    resume_after: Mutex<Option<Height>>,
}

impl NodeHooks for Recorder {
    fn finalized(&self, committed: &Arc<Committed>) {
        self.heights.lock().unwrap().push(committed.block.block.header.height);
    }

    fn resume_after(&self) -> Option<Height> {
        *self.resume_after.lock().unwrap()
    }
}

/// Authorities that can be stopped and started one by one.
struct Cluster {
    identity: Identity,
    genesis: Arc<Genesis>,
    network: MemoryNetwork,
    queue: Arc<MemoryQueue>,
    clock: Arc<dyn Clock>,
    ledgers: Vec<Arc<FaultyLedger>>,
    hooks: Vec<Arc<Recorder>>,
    nodes: Vec<Option<Node>>,
    election: ElectionDefinition,
}

impl Cluster {
    /// Four authorities, and an open election with so many certified voters.
    async fn start(leader: LeaderPolicy, quorum: QuorumRule, voters: u64) -> Self {
        Self::start_at(Arc::new(SystemClock::new()), leader, quorum, voters).await
    }

    async fn start_at(clock: Arc<dyn Clock>, leader: LeaderPolicy, quorum: QuorumRule, voters: u64) -> Self {
        let config = EmbeddedConfig { leader, quorum: Some(quorum), ..EmbeddedConfig::default() };
        let identity = Identity::generate(&config, clock.as_ref()).unwrap();
        let n = identity.authorities.len();
        let election = ElectionDefinition { registrar: identity.registrar.public(), ..definition(1, &["Ada", "Bob"]) };
        let mut cluster = Self {
            genesis: Arc::new(identity.genesis.clone()),
            identity,
            network: MemoryNetwork::new(),
            queue: Arc::new(MemoryQueue::new(10_000, Arc::clone(&clock))),
            clock,
            ledgers: (0..n).map(|_| FaultyLedger::new()).collect(),
            hooks: (0..n).map(|_| Arc::default()).collect(),
            nodes: (0..n).map(|_| None).collect(),
            election,
        };
        for index in 0..n {
            cluster.start_node(index).await;
        }
        cluster.open(voters).await;
        cluster
    }

    async fn start_node(&mut self, index: usize) {
        self.start_node_with(index, Arc::clone(&self.clock)).await;
    }

    async fn start_node_with(&mut self, index: usize, clock: Arc<dyn Clock>) {
        let seams = NodeSeams {
            ledger: Arc::clone(&self.ledgers[index]) as Arc<dyn Ledger>,
            queue: Arc::clone(&self.queue) as Arc<dyn BallotQueue>,
            transport: Arc::new(self.network.join(self.name(index))),
            clock,
            hooks: Arc::clone(&self.hooks[index]) as Arc<dyn NodeHooks>,
        };
        let config = NodeConfig {
            first_start: true,
            ..NodeConfig::new(Arc::clone(&self.genesis), self.identity.authorities[index].clone())
        };
        self.nodes[index] = Some(Node::start(config, seams).await.unwrap());
    }

    fn name(&self, index: usize) -> NodeName {
        NodeName(self.genesis.epoch.authorities[index].name.clone())
    }

    fn node(&self, index: usize) -> &Node {
        self.nodes[index].as_ref().unwrap()
    }

    async fn stop(&mut self, index: usize) {
        self.nodes[index].take().unwrap().shutdown().await.unwrap();
    }

    /// Submits entries and waits for each at one authority.
    async fn submit(&self, at: usize, entries: &[Entry]) -> Vec<EntryStatus> {
        let mut waiters = Vec::new();
        for entry in entries {
            let bytes = entry.to_bytes();
            waiters.push(self.node(at).replica().watch(bytes.hash()));
            self.queue.submit(bytes).await.unwrap();
        }
        let mut fates = Vec::new();
        for waiter in waiters {
            fates.push(waiter.wait(PATIENCE).await);
        }
        fates
    }

    async fn must(&self, at: usize, entries: &[Entry]) {
        for fate in self.submit(at, entries).await {
            assert!(matches!(fate, EntryStatus::Final(_)), "{fate:?}");
        }
    }

    async fn open(&self, voters: u64) {
        let chain = self.genesis.chain_id(PartitionId(0));
        let (officer, registrar) = (&self.identity.officer, &self.identity.registrar);
        let acts = [
            Act::Define(self.election.clone()),
            Act::SetRoll { size: voters },
            Act::Advance { to: Phase::Ready },
            Act::Advance { to: Phase::Scheduled },
            Act::Advance { to: Phase::Open },
        ];
        for (sequence, act) in (1..).zip(acts) {
            let act = OfficerAct { chain, election: self.election.id, sequence, act, officer: officer.public() };
            self.must(0, &[Entry::act(act, officer)]).await;
        }
        let voters = (0..voters).map(|n| CertifiedVoter { pseudonym: pseudonym(n), key: key(n).public(), weight: 1 }).collect();
        let certification = Certification { chain, election: self.election.id, voters, registrar: registrar.public() };
        self.must(0, &[Entry::certify(certification, registrar)]).await;
    }

    fn votes(&self, voters: std::ops::Range<u64>) -> Vec<Entry> {
        let chain = self.genesis.chain_id(PartitionId(0));
        voters.map(|n| Entry::Cast(ballot(chain, &self.election, &key(n), &[0]))).collect()
    }

    fn voted(&self, at: usize) -> u64 {
        self.node(at).replica().state().election(self.election.id).unwrap().voted()
    }

    /// An authority catches up with another, and both have the same chain.
    async fn assert_agreement(&self, one: usize, other: usize) {
        let height = self.node(one).replica().state().height();
        tokio::time::timeout(PATIENCE, self.node(other).replica().reached(height)).await.expect("it catches up");
        let chain = |at: usize| self.ledgers[at].blocks(Height(1), usize::try_from(height.0).unwrap());
        let (ours, theirs) = (chain(one).await.unwrap(), chain(other).await.unwrap());
        assert_eq!(ours.len() as u64, height.0);
        assert!(ours.iter().zip(&theirs).all(|(ours, theirs)| ours.block == theirs.block) && ours.len() == theirs.len());
    }
}

fn is_cast(entry: &EntryBytes) -> bool {
    matches!(Entry::from_canonical(entry.as_slice()), Ok(Entry::Cast(_)))
}

const POLICIES: [LeaderPolicy; 3] = [LeaderPolicy::Fixed, LeaderPolicy::RoundRobin { term: 1 }, LeaderPolicy::Elected];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_authority_whose_disk_fails_falls_silent_and_the_others_go_on() {
    for policy in POLICIES {
        let mut cluster = Cluster::start(policy, QuorumRule::Byzantine, 60).await;
        cluster.must(1, &cluster.votes(0..20)).await;
        cluster.ledgers[0].disk.send_replace(Disk::Fails); // under the fixed policy, the leader's
        cluster.must(1, &cluster.votes(20..40)).await;
        let stopped = tokio::time::timeout(PATIENCE, cluster.nodes[0].take().unwrap().stopped()).await.expect("it stops");
        assert_eq!(stopped, Err(NodeError::Ledger(LedgerError::Io("no space left on device".to_owned()))));
        assert_eq!(cluster.ledgers[0].faults(), 1, "after one failed write there is no other");

        // Somebody makes room and starts it again.
        cluster.ledgers[0].disk.send_replace(Disk::Works);
        cluster.start_node(0).await;
        cluster.must(1, &cluster.votes(40..60)).await;
        cluster.assert_agreement(1, 0).await;
        assert_eq!((cluster.voted(0), cluster.voted(1)), (60, 60));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_authority_whose_disk_hangs_is_passed_over_and_catches_up_when_it_goes_on() {
    for policy in POLICIES {
        let cluster = Cluster::start(policy, QuorumRule::Byzantine, 40).await;
        cluster.ledgers[0].disk.send_replace(Disk::Hangs);
        cluster.must(1, &cluster.votes(0..20)).await;
        assert_eq!(cluster.ledgers[0].faults(), 1, "it hangs in a write");
        assert!(cluster.voted(0) < 20, "it knows of nothing final that it could not write");
        cluster.ledgers[0].disk.send_replace(Disk::Works);
        cluster.must(1, &cluster.votes(20..40)).await;
        cluster.assert_agreement(1, 0).await;
        assert_eq!(cluster.voted(0), 40);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_quorum_nothing_becomes_final_and_nothing_is_lost() {
    let mut cluster = Cluster::start(LeaderPolicy::RoundRobin { term: 1 }, QuorumRule::Byzantine, 20).await;
    cluster.must(0, &cluster.votes(0..10)).await;
    cluster.stop(2).await;
    cluster.stop(3).await;
    let height = cluster.node(0).replica().state().height();

    let waiting = cluster.votes(10..20);
    let waiters: Vec<_> = waiting.iter().map(|vote| cluster.node(0).replica().watch(vote.to_bytes().hash())).collect();
    for vote in &waiting {
        cluster.queue.submit(vote.to_bytes()).await.unwrap();
    }
    // Two of four skip view after view, which shows in the status; that they do, and finalize nothing, is the point.
    let mut status = cluster.node(0).status();
    let view = status.borrow().view;
    let moved = status.wait_for(|status| status.view > view || status.ready + status.depth > 0);
    tokio::time::timeout(PATIENCE, moved).await.expect("they try").unwrap();
    assert_eq!(cluster.node(0).replica().state().height(), height);
    assert_eq!(cluster.voted(0), 10);

    cluster.start_node(2).await;
    for waiter in waiters {
        let fate = waiter.wait(PATIENCE).await;
        assert!(matches!(fate, EntryStatus::Final(_)), "{fate:?}");
    }
    cluster.assert_agreement(0, 2).await;
    assert_eq!(cluster.voted(2), 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_quorum_rule_bears_as_many_stopped_authorities_as_it_says() {
    for (rule, quorum) in [(QuorumRule::Majority, 3), (QuorumRule::Byzantine, 3), (QuorumRule::Number(4), 4)] {
        let mut cluster = Cluster::start(LeaderPolicy::Fixed, rule, 10).await;
        assert_eq!(cluster.genesis.epoch.quorum, quorum);
        for index in (0..cluster.genesis.epoch.down_tolerated()).rev() {
            cluster.stop(index).await; // the leader first
        }
        cluster.must(3, &cluster.votes(0..10)).await;
        assert_eq!(cluster.voted(3), 10);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hooks_hear_of_every_block_in_order_and_again_after_a_restart() {
    let mut cluster = Cluster::start(LeaderPolicy::RoundRobin { term: 1 }, QuorumRule::Byzantine, 20).await;
    cluster.must(0, &cluster.votes(0..10)).await;
    cluster.stop(0).await;
    let heard = std::mem::take(&mut *cluster.hooks[0].heights.lock().unwrap());
    let expected: Vec<Height> = (1..=heard.len() as u64).map(Height).collect();
    assert_eq!(heard, expected, "each once, in order, from the first");
    assert_eq!(cluster.ledgers[0].head().await.unwrap().unwrap().height, *heard.last().unwrap(), "and none that is not on disk");

    // The listener had kept what it heard up to height 3 when it went down with the node.
    *cluster.hooks[0].resume_after.lock().unwrap() = Some(Height(3));
    cluster.start_node(0).await;
    cluster.must(0, &cluster.votes(10..20)).await;
    cluster.stop(0).await;
    let again = cluster.hooks[0].heights.lock().unwrap().clone();
    assert!(again.len() > heard.len() - 3);
    assert_eq!(again, (4..4 + again.len() as u64).map(Height).collect::<Vec<_>>(), "from there on, old and new without a gap");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_wrong_clock_does_not_set_the_time_of_any_block() {
    let ahead_by = |clock: &Arc<dyn Clock>, by| AheadClock::new(clock, by) as Arc<dyn Clock>;
    let minute = Duration::from_secs(60);
    for (first, others) in [(minute, Duration::ZERO), (Duration::ZERO, minute)] {
        for policy in POLICIES {
            let mut cluster = Cluster::start(policy, QuorumRule::Byzantine, 30).await;
            let height = cluster.node(1).replica().state().height();
            for index in 0..4 {
                cluster.stop(index).await;
            }
            let right = ahead_by(&cluster.clock, others);
            let from = right.now();
            cluster.start_node_with(0, ahead_by(&cluster.clock, first)).await;
            for index in 1..4 {
                cluster.start_node_with(index, Arc::clone(&right)).await;
            }
            for voters in 0..6 {
                cluster.must(1, &cluster.votes(voters * 5..voters * 5 + 5)).await;
            }
            let until = right.now();
            let is_ahead = if first > others { 59_000..61_000 } else { -61_000..-59_000 };
            let said = |members: &Vec<Member>| members[0].heartbeat.as_ref().and_then(|heartbeat| heartbeat.clock_ahead_ms());
            let mut heard = cluster.node(1).members();
            let tells = heard.wait_for(|members| said(members).is_some_and(|ahead| is_ahead.contains(&ahead)));
            tokio::time::timeout(PATIENCE, tells).await.expect("the heartbeats of the first tell of its clock").unwrap();
            let mut blocks = cluster.ledgers[1].blocks(height.next(), 1_000).await.unwrap();
            // What was voted for before the clocks changed may become final after.
            blocks.retain(|finalized| finalized.block.entries.iter().any(is_cast));
            assert!(blocks.len() >= 6);
            let slack = Duration::from_secs(1); // the precision that an honest clock grants, and milliseconds to keep order
            for finalized in &blocks {
                let at = finalized.block.header.timestamp;
                assert!(
                    at.saturating_add(slack) >= from && at <= until.saturating_add(slack),
                    "{at} is not within {from} and {until}"
                );
            }
            cluster.assert_agreement(1, 0).await;
        }
    }
}

impl Cluster {
    /// Waits until a preference of this term is final.
    async fn until_preferred(&self, term: u32) -> Preference {
        let replica = self.node(0).replica();
        let mut heights = replica.heights();
        let preferred = async {
            loop {
                if let Some(preference) = replica.state().preference().filter(|preference| preference.term == term) {
                    return preference;
                }
                heights.changed().await.unwrap();
            }
        };
        tokio::time::timeout(PATIENCE, preferred).await.unwrap_or_else(|_| panic!("nobody is preferred in term {term}"))
    }

    /// Waits until all authorities that run know that it is so late: they ask each other first.
    async fn until_shown(&self, time: Timestamp) {
        let shown = async {
            let mut look = tokio::time::interval(Duration::from_millis(20));
            while self.nodes.iter().flatten().any(|node| node.clock().now() < time) {
                look.tick().await;
            }
        };
        tokio::time::timeout(PATIENCE, shown).await.expect("clocks that are set forward are followed");
    }

    /// Waits until all authorities that run take one for the leader, with votes to keep views going.
    async fn until_led_by(&self, leader: usize) {
        let leads = async {
            for node in self.nodes.iter().flatten() {
                node.status().wait_for(|status| usize::from(status.leader.0) == leader).await.unwrap();
            }
        };
        tokio::time::timeout(PATIENCE, leads).await.unwrap_or_else(|_| panic!("{leader} does not lead"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_coordinates_leads_until_it_fails_and_so_does_its_successor() {
    let system: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let clock = AheadClock::new(&system, Duration::ZERO);
    let mut cluster = Cluster::start_at(Arc::clone(&clock) as _, LeaderPolicy::Elected, QuorumRule::Byzantine, 90).await;
    let coordinates = |token| Leading { token: Some(FencingToken(token)) };
    let preference = |cluster: &Cluster| cluster.node(0).replica().state().preference();
    assert_eq!(preference(&cluster), None);

    let (second, leading) = watch::channel(Leading::default());
    let campaign = tokio::spawn(cluster.node(2).campaign(leading));
    cluster.must(0, &cluster.votes(0..10)).await;
    assert_eq!(preference(&cluster), None, "nobody coordinates");
    second.send_replace(coordinates(1));
    let first = cluster.until_preferred(1).await;
    assert_eq!(first.leader, AuthorityIndex(2));
    cluster.until_led_by(2).await;
    for n in 1..4 {
        cluster.must(0, &cluster.votes(n * 10..n * 10 + 10)).await;
        cluster.until_led_by(2).await;
    }

    // It dies in the lead: the next in order takes over, until another coordinates and is preferred in its place.
    campaign.abort();
    cluster.stop(2).await;
    cluster.must(0, &cluster.votes(40..50)).await;
    cluster.until_led_by(3).await;
    let (first_of, leading) = watch::channel(coordinates(2));
    let campaign = tokio::spawn(cluster.node(0).campaign(leading));
    cluster.must(0, &cluster.votes(50..60)).await;
    assert_eq!(preference(&cluster), Some(first), "too soon after the last");
    clock.by_ms.fetch_add(PREFERENCE_SPACING.as_millis() as u64, Ordering::SeqCst);
    cluster.until_shown(clock.now()).await;
    cluster.must(0, &cluster.votes(60..70)).await;
    assert_eq!(cluster.until_preferred(2).await.leader, AuthorityIndex(0));
    cluster.until_led_by(0).await;

    // Who was away learns of it, and who no longer coordinates asks no more.
    cluster.start_node(2).await;
    cluster.assert_agreement(0, 2).await;
    cluster.until_led_by(0).await;
    drop(first_of);
    tokio::time::timeout(PATIENCE, campaign).await.unwrap().unwrap();
    cluster.must(2, &cluster.votes(70..90)).await;
    for at in [0, 1, 3] {
        cluster.assert_agreement(2, at).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_refuses_a_ledger_that_is_not_its_own_or_not_whole() {
    let mut cluster = Cluster::start(LeaderPolicy::RoundRobin { term: 1 }, QuorumRule::Byzantine, 10).await;
    cluster.must(0, &cluster.votes(0..10)).await;
    cluster.stop(0).await;
    let blocks = cluster.ledgers[0].blocks(Height(1), 1_000).await.unwrap();

    // The same chain with one state root changed, as a disk could not but a hand could.
    let forged = FaultyLedger::new();
    let mut chain = blocks;
    chain[4].block.header.state_root.0[0] ^= 1;
    chain.truncate(5);
    forged.write(LedgerBatch { blocks: chain, ..LedgerBatch::default() }).await.unwrap();
    cluster.ledgers[0] = forged;
    let seams = NodeSeams {
        ledger: Arc::clone(&cluster.ledgers[0]) as Arc<dyn Ledger>,
        queue: Arc::clone(&cluster.queue) as Arc<dyn BallotQueue>,
        transport: Arc::new(cluster.network.join(cluster.name(0))),
        clock: Arc::clone(&cluster.clock),
        hooks: Arc::clone(&cluster.hooks[0]) as Arc<dyn NodeHooks>,
    };
    let config = NodeConfig::new(Arc::clone(&cluster.genesis), cluster.identity.authorities[0].clone());
    let error = Node::start(config, seams).await.unwrap_err();
    assert!(matches!(&error, NodeError::Ledger(LedgerError::Damaged(what)) if what.starts_with("block 5")), "{error}");
}
