//! Everything that goes wrong, as `application/problem+json` (RFC 9457) with a stable code.

use std::time::Duration;

use poem::http::StatusCode;
use poem::{IntoResponse, Response};
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object};
use voting_core::entry::EntryError;
use voting_core::ids::Digest;
use voting_core::seams::{QueueError, StoreError};
use voting_core::state::Refusal;

use crate::codes;
use crate::submit::refused;

/// A refusal or failure, for programs and people.
#[derive(Debug, Clone, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct ProblemBody {
    /// Always `about:blank`: the code says more.
    #[oai(rename = "type")]
    pub kind: String,
    /// What happened, in a few words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// Stable code for programs.
    pub code: String,
    /// What is wrong, by name.
    pub detail: String,
    /// When the ballot that counts was recorded; only with `already_voted`.
    pub recorded_at: Option<String>,
    /// The ballot that counts; only with `already_voted`.
    pub ballot_hash: Option<String>,
    /// Single errors of an uploaded list.
    pub errors: Option<Vec<LineError>>,
    /// The request, as the header `x-request-id` names it: for asking the operator about it.
    pub request_id: Option<String>,
}

tokio::task_local! {
    /// Name of the request that is being answered.
    pub(crate) static REQUEST_ID: String;
}

/// One line of an uploaded list that was refused.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
pub struct LineError {
    /// Line in the file, from 1; for JSON the place in the list, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub message: String,
}

/// The error answers of the API.
#[derive(Debug, Clone, ApiResponse)]
pub enum Problem {
    /// The request is not understood.
    #[oai(status = 400, content_type = "application/problem+json")]
    BadRequest(Json<ProblemBody>),
    /// Not signed in, or a signature that does not verify.
    #[oai(status = 401, content_type = "application/problem+json")]
    Unauthorized(Json<ProblemBody>),
    /// Not allowed.
    #[oai(status = 403, content_type = "application/problem+json")]
    Forbidden(Json<ProblemBody>),
    /// No such thing.
    #[oai(status = 404, content_type = "application/problem+json")]
    NotFound(Json<ProblemBody>),
    /// The address is right, the method is not.
    #[oai(status = 405, content_type = "application/problem+json")]
    MethodNotAllowed(Json<ProblemBody>),
    /// The request was not complete in time.
    #[oai(status = 408, content_type = "application/problem+json")]
    TooSlow(Json<ProblemBody>),
    /// Contradicts what is already there.
    #[oai(status = 409, content_type = "application/problem+json")]
    Conflict(Json<ProblemBody>),
    /// What the request is about is no longer what the caller had looked at.
    #[oai(status = 412, content_type = "application/problem+json")]
    PreconditionFailed(Json<ProblemBody>),
    /// Larger than allowed.
    #[oai(status = 413, content_type = "application/problem+json")]
    TooLarge(Json<ProblemBody>),
    /// Not a type of content that is accepted here.
    #[oai(status = 415, content_type = "application/problem+json")]
    UnsupportedMedia(Json<ProblemBody>),
    /// Understood, and not acceptable.
    #[oai(status = 422, content_type = "application/problem+json")]
    Unprocessable(Json<ProblemBody>),
    /// The caller asks too often.
    #[oai(status = 429, content_type = "application/problem+json")]
    TooMany(Json<ProblemBody>, #[oai(header = "Retry-After")] u64),
    /// A fault of this server.
    #[oai(status = 500, content_type = "application/problem+json")]
    Internal(Json<ProblemBody>),
    /// This server cannot take it now.
    #[oai(status = 503, content_type = "application/problem+json")]
    Unavailable(Json<ProblemBody>, #[oai(header = "Retry-After")] u64),
}

fn body(status: u16, title: &str, code: &str, detail: impl Into<String>) -> ProblemBody {
    debug_assert!(codes::is_known(code), "`{code}` is missing in codes.rs");
    ProblemBody {
        kind: "about:blank".to_owned(),
        title: title.to_owned(),
        status,
        code: code.to_owned(),
        detail: detail.into(),
        recorded_at: None,
        ballot_hash: None,
        errors: None,
        request_id: REQUEST_ID.try_with(Clone::clone).ok(),
    }
}

/// Seconds for `Retry-After`, at least 1.
fn seconds(after: Duration) -> u64 {
    after.as_secs() + u64::from(after.subsec_nanos() > 0).max(u64::from(after.is_zero()))
}

impl Problem {
    pub(crate) fn bad_request(code: &str, detail: impl Into<String>) -> Self {
        Self::BadRequest(Json(body(400, "The request is not understood", code, detail)))
    }

    pub(crate) fn unauthorized(code: &str, detail: impl Into<String>) -> Self {
        Self::Unauthorized(Json(body(401, "Not signed in", code, detail)))
    }

    pub(crate) fn forbidden(code: &str, detail: impl Into<String>) -> Self {
        Self::Forbidden(Json(body(403, "Not allowed", code, detail)))
    }

    pub(crate) fn not_found(code: &str, detail: impl Into<String>) -> Self {
        Self::NotFound(Json(body(404, "Not found", code, detail)))
    }

    pub(crate) fn method_not_allowed() -> Self {
        let detail = "this address does not answer this method; see /docs";
        Self::MethodNotAllowed(Json(body(405, "Method not allowed", "method_not_allowed", detail)))
    }

    /// The draft that was looked at is not the one that is there.
    pub(crate) fn changed(context: Digest) -> Self {
        let detail = format!("somebody else has replaced this draft meanwhile; its context is now \"{context}\"");
        Self::PreconditionFailed(Json(body(412, "Changed meanwhile", "changed_meanwhile", detail)))
    }

    pub(crate) fn too_slow(detail: impl Into<String>) -> Self {
        Self::TooSlow(Json(body(408, "Too slow", "slow_body", detail)))
    }

    pub(crate) fn conflict(code: &str, detail: impl Into<String>) -> Self {
        Self::Conflict(Json(body(409, "Conflicts with what is there", code, detail)))
    }

    pub(crate) fn too_large(max: usize) -> Self {
        Self::TooLarge(Json(body(413, "Too large", "body_too_large", format!("the body may take at most {max} bytes"))))
    }

    pub(crate) fn unsupported_media(detail: impl Into<String>) -> Self {
        Self::UnsupportedMedia(Json(body(415, "Unsupported content", "unsupported_media_type", detail)))
    }

    pub(crate) fn unprocessable(code: &str, detail: impl Into<String>) -> Self {
        Self::Unprocessable(Json(body(422, "Not acceptable", code, detail)))
    }

    pub(crate) fn invalid_lines(code: &str, detail: impl Into<String>, errors: Vec<LineError>) -> Self {
        Self::Unprocessable(Json(ProblemBody { errors: Some(errors), ..body(422, "Not acceptable", code, detail) }))
    }

    pub(crate) fn too_many(detail: impl Into<String>, after: Duration) -> Self {
        Self::TooMany(Json(body(429, "Too many requests", "too_many_requests", detail)), seconds(after))
    }

    pub(crate) fn unavailable(code: &str, detail: impl Into<String>, after: Duration) -> Self {
        Self::Unavailable(Json(body(503, "Not available now", code, detail)), seconds(after))
    }

    /// A fault of ours: the reason goes to the log, never to the caller.
    pub(crate) fn internal(reason: impl std::fmt::Display) -> Self {
        tracing::error!(%reason, "a request failed by a fault of this server");
        Self::Internal(Json(body(500, "Server fault", "internal", "this server made a mistake; the ballot box is not affected")))
    }

    /// Any status that a router or an extractor chose.
    fn from_status(status: StatusCode, detail: String) -> Self {
        match status.as_u16() {
            400 if detail.contains("unknown field `") => Self::bad_request("unknown_field", detail),
            400 => Self::bad_request("invalid_request", detail),
            401 => Self::unauthorized("not_signed_in", "sign in first: POST /auth/login"),
            403 => Self::forbidden("forbidden", detail),
            404 => Self::not_found("no_such_route", "there is nothing at this address; see /docs"),
            405 => Self::method_not_allowed(),
            413 => Self::TooLarge(Json(body(413, "Too large", "body_too_large", detail))),
            415 => Self::unsupported_media(detail),
            422 => Self::unprocessable("invalid_request", detail),
            _ => Self::internal(detail),
        }
    }

    fn body_mut(&mut self) -> &mut ProblemBody {
        match self {
            Self::BadRequest(Json(body))
            | Self::Unauthorized(Json(body))
            | Self::Forbidden(Json(body))
            | Self::NotFound(Json(body))
            | Self::MethodNotAllowed(Json(body))
            | Self::TooSlow(Json(body))
            | Self::Conflict(Json(body))
            | Self::PreconditionFailed(Json(body))
            | Self::TooLarge(Json(body))
            | Self::UnsupportedMedia(Json(body))
            | Self::Unprocessable(Json(body))
            | Self::TooMany(Json(body), _)
            | Self::Internal(Json(body))
            | Self::Unavailable(Json(body), _) => body,
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let (code, detail) = (refusal.code(), refusal.to_string());
        let mut problem = refused(code, detail);
        if let Refusal::AlreadyVoted { ballot, at, .. } = refusal {
            let body = problem.body_mut();
            (body.recorded_at, body.ballot_hash) = (Some(at.to_string()), Some(ballot.to_string()));
        }
        problem
    }
}

impl From<EntryError> for Problem {
    fn from(error: EntryError) -> Self {
        match error {
            EntryError::Signature(_) => Self::unauthorized(error.code(), error.to_string()),
            _ => Self::bad_request(error.code(), error.to_string()),
        }
    }
}

impl From<QueueError> for Problem {
    fn from(error: QueueError) -> Self {
        match error {
            QueueError::Full { retry_after, .. } => Self::unavailable(
                "queue_full",
                "more ballots are waiting than can be taken; send the same bytes again later",
                retry_after,
            ),
            _ => Self::unavailable(
                "queue_unavailable",
                "the queue cannot be reached; send the same bytes again later",
                Duration::from_secs(2),
            ),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) => {
                Self::unavailable("store_unavailable", "accounts cannot be read now; try again later", Duration::from_secs(2))
            }
            StoreError::Conflict { .. } => {
                Self::conflict("changed_meanwhile", "someone else changed this at the same time; try again")
            }
            other => Self::internal(other),
        }
    }
}

/// The one place where errors of routers, extractors and handlers become answers.
pub(crate) async fn answer(error: poem::Error) -> Response {
    if error.is_from_response() {
        return error.into_response();
    }
    let text = error.to_string();
    let detail: String = text.trim_start_matches("parse request payload error: ").chars().take(500).collect();
    Problem::from_status(error.status(), detail).into_response()
}
