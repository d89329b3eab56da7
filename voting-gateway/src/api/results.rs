//! Results, events, and the bundle that anyone verifies.

use poem::Body;
use poem::http::HeaderMap;
use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::{Attachment, AttachmentType, Json};
use std::sync::Arc;
use std::time::Duration;
use voting_core::ballot::Selection;
use voting_core::bundle::{BundleWriter, WriteBundleError};
use voting_core::codec::Canonical;
use voting_core::count::{Amount, Outcome, Pairs, Round, Step, Tie, TieBreak};
use voting_core::entry::Entry;
use voting_core::ids::Height;
use voting_core::state::{ElectionState, Position};
use voting_core::tally::ContestReport;
use voting_core::time::Timestamp;

use super::models::{
    CandidateResult, ContestResult, ElectionResult, PairsModel, RoundModel, TieModel, VoteRecord, is_counted, word,
};
use crate::accounts::Role;
use crate::events::{self, Events};
use crate::live::Viewer;
use crate::problem::Problem;
use crate::state::GatewayState;

/// Events in one answer.
const EVENTS_MAX: usize = 1_000;
/// Ballots whose votes are in one answer.
const VOTES_MAX: usize = 1_000;
/// Longest wait for a new event.
const EVENTS_WAIT_MAX: Duration = Duration::from_secs(20);
/// Blocks read at a time for a bundle.
const PAGE: usize = 64;
/// Tries to end a bundle at a block that has its own certificate.
const BUNDLE_TRIES: usize = 20;

pub(crate) struct ResultsApi(pub(super) GatewayState);

#[OpenApi]
impl ResultsApi {
    /// The result
    ///
    /// For those who voted while it runs, for everyone once it is published (or from the beginning, where
    /// the election says so). `final` tells whether the authorities have certified the count. `votes` asks
    /// for the votes of so many ballots beside it, in the order of the ledger; `votes_after` for those that follow.
    #[oai(path = "/elections/:id/results", method = "get", operation_id = "getResults")]
    async fn results(
        &self,
        headers: &HeaderMap,
        id: Path<String>,
        votes: Query<Option<usize>>,
        votes_after: Query<Option<String>>,
    ) -> Result<Json<ElectionResult>, Problem> {
        let election = self.visible(headers, &id, Viewer::sees_results).await?;
        let after = votes_after.as_deref().map(events::parse).transpose()?;
        let mut result = show(&election);
        let limit = votes.unwrap_or(0).min(VOTES_MAX);
        if limit > 0 {
            let walked = self.0.walk(&election, after, limit, |position, at, entry| single(&election, position, at, entry)).await?;
            result.votes = walked.found.into_iter().flatten().collect();
            result.votes_next = Some(events::show(walked.until));
        }
        Ok(Json(result))
    }

    /// What happened
    ///
    /// Events after a position, in ledger order, the same from every gateway. With `wait_ms` the answer
    /// waits for the first new one.
    #[oai(path = "/elections/:id/events", method = "get", operation_id = "listEvents")]
    async fn events(
        &self,
        headers: &HeaderMap,
        id: Path<String>,
        after: Query<Option<String>>,
        limit: Query<Option<usize>>,
        wait_ms: Query<Option<u64>>,
    ) -> Result<Json<Events>, Problem> {
        let caller = self.0.caller(headers).await?;
        let election = self.0.election(&id, caller.is_some_and(|caller| caller.is(Role::Admin)))?;
        let after = after.as_deref().map(events::parse).transpose()?;
        let limit = limit.unwrap_or(EVENTS_MAX).clamp(1, EVENTS_MAX);
        let until = tokio::time::Instant::now() + Duration::from_millis(wait_ms.unwrap_or(0)).min(EVENTS_WAIT_MAX);
        let mut blocks = self.0.backend.replica.subscribe();
        loop {
            let found = self.0.events(&election, after, limit).await?;
            // A lagging subscription still tells that there is something new.
            let waited = tokio::time::timeout_at(until, blocks.recv());
            if !found.events.is_empty() || waited.await.is_err() {
                return Ok(Json(found));
            }
        }
    }

    /// Everything needed to verify the election offline
    ///
    /// A file for `voting verify`: docs/SPEC.md describes every byte. Of an open election for those who may see the result,
    /// which can be counted from it; of a sealed one for everyone.
    #[oai(path = "/elections/:id/bundle", method = "get", operation_id = "getBundle")]
    async fn bundle(&self, headers: &HeaderMap, id: Path<String>) -> Result<Attachment<Body>, Problem> {
        let election = self.visible(headers, &id, Viewer::sees_ballots).await?;
        let bytes = self.write_bundle(&election).await?;
        let name = format!("election-{}.bundle", election.id());
        Ok(Attachment::new(Body::from(bytes)).attachment_type(AttachmentType::Attachment).filename(name))
    }
}

impl ResultsApi {
    /// An election of which the caller may see what is asked for.
    async fn visible(
        &self,
        headers: &HeaderMap,
        id: &str,
        sees: impl Fn(&Viewer, &[u8; 32], &ElectionState) -> bool,
    ) -> Result<Arc<ElectionState>, Problem> {
        let caller = self.0.caller(headers).await?;
        let election = self.0.election(id, false)?;
        if sees(&Viewer::new(caller.map(|caller| caller.account)), &self.0.backend.pseudonym_secret, &election) {
            return Ok(election);
        }
        if election.definition().secrecy.trustees().is_some() && !is_counted(election.phase()) {
            let reason = "ballots are sealed: nobody knows how the election stands before the trustees have decrypted the sums";
            return Err(Problem::forbidden("results_hidden", reason));
        }
        Err(Problem::forbidden(
            "results_hidden",
            "results are shown to those who have voted, and to everyone once they are published",
        ))
    }

    /// A bundle ends at a block with its own certificate; if the last one has none yet, the next will.
    async fn write_bundle(&self, election: &ElectionState) -> Result<Vec<u8>, Problem> {
        let backend = &self.0.backend;
        for _ in 0..BUNDLE_TRIES {
            let state = backend.replica.state();
            let handovers = self.0.handovers(&state).await?;
            let first = election.acts().first().map_or(Height(1), |act| act.position.height);
            let mut writer = BundleWriter::begin(Vec::new(), &backend.genesis, backend.partition, &handovers, election.id())
                .map_err(Problem::internal)?;
            let mut next = first;
            while next <= state.height() {
                let limit = PAGE.min((state.height().0 - next.0 + 1) as usize);
                let blocks = backend.ledger.blocks(next, limit).await.map_err(Problem::internal)?;
                if blocks.is_empty() {
                    return Err(Problem::internal("the ledger ends before the state"));
                }
                for block in &blocks {
                    writer.block(block).map_err(Problem::internal)?;
                    next = block.block.header.height.next();
                }
            }
            match writer.finish(&state) {
                Ok(bytes) => return Ok(bytes),
                Err(WriteBundleError::NotCertified) => {
                    let further = backend.replica.reached(state.height().next());
                    if tokio::time::timeout(Duration::from_millis(500), further).await.is_err() {
                        break;
                    }
                }
                Err(error) => return Err(Problem::internal(error)),
            }
        }
        Err(Problem::unavailable(
            "not_certified_yet",
            "the newest block has no certificate of its own yet; try again",
            Duration::from_secs(1),
        ))
    }
}

/// A ballot's votes, if it is the one of its voter that counts: a vote for each mark.
fn single(election: &ElectionState, position: Position, at: Timestamp, entry: &Entry) -> Option<Vec<VoteRecord>> {
    let Entry::Cast(signed) = entry else { return None };
    let (pseudonym, record) = election.voter_of_key(&signed.ballot.voter)?;
    record.counted.as_ref().filter(|counted| counted.position == position)?;
    let vote = |contest: usize, option: String| VoteRecord {
        election_id: election.id().to_string(),
        candidate_id: format!("{contest}-{option}"),
        timestamp: at.to_string(),
        voter_id: pseudonym.to_string(),
        rank: None,
        score: None,
    };
    let contests = signed.ballot.selections.iter().enumerate();
    let votes = contests.flat_map(|(contest, selection)| match selection {
        Selection::Blank => vec![vote(contest, "blank".to_owned())],
        Selection::Sealed(_) => Vec::new(), // nobody knows
        Selection::Marks(marks) => marks.iter().map(|mark| vote(contest, mark.to_string())).collect(),
        Selection::Scores(scores) => {
            scores.iter().map(|(option, score)| VoteRecord { score: Some(*score), ..vote(contest, option.to_string()) }).collect()
        }
        Selection::Ranking(ranking) => {
            let ranked = (1..).zip(ranking.tiers()).flat_map(|(rank, tier)| tier.options().map(move |option| (rank, option)));
            ranked.map(|(rank, option)| VoteRecord { rank: Some(rank), ..vote(contest, option.to_string()) }).collect()
        }
    });
    Some(votes.collect())
}

/// How an election stands, or its certified result.
pub(crate) fn show(election: &ElectionState) -> ElectionResult {
    let certified = election.report().filter(|_| is_counted(election.phase()));
    let contests: Vec<ContestResult> = match certified {
        Some(report) => {
            let counted = report.contests.iter().zip(election.outcomes()).enumerate();
            counted.map(|(place, (report, outcome))| contest(place, report, Some(outcome))).collect()
        }
        // Nobody is elected before the count is certified.
        None => {
            let tallies = election.tally().map(|tally| tally.0.as_slice()).unwrap_or_default();
            let running = election.definition().contests.iter().zip(tallies).enumerate();
            running.map(|(place, (rules, tally))| contest(place, &ContestReport::running(rules, tally), None)).collect()
        }
    };
    let candidates = contests.iter().flat_map(|contest| &contest.options).map(|option| CandidateResult {
        id: option.id.clone(),
        contest: option.contest,
        name: option.name.clone(),
        votes: option.votes,
        total: option.total.clone(),
        elected: option.elected,
        seats: option.seats,
    });
    ElectionResult {
        election_id: election.id().to_string(),
        candidates: candidates.collect(),
        votes: Vec::new(),
        votes_next: None,
        total_votes: election.voted(),
        phase: election.phase().to_string(),
        is_final: certified.is_some(),
        report: certified.map(|report| report.digest().to_string()),
        lot_seed: certified.map(|report| report.seed.to_string()),
        contests,
    }
}

fn contest(place: usize, report: &ContestReport, outcome: Option<&Outcome>) -> ContestResult {
    let options = report.options.iter().map(|option| CandidateResult {
        id: format!("{place}-{}", option.option),
        contest: place as u16,
        name: option.name.clone(),
        votes: option.votes,
        total: outcome.map(|_| option.total.to_string()),
        elected: option.elected(),
        seats: option.seats,
    });
    ContestResult {
        title: report.title.clone(),
        method: report.method.into(),
        seats: report.seats,
        options: options.collect(),
        ballots: report.counts.ballots,
        weight: report.counts.weight,
        blank: report.counts.blank,
        undervotes: report.counts.undervotes,
        decided_by_lot: report.decided_by_lot.clone(),
        rounds: outcome.iter().flat_map(|outcome| &outcome.rounds).map(round).collect(),
        pairs: outcome.and_then(|outcome| Some(pairs_model(outcome.pairs.as_ref()?, outcome.seats.len()))),
        ties: outcome.iter().flat_map(|outcome| &outcome.ties).map(tie).collect(),
        verdict: report.verdict.as_ref().and_then(|verdict| serde_json::to_value(verdict).ok()),
    }
}

fn round(round: &Round) -> RoundModel {
    let (step, options, value, divisor) = match &round.step {
        Step::First => ("first", Vec::new(), None, None),
        Step::Surplus { option, value } => ("surplus", vec![*option], Some(value.to_string()), None),
        Step::Exclude { options } => ("exclude", options.clone(), None, None),
        Step::Adjust => ("adjust", Vec::new(), None, None),
        Step::Fill => ("fill", Vec::new(), None, None),
        Step::Seat { option, divisor, .. } => ("seat", vec![*option], None, Some(*divisor)),
    };
    RoundModel {
        step: step.to_owned(),
        options,
        value,
        divisor,
        votes: round.votes.iter().map(Amount::to_string).collect(),
        exhausted: round.exhausted.to_string(),
        lost: round.lost.to_string(),
        quota: round.quota.as_ref().map(Amount::to_string),
        keep: round.keep.iter().map(Amount::to_string).collect(),
        elected: round.elected.clone(),
    }
}

fn tie(tie: &Tie) -> TieModel {
    let (by, decided_in) = match tie.by {
        TieBreak::EarlierRound(round) => ("earlier-round", Some(round)),
        TieBreak::Lot => ("lot", None),
    };
    TieModel {
        round: tie.round,
        purpose: word(tie.purpose),
        options: tie.options.clone(),
        picked: tie.picked.clone(),
        by: by.to_owned(),
        decided_in,
    }
}

fn pairs_model(pairs: &Pairs, options: usize) -> PairsModel {
    let rows = |cells: &[u64]| cells.chunks(options.max(1)).map(<[u64]>::to_vec).collect();
    PairsModel {
        preferences: rows(&pairs.preferences),
        paths: rows(&pairs.paths),
        locked: pairs.locked.iter().map(|(winner, loser)| vec![*winner, *loser]).collect(),
    }
}
