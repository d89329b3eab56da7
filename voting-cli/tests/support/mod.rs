//! A gateway made for misbehaving: it serves a real chain in memory, and does to single requests what a real one
//! cannot be made to do on command.

// Each test binary uses its own part of it.
// A server made for tests has nobody to report to.
pub(crate) mod deployment;
pub(crate) mod history;
pub(crate) mod network;
pub(crate) mod running;
#[path = "../../../voting-gateway/tests/support/live.rs"]
#[expect(dead_code, reason = "the client of the gateway's own suite")]
pub(crate) mod ws;

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use assert_cmd::Command;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};
use voting_core::ballot::SignedBallot;
use voting_core::bundle::BundleWriter;
use voting_core::crypto::PublicKey;
use voting_core::election::{ElectionDefinition, Phase, RevoteRule};
use voting_core::entry::{Act, Certification, CertifiedVoter, Entry};
use voting_core::receipt::{ElectionProof, Receipt};
use voting_core::state::Position;
use voting_core::testing::chain::{key, pseudonym};
use voting_core::testing::{TestChain, ballot, definition};
use voting_core::{BallotHash, Canonical as _, ElectionId, PartitionId};

/// Longest that anything takes that is waited for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// What happens to the next `PUT /votes/…`.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// Refused with this status and `Retry-After`.
    Busy(u16, u64),
    /// The connection closes; nothing was recorded.
    CutBefore,
    /// Recorded, then the connection closes without an answer.
    CutAfter,
    /// Recorded, then the connection closes in the middle of the answer.
    CutInside,
    /// Recorded, but answered with 202.
    Accepted,
    /// Answered with 202, and then forgotten.
    AcceptedAndLost,
    /// Refused with 422 and this code.
    Refuse(&'static str),
    /// Answered with a receipt whose proof is of another ballot.
    ForeignReceipt,
}

/// A gateway in front of a chain in memory.
pub(crate) struct Stub {
    pub(crate) url: String,
    pub(crate) definition: ElectionDefinition,
    state: Arc<Mutex<State>>,
}

pub(crate) struct State {
    pub(crate) chain: TestChain,
    definition: ElectionDefinition,
    /// What happens to the next ballots; then they are served well.
    pub(crate) faults: VecDeque<Fault>,
    /// Bodies of every `PUT /votes/…`, as they came.
    pub(crate) puts: Vec<Vec<u8>>,
    /// Refresh tokens spent, in order.
    pub(crate) refreshed: Vec<String>,
    /// Lifetime of the access tokens handed out, in seconds.
    pub(crate) token_life: i64,
    recorded: Vec<(BallotHash, Position)>,
    my_key: Option<PublicKey>,
    tokens: u32,
}

impl Stub {
    /// A gateway with one open election, `Test election 1`, between Ada and Bob.
    pub(crate) fn start() -> Self {
        Self::start_with(RevoteRule::FirstCounts)
    }

    pub(crate) fn start_with(revote: RevoteRule) -> Self {
        let mut chain = TestChain::new(4);
        let definition = ElectionDefinition { revote, ..definition(1, &["Ada", "Bob"]) };
        let advance = |to| Act::Advance { to };
        for act in [
            Act::Define(definition.clone()),
            Act::SetRoll { size: 10 },
            advance(Phase::Ready),
            advance(Phase::Scheduled),
            advance(Phase::Open),
        ] {
            let entry = chain.act(definition.id, act);
            chain.append(&[entry]).unwrap();
        }
        let state = State {
            chain,
            definition: definition.clone(),
            faults: VecDeque::new(),
            puts: Vec::new(),
            refreshed: Vec::new(),
            token_life: 600,
            recorded: Vec::new(),
            my_key: None,
            tokens: 0,
        };
        let state = Arc::new(Mutex::new(state));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                std::thread::spawn(move || serve(stream, &state));
            }
        });
        Self { url, definition, state }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// What the next ballots meet.
    pub(crate) fn fault(&self, faults: &[Fault]) {
        self.state().faults.extend(faults.iter().cloned());
    }

    /// The signed bytes of every ballot received, in order.
    pub(crate) fn ballots_received(&self) -> Vec<Vec<u8>> {
        let decode =
            |body: &Vec<u8>| BASE64.decode(serde_json::from_slice::<Value>(body).unwrap()["ballot"].as_str().unwrap()).unwrap();
        self.state().puts.iter().map(decode).collect()
    }
}

impl State {
    fn record(&mut self, signed: &SignedBallot) -> Position {
        if let Some((_, position)) = self.recorded.iter().find(|(hash, _)| *hash == signed.hash()) {
            return *position;
        }
        let height = self.chain.append(&[Entry::Cast(signed.clone())]).unwrap().block.header.height;
        let position = Position { height, index: 0 };
        self.recorded.push((signed.hash(), position));
        position
    }

    fn receipt(&self, position: Position) -> Value {
        let receipt = Receipt::build(&self.chain.blocks, position).unwrap();
        let at = receipt.headers[0].timestamp;
        json!({
            "election_id": receipt.election, "ballot_hash": receipt.ballot, "code": receipt.ballot.code(),
            "height": position.height, "index": position.index, "recorded_at": at,
            "proof": BASE64.encode(receipt.to_canonical()),
        })
    }

    /// Somebody else's ballot, recorded.
    fn foreign(&mut self) -> Position {
        let voter = CertifiedVoter { pseudonym: pseudonym(77), key: key(77).public(), weight: 1 };
        self.certify(voter);
        let other = ballot(self.chain.chain(), &self.definition, &key(77), &[0]);
        self.record(&other)
    }

    fn certify(&mut self, voter: CertifiedVoter) {
        let content = Certification {
            chain: self.chain.chain(),
            election: self.definition.id,
            voters: vec![voter],
            registrar: self.chain.registrar.public(),
        };
        let entry = Entry::certify(content, &self.chain.registrar);
        self.chain.append(&[entry]).unwrap();
    }

    fn session(&mut self) -> Value {
        self.tokens += 1;
        let expires = time::OffsetDateTime::now_utc() + time::Duration::seconds(self.token_life);
        json!({
            "access_token": format!("access-{}", self.tokens),
            "refresh_token": format!("refresh-{}", self.tokens),
            "expires_at": expires.format(&time::format_description::well_known::Rfc3339).unwrap(),
            "user": user(),
        })
    }

    fn election(&self) -> Value {
        let d = &self.definition;
        let voted = !self.recorded.is_empty();
        json!({
            "id": d.id, "title": d.title, "description": d.description, "contests": d.contests, "created_by": d.created_by,
            "start_date": d.opens_at, "end_date": d.closes_at, "timing": d.timing, "revote": d.revote, "results": d.results,
            "secrecy": d.secrecy, "phase": "open", "roll_size": 10, "voted": self.recorded.len(), "eligible_voters": [],
            "context": d.context(self.chain.chain()), "chain": self.chain.chain(), "hasVoted": voted, "eligible": true,
            "my_key": self.my_key,
        })
    }
}

pub(crate) fn user() -> Value {
    json!({ "id": "u1", "email": "alice@example.com", "name": "Alice", "roles": ["voter"] })
}

/// What a request gets.
enum Reply {
    Json(u16, Value),
    Retry(u16, u64),
    Bytes(Vec<u8>),
    Cut,
    CutInside(Value),
}

fn serve(stream: TcpStream, state: &Mutex<State>) {
    let mut reader = BufReader::new(stream);
    let Some((line, token, body)) = read_request(&mut reader) else { return };
    let reply = answer(&line, token.as_deref(), &body, &mut state.lock().unwrap());
    write_reply(reader.into_inner(), &reply);
}

fn read_request(reader: &mut BufReader<TcpStream>) -> Option<(String, Option<String>, Vec<u8>)> {
    let (mut first, mut length, mut token) = (String::new(), 0, None);
    reader.read_line(&mut first).ok()?;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let Some((name, value)) = header.trim_end().split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().ok()?,
            "authorization" => token = value.strip_prefix("Bearer ").map(str::to_owned),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((first.trim_end().trim_end_matches(" HTTP/1.1").to_owned(), token, body))
}

fn write_reply(mut stream: TcpStream, reply: &Reply) {
    let text = |status: u16, extra: &str, value: &Value| {
        let body = value.to_string();
        let kind = if status < 400 { "application/json" } else { "application/problem+json" };
        format!(
            "HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n{extra}\r\n{body}",
            body.len()
        )
    };
    let bytes = match reply {
        Reply::Json(204, _) => b"HTTP/1.1 204 X\r\nconnection: close\r\n\r\n".to_vec(),
        Reply::Json(status, value) => text(*status, "", value).into_bytes(),
        Reply::Retry(status, seconds) => {
            let problem = json!({ "status": status, "title": "busy", "code": "queue_full", "detail": "wait" });
            text(*status, &format!("retry-after: {seconds}\r\n"), &problem).into_bytes()
        }
        Reply::Bytes(bytes) => {
            [format!("HTTP/1.1 200 X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", bytes.len()).as_bytes(), bytes].concat()
        }
        Reply::Cut => Vec::new(),
        Reply::CutInside(value) => {
            let whole = text(201, "", value).into_bytes();
            whole[..whole.len() - 40].to_vec()
        }
    };
    let _ = stream.write_all(&bytes); // the client may have gone
}

fn answer(line: &str, token: Option<&str>, body: &[u8], state: &mut State) -> Reply {
    let (method, path) = line.split_once(' ').unwrap();
    let json_body = || serde_json::from_slice::<Value>(body).unwrap();
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    match (method, parts.as_slice()) {
        ("GET", ["genesis"]) => Reply::Bytes(state.chain.genesis.to_canonical()),
        ("GET", ["network", "epochs"]) => Reply::Json(200, json!({ "epochs": [{}] })),
        ("GET", ["version"]) => Reply::Json(200, json!({ "name": "stub", "version": env!("CARGO_PKG_VERSION") })),
        ("GET", ["readyz"]) => Reply::Json(200, json!({ "ready": true, "checks": [] })),
        ("GET", ["network"]) => {
            let chain = &state.chain;
            Reply::Json(200, json!({ "network": "test", "chain": chain.chain(), "genesis": chain.genesis.digest(), "quorum": 3 }))
        }
        ("POST", ["auth", "login"]) => {
            if json_body()["password"] == "alicepass" {
                Reply::Json(200, state.session())
            } else {
                problem(401, "invalid_credentials")
            }
        }
        ("POST", ["auth", "refresh"]) => {
            let spent = json_body()["refresh_token"].as_str().unwrap().to_owned();
            let current = format!("refresh-{}", state.tokens);
            state.refreshed.push(spent.clone());
            if spent == current { Reply::Json(200, state.session()) } else { problem(401, "refresh_reused") }
        }
        ("POST", ["auth", "logout"]) => Reply::Json(204, Value::Null),
        _ if token.is_some_and(|token| token != format!("access-{}", state.tokens)) => problem(401, "session_ended"),
        ("GET", ["auth", "me"]) => Reply::Json(200, user()),
        ("GET", ["elections"]) => {
            let mut item = state.election();
            item["contests"] = Value::Null;
            Reply::Json(200, json!([item]))
        }
        ("GET", ["elections", _]) => Reply::Json(200, state.election()),
        ("GET", ["elections", _, "proof"]) => {
            let chain = &state.chain;
            let proof = ElectionProof::build(chain.blocks.last().unwrap(), &chain.state, state.definition.id).unwrap();
            Reply::Json(200, json!({ "election_id": state.definition.id, "proof": BASE64.encode(proof.to_canonical()) }))
        }
        ("GET", ["elections", _, "bundle"]) => Reply::Bytes(bundle(&state.chain, state.definition.id)),
        ("POST", ["elections", _, "key"]) => {
            let key: PublicKey = json_body()["key"].as_str().unwrap().parse().unwrap();
            if state.my_key.is_some_and(|mine| mine != key) {
                return problem(409, "key_already_certified");
            }
            if state.my_key.replace(key).is_none() {
                state.certify(CertifiedVoter { pseudonym: pseudonym(1), key, weight: 1 });
            }
            Reply::Json(201, json!({ "pseudonym": pseudonym(1), "key": key, "weight": 1 }))
        }
        ("POST", ["elections", _, "voters"]) => Reply::Json(
            422,
            json!({ "status": 422, "title": "Not acceptable", "code": "invalid_voters", "detail": "1 line is not acceptable",
                    "errors": [{ "line": 2, "message": "`x` is not an e-mail address" }] }),
        ),
        ("PUT", ["votes", _]) => cast(body, token, state),
        ("GET", ["ballots", hash]) => {
            let hash: BallotHash = hash.parse().unwrap();
            let known = state.recorded.iter().any(|(recorded, _)| *recorded == hash);
            Reply::Json(200, json!({ "ballot_hash": hash, "code": hash.code(), "status": if known { "final" } else { "unknown" } }))
        }
        ("GET", ["ballots", hash, "receipt"]) => {
            let hash: BallotHash = hash.parse().unwrap();
            match state.recorded.iter().find(|(recorded, _)| *recorded == hash) {
                Some((_, position)) => Reply::Json(200, state.receipt(*position)),
                None => problem(404, "unknown_ballot"),
            }
        }
        _ => problem(404, "no_such_route"),
    }
}

fn cast(body: &[u8], token: Option<&str>, state: &mut State) -> Reply {
    assert_eq!(token, None, "a ballot travels without a session");
    state.puts.push(body.to_vec());
    let value: Value = serde_json::from_slice(body).unwrap();
    let signed = SignedBallot::from_canonical(&BASE64.decode(value["ballot"].as_str().unwrap()).unwrap()).unwrap();
    let accepted = json!({ "ballot_hash": signed.hash(), "status": "pending", "status_url": "/elsewhere" });
    match state.faults.pop_front() {
        Some(Fault::Busy(status, seconds)) => Reply::Retry(status, seconds),
        Some(Fault::CutBefore) => Reply::Cut,
        Some(Fault::AcceptedAndLost) => Reply::Json(202, accepted),
        Some(Fault::Refuse(code)) => problem(422, code),
        Some(Fault::ForeignReceipt) => {
            let position = state.foreign();
            let mut receipt = state.receipt(position);
            receipt["ballot_hash"] = json!(signed.hash());
            Reply::Json(201, receipt)
        }
        fault @ (None | Some(Fault::CutAfter | Fault::CutInside | Fault::Accepted)) => {
            let before = state.recorded.iter().any(|(hash, _)| *hash == signed.hash());
            let position = state.record(&signed);
            let receipt = state.receipt(position);
            match fault {
                Some(Fault::CutAfter) => Reply::Cut,
                Some(Fault::CutInside) => Reply::CutInside(receipt),
                Some(Fault::Accepted) => Reply::Json(202, accepted),
                _ => Reply::Json(if before { 200 } else { 201 }, receipt),
            }
        }
    }
}

fn problem(status: u16, code: &str) -> Reply {
    let body =
        json!({ "type": "about:blank", "title": "No", "status": status, "code": code, "detail": format!("because of {code}") });
    Reply::Json(status, body)
}

/// An election of a chain as a bundle.
pub(crate) fn bundle(chain: &TestChain, election: ElectionId) -> Vec<u8> {
    let mut writer = BundleWriter::begin(Vec::new(), &chain.genesis, PartitionId(0), &[], election).unwrap();
    chain.blocks.iter().for_each(|block| writer.block(block).unwrap());
    writer.finish(&chain.state).unwrap()
}

/// An address where nothing listens.
pub(crate) fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

/// A user of the command: a state directory of their own.
pub(crate) struct Person {
    home: tempfile::TempDir,
    pub(crate) url: String,
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// The one JSON value on stdout.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("stdout is not JSON: {error}\n{self:#?}"))
    }

    /// Insists on an exit code.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:#?}");
        self
    }
}

impl Person {
    pub(crate) fn at(url: &str) -> Self {
        Self { home: tempfile::tempdir().unwrap(), url: url.to_owned() }
    }

    /// Signed in as Alice.
    pub(crate) fn signed_in(stub: &Stub) -> Self {
        let person = Self::at(&stub.url);
        person.with_stdin("alicepass\n", &["login", "--email", "alice@example.com"]).exits(0);
        person
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = Command::cargo_bin("voting").unwrap();
        command.env_clear().env("VOTING_STATE_DIR", self.state_dir()).env("VOTING_URL", &self.url);
        command
    }

    pub(crate) fn state_dir(&self) -> PathBuf {
        self.home.path().join("state")
    }

    /// A place for files of the test.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ended {
        self.with_stdin("", args)
    }

    pub(crate) fn with_stdin(&self, stdin: &str, args: &[&str]) -> Ended {
        let output = self.command().args(args).write_stdin(stdin).output().unwrap();
        Ended {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Files of the state directory whose name ends like this.
    pub(crate) fn files(&self, ending: &str) -> Vec<PathBuf> {
        fn walk(dir: &Path, ending: &str, found: &mut Vec<PathBuf>) {
            for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
                if entry.path().is_dir() {
                    walk(&entry.path(), ending, found);
                } else if entry.file_name().to_string_lossy().ends_with(ending) {
                    found.push(entry.path());
                }
            }
        }
        let mut found = Vec::new();
        walk(&self.state_dir(), ending, &mut found);
        found.sort();
        found
    }
}
