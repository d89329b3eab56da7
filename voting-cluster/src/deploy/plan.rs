//! A plan for a network of processes, written as files: keys, genesis, configurations, services.
//!
//! ```text
//!  DIR/genesis.json            what the network is founded on; the same everywhere
//!  DIR/keys/NAME.key           secret keys (mode 0600): each goes to its own machine only
//!  DIR/NAME.toml               configuration of each authority and gateway
//!  DIR/data/NAME/first-start   says that an authority has never voted
//!  DIR/systemd/voting-NAME.service
//! ```

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use thiserror::Error;
use voting_core::crypto::SigningKey;
use voting_core::epoch::{Authority, Epoch, EpochError, Genesis, LeaderPolicy, Officer, QuorumRule, Timers};
use voting_core::seams::Clock;

use super::authority::FIRST_START;
use super::config::{AuthorityLinks, ConfigError, GatewayLinks, GatewaySettings, NodeSettings, RedisSettings};
use super::keys::{KeyFileError, generate_key, write_key};
use crate::clock::ClockConfig;

/// What the marker of a first start says.
const FIRST_START_WORDS: &str = "\
The key of this authority has never voted. It removes this file at its first start. Never put it back: an authority that has
lost its ledger must not take it for a new one.
";

/// What to write.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Name of the network.
    pub network: String,
    /// Number of authorities.
    pub authorities: usize,
    /// Number of gateways.
    pub gateways: usize,
    /// How many authorities make a quorum.
    pub quorum: QuorumRule,
    /// Who leads.
    pub leader: LeaderPolicy,
    /// Where Redis is.
    pub redis: RedisSettings,
    /// Port of the first gateway; the others follow.
    pub port: u16,
    /// How messages travel.
    pub messages: Messages,
    /// Whether the gateways set up the demonstration.
    pub demo: bool,
}

/// How messages between nodes travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Messages {
    /// Over direct links: the first authority listens on this port of this machine, the others on the next ones.
    Direct {
        /// The first port.
        port: u16,
    },
    /// Through Redis.
    Redis,
}

/// Why a plan was not written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PlanError {
    /// The numbers are not possible.
    #[error(transparent)]
    Epoch(#[from] EpochError),
    /// A network without a way in.
    #[error("a network has between 1 and 100 gateways, not {0}")]
    Gateways(usize),
    /// Redis cannot be addressed like this.
    #[error(transparent)]
    Redis(#[from] ConfigError),
    /// A key cannot be drawn or written.
    #[error(transparent)]
    Key(#[from] KeyFileError),
    /// The network has direct links, and the newcomer no address.
    #[error("the network has direct links: say where the newcomer accepts them")]
    NoListen,
    /// The folder has something in it.
    #[error("{0} is not empty; choose a new folder, so that no key is overwritten")]
    NotEmpty(PathBuf),
    /// A file cannot be written.
    #[error("{path}: {source}")]
    File {
        /// Which one.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// What was written.
#[derive(Debug, Clone)]
pub struct Written {
    /// What the network is founded on.
    pub genesis: Genesis,
    /// Configurations of the authorities, in the order of the epoch.
    pub nodes: Vec<PathBuf>,
    /// Configurations of the gateways.
    pub gateways: Vec<PathBuf>,
}

impl Plan {
    /// Draws keys and writes everything into an empty folder.
    ///
    /// # Errors
    /// [`PlanError`] naming what is not possible.
    pub fn write(&self, dir: &Path, clock: &dyn Clock) -> Result<Written, PlanError> {
        let quorum = self.quorum.threshold(self.authorities)?;
        if self.gateways == 0 || self.gateways > 100 {
            return Err(PlanError::Gateways(self.gateways));
        }
        self.redis.to_config()?;
        let file = |path: &Path| {
            let path = path.to_owned();
            move |source| PlanError::File { path, source }
        };
        fs::create_dir_all(dir).map_err(file(dir))?;
        if fs::read_dir(dir).map_err(file(dir))?.next().is_some() {
            return Err(PlanError::NotEmpty(dir.to_owned()));
        }
        let (keys, services) = (dir.join("keys"), dir.join("systemd"));
        for folder in [&keys, &services] {
            fs::create_dir(folder).map_err(file(folder))?;
        }
        let authorities = (0..self.authorities).map(|n| named_key(format!("authority-{n}"))).collect::<Result<Vec<_>, _>>()?;
        let office = ["officer", "registrar", "pseudonyms"].map(|name| named_key(name.to_owned()));
        let [officer, registrar, pseudonyms] = office;
        let (officer, registrar, pseudonyms) = (officer?, registrar?, pseudonyms?);
        let genesis = Genesis {
            network: self.network.clone(),
            founded_at: clock.now(),
            epoch: Epoch {
                number: 0,
                authorities: authorities.iter().map(|(name, key)| Authority { name: name.clone(), key: key.public() }).collect(),
                quorum,
                leader: self.leader,
                timers: Timers::default(),
            },
            officers: vec![Officer { name: "election office".to_owned(), key: officer.1.public() }],
            partitions: 1,
        };
        genesis.check()?;
        let gateways = (0..self.gateways).map(|n| named_key(format!("gateway-{n}"))).collect::<Result<Vec<_>, _>>()?;
        let linked = gateways.iter().filter(|_| matches!(self.messages, Messages::Direct { .. }));
        for (name, key) in authorities.iter().chain([&officer, &registrar, &pseudonyms]).chain(linked) {
            write_key(&keys.join(format!("{name}.key")), key)?;
        }
        let path = dir.join("genesis.json");
        let json =
            serde_json::to_vec_pretty(&genesis).map_err(|error| PlanError::File { path: path.clone(), source: error.into() })?;
        fs::write(&path, json).map_err(file(&path))?;

        let mut written = Written { genesis, nodes: Vec::new(), gateways: Vec::new() };
        let addresses = |except: &str| -> BTreeMap<String, String> {
            let others = authorities.iter().enumerate().filter(|(_, (name, _))| name != except);
            others.filter_map(|(n, (name, _))| Some((name.clone(), self.messages.address(n)?.to_string()))).collect()
        };
        for (n, (name, _)) in authorities.iter().enumerate() {
            let links = self.messages.address(n).map(|listen| AuthorityLinks {
                listen,
                addresses: addresses(name),
                gateways: gateways.iter().map(|(name, key)| (name.clone(), key.public())).collect(),
                joined: BTreeMap::new(),
            });
            let settings = NodeSettings {
                genesis: "genesis.json".into(),
                name: None,
                key: format!("keys/{name}.key").into(),
                next_key: None,
                data: format!("data/{name}").into(),
                redis: self.redis.clone(),
                clock: ClockConfig::default(),
                clock_offset_ms: 0,
                links,
            };
            written.nodes.push(write_settings(dir, name, "node", &settings)?);
            mark_first_start(&dir.join(&settings.data))?;
        }
        for (number, (name, _)) in gateways.iter().enumerate() {
            let port = self.port.wrapping_add(number as u16);
            let links = self.messages.address(0).map(|_| GatewayLinks {
                key: format!("keys/{name}.key").into(),
                addresses: addresses(""),
                joined: BTreeMap::new(),
            });
            let settings = GatewaySettings {
                name: name.clone(),
                genesis: "genesis.json".into(),
                data: format!("data/{name}").into(),
                listen: ([127, 0, 0, 1], port).into(),
                officer_key: "keys/officer.key".into(),
                registrar_key: "keys/registrar.key".into(),
                pseudonym_secret: "keys/pseudonyms.key".into(),
                secure_cookies: !self.demo,
                allowed_origins: Vec::new(),
                witnesses: Vec::new(),
                trustees: None,
                office: self.network.clone(),
                connections: 2_000,
                connections_per_address: 100,
                sockets: 10_000,
                sockets_per_address: 200,
                demo: self.demo,
                redis: self.redis.clone(),
                clock: ClockConfig::default(),
                clock_offset_ms: 0,
                links,
                backup: None,
            };
            written.gateways.push(write_settings(dir, name, "gateway", &settings)?);
        }
        Ok(written)
    }
}

impl Messages {
    /// Where an authority listens for direct links.
    fn address(self, authority: usize) -> Option<SocketAddr> {
        match self {
            Self::Direct { port } => Some(([127, 0, 0, 1], port.wrapping_add(authority as u16)).into()),
            Self::Redis => None,
        }
    }
}

fn named_key(name: String) -> Result<(String, SigningKey), KeyFileError> {
    Ok((name, generate_key()?))
}

/// Writes a configuration and its service; returns the path of the configuration.
/// Makes the data folder of an authority that has never voted, and says so in it.
pub(super) fn mark_first_start(data: &Path) -> Result<(), PlanError> {
    let marker = data.join(FIRST_START);
    fs::create_dir_all(data).map_err(|source| PlanError::File { path: data.to_owned(), source })?;
    fs::write(&marker, FIRST_START_WORDS).map_err(|source| PlanError::File { path: marker, source })
}

pub(super) fn write_settings<T: serde::Serialize>(
    dir: &Path,
    name: &str,
    command: &str,
    settings: &T,
) -> Result<PathBuf, PlanError> {
    let path = dir.join(format!("{name}.toml"));
    let refuse = |path: &Path, source: io::Error| PlanError::File { path: path.to_owned(), source };
    let text = toml::to_string_pretty(settings).map_err(|error| refuse(&path, io::Error::other(error)))?;
    fs::write(&path, format!("# Every setting can also come from the environment (VOTING__REDIS__NAMESPACE)\n# or from the command line (--set redis.namespace=NAME).\n\n{text}"))
        .map_err(|source| refuse(&path, source))?;
    let service = dir.join("systemd").join(format!("voting-{name}.service"));
    fs::write(&service, service_of(name, command)).map_err(|source| refuse(&service, source))?;
    Ok(path)
}

/// A systemd service with few rights, that comes back after a crash.
fn service_of(name: &str, command: &str) -> String {
    format!(
        "[Unit]\n\
         Description=Voting {name}\n\
         After=network-online.target\n\
         Wants=network-online.target\n\
         \n\
         [Service]\n\
         User=voting\n\
         WorkingDirectory=/etc/voting\n\
         ExecStart=/usr/local/bin/voting {command} --config /etc/voting/{name}.toml\n\
         Restart=always\n\
         RestartSec=1\n\
         TimeoutStopSec=30\n\
         LimitNOFILE=65536\n\
         NoNewPrivileges=yes\n\
         ProtectSystem=strict\n\
         ProtectHome=yes\n\
         PrivateTmp=yes\n\
         ReadWritePaths=/etc/voting/data\n\
         \n\
         [Install]\n\
         WantedBy=multi-user.target\n"
    )
}
