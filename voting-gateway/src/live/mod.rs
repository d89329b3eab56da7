//! Live updates over a WebSocket; docs/websocket.md describes every frame.
//!
//! ```text
//!  replica ─ finalized blocks ─▶ hub ─ frames, made once for all ─▶ connection ─▶ client
//! ```
//!
//! One task, the hub, reads the finalized blocks in order and knows who wants what. It never waits: a
//! client that does not take its frames is let go. A connection's task talks to its client and does what takes
//! time: sessions, and reading up in the ledger what a returning client has missed. Whatever is sent follows from the
//! ledger, so any gateway can go on where another has stopped.

mod channel;
mod connection;
mod frame;
mod hub;
mod news;
mod progress;
mod sockets;
mod topic;
mod viewer;

pub(crate) use sockets::{Live, upgrade};
pub(crate) use viewer::Viewer;
