//! Who leads which view.
//!
//! * **Round robin**: leader(v) = ⌊(v − 1) / term⌋ mod n.
//! * **Fixed**: leader(v, h) = (v − h) mod n, where h is the height of the block to be proposed. While
//!   every view yields a block, v − h stays the same and so does the leader; each skipped view passes
//!   leadership on to the next authority, which keeps it until it fails in turn.
//! * **Elected**: as fixed, but counted from the last preference in the chain. Let it name authority p in
//!   the block of view s and height g: leader(v, h) = (p + (v − h) − (s − g)) mod n for s < v ≤ until. The
//!   difference of the two brackets is the number of views skipped since. Without a preference in force it
//!   is the fixed policy.
//!
//! Under the fixed and the elected policy, authorities that saw different certificates for an earlier view
//! (a view can have both a Notarize and a Skip certificate) may expect different leaders. Both are then
//! rightful leaders, each with a parent of its own; every honest authority still notarizes at most one
//! block a view, so safety is untouched and the cost is at most a skipped view. A proposal's header,
//! and for an elected leader its parent's, tell whether its author may lead, so the check is the same
//! everywhere.

use voting_core::epoch::{Epoch, LeaderPolicy};
use voting_core::ids::{AuthorityIndex, Height, View};
use voting_core::preference::Preference;

/// The authority that may propose a block of this height in this view, on a parent whose header carries this
/// preference.
#[must_use]
pub fn leader(epoch: &Epoch, view: View, height: Height, preference: Option<&Preference>) -> AuthorityIndex {
    let n = epoch.len().max(1) as u64;
    let skipped = view.0.saturating_sub(height.0);
    let turn = match epoch.leader {
        LeaderPolicy::Fixed => skipped,
        LeaderPolicy::RoundRobin { term } => view.0.saturating_sub(1) / u64::from(term.max(1)),
        LeaderPolicy::Elected => match preference.filter(|preference| preference.since < view && view <= preference.until) {
            None => skipped,
            Some(preference) => {
                let before = preference.since.0.saturating_sub(preference.height.0);
                u64::from(preference.leader.0) + skipped.saturating_sub(before)
            }
        },
    };
    AuthorityIndex((turn % n) as u16)
}
