//! What frames carry.

use poem_openapi::types::ToJSON;
use serde_json::{Value, json};
use voting_core::election::Phase;
use voting_core::ids::BallotHash;
use voting_core::state::{ElectionState, LedgerState, Position};
use voting_core::tally::ContestTally;
use voting_core::time::Timestamp;

use super::viewer::Viewer;
use crate::api::show_result;
use crate::events::{self, BallotEvent};
use crate::roll;

/// Ballots on the public list.
pub(super) fn ballots<'a>(ballots: impl IntoIterator<Item = &'a BallotEvent>) -> Vec<Value> {
    ballots.into_iter().filter_map(ToJSON::to_json).collect()
}

/// The elections that a viewer sees.
pub(super) fn elections(state: &LedgerState, viewer: &Viewer) -> Value {
    let visible = state.elections().filter(|election| viewer.sees(election));
    let items: Vec<Value> = visible
        .map(|election| {
            let definition = election.definition();
            json!({
                "id": election.id(),
                "title": definition.title,
                "phase": election.phase(),
                "start_date": definition.opens_at.to_string(),
                "end_date": definition.closes_at.to_string(),
                "roll_size": election.roll_size(),
                "voted": election.voted(),
            })
        })
        .collect();
    json!({"elections": items})
}

pub(super) fn status(election: &ElectionState) -> Value {
    let definition = election.definition();
    let mut status = json!({
        "phase": election.phase(),
        "start_date": definition.opens_at.to_string(),
        "end_date": definition.closes_at.to_string(),
        "roll_size": election.roll_size(),
        "certified": election.certified(),
    });
    if let Some(reason) = election.cancel_reason() {
        status["cancel_reason"] = reason.into();
    }
    status
}

/// Figures, and the time of the block that they are of.
pub(super) fn turnout(election: &ElectionState, at: Timestamp) -> Value {
    json!({
        "election_id": election.id(),
        "at": at.to_string(),
        "roll_size": election.roll_size(),
        "voted": election.voted(),
        "ballots": election.ballots(),
    })
}

/// The running count: sums that the ledger keeps with every ballot, so that this costs the same however many there are.
pub(super) fn tally(election: &ElectionState, at: Timestamp) -> Value {
    let contest = |tally: &ContestTally| {
        json!({
            "ballots": tally.ballots,
            "weight": tally.weight,
            "blank": tally.blank,
            "undervotes": tally.undervotes,
            "votes": tally.options,
        })
    };
    let contests: Vec<Value> = election.tally().into_iter().flat_map(|tally| &tally.0).map(contest).collect();
    json!({"at": at.to_string(), "total_votes": election.voted(), "contests": contests})
}

pub(super) fn result(election: &ElectionState) -> Value {
    show_result(election).to_json().unwrap_or_default()
}

/// The election entered a phase.
pub(super) fn phase(election: &ElectionState, phase: Phase, position: Position, at: Timestamp) -> Value {
    let definition = election.definition();
    let mut change = json!({
        "election_id": election.id(),
        "position": events::show(position),
        "at": at.to_string(),
        "phase": phase,
    });
    // Those who did not know of it learn what it is.
    if matches!(phase, Phase::Draft | Phase::Scheduled) {
        change["title"] = definition.title.clone().into();
        change["start_date"] = definition.opens_at.to_string().into();
        change["end_date"] = definition.closes_at.to_string().into();
    }
    change
}

/// The ballots of an account that count.
pub(super) fn own_votes(state: &LedgerState, secret: &[u8; 32], email: &str) -> Value {
    let votes: Vec<Value> = state
        .elections()
        .filter_map(|election| {
            let counted = election.voter(&roll::pseudonym(secret, election.id(), email))?.counted.as_ref()?;
            Some(own_vote(election, counted.position, counted.timestamp, counted.hash))
        })
        .collect();
    json!({"voted": votes})
}

/// A ballot of the account's own.
pub(super) fn own_vote(election: &ElectionState, position: Position, at: Timestamp, hash: BallotHash) -> Value {
    json!({
        "election_id": election.id(),
        "position": events::show(position),
        "at": at.to_string(),
        "ballot_hash": hash,
        "code": hash.code(),
    })
}

/// Keys were certified.
pub(super) fn certified(election: &ElectionState, position: Position, at: Timestamp, count: usize) -> Value {
    json!({"election_id": election.id(), "position": events::show(position), "at": at.to_string(), "count": count})
}

/// What stands for nothing yet: a chain without blocks.
pub(super) const NOWHERE: Position = Position { height: voting_core::ids::Height(0), index: 0 };
