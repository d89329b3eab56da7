//! Who leads which view.
//!
//! * **Round robin**: leader(v) = ⌊(v − 1) / term⌋ mod n.
//! * **Fixed**: leader(v, h) = (v − h) mod n, where h is the height of the block to be proposed. While
//!   every view yields a block, v − h stays the same and so does the leader; each skipped view passes
//!   leadership on to the next authority, which keeps it until it fails in turn.
//!
//! Under the fixed policy, authorities that saw different certificates for an earlier view (a view can
//! have both a Notarize and a Skip certificate) may expect different leaders. Both are then rightful
//! leaders, each with a parent of its own; every honest authority still notarizes at most one block a
//! view, so safety is untouched and the cost is at most a skipped view. A proposal's header alone
//! tells whether its author may lead, so the check is the same everywhere.

use voting_core::epoch::{Epoch, LeaderPolicy};
use voting_core::ids::{AuthorityIndex, Height, View};

/// The authority that may propose a block of this height in this view.
#[must_use]
pub fn leader(epoch: &Epoch, view: View, height: Height) -> AuthorityIndex {
    let n = epoch.len().max(1) as u64;
    let turn = match epoch.leader {
        LeaderPolicy::Fixed => view.0.saturating_sub(height.0),
        LeaderPolicy::RoundRobin { term } => view.0.saturating_sub(1) / u64::from(term.max(1)),
    };
    AuthorityIndex((turn % n) as u16)
}
