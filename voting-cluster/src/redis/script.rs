//! Scripts: sent by their hash, and whole to a server that does not know them (a new primary, after a
//! flush).

use std::sync::OnceLock;

use ::redis::{Cmd, ServerErrorKind, ToRedisArgs, Value};

use super::{Redis, RedisError};

/// A Lua script.
pub(crate) struct Script {
    code: &'static str,
    hash: OnceLock<String>,
}

impl Script {
    pub(crate) const fn new(code: &'static str) -> Self {
        Self { code, hash: OnceLock::new() }
    }

    fn hash(&self) -> &str {
        self.hash.get_or_init(|| ::redis::Script::new(self.code).get_hash().to_owned())
    }

    /// Runs the script in the slot of its keys. It may run twice, if the first answer is lost.
    pub(crate) async fn run<K: ToRedisArgs, A: ToRedisArgs>(
        &self,
        redis: &Redis,
        keys: &[K],
        args: &[A],
    ) -> Result<Value, RedisError> {
        let command = |how: &str, what: &str| {
            let mut command = ::redis::cmd(how);
            command.arg(what).arg(keys.len());
            for key in keys {
                command.arg(key);
            }
            for arg in args {
                command.arg(arg);
            }
            command
        };
        let by_hash: Cmd = command("EVALSHA", self.hash());
        match redis.ask(&by_hash).await {
            Err(error) if error.is(ServerErrorKind::NoScript) => redis.ask(&command("EVAL", self.code)).await,
            result => result,
        }
    }
}
