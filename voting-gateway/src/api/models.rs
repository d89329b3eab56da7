//! Shapes of requests and answers.

use poem_openapi::{Enum, Object};
use serde_json::Value;
use voting_core::election::{CountMethodId, Phase, ResultVisibility, RevoteRule, Timing};

/// Someone's login.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct Login {
    /// E-mail address of the account.
    pub email: String,
    /// Password.
    pub password: String,
    /// `cli` to get the refresh token in the answer instead of a cookie.
    pub client: Option<String>,
}

/// A refresh without a cookie.
#[derive(Debug, Default, Object)]
#[oai(deny_unknown_fields)]
pub struct Refresh {
    /// The refresh token; left out where the cookie carries it.
    pub refresh_token: Option<String>,
}

/// Who is signed in.
#[derive(Debug, Clone, Object)]
pub struct User {
    /// Stable id.
    pub id: String,
    /// Address.
    pub email: String,
    /// Name.
    pub name: String,
    /// Roles: voter, admin, trustee, auditor, observer.
    pub roles: Vec<String>,
}

/// A session.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct Session {
    /// For the header `Authorization: Bearer …`.
    pub access_token: String,
    /// When it ends; refresh before.
    pub expires_at: String,
    /// Only for clients without cookies.
    pub refresh_token: Option<String>,
    /// Who signed in.
    pub user: User,
}

/// How a contest is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "kebab-case")]
pub enum Method {
    /// Most votes win.
    Plurality,
    /// Most approvals win.
    Approval,
}

impl From<Method> for CountMethodId {
    fn from(method: Method) -> Self {
        match method {
            Method::Plurality => Self::Plurality,
            Method::Approval => Self::Approval,
        }
    }
}

impl From<CountMethodId> for Method {
    fn from(method: CountMethodId) -> Self {
        match method {
            CountMethodId::Plurality => Self::Plurality,
            CountMethodId::Approval => Self::Approval,
        }
    }
}

/// Who decides when an election opens and closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "kebab-case")]
pub enum TimingRule {
    /// The stated times.
    Fixed,
    /// An officer.
    Officer,
}

impl From<TimingRule> for Timing {
    fn from(rule: TimingRule) -> Self {
        match rule {
            TimingRule::Fixed => Self::Fixed,
            TimingRule::Officer => Self::Officer,
        }
    }
}

/// Which of a voter's ballots counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "kebab-case")]
pub enum Revote {
    /// The first.
    FirstCounts,
    /// The last.
    LastCounts,
}

impl From<Revote> for RevoteRule {
    fn from(rule: Revote) -> Self {
        match rule {
            Revote::FirstCounts => Self::FirstCounts,
            Revote::LastCounts => Self::LastCounts,
        }
    }
}

/// Who may see results before they are published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "kebab-case")]
pub enum Visibility {
    /// Those who voted.
    Voters,
    /// Everyone.
    Public,
}

impl From<Visibility> for ResultVisibility {
    fn from(visibility: Visibility) -> Self {
        match visibility {
            Visibility::Voters => Self::Voters,
            Visibility::Public => Self::Public,
        }
    }
}

/// A candidate or answer.
#[derive(Debug, Clone, Object)]
#[oai(deny_unknown_fields)]
pub struct OptionModel {
    /// Name as it stands on the ballot.
    pub name: String,
    /// Party, explanation, or nothing.
    #[oai(default)]
    pub description: String,
}

/// A question to be asked.
#[derive(Debug, Clone, Object)]
#[oai(deny_unknown_fields)]
pub struct NewContest {
    /// The question.
    pub title: String,
    /// How it is counted.
    pub method: Method,
    /// Options to win; 1 if left out.
    pub seats: Option<u16>,
    /// Fewest marks of a ballot that is not blank; 1 if left out.
    pub min: Option<u16>,
    /// Most marks; 1 for plurality and all options for approval if left out.
    pub max: Option<u16>,
    /// Whether it may be left blank; yes if left out.
    pub allow_blank: Option<bool>,
    /// The options.
    pub options: Vec<OptionModel>,
}

/// An election to be set up, or a draft's new contents.
#[derive(Debug, Clone, Object)]
#[oai(deny_unknown_fields)]
pub struct NewElection {
    /// Title.
    pub title: String,
    /// What it is about.
    #[oai(default)]
    pub description: String,
    /// When voting opens, RFC 3339.
    pub start_date: String,
    /// When voting closes, RFC 3339.
    pub end_date: String,
    /// The questions; left out where `candidates` is given.
    pub contests: Option<Vec<NewContest>>,
    /// Short for one plurality question, titled as the election.
    pub candidates: Option<Vec<String>>,
    /// Whether the times bind; `fixed` if left out.
    pub timing: Option<TimingRule>,
    /// Which ballot counts; `first-counts` if left out.
    pub revote: Option<Revote>,
    /// Who may see results early; `voters` if left out.
    pub results: Option<Visibility>,
}

/// A question on the ballot.
#[derive(Debug, Clone, Object)]
pub struct ContestModel {
    /// The question.
    pub title: String,
    /// How it is counted.
    pub method: Method,
    /// Options to win.
    pub seats: u16,
    /// Fewest marks of a ballot that is not blank.
    pub min: u16,
    /// Most marks.
    pub max: u16,
    /// Whether it may be left blank.
    pub allow_blank: bool,
    /// The options; ballots refer to them by place, from 0.
    pub options: Vec<OptionModel>,
}

/// An election in full.
#[derive(Debug, Clone, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct Election {
    /// Id.
    pub id: String,
    /// Title.
    pub title: String,
    /// What it is about.
    pub description: String,
    /// When voting opens.
    pub start_date: String,
    /// When voting closes.
    pub end_date: String,
    /// Who set it up.
    pub created_by: String,
    /// Addresses of the entitled; for administrators only, otherwise empty.
    pub eligible_voters: Vec<String>,
    /// The questions.
    pub contests: Vec<ContestModel>,
    /// draft, ready, scheduled, open, closed, tallied, published or cancelled.
    pub phase: String,
    /// fixed or officer.
    pub timing: String,
    /// first-counts or last-counts.
    pub revote: String,
    /// voters or public.
    pub results: String,
    /// open: choices stand in the ledger in clear, under a pseudonym.
    pub secrecy: String,
    /// Voters entitled.
    pub roll_size: u64,
    /// Voters with a certified key.
    pub certified: u64,
    /// Voters whose ballot counts.
    pub voted: u64,
    /// Ballots recorded, replaced ones included.
    pub ballots: u64,
    /// Why it was cancelled.
    pub cancel_reason: Option<String>,
    /// Key that certifies voters' keys; with it a client computes `context` itself.
    pub registrar: String,
    /// What ballots are bound to.
    pub context: String,
    /// The chain it is on.
    pub chain: String,
    /// Whether the caller has voted.
    #[oai(rename = "hasVoted")]
    pub has_voted: bool,
    /// Whether the caller is on the roll.
    pub eligible: bool,
    /// The caller's certified key.
    pub my_key: Option<String>,
    /// Sequence number of the caller's ballot that counts.
    pub my_sequence: Option<u32>,
    /// Why the caller cannot vote now: not_signed_in, not_on_roll, not_open_yet, closed, already_voted or cancelled.
    pub reason: Option<String>,
}

/// An election in a list.
#[derive(Debug, Clone, Object)]
pub struct ElectionListItem {
    /// Id.
    pub id: String,
    /// Title.
    pub title: String,
    /// What it is about.
    pub description: String,
    /// When voting opens.
    pub start_date: String,
    /// When voting closes.
    pub end_date: String,
    /// Whether the caller has voted.
    #[oai(rename = "hasVoted")]
    pub has_voted: bool,
    /// Where it stands.
    pub phase: String,
    /// Whether the caller is on the roll.
    pub eligible: bool,
    /// Voters entitled.
    pub roll_size: u64,
    /// Voters whose ballot counts.
    pub voted: u64,
}

/// A candidate of an election.
#[derive(Debug, Clone, Object)]
pub struct Candidate {
    /// `contest-option`, each by place, from 0.
    pub id: String,
    /// Place of the contest.
    pub contest: u16,
    /// Place of the option.
    pub option: u16,
    /// Name.
    pub name: String,
    /// Party, explanation, or nothing.
    pub description: String,
}

/// A cancellation.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct Cancel {
    /// Why, for everyone to read.
    pub reason: String,
}

/// How to close.
#[derive(Debug, Default, Object)]
#[oai(deny_unknown_fields)]
pub struct Close {
    /// Whether the result is published at once; yes if left out.
    pub publish: Option<bool>,
}

/// A voter to be put on the roll.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct NewVoter {
    /// Address of their account.
    pub email: String,
    /// Name, for administrators.
    pub name: Option<String>,
    /// Weight of their ballot; 1 if left out.
    pub weight: Option<u64>,
}

/// Voters to be put on the roll.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct NewVoters {
    /// The voters.
    pub voters: Vec<NewVoter>,
}

/// What an addition to the roll led to.
#[derive(Debug, Object)]
pub struct VotersAdded {
    /// New on the roll.
    pub added: u64,
    /// Were there already.
    pub already: u64,
    /// On the roll now.
    pub total: u64,
}

/// A voter on the roll.
#[derive(Debug, Object)]
pub struct VoterItem {
    /// Address, or label of a pre-registered credential.
    pub label: String,
    /// Name.
    pub name: String,
    /// Weight of their ballot.
    pub weight: u64,
    /// Whether a key is certified.
    pub certified: bool,
    /// Whether they voted.
    pub has_voted: bool,
}

/// A page of the roll.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct VoterPage {
    /// On the roll in all.
    pub total: u64,
    /// This page.
    pub voters: Vec<VoterItem>,
    /// Give this as `after` for the next page; left out at the end.
    pub next: Option<String>,
}

/// A pre-registered credential.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct NewCredential {
    /// Unique in the election, not an e-mail address.
    pub label: String,
    /// Public key, 64 hexadecimal digits.
    pub key: String,
    /// Weight of the ballot; 1 if left out.
    pub weight: Option<u64>,
}

/// Pre-registered credentials.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct NewCredentials {
    /// At most 800.
    pub credentials: Vec<NewCredential>,
}

/// What pre-registration led to.
#[derive(Debug, Object)]
pub struct CredentialsAdded {
    /// New.
    pub added: u64,
    /// Were there already, with the same keys.
    pub already: u64,
    /// Voters entitled now.
    pub roll_size: u64,
}

/// A voter's key to be certified.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct NewKey {
    /// Public key, 64 hexadecimal digits.
    pub key: String,
}

/// A certified key.
#[derive(Debug, Object)]
pub struct CertifiedKey {
    /// How the ledger knows the voter.
    pub pseudonym: String,
    /// The key.
    pub key: String,
    /// Weight of the ballot.
    pub weight: u64,
}

/// A ballot to be cast.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct CastBallot {
    /// Base64 of the canonical bytes of the signed ballot (docs/SPEC.md).
    pub ballot: String,
    /// The same choices readable, one per contest: `"blank"` or `{"marks": [0]}`. Must agree with the bytes.
    pub selections: Option<Vec<Value>>,
}

/// Proof that a ballot is recorded.
#[derive(Debug, Object)]
pub struct ReceiptModel {
    /// The election.
    pub election_id: String,
    /// The ballot.
    pub ballot_hash: String,
    /// The same, for people.
    pub code: String,
    /// Height of its block.
    pub height: u64,
    /// Place in the block, from 0.
    pub index: u32,
    /// Time of the block.
    pub recorded_at: String,
    /// Base64 of the canonical receipt: verifiable offline (docs/SPEC.md).
    pub proof: String,
}

/// A ballot on its way.
#[derive(Debug, Object)]
pub struct PendingBallot {
    /// The ballot.
    pub ballot_hash: String,
    /// Always `pending`.
    pub status: String,
    /// Where to ask what became of it.
    pub status_url: String,
}

/// What became of a ballot.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct BallotStatus {
    /// The ballot.
    pub ballot_hash: String,
    /// The same, for people.
    pub code: String,
    /// unknown, pending, final or refused.
    pub status: String,
    /// Height of its block.
    pub height: Option<u64>,
    /// Place in the block.
    pub index: Option<u32>,
    /// Stable code of the refusal.
    pub reason_code: Option<String>,
    /// The refusal in words.
    pub reason: Option<String>,
    /// Where the receipt is.
    pub receipt_url: Option<String>,
}

/// A candidate with votes.
#[derive(Debug, Object)]
pub struct CandidateResult {
    /// `contest-option`.
    pub id: String,
    /// Place of the contest.
    pub contest: u16,
    /// Name.
    pub name: String,
    /// Weighted votes.
    pub votes: u64,
    /// Whether elected; final only when the result is.
    pub elected: bool,
}

/// Result of one contest.
#[derive(Debug, Object)]
pub struct ContestResult {
    /// The question.
    pub title: String,
    /// How it was counted.
    pub method: Method,
    /// Options to win.
    pub seats: u16,
    /// Most votes first.
    pub options: Vec<CandidateResult>,
    /// Ballots counted.
    pub ballots: u64,
    /// Their weight.
    pub weight: u64,
    /// Weight of the blank ones.
    pub blank: u64,
    /// Weight of those with fewer marks than allowed.
    pub undervotes: u64,
    /// Places of the options between which a lot decided.
    pub decided_by_lot: Vec<u16>,
}

/// One recorded vote of an open election: never names a person.
#[derive(Debug, Object)]
pub struct VoteRecord {
    /// The election.
    pub election_id: String,
    /// `contest-option`, or `contest-blank`.
    pub candidate_id: String,
    /// When it was recorded.
    pub timestamp: String,
    /// The voter's pseudonym.
    pub voter_id: String,
}

/// Result of an election.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct ElectionResult {
    /// The election.
    pub election_id: String,
    /// All candidates, most votes first within each contest.
    pub candidates: Vec<CandidateResult>,
    /// The votes of as many ballots as were asked for: of those that count, a vote for each mark.
    pub votes: Vec<VoteRecord>,
    /// Give this as `votes_after` to get those that follow.
    pub votes_next: Option<String>,
    /// Voters whose ballot counts.
    pub total_votes: u64,
    /// Where the election stands.
    pub phase: String,
    /// Whether the authorities have certified the count.
    #[oai(rename = "final")]
    pub is_final: bool,
    /// Digest of the certified report.
    pub report: Option<String>,
    /// One result per contest.
    pub contests: Vec<ContestResult>,
}

/// One authority.
#[derive(Debug, Object)]
pub struct AuthorityModel {
    /// Name.
    pub name: String,
    /// Public key.
    pub key: String,
    /// Short form of the key, to compare.
    pub fingerprint: String,
}

/// The network.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct Network {
    /// Name.
    pub network: String,
    /// Chain served here.
    pub chain: String,
    /// Digest of the genesis: pin it.
    pub genesis: String,
    /// The authorities.
    pub authorities: Vec<AuthorityModel>,
    /// Authorities that make a quorum.
    pub quorum: u16,
    /// Authorities that may lie without endangering safety.
    pub byzantine_safe: u16,
    /// Authorities that may be down.
    pub down_tolerated: u16,
    /// Height of the last finalized block.
    pub height: u64,
    /// Its hash.
    pub head: Option<String>,
    /// Its view.
    pub view: Option<u64>,
}

/// Name of a phase or rule in the API: kebab-case, as serde writes it.
pub(crate) fn word<T: serde::Serialize>(value: T) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(word)) => word,
        _ => String::new(),
    }
}

/// Whether results are complete in this phase.
pub(crate) const fn is_counted(phase: Phase) -> bool {
    matches!(phase, Phase::Tallied | Phase::Published)
}
