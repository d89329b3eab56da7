//! What trustees do, and voters who test the seal. Every entry is signed by its maker, so none of this needs a session.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use poem::http::HeaderMap;
use poem_openapi::param::Path;
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, OpenApi};
use std::sync::Arc;
use std::time::Duration;
use voting_cluster::EntryStatus;
use voting_core::block::EntryBytes;
use voting_core::codec::Canonical;
use voting_core::entry::{Act, Entry, VerifiedEntry};
use voting_core::state::{ElectionState, SealedState};

use super::models::{CeremonyModel, EntryPlace, SignedEntry};
use crate::accounts::Role;
use crate::problem::Problem;
use crate::state::{GatewayState, take_one};
use crate::submit::{refused, undecided};

pub(crate) struct TrusteesApi(pub(super) GatewayState);

/// An entry is recorded.
#[derive(ApiResponse)]
enum Recorded {
    /// It is recorded.
    #[oai(status = 201)]
    Recorded(Json<EntryPlace>),
}

#[OpenApi]
impl TrusteesApi {
    /// The key ceremony of a sealed election
    ///
    /// Everything said so far, to be replayed by trustees and by anyone. Whoever knows the id may ask, also before the
    /// election is announced: trustees need no account.
    #[oai(path = "/elections/:id/ceremony", method = "get", operation_id = "getCeremony")]
    async fn ceremony(&self, id: Path<String>) -> Result<Json<CeremonyModel>, Problem> {
        let election = self.0.election(&id, true)?;
        let sealed = sealed(&election)?;
        let ceremony = sealed.ceremony();
        Ok(Json(CeremonyModel {
            definition: STANDARD.encode(election.definition().to_canonical()),
            record: STANDARD.encode(ceremony.record().to_canonical()),
            phase: ceremony.phase().to_string(),
            waits_for: ceremony.missing().into_iter().collect(),
        }))
    }

    /// Leave out trustees that the ceremony waits for
    ///
    /// For administrators: ends the ceremony's phase without those who have not done their part.
    #[oai(path = "/elections/:id/ceremony/close", method = "post", operation_id = "closeCeremonyPhase")]
    async fn close(&self, headers: &HeaderMap, id: Path<String>) -> Result<Json<CeremonyModel>, Problem> {
        self.0.require(headers, Role::Admin).await?;
        let election = self.0.election(&id, true)?;
        sealed(&election)?;
        self.0.act(election.id(), Act::CloseCeremonyPhase).await?;
        self.ceremony(id).await
    }

    /// Take a trustee's step
    ///
    /// A step of the ceremony, or a part of the decryption, signed with the key that the election names.
    #[oai(path = "/elections/:id/trustees", method = "post", operation_id = "postTrusteeStep")]
    async fn step(&self, id: Path<String>, body: Json<SignedEntry>) -> Result<Recorded, Problem> {
        self.record(&id, &body.entry, "trustee's act", |entry| matches!(entry, Entry::Trustee(_))).await
    }

    /// Test the seal of a ballot
    ///
    /// The ballot is opened instead of being cast, for everyone to recompute, and void from then on.
    #[oai(path = "/elections/:id/challenges", method = "post", operation_id = "postChallenge")]
    async fn challenge(&self, id: Path<String>, body: Json<SignedEntry>) -> Result<Recorded, Problem> {
        self.record(&id, &body.entry, "challenge", |entry| matches!(entry, Entry::Challenge(_))).await
    }
}

impl TrusteesApi {
    /// Puts a signed entry of a kind on the ledger.
    async fn record(&self, id: &str, entry: &str, what: &str, is_kind: fn(&Entry) -> bool) -> Result<Recorded, Problem> {
        let malformed = |reason: String| Problem::bad_request("malformed_entry", format!("entry: {reason}"));
        let bytes = STANDARD.decode(entry).map_err(|error| malformed(format!("not base64: {error}")))?;
        let chain = self.0.backend.replica.state().chain();
        let verified = VerifiedEntry::verify(EntryBytes::new(bytes), chain).map_err(|error| match error.code() {
            "malformed_entry" => malformed(error.to_string()),
            code => refused(code, error.to_string()),
        })?;
        let entry = verified.entry();
        let election = self.0.election(id, true)?;
        if !is_kind(entry) {
            return Err(malformed(format!("this is no {what}")));
        }
        if entry.election() != Some(election.id()) {
            return Err(Problem::unprocessable("wrong_election", format!("the {what} is for another election")));
        }
        if let Entry::Challenge(signed) = entry
            && !take_one(&self.0.buckets.ballots, &signed.content.ballot.voter)
        {
            return Err(Problem::too_many("too many ballots under this key; wait a minute", Duration::from_secs(60)));
        }
        self.0.judge(&verified)?;
        match self.0.submit(entry, self.0.config.act_wait).await? {
            EntryStatus::Final(position) => {
                Ok(Recorded::Recorded(Json(EntryPlace { height: position.height.0, index: position.index })))
            }
            status => Err(undecided(status)),
        }
    }
}

/// The sealed side of an election.
fn sealed(election: &Arc<ElectionState>) -> Result<&SealedState, Problem> {
    let reason = match election.definition().secrecy.trustees() {
        None => "this election's ballots are open; it has no trustees",
        Some(_) => "the ceremony begins when the election is published for the first time",
    };
    election.sealed().ok_or_else(|| Problem::conflict("wrong_phase", reason))
}
