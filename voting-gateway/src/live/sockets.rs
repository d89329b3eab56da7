//! The way in: who may open a socket, and how many.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use poem::http::header::{HOST, ORIGIN};
use poem::web::websocket::{WebSocket, WebSocketConfig};
use poem::web::{Data, RemoteAddr};
use poem::{FromRequest, IntoResponse, Request, RequestBody, Response, handler};
use poem_openapi::types::ToJSON as _;
use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval};

use super::connection;
use super::hub::{COMMANDS, Command, Hub};
use super::progress;
use crate::config::Config;
use crate::places::Places;
use crate::problem::Problem;
use crate::state::{GatewayState, WeakState};

/// Largest frame of a client.
const MAX_FRAME_BYTES: usize = 4 * 1024;
/// What is written for a client before it is asked to take it; larger frames are written whole.
const WRITE_BUFFER_BYTES: usize = 4 * 1024;
/// How often those who follow the network are told how it is.
const NETWORK_EVERY: Duration = Duration::from_secs(1);

/// A gateway's live updates; the hub starts with the first socket.
pub(crate) struct Live {
    hub: Mutex<Option<mpsc::Sender<Command>>>,
    stop: watch::Sender<bool>,
    sockets: Arc<Places>,
}

impl Live {
    pub(crate) fn new(max: usize, max_per_address: usize) -> Self {
        Self { hub: Mutex::default(), stop: watch::Sender::new(false), sockets: Places::new("live_sockets", max, max_per_address) }
    }

    /// Tells every client that this gateway stops, and waits until they are gone.
    pub(crate) async fn stop(&self) {
        self.stop.send_replace(true);
        let _ = self.sockets.count().wait_for(|open| *open == 0).await; // the sender is ours
    }

    /// The hub, started if it does not run.
    fn hub(&self, state: &GatewayState) -> mpsc::Sender<Command> {
        let mut hub = self.hub.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(commands) = hub.as_ref().filter(|commands| !commands.is_closed()) {
            return commands.clone();
        }
        let (commands, received) = mpsc::channel(COMMANDS);
        let backend = &state.backend;
        let (new, questions) = Hub::new(backend.pseudonym_secret, backend.replica.state());
        tokio::spawn(new.run(Arc::clone(&backend.replica), Arc::clone(&backend.ledger), received, self.stop.subscribe()));
        tokio::spawn(tell_of_network(state.downgrade(), commands.downgrade(), questions.network));
        tokio::spawn(progress::tell(state.downgrade(), commands.downgrade(), questions.ballots));
        *hub = Some(commands.clone());
        commands
    }
}

/// Finds out how the network is while somebody wants to know.
async fn tell_of_network(state: WeakState, hub: mpsc::WeakSender<Command>, mut wanted: watch::Receiver<bool>) {
    let mut tick = interval(NETWORK_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        if wanted.wait_for(|wanted| *wanted).await.is_err() {
            return; // the hub has ended
        }
        tick.tick().await;
        let (Some(state), Some(hub)) = (state.upgrade(), hub.upgrade()) else { return };
        let status = state.network_status().await.to_json().unwrap_or_default();
        if hub.send(Command::Network(status)).await.is_err() {
            return;
        }
    }
}

/// Opens a socket.
#[handler]
pub(crate) async fn upgrade(state: Data<&GatewayState>, request: &Request, remote: &RemoteAddr) -> Result<Response, Problem> {
    check_origin(request, &state.config)?;
    let Ok(socket) = WebSocket::from_request(request, &mut RequestBody::default()).await else {
        return Err(Problem::bad_request("not_a_websocket", "this address speaks WebSocket only; see docs/websocket.md"));
    };
    let address = remote.0.as_socket_addr().map_or(IpAddr::from([0, 0, 0, 0]), std::net::SocketAddr::ip);
    let place = state.live.sockets.enter(address);
    let place = place.ok_or_else(|| Problem::too_many("too many live connections; close some", Duration::from_secs(10)))?;
    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX_FRAME_BYTES))
        .max_frame_size(Some(MAX_FRAME_BYTES))
        .read_buffer_size(MAX_FRAME_BYTES)
        .write_buffer_size(WRITE_BUFFER_BYTES);
    let hub = state.live.hub(*state);
    let state = (*state).clone();
    let serve = move |stream| connection::serve(state, hub, stream, place);
    Ok(socket.config(config).on_upgrade(serve).into_response())
}

/// Pages of other origins may not listen in the name of who is signed in; programs send no origin.
fn check_origin(request: &Request, config: &Config) -> Result<(), Problem> {
    let Some(origin) = request.headers().get(ORIGIN) else { return Ok(()) };
    let origin = origin.to_str().unwrap_or_default();
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let own = ["http://", "https://"].iter().any(|scheme| origin.strip_prefix(scheme) == Some(host) && !host.is_empty());
    if own || config.allowed_origins.iter().any(|allowed| allowed == origin) {
        return Ok(());
    }
    Err(Problem::forbidden("origin_not_allowed", "pages of this origin may not open live connections here"))
}
