//! A whole network in a process of its own.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Stdio};

use serde_json::Value;
use voting_cluster::EmbeddedConfig;
use voting_cluster::clock::SystemClock;
use voting_cluster::embedded::Identity;
use voting_cluster::testing::deployment::read_record;
use voting_cluster::testing::history::{Record, Violation};
use voting_core::epoch::Genesis;

use super::{Person, nobody};

/// A network in a process of its own, stopped when dropped.
pub(crate) struct Network {
    process: Child,
    pub(crate) url: String,
    pub(crate) genesis: String,
    data: Option<PathBuf>,
    home: Person,
}

impl Network {
    /// A network that keeps nothing.
    pub(crate) fn start() -> Self {
        Self::spawn(None, "0", Person::at(&nobody()))
    }

    /// A network that can be killed and started again.
    pub(crate) fn durable() -> Self {
        let home = Person::at(&nobody());
        Self::spawn(Some(home.path("network")), "0", home)
    }

    /// Kills the process and starts another with the same data at the same address.
    pub(crate) fn kill_and_restart(mut self) -> Self {
        self.stop();
        let port = self.url.rsplit_once(':').unwrap().1.to_owned();
        let home = std::mem::replace(&mut self.home, Person::at(&nobody()));
        Self::spawn(self.data.take(), &port, home)
    }

    /// The same, with a gateway that knows a witness.
    pub(crate) fn witnessed(key: &str) -> Self {
        let home = Person::at(&nobody());
        Self::spawn_with(Some(home.path("network")), "0", home, &["--witness", key])
    }

    fn spawn(data: Option<PathBuf>, port: &str, home: Person) -> Self {
        Self::spawn_with(data, port, home, &[])
    }

    fn spawn_with(data: Option<PathBuf>, port: &str, home: Person, args: &[&str]) -> Self {
        let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin!("voting"));
        command.env_clear().env("VOTING_STATE_DIR", home.state_dir()).args(["dev", "--port", port, "--output", "json"]).args(args);
        match &data {
            Some(dir) => command.arg("--data").arg(dir),
            None => command.arg("--ephemeral"),
        };
        let mut process = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut text = String::new();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let started: Value = loop {
            text.push_str(&lines.next().expect("it ended before it had started").unwrap());
            if let Ok(value) = serde_json::from_str(&text) {
                break value;
            }
        };
        let field = |name: &str| started[name].as_str().unwrap().to_owned();
        Self { process, url: field("url"), genesis: field("genesis"), data, home }
    }

    /// The number of the process.
    pub(crate) fn process(&self) -> u32 {
        self.process.id()
    }

    fn stop(&mut self) {
        let _ = self.process.kill(); // it may have ended already
        let _ = self.process.wait();
    }

    /// Somebody signed in.
    pub(crate) fn person(&self, email: &str, password: &str) -> Person {
        let person = Person::at(&self.url);
        person.with_stdin(&format!("{password}\n"), &["login", "--email", email]).exits(0);
        person
    }
}

/// A network that was killed and keeps its data.
pub(crate) struct Stopped(Network);

impl Stopped {
    /// Starts it again at the same address.
    pub(crate) fn restart(self) -> Network {
        self.0.kill_and_restart()
    }
}

impl Network {
    /// Where a durable one keeps its data.
    pub(crate) fn data(&self) -> PathBuf {
        self.data.clone().unwrap()
    }

    /// Kills the process.
    pub(crate) fn stopped(mut self) -> Stopped {
        self.stop();
        Stopped(self)
    }

    /// Kills the process, and reads what its authorities have on disk.
    pub(crate) fn records(mut self) -> (Genesis, Result<Vec<Record>, Violation>) {
        self.stop();
        let data = self.data.clone().unwrap();
        let genesis = Identity::load_or_found(&data, &EmbeddedConfig::default(), &SystemClock::new()).unwrap().genesis;
        let names = genesis.epoch.authorities.iter().map(|authority| authority.name.as_str());
        let records = names.map(|name| read_record(&data.join(format!("{name}.redb")), &genesis, name)).collect();
        (genesis, records)
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.stop();
    }
}
