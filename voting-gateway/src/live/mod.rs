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

/// A frame of a client; panics if a rule is broken.
#[cfg(feature = "testing")]
pub(crate) fn fuzz(text: &str) {
    use frame::FromClient::{Auth, Hello, Ping, Subscribe, Unsubscribe};
    let named: Vec<String> = match frame::FromClient::parse(text) {
        Ok(Hello { resume, .. }) => resume.into_keys().collect(),
        Ok(Subscribe { id, ch, .. }) => {
            assert!(id.len() <= frame::MAX_ID_BYTES);
            vec![ch]
        }
        Ok(Unsubscribe { ch }) => vec![ch],
        Ok(Auth { .. } | Ping {}) => Vec::new(),
        Err(reason) => {
            let told = frame::error(None, None, &frame::LiveError::new("invalid_frame", reason));
            assert!(crate::strict_json::check(told.as_bytes()).is_ok(), "{told}");
            vec![text.to_owned()]
        }
    };
    for name in named {
        if let Ok(channel) = channel::Channel::parse(&name, Some("account"), false) {
            assert_eq!(channel.to_string(), name, "a channel has one name");
        }
    }
}
