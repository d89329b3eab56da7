//! Four authorities in one process: from definition to certified result, with real faults in between.

use std::sync::Arc;

use voting_cluster::{Embedded, EmbeddedConfig, EntryStatus};
use voting_core::codec::Canonical;
use voting_core::election::Phase;
use voting_core::entry::Act;
use voting_core::ids::Height;
use voting_core::testing::key;

use crate::support::{PATIENCE, act, must, open, submit, vote};

/// Every authority reaches the first one's height, with the same chain and the same state.
async fn assert_agreement(network: &Embedded) {
    let height = network.replica().state().height();
    for node in network.nodes() {
        tokio::time::timeout(PATIENCE, node.replica().reached(height)).await.expect("every authority catches up");
    }
    let reference = network.ledgers()[0].blocks(Height(1), 1_000_000).await.expect("a readable ledger");
    for ledger in &network.ledgers()[1..] {
        let blocks = ledger.blocks(Height(1), 1_000_000).await.expect("a readable ledger");
        for (ours, theirs) in reference.iter().zip(&blocks) {
            assert_eq!(ours.block, theirs.block);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_election_runs_from_definition_to_certified_result() {
    let network = Embedded::start(EmbeddedConfig::default()).await.unwrap();
    let election = open(&network, 300).await;
    let ballots: Vec<_> = (0..300).map(|n| vote(&network, &election, &key(n), (n % 3 == 0).into())).collect();
    let network = Arc::new(network);
    let casts = ballots.into_iter().map(|ballot| {
        let network = Arc::clone(&network);
        tokio::spawn(async move { must(&network, &ballot).await })
    });
    for cast in casts.collect::<Vec<_>>() {
        cast.await.unwrap();
    }

    // The same bytes again: the same place. Another ballot of the same voter: refused for good.
    let again = vote(&network, &election, &key(0), 1);
    assert!(matches!(submit(&network, &again).await, EntryStatus::Final(_)));
    let other = vote(&network, &election, &key(0), 0);
    let refused = submit(&network, &other).await;
    assert!(matches!(&refused, EntryStatus::Refused { code, .. } if code == "already_voted"), "{refused:?}");
    let stranger = vote(&network, &election, &key(9_999), 0);
    let refused = submit(&network, &stranger).await;
    assert!(matches!(&refused, EntryStatus::Refused { code, .. } if code == "key_not_certified"), "{refused:?}");

    must(&network, &act(&network, election.id, Act::Advance { to: Phase::Closed })).await;
    let state = network.replica().state();
    let closing = network.replica().head().unwrap().hash;
    let counted = state.election(election.id).unwrap();
    let report = counted.tally().unwrap().report(&election, voting_core::Digest(closing.0), counted.roll_size());
    must(&network, &act(&network, election.id, Act::Tally { report: report.digest() })).await;
    must(&network, &act(&network, election.id, Act::Advance { to: Phase::Published })).await;

    let state = network.replica().state();
    let result = state.election(election.id).unwrap();
    assert_eq!((result.phase(), result.voted()), (Phase::Published, 300));
    let counted: Vec<_> = result.report().unwrap().contests[0].options.iter().map(|o| (o.name.as_str(), o.votes)).collect();
    assert_eq!(counted, [("Ada", 200), ("Bob", 100)]);
    assert_agreement(&network).await;
    Arc::try_unwrap(network).unwrap().shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_network_on_disk_goes_on_where_it_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let config = EmbeddedConfig { data: Some(folder.path().to_owned()), ..EmbeddedConfig::default() };
    let network = Embedded::start(config.clone()).await.unwrap();
    let election = open(&network, 20).await;
    for n in 0..10 {
        must(&network, &vote(&network, &election, &key(n), 0)).await;
    }
    let (before, genesis) = (network.replica().state(), network.identity().genesis.digest());
    network.shutdown().await.unwrap();

    let network = Embedded::start(config).await.unwrap();
    assert_eq!(network.identity().genesis.digest(), genesis);
    let after = network.replica().state();
    assert!(after.height() >= before.height());
    assert_eq!(after.election(election.id).unwrap().digest(), before.election(election.id).unwrap().digest());
    for n in 10..20 {
        must(&network, &vote(&network, &election, &key(n), 1)).await;
    }
    let second = submit(&network, &vote(&network, &election, &key(3), 1)).await;
    assert!(matches!(second, EntryStatus::Refused { .. }), "{second:?}");
    assert_eq!(network.replica().state().election(election.id).unwrap().voted(), 20);
    assert_agreement(&network).await;
    network.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_authority_cut_off_does_not_stop_the_others_and_catches_up() {
    let network = Embedded::start(EmbeddedConfig::default()).await.unwrap();
    let election = open(&network, 60).await;
    let cut = voting_core::seams::NodeName("authority-3".to_owned());
    network.network().isolate(&cut);
    let height_before = network.nodes()[3].replica().state().height();
    for n in 0..40 {
        must(&network, &vote(&network, &election, &key(n), 0)).await;
    }
    let behind = network.nodes()[3].replica().state().height();
    assert!(network.replica().state().height() > behind, "the cut took place: {behind} against {height_before}");
    network.network().heal_all();
    for n in 40..60 {
        must(&network, &vote(&network, &election, &key(n), 0)).await;
    }
    assert_agreement(&network).await;
    assert_eq!(network.nodes()[3].replica().state().election(election.id).unwrap().voted(), 60);
    network.shutdown().await.unwrap();
}
