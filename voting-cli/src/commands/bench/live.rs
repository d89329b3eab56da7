//! Live updates: many clients follow one election at one gateway while votes arrive.
//!
//! Every client follows the turnout and the running count. What is measured is how old the newest figure of a frame is
//! when a client has it: from the time of its block, which the leader gives before any vote on it. Figures wait for up
//! to a quarter of a second more to be sent together.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::{SinkExt as _, StreamExt as _, stream};
use serde::Serialize;
use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};
use voting_core::Canonical as _;
use voting_core::ids::ElectionId;
use voting_core::time::Timestamp;

use super::deployed::{Network, failed};
use super::load::{Requests, put_all};
use super::{Args, Ballots, Machine, PATIENCE, prepare, until_known};
use crate::commands::Context;
use crate::exit::{CliError, Result};
use crate::output::fields;

/// How long votes arrive before there are clients, for comparison.
const ALONE: u32 = 5;
/// How long they arrive with all the clients there.
const WATCHED: u32 = 20;
/// Clients that come at the same time.
const COMING: usize = 64;
/// Requests under way at a time.
const IN_FLIGHT: usize = 64;

#[derive(Debug, Serialize)]
struct Figures {
    machine: Machine,
    clients: usize,
    votes_per_second: f64,
    seconds: f64,
    frames: u64,
    frames_per_second: f64,
    megabytes_per_second: f64,
    /// Age of the newest figure in a frame when the client has it.
    delivery_ms_p50: f64,
    delivery_ms_p99: f64,
    delivery_ms_max: f64,
    connected_in_seconds: f64,
    memory_kib_per_client: f64,
    gateway_memory_mb: f64,
    gateway_cores_alone: f64,
    gateway_cores_watched: f64,
}

/// What a gateway's process takes.
struct Gauge {
    system: System,
    pid: Pid,
}

impl Gauge {
    fn new(pid: u32) -> Result<Self> {
        let system = System::new().map_err(failed)?;
        Ok(Self { system, pid: Pid::from_u32(pid) })
    }

    /// Resident bytes, and processor time so far.
    fn read(&mut self) -> Result<(u64, Duration)> {
        let what = ProcessRefreshKind::nothing().with_cpu().with_memory();
        self.system.refresh_processes_specifics(ProcessesToUpdate::Some(&[self.pid]), false, what);
        let process = self.system.process(self.pid).ok_or_else(|| failed("the gateway is gone"))?;
        Ok((process.memory(), Duration::from_millis(process.accumulated_cpu_time())))
    }
}

/// What all clients have seen together.
#[derive(Default)]
struct Seen {
    frames: AtomicU64,
    bytes: AtomicU64,
    /// Clients that have seen every vote.
    complete: AtomicUsize,
}

pub(super) async fn run(args: &Args, clients: usize, machine: Machine, folder: &Path, context: &Context) -> Result<()> {
    let set = ["connections_per_address=20000", "connections=20000", "sockets=20000", "sockets_per_address=20000"];
    let network = Network::start(args, 1, &set, folder, context).await?;
    let (alone, watched) = ((args.pace * ALONE) as usize, (args.pace * WATCHED) as usize);
    let (id, ballots) = prepare(&network.site, 1, alone + watched, Ballots::Open).await?;
    let mut bodies: Vec<String> =
        ballots.iter().map(|ballot| serde_json::json!({"ballot": STANDARD.encode(ballot.to_canonical())}).to_string()).collect();
    until_known(&network.gateways, id, alone + watched).await?;
    let url = network.gateways.first().ok_or_else(|| failed("no gateway"))?;
    let address = url.trim_start_matches("http://").to_owned();
    let pid = network.processes.first().ok_or_else(|| failed("no gateway"))?.id();
    let mut gauge = Gauge::new(pid)?;
    let server = || [Requests { address: address.clone(), path: format!("/votes/{id}") }];
    let pace = Some(Duration::from_secs(1) / args.pace);

    context.out.note(format!("{alone} votes with nobody looking on …"));
    let first = bodies.split_off(watched);
    let (before, started) = (gauge.read()?.1, Instant::now());
    put_all(&server(), first, IN_FLIGHT, pace).await.map_err(failed)?;
    let gateway_cores_alone = cores(gauge.read()?.1, before, started.elapsed());

    context.out.note(format!("{clients} clients come …"));
    let (memory_before, _) = gauge.read()?;
    let coming = Instant::now();
    let sockets: Vec<_> = stream::iter(0..clients).map(|_| open(&address, id)).buffer_unordered(COMING).collect().await;
    let sockets = sockets.into_iter().collect::<Result<Vec<_>, String>>().map_err(failed)?;
    let connected_in_seconds = coming.elapsed().as_secs_f64();
    let seen = Arc::new(Seen::default());
    let mut readers = JoinSet::new();
    for socket in sockets {
        readers.spawn(read(socket, Arc::clone(&seen), (alone + watched) as u64));
    }

    context.out.note(format!("{watched} votes with everyone looking on …"));
    let (before, started) = (gauge.read()?.1, Instant::now());
    put_all(&server(), bodies, IN_FLIGHT, pace).await.map_err(failed)?;
    let took = started.elapsed();
    let (memory, after) = gauge.read()?;
    let mut ages = Vec::new();
    let all = async {
        while let Some(reader) = readers.join_next().await {
            ages.extend(reader.map_err(failed)?.map_err(failed)?);
        }
        Ok::<_, CliError>(())
    };
    let ended = tokio::time::timeout(PATIENCE, all).await;
    if ended.is_err() {
        let complete = seen.complete.load(Ordering::Relaxed);
        return Err(failed(format!("only {complete} of {clients} clients have seen every vote")));
    }
    ended.map_err(failed)??;
    network.stop().await?;

    ages.sort_unstable();
    let at = |share: f64| ages.get((ages.len().saturating_sub(1) as f64 * share) as usize).map_or(0.0, |age| f64::from(*age));
    let (frames, bytes) = (seen.frames.load(Ordering::Relaxed), seen.bytes.load(Ordering::Relaxed));
    let figures = Figures {
        machine,
        clients,
        votes_per_second: watched as f64 / took.as_secs_f64(),
        seconds: took.as_secs_f64(),
        frames,
        frames_per_second: frames as f64 / took.as_secs_f64(),
        megabytes_per_second: bytes as f64 / took.as_secs_f64() / 1e6,
        delivery_ms_p50: at(0.5),
        delivery_ms_p99: at(0.99),
        delivery_ms_max: at(1.0),
        connected_in_seconds,
        memory_kib_per_client: memory.saturating_sub(memory_before) as f64 / 1024.0 / clients as f64,
        gateway_memory_mb: memory as f64 / 1e6,
        gateway_cores_alone,
        gateway_cores_watched: cores(after, before, took),
    };
    context.out.answer(&figures, || show(&figures))
}

fn cores(after: Duration, before: Duration, took: Duration) -> f64 {
    after.saturating_sub(before).as_secs_f64() / took.as_secs_f64()
}

/// Comes in, and follows the election.
async fn open(address: &str, id: ElectionId) -> Result<WebSocketStream<TcpStream>, String> {
    let stream = TcpStream::connect(address).await.map_err(|error| format!("{address}: {error}"))?;
    let (mut socket, _) = client_async(format!("ws://{address}/ws"), stream).await.map_err(|error| error.to_string())?;
    let hello = serde_json::json!({
        "v": 1, "t": "hello",
        "resume": {format!("election:{id}:turnout"): "0.0", format!("election:{id}:results"): "0.0"},
    });
    socket.send(Message::text(hello.to_string())).await.map_err(|error| error.to_string())?;
    for expected in ["welcome", "snapshot", "snapshot"] {
        let frame = text(&mut socket).await?;
        if !frame.contains(&format!("\"t\":\"{expected}\"")) {
            return Err(format!("not a {expected}: {frame}"));
        }
    }
    Ok(socket)
}

async fn text(socket: &mut WebSocketStream<TcpStream>) -> Result<String, String> {
    loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) => return Ok(text.to_string()),
            Some(Ok(Message::Close(close))) => return Err(format!("a client was let go: {close:?}")),
            Some(Ok(_)) => {}
            Some(Err(error)) => return Err(error.to_string()),
            None => return Err("a client was let go".to_owned()),
        }
    }
}

/// Reads until every vote was seen in both channels; returns how old figures were, in milliseconds.
async fn read(mut socket: WebSocketStream<TcpStream>, seen: Arc<Seen>, votes: u64) -> Result<Vec<u32>, String> {
    let mut ages = Vec::new();
    let (mut voted, mut counted) = (0, 0);
    while voted < votes || counted < votes {
        let frame = text(&mut socket).await?;
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_err(|error| error.to_string())?;
        seen.frames.fetch_add(1, Ordering::Relaxed);
        seen.bytes.fetch_add(frame.len() as u64, Ordering::Relaxed);
        let at: Timestamp =
            field(&frame, "\"at\":\"", |c| c == '"').and_then(|at| at.parse().ok()).ok_or("a frame without a time")?;
        ages.push(u32::try_from((now.as_millis() as u64).saturating_sub(at.as_millis())).unwrap_or(u32::MAX));
        let number = |name: &str| field(&frame, name, |c: char| !c.is_ascii_digit()).and_then(|digits| digits.parse().ok());
        voted = number("\"voted\":").unwrap_or(voted);
        counted = number("\"total_votes\":").unwrap_or(counted);
    }
    seen.complete.fetch_add(1, Ordering::Relaxed);
    Ok(ages)
}

/// What stands behind a name: the client is to take as little as it can of the processors that are measured.
fn field<'a>(frame: &'a str, name: &str, end: impl FnMut(char) -> bool) -> Option<&'a str> {
    let (_, rest) = frame.split_once(name)?;
    rest.split(end).next()
}

fn show(figures: &Figures) -> String {
    fields(&[
        ("clients", format!("{}, connected in {:.1} s", figures.clients, figures.connected_in_seconds)),
        ("votes", format!("{:.0} a second for {:.0} s", figures.votes_per_second, figures.seconds)),
        (
            "frames",
            format!(
                "{} delivered, {:.0} and {:.1} MB a second",
                figures.frames, figures.frames_per_second, figures.megabytes_per_second
            ),
        ),
        (
            "delivery",
            format!(
                "p50 {:.0} ms, p99 {:.0} ms, at most {:.0} ms after the block's time",
                figures.delivery_ms_p50, figures.delivery_ms_p99, figures.delivery_ms_max
            ),
        ),
        (
            "gateway",
            format!(
                "{:.0} MB, {:.1} KiB of it per client; {:.2} cores, {:.2} with nobody looking on",
                figures.gateway_memory_mb,
                figures.memory_kib_per_client,
                figures.gateway_cores_watched,
                figures.gateway_cores_alone
            ),
        ),
        ("machine", format!("{} cores, which clients, authorities and Redis share", figures.machine.cores)),
    ])
}
