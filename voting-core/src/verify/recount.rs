//! Check 14 once more: the ballots that count, counted from nothing and without asking the state machine.
//!
//! A ballot that nothing can replace is counted as soon as it stands there, so that what it says need not be remembered.

use std::sync::{Mutex, PoisonError};

use super::{Check, Failure, Location, Runner};
use crate::ballot::{Ballot, Selection};
use crate::sealed::{Aggregate, Ciphertext, SealVerifier, ciphertexts};
use crate::state::{ElectionState, SealedState};
use crate::tally::ElectionTally;

/// Sealed ballots that are added up as one job.
const ADDED_AT_ONCE: usize = 1_024;

/// What a ballot says, or what it hides it in.
pub(super) enum Said {
    Open(Vec<Selection>),
    Sealed(Box<[Ciphertext]>),
}

impl Said {
    pub(super) fn of(ballot: &Ballot) -> Self {
        let sealed: Box<[_]> = ciphertexts(ballot).copied().collect();
        if sealed.is_empty() { Self::Open(ballot.selections.clone()) } else { Self::Sealed(sealed) }
    }
}

/// A count under way.
#[derive(Default)]
pub(super) struct Recount {
    /// Ballots that count, with their voters' weights, to be counted with the next batch.
    pub(super) waiting: Vec<(u64, Said)>,
    /// Of an open election.
    pub(super) tally: Option<ElectionTally>,
    /// Of a sealed one.
    pub(super) sums: Option<Aggregate>,
}

impl Recount {
    /// Counts ballots with their voters' weights, sealed ones wherever the runner likes.
    pub(super) fn add<'s>(
        &mut self,
        ballots: impl Iterator<Item = (u64, &'s Said)>,
        election: &ElectionState,
        runner: &Runner<'_>,
        at: Location,
    ) -> Result<(), Failure> {
        let definition = election.definition();
        let Some(seal) = election.sealed().and_then(SealedState::seal) else {
            let tally = self.tally.get_or_insert_with(|| ElectionTally::new(definition));
            for (weight, said) in ballots {
                let Said::Open(selections) = said else {
                    return Err(Failure::new(Check::LastVote, at, "a sealed ballot stands among open ones"));
                };
                tally.add(definition, selections, weight).map_err(|error| Failure::new(Check::LastVote, at, error))?;
            }
            return Ok(());
        };
        let ballots: Vec<_> = ballots.collect();
        let sums = self.sums.get_or_insert_with(|| Aggregate::new(*seal.verifier().election(), seal.verifier().contests()));
        let added = add_up(&ballots, seal.verifier(), runner).and_then(|more| sums.merge(&more).map_err(|error| error.to_string()));
        added.map_err(|reason| Failure::new(Check::Aggregates, at, reason))
    }
}

/// Adds up sealed ballots, from nothing.
fn add_up(ballots: &[(u64, &Said)], verifier: &SealVerifier, runner: &Runner<'_>) -> Result<Aggregate, String> {
    let nothing = || Aggregate::new(*verifier.election(), verifier.contests());
    let parts: Vec<_> = ballots.chunks(ADDED_AT_ONCE).collect();
    let total = Mutex::new(Ok(nothing()));
    runner(parts.len(), &|index| {
        let mut sums = nothing();
        let added = parts.get(index).into_iter().copied().flatten().try_for_each(|(weight, said)| match said {
            Said::Sealed(ciphertexts) => {
                let read = verifier.read(&mut ciphertexts.iter()).map_err(|error| error.to_string())?;
                sums.add(&read, *weight).map_err(|error| error.to_string())
            }
            Said::Open(_) => Err("an open ballot stands among sealed ones".to_owned()),
        });
        let mut total = total.lock().unwrap_or_else(PoisonError::into_inner);
        if let Ok(all) = total.as_mut() {
            let merged = added.and_then(|()| all.merge(&sums).map_err(|error| error.to_string()));
            if let Err(error) = merged {
                *total = Err(error);
            }
        }
    });
    total.into_inner().unwrap_or_else(PoisonError::into_inner)
}
