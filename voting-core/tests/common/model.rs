//! The ledger as a clerk would keep it on paper: lists, read from the top whenever something is to be
//! known, and nothing kept that can be counted again. Refusals are known by their codes only.

use sha2::{Digest as _, Sha256};
use voting_core::ballot::{Ballot, Selection};
use voting_core::codec::Canonical;
use voting_core::crypto::PublicKey;
use voting_core::election::{ElectionDefinition, MAX_WEIGHT, Phase, RevoteRule, Timing};
use voting_core::entry::{Act, Certification, CertifiedVoter, Entry, MAX_CERTIFIED_PER_ENTRY, OfficerAct};
use voting_core::ids::{BallotHash, BlockHash, ChainId, Digest, ElectionId, Pseudonym};
use voting_core::tally::ElectionReport;
use voting_core::time::Timestamp;

use super::recount::{Counted, judge, recount};

/// Accepted, or the code of the refusal.
pub(crate) type Verdict = Result<(), &'static str>;

/// All that the clerk has written down.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) chain: ChainId,
    pub(crate) officers: Vec<PublicKey>,
    pub(crate) partition: u16,
    pub(crate) partitions: u16,
    /// Number of the block being written, its parent's hash and its time.
    pub(crate) height: u64,
    pub(crate) parent: BlockHash,
    pub(crate) now: Timestamp,
    pub(crate) elections: Vec<Sheet>,
}

/// What is written about one election.
#[derive(Debug)]
pub(crate) struct Sheet {
    pub(crate) definition: ElectionDefinition,
    pub(crate) phase: Phase,
    pub(crate) acts: u32,
    pub(crate) roll: u64,
    /// Whether those certified are all who may vote.
    pub(crate) frozen: bool,
    pub(crate) voters: Vec<CertifiedVoter>,
    /// Every ballot recorded, in order.
    pub(crate) ballots: Vec<(BallotHash, Ballot)>,
    /// The block of the close, and once it is known its hash.
    pub(crate) closed: Option<(u64, Option<BlockHash>)>,
    pub(crate) reason: Option<String>,
    pub(crate) report: Option<ElectionReport>,
    /// Hash over every entry that took effect, in order.
    pub(crate) log: [u8; 32],
}

impl Model {
    /// The next block.
    pub(crate) fn turn_page(&mut self, parent: BlockHash, now: Timestamp) {
        for sheet in &mut self.elections {
            if let Some((height, hash @ None)) = &mut sheet.closed {
                assert_eq!(*height, self.height, "learnt in the block after the close");
                *hash = Some(parent);
            }
        }
        (self.height, self.parent, self.now) = (self.height + 1, parent, now);
    }

    pub(crate) fn sheet(&self, id: ElectionId) -> Option<&Sheet> {
        self.elections.iter().find(|sheet| sheet.definition.id == id)
    }

    pub(crate) fn apply(&mut self, entry: &Entry) -> Verdict {
        match entry {
            Entry::Act(signed) => self.act(&signed.content),
            Entry::Certify(signed) => self.certify(&signed.content),
            Entry::Cast(signed) => self.cast(&signed.ballot),
            Entry::Prefer(_) => Err("leaders_not_elected"),
            Entry::Change(_) => Err("too_few_approvals"),
            Entry::Accuse(_) => Err("not_an_authority"),
            Entry::Trustee(signed) => self.sheet_mut(signed.content.election).and(Err("not_sealed")),
            Entry::Challenge(signed) => self.sheet_mut(signed.content.ballot.election)?.challenge(&signed.content.ballot),
        }?;
        let hash = sha256(Entry::TAG, &[&entry.to_canonical()]);
        let sheet = self.sheet_mut(entry.election().expect("checked above"))?;
        sheet.log = sha256("voting/election-log/v1", &[&sheet.log, &hash]);
        Ok(())
    }

    /// The state root, hashed from what is on paper.
    pub(crate) fn root(&self) -> Digest {
        let mut sheets: Vec<_> = self.elections.iter().collect();
        sheets.sort_by_key(|sheet| sheet.definition.id);
        let leaf =
            |sheet: &&Sheet| Sha256::digest([&[0], sheet.definition.id.0.as_slice(), &sheet.digest(self.chain)].concat()).into();
        Digest(merkle_root(&sheets.iter().map(leaf).collect::<Vec<_>>()))
    }

    fn sheet_mut(&mut self, id: ElectionId) -> Result<&mut Sheet, &'static str> {
        self.elections.iter_mut().find(|sheet| sheet.definition.id == id).ok_or("unknown_election")
    }

    fn act(&mut self, act: &OfficerAct) -> Verdict {
        if !self.officers.contains(&act.officer) {
            return Err("not_an_officer");
        }
        let (height, now) = (self.height, self.now);
        match (&act.act, self.sheet(act.election)) {
            (Act::Define(definition), None) => {
                let mut sheet = Sheet::new(definition.clone());
                sheet.act(act, height, now)?;
                self.elections.push(sheet);
                Ok(())
            }
            _ => self.sheet_mut(act.election)?.act(act, height, now),
        }
    }

    fn certify(&mut self, certification: &Certification) -> Verdict {
        let (partition, partitions) = (self.partition, self.partitions);
        let sheet = self.sheet_mut(certification.election)?;
        if certification.voters.iter().any(|voter| home(&voter.pseudonym, partitions) != partition) {
            return Err("other_partition");
        }
        if sheet.phase >= Phase::Closed {
            return Err("wrong_phase");
        }
        if certification.registrar != sheet.definition.registrar {
            return Err("not_the_registrar");
        }
        if sheet.frozen {
            return Err("roll_frozen");
        }
        if certification.voters.is_empty() || certification.voters.len() > MAX_CERTIFIED_PER_ENTRY {
            return Err("certification_size");
        }
        if (sheet.voters.len() + certification.voters.len()) as u64 > sheet.roll {
            return Err("roll_full");
        }
        let mut voters = sheet.voters.clone();
        for voter in &certification.voters {
            if !(1..=MAX_WEIGHT).contains(&voter.weight) {
                return Err("invalid_weight");
            }
            if voters.iter().any(|known| known.pseudonym == voter.pseudonym) {
                return Err("already_certified");
            }
            if voters.iter().any(|known| known.key == voter.key) {
                return Err("key_in_use");
            }
            voters.push(*voter);
        }
        sheet.voters = voters;
        Ok(())
    }

    fn cast(&mut self, ballot: &Ballot) -> Verdict {
        let chain = self.chain;
        let sheet = self.sheet_mut(ballot.election)?;
        if sheet.ballots.iter().any(|(_, recorded)| recorded == ballot) {
            return Err("duplicate_ballot");
        }
        if sheet.phase != Phase::Open {
            return Err("wrong_phase");
        }
        if ballot.context != sheet.definition.context(chain) {
            return Err("wrong_context");
        }
        if !sheet.voters.iter().any(|voter| voter.key == ballot.voter) {
            return Err("key_not_certified");
        }
        let earlier = sheet.ballots.iter().filter(|(_, recorded)| recorded.voter == ballot.voter);
        let highest = earlier.map(|(_, recorded)| recorded.sequence).max();
        match (sheet.definition.revote, highest) {
            _ if ballot.sequence == 0 => return Err("stale_sequence"),
            (RevoteRule::FirstCounts, Some(_)) => return Err("already_voted"),
            (RevoteRule::LastCounts, Some(highest)) if ballot.sequence <= highest => return Err("stale_sequence"),
            _ => {}
        }
        if ballot.selections.len() != sheet.definition.contests.len() {
            return Err("wrong_contests");
        }
        sheet.definition.contests.iter().zip(&ballot.selections).try_for_each(|(contest, selection)| judge(contest, selection))?;
        sheet.ballots.push((ballot.hash(), ballot.clone()));
        Ok(())
    }
}

impl Sheet {
    fn new(definition: ElectionDefinition) -> Self {
        Self {
            definition,
            phase: Phase::Draft,
            acts: 0,
            roll: 0,
            frozen: false,
            voters: Vec::new(),
            ballots: Vec::new(),
            closed: None,
            reason: None,
            report: None,
            log: [0; 32],
        }
    }

    fn act(&mut self, act: &OfficerAct, height: u64, now: Timestamp) -> Verdict {
        if act.sequence != self.acts + 1 {
            return Err("act_sequence");
        }
        match &act.act {
            Act::Define(_) if self.phase > Phase::Ready => return Err("wrong_phase"),
            Act::Define(definition) if definition.id != act.election => return Err("invalid_definition"),
            Act::Define(definition) if definition.title.is_empty() => return Err("invalid_definition"),
            Act::Define(definition) => {
                if !self.voters.is_empty() && definition.registrar != self.definition.registrar {
                    return Err("wrong_phase");
                }
                (self.definition, self.phase) = (definition.clone(), Phase::Draft);
            }
            Act::SetRoll { .. } if self.phase > Phase::Scheduled => return Err("wrong_phase"),
            Act::SetRoll { .. } | Act::FreezeRoll if self.phase <= Phase::Scheduled && self.frozen => return Err("roll_frozen"),
            Act::FreezeRoll if self.phase > Phase::Scheduled => return Err("wrong_phase"),
            Act::FreezeRoll if self.voters.is_empty() => return Err("empty_roll"),
            Act::FreezeRoll => (self.roll, self.frozen) = (self.voters.len() as u64, true),
            Act::SetRoll { size } if *size < self.voters.len() as u64 => return Err("roll_below_certified"),
            Act::SetRoll { size: 0 } if self.phase > Phase::Draft => return Err("empty_roll"),
            Act::SetRoll { size } => self.roll = *size,
            Act::Advance { to } => {
                let fixed = self.definition.timing == Timing::Fixed;
                match (self.phase, *to) {
                    (Phase::Draft, Phase::Ready) if self.roll == 0 => return Err("empty_roll"),
                    (Phase::Scheduled, Phase::Open) if fixed && now < self.definition.opens_at => return Err("too_early"),
                    (Phase::Open, Phase::Closed) if fixed && now < self.definition.closes_at => return Err("too_early"),
                    (Phase::Draft, Phase::Ready)
                    | (Phase::Ready, Phase::Scheduled)
                    | (Phase::Scheduled, Phase::Open)
                    | (Phase::Open, Phase::Closed)
                    | (Phase::Tallied, Phase::Published) => self.phase = *to,
                    _ => return Err("wrong_phase"),
                }
                if *to == Phase::Closed {
                    self.closed = Some((height, None));
                }
            }
            Act::Tally { .. } if self.phase != Phase::Closed => return Err("wrong_phase"),
            Act::Tally { report } => {
                let counted = self.count().ok_or("just_closed")?;
                if *report != counted.digest() {
                    return Err("wrong_report");
                }
                (self.report, self.phase) = (Some(counted), Phase::Tallied);
            }
            Act::Cancel { .. } if self.phase > Phase::Closed => return Err("wrong_phase"),
            Act::Cancel { reason } if reason.is_empty() => return Err("invalid_reason"),
            Act::Cancel { reason } => (self.reason, self.phase) = (Some(reason.clone()), Phase::Cancelled),
            Act::CloseCeremonyPhase if self.phase != Phase::Ready => return Err("wrong_phase"),
            Act::CloseCeremonyPhase => return Err("not_sealed"),
        }
        self.acts += 1;
        Ok(())
    }

    /// Open ballots need no test of a seal.
    fn challenge(&self, ballot: &Ballot) -> Verdict {
        match self.phase {
            Phase::Open if self.voters.iter().any(|voter| voter.key == ballot.voter) => Err("not_sealed"),
            Phase::Open => Err("key_not_certified"),
            _ => Err("wrong_phase"),
        }
    }

    /// A voter's ballot that counts: the last recorded, of which there is but one where the first counts.
    pub(crate) fn counted(&self, voter: &CertifiedVoter) -> Option<&(BallotHash, Ballot)> {
        self.ballots.iter().rfind(|(_, ballot)| ballot.voter == voter.key)
    }

    /// The ballots that count, with their weights.
    pub(crate) fn counted_ballots(&self) -> Vec<Counted> {
        let with_weight = |voter| Some((self.counted(voter)?.1.selections.clone(), voter.weight));
        self.voters.iter().filter_map(with_weight).collect::<Vec<(Vec<Selection>, u64)>>()
    }

    /// Root over the voters certified, in the order of their pseudonyms.
    pub(crate) fn roll_root(&self) -> Digest {
        let mut voters = self.voters.clone();
        voters.sort_by_key(|voter| voter.pseudonym);
        let leaf = |voter: &CertifiedVoter| {
            Sha256::digest([&[0], voter.pseudonym.0.as_slice(), &voter.key.0, &voter.weight.to_le_bytes()].concat()).into()
        };
        Digest(merkle_root(&voters.iter().map(leaf).collect::<Vec<_>>()))
    }

    /// What stands for the election in the state root, byte by byte.
    fn digest(&self, chain: ChainId) -> [u8; 32] {
        let voted = self.counted_ballots().len() as u64;
        sha256(
            "voting/election-summary/v1",
            &[
                &self.definition.id.0,
                &self.definition.context(chain).0,
                &[self.phase as u8],
                &self.acts.to_le_bytes(),
                &self.roll.to_le_bytes(),
                &(self.voters.len() as u64).to_le_bytes(),
                &(self.ballots.len() as u64).to_le_bytes(),
                &voted.to_le_bytes(),
                &self.log,
            ],
        )
    }

    /// The report, once the hash that draws the lots is known.
    pub(crate) fn count(&self) -> Option<ElectionReport> {
        let (_, hash) = self.closed?;
        Some(recount(&self.definition, &self.counted_ballots(), Digest(hash?.0)))
    }
}

/// SHA-256 over a tag with its length, and parts.
fn sha256(tag: &str, parts: &[&[u8]]) -> [u8; 32] {
    Sha256::digest([&[tag.len() as u8], tag.as_bytes(), &parts.concat()].concat()).into()
}

/// RFC 6962, section 2.1, of leaves that are hashed already.
fn merkle_root(leaves: &[[u8; 32]]) -> [u8; 32] {
    match leaves {
        [] => Sha256::digest([]).into(),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            Sha256::digest([&[1], merkle_root(left).as_slice(), &merkle_root(right)].concat()).into()
        }
    }
}

/// The partition of a voter, from the words of the rule.
fn home(voter: &Pseudonym, partitions: u16) -> u16 {
    let hash = sha256("voting/partition/v1", &[&voter.0]);
    let number = hash.iter().take(8).fold(0u128, |number, byte| number * 256 + u128::from(*byte));
    (number % u128::from(partitions)) as u16
}
