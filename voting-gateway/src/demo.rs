//! A demonstration: accounts with well-known passwords and two elections to try. Never for a real one.
//!
//! Everything here can be repeated: what exists is left as it is, what was interrupted is completed.

use std::time::Duration;

use voting_core::election::{
    Contest, ContestOption, CountMethodId, ElectionDefinition, Phase, ResultVisibility, RevoteRule, Secrecy, Timing,
};
use voting_core::entry::Act;
use voting_core::ids::{Digest, ElectionId};

use crate::accounts::{PasswordRule, Role};
use crate::problem::Problem;
use crate::roll::{self, Entitled};
use crate::state::GatewayState;

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
    for number in 0..2 {
        seed_election(state, number).await?;
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
        secrecy: Secrecy::Open,
        results,
        registrar: state.backend().registrar.public(),
        created_by: "Demo Administrator".to_owned(),
    }
}
