//! The load: so many connections that each send one request after the other.
//!
//! The machine that is measured also makes the load, so that a client takes from the servers what it needs for
//! itself. This one writes prepared bytes and reads of an answer no more than it must.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// Far more than an answer of ours.
const LONGEST_ANSWER: usize = 1 << 20;

/// Where requests go.
pub(super) struct Requests {
    /// `HOST:PORT`.
    pub(super) address: String,
    /// Path of the resource that is put.
    pub(super) path: String,
}

/// Puts JSON bodies, each once, to servers in turn, over so many connections; returns how long each took. With a pace
/// each body has its moment, so long after the one before, and is not sent earlier. Any answer but 201 ends it with an error.
pub(super) async fn put_all(
    servers: &[Requests],
    bodies: Vec<String>,
    connections: usize,
    pace: Option<Duration>,
) -> Result<Vec<Duration>, String> {
    let first = tokio::time::Instant::now();
    let (bodies, next) = (Arc::new(bodies), Arc::new(AtomicUsize::new(0)));
    let mut clients = JoinSet::new();
    for n in 0..connections.min(bodies.len()) {
        let Requests { address, path } = &servers[n % servers.len()];
        let head = format!("PUT {path} HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: ");
        let (address, bodies, next) = (address.clone(), Arc::clone(&bodies), Arc::clone(&next));
        clients.spawn(async move {
            let mut client = Client::connect(&address).await?;
            let mut took = Vec::new();
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some(body) = bodies.get(at) else { break };
                if let Some(pace) = pace {
                    tokio::time::sleep_until(first + pace * u32::try_from(at).unwrap_or(u32::MAX)).await;
                }
                let began = Instant::now();
                client.exchange(&head, body).await?;
                took.push(began.elapsed());
            }
            Ok::<_, String>(took)
        });
    }
    let mut all = Vec::with_capacity(bodies.len());
    while let Some(client) = clients.join_next().await {
        all.extend(client.map_err(|error| error.to_string())??);
    }
    Ok(all)
}

struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Client {
    async fn connect(address: &str) -> Result<Self, String> {
        let stream = TcpStream::connect(address).await.map_err(|error| format!("{address}: {error}"))?;
        stream.set_nodelay(true).map_err(|error| error.to_string())?;
        Ok(Self { stream, buffer: Vec::with_capacity(8 * 1024) })
    }

    async fn exchange(&mut self, head: &str, body: &str) -> Result<(), String> {
        self.buffer.clear();
        self.buffer.extend_from_slice(head.as_bytes());
        self.buffer.extend_from_slice(format!("{}\r\n\r\n{body}", body.len()).as_bytes());
        self.stream.write_all(&self.buffer).await.map_err(|error| error.to_string())?;
        self.buffer.clear();
        let end = loop {
            if let Some(end) = answer_length(&self.buffer)? {
                break end;
            }
            let read = self.stream.read_buf(&mut self.buffer).await.map_err(|error| error.to_string())?;
            if read == 0 || self.buffer.len() > LONGEST_ANSWER {
                return Err("the server ended the connection in an answer".to_owned());
            }
        };
        let is_whole = self.buffer.len() == end;
        if is_whole && self.buffer.starts_with(b"HTTP/1.1 201 ") {
            Ok(())
        } else {
            Err(String::from_utf8_lossy(&self.buffer).chars().take(1_000).collect())
        }
    }
}

/// Bytes of an answer whose head and body are all there; `None` while some are missing.
fn answer_length(bytes: &[u8]) -> Result<Option<usize>, String> {
    let Some(head) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
    let text = String::from_utf8_lossy(&bytes[..head]);
    let length = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    let end = head + 4 + length.ok_or_else(|| format!("an answer without a length: {text}"))?;
    Ok((bytes.len() >= end).then_some(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_when_its_body_is() {
        let answer = b"HTTP/1.1 201 Created\r\nContent-Length: 5\r\nx: y\r\n\r\nhello";
        for cut in 0..answer.len() {
            assert_eq!(answer_length(&answer[..cut]), Ok(None), "{cut}");
        }
        assert_eq!(answer_length(answer), Ok(Some(answer.len())));
        assert!(answer_length(b"HTTP/1.1 201 Created\r\n\r\n").is_err());
    }
}
