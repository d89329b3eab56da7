//! Putting an entry on the queue and waiting until the authorities have decided on it.

use std::sync::Arc;
use std::time::Duration;

use poem_openapi::payload::Json;
use tokio::time::{Instant, timeout, timeout_at};
use voting_cluster::EntryStatus;
use voting_core::ballot::Ballot;
use voting_core::election::Phase;
use voting_core::entry::{Act, Certification, CertifiedVoter, Entry, MAX_CERTIFIED_PER_ENTRY, OfficerAct, VerifiedEntry};
use voting_core::ids::{BallotHash, BlockHash, ElectionId};
use voting_core::sealed::ceremony::CeremonyRefusal;
use voting_core::state::{ElectionState, Refusal};

use crate::problem::Problem;
use crate::state::GatewayState;

/// Times an act is tried again when another one came first.
const ACT_TRIES: usize = 5;

/// Another gateway may be ahead of this one by so much: a few blocks, on a busy machine.
const AHEAD: Duration = Duration::from_millis(500);

impl GatewayState {
    /// Whether a ballot may be submitted. Another gateway may have told the voter of what this one is about to learn, that
    /// the key is certified or the election open: it is looked for with every block that arrives, for a moment.
    /// Returns the election as it then was.
    pub(crate) async fn check_ballot(&self, ballot: &Ballot) -> Result<Arc<ElectionState>, Refusal> {
        let replica = &self.backend.replica;
        let (mut heights, until) = (replica.heights(), Instant::now() + AHEAD);
        loop {
            let state = replica.state();
            let election = state.election(ballot.election).ok_or(Refusal::UnknownElection { election: ballot.election })?;
            let refusal = match election.check_ballot(ballot) {
                Ok(()) => return Ok(Arc::clone(election)),
                Err(refusal) => refusal,
            };
            let is_early = matches!(refusal, Refusal::NotCertified { .. } | Refusal::Phase { .. }) && !refusal.is_permanent();
            if !is_early || !matches!(timeout_at(until, heights.changed()).await, Ok(Ok(()))) {
                return Err(refusal);
            }
        }
    }

    /// Whether the next block could contain an entry, so that nothing is put on the queue for strangers. A step of a ceremony may
    /// only have come before this gateway has seen the one before.
    pub(crate) fn judge(&self, entry: &VerifiedEntry) -> Result<(), Problem> {
        // The parent's hash draws lots, which no such entry asks for.
        match self.backend.replica.state().could_follow(BlockHash::GENESIS, entry) {
            Err(Refusal::Ceremony(CeremonyRefusal::Phase { .. })) => Ok(()),
            judged => Ok(judged?),
        }
    }

    /// What became of a ballot, as far as this gateway can tell.
    pub(crate) fn ballot_status(&self, ballot: BallotHash) -> EntryStatus {
        let replica = &self.backend.replica;
        if let Some((_, position)) = replica.find_ballot(ballot) {
            return EntryStatus::Final(position);
        }
        match self.ballots_under_way.get(&ballot).map(|entry| replica.status(&entry)) {
            Some(EntryStatus::Final(_)) => EntryStatus::Pending, // the state is about to show it
            Some(status) => status,
            None => EntryStatus::Unknown,
        }
    }

    /// Submits an entry and waits for its fate; `Pending` after `wait`.
    pub(crate) async fn submit(&self, entry: &Entry, wait: Duration) -> Result<EntryStatus, Problem> {
        let bytes = entry.to_bytes();
        let hash = bytes.hash();
        let replica = &self.backend.replica;
        let waiter = replica.watch(hash);
        if let known @ EntryStatus::Final(_) = replica.status(&hash) {
            return Ok(known);
        }
        self.backend.queue.submit(bytes).await?;
        replica.note_pending(hash);
        let status = waiter.wait(wait).await;
        // A refusal that came before the note must not be hidden by it.
        if let EntryStatus::Refused { code, reason } = &status {
            replica.note_refused(hash, code.clone(), reason.clone());
        }
        Ok(status)
    }

    /// Carries out an officer's act and returns once it is final.
    pub(crate) async fn act(&self, election: ElectionId, act: Act) -> Result<(), Problem> {
        self.act_if(election, act, |_| Ok(())).await
    }

    /// Carries out an officer's act on what was looked at just before: no other act can come between.
    pub(crate) async fn act_if(
        &self,
        election: ElectionId,
        act: Act,
        may: impl Fn(Option<&ElectionState>) -> Result<(), Problem>,
    ) -> Result<(), Problem> {
        let _one_at_a_time = self.acting.lock().await;
        let officer = &self.backend.officer;
        for _ in 0..ACT_TRIES {
            let state = self.backend.replica.state();
            let before = state.election(election);
            may(before.map(AsRef::as_ref))?;
            let sequence = before.map_or(0, |election| election.acts().len()) as u32 + 1;
            let signed = OfficerAct { chain: state.chain(), election, sequence, act: act.clone(), officer: officer.public() };
            match self.submit(&Entry::act(signed, officer), self.config.act_wait).await? {
                EntryStatus::Final(_) => return Ok(()),
                EntryStatus::Refused { code, .. } if code == "act_sequence" => {} // another gateway's act came first
                status => return Err(undecided(status)),
            }
        }
        Err(Problem::conflict("act_sequence", "others act on this election at the same time; look at it again and retry"))
    }

    /// Brings an election into a phase by an officer's act; see [`Self::step_to`].
    pub(crate) async fn advance(&self, election: ElectionId, to: Phase) -> Result<(), Problem> {
        self.step_to(election, to, self.act(election, Act::Advance { to })).await
    }

    /// Takes the step that brings an election into a phase, until it is there: somebody else may take it at the same moment, as the
    /// scheduler does or another gateway, and then what was asked for is done.
    pub(crate) async fn step_to(
        &self,
        election: ElectionId,
        phase: Phase,
        step: impl Future<Output = Result<(), Problem>>,
    ) -> Result<(), Problem> {
        let mut heights = self.backend.replica.heights();
        let now = || self.backend.replica.state().election(election).map(|election| election.phase());
        if now().and_then(Phase::next) != Some(phase) {
            return step.await;
        }
        let arrived = async { while now().is_some_and(|now| now < phase) && heights.changed().await.is_ok() {} };
        tokio::pin!(arrived);
        let came = tokio::select! {
            biased;
            () = &mut arrived => Ok(()),
            came = step => came,
        };
        if let Err(Problem::Conflict(Json(body))) = &came
            && body.code == "wrong_phase"
        {
            // This gateway comes to know of what it is about a little later than of the refusal.
            let _ = timeout(self.config.act_wait, arrived).await;
        }
        match (now(), came) {
            (Some(Phase::Cancelled), Ok(())) => Err(Problem::conflict("wrong_phase", "the election was cancelled meanwhile")),
            (Some(now), Err(_)) if now >= phase && now != Phase::Cancelled => Ok(()),
            (_, came) => came,
        }
    }

    /// Certifies voters' keys and returns once that is final.
    pub(crate) async fn certify(&self, election: ElectionId, voters: &[CertifiedVoter]) -> Result<(), Problem> {
        let registrar = &self.backend.registrar;
        for some in voters.chunks(MAX_CERTIFIED_PER_ENTRY) {
            let chain = self.backend.replica.state().chain();
            let content = Certification { chain, election, voters: some.to_vec(), registrar: registrar.public() };
            match self.submit(&Entry::certify(content, registrar), self.config.act_wait).await? {
                EntryStatus::Final(_) => {}
                status => return Err(undecided(status)),
            }
        }
        Ok(())
    }
}

/// An entry of the gateway's own that did not become final.
pub(crate) fn undecided(status: EntryStatus) -> Problem {
    match status {
        EntryStatus::Refused { code, reason } => refused(&code, reason),
        _ => {
            Problem::unavailable("no_quorum", "the authorities have not decided in time; look again later", Duration::from_secs(5))
        }
    }
}

/// A refusal by its code: the authorities' tell no more.
pub(crate) fn refused(code: &str, reason: String) -> Problem {
    match code {
        "unknown_election" => Problem::not_found(code, reason),
        "key_not_certified" | "not_a_trustee" | "not_an_officer" | "not_the_registrar" | "not_an_authority"
        | "too_few_approvals" => Problem::forbidden(code, reason),
        "wrong_phase"
        | "act_sequence"
        | "epoch_number"
        | "already_certified"
        | "key_in_use"
        | "already_voted"
        | "stale_sequence"
        | "duplicate_ballot"
        | "too_early"
        | "ballot_voided"
        | "roll_frozen"
        | "ciphertext_seen"
        | "ceremony_unfinished"
        | "ceremony_phase"
        | "ceremony_twice"
        | "already_decrypted"
        | "not_decrypted" => Problem::conflict(code, reason),
        "invalid_signature" => Problem::unauthorized(code, reason),
        "malformed_entry" | "wrong_chain" => Problem::bad_request(code, reason),
        _ => Problem::unprocessable(code, reason),
    }
}
