//! How a gateway behaves: the defaults are for an election, not for a benchmark.

use std::time::Duration;

use voting_core::board::VerifierKey;
use voting_core::election::Trustees;

/// Bounds on what callers may ask. Every one answers with 413, 429 or 503 when it is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections from one address at a time.
    pub connections_per_address: usize,
    /// Connections in all.
    pub connections: usize,
    /// WebSockets in all.
    pub sockets: usize,
    /// WebSockets from one address.
    pub sockets_per_address: usize,
    /// A request's header must be complete after this long.
    pub header_timeout: Duration,
    /// A request's body must be complete after this long.
    pub body_timeout: Duration,
    /// A request must be answered after this long.
    pub handler_timeout: Duration,
    /// Bytes of a body, unless said otherwise.
    pub body_bytes: usize,
    /// Bytes of a body that carries a ballot: the largest ballot in base64, with room for its readable form.
    pub ballot_body_bytes: usize,
    /// Bytes of an uploaded list of voters.
    pub list_body_bytes: usize,
    /// Logins per account and minute.
    pub logins_per_account: u32,
    /// Logins per address and minute.
    pub logins_per_address: u32,
    /// Ballots per voter's key and minute.
    pub ballots_per_voter: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_per_address: 100,
            connections: 2_000,
            sockets: 10_000,
            sockets_per_address: 200,
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(15),
            handler_timeout: Duration::from_secs(30),
            body_bytes: 64 * 1024,
            ballot_body_bytes: 192 * 1024,
            list_body_bytes: 4 * 1024 * 1024,
            logins_per_account: 5,
            logins_per_address: 20,
            ballots_per_voter: 10,
        }
    }
}

/// Configuration of a gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// What this gateway is called.
    pub name: String,
    /// Whether this is a demonstration, whose accounts and passwords are shown to everyone.
    pub is_demo: bool,
    /// Bounds on callers.
    pub limits: Limits,
    /// How long a cast ballot is waited for before the answer is 202.
    pub ballot_wait: Duration,
    /// How long an officer's act or a certification is waited for.
    pub act_wait: Duration,
    /// Whether cookies are marked `Secure`; only a demo on loopback does without.
    pub secure_cookies: bool,
    /// Web origins, besides its own, that may call the API from a browser.
    pub allowed_origins: Vec<String>,
    /// Name shown to voters as the creator of elections made here.
    pub office: String,
    /// Keys of the witnesses whose cosignatures are kept below checkpoints.
    pub witnesses: Vec<VerifierKey>,
    /// The office's trustees, who decrypt elections that are set up here and name none of their own. Without them each
    /// election names its own, or says that its ballots are open.
    pub trustees: Option<Trustees>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            name: "gateway".to_owned(),
            is_demo: false,
            limits: Limits::default(),
            ballot_wait: Duration::from_secs(5),
            act_wait: Duration::from_secs(15),
            secure_cookies: true,
            allowed_origins: Vec::new(),
            office: "Election office".to_owned(),
            witnesses: Vec::new(),
            trustees: None,
        }
    }
}
