//! State of one election: its life cycle, its roll, its ballots and its running count.

use std::sync::Arc;

use borsh::{BorshDeserialize, BorshSerialize};
use imbl::{HashMap, OrdMap};

use super::{Applied, EntryLog, Position, Refusal};
use crate::ballot::{Ballot, Selection};
use crate::codec::Canonical;
use crate::count::Outcome;
use crate::crypto::PublicKey;
use crate::election::{ElectionDefinition, MAX_WEIGHT, Phase, RevoteRule, Timing};
use crate::entry::{Act, Certification, MAX_CERTIFIED_PER_ENTRY, MAX_REASON_BYTES, OfficerAct};
use crate::ids::{BallotCode, BallotHash, ChainId, Digest, ElectionId, EntryHash, Height, Pseudonym};
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
    /// Its choices, kept where a later ballot may take them back.
    selections: Option<Arc<[Selection]>>,
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
    voters: HashMap<Pseudonym, VoterRecord>,
    keys: HashMap<PublicKey, Pseudonym>,
    /// In order, so that a ballot is found by its code.
    ballots: OrdMap<BallotHash, Position>,
    entries: EntryLog,
    voted: u64,
    tally: ElectionTally,
    closed_height: Option<Height>,
    lot_seed: Option<Digest>,
    report: Option<Arc<ElectionReport>>,
    outcomes: Arc<[Outcome]>,
    log: Digest,
}

/// What an election contributes to the state root. Everything else follows from the log.
#[derive(BorshSerialize, BorshDeserialize)]
struct Summary {
    id: ElectionId,
    context: Digest,
    phase: Phase,
    acts: u32,
    roll_size: u64,
    certified: u64,
    ballots: u64,
    voted: u64,
    log: Digest,
}

impl Canonical for Summary {
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
            voters: HashMap::new(),
            keys: HashMap::new(),
            ballots: OrdMap::new(),
            entries: HashMap::new(),
            voted: 0,
            closed_height: None,
            lot_seed: None,
            report: None,
            outcomes: Arc::default(),
            log: Digest::ZERO,
        };
        election.act(act, entry, position, timestamp)?;
        Ok(election)
    }

    /// An officer's act. Checks everything before it changes anything.
    pub(super) fn act(&mut self, act: &OfficerAct, entry: EntryHash, position: Position, now: Timestamp) -> Result<(), Refusal> {
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
                self.phase = Phase::Draft;
            }
            Act::SetRoll { size } => {
                if !matches!(self.phase, Phase::Draft | Phase::Ready | Phase::Scheduled) {
                    return Err(wrong_phase("changing the roll"));
                }
                let certified = self.voters.len() as u64;
                if *size < certified {
                    return Err(Refusal::RollBelowCertified { size: *size, certified });
                }
                if *size == 0 && self.phase != Phase::Draft {
                    return Err(Refusal::EmptyRoll);
                }
                self.roll_size = *size;
            }
            Act::Advance { to } => self.advance(*to, position, now)?,
            Act::Tally { report } => {
                if self.phase != Phase::Closed {
                    return Err(wrong_phase("stating the count"));
                }
                let seed = self.lot_seed.ok_or(Refusal::ClosedInThisBlock)?;
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
        }
        self.acts.push(ActRecord { phase: self.phase, officer: act.officer, position, timestamp: now });
        self.record(entry, position);
        Ok(())
    }

    fn advance(&mut self, to: Phase, position: Position, now: Timestamp) -> Result<(), Refusal> {
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
        self.phase = to;
        if to == Phase::Closed {
            self.closed_height = Some(position.height);
        }
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
        let actual = certification.voters.len();
        if actual == 0 || actual > MAX_CERTIFIED_PER_ENTRY {
            return Err(Refusal::CertificationSize { actual, max: MAX_CERTIFIED_PER_ENTRY });
        }
        if self.voters.len() as u64 + actual as u64 > self.roll_size {
            return Err(Refusal::RollFull { size: self.roll_size });
        }
        let (mut voters, mut keys) = (self.voters.clone(), self.keys.clone());
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
        }
        (self.voters, self.keys) = (voters, keys);
        self.record(entry, position);
        Ok(())
    }

    /// Casts a ballot. Checks everything before it changes anything.
    pub(super) fn cast(
        &mut self,
        ballot: &Ballot,
        hash: BallotHash,
        entry: EntryHash,
        position: Position,
        now: Timestamp,
    ) -> Result<Applied, Refusal> {
        let Checked { voter, weight, replaced } = self.check_cast(ballot, hash)?;
        if let Some(old) = &replaced {
            let selections = old.selections.as_deref().unwrap_or_default();
            self.tally.remove(&self.definition, selections, weight)?;
        }
        self.tally.add(&self.definition, &ballot.selections, weight)?;
        let keep = self.definition.revote == RevoteRule::LastCounts;
        let counted = CountedBallot {
            hash,
            sequence: ballot.sequence,
            position,
            timestamp: now,
            selections: keep.then(|| ballot.selections.as_slice().into()),
        };
        self.voters.insert(voter, VoterRecord { key: ballot.voter, weight, counted: Some(counted) });
        self.ballots.insert(hash, position);
        self.voted += u64::from(replaced.is_none());
        self.extend_log(entry);
        Ok(Applied::Cast { voter, ballot: hash, replaced: replaced.map(|old| old.hash) })
    }

    /// Whether a ballot would be accepted now: the same check as in a block, for gateways and clients.
    ///
    /// # Errors
    /// [`Refusal`] says why not.
    pub fn check_ballot(&self, ballot: &Ballot) -> Result<(), Refusal> {
        self.check_cast(ballot, ballot.hash()).map(|_| ())
    }

    fn check_cast(&self, ballot: &Ballot, hash: BallotHash) -> Result<Checked, Refusal> {
        if let Some(position) = self.ballots.get(&hash) {
            return Err(Refusal::Duplicate { position: *position });
        }
        if self.phase != Phase::Open {
            return Err(Refusal::Phase { phase: self.phase, action: "casting a ballot" });
        }
        if ballot.context != self.context {
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
        ballot.check_selections(&self.definition)?;
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
        Summary {
            id: self.definition.id,
            context: self.context,
            phase: self.phase,
            acts: self.acts.len() as u32,
            roll_size: self.roll_size,
            certified: self.voters.len() as u64,
            ballots: self.ballots.len() as u64,
            voted: self.voted,
            log: self.log,
        }
        .digest()
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

    /// What ballots are bound to: [`ElectionDefinition::context`].
    #[must_use]
    pub const fn context(&self) -> Digest {
        self.context
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

    /// Number of voters entitled.
    #[must_use]
    pub const fn roll_size(&self) -> u64 {
        self.roll_size
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

    /// The running count. Who may see it is the gateway's to decide.
    #[must_use]
    pub const fn tally(&self) -> &ElectionTally {
        &self.tally
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
