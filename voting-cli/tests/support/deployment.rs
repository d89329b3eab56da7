//! A network as it is deployed: authorities and gateways as processes of their own, on a real Redis Cluster.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::Value;
use voting_cluster::testing::{Process, RedisServers, Spawn};

use super::{Person, nobody};

/// A process that is not ready after this long does not start.
const STARTS_WITHIN: Duration = Duration::from_secs(60);
/// Ports for listeners: below those that the system hands out to callers.
const PORTS: std::ops::Range<u16> = 12_000..19_000;

/// A network of processes; all end with this value.
pub(crate) struct Deployment {
    pub(crate) servers: RedisServers,
    pub(crate) genesis: String,
    pub(crate) urls: Vec<String>,
    nodes: Vec<Process>,
    gateways: Vec<Process>,
    home: Person,
}

/// Consecutive ports that are free, and that no other test of this process is given.
fn free_ports(count: u16) -> u16 {
    static NEXT: Mutex<Option<u16>> = Mutex::new(None);
    let is_free = |port: u16| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
    let mut next = NEXT.lock().unwrap();
    // Processes begin at different places, so that they do not race for the same ports.
    let first = PORTS.start + (std::process::id() % 300) as u16 * 20;
    let start = next.filter(|port| *port < PORTS.end - 100).unwrap_or(first);
    let base = (start..PORTS.end - count).step_by(usize::from(count)).find(|base| (*base..base + count).all(is_free)).unwrap();
    *next = Some(base + count);
    base
}

impl Deployment {
    /// Founds a network and starts everything; returns once every gateway is ready.
    pub(crate) fn start(authorities: u16, gateways: u16) -> Self {
        let servers = RedisServers::cluster(3);
        let home = Person::at(&nobody());
        let dir = home.path("network").display().to_string();
        let (port, link_port) = (free_ports(gateways), free_ports(authorities));
        let numbers = [authorities, gateways, port, link_port].map(|number| number.to_string());
        let mut init = vec!["cluster", "init", &dir, "--demo", "--authorities", &numbers[0], "--gateways", &numbers[1]];
        init.extend(["--port", &numbers[2], "--link-port", &numbers[3], "--output", "json"]);
        let redis = servers.urls();
        for url in &redis {
            init.extend(["--redis", url]);
        }
        let founded: Value = home.run(&init).exits(0).json();
        let mut network = Self {
            servers,
            genesis: founded["genesis"].as_str().unwrap().to_owned(),
            urls: (0..gateways).map(|n| format!("http://127.0.0.1:{}", port + n)).collect(),
            nodes: Vec::new(),
            gateways: Vec::new(),
            home,
        };
        network.nodes = (0..authorities).map(|n| network.spawn("node", &format!("authority-{n}"))).collect();
        network.gateways = (0..gateways).map(|n| network.spawn("gateway", &format!("gateway-{n}"))).collect();
        for n in 0..gateways.into() {
            network.until_ready(n);
        }
        network
    }

    fn spawn(&self, command: &str, name: &str) -> Process {
        let program = PathBuf::from(assert_cmd::cargo::cargo_bin!("voting"));
        let config = self.home.path("network").join(format!("{name}.toml")).display().to_string();
        Process::start(Spawn {
            name: name.to_owned(),
            program: &program,
            args: vec![command.to_owned(), "--config".to_owned(), config],
            env: vec![("RUST_BACKTRACE".to_owned(), "1".to_owned())],
            log: &self.home.path("network").join(format!("{name}.log")),
        })
    }

    /// Kills an authority and starts it again, after what happens meanwhile.
    pub(crate) fn kill_authority(&mut self, n: usize, meanwhile: impl FnOnce(&Self)) {
        self.nodes[n].kill();
        meanwhile(self);
        self.nodes[n] = self.spawn("node", &format!("authority-{n}"));
    }

    /// Kills a gateway and starts it again, after what happens meanwhile.
    pub(crate) fn kill_gateway(&mut self, n: usize, meanwhile: impl FnOnce(&Self)) {
        self.gateways[n].kill();
        meanwhile(self);
        self.gateways[n] = self.spawn("gateway", &format!("gateway-{n}"));
        self.until_ready(n);
    }

    /// Waits until a gateway says that it can do its work.
    pub(crate) fn until_ready(&self, n: usize) {
        self.until(&format!("gateway {n} to be ready"), |network| {
            get(&network.urls[n], "/readyz").is_some_and(|(status, _)| status == 200)
        });
    }

    /// Waits for a condition.
    pub(crate) fn until(&self, what: &str, condition: impl Fn(&Self) -> bool) {
        let started = Instant::now();
        while !condition(self) {
            assert!(started.elapsed() < STARTS_WITHIN, "waited in vain for {what}\n{}", self.logs());
            std::thread::sleep(Duration::from_millis(20)); // between two looks
        }
    }

    /// What `voting cluster status` says.
    pub(crate) fn status(&self) -> Value {
        let config = self.home.path("network").join("gateway-0.toml").display().to_string();
        let ended = self.home.run(&["cluster", "status", "--config", &config, "--output", "json"]);
        serde_json::from_str(&ended.stdout).unwrap_or(Value::Null)
    }

    /// The last lines of every log.
    pub(crate) fn logs(&self) -> String {
        let mut all = String::new();
        for entry in std::fs::read_dir(self.home.path("network")).into_iter().flatten().flatten() {
            if entry.path().extension().is_some_and(|ending| ending == "log") {
                let text = std::fs::read_to_string(entry.path()).unwrap_or_default();
                let lines: Vec<_> = text.lines().rev().take(12).collect();
                all.push_str(&format!("== {}\n", entry.file_name().display()));
                for line in lines.into_iter().rev() {
                    all.push_str(&format!("{line}\n"));
                }
            }
        }
        all
    }

    /// Somebody signed in at a gateway.
    pub(crate) fn person(&self, gateway: usize, email: &str, password: &str) -> Person {
        let person = Person::at(&self.urls[gateway]);
        person.with_stdin(&format!("{password}\n"), &["login", "--email", email]).exits(0);
        person
    }
}

/// Status and body of a GET, if somebody answers.
pub(crate) fn get(url: &str, path: &str) -> Option<(u16, String)> {
    request(url, &format!("GET {path}"), "", "")
}

/// Status and whole answer of a request by hand, if somebody answers.
pub(crate) fn request(url: &str, line: &str, headers: &str, body: &str) -> Option<(u16, String)> {
    let address = url.strip_prefix("http://")?;
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(30))).ok()?;
    write!(
        stream,
        "{line} HTTP/1.1\r\nhost: {address}\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
    .ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let status = answer.split(' ').nth(1)?.parse().ok()?;
    Some((status, answer))
}
