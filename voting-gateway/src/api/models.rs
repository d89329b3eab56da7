//! Shapes of requests and answers.

use poem_openapi::{Enum, Object};
use serde_json::Value;
use voting_core::election::{CountMethodId, Majority, Phase, ResultVisibility, RevoteRule, Timing};

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
    /// The highest sums of scores win.
    Score,
    /// Ranked: the last is excluded until one has a majority.
    InstantRunoff,
    /// Ranked: single transferable vote as in Scottish local elections.
    ScottishStv,
    /// Ranked: single transferable vote by the weighted inclusive Gregory method.
    WigmStv,
    /// Ranked: single transferable vote by Meek's method.
    MeekStv,
    /// Ranked: strongest paths of pairwise victories.
    Schulze,
    /// Ranked: pairwise victories locked in, strongest first.
    RankedPairs,
    /// Ranked: points by rank.
    Borda,
    /// Lists: seats in proportion by D'Hondt's highest averages.
    Dhondt,
    /// Lists: seats in proportion by Sainte-Laguë's highest averages.
    SainteLague,
}

impl From<Method> for CountMethodId {
    fn from(method: Method) -> Self {
        match method {
            Method::Plurality => Self::Plurality,
            Method::Approval => Self::Approval,
            Method::Score => Self::Score,
            Method::InstantRunoff => Self::InstantRunoff,
            Method::ScottishStv => Self::ScottishStv,
            Method::WigmStv => Self::WigmStv,
            Method::MeekStv => Self::MeekStv,
            Method::Schulze => Self::Schulze,
            Method::RankedPairs => Self::RankedPairs,
            Method::Borda => Self::Borda,
            Method::Dhondt => Self::Dhondt,
            Method::SainteLague => Self::SainteLague,
        }
    }
}

impl From<CountMethodId> for Method {
    fn from(method: CountMethodId) -> Self {
        match method {
            CountMethodId::Plurality => Self::Plurality,
            CountMethodId::Approval => Self::Approval,
            CountMethodId::Score => Self::Score,
            CountMethodId::InstantRunoff => Self::InstantRunoff,
            CountMethodId::ScottishStv => Self::ScottishStv,
            CountMethodId::WigmStv => Self::WigmStv,
            CountMethodId::MeekStv => Self::MeekStv,
            CountMethodId::Schulze => Self::Schulze,
            CountMethodId::RankedPairs => Self::RankedPairs,
            CountMethodId::Borda => Self::Borda,
            CountMethodId::Dhondt => Self::Dhondt,
            CountMethodId::SainteLague => Self::SainteLague,
        }
    }
}

/// What winners need beyond the most votes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "kebab-case")]
pub enum MajorityRule {
    /// Nothing.
    MostVotes,
    /// More than half of the votes, blank ones left out.
    Simple,
    /// At least two thirds of the votes, blank ones left out.
    TwoThirds,
    /// More than half of the roll.
    Absolute,
}

impl From<MajorityRule> for Majority {
    fn from(rule: MajorityRule) -> Self {
        match rule {
            MajorityRule::MostVotes => Self::MostVotes,
            MajorityRule::Simple => Self::Simple,
            MajorityRule::TwoThirds => Self::TwoThirds,
            MajorityRule::Absolute => Self::Absolute,
        }
    }
}

impl From<Majority> for MajorityRule {
    fn from(rule: Majority) -> Self {
        match rule {
            Majority::MostVotes => Self::MostVotes,
            Majority::Simple => Self::Simple,
            Majority::TwoThirds => Self::TwoThirds,
            Majority::Absolute => Self::Absolute,
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
    /// Fewest options that a ballot which is not blank names; 1 if left out.
    pub min: Option<u16>,
    /// Most options it names; 1 for plurality and lists, all for everything else if left out.
    pub max: Option<u16>,
    /// Whether it may be left blank; yes if left out.
    pub allow_blank: Option<bool>,
    /// Highest score of an option, up to 100; 5 if left out. For the method `score` only.
    pub max_score: Option<u16>,
    /// What winners need beyond the most votes; nothing if left out. For plurality, approval and score.
    pub majority: Option<MajorityRule>,
    /// Percentage of the roll that must have voted; 0 if left out. For plurality, approval and score.
    pub quorum_percent: Option<u8>,
    /// Places of options that can no longer be elected and are struck out of every ballot, from 0.
    pub withdrawn: Option<Vec<u16>>,
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
    /// How ballots are kept; `sealed` if left out.
    pub secrecy: Option<SecrecyRule>,
    /// Who decrypts the sums of a sealed election; the office's own trustees if left out, where it has any.
    pub sealing: Option<NewSealing>,
}

/// How ballots are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "kebab-case")]
pub enum SecrecyRule {
    /// Choices stand in the ledger in clear, under a pseudonym.
    Open,
    /// Choices are encrypted; trustees decrypt the sums after the close.
    Sealed,
}

/// Who decrypts the sums of a sealed election to be set up.
#[derive(Debug, Clone, Object)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none)]
pub struct NewSealing {
    /// How many trustees it takes to decrypt; more than half if left out.
    pub threshold: Option<u16>,
    /// Fewest ballots whose sums are decrypted; 3 if left out.
    pub min_ballots: Option<u64>,
    /// The trustees, in the order of their numbers from 1.
    pub trustees: Vec<NewTrustee>,
}

/// A trustee to be.
#[derive(Debug, Clone, Object)]
#[oai(deny_unknown_fields)]
pub struct NewTrustee {
    /// Who it is, as shown to voters.
    pub name: String,
    /// The public key it signs with, as `voting trustee keygen` prints it.
    pub key: String,
}

/// The sealed side of an election.
#[derive(Debug, Clone, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct SealingModel {
    /// How many trustees it takes to decrypt.
    pub threshold: u16,
    /// Fewest ballots whose sums are decrypted.
    pub min_ballots: u64,
    /// The trustees, in the order of their numbers from 1.
    pub trustees: Vec<TrusteeModel>,
    /// Where the key ceremony stands: commit, reveal, deal, check, open, sign or done; from the ready phase on.
    pub ceremony: Option<String>,
    /// Numbers of the trustees that the ceremony waits for.
    pub waits_for: Vec<u16>,
    /// The key that ballots are sealed to, once it is fixed.
    pub key: Option<String>,
    /// What every proof is bound to: docs/SPEC.md, section 20.
    pub election_hash: Option<String>,
    /// Hash of everything said in the ceremony.
    pub ceremony_hash: Option<String>,
    /// Merkle root of the voters certified when the key was fixed.
    pub roll_root: Option<String>,
    /// Digest of the authorities in force then.
    pub authorities: Option<String>,
    /// Ballots opened to test the seal; they do not count.
    pub challenged: u64,
    /// Whether enough trustees have decrypted.
    pub decrypted: bool,
}

/// A trustee of a sealed election.
#[derive(Debug, Clone, Object)]
pub struct TrusteeModel {
    /// Number, from 1.
    pub number: u16,
    /// Who it is.
    pub name: String,
    /// The public key it signs with.
    pub key: String,
    /// Short form of the key, to compare.
    pub fingerprint: String,
    /// Whether it takes part: who does not do its share of the ceremony is left out.
    pub active: bool,
    /// Whether it has decrypted.
    pub decrypted: bool,
}

/// A roll that nobody can be added to any more.
#[derive(Debug, Clone, Object)]
pub struct FrozenRoll {
    /// Voters on it.
    pub roll_size: u64,
    /// Merkle root over their pseudonyms, keys and weights.
    pub root: String,
}

/// What a quorum has certified of an election.
#[derive(Debug, Clone, Object)]
pub struct ElectionProofModel {
    /// The election.
    pub election_id: String,
    /// Base64 of the canonical bytes of the proof: docs/SPEC.md, section 16.
    pub proof: String,
}

/// A key ceremony, to be replayed by anyone.
#[derive(Debug, Clone, Object)]
pub struct CeremonyModel {
    /// Base64 of the canonical bytes of the definition that the ceremony is bound to.
    pub definition: String,
    /// Base64 of the canonical bytes of the record: setup, and what has been said so far.
    pub record: String,
    /// commit, reveal, deal, check, open, sign or done.
    pub phase: String,
    /// Numbers of the trustees that it waits for.
    pub waits_for: Vec<u16>,
}

/// A signed entry for the ledger.
#[derive(Debug, Clone, Object)]
#[oai(deny_unknown_fields)]
pub struct SignedEntry {
    /// Base64 of the canonical bytes of the entry.
    pub entry: String,
}

/// Where an entry stands.
#[derive(Debug, Clone, Object)]
pub struct EntryPlace {
    /// Height of its block.
    pub height: u64,
    /// Place in the block, from 0.
    pub index: u32,
}

/// What winners need beyond the most votes.
#[derive(Debug, Clone, Object)]
pub struct ThresholdsModel {
    /// A majority.
    pub majority: MajorityRule,
    /// Percentage of the roll that must have voted.
    pub quorum_percent: u8,
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
    /// Fewest options that a ballot which is not blank names.
    pub min: u16,
    /// Most options it names.
    pub max: u16,
    /// Whether it may be left blank.
    pub allow_blank: bool,
    /// Highest score of an option; 0 where nothing is scored.
    pub max_score: u16,
    /// What winners need beyond the most votes.
    pub thresholds: ThresholdsModel,
    /// Places of options that can no longer be elected, from 0.
    pub withdrawn: Vec<u16>,
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
    /// open: choices stand in the ledger in clear, under a pseudonym; or sealed.
    pub secrecy: String,
    /// Trustees, ceremony and key of a sealed election.
    pub sealing: Option<SealingModel>,
    /// Voters entitled.
    pub roll_size: u64,
    /// Merkle root of the roll, if it is frozen: nobody else is certified any more.
    pub frozen_roll: Option<String>,
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
    /// Digest of the definition in its chain: what ballots are bound to, unless they are sealed.
    pub context: String,
    /// What sealed ballots are bound to, once the key is fixed; otherwise the same as `context`.
    pub ballot_context: String,
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
    /// open or sealed, as the election tells.
    pub secrecy: String,
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
    /// The same choices readable, one per contest: `"blank"`, `{"marks": [0]}`, `{"scores": [[0, 5]]}` or
    /// `{"ranking": [[2], [0]]}`, best first. Must agree with the bytes.
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
    /// What the ballots themselves say: weighted votes, scores, or first preferences.
    pub votes: u64,
    /// What the method decides by, with the decimals of its rule: votes, points, or votes held at the end. Known
    /// when the result is final.
    pub total: Option<String>,
    /// Whether elected; final only when the result is.
    pub elected: bool,
    /// Seats won: 1 for a candidate elected, any number for a list.
    pub seats: u16,
}

/// One step of a count, and how things stand after it. Votes have the decimals of the rule.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct RoundModel {
    /// first, surplus, exclude, adjust, fill or seat.
    pub step: String,
    /// Places of the options that the step is about.
    pub options: Vec<u16>,
    /// In a surplus, what each vote goes on with.
    pub value: Option<String>,
    /// For a seat of a list, what its votes are divided by.
    pub divisor: Option<u64>,
    /// Per option, votes held after the step.
    pub votes: Vec<String>,
    /// Votes of ballots that name nobody any more.
    pub exhausted: String,
    /// Votes lost by rounding.
    pub lost: String,
    /// Votes needed to be elected.
    pub quota: Option<String>,
    /// Per option, the share of each vote that it keeps (Meek).
    pub keep: Vec<String>,
    /// Places of the options elected after this step.
    pub elected: Vec<u16>,
}

/// A tie, and how it was decided.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct TieModel {
    /// Round, from 0.
    pub round: u32,
    /// election, exclusion, surplus or order.
    pub purpose: String,
    /// Places of those tied.
    pub options: Vec<u16>,
    /// Places of those picked, in order.
    pub picked: Vec<u16>,
    /// earlier-round or lot.
    pub by: String,
    /// The earlier round that decided.
    pub decided_in: Option<u32>,
}

/// Comparisons of options in pairs.
#[derive(Debug, Object)]
pub struct PairsModel {
    /// Per option, the weight of the ballots that prefer it to each other one.
    pub preferences: Vec<Vec<u64>>,
    /// Schulze: strengths of the strongest paths; otherwise empty.
    pub paths: Vec<Vec<u64>>,
    /// Ranked pairs: victories locked in, strongest first; otherwise empty.
    pub locked: Vec<Vec<u16>>,
}

/// Result of one contest.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct ContestResult {
    /// The question.
    pub title: String,
    /// How it was counted.
    pub method: Method,
    /// Options to win.
    pub seats: u16,
    /// Best first, as the method orders them; the withdrawn last.
    pub options: Vec<CandidateResult>,
    /// Ballots counted.
    pub ballots: u64,
    /// Their weight.
    pub weight: u64,
    /// Weight of the blank ones.
    pub blank: u64,
    /// Weight of those that name fewer options than they may.
    pub undervotes: u64,
    /// Places of the options between which a lot decided.
    pub decided_by_lot: Vec<u16>,
    /// The count step by step, where it has steps and is final.
    pub rounds: Vec<RoundModel>,
    /// How options fare in pairs, where the method compares them so.
    pub pairs: Option<PairsModel>,
    /// Every tie.
    pub ties: Vec<TieModel>,
    /// Whether winners reached what the contest demands beyond the most votes.
    pub verdict: Option<Value>,
}

/// One recorded vote of an open election: never names a person.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct VoteRecord {
    /// The election.
    pub election_id: String,
    /// `contest-option`, or `contest-blank`.
    pub candidate_id: String,
    /// When it was recorded.
    pub timestamp: String,
    /// The voter's pseudonym.
    pub voter_id: String,
    /// The rank given, from 1; options with the same rank are equal.
    pub rank: Option<u16>,
    /// The score given.
    pub score: Option<u16>,
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
    /// What draws the lots of ties: the hash of the block that closed the election.
    pub lot_seed: Option<String>,
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

/// A set of authorities.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct EpochModel {
    /// How many there were before.
    pub number: u32,
    /// The first height that they decide on.
    pub first_height: u64,
    /// The authorities.
    pub authorities: Vec<AuthorityModel>,
    /// Authorities that make a quorum.
    pub quorum: u16,
    /// Who of them leads: `fixed`, `round-robin`, `round-robin:VIEWS` or `elected`.
    pub leader: String,
    /// Canonical bytes in base64 of the proof that the ones before handed over; none for those of the genesis.
    pub handover: Option<String>,
}

/// The authorities since the genesis.
#[derive(Debug, Object)]
pub struct Epochs {
    /// In order; the last one is in office.
    pub epochs: Vec<EpochModel>,
}

/// A change of the authorities.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct Change {
    /// Canonical bytes in base64 of the approved entry.
    pub change: String,
}

/// An account of the demonstration.
#[derive(Debug, Object)]
pub struct DemoAccount {
    /// Address.
    pub email: String,
    /// Name.
    pub name: String,
    /// Password, which everyone knows.
    pub password: String,
    /// What it may do.
    pub role: String,
}

/// The network.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct Network {
    /// Name.
    pub network: String,
    /// The gateway that answers.
    pub gateway: String,
    /// Chain served here.
    pub chain: String,
    /// Digest of the genesis: pin it.
    pub genesis: String,
    /// How often the authorities have changed.
    pub epoch: u32,
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
    /// The office's trustees, who decrypt elections that name none of their own; if it has any.
    pub trustees: Option<NewSealing>,
    /// Accounts to try with; in a demonstration only.
    pub demo: Option<Vec<DemoAccount>>,
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
