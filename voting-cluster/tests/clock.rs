//! Authorities on machines whose clocks are minutes off: what time their blocks have, and who is found out.
use std::sync::Arc;
use std::time::Duration;

use voting_cluster::clock::{ClockAlarm, ClockConfig, ClockReport, ClockState, OffsetClock, SyncedClock, SystemClock};
use voting_cluster::embedded::Identity;
use voting_cluster::ledger::MemoryLedger;
use voting_cluster::membership::Member;
use voting_cluster::node::NoHooks;
use voting_cluster::queue::MemoryQueue;
use voting_cluster::transport::MemoryNetwork;
use voting_cluster::{EmbeddedConfig, EntryStatus, Follower, FollowerConfig, FollowerSeams, Node, NodeConfig, NodeSeams};
use voting_core::election::{ElectionDefinition, Phase, Timing};
use voting_core::entry::{Act, Certification, CertifiedVoter, Entry, OfficerAct};
use voting_core::epoch::{Genesis, LeaderPolicy};
use voting_core::ids::{AuthorityIndex, Height, PartitionId};
use voting_core::seams::{BallotQueue, Clock, Ledger, NodeName};
use voting_core::testing::{ballot, chain::pseudonym, definition, key};
use voting_core::time::Timestamp;

/// Far above the time to finality, so that a test that waits this long has found a standstill.
const PATIENCE: Duration = Duration::from_secs(60);
/// Blocks are accepted if their times are within this of an authority's clock.
const PRECISION_MS: i64 = 500;
const MINUTE_MS: i64 = 60_000;
/// Questions often enough for a test.
const OFTEN: ClockConfig = ClockConfig {
    machine_error_ms: 500,
    drift_ppm: 50,
    holdover_ppm: 15,
    slew_ppm: 500,
    poll_ms_min: 200,
    poll_ms_max: 400,
    founding_ms: 1_000,
};

/// Authorities, each on a machine of its own.
struct Network {
    genesis: Arc<Genesis>,
    identity: Identity,
    net: MemoryNetwork,
    queue: Arc<MemoryQueue>,
    truth: Arc<dyn Clock>,
    machines: Vec<Arc<OffsetClock>>,
    ledgers: Vec<Arc<MemoryLedger>>,
    nodes: Vec<Node>,
    acts: u32,
}

impl Network {
    /// One authority for each offset, with that offset.
    async fn start(leader: LeaderPolicy, offsets_ms: &[i64]) -> Self {
        let truth: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let config = EmbeddedConfig { leader, authorities: Some(offsets_ms.len()), ..EmbeddedConfig::default() };
        let identity = Identity::generate(&config, truth.as_ref()).unwrap();
        let mut network = Self {
            genesis: Arc::new(identity.genesis.clone()),
            identity,
            net: MemoryNetwork::new(),
            queue: Arc::new(MemoryQueue::new(10_000, Arc::clone(&truth))),
            machines: offsets_ms.iter().map(|by| Arc::new(OffsetClock::new(Arc::clone(&truth), *by))).collect(),
            ledgers: offsets_ms.iter().map(|_| Arc::new(MemoryLedger::new())).collect(),
            nodes: Vec::new(),
            truth,
            acts: 0,
        };
        for index in 0..offsets_ms.len() {
            let seams = NodeSeams {
                ledger: Arc::clone(&network.ledgers[index]) as Arc<dyn Ledger>,
                queue: Arc::clone(&network.queue) as Arc<dyn BallotQueue>,
                transport: Arc::new(network.net.join(NodeName(network.genesis.epoch.authorities[index].name.clone()))),
                clock: Arc::clone(&network.machines[index]) as Arc<dyn Clock>,
                hooks: Arc::new(NoHooks),
            };
            let key = network.identity.authorities[index].clone();
            let config = NodeConfig { first_start: true, clock: OFTEN, ..NodeConfig::new(Arc::clone(&network.genesis), key) };
            network.nodes.push(Node::start(config, seams).await.unwrap());
        }
        network
    }

    /// How far a clock is from the truth, in milliseconds, rounded towards it by what passed while it was read.
    fn off_ms(&self, clock: &dyn Clock) -> i64 {
        let before = self.truth.now().as_millis() as i64;
        let shown = clock.now().as_millis() as i64;
        let after = self.truth.now().as_millis() as i64;
        shown - shown.clamp(before, after)
    }

    async fn until(&self, what: &str, clock: &SyncedClock, is: impl Fn(&ClockReport) -> bool) {
        let reached = async {
            let mut look = tokio::time::interval(Duration::from_millis(50));
            while !is(&clock.report()) {
                look.tick().await;
            }
        };
        let reached = tokio::time::timeout(PATIENCE, reached).await;
        assert!(reached.is_ok(), "waited in vain for {what}: {:#?}", clock.report());
    }

    async fn until_all(&self, what: &str, is: impl Fn(usize, &ClockReport) -> bool) {
        for (index, node) in self.nodes.iter().enumerate() {
            self.until(&format!("{what} at {index}"), node.clock(), |report| is(index, report)).await;
        }
    }

    async fn submit(&self, entry: &Entry) -> EntryStatus {
        let bytes = entry.to_bytes();
        let waiter = self.nodes[0].replica().watch(bytes.hash());
        self.queue.submit(bytes).await.unwrap();
        waiter.wait(PATIENCE).await
    }

    async fn must(&self, entry: &Entry) -> Height {
        match self.submit(entry).await {
            EntryStatus::Final(at) => at.height,
            other => panic!("{other:?}"),
        }
    }

    fn act(&mut self, election: &ElectionDefinition, act: Act) -> Entry {
        self.acts += 1;
        let (chain, officer) = (self.genesis.chain_id(PartitionId(0)), &self.identity.officer);
        let act = OfficerAct { chain, election: election.id, sequence: self.acts, act, officer: officer.public() };
        Entry::act(act, officer)
    }

    /// An election that opens and closes at stated times, with so many certified voters.
    async fn schedule(&mut self, opens_at: Timestamp, closes_at: Timestamp, voters: u64) -> ElectionDefinition {
        let registrar = self.identity.registrar.clone();
        let election = definition(1, &["Ada", "Bob"]);
        let election = ElectionDefinition { registrar: registrar.public(), opens_at, closes_at, timing: Timing::Fixed, ..election };
        let acts = [
            Act::Define(election.clone()),
            Act::SetRoll { size: voters },
            Act::Advance { to: Phase::Ready },
            Act::Advance { to: Phase::Scheduled },
        ];
        for act in acts {
            let act = self.act(&election, act);
            self.must(&act).await;
        }
        let voters = (0..voters).map(|n| CertifiedVoter { pseudonym: pseudonym(n), key: key(n).public(), weight: 1 }).collect();
        let chain = self.genesis.chain_id(PartitionId(0));
        let certification = Certification { chain, election: election.id, voters, registrar: registrar.public() };
        self.must(&Entry::certify(certification, &registrar)).await;
        election
    }

    /// A clock shows a time, by itself.
    async fn until_shown(&self, clock: &dyn Clock, at: Timestamp) {
        let mut look = tokio::time::interval(Duration::from_millis(5));
        while clock.now() < at {
            look.tick().await;
        }
    }

    async fn block_time(&self, at: usize, height: Height) -> Timestamp {
        tokio::time::timeout(PATIENCE, self.nodes[at].replica().reached(height)).await.expect("it catches up");
        self.ledgers[at].block(height).await.unwrap().expect("it is there").block.header.timestamp
    }

    async fn stop(self) {
        for node in self.nodes {
            node.shutdown().await.unwrap();
        }
    }
}

/// The offsets are in force, no authority goes by them, and what is voted in time counts.
async fn an_election_keeps_its_times(offsets_ms: &[i64], state: ClockState) {
    let mut network = Network::start(LeaderPolicy::RoundRobin { term: 1 }, offsets_ms).await;
    network.until_all("a time", |_, report| report.state == state).await;
    let machines: Vec<i64> = network.machines.iter().map(|machine| network.off_ms(machine.as_ref())).collect();
    let corrected: Vec<i64> = network.nodes.iter().map(|node| network.off_ms(node.clock().as_ref())).collect();
    println!("machines are off by {machines:?} ms, corrected times by {corrected:?} ms");
    for (offset, shown) in offsets_ms.iter().zip(&machines) {
        assert!((shown - offset).abs() <= 1_000, "the offsets are in force: {machines:?}");
    }
    let (least, most) = (corrected.iter().min().unwrap(), corrected.iter().max().unwrap());
    assert!(most - least <= PRECISION_MS, "{corrected:?}");
    for (node, offset) in network.nodes.iter().zip(offsets_ms) {
        let told = node.clock().report().machine_us / 1_000;
        assert!((told - offset).abs() <= 2 * PRECISION_MS, "its own clock is told of: {told} ms of {offset} ms");
    }

    let shown = Arc::clone(network.nodes[0].clock());
    let opens_at = shown.now().saturating_add(Duration::from_secs(3));
    let closes_at = opens_at.saturating_add(Duration::from_secs(3));
    let election = network.schedule(opens_at, closes_at, 40).await;
    // Opened and closed by another authority's clock each, the two that are furthest apart.
    let by = |extreme: &i64| Arc::clone(network.nodes[offsets_ms.iter().position(|by| by == extreme).unwrap()].clock());
    let (fast, slow) = (by(offsets_ms.iter().max().unwrap()), by(offsets_ms.iter().min().unwrap()));
    network.until_shown(fast.as_ref(), opens_at.saturating_add(Duration::from_millis(200))).await;
    let open = network.act(&election, Act::Advance { to: Phase::Open });
    let opened = network.must(&open).await;
    let chain = network.genesis.chain_id(PartitionId(0));
    let (mut receipts, mut last) = (0u64, opened);
    for voter in 0..40 {
        let vote = Entry::Cast(ballot(chain, &election, &key(voter), &[0]));
        match network.submit(&vote).await {
            EntryStatus::Final(at) => (receipts, last) = (receipts + 1, last.max(at.height)),
            other => panic!("{other:?}"),
        }
    }
    network.until_shown(slow.as_ref(), closes_at.saturating_add(Duration::from_millis(200))).await;
    let close = network.act(&election, Act::Advance { to: Phase::Closed });
    let closed = network.must(&close).await;
    assert!(opened < last && last < closed);
    let times = (network.block_time(0, opened).await, network.block_time(0, closed).await);
    assert!(times.0 >= opens_at && times.1 >= closes_at, "{times:?} for {opens_at} and {closes_at}");
    for index in 0..network.nodes.len() {
        assert_eq!((network.block_time(index, opened).await, network.block_time(index, closed).await), times);
        let state = network.nodes[index].replica().state();
        let election = state.election(election.id).unwrap();
        assert_eq!((election.closed_height(), election.voted()), (Some(closed), receipts), "at {index}");
    }
    // Every authority led, the wrong machines among them: nobody was passed over for its time.
    let epoch = &network.genesis.epoch;
    let mut leaders: Vec<usize> = Vec::new();
    for finalized in network.ledgers[0].blocks(Height(1), 1_000).await.unwrap() {
        let view = finalized.block.header.view.0;
        leaders.push(((view - 1) % epoch.len() as u64) as usize);
    }
    leaders.sort_unstable();
    leaders.dedup();
    assert_eq!(leaders.len(), epoch.len(), "{leaders:?}");
    network.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_election_keeps_its_times_on_machines_of_which_some_are_a_minute_off() {
    an_election_keeps_its_times(&[40, MINUTE_MS, 0, -MINUTE_MS, -30, 20, 0], ClockState::Synced).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_election_keeps_its_times_on_machines_of_which_too_few_agree() {
    an_election_keeps_its_times(&[0, MINUTE_MS, -MINUTE_MS, 10], ClockState::Holdover).await;
}

fn said(members: &[Member], of: usize) -> Option<voting_cluster::clock::ClockSummary> {
    members.get(of)?.heartbeat.as_ref().map(|heartbeat| heartbeat.clock.clone())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_master_whose_clock_lies_is_named_and_not_followed() {
    for policy in [LeaderPolicy::Fixed, LeaderPolicy::RoundRobin { term: 1 }, LeaderPolicy::Elected] {
        let network = Network::start(policy, &[30, 0, -20, 10]).await;
        network.until_all("the first to be followed", |_, report| report.state == ClockState::Synced).await;
        for node in &network.nodes {
            assert_eq!(node.clock().report().master.as_deref(), Some("authority-0"));
        }

        network.machines[0].shift(10 * MINUTE_MS);
        let is_named = |report: &ClockReport| {
            let of_the_master = |alarm: &ClockAlarm| matches!(alarm, ClockAlarm::MasterOutlier { name, off_us } if name == "authority-0" && *off_us > 590_000_000);
            report.outliers().eq(["authority-0"]) && report.alarms.iter().any(of_the_master)
        };
        network.until_all("the master to be named", |_, report| is_named(report) && report.state == ClockState::Holdover).await;
        assert!(network.off_ms(network.machines[0].as_ref()) > 9 * MINUTE_MS, "it is ten minutes ahead");
        let corrected: Vec<i64> = network.nodes.iter().map(|node| network.off_ms(node.clock().as_ref())).collect();
        println!("{policy}: the master lies by ten minutes, corrected times are off by {corrected:?} ms");
        assert!(corrected.iter().all(|off| off.abs() <= PRECISION_MS), "nobody follows it, not even itself: {corrected:?}");
        // The others hear of it.
        let mut members = network.nodes[1].members();
        let named = |members: &Vec<Member>| {
            (0..4)
                .all(|of| said(members, of).is_some_and(|clock| clock.is_master_outlier() && clock.outliers == [AuthorityIndex(0)]))
        };
        tokio::time::timeout(PATIENCE, members.wait_for(named)).await.expect("heartbeats name it").unwrap();

        network.machines[0].shift(-10 * MINUTE_MS);
        network.until_all("the master to be followed again", |_, report| report.state == ClockState::Synced).await;
        network.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_who_only_follows_goes_by_the_authorities_clocks() {
    let network = Network::start(LeaderPolicy::Fixed, &[0, 10, -MINUTE_MS, -10]).await;
    network.until_all("a time", |_, report| report.state == ClockState::Synced).await;
    let machine = Arc::new(OffsetClock::new(Arc::clone(&network.truth), -5 * MINUTE_MS));
    let config = FollowerConfig { genesis: Arc::clone(&network.genesis), partition: PartitionId(0), clock: OFTEN };
    let seams = FollowerSeams {
        ledger: Arc::new(MemoryLedger::new()),
        transport: Arc::new(network.net.join("gateway".into())),
        clock: Arc::clone(&machine) as Arc<dyn Clock>,
    };
    let follower = Follower::start(config, seams).await.unwrap();
    network.until("the follower to know the time", follower.clock(), |report| report.state == ClockState::Synced).await;
    let (wrong, right) = (network.off_ms(machine.as_ref()), network.off_ms(follower.clock().as_ref()));
    println!("the follower's machine is off by {wrong} ms, its corrected time by {right} ms");
    assert!(wrong < -299_000 && right.abs() <= PRECISION_MS, "{wrong} ms, {right} ms");
    follower.shutdown().await.unwrap();
    network.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_machine_that_is_set_forward_is_followed_at_once_and_one_set_back_when_the_operator_says_so() {
    let network = Network::start(LeaderPolicy::Fixed, &[0; 4]).await;
    network.until_all("a time", |_, report| report.state == ClockState::Synced).await;
    for machine in &network.machines {
        machine.shift(MINUTE_MS);
    }
    let is_there = |index: usize| network.off_ms(network.nodes[index].clock().as_ref()) > MINUTE_MS - PRECISION_MS;
    network.until_all("the new time", |index, report| report.state == ClockState::Synced && is_there(index)).await;
    let ahead: Vec<i64> = network.nodes.iter().map(|node| network.off_ms(node.clock().as_ref())).collect();
    assert!(ahead.iter().all(|ahead| (ahead - MINUTE_MS).abs() <= PRECISION_MS), "{ahead:?}");

    for machine in &network.machines {
        machine.shift(-5_000);
    }
    let is_far_off = |report: &ClockReport| report.alarms.iter().any(|alarm| matches!(alarm, ClockAlarm::FarOff { .. }));
    network.until_all("it to be noticed", |_, report| report.state == ClockState::Faulty && is_far_off(report)).await;
    for node in &network.nodes {
        let before = node.clock().now();
        let moved = node.clock().step().expect("a quorum agrees");
        assert!((-5_500_000..=-4_500_000).contains(&moved), "{moved} µs");
        assert!(node.clock().now() >= before, "what was shown is not taken back");
    }
    network.until_all("all to be well", |_, report| report.state == ClockState::Synced && report.alarms.is_empty()).await;
    network.stop().await;
}
