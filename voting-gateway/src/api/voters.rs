//! The roll, and voters' keys.

use std::collections::HashSet;

use poem::http::HeaderMap;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::{Json, PlainText};
use poem_openapi::{ApiRequest, ApiResponse, OpenApi};
use voting_core::crypto::PublicKey;
use voting_core::election::Phase;
use voting_core::entry::{Act, CertifiedVoter, MAX_CERTIFIED_PER_ENTRY};
use voting_core::ids::ElectionId;
use voting_core::state::{ElectionState, Refusal};

use super::models::{
    CertifiedKey, CredentialsAdded, FrozenRoll, NewCredentials, NewKey, NewVoters, VoterItem, VoterPage, VotersAdded,
};
use crate::accounts::Role;
use crate::problem::{LineError, Problem};
use crate::roll::{self, Entitled};
use crate::state::GatewayState;

/// Voters on one page.
const PAGE_MAX: usize = 1_000;

pub(crate) struct VotersApi(pub(super) GatewayState);

/// Voters as CSV or JSON.
#[derive(ApiRequest)]
enum VoterList {
    /// A header `email[,name][,weight]`, then a line per voter.
    #[oai(content_type = "text/csv")]
    Csv(PlainText<String>),
    /// The same as JSON.
    Json(Json<NewVoters>),
}

/// A key was certified.
#[derive(ApiResponse)]
enum Certified {
    /// It was certified before.
    #[oai(status = 200)]
    Known(Json<CertifiedKey>),
    /// It is now.
    #[oai(status = 201)]
    Now(Json<CertifiedKey>),
}

#[OpenApi]
impl VotersApi {
    /// Put voters on the roll
    ///
    /// For administrators, until the election is published. All or nothing: every bad line is named.
    #[oai(path = "/elections/:id/voters", method = "post", operation_id = "addVoters")]
    async fn add(&self, headers: &HeaderMap, id: Path<String>, body: VoterList) -> Result<Json<VotersAdded>, Problem> {
        self.0.require(headers, Role::Admin).await?;
        let election = self.changeable(&id)?;
        let voters = match body {
            VoterList::Csv(PlainText(text)) => roll::parse_csv(text.as_bytes()),
            VoterList::Json(Json(list)) => {
                let rows = list.voters.into_iter().enumerate();
                roll::check_rows(
                    rows.map(|(at, voter)| (at as u64 + 1, voter.email, voter.name, Ok(voter.weight.unwrap_or(1)))),
                    Vec::new(),
                )
            }
        };
        let voters = voters
            .map_err(|errors| Problem::invalid_lines("invalid_voters", not_acceptable(errors.len(), "line", "lines"), errors))?;
        let added = roll::add(self.0.backend.store.as_ref(), election.id(), &voters).await?;
        Ok(Json(VotersAdded { added: added.added, already: added.already, total: added.total }))
    }

    /// The roll
    ///
    /// For administrators, in pages.
    #[oai(path = "/elections/:id/voters", method = "get", operation_id = "listVoters")]
    async fn list(
        &self,
        headers: &HeaderMap,
        id: Path<String>,
        after: Query<Option<String>>,
        limit: Query<Option<usize>>,
    ) -> Result<Json<VoterPage>, Problem> {
        self.0.require(headers, Role::Admin).await?;
        let election = self.0.election(&id, true)?;
        let store = self.0.backend.store.as_ref();
        let limit = limit.unwrap_or(PAGE_MAX).clamp(1, PAGE_MAX);
        let page = roll::page(store, election.id(), after.as_deref(), limit).await?;
        let next = if page.len() == limit { page.last().map(|(cursor, _)| cursor.clone()) } else { None };
        let item = |voter: Entitled| {
            let pseudonym = roll::pseudonym(&self.0.backend.pseudonym_secret, election.id(), &voter.label);
            let record = election.voter(&pseudonym);
            VoterItem {
                certified: record.is_some(),
                has_voted: record.is_some_and(|record| record.counted.is_some()),
                label: voter.label,
                name: voter.name,
                weight: voter.weight,
            }
        };
        let total = roll::count(store, election.id()).await?;
        Ok(Json(VoterPage { total, voters: page.into_iter().map(|(_, voter)| item(voter)).collect(), next }))
    }

    /// Pre-register credentials
    ///
    /// For administrators, until the election is published: each puts a voter on the roll and certifies their
    /// key. Repeating the same list is harmless.
    #[oai(path = "/elections/:id/credentials", method = "post", operation_id = "addCredentials")]
    async fn credentials(
        &self,
        headers: &HeaderMap,
        id: Path<String>,
        body: Json<NewCredentials>,
    ) -> Result<Json<CredentialsAdded>, Problem> {
        self.0.require(headers, Role::Admin).await?;
        let election = self.0.election(&id, true)?;
        let voters = check_credentials(body.0)?;
        let store = self.0.backend.store.as_ref();
        let fixed = election.frozen_roll().is_some() || !matches!(election.phase(), Phase::Draft | Phase::Ready);
        // Everything is checked before anything is changed.
        for voter in &voters {
            match roll::find(store, election.id(), &voter.label).await? {
                Some(known) if known.key == voter.key => {}
                Some(_) => {
                    return Err(Problem::conflict("label_in_use", format!("the label `{}` stands for another key", voter.label)));
                }
                None if fixed => return Err(roll_is_fixed(&election)),
                None => {}
            }
            let pseudonym = roll::pseudonym(&self.0.backend.pseudonym_secret, election.id(), &voter.label);
            if voter.key.and_then(|key| election.voter_of_key(&key)).is_some_and(|(holder, _)| holder != pseudonym) {
                return Err(Problem::conflict(
                    "key_in_use",
                    format!("the key of `{}` is certified for another voter", voter.label),
                ));
            }
        }
        let added = roll::add(store, election.id(), &voters).await?;
        if !fixed && election.roll_size() < added.total {
            self.0.act(election.id(), Act::SetRoll { size: added.total }).await?;
        }
        self.certify_missing(election.id(), &voters).await?;
        Ok(Json(CredentialsAdded { added: added.added, already: added.already, roll_size: added.total }))
    }

    /// Freeze the roll
    ///
    /// For administrators, until the election opens: the voters whose keys are certified are all who may vote. From then on no
    /// server can certify a key for somebody who stays away.
    #[oai(path = "/elections/:id/roll/freeze", method = "post", operation_id = "freezeRoll")]
    async fn freeze(&self, headers: &HeaderMap, id: Path<String>) -> Result<Json<FrozenRoll>, Problem> {
        self.0.require(headers, Role::Admin).await?;
        let id = self.0.election(&id, true)?.id();
        self.0.act(id, Act::FreezeRoll).await?;
        let election = self.0.election(&id.to_string(), true)?;
        let root = election.frozen_roll().ok_or_else(|| Problem::internal("the frozen roll has no root"))?;
        Ok(Json(FrozenRoll { roll_size: election.roll_size(), root: root.to_string() }))
    }

    /// Have a key certified
    ///
    /// For voters on the roll, once per election: the key then signs the ballot, without a session.
    #[oai(path = "/elections/:id/key", method = "post", operation_id = "certifyKey")]
    async fn key(&self, headers: &HeaderMap, id: Path<String>, body: Json<NewKey>) -> Result<Certified, Problem> {
        let caller = self.0.signed_in(headers).await?;
        let election = self.0.election(&id, false)?;
        let key = parse_key(&body.key)?;
        let label = &caller.account.email;
        let entitled = roll::find(self.0.backend.store.as_ref(), election.id(), label).await?;
        let entitled = entitled.ok_or_else(|| Problem::forbidden("not_on_roll", "you are not on the roll of this election"))?;
        let pseudonym = roll::pseudonym(&self.0.backend.pseudonym_secret, election.id(), label);
        let answer = |key: PublicKey, weight| Json(CertifiedKey { pseudonym: pseudonym.to_string(), key: key.to_string(), weight });
        let other = || {
            Problem::conflict(
                "key_already_certified",
                "another key of yours is certified for this election; vote from where it is kept",
            )
        };
        if let Some(record) = election.voter(&pseudonym) {
            return if record.key == key { Ok(Certified::Known(answer(key, record.weight))) } else { Err(other()) };
        }
        match self.0.certify(election.id(), &[CertifiedVoter { pseudonym, key, weight: entitled.weight }]).await {
            Ok(()) => Ok(Certified::Now(answer(key, entitled.weight))),
            // The same voter on another device, or the same request twice, in this very moment.
            Err(problem) => {
                match self.0.backend.replica.state().election(election.id()).and_then(|now| now.voter(&pseudonym).cloned()) {
                    Some(record) if record.key == key => Ok(Certified::Known(answer(key, record.weight))),
                    Some(_) => Err(other()),
                    None => Err(problem),
                }
            }
        }
    }
}

impl VotersApi {
    fn changeable(&self, id: &str) -> Result<std::sync::Arc<ElectionState>, Problem> {
        let election = self.0.election(id, true)?;
        if election.frozen_roll().is_some() {
            return Err(Refusal::RollFrozen.into());
        }
        if matches!(election.phase(), Phase::Draft | Phase::Ready) {
            return Ok(election);
        }
        Err(roll_is_fixed(&election))
    }

    async fn certify_missing(&self, id: ElectionId, voters: &[Entitled]) -> Result<(), Problem> {
        let state = self.0.backend.replica.state();
        let Some(election) = state.election(id) else { return Ok(()) };
        let mut missing = Vec::new();
        for voter in voters {
            let pseudonym = roll::pseudonym(&self.0.backend.pseudonym_secret, id, &voter.label);
            if let (Some(key), None) = (voter.key, election.voter(&pseudonym)) {
                missing.push(CertifiedVoter { pseudonym, key, weight: voter.weight });
            }
        }
        self.0.certify(id, &missing).await
    }
}

fn not_acceptable(errors: usize, one: &str, many: &str) -> String {
    let (noun, verb) = if errors == 1 { (one, "is") } else { (many, "are") };
    format!("{errors} {noun} {verb} not acceptable; nothing was added")
}

fn roll_is_fixed(election: &ElectionState) -> Problem {
    Problem::conflict("wrong_phase", format!("the election is {}; its roll is fixed", election.phase()))
}

fn parse_key(text: &str) -> Result<PublicKey, Problem> {
    let key: PublicKey =
        text.parse().map_err(|error: voting_core::ids::ParseIdError| Problem::unprocessable("invalid_key", error.to_string()))?;
    key.check().map_err(|error| Problem::unprocessable("invalid_key", error.to_string()))?;
    Ok(key)
}

fn check_credentials(list: NewCredentials) -> Result<Vec<Entitled>, Problem> {
    let given = list.credentials.len();
    if given == 0 || given > MAX_CERTIFIED_PER_ENTRY {
        return Err(Problem::unprocessable(
            "too_many_credentials",
            format!("give between 1 and {MAX_CERTIFIED_PER_ENTRY} credentials, not {given}"),
        ));
    }
    let (mut voters, mut errors) = (Vec::new(), Vec::new());
    let (mut seen, mut keys) = (HashSet::new(), HashSet::new());
    for (at, credential) in list.credentials.into_iter().enumerate() {
        let line = at as u64 + 1;
        let label = credential.label;
        let weight = credential.weight.unwrap_or(1);
        let key = parse_key(&credential.key);
        let problem = if label.is_empty() || label.contains('@') {
            Some("the label must not be empty nor look like an e-mail address".to_owned())
        } else if let Err(message) = roll::check_name(&label) {
            Some(message)
        } else if !seen.insert(label.clone()) {
            Some(format!("the label `{label}` appears twice"))
        } else if !(1..=voting_core::election::MAX_WEIGHT).contains(&weight) {
            Some(format!("the weight is {weight}; it must be between 1 and {}", voting_core::election::MAX_WEIGHT))
        } else if key.as_ref().is_ok_and(|key| !keys.insert(*key)) {
            Some(format!("the key of `{label}` appears twice"))
        } else {
            key.as_ref().err().map(|_| format!("the key of `{label}` is not a usable public key of 64 hexadecimal digits"))
        };
        match (problem, key) {
            (None, Ok(key)) => voters.push(Entitled { label, name: String::new(), weight, key: Some(key) }),
            (problem, _) => errors.push(LineError { line, message: problem.unwrap_or_default() }),
        }
    }
    if errors.is_empty() {
        return Ok(voters);
    }
    Err(Problem::invalid_lines("invalid_credential_list", not_acceptable(errors.len(), "credential", "credentials"), errors))
}
