//! What happened in an election, read from finalized blocks: the same for every client of every gateway.

use poem_openapi::{Object, Union};
use voting_core::codec::Canonical;
use voting_core::election::Phase;
use voting_core::entry::{Act, Entry};
use voting_core::ids::{BallotHash, Height};
use voting_core::state::{ElectionState, Position};
use voting_core::time::Timestamp;

use crate::problem::Problem;
use crate::state::GatewayState;

/// Blocks read for one answer, so that one request does not read a whole ledger.
pub(crate) const MAX_BLOCKS: u64 = 2_000;
const PAGE: usize = 64;

/// The election entered a phase.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
pub(crate) struct PhaseEvent {
    /// Place in the ledger: `height.index`.
    pub position: String,
    /// When.
    pub at: String,
    /// The phase entered.
    pub phase: String,
}

/// Voters' keys were certified.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
pub(crate) struct CertifiedEvent {
    /// Place in the ledger: `height.index`.
    pub position: String,
    /// When.
    pub at: String,
    /// How many.
    pub count: u32,
}

/// A ballot was recorded.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
pub(crate) struct BallotEvent {
    /// Place in the ledger: `height.index`.
    pub position: String,
    /// When.
    pub at: String,
    /// The ballot.
    pub ballot_hash: String,
    /// Its code.
    pub code: String,
}

impl BallotEvent {
    pub(crate) fn new(position: Position, at: Timestamp, hash: BallotHash) -> Self {
        Self { position: show(position), at: at.to_string(), ballot_hash: hash.to_string(), code: hash.code() }
    }
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq, Union)]
#[oai(one_of = true, discriminator_name = "type")]
pub(crate) enum Event {
    /// A change of phase.
    #[oai(mapping = "phase")]
    Phase(PhaseEvent),
    /// Keys certified.
    #[oai(mapping = "certified")]
    Certified(CertifiedEvent),
    /// A ballot recorded.
    #[oai(mapping = "ballot")]
    Ballot(BallotEvent),
}

/// Events in order, and where to go on.
#[derive(Debug, Clone, Object)]
pub(crate) struct Events {
    /// The events.
    pub events: Vec<Event>,
    /// Give this as `after` to get what follows.
    pub next: String,
}

pub(crate) fn show(position: Position) -> String {
    format!("{}.{}", position.height, position.index)
}

/// Reads a cursor `height.index`.
pub(crate) fn parse(text: &str) -> Result<Position, Problem> {
    let wrong = || {
        Problem::bad_request(
            "invalid_cursor",
            format!("`{}` is not a position: write HEIGHT.INDEX", text.chars().take(40).collect::<String>()),
        )
    };
    let (height, index) = text.split_once('.').ok_or_else(wrong)?;
    Ok(Position { height: Height(height.parse().map_err(|_| wrong())?), index: index.parse().map_err(|_| wrong())? })
}

/// What a reader of the ledger found, and how far it came.
pub(crate) struct Walked<T> {
    pub(crate) found: Vec<T>,
    /// Everything up to here is in `found`.
    pub(crate) until: Position,
}

impl GatewayState {
    /// Entries of an election after a position, as `pick` shows them, at most `limit`. One walk reads a bounded part of
    /// the ledger, so that it may end with fewer although there are more.
    pub(crate) async fn walk<T>(
        &self,
        election: &ElectionState,
        after: Option<Position>,
        limit: usize,
        pick: impl Fn(Position, Timestamp, &Entry) -> Option<T>,
    ) -> Result<Walked<T>, Problem> {
        let head = self.backend.replica.state().height();
        let first = election.acts().first().map_or(Height(1), |act| act.position.height);
        let mut height = after.map_or(first, |after| after.height.max(first));
        let mut walked = Walked { found: Vec::new(), until: after.unwrap_or(Position { height: Height(0), index: 0 }) };
        let last = Height(height.0.saturating_add(MAX_BLOCKS)).min(head);
        while height <= last {
            let blocks = self.backend.ledger.blocks(height, PAGE).await.map_err(Problem::internal)?;
            if blocks.is_empty() {
                break;
            }
            for finalized in blocks.into_iter().filter(|finalized| finalized.block.header.height <= last) {
                let header = &finalized.block.header;
                height = header.height.next();
                for (index, bytes) in (0u32..).zip(&finalized.block.entries) {
                    let position = Position { height: header.height, index };
                    if after.is_some_and(|after| position <= after) {
                        continue;
                    }
                    let entry = Entry::from_canonical(bytes.as_slice()).map_err(Problem::internal)?;
                    let picked =
                        if entry.election() == Some(election.id()) { pick(position, header.timestamp, &entry) } else { None };
                    if picked.is_some() && walked.found.len() >= limit {
                        return Ok(walked);
                    }
                    walked.found.extend(picked);
                    walked.until = position;
                }
            }
        }
        Ok(walked)
    }

    /// Events of an election after a position, at most `limit`.
    pub(crate) async fn events(&self, election: &ElectionState, after: Option<Position>, limit: usize) -> Result<Events, Problem> {
        let Walked { found, until } = self.walk(election, after, limit, event).await?;
        Ok(Events { events: found, next: show(until) })
    }
}

/// The phase that an act leads to, if it is about phases.
pub(crate) const fn phase_after(act: &Act) -> Option<Phase> {
    match act {
        Act::Define(_) => Some(Phase::Draft),
        Act::Advance { to } => Some(*to),
        Act::Tally { .. } => Some(Phase::Tallied),
        Act::Cancel { .. } => Some(Phase::Cancelled),
        Act::SetRoll { .. } | Act::CloseCeremonyPhase | Act::FreezeRoll => None,
    }
}

fn event(position: Position, at: Timestamp, entry: &Entry) -> Option<Event> {
    Some(match entry {
        Entry::Cast(ballot) => Event::Ballot(BallotEvent::new(position, at, ballot.hash())),
        Entry::Certify(certification) => {
            let count = certification.content.voters.len() as u32;
            Event::Certified(CertifiedEvent { position: show(position), at: at.to_string(), count })
        }
        Entry::Act(act) => {
            let phase = phase_after(&act.content.act)?.to_string();
            Event::Phase(PhaseEvent { position: show(position), at: at.to_string(), phase })
        }
        Entry::Trustee(_) | Entry::Challenge(_) | Entry::Prefer(_) | Entry::Change(_) | Entry::Accuse(_) => return None,
    })
}
