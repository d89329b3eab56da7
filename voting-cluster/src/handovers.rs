//! Proofs of the changes of the authorities, out of a ledger.

use voting_core::epoch::change::Handover;
use voting_core::ids::Height;
use voting_core::seams::{Ledger, LedgerError};
use voting_core::state::LedgerState;

/// The proof of every change that led to a state, the first one first.
///
/// # Errors
/// [`LedgerError`] if the ledger fails, or does not lead to the state.
pub async fn handovers(ledger: &dyn Ledger, state: &LedgerState) -> Result<Vec<Handover>, LedgerError> {
    let mut handovers = Vec::with_capacity(state.epochs().len().saturating_sub(1));
    for (first, epoch) in state.epochs().iter().skip(1) {
        let last = ledger.block(Height(first.0.saturating_sub(1))).await?;
        let handover = last.and_then(|last| Handover::of(&last, epoch));
        handovers
            .push(handover.ok_or_else(|| LedgerError::Damaged(format!("nothing proves the change to epoch {}", epoch.number)))?);
    }
    Ok(handovers)
}
