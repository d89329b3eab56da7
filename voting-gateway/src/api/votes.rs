//! Casting ballots. A ballot signed by a certified key needs no session.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use poem_openapi::param::Path;
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, OpenApi};
use serde_json::Value;
use voting_cluster::EntryStatus;
use voting_core::ballot::{Selection, SignedBallot};
use voting_core::codec::Canonical;
use voting_core::entry::Entry;
use voting_core::ids::{BallotCode, BallotHash};
use voting_core::state::{ElectionState, Position, Refusal};

use super::models::{BallotStatus, CastBallot, PendingBallot, ReceiptModel};
use crate::problem::Problem;
use crate::state::{GatewayState, take_one};
use crate::submit::refused;

pub(crate) struct VotesApi(pub(super) GatewayState);

/// What became of a ballot just cast.
#[derive(ApiResponse)]
enum Cast {
    /// The same ballot was recorded before.
    #[oai(status = 200)]
    Before(Json<ReceiptModel>),
    /// It is recorded.
    #[oai(status = 201)]
    Recorded(Json<ReceiptModel>),
    /// It is on its way; ask at the address given, or send the same bytes again.
    #[oai(status = 202)]
    Pending(Json<PendingBallot>, #[oai(header = "Location")] String),
}

#[OpenApi]
impl VotesApi {
    /// Cast a ballot
    ///
    /// Answers 201 with a receipt once a quorum of authorities has the ballot on disk, or 202 if that
    /// takes longer. Sending the same bytes again is harmless.
    #[oai(path = "/votes/:election_id", method = "put", operation_id = "castBallot")]
    async fn cast(&self, election_id: Path<String>, body: Json<CastBallot>) -> Result<Cast, Problem> {
        let bytes = STANDARD
            .decode(&body.ballot)
            .map_err(|error| Problem::bad_request("malformed_ballot", format!("ballot: not base64: {error}")))?;
        let signed = SignedBallot::from_canonical(&bytes)
            .map_err(|error| Problem::bad_request("malformed_ballot", format!("ballot: {error}")))?;
        let election = self.0.election(&election_id, false)?;
        if signed.ballot.election != election.id() {
            return Err(Problem::unprocessable("wrong_election", format!("the ballot is for election {}", signed.ballot.election)));
        }
        if let Some(readable) = &body.selections {
            check_readable(readable, &signed.ballot.selections)?;
        }
        let hash = signed.hash();
        if let Some(position) = election.ballot_position(hash) {
            return Ok(Cast::Before(self.receipt_of(hash, position).await?));
        }
        let election = self.0.check_ballot(&signed.ballot).await?;
        if !take_one(&self.0.buckets.ballots, &signed.ballot.voter) {
            return Err(Problem::too_many("too many ballots under this key; wait a minute", Duration::from_secs(60)));
        }
        // Some 40 µs: handing it to another thread would cost half as much again.
        if !signed.verify() {
            let reason = "the signature is not the one of the key that the ballot names";
            return Err(Problem::unauthorized("invalid_signature", reason));
        }
        // Only after the signature: nobody but the voter can have the proofs verified, which takes milliseconds.
        let signed = if election.sealed().is_some() { check_seal(election, signed).await? } else { signed };
        let entry = Entry::Cast(signed);
        self.0.ballots_under_way.insert(hash, entry.to_bytes().hash());
        match self.0.submit(&entry, self.0.config.ballot_wait).await? {
            EntryStatus::Final(position) => Ok(Cast::Recorded(self.receipt_of(hash, position).await?)),
            EntryStatus::Refused { code, reason } => Err(self.refusal(&entry, &code, reason)),
            EntryStatus::Pending | EntryStatus::Unknown => {
                let status_url = format!("/ballots/{hash}");
                let pending =
                    PendingBallot { ballot_hash: hash.to_string(), status: "pending".to_owned(), status_url: status_url.clone() };
                Ok(Cast::Pending(Json(pending), status_url))
            }
        }
    }

    /// What became of a ballot
    ///
    /// Any gateway can tell. The ballot is named by its hash or, once it is recorded, by its code.
    #[oai(path = "/ballots/:hash", method = "get", operation_id = "getBallot")]
    async fn status(&self, hash: Path<String>) -> Result<Json<BallotStatus>, Problem> {
        let hash = named(&self.0, &hash)?;
        let unknown = BallotStatus {
            ballot_hash: hash.to_string(),
            code: hash.code(),
            status: "unknown".to_owned(),
            height: None,
            index: None,
            reason_code: None,
            reason: None,
            receipt_url: None,
        };
        Ok(Json(match self.0.ballot_status(hash) {
            EntryStatus::Final(position) => BallotStatus {
                status: "final".to_owned(),
                height: Some(position.height.0),
                index: Some(position.index),
                receipt_url: Some(format!("/ballots/{hash}/receipt")),
                ..unknown
            },
            EntryStatus::Refused { code, reason } => {
                BallotStatus { status: "refused".to_owned(), reason_code: Some(code.into_owned()), reason: Some(reason), ..unknown }
            }
            EntryStatus::Pending => BallotStatus { status: "pending".to_owned(), ..unknown },
            EntryStatus::Unknown => unknown,
        }))
    }

    /// The receipt of a recorded ballot
    ///
    /// The ballot is named by its hash or its code.
    #[oai(path = "/ballots/:hash/receipt", method = "get", operation_id = "getReceipt")]
    async fn receipt(&self, hash: Path<String>) -> Result<Json<ReceiptModel>, Problem> {
        let hash = named(&self.0, &hash)?;
        let found = self.0.backend.replica.find_ballot(hash);
        let (_, position) = found.ok_or_else(|| Problem::not_found("unknown_ballot", format!("no ballot {hash} is recorded")))?;
        self.receipt_of(hash, position).await
    }
}

impl VotesApi {
    async fn receipt_of(&self, hash: BallotHash, position: Position) -> Result<Json<ReceiptModel>, Problem> {
        let (receipt, recorded_at) = self.0.receipt(position).await?;
        Ok(Json(ReceiptModel {
            election_id: receipt.election.to_string(),
            ballot_hash: hash.to_string(),
            code: hash.code(),
            height: position.height.0,
            index: position.index,
            recorded_at: recorded_at.to_string(),
            proof: STANDARD.encode(receipt.to_canonical()),
        }))
    }

    /// The authorities' refusal, with what the state adds to it: when the ballot that counts was recorded.
    fn refusal(&self, entry: &Entry, code: &str, reason: String) -> Problem {
        if let Entry::Cast(signed) = entry
            && let Some(election) = self.0.backend.replica.state().election(signed.ballot.election)
            && let Err(refusal @ Refusal::AlreadyVoted { .. }) = election.check_ballot(&signed.ballot)
        {
            return refusal.into();
        }
        refused(code, reason)
    }
}

/// Verifies the proofs of a sealed ballot, where they keep nothing else waiting.
async fn check_seal(election: Arc<ElectionState>, signed: SignedBallot) -> Result<SignedBallot, Problem> {
    let verified = tokio::task::spawn_blocking(move || election.check_seal(&signed.ballot).map(|()| signed)).await;
    Ok(verified.map_err(Problem::internal)??)
}

/// The ballot that a hash or a code names. A code alone names only what is recorded.
pub(crate) fn named(state: &GatewayState, text: &str) -> Result<BallotHash, Problem> {
    if text.len() == 2 * BallotHash::LEN {
        let parsed = text.parse();
        return parsed
            .map_err(|error: voting_core::ids::ParseIdError| Problem::bad_request("invalid_ballot_hash", error.to_string()));
    }
    let code: BallotCode = text.parse().map_err(|error| {
        Problem::bad_request("invalid_ballot_hash", format!("neither 64 hexadecimal digits nor a ballot code: {error}"))
    })?;
    let found = state.backend.replica.find_code(code);
    let (_, hash, _) = found.ok_or_else(|| Problem::not_found("unknown_ballot", format!("no ballot {code} is recorded")))?;
    Ok(hash)
}

/// The readable form must say what the signed bytes say: neither a person nor a program is to be told one
/// thing while another is signed.
fn check_readable(readable: &[Value], signed: &[Selection]) -> Result<(), Problem> {
    let said: Result<Vec<Selection>, _> = readable.iter().map(|value| serde_json::from_value(value.clone())).collect();
    let said = said.map_err(|_| {
        Problem::unprocessable("invalid_selections", "selections: write one per contest, \"blank\" or {\"marks\": [0]}")
    })?;
    if said == signed {
        return Ok(());
    }
    Err(Problem::unprocessable("selections_differ", "selections say something other than the signed ballot"))
}
