//! A Redis Cluster of real servers on this machine.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use ::redis::{Client, Cmd, FromRedisValue, RedisResult, Value, cmd};
use tempfile::TempDir;

use super::bus::Bus;
use super::{Process, Spawn};
use crate::redis::{Namespace, RedisConfig, Topology};

/// A server that does not answer after this long has not started.
const STARTS_WITHIN: Duration = Duration::from_secs(20);
/// The cluster has formed, or recovered, within this.
const FORMS_WITHIN: Duration = Duration::from_secs(40);
/// Pause between two looks at a condition.
const LOOK: Duration = Duration::from_millis(20);
/// Ports of servers, for clients and for each other: below those that the system hands out to callers, or a server that
/// was killed might find its port taken when it is started again.
const PORTS: std::ops::Range<u16> = 20_000..32_000;
/// Time after which members count each other as failed.
pub const NODE_TIMEOUT: Duration = Duration::from_millis(2_000);

/// A server by its number.
pub type ServerId = usize;

/// Servers that end with this value.
#[derive(Debug)]
pub struct RedisServers {
    folder: TempDir,
    servers: Vec<Server>,
    is_cluster: bool,
    bus: Bus,
}

#[derive(Debug)]
struct Server {
    port: u16,
    /// Where it listens for the others, behind its relay.
    bus: u16,
    /// Where the others reach it.
    relay: u16,
    process: Option<Process>,
}

/// Ports given out in this process, so that parallel tests do not take each other's.
static TAKEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());

/// A port that is free.
fn free_port() -> u16 {
    let is_free = |port: u16| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
    let mut taken = TAKEN.lock().expect("no test panicked while it took a port");
    // Where to begin differs between processes, so that those do not race for the same ports.
    let offset = (std::process::id() * 97 + taken.len() as u32 * 7) % u32::from(PORTS.end - PORTS.start);
    let from = PORTS.start + offset as u16;
    let port = (from..PORTS.end).chain(PORTS.start..from).find(|port| !taken.contains(port) && is_free(*port));
    let port = port.expect("some port is free");
    taken.insert(port);
    port
}

/// The installed redis-server, if there is one.
#[must_use]
pub fn redis_server() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|folder| folder.join("redis-server")).find(|file| file.is_file())
}

/// The program, or a panic that says how to install it.
fn program() -> PathBuf {
    redis_server().unwrap_or_else(|| panic!("redis-server is missing; install it with: sudo apt-get install -y redis-server"))
}

impl RedisServers {
    /// A cluster of so many masters with a replica each, formed and healthy.
    ///
    /// # Panics
    /// If redis-server is not installed, or the cluster does not form.
    #[must_use]
    pub fn cluster(masters: usize) -> Self {
        let mut servers = Self::start(2 * masters, true);
        servers.form(masters);
        servers
    }

    /// One server that is no cluster.
    ///
    /// # Panics
    /// If redis-server is not installed, or does not start.
    #[must_use]
    pub fn single() -> Self {
        Self::start(1, false)
    }

    /// No servers: a place to put others.
    ///
    /// # Panics
    /// If there is no temporary folder.
    #[must_use]
    pub fn none() -> Self {
        Self::start(0, false)
    }

    fn start(count: usize, is_cluster: bool) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let bus = Bus::default();
        let server = |id: usize| {
            let (own, bus_port) = (free_port(), free_port());
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("some port is free");
            let relay = listener.local_addr().expect("a listener has an address").port();
            if is_cluster {
                bus.relay(listener, id, bus_port);
            }
            Server { port: own, bus: bus_port, relay, process: None }
        };
        let servers = (0..count).map(server).collect();
        let mut servers = Self { folder, servers, is_cluster, bus };
        for id in 0..count {
            servers.restart(id);
        }
        servers
    }

    /// Starts a server that is not running, with what it had on disk.
    ///
    /// # Panics
    /// If it does not start.
    pub fn restart(&mut self, id: ServerId) {
        let folder = self.folder.path().join(id.to_string());
        std::fs::create_dir_all(&folder).expect("the folder can be made");
        let server = &mut self.servers[id];
        assert!(server.process.as_mut().is_none_or(|process| !process.is_alive()), "server {id} is running already");
        let port = server.port.to_string();
        let dir = folder.display().to_string();
        let timeout = NODE_TIMEOUT.as_millis().to_string();
        let mut args = vec![
            "--port",
            &port,
            "--bind",
            "127.0.0.1",
            "--protected-mode",
            "no",
            "--dir",
            &dir,
            "--save",
            "",
            "--appendonly",
            "yes",
            "--appendfsync",
            "everysec",
            "--maxmemory",
            "256mb",
            "--maxmemory-policy",
            "noeviction",
            "--enable-debug-command",
            "local",
            "--repl-diskless-sync-delay",
            "0",
        ];
        let (bus, relay, caller) = (server.bus.to_string(), server.relay.to_string(), Bus::caller(id).to_string());
        if self.is_cluster {
            args.extend(["--cluster-port", &bus, "--cluster-announce-bus-port", &relay, "--cluster-announce-ip", "127.0.0.1"]);
            args.extend(["--bind-source-addr", &caller]);
            args.extend(["--cluster-enabled", "yes", "--cluster-node-timeout", &timeout]);
            args.extend(["--cluster-require-full-coverage", "no", "--cluster-config-file", "nodes.conf"]);
        }
        let spawn = Spawn {
            name: format!("redis-server {id}"),
            program: &program(),
            args: args.into_iter().map(str::to_owned).collect(),
            env: Vec::new(),
            log: &folder.join("server.log"),
        };
        server.process = Some(Process::start(spawn));
        let started = Instant::now();
        while self.try_ask::<String>(id, &cmd("PING")).is_err() {
            assert!(started.elapsed() < STARTS_WITHIN, "server {id} does not start:\n{}", self.log(id));
            std::thread::sleep(LOOK);
        }
    }

    /// Gives the slots to the first masters, introduces all to each other, and makes the rest replicas.
    fn form(&mut self, masters: usize) {
        for id in 0..masters {
            let (first, last) = (16_384 * id / masters, 16_384 * (id + 1) / masters - 1);
            self.ask::<()>(id, cmd("CLUSTER").arg("ADDSLOTSRANGE").arg(first).arg(last));
        }
        for id in 0..self.servers.len() {
            self.ask::<()>(id, cmd("CLUSTER").arg("SET-CONFIG-EPOCH").arg(id + 1));
        }
        for id in 1..self.servers.len() {
            self.ask::<()>(id, cmd("CLUSTER").arg("MEET").arg("127.0.0.1").arg(self.servers[0].port).arg(self.servers[0].relay));
        }
        let everyone = self.servers.len();
        let lines = |servers: &Self, id| servers.ask::<String>(id, cmd("CLUSTER").arg("NODES")).lines().count();
        self.until("everyone to know everyone", |servers| (0..everyone).all(|id| lines(servers, id) == everyone));
        for id in masters..everyone {
            let master: String = self.ask(id - masters, cmd("CLUSTER").arg("MYID"));
            self.ask::<()>(id, cmd("CLUSTER").arg("REPLICATE").arg(master));
        }
        self.settle();
    }

    /// Waits until all slots are served and every running replica follows its master.
    ///
    /// # Panics
    /// If that does not come true.
    pub fn settle(&self) {
        self.until("the cluster to be healthy", |servers| {
            servers.running().into_iter().all(|id| {
                let info = servers.try_ask::<String>(id, cmd("CLUSTER").arg("INFO")).unwrap_or_default();
                let replication = servers.try_ask::<String>(id, cmd("INFO").arg("replication")).unwrap_or_default();
                info.contains("cluster_state:ok")
                    && info.contains("cluster_slots_ok:16384")
                    && (replication.contains("role:master") || replication.contains("master_link_status:up"))
            })
        });
    }

    /// Waits for a condition.
    ///
    /// # Panics
    /// If it does not come true.
    pub fn until(&self, what: &str, condition: impl Fn(&Self) -> bool) {
        let started = Instant::now();
        while !condition(self) {
            assert!(started.elapsed() < FORMS_WITHIN, "waited in vain for {what}");
            std::thread::sleep(LOOK);
        }
    }

    /// Number of servers, running or not.
    #[must_use]
    pub fn len(&self) -> usize {
        self.servers.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.servers.is_empty()
    }

    /// Addresses of all servers.
    #[must_use]
    pub fn urls(&self) -> Vec<String> {
        self.servers.iter().map(|server| format!("redis://127.0.0.1:{}", server.port)).collect()
    }

    /// A configuration for clients.
    ///
    /// # Panics
    /// If the namespace is not usable.
    #[must_use]
    pub fn config(&self, namespace: &str) -> RedisConfig {
        RedisConfig::new(self.urls(), Namespace::new(namespace).expect("a usable namespace")).expect("usable addresses")
    }

    /// Servers that accept connections.
    #[must_use]
    pub fn running(&self) -> Vec<ServerId> {
        (0..self.len()).filter(|id| self.try_ask::<Value>(*id, &cmd("PING")).is_ok()).collect()
    }

    /// Running servers that say that they are masters with slots.
    #[must_use]
    pub fn masters(&self) -> Vec<ServerId> {
        let is_master = |id: &ServerId| {
            let nodes = self.try_ask::<String>(*id, cmd("CLUSTER").arg("NODES")).unwrap_or_default();
            // The own line: flags `myself,master`, slots from the ninth word on.
            nodes.lines().any(|line| line.contains("myself,master") && line.split(' ').count() > 8)
        };
        if self.is_cluster { self.running().into_iter().filter(is_master).collect() } else { self.running() }
    }

    /// Running servers that say that they are replicas.
    #[must_use]
    pub fn replicas(&self) -> Vec<ServerId> {
        let masters = self.masters();
        self.running().into_iter().filter(|id| !masters.contains(id)).collect()
    }

    /// The master of the slot that a key falls into.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn master_of(&self, key: &str) -> ServerId {
        if !self.is_cluster {
            return 0;
        }
        self.master_of_slot(crate::redis::slot_of(key))
    }

    /// The master of a slot.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn master_of_slot(&self, slot: u16) -> ServerId {
        let port = self.topology().shard_of(slot).and_then(|shard| shard.master().map(|master| master.port));
        let port = port.expect("the slot has a master");
        self.servers.iter().position(|server| server.port == port).expect("it is one of ours")
    }

    /// What the cluster says about itself.
    ///
    /// # Panics
    /// If no server answers.
    #[must_use]
    pub fn topology(&self) -> Topology {
        let id = *self.running().first().expect("a server runs");
        Topology::parse(self.ask(id, cmd("CLUSTER").arg("SHARDS"))).expect("the shards can be read")
    }

    /// Kills a server as a loss of power would.
    ///
    /// # Panics
    /// If it is not running.
    pub fn kill(&mut self, id: ServerId) {
        self.process(id).kill();
    }

    /// Stops a server where it stands: it keeps its connections and says nothing.
    ///
    /// # Panics
    /// If it is not running.
    pub fn pause(&mut self, id: ServerId) {
        self.process(id).pause();
    }

    /// Lets a paused server go on.
    ///
    /// # Panics
    /// If it is gone.
    pub fn resume(&mut self, id: ServerId) {
        self.process(id).resume();
    }

    /// Cuts a server off from the other servers, while clients still reach it: a master then goes on accepting writes
    /// that will be lost, until it notices.
    pub fn cut_off(&self, id: ServerId) {
        self.bus.isolate(id);
    }

    /// Ends what [`RedisServers::cut_off`] began.
    ///
    /// # Panics
    /// If nothing was cut.
    pub fn reconnect(&self, id: ServerId) {
        assert!(self.bus.refused() > 0, "nobody tried to reach the server that was cut off");
        self.bus.restore(id);
    }

    /// Forgets everything on all masters.
    ///
    /// # Panics
    /// If a master does not do as told.
    pub fn flush(&self) {
        for id in self.masters() {
            self.ask::<()>(id, &cmd("FLUSHALL"));
        }
    }

    /// Deletes all keys that match a pattern of Redis, on all masters; returns how many there were.
    ///
    /// # Panics
    /// If a master does not do as told.
    pub fn delete(&self, pattern: &str) -> usize {
        let mut deleted = 0;
        for id in self.masters() {
            let keys: Vec<String> = self.ask(id, cmd("KEYS").arg(pattern));
            for key in &keys {
                deleted += self.ask::<usize>(id, cmd("DEL").arg(key)); // one by one: they lie in different slots
            }
        }
        deleted
    }

    /// Moves a slot with its keys to another master, as an operator would; clients see ASK, then MOVED.
    ///
    /// # Panics
    /// If a server does not do as told.
    pub fn migrate_slot(&self, slot: u16, to: ServerId) {
        let from = self.master_of_slot(slot);
        assert_ne!(from, to, "the slot is there already");
        let (from_id, to_id): (String, String) =
            (self.ask(from, cmd("CLUSTER").arg("MYID")), self.ask(to, cmd("CLUSTER").arg("MYID")));
        self.ask::<()>(to, cmd("CLUSTER").arg("SETSLOT").arg(slot).arg("IMPORTING").arg(from_id));
        self.ask::<()>(from, cmd("CLUSTER").arg("SETSLOT").arg(slot).arg("MIGRATING").arg(&to_id));
        loop {
            let keys: Vec<String> = self.ask(from, cmd("CLUSTER").arg("GETKEYSINSLOT").arg(slot).arg(10));
            if keys.is_empty() {
                break;
            }
            let mut migrate = cmd("MIGRATE");
            migrate.arg("127.0.0.1").arg(self.servers[to].port).arg("").arg(0).arg(5_000).arg("KEYS").arg(keys);
            self.ask::<()>(from, &migrate);
        }
        for id in [to, from] {
            self.ask::<()>(id, cmd("CLUSTER").arg("SETSLOT").arg(slot).arg("NODE").arg(&to_id));
        }
    }

    /// Sends a command to one server.
    ///
    /// # Panics
    /// If it does not answer, or says no.
    pub fn ask<T: FromRedisValue>(&self, id: ServerId, command: &Cmd) -> T {
        self.try_ask(id, command).unwrap_or_else(|error| panic!("server {id}: {error}"))
    }

    /// Sends a command to one server.
    ///
    /// # Errors
    /// Whatever it says, or that it does not answer within a second.
    pub fn try_ask<T: FromRedisValue>(&self, id: ServerId, command: &Cmd) -> RedisResult<T> {
        let second = Duration::from_secs(1);
        let client = Client::open(format!("redis://127.0.0.1:{}", self.servers[id].port))?;
        let mut connection = client.get_connection_with_timeout(second)?;
        connection.set_read_timeout(Some(5 * second))?;
        connection.set_write_timeout(Some(second))?;
        command.query(&mut connection)
    }

    /// The server's own words.
    #[must_use]
    pub fn log(&self, id: ServerId) -> String {
        std::fs::read_to_string(self.folder.path().join(id.to_string()).join("server.log")).unwrap_or_default()
    }

    /// Where the servers keep their data.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn process(&mut self, id: ServerId) -> &mut Process {
        self.servers[id].process.as_mut().expect("the server was started")
    }
}
