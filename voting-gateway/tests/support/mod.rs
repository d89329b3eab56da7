//! A gateway over a whole network in memory, reached as clients reach it: through HTTP.

pub(crate) mod live;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use voting_cluster::{Embedded, EmbeddedConfig};
use voting_core::ballot::{Ballot, Selection, SignedBallot};
use voting_core::codec::Canonical as _;
use voting_core::crypto::SigningKey;
use voting_core::ids::PartitionId;
use voting_core::testing::key;
use voting_gateway::{Backend, Config, GatewayState, Limits, PasswordRule, Role};

/// Address, password, role.
pub(crate) const PEOPLE: [(&str, &str, Role); 4] = [
    ("admin@example.com", "adminpass", Role::Admin),
    ("alice@example.com", "alicepass", Role::Voter),
    ("bob@example.com", "bobpass", Role::Voter),
    ("carol@example.com", "carolpass", Role::Voter),
];

/// Far above what anything here takes: who waits this long has found a standstill.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Gateway {
    pub(crate) address: SocketAddr,
    pub(crate) network: Embedded,
    pub(crate) state: GatewayState,
    pub(crate) http: reqwest::Client,
    stop: watch::Sender<bool>,
    server: JoinHandle<std::io::Result<()>>,
    scheduler: JoinHandle<()>,
}

/// Limits that do not get in the way of a suite.
pub(crate) fn roomy() -> Config {
    let limits = Limits { logins_per_account: 1_000, logins_per_address: 10_000, ballots_per_voter: 10_000, ..Limits::default() };
    Config { limits, secure_cookies: false, ..Config::default() }
}

impl Gateway {
    pub(crate) async fn start() -> Self {
        Self::with(roomy(), |_| {}).await
    }

    pub(crate) async fn with(config: Config, change: impl FnOnce(&mut Backend)) -> Self {
        let network = Embedded::start(EmbeddedConfig::default()).await.unwrap();
        let identity = network.identity();
        let mut backend = Backend {
            genesis: Arc::new(identity.genesis.clone()),
            partition: PartitionId(0),
            replica: Arc::clone(network.replica()),
            ledger: Arc::clone(&network.ledgers()[0]),
            queue: network.queue(),
            store: Arc::clone(network.store()),
            clock: Arc::clone(network.clock()),
            officer: identity.officer.clone(),
            registrar: identity.registrar.clone(),
            pseudonym_secret: identity.pseudonym_secret,
            network: network.view(),
            checks: vec![("authorities", network.health())],
        };
        change(&mut backend);
        let state = GatewayState::new(backend, config);
        for (email, password, role) in PEOPLE {
            assert!(state.create_account(email, "Someone", password, &[role], PasswordRule::Demo).await.unwrap());
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopping) = watch::channel(false);
        let server = tokio::spawn(voting_gateway::serve(listener, state.clone(), stopping.clone()));
        let scheduler = tokio::spawn(voting_gateway::scheduler::run(state.clone(), stopping));
        // Where the whole workspace is built at once, the client is built with TLS and asks for its cryptography.
        let _ = rustls::crypto::ring::default_provider().install_default(); // an error means that it is there already
        let http = reqwest::Client::builder().timeout(PATIENCE).build().unwrap();
        Self { address, network, state, http, stop, server, scheduler }
    }

    pub(crate) async fn stop(self) {
        self.stop.send(true).unwrap();
        drop(self.http);
        self.server.await.unwrap().unwrap();
        self.scheduler.await.unwrap();
        self.network.shutdown().await.unwrap();
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) async fn send(&self, method: Method, path: &str, token: Option<&str>, body: Option<Value>) -> Response {
        let mut request = self.http.request(method, self.url(path));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        request.send().await.unwrap()
    }

    /// Sends, and reads JSON.
    pub(crate) async fn ask(&self, method: Method, path: &str, token: Option<&str>, body: Option<Value>) -> (u16, Value) {
        let response = self.send(method, path, token, body).await;
        let status = response.status();
        let problem = status.is_client_error() || status.is_server_error();
        if problem {
            return (status.as_u16(), problem_of(response).await);
        }
        let text = response.text().await.unwrap();
        (status.as_u16(), serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    pub(crate) async fn get(&self, path: &str, token: Option<&str>) -> (u16, Value) {
        self.ask(Method::GET, path, token, None).await
    }

    pub(crate) async fn post(&self, path: &str, token: Option<&str>, body: Value) -> (u16, Value) {
        self.ask(Method::POST, path, token, Some(body)).await
    }

    pub(crate) async fn login(&self, name: &str) -> String {
        let (email, password, _) = PEOPLE.iter().find(|(email, ..)| email.starts_with(name)).unwrap();
        let (status, session) = self.post("/auth/login", None, json!({"email": email, "password": password})).await;
        assert_eq!(status, 200, "{session}");
        session["access_token"].as_str().unwrap().to_owned()
    }

    /// An election with alice and bob on its roll, opened by hand. Returns its id.
    pub(crate) async fn open(&self, admin: &str, change: impl FnOnce(&mut Value)) -> String {
        let id = self.announce(admin, change).await;
        let (status, election) = self.post(&format!("/elections/{id}/open"), Some(admin), json!({})).await;
        assert_eq!((status, election["phase"].as_str()), (200, Some("open")), "{election}");
        id
    }

    pub(crate) async fn announce(&self, admin: &str, change: impl FnOnce(&mut Value)) -> String {
        let id = self.draft(admin, change).await;
        let voters = json!({"voters": [{"email": "alice@example.com"}, {"email": "bob@example.com", "weight": 2}]});
        let (status, added) = self.post(&format!("/elections/{id}/voters"), Some(admin), voters).await;
        assert_eq!((status, &added["total"]), (200, &json!(2)), "{added}");
        let (status, election) = self.post(&format!("/elections/{id}/publish"), Some(admin), json!({})).await;
        assert_eq!((status, election["phase"].as_str()), (200, Some("scheduled")), "{election}");
        id
    }

    pub(crate) async fn draft(&self, admin: &str, change: impl FnOnce(&mut Value)) -> String {
        let mut new = new_election();
        change(&mut new);
        let (status, election) = self.post("/elections", Some(admin), new).await;
        assert_eq!((status, election["phase"].as_str()), (201, Some("draft")), "{election}");
        election["id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn certify(&self, id: &str, token: &str, key: &SigningKey) {
        let (status, answer) =
            self.post(&format!("/elections/{id}/key"), Some(token), json!({"key": key.public().to_string()})).await;
        assert_eq!(status, 201, "{answer}");
    }

    /// A ballot for an election as the server describes it.
    pub(crate) async fn ballot(&self, id: &str, key: &SigningKey, sequence: u32, selections: Vec<Selection>) -> SignedBallot {
        self.unsigned(id, key, sequence, selections).sign(key)
    }

    pub(crate) fn unsigned(&self, id: &str, key: &SigningKey, sequence: u32, selections: Vec<Selection>) -> Ballot {
        let state = self.network.replica().state();
        let election = state.election(id.parse().unwrap()).unwrap();
        Ballot { election: election.id(), context: election.context(), voter: key.public(), sequence, selections }
    }

    pub(crate) async fn cast(&self, id: &str, ballot: &SignedBallot) -> (u16, Value) {
        self.cast_bytes(id, &ballot.to_canonical()).await
    }

    pub(crate) async fn cast_bytes(&self, id: &str, bytes: &[u8]) -> (u16, Value) {
        self.ask(Method::PUT, &format!("/votes/{id}"), None, Some(json!({"ballot": STANDARD.encode(bytes)}))).await
    }

    /// Voters and ballots counted, and voters certified: what a refused request must not change.
    pub(crate) fn counts(&self, id: &str) -> (u64, u64, u64) {
        let state = self.network.replica().state();
        let election = state.election(id.parse().unwrap()).unwrap();
        (election.voted(), election.ballots(), election.certified())
    }

    /// Sends bytes as they are and reads until the server closes the connection.
    pub(crate) async fn raw(&self, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let _ = stream.write_all(bytes).await; // the server may refuse before it has read everything
        read_all(&mut stream).await
    }
}

pub(crate) async fn read_all(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    tokio::time::timeout(PATIENCE, async {
        while let Ok(1..) = stream.read(&mut buffer).await.inspect(|read| answer.extend_from_slice(&buffer[..*read])) {}
    })
    .await
    .expect("the server ends the connection");
    String::from_utf8_lossy(&answer).into_owned()
}

/// Reads a problem and checks everything that all problems have in common.
pub(crate) async fn problem_of(response: Response) -> Value {
    let (status, headers) = (response.status(), response.headers().clone());
    let header = |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
    let text = response.text().await.unwrap();
    assert_eq!(header("content-type"), "application/problem+json", "{status}: {text}");
    let problem: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(problem["type"], "about:blank");
    assert_eq!(problem["status"], status.as_u16());
    for field in ["code", "title", "detail", "request_id"] {
        assert!(!problem[field].as_str().unwrap_or_default().is_empty(), "{field}: {text}");
    }
    assert_eq!(problem["request_id"].as_str().unwrap(), header("x-request-id"));
    assert_eq!(header("x-content-type-options"), "nosniff");
    assert!(header("content-security-policy").contains("default-src 'self'"));
    for internal in ["panicked", ".rs:", "/home/", "/root/", "src/", "voting_core::", "serde_json"] {
        assert!(!text.contains(internal), "{internal} in {text}");
    }
    if matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
        assert!(header("retry-after").parse::<u64>().unwrap() >= 1);
    }
    if status == StatusCode::UNAUTHORIZED {
        assert_eq!(header("www-authenticate"), "Bearer");
    }
    problem
}

pub(crate) fn new_election() -> Value {
    json!({
        "title": "Board", "start_date": "2026-01-01T00:00:00Z", "end_date": "2099-01-01T00:00:00Z",
        "candidates": ["Ada", "Grace", "Alan"], "timing": "officer", "secrecy": "open"
    })
}

pub(crate) fn marks(places: &[u16]) -> Vec<Selection> {
    vec![Selection::Marks(places.to_vec())]
}

/// The key that a person of the suites votes with.
pub(crate) fn key_of(number: u64) -> SigningKey {
    key(number)
}
