//! What an authority says about itself, signed.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};
use voting_core::codec::Canonical;
use voting_core::crypto::{Signature, SigningKey};
use voting_core::epoch::Epoch;
use voting_core::ids::{AuthorityIndex, BlockHash, ChainId, Height, View};
use voting_core::time::Timestamp;

use crate::clock::ClockSummary;

/// How busy an authority is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Load {
    /// Processor time of its process, in thousandths of one core.
    pub cpu_permille: u32,
    /// Resident memory of its process in bytes.
    pub memory_bytes: u64,
    /// 99th percentile of its latest durable writes in microseconds.
    pub write_p99_us: u32,
    /// Entries that wait for a block.
    pub waiting: u32,
    /// Entries taken from the queue and not settled.
    pub taken: u32,
}

/// What an authority says about itself.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Heartbeat {
    /// The chain it works on.
    pub chain: ChainId,
    /// Number of the epoch that it is in.
    pub epoch: u32,
    /// Who says so.
    pub authority: AuthorityIndex,
    /// When its process started.
    pub started: Timestamp,
    /// Counts its heartbeats since then.
    pub sequence: u64,
    /// Its corrected time when it said so.
    pub at: Timestamp,
    /// The view that it is in.
    pub view: View,
    /// The leader of that view, as it sees it.
    pub leader: AuthorityIndex,
    /// Height of its last finalized block.
    pub height: Height,
    /// That block.
    pub head: BlockHash,
    /// How its clock is.
    pub clock: ClockSummary,
    /// How busy it is.
    pub load: Load,
}

impl Canonical for Heartbeat {
    const TAG: &'static str = "voting/heartbeat/v2";
    const MAX_BYTES: usize = 192 + ClockSummary::MAX_BYTES;
}

impl Heartbeat {
    /// By how many milliseconds its machine's clock is ahead of what the authorities agree on, negative when behind; none while
    /// nothing is agreed on.
    #[must_use]
    pub fn clock_ahead_ms(&self) -> Option<i32> {
        let ms = self.clock.machine_us? / 1_000;
        Some(i32::try_from(ms).unwrap_or(if ms < 0 { i32::MIN } else { i32::MAX }))
    }

    /// Later heartbeats are higher, also across a restart.
    #[must_use]
    pub const fn order(&self) -> (Timestamp, u64) {
        (self.started, self.sequence)
    }
}

/// A heartbeat with its authority's signature.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct SignedHeartbeat {
    heartbeat: Heartbeat,
    signature: Signature,
}

impl Canonical for SignedHeartbeat {
    const TAG: &'static str = "voting/signed-heartbeat/v2";
    const MAX_BYTES: usize = Heartbeat::MAX_BYTES + 64;
}

impl SignedHeartbeat {
    /// Signs a heartbeat.
    #[must_use]
    pub fn sign(heartbeat: Heartbeat, key: &SigningKey) -> Self {
        let signature = key.sign(&heartbeat.to_tagged());
        Self { heartbeat, signature }
    }

    /// Number of the epoch that it is said to be of.
    #[must_use]
    pub const fn epoch(&self) -> u32 {
        self.heartbeat.epoch
    }

    /// The heartbeat, if the authority that it names signed it for this chain and epoch.
    #[must_use]
    pub fn verify(self, chain: ChainId, epoch: &Epoch) -> Option<Heartbeat> {
        let author = epoch.authority(self.heartbeat.authority)?;
        let is_ours = self.heartbeat.chain == chain && self.heartbeat.epoch == epoch.number;
        let holds = is_ours && author.key.verify(&self.heartbeat.to_tagged(), &self.signature);
        holds.then_some(self.heartbeat)
    }
}
