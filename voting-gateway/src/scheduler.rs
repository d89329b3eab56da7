//! Opens and closes elections at their times, and states and publishes their results.
//!
//! Every step is an officer's act that the ledger accepts once; several schedulers at work do each
//! other no harm. Nothing is remembered: what is due follows from the finalized state and the clock.

use std::time::Duration;

use tokio::sync::watch;
use tracing::{info, warn};
use voting_core::codec::Canonical;
use voting_core::election::{Phase, Timing};
use voting_core::entry::Act;
use voting_core::ids::{Digest, ElectionId};
use voting_core::state::{ElectionState, Refusal};
use voting_core::time::Timestamp;

use crate::problem::Problem;
use crate::state::GatewayState;

/// How often the clock is looked at.
const TICK: Duration = Duration::from_millis(500);

/// Runs until `stop` becomes true.
pub async fn run(state: GatewayState, mut stop: watch::Receiver<bool>) {
    loop {
        for (election, step) in due(&state) {
            let done = match step {
                Step::Enter(to) => state.act(election, Act::Advance { to }).await,
                Step::StateTally => state.state_tally(election).await,
            };
            match done {
                Ok(()) => info!(%election, ?step, "carried out on time"),
                Err(problem) => warn!(%election, ?step, ?problem, "not carried out; it will be tried again"),
            }
        }
        tokio::select! {
            () = tokio::time::sleep(TICK) => {}
            () = async { let _ = stop.wait_for(|stop| *stop).await; } => return,
        }
    }
}

/// A step that an election's own rules call for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Enter(Phase),
    StateTally,
}

fn due(state: &GatewayState) -> Vec<(ElectionId, Step)> {
    let now = state.backend.clock.now();
    let snapshot = state.backend.replica.state();
    snapshot.elections().filter_map(|election| Some((election.id(), due_step(election, now)?))).collect()
}

/// The next step of an election that keeps its stated times; elections run by hand are left alone.
fn due_step(election: &ElectionState, now: Timestamp) -> Option<Step> {
    let definition = election.definition();
    match election.phase() {
        // Trustees decrypt when they do; what they did is counted at once, whoever closed the election.
        Phase::Closed if election.definition().secrecy.trustees().is_some() => election.tally().map(|_| Step::StateTally),
        _ if definition.timing != Timing::Fixed => None,
        Phase::Scheduled if now >= definition.opens_at => Some(Step::Enter(Phase::Open)),
        Phase::Open if now >= definition.closes_at => Some(Step::Enter(Phase::Closed)),
        Phase::Closed => Some(Step::StateTally),
        Phase::Tallied => Some(Step::Enter(Phase::Published)),
        _ => None,
    }
}

impl GatewayState {
    /// States the count of a closed election: what the authorities compare with their own.
    pub(crate) async fn state_tally(&self, id: ElectionId) -> Result<(), Problem> {
        let snapshot = self.backend.replica.state();
        let election =
            snapshot.election(id).ok_or_else(|| Problem::not_found("unknown_election", format!("there is no election {id}")))?;
        let seed = match (election.lot_seed(), election.closed_height()) {
            (Some(seed), _) => seed,
            // The closing block is the last one, or else its child would have given the seed.
            (None, Some(height)) => {
                let block = self.backend.ledger.block(height).await.map_err(Problem::internal)?;
                Digest(block.ok_or_else(|| Problem::internal("the closing block is not in the ledger"))?.block.hash().0)
            }
            (None, None) => return Err(Problem::conflict("wrong_phase", "the election is not closed")),
        };
        let needed = election.definition().secrecy.trustees().map_or(0, |trustees| trustees.threshold);
        let tally = election.tally().ok_or_else(|| {
            let valid = election.sealed().map_or(0, |sealed| sealed.parts().len());
            Problem::from(Refusal::NotDecrypted { valid, needed })
        })?;
        let report = tally.report(election.definition(), seed, election.roll_size()).digest();
        self.act(id, Act::Tally { report }).await
    }
}
