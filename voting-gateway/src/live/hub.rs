//! Reads the finalized blocks in order and makes frames of them, each once for all who want it.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, OnceLock};

use poem_openapi::types::ToJSON as _;
use serde_json::Value;
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio::time::Instant;
use tracing::debug;
use voting_cluster::{Committed, Replica};
use voting_core::election::Phase;
use voting_core::entry::{Act, Entry};
use voting_core::ids::{BallotHash, Height, Pseudonym};
use voting_core::seams::Ledger;
use voting_core::state::{Applied, ElectionState, LedgerState, Position};
use voting_core::time::Timestamp;

use super::channel::{Aspect, Channel};
use super::frame::{self, LiveError};
use super::news::{self, NOWHERE};
use super::topic::Topic;
use super::viewer::Viewer;
use crate::events::{self, BallotEvent};
use crate::network;
use crate::roll;
use crate::state::is_visible;

/// Frames that may wait for one client.
pub(super) const QUEUE: usize = 64;
/// Channels of one client.
pub(super) const MAX_CHANNELS: usize = 32;
/// Requests of connections that may wait for the hub.
pub(super) const COMMANDS: usize = 1_024;

/// A client of this gateway.
pub(super) type ClientId = u64;

/// Why the hub lets a client go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Farewell {
    /// It does not take its frames.
    Slow,
    /// The gateway stops.
    Stopping,
}

/// Where the hub puts a client's frames; what it leaves behind when it lets the client go.
#[derive(Debug)]
pub(super) struct Outbox {
    pub(super) frames: mpsc::Sender<Arc<str>>,
    pub(super) farewell: Arc<OnceLock<Farewell>>,
}

/// What a connection asks of the hub.
pub(super) enum Command {
    Enter {
        viewer: Viewer,
        outbox: Outbox,
        reply: oneshot::Sender<ClientId>,
    },
    Subscribe {
        client: ClientId,
        channel: Channel,
        /// How things are, for a channel that does not follow from the ledger.
        looked_up: Option<Value>,
        reply: oneshot::Sender<Result<Beginning, LiveError>>,
    },
    Unsubscribe {
        client: ClientId,
        channel: Channel,
    },
    Leave {
        client: ClientId,
    },
    /// How the network is.
    Network(Value),
    /// How far ballots on their way are.
    Ballots(Vec<(BallotHash, Value)>),
}

/// Where a subscription begins: frames from after `position` on come by themselves.
#[derive(Debug)]
pub(super) struct Beginning {
    pub(super) position: Position,
    pub(super) snapshot: Value,
}

struct Client {
    outbox: Outbox,
    viewer: Viewer,
    channels: HashSet<Channel>,
}

/// What somebody wants to know that does not follow from the ledger.
#[derive(Debug)]
struct Wanted {
    network: watch::Sender<bool>,
    ballots: watch::Sender<BTreeSet<BallotHash>>,
}

/// What others find out for the hub, while somebody wants to know.
pub(super) struct Questions {
    pub(super) network: watch::Receiver<bool>,
    pub(super) ballots: watch::Receiver<BTreeSet<BallotHash>>,
}

/// The hub's own world; nobody else touches it.
pub(super) struct Hub {
    secret: [u8; 32],
    clients: HashMap<ClientId, Client>,
    next_client: ClientId,
    topics: HashMap<Channel, Topic>,
    /// Whose votes somebody wants to hear of: pseudonyms of the accounts with a `me` channel.
    accounts: HashMap<Pseudonym, String>,
    state: LedgerState,
    head: Position,
    /// Counts what is sent of that which has no places in the ledger.
    unplaced: u32,
    wanted: Wanted,
    newest: Option<Arc<Committed>>,
}

impl Hub {
    pub(super) fn new(secret: [u8; 32], state: LedgerState) -> (Self, Questions) {
        let wanted = Wanted { network: watch::Sender::new(false), ballots: watch::Sender::default() };
        let questions = Questions { network: wanted.network.subscribe(), ballots: wanted.ballots.subscribe() };
        let hub = Self {
            secret,
            clients: HashMap::new(),
            next_client: 0,
            topics: HashMap::new(),
            accounts: HashMap::new(),
            state,
            head: NOWHERE,
            unplaced: 0,
            wanted,
            newest: None,
        };
        (hub, questions)
    }

    /// Runs until nobody can ask any more, or until told to stop.
    pub(super) async fn run(
        mut self,
        replica: Arc<Replica>,
        ledger: Arc<dyn Ledger>,
        mut commands: mpsc::Receiver<Command>,
        mut stop: watch::Receiver<bool>,
    ) {
        let mut blocks = replica.subscribe();
        self.start_from(&replica, ledger.as_ref()).await;
        loop {
            let due = self.next_due();
            tokio::select! {
                biased;
                () = async { let _ = stop.wait_for(|stop| *stop).await; } => break,
                block = blocks.recv() => match block {
                    Ok(committed) => self.block(committed),
                    Err(broadcast::error::RecvError::Lagged(missed)) => {
                        debug!(missed, "live updates start anew");
                        self.start_from(&replica, ledger.as_ref()).await;
                        self.start_anew();
                    }
                    Err(broadcast::error::RecvError::Closed) => break,
                },
                command = commands.recv() => match command {
                    Some(command) => self.command(command),
                    None => return,
                },
                () = sleep_until(due) => {}
            }
            self.flush_due(Instant::now());
        }
        for client in self.clients.into_values() {
            let _ = client.outbox.farewell.set(Farewell::Stopping); // it may have been set already
        }
    }

    /// Takes the replica's state as it is, and finds out what its last block ends with.
    async fn start_from(&mut self, replica: &Replica, ledger: &dyn Ledger) {
        self.state = replica.state();
        let height = self.state.height();
        self.newest = replica.recent(height);
        let entries = match &self.newest {
            Some(committed) => Some(committed.block.block.header.entries),
            None => ledger.block(height).await.ok().flatten().map(|finalized| finalized.block.header.entries),
        };
        // A block that cannot be read now ends at its highest possible place: nothing of it is sent twice.
        let index = if height == Height(0) { 0 } else { entries.map_or(u32::MAX, |entries| entries.saturating_sub(1)) };
        self.head = Position { height, index };
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::Enter { viewer, outbox, reply } => {
                self.next_client += 1;
                let client = self.next_client;
                self.clients.insert(client, Client { outbox, viewer, channels: HashSet::new() });
                if reply.send(client).is_err() {
                    self.leave(client); // gone before it was in
                }
            }
            Command::Subscribe { client, channel, looked_up, reply } => {
                let _ = reply.send(self.subscribe(client, channel, looked_up)); // it may be gone
            }
            Command::Unsubscribe { client, channel } => self.unsubscribe(client, &channel),
            Command::Leave { client } => self.leave(client),
            Command::Network(status) => self.emit_unplaced(&Channel::Network, "network", &status),
            Command::Ballots(ballots) => ballots.into_iter().for_each(|(hash, progress)| self.progress(hash, progress)),
        }
    }

    fn subscribe(&mut self, id: ClientId, channel: Channel, looked_up: Option<Value>) -> Result<Beginning, LiveError> {
        // What waits to be sent is in the snapshot: it goes to those who were there before.
        self.flush(&channel, Instant::now());
        let client = self.clients.get_mut(&id).ok_or_else(|| LiveError::for_now("unavailable", "connect again"))?;
        if client.channels.len() >= MAX_CHANNELS && !client.channels.contains(&channel) {
            return Err(LiveError::new("too_many_subscriptions", format!("a connection has at most {MAX_CHANNELS} channels")));
        }
        let snapshot = match &channel {
            Channel::Elections { .. } => news::elections(&self.state, &client.viewer),
            Channel::Election(election, aspect) => {
                let election = self.state.election(*election).filter(|election| client.viewer.sees(election));
                let election = election.ok_or_else(|| LiveError::new("unknown_election", "there is no such election"))?;
                match aspect {
                    Aspect::Status => news::status(election),
                    Aspect::Turnout => news::turnout(election, self.state.timestamp()),
                    Aspect::Results if client.viewer.sees_results(&self.secret, election) => news::result(election),
                    Aspect::Results => {
                        let detail = "results are shown to those who have voted, and to everyone once they are published";
                        return Err(LiveError::for_now("results_hidden", detail));
                    }
                    Aspect::Board => serde_json::json!({"total": election.ballots()}),
                }
            }
            Channel::Me(_) => match client.viewer.account() {
                Some(account) => news::own_votes(&self.state, &self.secret, &account.email),
                None => return Err(LiveError::new("not_signed_in", "sign in first")),
            },
            Channel::Ballot(_) => {
                let told = self.topics.get(&channel).and_then(|topic| topic.told.clone());
                told.or(looked_up).unwrap_or_default()
            }
            Channel::Network => looked_up.unwrap_or_default(),
        };
        client.channels.insert(channel.clone());
        if let (Channel::Me(id), Some(account)) = (&channel, client.viewer.account()) {
            let (id, email) = (id.clone(), account.email.clone());
            self.listen_for(&id, &email);
        }
        match &channel {
            Channel::Network => drop(self.wanted.network.send_replace(true)),
            Channel::Ballot(hash) => drop(self.wanted.ballots.send_if_modified(|wanted| wanted.insert(*hash))),
            Channel::Elections { .. } | Channel::Election(..) | Channel::Me(_) => {}
        }
        let position = if channel.is_ledger() { self.head } else { self.unplaced_position() };
        let topic = self.topics.entry(channel).or_insert_with_key(|channel| {
            let told = matches!(channel, Channel::Ballot(_)).then(|| snapshot.clone());
            Topic::new(position, told)
        });
        topic.subscribers.insert(id);
        Ok(Beginning { position, snapshot })
    }

    /// Notes an account's pseudonyms, one for each election.
    fn listen_for(&mut self, id: &str, email: &str) {
        for election in self.state.elections() {
            self.accounts.insert(roll::pseudonym(&self.secret, election.id(), email), id.to_owned());
        }
    }

    fn unsubscribe(&mut self, id: ClientId, channel: &Channel) {
        if let Some(client) = self.clients.get_mut(&id) {
            client.channels.remove(channel);
        }
        let is_left = self.topics.get_mut(channel).is_some_and(|topic| {
            topic.subscribers.remove(&id);
            topic.subscribers.is_empty()
        });
        if !is_left {
            return;
        }
        self.topics.remove(channel);
        match channel {
            Channel::Network => drop(self.wanted.network.send_replace(false)),
            Channel::Ballot(hash) => drop(self.wanted.ballots.send_if_modified(|wanted| wanted.remove(hash))),
            Channel::Me(account) => self.accounts.retain(|_, id| id != account),
            Channel::Elections { .. } | Channel::Election(..) => {}
        }
    }

    fn leave(&mut self, id: ClientId) {
        let channels = self.clients.get(&id).map(|client| client.channels.clone()).unwrap_or_default();
        for channel in &channels {
            self.unsubscribe(id, channel);
        }
        self.clients.remove(&id);
    }

    /// A block became final: notes what has changed, and sends what does not wait.
    fn block(&mut self, committed: Arc<Committed>) {
        let header = &committed.block.block.header;
        if header.height <= self.state.height() {
            return; // already in what we started from
        }
        self.state = committed.state.clone();
        let at = header.timestamp;
        let height = header.height;
        self.head = Position { height, index: header.entries.saturating_sub(1) };
        for ((index, entry), applied) in (0u32..).zip(committed.entries.iter()).zip(committed.applied.iter()) {
            let position = Position { height, index };
            let Some(election) = entry.entry().election().and_then(|id| self.state.election(id).cloned()) else { continue };
            match entry.entry() {
                Entry::Cast(_) => self.ballot(&election, applied, position, at),
                Entry::Certify(certification) => {
                    let voters = &certification.content.voters;
                    let data = news::certified(&election, position, at, voters.len());
                    self.send(&Channel::Election(election.id(), Aspect::Status), position, "certified", &data);
                    let own: HashSet<String> =
                        voters.iter().filter_map(|voter| self.accounts.get(&voter.pseudonym).cloned()).collect();
                    for account in own {
                        let data = news::certified(&election, position, at, 1);
                        self.send(&Channel::Me(account), position, "certified", &data);
                    }
                }
                Entry::Act(act) => self.act(&election, &act.content.act, position, at),
                Entry::Trustee(_) => {
                    let data = news::status(&election);
                    self.send(&Channel::Election(election.id(), Aspect::Status), position, "status", &data);
                }
                Entry::Challenge(_) | Entry::Prefer(_) | Entry::Change(_) | Entry::Accuse(_) => {}
            }
        }
        self.newest = Some(committed);
        if let Some(topic) = self.topics.get_mut(&Channel::Network) {
            topic.pending.block = true;
        }
    }

    fn ballot(&mut self, election: &Arc<ElectionState>, applied: &Applied, position: Position, at: Timestamp) {
        let Applied::Cast { voter, ballot, .. } = applied else { return };
        self.touch(election, position);
        if let Some(topic) = self.topics.get_mut(&Channel::Election(election.id(), Aspect::Board)) {
            topic.pending.ballots.push((position, BallotEvent::new(position, at, *ballot)));
        }
        if let Some(account) = self.accounts.get(voter).cloned() {
            let data = news::own_vote(election, position, at, *ballot);
            self.send(&Channel::Me(account), position, "voted", &data);
        }
    }

    /// An election's figures have changed.
    fn touch(&mut self, election: &ElectionState, position: Position) {
        let id = election.id();
        let lists = [true, false].into_iter().filter(|drafts| is_visible(election.phase(), *drafts));
        let lists = lists.map(|drafts| Channel::Elections { drafts });
        let own = [Aspect::Turnout, Aspect::Results].map(|aspect| Channel::Election(id, aspect));
        for channel in lists.chain(own) {
            if let Some(topic) = self.topics.get_mut(&channel) {
                topic.pending.figures.insert(id, position);
            }
        }
    }

    fn act(&mut self, election: &Arc<ElectionState>, act: &Act, position: Position, at: Timestamp) {
        let id = election.id();
        let Some(phase) = events::phase_after(act) else {
            self.touch(election, position); // the size of the roll
            return;
        };
        let data = news::phase(election, phase, position, at);
        if matches!(act, Act::Define(_)) {
            let own: Vec<_> = self.clients.values().filter_map(|client| client.viewer.account()).cloned().collect();
            for account in own.iter().filter(|account| self.topics.contains_key(&Channel::Me(account.id.clone()))) {
                self.accounts.insert(roll::pseudonym(&self.secret, id, &account.email), account.id.clone());
            }
        }
        for drafts in [true, false] {
            if is_visible(phase, drafts) {
                self.send(&Channel::Elections { drafts }, position, "phase", &data);
            }
        }
        self.send(&Channel::Election(id, Aspect::Status), position, "phase", &data);
        if matches!(act, Act::Tally { .. } | Act::Advance { to: Phase::Published }) {
            self.send(&Channel::Election(id, Aspect::Results), position, "result", &news::result(election));
        }
    }

    /// Sends what does not wait for other changes. What has waited goes before it, so that positions only rise.
    fn send(&mut self, channel: &Channel, position: Position, kind: &str, data: &Value) {
        if !self.topics.contains_key(channel) {
            return;
        }
        self.flush(channel, Instant::now());
        self.emit(channel, position, kind, data);
    }

    fn next_due(&self) -> Option<Instant> {
        let now = Instant::now();
        self.topics.values().filter_map(|topic| topic.due(now)).min()
    }

    fn flush_due(&mut self, now: Instant) {
        let is_due = |topic: &Topic| topic.due(now).is_some_and(|due| due <= now);
        let due: Vec<Channel> = self.topics.iter().filter(|(_, topic)| is_due(topic)).map(|(channel, _)| channel.clone()).collect();
        for channel in &due {
            self.flush(channel, now);
        }
    }

    /// Sends what has waited in a channel.
    fn flush(&mut self, channel: &Channel, now: Instant) {
        let Some(topic) = self.topics.get_mut(channel) else { return };
        if topic.due(now).is_none() {
            return;
        }
        let pending = topic.take(now);
        if let (Channel::Election(id, _), Some((last, _))) = (channel, pending.ballots.last()) {
            let total = self.state.election(*id).map_or(0, |election| election.ballots());
            let (last, items) = (*last, news::ballots(pending.ballots.iter().map(|(_, ballot)| ballot)));
            self.emit(channel, last, "ballots", &serde_json::json!({"total": total, "ballots": items}));
        }
        let mut figures: Vec<_> = pending.figures.into_iter().collect();
        figures.sort_unstable_by_key(|(_, position)| *position);
        for (id, position) in figures {
            let Some(election) = self.state.election(id).cloned() else { continue };
            if *channel == Channel::Election(id, Aspect::Results) {
                self.emit(channel, position, "tally", &news::tally(&election, self.state.timestamp()));
            } else {
                self.emit(channel, position, "turnout", &news::turnout(&election, self.state.timestamp()));
            }
        }
        if pending.block
            && let Some(newest) = &self.newest
        {
            let block = network::block(newest).to_json().unwrap_or_default();
            self.emit_unplaced(&Channel::Network, "block", &block);
        }
    }

    fn unplaced_position(&self) -> Position {
        Position { height: self.head.height, index: self.unplaced }
    }

    fn progress(&mut self, ballot: BallotHash, progress: Value) {
        let channel = Channel::Ballot(ballot);
        let Some(topic) = self.topics.get_mut(&channel) else { return };
        if topic.told.as_ref() != Some(&progress) {
            topic.told = Some(progress.clone());
            self.emit_unplaced(&channel, "progress", &progress);
        }
    }

    fn emit_unplaced(&mut self, channel: &Channel, kind: &str, data: &Value) {
        self.unplaced = self.unplaced.wrapping_add(1);
        self.emit(channel, self.unplaced_position(), kind, data);
    }

    /// Makes a frame and hands it to all who follow a channel and may see what is in it.
    fn emit(&mut self, channel: &Channel, position: Position, kind: &str, data: &Value) {
        let Some(topic) = self.topics.get_mut(channel) else { return };
        if position <= topic.sent {
            return; // it was in the snapshot that the topic began with
        }
        let text: Arc<str> = frame::event(&channel.to_string(), topic.sent, position, kind, data).into();
        topic.sent = position;
        let subscribers: Vec<ClientId> = topic.subscribers.iter().copied().collect();
        for id in subscribers {
            self.hand_over(id, channel, &text);
        }
    }

    fn hand_over(&mut self, id: ClientId, channel: &Channel, text: &Arc<str>) {
        let Some(client) = self.clients.get(&id) else { return };
        if !may_see(&self.state, &self.secret, &client.viewer, channel) {
            return self.unsubscribe(id, channel);
        }
        match client.outbox.frames.try_send(Arc::clone(text)) {
            Ok(()) => {}
            Err(mpsc::error::TrySendError::Full(_)) => {
                let _ = client.outbox.farewell.set(Farewell::Slow); // once is enough
                metrics::counter!("live_clients_too_slow_total").increment(1);
                self.leave(id);
            }
            Err(mpsc::error::TrySendError::Closed(_)) => self.leave(id),
        }
    }

    /// After a gap of our own: every follower gets its channels as they are now.
    fn start_anew(&mut self) {
        let channels: Vec<Channel> = self.topics.keys().filter(|channel| channel.is_ledger()).cloned().collect();
        for channel in channels {
            let Some(topic) = self.topics.remove(&channel) else { continue };
            for id in topic.subscribers {
                let beginning = self.subscribe(id, channel.clone(), None);
                let Ok(Beginning { position, snapshot }) = beginning else { continue };
                let name = channel.to_string();
                self.hand_over(id, &channel, &frame::reset(&name).into());
                self.hand_over(id, &channel, &frame::snapshot(&name, position, snapshot).into());
            }
        }
    }
}

/// Rights can end: they are looked at with every frame.
fn may_see(state: &LedgerState, secret: &[u8; 32], viewer: &Viewer, channel: &Channel) -> bool {
    match channel {
        Channel::Election(id, aspect) => state
            .election(*id)
            .is_some_and(|election| viewer.sees(election) && (*aspect != Aspect::Results || viewer.sees_results(secret, election))),
        Channel::Elections { drafts } => !drafts || viewer.sees_drafts(),
        Channel::Me(id) => viewer.account().is_some_and(|account| account.id == *id),
        Channel::Ballot(_) | Channel::Network => true,
    }
}

async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
#[path = "hub_tests.rs"]
mod tests;
