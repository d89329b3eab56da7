//! A client of /ws that checks every frame against docs/websocket.md.

use std::collections::HashMap;
use std::net::SocketAddr;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use super::PATIENCE;

/// What each kind of frame has: fields it must have, fields it may have.
const FRAMES: [(&str, &[&str], &[&str]); 7] = [
    ("welcome", &["gateway", "height"], &["user", "expires_at"]),
    ("snapshot", &["ch", "pos", "data"], &[]),
    ("event", &["ch", "prev", "pos", "type", "data"], &[]),
    ("reset", &["ch"], &[]),
    ("error", &["code", "detail", "retry"], &["id", "ch"]),
    ("token_expiring", &["expires_in"], &[]),
    ("pong", &[], &[]),
];

/// The same for what events carry.
const EVENTS: [(&str, &[&str], &[&str]); 10] = [
    ("phase", &["election_id", "position", "at", "phase"], &["title", "start_date", "end_date"]),
    ("certified", &["election_id", "position", "at", "count"], &[]),
    ("turnout", &["election_id", "at", "roll_size", "voted", "ballots"], &[]),
    ("tally", &["at", "total_votes", "contests"], &[]),
    ("result", &["election_id", "candidates", "contests", "final", "phase", "total_votes", "votes"], &["report", "lot_seed"]),
    ("ballots", &["ballots"], &["total"]),
    ("voted", &["election_id", "position", "at", "ballot_hash", "code"], &[]),
    ("progress", &["ballot_hash", "stage", "agreed", "authorities", "quorum"], &[]),
    (
        "network",
        &["at", "gateway", "alive", "quorum", "height", "clock", "authorities", "accused"],
        &["view", "leader", "block", "redis"],
    ),
    ("block", &["height", "hash", "view", "at", "entries", "ballots", "bytes", "signers"], &[]),
];

fn check_fields(what: &str, object: &Value, table: &[(&str, &[&str], &[&str])], always: &[&str]) {
    let (_, must, may) = table.iter().find(|(name, ..)| *name == what).unwrap_or_else(|| panic!("unknown: {what} {object}"));
    let object = object.as_object().unwrap();
    for field in *must {
        assert!(object.contains_key(*field), "{what} lacks {field}: {object:?}");
    }
    for field in object.keys() {
        assert!([*must, *may, always].concat().contains(&field.as_str()), "{what} has {field}: {object:?}");
    }
}

/// A position as two numbers.
pub(crate) fn position(text: &Value) -> (u64, u64) {
    let (height, index) = text.as_str().unwrap().split_once('.').unwrap();
    (height.parse().unwrap(), index.parse().unwrap())
}

/// A ballot: where it stands, and which it is.
pub(crate) type Seen = ((u64, u64), String);

/// Takes the ballots of a board's frame that are new: frames may overlap.
pub(crate) fn take_ballots(frame: &Value, seen: &mut Vec<Seen>) {
    for ballot in frame["data"]["ballots"].as_array().into_iter().flatten() {
        let at = position(&ballot["position"]);
        if seen.last().is_none_or(|(last, _)| at > *last) {
            seen.push((at, ballot["ballot_hash"].as_str().unwrap().to_owned()));
        }
    }
}

/// The ballots among the events of `GET /elections/ID/events`.
pub(crate) fn ballots_of(events: &Value) -> Vec<Seen> {
    let events = events["events"].as_array().unwrap().iter().filter(|event| event["type"] == "ballot");
    events.map(|event| (position(&event["position"]), event["ballot_hash"].as_str().unwrap().to_owned())).collect()
}

pub(crate) struct Client {
    socket: WebSocketStream<TcpStream>,
    /// The last position of each channel.
    pub(crate) positions: HashMap<String, (u64, u64)>,
}

impl Client {
    /// Opens a socket, from a page of some origin if one is given.
    pub(crate) async fn open(address: SocketAddr, origin: Option<&str>) -> Result<Self, Error> {
        let mut request = format!("ws://{address}/ws").into_client_request().unwrap();
        if let Some(origin) = origin {
            request.headers_mut().insert("origin", origin.parse().unwrap());
        }
        let stream = TcpStream::connect(address).await.unwrap();
        let (socket, _) = client_async(request, stream).await?;
        Ok(Self { socket, positions: HashMap::new() })
    }

    /// Opens a socket whose end here takes only a few kilobytes.
    pub(crate) async fn with_small_window(address: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4_096).unwrap();
        let stream = socket.connect(address).await.unwrap();
        let (socket, _) = client_async(format!("ws://{address}/ws"), stream).await.unwrap();
        Self { socket, positions: HashMap::new() }
    }

    /// Opens a socket and says hello.
    pub(crate) async fn hello(address: SocketAddr, token: Option<&str>, resume: Value) -> Self {
        let mut client = Self::open(address, None).await.unwrap();
        let mut hello = json!({"t": "hello", "resume": resume});
        if let Some(token) = token {
            hello["token"] = token.into();
        }
        client.say(hello).await;
        assert_eq!(client.next().await["t"], "welcome");
        client
    }

    pub(crate) async fn say(&mut self, mut frame: Value) {
        frame["v"] = 1.into();
        self.say_text(frame.to_string()).await;
    }

    pub(crate) async fn say_text(&mut self, text: String) {
        self.socket.send(Message::text(text)).await.unwrap();
    }

    /// Subscribes, and gives what comes first.
    pub(crate) async fn follow(&mut self, channel: &str) -> Value {
        let id: String = channel.chars().take(64).collect();
        self.say(json!({"t": "subscribe", "id": id, "ch": channel})).await;
        self.next_of(channel).await
    }

    /// The next frame of a channel, or an error about it; others are checked and passed over.
    pub(crate) async fn next_of(&mut self, channel: &str) -> Value {
        loop {
            let frame = self.next().await;
            if frame["ch"] == channel {
                return frame;
            }
        }
    }

    /// The next event of a type in a channel.
    pub(crate) async fn next_event(&mut self, channel: &str, kind: &str) -> Value {
        loop {
            let frame = self.next_of(channel).await;
            if frame["type"] == kind {
                return frame;
            }
        }
    }

    /// The next frame, checked against the protocol.
    pub(crate) async fn next(&mut self) -> Value {
        match self.next_or_close().await {
            Ok(frame) => frame,
            Err(close) => panic!("closed: {close:?}"),
        }
    }

    /// The next frame, or how the connection ended: a code, or 0 for no more than an end.
    pub(crate) async fn next_or_close(&mut self) -> Result<Value, (u16, String)> {
        loop {
            let message = tokio::time::timeout(PATIENCE, self.socket.next()).await.expect("a frame, or an end");
            match message {
                Some(Ok(Message::Text(text))) => {
                    let frame: Value = serde_json::from_str(&text).unwrap();
                    self.check(&frame);
                    return Ok(frame);
                }
                Some(Ok(Message::Close(close))) => {
                    return Err(close.map_or((0, String::new()), |close| (close.code.into(), close.reason.to_string())));
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err((0, String::new())),
            }
        }
    }

    fn check(&mut self, frame: &Value) {
        assert_eq!(frame["v"], 1, "{frame}");
        let kind = frame["t"].as_str().unwrap();
        check_fields(kind, frame, &FRAMES, &["v", "t"]);
        let channel = frame["ch"].as_str().unwrap_or_default().to_owned();
        match kind {
            "snapshot" => {
                self.positions.insert(channel, position(&frame["pos"]));
            }
            "event" => {
                check_fields(frame["type"].as_str().unwrap(), &frame["data"], &EVENTS, &[]);
                let (prev, pos) = (position(&frame["prev"]), position(&frame["pos"]));
                assert!(prev <= pos, "{frame}");
                let last = self.positions.insert(channel, pos);
                assert!(last.is_none_or(|last| prev <= last && last <= pos), "a gap after {last:?}: {frame}");
            }
            _ => {}
        }
    }
}
