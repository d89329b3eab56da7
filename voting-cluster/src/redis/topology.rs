//! What the cluster says about itself.

use std::collections::BTreeMap;

use ::redis::{FromRedisValue, Value};
use serde::Serialize;

use super::{RedisConfig, RedisError};

/// One server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ServerStatus {
    /// Its identity in the cluster.
    pub id: String,
    /// Where clients reach it.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// `master` or `replica`.
    pub role: String,
    /// `online`, `failed` or `loading`, as the server asked sees it.
    pub health: String,
    /// How much of the replication stream it has.
    pub offset: i64,
}

/// A master with its replicas.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShardStatus {
    /// First and last slot of each range.
    pub slots: Vec<(u16, u16)>,
    /// Its servers.
    pub servers: Vec<ServerStatus>,
}

impl ShardStatus {
    /// The master that is not known to have failed.
    #[must_use]
    pub fn master(&self) -> Option<&ServerStatus> {
        self.servers.iter().find(|server| server.role == "master" && server.health == "online")
    }

    /// Number of slots.
    #[must_use]
    pub fn slot_count(&self) -> u32 {
        self.slots.iter().map(|(first, last)| u32::from(last.saturating_sub(*first)) + 1).sum()
    }
}

/// The shards of a cluster; a single server is one shard of all slots.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Topology {
    /// The shards, by their first slot.
    pub shards: Vec<ShardStatus>,
}

/// What a master has done since it started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Usage {
    /// Where it is.
    pub address: String,
    /// Commands from clients and scripts, by name.
    pub commands: BTreeMap<String, u64>,
    /// Bytes received, replication not counted.
    pub bytes_in: u64,
    /// Bytes sent, replication not counted.
    pub bytes_out: u64,
}

impl Usage {
    pub(super) fn parse(address: String, info: &str) -> Self {
        let mut usage = Self { address, commands: BTreeMap::new(), bytes_in: 0, bytes_out: 0 };
        for line in info.lines() {
            let Some((name, value)) = line.trim().split_once(':') else { continue };
            if let Some(command) = name.strip_prefix("cmdstat_") {
                let calls = value.split(',').find_map(|field| field.strip_prefix("calls=")?.parse().ok());
                usage.commands.insert(command.to_owned(), calls.unwrap_or(0));
            } else if name == "total_net_input_bytes" {
                usage.bytes_in = value.parse().unwrap_or(0);
            } else if name == "total_net_output_bytes" {
                usage.bytes_out = value.parse().unwrap_or(0);
            }
        }
        usage
    }
}

impl Topology {
    /// The shard of a slot.
    #[must_use]
    pub fn shard_of(&self, slot: u16) -> Option<&ShardStatus> {
        self.shards.iter().find(|shard| shard.slots.iter().any(|(first, last)| (*first..=*last).contains(&slot)))
    }

    /// Slots that a master serves.
    #[must_use]
    pub fn slots_served(&self) -> u32 {
        self.shards.iter().filter(|shard| shard.master().is_some()).map(ShardStatus::slot_count).sum()
    }

    pub(super) fn single(config: &RedisConfig) -> Self {
        let servers = config.servers.iter().take(1).map(|server| {
            let (host, port) = match server.addr() {
                ::redis::ConnectionAddr::Tcp(host, port) | ::redis::ConnectionAddr::TcpTls { host, port, .. } => {
                    (host.clone(), *port)
                }
                other => (other.to_string(), 0),
            };
            ServerStatus { id: String::new(), host, port, role: "master".to_owned(), health: "online".to_owned(), offset: 0 }
        });
        Self { shards: vec![ShardStatus { slots: vec![(0, 16_383)], servers: servers.collect() }] }
    }

    /// Reads the answer to `CLUSTER SHARDS`.
    pub(crate) fn parse(answer: Value) -> Result<Self, RedisError> {
        let mut shards = sequence(answer)?.into_iter().map(shard).collect::<Result<Vec<_>, _>>()?;
        shards.sort_by_key(|shard| shard.slots.first().copied());
        Ok(Self { shards })
    }
}

fn unexpected(what: &str) -> RedisError {
    RedisError::Unexpected(format!("CLUSTER SHARDS: {what}"))
}

fn sequence(value: Value) -> Result<Vec<Value>, RedisError> {
    value.into_sequence().map_err(|_| unexpected("a list was expected"))
}

/// Name and value, in turn or as a map.
fn fields(value: Value) -> Result<Vec<(String, Value)>, RedisError> {
    let fields = value.into_map_iter().map_err(|_| unexpected("named fields were expected"))?;
    fields.map(|(name, value)| Ok((text(&name)?, value))).collect()
}

fn text(value: &Value) -> Result<String, RedisError> {
    String::from_redis_value_ref(value).map_err(|error| unexpected(&error.to_string()))
}

fn number(value: &Value) -> Result<i64, RedisError> {
    i64::from_redis_value_ref(value).map_err(|error| unexpected(&error.to_string()))
}

fn port(value: &Value) -> Result<u16, RedisError> {
    number(value)?.try_into().map_err(|_| unexpected("a slot or port is out of range"))
}

fn shard(value: Value) -> Result<ShardStatus, RedisError> {
    let mut shard = ShardStatus { slots: Vec::new(), servers: Vec::new() };
    for (name, value) in fields(value)? {
        match name.as_str() {
            "slots" => {
                let slots = sequence(value)?.iter().map(port).collect::<Result<Vec<_>, _>>()?;
                shard.slots = slots.chunks_exact(2).map(|range| (range[0], range[1])).collect();
            }
            "nodes" => shard.servers = sequence(value)?.into_iter().map(server).collect::<Result<_, _>>()?,
            _ => {}
        }
    }
    Ok(shard)
}

fn server(value: Value) -> Result<ServerStatus, RedisError> {
    let mut server =
        ServerStatus { id: String::new(), host: String::new(), port: 0, role: String::new(), health: String::new(), offset: 0 };
    for (name, value) in fields(value)? {
        match name.as_str() {
            "id" => server.id = text(&value)?,
            "ip" if server.host.is_empty() => server.host = text(&value)?,
            "endpoint" => {
                let endpoint = text(&value).unwrap_or_default();
                if !endpoint.is_empty() && endpoint != "?" {
                    server.host = endpoint;
                }
            }
            "port" => server.port = port(&value)?,
            "role" => server.role = text(&value)?,
            "health" => server.health = text(&value)?,
            "replication-offset" => server.offset = number(&value)?,
            _ => {}
        }
    }
    Ok(server)
}
