//! HTTP to one server: timeouts, bounded answers, sessions that refresh themselves, and failures told
//! apart by what they mean for the caller.
//!
//! ```text
//!  connection refused ── Unreachable   the server has seen nothing
//!  cut, timed out     ── Lost          it may have acted
//!  4xx, 5xx           ── Refused       it said no, and why
//!  anything else      ── Malformed     no answer of this API
//! ```

use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Method, StatusCode, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;

use crate::api::Problem;
use crate::exit::{CliError, Exit, Result};
use crate::output::Output;
use crate::session::{self, Session, now};
use crate::state::{self, ServerDir};

/// A server that does not take a connection for this long is not there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The gateway's own limit for a request is 30 s; whoever waits longer waits for nobody.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(40);
/// A download may take long, but not stand still for longer than this.
const READ_TIMEOUT: Duration = Duration::from_secs(60);
/// Largest answer kept in memory: a list of 100,000 voters is some 10 MiB.
const MAX_ANSWER_BYTES: usize = 32 * 1024 * 1024;
/// How often a busy server is asked again before its refusal is passed on.
const BUSY_RETRIES: u32 = 3;
/// Longest wait that a person at a terminal is spared an error for.
const BUSY_WAIT_MAX: Duration = Duration::from_secs(10);

/// Why there is no usable answer.
#[derive(Debug)]
pub(crate) enum CallError {
    /// No connection: the server has seen nothing.
    Unreachable(String),
    /// Sent at least in part, no whole answer: the server may have acted.
    Lost(String),
    /// The server said no.
    Refused(Box<Problem>),
    /// An answer that this API does not give.
    Malformed(String),
    /// Nothing was sent: something here is missing or broken.
    Local(CliError),
}

/// Whose request it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Auth {
    /// Nobody's.
    None,
    /// The signed-in account's, if there is one.
    IfSignedIn,
    /// The signed-in account's.
    Required,
}

/// What is sent.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Body<'a> {
    Empty,
    Json(&'a serde_json::Value),
    Csv(&'a [u8]),
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) bytes: Vec<u8>,
    /// The header `Date`, for comparing clocks.
    pub(crate) date: Option<String>,
}

/// One server and the session there.
pub(crate) struct Client {
    http: reqwest::Client,
    url: Url,
    dir: ServerDir,
    session: Mutex<Option<Session>>,
    out: Output,
}

impl Client {
    /// A client for an address; connects to nothing yet.
    pub(crate) fn new(url: &str, out: Output) -> Result<Self> {
        let url = parse_url(url)?;
        let dir = ServerDir::of(&state::root()?, &url);
        let session = Mutex::new(Session::load(&dir)?);
        let http = with_tls(reqwest::Client::builder(), &url)
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            .user_agent(concat!("voting/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none()) // tokens and ballots go where they were meant to go
            .no_proxy()
            .tcp_nodelay(true)
            .build()
            .map_err(|error| {
                CliError::failure(
                    format!("the HTTP client cannot start: {}", root_cause(&error)),
                    "for https this machine needs certificates of certification authorities, e.g. the package ca-certificates",
                )
            })?;
        Ok(Self { http, url, dir, session, out })
    }

    /// The address as people write it.
    pub(crate) fn address(&self) -> &str {
        self.url.as_str().trim_end_matches('/')
    }

    /// The address.
    pub(crate) const fn url(&self) -> &Url {
        &self.url
    }

    pub(crate) const fn dir(&self) -> &ServerDir {
        &self.dir
    }

    /// The session as last seen.
    pub(crate) async fn session(&self) -> Option<Session> {
        self.session.lock().await.clone()
    }

    /// The session, or the advice to sign in.
    pub(crate) async fn signed_in(&self) -> Result<Session> {
        self.session().await.ok_or_else(|| self.not_signed_in())
    }

    /// Replaces the session here and on disk.
    pub(crate) async fn set_session(&self, session: Option<Session>) -> Result<()> {
        match &session {
            Some(session) => session.save(&self.dir)?,
            None => Session::remove(&self.dir)?,
        }
        *self.session.lock().await = session;
        Ok(())
    }

    /// GET, decoded.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str, auth: Auth) -> Result<T> {
        let answer = self.patient(Method::GET, path, Body::Empty, auth).await;
        answer.and_then(|answer| answer.json()).map_err(|error| match error {
            CallError::Lost(reason) => self.explain(CallError::Unreachable(reason)), // reading changes nothing
            error => self.explain(error),
        })
    }

    /// GET, as it came.
    pub(crate) async fn bytes(&self, path: &str, auth: Auth) -> Result<Vec<u8>, CallError> {
        Ok(self.patient(Method::GET, path, Body::Empty, auth).await?.bytes)
    }

    /// POST of JSON, decoded.
    pub(crate) async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T> {
        let answer = self.send_json(Method::POST, path, body, Auth::Required).await?;
        answer.json().map_err(|error| self.explain(error))
    }

    /// Any method with a JSON body; the answer as it came.
    pub(crate) async fn send_json(&self, method: Method, path: &str, body: &impl Serialize, auth: Auth) -> Result<Answer> {
        let body = serde_json::to_value(body)
            .map_err(|error| CliError::failure(format!("the request cannot be written as JSON: {error}"), "report this"))?;
        self.patient(method, path, Body::Json(&body), auth).await.map_err(|error| self.explain(error))
    }

    /// One request, asked again a few times if the server is busy.
    pub(crate) async fn patient(&self, method: Method, path: &str, body: Body<'_>, auth: Auth) -> Result<Answer, CallError> {
        for _ in 0..BUSY_RETRIES {
            match self.call(method.clone(), path, body, auth).await {
                Err(CallError::Refused(problem))
                    if problem.is_busy() && problem.retry_after.is_some_and(|wait| wait <= BUSY_WAIT_MAX) =>
                {
                    let wait = problem.retry_after.unwrap_or_default().max(Duration::from_millis(100));
                    self.out.detail(format!("the server is busy; asking again in {} s", wait.as_secs_f32()));
                    tokio::time::sleep(wait).await;
                }
                other => return other,
            }
        }
        self.call(method, path, body, auth).await
    }

    /// One request, sent once (and once more after the session had to be refreshed).
    pub(crate) async fn call(&self, method: Method, path: &str, body: Body<'_>, auth: Auth) -> Result<Answer, CallError> {
        let token = self.token(auth).await?;
        match self.once(method.clone(), path, body, token.as_deref()).await {
            Err(CallError::Refused(problem)) if problem.status == 401 && token.is_some() => {
                self.refresh(token.as_deref().unwrap_or_default()).await?;
                let token = self.session.lock().await.as_ref().map(|session| session.access_token.clone());
                self.once(method, path, body, token.as_deref()).await
            }
            other => other,
        }
    }

    /// Starts a download; the caller reads it piece by piece.
    pub(crate) async fn download(&self, path: &str) -> Result<reqwest::Response> {
        let token = self.token(Auth::IfSignedIn).await.map_err(|error| self.explain(error))?;
        let request = self.request(Method::GET, path, token.as_deref());
        let response = request.send().await.map_err(|error| self.explain(classify(&error)))?;
        if response.status().is_success() { Ok(response) } else { Err(self.explain(refusal(response).await)) }
    }

    /// What an error means to a person.
    pub(crate) fn explain(&self, error: CallError) -> CliError {
        let url = self.address();
        match error {
            CallError::Local(error) => error,
            CallError::Unreachable(reason) => CliError::new(
                Exit::Unreachable,
                format!("no server answers at {url}: {reason}"),
                "check the address (--url or VOTING_URL) and that the server runs; `voting dev` starts one on this machine",
            ),
            CallError::Lost(reason) => CliError::new(
                Exit::Unknown,
                format!("the connection to {url} was lost before the answer came: {reason}"),
                "it is not known whether the request took effect: look with `voting elections list`, then run the command again",
            ),
            CallError::Malformed(reason) => CliError::failure(
                format!("the answer of {url} makes no sense: {reason}"),
                "check that the address is a voting gateway, and that its version fits with `voting doctor`",
            ),
            CallError::Refused(problem) => explain_refusal(&problem),
        }
    }

    fn not_signed_in(&self) -> CliError {
        CliError::new(
            Exit::Refused,
            format!("nobody is signed in at {}", self.address()),
            "sign in first: voting login --email EMAIL (with the same --url)",
        )
    }

    /// The token to send, refreshed if it is about to end.
    async fn token(&self, auth: Auth) -> Result<Option<String>, CallError> {
        if auth == Auth::None {
            return Ok(None);
        }
        let Some(session) = self.session().await else {
            return if auth == Auth::Required { Err(CallError::Local(self.not_signed_in())) } else { Ok(None) };
        };
        if session.is_stale(now()) {
            self.refresh(&session.access_token).await?;
        }
        Ok(self.session.lock().await.as_ref().map(|session| session.access_token.clone()))
    }

    /// Replaces a token that no longer works. Refresh tokens work once, so this happens under a lock
    /// that all commands share, and the tokens of whoever was faster are taken over.
    async fn refresh(&self, used: &str) -> Result<(), CallError> {
        let mut current = self.session.lock().await;
        let _lock = session::lock(&self.dir).await.map_err(CallError::Local)?;
        let stored = Session::load(&self.dir).map_err(CallError::Local)?;
        if let Some(newer) = stored.as_ref().filter(|stored| stored.access_token != used) {
            *current = Some(newer.clone());
            return Ok(());
        }
        let Some(refresh_token) = stored.and_then(|session| session.refresh_token) else {
            *current = None;
            Session::remove(&self.dir).map_err(CallError::Local)?;
            return Err(CallError::Local(self.session_over()));
        };
        let body = serde_json::json!({ "refresh_token": refresh_token });
        match self.once(Method::POST, "/auth/refresh", Body::Json(&body), None).await {
            Ok(answer) => {
                let session = Session::new(answer.json()?);
                session.save(&self.dir).map_err(CallError::Local)?;
                *current = Some(session);
                Ok(())
            }
            Err(CallError::Refused(problem)) if problem.status == 401 => {
                *current = None;
                Session::remove(&self.dir).map_err(CallError::Local)?;
                Err(CallError::Local(self.session_over()))
            }
            Err(error) => Err(error),
        }
    }

    fn session_over(&self) -> CliError {
        CliError::new(
            Exit::Refused,
            format!("the session at {} has ended", self.address()),
            "sign in again: voting login --email EMAIL (with the same --url)",
        )
    }

    fn request(&self, method: Method, path: &str, token: Option<&str>) -> reqwest::RequestBuilder {
        self.out.detail(format!("{method} {path}"));
        let request = self.http.request(method, format!("{}{path}", self.address()));
        match token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    async fn once(&self, method: Method, path: &str, body: Body<'_>, token: Option<&str>) -> Result<Answer, CallError> {
        let request = self.request(method, path, token).timeout(REQUEST_TIMEOUT);
        let request = match body {
            Body::Empty => request,
            Body::Json(value) => request.json(value),
            Body::Csv(bytes) => request.header(CONTENT_TYPE, "text/csv").body(bytes.to_vec()),
        };
        let response = request.send().await.map_err(|error| classify(&error))?;
        if !response.status().is_success() {
            return Err(refusal(response).await);
        }
        let date = response.headers().get(reqwest::header::DATE).and_then(|date| date.to_str().ok()).map(str::to_owned);
        Ok(Answer { status: response.status(), bytes: read(response).await?, date })
    }
}

impl Answer {
    /// The body, decoded.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, CallError> {
        serde_json::from_slice(&self.bytes).map_err(|error| CallError::Malformed(error.to_string()))
    }
}

impl Problem {
    /// Too many requests, or no room: the same request may succeed later.
    pub(crate) const fn is_busy(&self) -> bool {
        matches!(self.status, 429 | 503)
    }
}

/// An address of a server, in one spelling.
pub(crate) fn parse_url(text: &str) -> Result<Url> {
    let wrong = |what: String| CliError::usage(what, "give an address like http://localhost:8000 with --url or VOTING_URL");
    let mut url: Url = text.parse().map_err(|error| wrong(format!("`{text}` is not an address: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(wrong(format!("`{text}` is not an http address")));
    }
    if url.scheme() == "https" && !cfg!(feature = "tls") {
        return Err(wrong("this build of `voting` cannot speak https; it is built without the feature `tls`".to_owned()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("the address contains a user name or password, which other users of this machine can see".to_owned()));
    }
    url.set_query(None);
    url.set_fragment(None);
    let path = format!("{}/", url.path().trim_end_matches('/'));
    url.set_path(&path);
    Ok(url)
}

/// Servers prove who they are with certificates that this system's authorities vouch for. Those are not looked for
/// where the address is plain http: a machine without any can still reach its own gateway.
#[cfg(feature = "tls")]
pub(crate) fn with_tls(builder: reqwest::ClientBuilder, url: &Url) -> reqwest::ClientBuilder {
    let _ = rustls::crypto::ring::default_provider().install_default(); // an error means that there is one already
    if url.scheme() == "https" { builder } else { builder.tls_certs_only([]) }
}

#[cfg(not(feature = "tls"))]
pub(crate) fn with_tls(builder: reqwest::ClientBuilder, _: &Url) -> reqwest::ClientBuilder {
    builder
}

fn classify(error: &reqwest::Error) -> CallError {
    let reason = root_cause(error);
    if error.is_connect() || error.is_builder() { CallError::Unreachable(reason) } else { CallError::Lost(reason) }
}

/// The innermost reason: "connection refused" says more than "error sending request".
fn root_cause(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "timed out".to_owned();
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

async fn refusal(response: reqwest::Response) -> CallError {
    let status = response.status();
    let seconds = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    let bytes = match read(response).await {
        Ok(bytes) => bytes,
        Err(error) => return error,
    };
    let mut problem: Problem = serde_json::from_slice(&bytes).unwrap_or_default();
    problem.status = status.as_u16();
    problem.retry_after = seconds.map(Duration::from_secs);
    if problem.title.is_empty() {
        status.canonical_reason().unwrap_or("refused").clone_into(&mut problem.title);
    }
    CallError::Refused(Box::new(problem))
}

async fn read(mut response: reqwest::Response) -> Result<Vec<u8>, CallError> {
    let mut bytes = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(|error| CallError::Lost(root_cause(&error)))? {
        if bytes.len() + piece.len() > MAX_ANSWER_BYTES {
            return Err(CallError::Malformed(format!("it is longer than {MAX_ANSWER_BYTES} bytes")));
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

fn explain_refusal(problem: &Problem) -> CliError {
    let mut what = if problem.detail.is_empty() { problem.title.clone() } else { problem.detail.clone() };
    if !problem.code.is_empty() {
        what = format!("the server refuses ({}): {what}", problem.code);
    } else {
        what = format!("the server refuses ({}): {what}", problem.status);
    }
    for line in &problem.errors {
        what.push_str(&format!("\n  line {}: {}", line.line, line.message));
    }
    let mut next = next_step(problem);
    if problem.status >= 500 && !problem.request_id.is_empty() {
        next.push_str(&format!(" (the operator finds it as request {})", problem.request_id));
    }
    let code = Some(problem.code.clone()).filter(|code| !code.is_empty());
    CliError { exit: Exit::Refused, code, what, next }
}

fn next_step(problem: &Problem) -> String {
    match (problem.code.as_str(), problem.status) {
        ("invalid_voters", _) => "correct these lines and import the file again; nothing was imported".to_owned(),
        ("unknown_election", _) => "find the election with `voting elections list`".to_owned(),
        ("already_voted", _) => {
            "nothing to do: the first ballot counts; `voting receipt show` lists what this machine holds".to_owned()
        }
        ("key_already_certified", _) => {
            "vote from where you first did: this election has certified another key for you, from another browser or machine"
                .to_owned()
        }
        ("not_a_witness", _) => {
            "give the key that `voting witness key` prints to the operator of the gateway: `witnesses` in its configuration"
                .to_owned()
        }
        ("secrecy_unsaid", _) => {
            "name trustees with --trustee NAME=KEY, or let the office read the ballots with --open (in a file: `\"secrecy\": \"open\"`)"
                .to_owned()
        }
        ("not_witnessed", _) => "ask for the copy without --witness, or wait until a witness has looked".to_owned(),
        ("results_hidden", _) => "results are for those who voted, until they are published".to_owned(),
        (_, 401) => "check e-mail and password, or sign in again with `voting login --email EMAIL`".to_owned(),
        (_, 403) => "sign in with an account that may do this; `voting whoami` shows yours".to_owned(),
        (_, 404) => "check the id; `voting elections list` shows the elections".to_owned(),
        (_, 429 | 503) => match problem.retry_after {
            Some(wait) => format!("wait {} seconds and run the command again", wait.as_secs().max(1)),
            None => "wait a little and run the command again".to_owned(),
        },
        (_, 500..) => "run the command again; if it goes on, tell the operator".to_owned(),
        _ => "correct what it names and run the command again".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_one_spelling() {
        let spell = |text: &str| parse_url(text).map(|url| url.to_string());
        assert_eq!(spell("http://LOCALHOST:8000").unwrap(), "http://localhost:8000/");
        assert_eq!(spell("http://localhost:8000//"), spell("http://localhost:8000"));
        assert_eq!(spell("http://a/b?x=1#y").unwrap(), "http://a/b/");
        for wrong in ["localhost:8000", "ftp://a", "", "http://", "http://me:secret@a/"] {
            assert_eq!(parse_url(wrong).unwrap_err().exit, Exit::Usage, "{wrong}");
        }
    }

    #[test]
    fn a_refusal_names_the_code_the_lines_and_the_next_step() {
        let problem: Problem = serde_json::from_str(
            r#"{"type":"about:blank","status":422,"code":"invalid_voters","detail":"2 lines are wrong",
                "errors":[{"line":3,"message":"`x` is not an e-mail address"}]}"#,
        )
        .unwrap();
        let error = explain_refusal(&problem);
        assert_eq!((error.exit, error.code.as_deref()), (Exit::Refused, Some("invalid_voters")));
        assert_eq!(error.what, "the server refuses (invalid_voters): 2 lines are wrong\n  line 3: `x` is not an e-mail address");
        assert!(error.next.contains("nothing was imported"));
        let busy = Problem { status: 429, retry_after: Some(Duration::from_secs(40)), ..Problem::default() };
        assert!(explain_refusal(&busy).next.contains("wait 40 seconds"));
    }
}
