//! Direct links between nodes: TCP with TLS 1.3, each end known by its key.
//!
//! ```text
//!  send ─▶ queue of the peer ─▶ writer ═══ TLS ═══▶ reader ─▶ inbox ─▶ receive
//! ```
//!
//! Two nodes share one connection. Of two that know each other's address the one with the smaller name
//! dials; who has no address (a gateway behind a firewall) dials itself. A newer connection ends the older one, so
//! that a node that restarts is reached at once. `docs/links.md` has the bounds in a table.

mod frame;
mod identity;
mod peer;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tokio_rustls::{TlsAcceptor, TlsConnector};
use tracing::{debug, info, warn};
use voting_core::crypto::{PublicKey, SigningKey};
use voting_core::seams::transport::MAX_MESSAGE_BYTES;
use voting_core::seams::{Envelope, MessageKind, NodeName, Transport, TransportError};

pub(crate) use frame::Frame;
use identity::Identity;
pub use peer::LinkStatus;
use peer::Peer;

/// A handshake is done after this long, or never.
const HANDSHAKE: Duration = Duration::from_secs(5);
/// Connections that have not yet proved a key: strangers share these.
const STRANGERS: usize = 64;
/// First pause before a peer is dialled again; it doubles up to [`LONGEST_PAUSE`].
const PAUSE: Duration = Duration::from_millis(50);
/// Longest pause before a peer is dialled again: how long a restarted one waits at most.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// Time between two pings.
const PING_EVERY: Duration = Duration::from_secs(1);
/// A link over which nothing comes for this long is dead, although its connection may look open.
const SILENCE: Duration = Duration::from_secs(3);
/// Messages received and not yet taken, of all peers together; when they are so many, reading pauses.
const INBOX_MESSAGES: usize = 4_096;
/// Bytes received and not yet taken.
const INBOX_BYTES: usize = 64 * 1024 * 1024;
/// Bytes gathered for one write.
const WRITE_BYTES: usize = 64 * 1024;
/// Longest wait for an acknowledgement: keeps deadlines far from the end of time.
const LONGEST: Duration = Duration::from_secs(86_400);

const _: () = assert!(MAX_MESSAGE_BYTES < INBOX_BYTES, "every message fits the inbox");

/// A node to talk to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectPeer {
    /// Its name in the network.
    pub name: NodeName,
    /// The key that it proves in the handshake.
    pub key: PublicKey,
    /// `HOST:PORT`, looked up at every dial; `None` for a node that dials itself.
    pub address: Option<String>,
}

/// One node's end.
#[derive(Clone)]
pub struct DirectConfig {
    /// Its name.
    pub name: NodeName,
    /// Its secret key.
    pub key: SigningKey,
    /// Where it accepts connections; `None` for a node that only dials.
    pub listen: Option<SocketAddr>,
    /// Everyone it talks to.
    pub peers: Vec<DirectPeer>,
}

impl fmt::Debug for DirectConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, key, listen, peers } = self;
        f.debug_struct("DirectConfig")
            .field("name", name)
            .field("key", &key.public())
            .field("listen", listen)
            .field("peers", peers)
            .finish()
    }
}

/// Why direct links cannot be had.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DirectError {
    /// The address cannot be listened on.
    #[error("{address} cannot be listened on: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The key cannot be used for TLS.
    #[error("the key cannot be used for links: {0}")]
    Key(rustls::Error),
    /// Two peers with one name or one key, or this node itself among its peers.
    #[error("{0} is among the peers twice, or is this node itself")]
    Duplicate(NodeName),
    /// Neither side could ever dial.
    #[error("{0} has no address, and this node accepts no connections: they could never meet")]
    Unreachable(NodeName),
}

type Received = (Envelope, u64, OwnedSemaphorePermit);

/// One node's end of a network of direct links.
pub struct DirectTransport {
    shared: Arc<Shared>,
    inbox: tokio::sync::Mutex<mpsc::Receiver<Received>>,
    local: Option<SocketAddr>,
    tasks: Mutex<JoinSet<()>>,
}

struct Shared {
    name: NodeName,
    peers: BTreeMap<NodeName, Arc<Peer>>,
    identity: Identity,
    inbox: mpsc::Sender<Received>,
    room: Arc<Semaphore>,
    asked: Mutex<HashMap<u64, oneshot::Sender<()>>>,
    next: AtomicU64,
    closed: watch::Sender<bool>,
}

impl Shared {
    fn asked(&self) -> MutexGuard<'_, HashMap<u64, oneshot::Sender<()>>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Forgets an acknowledgement that nobody waits for any more.
struct Asked<'a>(&'a Shared, u64);

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        self.0.asked().remove(&self.1);
    }
}

impl DirectTransport {
    /// Listens and begins to dial; does not wait for any peer.
    ///
    /// # Errors
    /// [`DirectError`].
    pub async fn start(config: DirectConfig) -> Result<Self, DirectError> {
        check(&config)?;
        let keys = config.peers.iter().map(|peer| (peer.name.clone(), peer.key));
        let identity = Identity::new(&config.key, keys).map_err(DirectError::Key)?;
        let (sender, inbox) = mpsc::channel(INBOX_MESSAGES);
        let mut start = [0; 8];
        // A former life's acknowledgements are not ours; without randomness they are told apart by luck.
        let _ = getrandom::fill(&mut start);
        let shared = Arc::new(Shared {
            name: config.name.clone(),
            peers: config.peers.iter().map(|peer| (peer.name.clone(), Arc::new(Peer::new(peer.name.clone())))).collect(),
            identity,
            inbox: sender,
            room: Arc::new(Semaphore::new(INBOX_BYTES)),
            asked: Mutex::default(),
            next: AtomicU64::new(u64::from_be_bytes(start) | 1),
            closed: watch::Sender::new(false),
        });
        let mut tasks = JoinSet::new();
        let mut local = None;
        if let Some(address) = config.listen {
            let listener = TcpListener::bind(address).await.map_err(|source| DirectError::Listen { address, source })?;
            local = listener.local_addr().ok();
            let server = shared.identity.server().map_err(DirectError::Key)?;
            tasks.spawn(accept(Arc::clone(&shared), listener, TlsAcceptor::from(server)));
        }
        for peer in config.peers {
            let Some(address) = peer.address.filter(|_| config.listen.is_none() || config.name < peer.name) else { continue };
            let connector = TlsConnector::from(shared.identity.client(&peer.name).map_err(DirectError::Key)?);
            tasks.spawn(dial(Arc::clone(&shared), Arc::clone(&shared.peers[&peer.name]), address, connector));
        }
        Ok(Self { shared, inbox: tokio::sync::Mutex::new(inbox), local, tasks: Mutex::new(tasks) })
    }

    /// Where it accepts connections.
    #[must_use]
    pub const fn local_addr(&self) -> Option<SocketAddr> {
        self.local
    }

    /// How each link is, by the name of its peer.
    #[must_use]
    pub fn links(&self) -> Vec<LinkStatus> {
        self.shared.peers.values().map(|peer| peer.status()).collect()
    }

    /// Ends every connection and frees the port; from now on every call says [`TransportError::Closed`].
    pub async fn close(&self) {
        self.shared.closed.send_replace(true);
        let mut tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        tasks.shutdown().await;
    }

    fn check(&self, bytes: &Bytes) -> Result<(), TransportError> {
        if *self.shared.closed.borrow() {
            return Err(TransportError::Closed);
        }
        if bytes.len() > MAX_MESSAGE_BYTES {
            return Err(TransportError::TooLarge { actual: bytes.len() });
        }
        Ok(())
    }

    fn post(&self, to: &NodeName, kind: MessageKind, asks: u64, bytes: Bytes) -> Result<(), TransportError> {
        self.check(&bytes)?;
        let peer = self.shared.peers.get(to).ok_or_else(|| TransportError::UnknownNode(to.clone()))?;
        if peer.put(Frame::Message { kind, asks, bytes }) { Ok(()) } else { Err(TransportError::Full(to.clone())) }
    }
}

fn check(config: &DirectConfig) -> Result<(), DirectError> {
    for (index, peer) in config.peers.iter().enumerate() {
        let is_double = config.peers[..index].iter().any(|other| other.name == peer.name || other.key == peer.key);
        if is_double || peer.name == config.name || peer.key == config.key.public() {
            return Err(DirectError::Duplicate(peer.name.clone()));
        }
        if peer.address.is_none() && config.listen.is_none() {
            return Err(DirectError::Unreachable(peer.name.clone()));
        }
    }
    Ok(())
}

#[async_trait]
impl Transport for DirectTransport {
    fn name(&self) -> &NodeName {
        &self.shared.name
    }

    async fn send(&self, to: &NodeName, kind: MessageKind, bytes: Bytes) -> Result<(), TransportError> {
        self.post(to, kind, 0, bytes)
    }

    async fn broadcast(&self, kind: MessageKind, bytes: Bytes) -> Result<(), TransportError> {
        self.check(&bytes)?;
        for name in self.shared.peers.keys() {
            let _ = self.post(name, kind, 0, bytes.clone()); // best effort: a full queue is its owner's loss
        }
        Ok(())
    }

    async fn send_acknowledged(
        &self,
        to: &NodeName,
        kind: MessageKind,
        bytes: Bytes,
        patience: Duration,
    ) -> Result<(), TransportError> {
        let number = self.shared.next.fetch_add(1, Ordering::Relaxed).max(1);
        let (taken, waiting) = oneshot::channel();
        self.shared.asked().insert(number, taken);
        let _asked = Asked(&self.shared, number);
        self.post(to, kind, number, bytes)?;
        let mut closed = self.shared.closed.subscribe();
        tokio::select! {
            taken = timeout(patience.min(LONGEST), waiting) => match taken {
                Ok(Ok(())) => Ok(()),
                _ => Err(TransportError::NotAcknowledged { to: to.clone(), after: patience }),
            },
            () = told(&mut closed) => Err(TransportError::Closed),
        }
    }

    async fn receive(&self) -> Result<Envelope, TransportError> {
        let mut closed = self.shared.closed.subscribe();
        let (envelope, asks, _room) = tokio::select! {
            biased;
            () = told(&mut closed) => return Err(TransportError::Closed),
            // Neither waiting for one's turn nor waiting for a message loses one when it is given up.
            received = async { self.inbox.lock().await.recv().await } => received.ok_or(TransportError::Closed)?,
        };
        if asks != 0
            && let Some(peer) = self.shared.peers.get(&envelope.from)
        {
            peer.put_control(Frame::Taken(asks));
        }
        Ok(envelope)
    }
}

async fn told(closed: &mut watch::Receiver<bool>) {
    let _ = closed.wait_for(|closed| *closed).await; // gone is as good as closed
}

/// Accepts connections until the transport is closed.
async fn accept(shared: Arc<Shared>, listener: TcpListener, acceptor: TlsAcceptor) {
    let strangers = Arc::new(Semaphore::new(STRANGERS));
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let (stream, from) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                debug!(%error, "a connection was not accepted");
                sleep(PAUSE).await;
                continue;
            }
        };
        let Ok(stranger) = Arc::clone(&strangers).try_acquire_owned() else {
            debug!(%from, "too many connections have not said who they are; this one is closed");
            continue;
        };
        let (shared, acceptor) = (Arc::clone(&shared), acceptor.clone());
        connections.spawn(async move {
            let _ = stream.set_nodelay(true); // without it messages are only slower
            let stream = match timeout(HANDSHAKE, acceptor.accept(stream)).await {
                Ok(Ok(stream)) => stream,
                Ok(Err(error)) => return debug!(%from, %error, "a stranger"),
                Err(_) => return debug!(%from, "a handshake took too long"),
            };
            drop(stranger);
            let name = shared.identity.name_of(stream.get_ref().1.peer_certificates());
            let peer = name.and_then(|name| shared.peers.get(&name).cloned());
            if let Some(peer) = peer {
                talk(&shared, &peer, stream).await;
            }
        });
    }
}

/// Keeps a connection to a peer until the transport is closed.
async fn dial(shared: Arc<Shared>, peer: Arc<Peer>, address: String, connector: TlsConnector) {
    let mut pause = PAUSE;
    loop {
        match timeout(HANDSHAKE, connect(&address, &connector)).await {
            Ok(Ok(stream)) => {
                pause = PAUSE;
                talk(&shared, &peer, stream).await;
            }
            Ok(Err(error)) => peer.note(|status| status.last_error = Some(error.to_string())),
            Err(_) => peer.note(|status| status.last_error = Some("no connection in time".to_owned())),
        }
        // Half of the pause is drawn, so that peers of a node that restarts do not come all at once.
        sleep(pause / 2 + pause.mul_f64(jitter() / 2.0)).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// A number between 0 and 1 that differs between processes.
fn jitter() -> f64 {
    let mut byte = [0; 1];
    let _ = getrandom::fill(&mut byte); // without randomness there is no jitter
    f64::from(byte[0]) / 255.0
}

async fn connect(address: &str, connector: &TlsConnector) -> io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    // Keys are pinned and no name is sent: this one stands for all.
    let name = rustls::pki_types::ServerName::try_from("link").map_err(io::Error::other)?;
    connector.connect(name, stream).await
}

/// Talks over a connection until it fails, goes silent, or a newer one takes its place.
async fn talk<S: AsyncRead + AsyncWrite + Unpin>(shared: &Shared, peer: &Peer, stream: S) {
    let mut number = 0;
    peer.current.send_modify(|current| {
        *current += 1;
        number = *current;
    });
    peer.begin();
    peer.note(|status| {
        status.connected = Some(Instant::now());
        status.connections += 1;
    });
    info!(peer = %peer.name, "linked");
    let (read, write) = tokio::io::split(stream);
    let mut current = peer.current.subscribe();
    let ended: io::Error = tokio::select! {
        ended = read_frames(shared, peer, read) => ended,
        ended = write_frames(peer, write) => ended,
        _ = current.wait_for(|current| *current != number) => io::Error::other("a newer connection has taken its place"),
    };
    // A newer connection may have noted itself already.
    if *peer.current.borrow() == number {
        warn!(peer = %peer.name, %ended, "the link has ended");
        peer.note(|status| {
            status.connected = None;
            status.last_error = Some(ended.to_string());
        });
    }
}

async fn read_frames<R: AsyncRead + Unpin>(shared: &Shared, peer: &Peer, read: R) -> io::Error {
    let mut read = BufReader::with_capacity(WRITE_BYTES, read);
    loop {
        let frame = match timeout(SILENCE, Frame::read(&mut read)).await {
            Ok(Ok(frame)) => frame,
            Ok(Err(error)) => return error,
            Err(_) => return io::Error::new(io::ErrorKind::TimedOut, "nothing has come for long"),
        };
        match frame {
            Frame::Message { kind, asks, bytes } => {
                let envelope = Envelope { from: peer.name.clone(), kind, bytes };
                let size = u32::try_from(envelope.bytes.len()).unwrap_or(u32::MAX);
                // A full inbox makes the sender wait: its own queue is where it learns of that.
                let Ok(room) = Arc::clone(&shared.room).acquire_many_owned(size).await else {
                    return io::Error::other("closed");
                };
                if shared.inbox.send((envelope, asks, room)).await.is_err() {
                    return io::Error::other("closed");
                }
            }
            Frame::Taken(number) => {
                if let Some(asked) = shared.asked().remove(&number) {
                    let _ = asked.send(()); // the sender may have stopped waiting
                }
            }
            Frame::Ping(number) => peer.put_control(Frame::Pong(number)),
            Frame::Pong(sent) => {
                let round_trip = Duration::from_micros(since_start().saturating_sub(sent));
                peer.note(|status| status.round_trip = Some(round_trip));
            }
        }
    }
}

/// Microseconds since some fixed point of this process.
fn since_start() -> u64 {
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    u64::try_from(START.get_or_init(Instant::now).elapsed().as_micros()).unwrap_or(u64::MAX)
}

async fn write_frames<W: AsyncWrite + Unpin>(peer: &Peer, mut write: W) -> io::Error {
    let mut out = BytesMut::with_capacity(WRITE_BYTES);
    let mut ping_at = Instant::now();
    loop {
        let now = Instant::now();
        if now >= ping_at {
            Frame::Ping(since_start()).write(&mut out);
            ping_at = now + PING_EVERY;
        }
        while out.len() < WRITE_BYTES
            && let Some(frame) = peer.next()
        {
            frame.write(&mut out);
        }
        if out.is_empty() {
            let _ = tokio::time::timeout_at(ping_at, peer.changed.notified()).await; // a ping is due
            continue;
        }
        let written = async {
            write.write_all(&out).await?;
            write.flush().await
        };
        match timeout(SILENCE, written).await {
            Ok(Ok(())) => out.clear(),
            Ok(Err(error)) => return error,
            Err(_) => return io::Error::new(io::ErrorKind::TimedOut, "nothing could be sent for long"),
        }
    }
}

impl fmt::Debug for DirectTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DirectTransport").field("name", &self.shared.name).field("local", &self.local).finish_non_exhaustive()
    }
}
