//! Direct links: the promises of the transport on real sockets, strangers, half-dead connections, and a
//! network that reaches finality over them.
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use voting_cluster::transport::{DirectConfig, DirectError, DirectPeer, DirectTransport};
use voting_core::crypto::SigningKey;
use voting_core::seams::{MessageKind, NodeName, Transport, TransportError};
use voting_core::testing::conformance::transport::TransportBuilder;
use voting_core::testing::conformance::{Runtime, Task, transport};
use voting_core::testing::key;

/// Far above what anything here takes: a test that waits this long has found a standstill.
const PATIENCE: Duration = Duration::from_secs(60);

fn name(n: u64) -> NodeName {
    NodeName(format!("a{n}"))
}

fn loopback() -> Option<SocketAddr> {
    Some(([127, 0, 0, 1], 0).into())
}

fn config(n: u64, listen: Option<SocketAddr>, peers: Vec<DirectPeer>) -> DirectConfig {
    DirectConfig { name: name(n), key: key(n), listen, peers }
}

fn peer(n: u64, address: Option<SocketAddr>) -> DirectPeer {
    DirectPeer { name: name(n), key: key(n).public(), address: address.map(|address| address.to_string()) }
}

/// Addresses that are free a moment before they are used.
async fn addresses(n: usize) -> Vec<SocketAddr> {
    let mut listeners = Vec::new();
    for _ in 0..n {
        listeners.push(TcpListener::bind("127.0.0.1:0").await.unwrap());
    }
    listeners.iter().map(|listener| listener.local_addr().unwrap()).collect()
}

/// Everyone with everyone.
async fn network(nodes: u64) -> Vec<Arc<DirectTransport>> {
    let addresses = addresses(nodes as usize).await;
    let mut ends = Vec::new();
    for n in 0..nodes {
        let peers = (0..nodes).filter(|other| *other != n).map(|other| peer(other, Some(addresses[other as usize]))).collect();
        ends.push(Arc::new(DirectTransport::start(config(n, Some(addresses[n as usize]), peers)).await.unwrap()));
    }
    ends
}

/// Waits for a condition that a status shows.
async fn until(what: &str, condition: impl Fn() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("waited in vain for {what}"));
}

fn is_linked(end: &DirectTransport, to: u64) -> bool {
    end.links().iter().any(|link| link.peer == name(to) && link.connected.is_some())
}

fn connections(end: &DirectTransport, to: u64) -> u64 {
    end.links().iter().find(|link| link.peer == name(to)).map_or(0, |link| link.connections)
}

async fn tell(from: &DirectTransport, to: u64, text: &'static str) {
    from.send_acknowledged(&name(to), MessageKind::Consensus, Bytes::from_static(text.as_bytes()), PATIENCE).await.unwrap();
}

struct Links;

#[async_trait]
impl Runtime for Links {
    async fn pass(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    async fn together(&self, tasks: Vec<Task>) {
        let mut running: JoinSet<()> = tasks.into_iter().collect();
        while let Some(ended) = running.join_next().await {
            if let Err(error) = ended {
                std::panic::resume_unwind(error.into_panic());
            }
        }
    }
}

#[async_trait]
impl TransportBuilder for Links {
    type Guard = Vec<Arc<DirectTransport>>;

    async fn build(&self, nodes: usize) -> (Self::Guard, Vec<Arc<dyn Transport>>) {
        let ends = network(nodes as u64).await;
        let shown = ends.iter().map(|end| Arc::clone(end) as Arc<dyn Transport>).collect();
        (ends, shown)
    }

    async fn close(&self, ends: &Self::Guard, name: &NodeName) {
        for end in ends.iter().filter(|end| end.name() == name) {
            end.close().await;
        }
    }

    fn inbox_messages(&self) -> Option<usize> {
        None // what the sockets' buffers take in is the system's business
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn direct_links_conform() {
    transport::run_all(&Links).await;
}

/// The queue of a peer that is not there is bounded, and the sender is told.
#[tokio::test]
async fn a_full_queue_is_named() {
    let absent = addresses(1).await[0];
    let end = DirectTransport::start(config(0, None, vec![peer(1, Some(absent))])).await.unwrap();
    let mut sent = 0;
    let refused = loop {
        match end.send(&name(1), MessageKind::Entries, Bytes::from_static(b"x")).await {
            Ok(()) => sent += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(refused, TransportError::Full(name(1)));
    assert_eq!(sent, 4_096);
    assert_eq!(end.broadcast(MessageKind::Entries, Bytes::from_static(b"x")).await, Ok(()), "a broadcast goes on with the others");
    assert_eq!(end.links()[0].waiting, sent);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_restarts_is_reached_again_whoever_dials() {
    let addresses = addresses(2).await;
    let start = |n: u64| {
        let (own, other) = (addresses[n as usize], addresses[1 - n as usize]);
        async move { DirectTransport::start(config(n, Some(own), vec![peer(1 - n, Some(other))])).await.unwrap() }
    };
    let mut ends = [start(0).await, start(1).await];
    tell(&ends[0], 1, "first").await_and_receive(&ends[1]).await;
    for restarted in [0, 1, 0, 1] {
        let stays = 1 - restarted;
        let before = connections(&ends[stays], restarted as u64);
        ends[restarted].close().await;
        ends[restarted] = start(restarted as u64).await;
        until("a new connection", || {
            connections(&ends[stays], restarted as u64) > before && is_linked(&ends[stays], restarted as u64)
        })
        .await;
        tell(&ends[stays], restarted as u64, "to it").await_and_receive(&ends[restarted]).await;
        tell(&ends[restarted], stays as u64, "from it").await_and_receive(&ends[stays]).await;
    }
}

/// Sends and receives side by side: an acknowledgement comes when the message is taken.
trait AndReceive: Future<Output = ()> + Sized {
    async fn await_and_receive(self, at: &DirectTransport) {
        let (_, received) = tokio::join!(self, at.receive());
        received.unwrap();
    }
}

impl<F: Future<Output = ()>> AndReceive for F {}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_without_an_address_dials_and_is_answered() {
    let address = addresses(1).await[0];
    let server = DirectTransport::start(config(0, Some(address), vec![peer(1, None)])).await.unwrap();
    let gateway = DirectTransport::start(config(1, None, vec![peer(0, Some(address))])).await.unwrap();
    tell(&gateway, 0, "a question").await_and_receive(&server).await;
    tell(&server, 1, "the answer").await_and_receive(&gateway).await;
    until("a ping to come back", || gateway.links()[0].round_trip.is_some()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_get_no_connection_on_either_side() {
    let address = addresses(1).await[0];
    let server = DirectTransport::start(config(0, Some(address), vec![peer(1, None)])).await.unwrap();
    let with_key = |secret: SigningKey, expected: u64| {
        let peers = vec![DirectPeer { key: key(expected).public(), ..peer(0, Some(address)) }];
        DirectTransport::start(DirectConfig { name: name(1), key: secret, listen: None, peers })
    };
    // A key that the server was not told of, under a name that it knows.
    let stranger = with_key(key(7), 0).await.unwrap();
    // A server that does not hold the key that the client was told of.
    let deceived = with_key(key(1), 8).await.unwrap();
    for end in [&stranger, &deceived] {
        end.send(&name(0), MessageKind::Consensus, Bytes::from_static(b"let me in")).await.unwrap();
        until("a refusal", || end.links()[0].last_error.is_some()).await;
    }
    let friend = with_key(key(1), 0).await.unwrap();
    tell(&friend, 0, "hello").await_and_receive(&server).await;
    assert!(!is_linked(&deceived, 0));
    assert_eq!(connections(&server, 1), 1, "only the friend's connection counts");
    // What the stranger wrote never arrives: the next message is the friend's, and nothing else waits.
    tell(&friend, 0, "again").await_and_receive(&server).await;
}

/// Noise instead of a handshake, a handshake that never comes, and noise on an established connection.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn noise_ends_its_connection_and_no_other() {
    let ends = network(2).await;
    tell(&ends[0], 1, "before").await_and_receive(&ends[1]).await;
    let listening = ends[1].local_addr().unwrap();
    let mut silent = Vec::new();
    for _ in 0..100 {
        silent.push(TcpStream::connect(listening).await.unwrap());
    }
    for noise in [vec![0; 100], b"GET / HTTP/1.1\r\n\r\n".to_vec(), vec![0x16, 3, 1, 0xff, 0xff], vec![0xff; 70_000]] {
        let mut stream = TcpStream::connect(listening).await.unwrap();
        let _ = stream.write_all(&noise).await; // it may be closed already
        let mut answer = Vec::new();
        let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("noise is not listened to for long");
    }
    tell(&ends[0], 1, "after").await_and_receive(&ends[1]).await;
    assert_eq!(connections(&ends[1], 0), 1);
}

/// A proxy that can stop forwarding without closing anything, as a firewall that forgets would.
struct Proxy {
    address: SocketAddr,
    stopped: Arc<AtomicBool>,
    resumed: Arc<Notify>,
    carried: Arc<AtomicUsize>,
}

impl Proxy {
    async fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = Self {
            address: listener.local_addr().unwrap(),
            stopped: Arc::default(),
            resumed: Arc::default(),
            carried: Arc::default(),
        };
        let (stopped, resumed, carried) = (Arc::clone(&proxy.stopped), Arc::clone(&proxy.resumed), Arc::clone(&proxy.carried));
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let Ok(far) = TcpStream::connect(target).await else { continue };
                let (near, far) = (near.into_split(), far.into_split());
                for (mut from, mut to) in [(near.0, far.1), (far.0, near.1)] {
                    let (stopped, resumed, carried) = (Arc::clone(&stopped), Arc::clone(&resumed), Arc::clone(&carried));
                    tokio::spawn(async move {
                        let mut buffer = [0; 4_096];
                        while let Ok(read @ 1..) = from.read(&mut buffer).await {
                            while stopped.load(Ordering::SeqCst) {
                                resumed.notified().await;
                            }
                            carried.fetch_add(read, Ordering::SeqCst);
                            if to.write_all(&buffer[..read]).await.is_err() {
                                return;
                            }
                        }
                    });
                }
            }
        });
        proxy
    }

    fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
    }

    fn resume(&self) {
        self.stopped.store(false, Ordering::SeqCst);
        self.resumed.notify_waiters();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_only_looks_open_is_noticed_and_replaced() {
    let address = addresses(1).await[0];
    let server = DirectTransport::start(config(1, Some(address), vec![peer(0, None)])).await.unwrap();
    let proxy = Proxy::to(address).await;
    let client = DirectTransport::start(config(0, None, vec![peer(1, Some(proxy.address))])).await.unwrap();
    tell(&client, 1, "before").await_and_receive(&server).await;
    let carried = proxy.carried.load(Ordering::SeqCst);
    assert!(carried > 0, "the link goes through the proxy");

    proxy.stop();
    until("both ends to notice", || !is_linked(&client, 1) && !is_linked(&server, 0)).await;
    assert!(client.links()[0].last_error.as_ref().is_some_and(|error| error.contains("nothing")), "{:?}", client.links());
    proxy.resume();
    until("a new connection", || is_linked(&client, 1) && is_linked(&server, 0)).await;
    tell(&client, 1, "after").await_and_receive(&server).await;
    assert!(connections(&client, 1) >= 2);
}

#[tokio::test]
async fn impossible_networks_are_refused_by_name() {
    let address = addresses(1).await[0];
    let refused = |listen: Option<SocketAddr>, peers: Vec<DirectPeer>| async move {
        DirectTransport::start(config(0, listen, peers)).await.unwrap_err()
    };
    let twice = vec![peer(1, Some(address)), peer(1, Some(address))];
    assert!(matches!(refused(None, twice).await, DirectError::Duplicate(who) if who == name(1)));
    assert!(matches!(refused(None, vec![peer(0, Some(address))]).await, DirectError::Duplicate(who) if who == name(0)));
    let same_key = vec![peer(1, Some(address)), DirectPeer { name: name(2), ..peer(1, Some(address)) }];
    assert!(matches!(refused(loopback(), same_key).await, DirectError::Duplicate(who) if who == name(2)));
    assert!(matches!(refused(None, vec![peer(1, None)]).await, DirectError::Unreachable(who) if who == name(1)));
    let taken = TcpListener::bind(address).await.unwrap();
    let error = refused(Some(address), Vec::new()).await.to_string();
    assert!(error.contains(&address.to_string()), "{error}");
    drop(taken);
}
