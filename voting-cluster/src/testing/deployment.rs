//! A network as it is deployed: authorities and gateways as processes of their own, on a real Redis Cluster.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;
use voting_core::epoch::Genesis;
use voting_core::ids::{Height, PartitionId};
use voting_core::seams::Ledger as _;

use super::history::{Record, Violation};
use super::http::get;
use super::schedule::{Fault, Targets};
use crate::ledger::RedbLedger;
use crate::local::{Process, RedisServers, free_ports, start_part};

/// Longest wait for a process to be ready, and for any other condition.
const PATIENCE: Duration = Duration::from_secs(60);
/// Pause between two looks at a condition.
const LOOK: Duration = Duration::from_millis(20);
/// Masters of Redis, each with a replica.
const MASTERS: usize = 3;
/// Lines of each log that a failure shows.
const LINES: usize = 12;
/// A paused authority stands still for this long: longer than others need to take it for down.
const PAUSED_FOR: Duration = Duration::from_millis(3_500);

/// A process of the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// An authority, by its place in the epoch.
    Authority(usize),
    /// A gateway, by its number.
    Gateway(usize),
}

/// A network of processes; all end with this value, in whichever way the test ends.
#[derive(Debug)]
pub struct Deployment {
    /// Its Redis servers.
    pub servers: RedisServers,
    program: PathBuf,
    folder: TempDir,
    genesis: Genesis,
    urls: Vec<String>,
    nodes: Vec<Process>,
    gateways: Vec<Process>,
}

impl Deployment {
    /// Founds a network with demo accounts and elections, and starts everything with the program `voting`; returns once
    /// every gateway is ready.
    ///
    /// # Panics
    /// If something does not start.
    #[must_use]
    pub fn start(program: &Path, authorities: u16, gateways: u16) -> Self {
        Self::start_with(program, authorities, gateways, &[])
    }

    /// As [`Deployment::start`], with more words for `voting cluster init`.
    ///
    /// # Panics
    /// If something cannot be started.
    #[must_use]
    pub fn start_with(program: &Path, authorities: u16, gateways: u16, init_args: &[&str]) -> Self {
        Self::start_prepared(program, authorities, gateways, init_args, |_| {})
    }

    /// As [`Deployment::start_with`], on machines whose clocks are off by so many milliseconds: one for each authority.
    ///
    /// # Panics
    /// If something cannot be started.
    #[must_use]
    pub fn start_on_wrong_clocks(program: &Path, gateways: u16, offsets_ms: &[i64], init_args: &[&str]) -> Self {
        Self::start_prepared(program, offsets_ms.len() as u16, gateways, init_args, |folder| {
            for (n, offset) in offsets_ms.iter().enumerate() {
                let path = folder.join(format!("authority-{n}.toml"));
                let settings = std::fs::read_to_string(&path).expect("founding a network writes configurations");
                std::fs::write(&path, format!("clock_offset_ms = {offset}\n{settings}")).expect("they can be written");
            }
        })
    }

    fn start_prepared(program: &Path, authorities: u16, gateways: u16, init_args: &[&str], prepare: impl FnOnce(&Path)) -> Self {
        let servers = RedisServers::cluster(MASTERS);
        let folder = tempfile::tempdir().expect("a temporary folder");
        let dir = folder.path().join("network");
        let (port, link_port) = (free_ports(gateways), free_ports(authorities));
        let mut init = Command::new(program);
        init.env_clear().args(["cluster", "init", "--demo", "--authorities", &authorities.to_string()]).arg(&dir);
        init.args(["--gateways", &gateways.to_string(), "--port", &port.to_string(), "--link-port", &link_port.to_string()]);
        init.args(init_args);
        init.args(servers.urls().iter().flat_map(|url| ["--redis", url]));
        let founded = init.output().unwrap_or_else(|error| panic!("{} cannot be run: {error}", program.display()));
        assert!(founded.status.success(), "no network is founded: {}", String::from_utf8_lossy(&founded.stderr));
        prepare(&dir);
        let genesis = File::open(dir.join("genesis.json")).expect("founding a network writes its genesis");
        let mut network = Self {
            servers,
            program: program.to_owned(),
            genesis: serde_json::from_reader(genesis).expect("the genesis can be read"),
            folder,
            urls: (0..gateways).map(|n| format!("http://127.0.0.1:{}", port + n)).collect(),
            nodes: Vec::new(),
            gateways: Vec::new(),
        };
        network.nodes = (0..authorities.into()).map(|n| network.spawn(Part::Authority(n))).collect();
        network.gateways = (0..gateways.into()).map(|n| network.spawn(Part::Gateway(n))).collect();
        for n in 0..gateways.into() {
            network.until_ready(n);
        }
        network
    }

    fn spawn(&self, part: Part) -> Process {
        let command = match part {
            Part::Authority(_) => "node",
            Part::Gateway(_) => "gateway",
        };
        start_part(&self.program, command, &self.config(part), &[])
    }

    /// What the network is founded on.
    #[must_use]
    pub const fn genesis(&self) -> &Genesis {
        &self.genesis
    }

    /// Addresses of the gateways.
    #[must_use]
    pub fn urls(&self) -> &[String] {
        &self.urls
    }

    /// Where everything lies: genesis, keys, configurations, data, logs.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        self.folder.path().join("network")
    }

    /// The configuration of a part.
    #[must_use]
    pub fn config(&self, part: Part) -> PathBuf {
        self.folder().join(match part {
            Part::Authority(n) => format!("authority-{n}.toml"),
            Part::Gateway(n) => format!("gateway-{n}.toml"),
        })
    }

    /// What a part has said so far.
    #[must_use]
    pub fn log(&self, part: Part) -> String {
        std::fs::read_to_string(self.config(part).with_extension("log")).unwrap_or_default()
    }

    /// How many there are of what a [`Schedule`](super::schedule::Schedule) can hit.
    #[must_use]
    pub fn targets(&self) -> Targets {
        Targets { authorities: self.nodes.len(), gateways: self.gateways.len(), masters: MASTERS }
    }

    fn process(&mut self, part: Part) -> &mut Process {
        match part {
            Part::Authority(n) => &mut self.nodes[n],
            Part::Gateway(n) => &mut self.gateways[n],
        }
    }

    /// Kills a part as a loss of power would.
    ///
    /// # Panics
    /// If it had ended before.
    pub fn kill(&mut self, part: Part) {
        self.process(part).kill();
    }

    /// Stops a part where it stands, as a machine that hangs would.
    ///
    /// # Panics
    /// If it does not run.
    pub fn pause(&mut self, part: Part) {
        self.process(part).pause();
    }

    /// Lets a paused part go on.
    ///
    /// # Panics
    /// If it is gone.
    pub fn resume(&mut self, part: Part) {
        self.process(part).resume();
    }

    /// Tells an authority to step its clock, as an operator would.
    ///
    /// # Panics
    /// If it is gone.
    pub fn step_clock(&mut self, authority: usize) {
        self.process(Part::Authority(authority)).notify();
    }

    /// Starts another authority, whose configuration lies beside those of the others as the next one: it may become one
    /// of them.
    ///
    /// # Panics
    /// If it does not start.
    pub fn join(&mut self) -> Part {
        let part = Part::Authority(self.nodes.len());
        let process = self.spawn(part);
        self.nodes.push(process);
        part
    }

    /// Starts a part that does not run, with what it had on disk.
    ///
    /// # Panics
    /// If it runs, or does not start.
    pub fn restart(&mut self, part: Part) {
        assert!(!self.process(part).is_alive(), "{part:?} runs already");
        *self.process(part) = self.spawn(part);
        if let Part::Gateway(n) = part {
            self.until_ready(n);
        }
    }

    /// Waits until a gateway says that it can do its work.
    ///
    /// # Panics
    /// If it never does.
    pub fn until_ready(&self, gateway: usize) {
        self.until(&format!("gateway {gateway} to be ready"), |network| network.says(gateway, "/readyz", 200));
    }

    /// Whether a gateway answers a GET with this status.
    #[must_use]
    pub fn says(&self, gateway: usize, path: &str, status: u16) -> bool {
        get(&self.urls[gateway], path).is_some_and(|answer| answer.status == status)
    }

    /// Waits for a condition.
    ///
    /// # Panics
    /// If it does not come true; with the last lines of all logs.
    pub fn until(&self, what: &str, condition: impl Fn(&Self) -> bool) {
        let started = Instant::now();
        while !condition(self) {
            assert!(started.elapsed() < PATIENCE, "waited in vain for {what}\n{}", self.logs());
            std::thread::sleep(LOOK);
        }
    }

    /// What `voting cluster status` says; null where it cannot.
    #[must_use]
    pub fn status(&self) -> Value {
        self.look("status")
    }

    /// What `voting cluster clock` says; null where it cannot.
    #[must_use]
    pub fn clocks(&self) -> Value {
        self.look("clock")
    }

    fn look(&self, at: &str) -> Value {
        let mut look = Command::new(&self.program);
        look.env_clear().args(["cluster", at, "--output", "json", "--config"]).arg(self.config(Part::Gateway(0)));
        let said = look.output().map(|output| output.stdout).unwrap_or_default();
        serde_json::from_slice(&said).unwrap_or(Value::Null)
    }

    /// The health of each authority, as [`Deployment::status`] says.
    #[must_use]
    pub fn health(&self) -> Vec<String> {
        let status = self.status();
        let health = |authority: &Value| authority["health"].as_str().unwrap_or("not told").to_owned();
        status["authorities"].as_array().map(|all| all.iter().map(health).collect()).unwrap_or_default()
    }

    /// The last lines of every log.
    #[must_use]
    pub fn logs(&self) -> String {
        let parts = (0..self.nodes.len()).map(Part::Authority).chain((0..self.gateways.len()).map(Part::Gateway));
        let mut all = String::new();
        for part in parts {
            let log = self.log(part);
            let lines: Vec<_> = log.lines().collect();
            all.push_str(&format!("== {part:?}\n{}\n", lines[lines.len().saturating_sub(LINES)..].join("\n")));
        }
        all
    }

    /// Inflicts a fault, sees that it took place, and mends it.
    ///
    /// # Panics
    /// If it did not take place, or cannot be mended.
    pub fn inflict(&mut self, fault: Fault) {
        let nth = |ids: &[usize], n: usize| ids[n % ids.len()];
        match fault {
            Fault::KillAuthority { authority } => {
                let part = Part::Authority(authority);
                self.kill(part);
                self.until_missed(authority);
                self.restart(part);
            }
            Fault::PauseAuthority { authority } => {
                let (part, began) = (Part::Authority(authority), Instant::now());
                self.pause(part);
                self.until_missed(authority);
                std::thread::sleep(PAUSED_FOR.saturating_sub(began.elapsed())); // how long it hangs is the fault
                self.resume(part);
            }
            Fault::KillGateway { gateway } => {
                self.kill(Part::Gateway(gateway));
                assert!(get(&self.urls[gateway], "/readyz").is_none(), "a killed gateway answers");
                self.restart(Part::Gateway(gateway));
            }
            Fault::KillMaster { master } => {
                let master = nth(&self.servers.masters(), master);
                self.servers.kill(master);
                self.until_replaced();
                self.servers.restart(master);
            }
            Fault::PauseMaster { master } => {
                let master = nth(&self.servers.masters(), master);
                self.servers.pause(master);
                self.until_replaced();
                self.servers.resume(master);
            }
            Fault::CutOffMaster { master } => {
                let master = nth(&self.servers.masters(), master);
                self.servers.cut_off(master);
                // It goes on calling itself a master until it notices.
                self.servers.until("the others to elect a replica", |servers| {
                    servers.masters().into_iter().filter(|id| *id != master).count() == MASTERS
                });
                self.servers.reconnect(master);
                self.servers.until("it to learn that it is a replica", |servers| servers.replicas().contains(&master));
            }
            Fault::KillReplica { replica } => {
                let replica = nth(&self.servers.replicas(), replica);
                self.servers.kill(replica);
                assert!(!self.servers.running().contains(&replica), "a killed server answers");
                self.servers.restart(replica);
            }
            Fault::Flush => self.servers.flush(),
            Fault::MoveSlot { slot, by } => {
                let masters = self.servers.masters();
                let from = self.servers.master_of_slot(slot);
                let at = masters.iter().position(|id| *id == from).unwrap_or_default();
                self.servers.migrate_slot(slot, nth(&masters, at + by));
                assert_ne!(self.servers.master_of_slot(slot), from, "the slot did not move");
            }
            Fault::KillEverything => {
                let parts: Vec<_> = (0..self.nodes.len()).map(Part::Authority).collect();
                let parts = [parts, (0..self.gateways.len()).map(Part::Gateway).collect()].concat();
                let servers = self.servers.running();
                parts.iter().for_each(|part| self.kill(*part));
                servers.iter().for_each(|id| self.servers.kill(*id));
                assert!(self.servers.running().is_empty(), "a killed server answers");
                servers.iter().for_each(|id| self.servers.restart(*id));
                self.servers.settle();
                parts.iter().for_each(|part| self.restart(*part));
            }
        }
        self.servers.settle();
    }

    fn until_missed(&self, authority: usize) {
        self.until("the authority to be missed", |network| network.health().get(authority).is_some_and(|health| health != "alive"));
    }

    fn until_replaced(&self) {
        self.servers.until("a replica to take its place", |servers| servers.masters().len() == MASTERS);
    }

    /// What every authority has on disk, and the state that follows from it. They are asked to end for it, and do not
    /// run afterwards.
    ///
    /// # Errors
    /// [`Violation`] if the blocks of one of them break the ledger's rules.
    ///
    /// # Panics
    /// If a ledger cannot be read.
    pub fn records(&mut self) -> Result<Vec<Record>, Violation> {
        self.nodes.iter_mut().filter_map(|node| node.is_alive().then_some(node)).for_each(Process::terminate);
        let data = self.folder().join("data");
        let names = self.genesis.epoch.authorities.iter().map(|authority| authority.name.as_str());
        names.map(|name| read_record(&data.join(name).join("ledger.redb"), &self.genesis, name)).collect()
    }
}

/// What the ledger of an authority that does not run holds, and the state that follows from it.
///
/// # Errors
/// [`Violation`] if its blocks break the ledger's rules.
///
/// # Panics
/// If the file is not this authority's ledger, or cannot be read.
pub fn read_record(ledger: &Path, genesis: &Genesis, authority: &str) -> Result<Record, Violation> {
    let partition = PartitionId(0);
    let reading = async {
        let ledger = RedbLedger::open(ledger, genesis.chain_id(partition), authority)?;
        ledger.blocks(Height(1), usize::MAX).await
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime without I/O");
    let blocks = runtime.block_on(reading).unwrap_or_else(|error| panic!("{}: {error}", ledger.display()));
    Record::replayed(genesis, partition, authority, blocks)
}
