//! What goes over the wire, as the gateway's API describes it. Fields that a newer server adds are ignored.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};
use voting_core::Canonical as _;
use voting_core::crypto::PublicKey;
use voting_core::election::{
    Contest, ContestOption, CountMethodId, ElectionDefinition, Majority, Phase, ResultVisibility, RevoteRule, Secrecy, Timing,
    Trustee, Trustees,
};
use voting_core::epoch::change::Handover;
use voting_core::sealed::ceremony::CeremonyPhase;
use voting_core::sealed::{Point, SealedElection, SealedHash};
use voting_core::{BallotHash, ChainId, Digest, ElectionId, Pseudonym, Timestamp};

/// An account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct User {
    pub(crate) id: String,
    pub(crate) email: String,
    #[serde(default)]
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) roles: Vec<String>,
}

/// Answer to a login or a refresh.
#[derive(Deserialize)]
pub(crate) struct LoginAnswer {
    pub(crate) access_token: String,
    /// When the access token stops working, by the server's clock.
    pub(crate) expires_at: Timestamp,
    #[serde(default)]
    pub(crate) refresh_token: Option<String>,
    pub(crate) user: User,
}

/// One line of the list of elections.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ElectionListItem {
    pub(crate) id: ElectionId,
    pub(crate) title: String,
    #[serde(default)]
    pub(crate) description: String,
    pub(crate) start_date: Timestamp,
    pub(crate) end_date: Timestamp,
    #[serde(rename = "hasVoted", default)]
    pub(crate) has_voted: bool,
    pub(crate) phase: Phase,
    #[serde(default)]
    pub(crate) eligible: bool,
    #[serde(default)]
    pub(crate) roll_size: u64,
    #[serde(default)]
    pub(crate) voted: u64,
}

/// How ballots are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kept {
    Open,
    Sealed,
}

/// The sealed side of an election.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Sealing {
    pub(crate) threshold: u16,
    pub(crate) min_ballots: u64,
    pub(crate) trustees: Vec<ShownTrustee>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ceremony: Option<CeremonyPhase>,
    #[serde(default)]
    pub(crate) waits_for: Vec<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<Point>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ceremony_hash: Option<SealedHash>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) roll_root: Option<Digest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) authorities: Option<Digest>,
    #[serde(default)]
    pub(crate) challenged: u64,
    #[serde(default)]
    pub(crate) decrypted: bool,
}

/// A trustee as the server shows it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ShownTrustee {
    pub(crate) number: u16,
    pub(crate) name: String,
    pub(crate) key: PublicKey,
    #[serde(default)]
    pub(crate) active: bool,
    #[serde(default)]
    pub(crate) decrypted: bool,
}

impl Sealing {
    /// The trustees as the definition names them.
    pub(crate) fn trustees(&self) -> Trustees {
        let trustee = |shown: &ShownTrustee| Trustee { name: shown.name.clone(), key: shown.key };
        let trustees = self.trustees.iter().map(trustee).collect();
        Trustees { threshold: self.threshold, min_ballots: self.min_ballots, trustees }
    }

    /// What ballots are bound to, of a definition with this context; none before the key is fixed.
    pub(crate) fn election(&self, context: Digest) -> Option<SealedElection> {
        Some(SealedElection {
            parameters: self.trustees().parameters(),
            context,
            key: self.key?,
            ceremony: self.ceremony_hash?,
            roll_root: self.roll_root?,
            authorities: self.authorities?,
        })
    }
}

/// Proof of what a quorum has certified of an election.
#[derive(Debug, Deserialize)]
pub(crate) struct ElectionProofAnswer {
    /// Base64 of its canonical bytes.
    pub(crate) proof: String,
}

/// A key ceremony.
#[derive(Debug, Deserialize)]
pub(crate) struct CeremonyAnswer {
    /// Base64 of the canonical bytes of the definition.
    pub(crate) definition: String,
    /// Base64 of the canonical bytes of the record.
    pub(crate) record: String,
}

/// An election in full.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Election {
    pub(crate) id: ElectionId,
    pub(crate) title: String,
    #[serde(default)]
    pub(crate) description: String,
    pub(crate) start_date: Timestamp,
    pub(crate) end_date: Timestamp,
    #[serde(default)]
    pub(crate) created_by: String,
    pub(crate) contests: Vec<Contest>,
    pub(crate) phase: Phase,
    pub(crate) timing: Timing,
    pub(crate) revote: RevoteRule,
    pub(crate) results: ResultVisibility,
    pub(crate) secrecy: Kept,
    /// Trustees, ceremony and key of a sealed election.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sealing: Option<Sealing>,
    #[serde(default)]
    pub(crate) roll_size: u64,
    #[serde(default)]
    pub(crate) certified: u64,
    #[serde(default)]
    pub(crate) voted: u64,
    #[serde(default)]
    pub(crate) ballots: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cancel_reason: Option<String>,
    /// What ballots are bound to; see [`ElectionDefinition::context`].
    pub(crate) context: Digest,
    pub(crate) chain: ChainId,
    /// Needed to compute the context here; a server that leaves it out cannot be checked as far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) registrar: Option<PublicKey>,
    #[serde(rename = "hasVoted", default)]
    pub(crate) has_voted: bool,
    #[serde(default)]
    pub(crate) eligible: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) my_key: Option<PublicKey>,
    /// Sequence number of the caller's ballot that counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) my_sequence: Option<u32>,
    /// Why the caller cannot vote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
}

impl Election {
    /// The definition that authorities and ballots refer to, rebuilt from what the server shows.
    pub(crate) fn definition(&self, registrar: PublicKey) -> ElectionDefinition {
        ElectionDefinition {
            id: self.id,
            title: self.title.clone(),
            description: self.description.clone(),
            contests: self.contests.clone(),
            opens_at: self.start_date,
            closes_at: self.end_date,
            timing: self.timing,
            revote: self.revote,
            secrecy: self.sealing.as_ref().map_or(Secrecy::Open, |sealing| Secrecy::Sealed(sealing.trustees())),
            results: self.results,
            registrar,
            created_by: self.created_by.clone(),
        }
    }
}

/// An election to be created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewElection {
    pub(crate) title: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
    pub(crate) start_date: Timestamp,
    pub(crate) end_date: Timestamp,
    /// One plurality contest titled like the election; instead of `contests`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) candidates: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) contests: Vec<NewContest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) timing: Option<Timing>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) revote: Option<RevoteRule>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) results: Option<ResultVisibility>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) secrecy: Option<Kept>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sealing: Option<NewSealing>,
}

/// Who decrypts the sums of a sealed election to be created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewSealing {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) threshold: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) min_ballots: Option<u64>,
    pub(crate) trustees: Vec<Trustee>,
}

/// One question of an election to be created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewContest {
    pub(crate) title: String,
    pub(crate) method: CountMethodId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) seats: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) min: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) max: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) allow_blank: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) max_score: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) majority: Option<Majority>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) quorum_percent: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) withdrawn: Option<Vec<u16>>,
    pub(crate) options: Vec<NewOption>,
}

/// One option of an election to be created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewOption {
    pub(crate) name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
}

impl From<&ContestOption> for NewOption {
    fn from(option: &ContestOption) -> Self {
        let description = (!option.description.is_empty()).then(|| option.description.clone());
        Self { name: option.name.clone(), description }
    }
}

/// Answer to a roll sent.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct VotersAnswer {
    pub(crate) added: u64,
    pub(crate) already: u64,
    pub(crate) total: u64,
}

/// A key registered ahead of the vote.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Credential {
    pub(crate) label: String,
    pub(crate) key: PublicKey,
}

/// Answer to a voter's key.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct KeyAnswer {
    pub(crate) pseudonym: Pseudonym,
    pub(crate) key: PublicKey,
    #[serde(default = "one")]
    pub(crate) weight: u64,
}

const fn one() -> u64 {
    1
}

/// A receipt as the server hands it out.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ReceiptAnswer {
    pub(crate) election_id: ElectionId,
    pub(crate) ballot_hash: BallotHash,
    #[serde(default)]
    pub(crate) code: String,
    pub(crate) height: u64,
    pub(crate) index: u32,
    pub(crate) recorded_at: Timestamp,
    /// Canonical bytes of the receipt, in base 64.
    pub(crate) proof: String,
}

/// Where a ballot stands.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct BallotStatus {
    pub(crate) status: Standing,
    #[serde(default)]
    pub(crate) reason_code: Option<String>,
    #[serde(default)]
    pub(crate) reason: Option<String>,
}

/// The four answers to "where is my ballot".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Standing {
    /// Never seen, or lost before it was final: send it again.
    Unknown,
    /// On its way.
    Pending,
    /// Recorded.
    Final,
    /// Refused by the ledger's rules.
    #[serde(alias = "rejected")]
    Refused,
}

/// A result.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ElectionResult {
    pub(crate) election_id: ElectionId,
    pub(crate) phase: Phase,
    #[serde(rename = "final", default)]
    pub(crate) is_final: bool,
    #[serde(default)]
    pub(crate) total_votes: u64,
    /// Digest of the report that the authorities certified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) report: Option<Digest>,
    /// What draws the lots of ties.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) lot_seed: Option<Digest>,
    pub(crate) contests: Vec<ContestResult>,
}

/// Result of one contest.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ContestResult {
    pub(crate) title: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) method: Option<CountMethodId>,
    pub(crate) seats: u16,
    /// Best first.
    pub(crate) options: Vec<OptionResult>,
    pub(crate) ballots: u64,
    pub(crate) weight: u64,
    pub(crate) blank: u64,
    /// Places of the options between which a lot decided.
    #[serde(default)]
    pub(crate) decided_by_lot: Vec<u16>,
    /// The count step by step.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) rounds: Vec<Round>,
    /// How options fare in pairs, and every tie, as the server writes them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) pairs: Option<serde_json::Value>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) ties: Vec<serde_json::Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) verdict: Option<serde_json::Value>,
}

/// One step of a count, and how things stand after it; amounts have the decimals of the rule.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Round {
    pub(crate) step: String,
    #[serde(default)]
    pub(crate) options: Vec<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) value: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) divisor: Option<u64>,
    pub(crate) votes: Vec<String>,
    pub(crate) exhausted: String,
    pub(crate) lost: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) quota: Option<String>,
    #[serde(default)]
    pub(crate) keep: Vec<String>,
    #[serde(default)]
    pub(crate) elected: Vec<u16>,
}

/// One option's line in a result.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct OptionResult {
    /// `contest-option`, each by place, from 0.
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) votes: u64,
    /// What the method decided by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) total: Option<String>,
    #[serde(default)]
    pub(crate) elected: bool,
    /// Seats won.
    #[serde(default)]
    pub(crate) seats: u16,
}

impl OptionResult {
    /// Place of the option on the ballot, from 0.
    pub(crate) fn place(&self) -> Option<u16> {
        self.id.rsplit_once('-')?.1.parse().ok()
    }
}

/// The network behind a server.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Network {
    pub(crate) network: String,
    pub(crate) chain: ChainId,
    pub(crate) genesis: Digest,
    pub(crate) quorum: u64,
    #[serde(default)]
    pub(crate) height: u64,
}

/// The authorities since the genesis.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct EpochList {
    pub(crate) epochs: Vec<EpochProof>,
}

/// A set of authorities, with the proof that the one before handed over to it.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct EpochProof {
    #[serde(default)]
    pub(crate) handover: Option<String>,
}

impl EpochList {
    /// The proofs, not checked yet.
    pub(crate) fn handovers(&self) -> Result<Vec<Handover>, String> {
        let encoded = self.epochs.iter().filter_map(|epoch| epoch.handover.as_ref());
        let decoded = encoded.map(|text| {
            let bytes = BASE64.decode(text).map_err(|error| format!("a handover is not base 64: {error}"))?;
            Handover::from_canonical(&bytes).map_err(|error| error.to_string())
        });
        decoded.collect()
    }
}

/// Name and version of a server.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Version {
    #[serde(default)]
    pub(crate) name: String,
    pub(crate) version: String,
}

/// Whether a server is ready, and why not.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Readiness {
    pub(crate) ready: bool,
    #[serde(default)]
    pub(crate) checks: Vec<ReadinessCheck>,
}

/// One thing a server needs.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct ReadinessCheck {
    pub(crate) name: String,
    pub(crate) ok: bool,
    #[serde(default)]
    pub(crate) detail: String,
}

/// A refusal: `application/problem+json`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct Problem {
    pub(crate) status: u16,
    pub(crate) code: String,
    pub(crate) title: String,
    pub(crate) detail: String,
    pub(crate) request_id: String,
    /// With `already_voted`: when the first ballot was recorded, and which it is.
    pub(crate) recorded_at: Option<Timestamp>,
    pub(crate) ballot_hash: Option<BallotHash>,
    /// With `invalid_voters`: what is wrong in which line.
    pub(crate) errors: Vec<LineError>,
    /// From the header `Retry-After`.
    #[serde(skip)]
    pub(crate) retry_after: Option<Duration>,
}

/// One bad line of a file sent.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct LineError {
    pub(crate) line: u64,
    pub(crate) message: String,
}
