//! What an engine needs to know about itself and its network.

use std::sync::Arc;

use voting_core::ChainId;
use voting_core::crypto::SigningKey;
use voting_core::epoch::Epoch;
use voting_core::ids::AuthorityIndex;

/// Notarized blocks above the last final one before proposals must be empty: bounds what is
/// speculative, and gives finality a chance to catch up.
pub const DEFAULT_MAX_DEPTH: usize = 8;

/// Configuration of one authority's engine.
#[derive(Debug, Clone)]
pub struct EngineConfig {
    /// The chain agreed on.
    pub chain: ChainId,
    /// Who takes part, and by which rules.
    pub epoch: Arc<Epoch>,
    /// Which authority this is.
    pub me: AuthorityIndex,
    /// Its key.
    pub key: SigningKey,
    /// Notarized blocks above the last final one before proposals must be empty.
    pub max_depth: usize,
}

impl EngineConfig {
    /// The usual configuration.
    #[must_use]
    pub const fn new(chain: ChainId, epoch: Arc<Epoch>, me: AuthorityIndex, key: SigningKey) -> Self {
        Self { chain, epoch, me, key, max_depth: DEFAULT_MAX_DEPTH }
    }
}
