//! Sending a signed ballot until its outcome is known.
//!
//! ```text
//!            ┌──────────── resend the same bytes ◀──────────┐
//!            ▼                                              │
//!  PUT /votes/{election} ── 200, 201 ──▶ receipt ── verify ──▶ recorded
//!            ├── 202 ──▶ GET /ballots/{hash} until final, refused or unknown ─┤
//!            ├── lost, unreachable, 429, 5xx ── wait ───────┘
//!            └── 4xx ── is an earlier copy recorded? ── no ──▶ refused
//! ```
//!
//! Resending is harmless: a ballot's identity is the hash of its content, and the same bytes get the same
//! receipt. No session goes along, so that nothing but the ballot itself says whose it is. A receipt
//! counts only after it was verified here against the pinned genesis.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use voting_core::ballot::SignedBallot;
use voting_core::receipt::{Receipt, Recorded};
use voting_core::{BallotHash, Canonical as _};

use crate::api::{BallotStatus, Problem, ReceiptAnswer, Standing};
use crate::client::{Answer, Auth, Body, CallError, Client};
use crate::exit::CliError;
use crate::pinned::Trusted;

/// First wait after a failure.
const BACKOFF_MIN: Duration = Duration::from_millis(150);
/// Longest wait after a failure: a server that comes back is noticed soon.
const BACKOFF_MAX: Duration = Duration::from_secs(5);
/// Longest wait that a server can impose: more would look like a hang.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(60);
/// How often a ballot on its way is asked after.
const POLL: Duration = Duration::from_millis(300);

/// A recorded ballot.
#[derive(Debug, Clone)]
pub(crate) struct Cast {
    pub(crate) receipt: Receipt,
    /// What the receipt proves.
    pub(crate) recorded: Recorded,
}

/// Why a ballot is not known to be recorded.
#[derive(Debug)]
pub(crate) enum CastError {
    /// The rules or the server's limits are against it.
    Refused(Box<Problem>),
    /// What came as a receipt proves nothing.
    BadReceipt { reason: String, bytes: Vec<u8> },
    /// Patience ran out. `sent`: some copy may have arrived.
    Unknown { reason: String, sent: bool },
    /// Something here is broken.
    Local(CliError),
}

/// What ballots are cast through, and for how long.
pub(crate) struct Caster<'a> {
    pub(crate) client: &'a Client,
    /// What receipts are checked against.
    pub(crate) trusted: &'a Trusted,
    /// How long outcomes are waited for.
    pub(crate) patience: Duration,
}

/// What one attempt led to.
enum Step {
    Recorded(Answer),
    Refused(Box<Problem>),
    Again { reason: String, wait: Option<Duration>, sent: bool },
}

impl Caster<'_> {
    /// Sends a ballot until its outcome is known. `trouble` hears why it takes longer.
    pub(crate) async fn cast(&self, ballot: &SignedBallot, trouble: impl Fn(&str)) -> Result<Cast, CastError> {
        let body = body(ballot);
        let deadline = Instant::now() + self.patience;
        let mut backoff = BACKOFF_MIN;
        let mut any_sent = false;
        loop {
            let step = self.attempt(ballot, &body, deadline).await.map_err(CastError::Local)?;
            let (reason, wait) = match step {
                Step::Recorded(answer) => return self.check(ballot, &answer).await,
                Step::Refused(problem) => return Err(CastError::Refused(problem)),
                Step::Again { reason, wait, sent } => {
                    any_sent |= sent;
                    (reason, wait.unwrap_or_else(|| jittered(backoff)).min(RETRY_AFTER_MAX))
                }
            };
            backoff = (backoff * 2).min(BACKOFF_MAX);
            if Instant::now() + wait >= deadline {
                return Err(CastError::Unknown { reason, sent: any_sent });
            }
            trouble(&reason);
            sleep(wait).await;
        }
    }

    async fn attempt(&self, ballot: &SignedBallot, body: &Value, deadline: Instant) -> Result<Step, CliError> {
        let path = format!("/votes/{}", ballot.ballot.election);
        match self.client.call(Method::PUT, &path, Body::Json(body), Auth::None).await {
            Ok(answer) if answer.status == StatusCode::ACCEPTED => self.await_final(ballot.hash(), deadline).await,
            Ok(answer) => Ok(Step::Recorded(answer)),
            Err(CallError::Refused(problem)) if problem.is_busy() => {
                Ok(Step::Again { reason: describe(&problem), wait: problem.retry_after, sent: false })
            }
            Err(CallError::Refused(problem)) if problem.status >= 500 => {
                Ok(Step::Again { reason: describe(&problem), wait: None, sent: true })
            }
            Err(CallError::Refused(problem)) => self.really_refused(ballot.hash(), problem, deadline).await,
            Err(CallError::Unreachable(reason)) => Ok(Step::Again { reason, wait: None, sent: false }),
            Err(CallError::Lost(reason) | CallError::Malformed(reason)) => Ok(Step::Again { reason, wait: None, sent: true }),
            Err(CallError::Local(error)) => Err(error),
        }
    }

    /// A copy sent earlier may have been recorded although this one is refused.
    async fn really_refused(&self, hash: BallotHash, problem: Box<Problem>, deadline: Instant) -> Result<Step, CliError> {
        let same = problem.ballot_hash.is_some_and(|first| first == hash);
        match self.standing(hash).await? {
            Ok(BallotStatus { status: Standing::Final, .. }) => self.fetch(hash).await,
            Ok(BallotStatus { status: Standing::Pending, .. }) => self.await_final(hash, deadline).await,
            Ok(_) if same => Ok(Step::Again { reason: "the receipt is not there yet".to_owned(), wait: None, sent: true }),
            Ok(_) => Ok(Step::Refused(problem)),
            Err(reason) => Ok(Step::Again { reason, wait: None, sent: true }),
        }
    }

    async fn await_final(&self, hash: BallotHash, deadline: Instant) -> Result<Step, CliError> {
        while Instant::now() < deadline {
            sleep(POLL).await;
            match self.standing(hash).await? {
                Ok(BallotStatus { status: Standing::Final, .. }) => return self.fetch(hash).await,
                Ok(BallotStatus { status: Standing::Pending, .. }) => {}
                Ok(BallotStatus { status: Standing::Unknown, .. }) => {
                    return Ok(Step::Again {
                        reason: "the server has lost the ballot on its way".to_owned(),
                        wait: None,
                        sent: true,
                    });
                }
                Ok(BallotStatus { status: Standing::Refused, reason_code, reason }) => {
                    return Ok(Step::Refused(Box::new(Problem {
                        status: 422,
                        code: reason_code.unwrap_or_else(|| "refused".to_owned()),
                        detail: reason.unwrap_or_else(|| "the ledger's rules are against this ballot".to_owned()),
                        ..Problem::default()
                    })));
                }
                Err(reason) => return Ok(Step::Again { reason, wait: None, sent: true }),
            }
        }
        Ok(Step::Again { reason: "the ballot is still on its way".to_owned(), wait: None, sent: true })
    }

    /// Where a ballot stands; the inner error says why that cannot be told now.
    async fn standing(&self, hash: BallotHash) -> Result<Result<BallotStatus, String>, CliError> {
        let answer = self.client.call(Method::GET, &format!("/ballots/{hash}"), Body::Empty, Auth::None).await;
        match answer.and_then(|answer| answer.json()) {
            Ok(status) => Ok(Ok(status)),
            Err(error) => transient(error),
        }
    }

    async fn fetch(&self, hash: BallotHash) -> Result<Step, CliError> {
        match self.client.call(Method::GET, &format!("/ballots/{hash}/receipt"), Body::Empty, Auth::None).await {
            Ok(answer) => Ok(Step::Recorded(answer)),
            Err(error) => transient(error).map(|error: Result<(), _>| Step::Again {
                reason: error.err().unwrap_or_default(),
                wait: None,
                sent: true,
            }),
        }
    }

    async fn check(&self, ballot: &SignedBallot, answer: &Answer) -> Result<Cast, CastError> {
        let bad = |reason: String| CastError::BadReceipt { reason, bytes: answer.bytes.clone() };
        let shown: ReceiptAnswer = serde_json::from_slice(&answer.bytes).map_err(|error| bad(error.to_string()))?;
        let receipt = decode_proof(&shown).map_err(bad)?;
        let recorded = self.trusted.verify(self.client, &receipt, ballot).await.map_err(bad)?;
        Ok(Cast { receipt, recorded })
    }
}

/// Body of the request that casts a ballot.
pub(crate) fn body(ballot: &SignedBallot) -> Value {
    json!({ "ballot": BASE64.encode(ballot.to_canonical()) })
}

/// The receipt inside a server's answer.
pub(crate) fn decode_proof(shown: &ReceiptAnswer) -> Result<Receipt, String> {
    let bytes = BASE64.decode(&shown.proof).map_err(|error| format!("the proof is not base 64: {error}"))?;
    Receipt::from_canonical(&bytes).map_err(|error| error.to_string())
}

/// Between half and all of a wait, so that many clients do not come back at the same moment.
fn jittered(wait: Duration) -> Duration {
    let draw = getrandom::u32().unwrap_or(u32::MAX) % 1024;
    wait / 2 + wait / 2 * draw / 1024
}

fn describe(problem: &Problem) -> String {
    let text = if problem.detail.is_empty() { &problem.title } else { &problem.detail };
    format!("the server answers {}: {text}", problem.status)
}

/// Errors while asking after a ballot pass; those of this machine do not.
fn transient<T>(error: CallError) -> Result<Result<T, String>, CliError> {
    match error {
        CallError::Local(error) => Err(error),
        CallError::Unreachable(reason) | CallError::Lost(reason) | CallError::Malformed(reason) => Ok(Err(reason)),
        CallError::Refused(problem) => Ok(Err(describe(&problem))),
    }
}
