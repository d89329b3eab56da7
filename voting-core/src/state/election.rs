//! State of one election: its life cycle, its roll, its ballots and its running count.

use std::sync::Arc;

use borsh::{BorshDeserialize, BorshSerialize};
use imbl::{HashMap, OrdMap};
use serde::{Deserialize, Serialize};

use super::sealed::{self, SealedState};
use super::{Applied, EntryLog, Position, Refusal};
use crate::ballot::{Ballot, Selection};
use crate::codec::Canonical;
use crate::count::Outcome;
use crate::crypto::PublicKey;
use crate::election::{ElectionDefinition, MAX_WEIGHT, Phase, RevoteRule, Timing};
use crate::entry::{
    Act, Certification, Challenge, Entry, MAX_CERTIFIED_PER_ENTRY, MAX_REASON_BYTES, OfficerAct, TrusteeAct, TrusteeStep,
    VerifiedEntry,
};
use crate::ids::{BallotCode, BallotHash, ChainId, Digest, ElectionId, EntryHash, Height, Pseudonym};
use crate::sealed::ceremony::CeremonyPhase;
use crate::sealed::{Sealer, ciphertexts};
use crate::tally::{ElectionReport, ElectionTally};
use crate::text::check_line;
use crate::time::Timestamp;

/// An officer's act that took effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActRecord {
    /// Phase after it.
    pub phase: Phase,
    /// Who acted.
    pub officer: PublicKey,
    /// Where it stands.
    pub position: Position,
    /// When.
    pub timestamp: Timestamp,
}

/// The ballot of a voter that counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CountedBallot {
    /// Its identity.
    pub hash: BallotHash,
    /// Its sequence number.
    pub sequence: u32,
    /// Where it stands.
    pub position: Position,
    /// When it was recorded.
    pub timestamp: Timestamp,
    /// What it says, kept where a later ballot may take it back.
    kept: Option<Kept>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kept {
    Open(Arc<[Selection]>),
    Sealed(sealed::Kept),
}

/// A voter on the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VoterRecord {
    /// The certified key.
    pub key: PublicKey,
    /// Weight of the voter's ballot.
    pub weight: u64,
    /// The ballot that counts, once there is one.
    pub counted: Option<CountedBallot>,
}

/// One election as the ledger knows it.
#[derive(Debug, Clone)]
pub struct ElectionState {
    chain: ChainId,
    definition: Arc<ElectionDefinition>,
    context: Digest,
    phase: Phase,
    acts: Vec<ActRecord>,
    cancel_reason: Option<Arc<str>>,
    roll_size: u64,
    /// Root over the voters of a roll that was frozen.
    frozen_roll: Option<Digest>,
    voters: OrdMap<Pseudonym, VoterRecord>,
    keys: OrdMap<PublicKey, Pseudonym>,
    /// In order, so that a ballot is found by its code.
    ballots: OrdMap<BallotHash, Position>,
    entries: EntryLog,
    voted: u64,
    certified_weight: u64,
    /// Of a sealed election nothing is counted before trustees have decrypted.
    tally: ElectionTally,
    sealed: Option<SealedState>,
    closed_height: Option<Height>,
    lot_seed: Option<Digest>,
    report: Option<Arc<ElectionReport>>,
    outcomes: Arc<[Outcome]>,
    log: Digest,
}

/// What an election contributes to the state root. Everything else follows from the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ElectionSummary {
    /// The election.
    pub id: ElectionId,
    /// What its ballots are bound to: [`ElectionState::ballot_context`].
    pub context: Digest,
    /// Where it stands.
    pub phase: Phase,
    /// Number of acts.
    pub acts: u32,
    /// Voters entitled.
    pub roll_size: u64,
    /// Voters with a certified key.
    pub certified: u64,
    /// Ballots recorded.
    pub ballots: u64,
    /// Voters whose ballot counts.
    pub voted: u64,
    /// Hash chain over all entries of the election.
    pub log: Digest,
}

impl Canonical for ElectionSummary {
    const TAG: &'static str = "voting/election-summary/v1";
    const MAX_BYTES: usize = 256;
}

impl ElectionState {
    /// A first definition.
    pub(super) fn define(
        chain: ChainId,
        act: &OfficerAct,
        definition: &ElectionDefinition,
        entry: EntryHash,
        position: Position,
        timestamp: Timestamp,
    ) -> Result<Self, Refusal> {
        let mut election = Self {
            chain,
            context: definition.context(chain),
            tally: ElectionTally::new(definition),
            definition: Arc::new(definition.clone()),
            phase: Phase::Draft,
            acts: Vec::new(),
            cancel_reason: None,
            roll_size: 0,
            frozen_roll: None,
            voters: OrdMap::new(),
            keys: OrdMap::new(),
            ballots: OrdMap::new(),
            entries: HashMap::new(),
            voted: 0,
            certified_weight: 0,
            sealed: None,
            closed_height: None,
            lot_seed: None,
            report: None,
            outcomes: Arc::default(),
            log: Digest::ZERO,
        };
        election.act(act, entry, position, timestamp, Digest::ZERO)?;
        Ok(election)
    }

    /// An officer's act, in an epoch with this digest. Checks everything before it changes anything.
    pub(super) fn act(
        &mut self,
        act: &OfficerAct,
        entry: EntryHash,
        position: Position,
        now: Timestamp,
        authorities: Digest,
    ) -> Result<(), Refusal> {
        let expected = self.acts.len() as u32 + 1;
        if act.sequence != expected {
            return Err(Refusal::ActSequence { actual: act.sequence, expected });
        }
        let wrong_phase = |action| Refusal::Phase { phase: self.phase, action };
        match &act.act {
            Act::Define(definition) => {
                if !matches!(self.phase, Phase::Draft | Phase::Ready) {
                    return Err(wrong_phase("changing the definition"));
                }
                if definition.id != act.election {
                    return Err(Refusal::DefinitionId);
                }
                definition.check()?;
                if !self.voters.is_empty() && definition.registrar != self.definition.registrar {
                    return Err(wrong_phase("changing the registrar after voters were certified"));
                }
                self.context = definition.context(self.chain);
                self.tally = ElectionTally::new(definition);
                self.definition = Arc::new(definition.clone());
                self.sealed = None;
                self.phase = Phase::Draft;
            }
            Act::SetRoll { size } => {
                if !matches!(self.phase, Phase::Draft | Phase::Ready | Phase::Scheduled) {
                    return Err(wrong_phase("changing the roll"));
                }
                if self.frozen_roll.is_some() {
                    return Err(Refusal::RollFrozen);
                }
                let certified = self.voters.len() as u64;
                if *size < certified {
                    return Err(Refusal::RollBelowCertified { size: *size, certified });
                }
                if *size == 0 && self.phase != Phase::Draft {
                    return Err(Refusal::EmptyRoll);
                }
                if self.phase != Phase::Draft {
                    self.check_min_ballots(*size)?;
                }
                self.roll_size = *size;
            }
            Act::Advance { to } => self.advance(*to, position, now, authorities)?,
            Act::Tally { report } => {
                if self.phase != Phase::Closed {
                    return Err(wrong_phase("stating the count"));
                }
                let seed = self.lot_seed.ok_or(Refusal::ClosedInThisBlock)?;
                self.check_decrypted()?;
                let (counted, outcomes) = self.tally.count(&self.definition, seed, self.roll_size);
                let expected = counted.digest();
                if *report != expected {
                    return Err(Refusal::Report { actual: *report, expected });
                }
                self.report = Some(Arc::new(counted));
                self.outcomes = outcomes.into();
                self.phase = Phase::Tallied;
            }
            Act::Cancel { reason } => {
                if !self.phase.can_cancel() {
                    return Err(wrong_phase("cancelling"));
                }
                check_line(reason, MAX_REASON_BYTES).map_err(Refusal::Reason)?;
                self.cancel_reason = Some(reason.as_str().into());
                self.phase = Phase::Cancelled;
            }
            Act::FreezeRoll => {
                if !matches!(self.phase, Phase::Draft | Phase::Ready | Phase::Scheduled) {
                    return Err(wrong_phase("freezing the roll"));
                }
                if self.frozen_roll.is_some() {
                    return Err(Refusal::RollFrozen);
                }
                let certified = self.voters.len() as u64;
                if certified == 0 {
                    return Err(Refusal::EmptyRoll);
                }
                self.check_min_ballots(certified)?;
                self.roll_size = certified;
                self.frozen_roll = Some(self.roll_root());
            }
            Act::CloseCeremonyPhase => {
                let over = self.sealed.as_ref().is_some_and(|sealed| sealed.ceremony_phase() == CeremonyPhase::Done);
                if self.phase != Phase::Ready || over {
                    return Err(wrong_phase("ending a phase of the ceremony"));
                }
                self.sealed.as_mut().ok_or(Refusal::NotSealed)?.close_ceremony_phase()?;
            }
        }
        self.acts.push(ActRecord { phase: self.phase, officer: act.officer, position, timestamp: now });
        self.record(entry, position);
        Ok(())
    }

    fn advance(&mut self, to: Phase, position: Position, now: Timestamp, authorities: Digest) -> Result<(), Refusal> {
        let action = match to {
            Phase::Ready => "marking it ready",
            Phase::Scheduled => "scheduling it",
            Phase::Open => "opening it",
            Phase::Closed => "closing it",
            Phase::Published => "publishing the result",
            Phase::Draft | Phase::Tallied | Phase::Cancelled => "entering this phase by an advance",
        };
        if self.phase.next() != Some(to) || to == Phase::Tallied {
            return Err(Refusal::Phase { phase: self.phase, action });
        }
        if to == Phase::Ready && self.roll_size == 0 {
            return Err(Refusal::EmptyRoll);
        }
        let not_before = match (self.definition.timing, to) {
            (Timing::Fixed, Phase::Open) => self.definition.opens_at,
            (Timing::Fixed, Phase::Closed) => self.definition.closes_at,
            _ => now,
        };
        if now < not_before {
            return Err(Refusal::TooEarly { action, not_before, now });
        }
        let definition = Arc::clone(&self.definition);
        if let Some(trustees) = definition.secrecy.trustees() {
            match to {
                Phase::Ready => {
                    self.check_min_ballots(self.roll_size)?;
                    self.sealed = Some(SealedState::begin(trustees, self.context, self.acts.len() as u32 + 1)?);
                }
                Phase::Scheduled => self.fix_seal(authorities)?,
                _ => {}
            }
        }
        self.phase = to;
        if to == Phase::Closed {
            self.closed_height = Some(position.height);
        }
        Ok(())
    }

    /// Whether a roll of this size can give as many ballots as trustees ask for.
    fn check_min_ballots(&self, roll: u64) -> Result<(), Refusal> {
        match self.definition.secrecy.trustees() {
            Some(trustees) if roll < trustees.min_ballots => Err(Refusal::RollBelowMinBallots { roll, min: trustees.min_ballots }),
            _ => Ok(()),
        }
    }

    /// Fixes what the ballots of a sealed election are bound to.
    fn fix_seal(&mut self, authorities: Digest) -> Result<(), Refusal> {
        let most = sealed::most_weight(&self.definition);
        if self.certified_weight > most {
            return Err(Refusal::SealedWeight { weight: self.certified_weight, most });
        }
        let roll_root = self.roll_root();
        let Some(sealed) = &mut self.sealed else { return Ok(()) };
        sealed.fix(&self.definition, self.context, roll_root, authorities)
    }

    /// Whether there is something to count.
    fn check_decrypted(&self) -> Result<(), Refusal> {
        match (&self.sealed, self.definition.secrecy.trustees()) {
            (Some(sealed), Some(trustees)) if sealed.decryption().is_none() => {
                Err(Refusal::NotDecrypted { valid: sealed.parts().len(), needed: trustees.threshold })
            }
            _ => Ok(()),
        }
    }

    /// A trustee's step. Checks everything before it changes anything.
    pub(super) fn trustee(&mut self, act: &TrusteeAct, entry: EntryHash, position: Position) -> Result<(), Refusal> {
        let definition = Arc::clone(&self.definition);
        let trustees = definition.secrecy.trustees().ok_or(Refusal::NotSealed)?;
        let (expected, action) = match act.step {
            TrusteeStep::Ceremony(_) => (Phase::Ready, "a step of the key ceremony"),
            TrusteeStep::Decrypt(_) => (Phase::Closed, "decrypting"),
        };
        if let Some(position) = self.entries.get(&entry) {
            return Err(Refusal::Duplicate { position: *position });
        }
        let sealed = self.sealed.as_mut().filter(|_| self.phase == expected);
        let sealed = sealed.ok_or(Refusal::Phase { phase: self.phase, action })?;
        sealed.step(act, trustees)?;
        if let Some(tally) = sealed.tally(&self.definition) {
            self.tally = tally;
        }
        self.record(entry, position);
        Ok(())
    }

    /// A voter's test of the seal. Checks everything before it changes anything.
    pub(super) fn challenge(&mut self, challenge: &Challenge, entry: EntryHash, position: Position) -> Result<(), Refusal> {
        if let Some(position) = self.entries.get(&entry) {
            return Err(Refusal::Duplicate { position: *position });
        }
        let (phase, action) = (self.phase, "testing the seal of a ballot");
        if phase != Phase::Open {
            return Err(Refusal::Phase { phase, action });
        }
        let ballot = &challenge.ballot;
        if !self.keys.contains_key(&ballot.voter) {
            return Err(Refusal::NotCertified { key: ballot.voter });
        }
        self.sealed.as_mut().ok_or(Refusal::NotSealed)?.challenge(challenge, position)?;
        self.record(entry, position);
        Ok(())
    }

    /// Certifies voters, all or none. Possible until the close, so that late voters can still join.
    pub(super) fn certify(&mut self, certification: &Certification, entry: EntryHash, position: Position) -> Result<(), Refusal> {
        if !matches!(self.phase, Phase::Draft | Phase::Ready | Phase::Scheduled | Phase::Open) {
            return Err(Refusal::Phase { phase: self.phase, action: "certifying voters" });
        }
        if certification.registrar != self.definition.registrar {
            return Err(Refusal::NotTheRegistrar { key: certification.registrar });
        }
        if self.frozen_roll.is_some() {
            return Err(Refusal::RollFrozen);
        }
        let actual = certification.voters.len();
        if actual == 0 || actual > MAX_CERTIFIED_PER_ENTRY {
            return Err(Refusal::CertificationSize { actual, max: MAX_CERTIFIED_PER_ENTRY });
        }
        if self.voters.len() as u64 + actual as u64 > self.roll_size {
            return Err(Refusal::RollFull { size: self.roll_size });
        }
        let (mut voters, mut keys, mut weight) = (self.voters.clone(), self.keys.clone(), self.certified_weight);
        for voter in &certification.voters {
            if voter.weight == 0 || voter.weight > MAX_WEIGHT {
                return Err(Refusal::Weight { voter: voter.pseudonym, weight: voter.weight, max: MAX_WEIGHT });
            }
            voter.key.check().map_err(|reason| Refusal::Key { voter: voter.pseudonym, reason })?;
            let record = VoterRecord { key: voter.key, weight: voter.weight, counted: None };
            if voters.insert(voter.pseudonym, record).is_some() {
                return Err(Refusal::AlreadyCertified { voter: voter.pseudonym });
            }
            if keys.insert(voter.key, voter.pseudonym).is_some() {
                return Err(Refusal::KeyInUse { key: voter.key });
            }
            weight = weight.saturating_add(voter.weight);
        }
        let most = sealed::most_weight(&self.definition);
        if self.definition.secrecy.trustees().is_some() && weight > most {
            return Err(Refusal::SealedWeight { weight, most });
        }
        (self.voters, self.keys, self.certified_weight) = (voters, keys, weight);
        self.record(entry, position);
        Ok(())
    }

    /// Casts a ballot. Checks everything before it changes anything.
    pub(super) fn cast(
        &mut self,
        ballot: &Ballot,
        entry: &VerifiedEntry,
        position: Position,
        now: Timestamp,
    ) -> Result<Applied, Refusal> {
        let hash = entry.ballot_hash().unwrap_or_else(|| ballot.hash());
        let Checked { voter, weight, replaced } = self.check_cast(ballot, hash)?;
        self.count(ballot, entry, weight, replaced.as_ref())?;
        let kept = (self.definition.revote == RevoteRule::LastCounts).then(|| self.keep(ballot));
        let counted = CountedBallot { hash, sequence: ballot.sequence, position, timestamp: now, kept };
        self.voters.insert(voter, VoterRecord { key: ballot.voter, weight, counted: Some(counted) });
        self.ballots.insert(hash, position);
        self.voted += u64::from(replaced.is_none());
        self.extend_log(entry.hash());
        Ok(Applied::Cast { voter, ballot: hash, replaced: replaced.map(|old| old.hash) })
    }

    /// Takes a ballot into the running count, and the one it replaces out of it.
    fn count(
        &mut self,
        ballot: &Ballot,
        entry: &VerifiedEntry,
        weight: u64,
        replaced: Option<&CountedBallot>,
    ) -> Result<(), Refusal> {
        let old = replaced.and_then(|old| old.kept.as_ref());
        if let Some(sealed) = &mut self.sealed {
            let verified = sealed.verify(ballot, Some(entry))?;
            let old = match old {
                Some(Kept::Sealed(kept)) => Some(kept),
                _ => None,
            };
            return sealed.cast(ballot, &verified, weight, old);
        }
        if replaced.is_some() {
            let selections = match old {
                Some(Kept::Open(selections)) => selections,
                _ => [].as_slice(),
            };
            self.tally.remove(&self.definition, selections, weight)?;
        }
        Ok(self.tally.add(&self.definition, &ballot.selections, weight)?)
    }

    /// What takes a ballot out of the running count again.
    fn keep(&self, ballot: &Ballot) -> Kept {
        match &self.sealed {
            Some(_) => Kept::Sealed(ciphertexts(ballot).copied().collect()),
            None => Kept::Open(ballot.selections.as_slice().into()),
        }
    }

    /// Whether a ballot would be accepted now: the same check as in a block, for gateways and clients, but for the proofs of a
    /// sealed ballot, which [`ElectionState::check_seal`] verifies. Takes microseconds.
    ///
    /// # Errors
    /// [`Refusal`] says why not.
    pub fn check_ballot(&self, ballot: &Ballot) -> Result<(), Refusal> {
        self.check_cast(ballot, ballot.hash()).map(|_| ())
    }

    /// Verifies the proofs of a sealed ballot; of an open one there are none. Takes milliseconds.
    ///
    /// # Errors
    /// [`Refusal::Sealed`].
    pub fn check_seal(&self, ballot: &Ballot) -> Result<(), Refusal> {
        self.sealed.as_ref().map_or(Ok(()), |sealed| sealed.verify(ballot, None).map(|_| ()))
    }

    /// [`ElectionState::check_ballot`] and [`ElectionState::check_seal`] for an entry that casts a ballot, whose proofs need not be
    /// verified if they have been. Other entries are not looked at.
    ///
    /// # Errors
    /// [`Refusal`] says why not.
    pub fn check_entry(&self, entry: &VerifiedEntry) -> Result<(), Refusal> {
        let (Entry::Cast(signed), Some(hash)) = (entry.entry(), entry.ballot_hash()) else { return Ok(()) };
        self.check_cast(&signed.ballot, hash)?;
        self.sealed.as_ref().map_or(Ok(()), |sealed| sealed.verify(&signed.ballot, Some(entry)).map(|_| ()))
    }

    fn check_cast(&self, ballot: &Ballot, hash: BallotHash) -> Result<Checked, Refusal> {
        if let Some(position) = self.ballots.get(&hash) {
            return Err(Refusal::Duplicate { position: *position });
        }
        if self.phase != Phase::Open {
            return Err(Refusal::Phase { phase: self.phase, action: "casting a ballot" });
        }
        if ballot.context != self.ballot_context() {
            return Err(Refusal::Context);
        }
        let unknown = Refusal::NotCertified { key: ballot.voter };
        let voter = *self.keys.get(&ballot.voter).ok_or_else(|| unknown.clone())?;
        let record = self.voters.get(&voter).ok_or(unknown)?;
        if ballot.sequence == 0 {
            return Err(Refusal::ZeroSequence);
        }
        match (&record.counted, self.definition.revote) {
            (Some(first), RevoteRule::FirstCounts) => {
                return Err(Refusal::AlreadyVoted { ballot: first.hash, at: first.timestamp, position: first.position });
            }
            (Some(last), RevoteRule::LastCounts) if ballot.sequence <= last.sequence => {
                return Err(Refusal::BallotSequence { actual: ballot.sequence, last: last.sequence, at: last.timestamp });
            }
            _ => {}
        }
        match &self.sealed {
            Some(sealed) => sealed.check_new(ballot, hash)?,
            None => ballot.check_selections(&self.definition)?,
        }
        Ok(Checked { voter, weight: record.weight, replaced: record.counted.clone() })
    }

    fn record(&mut self, entry: EntryHash, position: Position) {
        self.entries.insert(entry, position);
        self.extend_log(entry);
    }

    fn extend_log(&mut self, entry: EntryHash) {
        self.log = Digest::of_parts("voting/election-log/v1", &[&self.log.0, &entry.0]);
    }

    pub(super) fn set_lot_seed(&mut self, seed: Digest) {
        self.lot_seed = Some(seed);
    }

    /// What stands for this election in the state root.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.summary().digest()
    }

    /// What [`ElectionState::digest`] is the digest of.
    #[must_use]
    pub fn summary(&self) -> ElectionSummary {
        ElectionSummary {
            id: self.definition.id,
            context: self.ballot_context(),
            phase: self.phase,
            acts: self.acts.len() as u32,
            roll_size: self.roll_size,
            certified: self.voters.len() as u64,
            ballots: self.ballots.len() as u64,
            voted: self.voted,
            log: self.log,
        }
    }

    /// The election's id.
    #[must_use]
    pub fn id(&self) -> ElectionId {
        self.definition.id
    }

    /// The definition in force.
    #[must_use]
    pub const fn definition(&self) -> &Arc<ElectionDefinition> {
        &self.definition
    }

    /// The definition in its chain: [`ElectionDefinition::context`].
    #[must_use]
    pub const fn context(&self) -> Digest {
        self.context
    }

    /// What ballots are bound to: [`ElectionState::context`]; in a sealed election, once its key is fixed,
    /// [`SealedHash::context`](crate::sealed::SealedHash::context) of H_E.
    #[must_use]
    pub fn ballot_context(&self) -> Digest {
        let seal = self.sealed.as_ref().and_then(SealedState::seal);
        seal.map_or(self.context, |seal| seal.verifier().context())
    }

    /// The sealed side, from the ready phase of a sealed election on.
    #[must_use]
    pub const fn sealed(&self) -> Option<&SealedState> {
        self.sealed.as_ref()
    }

    /// Where it stands.
    #[must_use]
    pub const fn phase(&self) -> Phase {
        self.phase
    }

    /// Every act so far, in order; the next one has sequence number `acts().len() + 1`.
    #[must_use]
    pub fn acts(&self) -> &[ActRecord] {
        &self.acts
    }

    /// Why it was cancelled.
    #[must_use]
    pub fn cancel_reason(&self) -> Option<&str> {
        self.cancel_reason.as_deref()
    }

    /// What seals ballots of this election; none before its key is fixed, and none if its ballots are open.
    #[must_use]
    pub fn sealer(&self) -> Option<Sealer> {
        let bound = self.sealed()?.seal()?.election();
        let contests = self.definition.sealed_contests().ok()?;
        Sealer::new(self.definition.id, bound.hash(), &bound.key, contests).ok()
    }

    /// Number of voters entitled.
    #[must_use]
    pub const fn roll_size(&self) -> u64 {
        self.roll_size
    }

    /// RFC 6962 root over the voters certified so far, in the order of their pseudonyms; a leaf is `pseudonym ‖ key ‖ u64 weight`.
    /// Takes time with the number of voters.
    #[must_use]
    pub fn roll_root(&self) -> Digest {
        sealed::roll_root(self.voters.iter().map(|(pseudonym, voter)| (pseudonym, voter.key, voter.weight)))
    }

    /// [`ElectionState::roll_root`] of a roll that was frozen: nobody else is certified any more.
    #[must_use]
    pub const fn frozen_roll(&self) -> Option<Digest> {
        self.frozen_roll
    }

    /// Number of voters with a certified key.
    #[must_use]
    pub fn certified(&self) -> u64 {
        self.voters.len() as u64
    }

    /// Number of voters whose ballot counts.
    #[must_use]
    pub const fn voted(&self) -> u64 {
        self.voted
    }

    /// Number of ballots recorded, replaced ones included.
    #[must_use]
    pub fn ballots(&self) -> u64 {
        self.ballots.len() as u64
    }

    /// A voter by pseudonym.
    #[must_use]
    pub fn voter(&self, pseudonym: &Pseudonym) -> Option<&VoterRecord> {
        self.voters.get(pseudonym)
    }

    /// The voter a key is certified for.
    #[must_use]
    pub fn voter_of_key(&self, key: &PublicKey) -> Option<(Pseudonym, &VoterRecord)> {
        let pseudonym = self.keys.get(key)?;
        Some((*pseudonym, self.voters.get(pseudonym)?))
    }

    /// Where a ballot stands.
    #[must_use]
    pub fn ballot_position(&self, ballot: BallotHash) -> Option<Position> {
        self.ballots.get(&ballot).copied()
    }

    /// The ballot with a code, and where it stands.
    #[must_use]
    pub fn ballot_of_code(&self, code: BallotCode) -> Option<(BallotHash, Position)> {
        self.ballots.range(code.hashes()).next().map(|(hash, position)| (*hash, *position))
    }

    /// Where an act or a certification stands.
    #[must_use]
    pub fn entry_position(&self, entry: EntryHash) -> Option<Position> {
        self.entries.get(&entry).copied()
    }

    /// The running count. Who may see it is the gateway's to decide. Of a sealed election there is none before trustees have
    /// decrypted its sums.
    #[must_use]
    pub fn tally(&self) -> Option<&ElectionTally> {
        let closed =
            self.definition.secrecy.trustees().is_some() && self.sealed.as_ref().is_none_or(|sealed| sealed.decryption().is_none());
        (!closed).then_some(&self.tally)
    }

    /// Height of the block that closed it.
    #[must_use]
    pub const fn closed_height(&self) -> Option<Height> {
        self.closed_height
    }

    /// Hash of the block that closed it, from the next block on; draws the lots.
    #[must_use]
    pub const fn lot_seed(&self) -> Option<Digest> {
        self.lot_seed
    }

    /// The certified report, from the tallied phase on.
    #[must_use]
    pub const fn report(&self) -> Option<&Arc<ElectionReport>> {
        self.report.as_ref()
    }

    /// Per contest, how the certified result came about, round by round; empty before the tallied phase.
    #[must_use]
    pub fn outcomes(&self) -> &[Outcome] {
        &self.outcomes
    }
}

/// A ballot that may be cast.
struct Checked {
    voter: Pseudonym,
    weight: u64,
    replaced: Option<CountedBallot>,
}
