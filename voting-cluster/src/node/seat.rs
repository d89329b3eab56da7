//! What a node is in an epoch: one of its authorities, or somebody who only follows.

use std::sync::Arc;

use voting_consensus::EngineConfig;
use voting_core::crypto::SigningKey;
use voting_core::epoch::Epoch;
use voting_core::ids::{AuthorityIndex, ChainId, Height};
use voting_core::state::LedgerState;

use super::{NodeConfig, NodeError};

/// A node's place in an epoch.
#[derive(Debug)]
pub(super) struct Seat {
    /// The authorities.
    pub(super) epoch: Arc<Epoch>,
    /// The first height that they decide on.
    pub(super) first: Height,
    /// Which of them this node is.
    pub(super) me: Option<AuthorityIndex>,
    /// The key that it signs with.
    pub(super) key: SigningKey,
    nonce: [u8; 32],
}

impl Seat {
    /// The place in the epoch that decides on the next block; the node has a key.
    ///
    /// # Errors
    /// [`NodeError::Randomness`].
    pub(super) fn take(state: &LedgerState, config: &NodeConfig) -> Result<Self, NodeError> {
        let keys = &config.keys;
        let mut nonce = [0; 32];
        getrandom::fill(&mut nonce).map_err(|error| NodeError::Randomness(error.to_string()))?;
        let epoch = Arc::clone(state.epoch());
        let first = state.epochs().last().map_or(Height(1), |(first, _)| *first);
        let mine = keys.iter().find_map(|key| Some((epoch.index_of(&key.public())?, key.clone())));
        let (me, key) = match mine {
            Some((me, key)) => (Some(me), key),
            None => (None, keys[0].clone()),
        };
        Ok(Self { epoch, first, me, key, nonce })
    }

    /// What its engine needs to know.
    pub(super) fn engine(&self, chain: ChainId) -> EngineConfig {
        let (epoch, key) = (Arc::clone(&self.epoch), self.key.clone());
        let config = match self.me {
            Some(me) => EngineConfig::new(chain, epoch, me, key),
            None => EngineConfig::observer(chain, epoch, key),
        };
        EngineConfig { first: self.first, nonce: self.nonce, ..config }
    }
}
