//! Frames, as docs/websocket.md describes them.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};
use voting_core::state::Position;

use crate::events;

/// Version of the protocol.
const VERSION: u64 = 1;
/// Longest id a client may give.
pub(super) const MAX_ID_BYTES: usize = 64;

/// What a client says.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "t", rename_all = "lowercase")]
pub(super) enum FromClient {
    /// The first frame.
    Hello {
        /// An access token.
        token: Option<String>,
        /// Channels to go on with, and after which positions.
        #[serde(default)]
        resume: BTreeMap<String, String>,
    },
    /// Send this channel.
    Subscribe {
        /// The client's word for this frame.
        id: String,
        /// The channel.
        ch: String,
        /// The position the client has.
        after: Option<String>,
    },
    /// No more of it.
    Unsubscribe {
        /// The channel.
        ch: String,
    },
    /// A fresh token of the same account.
    Auth {
        /// The token.
        token: String,
    },
    /// Asks for a pong.
    Ping {},
}

impl FromClient {
    /// Reads a frame.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let value: Value = serde_json::from_str(text).map_err(|error| format!("not JSON: {error}"))?;
        if value.get("v").and_then(Value::as_u64) != Some(VERSION) {
            return Err("`v` must be 1".to_owned());
        }
        let frame = Self::deserialize(value).map_err(|error| error.to_string())?;
        if let Self::Subscribe { id, .. } = &frame
            && id.len() > MAX_ID_BYTES
        {
            return Err(format!("`id` takes at most {MAX_ID_BYTES} bytes"));
        }
        Ok(frame)
    }
}

/// Why a frame is refused, which does not end the connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LiveError {
    pub(super) code: &'static str,
    pub(super) detail: String,
    /// Whether the same may succeed later.
    pub(super) retry: bool,
}

impl LiveError {
    pub(super) fn new(code: &'static str, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), retry: false }
    }

    pub(super) fn for_now(code: &'static str, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), retry: true }
    }
}

fn frame(kind: &str, mut fields: Value) -> String {
    fields["v"] = VERSION.into();
    fields["t"] = kind.into();
    fields.to_string()
}

pub(super) fn welcome(gateway: &str, height: u64, user: Option<Value>, expires_at: Option<String>) -> String {
    let mut fields = json!({"gateway": gateway, "height": height});
    if let Some(user) = user {
        fields["user"] = user;
    }
    if let Some(expires_at) = expires_at {
        fields["expires_at"] = expires_at.into();
    }
    frame("welcome", fields)
}

pub(super) fn snapshot(channel: &str, position: Position, data: Value) -> String {
    frame("snapshot", json!({"ch": channel, "pos": events::show(position), "data": data}))
}

/// What happened in a channel after one position and up to another.
pub(super) fn event(channel: &str, after: Position, position: Position, kind: &str, data: &Value) -> String {
    let (prev, pos) = (events::show(after), events::show(position));
    frame("event", json!({"ch": channel, "prev": prev, "pos": pos, "type": kind, "data": data}))
}

pub(super) fn reset(channel: &str) -> String {
    frame("reset", json!({"ch": channel}))
}

pub(super) fn error(id: Option<&str>, channel: Option<&str>, error: &LiveError) -> String {
    let mut fields = json!({"code": error.code, "detail": error.detail, "retry": error.retry});
    if let Some(id) = id {
        fields["id"] = id.into();
    }
    if let Some(channel) = channel {
        fields["ch"] = channel.into();
    }
    frame("error", fields)
}

pub(super) fn token_expiring(seconds: u64) -> String {
    frame("token_expiring", json!({"expires_in": seconds}))
}

pub(super) fn pong() -> String {
    frame("pong", json!({}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_clients_are_read_strictly_where_it_matters() {
        let hello = FromClient::parse(r#"{"v":1,"t":"hello","token":"x","resume":{"me":"3.1"},"later":true}"#).unwrap();
        let resume = BTreeMap::from([("me".to_owned(), "3.1".to_owned())]);
        assert_eq!(hello, FromClient::Hello { token: Some("x".to_owned()), resume });
        assert_eq!(FromClient::parse(r#"{"v":1,"t":"ping"}"#), Ok(FromClient::Ping {}));
        for wrong in [
            "",
            "[]",
            r#"{"t":"ping"}"#,
            r#"{"v":2,"t":"ping"}"#,
            r#"{"v":1,"t":"shout"}"#,
            r#"{"v":1,"t":"subscribe","ch":"me"}"#,
            r#"{"v":1,"t":"auth","token":7}"#,
        ] {
            assert!(FromClient::parse(wrong).is_err(), "{wrong}");
        }
        let long = format!(r#"{{"v":1,"t":"subscribe","ch":"me","id":"{}"}}"#, "x".repeat(MAX_ID_BYTES + 1));
        assert!(FromClient::parse(&long).is_err());
    }
}
