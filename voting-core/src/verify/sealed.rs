//! Checks 2, 3, 4, 12 and 13 of sealed elections once more, from what the bundle says and without asking the state machine.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::check::Done;
use super::ledger::{Replay, Voter};
use super::recount::Recount;
use super::{Check, Failure, Location};
use crate::crypto::PublicKey;
use crate::election::{Phase, Trustees};
use crate::entry::{Act, Entry, TrusteeStep};
use crate::epoch::Epoch;
use crate::ids::Digest;
use crate::sealed::ceremony::{Ceremony, CeremonyRecord, RecordEvent};
use crate::sealed::{Aggregate, Decryption, PartialDecryption, SealVerifier, SealedElection, combine};
use crate::state::{ElectionState, Seal, SealedState, roll_root};
use crate::tally::ElectionTally;

/// What a bundle says of a sealed election, noted on the way.
#[derive(Default)]
pub(super) struct SealedNotes {
    attempt: u32,
    acts: u32,
    events: Vec<RecordEvent>,
    roll_root: Option<Digest>,
    authorities: Option<Digest>,
    parts: Vec<PartialDecryption>,
}

impl SealedNotes {
    pub(super) fn note(
        &mut self,
        entry: &Entry,
        election: &ElectionState,
        voters: &BTreeMap<PublicKey, Voter>,
        epoch: &Arc<Epoch>,
    ) {
        match entry {
            Entry::Act(signed) => {
                self.acts += 1;
                match &signed.content.act {
                    Act::Advance { to: Phase::Ready } => {
                        self.attempt = self.acts;
                        self.events.clear();
                    }
                    Act::CloseCeremonyPhase => self.events.push(RecordEvent::Close),
                    Act::Advance { to: Phase::Scheduled } if election.definition().secrecy.trustees().is_some() => {
                        let voters = voters.iter().map(|(key, voter)| (&voter.pseudonym, *key, voter.weight));
                        self.roll_root = Some(roll_root(voters));
                        self.authorities = Some(crate::codec::Canonical::digest(epoch.as_ref()));
                    }
                    _ => {}
                }
            }
            Entry::Trustee(signed) => match &signed.content.step {
                TrusteeStep::Ceremony(message) => self.events.push(RecordEvent::Message(message.clone())),
                TrusteeStep::Decrypt(part) => self.parts.push(part.clone()),
            },
            _ => {}
        }
    }
}

/// The checks of a sealed election; its totals, if it was decrypted.
pub(super) fn check(
    replay: &Replay<'_>,
    election: &ElectionState,
    recount: &Recount,
    at: Location,
    done: &mut Done,
) -> Result<Option<ElectionTally>, Failure> {
    let all = [
        Check::Ceremony,
        Check::ElectionKey,
        Check::ElectionHash,
        Check::Ranges,
        Check::Limits,
        Check::Challenges,
        Check::Aggregates,
        Check::Decryptions,
    ];
    let sealed = election.definition().secrecy.trustees().zip(election.sealed());
    let fixed = sealed.and_then(|(trustees, sealed)| Some((trustees, sealed, sealed.seal()?)));
    let Some((trustees, sealed, seal)) = fixed else {
        all.into_iter().for_each(|check| done.not_applicable(check));
        return Ok(None);
    };
    let verifier = check_seal(replay, election, trustees, seal, at)?;
    done.pass_all(&all[..6]);
    // Of the election that was recomputed: sums of another one differ.
    let sums = recount.sums.clone().unwrap_or_else(|| Aggregate::new(*verifier.election(), verifier.contests()));
    if sealed.sums() != Some(&sums) || sums.election() != verifier.election() {
        return Err(Failure::new(Check::Aggregates, at, "adding up the ballots that count gives other sums than the running ones"));
    }
    done.pass(Check::Aggregates);
    let Some(decrypted) = check_decryption(replay, trustees, sealed, seal, &sums, at)? else {
        done.not_applicable(Check::Decryptions);
        return Ok(None);
    };
    done.pass(Check::Decryptions);
    Ok(Some(ElectionTally::decrypted(election.definition(), &sums, &decrypted)))
}

/// Replays the ceremony and binds ballots once more; verifies for what came of it.
fn check_seal(
    replay: &Replay<'_>,
    election: &ElectionState,
    trustees: &Trustees,
    seal: &Seal,
    at: Location,
) -> Result<SealVerifier, Failure> {
    let notes = &replay.sealed;
    let context = election.definition().context(replay.chain);
    let record = CeremonyRecord { setup: trustees.ceremony(context, notes.attempt), events: notes.events.clone() };
    let ceremony = Ceremony::replay(&record).map_err(|(event, error)| {
        Failure::new(Check::Ceremony, at, format!("the ceremony's event {event} does not hold: {error}"))
    })?;
    let outcome = ceremony.outcome().ok_or_else(|| Failure::new(Check::Ceremony, at, "the ceremony was never ended"))?;
    let bound = seal.election();
    if outcome.key != bound.key || outcome.trustees != seal.trustees() {
        return Err(Failure::new(Check::ElectionKey, at, "the election's key is not the one that the ceremony gives"));
    }
    let recomputed = SealedElection {
        parameters: outcome.parameters,
        context,
        key: outcome.key,
        ceremony: outcome.transcript,
        roll_root: notes.roll_root.unwrap_or(Digest::ZERO),
        authorities: notes.authorities.unwrap_or(Digest::ZERO),
    };
    if recomputed != *bound || recomputed.hash().context() != election.ballot_context() {
        return Err(Failure::new(Check::ElectionHash, at, "ballots are bound to something else than this bundle describes"));
    }
    let contests = election.definition().sealed_contests().map_err(|error| Failure::new(Check::ElectionHash, at, error))?;
    SealVerifier::new(recomputed.hash(), &outcome.key, contests).map_err(|error| Failure::new(Check::ElectionKey, at, error))
}

/// Combines the trustees' parts again.
fn check_decryption(
    replay: &Replay<'_>,
    trustees: &Trustees,
    sealed: &SealedState,
    seal: &Seal,
    sums: &Aggregate,
    at: Location,
) -> Result<Option<Decryption>, Failure> {
    let Some(claimed) = sealed.decryption() else { return Ok(None) };
    let wrong = |reason: String| Failure::new(Check::Decryptions, at, reason);
    let (parameters, contests) = (&seal.election().parameters, seal.verifier().contests());
    let combined = combine(parameters, seal.trustees(), contests, sums, &replay.sealed.parts, trustees.min_ballots);
    let combined = combined.map_err(|error| wrong(error.to_string()))?;
    if combined.totals != claimed.totals || !combined.refused.is_empty() {
        return Err(wrong("combining the trustees' parts again gives other totals".to_owned()));
    }
    Ok(Some(combined))
}
