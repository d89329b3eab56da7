//! Four authorities inside a program of yours: define an election, cast a ballot, read the result.
//!
//! Everything is what a network of separate machines does: consensus, certificates, ledgers; here the
//! ledgers are in memory. Give `EmbeddedConfig` a folder to keep them.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::time::Duration;

use anyhow::{Context as _, bail};
use voting_cluster::{Embedded, EmbeddedConfig, EntryStatus};
use voting_core::ElectionId;
use voting_core::ballot::{Ballot, Selection};
use voting_core::crypto::SigningKey;
use voting_core::election::{Contest, CountMethodId, ElectionDefinition, Phase, ResultVisibility, RevoteRule, Secrecy, Timing};
use voting_core::entry::{Act, Certification, CertifiedVoter, Entry, OfficerAct};
use voting_core::ids::Pseudonym;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let network = Embedded::start(EmbeddedConfig::default()).await?;
    let identity = network.identity();
    let chain = network.replica().state().chain();

    // An officer defines the election and says how many voters there are.
    let now = network.clock().now();
    let election = ElectionDefinition {
        id: ElectionId([7; 16]),
        title: "Tea or coffee".to_owned(),
        description: String::new(),
        contests: vec![Contest::new("What shall we buy?", CountMethodId::Plurality, ["Tea", "Coffee"])],
        opens_at: now,
        closes_at: now.saturating_add(Duration::from_secs(3600)),
        timing: Timing::Officer,
        revote: RevoteRule::FirstCounts,
        secrecy: Secrecy::Open,
        results: ResultVisibility::Public,
        registrar: identity.registrar.public(),
        created_by: "Example".to_owned(),
    };
    let context = election.context(chain);
    let acts = [
        Act::Define(election.clone()),
        Act::SetRoll { size: 1 },
        Act::Advance { to: Phase::Ready },
        Act::Advance { to: Phase::Scheduled },
        Act::Advance { to: Phase::Open },
    ];
    for (sequence, act) in (1..).zip(acts) {
        let act = OfficerAct { chain, election: election.id, sequence, act, officer: identity.officer.public() };
        finalize(&network, &Entry::act(act, &identity.officer)).await?;
    }

    // The registrar ties the voter's key to a pseudonym. Draw real keys from the system's randomness.
    let voter = SigningKey::from_seed([42; 32]);
    let certified = CertifiedVoter { pseudonym: Pseudonym([1; 32]), key: voter.public(), weight: 1 };
    let certification =
        Certification { chain, election: election.id, voters: vec![certified], registrar: identity.registrar.public() };
    finalize(&network, &Entry::certify(certification, &identity.registrar)).await?;

    // The voter signs a ballot; the network makes it final.
    let selections = vec![Selection::Marks(vec![1])];
    let ballot = Ballot { election: election.id, context, voter: voter.public(), sequence: 1, selections }.sign(&voter);
    let code = ballot.hash().code();
    finalize(&network, &Entry::Cast(ballot)).await?;

    let state = network.replica().state();
    let counted = state.election(election.id).context("the election is on the ledger")?;
    println!("ballot {code} is recorded at height {}", state.height());
    let tally = counted.tally().context("open ballots are counted as they come")?;
    for (option, votes) in election.contests[0].options.iter().zip(&tally.0[0].options) {
        println!("{:>8}: {votes}", option.name);
    }
    network.shutdown().await?;
    Ok(())
}

async fn finalize(network: &Embedded, entry: &Entry) -> anyhow::Result<()> {
    match network.submit(entry, Duration::from_secs(30)).await? {
        EntryStatus::Final(_) => Ok(()),
        other => bail!("not final: {other:?}"),
    }
}
