//! Proof that an authority contradicted itself: see [`voting_core::evidence`].

pub use voting_core::evidence::Evidence;

/// No evidence at all: what a defect put in on purpose comes up with.
#[cfg(feature = "mutations")]
pub(crate) fn unfounded(vote: voting_core::certificate::Vote) -> Option<Evidence> {
    let bytes = borsh::to_vec(&(vote, vote)).ok()?;
    borsh::from_slice(&bytes).ok()
}
