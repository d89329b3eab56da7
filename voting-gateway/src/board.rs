//! The public board of an election, as other people's tools read it: `/board/{election_id}/…`.
//!
//! Checkpoints are what a quorum of the authorities signs, tiles and proofs come from this gateway's own copy of the ledger: whoever
//! reads them compares their hashes with the checkpoint's root. Hashes are for everyone who may see the election; the ballots
//! themselves for those who may see its result. Witnesses look on from outside and bring their cosignatures, which are kept for
//! everyone in the store; if it forgets them they are brought again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use poem::http::{HeaderMap, StatusCode};
use poem::web::{Data, Path};
use poem::{IntoResponse as _, Response, handler};
use serde::Deserialize;
use voting_cluster::boards::Board;
use voting_core::board::{CheckpointError, EntryBundle, LogProof, Origin, SignedCheckpoint, TileId, TileLevel};
use voting_core::epoch::Epoch;
use voting_core::ids::{ElectionId, Height};
use voting_core::seams::{Condition, KeyClass, StoreError, StoreKey};
use voting_core::state::{ElectionState, Position};

use crate::api::named;
use crate::live::Viewer;
use crate::problem::Problem;
use crate::state::GatewayState;

/// How long a quorum of the authorities is waited for.
const PATIENCE: Duration = Duration::from_secs(2);
/// What never changes, as caches may keep it.
const FOREVER: &str = "public, max-age=31536000, immutable";
const TEXT: &str = "text/plain; charset=utf-8";
/// Tries to write where several witnesses come at once.
const TRIES: usize = 8;

/// The newest checkpoint of an election that is known here.
struct Known {
    signed: SignedCheckpoint,
    /// The authorities that have signed it.
    epoch: u32,
}

type Slot = Arc<tokio::sync::Mutex<Option<Known>>>;

/// Checkpoints by election; each is asked for once at a time.
#[derive(Default)]
pub(crate) struct Checkpoints(Mutex<HashMap<ElectionId, Slot>>);

impl Checkpoints {
    fn slot(&self, election: ElectionId) -> Slot {
        Arc::clone(self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(election).or_default())
    }
}

impl GatewayState {
    /// The checkpoint of all entries that are final here, signed by a quorum. Whoever asks meanwhile waits for the same.
    async fn checkpoint(&self, election: ElectionId) -> Result<SignedCheckpoint, Problem> {
        let slot = self.checkpoints.slot(election);
        let mut known = slot.lock().await;
        let size = self.backend.replica.boards().get(election).map_or(0, Board::size);
        let epoch = self.backend.replica.state().epoch().number;
        if let Some(Known { signed, .. }) =
            known.as_ref().filter(|known| known.epoch == epoch && known.signed.checkpoint().size == size)
        {
            return Ok(signed.clone());
        }
        let signed = self.backend.network.checkpoint(election, PATIENCE).await.map_err(|error| match error {
            CheckpointError::Quorum { .. } => Problem::unavailable(error.code(), error.to_string(), Duration::from_secs(1)),
            error => Problem::internal(error),
        })?;
        *known = Some(Known { signed: signed.clone(), epoch });
        Ok(signed)
    }

    /// The newest checkpoint of an election that a witness has cosigned, with the version that it has in the store.
    async fn witnessed(&self, election: ElectionId) -> Result<Option<(SignedCheckpoint, u64)>, Problem> {
        let Some(found) = self.backend.store.get(&witnessed_key(election)?).await? else { return Ok(None) };
        let text = String::from_utf8(found.value).map_err(Problem::internal)?;
        Ok(Some((text.parse().map_err(Problem::internal)?, found.version)))
    }

    /// What is to be kept of a checkpoint that somebody says a witness has cosigned: its signatures by authorities and witnesses,
    /// if it is one of the log here.
    fn cosigned(&self, election: ElectionId, text: &str) -> Result<SignedCheckpoint, Problem> {
        let malformed = |error: CheckpointError| Problem::unprocessable("malformed_checkpoint", error.to_string());
        let offered: SignedCheckpoint = text.parse().map_err(malformed)?;
        let ours = self.backend.replica.boards().checkpoint(election, offered.checkpoint().size);
        if ours.as_ref() != Some(offered.checkpoint()) {
            let detail = format!("the log has no checkpoint like this of {} entries", offered.checkpoint().size);
            return Err(Problem::conflict("wrong_checkpoint", detail));
        }
        let refused = |error: CheckpointError| match error {
            CheckpointError::Witnesses { .. } => {
                Problem::forbidden("not_a_witness", "none of the witnesses that this gateway knows has cosigned the checkpoint")
            }
            error => Problem::forbidden("not_a_witness", error.to_string()),
        };
        offered.verify_witnesses(&self.config.witnesses, 1).map_err(refused)?;
        let state = self.backend.replica.state();
        let origin = Origin { chain: state.chain(), election };
        let of = |(_, epoch): &&(Height, Arc<Epoch>)| offered.verify(origin, epoch).is_ok();
        let Some((_, epoch)) = state.epochs().iter().rev().find(of) else {
            return Err(refused(CheckpointError::Quorum { actual: 0, quorum: state.epoch().quorum }));
        };
        let authorities = offered.authority_keys(epoch).map_err(Problem::internal)?;
        Ok(offered.only(&[authorities, self.config.witnesses.clone()].concat()))
    }

    /// Keeps a cosigned checkpoint, if it is not older than the one that is kept.
    async fn keep_witnessed(&self, election: ElectionId, offered: &SignedCheckpoint) -> Result<(), Problem> {
        for _ in 0..TRIES {
            let (merged, condition) = match self.witnessed(election).await? {
                Some((known, _)) if known.checkpoint().size > offered.checkpoint().size => return Ok(()),
                Some((mut known, version)) => {
                    if known.merge(offered).is_err() {
                        known = offered.clone();
                    }
                    (known, Condition::Version(version))
                }
                None => (offered.clone(), Condition::Absent),
            };
            let bytes = merged.to_string().into_bytes();
            match self.backend.store.put(witnessed_key(election)?, bytes, condition, None).await {
                Err(StoreError::Conflict { .. }) => {}
                written => return Ok(written?),
            }
        }
        Err(Problem::conflict("changed_meanwhile", "other witnesses cosign at the same moment; try again"))
    }

    /// The ballots in these places of the ledger, as they stand there.
    async fn entries_at(&self, places: &[Position]) -> Result<Vec<Vec<u8>>, Problem> {
        let mut entries = Vec::with_capacity(places.len());
        for of_block in places.chunk_by(|one, next| one.height == next.height) {
            let height = of_block.first().map_or(Height(0), |place| place.height);
            let block = self.backend.ledger.block(height).await.map_err(Problem::internal)?;
            let block = block.ok_or_else(|| Problem::internal(format!("the ledger has no block {height}")))?;
            for place in of_block {
                let entry = block.block.entries.get(place.index as usize);
                let entry = entry.ok_or_else(|| Problem::internal(format!("block {height} has no entry {}", place.index)))?;
                entries.push(entry.as_slice().to_vec());
            }
        }
        Ok(entries)
    }

    async fn entries_tile(&self, headers: &HeaderMap, election: &ElectionState, id: TileId) -> Result<Option<Vec<u8>>, Problem> {
        let caller = self.caller(headers).await?.map(|caller| caller.account);
        if !Viewer::new(caller).sees_ballots(&self.backend.pseudonym_secret, election) {
            return Err(Problem::forbidden(
                "results_hidden",
                "ballots are shown to those who have voted, and to everyone once the result is published",
            ));
        }
        let first = id.index().saturating_mul(voting_core::board::TILE_WIDTH as u64);
        let places = {
            let boards = self.backend.replica.boards();
            let Some(board) = boards.get(election.id()).filter(|board| id.is_of(board.size())) else { return Ok(None) };
            board.places(first, id.width()).to_vec()
        };
        let bundle = EntryBundle(self.entries_at(&places).await?);
        bundle.to_bytes().map(Some).ok_or_else(|| Problem::internal("a ballot is longer than a tile can hold"))
    }
}

fn witnessed_key(election: ElectionId) -> Result<StoreKey, StoreError> {
    StoreKey::new("boards:0", KeyClass::Ephemeral, format!("witnessed:{election}"))
}

/// What a witness brings.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cosigned {
    checkpoint: String,
}

fn answer(content_type: &'static str, cached: &'static str, body: impl Into<poem::Body>) -> Response {
    Response::builder().content_type(content_type).header("cache-control", cached).body(body)
}

/// The newest checkpoint: size and root of the log, signed by a quorum of the authorities.
#[handler]
pub(crate) async fn checkpoint(state: Data<&GatewayState>, Path(id): Path<String>) -> Result<Response, Problem> {
    let election = state.election(&id, false)?;
    Ok(answer(TEXT, "no-cache", state.checkpoint(election.id()).await?.to_string()))
}

/// The newest checkpoint that a witness has cosigned.
#[handler]
pub(crate) async fn witnessed(state: Data<&GatewayState>, Path(id): Path<String>) -> Result<Response, Problem> {
    let election = state.election(&id, false)?;
    let none = || Problem::not_found("not_witnessed", "no witness has cosigned a checkpoint of this election");
    let (known, _) = state.witnessed(election.id()).await?.ok_or_else(none)?;
    Ok(answer(TEXT, "no-cache", known.to_string()))
}

/// Takes in the cosignature of a witness.
#[handler]
pub(crate) async fn cosign(state: Data<&GatewayState>, Path(id): Path<String>, body: Vec<u8>) -> Result<Response, Problem> {
    let election = state.election(&id, false)?.id();
    let brought: Cosigned = serde_json::from_slice(&body)
        .map_err(|error| Problem::bad_request("invalid_request", format!("send {{\"checkpoint\": TEXT}}: {error}")))?;
    let offered = state.cosigned(election, &brought.checkpoint)?;
    state.keep_witnessed(election, &offered).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// A tile, of hashes or of ballots.
#[handler]
pub(crate) async fn tile(
    state: Data<&GatewayState>,
    Path((id, path)): Path<(String, String)>,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let election = state.election(&id, false)?;
    let unknown = |detail: String| Problem::not_found("unknown_tile", detail);
    let path = format!("tile/{path}");
    let id: TileId = path.parse().map_err(|error: voting_core::board::TileError| unknown(error.to_string()))?;
    let (bytes, cached) = match id.level() {
        TileLevel::Entries => (state.entries_tile(headers, &election, id).await?, "private, no-cache"),
        TileLevel::Hashes(_) => (state.backend.replica.boards().get(election.id()).and_then(|board| board.tile(id)), FOREVER),
    };
    let bytes = bytes.ok_or_else(|| unknown(format!("the log has not grown to `{path}`")))?;
    Ok(answer("application/octet-stream", cached, bytes))
}

/// That a ballot is in the log: <https://c2sp.org/tlog-proof>.
#[handler]
pub(crate) async fn proof(state: Data<&GatewayState>, Path((id, ballot)): Path<(String, String)>) -> Result<Response, Problem> {
    let election = state.election(&id, false)?;
    let unknown = || Problem::not_found("unknown_ballot", "no such ballot is recorded in this election");
    let place = election.ballot_position(named(&state, &ballot)?).ok_or_else(unknown)?;
    let index_of = |place| state.backend.replica.boards().get(election.id()).and_then(|board| board.index_of(place));
    let index = index_of(place).ok_or_else(unknown)?;
    let signed = state.checkpoint(election.id()).await?;
    let size = signed.checkpoint().size;
    let inclusion = state.backend.replica.boards().get(election.id()).and_then(|board| board.prove(index, size));
    let proof = inclusion.and_then(|inclusion| LogProof::new(inclusion, signed));
    let proof = proof.ok_or_else(|| Problem::internal("the log does not reach its own checkpoint"))?;
    Ok(answer(TEXT, "no-cache", proof.to_string()))
}
