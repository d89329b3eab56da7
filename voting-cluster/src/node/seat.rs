//! What a node is in an epoch: one of its authorities, or somebody who only follows.

use std::sync::Arc;

use voting_consensus::EngineConfig;
use voting_core::crypto::SigningKey;
use voting_core::epoch::Epoch;
use voting_core::ids::{AuthorityIndex, ChainId, Height};
use voting_core::state::LedgerState;

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
}

impl Seat {
    /// The place in the epoch that decides on the next block; `keys` is not empty.
    pub(super) fn take(state: &LedgerState, keys: &[SigningKey]) -> Self {
        let epoch = Arc::clone(state.epoch());
        let first = state.epochs().last().map_or(Height(1), |(first, _)| *first);
        let mine = keys.iter().find_map(|key| Some((epoch.index_of(&key.public())?, key.clone())));
        let (me, key) = match mine {
            Some((me, key)) => (Some(me), key),
            None => (None, keys[0].clone()),
        };
        Self { epoch, first, me, key }
    }

    /// What its engine needs to know.
    pub(super) fn engine(&self, chain: ChainId) -> EngineConfig {
        let (epoch, key) = (Arc::clone(&self.epoch), self.key.clone());
        let config = match self.me {
            Some(me) => EngineConfig::new(chain, epoch, me, key),
            None => EngineConfig::observer(chain, epoch, key),
        };
        EngineConfig { first: self.first, ..config }
    }
}
