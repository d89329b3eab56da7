//! An election on an embedded network, as several tests need it.
pub(crate) mod wire;

use std::time::Duration;

use voting_cluster::{Embedded, EntryStatus};
use voting_core::crypto::SigningKey;
use voting_core::election::{ElectionDefinition, Phase};
use voting_core::entry::{Act, Certification, CertifiedVoter, Entry, MAX_CERTIFIED_PER_ENTRY, OfficerAct};
use voting_core::ids::ElectionId;
use voting_core::testing::{chain::pseudonym, definition, key};

/// Far above the time to finality, so that a test that waits this long has found a standstill.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) async fn submit(network: &Embedded, entry: &Entry) -> EntryStatus {
    network.submit(entry, PATIENCE).await.expect("the queue has room")
}

pub(crate) async fn must(network: &Embedded, entry: &Entry) {
    let status = submit(network, entry).await;
    assert!(matches!(status, EntryStatus::Final(_)), "{status:?}");
}

pub(crate) fn act(network: &Embedded, election: ElectionId, act: Act) -> Entry {
    let state = network.replica().state();
    let officer = &network.identity().officer;
    let sequence = state.election(election).map_or(0, |election| election.acts().len()) as u32 + 1;
    Entry::act(OfficerAct { chain: state.chain(), election, sequence, act, officer: officer.public() }, officer)
}

pub(crate) fn election_for(network: &Embedded) -> ElectionDefinition {
    ElectionDefinition { registrar: network.identity().registrar.public(), ..definition(1, &["Ada", "Bob"]) }
}

pub(crate) async fn open(network: &Embedded, voters: u64) -> ElectionDefinition {
    let election = election_for(network);
    let acts = [
        Act::Define(election.clone()),
        Act::SetRoll { size: voters },
        Act::Advance { to: Phase::Ready },
        Act::Advance { to: Phase::Scheduled },
        Act::Advance { to: Phase::Open },
    ];
    for next in acts {
        must(network, &act(network, election.id, next)).await;
    }
    let registrar = &network.identity().registrar;
    let numbers: Vec<u64> = (0..voters).collect();
    for some in numbers.chunks(MAX_CERTIFIED_PER_ENTRY) {
        let voters = some.iter().map(|n| CertifiedVoter { pseudonym: pseudonym(*n), key: key(*n).public(), weight: 1 }).collect();
        let chain = network.replica().state().chain();
        let certification = Certification { chain, election: election.id, voters, registrar: registrar.public() };
        must(network, &Entry::certify(certification, registrar)).await;
    }
    election
}

pub(crate) fn vote(network: &Embedded, election: &ElectionDefinition, voter: &SigningKey, mark: u16) -> Entry {
    let chain = network.replica().state().chain();
    Entry::Cast(voting_core::testing::ballot(chain, election, voter, &[mark]))
}
