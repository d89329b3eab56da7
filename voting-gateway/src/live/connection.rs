//! One socket: its beginning, its session, its subscriptions, its end.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use poem::web::websocket::{CloseCode, Message, WebSocketStream};
use poem_openapi::types::ToJSON as _;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use voting_core::entry::Entry;
use voting_core::ids::ElectionId;
use voting_core::state::Position;
use voting_core::time::Timestamp;

use super::channel::{Aspect, Channel, ChannelError};
use super::frame::{self, FromClient, LiveError};
use super::hub::{Beginning, ClientId, Command, Farewell, Outbox, QUEUE};
use super::news;
use super::progress;
use super::viewer::Viewer;
use crate::api::user;
use crate::events::{self, BallotEvent, MAX_BLOCKS};
use crate::places::Place;
use crate::sessions;
use crate::state::GatewayState;

/// The first frame must come within this.
const HELLO_WITHIN: Duration = Duration::from_secs(5);
/// Time between two pings.
const PING_EVERY: Duration = Duration::from_secs(15);
/// A client that is not heard of for so long is gone.
const SILENCE_MAX: Duration = Duration::from_secs(40);
/// A frame that is not taken within this ends the connection.
const SEND_WITHIN: Duration = Duration::from_secs(10);
/// What is left of a connection that ends gets this long.
const CLOSE_WITHIN: Duration = Duration::from_secs(2);
/// How often it is looked at whether a session still lives: sessions end everywhere within five seconds.
const SESSION_EVERY: Duration = Duration::from_secs(4);
/// How long before a token ends its client is told.
const EXPIRES_SOON: Duration = Duration::from_secs(60);
/// Frames a client may send in a second.
const FRAMES_PER_SECOND: u32 = 20;
/// Ballots that are read up in the ledger for a client that returns; who has missed more starts anew.
const REPLAY_MAX: usize = 1_000;
/// Ballots in one frame of those.
const REPLAY_FRAME: usize = 250;

/// Close codes of docs/websocket.md.
mod code {
    pub(super) const GOING_AWAY: u16 = 1001;
    pub(super) const TOO_LARGE: u16 = 1009;
    pub(super) const BAD_FRAME: u16 = 4400;
    pub(super) const SESSION: u16 = 4401;
    pub(super) const NO_HELLO: u16 = 4408;
    pub(super) const TOO_SLOW: u16 = 4429;
}

/// Why a connection ends.
enum End {
    /// Closed with a code and a reason.
    Close(u16, String),
    /// The client is gone.
    Gone,
}

impl End {
    fn session(reason: &str) -> Self {
        Self::Close(code::SESSION, reason.to_owned())
    }

    fn bad_frame(reason: impl Into<String>) -> Self {
        Self::Close(code::BAD_FRAME, reason.into())
    }

    fn stopping() -> Self {
        Self::Close(code::GOING_AWAY, "the gateway stops".to_owned())
    }
}

/// The session that a socket speaks for.
struct Session {
    token: String,
    email: String,
    expires_at: Timestamp,
    is_told: bool,
}

struct Connection {
    state: GatewayState,
    hub: mpsc::Sender<Command>,
    socket: WebSocketStream,
    client: ClientId,
    viewer: Viewer,
    session: Option<Session>,
    heard: Instant,
    /// Start of the present second of the client's, and its frames in it.
    frames: (Instant, u32),
}

/// Serves a socket until it ends.
pub(super) async fn serve(state: GatewayState, hub: mpsc::Sender<Command>, socket: WebSocketStream, place: Place) {
    let now = Instant::now();
    let viewer = Viewer::default();
    let mut connection = Connection { state, hub, socket, client: 0, viewer, session: None, heard: now, frames: (now, 0) };
    let end = match connection.run().await {
        Ok(never) => match never {},
        Err(end) => end,
    };
    if connection.client != 0 {
        let _ = connection.hub.send(Command::Leave { client: connection.client }).await; // the hub may have ended
    }
    if let End::Close(code, reason) = end {
        // Until the client answers the close, or is not waited for any longer.
        let closing = async {
            if connection.socket.send(Message::close_with(CloseCode::from(code), reason)).await.is_ok() {
                while let Some(Ok(_)) = connection.socket.next().await {}
            }
        };
        let _ = timeout(CLOSE_WITHIN, closing).await;
    }
    drop(place);
}

enum Never {}

impl Connection {
    async fn run(&mut self) -> Result<Never, End> {
        let (token, resume) = timeout(HELLO_WITHIN, self.hello())
            .await
            .map_err(|_| End::Close(code::NO_HELLO, "no hello within 5 s".to_owned()))??;
        if let Some(token) = token {
            self.sign_in(token).await?;
        }
        let (frames, mut outbox) = mpsc::channel(QUEUE);
        let farewell = Arc::new(OnceLock::new());
        let (reply, entered) = oneshot::channel();
        let enter =
            Command::Enter { viewer: self.viewer.clone(), outbox: Outbox { frames, farewell: Arc::clone(&farewell) }, reply };
        self.ask_hub(enter).await?;
        self.client = entered.await.map_err(|_| End::stopping())?;
        self.welcome().await?;
        for (channel, after) in resume {
            self.subscribe(None, &channel, Some(&after)).await?;
        }
        let mut second = interval(Duration::from_secs(1));
        second.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut pinged, mut looked) = (Instant::now(), Instant::now());
        loop {
            tokio::select! {
                biased;
                frame = outbox.recv() => match frame {
                    Some(frame) => self.send(frame.as_ref()).await?,
                    None => return Err(match farewell.get() {
                        Some(Farewell::Slow) => End::Close(code::TOO_SLOW, format!("more than {QUEUE} frames waited")),
                        Some(Farewell::Stopping) | None => End::stopping(),
                    }),
                },
                message = self.socket.next() => self.message(message).await?,
                _ = second.tick() => {
                    if self.heard.elapsed() > SILENCE_MAX {
                        return Err(End::Gone);
                    }
                    if pinged.elapsed() >= PING_EVERY {
                        pinged = Instant::now();
                        self.put(Message::ping(Vec::new())).await?;
                    }
                    self.look_at_token().await?;
                    if looked.elapsed() >= SESSION_EVERY {
                        looked = Instant::now();
                        self.look_at_session().await?;
                    }
                }
            }
        }
    }

    async fn hello(&mut self) -> Result<(Option<String>, std::collections::BTreeMap<String, String>), End> {
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Text(text))) => {
                    return match FromClient::parse(&text) {
                        Ok(FromClient::Hello { token, resume }) => Ok((token, resume)),
                        Ok(_) => Err(End::bad_frame("the first frame is hello")),
                        Err(reason) => Err(End::bad_frame(reason)),
                    };
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => return Err(end_of(other)),
            }
        }
    }

    async fn sign_in(&mut self, token: String) -> Result<(), End> {
        let store = self.state.backend.store.as_ref();
        let unavailable = || End::Close(code::GOING_AWAY, "sessions cannot be looked up now".to_owned());
        let found = sessions::signed_in(store, &token).await.map_err(|_| unavailable())?;
        let signed_in = found.ok_or_else(|| End::session("the token is not valid or has ended"))?;
        let account = self.state.accounts.find(store, &signed_in.email).await.map_err(|_| unavailable())?;
        let account = account.ok_or_else(|| End::session("the account is gone"))?;
        if self.session.as_ref().is_some_and(|session| session.email != account.email) {
            return Err(End::session("this is another account's token; connect anew"));
        }
        let (email, expires_at) = (signed_in.email, signed_in.expires_at);
        self.session = Some(Session { token, email, expires_at, is_told: false });
        self.viewer = Viewer::new(Some(account));
        Ok(())
    }

    async fn welcome(&mut self) -> Result<(), End> {
        let user = self.viewer.account().and_then(|account| user(account).to_json());
        let expires_at = self.session.as_ref().map(|session| session.expires_at.to_string());
        let height = self.state.backend.replica.state().height();
        let welcome = frame::welcome(&self.state.config.name, height.0, user, expires_at);
        self.send(&welcome).await
    }

    /// Tells that the token ends soon, and ends with it.
    async fn look_at_token(&mut self) -> Result<(), End> {
        let now = self.state.backend.clock.now();
        let Some(session) = &mut self.session else { return Ok(()) };
        let left = session.expires_at.as_millis().saturating_sub(now.as_millis());
        if left == 0 {
            return Err(End::session("the token has ended"));
        }
        if session.is_told || u128::from(left) > EXPIRES_SOON.as_millis() {
            return Ok(());
        }
        session.is_told = true;
        self.send(&frame::token_expiring(left / 1_000)).await
    }

    /// Ends with the session. While sessions cannot be looked up the token's own end bounds what is seen.
    async fn look_at_session(&mut self) -> Result<(), End> {
        let Some(session) = &self.session else { return Ok(()) };
        match sessions::signed_in(self.state.backend.store.as_ref(), &session.token).await {
            Ok(None) => Err(End::session("the session was ended")),
            Ok(Some(_)) | Err(_) => Ok(()),
        }
    }

    async fn message(&mut self, message: Option<std::io::Result<Message>>) -> Result<(), End> {
        let text = match message {
            Some(Ok(Message::Text(text))) => text,
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {
                self.heard = Instant::now();
                return Ok(());
            }
            other => return Err(end_of(other)),
        };
        self.heard = Instant::now();
        if self.frames.0.elapsed() >= Duration::from_secs(1) {
            self.frames = (self.heard, 0);
        }
        self.frames.1 += 1;
        if self.frames.1 > FRAMES_PER_SECOND {
            return Err(End::bad_frame(format!("more than {FRAMES_PER_SECOND} frames in a second")));
        }
        match FromClient::parse(&text).map_err(End::bad_frame)? {
            FromClient::Hello { .. } => Err(End::bad_frame("hello comes once")),
            FromClient::Subscribe { id, ch, after } => self.subscribe(Some(&id), &ch, after.as_deref()).await,
            FromClient::Unsubscribe { ch } => {
                if let Ok(channel) = self.channel(&ch) {
                    self.ask_hub(Command::Unsubscribe { client: self.client, channel }).await?;
                }
                Ok(())
            }
            FromClient::Auth { token } if self.session.is_some() => self.sign_in(token).await,
            FromClient::Auth { .. } => Err(End::session("this connection began without a session; connect anew")),
            FromClient::Ping {} => self.send(&frame::pong()).await,
        }
    }

    fn channel(&self, name: &str) -> Result<Channel, LiveError> {
        let account = self.viewer.account().map(|account| account.id.as_str());
        Channel::parse(name, account, self.viewer.sees_drafts()).map_err(|error| match error {
            ChannelError::Unknown => {
                let name: String = name.chars().take(80).collect();
                LiveError::new("unknown_channel", format!("there is no channel `{name}`"))
            }
            ChannelError::UnknownElection => LiveError::new("unknown_election", "there is no such election"),
            ChannelError::NotSignedIn => LiveError::new("not_signed_in", "sign in first"),
        })
    }

    async fn subscribe(&mut self, id: Option<&str>, name: &str, after: Option<&str>) -> Result<(), End> {
        match self.begin(name, after).await? {
            Ok(()) => Ok(()),
            Err(error) => self.send(&frame::error(id, Some(name), &error)).await,
        }
    }

    /// Follows a channel, from where the client is if that can be.
    async fn begin(&mut self, name: &str, after: Option<&str>) -> Result<Result<(), LiveError>, End> {
        let channel = match self.channel(name) {
            Ok(channel) => channel,
            Err(error) => return Ok(Err(error)),
        };
        let after = match after.map(events::parse).transpose() {
            Ok(after) => after,
            Err(_) => return Ok(Err(LiveError::new("invalid_cursor", "`after` is not a position: HEIGHT.INDEX"))),
        };
        let looked_up = match channel {
            Channel::Network => self.state.network_status().await.to_json(),
            Channel::Ballot(hash) => Some(progress::now(&self.state, hash)),
            _ => None,
        };
        let (reply, answer) = oneshot::channel();
        self.ask_hub(Command::Subscribe { client: self.client, channel: channel.clone(), looked_up, reply }).await?;
        let Beginning { position, snapshot } = match answer.await.map_err(|_| End::stopping())? {
            Ok(beginning) => beginning,
            Err(error) => return Ok(Err(error)),
        };
        if let (Channel::Election(election, Aspect::Board), Some(after)) = (&channel, after) {
            match self.missed(*election, after, position).await {
                Some(ballots) => return self.replay(name, after, position, ballots).await.map(Ok),
                None => self.send(&frame::reset(name)).await?,
            }
        }
        self.send(&frame::snapshot(name, position, snapshot)).await?;
        Ok(Ok(()))
    }

    /// The ballots after a position and up to another, unless they are too many to send one after the other.
    async fn missed(&mut self, election: ElectionId, after: Position, until: Position) -> Option<Vec<(Position, BallotEvent)>> {
        if after >= until {
            return Some(Vec::new()); // this gateway is not further; what follows comes by itself
        }
        if until.height.0 - after.height.0 > MAX_BLOCKS {
            return None;
        }
        let state = self.state.backend.replica.state();
        let election = state.election(election)?;
        let pick = |position, at, entry: &Entry| match entry {
            Entry::Cast(signed) if position <= until => Some((position, BallotEvent::new(position, at, signed.hash()))),
            _ => None,
        };
        let walked = self.state.walk(election, Some(after), REPLAY_MAX + 1, pick).await.ok()?;
        (walked.found.len() <= REPLAY_MAX).then_some(walked.found)
    }

    async fn replay(
        &mut self,
        name: &str,
        mut after: Position,
        until: Position,
        ballots: Vec<(Position, BallotEvent)>,
    ) -> Result<(), End> {
        let mut rest = ballots.as_slice();
        while after < until {
            let (chunk, later) = rest.split_at(REPLAY_FRAME.min(rest.len()));
            rest = later;
            // The last frame reaches to where what comes by itself begins, even if there is nothing in it.
            let position = chunk.last().filter(|_| !later.is_empty()).map_or(until, |(position, _)| *position);
            let items = news::ballots(chunk.iter().map(|(_, ballot)| ballot));
            let frame = frame::event(name, after, position, "ballots", &serde_json::json!({"ballots": items}));
            self.send(&frame).await?;
            after = position;
        }
        Ok(())
    }

    async fn ask_hub(&mut self, command: Command) -> Result<(), End> {
        self.hub.send(command).await.map_err(|_| End::stopping())
    }

    async fn send(&mut self, frame: &str) -> Result<(), End> {
        self.put(Message::text(frame)).await
    }

    async fn put(&mut self, message: Message) -> Result<(), End> {
        match timeout(SEND_WITHIN, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(End::Gone),
            Err(_) => {
                metrics::counter!("live_clients_too_slow_total").increment(1);
                Err(End::Close(code::TOO_SLOW, format!("a frame was not taken within {SEND_WITHIN:?}")))
            }
        }
    }
}

/// What it means that no text has come.
fn end_of(message: Option<std::io::Result<Message>>) -> End {
    match message {
        Some(Ok(_)) => End::bad_frame("frames are text"),
        Some(Err(error)) if is_too_large(&error) => End::Close(code::TOO_LARGE, "a frame takes at most 4 KiB".to_owned()),
        Some(Err(_)) | None => End::Gone,
    }
}

/// The framework passes the reason on as text only.
fn is_too_large(error: &std::io::Error) -> bool {
    error.to_string().contains("too long") || error.to_string().contains("too big")
}
