//! Where Redis is, and how long to be patient with it.

use std::fmt;
use std::time::Duration;

use ::redis::{ConnectionInfo, IntoConnectionInfo};
use thiserror::Error;

/// Longest namespace in bytes: it stands before every key.
pub const MAX_NAMESPACE_BYTES: usize = 32;

/// How long a call may take in all, retries included: longer than a failover with the usual node time-out
/// of two seconds.
pub const DEFAULT_PATIENCE: Duration = Duration::from_secs(8);

/// A word that stands before every key and channel, so that several networks can share one Redis.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Namespace(String);

impl Namespace {
    /// Letters, digits, `-` and `_`, at most [`MAX_NAMESPACE_BYTES`].
    ///
    /// # Errors
    /// [`RedisConfigError::Namespace`].
    pub fn new(text: impl Into<String>) -> Result<Self, RedisConfigError> {
        let text = text.into();
        let usable = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        if text.is_empty() || text.len() > MAX_NAMESPACE_BYTES || !usable {
            return Err(RedisConfigError::Namespace(text.chars().take(40).collect()));
        }
        Ok(Self(text))
    }

    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a configuration is not usable.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RedisConfigError {
    /// No address at all.
    #[error("no address of a Redis server is given; write at least one, as redis://HOST:PORT")]
    NoServer,
    /// An address that cannot be read.
    #[error("`{url}` is not the address of a Redis server ({reason}); write redis://[USER:PASSWORD@]HOST:PORT")]
    Url {
        /// The address, without its password.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A namespace with other characters, or too long.
    #[error("`{0}` is not usable as a namespace: write 1 to {MAX_NAMESPACE_BYTES} letters, digits, `-` or `_`")]
    Namespace(String),
}

/// Where Redis is.
#[derive(Clone)]
pub struct RedisConfig {
    pub(super) servers: Vec<ConnectionInfo>,
    /// Stands before every key and channel.
    pub namespace: Namespace,
    /// How long a call may take in all, retries included.
    pub patience: Duration,
}

impl RedisConfig {
    /// Servers by URL: some or all servers of a cluster, or a single server. Whether it is a cluster is
    /// found out by asking.
    ///
    /// # Errors
    /// [`RedisConfigError`] naming the address that cannot be read.
    pub fn new<S: AsRef<str>>(urls: impl IntoIterator<Item = S>, namespace: Namespace) -> Result<Self, RedisConfigError> {
        let servers = urls.into_iter().map(|url| parse(url.as_ref())).collect::<Result<Vec<_>, _>>()?;
        if servers.is_empty() {
            return Err(RedisConfigError::NoServer);
        }
        Ok(Self { servers, namespace, patience: DEFAULT_PATIENCE })
    }

    /// The same with another patience.
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// The same in another namespace.
    #[must_use]
    pub fn with_namespace(mut self, namespace: Namespace) -> Self {
        self.namespace = namespace;
        self
    }

    /// Host and port of each server, without any password.
    #[must_use]
    pub fn addresses(&self) -> Vec<String> {
        self.servers.iter().map(|server| server.addr().to_string()).collect()
    }
}

fn parse(url: &str) -> Result<ConnectionInfo, RedisConfigError> {
    let with_scheme = if url.contains("://") { url.to_owned() } else { format!("redis://{url}") };
    let refuse = |reason: String| RedisConfigError::Url { url: without_password(url), reason };
    with_scheme.into_connection_info().map_err(|error| refuse(error.to_string()))
}

/// What stands before an `@` may be a password.
fn without_password(url: &str) -> String {
    let shown: String = match (url.find("://"), url.rfind('@')) {
        (Some(scheme), Some(at)) if at > scheme => format!("{}…{}", &url[..scheme + 3], &url[at..]),
        (None, Some(at)) => format!("…{}", &url[at..]),
        _ => url.to_owned(),
    };
    shown.chars().take(100).collect()
}

impl fmt::Debug for RedisConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisConfig")
            .field("servers", &self.addresses())
            .field("namespace", &self.namespace)
            .field("patience", &self.patience)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn namespace() -> Namespace {
        Namespace::new("test").unwrap()
    }

    #[test]
    fn servers_are_read_from_urls_or_addresses() {
        let config = RedisConfig::new(["redis://127.0.0.1:7000", "localhost:7001", "redis://u:secret@h:1"], namespace()).unwrap();
        assert_eq!(config.addresses(), ["127.0.0.1:7000", "localhost:7001", "h:1"]);
        assert!(!format!("{config:?}").contains("secret"));
    }

    #[test]
    fn what_cannot_be_read_is_named_without_its_password() {
        assert_eq!(RedisConfig::new([""; 0], namespace()).unwrap_err(), RedisConfigError::NoServer);
        for url in ["http://user:secret@host", "redis://user:secret@host:port", "user:secret@host:99999999"] {
            let error = RedisConfig::new([url], namespace()).unwrap_err().to_string();
            assert!(error.contains("@host") && !error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn namespaces_hold_no_structure() {
        for bad in ["", "a b", "a:b", "{a}", "ä", &"x".repeat(MAX_NAMESPACE_BYTES + 1)] {
            assert!(Namespace::new(bad).is_err(), "{bad}");
        }
        assert_eq!(Namespace::new("a-B_1").unwrap().as_str(), "a-B_1");
    }
}
