//! Many ballots in flight at once.
//!
//! Every ballot keeps trying on its own, so that a gateway that is killed and started again costs time and
//! nothing else. The first ballot that fails for good ends the import; those under way are dropped, and
//! the next run sends them again.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use tokio::time::Instant;
use voting_core::ballot::{Ballot, Selection, SignedBallot};

use super::journal::{Journal, Line};
use crate::api::Election;
use crate::cast::{Cast, CastError, Caster};
use crate::client::CallError;
use crate::exit::{CliError, Exit, Result};
use crate::output::Output;
use crate::sealing::BallotSealer;
use crate::state;

/// What was done in this run.
pub(super) struct Casting {
    pub(super) ballots: u64,
    pub(super) time: Duration,
}

/// Casts every ballot that is not recorded yet.
pub(super) async fn cast_all(
    caster: &Caster<'_>,
    (election, sealer): (&Election, Option<&BallotSealer>),
    selections: &[Selection],
    journal: &mut Journal,
    in_flight: usize,
    out: &Output,
) -> Result<Casting> {
    let missing: Vec<u64> = (0..selections.len() as u64).filter(|ballot| !journal.has(*ballot)).collect();
    let bar = out.progress(selections.len() as u64, "casting {bar:40} {pos} of {len}  {per_sec}  {msg}");
    bar.set_position(journal.recorded());
    bar.reset_eta();
    let started = Instant::now();
    let ballots = missing.len() as u64;
    let trouble = Cell::new(0u64);
    let journal = RefCell::new(journal);
    let sent = stream::iter(missing).map(|number| {
        let ballot = sign(&journal.borrow(), (election, sealer), number, selections);
        let (trouble, bar) = (&trouble, &bar);
        async move {
            let ballot = ballot?;
            let heard = |reason: &str| {
                trouble.set(trouble.get() + 1);
                bar.set_message(format!("sent again {} times: {reason}", trouble.get()));
            };
            let done = caster.cast(&ballot, heard).await;
            done.map(|done| (number, ballot, done)).map_err(|error| explain(caster, number, error))
        }
    });
    let recorded = sent.buffer_unordered(in_flight).try_for_each(|(number, ballot, Cast { recorded, .. })| {
        let line = Line { ballot: number, hash: ballot.hash(), height: recorded.height.0, index: recorded.index };
        bar.inc(1);
        std::future::ready(journal.borrow_mut().add(line))
    });
    let outcome = recorded.await;
    bar.finish_and_clear();
    journal.borrow().sync()?;
    if trouble.get() > 0 {
        out.note(format!("{} sendings had to be repeated; the same bytes count once", trouble.get()));
    }
    outcome.map(|()| Casting { ballots, time: started.elapsed() })
}

/// The same ballot on every run, so that it can be sent again.
fn sign(
    journal: &Journal,
    (election, sealer): (&Election, Option<&BallotSealer>),
    number: u64,
    selections: &[Selection],
) -> Result<SignedBallot> {
    let key = journal.key(number);
    let selection = usize::try_from(number).ok().and_then(|at| selections.get(at)).cloned();
    let selections = vec![selection.unwrap_or(Selection::Blank)];
    if let Some(sealer) = sealer {
        return Ok(sealer.seal_again(&key, 1, &selections)?.cast(&key));
    }
    Ok(Ballot { election: election.id, context: election.context, voter: key.public(), sequence: 1, selections }.sign(&key))
}

fn explain(caster: &Caster<'_>, number: u64, error: CastError) -> CliError {
    let again = "run the same command again: it goes on where it stopped";
    match error {
        CastError::Local(error) => error,
        CastError::Unknown { reason, .. } => {
            CliError::new(Exit::Unknown, format!("ballot {number}: its outcome is not known yet: {reason}"), again)
        }
        CastError::BadReceipt { reason, bytes } => {
            let path = caster.client.dir().join(format!("imports/bad-receipt-of-ballot-{number}"));
            let kept = state::write(&path, &bytes).map(|()| path.display().to_string()).unwrap_or_else(|error| error.what);
            CliError::verification(
                format!("ballot {number}: the server says it is recorded, but its receipt does not prove it: {reason}"),
                format!("tell whoever runs the server; evidence: {kept}"),
            )
        }
        CastError::Refused(problem) => {
            let error = caster.client.explain(CallError::Refused(problem));
            CliError { what: format!("ballot {number}: {}", error.what), ..error }
        }
    }
}
