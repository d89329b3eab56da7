//! Whom the authorities prefer as their leader, under the leader policy
//! [`Elected`](crate::epoch::LeaderPolicy::Elected).
//!
//! Somebody outside consensus (a lease in Redis, an operator) finds out which authority should lead. That
//! authority asks for it with a signed [`PreferLeader`] in the ledger. Once it stands in a block, the block's
//! header and those of all its descendants carry the [`Preference`]: a header alone tells who leads
//! the views above it, so every authority that builds on a block computes the same leader.
//!
//! A preference is about speed and never about safety: safety does not use that a view has one leader.
//! A preferred authority that fails is passed over like any other, and the next in order leads.

use std::time::Duration;

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::codec::Canonical;
use crate::crypto::PublicKey;
use crate::ids::{AuthorityIndex, ChainId, Height, View};
use crate::time::Timestamp;

/// Views that a preference may last for: some minutes under load, when views take milliseconds. An idle
/// network stays in its view, and the preference stays with it.
pub const MAX_PREFERRED_VIEWS: u32 = 100_000;
/// Least time between two preferences. An authority that asks for the lead and then fails in it costs the others a
/// time-out of a view; so often, and no oftener.
pub const PREFERENCE_SPACING: Duration = Duration::from_secs(10);

/// An authority asks to lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct PreferLeader {
    /// The chain it is meant for.
    pub chain: ChainId,
    /// One more than the preferences so far: of two that are asked for at once, one is refused, and none can
    /// be replayed.
    pub term: u32,
    /// For how many views, between 1 and [`MAX_PREFERRED_VIEWS`].
    pub views: u32,
    /// The authority's key, which signs this.
    pub authority: PublicKey,
}

impl Canonical for PreferLeader {
    const TAG: &'static str = "voting/prefer-leader/v1";
    const MAX_BYTES: usize = 128;
}

/// A preference that stands in the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Preference {
    /// Its number, from 1.
    pub term: u32,
    /// Who should lead.
    pub leader: AuthorityIndex,
    /// View of the block that it stands in.
    pub since: View,
    /// Height of that block.
    pub height: Height,
    /// Time of that block.
    pub at: Timestamp,
    /// The last view that it is for.
    pub until: View,
}

impl Preference {
    /// Whether it was asked for in the block of this place.
    #[must_use]
    pub fn begins_at(&self, view: View, height: Height, at: Timestamp) -> bool {
        (self.since, self.height, self.at) == (view, height, at)
    }

    /// When the next one may be asked for.
    #[must_use]
    pub fn next_at(&self) -> Timestamp {
        self.at.saturating_add(PREFERENCE_SPACING)
    }
}
