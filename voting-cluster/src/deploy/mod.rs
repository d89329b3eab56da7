//! Running the parts of a network as processes of their own: configuration, keys, and the wiring of the
//! seams.
//!
//! ```text
//!  voting node     ─▶ Authority: ledger (redb) · node · messages · queue · leadership · read models
//!  voting gateway  ─▶ GatewayParts: follower with a cache of blocks · queue · store
//! ```

mod authority;
mod backup;
mod config;
mod directory;
mod gateway;
mod join;
mod keys;
mod links;
mod plan;

pub use authority::{Authority, DeployError};
pub use backup::BackupSettings;
pub use config::{
    AuthorityLinks, ClusterSettings, ConfigError, GatewayLinks, GatewaySettings, NodeSettings, Overrides, RedisSettings,
    TrusteesSettings, read_genesis,
};
pub use directory::{Listed, coordinator_of, handovers_of, heartbeats_of};
pub use gateway::GatewayParts;
pub use join::{Joining, Newcomer};
pub use keys::{KeyFileError, generate_key, read_key, write_key};
pub use plan::{Messages, Plan, PlanError, Written};
