//! A follower learns what is final from authorities that it need not trust, and who of them is there.
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use voting_cluster::clock::{ClockConfig, SystemClock};
use voting_cluster::follow::FollowerError;
use voting_cluster::ledger::{MemoryLedger, RedbLedger};
use voting_cluster::membership::Health;
use voting_cluster::{Embedded, EmbeddedConfig, EntryStatus, Follower, FollowerConfig, FollowerSeams};
use voting_core::entry::Act;
use voting_core::ids::{Height, PartitionId};
use voting_core::seams::{Ledger, MessageKind, NodeName, Transport};
use voting_core::testing::key;

use crate::support;
use crate::support::{PATIENCE, act, must, open, submit, vote};

async fn follow(network: &Embedded, name: &str, ledger: Arc<dyn Ledger>) -> Follower {
    let config = FollowerConfig {
        genesis: Arc::new(network.identity().genesis.clone()),
        partition: PartitionId(0),
        clock: ClockConfig::default(),
    };
    let transport = Arc::new(network.network().join(NodeName::from(name)));
    let seams = FollowerSeams { ledger, transport, clock: Arc::new(SystemClock::new()) };
    Follower::start(config, seams).await.unwrap()
}

async fn reaches(follower: &Follower, height: Height) {
    let reached = tokio::time::timeout(PATIENCE, follower.replica().reached(height)).await;
    reached.unwrap_or_else(|_| panic!("the follower stays at {}", follower.replica().state().height()));
}

async fn assert_same(network: &Embedded, follower: &Follower, ledger: &dyn Ledger) {
    let state = network.replica().state();
    reaches(follower, state.height()).await;
    assert_eq!(follower.replica().state().root(), state.root());
    let ours = ledger.blocks(Height(1), 1_000_000).await.unwrap();
    let theirs = network.ledgers()[0].blocks(Height(1), 1_000_000).await.unwrap();
    assert!(ours.iter().map(|b| &b.block).eq(theirs.iter().take(ours.len()).map(|b| &b.block)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_catches_up_follows_and_goes_on_where_it_stopped() {
    let network = Embedded::start(EmbeddedConfig::default()).await.unwrap();
    let election = open(&network, 40).await;
    for n in 0..20 {
        must(&network, &vote(&network, &election, &key(n), 0)).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let chain = network.replica().state().chain();
    let open_ledger = || Arc::new(RedbLedger::open(folder.path().join("follower.redb"), chain, "gateway").unwrap());

    let ledger = open_ledger();
    let follower = follow(&network, "gateway", Arc::clone(&ledger) as Arc<dyn Ledger>).await;
    assert_same(&network, &follower, ledger.as_ref()).await;
    let ballot = vote(&network, &election, &key(20), 1);
    let waiter = follower.replica().watch(ballot.to_bytes().hash());
    must(&network, &ballot).await;
    assert!(matches!(waiter.wait(PATIENCE).await, EntryStatus::Final(_)), "whoever waits at the follower is told");
    assert_same(&network, &follower, ledger.as_ref()).await;
    follower.shutdown().await.unwrap();
    ledger.close().await.unwrap();

    for n in 21..30 {
        must(&network, &vote(&network, &election, &key(n), 1)).await;
    }
    let ledger = open_ledger();
    let stopped_at = ledger.head().await.unwrap().unwrap().height;
    let follower = follow(&network, "gateway", Arc::clone(&ledger) as Arc<dyn Ledger>).await;
    assert!(follower.replica().state().height() >= stopped_at, "what it had is not fetched again");
    assert_same(&network, &follower, ledger.as_ref()).await;
    follower.shutdown().await.unwrap();
    network.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_turns_to_another_authority_when_its_own_is_cut_off() {
    let network = Embedded::start(EmbeddedConfig::default()).await.unwrap();
    let election = open(&network, 10).await;
    let ledger: Arc<dyn Ledger> = Arc::new(MemoryLedger::new());
    let follower = follow(&network, "gateway", Arc::clone(&ledger)).await;
    let mut source = follower.source();
    tokio::time::timeout(PATIENCE, source.wait_for(|source| source.answers)).await.unwrap().unwrap();
    let first = source.borrow().name.clone();

    network.network().isolate(&first);
    for n in 0..5 {
        // Through an authority that is not cut off: the first one's own replica may be.
        network.submit(&vote(&network, &election, &key(n), 0), Duration::ZERO).await.unwrap();
    }
    let votes = |count: u64| {
        let election = election.id;
        move |state: &voting_core::state::LedgerState| state.election(election).is_some_and(|e| e.ballots() >= count)
    };
    tokio::time::timeout(PATIENCE, async {
        while !votes(5)(&follower.replica().state()) {
            follower.replica().heights().changed().await.unwrap();
        }
    })
    .await
    .expect("the follower turned to another");
    assert_ne!(source.borrow_and_update().name, first);

    let mut members = follower.members();
    let is_down = |members: &Vec<voting_cluster::membership::Member>| {
        members.iter().all(|member| (member.health == Health::Down) == (member.name == first.0))
    };
    tokio::time::timeout(PATIENCE, members.wait_for(is_down)).await.expect("only the one cut off is down").unwrap();
    network.network().heal_all();
    let all_alive = |members: &Vec<voting_cluster::membership::Member>| members.iter().all(|m| m.health == Health::Alive);
    tokio::time::timeout(PATIENCE, members.wait_for(all_alive)).await.expect("it is heard of again").unwrap();
    follower.shutdown().await.unwrap();
    network.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_at_a_follower_learns_of_refusals() {
    let network = Embedded::start(EmbeddedConfig::default()).await.unwrap();
    let election = open(&network, 3).await;
    let follower = follow(&network, "gateway", Arc::new(MemoryLedger::new())).await;
    reaches(&follower, network.replica().state().height()).await;
    must(&network, &vote(&network, &election, &key(0), 0)).await;
    let second = vote(&network, &election, &key(0), 1);
    let waiter = follower.replica().watch(second.to_bytes().hash());
    submit(&network, &second).await;
    let refused = waiter.wait(PATIENCE).await;
    assert!(matches!(&refused, EntryStatus::Refused { code, .. } if code == "already_voted"), "{refused:?}");
    follower.shutdown().await.unwrap();
    network.shutdown().await.unwrap();
}

/// One that answers with blocks of a network of its own, and with garbage, is not believed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_believes_certificates_only() {
    let network = Embedded::start(EmbeddedConfig::default()).await.unwrap();
    let liar_network = Embedded::start(EmbeddedConfig::default()).await.unwrap();
    must(
        &liar_network,
        &act(&liar_network, voting_core::ids::ElectionId([1; 16]), Act::Define(support::election_for(&liar_network))),
    )
    .await;

    // The liar's answers reach the honest network's follower: a real answer of the other network, and noise.
    let stolen = liar_network.network().join(NodeName::from("thief"));
    let asking = liar_network.network().join(NodeName::from("asker"));
    drop(stolen);
    // The block is final somewhere; the authority that is asked may be a moment behind, and has nothing to tell until then.
    let asked = Bytes::from(borsh::to_vec(&1u64).unwrap());
    let tells = async {
        loop {
            asking.send(&NodeName::from("authority-0"), MessageKind::Follow, asked.clone()).await.unwrap();
            let envelope = asking.receive().await.unwrap();
            if envelope.kind == MessageKind::Blocks && envelope.bytes.len() > 100 {
                break envelope.bytes;
            }
        }
    };
    let blocks = tokio::time::timeout(PATIENCE, tells).await.expect("the other network has something to tell");

    let follower = follow(&network, "gateway", Arc::new(MemoryLedger::new())).await;
    let liar = network.network().join(NodeName::from("liar"));
    for bytes in [blocks.clone(), blocks.slice(..50), Bytes::from_static(b"noise"), Bytes::new()] {
        for kind in [MessageKind::Blocks, MessageKind::Status, MessageKind::Heartbeat, MessageKind::Follow, MessageKind::Consensus]
        {
            liar.send(&NodeName::from("gateway"), kind, bytes.clone()).await.unwrap();
        }
    }
    let election = open(&network, 1).await;
    must(&network, &vote(&network, &election, &key(0), 0)).await;
    reaches(&follower, network.replica().state().height()).await;
    assert_eq!(follower.replica().state().root(), network.replica().state().root());
    assert_eq!(follower.shutdown().await, Ok::<(), FollowerError>(()));
    liar_network.shutdown().await.unwrap();
    network.shutdown().await.unwrap();
}
