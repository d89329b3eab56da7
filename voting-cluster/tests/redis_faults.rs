//! Four authorities and a Redis Cluster of three masters and three replicas, under load, while servers die, hang,
//! lose what they had, and slots move.
//!
//! After every fault: each ballot that was acknowledged is in the ledger, each voter's counts once, all authorities
//! agree, and the read models are what follows from the ledger.
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ::redis::cmd;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;
use voting_cluster::clock::SystemClock;
use voting_cluster::embedded::Identity;
use voting_cluster::leadership::{DEFAULT_LEASE, Leadership};
use voting_cluster::ledger::MemoryLedger;
use voting_cluster::node::NoHooks;
use voting_cluster::projection::{Projector, read_models};
use voting_cluster::queue::{DEFAULT_BUCKETS, QueueLayout, Share};
use voting_cluster::redis::{RedisBackends, RedisConfig, slot_of};
use voting_cluster::testing::history::{Notes, Record, check};
use voting_cluster::testing::{NODE_TIMEOUT, RedisServers};
use voting_cluster::transport::MemoryNetwork;
use voting_cluster::{EmbeddedConfig, EntryStatus, Node, NodeConfig, NodeSeams};
use voting_core::block::EntryBytes;
use voting_core::election::{ElectionDefinition, Phase};
use voting_core::entry::{Act, Certification, CertifiedVoter, Entry, MAX_CERTIFIED_PER_ENTRY, OfficerAct, VerifiedEntry};
use voting_core::ids::{Height, PartitionId};
use voting_core::seams::{BallotQueue, Clock, Ledger, NodeName, QueueError, Store};
use voting_core::state::Position;
use voting_core::testing::{ballot, chain::pseudonym, definition, key};

/// Far above every recovery: a test that waits this long has found a standstill.
const PATIENCE: Duration = Duration::from_secs(120);
/// A recovery may take a failover, the client's discovery of it, and a resubmission; and this machine may be busy.
const RECOVERY: Duration = Duration::from_secs(30);
/// Ballots of one round of load, at most: more than a failover takes.
const BALLOTS: usize = 6_000;
/// Time between two ballots: 500 per second.
const PACE: Duration = Duration::from_millis(2);
/// Ballots before the fault, and after it is complete.
const AROUND: usize = 300;
/// A client asks again after this long without an outcome.
const ASK_AGAIN: Duration = Duration::from_millis(1_500);
const PARTITION: PartitionId = PartitionId(0);
const QUEUE: QueueLayout = QueueLayout { partition: PARTITION, buckets: DEFAULT_BUCKETS, capacity: 20_000 };

/// One authority with everything around it.
struct Authority {
    node: Node,
    ledger: Arc<MemoryLedger>,
    _leadership: Leadership,
    _fitness: watch::Sender<bool>,
    beside: JoinSet<()>,
}

struct Scene {
    servers: RedisServers,
    config: RedisConfig,
    identity: Identity,
    authorities: Vec<Authority>,
    queue: Arc<dyn BallotQueue>,
    store: Arc<dyn Store>,
    election: ElectionDefinition,
    /// Ballots not yet cast.
    ballots: Vec<EntryBytes>,
    /// What clients were told so far.
    acknowledged: Notes,
}

impl Scene {
    async fn new(most_ballots: usize) -> Self {
        let servers = tokio::task::spawn_blocking(|| RedisServers::cluster(3)).await.unwrap();
        let config = servers.config("faults");
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let identity = Identity::generate(&EmbeddedConfig::default(), clock.as_ref()).unwrap();
        let genesis = Arc::new(identity.genesis.clone());
        let network = MemoryNetwork::new();
        let mut authorities = Vec::new();
        for (index, key) in identity.authorities.iter().enumerate() {
            let redis = RedisBackends::connect(config.clone()).await.unwrap();
            let ledger = Arc::new(MemoryLedger::new());
            let seams = NodeSeams {
                ledger: Arc::clone(&ledger) as _,
                queue: Arc::new(redis.queue(QUEUE, Some(Share { index, of: identity.authorities.len() }))),
                transport: Arc::new(network.join(NodeName(genesis.epoch.authorities[index].name.clone()))),
                clock: Arc::clone(&clock),
                hooks: Arc::new(NoHooks),
            };
            let node = Node::start(NodeConfig { first_start: true, ..NodeConfig::new(Arc::clone(&genesis), key.clone()) }, seams)
                .await
                .unwrap();
            let (fitness, fit) = watch::channel(true);
            let leadership = Leadership::run_for(Arc::new(redis.locks().unwrap()), "coordinator", DEFAULT_LEASE, fit);
            let mut beside = JoinSet::new();
            let (replica, leading) = (Arc::clone(node.replica()), leadership.leading());
            beside.spawn(Projector { replica, store: Arc::new(redis.store()), partition: PARTITION, leading }.run());
            authorities.push(Authority { node, ledger, _leadership: leadership, _fitness: fitness, beside });
        }
        let redis = RedisBackends::connect(config.clone()).await.unwrap();
        let election = ElectionDefinition { registrar: identity.registrar.public(), ..definition(1, &["Ada", "Bob"]) };
        let chain = genesis.chain_id(PARTITION);
        let voters = most_ballots;
        let signed = tokio::task::spawn_blocking({
            let election = election.clone();
            move || {
                (0..voters as u64).map(|n| Entry::Cast(ballot(chain, &election, &key(n), &[(n % 2) as u16])).to_bytes()).collect()
            }
        });
        let mut scene = Self {
            servers,
            config,
            identity,
            authorities,
            queue: Arc::new(redis.queue(QUEUE, None)),
            store: Arc::new(redis.store()),
            election,
            ballots: signed.await.unwrap(),
            acknowledged: Notes::new(),
        };
        scene.open(voters as u64).await;
        scene
    }

    async fn must(&self, entry: &Entry) {
        let bytes = entry.to_bytes();
        let waiter = self.authorities[0].node.replica().watch(bytes.hash());
        self.queue.submit(bytes).await.unwrap();
        let status = waiter.wait(PATIENCE).await;
        assert!(matches!(status, EntryStatus::Final(_)), "{status:?}");
    }

    async fn open(&mut self, voters: u64) {
        let acts = [
            Act::Define(self.election.clone()),
            Act::SetRoll { size: voters },
            Act::Advance { to: Phase::Ready },
            Act::Advance { to: Phase::Scheduled },
            Act::Advance { to: Phase::Open },
        ];
        let officer = self.identity.officer.clone();
        let chain = self.identity.genesis.chain_id(PARTITION);
        for (act, sequence) in acts.into_iter().zip(1..) {
            let act = OfficerAct { chain, election: self.election.id, sequence, act, officer: officer.public() };
            self.must(&Entry::act(act, &officer)).await;
        }
        let registrar = self.identity.registrar.clone();
        for some in (0..voters).collect::<Vec<_>>().chunks(MAX_CERTIFIED_PER_ENTRY) {
            let voters =
                some.iter().map(|n| CertifiedVoter { pseudonym: pseudonym(*n), key: key(*n).public(), weight: 1 }).collect();
            let certification = Certification { chain, election: self.election.id, voters, registrar: registrar.public() };
            self.must(&Entry::certify(certification, &registrar)).await;
        }
    }

    /// Casts one round of ballots while a fault happens in the middle, and waits until every one is acknowledged.
    /// The fault returns what it asserts at the end.
    async fn under_load<F, G>(&mut self, what: &str, fault: F)
    where
        F: FnOnce(&mut RedisServers) -> G + Send + 'static,
        G: FnOnce(&mut RedisServers) + Send + 'static,
    {
        let round: Vec<EntryBytes> = self.ballots.split_off(self.ballots.len() - BALLOTS);
        let sent = Arc::new(AtomicUsize::new(0));
        let enough = Arc::new(AtomicUsize::new(usize::MAX));
        let (acknowledge, mut acknowledged) = mpsc::unbounded_channel();
        let replicas: Vec<_> = self.authorities.iter().map(|authority| Arc::clone(authority.node.replica())).collect();
        let (queue, counted, casting, until) = (Arc::clone(&self.queue), Arc::clone(&sent), round.clone(), Arc::clone(&enough));
        let load = tokio::spawn(async move {
            let mut clients = JoinSet::new();
            for (n, bytes) in casting.into_iter().enumerate() {
                if n >= until.load(Ordering::SeqCst) {
                    break;
                }
                let (queue, replica, acknowledge) =
                    (Arc::clone(&queue), Arc::clone(&replicas[n % replicas.len()]), acknowledge.clone());
                clients.spawn(async move {
                    let began = Instant::now();
                    let (position, times) = cast(queue.as_ref(), &replica, &bytes).await;
                    let ballot = VerifiedEntry::from_certified(bytes).unwrap().ballot_hash().unwrap();
                    acknowledge.send((ballot, position, began.elapsed(), times)).unwrap();
                });
                counted.fetch_add(1, Ordering::SeqCst);
                tokio::time::sleep(PACE).await;
            }
            while let Some(client) = clients.join_next().await {
                client.unwrap();
            }
        });
        while sent.load(Ordering::SeqCst) < AROUND {
            tokio::time::sleep(PACE).await;
        }
        let mut servers = std::mem::replace(&mut self.servers, RedisServers::none());
        let (servers_back, confirm) = tokio::task::spawn_blocking(move || {
            let confirm = fault(&mut servers);
            (servers, confirm)
        })
        .await
        .unwrap();
        let at_fault = sent.load(Ordering::SeqCst);
        assert!(at_fault + AROUND < BALLOTS, "{what}: the load was over before the fault was");
        enough.store(at_fault + AROUND, Ordering::SeqCst);
        tokio::time::timeout(PATIENCE, load).await.unwrap_or_else(|_| panic!("{what}: ballots are never acknowledged")).unwrap();
        self.servers = tokio::task::spawn_blocking(move || {
            let mut servers = servers_back;
            confirm(&mut servers);
            servers.settle();
            servers
        })
        .await
        .unwrap();

        let cast = sent.load(Ordering::SeqCst);
        self.ballots.extend_from_slice(&round[cast..]);
        let (mut longest, mut resent) = (Duration::ZERO, 0);
        while let Ok((ballot, position, took, times)) = acknowledged.try_recv() {
            assert_eq!(self.acknowledged.note(ballot, position), Ok(true), "{what}: acknowledged twice");
            longest = longest.max(took);
            resent += times - 1;
        }
        println!(
            "{what}: {cast} ballots acknowledged, {at_fault} sent when the fault was complete; longest wait {longest:.2?} \
             (node time-out {NODE_TIMEOUT:?}), {resent} sent again"
        );
        assert!(longest < RECOVERY, "{what}: recovered after {longest:?}");
        self.check(what).await;
    }

    /// What must hold whatever happened.
    async fn check(&self, what: &str) {
        let height = self.authorities.iter().map(|a| a.node.replica().state().height()).max().unwrap();
        for (index, authority) in self.authorities.iter().enumerate() {
            let reached = tokio::time::timeout(PATIENCE, authority.node.replica().reached(height)).await;
            reached.unwrap_or_else(|_| panic!("{what}: authority {index} stays behind"));
        }
        let mut records = Vec::new();
        for (index, authority) in self.authorities.iter().enumerate() {
            // The state first: the ledger has its block by then.
            let state = authority.node.replica().state();
            let blocks = authority.ledger.blocks(Height(1), usize::MAX).await.unwrap();
            records.push(Record::new(&self.identity.genesis.epoch.authorities[index].name, blocks, &state));
        }
        let summary = check(&self.identity.genesis, PARTITION, &records, &self.acknowledged);
        let summary = summary.unwrap_or_else(|violation| panic!("{what}: {violation}"));
        let counted = &summary.counts[&self.election.id];
        let acknowledged = self.acknowledged.len() as u64;
        assert_eq!((counted.ballots, counted.voters), (acknowledged, acknowledged), "{what}: votes that nobody was told of");
        self.projections_match(what).await;
        self.queue_empties(what).await;
    }

    /// The coordinator brings the read models to what follows from the ledger.
    async fn projections_match(&self, what: &str) {
        let replica = self.authorities[0].node.replica();
        let matching = async {
            loop {
                let expected = read_models(&replica.state(), replica.head(), PARTITION).unwrap();
                let mut same = true;
                for (key, value) in &expected {
                    same &= self.store.get(key).await.ok().flatten().is_some_and(|found| found.value == *value);
                }
                if same {
                    return expected.len();
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let models =
            tokio::time::timeout(PATIENCE, matching).await.unwrap_or_else(|_| panic!("{what}: the read models stay wrong"));
        assert_eq!(models, 2, "the chain's head and one election");
    }

    /// Nothing is left that would be handed out forever.
    async fn queue_empties(&self, what: &str) {
        let emptying = async {
            loop {
                if let Ok(depth) = self.queue.depth().await
                    && depth.waiting + depth.taken == 0
                {
                    return depth;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let depth = tokio::time::timeout(PATIENCE, emptying).await.unwrap_or_else(|_| panic!("{what}: the queue keeps something"));
        assert_eq!(depth.dead, 0, "{what}: entries were given up on");
    }

    async fn shutdown(self) {
        for mut authority in self.authorities {
            authority.beside.shutdown().await;
            authority.node.shutdown().await.unwrap();
        }
    }
}

/// Casts a ballot as a gateway does, until its outcome is known; returns where it stands, and how often it was sent.
async fn cast(queue: &dyn BallotQueue, replica: &voting_cluster::Replica, bytes: &EntryBytes) -> (Position, usize) {
    for times in 1.. {
        let waiter = replica.watch(bytes.hash());
        if let EntryStatus::Final(position) = replica.status(&bytes.hash()) {
            return (position, times);
        }
        match queue.submit(bytes.clone()).await {
            Ok(_) => match waiter.wait(ASK_AGAIN).await {
                EntryStatus::Final(position) => return (position, times),
                EntryStatus::Refused { code, reason } => panic!("refused: {code}: {reason}"),
                EntryStatus::Pending | EntryStatus::Unknown => {}
            },
            Err(QueueError::Full { .. } | QueueError::Unavailable(_)) => tokio::time::sleep(Duration::from_millis(100)).await,
            Err(error) => panic!("{error}"),
        }
    }
    unreachable!("a client does not give up")
}

/// A master that serves a bucket of the queue.
fn busy_master(servers: &RedisServers) -> usize {
    servers.master_of("faults:{queue:0:0}:queue:stream")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_acknowledged_ballot_is_lost_when_servers_fail() {
    let mut scene = Scene::new(4 * BALLOTS).await;
    scene
        .under_load("a master is killed", |servers| {
            let master = busy_master(servers);
            servers.kill(master);
            servers.until("a replica to take its place", |servers| servers.masters().len() == 3);
            move |servers: &mut RedisServers| {
                assert!(!servers.running().contains(&master), "it came back by itself");
                servers.restart(master);
            }
        })
        .await;
    scene
        .under_load("a master hangs for ten seconds", |servers| {
            let master = busy_master(servers);
            servers.pause(master);
            let hung = std::time::Instant::now();
            move |servers: &mut RedisServers| {
                std::thread::sleep(Duration::from_secs(10).saturating_sub(hung.elapsed()));
                assert_ne!(busy_master(servers), master, "no replica took its place");
                servers.resume(master);
                servers.until("it to follow", |servers| servers.replicas().contains(&master));
            }
        })
        .await;
    scene
        .under_load("a replica is killed", |servers| {
            let replica = servers.replicas()[0];
            servers.kill(replica);
            move |servers: &mut RedisServers| {
                assert_eq!(servers.running().len(), 5);
                servers.restart(replica);
            }
        })
        .await;
    scene
        .under_load("a master is cut off from the others", |servers| {
            let master = busy_master(servers);
            servers.cut_off(master);
            servers.until("the others to elect a replica", |servers| {
                servers.running().into_iter().filter(|id| *id != master).filter(|id| servers.masters().contains(id)).count() == 3
            });
            move |servers: &mut RedisServers| {
                servers.reconnect(master);
                servers.until("it to learn that it is a replica now", |servers| servers.replicas().contains(&master));
            }
        })
        .await;
    assert!(scene.config.addresses().len() == 6);
    scene.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_acknowledged_ballot_is_lost_when_redis_forgets() {
    let mut scene = Scene::new(2 * BALLOTS).await;
    scene
        .under_load("a slot of the queue moves", |servers| {
            let slot = slot_of("faults:{queue:0:0}:queue:stream");
            let from = busy_master(servers);
            let to = servers.masters().into_iter().find(|id| *id != from).unwrap();
            servers.migrate_slot(slot, to);
            move |servers: &mut RedisServers| assert_eq!(busy_master(servers), to, "the slot did not move")
        })
        .await;
    scene
        .under_load("everything is forgotten", |servers| {
            servers.flush();
            |servers: &mut RedisServers| {
                let lost = servers.masters().iter().map(|id| servers.ask::<u64>(*id, &cmd("DBSIZE"))).sum::<u64>();
                assert!(lost > 0, "something was written again");
            }
        })
        .await;
    for class in ["queue", "projection", "ephemeral"] {
        scene
            .under_load(&format!("all keys of the class {class} are deleted"), move |servers| {
                let deleted: usize = servers.masters().into_iter().map(|id| delete_class(servers, id, class)).sum();
                assert!(deleted > 0, "there was nothing to delete of {class}");
                |_: &mut RedisServers| {}
            })
            .await;
    }
    scene
        .under_load("the scripts are forgotten", |servers| {
            for id in servers.masters() {
                servers.ask::<()>(id, cmd("SCRIPT").arg("FLUSH"));
            }
            |servers: &mut RedisServers| {
                let cached: u64 = servers
                    .masters()
                    .iter()
                    .map(|id| servers.ask::<String>(*id, cmd("INFO").arg("memory")))
                    .filter_map(|info| {
                        info.lines().find_map(|l| l.strip_prefix("number_of_cached_scripts:")?.trim().parse::<u64>().ok())
                    })
                    .sum();
                assert!(cached > 0, "they were sent again");
            }
        })
        .await;
    scene.shutdown().await;
}

/// Deletes all keys of a class on one master; returns how many there were.
fn delete_class(servers: &RedisServers, id: usize, class: &str) -> usize {
    let keys: Vec<String> = servers.ask(id, cmd("KEYS").arg(format!("faults:*}}:{class}:*")));
    keys.iter().map(|key| servers.ask::<usize>(id, cmd("DEL").arg(key))).sum()
}
