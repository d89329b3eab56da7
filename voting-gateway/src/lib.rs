//! The HTTP service of an election network.
//!
//! A gateway checks what comes in, cheap things first, puts it on the queue, and waits until the
//! authorities have made it final. It decides nothing: what it knows is what its [`Replica`] shows,
//! and whatever it answers about a vote can be proved without it.
//!
//! ```text
//!  request ─▶ limits ─▶ strict JSON ─▶ api ─▶ queue ─▶ authorities ─▶ replica ─▶ receipt
//! ```
//!
//! [`build`] gives the whole service as a poem endpoint for embedding and tests, [`serve`] runs it.

// A problem ends its request: that it is large costs nothing worth boxing for.
#![allow(clippy::result_large_err)]

pub mod accounts;
pub mod api;
mod assets;
pub mod backup;
mod board;
mod clock;
mod codes;
pub mod config;
pub mod demo;
mod epochs;
mod events;
mod limits;
mod live;
mod network;
mod pages;
mod places;
mod problem;
mod receipts;
mod roll;
pub mod scheduler;
mod server;
mod sessions;
mod spec;
mod state;
mod strict_json;
mod submit;
#[cfg(feature = "testing")]
pub mod testing;

pub use accounts::{Account, AccountError, Accounts, PasswordRule, Role};
pub use codes::CODES;
pub use config::{Config, Limits};
pub use limits::build;
pub use problem::{LineError, Problem, ProblemBody};
pub use server::serve;
pub use state::{Backend, Check, GatewayState};

pub use voting_cluster::Replica;
