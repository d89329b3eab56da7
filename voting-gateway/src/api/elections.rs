//! Elections: list, set up, run.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use poem::http::HeaderMap;
use poem_openapi::param::{Header, Path};
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, OpenApi};
use voting_core::codec::Canonical as _;
use voting_core::election::{
    Contest, ContestOption, CountMethodId, ElectionDefinition, Phase, ResultVisibility, RevoteRule, Secrecy, Thresholds, Timing,
    Trustee, Trustees,
};
use voting_core::entry::Act;
use voting_core::ids::{Digest, ElectionId};
use voting_core::state::{ElectionState, SealedState, VoterRecord};
use voting_core::time::Timestamp;

use super::models::{
    Cancel, Candidate, Close, ContestModel, Election, ElectionListItem, ElectionProofModel, NewContest, NewElection, NewSealing,
    NewTrustee, OptionModel, SealingModel, SecrecyRule, ThresholdsModel, TimingRule, TrusteeModel, word,
};
use crate::accounts::{Role, random_bytes};
use crate::problem::Problem;
use crate::roll;
use crate::state::{Caller, GatewayState, is_visible};

/// Addresses listed with an election; more are paged through `/elections/{id}/voters`.
const LISTED_VOTERS: usize = 1_000;

pub(crate) struct ElectionsApi(pub(super) GatewayState);

/// An election was set up.
#[derive(ApiResponse)]
enum Created {
    /// Set up, as a draft.
    #[oai(status = 201)]
    Created(Json<Election>),
}

/// What the ledger and the roll say about a caller in one election.
struct Standing {
    eligible: bool,
    record: Option<VoterRecord>,
}

impl Standing {
    fn has_voted(&self) -> bool {
        self.record.as_ref().is_some_and(|record| record.counted.is_some())
    }
}

#[OpenApi]
impl ElectionsApi {
    /// List elections
    ///
    /// Announced, open and finished ones; administrators also see drafts.
    #[oai(path = "/elections", method = "get", operation_id = "listElections")]
    async fn list(&self, headers: &HeaderMap) -> Result<Json<Vec<ElectionListItem>>, Problem> {
        let caller = self.0.caller(headers).await?;
        self.items(caller.as_ref(), |_| true).await
    }

    /// Elections the caller has voted in
    #[oai(path = "/user/voted-elections", method = "get", operation_id = "listVotedElections")]
    async fn voted(&self, headers: &HeaderMap) -> Result<Json<Vec<ElectionListItem>>, Problem> {
        let caller = self.0.signed_in(headers).await?;
        self.items(Some(&caller), Standing::has_voted).await
    }

    /// Set up an election
    ///
    /// For administrators. It begins as a draft.
    #[oai(path = "/elections", method = "post", operation_id = "createElection")]
    async fn create(&self, headers: &HeaderMap, body: Json<NewElection>) -> Result<Created, Problem> {
        let caller = self.0.require(headers, Role::Admin).await?;
        let id = ElectionId(random_bytes().map_err(Problem::internal)?);
        let definition = self.definition(id, body.0)?;
        self.0.act(id, Act::Define(definition)).await?;
        Ok(Created::Created(self.show(id, Some(&caller)).await?))
    }

    /// One election
    #[oai(path = "/elections/:id", method = "get", operation_id = "getElection")]
    async fn get(&self, headers: &HeaderMap, id: Path<String>) -> Result<Json<Election>, Problem> {
        let caller = self.0.caller(headers).await?;
        let election = self.0.election(&id, is_admin(caller.as_ref()))?;
        self.show(election.id(), caller.as_ref()).await
    }

    /// What a quorum has certified of an election
    ///
    /// Above all what ballots are bound to, which covers the key that sealed ballots are sealed to: whoever relies on the
    /// authorities need not rely on this server for it.
    #[oai(path = "/elections/:id/proof", method = "get", operation_id = "getElectionProof")]
    async fn proof(&self, headers: &HeaderMap, id: Path<String>) -> Result<Json<ElectionProofModel>, Problem> {
        let caller = self.0.caller(headers).await?;
        let election = self.0.election(&id, is_admin(caller.as_ref()))?;
        let proof = self.0.election_proof(election.id()).await?;
        Ok(Json(ElectionProofModel { election_id: election.id().to_string(), proof: STANDARD.encode(proof.to_canonical()) }))
    }

    /// Replace a draft
    ///
    /// For administrators, until it is published. With `If-Match` and the `context` of the draft that was looked at, in
    /// quotes, it is refused with 412 if somebody else has replaced that draft meanwhile.
    #[oai(path = "/elections/:id", method = "put", operation_id = "replaceElection")]
    async fn replace(
        &self,
        headers: &HeaderMap,
        id: Path<String>,
        #[oai(name = "If-Match")] if_match: Header<Option<String>>,
        body: Json<NewElection>,
    ) -> Result<Json<Election>, Problem> {
        let caller = self.0.require(headers, Role::Admin).await?;
        let id = self.0.election(&id, true)?.id();
        let expected = expected_context(if_match.0.as_deref())?;
        let definition = self.definition(id, body.0)?;
        self.0.act_if(id, Act::Define(definition), |draft| is_expected(expected, draft)).await?;
        self.show(id, Some(&caller)).await
    }

    /// Candidates of an election
    #[oai(path = "/elections/:id/candidates", method = "get", operation_id = "listCandidates")]
    async fn candidates(&self, headers: &HeaderMap, id: Path<String>) -> Result<Json<Vec<Candidate>>, Problem> {
        let caller = self.0.caller(headers).await?;
        let election = self.0.election(&id, is_admin(caller.as_ref()))?;
        let contests = election.definition().contests.iter().enumerate();
        let candidates = contests.flat_map(|(contest, questions)| {
            questions.options.iter().enumerate().map(move |(option, named)| Candidate {
                id: format!("{contest}-{option}"),
                contest: contest as u16,
                option: option as u16,
                name: named.name.clone(),
                description: named.description.clone(),
            })
        });
        Ok(Json(candidates.collect()))
    }

    /// Announce an election
    ///
    /// For administrators: fixes the definition and the roll. A sealed election becomes ready first, and its trustees begin the
    /// key ceremony; called again when that is done, its key is fixed. `If-Match` as for replacing a draft: what nobody has looked at
    /// is not announced.
    #[oai(path = "/elections/:id/publish", method = "post", operation_id = "publishElection")]
    async fn publish(
        &self,
        headers: &HeaderMap,
        id: Path<String>,
        #[oai(name = "If-Match")] if_match: Header<Option<String>>,
    ) -> Result<Json<Election>, Problem> {
        let caller = self.0.require(headers, Role::Admin).await?;
        let election = self.0.election(&id, true)?;
        let id = election.id();
        let expected = expected_context(if_match.0.as_deref())?;
        let act = |act: Act| self.0.act_if(id, act, |draft| is_expected(expected, draft));
        if matches!(election.phase(), Phase::Draft | Phase::Ready) && election.frozen_roll().is_none() {
            let size = roll::count(self.0.backend.store.as_ref(), id).await?;
            if size != election.roll_size() {
                act(Act::SetRoll { size }).await?;
            }
        }
        if election.phase() == Phase::Draft {
            act(Act::Advance { to: Phase::Ready }).await?;
            if election.definition().secrecy.trustees().is_some() {
                return self.show(id, Some(&caller)).await; // the trustees' ceremony begins
            }
        }
        act(Act::Advance { to: Phase::Scheduled }).await?;
        self.show(id, Some(&caller)).await
    }

    /// Open an election
    ///
    /// For administrators. With fixed times this is done by itself when it is due, and refused before.
    #[oai(path = "/elections/:id/open", method = "post", operation_id = "openElection")]
    async fn open(&self, headers: &HeaderMap, id: Path<String>) -> Result<Json<Election>, Problem> {
        self.advance(headers, &id, Phase::Open).await
    }

    /// Close an election
    ///
    /// For administrators. The count is stated for the authorities to certify, and published unless
    /// `publish` is false. Repeating the call completes what was interrupted. A sealed election is closed only; it is counted
    /// once its trustees have decrypted the sums.
    #[oai(path = "/elections/:id/close", method = "post", operation_id = "closeElection")]
    async fn close(&self, headers: &HeaderMap, id: Path<String>, body: Json<Close>) -> Result<Json<Election>, Problem> {
        let caller = self.0.require(headers, Role::Admin).await?;
        let id = self.0.election(&id, true)?.id();
        let publishes = body.publish.unwrap_or(true);
        let phase = || self.0.backend.replica.state().election(id).map(|election| election.phase());
        if !matches!(phase(), Some(Phase::Closed | Phase::Tallied)) {
            self.0.advance(id, Phase::Closed).await?;
        }
        let is_countable = || self.0.backend.replica.state().election(id).is_some_and(|election| election.tally().is_some());
        if phase() == Some(Phase::Closed) && is_countable() {
            self.0.step_to(id, Phase::Tallied, self.0.state_tally(id)).await?;
        }
        if publishes && phase() == Some(Phase::Tallied) {
            self.0.advance(id, Phase::Published).await?;
        }
        self.show(id, Some(&caller)).await
    }

    /// Publish a certified result
    ///
    /// For administrators, where closing did not.
    #[oai(path = "/elections/:id/publish-result", method = "post", operation_id = "publishResult")]
    async fn publish_result(&self, headers: &HeaderMap, id: Path<String>) -> Result<Json<Election>, Problem> {
        self.advance(headers, &id, Phase::Published).await
    }

    /// Cancel an election
    ///
    /// For administrators, with a reason that everyone can read.
    #[oai(path = "/elections/:id/cancel", method = "post", operation_id = "cancelElection")]
    async fn cancel(&self, headers: &HeaderMap, id: Path<String>, body: Json<Cancel>) -> Result<Json<Election>, Problem> {
        let caller = self.0.require(headers, Role::Admin).await?;
        let id = self.0.election(&id, true)?.id();
        self.0.act(id, Act::Cancel { reason: body.0.reason }).await?;
        self.show(id, Some(&caller)).await
    }
}

/// The context that `If-Match` names, if it is there.
fn expected_context(if_match: Option<&str>) -> Result<Option<Digest>, Problem> {
    let Some(value) = if_match else { return Ok(None) };
    let wrong = || {
        let value: String = value.chars().take(80).collect();
        Problem::bad_request("invalid_request", format!("If-Match: `{value}` is not one context in double quotes"))
    };
    let context = value.trim().strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).ok_or_else(wrong)?;
    context.parse().map(Some).map_err(|_| wrong())
}

/// Whether a draft is still what was looked at.
fn is_expected(expected: Option<Digest>, draft: Option<&ElectionState>) -> Result<(), Problem> {
    match (expected, draft) {
        (Some(expected), Some(draft)) if draft.context() != expected => Err(Problem::changed(draft.context())),
        _ => Ok(()),
    }
}

fn is_admin(caller: Option<&Caller>) -> bool {
    caller.is_some_and(|caller| caller.is(Role::Admin))
}

impl ElectionsApi {
    async fn advance(&self, headers: &HeaderMap, id: &str, to: Phase) -> Result<Json<Election>, Problem> {
        let caller = self.0.require(headers, Role::Admin).await?;
        let id = self.0.election(id, true)?.id();
        self.0.advance(id, to).await?;
        self.show(id, Some(&caller)).await
    }

    async fn standing(&self, caller: Option<&Caller>, election: &ElectionState) -> Result<Standing, Problem> {
        let Some(caller) = caller else { return Ok(Standing { eligible: false, record: None }) };
        let label = &caller.account.email;
        let eligible = roll::find(self.0.backend.store.as_ref(), election.id(), label).await?.is_some();
        let pseudonym = roll::pseudonym(&self.0.backend.pseudonym_secret, election.id(), label);
        Ok(Standing { eligible, record: election.voter(&pseudonym).cloned() })
    }

    async fn items(
        &self,
        caller: Option<&Caller>,
        wanted: impl Fn(&Standing) -> bool,
    ) -> Result<Json<Vec<ElectionListItem>>, Problem> {
        let state = self.0.backend.replica.state();
        let mut items = Vec::new();
        for election in state.elections().filter(|election| is_visible(election.phase(), is_admin(caller))) {
            let standing = self.standing(caller, election).await?;
            if wanted(&standing) {
                let definition = election.definition();
                items.push(ElectionListItem {
                    id: election.id().to_string(),
                    title: definition.title.clone(),
                    description: definition.description.clone(),
                    start_date: definition.opens_at.to_string(),
                    end_date: definition.closes_at.to_string(),
                    has_voted: standing.has_voted(),
                    phase: election.phase().to_string(),
                    eligible: standing.eligible,
                    roll_size: election.roll_size(),
                    voted: election.voted(),
                    secrecy: secrecy_word(&definition.secrecy).to_owned(),
                });
            }
        }
        items.sort_by(|a, b| (&a.start_date, &a.title).cmp(&(&b.start_date, &b.title)));
        Ok(Json(items))
    }

    async fn show(&self, id: ElectionId, caller: Option<&Caller>) -> Result<Json<Election>, Problem> {
        let state = self.0.backend.replica.state();
        let election =
            state.election(id).ok_or_else(|| Problem::not_found("unknown_election", format!("there is no election {id}")))?;
        let standing = self.standing(caller, election).await?;
        let definition = election.definition();
        let eligible_voters = if is_admin(caller) {
            let page = roll::page(self.0.backend.store.as_ref(), id, None, LISTED_VOTERS).await?;
            page.into_iter().map(|(_, voter)| voter.label).collect()
        } else {
            Vec::new()
        };
        let counted = standing.record.as_ref().and_then(|record| record.counted.as_ref());
        Ok(Json(Election {
            id: id.to_string(),
            title: definition.title.clone(),
            description: definition.description.clone(),
            start_date: definition.opens_at.to_string(),
            end_date: definition.closes_at.to_string(),
            created_by: definition.created_by.clone(),
            eligible_voters,
            contests: definition.contests.iter().map(contest_model).collect(),
            phase: election.phase().to_string(),
            timing: word(definition.timing),
            revote: word(definition.revote),
            results: word(definition.results),
            secrecy: secrecy_word(&definition.secrecy).to_owned(),
            sealing: definition.secrecy.trustees().map(|trustees| sealing_model(trustees, election)),
            roll_size: election.roll_size(),
            frozen_roll: election.frozen_roll().map(|root| root.to_string()),
            certified: election.certified(),
            voted: election.voted(),
            ballots: election.ballots(),
            cancel_reason: election.cancel_reason().map(str::to_owned),
            registrar: definition.registrar.to_string(),
            context: election.context().to_string(),
            ballot_context: election.ballot_context().to_string(),
            chain: state.chain().to_string(),
            has_voted: counted.is_some(),
            eligible: standing.eligible,
            my_key: standing.record.as_ref().map(|record| record.key.to_string()),
            my_sequence: counted.map(|ballot| ballot.sequence),
            reason: reason(caller, &standing, election).map(str::to_owned),
        }))
    }

    fn definition(&self, id: ElectionId, new: NewElection) -> Result<ElectionDefinition, Problem> {
        let time = |field: &str, text: &str| {
            text.parse::<Timestamp>().map_err(|error| Problem::unprocessable("invalid_definition", format!("{field}: {error}")))
        };
        let contests = match (new.contests, new.candidates) {
            (Some(contests), None) => contests.into_iter().map(contest).collect(),
            (None, Some(candidates)) => {
                vec![Contest::new(new.title.clone(), CountMethodId::Plurality, candidates)]
            }
            _ => return Err(Problem::unprocessable("invalid_definition", "give either contests or candidates")),
        };
        let office = self.0.config.trustees.as_ref();
        let secrecy = said_secrecy(new.secrecy, new.sealing, office)?;
        let mut definition = ElectionDefinition {
            id,
            title: new.title,
            description: new.description,
            contests,
            opens_at: time("start_date", &new.start_date)?,
            closes_at: time("end_date", &new.end_date)?,
            timing: new.timing.unwrap_or(TimingRule::Fixed).into(),
            revote: new.revote.map_or(RevoteRule::FirstCounts, Into::into),
            secrecy: secrecy.clone().unwrap_or(Secrecy::Open),
            results: new.results.map_or(ResultVisibility::Voters, Into::into),
            registrar: self.0.backend.registrar.public(),
            created_by: self.0.config.office.clone(),
        };
        let check = |definition: &ElectionDefinition| {
            definition.check().map_err(|error| Problem::unprocessable("invalid_definition", error.to_string()))
        };
        check(&definition)?;
        if secrecy.is_none() {
            definition.secrecy = usual_secrecy(&definition, office)?;
            check(&definition)?;
        }
        if definition.timing == Timing::Fixed && definition.closes_at <= self.0.backend.clock.now() {
            return Err(Problem::unprocessable("invalid_definition", format!("end_date {} has passed", definition.closes_at)));
        }
        Ok(definition)
    }
}

/// Why the caller cannot vote now, by name.
fn reason(caller: Option<&Caller>, standing: &Standing, election: &ElectionState) -> Option<&'static str> {
    let voted = standing.has_voted() && election.definition().revote == RevoteRule::FirstCounts;
    match election.phase() {
        Phase::Cancelled => Some("cancelled"),
        Phase::Closed | Phase::Tallied | Phase::Published => Some("closed"),
        _ if caller.is_none() => Some("not_signed_in"),
        _ if !standing.eligible => Some("not_on_roll"),
        Phase::Draft | Phase::Ready | Phase::Scheduled => Some("not_open_yet"),
        Phase::Open if voted => Some("already_voted"),
        Phase::Open => None,
    }
}

/// What is said of how ballots are kept; nothing, if that is left to the usual.
fn said_secrecy(
    rule: Option<SecrecyRule>,
    sealing: Option<NewSealing>,
    office: Option<&Trustees>,
) -> Result<Option<Secrecy>, Problem> {
    let wrong = |reason: String| Problem::unprocessable("invalid_definition", reason);
    match (rule, sealing) {
        (None, None) => Ok(None),
        (Some(SecrecyRule::Open), None) => Ok(Some(Secrecy::Open)),
        (Some(SecrecyRule::Open), Some(_)) => Err(wrong("sealing: an open election has no trustees".to_owned())),
        (Some(SecrecyRule::Sealed), None) => match office {
            Some(trustees) => Ok(Some(Secrecy::Sealed(trustees.clone()))),
            None => Err(wrong("sealing: a sealed election needs trustees".to_owned())),
        },
        (Some(SecrecyRule::Sealed) | None, Some(NewSealing { threshold, min_ballots, trustees })) => {
            let trustee = |(at, new): (usize, NewTrustee)| {
                let key = new.key.parse().map_err(|error| wrong(format!("sealing.trustees[{at}].key: {error}")))?;
                Ok(Trustee { name: new.name, key })
            };
            let trustees = trustees.into_iter().enumerate().map(trustee).collect::<Result<_, Problem>>()?;
            Ok(Some(Secrecy::Sealed(Trustees::of(trustees, threshold, min_ballots))))
        }
    }
}

/// Ballots are sealed unless an election says otherwise: that nobody can read them is not to depend on somebody's remembering to
/// ask for it.
fn usual_secrecy(definition: &ElectionDefinition, office: Option<&Trustees>) -> Result<Secrecy, Problem> {
    let unsaid = |reason: String| Problem::unprocessable("secrecy_unsaid", format!("secrecy: {reason}"));
    if let Err(error) = definition.sealed_contests() {
        return Err(unsaid(format!("ballots are sealed unless an election says `open`. {error}")));
    }
    office.cloned().map(Secrecy::Sealed).ok_or_else(|| {
        let reason = "ballots are sealed unless an election says `open`, and this office has no trustees of its own: name those who \
                      shall decrypt in `sealing`, or say `open` if the office may read how each pseudonym voted";
        unsaid(reason.to_owned())
    })
}

const fn secrecy_word(secrecy: &Secrecy) -> &'static str {
    match secrecy {
        Secrecy::Open => "open",
        Secrecy::Sealed(_) => "sealed",
    }
}

fn sealing_model(trustees: &Trustees, election: &ElectionState) -> SealingModel {
    let sealed = election.sealed();
    let ceremony = sealed.map(SealedState::ceremony);
    let fixed = sealed.and_then(SealedState::seal).map(|seal| seal.election());
    let has_decrypted = |number| sealed.is_some_and(|sealed| sealed.parts().iter().any(|part| part.trustee == number));
    let trustee = |(number, trustee): (u16, &Trustee)| TrusteeModel {
        number,
        name: trustee.name.clone(),
        key: trustee.key.to_string(),
        fingerprint: trustee.key.fingerprint(),
        active: ceremony.is_none_or(|ceremony| ceremony.active().contains(&number)),
        decrypted: has_decrypted(number),
    };
    SealingModel {
        threshold: trustees.threshold,
        min_ballots: trustees.min_ballots,
        trustees: (1..).zip(&trustees.trustees).map(trustee).collect(),
        ceremony: ceremony.map(|ceremony| ceremony.phase().to_string()),
        waits_for: ceremony.map(|ceremony| ceremony.missing().into_iter().collect()).unwrap_or_default(),
        key: fixed.map(|seal| seal.key.to_string()),
        election_hash: fixed.map(|seal| seal.hash().to_string()),
        ceremony_hash: fixed.map(|seal| seal.ceremony.to_string()),
        roll_root: fixed.map(|seal| seal.roll_root.to_string()),
        authorities: fixed.map(|seal| seal.authorities.to_string()),
        challenged: sealed.map_or(0, SealedState::challenged),
        decrypted: sealed.is_some_and(|sealed| sealed.decryption().is_some()),
    }
}

fn contest(new: NewContest) -> Contest {
    let usual = Contest::new(new.title, new.method.into(), new.options.iter().map(|option| &option.name));
    let thresholds = Thresholds {
        majority: new.majority.map_or(usual.thresholds.majority, Into::into),
        quorum_percent: new.quorum_percent.unwrap_or(usual.thresholds.quorum_percent),
    };
    let options = new.options.into_iter().map(|option| ContestOption { name: option.name, description: option.description });
    Contest {
        seats: new.seats.unwrap_or(usual.seats),
        min: new.min.unwrap_or(usual.min),
        max: new.max.unwrap_or(usual.max),
        allow_blank: new.allow_blank.unwrap_or(usual.allow_blank),
        max_score: new.max_score.unwrap_or(usual.max_score),
        thresholds,
        withdrawn: new.withdrawn.unwrap_or_default(),
        options: options.collect(),
        ..usual
    }
}

fn contest_model(contest: &Contest) -> ContestModel {
    let option = |option: &ContestOption| OptionModel { name: option.name.clone(), description: option.description.clone() };
    ContestModel {
        title: contest.title.clone(),
        method: contest.method.into(),
        seats: contest.seats,
        min: contest.min,
        max: contest.max,
        allow_blank: contest.allow_blank,
        max_score: contest.max_score,
        thresholds: ThresholdsModel {
            majority: contest.thresholds.majority.into(),
            quorum_percent: contest.thresholds.quorum_percent,
        },
        withdrawn: contest.withdrawn.clone(),
        options: contest.options.iter().map(option).collect(),
    }
}
