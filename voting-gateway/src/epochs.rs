//! The authorities, as they have changed: who trusts the genesis is shown who followed whom.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use voting_cluster::EntryStatus;
use voting_core::codec::Canonical as _;
use voting_core::entry::{Entry, VerifiedEntry};
use voting_core::epoch::change::Handover;
use voting_core::state::LedgerState;

use crate::problem::Problem;
use crate::state::GatewayState;
use crate::submit::{refused, undecided};

impl GatewayState {
    /// Proofs of every change of the authorities up to a state.
    pub(crate) async fn handovers(&self, state: &LedgerState) -> Result<Vec<Handover>, Problem> {
        voting_cluster::handovers(self.backend.ledger.as_ref(), state).await.map_err(Problem::internal)
    }

    /// Puts an approved change before the authorities, and returns once it is final.
    pub(crate) async fn change_authorities(&self, encoded: &str) -> Result<(), Problem> {
        let wrong = |reason: String| Problem::bad_request("malformed_entry", format!("change: {reason}"));
        let bytes = STANDARD.decode(encoded).map_err(|error| wrong(format!("not base64: {error}")))?;
        let entry = Entry::from_canonical(&bytes).map_err(|error| wrong(error.to_string()))?;
        if !matches!(entry, Entry::Change(_)) {
            return Err(wrong("an entry of another kind".to_owned()));
        }
        let chain = self.backend.replica.state().chain();
        VerifiedEntry::verify(entry.to_bytes(), chain).map_err(|error| refused(error.code(), error.to_string()))?;
        match self.submit(&entry, self.config.act_wait).await? {
            EntryStatus::Final(_) => Ok(()),
            status => Err(undecided(status)),
        }
    }
}
