//! A server that is busy, and answers that are lost on the way.
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use ::redis::cmd;
use voting_cluster::testing::RedisServers;

/// A connection of our own to a server, on which commands are written by hand: a server that is busy reads them in the
/// order in which they came in.
pub(crate) struct Wire(BufReader<TcpStream>);

impl Wire {
    pub(crate) fn to(servers: &RedisServers, id: usize) -> Self {
        let url = servers.urls()[id].clone();
        Self(BufReader::new(TcpStream::connect(url.trim_start_matches("redis://")).unwrap()))
    }

    pub(crate) fn say(&mut self, command: &str) {
        write!(self.0.get_mut(), "{command}\r\n").unwrap();
    }

    pub(crate) fn hear(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        line
    }
}

/// Scripts that a server has run since its counters were set to 0.
pub(crate) fn scripts_run(servers: &RedisServers, id: usize) -> u64 {
    let stats: String = servers.ask(id, cmd("INFO").arg("commandstats"));
    let calls = |line: &str| line.split("calls=").nth(1)?.split(',').next()?.parse::<u64>().ok();
    stats.lines().filter(|line| line.starts_with("cmdstat_eval")).filter_map(calls).sum()
}

/// How long a server is busy while a call comes in.
pub(crate) const BUSY_SECONDS: &str = "0.8";
/// The part of it after which the call has come in, on a machine that is not too busy.
pub(crate) const COMES_IN: Duration = Duration::from_millis(300);
/// Tries to have a call come in while the server is busy.
pub(crate) const TRIES: usize = 5;

/// The server answers nothing for a while, reads a call that came in meanwhile, runs it, and cuts the connection before
/// it answers. Returns once it has.
pub(crate) async fn lose_the_reply(sleeper: &mut Wire, cutter: &mut Wire, call: impl FnOnce()) {
    sleeper.say(&format!("DEBUG SLEEP {BUSY_SECONDS}"));
    tokio::time::sleep(Duration::from_millis(50)).await; // it sleeps by then
    call();
    tokio::time::sleep(COMES_IN).await;
    cutter.say("CLIENT KILL TYPE normal SKIPME yes");
    let killed = tokio::task::block_in_place(|| cutter.hear());
    assert!(killed.starts_with(':'), "{killed}");
}
