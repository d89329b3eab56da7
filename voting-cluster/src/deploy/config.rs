//! Configuration of processes: flags before environment before file before defaults.
//!
//! A file is TOML. Every setting can also come from the environment (`VOTING__REDIS__NAMESPACE` is
//! `redis.namespace`) or from a flag (`--set redis.namespace=x`). Secrets stand in files of their own,
//! of which only the paths stand here. Relative paths are relative to the configuration file.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use config::{Config, Environment, File, FileFormat};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use voting_core::board::VerifierKey;
use voting_core::codec::Canonical as _;
use voting_core::crypto::PublicKey;
use voting_core::election::{Trustee, Trustees};
use voting_core::epoch::Genesis;

use super::backup::BackupSettings;
use crate::clock::ClockConfig;
use crate::redis::{Namespace, RedisConfig, RedisConfigError};

/// Prefix and separator of variables in the environment.
const PREFIX: &str = "VOTING";
const SEPARATOR: &str = "__";
/// Settings that are lists: in the environment they are separated by commas.
const LISTS: [&str; 3] = ["redis.servers", "allowed_origins", "witnesses"];

/// Why a configuration cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("the configuration {path}: {source}")]
    File {
        /// Which one.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A setting is missing, unknown or of another form.
    #[error("the configuration {path}: {reason}")]
    Setting {
        /// The file.
        path: PathBuf,
        /// Which setting, and what is wrong with it.
        reason: String,
    },
    /// An override that is not of the form KEY=VALUE.
    #[error("`{0}` sets nothing: write KEY=VALUE, as in redis.namespace=voting")]
    Override(String),
    /// The servers or the namespace of Redis.
    #[error("redis: {0}")]
    Redis(#[from] RedisConfigError),
    /// The genesis is not one.
    #[error("the genesis {path}: {reason}")]
    Genesis {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// Settings given on the command line, as `KEY=VALUE`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides(Vec<(String, String)>);

impl Overrides {
    /// Reads `KEY=VALUE` pairs.
    ///
    /// # Errors
    /// [`ConfigError::Override`] naming the first that is not one.
    pub fn parse<S: AsRef<str>>(pairs: impl IntoIterator<Item = S>) -> Result<Self, ConfigError> {
        let split = |pair: S| {
            let pair = pair.as_ref();
            let found = pair.split_once('=').filter(|(key, _)| !key.trim().is_empty());
            let (key, value) = found.ok_or_else(|| ConfigError::Override(pair.chars().take(60).collect()))?;
            Ok((key.trim().to_owned(), value.trim().to_owned()))
        };
        pairs.into_iter().map(split).collect::<Result<_, _>>().map(Self)
    }
}

/// Where Redis is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RedisSettings {
    /// Some or all servers, as `redis://[USER:PASSWORD@]HOST:PORT`.
    pub servers: Vec<String>,
    /// Stands before every key, so that several networks can share one Redis.
    #[serde(default = "default_namespace")]
    pub namespace: String,
    /// How long a call may take in all, in milliseconds.
    #[serde(default = "default_patience")]
    pub patience_ms: u64,
}

fn default_namespace() -> String {
    "voting".to_owned()
}

fn default_patience() -> u64 {
    crate::redis::DEFAULT_PATIENCE.as_millis() as u64
}

impl RedisSettings {
    /// The connection's configuration.
    ///
    /// # Errors
    /// [`ConfigError::Redis`].
    pub fn to_config(&self) -> Result<RedisConfig, ConfigError> {
        let config = RedisConfig::new(&self.servers, Namespace::new(self.namespace.as_str())?)?;
        Ok(config.with_patience(Duration::from_millis(self.patience_ms)))
    }
}

impl Default for RedisSettings {
    fn default() -> Self {
        Self { servers: vec!["redis://127.0.0.1:6379".to_owned()], namespace: default_namespace(), patience_ms: default_patience() }
    }
}

/// What the configurations of authorities and gateways have in common: where the network is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ClusterSettings {
    /// The genesis of the network.
    pub genesis: PathBuf,
    /// Shared state and the queue.
    pub redis: RedisSettings,
}

/// Direct links of an authority.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthorityLinks {
    /// Where it accepts connections.
    pub listen: SocketAddr,
    /// Addresses of the other authorities, `HOST:PORT` by name.
    pub addresses: BTreeMap<String, String>,
    /// Public keys of the gateways, by name; they dial.
    #[serde(default)]
    pub gateways: BTreeMap<String, PublicKey>,
    /// Public keys of authorities that have joined since the genesis or have another key by now, by name; their addresses
    /// stand among the others.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub joined: BTreeMap<String, PublicKey>,
}

/// Direct links of a gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GatewayLinks {
    /// The file of the key that it shows to the authorities.
    pub key: PathBuf,
    /// Addresses of the authorities, `HOST:PORT` by name.
    pub addresses: BTreeMap<String, String>,
    /// Public keys of authorities that have joined since the genesis or have another key by now, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub joined: BTreeMap<String, PublicKey>,
}

/// Settings of one authority.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeSettings {
    /// The genesis of the network.
    pub genesis: PathBuf,
    /// Name of an authority that joins later; those of the genesis are known by their keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The file of this authority's secret key, which says which authority it is.
    pub key: PathBuf,
    /// The file of the key that is to follow, once the others know it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_key: Option<PathBuf>,
    /// Where its ledger is kept.
    pub data: PathBuf,
    /// Shared state and the queue.
    pub redis: RedisSettings,
    /// How its clock is synchronised with the other authorities'.
    #[serde(default, skip_serializing_if = "is_default")]
    pub clock: ClockConfig,
    /// Shows the machine's clock wrong by so many milliseconds. For trials: to see what becomes of a wrong clock.
    #[serde(default, skip_serializing_if = "is_default")]
    pub clock_offset_ms: i64,
    /// Direct links; without them messages go through Redis.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub links: Option<AuthorityLinks>,
}

/// Settings of one gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GatewaySettings {
    /// Its name in the network, unique.
    pub name: String,
    /// The genesis of the network.
    pub genesis: PathBuf,
    /// Where blocks are cached; may be deleted at any time.
    pub data: PathBuf,
    /// Address to listen on.
    #[serde(default = "default_listen")]
    pub listen: SocketAddr,
    /// The file of the key that signs officers' acts.
    pub officer_key: PathBuf,
    /// The file of the key that certifies voters.
    pub registrar_key: PathBuf,
    /// The file of the secret that voters' pseudonyms are derived from.
    pub pseudonym_secret: PathBuf,
    /// Whether cookies are marked `Secure`; only on loopback may they not be.
    #[serde(default = "yes")]
    pub secure_cookies: bool,
    /// Web origins, besides its own, that may call the API from a browser.
    #[serde(default)]
    pub allowed_origins: Vec<String>,
    /// Keys of witnesses, `NAME+ID+KEY` as `voting witness key` prints them: their cosignatures are kept below checkpoints.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub witnesses: Vec<VerifierKey>,
    /// The office's trustees: they decrypt elections that name none of their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trustees: Option<TrusteesSettings>,
    /// Name shown to voters as the creator of elections.
    #[serde(default = "default_office")]
    pub office: String,
    /// Connections at a time; more are closed at once.
    #[serde(default = "default_connections")]
    pub connections: usize,
    /// Connections from one address at a time; a proxy in front is one address.
    #[serde(default = "default_connections_per_address")]
    pub connections_per_address: usize,
    /// Live connections (WebSockets) at a time; more are refused.
    #[serde(default = "default_sockets")]
    pub sockets: usize,
    /// The same from one address.
    #[serde(default = "default_sockets_per_address")]
    pub sockets_per_address: usize,
    /// Whether to set up the demonstration, with passwords that everyone knows.
    #[serde(default)]
    pub demo: bool,
    /// Shared state and the queue.
    pub redis: RedisSettings,
    /// How its clock is synchronised with the authorities'.
    #[serde(default, skip_serializing_if = "is_default")]
    pub clock: ClockConfig,
    /// Shows the machine's clock wrong by so many milliseconds. For trials: to see what becomes of a wrong clock.
    #[serde(default, skip_serializing_if = "is_default")]
    pub clock_offset_ms: i64,
    /// Direct links; without them messages go through Redis.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub links: Option<GatewayLinks>,
    /// Backups of accounts and rolls; without it this gateway makes none by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup: Option<BackupSettings>,
}

/// The trustees of an office.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrusteesSettings {
    /// How many of them it takes to decrypt; more than half if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<u16>,
    /// Fewest ballots whose sums are decrypted; [`Trustees::USUAL_MIN_BALLOTS`] if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_ballots: Option<u64>,
    /// Who they are, each with the key that `voting trustee keygen` printed.
    pub members: Vec<Trustee>,
}

impl TrusteesSettings {
    /// The trustees, as a definition names them.
    #[must_use]
    pub fn trustees(&self) -> Trustees {
        Trustees::of(self.members.clone(), self.threshold, self.min_ballots)
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Whether clocks can be synchronised by these values.
fn check_clock(path: &Path, clock: &ClockConfig) -> Result<(), ConfigError> {
    clock.check().map_err(|error| ConfigError::Setting { path: path.to_owned(), reason: error.to_string() })
}

fn default_listen() -> SocketAddr {
    SocketAddr::from(([0, 0, 0, 0], 8000))
}

fn default_connections() -> usize {
    2_000
}

fn default_connections_per_address() -> usize {
    100
}

fn default_sockets() -> usize {
    10_000
}

fn default_sockets_per_address() -> usize {
    200
}

fn yes() -> bool {
    true
}

fn default_office() -> String {
    "Election office".to_owned()
}

/// A file's settings, with environment and overrides on top.
fn load<T: DeserializeOwned>(path: &Path, overrides: &Overrides) -> Result<T, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::File { path: path.to_owned(), source })?;
    let setting = |error: config::ConfigError| ConfigError::Setting { path: path.to_owned(), reason: error.to_string() };
    let mut environment =
        Environment::with_prefix(PREFIX).prefix_separator(SEPARATOR).separator(SEPARATOR).try_parsing(true).list_separator(",");
    for list in LISTS {
        environment = environment.with_list_parse_key(list);
    }
    let mut builder = Config::builder().add_source(File::from_str(&text, FileFormat::Toml)).add_source(environment);
    for (key, value) in &overrides.0 {
        builder = if LISTS.contains(&key.as_str()) {
            let items: Vec<String> = value.split(',').map(|item| item.trim().to_owned()).collect();
            builder.set_override(key, items).map_err(setting)?
        } else {
            builder.set_override(key, value.as_str()).map_err(setting)?
        };
    }
    builder.build().and_then(Config::try_deserialize).map_err(setting)
}

/// Paths are meant relative to the file that they stand in.
fn resolve(file: &Path, paths: &mut [&mut PathBuf]) {
    let folder = file.parent().unwrap_or(Path::new("."));
    for path in paths {
        **path = folder.join(&**path);
    }
}

impl ClusterSettings {
    /// Reads them from the settings of an authority or a gateway.
    ///
    /// # Errors
    /// [`ConfigError`] naming the file and the setting.
    pub fn load(path: &Path, overrides: &Overrides) -> Result<Self, ConfigError> {
        let mut settings: Self = load(path, overrides)?;
        resolve(path, &mut [&mut settings.genesis]);
        Ok(settings)
    }

    /// Reads the genesis.
    ///
    /// # Errors
    /// [`ConfigError::Genesis`].
    pub fn read_genesis(&self) -> Result<Genesis, ConfigError> {
        read_genesis(&self.genesis)
    }
}

impl NodeSettings {
    /// Reads an authority's settings.
    ///
    /// # Errors
    /// [`ConfigError`] naming the file and the setting.
    pub fn load(path: &Path, overrides: &Overrides) -> Result<Self, ConfigError> {
        let mut settings: Self = load(path, overrides)?;
        resolve(path, &mut [&mut settings.genesis, &mut settings.key, &mut settings.data]);
        check_clock(path, &settings.clock)?;
        Ok(settings)
    }
}

impl GatewaySettings {
    /// Reads a gateway's settings.
    ///
    /// # Errors
    /// [`ConfigError`] naming the file and the setting.
    pub fn load(path: &Path, overrides: &Overrides) -> Result<Self, ConfigError> {
        let mut settings: Self = load(path, overrides)?;
        check_clock(path, &settings.clock)?;
        let Self { genesis, data, officer_key, registrar_key, pseudonym_secret, links, .. } = &mut settings;
        resolve(path, &mut [genesis, data, officer_key, registrar_key, pseudonym_secret]);
        if let Some(links) = links {
            resolve(path, &mut [&mut links.key]);
        }
        if let Some(trustees) = &settings.trustees {
            let wrong = |error| ConfigError::Setting { path: path.to_owned(), reason: format!("trustees: {error}") };
            trustees.trustees().check().map_err(wrong)?;
        }
        if let Some(backup) = &mut settings.backup {
            backup.check().map_err(|reason| ConfigError::Setting { path: path.to_owned(), reason })?;
            resolve(path, &mut [&mut backup.folder]);
        }
        Ok(settings)
    }
}

/// Reads a genesis, as JSON or in its canonical bytes.
///
/// # Errors
/// [`ConfigError::Genesis`] naming the file.
pub fn read_genesis(path: &Path) -> Result<Genesis, ConfigError> {
    let refuse = |reason: String| ConfigError::Genesis { path: path.to_owned(), reason };
    let bytes = std::fs::read(path).map_err(|error| refuse(error.to_string()))?;
    let genesis = match serde_json::from_slice::<Genesis>(&bytes) {
        Ok(genesis) => genesis,
        Err(error) if bytes.first() == Some(&b'{') => return Err(refuse(error.to_string())),
        Err(_) => Genesis::from_canonical(&bytes).map_err(|error| refuse(error.to_string()))?,
    };
    genesis.check().map_err(|error| refuse(error.to_string()))?;
    Ok(genesis)
}

#[cfg(test)]
mod tests {
    use voting_core::testing;

    use super::*;

    const NODE: &str = r#"
        genesis = "genesis.json"
        key = "/keys/a.key"
        data = "data"
        [redis]
        servers = ["redis://one:7000", "redis://two:7000"]
    "#;

    fn written(text: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("node.toml");
        std::fs::write(&path, text).unwrap();
        (folder, path)
    }

    #[test]
    fn a_file_is_enough_and_paths_are_relative_to_it() {
        let (folder, path) = written(NODE);
        let settings = NodeSettings::load(&path, &Overrides::default()).unwrap();
        assert_eq!(settings.genesis, folder.path().join("genesis.json"));
        assert_eq!(settings.key, Path::new("/keys/a.key"));
        assert_eq!((settings.redis.namespace.as_str(), settings.redis.patience_ms), ("voting", 8_000));
        assert_eq!(settings.redis.to_config().unwrap().addresses(), ["one:7000", "two:7000"]);
    }

    #[test]
    fn overrides_win_lists_included() {
        let (_folder, path) = written(NODE);
        let overrides = Overrides::parse(["redis.namespace=other", "redis.servers=three:1,four:2", "redis.patience_ms = 5"]);
        let settings = NodeSettings::load(&path, &overrides.unwrap()).unwrap();
        assert_eq!(settings.redis.namespace, "other");
        assert_eq!(settings.redis.servers, ["three:1", "four:2"]);
        assert_eq!(settings.redis.patience_ms, 5);
    }

    #[test]
    fn witnesses_of_a_gateway_are_keys_that_fit_their_names() {
        const KEY: &str = "witness.example.org/board+fc1b4a61+BDQA63J5suTQuJ7zT369e4a3fWxpG/30QbNYOnpJGWtF";
        let gateway = |witness: &str| {
            let keys = "officer_key = \"o\"\nregistrar_key = \"r\"\npseudonym_secret = \"p\"\n";
            let (_folder, path) = written(
                &format!("name = \"gateway-0\"\nwitnesses = [\"{witness}\"]\n{keys}{NODE}").replace("key = \"/keys/a.key\"", ""),
            );
            GatewaySettings::load(&path, &Overrides::default())
        };
        assert_eq!(gateway(KEY).unwrap().witnesses[0].to_string(), KEY);
        for (wrong, named) in
            [("witness.example.org", "witnesses"), (&KEY.replace("fc1b", "fc1c"), "id is not that of name and key")]
        {
            let error = gateway(wrong).unwrap_err().to_string();
            assert!(error.contains("node.toml") && error.contains(named), "{error}");
        }
    }

    #[test]
    fn trustees_of_an_office_can_carry_out_a_ceremony() {
        let keys = "name = \"gateway-0\"\nofficer_key = \"o\"\nregistrar_key = \"r\"\npseudonym_secret = \"p\"\n";
        let member =
            |name: &str, key: u64| format!("[[trustees.members]]\nname = \"{name}\"\nkey = \"{}\"\n", testing::key(key).public());
        let gateway = |trustees: &str| {
            let (_folder, path) = written(&format!("{keys}{NODE}{trustees}").replace("key = \"/keys/a.key\"", ""));
            GatewaySettings::load(&path, &Overrides::default())
        };
        let both = format!("{}{}", member("Ann", 1), member("Ben", 2));
        let trustees = gateway(&both).unwrap().trustees.unwrap().trustees();
        assert_eq!((trustees.threshold, trustees.min_ballots, trustees.trustees[1].name.as_str()), (2, 3, "Ben"));
        let trustees =
            gateway(&format!("[trustees]\nthreshold = 1\nmin_ballots = 9\n{both}")).unwrap().trustees.unwrap().trustees();
        assert_eq!((trustees.threshold, trustees.min_ballots), (1, 9));
        assert_eq!(gateway("").unwrap().trustees, None);
        for (wrong, named) in [
            (format!("[trustees]\nthreshold = 3\n{both}"), "trustees: trustees: 3 of 2"),
            (format!("[trustees]\nmin_ballots = 0\n{both}"), "min_ballots"),
            (format!("{}{}", member("Ann", 1), member("Ann", 2)), "two trustees are named `Ann`"),
            (both.replace(&testing::key(2).public().to_string(), "zz"), "key"),
            ("[trustees]\nthreshold = 2\n".to_owned(), "members"),
        ] {
            let error = gateway(&wrong).unwrap_err().to_string();
            assert!(error.contains("node.toml") && error.contains(named), "{named}: {error}");
        }
    }

    #[test]
    fn every_error_names_the_setting() {
        let cases = [
            ("genesis = \"g\"\nkey = \"k\"\ndata = \"d\"\n", "redis"),
            (&NODE.replace("key =", "kee ="), "kee"),
            (&NODE.replace("servers =", "server ="), "server"),
            (&NODE.replace("data = \"data\"", "data = 7.5\nextra = 1"), "extra"),
            ("genesis = ", "line"),
            (&format!("{NODE}\n[clock]\nslew_ppm = 1\n"), "clock.slew_ppm is 1; from twice clock.drift_ppm"),
            (&format!("{NODE}\n[clock]\npoll_seconds = 1\n"), "poll_seconds"),
        ];
        for (text, named) in cases {
            let (_folder, path) = written(text);
            let error = NodeSettings::load(&path, &Overrides::default()).unwrap_err().to_string();
            assert!(error.contains("node.toml") && error.contains(named), "{named}: {error}");
        }
        let (_folder, path) = written(NODE);
        let overrides = Overrides::parse(["redis.patience_ms=soon"]).unwrap();
        let error = NodeSettings::load(&path, &overrides).unwrap_err().to_string();
        assert!(error.contains("patience_ms"), "{error}");
        assert!(Overrides::parse(["x"]).unwrap_err().to_string().contains("`x`"));
        let missing = NodeSettings::load(Path::new("/nowhere/node.toml"), &Overrides::default()).unwrap_err().to_string();
        assert!(missing.contains("/nowhere/node.toml"));
        let settings = RedisSettings { servers: vec![], namespace: "a b".to_owned(), patience_ms: 1 };
        assert!(settings.to_config().unwrap_err().to_string().contains("a b"));
    }
}
