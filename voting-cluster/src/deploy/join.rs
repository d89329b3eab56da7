//! Configuration, key and folder of an authority that joins a network.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use voting_core::crypto::PublicKey;

use super::config::{AuthorityLinks, NodeSettings};
use super::keys::{generate_key, write_key};
use super::plan::{PlanError, mark_first_start, write_settings};

/// An authority to come.
#[derive(Debug, Clone)]
pub struct Newcomer {
    /// Its name.
    pub name: String,
    /// The configuration of an authority of the network, whose settings it takes; everything is written beside that file.
    pub like: PathBuf,
    /// Where it accepts direct links, if the network has them.
    pub listen: Option<SocketAddr>,
}

/// What was written.
#[derive(Debug, Clone)]
pub struct Joining {
    /// Its configuration.
    pub config: PathBuf,
    /// Its public key, for the change that makes it an authority.
    pub key: PublicKey,
}

impl Newcomer {
    /// Draws a key, and writes it with a configuration, a service and an empty data folder.
    ///
    /// # Errors
    /// [`PlanError`]; a configuration or key that is there already is not overwritten.
    pub fn write(&self) -> Result<Joining, PlanError> {
        let Self { name, like, listen } = self;
        let refuse = |path: &Path, source: io::Error| PlanError::File { path: path.to_owned(), source };
        let text = fs::read_to_string(like).map_err(|source| refuse(like, source))?;
        let model: NodeSettings = toml::from_str(&text).map_err(|error| refuse(like, io::Error::other(error)))?;
        let dir = like.parent().unwrap_or(Path::new("."));
        let config = dir.join(format!("{name}.toml"));
        if config.exists() {
            return Err(refuse(&config, io::ErrorKind::AlreadyExists.into()));
        }
        let links = match (&model.links, listen) {
            (None, _) => None,
            (Some(_), None) => return Err(PlanError::NoListen),
            (Some(links), Some(listen)) => Some(linked(links, like, *listen)),
        };
        let settings = NodeSettings {
            name: Some(name.clone()),
            key: format!("keys/{name}.key").into(),
            next_key: None,
            data: format!("data/{name}").into(),
            links,
            ..model
        };
        let key = generate_key()?;
        write_key(&dir.join(&settings.key), &key)?;
        mark_first_start(&dir.join(&settings.data))?;
        write_settings(dir, name, "node", &settings)?;
        Ok(Joining { config, key: key.public() })
    }
}

/// The links of the authority whose settings are taken, and one to that authority itself.
fn linked(links: &AuthorityLinks, like: &Path, listen: SocketAddr) -> AuthorityLinks {
    let mut addresses = links.addresses.clone();
    if let Some(name) = like.file_stem().and_then(|name| name.to_str()) {
        addresses.insert(name.to_owned(), links.listen.to_string());
    }
    AuthorityLinks { listen, addresses, ..links.clone() }
}
