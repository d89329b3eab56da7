//! A demonstration: accounts with well-known passwords and three elections to try. Never for a real one.
//!
//! The ballots of one of them are sealed. Its trustees are simulated: this process holds the keys of all five, which is just what
//! trustees are there to prevent.
//!
//! Everything here can be repeated: what exists is left as it is, what was interrupted is completed.

use std::time::Duration;

use tokio::sync::watch;
use tracing::debug;
use voting_cluster::EntryStatus;
use voting_core::crypto::{HashRng, SigningKey};
use voting_core::election::{
    Contest, ContestOption, CountMethodId, ElectionDefinition, Phase, ResultVisibility, RevoteRule, Secrecy, Timing, Trustee,
    Trustees,
};
use voting_core::entry::{Act, Entry, TrusteeAct, TrusteeStep};
use voting_core::ids::{Digest, ElectionId};
use voting_core::sealed::ceremony::{CeremonyPhase, Dealer};

use crate::accounts::{PasswordRule, Role, random_bytes};
use crate::problem::Problem;
use crate::roll::{self, Entitled};
use crate::state::GatewayState;
use crate::submit::undecided;

/// Accounts of the demonstration: address, name, password, role.
pub const ACCOUNTS: [(&str, &str, &str, Role); 4] = [
    ("alice@example.com", "Alice Adams", "alicepass", Role::Voter),
    ("bob@example.com", "Bob Brown", "bobpass", Role::Voter),
    ("carol@example.com", "Carol Clark", "carolpass", Role::Voter),
    ("admin@example.com", "Demo Administrator", "adminpass", Role::Admin),
];

/// How long the demonstration's elections stay open.
const OPEN_FOR: Duration = Duration::from_secs(30 * 86_400);

/// Makes accounts and elections that do not exist yet.
///
/// # Errors
/// The [`Problem`] of the first step that failed; repeating the call goes on from there.
pub async fn seed(state: &GatewayState) -> Result<(), Problem> {
    for (email, name, password, role) in ACCOUNTS {
        state.create_account(email, name, password, &[role], PasswordRule::Demo).await.map_err(Problem::internal)?;
    }
    for number in 0..ELECTIONS {
        seed_election(state, number).await?;
    }
    Ok(())
}

/// Elections of the demonstration; the ballots of the last are sealed.
const ELECTIONS: u8 = 3;
/// Simulated trustees, and how many of them decrypt.
const TRUSTEES: u16 = 5;
const THRESHOLD: u16 = 3;
/// How often the simulated trustees look whether they are needed.
const TRUSTEES_LOOK: Duration = Duration::from_millis(500);

/// The key of a simulated trustee, numbered from 1.
fn trustee_key(secret: &[u8; 32], number: u16) -> SigningKey {
    SigningKey::from_seed(Digest::of_parts("voting/demo-trustee/v1", &[secret.as_slice(), &number.to_le_bytes()]).0)
}

/// The simulated trustees of the office with this secret, as a definition names them. In a demonstration they are the office's own.
#[must_use]
pub fn trustees(secret: &[u8; 32]) -> Trustees {
    let trustee = |number| Trustee { name: format!("Simulated trustee {number}"), key: trustee_key(secret, number).public() };
    Trustees { threshold: THRESHOLD, min_ballots: 1, trustees: (1..=TRUSTEES).map(trustee).collect() }
}

/// Has the simulated trustees do their part in every election that names them, until `stop` becomes true.
pub async fn run_trustees(state: GatewayState, mut stop: watch::Receiver<bool>) {
    loop {
        let waiting: Vec<_> = state.backend().replica.state().elections().map(|election| election.id()).collect();
        for id in waiting {
            if let Err(problem) = trustees_act(&state, id).await {
                debug!(election = %id, ?problem, "a simulated trustee could not act; it tries again");
            }
        }
        tokio::select! {
            () = tokio::time::sleep(TRUSTEES_LOOK) => {}
            () = async { let _ = stop.wait_for(|stop| *stop).await; } => return,
        }
    }
}

/// Everything that the simulated trustees can do now in one election. Fewer than all decrypt: the others are not needed.
async fn trustees_act(state: &GatewayState, id: ElectionId) -> Result<(), Problem> {
    let snapshot = state.backend().replica.state();
    let Some(election) = snapshot.election(id) else { return Ok(()) };
    let Some((trustees, sealed)) = election.definition().secrecy.trustees().zip(election.sealed()) else { return Ok(()) };
    let ceremony = sealed.ceremony();
    let is_waiting = match election.phase() {
        Phase::Ready => !ceremony.missing().is_empty(),
        Phase::Closed => sealed.decryption().is_none(),
        _ => false,
    };
    if !is_waiting {
        return Ok(());
    }
    let mut steps = Vec::new();
    for key in (1..=TRUSTEES).map(|number| trustee_key(&state.backend().pseudonym_secret, number)) {
        let Some(number) = trustees.number(&key.public()) else { continue };
        let dealer = Dealer::of_key(&ceremony.record().setup, key.clone()).map_err(Problem::internal)?;
        let given = sealed.parts().len() + steps.len();
        let step = match (election.phase(), sealed.sums()) {
            (Phase::Ready, _) if ceremony.missing().contains(&number) => {
                let said = dealer.next_step(ceremony).map_err(Problem::internal)?;
                said.map(|message| TrusteeStep::Ceremony(Box::new(message)))
            }
            (Phase::Closed, Some(sums))
                if given < usize::from(trustees.threshold)
                    && sealed.parts().iter().all(|part| part.trustee != number)
                    && sums.ballots() >= trustees.min_ballots =>
            {
                let share = dealer.finish(ceremony).map_err(Problem::internal)?;
                let mut rng = HashRng::new(&random_bytes::<32>().map_err(Problem::internal)?);
                Some(TrusteeStep::Decrypt(share.decrypt(sums, trustees.min_ballots, &mut rng).map_err(Problem::internal)?))
            }
            _ => None,
        };
        let act = step.map(|step| TrusteeAct { chain: snapshot.chain(), election: id, step, trustee: key.public() });
        steps.extend(act.map(|act| Entry::trustee(act, &key)));
    }
    let wait = state.config.act_wait;
    let submitted = futures_util::future::join_all(steps.iter().map(|entry| state.submit(entry, wait))).await;
    for status in submitted {
        match status? {
            EntryStatus::Final(_) => {}
            status => return Err(undecided(status)),
        }
    }
    Ok(())
}

async fn seed_election(state: &GatewayState, number: u8) -> Result<(), Problem> {
    let chain = state.backend().replica.state().chain();
    let digest = Digest::of_parts("voting/demo-election/v1", &[&chain.0, &[number]]);
    let mut id = ElectionId([0; 16]);
    id.0.copy_from_slice(&digest.0[..16]);

    let voters: Vec<Entitled> = ACCOUNTS
        .iter()
        .filter(|(.., role)| *role == Role::Voter)
        .map(|(email, name, ..)| Entitled { label: (*email).to_owned(), name: (*name).to_owned(), weight: 1, key: None })
        .collect();
    let total = roll::add(state.backend().store.as_ref(), id, &voters).await?.total;
    loop {
        let snapshot = state.backend().replica.state();
        let act = match snapshot.election(id) {
            None => Act::Define(definition(state, id, number)),
            Some(election) => match election.phase() {
                Phase::Draft if election.roll_size() != total => Act::SetRoll { size: total },
                Phase::Draft => Act::Advance { to: Phase::Ready },
                Phase::Ready if election.sealed().is_some_and(|sealed| sealed.ceremony_phase() != CeremonyPhase::Done) => {
                    trustees_act(state, id).await?;
                    continue;
                }
                Phase::Ready => Act::Advance { to: Phase::Scheduled },
                Phase::Scheduled => Act::Advance { to: Phase::Open },
                _ => return Ok(()),
            },
        };
        state.act(id, act).await?;
    }
}

fn definition(state: &GatewayState, id: ElectionId, number: u8) -> ElectionDefinition {
    let now = state.backend().clock.now();
    let option = |name: &str, description: &str| ContestOption { name: name.to_owned(), description: description.to_owned() };
    let (title, description, contest, results) = if number == 0 {
        let options = vec![
            option("Ada Lovelace", "For clear rules, written down"),
            option("Grace Hopper", "For trying things out"),
            option("Alan Turing", "For asking whether it halts"),
        ];
        let contest = Contest { options, ..Contest::new("Who shall chair the board?", CountMethodId::Plurality, [""; 0]) };
        ("Board election", "A demonstration: one vote each, the most votes win.", contest, ResultVisibility::Voters)
    } else if number == 2 {
        let options =
            vec![option("Yes", "Build it this year"), option("No", "Keep the money"), option("Later", "Ask again next year")];
        let contest = Contest { options, ..Contest::new("Shall we build the bicycle shed?", CountMethodId::Plurality, [""; 0]) };
        let description = "A demonstration: sealed ballots. Nobody reads them; three of five trustees decrypt the sums. The \
                           trustees are simulated by this very server, which a real election must never do.";
        ("Bicycle shed (sealed)", description, contest, ResultVisibility::Public)
    } else {
        let days = ["Monday", "Tuesday", "Wednesday", "Thursday"];
        let contest = Contest::new("Which evenings suit you?", CountMethodId::Approval, days);
        ("Evening for the weekly meeting", "A demonstration: mark every evening that suits you.", contest, ResultVisibility::Public)
    };
    ElectionDefinition {
        id,
        title: title.to_owned(),
        description: description.to_owned(),
        contests: vec![contest],
        opens_at: now,
        closes_at: now.saturating_add(OPEN_FOR),
        timing: Timing::Officer,
        revote: RevoteRule::FirstCounts,
        secrecy: if number == 2 { Secrecy::Sealed(trustees(&state.backend().pseudonym_secret)) } else { Secrecy::Open },
        results,
        registrar: state.backend().registrar.public(),
        created_by: "Demo Administrator".to_owned(),
    }
}
